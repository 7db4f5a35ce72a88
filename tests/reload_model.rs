//! Reload against a model of it: after going from any configuration to any other, the machine is as after a
//! fresh start with the second; and what both have was never without its addresses and changed no state.
//!
//! The configurations are random, by seed. A failing step prints the two and the command that repeats it.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;
#[path = "sim/rng.rs"]
#[allow(dead_code)]
mod rng;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bed::{SECOND, entered, ip};
use lab::{Daemon, Lab, Stamp, wait_until};
use rng::Rng;

/// What tells a virtual router from another: VRID and interface; its family follows from the VRID.
type Identity = (u8, u8);

/// A virtual router of a configuration.
#[derive(Clone, Debug)]
struct Router {
    name: String,
    priority: u64,
    interval: &'static str,
    /// The line of each address, the excluded ones apart.
    addresses: Vec<String>,
    excluded: Vec<String>,
    more: String,
    group: Option<u64>,
}

/// A configuration.
#[derive(Clone, Default, Debug)]
struct Model {
    routers: BTreeMap<Identity, Router>,
    statics: Vec<String>,
    tail: String,
}

fn is_v6(vrid: u8) -> bool {
    vrid >= 70
}

/// One way to write address `number`; the same number is the same address.
fn address(rng: &mut Rng, vrid: u8, number: u64) -> String {
    if is_v6(vrid) {
        return format!("2001:db8:9::{number:x}/{}", rng.pick(&[64, 128]));
    }
    // Mostly as before: an address in both configurations is to be the rule.
    let prefix = if rng.percent(85) { 24 } else { 32 };
    let label = if rng.percent(10) { " label eth0:x" } else { "" };
    format!("10.99.9.{number}/{prefix} dev eth{}{label}", if label.is_empty() { number % 2 } else { 0 })
}

impl Model {
    fn random(rng: &mut Rng) -> Self {
        let mut model = Self::default();
        // Each address has at most one router.
        let mut free: BTreeSet<u64> = (1..=12).collect();
        for identity in [(51, 0), (52, 0), (53, 1), (54, 1), (71, 0), (51, 1)] {
            if !rng.percent(65) {
                continue;
            }
            let mut take = |rng: &mut Rng, most: u64| {
                let mut taken = Vec::new();
                for _ in 0..rng.below(most + 1) {
                    let all: Vec<u64> = free.iter().copied().collect();
                    if let Some(number) = (!all.is_empty()).then(|| rng.pick(&all)) {
                        free.remove(&number);
                        taken.push(address(rng, identity.0, number));
                    }
                }
                taken
            };
            let mut addresses = take(rng, 3);
            if addresses.is_empty() {
                // One of its own, so that it has one.
                let own = u64::from(identity.0) + 100 * u64::from(identity.1);
                addresses.push(address(rng, identity.0, own));
            }
            let excluded = take(rng, 1);
            let router = Router {
                name: format!("VI_{}_{}{}", identity.0, identity.1, if rng.percent(20) { "_renamed" } else { "" }),
                priority: rng.between(100, 250),
                interval: rng.pick(&["0.1", "0.1", "0.2"]),
                addresses,
                excluded,
                more: rng
                    .pick(&["", "nopreempt", "track_interface {\n eth1 weight 3\n }", "garp_master_delay 1"])
                    .into(),
                group: rng.percent(40).then(|| rng.below(2)),
            };
            model.routers.insert(identity, router);
        }
        for number in 1..=3 {
            if rng.percent(50) {
                model.statics.push(format!("10.97.{}.{number}/24 dev eth1", rng.below(2)));
            }
        }
        if rng.percent(30) {
            model.tail.push_str("interface_up_down_delays {\n eth1 1\n}\n");
        }
        if rng.percent(30) {
            model.tail.push_str("vrrp_script good {\n script \"/bin/true\"\n interval 1\n}\n");
        }
        model
    }

