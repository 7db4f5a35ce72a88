//! The daemon and Linux: interfaces that come and go, addresses that others touch, crashes, lost news.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::time::Duration;

use bed::{GLOBAL, SECOND, VIP, entered, gives_up, instance, ip, ip_run, one, plug_new, says, takes};
use lab::{Daemon, Lab, Stamp, netlink, node, os, wait_until};

/// Whether it only waits: a descriptor that is ready for ever, or a deadline in the past, would show.
fn is_idle(daemon: &mut Daemon<'_>) {
    let pid = daemon.process().id();
    let before = bed::ticks(pid);
    std::thread::sleep(SECOND / 2);
    let used = bed::ticks(pid) - before;
    assert!(used < 10, "{used} ticks of 50:\n{}", daemon.log());
}

#[test]
fn an_interface_is_absent_comes_goes_and_comes_back() {
    let lab = Lab::new(&["a", "b"]);
    ip_run(lab.node("a"), "link del eth0");
    let mut a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    says(&a, "Startup complete");
    assert_eq!(entered(&a.log()), ["one FAULT"]);
    for round in 1..=2 {
        plug_new(&lab, "a", 1);
        takes(&a, VIP);
        let packets = lab.observe();
        let heard = packets.wait(Stamp::now(), SECOND, |packet| packet.node == "a" && packet.advert().is_some());
        assert!(heard.is_some(), "round {round}:\n{}", a.log());
        ip_run(lab.node("a"), "link del eth0");
        let faults = |log: &str| entered(log).iter().filter(|state| *state == "one FAULT").count();
        assert!(wait_until(5 * SECOND, || faults(&a.log()) == round + 1), "{}", a.log());
    }
    let states = entered(&a.log());
    assert_eq!(states[1..4], ["one BACKUP", "one MASTER", "one FAULT"], "{}", a.log());
    assert!(!a.log().contains("somebody else") && !a.log().contains("refuses"), "{}", a.log());
    is_idle(&mut a);
}

#[test]
fn a_renamed_interface_is_another_one() {
    let lab = Lab::new(&["a"]);
    lab.add_address("a", "eth0", "fe80::1/64");
    let conf = format!("{}{}", one(200), instance("six", 51, 200, "fe80::99", ""));
    let a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    takes(&a, VIP);
    takes(&a, "fe80::99");
    ip_run(lab.node("a"), "link set eth0 name lan0");
    says(&a, "(six) Entering FAULT STATE");
    gives_up(&a, VIP);
    gives_up(&a, "fe80::99");
    assert!(lab.node("a").has(Lab::address4(0, 1).into()), "only what is ours is removed");
    // The kernel does not tell of IPv6 addresses again when the name comes back.
    ip_run(lab.node("a"), "link set lan0 name eth0");
    takes(&a, VIP);
    takes(&a, "fe80::99");
}

#[test]
fn an_interface_goes_down_and_up() {
    let lab = Lab::new(&["a"]);
    let a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    ip_run(lab.node("a"), "link set eth0 down");
    says(&a, "Entering FAULT STATE");
    gives_up(&a, VIP);
    ip_run(lab.node("a"), "link set eth0 up");
    takes(&a, VIP);
    assert_eq!(entered(&a.log())[1..], ["one MASTER", "one FAULT", "one BACKUP", "one MASTER"]);
}

#[test]
fn the_source_address_goes_and_another_comes() {
    let lab = Lab::new(&["a"]);
    let packets = lab.observe();
    let a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    // A second one takes over without a word.
    lab.add_address("a", "eth0", "10.99.0.77/24");
    lab.remove_address("a", "eth0", "10.99.0.1/16");
    let now = Stamp::now();
    let from = |source: &str| {
        let source = ip(source);
        packets.wait(now, 3 * SECOND, |packet| packet.advert().is_some_and(|advert| advert.source == source))
    };
    assert!(from("10.99.0.77").is_some(), "{}", a.log());
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"]);
    lab.remove_address("a", "eth0", "10.99.0.77/24");
    says(&a, "Entering FAULT STATE");
    gives_up(&a, VIP);
    lab.add_address("a", "eth0", "10.99.0.78/16");
    takes(&a, VIP);
    assert!(from("10.99.0.78").is_some(), "{}", a.log());
}

