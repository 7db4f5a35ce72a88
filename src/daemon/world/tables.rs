//! The kernel's tables: links and addresses, as its news and answers tell them.

use core::net::IpAddr;

use mio::Registry;

use super::World;
use crate::daemon::interfaces::{Change, Known};
use crate::daemon::kernel::{self, MARK, News};
use crate::daemon::plan;
use crate::proto::node;
use crate::proto::vip::{self, Mark};
use crate::sys::Errno;
use crate::time::Instant;
use crate::wire::netlink::{Address, AddressRepr, Content, Link};

impl World {
    /// Takes what the kernel said.
    pub fn news(&mut self, now: Instant, news: News<'_>, registry: &Registry) {
        match news {
            News::ResyncBegins => {
                (self.resyncing, self.listing_links) = (true, true);
                self.interfaces.begin_resync();
                self.addresses.handle(now, vip::Input::Resync, &mut self.address_out);
            }
            News::LinksDone => {
                self.listing_links = false;
                while let Some(device) = self.interfaces.stale() {
                    self.device_gone(now, device);
                }
            }
            News::ResyncDone => {
                self.resyncing = false;
                for router in 0..self.plan.routers.len() as u16 {
                    self.update_source(now, router);
                }
                self.addresses.handle(now, vip::Input::Deadline, &mut self.address_out);
            }
            News::Answer(slot, errno) => {
                self.addresses.handle(now, vip::Input::Answered(slot, errno), &mut self.address_out)
            }
            News::Message(message) => match message.content {
                Content::NewLink(link) => self.link(now, &link, registry),
                Content::DelLink(link) => {
                    if let Some(Change::Gone(device)) = self.interfaces.note_link_gone(&link) {
                        self.device_gone(now, device);
                    }
                }
                Content::NewAddress(address) => self.address(now, &address, true),
                Content::DelAddress(address) => self.address(now, &address, false),
                Content::Done { .. } | Content::Error { .. } | Content::Other { .. } => {}
            },
        }
        self.drain_addresses();
    }

    fn link(&mut self, now: Instant, link: &Link<'_>, registry: &Registry) {
        let was_running = self
            .interfaces
            .with_index(link.index)
            .and_then(|device| self.interfaces.get(device))
            .is_some_and(|device| device.running);
        for change in self.interfaces.note_link(link).into_iter().flatten() {
            match change {
                Change::Gone(device) => {
                    self.abandon(device, link.index);
                    self.device_gone(now, device);
                }
                Change::Came(device) => self.device_came(now, device, registry),
                Change::Changed(device) => self.device_changed(now, device, was_running),
            }
        }
    }

    /// A device got a name that is not ours: it must not keep our addresses.
    fn abandon(&mut self, device: u16, index: u32) {
        for (slot, plan) in (0_u16..).zip(&self.plan.slots) {
            if plan.spec.device == device && self.addresses.may_be_ours(slot) {
                self.abandoned.push((index, slot));
            }
        }
    }

    fn device_came(&mut self, now: Instant, device: u16, registry: &Registry) {
        // One that got its name only now keeps its IPv6 addresses without a word about them.
        self.is_doubtful |= !self.listing_links;
        if let Some(found) = self.interfaces.get(device) {
            self.promotions.came(device, &found.name);
        }
        if self.started {
            self.flush_packets(now);
            self.sockets.close(&self.plan, device, &self.outgoing);
            self.open_sockets(registry);
        }
        self.addresses.handle(now, vip::Input::Device(device, true), &mut self.address_out);
        self.tell_device(now, device);
        self.update_sources(now, device);
    }

    fn device_changed(&mut self, now: Instant, device: u16, was_running: bool) {
        let running = self.interfaces.get(device).is_some_and(|device| device.running);
        if running != was_running {
            if let Some(device) = self.interfaces.get(device) {
                log::info!("Netlink reports {} {}", device.name, if running { "up" } else { "down" });
            }
            if running {
                self.sockets.rejoin(&self.plan, device);
            }
        }
        self.tell_device(now, device);
    }

    fn device_gone(&mut self, now: Instant, device: u16) {
        if let Some(device) = self.interfaces.get(device) {
            log::info!("Netlink reports interface {} deleted", device.name);
        }
        self.tell_device(now, device);
        self.update_sources(now, device);
        self.flush_packets(now);
        self.sockets.close(&self.plan, device, &self.outgoing);
        self.addresses.handle(now, vip::Input::Device(device, false), &mut self.address_out);
    }

