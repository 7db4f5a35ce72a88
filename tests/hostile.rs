//! Anything in any order into one node: hostile packets, conditions that flicker, clocks that leap,
//! reloads. Nothing panics, the laws of deadlines and of the outbox hold, and addresses are held exactly
//! by who is master.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdfast::proto::Outbox;
use holdfast::proto::node::{Group, Input, Member, Node, Output};
use holdfast::proto::track::{Condition, Link};
use holdfast::proto::vrrp::{Action, Announce, Packet, Peer, Settings, State};
use holdfast::time::{Centis, Duration, Instant};
use holdfast::wire::vrrp::{ChecksumForm, Family, Pseudo, Repr, Version};
use proptest::collection::vec;
use proptest::prelude::*;

const ROUTERS: u16 = 4;
const CONDITIONS: u16 = 3;

/// One input, as data.
#[derive(Clone, Debug)]
enum Step {
    Start,
    Deadline,
    /// Bytes as they are.
    Noise(u16, Vec<u8>),
    /// A well-made advert, some of its bytes changed: router, source, priority, interval, damage.
    Advert(u16, u8, u8, u16, Vec<(u8, u8)>),
    Condition(u16, Condition),
    Source(u16, Option<u8>),
    Slept(u64),
    Shutdown,
    Reload(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Indices may be of what does not exist.
    let router = || 0..ROUTERS + 2;
    prop_oneof![
        1 => Just(Step::Start),
        6 => Just(Step::Deadline),
        3 => (router(), vec(any::<u8>(), 0..80)).prop_map(|(router, bytes)| Step::Noise(router, bytes)),
        9 => (router(), 0..4_u8, any::<u8>(), any::<u16>(), vec(any::<(u8, u8)>(), 0..3))
            .prop_map(|(router, source, priority, interval, damage)| Step::Advert(router, source, priority, interval, damage)),
        3 => (0..CONDITIONS + 2, condition()).prop_map(|(index, value)| Step::Condition(index, value)),
        3 => (router(), proptest::option::weighted(0.8, 0..4_u8)).prop_map(|(router, source)| Step::Source(router, source)),
        1 => any::<u64>().prop_map(Step::Slept),
        1 => Just(Step::Shutdown),
        1 => any::<u64>().prop_map(Step::Reload),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![any::<Option<bool>>().prop_map(Condition::from), any::<i32>().prop_map(Condition::Value)]
}

/// How much later a step is: nothing, a little, to the deadline, long after it, for ever.
fn leap() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..50_000_000_u64, 0..10_000_000_000_u64, 0..1_u64 << 50, any::<u64>()]
}

fn host(family: Family, number: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, number).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number.into()).into(),
    }
}

/// Settings within what the configuration allows, chosen by the bits of a number.
fn settings(bits: u64, index: u16) -> Settings {
    let byte = |place: u32| bits.rotate_right(place * 8 + u32::from(index) * 13).to_le_bytes()[0];
    let span = |place: u32| Duration::from_millis(u64::from(byte(place) & 0x3f) * 100);
    let version = if byte(0) & 1 == 0 { Version::V2 } else { Version::V3 };
    let family = if version == Version::V3 && byte(0) & 2 == 0 { Family::V6 } else { Family::V4 };
    let peer = Peer { ip: host(family, 3), min_ttl: byte(1) & 0x7f, max_ttl: byte(1) | 0x80 };
    Settings {
        version,
        family,
        vrid: index as u8 + 1,
        priority: byte(2).max(1),
        advert_interval: if version == Version::V2 { Centis::SECOND } else { Centis(u16::from(byte(3)) * 16 + 1) },
        preempt: byte(0) & 4 == 0,
        preempt_delay: if byte(0) & 8 == 0 { Duration::ZERO } else { span(4) },
        down_timer_adverts: byte(5) % 100 + 1,
        startup_delay: if byte(0) & 16 == 0 { Duration::ZERO } else { span(6) },
        addresses: Box::new([host(family, 100 + index as u8)]),
        peers: if byte(0) & 32 == 0 { Box::new([]) } else { Box::new([peer]) },
        check_source: byte(0) & 64 == 0,
        password: (version == Version::V2 && byte(7) & 1 == 0).then_some(*b"password"),
        checksum_form: ChecksumForm::PseudoHeader,
        skip_address_check: byte(7) & 2 == 0,
        owner_ignores_adverts: byte(7) & 4 == 0,
        lower_prio_no_advert: byte(7) & 8 == 0,
        higher_prio_send_advert: byte(7) & 16 == 0,
        announce: Announce {
            delay: span(8),
            repeat: 5,
            refresh: span(9),
            refresh_repeat: 1,
            lower_prio_delay: span(10),
            lower_prio_repeat: u32::from(byte(11) & 3),
        },
    }
}

fn configuration(bits: u64) -> (Vec<Member>, Vec<Group>) {
    let link = |condition: u16, weight| Link { condition, weight, reverse: bits >> condition & 1 == 1 };
    let grouped = bits & 0x100 == 0;
    let links = |index: u16| {
        let mut links = vec![link(index % 2, 0), link(2, (bits >> 20) as i16 % 254)];
        if bits & 0xf0 == 0 {
            links.push(link(9, 0)); // a condition that does not exist
        }
        links.into_boxed_slice()
    };
    let member = |index| Member {
        settings: settings(bits, index),
        links: links(index),
        group: (grouped && index < 3).then_some(0),
    };
    let group = Group { members: Box::new([0, 1, 2]), links: Box::new([link(1, 0)]) };
    ((0..ROUTERS).map(member).collect(), if grouped { vec![group] } else { Vec::new() })
}