#[test]
fn a_source_is_found_among_many_addresses() {
    let lab = Lab::new(&["a"]);
    let vips: Vec<String> = (1..=40).map(|last| format!("10.99.1.{last}")).collect();
    let a =
        Daemon::holdfast(lab.node("a"), &format!("{GLOBAL}{}", instance("one", 51, 200, &vips.join("\n"), "")), &[]);
    vips.iter().for_each(|vip| takes(&a, vip));
    lab.add_address("a", "eth0", "10.99.0.77/24");
    lab.remove_address("a", "eth0", "10.99.0.1/16");
    std::thread::sleep(SECOND / 2);
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"], "{}", a.log());
}

#[test]
fn an_address_that_somebody_removes_is_put_back_at_once() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    let b = Daemon::holdfast(lab.node("b"), &one(100), &[]);
    says(&b, "Entering BACKUP STATE");
    let start = Stamp::now();
    let mut spans = Vec::new();
    for _ in 0..7 {
        let before = Stamp::now();
        lab.remove_address("a", "eth0", "10.99.1.1/32");
        let went = addresses.wait_went("a", ip(VIP), before, SECOND).expect("it goes");
        let came = addresses.wait_came("a", ip(VIP), went, SECOND).expect("it comes back");
        spans.push(came - went);
    }
    spans.sort_unstable();
    assert!(spans[3] < Duration::from_millis(50), "{spans:?}");
    says(&a, "was removed by somebody else: putting it back");
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"]);
    assert_eq!(entered(&b.log()), ["one BACKUP"]);
    let adverts = packets.adverts("a");
    assert!(adverts.iter().all(|(at, advert)| *at < start || advert.priority == 200), "an election");
}

#[test]
fn options_of_addresses_reach_the_kernel() {
    let lab = Lab::with_networks(&["a"], 2);
    let v4 = "10.99.1.1/24 brd 10.99.1.255 dev eth0 label eth0:vip\n10.98.2.1/32 dev eth1\n10.99.3.1/24 scope link\n\
              10.99.4.1 peer 10.99.4.2/32\n10.99.5.1/24 noprefixroute\n10.99.6.1/24 brd +\n10.99.7.1/25 preferred_lft 0\n\
              10.99.8.1/24";
    let v6 = "fe80::99:1\nfd99:1::1/64 home -nodad mngtmpaddr\nfd99:2::1\nfd99:3::1/128 preferred_lft forever\n\
              fd99:4::1/64 noprefixroute";
    // A link-local address of the interface's own, to send from.
    lab.add_address("a", "eth0", "fe80::1/64");
    let conf = format!("{GLOBAL}{}{}", instance("four", 51, 200, v4, ""), instance("six", 51, 200, v6, ""));
    let a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    takes(&a, "10.99.8.1");
    takes(&a, "fd99:4::1");
    let text = ip_run(lab.node("a"), "-o addr show");
    // Spaces as the tool has them are of no interest.
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let line = |address: &str| lines.iter().find(|line| line.contains(&format!(" {address} "))).cloned();
    let expected = [
        ("10.99.1.1/24", "eth0 inet 10.99.1.1/24 brd 10.99.1.255 scope global eth0:vip"),
        ("10.98.2.1/32", "eth1 inet 10.98.2.1/32 scope global eth1"),
        ("10.99.3.1/24", "eth0 inet 10.99.3.1/24 scope link eth0"),
        ("10.99.4.1", "eth0 inet 10.99.4.1 peer 10.99.4.2/32 scope global eth0"),
        ("10.99.5.1/24", "eth0 inet 10.99.5.1/24 scope global noprefixroute eth0"),
        ("10.99.6.1/24", "eth0 inet 10.99.6.1/24 brd 10.99.6.255 scope global eth0"),
        ("10.99.7.1/25", "eth0 inet 10.99.7.1/25 scope global deprecated eth0"),
        ("10.99.8.1/24", "eth0 inet 10.99.8.1/24 scope global eth0"),
        ("fe80::99:1/128", "eth0 inet6 fe80::99:1/128 scope link deprecated nodad"),
        ("fd99:1::1/64", "eth0 inet6 fd99:1::1/64 scope global home nodad mngtmpaddr"),
        ("fd99:2::1/128", "eth0 inet6 fd99:2::1/128 scope global deprecated nodad"),
        ("fd99:3::1/128", "eth0 inet6 fd99:3::1/128 scope global nodad"),
        ("fd99:4::1/64", "eth0 inet6 fd99:4::1/64 scope global nodad noprefixroute"),
    ];
    for (address, wanted) in expected {
        let found = line(address).unwrap_or_else(|| panic!("no {address}:\n{text}{}", a.log()));
        let shown = found.split_once(": ").map_or("", |(_, rest)| rest);
        assert!(same_words(shown, wanted), "{address}: {shown}, wanted {wanted}");
    }
    let off: Vec<_> = marks(&lab).into_iter().filter(|(ip, mark)| expected_mark(&expected, ip) != *mark).collect();
    assert!(off.is_empty(), "{off:?}");
}

