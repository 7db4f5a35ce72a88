//! Which address is announced when: rounds over a router's addresses, paced per device.
//!
//! With no pace set a batch leaves as fast as the driver takes it; with `garp_interval` or
//! `gna_interval` packets of one device keep that distance (keepalived's `vrrp_garp_interval`).

use crate::time::{Duration, Instant};
use crate::wire::vrrp::Family;

/// One address that may be announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec {
    /// Whose it is; the specs of one router stand together.
    pub router: u16,
    /// Where it is announced.
    pub device: u16,
    /// How.
    pub family: Family,
}

/// A batch under way.
#[derive(Clone, Copy, Debug)]
struct Batch {
    first: u16,
    count: u16,
    next: u16,
    rounds: u32,
}

/// All batches of one machine.
#[derive(Debug)]
pub struct Announcer {
    specs: Box<[Spec]>,
    batches: Box<[Batch]>,
    /// When a device may send again: ARP, neighbour advertisement.
    free_at: Box<[[Instant; 2]]>,
    pace: [Duration; 2],
    under_way: usize,
    /// The batch to look at first: each in its turn, so that all are announced once before any twice.
    turn: usize,
}

impl Announcer {
    /// For so many routers and devices, at these paces (zero: none).
    pub fn new(
        specs: &[Spec],
        routers: usize,
        devices: usize,
        garp_interval: Duration,
        gna_interval: Duration,
    ) -> Self {
        let mut batches = vec![Batch { first: 0, count: 0, next: 0, rounds: 0 }; routers];
        for (index, spec) in specs.iter().enumerate() {
            if let Some(batch) = batches.get_mut(usize::from(spec.router)) {
                if batch.count == 0 {
                    batch.first = index as u16;
                }
                batch.count += 1;
            }
        }
        Self {
            specs: specs.into(),
            batches: batches.into_boxed_slice(),
            free_at: vec![[Instant::ZERO; 2]; devices].into_boxed_slice(),
            pace: [garp_interval, gna_interval],
            under_way: 0,
            turn: 0,
        }
    }

    /// Announce a router's addresses so many times each. A batch under way begins anew.
    pub fn start(&mut self, router: u16, rounds: u32) {
        let Some(batch) = self.batches.get_mut(usize::from(router)) else { return };
        let (was, is) = (batch.rounds > 0, rounds > 0 && batch.count > 0);
        batch.next = 0;
        batch.rounds = if is { rounds } else { 0 };
        self.under_way = (self.under_way + usize::from(is)).saturating_sub(usize::from(was));
    }

    /// A router lost its addresses: its batch ends.
    pub fn stop(&mut self, router: u16) {
        self.start(router, 0);
    }

    /// The next address to announce now, by its index in the specs; none if all have to wait.
    pub fn next(&mut self, now: Instant) -> Option<u16> {
        if self.under_way == 0 {
            return None;
        }
        for step in 0..self.batches.len() {
            let place = (self.turn + step) % self.batches.len();
            if let Some(index) = self.take(place, now) {
                self.turn = place + 1;
                return Some(index);
            }
        }
        None
    }

    /// The next address of one batch, if its device is free.
    fn take(&mut self, place: usize, now: Instant) -> Option<u16> {
        let batch = self.batches.get_mut(place).filter(|batch| batch.rounds > 0)?;
        let index = batch.first.saturating_add(batch.next);
        let spec = self.specs.get(usize::from(index))?;
        let kind = kind(spec.family);
        let free_at = self.free_at.get_mut(usize::from(spec.device))?.get_mut(kind)?;
        if *free_at > now {
            return None;
        }
        *free_at = now + self.pace.get(kind).copied().unwrap_or_default();
        batch.next += 1;
        if batch.next == batch.count {
            batch.next = 0;
            batch.rounds -= 1;
            self.under_way -= usize::from(batch.rounds == 0);
        }
        Some(index)
    }

    /// When [`Announcer::next`] should be asked again.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.under_way == 0 {
            return None;
        }
        let waiting = self.batches.iter().filter(|batch| batch.rounds > 0);
        waiting
            .filter_map(|batch| self.specs.get(usize::from(batch.first.saturating_add(batch.next))))
            .filter_map(|spec| self.free_at.get(usize::from(spec.device))?.get(kind(spec.family)).copied())
            .min()
    }
}

fn kind(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs() -> [Spec; 3] {
        let spec = |router, device| Spec { router, device, family: Family::V4 };
        [spec(0, 0), spec(0, 0), spec(1, 1)]
    }

    fn all(announcer: &mut Announcer, now: Instant) -> Vec<u16> {
        core::iter::from_fn(|| announcer.next(now)).collect()
    }

    #[test]
    fn rounds_go_over_all_addresses() {
        let mut announcer = Announcer::new(&specs(), 2, 2, Duration::ZERO, Duration::ZERO);
        announcer.start(0, 2);
        announcer.start(1, 1);
        assert_eq!(all(&mut announcer, Instant::ZERO), [0, 2, 1, 0, 1]);
        assert_eq!(announcer.next_deadline(), None);
    }

    #[test]
    fn a_pace_holds_for_each_device() {
        let pace = Duration::from_millis(10);
        let mut announcer = Announcer::new(&specs(), 2, 2, pace, Duration::ZERO);
        announcer.start(0, 1);
        announcer.start(1, 1);
        assert_eq!(all(&mut announcer, Instant::ZERO), [0, 2]);
        assert_eq!(announcer.next_deadline(), Some(Instant::ZERO + pace));
        assert_eq!(all(&mut announcer, Instant::ZERO + pace), [1]);
        assert_eq!(announcer.next_deadline(), None);
    }

    #[test]
    fn a_stopped_batch_is_silent() {
        let mut announcer = Announcer::new(&specs(), 2, 2, Duration::ZERO, Duration::ZERO);
        announcer.start(0, 5);
        announcer.start(0, 5);
        announcer.stop(0);
        announcer.stop(0);
        assert_eq!(all(&mut announcer, Instant::ZERO), []);
        announcer.start(1, 1);
        assert_eq!(all(&mut announcer, Instant::ZERO), [2]);
    }
}
