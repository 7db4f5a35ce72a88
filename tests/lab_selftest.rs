//! The laboratory measures what it says: every instrument against a pair of keepalived, whose behaviour is
//! known.

#![allow(clippy::disallowed_methods)]

mod lab;

use std::net::IpAddr;
use std::time::Duration;

use lab::packet::Body;
use lab::{Daemon, Lab, Stamp, wait_until};

const VIP: &str = "10.99.1.1";
const SECOND: Duration = Duration::from_secs(1);

fn vip() -> IpAddr {
    VIP.parse().expect("an address")
}

fn conf(priority: u8) -> String {
    format!(
        "global_defs {{\n vrrp_version 3\n vrrp_garp_master_delay 1\n}}\n\
         vrrp_instance one {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority {priority}\n \
         advert_int 0.1\n virtual_ipaddress {{\n {VIP}/32\n }}\n}}\n"
    )
}

#[test]
fn every_instrument_sees_a_cable_pulled() {
    let lab = Lab::new(&["a", "b", "c"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let start = Stamp::now();
    let a = Daemon::keepalived(lab.node("a"), &conf(200));
    addresses.wait_came("a", vip(), start, 10 * SECOND).expect("a takes the address");
    let b = Daemon::keepalived(lab.node("b"), &conf(100));
    assert!(b.logs("Entering BACKUP STATE", 10 * SECOND), "{}", b.log());
    lab.node("c").must_run(&["ip", "route", "add", "10.99.1.1/32", "dev", "eth0"]);
    let client = lab.probe("c", vip());
    client.wait_answer(Stamp::now(), 5 * SECOND).expect("the address answers");
    std::thread::sleep(Duration::from_millis(300));
    let quiet = client.outage(start);

    let cut = lab.cut("a");
    let moved = addresses.wait_came("b", vip(), cut, 10 * SECOND).expect("b takes the address");
    let advert = packets.wait(cut, SECOND, |packet| packet.node == "b" && packet.advert().is_some());
    let announced = packets.wait(cut, SECOND, |packet| packet.node == "b" && packet.announces(vip()));
    let again = client.wait_answer(moved, 5 * SECOND).expect("the address answers again");

    // 3 intervals and 156/256 of one for the skew, since the last advert, which is at most one interval old.
    let theory = Duration::from_micros(360_937);
    let millis = |at: Stamp| at.millis_since(cut);
    let (_, last) = packets.adverts("a").into_iter().rfind(|(at, _)| *at <= cut).expect("a sent adverts");
    let last_at = packets.adverts("a").into_iter().rfind(|(at, _)| *at <= cut).expect("a sent adverts").0;
    let waited = moved - last_at;
    assert!(waited > theory - Duration::from_millis(20) && waited < theory + SECOND, "{waited:?} for {theory:?}");
    assert_eq!((last.version, last.vrid, last.priority, last.ttl), (3, 51, 200, 255));
    assert_eq!((last.interval, last.addresses), (Duration::from_millis(100), vec![vip()]));
    assert_eq!(last.source, IpAddr::V4(Lab::address4(0, 1)));
    let advert = advert.expect("b sends adverts");
    assert_eq!(advert.source, [2, 0x99, 0, 0, 0, 2]);
    assert!(millis(advert.at) > 200.0, "{} ms", millis(advert.at));
    assert!(announced.expect("b announces the address").at >= cut);

    // The client saw the same gap from its side, and none before.
    assert!(quiet.sent > 40 && quiet.longest < Duration::from_millis(100), "{quiet:?}");
    let outage = client.outage(cut);
    // It may have asked last some time before the cut and first some time after it: a busy machine.
    let seen = outage.longest.as_secs_f64() * 1e3;
    assert!(outage.from.is_some_and(|from| from >= cut), "{outage:?}");
    assert!(seen < millis(again) + 1.0 && seen > millis(again) - 150.0, "{outage:?}, {} ms", millis(again));

    // a still has the address behind its pulled cable: that is no conflict, and it goes when it notices.
    let timeline = addresses.timeline();
    assert_eq!(timeline.overlap(vip()), Duration::ZERO, "{timeline:?}");
    assert!(lab.node("b").has(vip()) && lab.node("b").addresses("eth0").contains(&vip()));
    assert!(a.logs("Entering FAULT STATE", 5 * SECOND), "{}", a.log());
    assert!(wait_until(SECOND, || !lab.node("a").has(vip())));

    // The cable back: a has the higher priority and takes the address again.
    let mend = lab.mend("a");
    addresses.wait_came("a", vip(), mend, 10 * SECOND).expect("a comes back");
    addresses.wait_went("b", vip(), mend, 10 * SECOND).expect("b gives way");
}

#[test]
fn two_masters_are_seen() {
    let lab = Lab::new(&["a", "b"]);
    let addresses = lab.watch();
    lab.add_address("a", "eth0", "10.99.1.1/32");
    lab.add_address("b", "eth0", "10.99.1.1/32");
    std::thread::sleep(Duration::from_millis(50));
    lab.remove_address("a", "eth0", "10.99.1.1/32");
    assert!(wait_until(SECOND, || addresses
        .timeline()
        .intervals("a", vip())
        .first()
        .is_some_and(|i| i.until.is_some())));
    let overlap = addresses.timeline().overlap(vip());
    assert!(overlap > Duration::from_millis(40) && overlap < SECOND, "{overlap:?}");
}

#[test]
fn signals_and_dumps_reach_the_daemon() {
    let lab = Lab::new(&["a"]);
    let mut a = Daemon::keepalived(lab.node("a"), &conf(200));
    assert!(wait_until(10 * SECOND, || lab.node("a").has(vip())), "{}", a.log());
    assert!(a.data().contains("VRRP Instance = one"));
    assert!(a.stats().contains("Became master: 1"));
    assert!(a.json().contains("\"iname\":\"one\""));
    assert!(!std::path::Path::new("/tmp/keepalived.json").exists(), "it is in the node's own /tmp");
    a.configure(&conf(50));
    a.hup();
    assert!(a.logs("Reload", 5 * SECOND), "{}", a.log());
    a.term();
    assert_eq!(a.wait(10 * SECOND).and_then(|status| status.code()), Some(0));
    assert!(!lab.node("a").has(vip()));
}

#[test]
fn networks_are_apart_and_both_families_work() {
    let lab = Lab::with_networks(&["a", "b"], 2);
    for ip in [IpAddr::V4(Lab::address4(0, 2)), IpAddr::V6(Lab::address6(1, 2))] {
        let prober = lab.probe("a", ip);
        prober.wait_answer(Stamp::now(), 5 * SECOND).unwrap_or_else(|| panic!("{ip} answers"));
    }
    lab.plug("b", 1, false);
    let from = Stamp::now();
    let (cut, whole) = (lab.probe("a", Lab::address6(1, 2).into()), lab.probe("a", Lab::address6(0, 2).into()));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(whole.outage(from).lost, 0);
    let outage = cut.outage(from);
    assert!(outage.lost > 20 && outage.longest >= Duration::from_millis(150), "{outage:?}");
}

#[test]
fn neighbour_advertisements_are_decoded() {
    let lab = Lab::new(&["a"]);
    let packets = lab.observe();
    let conf = "vrrp_instance six {\n state MASTER\n interface eth0\n virtual_router_id 9\n priority 255\n advert_int 0.1\n \
                virtual_ipaddress {\n fe80::9\n 2001:db8::9\n }\n}\n";
    let start = Stamp::now();
    let a = Daemon::keepalived(lab.node("a"), conf);
    let ip: IpAddr = "2001:db8::9".parse().expect("an address");
    let found = packets.wait(start, 10 * SECOND, |packet| packet.announces(ip));
    let Some(Body::NeighbourAdvert(advert)) = found.map(|packet| packet.body) else { panic!("{}", a.log()) };
    assert!(advert.overrides);
    let (_, advert) = packets.adverts("a").pop().expect("an advert");
    assert_eq!((advert.vrid, advert.priority, advert.addresses.len()), (9, 255, 2));
}

/// An Ethernet frame with an IPv4 packet of `protocol` to 224.0.0.18.
fn frame(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 0, 0x5e, 0, 0, 18, 2, 0x99, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0xc0, 0, 20 + payload.len() as u8, 0, 0, 0, 0, 254, protocol, 0, 0]);
    frame.extend([10, 99, 0, 1, 224, 0, 0, 18]);
    frame.extend(payload);
    // As Ethernet does: short frames are padded, and the padding is no part of the packet.
    frame.resize(frame.len().max(60), 0xee);
    frame
}