/// Whether the line of `ip` says what is wanted, flags in any order, and no other flag.
fn same_words(shown: &str, wanted: &str) -> bool {
    let until_lifetimes = |text: &str| {
        let text = text.split(" valid_lft").next().unwrap_or("").replace('\\', " ");
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort_unstable();
        words
    };
    until_lifetimes(shown) == until_lifetimes(wanted)
}

fn expected_mark(expected: &[(&str, &str)], ip: &str) -> u8 {
    // VRRP's protocol number on what is ours, nothing on what is not.
    let ours = expected.iter().any(|(address, _)| address.split('/').next() == Some(ip));
    if ours { 112 } else { 0 }
}

/// All addresses of node a but the kernel's own, with who added them (IFA_PROTO; 0 for no mark).
fn marks(lab: &Lab) -> Vec<(String, u8)> {
    use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
    use netlink_packet_route::RouteNetlinkMessage;
    use netlink_packet_route::address::AddressAttribute;
    let socket = lab.node("a").inside(|| os::route_socket(0)).expect("a socket");
    netlink::request_dump(&socket, libc::RTM_GETADDR).expect("ask");
    let (mut marks, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        os::readable(&[&socket], SECOND);
        let (length, _) = os::receive(&socket, &mut buffer).expect("an answer");
        let mut bytes = &buffer[..length];
        while !bytes.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).expect("a message");
            let size = (message.header.length as usize).next_multiple_of(4);
            bytes = bytes.get(size..).unwrap_or_default();
            let RouteNetlinkMessage::NewAddress(address) = (match message.payload {
                NetlinkPayload::InnerMessage(inner) => inner,
                _ => return marks,
            }) else {
                continue;
            };
            let (mut ip, mut mark) = (None, 0);
            for attribute in &address.attributes {
                match attribute {
                    AddressAttribute::Local(local) => ip = Some(local.to_string()),
                    AddressAttribute::Address(address) => ip = ip.or(Some(address.to_string())),
                    AddressAttribute::Protocol(protocol) => mark = u8::from(*protocol),
                    _ => {}
                }
            }
            // The kernel marks its own: ::1 and link-local ones.
            marks.extend(ip.filter(|_| mark == 0 || mark > 3).map(|ip| (ip, mark)));
        }
    }
}