    fn text(&self) -> String {
        let mut text = String::from("global_defs {\n vrrp_version 3\n script_user root\n enable_script_security\n}\n");
        text += &self.tail;
        if !self.statics.is_empty() {
            let _ = writeln!(text, "static_ipaddress {{\n  {}\n}}", self.statics.join("\n  "));
        }
        for ((vrid, network), router) in &self.routers {
            let Router { name, priority, interval, more, .. } = router;
            let _ = write!(
                text,
                "vrrp_instance {name} {{\n interface eth{network}\n virtual_router_id {vrid}\n state BACKUP\n \
                 priority {priority}\n advert_int {interval}\n virtual_ipaddress {{\n  {}\n }}\n",
                router.addresses.join("\n  ")
            );
            if !router.excluded.is_empty() {
                let _ = writeln!(text, " virtual_ipaddress_excluded {{\n  {}\n }}", router.excluded.join("\n  "));
            }
            let _ = writeln!(text, " {more}\n}}");
        }
        for group in 0..2 {
            let members: Vec<&str> = self
                .routers
                .values()
                .filter(|router| router.group == Some(group))
                .map(|router| router.name.as_str())
                .collect();
            if !members.is_empty() {
                let _ = writeln!(text, "vrrp_sync_group G{group} {{\n group {{\n  {}\n }}\n}}", members.join("\n  "));
            }
        }
        text
    }

    /// The lines of the static addresses, and of the addresses of those routers that `other` has too, as they are written: a changed option is
    /// another address. What passes to a router that is new has to wait for its election.
    fn lines(&self, other: &Self) -> BTreeSet<(String, u8)> {
        let mut lines: BTreeSet<_> = self.statics.iter().map(|line| (line.clone(), 0)).collect();
        for ((vrid, network), router) in &self.routers {
            if other.routers.contains_key(&(*vrid, *network)) {
                // IPv6 ones have no device of their own.
                let device = if is_v6(*vrid) { *network } else { 0 };
                lines.extend(router.addresses.iter().chain(&router.excluded).map(|line| (line.clone(), device)));
            }
        }
        lines
    }
}

/// What others see of the machine: its addresses, and the JSON without what depends on when.
fn seen(daemon: &Daemon<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let text = bed::ip_run(daemon.node(), "-o addr show");
    let addresses = text.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let end = words.iter().position(|word| word.starts_with("valid_lft")).unwrap_or(words.len());
        // Which of a subnet's addresses is the first is the kernel's affair.
        let words: Vec<&str> =
            words[..end].iter().copied().filter(|word| !matches!(*word, "secondary" | "\\")).collect();
        words.join(" ").trim_end_matches('\\').to_owned()
    });
    let json = daemon.json();
    let blocks = json.split("{\"data\":").skip(1).map(|block| {
        let data = block.split("\"stats\"").next().unwrap_or_default();
        data.split(',').filter(|field| !field.contains("last_transition")).collect::<Vec<_>>().join(",\n")
    });
    (addresses.collect(), blocks.collect())
}

