//! All virtual routers of one machine: their sync groups, their trackers, their deadlines.
//!
//! The node turns what is observed (an interface is up, a script succeeds, an address is gone) into
//! faults and priorities of its routers, and keeps the members of a sync group together: one in Fault
//! puts all in Fault, one that becomes master takes all along, and so does one that yields.

use core::net::IpAddr;

use super::outbox::Outbox;
use super::track::{Condition, Link, Verdict};
use super::vrrp::{self, Packet, Router, Settings, State};
use crate::time::{Duration, Instant};

/// A virtual router and what it depends on.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its settings.
    pub settings: Settings,
    /// Its own trackers; its interface is one of weight 0.
    pub links: Box<[Link]>,
    /// Its sync group.
    pub group: Option<u16>,
}

/// A sync group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Indices of its members.
    pub members: Box<[u16]>,
    /// Trackers that count for each member.
    pub links: Box<[Link]>,
}

/// What happens to the node.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// All conditions and sources known at the start were given: begin.
    Start,
    /// The deadline it asked for has come.
    Deadline,
    /// A packet for this router.
    Packet(u16, Packet<'a>),
    /// A condition is known, is known otherwise, or is unknown again.
    Condition(u16, Condition),
    /// A router's own address on its interface; none is a fault.
    Source(u16, Option<IpAddr>),
    /// The machine slept for this long.
    Slept(Duration),
    /// Leave: priority 0 where master, addresses released.
    Shutdown,
}

/// What is to be done, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// By or about a router.
    Router(u16, vrrp::Action),
    /// All members of a group are in this state now (one suffices for Fault).
    Group(u16, State),
    /// A router's effective priority changed: from, to.
    Priority(u16, u8, u8),
}

/// Whether a router may take part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fitness {
    Fit,
    /// A condition that decides is not known yet.
    Pending,
    Faulty,
}

/// Where a member's change drags its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pull {
    Up,
    Down,
}

/// What a router depends on.
#[derive(Clone, Debug)]
struct Ties {
    links: Box<[Link]>,
    group: Option<u16>,
}

#[derive(Clone, Debug)]
struct GroupState {
    group: Group,
    state: State,
    pull: Option<Pull>,
}

/// All virtual routers of one machine.
#[derive(Debug)]
pub struct Node {
    routers: Box<[Router]>,
    ties: Box<[Ties]>,
    groups: Box<[GroupState]>,
    conditions: Box<[Condition]>,
    deadlines: Box<[Instant]>,
    scratch: Outbox<vrrp::Action>,
    started: bool,
}

/// No deadline.
const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// More than one input can make one router do.
const ACTIONS_PER_INPUT: usize = 12;

impl Node {
    /// A node whose routers have not started and whose conditions are not known.
    pub fn new(members: Vec<Member>, groups: Vec<Group>, conditions: usize) -> Self {
        let routers = members.iter().map(|member| Router::new(member.settings.clone())).collect();
        Self::with_routers(routers, members, groups, conditions)
    }

    /// A node for a new configuration. `origin` names the router of `old` that a new one continues.
    pub fn resume(
        members: Vec<Member>,
        groups: Vec<Group>,
        conditions: usize,
        old: &Self,
        origin: &[Option<u16>],
        now: Instant,
    ) -> Self {
        let continued = |index: usize| origin.get(index).copied().flatten().and_then(|from| old.router(from));
        let routers = members
            .iter()
            .enumerate()
            .map(|(index, member)| match continued(index) {
                Some(router) => Router::resume(member.settings.clone(), router, now),
                None => Router::new(member.settings.clone()),
            })
            .collect();
        Self::with_routers(routers, members, groups, conditions)
    }

    fn with_routers(routers: Box<[Router]>, members: Vec<Member>, groups: Vec<Group>, conditions: usize) -> Self {
        let deadlines = routers.iter().map(|router| router.next_deadline().unwrap_or(NEVER)).collect();
        let mut node = Self {
            ties: members.into_iter().map(|member| Ties { links: member.links, group: member.group }).collect(),
            groups: groups
                .into_iter()
                .map(|group| GroupState { group, state: State::Initialize, pull: None })
                .collect(),
            conditions: vec![Condition::Unknown; conditions].into_boxed_slice(),
            deadlines,
            scratch: Outbox::with_capacity(ACTIONS_PER_INPUT),
            started: false,
            routers,
        };
        for index in 0..node.groups.len() {
            let state = node.group_state(index);
            if let Some(group) = node.groups.get_mut(index) {
                group.state = state;
            }
        }
        node
    }