#[test]
fn frames_by_hand_arrive_and_are_decoded() {
    let lab = Lab::new(&["a", "b"]);
    let packets = lab.observe();
    let wire = lab.node("a").transmitter("eth0");
    let version2 = [0x21, 7, 90, 1, 1, 3, 0, 0, 10, 99, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8];
    wire.send(&frame(112, &version2));
    wire.send(&frame(51, &[&[112, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 12][..], &version2[..]].concat()));
    wire.send(&frame(112, &version2[..10]));
    wire.send(&frame(17, &[0; 20]));
    assert!(wait_until(5 * SECOND, || packets.packets().len() >= 3));
    let seen: Vec<_> = packets.all(|packet| packet.node == "a" && packet.network == 0);
    let [plain, authenticated, short] = &seen[..] else { panic!("UDP passed the filter, or more: {seen:?}") };
    for packet in [plain, authenticated] {
        let advert = packet.advert().expect("an advert");
        assert_eq!((advert.version, advert.vrid, advert.priority, advert.ttl), (2, 7, 90, 254));
        assert_eq!((advert.interval, &advert.addresses), (3 * SECOND, &vec![vip()]));
        assert_eq!(advert.bytes, version2);
    }
    assert_eq!(short.body, Body::Malformed);
    assert_eq!((short.source, short.bytes.len()), ([2, 0x99, 0, 0, 0, 1], 60));
}