    fn tell_device(&mut self, now: Instant, device: u16) {
        let Some(link) = self.links.get_mut(usize::from(device)) else { return };
        let told = match self.interfaces.get(device).filter(|device| device.interface.is_some()) {
            Some(device) => link.observe(now, device.running),
            // What is not there is down without delay.
            None => Some(link.force(false)),
        };
        if told.is_some() {
            self.step(now, node::Input::Condition(device, told.into()));
        }
    }

    fn address(&mut self, now: Instant, address: &Address<'_>, there: bool) {
        let is_virtual = self.plan.is_virtual(address.ip);
        let is_static = self.plan.is_static(address.ip);
        let Some(device) = self.interfaces.note_address(address, is_virtual, is_static, there) else { return };
        let mark = if address.proto == Some(MARK) { Mark::Ours } else { Mark::Unknown };
        for slot in self.plan.slots_of(device, address.ip, address.prefix) {
            let input = if there { vip::Input::Seen(slot, mark) } else { vip::Input::Gone(slot) };
            self.addresses.handle(now, input, &mut self.address_out);
        }
        // One of ours is nobody's source; and there may be a thousand of them.
        if mark == Mark::Unknown || is_static {
            self.update_sources(now, device);
        }
    }

    fn update_sources(&mut self, now: Instant, device: u16) {
        // An address not listed yet is not one that is gone.
        if self.resyncing {
            return;
        }
        for router in 0..self.plan.routers.len() as u16 {
            if self.plan.routers.get(usize::from(router)).is_some_and(|plan| plan.device == Some(device)) {
                self.update_source(now, router);
            }
        }
    }

    fn update_source(&mut self, now: Instant, index: u16) {
        let Some(source) = self.choose_source(index) else { return };
        let before = self.node.router(index).and_then(|router| router.source());
        if before != source {
            match source {
                Some(ip) => log::debug!("({}) using source address {ip}", self.name(index)),
                None => log::debug!("({}) lost its source address", self.name(index)),
            }
            self.step(now, node::Input::Source(index, source));
        }
    }

    fn choose_source(&self, index: u16) -> Option<Option<IpAddr>> {
        let router = self.plan.routers.get(usize::from(index))?;
        let owner = self.node.router(index)?.settings().is_owner();
        Some(match (router.source, router.device) {
            (Some(ip), Some(device)) if router.track_source => {
                let there = |known: &Known| known.ip == ip && known.usable;
                self.interfaces.get(device).filter(|device| device.addresses.iter().any(there)).map(|_| ip)
            }
            (Some(ip), _) => Some(ip),
            (None, Some(device)) => self.interfaces.source(device, router.family, owner),
            (None, None) => None,
        })
    }

    pub(super) fn drain_addresses(&mut self) {
        while let Some(action) = self.address_out.pop() {
            match action {
                vip::Action::Add(_) | vip::Action::Delete(_) => self.commands.push(action),
                vip::Action::Restored(slot) => {
                    if let Some((name, ip)) = self.slot_words(slot) {
                        log::warn!("({name}) {ip} was removed by somebody else: putting it back");
                    }
                }
                vip::Action::Refused(slot, error) => {
                    if let Some((name, ip)) = self.slot_words(slot) {
                        log::error!("({name}) the kernel refuses a change of {ip}: {}; trying again", Errno(error));
                    }
                }
            }
        }
    }

    fn slot_words(&self, slot: u16) -> Option<(&str, IpAddr)> {
        let plan = self.plan.slots.get(usize::from(slot))?;
        Some((self.name(plan.spec.router), plan::address_of(&self.config, plan)?.ip))
    }

    /// Addresses of this world that are or may be in the kernel because of it, and that `next` does not have,
    /// or has in another way.
    pub fn left_over<'a>(&'a self, next: &'a Self) -> impl Iterator<Item = AddressRepr<'a>> + 'a {
        let ours = (0..self.plan.slots.len() as u16).filter(|slot| self.addresses.may_be_ours(*slot));
        ours.filter_map(move |slot| {
            let plan = self.plan.slots.get(usize::from(slot))?;
            let address = plan::address_of(&self.config, plan)?;
            let device = self.interfaces.get(plan.spec.device)?;
            let repr = kernel::describe(address, device.interface?.index());
            let same = |slot: u16| {
                let plan = next.plan.slots.get(usize::from(slot));
                let wanted = plan.and_then(|plan| plan::address_of(&next.config, plan));
                wanted.is_some_and(|wanted| kernel::describe(wanted, repr.index) == repr)
            };
            let at = next.plan.device(&device.name);
            let kept = at.is_some_and(|at| next.plan.slots_of(at, address.ip, repr.prefix).any(same));
            (!kept).then_some(repr)
        })
    }
}