    /// How many outputs one input can cause at most.
    pub fn outbox_capacity(&self) -> usize {
        (self.routers.len() + 1) * ACTIONS_PER_INPUT + self.groups.len() * 2
    }

    /// A router.
    pub fn router(&self, index: u16) -> Option<&Router> {
        self.routers.get(usize::from(index))
    }

    /// All routers.
    pub fn routers(&self) -> &[Router] {
        &self.routers
    }

    /// The state of a group.
    pub fn group(&self, index: u16) -> Option<State> {
        self.groups.get(usize::from(index)).map(|group| group.state)
    }

    /// What a condition is known to be.
    pub fn condition(&self, index: u16) -> Condition {
        self.conditions.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// What the trackers say about a router.
    pub fn verdict(&self, index: u16) -> Verdict {
        let mut verdict = Verdict::default();
        if let Some(ties) = self.ties.get(usize::from(index)) {
            verdict.add(&ties.links, &self.conditions);
            if let Some(group) = ties.group.and_then(|index| self.groups.get(usize::from(index))) {
                verdict.add(&group.group.links, &self.conditions);
            }
        }
        verdict
    }

    /// Sets all routers' counters to zero.
    pub fn clear_stats(&mut self) {
        self.routers.iter_mut().for_each(Router::clear_stats);
    }

    /// When it wants [`Input::Deadline`].
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.iter().copied().min().filter(|at| *at != NEVER)
    }

