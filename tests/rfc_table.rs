//! The virtual router against a table written from the standard's text, not from the code: every state,
//! every input, what follows.
//!
//! RFC 9568 (version 3), by section; RFC 3768 (version 2) where it differs;
//! `ka` marks what keepalived adds and its users rely on. Our router has priority 100 and the address
//! 192.0.2.2, and advertises every second. The rival has 192.0.2.1 (lower) or 192.0.2.3 (higher).
//!
//! Actions, in order: `adv P` sends an advert of priority P, `hold` and `release` the addresses,
//! `announce` them, `notify` says that the state changed. The last column is the timer that runs then,
//! from now on, in milliseconds; `=` is the timer that ran before; `-` is none. "Backup" begins with its
//! timer at 1000 of 3609.375 ms, "Active" with its own at 400 of 1000 ms.

use core::net::{IpAddr, Ipv4Addr};

use holdfast::proto::Outbox;
use holdfast::proto::vrrp::{Action, Announce, Input, Packet, Router, Settings, State};
use holdfast::time::{Centis, Duration, Instant};
use holdfast::wire::vrrp::{ChecksumForm, Family, Pseudo, Repr, Version};

/// kind | state | input | new state | actions | timer | source
const TABLE: &str = "
v3         | Initialize | startup           | Backup     | notify                           | 3609.375 | 6.4.1
v3         | Initialize | shutdown          | Initialize |                                  | -        | 6.4.1: only Startup counts
v3         | Initialize | deadline          | Initialize |                                  | -        | 6.4.1
v3         | Initialize | adv 50 low        | Initialize |                                  | -        | 6.4.1
v3         | Initialize | adv 200 high      | Initialize |                                  | -        | 6.4.1
v3         | Initialize | adv 0 high        | Initialize |                                  | -        | 6.4.1
v3         | Initialize | fault             | Fault      | notify                           | -        | ka
v3         | Initialize | promote           | Initialize |                                  | -        | ka: cannot be master, so does not follow
v3         | Initialize | yield             | Initialize |                                  | -        | ka
v3         | Initialize | slept             | Initialize |                                  | -        | ours

v3         | Backup     | startup           | Backup     |                                  | =        | it runs already
v3         | Backup     | shutdown          | Initialize | notify                           | -        | 6.4.2: cancel the timer, say nothing
v3         | Backup     | deadline          | Active     | adv 100, hold, announce, notify  | 1000     | 6.4.2
v3         | Backup     | early             | Backup     |                                  | =        | a timer that has not fired
v3         | Backup     | adv 0 low         | Backup     |                                  | 609.375  | 6.4.2: Skew_Time
v3         | Backup     | adv 0 high        | Backup     |                                  | 609.375  | 6.4.2
v3         | Backup     | adv 99 low        | Backup     |                                  | =        | 6.4.2: discard
v3         | Backup     | adv 99 high       | Backup     |                                  | =        | 6.4.2: addresses do not count in Backup
v3         | Backup     | adv 100 low       | Backup     |                                  | 3609.375 | 6.4.2: equal is enough
v3         | Backup     | adv 100 high      | Backup     |                                  | 3609.375 | 6.4.2
v3         | Backup     | adv 101 low       | Backup     |                                  | 3609.375 | 6.4.2
v3         | Backup     | adv 255 low       | Backup     |                                  | 3609.375 | 6.4.2
v3         | Backup     | adv 200 every 2 s | Backup     |                                  | 7218.75  | 6.4.2: the Active's interval
v3         | Backup     | adv 99 every 2 s  | Backup     |                                  | =        | 6.4.2: nothing is learned from it
v3         | Backup     | adv 200 bad sum   | Backup     |                                  | =        | 7.1: discard
v3         | Backup     | adv 200 ttl 254   | Backup     |                                  | =        | 5.1.1.3, 7.1: discard
v3         | Backup     | adv 0 bad sum     | Backup     |                                  | =        | 7.1: discard
v3         | Backup     | adv 200 v2        | Backup     |                                  | =        | 7.1: another version
v3         | Backup     | fault             | Fault      | notify                           | -        | ka
v3         | Backup     | priority 150      | Backup     |                                  | 804.6875 | ka: the timer that runs has the new Skew_Time
v3         | Backup     | priority 50       | Backup     |                                  | 1195.3125 | ka
v3         | Backup     | promote           | Active     | adv 100, hold, announce, notify  | 1000     | ka: sync group
v3         | Backup     | yield             | Backup     |                                  | =        | ka
v3         | Backup     | slept             | Backup     |                                  | 3609.375 | ours: listen for a whole interval
v3         | Backup     | late              | Backup     |                                  | 3609.375 | ours: a timer that old says nothing

