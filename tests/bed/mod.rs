//! What the tests of the daemon's behaviour share: configurations in a few words, and questions to a node.

// Each test binary uses its own part of it.
#![allow(dead_code, clippy::disallowed_methods)]

pub mod forge;

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::lab::{self, Daemon, Lab, Node, node, wait_until};

pub const SECOND: Duration = Duration::from_secs(1);

/// Version 3, and quick scripts that may be run.
pub const GLOBAL: &str = "global_defs {\n vrrp_version 3\n script_user root\n}\n";

/// The address most tests use.
pub const VIP: &str = "10.99.1.1";

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// An instance with adverts every 100 ms on eth0; `addresses` and `more` are lines.
pub fn instance(name: &str, vrid: u8, priority: u8, addresses: &str, more: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n state BACKUP\n interface eth0\n virtual_router_id {vrid}\n priority {priority}\n \
         advert_int 0.1\n virtual_ipaddress {{\n {addresses}\n }}\n {more}\n}}\n"
    )
}

/// One instance, "one", VRID 51, with [`VIP`].
pub fn one(priority: u8) -> String {
    format!("{GLOBAL}{}", instance("one", 51, priority, VIP, ""))
}

/// The states that were entered, in order: "one MASTER", "two BACKUP" ...
pub fn entered(log: &str) -> Vec<String> {
    let state = |line: &str| {
        let (before, after) = line.split_once(") Entering ")?;
        let name = before.rsplit('(').next()?;
        Some(format!("{name} {}", after.split(' ').next()?))
    };
    log.lines().filter_map(state).collect()
}

/// Waits until the daemon's log says `text`; panics with the log if it does not.
pub fn says(daemon: &Daemon<'_>, text: &str) {
    assert!(daemon.logs(text, 10 * SECOND), "no {text:?} in the log of {}:\n{}", daemon.node().name(), daemon.log());
}

/// Waits until the node has the address; panics with the daemon's log if it never does.
pub fn takes(daemon: &Daemon<'_>, address: &str) {
    let there = wait_until(10 * SECOND, || daemon.node().has(ip(address)));
    assert!(there, "{} has no {address}:\n{}", daemon.node().name(), daemon.log());
}

/// Waits until the node has not the address; panics with the daemon's log if it keeps it.
pub fn gives_up(daemon: &Daemon<'_>, address: &str) {
    let gone = wait_until(10 * SECOND, || !daemon.node().has(ip(address)));
    assert!(gone, "{} still has {address}:\n{}", daemon.node().name(), daemon.log());
}

/// Runs `ip` with these words.
pub fn ip_run(node: &Node, words: &str) -> String {
    let argv: Vec<&str> = core::iter::once("ip").chain(words.split_whitespace()).collect();
    node.must_run(&argv)
}

/// Gives machine `name` (number `number`) a new cable, and so a new eth0 with the old name and address.
pub fn plug_new(lab: &Lab, name: &str, number: u8) {
    let (mac, holder) = (Lab::mac(0, number), lab.node(name).holder());
    let port = format!("p0{name}");
    node::ip_batch(
        lab.switch(),
        &format!(
            "link add {port} type veth peer name eth0 address {mac} netns {holder}\n\
             link set {port} addrgenmode none\nlink set {port} master br0 up\n"
        ),
    )
    .expect("a new cable");
    let own = Lab::address4(0, number);
    node::ip_batch(lab.node(name), &format!("link set eth0 up\naddr add {own}/16 dev eth0\n")).expect("its address");
}

/// What runs scripts needs the real root: in a user namespace root's files look like nobody's.
pub fn scripts_can_run() {
    let real = fs::metadata("/").is_ok_and(|root| root.uid() == 0);
    assert!(real, "this test runs scripts: it needs root, not only a user namespace");
}

/// Puts an executable script into the machine.
pub fn script(node: &Node, path: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    node.write(path, format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(node.path(path), PermissionsExt::from_mode(0o755)).expect("set a mode");
}

/// A process's open descriptors.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count()
}

/// The processor time a process used, in clock ticks (10 ms).
pub fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    number(11) + number(12)
}

/// The longest time between two adverts in a row.
pub fn longest_gap(adverts: &[(lab::Stamp, lab::packet::Advert)]) -> Duration {
    adverts.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default()
}
