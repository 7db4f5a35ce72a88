//! A check script: when it starts, when it is killed, and what its exits mean.
//!
//! Never two runs at once, a hard time-out (TERM, then KILL), `rise` and `fall` in a row.

use super::outbox::Outbox;
use crate::time::{Duration, Instant};

/// What a script is told by its configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Between two starts.
    pub interval: Duration,
    /// After which a run counts as failed and is ended.
    pub timeout: Duration,
    /// Successes in a row until it counts as good.
    pub rise: u32,
    /// Failures in a row until it counts as bad.
    pub fall: u32,
    /// Bad until it succeeds, instead of unknown until the first result.
    pub init_fail: bool,
}

/// What happens to a script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// The deadline it asked for has come (the first one is at once).
    Deadline,
    /// Its process is gone.
    Exited(Exit),
    /// It could not be started.
    NotStarted,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// With this status.
    Status(u8),
    /// Killed by this signal.
    Signal(u8),
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Start it, in a process group of its own.
    Run,
    /// Send its group TERM.
    Terminate,
    /// Send its group KILL.
    Kill,
    /// Its verdict changed: good or bad, for this reason.
    Verdict(bool, Reason),
}

/// Why a verdict changed, for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The last run ended so.
    Exit(Exit),
    /// The last run took too long.
    TimedOut,
    /// The last run could not be started.
    NotStarted,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Idle { start_at: Instant },
    Running { started_at: Instant, timeout_at: Instant },
    Terminating { started_at: Instant, kill_at: Instant },
    Killed { started_at: Instant, again_at: Instant },
}

/// From TERM to KILL, as keepalived has it.
const GRACE: Duration = Duration::from_secs(2);

/// Between two KILLs of a process that does not go (it waits for a disk, perhaps).
const KILL_AGAIN: Duration = Duration::from_secs(10);

/// A check script.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    settings: Settings,
    phase: Phase,
    verdict: Option<bool>,
    /// Results like the last one in a row.
    row: u32,
    last_good: Option<bool>,
    runs: u32,
    timeouts: u32,
}

