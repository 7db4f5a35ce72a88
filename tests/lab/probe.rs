//! A client's view of an address: one ICMP echo every few milliseconds, and how long none was answered.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::clock::{Stamp, wait_for};
use super::node::Node;
use super::os;

/// An answer that took longer waited in a queue for a neighbour to be resolved: no client would call
/// that service. Far above the round trip of a busy machine.
const LATE: Duration = Duration::from_millis(100);

/// The longest time without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// From the first unanswered request to the next answered one (or to now).
    pub longest: Duration,
    /// When the first unanswered request was sent, if there was one.
    pub from: Option<Stamp>,
    /// Unanswered requests in all.
    pub lost: usize,
    /// Requests in all.
    pub sent: usize,
}

/// A request and when it was answered.
#[derive(Clone, Copy)]
struct Probe {
    sent: Stamp,
    answered: Option<Stamp>,
}

impl Probe {
    fn is_good(&self) -> bool {
        self.answered.is_some_and(|at| at - self.sent < LATE)
    }

    /// Not answered, and not because there was no time yet.
    fn is_lost(&self, now: Stamp) -> bool {
        !self.is_good() && (self.answered.is_some() || now - self.sent >= LATE)
    }
}

#[derive(Default)]
struct Shared {
    probes: Mutex<Vec<Probe>>,
    stop: AtomicBool,
}

/// Pings on a thread of its own until it is dropped.
pub struct Prober {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Prober {
    /// Pings `target` from `node` once an `interval`.
    pub fn start(node: &Node, target: IpAddr, interval: Duration) -> Self {
        static IDENT: AtomicU16 = AtomicU16::new(0x4f00);
        let ident = IDENT.fetch_add(1, Ordering::Relaxed);
        let socket = node.inside(|| os::ping_socket(target)).expect("open a raw ICMP socket");
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || ping(&socket, target, ident, interval, &theirs));
        Self { shared, thread: Some(thread) }
    }

    /// The longest outage so far of requests sent at or after `from`.
    pub fn outage(&self, from: Stamp) -> Outage {
        let probes = self.shared.probes.lock().expect("the pinger did not panic");
        let now = Stamp::now();
        let mut worst = Outage { longest: Duration::ZERO, from: None, lost: 0, sent: 0 };
        let mut since = None;
        let close = |since: &mut Option<Stamp>, until: Stamp, worst: &mut Outage| {
            if let Some(begin) = since.take().filter(|begin| until - *begin > worst.longest) {
                (worst.longest, worst.from) = (until - begin, Some(begin));
            }
        };
        for probe in probes.iter().filter(|probe| probe.sent >= from) {
            worst.sent += 1;
            if probe.is_lost(now) {
                worst.lost += 1;
                since.get_or_insert(probe.sent);
            } else if probe.is_good() {
                close(&mut since, probe.sent, &mut worst);
            }
        }
        close(&mut since, now, &mut worst);
        worst
    }

    /// When the first request sent at or after `from` that was answered was sent, if it is within `timeout`.
    pub fn wait_answer(&self, from: Stamp, timeout: Duration) -> Option<Stamp> {
        wait_for(timeout, || {
            let probes = self.shared.probes.lock().expect("the pinger did not panic");
            probes.iter().find(|probe| probe.sent >= from && probe.is_good()).map(|probe| probe.sent)
        })
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn ping(socket: &OwnedFd, target: IpAddr, ident: u16, interval: Duration, shared: &Shared) {
    let mut next = Stamp::now();
    let mut buffer = vec![0; 2048];
    while !shared.stop.load(Ordering::Relaxed) {
        let now = Stamp::now();
        if now >= next {
            let number = {
                let mut probes = shared.probes.lock().expect("no reader panicked");
                probes.push(Probe { sent: Stamp::now(), answered: None });
                probes.len() as u32 - 1
            };
            // No route, no neighbour, interface down: unanswered like any other.
            let _ = os::send_to(socket, &request(target, ident, number), target);
            next = next + interval;
            // After a stall no burst: the rhythm goes on from here.
            next = next.max(now);
        }
        os::readable(&[socket], next - Stamp::now());
        while let Ok((length, at)) = os::receive(socket, &mut buffer) {
            let Some(number) = answer(target, ident, &buffer[..length]) else { continue };
            let mut probes = shared.probes.lock().expect("no reader panicked");
            if let Some(probe) = probes.get_mut(number as usize) {
                probe.answered.get_or_insert(at);
            }
        }
    }
}

/// An echo request that carries its number in the data.
fn request(target: IpAddr, ident: u16, number: u32) -> Vec<u8> {
    let mut packet = vec![if target.is_ipv4() { 8 } else { 128 }, 0, 0, 0];
    packet.extend(ident.to_be_bytes());
    packet.extend((number as u16).to_be_bytes());
    packet.extend(number.to_be_bytes());
    if target.is_ipv4() {
        // The kernel does it for ICMPv6 only.
        let words = packet.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        let sum: u32 = words.sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
        packet[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    packet
}

/// The number of the request that this packet answers.
fn answer(target: IpAddr, ident: u16, packet: &[u8]) -> Option<u32> {
    let (packet, kind) = match target {
        // Raw IPv4 sockets give the IP header too.
        IpAddr::V4(_) => (packet.get(usize::from(packet.first()? & 15) * 4..)?, 0),
        IpAddr::V6(_) => (packet, 129),
    };
    let ours = *packet.first()? == kind && packet.get(4..6)? == ident.to_be_bytes();
    ours.then_some(u32::from_be_bytes(packet.get(8..12)?.try_into().ok()?))
}