#[test]
fn what_a_crash_left_is_removed_by_the_next_start() {
    let lab = Lab::new(&["a", "b"]);
    let mut a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    let b = Daemon::holdfast(lab.node("b"), &one(150), &[]);
    says(&b, "Entering BACKUP STATE");
    a.kill9();
    takes(&b, VIP);
    assert!(lab.node("a").has(ip(VIP)), "a crash leaves the address");
    // Comes back as a backup: what it has no right to goes.
    let mut a = Daemon::holdfast(lab.node("a"), &one(100), &[]);
    gives_up(&a, VIP);
    a.kill9();
    // Once more, and the configuration names another address afterwards.
    drop(b);
    let mut a = Daemon::holdfast(lab.node("a"), &one(100), &[]);
    takes(&a, VIP);
    a.kill9();
    let conf = format!("{GLOBAL}{}", instance("one", 51, 100, "10.99.1.2", ""));
    let a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    gives_up(&a, VIP);
    takes(&a, "10.99.1.2");
    assert!(lab.node("a").has(Lab::address4(0, 1).into()));
}

#[test]
fn what_an_owner_owns_is_never_removed() {
    let lab = Lab::new(&["a"]);
    let addresses = lab.watch();
    let own = Lab::address4(0, 1);
    // The same address once as the interface has it, once with the length that the language defaults to.
    for vip in [format!("{own}/16"), format!("{own}")] {
        let owner = format!("{GLOBAL}{}", instance("one", 51, 255, &vip, ""));
        let mut a = Daemon::holdfast(lab.node("a"), &owner, &[]);
        says(&a, "Entering MASTER STATE");
        let packets = lab.observe();
        assert!(packets.wait(Stamp::now(), SECOND, |packet| packet.advert().is_some()).is_some(), "{}", a.log());
        a.hup();
        says(&a, "Reload finished");
        ip_run(lab.node("a"), "link set eth0 down");
        says(&a, "Entering FAULT STATE");
        ip_run(lab.node("a"), "link set eth0 up");
        let masters = || entered(&a.log()).iter().filter(|state| *state == "one MASTER").count();
        assert!(wait_until(5 * SECOND, || masters() == 2), "{}", a.log());
        // Another instance remains: the owner's is taken out.
        a.configure(&format!("{GLOBAL}{}", instance("two", 52, 100, "10.99.1.2", "")));
        a.hup();
        takes(&a, "10.99.1.2");
        a.configure(&owner);
        a.hup();
        gives_up(&a, "10.99.1.2");
        assert!(wait_until(5 * SECOND, || masters() == 3), "{}", a.log());
        a.kill9();
        let mut a = Daemon::holdfast(lab.node("a"), &owner, &[]);
        says(&a, "Entering MASTER STATE");
        a.term();
        assert_eq!(a.wait(5 * SECOND).and_then(|status| status.code()), Some(0));
        let text = ip_run(lab.node("a"), "-o -4 addr show dev eth0");
        assert!(text.contains(&format!("{own}/16")), "{vip}: {text}");
        assert_eq!(text.lines().count(), 1, "{vip}: {text}");
        if vip.ends_with("/16") {
            let went = addresses.timeline().went("a", own.into(), Stamp::from_nanos(0));
            assert_eq!(went, None, "it never went");
        }
    }
}

