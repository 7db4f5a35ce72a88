//! A virtual router: RFC 9568 (version 3) and RFC 3768 (version 2), with keepalived's additions.
//!
//! Words: Active, Backup and Initialize are RFC 9568's; Fault is keepalived's state of a router that
//! may not take part. Outside (logs, dumps, notify scripts) Active is called MASTER.
//!
//! The machine never touches an address or a socket. It says [`Action::Hold`] and
//! [`Action::Release`] and who drives it makes it so.

mod receive;
mod settings;
mod stats;

use core::net::IpAddr;

use self::stats::count;
use super::outbox::Outbox;
use crate::time::{Centis, Duration, Instant};
use crate::wire::vrrp::{Advert, ChecksumForm, Repr, Version};

pub use receive::{Packet, Refusal};
pub use settings::{Announce, LEAVING, OWNER, Peer, Settings};
pub use stats::Stats;

/// What happens to a virtual router.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// It may take part: the start, or the end of a fault (RFC 9568, section 6.4.1).
    Startup,
    /// It may not take part any more.
    Fault,
    /// It leaves for good.
    Shutdown,
    /// The deadline it asked for has come.
    Deadline,
    /// A packet for its VRID came in on its interface.
    Packet(Packet<'a>),
    /// Trackers changed its priority to this, 1 to 254 (255 for an owner).
    Priority(u8),
    /// Its own address on the interface, which ties are decided by.
    Source(Option<IpAddr>),
    /// A member of its sync group became master: so must it.
    Promote,
    /// A member of its sync group became backup: so must it.
    Yield,
    /// The machine or the process slept for this long; others may have taken over.
    Slept(Duration),
}

/// What is to be done, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send an advert of this priority.
    Advertise(u8),
    /// The addresses must be on the interface.
    Hold,
    /// The addresses must not be on the interface.
    Release,
    /// Announce each address this many times.
    Announce(u32),
    /// The state changed: tell notify scripts and the log.
    Enter(State),
    /// For the log.
    Report(Event),
}

/// The state as the outside sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not started.
    Initialize,
    /// Listening.
    Backup,
    /// Holding the addresses.
    Active,
    /// Not allowed to take part.
    Fault,
}

/// Something worth a line in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// No advert for `Active_Down_Interval`.
    AdvertTimeout,
    /// A backup heard the master leave.
    MasterLeaves(IpAddr),
    /// A master heard a lower priority, or an equal one from a lower address, and answers.
    LowerPriority {
        /// Who.
        source: IpAddr,
        /// Its priority.
        theirs: u8,
        /// Our priority.
        ours: u8,
    },
    /// The same, for programs: at most once a second.
    Rival,
    /// A master heard a higher priority, or an equal one from a higher address, and yields.
    HigherPriority {
        /// Who.
        source: IpAddr,
        /// Its priority.
        theirs: u8,
        /// Our priority.
        ours: u8,
    },
    /// A backup that preempts hears a lower master and lets its own timer run out.
    Preempts {
        /// Who.
        source: IpAddr,
        /// Its priority.
        theirs: u8,
        /// Our priority.
        ours: u8,
    },
    /// A backup that preempts hears a lower master and waits for `preempt_delay`.
    PreemptDelay(Duration),
    /// A packet was refused; so many more of this kind since the last such line.
    Refused {
        /// Who sent it.
        source: IpAddr,
        /// Why.
        refusal: Refusal,
    },
    /// An accepted advert lists other addresses than ours.
    AddressListDiffers(IpAddr),
    /// An accepted version 3 advert has another interval than ours.
    IntervalDiffers {
        /// Who.
        source: IpAddr,
        /// Its interval.
        theirs: Centis,
    },
    /// The router was asleep for so long that it listens before it speaks again.
    Slept(Duration),
    /// Follows its sync group.
    Promoted,
    /// Follows its sync group.
    Yielded,
}

/// The master a router last heard, which may be itself's rival.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// Who.
    pub source: IpAddr,
    /// Its priority.
    pub priority: u8,
    /// Its checksum form (RFC 9568, section 5.2.8, or the one without pseudo-header).
    pub checksum_form: ChecksumForm,
    /// When.
    pub at: Instant,
}

