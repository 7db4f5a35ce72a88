//! The kernel's addresses against the wanted ones: desired set, actual set, difference.
//!
//! A slot is one address of one virtual router on one device. What the kernel's monitor says decides
//! what is there; an answer to a command only ends the command. One removed by somebody else is put
//! back at once, without an election; one that is removed again and again is put back more slowly.

use super::outbox::Outbox;
use crate::time::{Duration, Instant};

/// One address of one virtual router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec {
    /// Whose it is.
    pub router: u16,
    /// The device it belongs on.
    pub device: u16,
    /// The router owns its addresses (priority 255): one that was there before us stays.
    pub owned: bool,
    /// Its removal by others is watched.
    pub tracked: bool,
}

/// What happens to the addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// The kernel's addresses were read and the routers were started: remove what is left over.
    Start,
    /// A router holds its addresses.
    Hold(u16),
    /// A router does not hold its addresses.
    Release(u16),
    /// The kernel has this slot's address, with our mark or without.
    Seen(u16, Mark),
    /// The kernel no longer has this slot's address.
    Gone(u16),
    /// The command for this slot is answered: 0 or an error number.
    Answered(u16, i32),
    /// A device appeared (true) or disappeared (false).
    Device(u16, bool),
    /// The kernel's addresses are read anew: forget which are there, and answers that may have been lost.
    Resync,
    /// The deadline it asked for has come.
    Deadline,
}