#[test]
fn lost_news_are_made_up_for() {
    let lab = Lab::with_networks(&["a"], 2);
    let six = "advert_int 1\n track_interface {\n eth1\n }";
    lab.add_address("a", "eth0", "fe80::1/64");
    let conf = format!(
        "{GLOBAL}{}{}",
        instance("one", 51, 200, &format!("{VIP}\n10.99.1.2"), "advert_int 1"),
        instance("six", 51, 200, "fe80::99", six)
    );
    let mut a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    takes(&a, VIP);
    takes(&a, "fe80::99");
    std::thread::sleep(SECOND / 5);
    // While it does not look more happens than it can be told of, and some of it concerns it.
    let batch = |verb: &str| {
        let line = |number: u32| format!("addr {verb} 10.7.{}.{}/32 dev eth1\n", number / 250, number % 250 + 1);
        (0..3000).map(line).collect::<String>()
    };
    let pid = a.process().id();
    os::kill(pid, libc::SIGSTOP).expect("it runs");
    node::ip_batch(lab.node("a"), &batch("add")).expect("add");
    lab.remove_address("a", "eth0", "10.99.1.1/32");
    lab.remove_address("a", "eth0", "10.99.1.2/32");
    lab.add_address("a", "eth0", "10.99.1.2/32");
    node::ip_batch(lab.node("a"), &batch("del")).expect("remove");
    os::kill(pid, libc::SIGCONT).expect("it runs");
    says(&a, "was lost; reading all anew");
    takes(&a, VIP);
    takes(&a, "10.99.1.2");
    std::thread::sleep(SECOND / 2);
    assert!(lab.node("a").has(ip(VIP)) && lab.node("a").has(ip("10.99.1.2")) && lab.node("a").has(ip("fe80::99")));
    let states = entered(&a.log());
    assert_eq!(states.len(), 4, "it was no reason for an election: {}", a.log());
    is_idle(&mut a);
    a.term();
    assert!(a.wait(5 * SECOND).is_some());
    assert!(!lab.node("a").has(ip(VIP)) && !lab.node("a").has(ip("10.99.1.2")));
}

#[test]
fn a_thousand_addresses_come_and_go() {
    let lab = Lab::new(&["a"]);
    let all: Vec<String> = (0..1000).map(|n| format!("10.99.{}.{}", 10 + n / 250, n % 250 + 1)).collect();
    let more = format!("virtual_ipaddress_excluded {{\n{}\n}}", all.join("\n"));
    let mut a = Daemon::holdfast(lab.node("a"), &format!("{GLOBAL}{}", instance("one", 51, 200, VIP, &more)), &[]);
    says(&a, "Entering MASTER STATE");
    let master = Stamp::now();
    let count = || lab.node("a").addresses("eth0").iter().filter(|ip| ip.is_ipv4()).count();
    assert!(wait_until(5 * SECOND, || count() == 1002), "{} addresses\n{}", count(), a.log());
    let took = Stamp::now() - master;
    // Unoptimised and watched; a release build is measured elsewhere.
    assert!(took < 3 * SECOND, "{took:?}");
    a.term();
    assert_eq!(a.wait(5 * SECOND).and_then(|status| status.code()), Some(0), "{}", a.log());
    assert_eq!(count(), 1);
}

#[test]
fn two_daemons_in_one_network_leave_each_other_alone() {
    let lab = Lab::new(&["a"]);
    let conf = |vrid: u8, vip: &str| format!("{GLOBAL}{}", instance("one", vrid, 200, vip, ""));
    let mut first = Daemon::holdfast(lab.node("a"), &conf(51, "10.99.1.1"), &[]);
    takes(&first, "10.99.1.1");
    let addresses = lab.watch();
    let second = Daemon::holdfast(lab.node("a"), &conf(52, "10.99.1.2"), &[]);
    takes(&second, "10.99.1.2");
    assert!(lab.node("a").has(ip("10.99.1.1")));
    second.hup();
    says(&second, "Reload finished");
    first.kill9();
    let first = Daemon::holdfast(lab.node("a"), &conf(51, "10.99.1.3"), &[]);
    takes(&first, "10.99.1.3");
    drop(first);
    let timeline = addresses.timeline();
    assert_eq!(timeline.went("a", ip("10.99.1.2"), Stamp::from_nanos(0)), None, "{timeline:?}");
}

#[test]
fn a_master_that_was_stopped_listens_before_it_speaks() {
    let lab = Lab::new(&["a", "b"]);
    let addresses = lab.watch();
    let mut a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    let b = Daemon::holdfast(lab.node("b"), &one(100), &[]);
    says(&b, "Entering BACKUP STATE");
    let pid = a.process().id();
    os::kill(pid, libc::SIGSTOP).expect("it runs");
    takes(&b, VIP);
    std::thread::sleep(3 * SECOND);
    let cont = Stamp::now();
    os::kill(pid, libc::SIGCONT).expect("it runs");
    let went = addresses.wait_went("a", ip(VIP), cont, SECOND).expect("a gives the address up");
    assert!(went - cont < Duration::from_millis(200), "{:?}\n{}", went - cont, a.log());
    // Its priority is the higher one: it comes back, but in good order.
    let came = addresses.wait_came("a", ip(VIP), went, 5 * SECOND).expect("a comes back");
    let gone = addresses.wait_went("b", ip(VIP), cont, 5 * SECOND).expect("b gives way");
    assert!(came - went > Duration::from_millis(150) && gone.millis_since(came) < 200.0, "{}", a.log());
}

