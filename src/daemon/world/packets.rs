//! Packets in and out: adverts, announcements, and in which order things leave.

use core::net::IpAddr;

use super::World;
use crate::config::Config;
use crate::daemon::interfaces::Interfaces;
use crate::daemon::kernel::{self, Kernel};
use crate::daemon::plan::{self, NOBODY, Plan};
use crate::daemon::{announcing, strays};
use crate::proto::node;
use crate::proto::vip;
use crate::proto::vrrp::{LEAVING, Packet};
use crate::sys::receive_batch::{ReceiveBatch, Received};
use crate::sys::send_batch::{Envelope, SendBatch};
use crate::time::{Duration, Instant};
use crate::wire::ip::Ipv4;
use crate::wire::netlink::AddressRepr;
use crate::wire::vrrp::{Advert, Pseudo};

/// Packets of one socket that are read in one wake-up, in batches; the rest waits for the next, so that a
/// flood delays nothing else.
const BATCHES: usize = 4;

/// Frames that leave in one wake-up.
const FRAMES: usize = 512;

/// Lines about adverts that could not be sent, or that nobody here is for: at most one in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

impl World {
    pub(super) fn advertise(&mut self, now: Instant, index: u16, priority: u8) {
        if priority == LEAVING && self.stopping {
            log::info!("({}) sent 0 priority", self.name(index));
        }
        let place = usize::from(index);
        if priority == LEAVING && self.is_cut_off(place) {
            return;
        }
        let Some(instance) = self.config.instances.get(place) else { return };
        let (Some(router), Some(plan)) = (self.node.router(index), self.plan.routers.get(place)) else { return };
        let (Some(source), Some(sender)) = (router.source(), self.sockets.sender(plan.sender)) else { return };
        let advert = router.advert(priority);
        let mut buffer = [0; 1600];
        let group = [instance.mcast_group];
        let peers = instance.peers.iter().map(|peer| peer.ip);
        let destinations = group.into_iter().filter(|_| instance.peers.is_empty()).chain(peers);
        for destination in destinations {
            let Some(length) = advert.emit(&Pseudo { source, destination }, &mut buffer) else { continue };
            let Some(bytes) = buffer.get(..length) else { continue };
            let envelope = Envelope { source: Some(source), destination, hop_limit: plan.hop_limit };
            if self.outgoing.queue_advert(sender, &envelope, u32::from(index), bytes).is_err() {
                flush(&mut self.outgoing, &self.config, &mut self.send_log_at, now);
                // Longer than the empty batch: the builder does not let that happen.
                let _ = self.outgoing.queue_advert(sender, &envelope, u32::from(index), bytes);
            }
        }
    }

    /// Whether nobody can be told goodbye, because the interface is down.
    fn is_cut_off(&self, place: usize) -> bool {
        let device = self.plan.routers.get(place).and_then(|plan| plan.device);
        device.and_then(|device| self.interfaces.get(device)).is_some_and(|device| !device.running)
    }

    /// Sends what waits: adverts first, then addresses, then announcements, as keepalived does; scripts, which
    /// take a while to start, come last.
    pub fn flush(&mut self, now: Instant, kernel: &mut Kernel) {
        self.flush_packets(now);
        let (config, plan, interfaces) = (&self.config, &self.plan, &self.interfaces);
        let describe = |slot: u16| describe(config, plan, interfaces, slot);
        while let Some((index, slot)) = self.abandoned.pop() {
            let slot = plan.slots.get(usize::from(slot));
            if let Some(address) = slot.and_then(|slot| plan::address_of(config, slot)) {
                strays::remove_one(kernel, &kernel::describe(address, index));
            }
        }
        let failed = kernel.flush(&mut self.commands, describe);
        for (slot, errno) in &failed {
            self.addresses.handle(now, vip::Input::Answered(*slot, errno.0), &mut self.address_out);
        }
        self.drain_addresses();
        self.announce(now);
        self.tell(now);
    }

