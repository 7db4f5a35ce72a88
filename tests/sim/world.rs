//! The world: one virtual clock, hosts, and a network that carries real bytes between them.

use core::cmp::Reverse;
use core::fmt::Arguments;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BinaryHeap;

use holdfast::proto::Outbox;
use holdfast::proto::node::{Input, Node, Output};
use holdfast::proto::track::Condition;
use holdfast::proto::vrrp::{Action, Packet, Settings, State};
use holdfast::time::{Centis, Duration, Instant};
use holdfast::wire::vrrp::{Family, Pseudo};

use crate::host::Host;
use crate::plan::{CONDITIONS, MAX_HOSTS, MAX_ROUTERS, Plan, WEIGHTED, line};
use crate::rng::Rng;
use crate::theory::Given;

/// What went wrong, for a person.
pub type Check<T = ()> = Result<T, String>;

/// A packet on its way. The order is that of arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flight {
    at: Instant,
    number: u64,
    to: u8,
    from: u8,
    router: u8,
    priority: u8,
    interval: Centis,
    source: IpAddr,
    destination: IpAddr,
    length: u8,
    bytes: [u8; 64],
}

/// What the network does to packets. All of it is off when the network is whole.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Percent of packets lost and doubled.
    pub loss: u64,
    pub doubled: u64,
    /// Up to this much more delay, which also reorders.
    pub extra: Duration,
    /// From, to: nothing gets through.
    pub cut: [[bool; MAX_HOSTS]; MAX_HOSTS],
}

/// Somebody became master.
#[derive(Clone, Copy, Debug)]
pub struct Election {
    pub at: Instant,
    pub host: usize,
    pub router: usize,
}

pub struct World<'p> {
    pub plan: &'p Plan,
    pub now: Instant,
    pub hosts: Vec<Host>,
    pub network: Network,
    pub elections: Vec<Election>,
    /// When the last advert of each host and router was sent, and with which priority.
    pub sent: [[(Instant, u8); MAX_ROUTERS]; MAX_HOSTS],
    /// From when on nothing disturbs: then two masters at once are bounded.
    pub quiet_from: Option<Instant>,
    /// Since when a pair of hosts are both master of a router.
    rivals: [[[Option<Instant>; MAX_ROUTERS]; MAX_HOSTS]; MAX_HOSTS],
    flights: BinaryHeap<Reverse<Flight>>,
    flown: u64,
    /// Arrival of the last packet between two hosts: without faults, none overtakes another.
    last_arrival: [[Instant; MAX_HOSTS]; MAX_HOSTS],
    pub rng: Rng,
    trace: Option<Vec<String>>,
}

impl<'p> World<'p> {
    pub fn new(plan: &'p Plan, trace: bool) -> Self {
        Self {
            plan,
            now: plan.start,
            hosts: (0..plan.hosts.len()).map(|index| Host::new(plan, index)).collect(),
            network: Network::default(),
            elections: Vec::new(),
            sent: Default::default(),
            quiet_from: None,
            rivals: Default::default(),
            flights: BinaryHeap::new(),
            flown: 0,
            last_arrival: Default::default(),
            rng: Rng::new(plan.seed ^ 0x05ee_d0fc_4a05),
            trace: trace.then(Vec::new),
        }
    }

    pub fn into_trace(self) -> Vec<String> {
        self.trace.unwrap_or_default()
    }