v3         | Active     | startup           | Active     |                                  | =        | it runs already
v3         | Active     | shutdown          | Initialize | adv 0, release, notify           | -        | 6.4.3
v3         | Active     | deadline          | Active     | adv 100                          | 1000     | 6.4.3
v3         | Active     | early             | Active     |                                  | =        | a timer that has not fired
v3         | Active     | adv 0 low         | Active     | adv 100                          | 1000     | 6.4.3
v3         | Active     | adv 0 high        | Active     | adv 100                          | 1000     | 6.4.3
v3         | Active     | adv 99 low        | Active     | adv 100, announce                | =        | 6.4.3: answer at once; announce: ka
v3         | Active     | adv 99 high       | Active     | adv 100, announce                | =        | 6.4.3
v3         | Active     | adv 100 low       | Active     | adv 100, announce                | =        | 6.4.3: a tie, the lower address loses
v3         | Active     | adv 100 high      | Backup     | release, notify                  | 3609.375 | 6.4.3: a tie, the higher address wins
v3         | Active     | adv 101 low       | Backup     | release, notify                  | 3609.375 | 6.4.3
v3         | Active     | adv 255 high      | Backup     | release, notify                  | 3609.375 | 6.4.3
v3         | Active     | adv 200 every 2 s | Backup     | release, notify                  | 7218.75  | 6.4.3: the new Active's interval
v3         | Active     | adv 200 bad sum   | Active     |                                  | =        | 7.1: discard
v3         | Active     | adv 200 ttl 254   | Active     |                                  | =        | 5.1.1.3, 7.1: discard
v3         | Active     | adv 200 own       | Active     |                                  | =        | ka: it is our own address
v3         | Active     | adv 200 v2        | Active     |                                  | =        | 7.1: another version
v3         | Active     | fault             | Fault      | adv 0, release, notify           | -        | ka
v3         | Active     | priority 50       | Active     |                                  | =        | 6.4.3: the next advert says it
v3         | Active     | promote           | Active     |                                  | =        | ka
v3         | Active     | yield             | Backup     | release, notify                  | 3609.375 | ka: sync group
v3         | Active     | slept             | Backup     | release, notify                  | 3609.375 | ours: others had the time to elect
v3         | Active     | late              | Backup     | release, notify                  | 3609.375 | ours: others had the time to elect

v3         | Fault      | startup           | Backup     | notify                           | 3609.375 | ka: as from Initialize
v3         | Fault      | shutdown          | Initialize | notify                           | -        | ka
v3         | Fault      | deadline          | Fault      |                                  | -        | ka
v3         | Fault      | adv 0 high        | Fault      |                                  | -        | ka
v3         | Fault      | adv 50 low        | Fault      |                                  | -        | ka
v3         | Fault      | adv 200 high      | Fault      |                                  | -        | ka
v3         | Fault      | fault             | Fault      |                                  | -        | ka
v3         | Fault      | promote           | Fault      |                                  | -        | ka: cannot be master, so does not follow
v3         | Fault      | yield             | Fault      |                                  | -        | ka
v3         | Fault      | slept             | Fault      |                                  | -        | ours

nopreempt  | Backup     | adv 99 low        | Backup     |                                  | 3609.375 | 6.1 Preempt_Mode, 6.4.2
nopreempt  | Backup     | adv 1 every 2 s   | Backup     |                                  | 7218.75  | 6.4.2
nopreempt  | Backup     | adv 0 low         | Backup     |                                  | 609.375  | 6.4.2
nopreempt  | Backup     | deadline          | Active     | adv 100, hold, announce, notify  | 1000     | 6.4.2
nopreempt  | Active     | adv 99 high       | Active     | adv 100, announce                | =        | 6.4.3: Preempt_Mode is for Backup only
nopreempt  | Active     | adv 101 low       | Backup     | release, notify                  | 3609.375 | 6.4.3: Preempt_Mode is for Backup only
delay      | Backup     | adv 99 low        | Backup     |                                  | 3609.375 | ka: preempt_delay bears a lower master
delay      | Backup     | adv 0 low         | Backup     |                                  | 609.375  | 6.4.2