    pub(super) fn flush_packets(&mut self, now: Instant) {
        flush(&mut self.outgoing, &self.config, &mut self.send_log_at, now);
    }

    fn announce(&mut self, now: Instant) {
        for _ in 0..FRAMES {
            let Some(slot) = self.announcer.next(now) else { break };
            if !self.addresses.is_wanted(slot) {
                continue;
            }
            let Some(plan) = self.plan.slots.get(usize::from(slot)) else { continue };
            let (Some(address), Some(device)) =
                (plan::address_of(&self.config, plan), self.interfaces.get(plan.spec.device))
            else {
                continue;
            };
            let (outgoing, frames) = (&mut self.outgoing, &self.sockets.frames);
            if announcing::queue(outgoing, frames, device, address.ip).is_err() {
                flush(outgoing, &self.config, &mut self.send_log_at, now);
                let _ = announcing::queue(outgoing, frames, device, address.ip);
            }
        }
        self.flush_packets(now);
    }

    /// Reads what waits at the sockets, within bounds.
    pub fn receive(&mut self, now: Instant, batch: &mut ReceiveBatch) {
        for place in 0..self.sockets.receiver_count() {
            for _ in 0..BATCHES {
                let Some(receiver) = self.sockets.ready_receiver(place) else {
                    self.sockets.mark_empty(place);
                    break;
                };
                let count = batch.receive(receiver, batch.capacity()).unwrap_or(0);
                for received in batch.iter() {
                    self.packet(now, place, &received);
                }
                if count < batch.capacity() {
                    self.sockets.mark_empty(place);
                    break;
                }
            }
        }
    }

    fn packet(&mut self, now: Instant, place: usize, received: &Received<'_>) {
        let (payload, destination) = match received.source {
            IpAddr::V4(_) => match Ipv4::parse(received.data) {
                Ok(packet) => (packet.payload, IpAddr::V4(packet.destination)),
                // The kernel checked the header before: nothing to tell an operator.
                Err(_) => return,
            },
            IpAddr::V6(_) => match received.destination {
                Some(destination) => (received.data, destination),
                None => return,
            },
        };
        let Some(vrid) = Advert::vrid_of(payload) else { return };
        let routers = self.plan.receivers.get(place).map(|plan| &plan.routers);
        let router = routers.and_then(|routers| routers.get(usize::from(vrid))).copied().unwrap_or(NOBODY);
        if router == NOBODY {
            if self.config.global.log_unknown_vrids && now >= self.stranger_log_at {
                self.stranger_log_at = now + LOG_INTERVAL;
                log::info!("received advert of unknown VRID {vrid} from {}", received.source);
            }
            return;
        }
        let packet = Packet { source: received.source, destination, hop_limit: received.hop_limit, payload };
        self.step(now, node::Input::Packet(router, packet));
    }

    /// epoll said that a socket is readable.
    pub fn mark_ready(&mut self, token: mio::Token) {
        self.sockets.mark_ready(token);
    }

    /// Whether a socket may have more than was read.
    pub fn any_ready(&self) -> bool {
        self.sockets.any_ready()
    }
}

/// A slot's address as the kernel is to have it; none while its interface is away.
fn describe<'c>(config: &'c Config, plan: &Plan, interfaces: &Interfaces, slot: u16) -> Option<AddressRepr<'c>> {
    let slot = plan.slots.get(usize::from(slot))?;
    let index = interfaces.index_of(slot.spec.device)?;
    Some(kernel::describe(plan::address_of(config, slot)?, index))
}

/// Sends all that waits in the batch. A link that is down refuses much; one line in a minute will do.
fn flush(outgoing: &mut SendBatch, config: &Config, log_at: &mut Instant, now: Instant) {
    outgoing.flush(|tag, errno| {
        if now >= *log_at {
            *log_at = now + LOG_INTERVAL;
            let name = config.instances.get(tag as usize).map_or("?", |instance| instance.name.as_str());
            log::warn!("({name}) cannot send: {errno}");
        }
    });
}
