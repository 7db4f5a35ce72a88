//! Each side counts what the other side did.

use std::thread;
use std::time::Duration;

use crate::conf::{Instance, V3, conf};
use crate::lab::{Daemon, Lab, Stamp, wait_until};
use crate::pair::{LONG, Pair, Program, both_roles};

/// A statistics dump in keepalived's format.
pub struct Counters(Vec<(String, String, u64)>);

impl Counters {
    /// Asks a daemon for it.
    pub fn of(daemon: &Daemon<'_>) -> Self {
        Self::parse(&daemon.stats())
    }

    /// Lines are `Section:` or `Name: number`; what is not in a section is in the instance's, "".
    fn parse(text: &str) -> Self {
        let mut section = String::new();
        let mut found = Vec::new();
        for line in text.lines() {
            let Some((name, value)) = line.trim().split_once(':') else { continue };
            match value.trim().parse() {
                Ok(number) => {
                    let inside = line.starts_with("    ");
                    found.push((if inside { section.clone() } else { String::new() }, name.to_owned(), number));
                }
                Err(_) => section = name.to_owned(),
            }
        }
        Self(found)
    }

    /// A number; the dump must have it.
    pub fn get(&self, section: &str, name: &str) -> u64 {
        let found = self.0.iter().find(|(of, called, _)| of == section && called == name);
        found.unwrap_or_else(|| panic!("no {section}: {name} in {:?}", self.0)).2
    }

    /// Sections and names of the errors that happened.
    pub fn errors(&self) -> Vec<(&str, &str)> {
        let happened = self.0.iter().filter(|(section, _, number)| section.ends_with("Errors") && *number > 0);
        happened.map(|(section, name, _)| (section.as_str(), name.as_str())).collect()
    }

    fn sent(&self) -> u64 {
        self.get("Advertisements", "Sent")
    }

    fn received(&self) -> u64 {
        self.get("Advertisements", "Received")
    }
}

#[test]
fn a_dump_is_read_as_it_is_written() {
    let text = "VRRP Instance: one\n  Advertisements:\n    Received: 3\n    Sent: 4\n  Became master: 1\n  \
                Packet Errors:\n    Length: 0\n    TTL: 2\n  Priority Zero:\n    Received: 5\n";
    let counters = Counters::parse(text);
    assert_eq!((counters.received(), counters.sent(), counters.get("", "Became master")), (3, 4, 1));
    assert_eq!((counters.errors(), counters.get("Priority Zero", "Received")), (vec![("Packet Errors", "TTL")], 5));
}

/// Both sides' counters, at nearly the same time, and how many adverts were on the wire by then.
fn compare(pair: &Pair<'_>) -> [Counters; 2] {
    let dumps = ["a", "b"].map(|node| Counters::of(pair.daemon(node)));
    let [a, b] = &dumps;
    let seen = ["a", "b"].map(|node| pair.packets.adverts(node).len() as u64);
    for (what, one, other) in [
        ("a sent, b received", a.sent(), b.received()),
        ("b sent, a received", b.sent(), a.received()),
        ("a sent, the wire carried", a.sent(), seen[0]),
        ("b sent, the wire carried", b.sent(), seen[1]),
    ] {
        // One may be sent between the two looks.
        assert!(one.abs_diff(other) <= 1, "{what}: {one} and {other}\n{}", pair.logs());
    }
    assert_eq!((a.errors(), b.errors()), (vec![], vec![]));
    dumps
}

#[test]
fn each_side_counts_what_the_other_did() {
    both_roles(|roles| {
        // The interval is long, for an advert between two looks to be rare.
        let interval = Duration::from_secs(1);
        let side = |number| {
            let tracked = "track_interface {\n eth1\n eth2 weight 150\n }";
            let priority = if number == 1 { 100 } else { 50 };
            let instance = Instance { interval, priority, ..Instance::new(V3, number) }.with(tracked);
            conf("", &[instance])
        };
        let lab = Lab::with_networks(&["a", "b"], 3);
        let mut pair = Pair::new(&lab, roles, [side(1), side(2)]);
        // Behind dead cables until both run: so each hears the other from the first advert on.
        for node in ["a", "b"] {
            lab.cut(node);
        }
        for node in ["a", "b"] {
            pair.start(node);
        }
        for node in ["a", "b"] {
            assert!(pair.daemon(node).logs("ntering FAULT", LONG), "{}", pair.logs());
        }
        for node in ["b", "a"] {
            lab.mend(node);
        }
        let address = V3.address();
        pair.settles(address, &["a"]);
        pair.stays(address, &["a"], interval * 4);
        let [a, b] = compare(&pair);
        assert!(a.sent() >= 4 && b.sent() == 0, "{} and {}", a.sent(), b.sent());
        assert_eq!((a.get("", "Became master"), b.get("", "Became master")), (1, 0));

        // a loses weight: b preempts, a yields without a goodbye.
        lab.plug("a", 2, false);
        pair.settles(address, &["b"]);
        pair.stays(address, &["b"], interval * 3);
        let [a, b] = compare(&pair);
        assert_eq!((a.get("", "Released master"), b.get("", "Became master")), (1, 1));
        assert_eq!((a.get("Priority Zero", "Sent"), b.get("Priority Zero", "Received")), (0, 0));

        // b may not take part any more: it says goodbye, and a follows.
        lab.plug("b", 1, false);
        pair.settles(address, &["a"]);
        let [a, b] = ["a", "b"].map(|node| Counters::of(pair.daemon(node)));
        let goodbyes = pair.packets.adverts("b").iter().filter(|(_, advert)| advert.priority == 0).count() as u64;
        assert!(goodbyes >= 1, "{}", pair.logs());
        assert_eq!(a.get("Priority Zero", "Received"), goodbyes);
        // keepalived 2.2.7 says it twice when its fault is that of a tracker, and counts one.
        let counted = if roles[1] == Program::Holdfast { goodbyes } else { 1 };
        assert_eq!(b.get("Priority Zero", "Sent"), counted);
        assert_eq!((b.get("Priority Zero", "Received"), a.get("Priority Zero", "Sent")), (0, 0));
        assert_eq!((a.get("", "Became master"), b.get("", "Released master")), (2, 1));
    });
}

#[test]
fn a_reload_keeps_the_master_and_the_counters() {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b"]);
        let mut pair = Pair::new(&lab, roles, [1, 2].map(|number| Instance::new(V3, number).conf()));
        pair.start_both();
        pair.settles(V3.address(), &["a"]);
        let before = ["a", "b"].map(|node| Counters::of(pair.daemon(node)));
        let from = Stamp::now();
        for node in ["a", "b"] {
            pair.daemon(node).hup();
        }
        pair.stays(V3.address(), &["a"], V3.down(100, V3.interval()) * 3);
        let after = ["a", "b"].map(|node| Counters::of(pair.daemon(node)));
        assert!(after[0].sent() > before[0].sent() && after[1].received() > before[1].received());
        assert_eq!(after[1].get("", "Became master"), before[1].get("", "Became master"));
        // Nobody waited for more than an interval and what a busy machine adds.
        let adverts = pair.packets.adverts("a");
        let times: Vec<Stamp> = adverts.iter().map(|(at, _)| *at).filter(|at| *at >= from).collect();
        let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max().expect("adverts");
        assert!(gap < V3.down(100, V3.interval()), "{gap:?}\n{}", pair.logs());
        thread::sleep(V3.interval());
        assert!(wait_until(LONG, || pair.packets.adverts("b").iter().all(|(at, _)| *at < from)));
    });
}
