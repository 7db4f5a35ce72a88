//! What the two sides may have different, one row each: who still hears whom, and what both say of it.
//!
//! Theory is the same for all rows: a prefers and always holds the address; b holds it too unless it
//! hears a. Each refusal has a line in the log that names the setting, and keepalived's counter.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use crate::conf::{Instance, Transport, V3};
use crate::counters::Counters;
use crate::lab::Lab;
use crate::pair::{Pair, Program, Roles, SLACK, both_roles};

/// One disagreement.
struct Row {
    name: &'static str,
    transport: Transport,
    /// Makes it: holdfast's instance and keepalived's, and the number of the node where holdfast runs.
    differ: fn(&mut Instance, &mut Instance),
    /// Holdfast accepts keepalived's adverts.
    we_hear: bool,
    /// Keepalived accepts holdfast's.
    they_hear: bool,
    /// In holdfast's log.
    our_log: Option<&'static str>,
    /// In keepalived's log.
    their_log: Option<&'static str>,
    /// Section and name of holdfast's counter that counts it.
    our_counter: Option<(&'static str, &'static str)>,
    /// Keepalived's.
    their_counter: Option<(&'static str, &'static str)>,
}

const V2: Transport = Transport { version: 2, ..V3 };
const PASS: Transport = Transport { password: Some("secret"), ..V2 };
const UNICAST: Transport = Transport { unicast: true, ..V3 };

/// Nobody hears anybody and nobody notices; rows say what is else.
const ROW: Row = Row {
    name: "",
    transport: V3,
    differ: |_, _| {},
    we_hear: false,
    they_hear: false,
    our_log: None,
    their_log: None,
    our_counter: None,
    their_counter: None,
};

/// Adverts of keepalived come from one more address of its node, which is none of holdfast's peers. It
/// hears nothing itself: its socket is bound to that address.
fn stranger(theirs: &mut Instance) {
    theirs.source = second_address(theirs.source);
}

/// 10.99.7.N for 10.99.0.N.
fn second_address(first: IpAddr) -> IpAddr {
    match first {
        IpAddr::V4(ip) => {
            let [a, b, _, d] = ip.octets();
            IpAddr::from([a, b, 7, d])
        }
        IpAddr::V6(_) => unreachable!("rows with a stranger are IPv4"),
    }
}

const ROWS: &[Row] = &[
    Row {
        name: "passwords differ",
        transport: PASS,
        differ: |ours, _| ours.transport.password = Some("Secret"),
        our_log: Some("the password differs"),
        their_log: Some("received an invalid passwd"),
        our_counter: Some(("Authentication Errors", "Failure")),
        their_counter: Some(("Authentication Errors", "Failure")),
        ..ROW
    },
    Row {
        name: "only keepalived has a password",
        transport: PASS,
        differ: |ours, _| ours.transport.password = None,
        our_log: Some("authentication type 1 is not ours"),
        their_log: Some("received a 0 auth, expecting 1"),
        our_counter: Some(("Authentication Errors", "Type Mismatch")),
        their_counter: Some(("Authentication Errors", "Type Mismatch")),
        ..ROW
    },
    Row {
        name: "only holdfast has a password",
        transport: PASS,
        differ: |_, theirs| theirs.transport.password = None,
        our_log: Some("authentication type 0 is not ours"),
        their_log: Some("received a 1 auth, expecting 0"),
        our_counter: Some(("Authentication Errors", "Type Mismatch")),
        their_counter: Some(("Authentication Errors", "Type Mismatch")),
        ..ROW
    },
    Row {
        name: "versions differ",
        transport: V2,
        differ: |ours, _| ours.transport = Transport { version: 3, ..ours.transport },
        our_log: Some("it is VRRP version 2"),
        their_log: Some("wrong version. Received 3 and expect 2"),
        ..ROW
    },
    Row { name: "virtual routers differ", differ: |ours, _| ours.vrid = 52, ..ROW },
    Row {
        name: "version 2 intervals differ",
        transport: V2,
        differ: |ours, _| ours.interval = Duration::from_secs(2),
        our_log: Some("advertisement interval 1 s is not ours"),
        their_log: Some("advertisement interval mismatch"),
        // Keepalived has the counter and never counts.
        our_counter: Some(("Packet Errors", "Advertisement Interval")),
        ..ROW
    },
    Row {
        name: "version 3 intervals differ",
        differ: |ours, _| ours.interval = Duration::from_millis(500),
        we_hear: true,
        they_hear: true,
        our_log: Some("have an interval of 0.2 s, not ours"),
        our_counter: Some(("Packet Errors", "Advertisement Interval")),
        ..ROW
    },
    Row {
        name: "holdfast has one more address",
        differ: |ours, _| ours.addresses.push("10.99.1.2".into()),
        we_hear: true,
        our_log: Some("compare virtual_ipaddress"),
        their_log: Some("received an unexpected ip number count"),
        our_counter: Some(("Packet Errors", "Address List")),
        their_counter: Some(("Packet Errors", "Address List")),
        ..ROW
    },
    Row {
        name: "each has an address that the other has not",
        differ: |ours, theirs| {
            ours.addresses.push("10.99.1.2".into());
            theirs.addresses.push("10.99.1.3".into());
        },
        we_hear: true,
        our_log: Some("compare virtual_ipaddress"),
        their_log: Some("not present in MASTER advert"),
        our_counter: Some(("Packet Errors", "Address List")),
        their_counter: Some(("Packet Errors", "Address List")),
        ..ROW
    },
    Row {
        name: "holdfast is farther away than keepalived allows",
        transport: UNICAST,
        differ: |ours, theirs| {
            ours.lines.push("unicast_ttl 64");
            theirs.peers = vec![format!("{} min_ttl 255", theirs.peers[0])];
        },
        we_hear: true,
        their_log: Some("TTL/HL 64 not in range"),
        their_counter: Some(("Packet Errors", "TTL")),
        ..ROW
    },
    Row {
        name: "keepalived is farther away than holdfast allows",
        transport: UNICAST,
        differ: |ours, theirs| {
            theirs.lines.push("unicast_ttl 64");
            ours.peers = vec![format!("{} min_ttl 65 max_ttl 255", ours.peers[0])];
        },
        they_hear: true,
        our_log: Some("TTL/hop limit 64"),
        our_counter: Some(("Packet Errors", "TTL")),
        ..ROW
    },
    Row {
        name: "each is as far away as the other allows",
        transport: UNICAST,
        differ: |ours, theirs| {
            ours.lines.push("unicast_ttl 64");
            theirs.lines.push("unicast_ttl 200");
            theirs.peers = vec![format!("{} min_ttl 60 max_ttl 64", theirs.peers[0])];
            ours.peers = vec![format!("{} min_ttl 200 max_ttl 210", ours.peers[0])];
        },
        we_hear: true,
        they_hear: true,
        ..ROW
    },
    Row {
        name: "keepalived is a stranger and holdfast minds",
        transport: UNICAST,
        differ: |ours, theirs| {
            ours.lines.push("check_unicast_src");
            stranger(theirs);
        },
        our_log: Some("not one of our unicast_peer"),
        ..ROW
    },
    Row {
        name: "keepalived is a stranger and holdfast does not mind",
        transport: UNICAST,
        differ: |_, theirs| stranger(theirs),
        we_hear: true,
        ..ROW
    },
    Row {
        name: "holdfast is a stranger and keepalived minds",
        transport: UNICAST,
        differ: |ours, theirs| {
            theirs.lines.push("check_unicast_src");
            stranger(ours);
        },
        their_log: Some("not a unicast peer"),
        ..ROW
    },
    Row {
        name: "unicast here and multicast there",
        differ: |ours, _| ours.transport = Transport { unicast: true, ..ours.transport },
        ..ROW
    },
    Row {
        name: "checksums differ",
        differ: |ours, _| ours.lines.push("v3_checksum_as_v2"),
        we_hear: true,
        // 2.2.7 knows one form only.
        their_log: Some("Invalid VRRPv3 checksum"),
        ..ROW
    },
];