/// A node, what its kernel holds, and the clock.
struct Bench {
    node: Node,
    outbox: Outbox<Output>,
    held: [bool; ROUTERS as usize],
    now: Instant,
}

impl Bench {
    fn new(bits: u64) -> Self {
        let (members, groups) = configuration(bits);
        let node = Node::new(members, groups, usize::from(CONDITIONS));
        let outbox = Outbox::with_capacity(node.outbox_capacity());
        Self { node, outbox, held: [false; ROUTERS as usize], now: Instant::ZERO }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Start => self.give(Input::Start),
            Step::Deadline => {
                self.give(Input::Deadline);
                if let Some(next) = self.node.next_deadline() {
                    // At the end of time there is no later.
                    assert!(next > self.now || self.now.as_nanos() > u64::MAX / 2, "{next:?} at {:?}", self.now);
                }
            }
            Step::Noise(router, bytes) => self.hear(*router, 1, bytes),
            Step::Advert(router, source, priority, interval, damage) => {
                self.advert(*router, *source, *priority, *interval, damage);
            }
            Step::Condition(index, value) => self.give(Input::Condition(*index, *value)),
            Step::Source(router, number) => {
                let family = self.node.router(*router).map_or(Family::V4, |router| router.settings().family);
                self.give(Input::Source(*router, number.map(|number| host(family, number))));
            }
            Step::Slept(nanos) => self.give(Input::Slept(Duration::from_nanos(*nanos))),
            Step::Shutdown => {
                self.give(Input::Shutdown);
                assert!(!self.held.contains(&true), "addresses left behind");
            }
            Step::Reload(bits) => self.reload(*bits),
        }
    }

    fn advert(&mut self, index: u16, number: u8, priority: u8, interval: u16, damage: &[(u8, u8)]) {
        let Some(router) = self.node.router(index) else { return };
        let settings = router.settings();
        let repr = Repr {
            priority,
            // Half of them agree with ours, or version 2 would refuse nearly all.
            interval: if interval & 1 == 0 { settings.advert_interval } else { Centis(interval) },
            ..router.advert(priority)
        };
        let pseudo = Pseudo { source: host(settings.family, number), destination: destination(settings) };
        let mut bytes = [0; 64];
        let length = repr.emit(&pseudo, &mut bytes).expect("fits");
        for (place, value) in damage {
            bytes[usize::from(*place) % 64] ^= value;
        }
        self.hear(index, number, &bytes[..length]);
    }

    fn hear(&mut self, index: u16, number: u8, payload: &[u8]) {
        let (source, destination) =
            self.node.router(index).map_or((host(Family::V4, 1), host(Family::V4, 2)), |router| {
                (host(router.settings().family, number), destination(router.settings()))
            });
        self.give(Input::Packet(index, Packet { source, destination, hop_limit: Some(255), payload }));
    }

    fn reload(&mut self, bits: u64) {
        let (members, groups) = configuration(bits);
        let origin: Vec<_> = (0..ROUTERS).map(Some).collect();
        self.node = Node::resume(members, groups, usize::from(CONDITIONS), &self.node, &origin, self.now);
        self.outbox = Outbox::with_capacity(self.node.outbox_capacity());
    }

    fn give(&mut self, input: Input<'_>) {
        self.node.handle(self.now, input, &mut self.outbox);
        while let Some(output) = self.outbox.pop() {
            if let Output::Router(router, action) = output {
                let held = &mut self.held[usize::from(router)];
                match action {
                    Action::Hold => *held = true,
                    Action::Release => *held = false,
                    Action::Announce(_) => assert!(*held, "announces what it does not hold"),
                    Action::Advertise(_) | Action::Enter(_) | Action::Report(_) => {}
                }
            }
        }
        assert_eq!(self.outbox.lost(), 0, "the outbox was full");
        for (router, held) in self.node.routers().iter().zip(self.held) {
            assert_eq!(router.state() == State::Active, held);
            assert!(router.priority() > 0);
        }
    }
}

fn destination(settings: &Settings) -> IpAddr {
    match (settings.is_unicast(), settings.family) {
        (true, family) => host(family, 0),
        (false, Family::V4) => Ipv4Addr::new(224, 0, 0, 18).into(),
        (false, Family::V6) => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12).into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_laws(bits: u64, begin in 0..1_u64 << 40, steps in vec((leap(), step()), 1..60)) {
        let mut bench = Bench::new(bits);
        bench.now = Instant::from_nanos(begin);
        for router in 0..ROUTERS {
            bench.apply(&Step::Source(router, Some(2)));
        }
        for condition in 0..CONDITIONS {
            bench.apply(&Step::Condition(condition, Condition::Is(bits >> condition & 1 == 0)));
        }
        bench.apply(&Step::Start);
        for (leap, step) in steps {
            let at = bench.now + Duration::from_nanos(leap);
            // Half of the deadlines are kept to the nanosecond.
            let due = bench.node.next_deadline().filter(|_| leap & 1 == 0).unwrap_or(at);
            bench.now = if matches!(step, Step::Deadline) { due.max(bench.now) } else { at };
            bench.apply(&step);
        }
    }
}
