//! Raw sockets for VRRP (IP protocol 112): receivers, one per interface, family and multicast group or
//! unicast address, shared by all virtual routers there; and senders, one per interface and family, which
//! take source address and hop limit per message.

use core::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::interface::Interface;
use super::socket::{self, Address, set_option, set_optional};
use super::vrid_filter::{VridSet, attach_nothing};
use crate::wire::vrrp::Family;

/// VRRP's number among the IP protocols (RFC 9568, section 5.1.1.4).
pub const PROTOCOL: i32 = 112;

/// Internetwork control, as keepalived sets it.
const TRAFFIC_CLASS: i32 = 0xc0;
/// TC_PRIO_CONTROL: the first band of the default queue discipline.
const PRIORITY: i32 = 6;

/// What a receiver receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listen {
    /// Adverts sent to this multicast group; over IPv4 also what arrives by unicast where multicast is
    /// expected, for the operator to be told.
    Group(IpAddr),
    /// Adverts sent to this address of ours.
    Unicast(IpAddr),
}

/// A socket that receives adverts; see [`super::receive_batch::ReceiveBatch`].
#[derive(Debug)]
pub struct Receiver {
    fd: Fd,
    interface: Option<Interface>,
    listen: Listen,
}

impl Receiver {
    /// Listens on `interface` (which only unicast can do without) for adverts of `vrids`. `buffer` bounds,
    /// in bytes, what waits in the kernel.
    ///
    /// Errors: EPERM without CAP_NET_RAW, ENODEV if the interface is gone, EINVAL for a group without an
    /// interface. A unicast address need not be on this machine yet.
    pub fn new(interface: Option<&Interface>, listen: Listen, vrids: &VridSet, buffer: Option<u32>) -> Result<Self> {
        let ip = listen.ip();
        let fd = open(family_of(ip))?;
        if let Some(bytes) = buffer {
            socket::set_receive_buffer(&fd, bytes)?;
        }
        if let Some(interface) = interface {
            socket::bind_to_device(&fd, interface)?;
        }
        ask_for_details(&fd, family_of(ip))?;
        let receiver = Self { fd, interface: interface.copied(), listen };
        match listen {
            Listen::Group(group) => {
                receiver.join()?;
                // An unbound IPv6 raw socket gets all groups that anyone here has joined.
                if group.is_ipv6() {
                    socket::bind(&receiver.fd, &receiver.own_address())?;
                }
            }
            Listen::Unicast(_) => receiver.bind_unicast()?,
        }
        receiver.set_vrids(vrids)?;
        Ok(receiver)
    }

    /// Changes the bound of what waits in the kernel, in bytes.
    pub fn set_buffer(&self, bytes: u32) -> Result<()> {
        socket::set_receive_buffer(&self.fd, bytes)
    }

    /// Changes which virtual routers exist, without losing a packet of one that stays.
    pub fn set_vrids(&self, vrids: &VridSet) -> Result<()> {
        vrids.attach(&self.fd, self.family())
    }

    /// Leaves the group and joins it again, so that the kernel sends the IGMP or MLD report anew: a
    /// snooping switch may have lost it. Nothing for unicast.
    pub fn rejoin(&self) -> Result<()> {
        if matches!(self.listen, Listen::Unicast(_)) {
            return Ok(());
        }
        let _ = self.membership(libc::IP_DROP_MEMBERSHIP, libc::IPV6_DROP_MEMBERSHIP);
        self.join()
    }

    /// The family of what it receives.
    pub fn family(&self) -> Family {
        family_of(self.listen.ip())
    }

    /// The interface it is bound to.
    pub fn interface(&self) -> Option<&Interface> {
        self.interface.as_ref()
    }

    /// What it receives.
    pub fn listen(&self) -> Listen {
        self.listen
    }

    fn join(&self) -> Result<()> {
        match self.membership(libc::IP_ADD_MEMBERSHIP, libc::IPV6_ADD_MEMBERSHIP) {
            Err(Errno(libc::EADDRINUSE)) => Ok(()),
            other => other,
        }
    }

