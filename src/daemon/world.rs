//! Everything that follows from one configuration: the machines, their tables and their sockets, and
//! what carries actions from the one to the other. A reload makes a new world.

use core::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};

use mio::Registry;

use super::interfaces::{Change, Interfaces};
use super::kernel::{self, Kernel, MARK, News};
use super::plan::{self, NOBODY, Plan};
use super::scripts::{Scripts, Verdict};
use super::sockets::Sockets;
use super::{announcing, strays, words};
use crate::config::Config;
use crate::proto::Outbox;
use crate::proto::announce::Announcer;
use crate::proto::node::{self, Node};
use crate::proto::notify::{Kind, Notice};
use crate::proto::vip::{self, Addresses, Mark};
use crate::proto::vrrp::{Action, Packet, State};
use crate::sys::receive_batch::{CAPACITY, ReceiveBatch, Received};
use crate::sys::send_batch::{Envelope, SendBatch};
use crate::sys::{Errno, clock};
use crate::time::{Duration, Instant};
use crate::wire::ip::Ipv4;
use crate::wire::netlink::{Address, AddressRepr, Content, Link};
use crate::wire::vrrp::{Advert, Pseudo};

/// Packets of one socket that are read in one wake-up, in batches; the rest waits for the next, so that a
/// flood delays nothing else.
const BATCHES: usize = 4;

/// Frames that leave in one wake-up.
const FRAMES: usize = 512;

/// Lines about adverts that could not be sent, or that nobody here is for: at most one in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Everything that follows from one configuration.
pub struct World {
    /// The configuration.
    pub config: Config,
    /// Its layout.
    pub plan: Plan,
    /// The virtual routers.
    pub node: Node,
    /// Their addresses.
    pub addresses: Addresses,
    /// The interfaces.
    pub interfaces: Interfaces,
    /// The scripts.
    pub scripts: Scripts,
    /// When each router's state changed last: seconds and nanoseconds of the wall clock.
    pub transitions: Box<[(i64, u32)]>,
    sockets: Sockets,
    announcer: Announcer,
    node_out: Outbox<node::Output>,
    address_out: Outbox<vip::Action>,
    /// Additions and removals on their way to the kernel.
    commands: Outbox<vip::Action>,
    /// For notify scripts.
    notices: Outbox<(Told, Notice)>,
    outgoing: SendBatch,
    states: Box<[State]>,
    send_log_at: Instant,
    stranger_log_at: Instant,
    stopping: bool,
    /// Interfaces and addresses are being read anew: what is known of them is not whole.
    resyncing: bool,
    /// The first half of that: links are being listed, addresses will be.
    listing_links: bool,
    /// A device came that may have addresses nobody told us of: the tables are to be read anew.
    pub is_doubtful: bool,
    /// Set by [`World::start`]. Before, sockets stay as they are: those of the world before may be taken over.
    started: bool,
    /// Addresses that stayed on a device which has another name now: its index, the slot.
    abandoned: Outbox<(u32, u16)>,
    /// Leave the addresses where they are when stopping.
    keep_addresses: bool,
}

/// Whose notify scripts.
#[derive(Clone, Copy, Debug)]
enum Told {
    Instance(u16),
    Group(u16),
}

impl World {
    /// Lays everything out; nothing is started, no interface is known yet.
    ///
    /// # Errors
    ///
    /// That of a socket for frames (EPERM without CAP_NET_RAW) or of /dev/null.
    pub fn new(config: Config, delay: Duration, first_token: usize, now: Instant) -> Result<Self, Errno> {
        let plan = Plan::new(&config);
        let node = Node::new(plan.members(&config, delay), plan.groups(&config), plan.conditions(&config));
        Self::with_node(config, plan, node, first_token, now)
    }

    /// A new configuration's world that goes on where `old` is. `origin` names each router's former self.
    ///
    /// # Errors
    ///
    /// As [`World::new`].
    pub fn resume(
        config: Config,
        old: &Self,
        origin: &[Option<u16>],
        first_token: usize,
        now: Instant,
    ) -> Result<Self, Errno> {
        let plan = Plan::new(&config);
        let members = plan.members(&config, Duration::ZERO);
        let node = Node::resume(members, plan.groups(&config), plan.conditions(&config), &old.node, origin, now);
        let mut world = Self::with_node(config, plan, node, first_token, now)?;
        for (transition, from) in world.transitions.iter_mut().zip(origin) {
            if let Some(before) = from.and_then(|from| old.transitions.get(usize::from(from))) {
                *transition = *before;
            }
        }
        Ok(world)
    }

