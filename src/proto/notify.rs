//! The notify scripts of one instance or group, strictly one after the other.
//!
//! keepalived starts them all at once, so that BACKUP's may end after MASTER's. Here the next one
//! starts when the one before is gone. One that others wait for is not waited for longer than
//! [`PATIENCE`]; one that nobody waits for may take as long as it likes (it may be promoting a
//! database).

use super::outbox::Outbox;
use crate::time::{Duration, Instant};

/// What there is to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Became master.
    Master,
    /// Became backup.
    Backup,
    /// In fault.
    Fault,
    /// The daemon stops.
    Stop,
    /// Removed by a reload.
    Deleted,
    /// A master that heard a lower priority. It has no `notify` for all kinds.
    Rival,
}

/// How many kinds there are.
pub const KINDS: usize = 6;

/// What there is to tell, and the priority at that time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice {
    /// What.
    pub kind: Kind,
    /// The effective priority; 0 for a group.
    pub priority: u8,
}

/// A notice is told by the script of its kind first, then by the one for all kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// `notify_master` and its like.
    Own,
    /// `notify`.
    Any,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// Tell this, after all that waits.
    Tell(Notice),
    /// The script that ran is gone, or there is none for this part.
    Done,
    /// The deadline it asked for has come.
    Deadline,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Run this, then say [`Input::Done`].
    Run(Notice, Part),
    /// Send the running script's group TERM.
    Terminate,
    /// Send it KILL.
    Kill,
    /// For the log: this one was dropped, too many wait.
    Dropped(Notice),
}

/// How long a script is waited for when another waits behind it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// From TERM to KILL.
const GRACE: Duration = Duration::from_secs(2);

/// How many notices can wait. Older ones are dropped first: the newest state matters.
pub const DEPTH: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Idle,
    Running { notice: Notice, part: Part, since: Instant },
    Ending { notice: Notice, part: Part, kill_at: Instant },
}

/// The queue of one instance or group.
#[derive(Debug)]
pub struct Queue {
    phase: Phase,
    waiting: heapless::Deque<Notice, DEPTH>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { phase: Phase::Idle, waiting: heapless::Deque::new() }
    }
}