/// The kernel doubles what it is asked for.
#[test]
fn receive_buffers_are_as_large_as_asked_for() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let conf = |global: &str, more: &str| {
        let global = GLOBAL.replacen("{\n", &format!("{{\n {global}\n"), 1);
        format!("{global}{}{}", instance("one", 51, 200, VIP, more), instance("two", 52, 200, "10.99.1.2", more))
    };
    let mut daemon = Daemon::holdfast(node, &conf("vrrp_rx_bufs_policy 300000", ""), &[]);
    takes(&daemon, VIP);
    let pid = daemon.process().id();
    let buffer = || {
        let data = daemon.data();
        let socket = data
            .split(" fd_in ")
            .nth(1)
            .and_then(|rest| rest.trim_start_matches("= ").split([' ', ',', '\n']).next()?.parse().ok());
        lab::os::receive_buffer(pid, socket.expect("it has a socket")).expect("it is open")
    };
    assert_eq!(buffer(), 2 * 2 * 300_000, "room for both routers of the socket");
    for (global, more, wanted) in [
        ("vrrp_rx_bufs_policy MTU\n vrrp_rx_bufs_multiplier 100", "", 2 * 100 * 1500),
        ("vrrp_rx_bufs_policy ADVERT\n vrrp_rx_bufs_multiplier 1000", "", 2 * 1000 * (40 + 8 + 8 + 4)),
        ("vrrp_rx_bufs_policy ADVERT", "kernel_rx_buf_size 123456", 2 * 123_456),
        ("", "", 64 * 1024 + 2 * 2 * 1024),
    ] {
        daemon.configure(&conf(global, more));
        daemon.hup();
        assert!(wait_until(5 * SECOND, || buffer() == 2 * wanted), "{global} {more}: {} not {}", buffer(), 2 * wanted);
    }
}

