//! What only shows when routers, trackers and sync groups work together. The elections themselves are
//! judged by the simulator and the table of the standard.

use core::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::proto::vrrp::{Action, Announce};
use crate::time::Centis;
use crate::wire::vrrp::{ChecksumForm, Family, Pseudo, Version};

const LINK: u16 = 0;
const SCRIPT: u16 = 1;
const CONDITIONS: usize = 2;
const BEGIN: Instant = Instant::from_nanos(1_000_000_000_000);

fn settings(vrid: u8) -> Settings {
    Settings {
        version: Version::V3,
        family: Family::V4,
        vrid,
        priority: 100,
        advert_interval: Centis::SECOND,
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_timer_adverts: 3,
        startup_delay: Duration::ZERO,
        addresses: Box::new([]),
        peers: Box::new([]),
        check_source: false,
        password: None,
        checksum_form: ChecksumForm::PseudoHeader,
        skip_address_check: false,
        owner_ignores_adverts: false,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        announce: Announce {
            delay: Duration::ZERO,
            repeat: 5,
            refresh: Duration::from_secs(60),
            refresh_repeat: 1,
            lower_prio_delay: Duration::ZERO,
            lower_prio_repeat: 0,
        },
    }
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

/// Two routers on one link; a script that is good adds 50 to each. Perhaps one sync group.
fn configuration(grouped: bool) -> (Vec<Member>, Vec<Group>) {
    let link = Link { condition: LINK, weight: 0, reverse: false };
    let script = Link { condition: SCRIPT, weight: 50, reverse: false };
    let member =
        |vrid| Member { settings: settings(vrid), links: Box::new([link, script]), group: grouped.then_some(0) };
    let group = Group { members: Box::new([0, 1]), links: Box::new([]) };
    (vec![member(1), member(2)], if grouped { vec![group] } else { Vec::new() })
}

struct Bench {
    node: Node,
    outbox: Outbox<Output>,
    now: Instant,
}

impl Bench {
    /// Started at `now`, with all conditions true.
    fn started(now: Instant, grouped: bool) -> Self {
        let (members, groups) = configuration(grouped);
        let node = Node::new(members, groups, CONDITIONS);
        let outbox = Outbox::with_capacity(node.outbox_capacity());
        let mut bench = Self { node, outbox, now };
        bench.acquaint();
        bench
    }

    fn acquaint(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        for router in 0..2 {
            outputs.extend(self.give(Input::Source(router, Some(address(2)))));
        }
        for condition in [LINK, SCRIPT] {
            outputs.extend(self.give(Input::Condition(condition, Condition::Is(true))));
        }
        outputs.extend(self.give(Input::Start));
        outputs
    }

    fn give(&mut self, input: Input<'_>) -> Vec<Output> {
        self.node.handle(self.now, input, &mut self.outbox);
        core::iter::from_fn(|| self.outbox.pop()).collect()
    }

    fn hear(&mut self, router: u16, from: u8, priority: u8) -> Vec<Output> {
        let pseudo = Pseudo { source: address(from), destination: Ipv4Addr::new(224, 0, 0, 18).into() };
        let mut bytes = [0; 32];
        let repr = self.node.router(router).expect("a router").advert(priority);
        let length = repr.emit(&pseudo, &mut bytes).expect("fits");
        let Pseudo { source, destination } = pseudo;
        let payload = bytes.get(..length).expect("in the buffer");
        self.give(Input::Packet(router, Packet { source, destination, hop_limit: Some(255), payload }))
    }

    fn fire(&mut self) -> Vec<Output> {
        self.now = self.node.next_deadline().expect("a deadline");
        self.give(Input::Deadline)
    }

    fn reload(&mut self, grouped: bool) -> Vec<Output> {
        let (members, groups) = configuration(grouped);
        self.node = Node::resume(members, groups, CONDITIONS, &self.node, &[Some(0), Some(1)], self.now);
        self.acquaint()
    }

    fn states(&self) -> [State; 2] {
        [0, 1].map(|index| self.node.router(index).expect("a router").state())
    }

    fn deadlines(&self) -> [Option<Instant>; 2] {
        [0, 1].map(|index| self.node.router(index).expect("a router").next_deadline())
    }
}

fn sent(outputs: &[Output]) -> Vec<(u16, u8)> {
    let advert = |output: &Output| match output {
        Output::Router(router, Action::Advertise(priority)) => Some((*router, *priority)),
        Output::Router(..) | Output::Group(..) | Output::Priority(..) => None,
    };
    outputs.iter().filter_map(advert).collect()
}

#[test]
fn members_start_with_the_priority_their_trackers_make() {
    let bench = Bench::started(BEGIN, true);
    // 3 s and (256 - 150) / 256 s
    let down = Some(BEGIN + Duration::from_nanos(3_414_062_500));
    assert_eq!((bench.states(), bench.deadlines()), ([State::Backup; 2], [down; 2]));
}

#[test]
fn an_unknown_condition_delays_the_start_of_all_members() {
    let (members, groups) = configuration(true);
    let node = Node::new(members, groups, CONDITIONS);
    let outbox = Outbox::with_capacity(node.outbox_capacity());
    let mut bench = Bench { node, outbox, now: BEGIN };
    for router in 0..2 {
        bench.give(Input::Source(router, Some(address(2))));
    }
    bench.give(Input::Start);
    assert_eq!(bench.states(), [State::Initialize; 2]);
    bench.give(Input::Condition(LINK, Condition::Is(true)));
    assert_eq!(bench.states(), [State::Backup; 2]);
}

#[test]
fn members_go_up_and_down_together() {
    let mut bench = Bench::started(BEGIN, true);
    bench.hear(1, 3, 150);
    let outputs = bench.fire();
    assert_eq!(sent(&outputs), [(0, 150), (1, 150)], "the second one's timer had not run out");
    assert!(outputs.contains(&Output::Group(0, State::Active)));
    let outputs = bench.hear(1, 3, 200);
    assert_eq!((bench.states(), sent(&outputs).len()), ([State::Backup; 2], 0));
    assert!(outputs.contains(&Output::Group(0, State::Backup)));
}

#[test]
fn a_missing_source_of_one_is_a_fault_of_all() {
    let mut bench = Bench::started(BEGIN, true);
    bench.fire();
    let outputs = bench.give(Input::Source(1, None));
    assert_eq!((bench.states(), sent(&outputs)), ([State::Fault; 2], vec![(0, 0), (1, 0)]));
    bench.give(Input::Source(1, Some(address(2))));
    assert_eq!(bench.states(), [State::Backup; 2]);
}

#[test]
fn a_reload_of_the_same_does_nothing() {
    for grouped in [false, true] {
        let mut bench = Bench::started(BEGIN, grouped);
        let before = (bench.states(), bench.deadlines());
        assert_eq!(bench.reload(grouped), [], "as backup");
        assert_eq!((bench.states(), bench.deadlines()), before);
        bench.fire();
        bench.fire();
        bench.now = bench.now + Duration::from_millis(500);
        let before = (bench.states(), bench.deadlines());
        assert_eq!(bench.reload(grouped), [], "as master");
        assert_eq!((bench.states(), bench.deadlines()), before);
    }
}

#[test]
fn a_reload_does_not_put_off_periodic_announcements() {
    let mut bench = Bench::started(BEGIN, false);
    bench.fire();
    let due = bench.now + Duration::from_secs(60);
    while bench.now < due {
        bench.reload(false);
        let outputs = bench.fire();
        if outputs.contains(&Output::Router(0, Action::Announce(1))) {
            return assert_eq!(bench.now, due);
        }
    }
    panic!("never announced");
}

#[test]
fn a_reload_just_after_boot_moves_no_timer() {
    // Skew_Time from now is nearer to the clock's zero than Active_Down_Interval is long.
    let mut bench = Bench::started(Instant::from_nanos(1_000_000_000), false);
    bench.hear(0, 3, 0);
    let before = bench.deadlines();
    bench.reload(false);
    assert_eq!(bench.deadlines(), before);
}

#[test]
fn routers_that_a_reload_joins_go_together() {
    let mut bench = Bench::started(BEGIN, false);
    bench.now = bench.now + Duration::from_secs(1);
    bench.hear(1, 3, 200);
    bench.fire();
    assert_eq!(bench.states(), [State::Active, State::Backup]);
    let outputs = bench.reload(true);
    assert_eq!((bench.states(), sent(&outputs)), ([State::Active; 2], vec![(1, 150)]));
    bench.hear(1, 3, 200);
    assert_eq!(bench.states(), [State::Backup; 2], "the better master of one decides for both");
}

#[test]
fn a_shutdown_says_goodbye_once_and_holds_nothing() {
    let mut bench = Bench::started(BEGIN, true);
    bench.fire();
    let outputs = bench.give(Input::Shutdown);
    assert_eq!((bench.states(), sent(&outputs)), ([State::Initialize; 2], vec![(0, 0), (1, 0)]));
    assert_eq!(outputs.iter().filter(|output| matches!(output, Output::Router(_, Action::Release))).count(), 2);
    assert_eq!((bench.give(Input::Shutdown), bench.node.next_deadline()), (Vec::new(), None));
}

#[test]
fn a_router_in_startup_delay_stops_silently() {
    let delayed = Settings { startup_delay: Duration::from_secs(10), ..settings(1) };
    let mut router = Router::new(delayed);
    let mut outbox = Outbox::with_capacity(8);
    router.handle(BEGIN, vrrp::Input::Startup, &mut outbox);
    assert_eq!(router.next_deadline(), Some(BEGIN + Duration::from_secs(10)));
    router.handle(BEGIN, vrrp::Input::Shutdown, &mut outbox);
    assert_eq!((outbox.pop(), router.next_deadline()), (None, None));
}
