//! Sends many packets at a time: they are copied into a buffer made at load, then one sendmmsg per socket
//! takes all that wait for it.

use core::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::packet_socket::PacketSocket;
use super::socket::{Address, Control};
use super::vrrp_socket::Sender;

/// The batch has no room left: flush it, then queue again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// Where an advert goes, and as whose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The source address; none leaves the choice to the kernel.
    pub source: Option<IpAddr>,
    /// A multicast group or a peer, of the sender's family.
    pub destination: IpAddr,
    /// The TTL or hop limit.
    pub hop_limit: u8,
}

/// Packets that wait to be sent. Sockets must not be closed between queueing and flushing.
pub struct SendBatch {
    count: usize,
    used: usize,
    messages: Box<[Message]>,
    bytes: Box<[u8]>,
    /// One sendmmsg's worth of headers, and which message each is of.
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    order: Box<[u32]>,
}

#[derive(Clone, Copy)]
struct Message {
    /// None: sent, or given up.
    socket: Option<RawFd>,
    tag: u32,
    start: usize,
    length: usize,
    address: Address,
    control: Control,
    control_used: usize,
}

impl Message {
    const NONE: Self = Self {
        socket: None,
        tag: 0,
        start: 0,
        length: 0,
        address: Address::NONE,
        control: Control::EMPTY,
        control_used: 0,
    };
}

// SAFETY: the raw pointers in the headers are set before each call and not followed after it.
unsafe impl Send for SendBatch {}