owner      | Initialize | startup           | Active     | adv 255, hold, announce, notify  | 1000     | 6.4.1
owner      | Initialize | adv 200 high      | Initialize |                                  | -        | 6.4.1
owner      | Fault      | startup           | Active     | adv 255, hold, announce, notify  | 1000     | 6.4.1
owner      | Active     | adv 254 high      | Active     | adv 255, announce                | =        | 6.4.3
owner      | Active     | adv 255 low       | Active     | adv 255, announce                | =        | 6.4.3
owner      | Active     | adv 255 high      | Backup     | release, notify                  | 3003.90625 | 6.4.3: two owners, one address wins
owner      | Active     | adv 0 high        | Active     | adv 255                          | 1000     | 6.4.3
owner      | Active     | shutdown          | Initialize | adv 0, release, notify           | -        | 6.4.3
owner      | Active     | slept             | Backup     | release, notify                  | 3003.90625 | ours: even an owner listens first
owner      | Backup     | adv 254 high      | Backup     |                                  | =        | 6.1 Preempt_Mode: the owner always preempts
owner      | Backup     | adv 255 low       | Backup     |                                  | 3003.90625 | 6.4.2
lazy owner | Backup     | adv 254 high      | Backup     |                                  | =        | 6.1 Preempt_Mode: regardless of its setting

v2         | Initialize | startup           | Backup     | notify                           | 3609.375 | RFC 3768, 6.4.1
v2         | Backup     | priority 150      | Backup     |                                  | 804.6875 | ka: Skew_Time is of a second
v2 slow    | Backup     | priority 150      | Backup     |                                  | 804.6875 | ka: Skew_Time is of a second
v3 slow    | Backup     | priority 150      | Backup     |                                  | 23.4375  | ka: Skew_Time is of the interval
v2         | Backup     | deadline          | Active     | adv 100, hold, announce, notify  | 1000     | RFC 3768, 6.4.2
v2         | Backup     | adv 0 low         | Backup     |                                  | 609.375  | RFC 3768, 6.4.2
v2         | Backup     | adv 99 high       | Backup     |                                  | =        | RFC 3768, 6.4.2
v2         | Backup     | adv 100 low       | Backup     |                                  | 3609.375 | RFC 3768, 6.4.2
v2         | Backup     | adv 200 every 2 s | Backup     |                                  | =        | RFC 3768, 7.1: another interval is discarded
v2         | Backup     | adv 0 every 2 s   | Backup     |                                  | =        | RFC 3768, 7.1
v2         | Backup     | adv 200 v3        | Backup     |                                  | =        | RFC 3768, 7.1: another version
v2         | Active     | adv 0 low         | Active     | adv 100                          | 1000     | RFC 3768, 6.4.3
v2         | Active     | adv 100 low       | Active     | adv 100, announce                | =        | RFC 3768, 6.4.3 discards; answer: RFC 9568
v2         | Active     | adv 100 high      | Backup     | release, notify                  | 3609.375 | RFC 3768, 6.4.3
v2         | Active     | adv 200 every 2 s | Active     |                                  | =        | RFC 3768, 7.1: another interval is discarded
v2         | Active     | shutdown          | Initialize | adv 0, release, notify           | -        | RFC 3768, 6.4.3
v2 slow    | Backup     | adv 0 low         | Backup     |                                  | 609.375  | RFC 3768, 6.1: Skew_Time is of a second, not of the interval
v2 slow    | Backup     | adv 200 low       | Backup     |                                  | 15609.375 | RFC 3768, 6.1: 3 * 5 s + Skew_Time
v3 slow    | Backup     | adv 0 low         | Backup     |                                  | 3046.875 | 6.1: Skew_Time is of the interval
v3 slow    | Backup     | adv 200 low       | Backup     |                                  | 18046.875 | 6.1: 3 * 5 s + Skew_Time
";

const BEGIN: Instant = Instant::from_nanos(1_000_000_000_000);
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const LOWER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HIGHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3));
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const VIRTUAL: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

fn settings(kind: &str) -> Settings {
    let owner = kind.ends_with("owner");
    Settings {
        version: if kind.starts_with("v2") { Version::V2 } else { Version::V3 },
        family: Family::V4,
        vrid: 7,
        priority: if owner { 255 } else { 100 },
        advert_interval: if kind.ends_with("slow") { Centis(500) } else { Centis::SECOND },
        preempt: !matches!(kind, "nopreempt" | "lazy owner"),
        preempt_delay: if matches!(kind, "delay" | "lazy owner") { Duration::from_secs(60) } else { Duration::ZERO },
        down_timer_adverts: 3,
        startup_delay: Duration::ZERO,
        addresses: Box::new([VIRTUAL]),
        peers: Box::new([]),
        check_source: false,
        password: None,
        checksum_form: ChecksumForm::MessageOnly,
        skip_address_check: false,
        owner_ignores_adverts: false,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        announce: Announce {
            delay: Duration::ZERO,
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: Duration::ZERO,
            lower_prio_repeat: 5,
        },
    }
}

