//! Reload: what stays the same goes on as if nothing had happened, and a bad file changes nothing.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::time::Duration;

use bed::{GLOBAL, SECOND, VIP, descriptors, entered, gives_up, instance, ip, longest_gap, one, says, script, takes};
use lab::{Daemon, Lab, Observer, Stamp, wait_until};

const ZERO: Stamp = Stamp::from_nanos(0);

/// Changes the configuration and waits until it is in force.
fn reload(daemon: &Daemon<'_>, conf: &str) -> Stamp {
    let finished = || daemon.log().matches("Reload finished").count();
    let before = finished();
    daemon.configure(conf);
    let at = daemon.hup();
    assert!(wait_until(10 * SECOND, || finished() > before), "{}", daemon.log());
    at
}

fn adverts_since(packets: &Observer, node: &str, from: Stamp) -> Vec<(Stamp, lab::packet::Advert)> {
    packets.adverts(node).into_iter().filter(|(at, _)| *at >= from).collect()
}

/// A master that is reloaded, and a backup that must not notice.
fn pair(lab: &Lab) -> (Daemon<'_>, Daemon<'_>) {
    let a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    let b = Daemon::holdfast(lab.node("b"), &one(100), &[]);
    says(&b, "Entering BACKUP STATE");
    (a, b)
}

#[test]
fn an_unchanged_file_changes_nothing() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let (a, b) = pair(&lab);
    std::thread::sleep(SECOND / 2);
    let start = Stamp::now();
    let seen = addresses.timeline().events.len();
    for _ in 0..5 {
        reload(&a, &one(200));
        reload(&b, &one(100));
        std::thread::sleep(SECOND / 5);
    }
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"]);
    assert_eq!(entered(&b.log()), ["one BACKUP"]);
    assert_eq!(addresses.timeline().events.len(), seen, "no address was touched");
    let adverts = adverts_since(&packets, "a", start);
    assert!(adverts.len() >= 9 && adverts.iter().all(|(_, advert)| advert.priority == 200), "{adverts:?}");
    let gap = longest_gap(&adverts);
    assert!(gap < Duration::from_millis(150), "an advert is missing or late: {gap:?}");
    for text in ["entering FAULT state", "using source address", "removed by somebody"] {
        let said = a.log().matches(text).count();
        assert!(said <= usize::from(text.starts_with("using")), "{text}: {}", a.log());
    }
}

#[test]
fn addresses_come_and_go_without_an_election() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let (a, b) = pair(&lab);
    let conf = |vips: &str| format!("{GLOBAL}{}", instance("one", 51, 200, vips, ""));
    let at = reload(&a, &conf("10.99.1.1\n10.99.1.2/24 label eth0:x\n10.99.1.3"));
    let came = addresses.wait_came("a", ip("10.99.1.3"), at, SECOND).expect("the added one comes");
    assert!(came - at < Duration::from_millis(200), "{:?}", came - at);
    let announced = |vip: &str| packets.wait(at, SECOND, |packet| packet.node == "a" && packet.announces(ip(vip)));
    assert!(announced("10.99.1.2").is_some() && announced("10.99.1.3").is_some(), "new ones are announced");
    // An option changed: the address is there in the new way.
    reload(&a, &conf("10.99.1.1\n10.99.1.2/24 label eth0:y\n10.99.1.3"));
    let has_label = || bed::ip_run(lab.node("a"), "-o addr show dev eth0").contains("eth0:y");
    assert!(wait_until(SECOND, has_label), "{}", a.log());
    reload(&a, &conf("10.99.1.1"));
    gives_up(&a, "10.99.1.2");
    gives_up(&a, "10.99.1.3");
    let advert = || packets.adverts("a").pop().is_some_and(|(_, advert)| advert.addresses == [ip(VIP)]);
    assert!(wait_until(SECOND, advert));
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"]);
    assert_eq!(entered(&b.log()), ["one BACKUP"]);
    assert_eq!(addresses.timeline().went("a", ip(VIP), ZERO), None);
    assert!(!a.log().contains("removed by somebody"), "{}", a.log());
    assert!(packets.adverts("a").iter().all(|(_, advert)| advert.priority == 200));
}

