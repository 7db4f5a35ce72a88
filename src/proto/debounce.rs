//! Something that is up or down, told only when it has been so for a while (`interface_up_down_delays`).

use crate::time::{Duration, Instant};

/// One thing that flaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Debounce {
    down: Duration,
    up: Duration,
    told: Option<bool>,
    /// What it is by now, if that is not what was told, and when it is to be told.
    pending: Option<(bool, Instant)>,
}

impl Debounce {
    /// Told to be down after `down`, up after `up`, without a change in between; zero is at once.
    pub fn new(down: Duration, up: Duration) -> Self {
        Self { down, up, told: None, pending: None }
    }

    /// What it is now. Returns what is to be told at once: the first time always.
    pub fn observe(&mut self, now: Instant, is_up: bool) -> Option<bool> {
        let delay = if is_up { self.up } else { self.down };
        match self.told {
            Some(told) if told == is_up => {
                self.pending = None;
                // Again, for who forgot.
                Some(is_up)
            }
            Some(_) if !delay.is_zero() => {
                if self.pending.is_none_or(|(value, _)| value != is_up) {
                    self.pending = Some((is_up, now + delay));
                }
                None
            }
            Some(_) | None => Some(self.tell(is_up)),
        }
    }

    /// Goes on where `old` was, with the delays of a new configuration.
    pub fn resume(&mut self, old: &Self) {
        (self.told, self.pending) = (old.told, old.pending);
    }

    /// What counts now that it is found in this state.
    pub fn found(&mut self, now: Instant, is_up: bool) -> bool {
        self.observe(now, is_up).or(self.told).unwrap_or(is_up)
    }

    /// No delay counts: it is gone, or came anew.
    pub fn force(&mut self, is_up: bool) -> bool {
        self.tell(is_up)
    }

    /// When it wants to be driven.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.pending.map(|(_, at)| at)
    }

    /// What is to be told now, if the time has come.
    pub fn deadline(&mut self, now: Instant) -> Option<bool> {
        let (value, _) = self.pending.filter(|(_, at)| *at <= now)?;
        Some(self.tell(value))
    }

    fn tell(&mut self, is_up: bool) -> bool {
        self.pending = None;
        self.told = Some(is_up);
        is_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_lasts_is_told() {
        let mut link = Debounce::new(SECOND, SECOND.times(2));
        let start = Instant::ZERO;
        assert_eq!(link.observe(start, true), Some(true), "the first time at once");
        assert_eq!((link.observe(start, false), link.next_deadline()), (None, Some(start + SECOND)));
        // Said again it is no later.
        assert_eq!(
            (link.observe(start + SECOND.scaled(1, 2), false), link.next_deadline()),
            (None, Some(start + SECOND))
        );
        assert_eq!(link.observe(start + SECOND.scaled(3, 4), true), Some(true), "it was a flap");
        assert_eq!((link.next_deadline(), link.deadline(start + SECOND)), (None, None));
        link.observe(start, false);
        assert_eq!(link.deadline(start + SECOND), Some(false));
        assert_eq!((link.observe(start, true), link.next_deadline()), (None, Some(start + SECOND.times(2))));
        let mut next = Debounce::new(SECOND, SECOND);
        next.resume(&link);
        assert_eq!((next.found(start, true), next.next_deadline()), (false, link.next_deadline()));
        assert!(Debounce::new(SECOND, SECOND).found(start, true));
        assert_eq!((link.force(false), link.next_deadline()), (false, None));
    }

    #[test]
    fn without_a_delay_all_is_told_at_once() {
        let mut link = Debounce::default();
        for is_up in [true, false, false, true] {
            assert_eq!((link.observe(Instant::ZERO, is_up), link.next_deadline()), (Some(is_up), None));
        }
    }
}