/// A router and the moment at which it is.
struct Bench {
    router: Router,
    outbox: Outbox<Action>,
    now: Instant,
}

impl Bench {
    fn new(kind: &str) -> Self {
        let mut bench = Self { router: Router::new(settings(kind)), outbox: Outbox::with_capacity(16), now: BEGIN };
        bench.give(Input::Source(Some(OURS)));
        bench
    }

    fn give(&mut self, input: Input<'_>) -> Vec<Action> {
        self.router.handle(self.now, input, &mut self.outbox);
        let actions = core::iter::from_fn(|| self.outbox.pop()).collect();
        assert_eq!(self.outbox.lost(), 0);
        actions
    }

    /// Brings it into a state by the shortest way the standard has, its timer partly run down.
    fn bring_to(&mut self, state: &str) {
        match state {
            "Initialize" => {}
            "Fault" => drop(self.give(Input::Fault)),
            "Backup" => {
                self.give(Input::Startup);
                self.give(Input::Slept(Duration::ZERO)); // an owner is Active else
                self.now = self.now + self.timer().minus(Duration::from_secs(1));
            }
            "Active" => {
                self.give(Input::Startup);
                if self.router.state() == State::Backup {
                    self.now = self.now + self.timer();
                    self.give(Input::Deadline);
                }
                self.now = self.now + self.timer().minus(Duration::from_millis(400));
            }
            other => panic!("no state {other}"),
        }
        assert_eq!(format!("{:?}", self.router.state()), state);
    }

    fn timer(&self) -> Duration {
        self.router.next_deadline().map_or(Duration::ZERO, |at| at.since(self.now))
    }

    fn apply(&mut self, input: &str, kind: &str) -> Vec<Action> {
        match input {
            "startup" => self.give(Input::Startup),
            "shutdown" => self.give(Input::Shutdown),
            "fault" => self.give(Input::Fault),
            "promote" => self.give(Input::Promote),
            "yield" => self.give(Input::Yield),
            "slept" => self.give(Input::Slept(Duration::from_secs(60))),
            "early" => self.give(Input::Deadline),
            "deadline" => {
                self.now = self.now + self.timer();
                self.give(Input::Deadline)
            }
            raised if raised.starts_with("priority ") => {
                let (_, priority) = raised.split_once(' ').expect("a number follows");
                self.give(Input::Priority(priority.parse().expect("a priority")))
            }
            "late" => {
                self.now = self.now + self.timer().plus(Duration::from_secs(60));
                self.give(Input::Deadline)
            }
            advert => {
                let mut words =
                    advert.strip_prefix("adv ").unwrap_or_else(|| panic!("no input {advert}")).splitn(2, ' ');
                let priority = words.next().and_then(|word| word.parse().ok()).expect("a priority");
                self.hear(priority, words.next().unwrap_or("low"), kind)
            }
        }
    }

    fn hear(&mut self, priority: u8, how: &str, kind: &str) -> Vec<Action> {
        let source = match how {
            "high" => HIGHER,
            "own" => OURS,
            _ => LOWER,
        };
        let usual = settings(kind);
        let repr = Repr {
            version: match how {
                "v2" => Version::V2,
                "v3" => Version::V3,
                _ => usual.version,
            },
            vrid: 7,
            priority,
            interval: if how == "every 2 s" { Centis(200) } else { usual.advert_interval },
            addresses: &[VIRTUAL],
            auth: None,
            checksum_form: ChecksumForm::MessageOnly,
        };
        let mut bytes = [0; 64];
        let length = repr.emit(&Pseudo { source, destination: GROUP }, &mut bytes).expect("fits");
        if how == "bad sum" {
            bytes[6] ^= 1;
        }
        let hop_limit = Some(if how == "ttl 254" { 254 } else { 255 });
        self.give(Input::Packet(Packet { source, destination: GROUP, hop_limit, payload: &bytes[..length] }))
    }
}

fn words(actions: &[Action]) -> String {
    let word = |action: &Action| match action {
        Action::Advertise(priority) => Some(format!("adv {priority}")),
        Action::Hold => Some("hold".into()),
        Action::Release => Some("release".into()),
        Action::Announce(_) => Some("announce".into()),
        Action::Enter(_) => Some("notify".into()),
        Action::Report(_) => None,
    };
    actions.iter().filter_map(word).collect::<Vec<_>>().join(", ")
}

