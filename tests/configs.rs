//! Every configuration in `configs/` does what its comments promise, on two machines.
//!
//! `HOLDFAST_LAB_DAEMON=/usr/sbin/keepalived` runs the same with another daemon that reads them.

#![allow(clippy::disallowed_methods)]

mod lab;

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use lab::{Daemon, Lab, Stamp, daemon, wait_until};

const SECOND: Duration = Duration::from_secs(1);

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/configs"))
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("read {name}: {error}"))
}

/// In a user namespace root's files look like nobody's, which script security rightly refuses, and nobody
/// can become another user: what runs scripts needs the real root.
fn scripts_can_run() {
    let real = fs::metadata("/").is_ok_and(|root| root.uid() == 0);
    assert!(real, "this test runs scripts: it needs root, not only a user namespace");
}

/// Starts the daemon on machine `node` with configuration `name`, as itself.
fn start<'lab>(lab: &'lab Lab, node: &str, name: &str) -> Daemon<'lab> {
    Daemon::holdfast(lab.node(node), &text(name), &["-i", node])
}

/// Machines a and b with the scripts of `configs/` in place and `networks` (such as `192.168.1.`, or
/// `2001:db8:1::`) on eth0, eth1 ...
fn pair(networks: &[&str]) -> Lab {
    let lab = Lab::with_networks(&["a", "b"], networks.len() as u8);
    for (number, name) in [(1, "a"), (2, "b")] {
        lab.node(name).install(folder(), "/etc/holdfast");
        for (k, network) in networks.iter().enumerate() {
            let bits = if network.contains(':') { 64 } else { 24 };
            let own = if *network == "192.168.1." { number + 1 } else { number };
            lab.add_address(name, &format!("eth{k}"), &format!("{network}{own}/{bits}"));
        }
    }
    lab
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Waits until `ips` are all on `node`, and on no other one.
fn settles(lab: &Lab, node: &str, ips: &[&str], daemons: &[&Daemon<'_>]) {
    let there = |ip: &str| lab.nodes().iter().all(|other| other.has(self::ip(ip)) == (other.name() == node));
    if !wait_until(15 * SECOND, || ips.iter().all(|ip| there(ip))) {
        let logs: Vec<String> =
            daemons.iter().map(|daemon| format!("{}:\n{}", daemon.node().name(), daemon.log())).collect();
        panic!("{ips:?} are not on {node} alone\n{}", logs.join("\n"));
    }
}

#[test]
fn mysql_pair_follows_the_database() {
    scripts_can_run();
    let lab = pair(&["192.168.1."]);
    let addresses = lab.watch();
    let database = lab.node("a").listen("127.0.0.1:3306");
    let _other = lab.node("b").listen("[::]:3306");
    let a = start(&lab, "a", "mysql-pair.conf");
    settles(&lab, "a", &["192.168.1.100"], &[&a]);
    let b = start(&lab, "b", "mysql-pair.conf");
    let state = |node: &str, word: &str| {
        let node = lab.node(node);
        wait_until(5 * SECOND, || node.read("/run/holdfast/mysql.state").is_some_and(|text| text.trim() == word))
    };
    assert!(state("a", "MASTER") && state("b", "BACKUP"));
    drop(database);
    settles(&lab, "b", &["192.168.1.100"], &[&a, &b]);
    assert!(state("a", "BACKUP") && state("b", "MASTER"));
    // The database is back, the address stays: nopreempt.
    let _back = lab.node("a").listen("127.0.0.1:3306");
    assert!(a.logs("succeeded", 10 * SECOND), "{}", a.log());
    std::thread::sleep(6 * SECOND);
    settles(&lab, "b", &["192.168.1.100"], &[&a, &b]);
    assert_eq!(addresses.timeline().overlap(ip("192.168.1.100")), Duration::ZERO);
}

#[test]
fn haproxy_pair_follows_the_process() {
    scripts_can_run();
    let lab = pair(&["192.168.1."]);
    let haproxy = |node: &str| {
        let node = lab.node(node);
        node.install(Path::new("/bin/sleep"), "/tmp/haproxy");
        node.spawn(&["/tmp/haproxy", "1000"], "/run/haproxy.log")
    };
    let (of_a, _of_b) = (haproxy("a"), haproxy("b"));
    let (a, b) = (start(&lab, "a", "haproxy-pair.conf"), start(&lab, "b", "haproxy-pair.conf"));
    settles(&lab, "a", &["192.168.1.80"], &[&a, &b]);
    drop(of_a);
    settles(&lab, "b", &["192.168.1.80"], &[&a, &b]);
    let _of_a = haproxy("a");
    settles(&lab, "a", &["192.168.1.80"], &[&a, &b]);
}

#[test]
fn router_pair_moves_both_sides_together() {
    let lab = pair(&["192.168.1.", "203.0.113."]);
    let (a, b) = (start(&lab, "a", "router-pair.conf"), start(&lab, "b", "router-pair.conf"));
    let both = ["192.168.1.1", "203.0.113.10"];
    settles(&lab, "a", &both, &[&a, &b]);
    lab.plug("a", 1, false);
    settles(&lab, "b", &both, &[&a, &b]);
    lab.plug("a", 1, true);
    settles(&lab, "a", &both, &[&a, &b]);
}

#[test]
fn ipv6_unicast_takes_over_from_a_dead_peer() {
    let lab = pair(&["2001:db8:1::"]);
    let packets = lab.observe();
    let mut a = start(&lab, "a", "ipv6-unicast.conf");
    let b = start(&lab, "b", "ipv6-unicast.conf");
    let both = ["fe80::60", "2001:db8:1::100"];
    settles(&lab, "a", &both, &[&a, &b]);
    let sent = packets.wait(Stamp::from_nanos(0), 5 * SECOND, |packet| packet.node == "a" && packet.advert().is_some());
    let sent = sent.expect("a sends adverts");
    let advert = sent.advert().expect("it was chosen for that");
    assert_eq!((advert.source, advert.destination), (ip("2001:db8:1::1"), ip("2001:db8:1::2")));
    let cut = lab.power_off(&mut a);
    let taken = packets.wait(cut, 10 * SECOND, |packet| packet.node == "b" && packet.announces(ip(both[1])));
    assert!(taken.is_some_and(|packet| packet.at >= cut && Stamp::now() > packet.at), "{}", b.log());
    assert!(lab.node("b").has(ip(both[0])) && lab.node("b").has(ip(both[1])));
}

#[test]
fn every_configuration_is_run_and_the_peer_accepts_it() {
    scripts_can_run();
    let lab = pair(&["192.168.1.", "2001:db8:1::"]);
    let tested = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/configs.rs")).expect("this file");
    let mut seen = 0;
    for entry in fs::read_dir(folder()).expect("the folder") {
        let name = entry.expect("read the folder").file_name().to_string_lossy().into_owned();
        if !name.ends_with(".conf") {
            continue;
        }
        seen += 1;
        assert!(tested.contains(&format!("start(&lab, \"a\", \"{name}\")")), "{name} is not run by a test");
        for id in ["a", "b"] {
            let output = daemon::config_test(lab.node(id), daemon::KEEPALIVED, &text(&name), &["-i", id]);
            assert!(output.status.success(), "{name} as {id}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert!(seen >= 4, "{seen} configurations");
}
