//! Receives adverts many at a time: one recvmmsg into buffers made at load.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use super::errno::{Errno, Result};
use super::socket::{Address, Control};
use super::vrrp_socket::Receiver;
use crate::wire::vrrp::Family;

/// Packets a batch holds at most.
const CAPACITY: usize = 16;
/// And at least.
const LEAST: usize = 4;
/// Bytes of a packet that are kept: an Ethernet frame's worth. An advert with 255 IPv6 addresses would be
/// longer; it cannot be sent unfragmented over Ethernet and shows up as truncated.
const PACKET_ROOM: usize = 1536;

/// A packet as it was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received<'a> {
    /// The sender's address.
    pub source: IpAddr,
    /// The group or address it was sent to; none if the kernel did not say.
    pub destination: Option<IpAddr>,
    /// Its TTL or hop limit on arrival; none if the kernel did not say.
    pub hop_limit: Option<u8>,
    /// The index of the interface it came in by, zero if the kernel did not say.
    pub interface: u32,
    /// IPv4: from the IP header on. IPv6: the VRRP message.
    pub data: &'a [u8],
    /// It was longer than the buffer: `data` is its beginning.
    pub truncated: bool,
}

/// Buffers for one recvmmsg, shared by all sockets of the loop.
pub struct ReceiveBatch {
    family: Family,
    count: usize,
    packets: Box<[[u8; PACKET_ROOM]]>,
    sources: [Address; CAPACITY],
    controls: [Control; CAPACITY],
    headers: [libc::mmsghdr; CAPACITY],
    vectors: [libc::iovec; CAPACITY],
}

// SAFETY: the raw pointers in the headers are set before each call and not followed after it.
unsafe impl Send for ReceiveBatch {}

impl ReceiveBatch {
    /// The buffers, for so many senders as are expected at the same time.
    pub fn new(senders: usize) -> Self {
        let capacity = senders.clamp(LEAST, CAPACITY);
        Self {
            family: Family::V4,
            count: 0,
            packets: vec![[0; PACKET_ROOM]; capacity].into_boxed_slice(),
            sources: [Address::NONE; CAPACITY],
            controls: [Control::EMPTY; CAPACITY],
            // SAFETY: null pointers and zero lengths are valid values of all members.
            headers: unsafe { core::mem::zeroed() },
            // SAFETY: as above.
            vectors: unsafe { core::mem::zeroed() },
        }
    }

    /// Packets it holds.
    pub fn capacity(&self) -> usize {
        self.packets.len()
    }

    /// Takes what waits at `socket`, at most `budget` packets and at most [`Self::capacity`], in place of what
    /// the batch held. As many as asked for means that there may be more.
    pub fn receive(&mut self, socket: &Receiver, budget: usize) -> Result<usize> {
        self.count = 0;
        self.family = socket.family();
        let wanted = budget.min(self.packets.len());
        self.prepare(wanted);
        let headers = self.headers.as_mut_ptr();
        let received = Errno::retry(|| {
            // SAFETY: `prepare` pointed the first `wanted` headers at buffers of self of the lengths it said.
            Errno::check(unsafe {
                libc::recvmmsg(
                    socket.as_raw_fd(),
                    headers,
                    wanted as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                    core::ptr::null_mut(),
                )
            })
        });
        match received {
            Ok(count) => self.count = usize::try_from(count).unwrap_or(0).min(wanted),
            Err(errno) if errno.would_block() => {}
            Err(errno) => return Err(errno),
        }
        Ok(self.count)
    }

    /// The packets of the last [`Self::receive`], in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        let buffers = self.packets.iter().zip(&self.sources).zip(&self.controls).zip(&self.headers);
        buffers.take(self.count).filter_map(|(((packet, source), control), header)| {
            // A size_t with glibc, an unsigned int with musl.
            #[allow(clippy::unnecessary_cast)]
            let used = header.msg_hdr.msg_controllen as usize;
            let packet = packet.get(..header.msg_len as usize)?;
            Some(self.describe(source.to_ip()?, packet, control, used, header.msg_hdr.msg_flags))
        })
    }

    fn describe<'a>(
        &self,
        source: IpAddr,
        data: &'a [u8],
        control: &Control,
        used: usize,
        flags: libc::c_int,
    ) -> Received<'a> {
        let (interface, destination, hop_limit) = match self.family {
            Family::V4 => {
                // struct in_pktinfo: index, local address, destination; TTL and all else is in the header.
                let info = control.find(used, libc::IPPROTO_IP, libc::IP_PKTINFO).unwrap_or_default();
                let destination = data.get(16..20).and_then(|bytes| bytes.first_chunk::<4>());
                (info, destination.map(|bytes| IpAddr::V4(Ipv4Addr::from(*bytes))), data.get(8).copied())
            }
            Family::V6 => {
                // struct in6_pktinfo: destination, index.
                let info = control.find(used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO).unwrap_or_default();
                let hops = control.find(used, libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT).unwrap_or_default();
                let hops = hops.first_chunk().and_then(|bytes| u8::try_from(i32::from_ne_bytes(*bytes)).ok());
                let destination = info.first_chunk::<16>().map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes)));
                (info.get(16..).unwrap_or_default(), destination, hops)
            }
        };
        Received {
            source,
            destination,
            hop_limit,
            interface: interface.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes)),
            data,
            truncated: flags & libc::MSG_TRUNC != 0,
        }
    }

    /// Points the headers at the buffers: the kernel overwrote their lengths.
    fn prepare(&mut self, wanted: usize) {
        let buffers = self.packets.iter_mut().zip(&mut self.sources).zip(&mut self.controls).zip(&mut self.vectors);
        for (header, (((packet, source), control), vector)) in self.headers.iter_mut().zip(buffers).take(wanted) {
            vector.iov_base = packet.as_mut_ptr().cast();
            vector.iov_len = packet.len();
            let message = &mut header.msg_hdr;
            message.msg_name = source.as_mut_ptr().cast();
            message.msg_namelen = Address::NONE.length();
            message.msg_iov = vector;
            message.msg_iovlen = 1;
            message.msg_control = control.as_mut_ptr();
            message.msg_controllen = Control::ROOM as _;
            message.msg_flags = 0;
        }
    }
}