    fn with_node(config: Config, plan: Plan, node: Node, first_token: usize, now: Instant) -> Result<Self, Errno> {
        let specs = plan.address_specs();
        let addresses = Addresses::new(&specs, plan.devices.len());
        let announce_specs = plan.announce_specs(&config);
        let (garp, gna) = (config.global.garp_interval, config.global.gna_interval);
        let announcer = Announcer::new(&announce_specs, plan.routers.len(), plan.devices.len(), garp, gna);
        let packets = (plan.destinations(&config) + specs.len()).clamp(8, 256);
        Ok(Self {
            interfaces: Interfaces::new(&plan.devices),
            scripts: Scripts::new(&config, now)?,
            transitions: vec![clock::wall(); plan.routers.len()].into_boxed_slice(),
            sockets: Sockets::new(&plan, first_token)?,
            node_out: Outbox::with_capacity(node.outbox_capacity()),
            address_out: Outbox::with_capacity(addresses.outbox_capacity()),
            commands: Outbox::with_capacity(specs.len() * 3 + 16),
            notices: Outbox::with_capacity((plan.routers.len() + config.groups.len()) * 4 + 4),
            outgoing: SendBatch::new(packets, packets * 128 + 4096),
            states: node.routers().iter().map(|router| router.state()).collect(),
            send_log_at: Instant::ZERO,
            stranger_log_at: Instant::ZERO,
            stopping: false,
            resyncing: false,
            listing_links: false,
            is_doubtful: false,
            started: false,
            abandoned: Outbox::with_capacity(specs.len()),
            keep_addresses: false,
            addresses,
            announcer,
            node,
            plan,
            config,
        })
    }

    /// The routers begin: all that is known of interfaces and addresses was read.
    pub fn start(&mut self, now: Instant) {
        for (place, check) in self.scripts.checks().iter().enumerate() {
            let condition = self.plan.script_condition(place);
            self.node.handle(now, node::Input::Condition(condition, check.machine.verdict()), &mut self.node_out);
        }
        for device in 0..self.plan.devices.len() as u16 {
            let running = self.interfaces.get(device).is_some_and(|device| device.running);
            self.node.handle(now, node::Input::Condition(device, Some(running)), &mut self.node_out);
        }
        self.started = true;
        self.step(now, node::Input::Start);
        // A router that a reload found holding its addresses goes on holding them, and announces new ones.
        for router in 0..self.plan.routers.len() as u16 {
            if self.state(router) == State::Active {
                self.addresses.handle(now, vip::Input::Hold(router), &mut self.address_out);
                if self.has_new_addresses(router) {
                    let repeat = self.node.router(router).map_or(0, |router| router.settings().announce.repeat);
                    self.announcer.start(router, repeat);
                }
            }
        }
        self.addresses.handle(now, vip::Input::Start, &mut self.address_out);
        self.drain_addresses();
    }

    fn has_new_addresses(&self, router: u16) -> bool {
        let mut slots = (0_u16..).zip(&self.plan.slots).filter(|(_, slot)| slot.spec.router == router);
        slots.any(|(slot, _)| !self.addresses.is_present(slot))
    }

    /// Takes the sockets, processes and device states of the world before.
    pub fn take_over(&mut self, old: &mut Self, registry: &Registry) {
        self.sockets.take_over(&self.plan, &mut old.sockets, &old.plan, &self.interfaces, registry);
        self.scripts.resume(&self.config, &mut old.scripts, &old.config);
    }

    /// Opens the sockets whose interfaces are there; says so if one cannot be opened.
    pub fn open_sockets(&mut self, registry: &Registry) {
        if let Err(errno) = self.sockets.open(&self.plan, &self.interfaces, registry) {
            log::error!("cannot open a VRRP socket: {errno}; tried again when an interface changes");
        }
    }

    /// When a machine wants to be driven.
    pub fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.node.next_deadline(),
            // At the end no script is started or timed out any more.
            self.scripts.next_deadline().filter(|_| !self.stopping),
            self.addresses.next_deadline(),
            self.announcer.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Drives the machines whose deadline has come.
    pub fn deadline(&mut self, now: Instant) {
        if self.node.next_deadline().is_some_and(|at| at <= now) {
            self.step(now, node::Input::Deadline);
        }
        if self.addresses.next_deadline().is_some_and(|at| at <= now) {
            self.addresses.handle(now, vip::Input::Deadline, &mut self.address_out);
            self.drain_addresses();
        }
        if !self.stopping && self.scripts.next_deadline().is_some_and(|at| at <= now) {
            let mut verdicts: heapless::Vec<Verdict, 64> = heapless::Vec::new();
            self.scripts.deadline(now, |verdict| drop(verdicts.push(verdict)));
            self.judge(now, &verdicts);
        }
    }