/// The state with its own deadlines: the timer of a state that was left cannot fire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Initialize,
    /// `startup_delay`: deaf and silent.
    Delayed {
        until: Instant,
    },
    Backup(Backup),
    Active(Active),
    Fault,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Backup {
    /// `Active_Down_Timer`.
    down_at: Instant,
    /// While a lower master is borne because of `preempt_delay`.
    bears_until: Option<Instant>,
    /// It woke up late once and listens for one more interval.
    listening_again: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Active {
    /// `Adver_Timer`.
    advert_at: Instant,
    /// The second batch of announcements, and its size.
    announce_at: Option<(Instant, u32)>,
    /// The next periodic batch of announcements.
    refresh_at: Option<Instant>,
    /// No advert out of turn before this: a flood of rivals must not become a flood of answers.
    may_answer_at: Instant,
    /// Nor announcements because of a rival.
    may_announce_at: Instant,
}

/// Hosts that a rival misled are told where the addresses are, but not more often than this.
const RIVAL_ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);

/// Lines about refused packets: each kind once in this time.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// A virtual router.
#[derive(Clone, Debug)]
pub struct Router {
    settings: Settings,
    phase: Phase,
    priority: u8,
    source: Option<IpAddr>,
    /// `Active_Adver_Interval`: our own as master, the master's as backup.
    active_interval: Centis,
    heard: Option<Heard>,
    stats: Stats,
    /// When kinds of log lines may be written again, and which were.
    log_window: (Instant, u32),
}

impl Router {
    /// A router that has not started.
    pub fn new(settings: Settings) -> Self {
        Self {
            phase: Phase::Initialize,
            priority: settings.priority,
            source: None,
            active_interval: settings.advert_interval,
            heard: None,
            stats: Stats::default(),
            log_window: (Instant::ZERO, 0),
            settings,
        }
    }