#[test]
fn instances_come_and_go() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let (a, b) = pair(&lab);
    let two = |priority| instance("two", 52, priority, "10.99.1.2", "");
    // In front of the one that is there: its place in the file says nothing.
    reload(&a, &format!("{GLOBAL}{}{}", two(200), instance("one", 51, 200, VIP, "")));
    takes(&a, "10.99.1.2");
    reload(&b, &format!("{}{}", one(100), two(100)));
    says(&b, "(two) Entering BACKUP STATE");
    // Renamed it is the same virtual router.
    reload(&a, &format!("{GLOBAL}{}{}", two(200), instance("other", 51, 200, VIP, "")));
    let at = reload(&a, &format!("{GLOBAL}{}", instance("other", 51, 200, VIP, "")));
    let leaves = packets
        .wait(at, SECOND, |packet| packet.advert().is_some_and(|advert| (advert.vrid, advert.priority) == (52, 0)));
    assert!(leaves.is_some(), "it says goodbye");
    takes(&b, "10.99.1.2");
    gives_up(&a, "10.99.1.2");
    assert!(lab.node("a").has(ip(VIP)));
    assert_eq!(addresses.timeline().went("a", ip(VIP), ZERO), None);
    assert_eq!(entered(&b.log()), ["one BACKUP", "two BACKUP", "two MASTER"]);
}

#[test]
fn an_address_moves_between_instances() {
    let lab = Lab::new(&["a"]);
    let addresses = lab.watch();
    let conf = |first: &str, second: &str| {
        format!("{GLOBAL}{}{}", instance("one", 51, 200, first, ""), instance("two", 52, 200, second, ""))
    };
    let a = Daemon::holdfast(lab.node("a"), &conf("10.99.1.1\n10.99.1.3", "10.99.1.2"), &[]);
    takes(&a, "10.99.1.3");
    takes(&a, "10.99.1.2");
    reload(&a, &conf("10.99.1.1", "10.99.1.2\n10.99.1.3"));
    std::thread::sleep(SECOND / 5);
    assert!(lab.node("a").has(ip("10.99.1.3")), "{}", a.log());
    assert_eq!(addresses.timeline().went("a", ip("10.99.1.3"), ZERO), None, "one reload is enough");
}

#[test]
fn priority_and_interval_change_in_force_at_once() {
    let lab = Lab::new(&["a", "b"]);
    let packets = lab.observe();
    let (a, b) = pair(&lab);
    let at = reload(&a, &one(150));
    let sent = packets.wait(at, SECOND, |packet| packet.advert().is_some_and(|advert| advert.priority == 150));
    assert!(sent.is_some(), "{}", a.log());
    assert_eq!(entered(&b.log()), ["one BACKUP"]);
    let slow = one(150).replace("advert_int 0.1", "advert_int 0.2");
    let at = reload(&a, &slow);
    std::thread::sleep(SECOND);
    let adverts = adverts_since(&packets, "a", at + SECOND / 4);
    assert!(adverts.len() <= 5 && adverts.iter().all(|(_, advert)| advert.interval == SECOND / 5), "{adverts:?}");
    assert_eq!(entered(&b.log()), ["one BACKUP"], "{}", b.log());
    // Below the other's: that one takes over, once.
    reload(&a, &slow.replace("priority 150", "priority 50"));
    takes(&b, VIP);
    gives_up(&a, VIP);
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER", "one BACKUP"]);
}