/// Whose an address is by the kernel's account (IFA_PROTO).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// We, or a former life of ours, added it.
    Ours,
    /// Somebody else did, or the kernel keeps no mark.
    Unknown,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Add the address to its device.
    Add(u16),
    /// Remove it.
    Delete(u16),
    /// For the log: somebody removed it, and it is put back.
    Restored(u16),
    /// For the log: the kernel refused the command with this error number.
    Refused(u16, i32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Command {
    Add,
    Delete,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    spec: Spec,
    wanted: bool,
    present: bool,
    /// It is there, and others brought it: no mark of ours, and not what we just asked for.
    foreign: bool,
    /// We added it (kernels before 5.18 keep no mark).
    added: bool,
    command: Option<Command>,
    /// The kernel said it went while a command was under way: which came first is not known.
    unsure: bool,
    retry_at: Option<Instant>,
    removals: u32,
    /// The last answer was this error; logged once.
    refused: i32,
}

/// A retry after the kernel refused, and the pace of a fight about an address.
const RETRY: Duration = Duration::from_secs(1);

/// So many removals by others in [`FIGHT_WINDOW`] are put right at once.
const FIGHT_LIMIT: u32 = 20;

/// See [`FIGHT_LIMIT`].
const FIGHT_WINDOW: Duration = Duration::from_secs(60);

/// All slots of one machine.
#[derive(Debug)]
pub struct Addresses {
    slots: Box<[Slot]>,
    devices: Box<[bool]>,
    window_ends: Instant,
    started: bool,
    restored: u32,
}

/// `errno` of a command for an address that is not there, or already there.
const EADDRNOTAVAIL: i32 = 99;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;

impl Addresses {
    /// Slots in the order of `specs` on so many devices, none present, none wanted.
    pub fn new(specs: &[Spec], devices: usize) -> Self {
        let slot = |spec: &Spec| Slot {
            spec: *spec,
            wanted: false,
            present: false,
            foreign: false,
            added: false,
            command: None,
            unsure: false,
            retry_at: None,
            removals: 0,
            refused: 0,
        };
        Self {
            slots: specs.iter().map(slot).collect(),
            devices: vec![false; devices].into_boxed_slice(),
            window_ends: Instant::ZERO,
            started: false,
            restored: 0,
        }
    }

    /// How many outputs one input can cause at most.
    pub fn outbox_capacity(&self) -> usize {
        self.slots.len() * 2 + 2
    }

    /// Whether the address is wanted and, as far as is known, there.
    pub fn is_set(&self, slot: u16) -> bool {
        self.slots.get(usize::from(slot)).is_some_and(|slot| slot.wanted && slot.present)
    }

    /// Whether the address is wanted.
    pub fn is_wanted(&self, slot: u16) -> bool {
        self.slots.get(usize::from(slot)).is_some_and(|slot| slot.wanted)
    }

    /// Whether the address is there.
    pub fn is_present(&self, slot: u16) -> bool {
        self.slots.get(usize::from(slot)).is_some_and(|slot| slot.present)
    }

    /// Whether the address is there, or may be, because of us.
    pub fn may_be_ours(&self, slot: u16) -> bool {
        let slot = self.slots.get(usize::from(slot));
        slot.is_some_and(|slot| slot.present && !(slot.foreign && slot.spec.owned) || slot.command.is_some())
    }

    /// Whether any command waits for its answer.
    pub fn is_busy(&self) -> bool {
        self.slots.iter().any(|slot| slot.command.is_some())
    }

    /// How many addresses were put back after others removed them.
    pub fn restored(&self) -> u32 {
        self.restored
    }

    /// When it wants [`Input::Deadline`].
    pub fn next_deadline(&self) -> Option<Instant> {
        self.slots.iter().filter_map(|slot| slot.retry_at).min()
    }

    /// Takes an input and says what is to be done about it.
    pub fn handle(&mut self, now: Instant, input: Input, outbox: &mut Outbox<Action>) {
        match input {
            Input::Start => {
                self.started = true;
                self.reconcile(|_| true, outbox);
            }
            Input::Hold(router) => self.want(router, true, outbox),
            Input::Release(router) => self.want(router, false, outbox),
            Input::Seen(index, mark) => self.seen(index, mark, outbox),
            Input::Gone(index) => self.gone(now, index, outbox),
            Input::Answered(index, error) => self.answered(now, index, error, outbox),
            Input::Device(device, there) => self.device(device, there, outbox),
            Input::Resync => {
                for slot in &mut self.slots {
                    slot.present = false;
                    slot.command = None;
                }
            }
            Input::Deadline => {
                for slot in self.slots.iter_mut().filter(|slot| slot.retry_at.is_some_and(|at| at <= now)) {
                    slot.retry_at = None;
                }
                self.reconcile(|_| true, outbox);
            }
        }
    }

    fn want(&mut self, router: u16, wanted: bool, outbox: &mut Outbox<Action>) {
        for slot in self.slots.iter_mut().filter(|slot| slot.spec.router == router) {
            slot.wanted = wanted;
            slot.retry_at = None;
            slot.refused = 0;
        }
        self.reconcile(|slot| slot.spec.router == router, outbox);
    }

    fn seen(&mut self, index: u16, mark: Mark, outbox: &mut Outbox<Action>) {
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return };
        slot.present = true;
        slot.foreign = mark == Mark::Unknown && !slot.added && slot.command != Some(Command::Add);
        // Our own mark on an address we do not want: the echo of a command that was overtaken.
        if self.started && mark == Mark::Ours {
            self.reconcile_one(index, outbox);
        }
    }

    fn gone(&mut self, now: Instant, index: u16, outbox: &mut Outbox<Action>) {
        let in_window = now < self.window_ends;
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return };
        slot.present = false;
        slot.foreign = false;
        slot.added = false;
        if slot.command.is_some() {
            slot.unsure = true;
            return;
        }
        if !slot.wanted
            || !slot.spec.tracked
            || !self.devices.get(usize::from(slot.spec.device)).is_some_and(|there| *there)
        {
            return;
        }
        if !in_window {
            self.window_ends = now + FIGHT_WINDOW;
            self.slots.iter_mut().for_each(|slot| slot.removals = 0);
        }
        self.restored = self.restored.wrapping_add(1);
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return };
        slot.removals = slot.removals.saturating_add(1);
        if slot.removals > FIGHT_LIMIT {
            slot.retry_at = Some(now + RETRY);
        } else {
            outbox.push(Action::Restored(index));
            self.reconcile_one(index, outbox);
        }
    }

    fn answered(&mut self, now: Instant, index: u16, error: i32, outbox: &mut Outbox<Action>) {
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return };
        let Some(command) = slot.command.take() else { return };
        let unsure = core::mem::take(&mut slot.unsure);
        match (command, error) {
            (Command::Add, 0) => (slot.present, slot.added) = (!unsure, !unsure),
            (Command::Add, EEXIST) => slot.present = true,
            (Command::Delete, 0 | EADDRNOTAVAIL | ENODEV) => (slot.present, slot.added) = (false, false),
            (Command::Add | Command::Delete, _) => {
                slot.retry_at = Some(now + RETRY);
                if slot.refused != error {
                    slot.refused = error;
                    outbox.push(Action::Refused(index, error));
                }
                return;
            }
        }
        slot.refused = 0;
        self.reconcile_one(index, outbox);
    }

    fn device(&mut self, device: u16, there: bool, outbox: &mut Outbox<Action>) {
        if let Some(known) = self.devices.get_mut(usize::from(device)) {
            *known = there;
        }
        if !there {
            for slot in self.slots.iter_mut().filter(|slot| slot.spec.device == device) {
                slot.present = false;
                slot.foreign = false;
                slot.added = false;
                slot.retry_at = None;
            }
        }
        self.reconcile(|slot| slot.spec.device == device, outbox);
    }

    fn reconcile(&mut self, which: impl Fn(&Slot) -> bool, outbox: &mut Outbox<Action>) {
        for index in 0..self.slots.len() {
            if self.slots.get(index).is_some_and(&which) {
                self.reconcile_one(index as u16, outbox);
            }
        }
    }

    /// One slot's difference, if nothing is under way for it.
    fn reconcile_one(&mut self, index: u16, outbox: &mut Outbox<Action>) {
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return };
        let there = self.devices.get(usize::from(slot.spec.device)).is_some_and(|there| *there);
        // What is wanted may come before the start; nothing goes before all is known.
        let may = self.started || slot.wanted;
        if !may || !there || slot.command.is_some() || slot.retry_at.is_some() || slot.wanted == slot.present {
            return;
        }
        if slot.wanted {
            slot.command = Some(Command::Add);
            outbox.push(Action::Add(index));
        } else if !(slot.spec.owned && slot.foreign) {
            slot.command = Some(Command::Delete);
            outbox.push(Action::Delete(index));
        }
    }
}

#[cfg(test)]
mod tests;
