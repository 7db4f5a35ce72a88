//! Which node had which address when, from the kernels' own announcements.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::clock::{Stamp, wait_for};
use super::netlink::{self, News};
use super::node::Node;
use super::os;

/// Something changed at a node. Stamped when read, so up to a thread's wake-up late.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Stamp,
    /// Where.
    pub node: String,
    /// What.
    pub news: News,
}

/// A span of time; without an end it still lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// Its beginning.
    pub from: Stamp,
    /// Its end.
    pub until: Option<Stamp>,
}

/// What happened to the addresses of all nodes.
#[derive(Clone, Default, Debug)]
pub struct AddressTimeline {
    /// In the order of time.
    pub events: Vec<Event>,
    /// When this was taken: the end of what still lasts.
    pub taken: Option<Stamp>,
}

impl AddressTimeline {
    /// When `node` had `ip` (on several interfaces: on any).
    pub fn intervals(&self, node: &str, ip: IpAddr) -> Vec<Interval> {
        self.while_true(node, |state| state.addresses.iter().any(|(_, found)| *found == ip))
    }

    /// When `node` had `ip` on an interface over which frames could pass.
    pub fn reachable(&self, node: &str, ip: IpAddr) -> Vec<Interval> {
        self.while_true(node, |state| {
            state.addresses.iter().any(|(index, found)| *found == ip && state.running.contains(index))
        })
    }

    fn while_true(&self, node: &str, holds: impl Fn(&State) -> bool) -> Vec<Interval> {
        let mut state = State::default();
        let mut intervals: Vec<Interval> = Vec::new();
        for event in self.events.iter().filter(|event| event.node == node) {
            state.apply(&event.news);
            let open = intervals.last_mut().filter(|last| last.until.is_none());
            match (open, holds(&state)) {
                (None, true) => intervals.push(Interval { from: event.at, until: None }),
                (Some(last), false) => last.until = Some(event.at),
                _ => {}
            }
        }
        intervals
    }

    /// How long in all `ip` was on two nodes or more, each of them reachable: what must not be.
    pub fn overlap(&self, ip: IpAddr) -> Duration {
        let end = self.taken.unwrap_or_else(Stamp::now);
        let mut nodes: Vec<&str> = self.events.iter().map(|event| event.node.as_str()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let mut edges: Vec<(Stamp, i32)> = Vec::new();
        for interval in nodes.iter().flat_map(|node| self.reachable(node, ip)) {
            edges.push((interval.from, 1));
            edges.push((interval.until.unwrap_or(end), -1));
        }
        // At the same instant the going comes before the coming: that is no overlap.
        edges.sort_unstable();
        let (mut holders, mut overlap) = (0, Duration::ZERO);
        for pair in edges.windows(2) {
            holders += pair[0].1;
            if holders > 1 {
                overlap += pair[1].0 - pair[0].0;
            }
        }
        overlap
    }

    /// When `ip` first came to `node`, at or after `from`.
    pub fn came(&self, node: &str, ip: IpAddr, from: Stamp) -> Option<Stamp> {
        self.intervals(node, ip).iter().map(|interval| interval.from).find(|at| *at >= from)
    }

    /// When `ip` first went from `node`, at or after `from`.
    pub fn went(&self, node: &str, ip: IpAddr, from: Stamp) -> Option<Stamp> {
        self.intervals(node, ip).iter().filter_map(|interval| interval.until).find(|at| *at >= from)
    }
}

/// A node's interfaces and addresses at one moment.
#[derive(Default)]
struct State {
    addresses: Vec<(u32, IpAddr)>,
    running: Vec<u32>,
}

impl State {
    fn apply(&mut self, news: &News) {
        match *news {
            News::Address { present, index, ip, .. } => {
                self.addresses.retain(|entry| *entry != (index, ip));
                self.addresses.extend(present.then_some((index, ip)));
            }
            News::Link { present, index, running, .. } => {
                self.running.retain(|entry| *entry != index);
                self.running.extend((present && running).then_some(index));
            }
            News::Done => {}
        }
    }
}

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<Event>>,
    failure: Mutex<Option<String>>,
    stop: AtomicBool,
}

/// Collects the announcements on a thread of its own until it is dropped.
pub struct AddressWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl AddressWatch {
    /// Listens in each of `nodes`; what is there already comes first.
    pub(super) fn start(nodes: &[Node]) -> Self {
        const GROUPS: libc::c_int = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
        let shared = Arc::new(Shared::default());
        let open = |node: &Node| -> io::Result<(String, OwnedFd)> {
            // The dump runs on the socket that hears the changes: none falls between.
            let socket = node.inside(|| os::route_socket(GROUPS))?;
            let mut news = netlink::dump(&socket, libc::RTM_GETLINK)?;
            news.extend(netlink::dump(&socket, libc::RTM_GETADDR)?);
            let at = Stamp::now();
            let event = |news| Event { at, node: node.name().to_owned(), news };
            shared.events.lock().expect("nobody panicked yet").extend(news.into_iter().map(event));
            Ok((node.name().to_owned(), socket))
        };
        let sockets: io::Result<Vec<_>> = nodes.iter().map(open).collect();
        let sockets = sockets.expect("listen to the nodes' kernels");
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || collect(&sockets, &theirs));
        Self { shared, thread: Some(thread) }
    }

    /// What happened so far. Panics if announcements were lost: then nothing can be said.
    pub fn timeline(&self) -> AddressTimeline {
        let failure = self.shared.failure.lock().expect("the collector did not panic").clone();
        assert_eq!(failure, None, "the address watch missed something");
        let mut events = self.shared.events.lock().expect("the collector did not panic").clone();
        events.sort_by_key(|event| event.at);
        AddressTimeline { events, taken: Some(Stamp::now()) }
    }

    /// When `ip` came to `node` at or after `from`, if it does within `timeout`.
    pub fn wait_came(&self, node: &str, ip: IpAddr, from: Stamp, timeout: Duration) -> Option<Stamp> {
        wait_for(timeout, || self.timeline().came(node, ip, from))
    }

    /// When `ip` went from `node` at or after `from`, if it does within `timeout`.
    pub fn wait_went(&self, node: &str, ip: IpAddr, from: Stamp, timeout: Duration) -> Option<Stamp> {
        wait_for(timeout, || self.timeline().went(node, ip, from))
    }
}

impl Drop for AddressWatch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn collect(nodes: &[(String, OwnedFd)], shared: &Shared) {
    let sockets: Vec<&OwnedFd> = nodes.iter().map(|(_, socket)| socket).collect();
    let mut buffer = vec![0; 64 << 10];
    while !shared.stop.load(Ordering::Relaxed) {
        let ready = os::readable(&sockets, Duration::from_millis(20));
        for ((node, socket), _) in nodes.iter().zip(ready).filter(|(_, ready)| *ready) {
            loop {
                let length = match os::receive(socket, &mut buffer) {
                    Ok((length, _)) => length,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        *shared.failure.lock().expect("no reader panicked") = Some(format!("{node}: {error}"));
                        return;
                    }
                };
                let at = Stamp::now();
                let event = |news| Event { at, node: node.clone(), news };
                let news = netlink::parse(&buffer[..length]).into_iter().map(event);
                shared.events.lock().expect("no reader panicked").extend(news);
            }
        }
    }
}