    /// Collects child processes that ended.
    pub fn reap(&mut self, now: Instant) {
        let mut verdicts: heapless::Vec<Verdict, 64> = heapless::Vec::new();
        self.scripts.reap(now, |verdict| drop(verdicts.push(verdict)));
        self.judge(now, &verdicts);
    }

    fn judge(&mut self, now: Instant, verdicts: &[Verdict]) {
        for verdict in verdicts {
            let condition = self.plan.script_condition(usize::from(verdict.script));
            self.step(now, node::Input::Condition(condition, Some(verdict.good)));
        }
        if verdicts.len() == 64 {
            // More may have changed than were told: the machines know.
            for place in 0..self.scripts.checks().len() {
                let verdict = self.scripts.checks().get(place).and_then(|check| check.machine.verdict());
                self.step(now, node::Input::Condition(self.plan.script_condition(place), verdict));
            }
        }
    }

    /// Gives the node an input and does what it says.
    pub fn step(&mut self, now: Instant, input: node::Input<'_>) {
        self.node.handle(now, input, &mut self.node_out);
        while let Some(output) = self.node_out.pop() {
            match output {
                node::Output::Router(router, action) => self.act(now, router, action),
                node::Output::Group(group, state) => self.group_entered(group, state),
                node::Output::Priority(router, from, to) => {
                    log::info!("({}) Changing effective priority from {from} to {to}", self.name(router));
                }
            }
        }
    }

    fn act(&mut self, now: Instant, router: u16, action: Action) {
        match action {
            Action::Advertise(priority) => self.advertise(now, router, priority),
            Action::Hold => {
                // Before the addresses, as keepalived says it; the script's turn comes after them.
                words::entered(self.name(router), State::Backup, State::Active);
                log::info!("({}) setting VIPs.", self.name(router));
                self.addresses.handle(now, vip::Input::Hold(router), &mut self.address_out);
                self.drain_addresses();
            }
            Action::Release => {
                self.announcer.stop(router);
                if self.stopping && self.keep_addresses {
                    return;
                }
                log::info!("({}) removing VIPs.", self.name(router));
                self.addresses.handle(now, vip::Input::Release(router), &mut self.address_out);
                self.drain_addresses();
            }
            Action::Announce(rounds) => {
                self.announcer.start(router, rounds);
                announcing::log_batch(&self.config, &self.plan, &self.interfaces, router);
            }
            Action::Enter(state) => self.entered(router, state),
            Action::Report(event) => words::report(self.name(router), event),
        }
    }

    fn entered(&mut self, router: u16, state: State) {
        let place = usize::from(router);
        let before = self.states.get(place).copied().unwrap_or(State::Initialize);
        if let Some(known) = self.states.get_mut(place) {
            *known = state;
        }
        if let Some(transition) = self.transitions.get_mut(place) {
            *transition = clock::wall();
        }
        if state != State::Active {
            words::entered(self.name(router), before, state);
        }
        let priority = self.node.router(router).map_or(0, |router| router.priority());
        self.notices.push((Told::Instance(router), Notice { kind: kind_of(state), priority }));
    }

    fn group_entered(&mut self, group: u16, state: State) {
        if let Some(group) = self.config.groups.get(usize::from(group)) {
            words::group_entered(&group.name, state);
        }
        if state != State::Initialize {
            self.notices.push((Told::Group(group), Notice { kind: kind_of(state), priority: 0 }));
        }
    }

    /// Leaves: priority 0 where master, addresses removed unless they are to stay, STOP notified.
    pub fn shutdown(&mut self, now: Instant, keep_addresses: bool) {
        self.stopping = true;
        self.keep_addresses = keep_addresses;
        self.scripts.kill_checks();
        self.step(now, node::Input::Shutdown);
        for group in 0..self.config.groups.len() as u16 {
            self.notices.push((Told::Group(group), Notice { kind: Kind::Stop, priority: 0 }));
        }
    }

    /// Whether nothing is left to be done before the process may end, but notify scripts.
    pub fn is_quiet(&self) -> bool {
        self.commands.is_empty() && self.notices.is_empty() && !self.addresses.is_busy()
    }

