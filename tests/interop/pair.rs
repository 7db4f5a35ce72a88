//! Two daemons on two machines, a client, and the instruments.

use std::fmt;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use crate::lab::packet::Advert;
use crate::lab::{AddressWatch, Daemon, Lab, Observer, Stamp, wait_until};

/// What a busy machine with two cores may add to any theory.
pub const SLACK: Duration = Duration::from_millis(300);

/// The protocol's unit: nobody may be earlier than theory by more.
pub const TICK: Duration = Duration::from_millis(10);

/// Longest time in which a program is up and has read its configuration.
pub const STARTUP: Duration = Duration::from_secs(2);

/// Linux reports carriers at most once a second.
pub const CARRIER: Duration = Duration::from_secs(1);

/// Longer than anything here takes.
pub const LONG: Duration = Duration::from_secs(15);

/// A daemon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Holdfast,
    Keepalived,
}

/// What runs on a and on b.
pub type Roles = [Program; 2];

/// Shown in the names of threads, and so in what a failed assertion says.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holdfast => "holdfast",
            Self::Keepalived => "keepalived",
        })
    }
}

impl Program {
    fn start<'lab>(self, lab: &'lab Lab, node: &str, conf: &str) -> Daemon<'lab> {
        match self {
            Self::Holdfast => Daemon::holdfast(lab.node(node), conf, &[]),
            Self::Keepalived => Daemon::keepalived(lab.node(node), conf),
        }
    }
}

