//! What goes over the wire: adverts, ARP and neighbour advertisements, stamped by the kernel where the
//! sender's frames enter the bridge. Decoded here and not by `src/wire`, to be an independent witness.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::clock::{Stamp, wait_for};
use super::node::Node;
use super::{os, port};

/// A frame that a node sent.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it entered the bridge.
    pub at: Stamp,
    /// The node that sent it.
    pub node: String,
    /// The network, from 0.
    pub network: u8,
    /// Source MAC address.
    pub source: [u8; 6],
    /// Destination MAC address.
    pub destination: [u8; 6],
    /// What it says.
    pub body: Body,
    /// The whole frame.
    pub bytes: Vec<u8>,
}

/// What a frame says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A VRRP advertisement.
    Advert(Advert),
    /// An ARP packet.
    Arp(Arp),
    /// An IPv6 neighbour advertisement.
    NeighbourAdvert(NeighbourAdvert),
    /// One that passed the filter and could not be decoded.
    Malformed,
}

/// A VRRP advertisement of version 2 or 3.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advert {
    /// 2 or 3.
    pub version: u8,
    /// Virtual router.
    pub vrid: u8,
    /// Priority; 0 says that the sender stops.
    pub priority: u8,
    /// The interval it announces.
    pub interval: Duration,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The virtual addresses.
    pub addresses: Vec<IpAddr>,
    /// The VRRP packet, behind the IP header.
    pub bytes: Vec<u8>,
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// Sender's hardware address.
    pub sender_mac: [u8; 6],
    /// Sender's protocol address.
    pub sender: Ipv4Addr,
    /// Target's protocol address.
    pub target: Ipv4Addr,
}

/// A neighbour advertisement (RFC 4861, section 4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeighbourAdvert {
    /// Whose place it tells.
    pub target: Ipv6Addr,
    /// Router flag.
    pub router: bool,
    /// Solicited flag.
    pub solicited: bool,
    /// Override flag.
    pub overrides: bool,
    /// IP destination.
    pub destination: Ipv6Addr,
}

impl Packet {
    /// The advertisement, if it is one.
    pub fn advert(&self) -> Option<&Advert> {
        match &self.body {
            Body::Advert(advert) => Some(advert),
            _ => None,
        }
    }

    /// Whether it tells everybody, unasked, where `ip` is: gratuitous ARP, or a neighbour advertisement
    /// to all nodes.
    pub fn announces(&self, ip: IpAddr) -> bool {
        match (&self.body, ip) {
            (Body::Arp(arp), IpAddr::V4(ip)) => arp.sender == ip && arp.target == ip,
            (Body::NeighbourAdvert(advert), IpAddr::V6(ip)) => {
                advert.target == ip && !advert.solicited && advert.destination.is_multicast()
            }
            _ => false,
        }
    }
}