impl Queue {
    /// Whether nothing runs and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle && self.waiting.is_empty()
    }

    /// Time is up: what is left to tell of STOP, out of its turn. The other part of it follows the one returned.
    pub fn hurry(&mut self) -> Option<(Notice, Part)> {
        let stop = |notice: &&Notice| notice.kind == Kind::Stop;
        let waits = self.waiting.iter().find(stop).map(|notice| (*notice, Part::Own));
        let left = waits.or(match self.phase {
            Phase::Running { notice, part: Part::Own, .. } | Phase::Ending { notice, part: Part::Own, .. } => {
                Some((notice, Part::Any)).filter(|(notice, _)| stop(&notice))
            }
            Phase::Idle | Phase::Running { .. } | Phase::Ending { .. } => None,
        });
        *self = Self::default();
        left
    }

    /// When it wants [`Input::Deadline`].
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Idle => None,
            Phase::Running { since, .. } => (!self.waiting.is_empty()).then(|| since + PATIENCE),
            Phase::Ending { kill_at, .. } => Some(kill_at),
        }
    }

    /// Takes an input and says what is to be done about it.
    pub fn handle(&mut self, now: Instant, input: Input, outbox: &mut Outbox<Action>) {
        match (self.phase, input) {
            (Phase::Idle, Input::Tell(notice)) => self.run(now, notice, Part::Own, outbox),
            (Phase::Running { .. } | Phase::Ending { .. }, Input::Tell(notice)) => self.wait(notice, outbox),
            (Phase::Running { notice, part, .. } | Phase::Ending { notice, part, .. }, Input::Done) => {
                self.phase = Phase::Idle;
                match part {
                    Part::Own if notice.kind != Kind::Rival => self.run(now, notice, Part::Any, outbox),
                    Part::Own | Part::Any => {
                        if let Some(next) = self.waiting.pop_front() {
                            self.run(now, next, Part::Own, outbox);
                        }
                    }
                }
            }
            (Phase::Running { notice, part, since }, Input::Deadline) => {
                if !self.waiting.is_empty() && now >= since + PATIENCE {
                    self.phase = Phase::Ending { notice, part, kill_at: now + GRACE };
                    outbox.push(Action::Terminate);
                }
            }
            (Phase::Ending { notice, part, kill_at }, Input::Deadline) => {
                if now >= kill_at {
                    self.phase = Phase::Ending { notice, part, kill_at: now + GRACE };
                    outbox.push(Action::Kill);
                }
            }
            (Phase::Idle, Input::Done | Input::Deadline) => {}
        }
    }

    fn run(&mut self, now: Instant, notice: Notice, part: Part, outbox: &mut Outbox<Action>) {
        self.phase = Phase::Running { notice, part, since: now };
        outbox.push(Action::Run(notice, part));
    }

    fn wait(&mut self, notice: Notice, outbox: &mut Outbox<Action>) {
        if self.waiting.is_full()
            && let Some(oldest) = self.waiting.pop_front()
        {
            outbox.push(Action::Dropped(oldest));
        }
        // There is room now: the queue is never full here.
        let _ = self.waiting.push_back(notice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(kind: Kind) -> Notice {
        Notice { kind, priority: 100 }
    }

    fn give(queue: &mut Queue, now: Instant, input: Input) -> Vec<Action> {
        let mut outbox = Outbox::with_capacity(4);
        queue.handle(now, input, &mut outbox);
        core::iter::from_fn(|| outbox.pop()).collect()
    }

    #[test]
    fn one_after_the_other() {
        let mut queue = Queue::default();
        let now = Instant::ZERO;
        let (backup, master) = (notice(Kind::Backup), notice(Kind::Master));
        assert_eq!(give(&mut queue, now, Input::Tell(backup)), [Action::Run(backup, Part::Own)]);
        assert_eq!(give(&mut queue, now, Input::Tell(master)), []);
        assert_eq!(give(&mut queue, now, Input::Done), [Action::Run(backup, Part::Any)]);
        assert_eq!(give(&mut queue, now, Input::Done), [Action::Run(master, Part::Own)]);
        assert_eq!(give(&mut queue, now, Input::Done), [Action::Run(master, Part::Any)]);
        assert_eq!(give(&mut queue, now, Input::Done), []);
        assert!(queue.is_idle());
    }

    #[test]
    fn one_that_hangs_is_ended_only_if_another_waits() {
        let mut queue = Queue::default();
        give(&mut queue, Instant::ZERO, Input::Tell(notice(Kind::Backup)));
        assert_eq!(queue.next_deadline(), None);
        give(&mut queue, Instant::ZERO, Input::Tell(notice(Kind::Master)));
        let patience = queue.next_deadline().expect("another waits");
        assert_eq!(give(&mut queue, patience, Input::Deadline), [Action::Terminate]);
        let grace = queue.next_deadline().expect("it may ignore TERM");
        assert!(grace > patience);
        assert_eq!(give(&mut queue, grace, Input::Deadline), [Action::Kill]);
        assert_eq!(give(&mut queue, grace, Input::Done), [Action::Run(notice(Kind::Backup), Part::Any)]);
    }

    #[test]
    fn at_the_end_stop_is_told_out_of_turn() {
        let now = Instant::ZERO;
        let stop = notice(Kind::Stop);
        let mut queue = Queue::default();
        for kind in [Kind::Master, Kind::Backup, Kind::Stop] {
            give(&mut queue, now, Input::Tell(notice(kind)));
        }
        assert_eq!(queue.hurry(), Some((stop, Part::Own)));
        assert!(queue.is_idle() && queue.hurry().is_none());
        give(&mut queue, now, Input::Tell(stop));
        assert_eq!(queue.hurry(), Some((stop, Part::Any)), "the first part was told");
        give(&mut queue, now, Input::Tell(notice(Kind::Master)));
        assert_eq!(queue.hurry(), None);
    }

    #[test]
    fn the_newest_are_kept() {
        let mut queue = Queue::default();
        let now = Instant::ZERO;
        give(&mut queue, now, Input::Tell(notice(Kind::Fault)));
        for _ in 0..DEPTH {
            assert_eq!(give(&mut queue, now, Input::Tell(notice(Kind::Backup))), []);
        }
        assert_eq!(give(&mut queue, now, Input::Tell(notice(Kind::Master))), [Action::Dropped(notice(Kind::Backup))]);
    }
}