#[test]
fn a_bad_file_keeps_the_old_one_and_says_why() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let (mut a, b) = pair(&lab);
    let path = a.pid_file().replace("main.pid", "keepalived.conf");
    let file = lab.node("a").path(&path);
    let (start, seen) = (Stamp::now(), addresses.timeline().events.len());
    let kept = |daemon: &Daemon<'_>| daemon.log().matches("the old one stays in force").count();
    let refused = |why: &str| {
        let before = kept(&a);
        a.hup();
        assert!(wait_until(5 * SECOND, || kept(&a) > before), "{}", a.log());
        let line = a.log().lines().rfind(|line| line.contains(&path)).map(str::to_owned);
        assert!(line.as_ref().is_some_and(|line| line.contains(why)), "{line:?}, not {why}");
    };
    std::fs::remove_file(&file).expect("it was there");
    refused("No such file");
    std::fs::create_dir(&file).expect("a folder in its place");
    refused("is a directory");
    std::fs::remove_dir(&file).expect("it is empty");
    std::thread::sleep(SECOND / 2);
    assert_eq!(addresses.timeline().events.len(), seen, "no address was touched");
    let adverts = adverts_since(&packets, "a", start);
    assert!(longest_gap(&adverts) < Duration::from_millis(150), "{:?}", longest_gap(&adverts));
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"]);
    assert_eq!(entered(&b.log()), ["one BACKUP"]);
    // A good one is taken afterwards, errors in it are said with their place.
    reload(&a, &one(150).replace("advert_int", "adverts_int"));
    assert!(a.log().contains("keepalived.conf: Line 10)"), "{}", a.log());
    assert!(a.process().is_running());
}

#[test]
fn a_storm_of_reloads_leaves_nothing_behind() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let (mut a, b) = pair(&lab);
    let pid = a.process().id();
    let six = instance("six", 51, 200, "fe80::99", "track_interface {\n lo\n }");
    reload(&a, &format!("{}{six}", one(200)));
    reload(&a, &one(200));
    let open = descriptors(pid);
    let start = Stamp::now();
    for _ in 0..50 {
        a.hup();
        std::thread::sleep(Duration::from_millis(20));
    }
    for round in 0..50 {
        reload(&a, &if round % 2 == 0 { format!("{}{six}", one(200)) } else { one(200) });
    }
    assert_eq!(descriptors(pid), open, "{}", a.log());
    assert!(a.data().contains("Allocations while running = 0\n"));
    let adverts: Vec<_> =
        adverts_since(&packets, "a", start).into_iter().filter(|(_, advert)| advert.source.is_ipv4()).collect();
    assert!(longest_gap(&adverts) < Duration::from_millis(200), "{:?}", longest_gap(&adverts));
    assert!(adverts.iter().all(|(_, advert)| advert.priority == 200));
    assert_eq!(entered(&b.log()), ["one BACKUP"]);
    assert_eq!(addresses.timeline().went("a", ip(VIP), ZERO), None);
}

#[test]
fn an_instance_moves_to_another_interface() {
    let lab = Lab::with_networks(&["a"], 2);
    let a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    reload(&a, &one(200).replace("eth0", "eth1"));
    let on = |device: &str| lab.node("a").addresses(device).contains(&ip(VIP));
    assert!(wait_until(5 * SECOND, || on("eth1") && !on("eth0")), "{}", a.log());
    // Only the address moves, the instance stays where it is.
    let addresses = lab.watch();
    let conf = format!(
        "{GLOBAL}{}",
        instance("one", 51, 200, "10.99.1.1 dev eth0", "").replace("interface eth0", "interface eth1")
    );
    reload(&a, &conf);
    assert!(wait_until(5 * SECOND, || on("eth0") && !on("eth1")), "{}", a.log());
    let states = entered(&a.log());
    assert_eq!(states.iter().filter(|state| *state == "one MASTER").count(), 2, "{states:?}");
    drop(addresses);
}

