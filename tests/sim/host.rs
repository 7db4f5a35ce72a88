//! A simulated machine: a real `Node`, a kernel that holds addresses, and what is true around them.

use holdfast::proto::node::{Group, Member, Node, Output};
use holdfast::proto::vrrp::{Settings, State};
use holdfast::proto::{Outbox, track::Link};
use holdfast::time::Instant;

use crate::plan::{CONDITIONS, HostPlan, MAX_ROUTERS, Plan, SCRIPT, WEIGHTED};
use crate::theory::Theory;
use crate::world::Flight;

pub struct Host {
    /// None while it is down.
    pub node: Option<Node>,
    pub outbox: Outbox<Output>,
    /// Stopped by a signal or suspended: handles nothing, keeps its addresses.
    pub paused: bool,
    /// While suspended even packets are lost.
    pub suspended: bool,
    /// Packets in the socket's buffer while it is stopped.
    pub queue: Vec<Flight>,
    /// When it wakes up for its deadline.
    pub wake: Option<Instant>,
    /// What the kernel holds.
    pub held: [bool; MAX_ROUTERS],
    pub theory: [Theory; MAX_ROUTERS],
    /// What is true, and what the node was told of it.
    pub truth: [bool; CONDITIONS],
    pub told: [bool; CONDITIONS],
    /// It was told all it must know before it starts or goes on after a reload.
    pub acquainted: bool,
    pub settings: Vec<Settings>,
    pub grouped: bool,
    /// When it was stopped.
    pub paused_at: Instant,
}

impl Host {
    pub fn new(plan: &Plan, index: usize) -> Self {
        let mut truth = [true; CONDITIONS];
        truth[WEIGHTED] = !plan.hosts[index].weight.is_negative();
        Self {
            node: None,
            outbox: Outbox::with_capacity(0),
            paused: false,
            suspended: false,
            queue: Vec::new(),
            wake: None,
            held: [false; MAX_ROUTERS],
            theory: [Theory::default(); MAX_ROUTERS],
            truth,
            told: truth,
            acquainted: false,
            settings: plan.hosts[index].settings.clone(),
            grouped: plan.grouped,
            paused_at: plan.start,
        }
    }

    /// Its configuration as the daemon would make it.
    pub fn configuration(&self, plan: &Plan, host: &HostPlan) -> (Vec<Member>, Vec<Group>) {
        let common = [
            Link { condition: SCRIPT as u16, weight: 0, reverse: false },
            Link { condition: WEIGHTED as u16, weight: host.weight, reverse: host.reverse },
        ];
        let member = |(index, settings): (usize, &Settings)| {
            let interface = Link { condition: plan.virtuals[index].link as u16, weight: 0, reverse: false };
            let mut links = vec![interface];
            if !self.grouped {
                links.extend(common);
            }
            Member { settings: settings.clone(), links: links.into(), group: self.grouped.then_some(0) }
        };
        let members: Vec<Member> = self.settings.iter().enumerate().map(member).collect();
        let group = Group { members: (0..members.len() as u16).collect(), links: common.into() };
        (members, if self.grouped { vec![group] } else { Vec::new() })
    }

    pub fn state(&self, router: usize) -> State {
        self.node
            .as_ref()
            .and_then(|node| node.router(router as u16))
            .map_or(State::Initialize, |router| router.state())
    }

    pub fn is_active(&self, router: usize) -> bool {
        self.state(router) == State::Active
    }

    /// Running, listening and allowed to take part.
    pub fn is_fit(&self, router: usize) -> bool {
        !self.paused && matches!(self.state(router), State::Backup | State::Active)
    }

    pub fn priority(&self, router: usize) -> u8 {
        self.node.as_ref().and_then(|node| node.router(router as u16)).map_or(0, |router| router.priority())
    }
}
