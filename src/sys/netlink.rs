//! NETLINK_ROUTE sockets: one for commands and their answers, one for news of links and addresses. What
//! is in the messages is `wire::netlink`'s business.

use core::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::socket::{self, Address, set_optional};

/// Multicast groups of NETLINK_ROUTE (rtnetlink(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Links come, go and change.
    Link = 1,
    /// IPv4 addresses.
    Ipv4Address = 5,
    /// IPv4 routes.
    Ipv4Route = 7,
    /// IPv4 rules.
    Ipv4Rule = 8,
    /// IPv6 addresses.
    Ipv6Address = 9,
    /// IPv6 routes.
    Ipv6Route = 11,
    /// IPv6 rules.
    Ipv6Rule = 19,
}

impl Group {
    /// What the address table and the interfaces need.
    pub const LINKS_AND_ADDRESSES: [Self; 3] = [Self::Link, Self::Ipv4Address, Self::Ipv6Address];
}

/// What a receive brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incoming<'a> {
    /// One or more messages, from the kernel.
    Messages(&'a [u8]),
    /// Nothing waits.
    Nothing,
    /// Messages were lost (ENOBUFS, or one longer than the buffer): what is known may be wrong, dump anew.
    Overrun,
}

/// A netlink socket. It never blocks.
#[derive(Debug)]
pub struct Netlink {
    fd: Fd,
    port: u32,
}

impl Netlink {
    /// Bytes that every message of the kernel fits in (NLMSG_GOODSIZE, and 32 KiB for dumps).
    pub const BUFFER: usize = 32 * 1024;

    /// For commands and dumps. Error answers are short (NETLINK_CAP_ACK) and explained (NETLINK_EXT_ACK)
    /// where the kernel can.
    pub fn command(receive_buffer: Option<u32>) -> Result<Self> {
        let netlink = Self::open(0, receive_buffer)?;
        // Since Linux 4.3 and 4.12.
        set_optional(&netlink.fd, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, &1);
        set_optional(&netlink.fd, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, &1);
        Ok(netlink)
    }

    /// For news of `groups`.
    pub fn monitor(groups: &[Group], receive_buffer: Option<u32>) -> Result<Self> {
        let mask = groups.iter().fold(0, |mask, group| mask | 1 << (*group as u32 - 1));
        Self::open(mask, receive_buffer)
    }

    fn open(groups: u32, receive_buffer: Option<u32>) -> Result<Self> {
        let fd = socket::open(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
        if let Some(bytes) = receive_buffer {
            socket::set_receive_buffer(&fd, bytes)?;
        }
        socket::bind(&fd, &Address::netlink(0, groups))?;
        let mut own = Address::NONE;
        let mut length = own.length();
        // SAFETY: `own` has room for `length` bytes.
        Errno::check(unsafe { libc::getsockname(fd.as_raw_fd(), own.as_mut_ptr(), &mut length) })?;
        let port = own.netlink_port().ok_or(Errno::INVALID)?;
        Ok(Self { fd, port })
    }

    /// The socket's own address, which the kernel's answers carry as nlmsg_pid.
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// Sends one or more whole messages to the kernel, which has acted on them when this returns.
    ///
    /// Errors: [`Errno::WOULD_BLOCK`] or ENOBUFS if nothing of it was taken; send it again later.
    pub fn send(&self, messages: &[u8]) -> Result<()> {
        let kernel = Address::netlink(0, 0);
        let sent = Errno::retry(|| {
            // SAFETY: the kernel reads `len` bytes of `messages` and `length` bytes of the address.
            Errno::check_size(unsafe {
                libc::sendto(
                    self.fd.as_raw_fd(),
                    messages.as_ptr().cast(),
                    messages.len(),
                    libc::MSG_DONTWAIT,
                    kernel.as_ptr(),
                    kernel.length(),
                )
            })
        })?;
        if sent == messages.len() { Ok(()) } else { Err(Errno(libc::EMSGSIZE)) }
    }

    /// Takes the next datagram into `buffer` ([`Self::BUFFER`] bytes suffice). What did not come from the
    /// kernel is skipped.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<Incoming<'a>> {
        // Bounded, so that a local sender cannot hold up the loop.
        for _ in 0..64 {
            match self.receive_one(buffer) {
                Ok((_, true, _)) => return Ok(Incoming::Overrun),
                Ok((length, _, Some(0))) => return Ok(Incoming::Messages(buffer.get(..length).unwrap_or_default())),
                Ok(_) => {}
                Err(Errno(libc::ENOBUFS)) => return Ok(Incoming::Overrun),
                Err(errno) if errno.would_block() => return Ok(Incoming::Nothing),
                Err(errno) => return Err(errno),
            }
        }
        Ok(Incoming::Nothing)
    }

    /// Waits at most `milliseconds` (negative: for ever) until there is something to receive. For load time.
    pub fn wait(&self, milliseconds: i32) -> Result<bool> {
        self.fd.wait_readable(milliseconds)
    }

    /// Length, whether it was cut, and the sender's port.
    fn receive_one(&self, buffer: &mut [u8]) -> Result<(usize, bool, Option<u32>)> {
        let mut sender = Address::NONE;
        let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: null pointers and zero lengths are valid values of all members.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        message.msg_name = sender.as_mut_ptr().cast();
        message.msg_namelen = sender.length();
        message.msg_iov = &mut vector;
        message.msg_iovlen = 1;
        let length = Errno::retry(|| {
            // SAFETY: `message` points at `sender` and `buffer` with their lengths, for the call.
            Errno::check_size(unsafe { libc::recvmsg(self.fd.as_raw_fd(), &mut message, libc::MSG_DONTWAIT) })
        })?;
        Ok((length, message.msg_flags & libc::MSG_TRUNC != 0, sender.netlink_port()))
    }
}