#[test]
fn static_addresses_are_there_as_long_as_the_daemon_runs() {
    let lab = Lab::new(&["a"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    // The machine has no address of its own: the static one is what its adverts come from.
    lab.remove_address("a", "eth0", "10.99.0.1/16");
    let conf = |lines: &str| {
        format!(
            "{GLOBAL}static_ipaddress {{\n 10.99.0.7/16 dev eth0\n {lines}\n}}\n{}",
            instance("one", 51, 200, VIP, "")
        )
    };
    let mut daemon = Daemon::holdfast(lab.node("a"), &conf("10.97.0.8/16 dev eth0 scope host"), &[]);
    takes(&daemon, "10.97.0.8");
    takes(&daemon, VIP);
    let sent = packets.wait(Stamp::from_nanos(0), 5 * SECOND, |packet| packet.advert().is_some()).expect("an advert");
    assert_eq!(sent.advert().map(|advert| advert.source), Some(ip("10.99.0.7")));
    let text = bed::ip_run(lab.node("a"), "-o addr show to 10.97.0.8");
    assert!(text.contains("scope host"), "{text}");
    assert_eq!(entered(&daemon.log()), ["one BACKUP", "one MASTER"], "they are there before the routers start");
    assert!(daemon.data().contains("------< Static Addresses >------\n   10.99.0.7/16 dev eth0 scope global set\n"));
    let before = Stamp::now();
    lab.remove_address("a", "eth0", "10.97.0.8/16");
    let went = addresses.wait_went("a", ip("10.97.0.8"), before, SECOND).expect("it goes");
    assert!(addresses.wait_came("a", ip("10.97.0.8"), went, SECOND).is_some(), "it is put back");
    let before = Stamp::now();
    daemon.configure(&conf("10.99.0.9/16 dev eth0"));
    daemon.hup();
    takes(&daemon, "10.99.0.9");
    gives_up(&daemon, "10.97.0.8");
    assert_eq!(addresses.timeline().went("a", ip("10.99.0.7"), before), None, "{}", daemon.log());
    assert_eq!(addresses.timeline().went("a", ip(VIP), before), None, "{}", daemon.log());
    // After a crash the next run knows them, and what is no more in the configuration goes.
    daemon.kill9();
    let mut daemon = Daemon::holdfast(lab.node("a"), &conf(""), &[]);
    takes(&daemon, VIP);
    gives_up(&daemon, "10.99.0.9");
    assert!(lab.node("a").has(ip("10.99.0.7")));
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some_and(|status| status.success()), "{}", daemon.log());
    assert!(!lab.node("a").has(ip("10.99.0.7")));
}

#[test]
fn a_link_counts_as_down_or_up_when_it_was_so_for_a_while() {
    let lab = Lab::new(&["a"]);
    let conf =
        |delays: &str| format!("{GLOBAL}interface_up_down_delays {{\n {delays}\n}}\n{}", one(200).replace(GLOBAL, ""));
    let daemon = Daemon::holdfast(lab.node("a"), &conf("eth0 1 1.5"), &[]);
    takes(&daemon, VIP);
    assert!(daemon.log().contains("eth0 may be down for 1 s before that counts"), "{}", daemon.log());
    lab.plug("a", 0, false);
    std::thread::sleep(SECOND / 2);
    lab.plug("a", 0, true);
    std::thread::sleep(SECOND);
    assert_eq!(entered(&daemon.log()), ["one BACKUP", "one MASTER"], "it was a flap");
    let cut = Stamp::now();
    lab.plug("a", 0, false);
    // A reload in the middle of it changes nothing.
    std::thread::sleep(SECOND / 2);
    daemon.hup();
    says(&daemon, "Entering FAULT STATE");
    let took = Stamp::now() - cut;
    assert!(took > SECOND * 9 / 10 && took < SECOND * 3 / 2, "{took:?}");
    let back = Stamp::now();
    lab.plug("a", 0, true);
    assert!(wait_until(10 * SECOND, || entered(&daemon.log()).len() == 4), "{}", daemon.log());
    let took = Stamp::now() - back;
    assert!(took > SECOND * 7 / 5 && took < 2 * SECOND, "{took:?}");
    assert_eq!(entered(&daemon.log()), ["one BACKUP", "one MASTER", "one FAULT", "one BACKUP"]);
}

#[test]
fn the_kernel_sends_no_igmp_of_the_link_if_so_asked() {
    let lab = Lab::new(&["a"]);
    let setting = || lab.node("a").must_run(&["cat", "/proc/sys/net/ipv4/igmp_link_local_mcast_reports"]);
    let before = setting();
    let daemon = Daemon::holdfast(lab.node("a"), &one(200).replacen("{\n", "{\n disable_local_igmp\n", 1), &[]);
    takes(&daemon, VIP);
    assert_eq!((before.trim(), setting().trim()), ("1", "0"));
}

#[test]
fn without_a_peer_it_is_a_fault_where_so_asked() {
    let lab = Lab::new(&["a"]);
    let conf = |more: &str| format!("{GLOBAL}{}", instance("one", 51, 200, VIP, more));
    let daemon = Daemon::holdfast(lab.node("a"), &conf("unicast_fault_no_peer\n unicast_peer {\n }"), &[]);
    says(&daemon, "one has no unicast_peer");
    assert_eq!(entered(&daemon.log()), ["one FAULT"]);
    daemon.configure(&conf("unicast_fault_no_peer\n unicast_peer {\n 10.99.0.2\n }"));
    daemon.hup();
    takes(&daemon, VIP);
}