    /// Takes an input and says what is to be done about it.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, outbox: &mut Outbox<Output>) {
        match input {
            Input::Start => {
                self.started = true;
                self.judge_all(now, outbox);
                self.join_groups();
            }
            Input::Deadline => self.deadline(now, outbox),
            Input::Packet(router, packet) => self.give(now, router, vrrp::Input::Packet(packet), outbox),
            Input::Condition(index, value) => self.condition_changed(now, index, value, outbox),
            Input::Source(router, source) => {
                self.give(now, router, vrrp::Input::Source(source), outbox);
                if self.started {
                    self.judge_fitness(now, router, outbox);
                }
            }
            Input::Slept(span) => self.give_all(now, vrrp::Input::Slept(span), outbox),
            Input::Shutdown => {
                self.started = false;
                self.give_all(now, vrrp::Input::Shutdown, outbox);
                return;
            }
        }
        self.settle(now, outbox);
    }

    fn deadline(&mut self, now: Instant, outbox: &mut Outbox<Output>) {
        for index in 0..self.routers.len() {
            if self.deadlines.get(index).is_some_and(|at| *at <= now) {
                self.give(now, index as u16, vrrp::Input::Deadline, outbox);
            }
        }
    }

    fn condition_changed(&mut self, now: Instant, index: u16, value: Condition, outbox: &mut Outbox<Output>) {
        let Some(condition) = self.conditions.get_mut(usize::from(index)) else { return };
        if *condition != value {
            *condition = value;
            self.judge_all(now, outbox);
        }
    }

    /// Priorities first: a router that starts now, perhaps because of its group, starts with the right timer.
    fn judge_all(&mut self, now: Instant, outbox: &mut Outbox<Output>) {
        if !self.started {
            return;
        }
        for index in 0..self.routers.len() {
            self.judge_priority(now, index as u16, outbox);
        }
        for index in 0..self.routers.len() {
            self.judge_fitness(now, index as u16, outbox);
        }
    }

    /// Tells a router (and its group) what its trackers make of it.
    fn judge_fitness(&mut self, now: Instant, index: u16, outbox: &mut Outbox<Output>) {
        let of = self.group_of(index);
        let Some(group) = of.and_then(|group| self.groups.get(usize::from(group))) else {
            return self.tell_fitness(now, index, self.fitness(index), outbox);
        };
        let fitness = group.group.members.iter().map(|member| self.fitness(*member)).max().unwrap_or(Fitness::Fit);
        for place in 0..group.group.members.len() {
            if let Some(member) = self.member_of(of, place) {
                self.tell_fitness(now, member, fitness, outbox);
            }
        }
    }

    fn judge_priority(&mut self, now: Instant, index: u16, outbox: &mut Outbox<Output>) {
        let verdict = self.verdict(index);
        let Some(router) = self.router(index) else { return };
        let (from, to) = (router.priority(), verdict.priority(router.settings().priority));
        if from != to {
            self.give(now, index, vrrp::Input::Priority(to), outbox);
            outbox.push(Output::Priority(index, from, to));
        }
    }

    fn fitness(&self, index: u16) -> Fitness {
        let verdict = self.verdict(index);
        let has_source = self.router(index).is_some_and(|router| router.source().is_some());
        if verdict.faults > 0 || !has_source {
            Fitness::Faulty
        } else if verdict.pending > 0 {
            Fitness::Pending
        } else {
            Fitness::Fit
        }
    }

    fn tell_fitness(&mut self, now: Instant, index: u16, fitness: Fitness, outbox: &mut Outbox<Output>) {
        match fitness {
            Fitness::Fit => self.give(now, index, vrrp::Input::Startup, outbox),
            Fitness::Faulty => self.give(now, index, vrrp::Input::Fault, outbox),
            // What runs goes on; what has not started waits.
            Fitness::Pending => {}
        }
    }

    /// The sync group a router belongs to.
    pub fn group_of(&self, index: u16) -> Option<u16> {
        self.ties.get(usize::from(index))?.group
    }

    fn member_of(&self, group: Option<u16>, place: usize) -> Option<u16> {
        self.groups.get(usize::from(group?))?.group.members.get(place).copied()
    }

    fn give_all(&mut self, now: Instant, input: vrrp::Input<'_>, outbox: &mut Outbox<Output>) {
        for index in 0..self.routers.len() {
            self.give(now, index as u16, input, outbox);
        }
    }

    /// Gives one router an input, passes on what it wants, and notes where that pulls its group.
    fn give(&mut self, now: Instant, index: u16, input: vrrp::Input<'_>, outbox: &mut Outbox<Output>) {
        let place = usize::from(index);
        let Some(router) = self.routers.get_mut(place) else { return };
        let before = router.state();
        router.handle(now, input, &mut self.scratch);
        while let Some(action) = self.scratch.pop() {
            outbox.push(Output::Router(index, action));
        }
        let after = router.state();
        if let Some(deadline) = self.deadlines.get_mut(place) {
            *deadline = router.next_deadline().unwrap_or(NEVER);
        }
        if before != after {
            self.pull(index, before, after);
        }
    }

    fn pull(&mut self, index: u16, before: State, after: State) {
        let of = self.group_of(index);
        let Some(group) = of.and_then(|group| self.groups.get_mut(usize::from(group))) else { return };
        match (before, after) {
            // A better master was heard of: that wins over a member that just became master.
            (State::Active, State::Backup) => group.pull = Some(Pull::Down),
            (_, State::Active) => group.pull = group.pull.or(Some(Pull::Up)),
            (_, State::Initialize | State::Backup | State::Fault) => {}
        }
    }

    /// A reload may have put routers into one group that were in different states, and nothing would ever
    /// move them: what is master stays so and takes the others along. If a better master exists for one
    /// of them, its answer brings all down.
    fn join_groups(&mut self) {
        for index in 0..self.groups.len() {
            let has = |state| self.states(index).any(|other| other == state);
            let mixed = has(State::Active) && has(State::Backup);
            if let Some(group) = self.groups.get_mut(index).filter(|_| mixed) {
                group.pull = group.pull.or(Some(Pull::Up));
            }
        }
    }

    /// Brings the members of each group that moved into one state, and says which.
    fn settle(&mut self, now: Instant, outbox: &mut Outbox<Output>) {
        for index in 0..self.groups.len() {
            let pull = self.groups.get_mut(index).and_then(|group| group.pull.take());
            let along = match pull {
                Some(Pull::Up) => Some(vrrp::Input::Promote),
                Some(Pull::Down) => Some(vrrp::Input::Yield),
                None => None,
            };
            if let Some(input) = along {
                let mut place = 0;
                while let Some(member) = self.member_of(Some(index as u16), place) {
                    self.give(now, member, input, outbox);
                    place += 1;
                }
            }
            let state = self.group_state(index);
            if let Some(group) = self.groups.get_mut(index) {
                group.pull = None;
                if group.state != state {
                    group.state = state;
                    outbox.push(Output::Group(index as u16, state));
                }
            }
        }
    }

    fn states(&self, group: usize) -> impl Iterator<Item = State> {
        let members = self.groups.get(group).map_or(&[][..], |group| &group.group.members);
        members.iter().filter_map(|member| self.router(*member)).map(Router::state)
    }

    fn group_state(&self, index: usize) -> State {
        let states = || self.states(index);
        if states().any(|state| state == State::Fault) {
            State::Fault
        } else if states().any(|state| state == State::Initialize) {
            State::Initialize
        } else if states().all(|state| state == State::Active) {
            State::Active
        } else {
            State::Backup
        }
    }
}

#[cfg(test)]
mod tests;