impl AsRawFd for Netlink {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::namespace;

    const RTM_NEWLINK: u16 = 16;
    const RTM_GETLINK: u16 = 18;
    const NLMSG_ERROR: u16 = 2;
    const NLMSG_DONE: u16 = 3;

    /// nlmsghdr and an ifinfomsg, both 16 bytes.
    fn request(kind: u16, flags: u16, sequence: u32, index: u32) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&32_u32.to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes[20..24].copy_from_slice(&index.to_ne_bytes());
        bytes
    }

    /// (type, sequence, whole message) of each message in a datagram.
    fn messages(mut bytes: &[u8]) -> Vec<(u16, u32, Vec<u8>)> {
        let mut found = Vec::new();
        while bytes.len() >= 16 {
            let length = u32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize;
            let kind = u16::from_ne_bytes(bytes[4..6].try_into().unwrap());
            let sequence = u32::from_ne_bytes(bytes[8..12].try_into().unwrap());
            found.push((kind, sequence, bytes[..length].to_vec()));
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        found
    }

    fn all(netlink: &Netlink) -> Vec<(u16, u32, Vec<u8>)> {
        let mut buffer = vec![0; Netlink::BUFFER];
        let mut found = Vec::new();
        while let Incoming::Messages(bytes) = netlink.receive(&mut buffer).unwrap() {
            found.extend(messages(bytes));
        }
        found
    }

    #[test]
    fn a_dump_lists_the_loopback_and_ends() {
        let netlink = Netlink::command(Some(1 << 20)).unwrap();
        assert_eq!(netlink.receive(&mut [0; 64]), Ok(Incoming::Nothing));
        netlink.send(&request(RTM_GETLINK, 0x301, 7, 0)).unwrap();
        assert_eq!(netlink.wait(1000), Ok(true));
        let found = all(&netlink);
        assert!(found.iter().any(|(kind, _, bytes)| *kind == RTM_NEWLINK && bytes.windows(3).any(|w| w == b"lo\0")));
        assert_eq!(found.last().map(|(kind, sequence, _)| (*kind, *sequence)), Some((NLMSG_DONE, 7)));
    }

    #[test]
    fn a_refused_command_is_answered_by_its_sequence_number() {
        let netlink = Netlink::command(None).unwrap();
        netlink.send(&request(RTM_GETLINK, 0x5, 42, 0x7fff_0000)).unwrap();
        let found = all(&netlink);
        let (kind, sequence, bytes) = found.first().unwrap();
        assert_eq!((*kind, *sequence), (NLMSG_ERROR, 42));
        assert_eq!(i32::from_ne_bytes(bytes[16..20].try_into().unwrap()), -libc::ENODEV);
    }

    #[test]
    fn a_short_buffer_and_lost_news_are_an_overrun() {
        namespace::run(|| {
            let netlink = Netlink::command(None).unwrap();
            netlink.send(&request(RTM_GETLINK, 0x301, 1, 0)).unwrap();
            assert_eq!(netlink.receive(&mut [0; 20]), Ok(Incoming::Overrun));

            let monitor = Netlink::monitor(&Group::LINKS_AND_ADDRESSES, Some(1)).unwrap();
            namespace::ip("link set lo up");
            for third in 0..20 {
                namespace::ip(&format!("addr add 10.0.{third}.1/24 dev lo"));
            }
            let mut buffer = vec![0; Netlink::BUFFER];
            let mut incoming = Vec::new();
            loop {
                match monitor.receive(&mut buffer).unwrap() {
                    Incoming::Nothing => break,
                    other => incoming.push(other == Incoming::Overrun),
                }
            }
            assert!(incoming.contains(&true), "{incoming:?}");
        });
    }

    #[test]
    fn news_of_links_and_addresses_arrive() {
        namespace::run(|| {
            let monitor = Netlink::monitor(&Group::LINKS_AND_ADDRESSES, Some(1 << 20)).unwrap();
            namespace::ip("link set lo up");
            namespace::ip("addr add 192.0.2.9/32 dev lo");
            namespace::ip("addr add 2001:db8::9/128 dev lo");
            let kinds: Vec<u16> = all(&monitor).iter().map(|(kind, _, _)| *kind).collect();
            assert!(kinds.contains(&RTM_NEWLINK) && kinds.iter().filter(|kind| **kind == 20).count() >= 2, "{kinds:?}");
        });
    }

    #[test]
    fn what_another_process_sends_is_not_the_kernels_word() {
        let ours = Netlink::command(None).unwrap();
        let stranger = Netlink::command(None).unwrap();
        let target = Address::netlink(ours.port(), 0);
        let bytes = request(RTM_NEWLINK, 0, 1, 1);
        // SAFETY: both pointers are valid for the lengths given.
        let sent = unsafe {
            let data = bytes.as_ptr().cast();
            libc::sendto(stranger.fd.as_raw_fd(), data, bytes.len(), 0, target.as_ptr(), target.length())
        };
        assert_eq!(sent, 32);
        assert_eq!(ours.receive(&mut [0; 64]), Ok(Incoming::Nothing));
        assert_eq!(ours.wait(0), Ok(false), "it was taken and thrown away");
    }
}