fn millis(text: &str, before: Option<Instant>, now: Instant) -> Option<Instant> {
    match text {
        "-" => None,
        "=" => before,
        number => Some(now + Duration::from_nanos((number.parse::<f64>().expect("a number") * 1e6) as u64)),
    }
}

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE.lines().filter(|line| !line.trim().is_empty()).map(|line| line.split('|').map(str::trim).collect())
}

#[test]
fn every_row_holds() {
    let mut wrong = Vec::new();
    for row in rows() {
        let [kind, state, input, new_state, actions, timer, source] = row[..] else { panic!("not a row: {row:?}") };
        let mut bench = Bench::new(kind);
        bench.bring_to(state);
        let before = bench.router.next_deadline();
        let did = bench.apply(input, kind);
        let is = (format!("{:?}", bench.router.state()), words(&did), bench.router.next_deadline());
        let should = (new_state.to_string(), actions.to_string(), millis(timer, before, bench.now));
        if is != should {
            wrong.push(format!("{kind} | {state} | {input}: {is:?}, not {should:?} ({source})"));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_complete() {
    let inputs = ["startup", "shutdown", "deadline", "fault", "promote", "yield", "slept"];
    let adverts = ["adv 0 ", "low", "high"];
    for state in ["Initialize", "Backup", "Active", "Fault"] {
        let has = |test: &dyn Fn(&str) -> bool| rows().any(|row| row[0] == "v3" && row[1] == state && test(row[2]));
        for input in inputs {
            assert!(has(&|other| other == input), "no row for {state} and {input}");
        }
        for advert in adverts {
            assert!(
                has(&|other| other.starts_with("adv") && other.contains(advert)),
                "no row for {state} and {advert}"
            );
        }
    }
}

/// RFC 9568, section 6.4.3: adverts follow the timer, not the moment somebody woke up for it.
#[test]
fn adverts_do_not_drift() {
    let mut bench = Bench::new("v3");
    bench.bring_to("Active");
    let first = bench.router.next_deadline().expect("an Adver_Timer");
    for count in 0..1000_u64 {
        bench.now = bench.router.next_deadline().expect("an Adver_Timer") + Duration::from_micros(700);
        assert_eq!(words(&bench.give(Input::Deadline)), "adv 100");
        assert_eq!(bench.router.next_deadline(), Some(first + Duration::from_secs(count + 1)));
    }
}

/// A late timer is not made up for by many adverts, and one that is too late for Active_Down_Interval is
/// no reason to speak.
#[test]
fn missed_adverts_stay_missed() {
    let mut bench = Bench::new("v3");
    bench.bring_to("Active");
    bench.now = bench.router.next_deadline().expect("an Adver_Timer") + Duration::from_millis(2500);
    assert_eq!(words(&bench.give(Input::Deadline)), "adv 100");
    assert_eq!(bench.timer(), Duration::from_secs(1));
}

/// keepalived's preempt_delay: borne from the first advert of the lower master on, then its timer runs out.
#[test]
fn a_lower_master_is_borne_for_preempt_delay() {
    let mut bench = Bench::new("delay");
    bench.bring_to("Backup");
    let first = bench.now;
    bench.apply("adv 99 low", "delay");
    while bench.router.state() == State::Backup {
        let next = bench.now + Duration::from_secs(1);
        if bench.router.next_deadline().is_some_and(|at| at <= next) {
            bench.apply("deadline", "delay");
        } else {
            bench.now = next;
            bench.apply("adv 99 low", "delay");
        }
        assert!(bench.now.since(first) < Duration::from_secs(70), "never preempts");
    }
    // The last one borne comes after 59 s; then 3609.375 ms of nothing that counts.
    assert_eq!(bench.now.since(first), Duration::from_secs(59).plus(Duration::from_nanos(3_609_375_000)));
}

/// A router that listened once after waking up late does not listen for ever.
#[test]
fn always_late_still_takes_over() {
    let mut bench = Bench::new("v3");
    bench.bring_to("Backup");
    bench.apply("late", "v3");
    assert_eq!(bench.router.state(), State::Backup);
    bench.apply("late", "v3");
    assert_eq!(bench.router.state(), State::Active);
}

/// A flood of rivals is not answered by a flood of adverts (RFC 9568, section 6.4.3, wants one "at once").
#[test]
fn rivals_are_answered_eight_times_an_interval_at_most() {
    for advert in ["adv 99 low", "adv 0 low"] {
        let mut bench = Bench::new("v3");
        bench.bring_to("Active");
        let mut answers = 0;
        for _ in 0..200 {
            bench.now = bench.now + Duration::from_millis(1);
            answers += usize::from(words(&bench.apply(advert, "v3")).contains("adv"));
        }
        assert_eq!(answers, 2, "{advert}");
    }
}
