//! What the standard says one virtual router's timers must be, worked out from what it was given.
//!
//! Kept apart from the machine on purpose: own arithmetic, own state. After every input the two are
//! compared, so a takeover too early, too late or without reason is found where it happens.

use core::net::IpAddr;

use holdfast::proto::vrrp::{Action, Event, OWNER, Router, Settings, State};
use holdfast::time::{Centis, Duration, Instant};
use holdfast::wire::vrrp::Version;

/// What a router was given, as far as it concerns the router.
#[derive(Clone, Copy, Debug)]
pub enum Given {
    /// An advert that nothing is wrong with.
    Advert { source: IpAddr, priority: u8, interval: Centis },
    /// Its deadline, or that of another router of the host.
    Deadline,
    /// The machine was suspended.
    Slept,
    /// Anything else.
    Other,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Theory {
    /// Active_Down_Timer.
    pub down_at: Instant,
    /// Active_Adver_Interval of a backup, in nanoseconds.
    interval: u64,
    /// What the last Skew_Time was worked out with.
    priority: u8,
    bears_since: Option<Instant>,
    listens_again: bool,
    /// Adver_Timer.
    pub advert_at: Instant,
}

fn nanos(interval: Centis) -> u64 {
    u64::from(interval.0) * 10_000_000
}

/// RFC 9568, section 6.1: ((256 - Priority) * Active_Adver_Interval) / 256; RFC 3768: of one second.
pub fn skew(settings: &Settings, priority: u8, interval: u64) -> Duration {
    let base = if settings.version == Version::V2 { 1_000_000_000 } else { interval };
    Duration::from_nanos((256 - u64::from(priority)) * base / 256)
}

fn down(settings: &Settings, priority: u8, interval: u64) -> Duration {
    skew(settings, priority, interval).plus(Duration::from_nanos(u64::from(settings.down_timer_adverts) * interval))
}

/// The longest Active_Down_Interval of a router that may have learned an interval of this length.
pub fn down_interval(settings: &Settings, priority: u8, interval: Centis) -> Duration {
    down(settings, priority, nanos(interval))
}

impl Theory {
    /// Compares one router with the theory after an input. `group_active`: another member of its sync
    /// group is master now.
    pub fn check(
        &mut self,
        now: Instant,
        before: State,
        router: &Router,
        given: Given,
        actions: &[Action],
        group_active: bool,
    ) -> Result<(), String> {
        let reported = |wanted: fn(&Event) -> bool| {
            actions.iter().any(|action| matches!(action, Action::Report(event) if wanted(event)))
        };
        let timeout = reported(|event| matches!(event, Event::AdvertTimeout));
        let promoted = reported(|event| matches!(event, Event::Promoted));
        let yielded = reported(|event| matches!(event, Event::Yielded));
        let slept = reported(|event| matches!(event, Event::Slept(_)));
        if timeout {
            self.takeover(now, before, router)?;
        }
        if promoted && !group_active && !yielded {
            return Err("promoted without a master in its group".into());
        }
        let after = router.state();
        if yielded {
            self.listen(now, router);
        } else {
            match (before, after) {
                (State::Backup, State::Backup) => {
                    self.reprioritise(now, router);
                    self.backup(now, router, given, slept)?;
                }
                (State::Active, State::Active) => self.active(now, router, given, actions)?,
                (State::Active, State::Backup) => self.left(now, router, given, slept)?,
                (_, State::Backup) => self.listen(now, router),
                (State::Backup, State::Active) if !timeout && !promoted => {
                    return Err("master without a reason".into());
                }
                (State::Initialize | State::Fault, State::Active) if router.priority() != OWNER && !promoted => {
                    return Err("master at once without owning the addresses (RFC 9568, section 6.4.1)".into());
                }
                (_, State::Active) => self.advert_at = now + own(router),
                (_, State::Initialize | State::Fault) => {}
            }
        }
        self.priority = router.priority();
        self.compare(now, router)
    }

    /// keepalived: trackers change the Skew_Time of the timer that runs; it does not fire in the past.
    fn reprioritise(&mut self, now: Instant, router: &Router) {
        let skew_of = |priority| skew(router.settings(), priority, self.interval);
        let at = self.down_at + skew_of(router.priority()) - skew_of(self.priority);
        self.down_at = at.max(now.min(self.down_at));
    }

    /// A reload: what was waited stays waited; new settings move the end.
    pub fn resumed(&mut self, now: Instant, old: &Router, new: &Router) -> Result<(), String> {
        if new.state() == State::Active {
            self.advert_at = self.advert_at.min(now + own(new));
        } else {
            let before = down(old.settings(), old.priority(), self.interval);
            if new.settings().version == Version::V2 {
                self.interval = nanos(new.settings().advert_interval);
            }
            let after = down(new.settings(), new.priority(), self.interval);
            self.down_at = self.down_at + after - before;
        }
        self.priority = new.priority();
        self.compare(now, new)
    }