impl Script {
    /// A script whose first run is at `now`.
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            phase: Phase::Idle { start_at: now },
            verdict: settings.init_fail.then_some(false),
            row: 0,
            last_good: None,
            runs: 0,
            timeouts: 0,
            settings,
        }
    }

    /// The same script after a reload: its run, if one is under way, and its verdict go on.
    pub fn resume(settings: Settings, old: &Self) -> Self {
        Self { settings, ..*old }
    }

    /// Good, bad or not known yet.
    pub fn verdict(&self) -> Option<bool> {
        self.verdict
    }

    /// Whether a process of it is alive.
    pub fn is_running(&self) -> bool {
        !matches!(self.phase, Phase::Idle { .. })
    }

    /// keepalived's word for what it is doing.
    pub fn activity(&self) -> &'static str {
        match self.phase {
            Phase::Idle { .. } => "idle",
            Phase::Running { .. } => "running",
            Phase::Terminating { .. } => "requested termination",
            Phase::Killed { .. } => "forcing termination",
        }
    }

    /// keepalived's `result`: from 0, `rise - 1` and below is bad, up to `rise + fall - 1`.
    pub fn score(&self) -> u32 {
        let Settings { rise, fall, .. } = self.settings;
        match (self.verdict, self.last_good) {
            (Some(true), Some(false)) => rise.saturating_add(fall).saturating_sub(1).saturating_sub(self.row),
            (Some(true), _) => rise.saturating_add(fall).saturating_sub(1),
            (Some(false) | None, Some(true)) => self.row,
            (Some(false) | None, _) => 0,
        }
    }

    /// When it wants [`Input::Deadline`].
    pub fn next_deadline(&self) -> Option<Instant> {
        Some(match self.phase {
            Phase::Idle { start_at } => start_at,
            Phase::Running { timeout_at, .. } => timeout_at,
            Phase::Terminating { kill_at, .. } => kill_at,
            Phase::Killed { again_at, .. } => again_at,
        })
    }

    /// Takes an input and says what is to be done about it.
    pub fn handle(&mut self, now: Instant, input: Input, outbox: &mut Outbox<Action>) {
        match (self.phase, input) {
            (Phase::Idle { start_at }, Input::Deadline) if now >= start_at => {
                self.runs = self.runs.wrapping_add(1);
                self.phase = Phase::Running { started_at: start_at, timeout_at: now + self.settings.timeout };
                outbox.push(Action::Run);
            }
            (Phase::Running { started_at, timeout_at }, Input::Deadline) if now >= timeout_at => {
                self.timeouts = self.timeouts.wrapping_add(1);
                self.phase = Phase::Terminating { started_at, kill_at: now + GRACE };
                outbox.push(Action::Terminate);
                self.result(false, Reason::TimedOut, outbox);
            }
            (Phase::Terminating { started_at, kill_at }, Input::Deadline) if now >= kill_at => {
                self.phase = Phase::Killed { started_at, again_at: now + KILL_AGAIN };
                outbox.push(Action::Kill);
            }
            (Phase::Killed { started_at, again_at }, Input::Deadline) if now >= again_at => {
                self.phase = Phase::Killed { started_at, again_at: now + KILL_AGAIN };
                outbox.push(Action::Kill);
            }
            (
                Phase::Idle { .. } | Phase::Running { .. } | Phase::Terminating { .. } | Phase::Killed { .. },
                Input::Deadline,
            ) => {}

            (Phase::Running { started_at, .. }, Input::Exited(exit)) => {
                self.rest(now, started_at);
                self.result(exit == Exit::Status(0), Reason::Exit(exit), outbox);
            }
            (Phase::Running { started_at, .. }, Input::NotStarted) => {
                self.rest(now, started_at);
                self.result(false, Reason::NotStarted, outbox);
            }
            // Its result was given when it timed out.
            (
                Phase::Terminating { started_at, .. } | Phase::Killed { started_at, .. },
                Input::Exited(_) | Input::NotStarted,
            ) => {
                self.rest(now, started_at);
            }
            (Phase::Idle { .. }, Input::Exited(_) | Input::NotStarted) => {}
        }
    }

    /// The next start is an interval after the last one, or at once if that is past.
    fn rest(&mut self, now: Instant, started_at: Instant) {
        let due = started_at + self.settings.interval;
        let start_at = if due > now { due } else { now + Duration::from_millis(1) };
        self.phase = Phase::Idle { start_at };
    }

    fn result(&mut self, good: bool, reason: Reason, outbox: &mut Outbox<Action>) {
        self.row = if self.last_good == Some(good) { self.row.saturating_add(1) } else { 1 };
        self.last_good = Some(good);
        let needed = if good { self.settings.rise } else { self.settings.fall };
        // The very first result decides at once, as keepalived has it: nothing is known to be defended.
        if self.verdict != Some(good) && (self.row >= needed || self.verdict.is_none()) {
            self.verdict = Some(good);
            outbox.push(Action::Verdict(good, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn script(rise: u32, fall: u32, init_fail: bool) -> (Script, Outbox<Action>) {
        let settings = Settings { interval: SECOND, timeout: SECOND, rise, fall, init_fail };
        (Script::new(settings, Instant::ZERO), Outbox::with_capacity(4))
    }

    fn drain(outbox: &mut Outbox<Action>) -> Vec<Action> {
        core::iter::from_fn(|| outbox.pop()).collect()
    }

    #[test]
    fn rise_and_fall_in_a_row() {
        let (mut script, mut outbox) = script(2, 3, true);
        let mut now = Instant::ZERO;
        let mut verdicts = Vec::new();
        for good in [true, false, true, true, false, false, true, false, false, false] {
            script.handle(now, Input::Deadline, &mut outbox);
            assert_eq!(drain(&mut outbox), [Action::Run]);
            script.handle(now, Input::Exited(Exit::Status(u8::from(!good))), &mut outbox);
            drain(&mut outbox);
            verdicts.push(script.verdict());
            now = script.next_deadline().expect("idle");
        }
        let bad = Some(false);
        let good = Some(true);
        assert_eq!(verdicts, [bad, bad, bad, good, good, good, good, good, good, bad]);
    }

    #[test]
    fn starts_keep_their_interval_and_never_overlap() {
        let (mut script, mut outbox) = script(1, 1, false);
        script.handle(Instant::ZERO, Input::Deadline, &mut outbox);
        let half = Instant::ZERO + Duration::from_millis(500);
        script.handle(half, Input::Deadline, &mut outbox);
        assert_eq!(drain(&mut outbox), [Action::Run], "not started while it runs");
        script.handle(half, Input::Exited(Exit::Status(0)), &mut outbox);
        assert_eq!(script.next_deadline(), Some(Instant::ZERO + SECOND));
    }

    #[test]
    fn a_hung_script_fails_is_terminated_and_killed() {
        let (mut script, mut outbox) = script(1, 1, false);
        script.handle(Instant::ZERO, Input::Deadline, &mut outbox);
        drain(&mut outbox);
        let timeout = script.next_deadline().expect("running");
        script.handle(timeout, Input::Deadline, &mut outbox);
        assert_eq!(drain(&mut outbox), [Action::Terminate, Action::Verdict(false, Reason::TimedOut)]);
        let kill = script.next_deadline().expect("terminating");
        assert_eq!(kill.since(timeout), GRACE);
        script.handle(kill, Input::Deadline, &mut outbox);
        assert_eq!(drain(&mut outbox), [Action::Kill]);
        script.handle(kill, Input::Exited(Exit::Signal(9)), &mut outbox);
        assert_eq!(drain(&mut outbox), [], "its failure was counted once");
        assert!(!script.is_running());
    }

    #[test]
    fn the_deadline_after_a_deadline_is_later() {
        let (mut script, mut outbox) = script(1, 1, false);
        let mut now = Instant::ZERO;
        for _ in 0..6 {
            script.handle(now, Input::Deadline, &mut outbox);
            drain(&mut outbox);
            let next = script.next_deadline().expect("always one");
            assert!(next > now);
            now = next;
        }
    }
}