    /// A router with new settings that goes on where `old` is: no election because of a reload.
    pub fn resume(settings: Settings, old: &Self, now: Instant) -> Self {
        let priority = resumed_priority(&settings, old);
        let mut router = Self { settings, priority, ..old.clone() };
        match &mut router.phase {
            Phase::Active(active) => {
                active.advert_at = active.advert_at.min(now + router.settings.advert_interval.span());
                router.active_interval = router.settings.advert_interval;
                let refresh = router.settings.announce.refresh;
                if refresh != old.settings.announce.refresh {
                    active.refresh_at = (!refresh.is_zero()).then(|| now + refresh);
                }
            }
            Phase::Backup(backup) => {
                if router.settings.version == Version::V2 {
                    router.active_interval = router.settings.advert_interval;
                }
                // What has been waited stays waited: reloads in a row do not postpone a takeover.
                let down = router.settings.active_down_interval(priority, router.active_interval);
                backup.down_at = backup.down_at + down - old.active_down_interval();
            }
            Phase::Initialize | Phase::Delayed { .. } | Phase::Fault => {}
        }
        router
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The state as the outside sees it.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Initialize | Phase::Delayed { .. } => State::Initialize,
            Phase::Backup(_) => State::Backup,
            Phase::Active(_) => State::Active,
            Phase::Fault => State::Fault,
        }
    }

    /// The effective priority.
    pub fn priority(&self) -> u8 {
        self.priority
    }

    /// Its own address, which adverts come from.
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// `Active_Adver_Interval`.
    pub fn active_interval(&self) -> Centis {
        self.active_interval
    }

    /// The last advert that was accepted.
    pub fn heard(&self) -> Option<Heard> {
        self.heard
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Sets the counters to zero.
    pub fn clear_stats(&mut self) {
        self.stats = Stats::default();
    }

    /// The advert of this priority, to be emitted with the socket's addresses.
    pub fn advert(&self, priority: u8) -> Repr<'_> {
        Repr {
            version: self.settings.version,
            vrid: self.settings.vrid,
            priority,
            interval: self.settings.advert_interval,
            addresses: &self.settings.addresses,
            auth: self.settings.password,
            checksum_form: self.settings.checksum_form,
        }
    }

    /// When it wants [`Input::Deadline`]; none if only other inputs can move it.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Initialize | Phase::Fault => None,
            Phase::Delayed { until } => Some(until),
            Phase::Backup(backup) => Some(backup.down_at),
            Phase::Active(active) => {
                let mut next = active.advert_at;
                for other in [active.announce_at.map(|(at, _)| at), active.refresh_at].into_iter().flatten() {
                    next = next.min(other);
                }
                Some(next)
            }
        }
    }

    /// When the next advert is due; none unless it is Active.
    pub fn next_advert(&self) -> Option<Instant> {
        match self.phase {
            Phase::Active(active) => Some(active.advert_at),
            Phase::Initialize | Phase::Delayed { .. } | Phase::Backup(_) | Phase::Fault => None,
        }
    }

    /// Takes an input and says what is to be done about it.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox<Action>) {
        match (self.phase, input) {
            (_, Input::Source(source)) => self.source = source,
            (Phase::Backup(backup), Input::Priority(priority)) => self.reprioritise(now, backup, priority),
            (
                Phase::Initialize | Phase::Delayed { .. } | Phase::Active(_) | Phase::Fault,
                Input::Priority(priority),
            ) => self.priority = priority,

            (Phase::Initialize | Phase::Fault, Input::Startup) => self.startup(now, outbox),
            (Phase::Delayed { .. } | Phase::Backup(_) | Phase::Active(_), Input::Startup) => {}

            (Phase::Active(_), Input::Fault) => {
                self.advertise(LEAVING, outbox);
                self.release(Phase::Fault, outbox);
            }
            (Phase::Initialize | Phase::Delayed { .. } | Phase::Backup(_), Input::Fault) => {
                self.enter(Phase::Fault, outbox)
            }
            (Phase::Fault, Input::Fault) => {}

            (Phase::Active(_), Input::Shutdown) => {
                self.advertise(LEAVING, outbox);
                self.release(Phase::Initialize, outbox);
            }
            (Phase::Backup(_) | Phase::Fault, Input::Shutdown) => self.enter(Phase::Initialize, outbox),
            // Outside, a delayed router never left Initialize.
            (Phase::Initialize | Phase::Delayed { .. }, Input::Shutdown) => self.phase = Phase::Initialize,

            (Phase::Delayed { until }, Input::Deadline) => {
                if now >= until {
                    self.begin(now, outbox);
                }
            }
            (Phase::Backup(backup), Input::Deadline) => self.active_down(now, backup, outbox),
            (Phase::Active(active), Input::Deadline) => self.active_deadline(now, active, outbox),
            (Phase::Initialize | Phase::Fault, Input::Deadline) => {}

            (Phase::Backup(backup), Input::Packet(packet)) => self.backup_hears(now, backup, packet, outbox),
            (Phase::Active(active), Input::Packet(packet)) => self.active_hears(now, active, packet, outbox),
            (Phase::Initialize | Phase::Delayed { .. } | Phase::Fault, Input::Packet(_)) => {}

            (Phase::Backup(_), Input::Promote) => {
                outbox.push(Action::Report(Event::Promoted));
                self.become_active(now, outbox);
            }
            (Phase::Initialize | Phase::Delayed { .. } | Phase::Active(_) | Phase::Fault, Input::Promote) => {}

            (Phase::Active(_), Input::Yield) => {
                outbox.push(Action::Report(Event::Yielded));
                self.become_backup(now, self.settings.advert_interval, outbox);
            }
            (Phase::Initialize | Phase::Delayed { .. } | Phase::Backup(_) | Phase::Fault, Input::Yield) => {}

            (Phase::Active(_), Input::Slept(span)) => self.listen_after_sleep(now, span, outbox),
            (Phase::Backup(backup), Input::Slept(_)) => {
                let listened = backup.down_at.max(now + self.active_down_interval());
                self.phase = Phase::Backup(Backup { down_at: listened, ..backup });
            }
            (Phase::Initialize | Phase::Delayed { .. } | Phase::Fault, Input::Slept(_)) => {}
        }
    }

    /// `Active_Down_Interval` as things stand.
    pub fn active_down_interval(&self) -> Duration {
        self.settings.active_down_interval(self.priority, self.active_interval)
    }

    fn startup(&mut self, now: Instant, outbox: &mut Outbox<Action>) {
        if self.phase == Phase::Initialize && !self.settings.startup_delay.is_zero() {
            self.phase = Phase::Delayed { until: now + self.settings.startup_delay };
        } else {
            self.begin(now, outbox);
        }
    }

    /// RFC 9568, section 6.4.1: the owner is Active at once, everybody else listens first.
    fn begin(&mut self, now: Instant, outbox: &mut Outbox<Action>) {
        self.active_interval = self.settings.advert_interval;
        if self.priority == OWNER {
            self.become_active(now, outbox);
        } else {
            self.listen(now);
            outbox.push(Action::Enter(State::Backup));
        }
    }

    fn listen(&mut self, now: Instant) {
        let down_at = now + self.active_down_interval();
        self.phase = Phase::Backup(Backup { down_at, bears_until: None, listening_again: false });
    }

    /// The timer that runs gets the new `Skew_Time`, as keepalived's does: or a router whose trackers raised
    /// it above the others would still lose the next election to one of them.
    fn reprioritise(&mut self, now: Instant, backup: Backup, priority: u8) {
        let before = self.active_down_interval();
        self.priority = priority;
        let down_at = (backup.down_at + self.active_down_interval() - before).max(now.min(backup.down_at));
        self.phase = Phase::Backup(Backup { down_at, ..backup });
    }

    fn enter(&mut self, phase: Phase, outbox: &mut Outbox<Action>) {
        self.phase = phase;
        outbox.push(Action::Enter(self.state()));
    }

    /// Leaves the Active state for one without addresses.
    fn release(&mut self, phase: Phase, outbox: &mut Outbox<Action>) {
        count(&mut self.stats.released_master);
        outbox.push(Action::Release);
        self.enter(phase, outbox);
    }

    /// RFC 9568, section 6.4.2 (370) to (395), in keepalived's order: advert, addresses, announcements.
    fn become_active(&mut self, now: Instant, outbox: &mut Outbox<Action>) {
        let announce = self.settings.announce;
        self.active_interval = self.settings.advert_interval;
        self.phase = Phase::Active(Active {
            advert_at: now + self.settings.advert_interval.span(),
            announce_at: (!announce.delay.is_zero()).then(|| (now + announce.delay, announce.repeat)),
            refresh_at: (!announce.refresh.is_zero()).then(|| now + announce.refresh),
            may_answer_at: now,
            may_announce_at: now,
        });
        count(&mut self.stats.became_master);
        self.advertise(self.priority, outbox);
        outbox.push(Action::Hold);
        outbox.push(Action::Announce(announce.repeat));
        outbox.push(Action::Enter(State::Active));
    }

    /// RFC 9568, section 6.4.3 (710) to (745). `interval` is the new master's, or ours if unknown.
    fn become_backup(&mut self, now: Instant, interval: Centis, outbox: &mut Outbox<Action>) {
        count(&mut self.stats.released_master);
        self.active_interval = interval;
        self.listen(now);
        outbox.push(Action::Release);
        outbox.push(Action::Enter(State::Backup));
    }

    fn advertise(&mut self, priority: u8, outbox: &mut Outbox<Action>) {
        self.stats.sent(priority);
        outbox.push(Action::Advertise(priority));
    }

    /// The Active_Down_Timer fired, or would have if the process had not slept.
    fn active_down(&mut self, now: Instant, backup: Backup, outbox: &mut Outbox<Action>) {
        if now < backup.down_at {
            return;
        }
        let late = now.since(backup.down_at);
        let interval = self.active_down_interval();
        if late > interval && !backup.listening_again {
            // Adverts may have come and gone while nobody read them: listen once more, but only once, so
            // that a router which is always late still takes over.
            outbox.push(Action::Report(Event::Slept(late)));
            self.phase = Phase::Backup(Backup { down_at: now + interval, listening_again: true, ..backup });
            return;
        }
        outbox.push(Action::Report(Event::AdvertTimeout));
        self.become_active(now, outbox);
    }

    fn active_deadline(&mut self, now: Instant, mut active: Active, outbox: &mut Outbox<Action>) {
        let late = now.since(active.advert_at);
        if late > self.active_down_interval() {
            self.listen_after_sleep(now, late, outbox);
            return;
        }
        if now >= active.advert_at {
            let interval = self.settings.advert_interval.span();
            // From the last deadline, not from now: adverts do not drift. A missed one is not made up for.
            let next = active.advert_at + interval;
            active.advert_at = if next > now { next } else { now + interval };
            self.advertise(self.priority, outbox);
        }
        if let Some((at, repeat)) = active.announce_at
            && now >= at
        {
            active.announce_at = None;
            outbox.push(Action::Announce(repeat));
        }
        if let Some(at) = active.refresh_at
            && now >= at
        {
            let next = at + self.settings.announce.refresh;
            active.refresh_at = Some(if next > now { next } else { now + self.settings.announce.refresh });
            outbox.push(Action::Announce(self.settings.announce.refresh_repeat));
        }
        self.phase = Phase::Active(active);
    }

    /// Others have had the time to elect a new master: listen before speaking.
    fn listen_after_sleep(&mut self, now: Instant, span: Duration, outbox: &mut Outbox<Action>) {
        outbox.push(Action::Report(Event::Slept(span)));
        self.become_backup(now, self.settings.advert_interval, outbox);
    }

    /// A packet that passes all checks, counted either way.
    fn accept<'a>(&mut self, now: Instant, packet: &Packet<'a>, outbox: &mut Outbox<Action>) -> Option<Advert<'a>> {
        let source = packet.source;
        match self.settings.check(self.source, packet) {
            Ok(advert) => {
                count(&mut self.stats.adverts_received);
                if advert.priority == LEAVING {
                    count(&mut self.stats.priority_zero_received);
                }
                let checksum_form = advert.checksum_form;
                self.heard = Some(Heard { source, priority: advert.priority, checksum_form, at: now });
                self.note_differences(now, source, &advert, outbox);
                Some(advert)
            }
            Err(refusal) => {
                self.stats.refuse(refusal);
                if self.may_log(now, refusal.index()) {
                    outbox.push(Action::Report(Event::Refused { source, refusal }));
                }
                None
            }
        }
    }

    /// What both sides should have the same, but what is no reason to refuse.
    fn note_differences(&mut self, now: Instant, source: IpAddr, advert: &Advert<'_>, outbox: &mut Outbox<Action>) {
        if !self.settings.same_addresses(advert) {
            count(&mut self.stats.address_list_differs);
            if self.may_log(now, Refusal::KINDS) {
                outbox.push(Action::Report(Event::AddressListDiffers(source)));
            }
        }
        // RFC 9568, section 7.1: log, but do not drop.
        if self.settings.version == Version::V3 && advert.interval != self.settings.advert_interval {
            count(&mut self.stats.interval_differs);
            if self.may_log(now, Refusal::KINDS + 1) {
                outbox.push(Action::Report(Event::IntervalDiffers { source, theirs: advert.interval }));
            }
        }
    }

    /// Whether a line of this kind may be written: once a minute (RFC 9568, section 7.1: rate-limited).
    fn may_log(&mut self, now: Instant, kind: usize) -> bool {
        let (until, _) = self.log_window;
        if now >= until {
            self.log_window = (now + REFUSAL_LOG_INTERVAL, 0);
        }
        let bit = 1_u32.checked_shl(kind as u32).unwrap_or(0);
        let fresh = self.log_window.1 & bit == 0;
        self.log_window.1 |= bit;
        fresh
    }

    /// RFC 9568, section 6.4.2 (400) to (455).
    fn backup_hears(&mut self, now: Instant, mut backup: Backup, packet: Packet<'_>, outbox: &mut Outbox<Action>) {
        let Some(advert) = self.accept(now, &packet, outbox) else { return };
        let source = packet.source;
        if advert.priority == LEAVING {
            outbox.push(Action::Report(Event::MasterLeaves(source)));
            backup.down_at = now + self.settings.skew_time(self.priority, self.active_interval);
            backup.listening_again = false;
            self.phase = Phase::Backup(backup);
            return;
        }
        let lower = advert.priority < self.priority;
        if lower && self.preempts() && !self.bears(now, &mut backup, outbox) {
            // Its timer goes on running; that is how preemption happens.
            if self.may_log(now, Refusal::KINDS + 2) {
                outbox.push(Action::Report(Event::Preempts { source, theirs: advert.priority, ours: self.priority }));
            }
            self.phase = Phase::Backup(backup);
            return;
        }
        if !lower {
            backup.bears_until = None;
        }
        self.active_interval = advert.interval;
        backup.down_at = now + self.active_down_interval();
        backup.listening_again = false;
        self.phase = Phase::Backup(backup);
    }

    /// RFC 9568, section 6.1: the owner of the addresses preempts whatever `Preempt_Mode` says.
    fn preempts(&self) -> bool {
        self.settings.preempt || self.priority == OWNER
    }

    /// keepalived's `preempt_delay`: from the first advert of a lower master on.
    fn bears(&self, now: Instant, backup: &mut Backup, outbox: &mut Outbox<Action>) -> bool {
        let delay = self.settings.preempt_delay;
        if delay.is_zero() || self.priority == OWNER {
            return false;
        }
        if backup.bears_until.is_none() {
            outbox.push(Action::Report(Event::PreemptDelay(delay)));
        }
        now < *backup.bears_until.get_or_insert(now + delay)
    }

    /// RFC 9568, section 6.4.3 (655) to (755).
    fn active_hears(&mut self, now: Instant, mut active: Active, packet: Packet<'_>, outbox: &mut Outbox<Action>) {
        let late = now.since(active.advert_at);
        if late > self.active_down_interval() {
            self.listen_after_sleep(now, late, outbox);
            return self.handle(now, Input::Packet(packet), outbox);
        }
        let Some(advert) = self.accept(now, &packet, outbox) else { return };
        let (source, theirs, ours) = (packet.source, advert.priority, self.priority);
        if theirs == LEAVING {
            if self.may_answer(now, &mut active) {
                self.advertise(ours, outbox);
                active.advert_at = now + self.settings.advert_interval.span();
            }
            self.phase = Phase::Active(active);
        } else if theirs > ours || theirs == ours && self.source.is_some_and(|own| source > own) {
            outbox.push(Action::Report(Event::HigherPriority { source, theirs, ours }));
            if self.settings.higher_prio_send_advert {
                self.advertise(ours, outbox);
            }
            self.become_backup(now, advert.interval, outbox);
        } else {
            self.answer_rival(now, &mut active, (source, theirs), outbox);
            self.phase = Phase::Active(active);
        }
    }

    /// RFC 9568, section 6.4.3 (750): a rival that loses hears from us at once, and so do the hosts it
    /// may have misled (keepalived's `garp_lower_prio_*`).
    fn answer_rival(&mut self, now: Instant, active: &mut Active, rival: (IpAddr, u8), outbox: &mut Outbox<Action>) {
        let (source, theirs) = rival;
        if !self.may_answer(now, active) {
            return;
        }
        let ours = self.priority;
        if self.may_log(now, Refusal::KINDS + 3) {
            outbox.push(Action::Report(Event::LowerPriority { source, theirs, ours }));
        }
        let first = now >= active.may_announce_at;
        if first {
            active.may_announce_at = now + RIVAL_ANNOUNCE_INTERVAL;
            outbox.push(Action::Report(Event::Rival));
        }
        if self.settings.lower_prio_no_advert {
            return;
        }
        self.advertise(ours, outbox);
        let announce = self.settings.announce;
        if announce.lower_prio_repeat > 0 && first {
            outbox.push(Action::Announce(announce.lower_prio_repeat));
            if !announce.lower_prio_delay.is_zero() && active.announce_at.is_none() {
                active.announce_at = Some((now + announce.lower_prio_delay, announce.lower_prio_repeat));
            }
        }
    }

    /// At most eight adverts out of turn an interval, whatever arrives.
    fn may_answer(&self, now: Instant, active: &mut Active) -> bool {
        let may = now >= active.may_answer_at;
        if may {
            active.may_answer_at = now + self.settings.advert_interval.span().scaled(1, 8);
        }
        may
    }
}

/// The effective priority after a reload: what trackers added to the configured one still holds until
/// they are judged again.
fn resumed_priority(settings: &Settings, old: &Router) -> u8 {
    if settings.is_owner() || old.settings.is_owner() {
        return settings.priority;
    }
    let weight = i16::from(old.priority) - i16::from(old.settings.priority);
    (i16::from(settings.priority) + weight).clamp(1, 254) as u8
}
