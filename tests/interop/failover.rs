//! The matrix: each way of losing and regaining the master, in each form of the protocol, both ways
//! round. One election for each event, in time, and the client always knows where to go.

use std::time::Duration;

use crate::conf::{Instance, Transport, V3};
use crate::lab::{Lab, Stamp, wait_until};
use crate::pair::{CARRIER, LONG, Pair, Program, Roles, SLACK, STARTUP, both_roles};

/// One cell of the matrix while it runs. a prefers; b stands by.
struct Cell<'lab> {
    pair: Pair<'lab>,
    transport: Transport,
    /// Who is to have been elected so far.
    elected: Vec<&'static str>,
    /// How long both had the address before the event that is looked at.
    overlap: Duration,
}

fn matrix(transport: Transport) {
    both_roles(|roles| {
        let lab = Lab::new(&["a", "b", "c"]);
        let mut cell = Cell::new(&lab, transport, roles);
        cell.first_election();
        cell.graceful_stop();
        cell.preemption_after_a_start();
        cell.host_crash();
        cell.start_behind_a_dead_cable();
        cell.cable_out();
        cell.cable_in();
        cell.partition();
    });
}

impl<'lab> Cell<'lab> {
    fn new(lab: &'lab Lab, transport: Transport, roles: Roles) -> Self {
        let confs = [1, 2].map(|number| Instance::new(transport, number).conf());
        Self { pair: Pair::new(lab, roles, confs), transport, elected: Vec::new(), overlap: Duration::ZERO }
    }

    fn down(&self, priority: u8) -> Duration {
        self.transport.down(priority, self.transport.interval())
    }

    /// Nobody is there: the better one is elected, whoever is first.
    fn first_election(&mut self) {
        self.pair.start("a");
        let up = self.pair.start("b");
        let first = self.pair.speaks("a", up.before(STARTUP));
        assert!(first - up <= self.down(200) + STARTUP, "{:?}\n{}", first - up, self.pair.logs());
        self.pair.settles(self.transport.address(), &["a"]);
        self.pair.listens("b");
        // What a slow start of a made b do in between is no matter here.
        let address = self.transport.address();
        assert!(wait_until(LONG, || self.pair.elected(address).last() == Some(&"a")), "{}", self.pair.logs());
        self.elected = self.pair.elected(address);
        self.overlap = self.pair.addresses.timeline().overlap(self.transport.address());
        self.adverts_are_as_configured();
        self.client_reaches("a");
        self.pair.stays(self.transport.address(), &["a"], self.down(100) * 2);
    }

    fn adverts_are_as_configured(&self) {
        let (_, advert) = self.pair.last_advert("a", Stamp::now());
        let transport = self.transport;
        // keepalived 2.2.7 leaves the hop limit of unicast IPv6 at the kernel's default.
        let default = transport.six && transport.unicast && self.pair.roles[0] == Program::Keepalived;
        let ttl = if default { 64 } else { 255 };
        assert_eq!((advert.version, advert.vrid, advert.priority, advert.ttl), (transport.version, 51, 200, ttl));
        assert_eq!(advert.interval, transport.interval());
        assert_eq!(advert.destination.is_multicast(), !transport.unicast);
        let listed: Vec<String> = advert.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(listed, transport.addresses());
        // Version 2: authentication type 1 is the simple password.
        let authenticated = transport.version == 2 && advert.bytes.get(4) == Some(&1);
        assert_eq!(authenticated, transport.password.is_some());
    }

    /// TERM: priority 0, and b follows after its skew time.
    fn graceful_stop(&mut self) {
        let term = self.pair.daemon("a").term();
        let taken = self.pair.speaks("b", term);
        let (goodbye, advert) = self.pair.last_advert("a", taken);
        assert_eq!(advert.priority, 0, "a leaves without a word\n{}", self.pair.logs());
        let skew = self.transport.skew(100, self.transport.interval());
        self.pair.within("takeover after the goodbye", goodbye, taken, skew, SLACK);
        let status = self.pair.daemon_mut("a").wait(LONG);
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", self.pair.logs());
        self.moved("b", taken);
    }

    /// a comes back and has the higher priority.
    fn preemption_after_a_start(&mut self) {
        let start = self.pair.start("a");
        let taken = self.pair.speaks("a", start);
        let slack = if self.pair.roles[0] == Program::Keepalived { STARTUP } else { SLACK };
        self.pair.within("preemption after a start", start, taken, self.down(200), slack);
        self.moved("a", taken);
    }

    /// The machine is without power: nobody says anything, and the address stays where nobody reaches it.
    fn host_crash(&mut self) {
        let cut = self.pair.power_off("a");
        self.taken_over_in_silence(cut);
    }

    /// It starts before its switch does. What the crash left is taken away before anybody can reach it.
    fn start_behind_a_dead_cable(&mut self) {
        assert!(self.pair.lab.node("a").has(self.transport.address()), "the crash leaves the address");
        self.pair.start("a");
        let gone = wait_until(LONG, || !self.pair.lab.node("a").has(self.transport.address()));
        assert!(gone, "what the crash left stays\n{}", self.pair.logs());
        self.cable_in();
    }