#[test]
fn a_script_goes_on_running_and_its_verdict_counts() {
    bed::scripts_can_run();
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    script(node, "/run/check", "echo start >> /run/starts\n[ -e /run/slow ] && sleep 1.5\nexit 0");
    let conf = |more: &str| {
        format!(
            "{GLOBAL}vrrp_script check {{\n script /run/check\n interval 2\n timeout 5\n}}\n{}",
            instance("one", 51, 150, VIP, &format!("track_script {{\n check weight 20\n }}\n{more}"))
        )
    };
    let packets = lab.observe();
    let a = Daemon::holdfast(node, &conf(""), &[]);
    takes(&a, VIP);
    says(&a, "from 150 to 170");
    node.write("/run/slow", "");
    let starts = || node.read("/run/starts").map_or(0, |text| text.lines().count());
    let before = starts();
    assert!(wait_until(5 * SECOND, || starts() > before), "{}", a.log());
    // In the middle of a run.
    let at = reload(&a, &conf("garp_master_repeat 2"));
    let one_more = starts();
    std::thread::sleep(SECOND);
    assert_eq!(starts(), one_more, "it was not started a second time");
    assert_eq!(a.log().matches("VRRP_Script(check) succeeded").count(), 1, "{}", a.log());
    let later = packets.adverts("a").into_iter().filter(|(sent, _)| *sent >= at);
    assert!(later.into_iter().all(|(_, advert)| advert.priority == 170), "the verdict is kept");
    assert!(wait_until(5 * SECOND, || starts() > one_more), "{}", a.log());
}

#[test]
fn a_sync_group_is_formed_and_dissolved() {
    let lab = Lab::with_networks(&["a", "b"], 2);
    let second = |priority| instance("two", 52, priority, "10.98.1.2", "").replace("interface eth0", "interface eth1");
    let apart = |priority| format!("{}{}", one(priority), second(priority));
    let group = "vrrp_sync_group both {\n group {\n one\n two\n }\n}\n";
    let addresses = lab.watch();
    let a = Daemon::holdfast(lab.node("a"), &apart(200), &[]);
    takes(&a, VIP);
    takes(&a, "10.98.1.2");
    let b = Daemon::holdfast(lab.node("b"), &apart(100), &[]);
    says(&b, "(two) Entering BACKUP STATE");
    for daemon in [&a, &b] {
        let conf = apart(if daemon.node().name() == "a" { 200 } else { 100 });
        reload(daemon, &format!("{conf}{group}"));
    }
    std::thread::sleep(SECOND / 2);
    assert_eq!(addresses.timeline().went("a", ip(VIP), ZERO), None);
    lab.plug("a", 1, false);
    takes(&b, VIP);
    takes(&b, "10.98.1.2");
    gives_up(&a, VIP);
    lab.plug("a", 1, true);
    takes(&a, VIP);
    reload(&a, &apart(200));
    reload(&b, &apart(100));
    lab.plug("a", 1, false);
    takes(&b, "10.98.1.2");
    assert!(lab.node("a").has(ip(VIP)), "each for itself again");
}

#[test]
fn addresses_half_way_to_the_kernel_are_not_forgotten() {
    let lab = Lab::new(&["a"]);
    let many: Vec<String> = (0..1000).map(|n| format!("10.99.{}.{}", 10 + n / 250, n % 250 + 1)).collect();
    let more = format!("virtual_ipaddress_excluded {{\n{}\n}}", many.join("\n"));
    let conf = format!("{GLOBAL}{}", instance("one", 51, 200, VIP, &more));
    let a = Daemon::holdfast(lab.node("a"), &conf, &[]);
    let count = || lab.node("a").addresses("eth0").iter().filter(|ip| ip.is_ipv4()).count();
    // As soon as the first are there, a new file without them.
    assert!(wait_until(10 * SECOND, || count() > 2), "{}", a.log());
    reload(&a, &one(200));
    assert!(wait_until(5 * SECOND, || count() == 2), "{} addresses\n{}", count(), a.log());
    // And the other way: they come while those before them still go.
    reload(&a, &conf);
    assert!(wait_until(5 * SECOND, || count() == 1002), "{} addresses\n{}", count(), a.log());
    reload(&a, &one(50).replace("eth0", "lo"));
    reload(&a, &conf);
    assert!(wait_until(10 * SECOND, || count() == 1002), "{} addresses\n{}", count(), a.log());
    assert!(!a.log().contains("refuses") && !a.log().contains("somebody else"), "{}", a.log());
}