#[test]
fn nothing_is_left_when_the_test_is_killed() {
    // The test kills a copy of itself that runs only the next test, and looks for what that one had started.
    let mut copy = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "hold_a_laboratory", "--nocapture"])
        .env("LAB_HOLD", "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("start a copy");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(copy.stdout.take().expect("piped")));
    let pids: Vec<String> = lines
        .find_map(|line| Some(line.ok()?.split_once("pids")?.1.split_whitespace().map(str::to_owned).collect()))
        .expect("the copy names its processes");
    let alive = || pids.iter().filter(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists()).count();
    assert_eq!((pids.len(), alive()), (5, 5), "{pids:?}");
    copy.kill().expect("kill the copy");
    copy.wait().expect("it is our child");
    assert!(wait_until(5 * SECOND, || alive() == 0), "{} of {pids:?} are left", alive());
}

/// What the test above kills. Run alone it only shows that a laboratory goes in good order too.
#[test]
fn hold_a_laboratory() {
    let lab = Lab::new(&["a"]);
    let sleeper = lab.node("a").spawn(&["sh", "-c", "sleep 1000 & sleep 1001"], "/run/log");
    assert!(wait_until(5 * SECOND, || sleeper.tree().len() == 3), "the shell and two that sleep");
    // The node sees only its own: the holder, those three, and who looks.
    let seen = lab.node("a").must_run(&["sh", "-c", "echo /proc/[0-9]*"]);
    assert_eq!(seen.split_whitespace().count(), 5, "{seen}");
    if std::env::var_os("LAB_HOLD").is_some() {
        let tree = sleeper.tree().iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        println!("pids {} {} {tree}", lab.switch().holder(), lab.node("a").holder());
        std::thread::sleep(100 * SECOND);
    }
}