impl SendBatch {
    /// Room for that many packets with that many bytes in all.
    pub fn new(packets: usize, bytes: usize) -> Self {
        // SAFETY: null pointers and zero lengths are valid values of all members of both.
        let (header, vector) = unsafe { (core::mem::zeroed(), core::mem::zeroed()) };
        Self {
            count: 0,
            used: 0,
            messages: vec![Message::NONE; packets].into_boxed_slice(),
            bytes: vec![0; bytes].into_boxed_slice(),
            headers: vec![header; packets].into_boxed_slice(),
            vectors: vec![vector; packets].into_boxed_slice(),
            order: vec![0; packets].into_boxed_slice(),
        }
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Queues a VRRP message (without IP header). `tag` comes back if it cannot be sent.
    pub fn queue_advert(
        &mut self,
        sender: &Sender,
        envelope: &Envelope,
        tag: u32,
        data: &[u8],
    ) -> core::result::Result<(), Full> {
        let index = sender.interface().map_or(0, |interface| interface.index());
        let (control, control_used) = advert_control(envelope, index);
        let scope = if needs_scope(envelope.destination) { index } else { 0 };
        let address = Address::ip(envelope.destination, scope);
        self.queue(sender.as_raw_fd(), address, (control, control_used), tag, data)
    }

    /// Queues a whole frame, link-layer header first, to leave by the interface of that index.
    pub fn queue_frame(
        &mut self,
        socket: &PacketSocket,
        interface: u32,
        tag: u32,
        frame: &[u8],
    ) -> core::result::Result<(), Full> {
        self.queue(socket.as_raw_fd(), Address::link(interface), (Control::EMPTY, 0), tag, frame)
    }

    fn queue(
        &mut self,
        socket: RawFd,
        address: Address,
        (control, control_used): (Control, usize),
        tag: u32,
        data: &[u8],
    ) -> core::result::Result<(), Full> {
        let end = self.used.checked_add(data.len()).ok_or(Full)?;
        let message = self.messages.get_mut(self.count).ok_or(Full)?;
        self.bytes.get_mut(self.used..end).ok_or(Full)?.copy_from_slice(data);
        *message =
            Message { socket: Some(socket), tag, start: self.used, length: data.len(), address, control, control_used };
        self.count += 1;
        self.used = end;
        Ok(())
    }

    /// Sends all that waits, in order for each socket, with one system call a socket if nothing is refused.
    /// `refused` gets the tag of each packet that was not sent, and why; after [`Errno::WOULD_BLOCK`] that
    /// socket's remaining packets are refused with it. The batch is empty afterwards, whatever happened.
    pub fn flush(&mut self, mut refused: impl FnMut(u32, Errno)) {
        while let Some((socket, gathered)) = self.gather() {
            self.send_gathered(socket, gathered, &mut refused);
        }
        self.count = 0;
        self.used = 0;
    }

    /// Prepares the headers for all messages of the first socket that still has some.
    fn gather(&mut self) -> Option<(RawFd, usize)> {
        let waiting = self.messages.get_mut(..self.count)?;
        let socket = waiting.iter().find_map(|message| message.socket)?;
        let of_socket = waiting.iter_mut().zip(0_u32..).filter(|(message, _)| message.socket == Some(socket));
        let slots = self.headers.iter_mut().zip(&mut self.vectors).zip(&mut self.order);
        let mut gathered = 0;
        for ((message, index), ((header, vector), order)) in of_socket.zip(slots) {
            message.socket = None;
            *order = index;
            vector.iov_base = self.bytes.as_mut_ptr().wrapping_add(message.start).cast();
            vector.iov_len = message.length;
            let target = &mut header.msg_hdr;
            target.msg_name = message.address.as_mut_ptr().cast();
            target.msg_namelen = message.address.length();
            target.msg_iov = vector;
            target.msg_iovlen = 1;
            target.msg_control =
                if message.control_used == 0 { core::ptr::null_mut() } else { message.control.as_mut_ptr() };
            target.msg_controllen = message.control_used as _;
            gathered += 1;
        }
        Some((socket, gathered))
    }

    fn send_gathered(&mut self, socket: RawFd, gathered: usize, refused: &mut impl FnMut(u32, Errno)) {
        let mut done = 0;
        while let Some(headers) = self.headers.get_mut(done..gathered).filter(|headers| !headers.is_empty()) {
            match Errno::retry(|| send_many(socket, headers)) {
                Ok(sent) => done += sent.max(1),
                // Only the first can fail: sendmmsg stops before one that would, and says so next time.
                Err(errno) => {
                    let affected = if errno.would_block() { gathered - done } else { 1 };
                    for index in self.order.iter().skip(done).take(affected) {
                        if let Some(message) = self.messages.get(*index as usize) {
                            refused(message.tag, errno);
                        }
                    }
                    done += affected;
                }
            }
        }
    }
}

/// The system call itself: musl's function makes one sendmsg per message on 64-bit machines, because its
/// msghdr has padding where the kernel's lengths are wider. Ours comes from zeroed memory, so the padding
/// holds the zeros that the kernel wants to see.
fn send_many(socket: RawFd, headers: &mut [libc::mmsghdr]) -> Result<usize> {
    let count = headers.len().min(1024) as libc::c_uint;
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: `gather` pointed these headers at buffers of the batch, which is borrowed for the call.
    let sent = unsafe { libc::syscall(libc::SYS_sendmmsg, socket, headers.as_mut_ptr(), count, flags) };
    usize::try_from(sent).map_err(|_| Errno::last())
}

/// Source address, interface and hop limit as ancillary data, with its length.
fn advert_control(envelope: &Envelope, interface: u32) -> (Control, usize) {
    let mut control = Control::EMPTY;
    let hops = i32::from(envelope.hop_limit).to_ne_bytes();
    let used = match envelope.destination {
        IpAddr::V4(_) => {
            // struct in_pktinfo: index, the address to send from, one that only counts on receipt.
            let mut info = [0; 12];
            let source = match envelope.source {
                Some(IpAddr::V4(source)) => source.octets(),
                _ => [0; 4],
            };
            for (slot, byte) in info.iter_mut().zip(interface.to_ne_bytes().into_iter().chain(source)) {
                *slot = byte;
            }
            let used = control.push(0, libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            control.push(used, libc::IPPROTO_IP, libc::IP_TTL, &hops)
        }
        IpAddr::V6(_) => {
            // struct in6_pktinfo: the address to send from, index.
            let mut info = [0; 20];
            let source = match envelope.source {
                Some(IpAddr::V6(source)) => source,
                _ => Ipv6Addr::UNSPECIFIED,
            };
            for (slot, byte) in info.iter_mut().zip(source.octets().into_iter().chain(interface.to_ne_bytes())) {
                *slot = byte;
            }
            let used = control.push(0, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            control.push(used, libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &hops)
        }
    };
    (control, used)
}

/// Link-local addresses and groups mean nothing without an interface.
fn needs_scope(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_multicast(),
    }
}