    fn compare(&self, now: Instant, router: &Router) -> Result<(), String> {
        let next = router.next_deadline();
        let until = |at: Option<Instant>| at.map_or("never".into(), |at| format!("in {} s", at.since(now)));
        match router.state() {
            State::Backup if next != Some(self.down_at) => {
                Err(format!("Active_Down_Timer fires {}, in theory {}", until(next), until(Some(self.down_at))))
            }
            State::Active if next.is_none_or(|at| at > self.advert_at) => {
                Err(format!("Adver_Timer fires {}, in theory {}: late", until(next), until(Some(self.advert_at))))
            }
            State::Initialize | State::Backup | State::Active | State::Fault => Ok(()),
        }
    }

    fn listen(&mut self, now: Instant, router: &Router) {
        self.interval = nanos(router.settings().advert_interval);
        self.rearm(now, router);
        self.bears_since = None;
    }

    fn rearm(&mut self, now: Instant, router: &Router) {
        self.down_at = now + down(router.settings(), router.priority(), self.interval);
        self.listens_again = false;
    }

    fn takeover(&self, now: Instant, before: State, router: &Router) -> Result<(), String> {
        if before != State::Backup || now < self.down_at {
            return Err(format!("took over {} s early", self.down_at.since(now)));
        }
        let late = now.since(self.down_at);
        if late > down(router.settings(), router.priority(), self.interval) && !self.listens_again {
            return Err(format!("woke up {late} s late and took over without listening"));
        }
        Ok(())
    }

    fn backup(&mut self, now: Instant, router: &Router, given: Given, slept: bool) -> Result<(), String> {
        let interval = down(router.settings(), router.priority(), self.interval);
        match given {
            Given::Advert { priority, interval, .. } => self.backup_hears(now, router, priority, interval),
            Given::Slept => self.down_at = self.down_at.max(now + interval),
            Given::Deadline if slept => {
                if now.since(self.down_at) <= interval || self.listens_again {
                    return Err("listens again without having slept".into());
                }
                self.rearm(now, router);
                self.listens_again = true;
            }
            Given::Deadline if now >= self.down_at => return Err("did not take over in time".into()),
            Given::Deadline | Given::Other => {}
        }
        Ok(())
    }

    /// RFC 9568, section 6.4.2, and keepalived's preempt_delay.
    fn backup_hears(&mut self, now: Instant, router: &Router, priority: u8, interval: Centis) {
        let settings = router.settings();
        if priority == 0 {
            self.down_at = now + skew(settings, router.priority(), self.interval);
            self.listens_again = false;
            return;
        }
        let owner = router.priority() == OWNER;
        if priority >= router.priority() {
            self.bears_since = None;
        } else if owner || settings.preempt {
            if owner || settings.preempt_delay.is_zero() {
                return;
            }
            let since = *self.bears_since.get_or_insert(now);
            if now >= since + settings.preempt_delay {
                return;
            }
        }
        self.interval = nanos(interval);
        self.rearm(now, router);
    }

    fn active(&mut self, now: Instant, router: &Router, given: Given, actions: &[Action]) -> Result<(), String> {
        let sent = actions.iter().any(|action| matches!(action, Action::Advertise(_)));
        match given {
            Given::Advert { source, priority, .. } if priority != 0 && wins(source, priority, router) => {
                Err("did not yield to a better master".into())
            }
            Given::Advert { priority: 0, .. } if sent => {
                self.advert_at = now + own(router);
                Ok(())
            }
            Given::Deadline if sent => {
                if now < self.advert_at {
                    return Err(format!("advert {} s early", self.advert_at.since(now)));
                }
                let next = self.advert_at + own(router);
                self.advert_at = if next > now { next } else { now + own(router) };
                Ok(())
            }
            Given::Slept => Err("still master after a sleep".into()),
            Given::Deadline if now >= self.advert_at => Err("advert forgotten".into()),
            Given::Advert { .. } | Given::Deadline | Given::Other => Ok(()),
        }
    }

    /// RFC 9568, section 6.4.3: the only reasons to cease being master and go on listening.
    fn left(&mut self, now: Instant, router: &Router, given: Given, slept: bool) -> Result<(), String> {
        let late = now.since(self.advert_at)
            > down(router.settings(), router.priority(), nanos(router.settings().advert_interval));
        match given {
            Given::Slept => self.listen(now, router),
            Given::Deadline if slept && late => self.listen(now, router),
            Given::Advert { priority, interval, .. } if slept && late => {
                self.listen(now, router);
                self.backup_hears(now, router, priority, interval);
            }
            Given::Advert { source, priority, interval } if wins(source, priority, router) => {
                self.listen(now, router);
                self.interval = nanos(interval);
                self.rearm(now, router);
            }
            _ => return Err(format!("yielded without a reason: {given:?}")),
        }
        Ok(())
    }
}

fn own(router: &Router) -> Duration {
    Duration::from_nanos(nanos(router.settings().advert_interval))
}

/// RFC 9568, section 6.4.3: greater, or equal from a greater address.
fn wins(source: IpAddr, priority: u8, router: &Router) -> bool {
    let order = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    priority > router.priority()
        || priority == router.priority() && router.source().is_some_and(|own| order(source) > order(own))
}
