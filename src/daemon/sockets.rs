//! The sockets of the plan: opened when their interface is there, closed when it goes.

use std::os::fd::{AsRawFd, RawFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::interfaces::Interfaces;
use super::plan::{Plan, ReceiverPlan};
use crate::sys::packet_socket::PacketSocket;
use crate::sys::send_batch::SendBatch;
use crate::sys::vrrp_socket::{Receiver, Sender};
use crate::sys::{Errno, Interface};

/// All sockets of the virtual routers.
pub struct Sockets {
    /// In the order of the plan; none while the interface is away.
    receivers: Box<[Option<Receiver>]>,
    /// May have more to read than was read: epoll tells only once.
    ready: Box<[bool]>,
    senders: Box<[Option<Sender>]>,
    /// For gratuitous ARP and neighbour advertisements.
    pub frames: PacketSocket,
    /// Added to a receiver's place to make its token.
    first_token: usize,
}

/// Bytes that may wait in the kernel: for so many bytes of each virtual router above a floor. Small packets
/// weigh 700 bytes and more there, and one round of adverts must fit.
const BUFFER_FLOOR: u32 = 64 * 1024;
const BUFFER_EACH: u32 = 2 * 1024;

impl ReceiverPlan {
    /// Bytes that may wait in the kernel, on an interface of this MTU.
    pub fn buffer(&self, mtu: u32) -> u32 {
        match self.room.packets.saturating_mul(mtu).saturating_add(self.room.bytes) {
            0 => BUFFER_FLOOR + BUFFER_EACH * self.vrids.iter().count() as u32,
            asked => asked.min(i32::MAX as u32),
        }
    }
}

impl Sockets {
    /// All closed, but the one for frames.
    ///
    /// # Errors
    ///
    /// EPERM without CAP_NET_RAW.
    pub fn new(plan: &Plan, first_token: usize) -> Result<Self, Errno> {
        Ok(Self {
            receivers: plan.receivers.iter().map(|_| None).collect(),
            ready: vec![false; plan.receivers.len()].into_boxed_slice(),
            senders: plan.senders.iter().map(|_| None).collect(),
            frames: PacketSocket::new(None)?,
            first_token,
        })
    }

    /// Takes over what `old` has open on the same interface for the same group or address, so that no packet
    /// between two configurations is lost.
    pub fn take_over(
        &mut self,
        plan: &Plan,
        old: &mut Self,
        old_plan: &Plan,
        interfaces: &Interfaces,
        registry: &Registry,
    ) {
        for (place, wanted) in plan.receivers.iter().enumerate() {
            let interface = interface_of(wanted.device, interfaces);
            let same = |open: &Receiver| open.interface() == interface.as_ref() && open.listen() == wanted.listen;
            let found =
                old.receivers.iter_mut().zip(&old_plan.receivers).find(|(open, _)| open.as_ref().is_some_and(same));
            let Some((open, _)) = found else { continue };
            let Some(receiver) = open.take() else { continue };
            let token = Token(self.first_token + place);
            let kept = receiver.set_vrids(&wanted.vrids).is_ok()
                && receiver.set_buffer(wanted.buffer(mtu_of(wanted.device, interfaces))).is_ok()
                && registry.reregister(&mut SourceFd(&receiver.as_raw_fd()), token, Interest::READABLE).is_ok();
            if kept && let (Some(slot), Some(ready)) = (self.receivers.get_mut(place), self.ready.get_mut(place)) {
                *slot = Some(receiver);
                *ready = true;
            }
        }
    }

    /// Opens what is closed and whose interface is there.
    ///
    /// # Errors
    ///
    /// The first that occurred; the others were tried all the same.
    pub fn open(&mut self, plan: &Plan, interfaces: &Interfaces, registry: &Registry) -> Result<(), Errno> {
        let mut outcome = Ok(());
        for (place, wanted) in plan.receivers.iter().enumerate() {
            if self.receivers.get(place).is_none_or(Option::is_some) || !is_there(wanted.device, interfaces) {
                continue;
            }
            match self.open_receiver(place, wanted, interfaces, registry) {
                Ok(receiver) => {
                    if let (Some(slot), Some(ready)) = (self.receivers.get_mut(place), self.ready.get_mut(place)) {
                        *slot = Some(receiver);
                        *ready = true;
                    }
                }
                Err(errno) => outcome = outcome.and(Err(errno)),
            }
        }
        for (slot, (device, family)) in self.senders.iter_mut().zip(&plan.senders) {
            if slot.is_some() || !is_there(*device, interfaces) {
                continue;
            }
            match Sender::new(*family, interface_of(*device, interfaces).as_ref()) {
                Ok(sender) => *slot = Some(sender),
                Err(errno) => outcome = outcome.and(Err(errno)),
            }
        }
        outcome
    }

    fn open_receiver(
        &self,
        place: usize,
        wanted: &ReceiverPlan,
        interfaces: &Interfaces,
        registry: &Registry,
    ) -> Result<Receiver, Errno> {
        let interface = interface_of(wanted.device, interfaces);
        let buffer = wanted.buffer(mtu_of(wanted.device, interfaces));
        let receiver = Receiver::new(interface.as_ref(), wanted.listen, &wanted.vrids, Some(buffer))?;
        let token = Token(self.first_token + place);
        registry
            .register(&mut SourceFd(&receiver.as_raw_fd()), token, Interest::READABLE)
            .map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EIO)))?;
        Ok(receiver)
    }

    /// Closes what was on a device that is gone. What waits to be sent must have been sent.
    pub fn close(&mut self, plan: &Plan, device: u16, outgoing: &SendBatch) {
        debug_assert!(outgoing.is_empty());
        for (slot, wanted) in self.receivers.iter_mut().zip(&plan.receivers) {
            if wanted.device == Some(device) {
                *slot = None;
            }
        }
        for (slot, (of, _)) in self.senders.iter_mut().zip(&plan.senders) {
            if *of == Some(device) {
                *slot = None;
            }
        }
    }

    /// epoll said that a token is readable.
    pub fn mark_ready(&mut self, token: Token) {
        if let Some(ready) = token.0.checked_sub(self.first_token).and_then(|place| self.ready.get_mut(place)) {
            *ready = true;
        }
    }

    /// Whether anything may be left to read.
    pub fn any_ready(&self) -> bool {
        self.ready.contains(&true)
    }

    /// A receiver that may have something to read.
    pub fn ready_receiver(&self, place: usize) -> Option<&Receiver> {
        self.ready.get(place).filter(|ready| **ready)?;
        self.receivers.get(place)?.as_ref()
    }

    /// A receiver was read until it was empty (or is closed).
    pub fn mark_empty(&mut self, place: usize) {
        if let Some(ready) = self.ready.get_mut(place) {
            *ready = false;
        }
    }

    /// How many receivers there are, open or closed.
    pub fn receiver_count(&self) -> usize {
        self.receivers.len()
    }

    /// The socket that sends, if its interface is there.
    pub fn sender(&self, place: u16) -> Option<&Sender> {
        self.senders.get(usize::from(place))?.as_ref()
    }

    /// The descriptor of a receiver, while it is open.
    pub fn receiver_descriptor(&self, place: usize) -> Option<RawFd> {
        Some(self.receivers.get(place)?.as_ref()?.as_raw_fd())
    }

    /// Sends the group memberships of a device's sockets anew.
    pub fn rejoin(&self, plan: &Plan, device: u16) {
        for (slot, wanted) in self.receivers.iter().zip(&plan.receivers) {
            if wanted.device == Some(device)
                && let Some(receiver) = slot
            {
                // A group that cannot be joined now is joined when the interface comes up.
                let _ = receiver.rejoin();
            }
        }
    }
}

fn interface_of(device: Option<u16>, interfaces: &Interfaces) -> Option<Interface> {
    interfaces.get(device?)?.interface
}

/// Ethernet's where there is no one interface.
pub fn mtu_of(device: Option<u16>, interfaces: &Interfaces) -> u32 {
    device.and_then(|device| interfaces.get(device)).map_or(1500, |device| device.mtu)
}

/// Without a device the routes decide: that is always there.
fn is_there(device: Option<u16>, interfaces: &Interfaces) -> bool {
    device.is_none() || interface_of(device, interfaces).is_some()
}