    fn membership(&self, v4: i32, v6: i32) -> Result<()> {
        let index = self.interface.ok_or(Errno::INVALID)?.index();
        match self.listen.ip() {
            IpAddr::V4(group) => {
                let request = libc::ip_mreqn {
                    imr_multiaddr: socket::in_addr(group),
                    imr_address: socket::in_addr(Ipv4Addr::UNSPECIFIED),
                    imr_ifindex: index as i32,
                };
                set_option(&self.fd, libc::IPPROTO_IP, v4, &request)
            }
            IpAddr::V6(group) => {
                let request =
                    libc::ipv6_mreq { ipv6mr_multiaddr: socket::in6_addr(group), ipv6mr_interface: index as _ };
                set_option(&self.fd, libc::IPPROTO_IPV6, v6, &request)
            }
        }
    }

    /// The socket outlives the address's comings and goings.
    fn bind_unicast(&self) -> Result<()> {
        match self.family() {
            Family::V4 => set_optional(&self.fd, libc::IPPROTO_IP, libc::IP_FREEBIND, &1),
            Family::V6 => set_optional(&self.fd, libc::IPPROTO_IPV6, IPV6_FREEBIND, &1),
        }
        socket::bind(&self.fd, &self.own_address())
    }

    fn own_address(&self) -> Address {
        Address::ip(self.listen.ip(), self.interface.map_or(0, |interface| interface.index()))
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Listen {
    fn ip(self) -> IpAddr {
        match self {
            Self::Group(ip) | Self::Unicast(ip) => ip,
        }
    }
}

/// A socket that sends adverts, of any virtual router and source address of its interface and family;
/// see [`super::send_batch::SendBatch`]. It receives nothing.
#[derive(Debug)]
pub struct Sender {
    fd: Fd,
    family: Family,
    interface: Option<Interface>,
}

impl Sender {
    /// Sends out of `interface`, or, without one, where the routes say (unicast only). One per interface,
    /// so that a link whose queue is stuck holds back its own adverts only.
    ///
    /// Errors: EPERM without CAP_NET_RAW, ENODEV if the interface is gone.
    pub fn new(family: Family, interface: Option<&Interface>) -> Result<Self> {
        let fd = open(family)?;
        if let Some(interface) = interface {
            socket::bind_to_device(&fd, interface)?;
        }
        match family {
            Family::V4 => {
                set_option(&fd, libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP, &0)?;
                set_option(&fd, libc::IPPROTO_IP, libc::IP_TTL, &255)?;
                set_option(&fd, libc::IPPROTO_IP, libc::IP_MULTICAST_TTL, &255)?;
                set_option(&fd, libc::IPPROTO_IP, libc::IP_TOS, &TRAFFIC_CLASS)?;
                // mcast_src_ip may name an address that is not on this machine.
                set_optional(&fd, libc::IPPROTO_IP, libc::IP_TRANSPARENT, &1);
            }
            Family::V6 => {
                set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP, &0)?;
                set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, &255)?;
                set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, &255)?;
                set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &TRAFFIC_CLASS)?;
                set_optional(&fd, libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, &1);
            }
        }
        // After the TOS, which sets a priority of its own.
        set_option(&fd, libc::SOL_SOCKET, libc::SO_PRIORITY, &PRIORITY)?;
        Ok(Self { fd, family, interface: interface.copied() })
    }

    /// The family of what it sends.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The interface it is bound to.
    pub const fn interface(&self) -> Option<&Interface> {
        self.interface.as_ref()
    }
}

impl AsRawFd for Sender {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Since Linux 4.15.
const IPV6_FREEBIND: i32 = 78;

const fn family_of(ip: IpAddr) -> Family {
    match ip {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

/// A raw socket that receives nothing yet, not even what came before it could be told so.
fn open(family: Family) -> Result<Fd> {
    let domain = match family {
        Family::V4 => libc::AF_INET,
        Family::V6 => libc::AF_INET6,
    };
    let fd = socket::open(domain, libc::SOCK_RAW, PROTOCOL)?;
    attach_nothing(&fd)?;
    let mut byte = [0];
    while matches!(fd.read(&mut byte), Ok(_) | Err(Errno::INTERRUPTED)) {}
    // Only groups joined by this very socket; emulators lack the options.
    match family {
        Family::V4 => set_optional(&fd, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, &0),
        Family::V6 => set_optional(&fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL, &0),
    }
    Ok(fd)
}

/// Interface and destination, and the hop limit where no IP header shows it.
fn ask_for_details(fd: &Fd, family: Family) -> Result<()> {
    match family {
        Family::V4 => set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, &1),
        Family::V6 => {
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1)?;
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, &1)
        }
    }
}

#[cfg(test)]
mod tests;