/// Decodes an Ethernet frame; anything that is not whole is [`Body::Malformed`].
pub fn decode(frame: &[u8]) -> Body {
    let body = match frame.get(12..14) {
        Some([0x08, 0x06]) => arp(frame.get(14..)),
        Some([0x08, 0x00]) => ipv4(frame.get(14..)),
        Some([0x86, 0xdd]) => ipv6(frame.get(14..)),
        _ => None,
    };
    body.unwrap_or(Body::Malformed)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn arp(packet: Option<&[u8]>) -> Option<Body> {
    let packet = packet?;
    Some(Body::Arp(Arp {
        operation: u16::from_be_bytes(array(packet, 6)?),
        sender_mac: array(packet, 8)?,
        sender: array::<4>(packet, 14)?.into(),
        target: array::<4>(packet, 24)?.into(),
    }))
}

fn ipv4(packet: Option<&[u8]>) -> Option<Body> {
    let packet = packet?;
    let header = usize::from(packet.first()? & 15) * 4;
    // The frame may be padded: the IP header says where the packet ends.
    let end = usize::from(u16::from_be_bytes(array(packet, 2)?));
    let (source, destination) = (array::<4>(packet, 12)?, array::<4>(packet, 16)?);
    let bytes = match packet.get(9)? {
        // The authentication header of keepalived's AH lies before the advertisement.
        51 => packet.get(header + 24..end)?,
        _ => packet.get(header..end)?,
    };
    advert(bytes, Ipv4Addr::from(source).into(), Ipv4Addr::from(destination).into(), *packet.get(8)?)
}

fn ipv6(packet: Option<&[u8]>) -> Option<Body> {
    let packet = packet?;
    let length = usize::from(u16::from_be_bytes(array(packet, 4)?));
    let (source, destination) = (Ipv6Addr::from(array::<16>(packet, 8)?), Ipv6Addr::from(array::<16>(packet, 24)?));
    let bytes = packet.get(40..40 + length)?;
    match packet.get(6)? {
        112 => advert(bytes, source.into(), destination.into(), *packet.get(7)?),
        _ => neighbour_advert(bytes, destination),
    }
}

fn advert(bytes: &[u8], source: IpAddr, destination: IpAddr, ttl: u8) -> Option<Body> {
    let [first, vrid, priority, count, third, fourth] = array(bytes, 0)?;
    let version = first >> 4;
    // Version 2 has whole seconds in the sixth byte, version 3 centiseconds in the last 12 bits of two.
    let interval = match version {
        2 => Duration::from_secs(fourth.into()),
        _ => Duration::from_millis(u64::from(u16::from_be_bytes([third & 0x0f, fourth])) * 10),
    };
    let width = if source.is_ipv4() { 4 } else { 16 };
    let list = bytes.get(8..8 + usize::from(count) * width)?;
    let address = |at: &[u8]| match at.len() {
        4 => array::<4>(at, 0).map(|octets| IpAddr::from(Ipv4Addr::from(octets))),
        _ => array::<16>(at, 0).map(|octets| IpAddr::from(Ipv6Addr::from(octets))),
    };
    let addresses = list.chunks_exact(width).filter_map(address).collect();
    let bytes = bytes.to_vec();
    Some(Body::Advert(Advert { version, vrid, priority, interval, source, destination, ttl, addresses, bytes }))
}

fn neighbour_advert(bytes: &[u8], destination: Ipv6Addr) -> Option<Body> {
    let flags = *bytes.get(4)?;
    let target = array::<16>(bytes, 8)?.into();
    let (router, solicited, overrides) = (flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x20 != 0);
    Some(Body::NeighbourAdvert(NeighbourAdvert { target, router, solicited, overrides, destination }))
}

/// ARP; IPv4 protocols 112 (VRRP) and 51 (AH); IPv6 next header 112; ICMPv6 type 136 (neighbour advertisement).
fn filter() -> Vec<libc::sock_filter> {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let op = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    vec![
        op(LOAD_HALF, 12, 0, 0),       // 0: EtherType
        op(JUMP_EQUAL, 0x0806, 10, 0), // 1: ARP -> 12
        op(JUMP_EQUAL, 0x0800, 0, 3),  // 2: not IPv4 -> 6
        op(LOAD_BYTE, 23, 0, 0),       // 3: its protocol
        op(JUMP_EQUAL, 112, 7, 0),     // 4: VRRP -> 12
        op(JUMP_EQUAL, 51, 6, 7),      // 5: AH -> 12, else -> 13
        op(JUMP_EQUAL, 0x86dd, 0, 6),  // 6: not IPv6 -> 13
        op(LOAD_BYTE, 20, 0, 0),       // 7: its next header
        op(JUMP_EQUAL, 112, 3, 0),     // 8: VRRP -> 12
        op(JUMP_EQUAL, 58, 0, 3),      // 9: not ICMPv6 -> 13
        op(LOAD_BYTE, 54, 0, 0),       // 10: its type
        op(JUMP_EQUAL, 136, 0, 1),     // 11: neighbour advertisement -> 12, else -> 13
        op(RETURN, 0x0004_0000, 0, 0), // 12: the whole frame
        op(RETURN, 0, 0, 0),           // 13: nothing
    ]
}

/// A port with its listening socket.
struct Tap {
    socket: OwnedFd,
    node: String,
    network: u8,
}

#[derive(Default)]
struct Shared {
    packets: Mutex<Vec<Packet>>,
    stop: AtomicBool,
}

/// Collects packets on a thread of its own until it is dropped.
pub struct Observer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    /// Listens at the ports of `nodes` on each of `networks` networks.
    pub(super) fn start(switch: &Node, nodes: &[&str], networks: u8) -> Self {
        let tap = |node: &str, network| -> io::Result<Tap> {
            let index = os::interface_index(switch.control(), &port(network, node))?;
            let socket = switch.inside(|| os::packet_socket(index, &filter()))?;
            Ok(Tap { socket, node: node.to_owned(), network })
        };
        let taps: io::Result<Vec<Tap>> = (0..networks)
            .flat_map(|k| nodes.iter().map(move |node| (*node, k)))
            .map(|(node, k)| tap(node, k))
            .collect();
        let taps = taps.expect("listen at the bridge's ports");
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || collect(&taps, &theirs));
        Self { shared, thread: Some(thread) }
    }

    /// All packets so far, by time.
    pub fn packets(&self) -> Vec<Packet> {
        let mut packets = self.shared.packets.lock().expect("the collector did not panic").clone();
        packets.sort_by_key(|packet| packet.at);
        packets
    }

    /// All packets so far for which `wanted` holds, by time.
    pub fn all(&self, wanted: impl Fn(&Packet) -> bool) -> Vec<Packet> {
        let mut packets = self.packets();
        packets.retain(wanted);
        packets
    }

    /// All adverts of `node` so far, with their times.
    pub fn adverts(&self, node: &str) -> Vec<(Stamp, Advert)> {
        let of_node = self.all(|packet| packet.node == node);
        of_node.into_iter().filter_map(|packet| Some((packet.at, packet.advert()?.clone()))).collect()
    }

    /// The first packet at or after `from` for which `wanted` holds, if there is one within `timeout`.
    pub fn wait(&self, from: Stamp, timeout: Duration, wanted: impl Fn(&Packet) -> bool) -> Option<Packet> {
        wait_for(timeout, || {
            let packets = self.shared.packets.lock().expect("the collector did not panic");
            packets.iter().filter(|packet| packet.at >= from && wanted(packet)).min_by_key(|packet| packet.at).cloned()
        })
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn collect(taps: &[Tap], shared: &Shared) {
    let sockets: Vec<&OwnedFd> = taps.iter().map(|tap| &tap.socket).collect();
    let mut buffer = vec![0; 64 << 10];
    while !shared.stop.load(Ordering::Relaxed) {
        let ready = os::readable(&sockets, Duration::from_millis(20));
        for (tap, _) in taps.iter().zip(ready).filter(|(_, ready)| *ready) {
            // Also ends with ENETDOWN, said once when the cable is pulled.
            while let Ok((length, at)) = os::receive(&tap.socket, &mut buffer) {
                let packet = packet(tap, at, &buffer[..length]);
                shared.packets.lock().expect("no reader panicked").extend(packet);
            }
        }
    }
}

fn packet(tap: &Tap, at: Stamp, frame: &[u8]) -> Option<Packet> {
    Some(Packet {
        at,
        node: tap.node.clone(),
        network: tap.network,
        destination: array(frame, 0)?,
        source: array(frame, 6)?,
        body: decode(frame),
        bytes: frame.to_vec(),
    })
}