    /// A router that the next configuration does not have leaves.
    pub fn dismiss(&mut self, now: Instant, router: u16) {
        if self.state(router) == State::Active {
            self.advertise(now, router, crate::proto::vrrp::LEAVING);
            log::info!("({}) sent 0 priority", self.name(router));
        }
        let deleted = self.config.instances.get(usize::from(router)).is_some_and(|instance| instance.notify_deleted);
        let kind = if deleted { Kind::Deleted } else { Kind::Fault };
        let priority = self.node.router(router).map_or(0, |router| router.priority());
        self.notices.push((Told::Instance(router), Notice { kind, priority }));
    }

    // ---- packets ----

    fn advertise(&mut self, now: Instant, index: u16, priority: u8) {
        if priority == crate::proto::vrrp::LEAVING && self.stopping {
            log::info!("({}) sent 0 priority", self.name(index));
        }
        let place = usize::from(index);
        if priority == crate::proto::vrrp::LEAVING && self.is_cut_off(place) {
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
        while let Some((told, notice)) = self.notices.pop() {
            match told {
                Told::Instance(router) => self.scripts.tell_instance(now, router, notice),
                Told::Group(group) => self.scripts.tell_group(now, group, notice),
            }
        }
    }

    fn flush_packets(&mut self, now: Instant) {
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
                let count = batch.receive(receiver, CAPACITY).unwrap_or(0);
                for received in batch.iter() {
                    self.packet(now, place, &received);
                }
                if count < CAPACITY {
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

    // ---- the kernel ----

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
        let running = self.interfaces.get(device).is_some_and(|device| device.running);
        self.step(now, node::Input::Condition(device, Some(running)));
    }

    fn address(&mut self, now: Instant, address: &Address<'_>, there: bool) {
        let is_virtual = self.plan.is_virtual(address.ip);
        let Some(device) = self.interfaces.note_address(address, is_virtual, there) else { return };
        let mark = if address.proto == Some(MARK) { Mark::Ours } else { Mark::Unknown };
        for slot in self.plan.slots_of(device, address.ip, address.prefix) {
            let input = if there { vip::Input::Seen(slot, mark) } else { vip::Input::Gone(slot) };
            self.addresses.handle(now, input, &mut self.address_out);
        }
        self.update_sources(now, device);
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
                None => log::info!("({}) no address for interface: entering FAULT", self.name(index)),
            }
            self.step(now, node::Input::Source(index, source));
        }
    }

    fn choose_source(&self, index: u16) -> Option<Option<IpAddr>> {
        let router = self.plan.routers.get(usize::from(index))?;
        let owner = self.node.router(index)?.settings().is_owner();
        Some(match (router.source, router.device) {
            (Some(ip), Some(device)) if router.track_source => {
                let there = |known: &super::interfaces::Known| known.ip == ip && known.usable;
                self.interfaces.get(device).filter(|device| device.addresses.iter().any(there)).map(|_| ip)
            }
            (Some(ip), _) => Some(ip),
            (None, Some(device)) => self.interfaces.source(device, router.family, owner),
            (None, None) => None,
        })
    }

    fn drain_addresses(&mut self) {
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

    /// The descriptors an instance receives and sends with; -1 while they are closed.
    pub fn descriptors(&self, router: u16) -> (RawFd, RawFd) {
        let vrid = self.config.instances.get(usize::from(router)).map_or(0, |instance| usize::from(instance.vrid));
        let listens = |plan: &plan::ReceiverPlan| plan.routers.get(vrid) == Some(&router);
        let receiver = self.plan.receivers.iter().position(listens);
        let sender = self.plan.routers.get(usize::from(router)).and_then(|plan| self.sockets.sender(plan.sender));
        (
            receiver.and_then(|place| self.sockets.receiver_descriptor(place)).unwrap_or(-1),
            sender.map_or(-1, AsRawFd::as_raw_fd),
        )
    }

    fn state(&self, router: u16) -> State {
        self.node.router(router).map_or(State::Initialize, |router| router.state())
    }

    /// An instance's name.
    pub fn name(&self, router: u16) -> &str {
        self.config.instances.get(usize::from(router)).map_or("?", |instance| instance.name.as_str())
    }
}

fn kind_of(state: State) -> Kind {
    match state {
        State::Initialize => Kind::Stop,
        State::Backup => Kind::Backup,
        State::Active => Kind::Master,
        State::Fault => Kind::Fault,
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