impl Row {
    fn run(&self, roles: Roles) {
        let lab = Lab::new(&["a", "b"]);
        for (node, number) in [("a", 1), ("b", 2)] {
            lab.add_address(node, "eth0", &format!("{}/16", second_address(self.transport.node(number))));
        }
        let mut sides = [1, 2].map(|number| Instance::new(self.transport, number));
        let [a, b] = &mut sides;
        let (ours, theirs) = if roles[0] == Program::Holdfast { (a, b) } else { (b, a) };
        (self.differ)(ours, theirs);
        let slowest = sides.iter().map(|side| side.interval).max().expect("two sides");
        let mut pair = Pair::new(&lab, roles, sides.map(|side| side.conf()));
        pair.start_both();

        let b_hears = if roles[1] == Program::Holdfast { self.we_hear } else { self.they_hear };
        let holders: &[&str] = if b_hears { &["a"] } else { &["a", "b"] };
        pair.settles(self.transport.address(), holders);
        // Both are through with the start, and nobody changes its mind.
        thread::sleep(slowest * 3);
        pair.stays(self.transport.address(), holders, self.transport.down(100, slowest));
        self.both_say_why(&pair, b_hears);
    }

    fn both_say_why(&self, pair: &Pair<'_>, b_hears: bool) {
        for (program, text, counter) in [
            (Program::Holdfast, self.our_log, self.our_counter),
            (Program::Keepalived, self.their_log, self.their_counter),
        ] {
            // A b that hears a is silent by now: a may, but need not, have something to complain about.
            let must = !b_hears || pair.node_of(program) == "b";
            let daemon = pair.running(program);
            if let Some(text) = text.filter(|_| must) {
                assert!(daemon.logs(text, SLACK), "{program} does not say {text:?}\n{}", pair.logs());
            }
            let counters = Counters::of(daemon);
            let (counted, expected) = (counters.errors(), Vec::from_iter(counter));
            let right = counted == expected || !must && counted.is_empty();
            assert!(right, "{program} counts {counted:?}, not {expected:?}\n{}", pair.logs());
        }
    }
}

/// Runs every row with both roles; each says its name when it fails.
fn run(rows: &[Row]) {
    for row in rows {
        println!("{}", row.name);
        both_roles(|roles| row.run(roles));
    }
}

// Two tests, so that two rows at a time are run.

#[test]
fn disagreements_are_theory_part_1() {
    run(&ROWS[..ROWS.len() / 2]);
}

#[test]
fn disagreements_are_theory_part_2() {
    run(&ROWS[ROWS.len() / 2..]);
}