/// Runs `body` with holdfast on a and keepalived on b, and at the same time the other way round.
pub fn both_roles(body: impl Fn(Roles) + Sync) {
    use Program::{Holdfast, Keepalived};
    thread::scope(|scope| {
        let run = |roles: Roles| {
            let name = format!("{} over {}", roles[0], roles[1]);
            let body = &body;
            thread::Builder::new().name(name).spawn_scoped(scope, move || body(roles)).expect("start a thread")
        };
        for thread in [run([Holdfast, Keepalived]), run([Keepalived, Holdfast])] {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

/// Two daemons, or one, or none yet.
pub struct Pair<'lab> {
    pub lab: &'lab Lab,
    pub packets: Observer,
    pub addresses: AddressWatch,
    pub roles: Roles,
    confs: [String; 2],
    daemons: [Option<Daemon<'lab>>; 2],
}

/// The nodes' names.
const NAMES: [&str; 2] = ["a", "b"];

fn place(node: &str) -> usize {
    NAMES.iter().position(|name| *name == node).expect("a or b")
}

impl<'lab> Pair<'lab> {
    /// Nothing runs yet.
    pub fn new(lab: &'lab Lab, roles: Roles, confs: [String; 2]) -> Self {
        Self { lab, packets: lab.observe(), addresses: lab.watch(), roles, confs, daemons: [None, None] }
    }

    /// Starts a daemon, and says when. What was there before is killed.
    pub fn start(&mut self, node: &str) -> Stamp {
        let at = Stamp::now();
        let place = place(node);
        self.daemons[place] = None;
        self.daemons[place] = Some(self.roles[place].start(self.lab, node, &self.confs[place]));
        at
    }

    /// Starts b, and a as soon as b listens: a misses nothing.
    pub fn start_both(&mut self) -> Stamp {
        self.start("b");
        self.listens("b");
        self.start("a")
    }

    /// Waits until a daemon takes part.
    pub fn listens(&self, node: &str) {
        let daemon = self.daemon(node);
        assert!(daemon.logs("Entering BACKUP STATE", LONG), "{node} does not start:\n{}", daemon.log());
    }

    /// A daemon that runs.
    pub fn daemon(&self, node: &str) -> &Daemon<'lab> {
        self.daemons[place(node)].as_ref().expect("it was started")
    }

    /// The same, to be changed.
    pub fn daemon_mut(&mut self, node: &str) -> &mut Daemon<'lab> {
        self.daemons[place(node)].as_mut().expect("it was started")
    }

    /// The node where `program` runs.
    pub fn node_of(&self, program: Program) -> &'static str {
        NAMES[self.roles.iter().position(|role| *role == program).expect("each runs once")]
    }

    /// The daemon that is `program`.
    pub fn running(&self, program: Program) -> &Daemon<'lab> {
        self.daemon(self.node_of(program))
    }

    /// Power cut at a machine.
    pub fn power_off(&mut self, node: &str) -> Stamp {
        let lab = self.lab;
        lab.power_off(self.daemon_mut(node))
    }

    /// When `node` had sent its first advert of a priority other than 0 at or after `from`.
    pub fn speaks(&self, node: &str, from: Stamp) -> Stamp {
        let speaks = |advert: &Advert| advert.priority > 0;
        let packet = self.packets.wait(from, LONG, |packet| packet.node == node && packet.advert().is_some_and(speaks));
        packet.unwrap_or_else(|| panic!("{node} sends nothing\n{}", self.logs())).at
    }

    /// The last advert of `node` before `until`.
    pub fn last_advert(&self, node: &str, until: Stamp) -> (Stamp, Advert) {
        let last = self.packets.adverts(node).into_iter().rfind(|(at, _)| *at <= until);
        last.unwrap_or_else(|| panic!("{node} has sent nothing\n{}", self.logs()))
    }

    /// Waits until exactly the machines `nodes` have `ip`; true at once if they do.
    pub fn settles(&self, ip: IpAddr, nodes: &[&str]) {
        let right = || NAMES.iter().all(|name| self.lab.node(name).has(ip) == nodes.contains(name));
        assert!(wait_until(LONG, right), "{ip} is not on {nodes:?} alone\n{}", self.logs());
    }

    /// For a while nobody gets or loses `ip`, and who has it is `nodes`.
    pub fn stays(&self, ip: IpAddr, nodes: &[&str], span: Duration) {
        self.settles(ip, nodes);
        // The watch hears of it a little later than who asks.
        let open = |node| self.addresses.timeline().intervals(node, ip).last().is_some_and(|last| last.until.is_none());
        let noted = || NAMES.iter().all(|name| open(name) == nodes.contains(name));
        assert!(wait_until(SLACK, noted), "{ip} is not on {nodes:?} alone\n{}", self.logs());
        let from = Stamp::now();
        thread::sleep(span);
        let timeline = self.addresses.timeline();
        for node in NAMES {
            let moved = timeline.came(node, ip, from).or(timeline.went(node, ip, from));
            assert_eq!(moved, None, "{ip} moved at {node}\n{}", self.logs());
            assert_eq!(self.lab.node(node).has(ip), nodes.contains(&node), "{node}\n{}", self.logs());
        }
    }

    /// Who got `ip`, in the order of time: one name more for each election.
    pub fn elected(&self, ip: IpAddr) -> Vec<&'static str> {
        let timeline = self.addresses.timeline();
        let came = |name: &'static str| timeline.intervals(name, ip).into_iter().map(move |span| (span.from, name));
        let mut all: Vec<(Stamp, &'static str)> = NAMES.into_iter().flat_map(came).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, name)| name).collect()
    }

    /// `then` is not before `since` + `theory`, and not after it and `slack`.
    pub fn within(&self, what: &str, since: Stamp, then: Stamp, theory: Duration, slack: Duration) {
        let took = then.millis_since(since);
        let (least, most) = ((theory.saturating_sub(TICK)).as_secs_f64() * 1e3, (theory + slack).as_secs_f64() * 1e3);
        assert!(took >= least && took <= most, "{what}: {took:.1} ms, not {least:.1} to {most:.1}\n{}", self.logs());
    }

    /// What both logged, for assertions that fail.
    pub fn logs(&self) -> String {
        let log = |(name, daemon): (&str, &Option<Daemon<'_>>)| {
            let program = self.roles[place(name)];
            let text = daemon.as_ref().map_or_else(|| "does not run".to_owned(), Daemon::log);
            let skipped = text.lines().count().saturating_sub(60);
            let tail: Vec<&str> = text.lines().skip(skipped).collect();
            format!("--- {name}, {program}:\n{}\n", tail.join("\n"))
        };
        NAMES.into_iter().zip(&self.daemons).map(log).collect()
    }
}