    /// The cable alone: a notices and lets go.
    fn cable_out(&mut self) {
        let cut = self.pair.lab.cut("a");
        self.taken_over_in_silence(cut);
        let gone = wait_until(CARRIER + SLACK, || !self.pair.lab.node("a").has(self.transport.address()));
        assert!(gone, "a keeps the address without a cable\n{}", self.pair.logs());
    }

    fn taken_over_in_silence(&mut self, cut: Stamp) {
        let taken = self.pair.speaks("b", cut);
        let (last, advert) = self.pair.last_advert("a", cut);
        assert_eq!(advert.priority, 200, "no goodbye passes a dead cable");
        self.pair.within("takeover from the dead", last, taken, self.down(100), SLACK);
        self.moved("b", taken);
    }

    fn cable_in(&mut self) {
        let mend = self.pair.lab.mend("a");
        let taken = self.pair.speaks("a", mend);
        self.pair.within("preemption after the cable is back", mend, taken, self.down(200), CARRIER + SLACK);
        self.moved("a", taken);
    }

    /// Both are well and neither hears the other: both hold the address. When they meet, b gives way and
    /// a never stops.
    fn partition(&mut self) {
        let address = self.transport.address();
        self.bridge(&["nomaster"]);
        let cut = Stamp::now();
        let taken = self.pair.speaks("b", cut);
        let (since, theory) = (cut.before(self.transport.interval()), self.down(100));
        self.pair.within("takeover in a partition", since, taken, theory, self.transport.interval() + SLACK);
        self.pair.settles(address, &["a", "b"]);
        self.pair.speaks("a", taken);
        let heal = Stamp::now();
        self.bridge(&["master", "br0"]);
        let gone = self.pair.addresses.wait_went("b", address, heal, LONG);
        let gone = gone.unwrap_or_else(|| panic!("b stays master\n{}", self.pair.logs()));
        assert!(gone - heal <= self.transport.interval() + SLACK, "{:?}\n{}", gone - heal, self.pair.logs());
        self.pair.stays(address, &["a"], self.down(100));
        self.elected.push("b");
        assert_eq!(self.pair.elected(address), self.elected, "{}", self.pair.logs());
    }

    fn bridge(&self, words: &[&str]) {
        self.pair.lab.switch().must_run(&[&["ip", "link", "set", "p0a"], words].concat());
    }

    /// `node` spoke at `taken` for the first time: the address is there and nowhere else, elected once, and
    /// the client goes there.
    fn moved(&mut self, node: &'static str, taken: Stamp) {
        let (address, other) = (self.transport.address(), if node == "a" { "b" } else { "a" });
        let reachable = |timeline: &crate::lab::addresses::AddressTimeline, node: &str| {
            timeline.reachable(node, address).last().is_some_and(|span| span.until.is_none())
        };
        let settled = wait_until(SLACK, || {
            let timeline = self.pair.addresses.timeline();
            reachable(&timeline, node) && !reachable(&timeline, other)
        });
        assert!(settled, "{address} is not on {node} alone in time\n{}", self.pair.logs());
        self.elected.push(node);
        assert_eq!(self.pair.elected(address), self.elected, "{}", self.pair.logs());
        let overlap = self.pair.addresses.timeline().overlap(address);
        assert!(overlap - self.overlap <= SLACK, "on both for {:?}\n{}", overlap - self.overlap, self.pair.logs());
        self.overlap = overlap;
        self.client_reaches(node);
        let late = self.pair.packets.adverts(other).into_iter().find(|(at, _)| *at > taken + SLACK);
        assert_eq!(late, None, "{other} goes on\n{}", self.pair.logs());
    }

    /// The client's neighbour table, which nobody cleans for it, points to `node`.
    fn client_reaches(&self, node: &str) {
        let (client, address) = (self.pair.lab.node("c"), self.transport.address());
        let answer = self.pair.lab.probe("c", address).wait_answer(Stamp::now(), LONG);
        assert!(answer.is_some(), "{address} does not answer\n{}", self.pair.logs());
        let table = client.must_run(&["ip", "neigh", "show", "to", &address.to_string(), "dev", "eth0"]);
        let mac = Lab::mac(0, if node == "a" { 1 } else { 2 });
        assert!(table.contains(&mac), "the client does not go to {node}: {table}");
    }
}

#[test]
fn version_3_multicast() {
    matrix(V3);
}

#[test]
fn version_3_unicast() {
    matrix(Transport { unicast: true, ..V3 });
}

#[test]
fn version_3_ipv6_multicast() {
    matrix(Transport { six: true, ..V3 });
}

#[test]
fn version_3_ipv6_unicast() {
    matrix(Transport { six: true, unicast: true, ..V3 });
}

#[test]
fn version_2_multicast() {
    matrix(Transport { version: 2, ..V3 });
}

#[test]
fn version_2_unicast() {
    matrix(Transport { version: 2, unicast: true, ..V3 });
}

#[test]
fn version_2_multicast_with_a_password() {
    matrix(Transport { version: 2, password: Some("secret"), ..V3 });
}

#[test]
fn version_2_unicast_with_a_password() {
    // Eight characters: the field's length, without a zero at its end.
    matrix(Transport { version: 2, unicast: true, password: Some("sesame12"), ..V3 });
}