/// One long-lived daemon that is reloaded, and for each configuration a fresh one elsewhere.
fn run(seed: u64, steps: u64) {
    let mut rng = Rng::new(seed);
    let (reloaded_lab, fresh_lab) = (Lab::with_networks(&["a"], 2), Lab::with_networks(&["a"], 2));
    let watch = reloaded_lab.watch();
    let mut before = nonempty(&mut rng);
    let reloaded = Daemon::holdfast(reloaded_lab.node("a"), &before.text(), &[]);
    let settled = |daemon: &Daemon<'_>, model: &Model| {
        wait_until(10 * SECOND, || {
            entered(&daemon.log()).iter().filter(|line| line.ends_with("MASTER")).count() >= model.routers.len()
        })
    };
    assert!(settled(&reloaded, &before), "{}", reloaded.log());
    for step in 0..steps {
        let after = nonempty(&mut rng);
        let story = || {
            format!(
                "step {step}, again with HOLDFAST_RELOAD_SEED={seed} cargo test --test reload_model\n--- from\n{}\n--- to\n{}\n--- log\n{}",
                before.text(),
                after.text(),
                reloaded
                    .log()
                    .lines()
                    .filter(|line| !line.contains("Printing") && !line.contains("ending"))
                    .collect::<Vec<_>>()
                    .join("\n")
            )
        };
        let fresh = Daemon::holdfast(fresh_lab.node("a"), &after.text(), &[]);
        let log = reloaded.log();
        let at = Stamp::now();
        reloaded.configure(&after.text());
        reloaded.hup();
        assert!(settled(&fresh, &after), "the fresh one: {}", fresh.log());
        if !wait_until(5 * SECOND, || seen(&reloaded) == seen(&fresh)) {
            let (ours, theirs) = (seen(&reloaded), seen(&fresh));
            let only =
                |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join("\n");
            panic!(
                "only after the reload:\n{}\n{}\nonly after the start:\n{}\n{}\n{}",
                only(&ours.0, &theirs.0),
                only(&ours.1, &theirs.1),
                only(&theirs.0, &ours.0),
                only(&theirs.1, &ours.1),
                story()
            );
        }
        // What both have lost no address and changed no state.
        let timeline = watch.timeline();
        for (line, _) in before.lines(&after).intersection(&after.lines(&before)) {
            let address = ip(line.split(['/', ' ']).next().unwrap_or_default());
            assert_eq!(timeline.went("a", address, at), None, "{line} went away\n{}", story());
        }
        let moved = entered(&reloaded.log()[log.len()..]);
        for (identity, router) in after.routers.iter().filter(|(identity, _)| before.routers.contains_key(identity)) {
            let told = moved.iter().find(|line| line.split(' ').next() == Some(router.name.as_str()));
            assert_eq!(told, None, "{identity:?} changed its state\n{}", story());
        }
        before = after;
    }
}

fn nonempty(rng: &mut Rng) -> Model {
    loop {
        let model = Model::random(rng);
        if !model.routers.is_empty() {
            return model;
        }
    }
}

fn seed(number: u64) -> u64 {
    std::env::var("HOLDFAST_RELOAD_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(number)
}

fn steps() -> u64 {
    std::env::var("HOLDFAST_RELOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

#[test]
fn any_change_ends_as_a_fresh_start_would() {
    run(seed(1), steps());
}

#[test]
fn and_another_series_does_so_too() {
    run(seed(2), steps());
}

/// The kernel would take the second address of a network away with the first.
#[test]
fn addresses_of_one_network_are_promoted_while_they_are_held() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let setting = || node.must_run(&["cat", "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"]);
    let before = setting();
    let conf = |vips: &str| format!("{}{}", bed::GLOBAL, bed::instance("one", 51, 200, vips, ""));
    let mut daemon = Daemon::holdfast(node, &conf("10.99.1.1/24\n10.99.1.2/24"), &[]);
    bed::takes(&daemon, "10.99.1.2");
    assert_eq!((before.trim(), setting().trim()), ("0", "1"));
    daemon.configure(&conf("10.99.1.2/24"));
    daemon.hup();
    bed::gives_up(&daemon, "10.99.1.1");
    assert!(node.has(ip("10.99.1.2")));
    assert!(wait_until(5 * SECOND, || setting().trim() == "0"), "not needed any more");
    daemon.configure(&conf("10.99.1.2/24\n10.99.1.3/24"));
    daemon.hup();
    bed::takes(&daemon, "10.99.1.3");
    assert_eq!(setting().trim(), "1");
    daemon.term();
    assert!(daemon.wait(5 * SECOND).is_some_and(|status| status.success()), "{}", daemon.log());
    assert_eq!(setting().trim(), "0", "as it was");
}