    pub fn note(&mut self, text: Arguments<'_>) {
        let at = self.now.since(self.plan.start);
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>5}.{:06} {text}", at.as_secs(), at.as_micros() % 1_000_000));
        }
    }

    /// Lets the world go on until `end`.
    pub fn run_until(&mut self, end: Instant) -> Check {
        while self.step(end)? {}
        self.now = end;
        self.watch_rivals()
    }

    /// The next thing that happens, if it does before or at `end`.
    pub fn step(&mut self, end: Instant) -> Check<bool> {
        let flight = self.flights.peek().map(|Reverse(flight)| flight.at).filter(|at| *at <= end);
        let awake = self.hosts.iter().enumerate().filter(|(_, host)| !host.paused);
        let wake = awake.filter_map(|(index, host)| Some((host.wake?, index))).min().filter(|(at, _)| *at <= end);
        match (flight, wake) {
            (Some(at), wake) if wake.is_none_or(|(wake, _)| at <= wake) => {
                self.now = self.now.max(at);
                if let Some(Reverse(flight)) = self.flights.pop() {
                    self.arrive(flight)?;
                }
            }
            (_, Some((at, host))) => {
                self.now = self.now.max(at);
                self.feed(host, Input::Deadline, (MAX_ROUTERS, Given::Deadline))?;
            }
            (_, None) => return Ok(false),
        }
        self.watch_rivals()?;
        Ok(true)
    }

    fn arrive(&mut self, flight: Flight) -> Check {
        let host = &mut self.hosts[usize::from(flight.to)];
        let link = self.plan.virtuals[usize::from(flight.router)].link;
        if host.node.is_none() || host.suspended || !host.truth[link] {
            return Ok(());
        }
        if host.paused {
            // The socket's buffer is bounded; the newest are dropped, as Linux does.
            if host.queue.len() < 64 {
                host.queue.push(flight);
            }
            return Ok(());
        }
        self.deliver(flight)
    }

    fn deliver(&mut self, flight: Flight) -> Check {
        let (to, router) = (usize::from(flight.to), usize::from(flight.router));
        self.note(format_args!("  host {to} router {router} <- advert {} from host {}", flight.priority, flight.from));
        let packet = Packet {
            source: flight.source,
            destination: flight.destination,
            hop_limit: Some(255),
            payload: &flight.bytes[..usize::from(flight.length)],
        };
        let given = Given::Advert { source: flight.source, priority: flight.priority, interval: flight.interval };
        self.feed(to, Input::Packet(router as u16, packet), (router, given))
    }

    /// Gives a host's node an input, does what it wants, and holds it to every law there is.
    /// `given`: the router the input is for (all, if there is no such router).
    pub fn feed(&mut self, index: usize, input: Input<'_>, given: (usize, Given)) -> Check {
        let host = &mut self.hosts[index];
        let Some(mut node) = host.node.take() else { return Ok(()) };
        let mut outbox = core::mem::replace(&mut host.outbox, Outbox::with_capacity(0));
        let count = node.routers().len();
        let mut before = [State::Initialize; MAX_ROUTERS];
        for (state, router) in before.iter_mut().zip(node.routers()) {
            *state = router.state();
        }
        let group_before = node.group(0);

        node.handle(self.now, input, &mut outbox);

        let law = if matches!(input, Input::Deadline) && node.next_deadline().is_some_and(|next| next <= self.now) {
            Err("the deadline after a deadline is not later".to_string())
        } else {
            Ok(())
        };
        let mut outputs: Vec<Output> = Vec::with_capacity(8);
        while let Some(output) = outbox.pop() {
            outputs.push(output);
        }
        let lost = outbox.lost();
        self.hosts[index].node = Some(node);
        self.hosts[index].outbox = outbox;
        let result = law
            .and_then(|()| if lost > 0 { Err("the outbox was full".into()) } else { Ok(()) })
            .and_then(|()| self.obey(index, &before[..count], group_before, &outputs))
            .and_then(|()| self.compare(index, &before[..count], given, &outputs))
            .and_then(|()| if matches!(input, Input::Shutdown) { Ok(()) } else { self.check_host(index) });
        self.schedule(index);
        result.map_err(|error| format!("host {index}: {error}"))
    }

    /// The kernel's and the network's side of the outputs.
    fn obey(&mut self, index: usize, before: &[State], group: Option<State>, outputs: &[Output]) -> Check {
        let mut entered = [State::Initialize; MAX_ROUTERS];
        entered[..before.len()].copy_from_slice(before);
        let mut group_said = group;
        for output in outputs {
            match *output {
                Output::Router(router, action) => {
                    let router = usize::from(router);
                    match action {
                        Action::Advertise(priority) => self.send(index, router, priority)?,
                        Action::Hold => self.hold(index, router, true)?,
                        Action::Release => self.hold(index, router, false)?,
                        Action::Enter(state) => {
                            self.note(format_args!("host {index} router {router}: {state:?}"));
                            if state == entered[router] && state != State::Fault {
                                return Err(format!("router {router}: enters {state:?} where it was"));
                            }
                            if state == State::Active {
                                self.elections.push(Election { at: self.now, host: index, router });
                            }
                            entered[router] = state;
                        }
                        Action::Report(event) => self.note(format_args!("host {index} router {router}: {event:?}")),
                        Action::Announce(_) if !self.hosts[index].held[router] => {
                            return Err(format!("router {router}: announces addresses it does not hold"));
                        }
                        Action::Announce(_) => {}
                    }
                }
                Output::Group(_, state) => {
                    self.note(format_args!("host {index} group: {state:?}"));
                    group_said = Some(state);
                }
                Output::Priority(router, from, to) => {
                    self.note(format_args!("host {index} router {router}: priority {from} -> {to}"));
                }
            }
        }
        let host = &self.hosts[index];
        for (router, entered) in entered.iter().enumerate().take(before.len()) {
            let state = host.state(router);
            if *entered != state {
                return Err(format!("router {router}: is {state:?} and said {entered:?}"));
            }
            if host.held[router] != (state == State::Active) {
                return Err(format!("router {router}: {state:?}, addresses held: {}", host.held[router]));
            }
        }
        let group = host.node.as_ref().and_then(|node| node.group(0));
        if group_said != group && !before.is_empty() {
            return Err(format!("group is {group:?} and said {group_said:?}"));
        }
        Ok(())
    }

    fn hold(&mut self, index: usize, router: usize, hold: bool) -> Check {
        let held = &mut self.hosts[index].held[router];
        if *held == hold {
            return Err(format!("router {router}: addresses held or released twice"));
        }
        *held = hold;
        Ok(())
    }

    /// What holds between the routers of a host and its trackers once it was told all it must know.
    fn check_host(&self, index: usize) -> Check {
        let host = &self.hosts[index];
        let Some(node) = host.node.as_ref().filter(|_| host.acquainted) else { return Ok(()) };
        for (router, settings) in node.routers().iter().zip(&host.settings) {
            let expected = self.plan.hosts[index].effective(settings.priority, host.told[WEIGHTED]);
            if router.priority() != expected {
                return Err(format!("priority {} where trackers make it {expected}", router.priority()));
            }
        }
        let has = |state| node.routers().iter().any(|router| router.state() == state);
        if host.grouped && has(State::Active) && has(State::Backup) {
            return Err("its sync group is torn: one is master, another backup".into());
        }
        Ok(())
    }

    fn compare(&mut self, index: usize, before: &[State], given: (usize, Given), outputs: &[Output]) -> Check {
        let Host { node, theory, grouped, .. } = &mut self.hosts[index];
        let Some(node) = node else { return Ok(()) };
        let (addressee, what) = given;
        let mut actions: Vec<Action> = Vec::with_capacity(8);
        for (router, state) in before.iter().enumerate() {
            actions.clear();
            actions.extend(outputs.iter().filter_map(|output| match output {
                Output::Router(from, action) if usize::from(*from) == router => Some(*action),
                Output::Router(..) | Output::Group(..) | Output::Priority(..) => None,
            }));
            let given = if addressee == router || addressee >= before.len() { what } else { Given::Other };
            let mate = |other: usize| other != router && node.routers()[other].state() == State::Active;
            let group_active = *grouped && (0..before.len()).any(mate);
            theory[router]
                .check(self.now, *state, &node.routers()[router], given, &actions, group_active)
                .map_err(|error| format!("router {router}: {error}"))?;
        }
        Ok(())
    }

    fn schedule(&mut self, index: usize) {
        let jitter = self.plan.jitter.as_nanos();
        let late = if jitter == 0 { 0 } else { self.rng.below(jitter + 1) };
        let host = &mut self.hosts[index];
        host.wake = host.node.as_ref().and_then(Node::next_deadline).map(|at| at + Duration::from_nanos(late));
    }

    fn send(&mut self, from: usize, router: usize, priority: u8) -> Check {
        let plan = self.plan;
        let virtual_ = &plan.virtuals[router];
        self.sent[from][router] = (self.now, priority);
        self.note(format_args!("host {from} router {router} -> advert {priority}"));
        if !self.hosts[from].truth[virtual_.link] {
            return Ok(());
        }
        let group: IpAddr = match virtual_.family {
            Family::V4 => Ipv4Addr::new(224, 0, 0, 18).into(),
            Family::V6 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12).into(),
        };
        for to in (0..plan.hosts.len()).filter(|to| *to != from) {
            let destination = if virtual_.unicast { plan.address(to, router) } else { group };
            let pseudo = Pseudo { source: plan.address(from, router), destination };
            let mut bytes = [0; 64];
            let host = &self.hosts[from];
            let Some(sender) = host.node.as_ref().and_then(|node| node.router(router as u16)) else { continue };
            let repr = sender.advert(priority);
            let interval = repr.interval;
            let length = repr.emit(&pseudo, &mut bytes).ok_or("an advert could not be made")? as u8;
            let copies = 1 + u64::from(self.rng.percent(self.network.doubled));
            for _ in 0..copies {
                if self.network.cut[from][to] || self.rng.percent(self.network.loss) {
                    continue;
                }
                let at = self.arrival(from, to);
                self.flown += 1;
                self.flights.push(Reverse(Flight {
                    at,
                    number: self.flown,
                    to: to as u8,
                    from: from as u8,
                    router: router as u8,
                    priority,
                    interval,
                    source: pseudo.source,
                    destination,
                    length,
                    bytes,
                }));
            }
        }
        Ok(())
    }

    fn arrival(&mut self, from: usize, to: usize) -> Instant {
        let (shortest, longest) = self.plan.delay;
        let spread = longest.minus(shortest).plus(self.network.extra).as_nanos();
        let at = self.now + shortest + Duration::from_nanos(self.rng.below(spread + 1));
        if !self.network.extra.is_zero() {
            return at;
        }
        let last = &mut self.last_arrival[from][to];
        *last = at.max(*last);
        *last
    }

    /// Two masters hear each other within the better one's interval, unless something disturbs.
    fn watch_rivals(&mut self) -> Check {
        let Some(quiet_from) = self.quiet_from else { return Ok(()) };
        for router in 0..self.plan.virtuals.len() {
            if self.hosts.iter().filter(|host| host.is_active(router)).count() < 2 {
                self.rivals.iter_mut().flatten().for_each(|pair| pair[router] = None);
                continue;
            }
            for one in 0..self.hosts.len() {
                for other in 0..one {
                    let rivals = self.are_rivals(one, other, router);
                    let since = &mut self.rivals[one][other][router];
                    *since = rivals.then(|| since.unwrap_or(self.now.max(quiet_from)));
                    let Some(since) = *since else { continue };
                    let bound = self.rival_bound(one, other, router);
                    if self.now.since(since) > bound {
                        return Err(format!(
                            "hosts {one} and {other} are both master of router {router} for {} s, longer than {bound} s",
                            self.now.since(since)
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn are_rivals(&self, one: usize, other: usize, router: usize) -> bool {
        let is = |host: usize| self.hosts[host].is_active(router) && !self.hosts[host].paused;
        is(one) && is(other) && !self.network.cut[one][other] && !self.network.cut[other][one]
    }

    /// One advert of the better one, and its way.
    fn rival_bound(&self, one: usize, other: usize, router: usize) -> Duration {
        let rank = |host: usize| (self.hosts[host].priority(router), self.plan.address(host, router));
        let better = if rank(one) > rank(other) { one } else { other };
        let interval = self.hosts[better].settings[router].advert_interval.span();
        interval.plus(self.plan.delay.1).plus(self.plan.jitter)
    }

    /// Host starts, or starts again: it knows its addresses and conditions first.
    pub fn start(&mut self, index: usize) -> Check {
        if self.hosts[index].node.is_some() {
            return Ok(());
        }
        self.note(format_args!("host {index} starts"));
        let plan = self.plan;
        let host = &mut self.hosts[index];
        host.held = [false; MAX_ROUTERS];
        host.paused = false;
        host.suspended = false;
        let (members, groups) = host.configuration(plan, &plan.hosts[index]);
        let node = Node::new(members, groups, CONDITIONS);
        host.outbox = Outbox::with_capacity(node.outbox_capacity());
        host.node = Some(node);
        self.acquaint(index)
    }

    /// Sources and conditions, then the start.
    fn acquaint(&mut self, index: usize) -> Check {
        self.hosts[index].acquainted = false;
        for router in 0..self.plan.virtuals.len() {
            let source = Some(self.plan.address(index, router));
            self.feed(index, Input::Source(router as u16, source), (router, Given::Other))?;
        }
        for condition in 0..CONDITIONS {
            let value = Condition::Is(self.hosts[index].truth[condition]);
            self.feed(index, Input::Condition(condition as u16, value), (MAX_ROUTERS, Given::Other))?;
        }
        self.hosts[index].told = self.hosts[index].truth;
        self.hosts[index].acquainted = true;
        self.feed(index, Input::Start, (MAX_ROUTERS, Given::Other))
    }

    /// The power goes: state and addresses with it.
    pub fn crash(&mut self, index: usize) {
        self.note(format_args!("host {index} crashes"));
        let host = &mut self.hosts[index];
        host.node = None;
        host.wake = None;
        host.paused = false;
        host.suspended = false;
        host.queue.clear();
        host.held = [false; MAX_ROUTERS];
    }

    /// An orderly end.
    pub fn shutdown(&mut self, index: usize) -> Check {
        self.unpause(index)?;
        self.note(format_args!("host {index} shuts down"));
        self.feed(index, Input::Shutdown, (MAX_ROUTERS, Given::Other))?;
        if self.hosts[index].held.contains(&true) {
            return Err(format!("host {index} left addresses behind"));
        }
        self.crash(index);
        Ok(())
    }

    pub fn pause(&mut self, index: usize, suspend: bool) {
        if self.hosts[index].node.is_none() || self.hosts[index].paused {
            return;
        }
        self.note(format_args!("host {index} {}", if suspend { "is suspended" } else { "is stopped" }));
        let host = &mut self.hosts[index];
        (host.paused, host.suspended, host.paused_at) = (true, suspend, self.now);
    }

    /// What was queued comes first, then what changed meanwhile; its deadline, if due, comes last.
    pub fn unpause(&mut self, index: usize) -> Check {
        let host = &mut self.hosts[index];
        if !host.paused {
            return Ok(());
        }
        let slept = host.suspended.then(|| self.now.since(host.paused_at));
        let queue = core::mem::take(&mut host.queue);
        (host.paused, host.suspended) = (false, false);
        self.note(format_args!("host {index} goes on, {} packets waiting", queue.len()));
        if let Some(span) = slept {
            self.feed(index, Input::Slept(span), (MAX_ROUTERS, Given::Slept))?;
        }
        for flight in queue {
            self.deliver(flight)?;
        }
        self.tell(index)
    }

    /// Changes what is true of a host, and tells it.
    pub fn set(&mut self, index: usize, condition: usize, value: bool) -> Check {
        if self.hosts[index].truth[condition] != value {
            let name = ["link 0", "link 1", "link 2", "check script", "weighted condition"][condition];
            self.note(format_args!("host {index} {name} is {}", if value { "good" } else { "bad" }));
            self.hosts[index].truth[condition] = value;
        }
        self.tell(index)
    }

    fn tell(&mut self, index: usize) -> Check {
        if self.hosts[index].paused || self.hosts[index].node.is_none() {
            return Ok(());
        }
        for condition in 0..CONDITIONS {
            let value = self.hosts[index].truth[condition];
            if self.hosts[index].told[condition] != value {
                self.hosts[index].told[condition] = value;
                self.feed(
                    index,
                    Input::Condition(condition as u16, Condition::Is(value)),
                    (MAX_ROUTERS, Given::Other),
                )?;
            }
        }
        Ok(())
    }

    /// A reload with these settings.
    pub fn reload(&mut self, index: usize, settings: Vec<Settings>, grouped: bool) -> Check {
        let plan = self.plan;
        let host = &mut self.hosts[index];
        if host.paused {
            return Ok(());
        }
        let same = host.settings == settings && host.grouped == grouped;
        let regrouped = host.grouped != grouped;
        host.settings = settings;
        host.grouped = grouped;
        let Some(old) = host.node.take() else { return Ok(()) };
        let (members, groups) = host.configuration(plan, &plan.hosts[index]);
        let origin: Vec<_> = (0..members.len() as u16).map(Some).collect();
        let node = Node::resume(members, groups, CONDITIONS, &old, &origin, self.now);
        let mut result = Ok(());
        for ((theory, old), new) in host.theory.iter_mut().zip(old.routers()).zip(node.routers()) {
            if same
                && (old.next_deadline(), old.state(), old.priority())
                    != (new.next_deadline(), new.state(), new.priority())
            {
                result = Err(format!("host {index}: a reload that changes nothing changed a deadline or state"));
            }
            result = result.and_then(|()| theory.resumed(self.now, old, new));
        }
        host.outbox = Outbox::with_capacity(node.outbox_capacity());
        host.node = Some(node);
        self.note(format_args!("host {index} reloads{}", if same { " unchanged" } else { "" }));
        for router in 0..plan.virtuals.len() {
            let text = line(&self.hosts[index].settings[router], plan.address(index, router));
            self.note(format_args!("  router {router}: {text}{}", if grouped { ", in a group" } else { "" }));
        }
        result?;
        let (elections, flown) = (self.elections.len(), self.flown);
        self.acquaint(index)?;
        if same && (elections, flown) != (self.elections.len(), self.flown) {
            return Err(format!("host {index}: a reload that changes nothing made it act"));
        }
        if !regrouped && elections != self.elections.len() {
            return Err(format!("host {index}: a reload caused an election"));
        }
        Ok(())
    }
}
