//! Everything that follows from one configuration: the machines, their tables and their sockets, and
//! what carries actions from the one to the other. A reload makes a new world.

mod notices;
mod packets;
mod tables;

use std::os::fd::{AsRawFd, RawFd};

use mio::Registry;

use super::fifos::Fifos;
use super::interfaces::Interfaces;
use super::mail::Mail;
use super::plan::{self, Plan};
use super::promotion::Promotions;
use super::scripts::{Scripts, Verdict};
use super::sockets::Sockets;
use super::tracked_files::TrackedFiles;
use super::tracked_processes::TrackedProcesses;
use super::{announcing, faults, words};
use crate::config::Config;
use crate::proto::Outbox;
use crate::proto::announce::Announcer;
use crate::proto::debounce::Debounce;
use crate::proto::node::{self, Node};
use crate::proto::notify::{Kind, Notice};
use crate::proto::track::Condition;
use crate::proto::vip::{self, Addresses};
use crate::proto::vrrp::{Action, Event, State};
use crate::sys::send_batch::SendBatch;
use crate::sys::{Errno, clock};
use crate::time::{Duration, Instant};

/// Lines about announcements of one router: once in this time, and whenever it becomes master.
const ANNOUNCE_LOG_INTERVAL: Duration = Duration::from_secs(60);

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
    /// What the routers were told of each device.
    links: Box<[Debounce]>,
    /// The scripts.
    pub scripts: Scripts,
    /// The tracked files.
    pub tracked_files: TrackedFiles,
    /// The tracked processes.
    pub tracked_processes: TrackedProcesses,
    /// When each router's state changed last: seconds and nanoseconds of the wall clock.
    pub transitions: Box<[(i64, u32)]>,
    promotions: Promotions,
    sockets: Sockets,
    announcer: Announcer,
    node_out: Outbox<node::Output>,
    address_out: Outbox<vip::Action>,
    /// Additions and removals on their way to the kernel.
    commands: Outbox<vip::Action>,
    /// For notify scripts and pipes.
    notices: Outbox<(Told, Notice)>,
    /// And the pipes.
    pub fifos: Fifos,
    /// And the mail.
    pub mail: Mail,
    outgoing: SendBatch,
    states: Box<[State]>,
    announce_log_at: Box<[Instant]>,
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
    /// An instance whose priority changed: a line in the pipes only.
    Priority(u16),
    /// A master that heard a lower priority.
    Rival(u16),
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
        // So many leave with one system call; more is memory without a gain that could be measured.
        let packets = (plan.destinations(&config) + specs.len()).clamp(8, 64);
        Ok(Self {
            promotions: Promotions::new(&config, &plan),
            interfaces: Interfaces::new(&plan.devices),
            scripts: Scripts::new(&config, now)?,
            links: plan.devices.iter().map(|name| debounce(&config, name)).collect(),
            tracked_files: TrackedFiles::new(&config)?,
            tracked_processes: TrackedProcesses::new(&config),
            fifos: Fifos::new(&config),
            mail: Mail::new(&config),
            transitions: vec![clock::wall(); plan.routers.len()].into_boxed_slice(),
            sockets: Sockets::new(&plan, first_token)?,
            node_out: Outbox::with_capacity(node.outbox_capacity()),
            address_out: Outbox::with_capacity(addresses.outbox_capacity()),
            commands: Outbox::with_capacity(specs.len() * 3 + 16),
            notices: Outbox::with_capacity((plan.routers.len() + config.groups.len()) * 6 + 4),
            outgoing: SendBatch::new(packets, packets * 128 + 4096),
            states: node.routers().iter().map(|router| router.state()).collect(),
            announce_log_at: vec![Instant::ZERO; plan.routers.len()].into_boxed_slice(),
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
        self.fifos.start(now, self.scripts.spawner());
        for (place, check) in self.scripts.checks().iter().enumerate() {
            let condition = self.plan.script_condition(place);
            self.node.handle(
                now,
                node::Input::Condition(condition, check.machine.verdict().into()),
                &mut self.node_out,
            );
        }
        self.tracked_files.look(now);
        for (file, value) in self.tracked_files.values().enumerate() {
            let condition = self.plan.file_condition(&self.config, file);
            self.node.handle(now, node::Input::Condition(condition, Condition::Value(value)), &mut self.node_out);
        }
        self.tracked_processes.count_all(now);
        for process in 0..self.config.processes.len() {
            let condition = self.plan.process_condition(&self.config, process);
            let told = self.tracked_processes.has_quorum(process).into();
            self.node.handle(now, node::Input::Condition(condition, told), &mut self.node_out);
        }
        for device in 0..self.plan.devices.len() as u16 {
            let running = self.interfaces.get(device).is_some_and(|device| device.running);
            let told = self.links.get_mut(usize::from(device)).is_some_and(|link| link.found(now, running));
            self.node.handle(now, node::Input::Condition(device, Condition::Is(told)), &mut self.node_out);
        }
        let impossible = self.plan.impossible(&self.config);
        self.node.handle(now, node::Input::Condition(impossible, Condition::Is(false)), &mut self.node_out);
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
        self.hold_static(now);
        self.addresses.handle(now, vip::Input::Start, &mut self.address_out);
        self.drain_addresses();
    }

    /// The static addresses are to be there from now on.
    pub fn hold_static(&mut self, now: Instant) {
        self.addresses.handle(now, vip::Input::Hold(plan::STATIC), &mut self.address_out);
        self.drain_addresses();
    }

    fn has_new_addresses(&self, router: u16) -> bool {
        let mut slots = (0_u16..).zip(&self.plan.slots).filter(|(_, slot)| slot.spec.router == router);
        slots.any(|(slot, _)| !self.addresses.is_present(slot))
    }

    /// Takes the sockets, processes and device states of the world before.
    pub fn take_over(&mut self, now: Instant, old: &mut Self, registry: &Registry) {
        self.sockets.take_over(&self.plan, &mut old.sockets, &old.plan, &self.interfaces, registry);
        self.scripts.resume(&self.config, &mut old.scripts, &old.config);
        self.tracked_files.make(&self.config, &old.config);
        self.tracked_files.take_over(&old.tracked_files);
        self.tracked_processes.take_over(&old.tracked_processes);
        self.promotions.take_over(&self.plan, &mut old.promotions, &old.plan);
        for (name, link) in self.plan.devices.iter().zip(&mut self.links) {
            if let Some(before) = old.plan.device(name).and_then(|device| old.links.get(usize::from(device))) {
                link.resume(before);
            }
        }
        self.mail.take_over(now, &mut old.mail);
        self.fifos.take_over(&mut old.fifos, self.config.global.fifo_write_states_on_reload, now);
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
            self.fifos.next_deadline(),
            self.tracked_files.next_deadline(),
            self.tracked_processes.next_deadline().filter(|_| !self.stopping),
            self.mail.next_deadline(),
            self.links.iter().filter_map(Debounce::next_deadline).min(),
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
        for device in 0..self.links.len() {
            let told = self.links.get_mut(device).and_then(|link| link.deadline(now));
            if told.is_some() {
                self.step(now, node::Input::Condition(device as u16, told.into()));
            }
        }
        if !self.stopping && self.scripts.next_deadline().is_some_and(|at| at <= now) {
            let mut verdicts: heapless::Vec<Verdict, 64> = heapless::Vec::new();
            self.scripts.deadline(now, |verdict| drop(verdicts.push(verdict)));
            self.judge(now, &verdicts);
        }
        if self.tracked_files.next_deadline().is_some_and(|at| at <= now) {
            self.look_at_files(now);
        }
        if !self.stopping && self.tracked_processes.next_deadline().is_some_and(|at| at <= now) {
            self.look_at_processes(now);
        }
        if self.fifos.next_deadline().is_some_and(|at| at <= now) && self.fifos.deadline(now, self.scripts.spawner()) {
            self.tell_all_states(now);
        }
    }

    /// Reads the tracked files that changed.
    pub fn look_at_files(&mut self, now: Instant) {
        self.tracked_files.look(now);
        for file in 0..self.config.files.len() {
            let condition = self.plan.file_condition(&self.config, file);
            let value = Condition::Value(self.tracked_files.value(file));
            let before = self.node.condition(condition);
            if before != value {
                faults::say_file(self, file, before, value);
                self.step(now, node::Input::Condition(condition, value));
            }
        }
    }

    fn look_at_processes(&mut self, now: Instant) {
        self.tracked_processes.deadline(now);
        for process in 0..self.config.processes.len() {
            let condition = self.plan.process_condition(&self.config, process);
            let told = self.tracked_processes.has_quorum(process);
            if self.node.condition(condition) != told.into() {
                faults::say_process(self, process, told == Some(true));
                self.step(now, node::Input::Condition(condition, told.into()));
            }
        }
    }

    /// Collects child processes that ended.
    pub fn reap(&mut self, now: Instant) {
        let mut verdicts: heapless::Vec<Verdict, 64> = heapless::Vec::new();
        let fifos = &mut self.fifos;
        let ended = |pid, exit| fifos.ended(now, pid, exit);
        self.scripts.reap(now, |verdict| drop(verdicts.push(verdict)), ended);
        self.judge(now, &verdicts);
    }

    fn judge(&mut self, now: Instant, verdicts: &[Verdict]) {
        for verdict in verdicts {
            let condition = self.plan.script_condition(usize::from(verdict.script));
            self.step(now, node::Input::Condition(condition, Condition::Is(verdict.good)));
        }
        if verdicts.len() == 64 {
            // More may have changed than were told: the machines know.
            for place in 0..self.scripts.checks().len() {
                let verdict = self.scripts.checks().get(place).and_then(|check| check.machine.verdict());
                self.step(now, node::Input::Condition(self.plan.script_condition(place), verdict.into()));
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
                    self.priority_changed(router, to);
                }
            }
        }
    }

    fn act(&mut self, now: Instant, router: u16, action: Action) {
        match action {
            Action::Advertise(priority) => self.advertise(now, router, priority),
            Action::Hold => {
                if let Some(log_at) = self.announce_log_at.get_mut(usize::from(router)) {
                    *log_at = now;
                }
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
                self.log_announcements(now, router);
            }
            Action::Enter(state) => self.entered(router, state),
            Action::Report(Event::Rival) => {
                let priority = self.node.router(router).map_or(0, |router| router.priority());
                self.notices.push((Told::Rival(router), Notice { kind: Kind::Rival, priority }));
            }
            Action::Report(event) => words::report(self.name(router), event),
        }
    }

    /// A rival makes a master announce again and again: once a minute is enough to read about it.
    fn log_announcements(&mut self, now: Instant, router: u16) {
        if let Some(log_at) = self.announce_log_at.get_mut(usize::from(router)).filter(|at| **at <= now) {
            *log_at = now + ANNOUNCE_LOG_INTERVAL;
            announcing::log_batch(&self.config, &self.plan, &self.interfaces, router);
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
        if state == State::Fault {
            faults::say(self, router);
        }
        if state != State::Active {
            words::entered(self.name(router), before, state);
        }
        let priority = self.node.router(router).map_or(0, |router| router.priority());
        self.notices.push((Told::Instance(router), Notice { kind: kind_of(state), priority }));
    }

    fn priority_changed(&mut self, router: u16, priority: u8) {
        let told =
            self.config.instances.get(usize::from(router)).is_some_and(|instance| instance.notify_priority_changes);
        let state = self.state(router);
        if told && matches!(state, State::Active | State::Backup) {
            self.notices.push((Told::Priority(router), Notice { kind: kind_of(state), priority }));
        }
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
        self.fifos.stop();
        self.mail.stop(now);
        self.step(now, node::Input::Shutdown);
        for group in 0..self.config.groups.len() as u16 {
            self.notices.push((Told::Group(group), Notice { kind: Kind::Stop, priority: 0 }));
        }
        if !keep_addresses {
            self.addresses.handle(now, vip::Input::Release(plan::STATIC), &mut self.address_out);
            self.drain_addresses();
        }
    }

    /// After the last address is gone.
    pub fn end(&mut self) {
        self.fifos.end();
        self.promotions.end(&self.interfaces);
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
            log::info!("({}) removing VIPs.", self.name(router));
        }
        let deleted = self.config.instances.get(usize::from(router)).is_some_and(|instance| instance.notify_deleted);
        let kind = if deleted { Kind::Deleted } else { Kind::Fault };
        let priority = self.node.router(router).map_or(0, |router| router.priority());
        self.notices.push((Told::Instance(router), Notice { kind, priority }));
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
        let nobody = if router == plan::STATIC { "static_ipaddress" } else { "?" };
        self.config.instances.get(usize::from(router)).map_or(nobody, |instance| instance.name.as_str())
    }
}

fn debounce(config: &Config, name: &str) -> Debounce {
    let delay = config.global.interface_delays.iter().find(|delay| delay.name == name);
    delay.map_or_else(Debounce::default, |delay| Debounce::new(delay.down, delay.up))
}

fn kind_of(state: State) -> Kind {
    match state {
        State::Initialize => Kind::Stop,
        State::Backup => Kind::Backup,
        State::Active => Kind::Master,
        State::Fault => Kind::Fault,
    }
}
