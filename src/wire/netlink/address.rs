//! Addresses: what `ip address` shows, adds and deletes.

use super::attribute::{Attributes, array_of, str_of, u8_of, u32_of};
use super::{AF_INET, AF_INET6, Reject};
use crate::wire::vrrp::Family;
use core::net::{IpAddr, Ipv4Addr};

/// Bytes of `struct ifaddrmsg`.
pub(super) const HEADER_LEN: usize = 8;

pub(super) const IFA_ADDRESS: u16 = 1;
pub(super) const IFA_LOCAL: u16 = 2;
pub(super) const IFA_LABEL: u16 = 3;
pub(super) const IFA_BROADCAST: u16 = 4;
pub(super) const IFA_CACHEINFO: u16 = 6;
pub(super) const IFA_FLAGS: u16 = 8;
pub(super) const IFA_PROTO: u16 = 11;

/// A lifetime without end.
pub const FOREVER: u32 = u32::MAX;

/// Bits of [`Address::flags`] and [`AddressRepr::flags`] (linux/if_addr.h).
pub mod address_flags {
    /// IPv4: not the first of its subnet on the link, so it goes when that one goes.
    pub const SECONDARY: u32 = 0x01;
    /// IPv6: no duplicate address detection.
    pub const NO_DAD: u32 = 0x02;
    /// IPv6: somebody else has it.
    pub const DAD_FAILED: u32 = 0x08;
    /// IPv6: a home address of mobile IP.
    pub const HOME_ADDRESS: u32 = 0x10;
    /// Not chosen for new connections.
    pub const DEPRECATED: u32 = 0x20;
    /// IPv6: duplicate address detection is not done yet; not usable.
    pub const TENTATIVE: u32 = 0x40;
    /// Its lifetime has no end.
    pub const PERMANENT: u32 = 0x80;
    /// The kernel makes further addresses of it.
    pub const MANAGE_TEMP_ADDRESS: u32 = 0x100;
    /// It brings no route to its subnet.
    pub const NO_PREFIX_ROUTE: u32 = 0x200;
    /// IPv4: multicast groups are joined with it.
    pub const MCAST_AUTO_JOIN: u32 = 0x400;
}

/// How long an address lives, in seconds; [`FOREVER`] is without end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// As long it is chosen for new connections; 0 is deprecated, never more than `valid`.
    pub preferred: u32,
    /// As long it exists; 0 cannot be added.
    pub valid: u32,
}

/// An address to be added or deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRepr<'a> {
    /// The link's number.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Bits of its subnet, or of the peer's.
    pub prefix: u8,
    /// The far end of a point-to-point address, of the same family.
    pub peer: Option<IpAddr>,
    /// IPv4: the broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4: the label, at most 15 bytes, beginning with the link's name.
    pub label: Option<&'a str>,
    /// Where it is valid: 0 is everywhere, 253 the link, 254 this host.
    pub scope: u8,
    /// See [`address_flags`].
    pub flags: u32,
    /// None is without end.
    pub lifetimes: Option<Lifetimes>,
    /// Who made it (IFA_PROTO, Linux 5.18 and later; older kernels ignore it).
    pub proto: Option<u8>,
}

/// An address, as an answer or an event describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address<'a> {
    /// The link's number, never 0.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Bits of its subnet, or of the peer's.
    pub prefix: u8,
    /// The far end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// IPv4: the broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4: the label; the link's name if none was given.
    pub label: Option<&'a str>,
    /// Where it is valid: 0 is everywhere, 253 the link, 254 this host.
    pub scope: u8,
    /// See [`address_flags`].
    pub flags: u32,
    /// How long it lives, if the kernel says.
    pub lifetimes: Option<Lifetimes>,
    /// Who made it, if somebody said so and the kernel (5.18 and later) tells.
    pub proto: Option<u8>,
}

impl<'a> Address<'a> {
    /// The family of the address.
    pub const fn family(&self) -> Family {
        Family::of(self.ip)
    }

    /// Whether it can be used now: no duplicate address detection is pending or has failed.
    pub const fn is_usable(&self) -> bool {
        self.flags & (address_flags::TENTATIVE | address_flags::DAD_FAILED) == 0
    }

    /// Reads the body of a message. None if it is of a family other than IPv4 and IPv6.
    pub(super) fn parse(body: &'a [u8]) -> Result<Option<Self>, Reject> {
        let (header, rest) = body.split_first_chunk::<HEADER_LEN>().ok_or(Reject::Body)?;
        let [family, prefix, flags, scope, i0, i1, i2, i3] = *header;
        let family = match family {
            AF_INET => Family::V4,
            AF_INET6 => Family::V6,
            _ => return Ok(None),
        };
        let index = u32::from_ne_bytes([i0, i1, i2, i3]);
        let parts = Parts::parse(family, u32::from(flags), rest)?;
        // IPv4 and point-to-point IPv6 have both, the local one being the address; else there is one.
        let ip = parts.local.or(parts.address).ok_or(Reject::NoAddress)?;
        if index == 0 {
            return Err(Reject::Index);
        }
        if usize::from(prefix) > family.address_len() * 8 {
            return Err(Reject::Prefix);
        }
        let Parts { broadcast, label, flags, lifetimes, proto, .. } = parts;
        let peer = parts.address.filter(|address| *address != ip);
        Ok(Some(Self { index, ip, prefix, peer, broadcast, label, scope, flags, lifetimes, proto }))
    }
}

/// The attributes of an address.
struct Parts<'a> {
    address: Option<IpAddr>,
    local: Option<IpAddr>,
    broadcast: Option<Ipv4Addr>,
    label: Option<&'a str>,
    flags: u32,
    lifetimes: Option<Lifetimes>,
    proto: Option<u8>,
}

impl<'a> Parts<'a> {
    fn parse(family: Family, flags: u32, bytes: &'a [u8]) -> Result<Self, Reject> {
        let mut parts =
            Self { address: None, local: None, broadcast: None, label: None, flags, lifetimes: None, proto: None };
        for attribute in Attributes::new(bytes) {
            let (kind, value) = attribute?;
            match kind {
                IFA_ADDRESS => parts.address = Some(ip_of(family, value)?),
                IFA_LOCAL => parts.local = Some(ip_of(family, value)?),
                IFA_BROADCAST if family == Family::V4 => parts.broadcast = Some(array_of::<4>(value)?.into()),
                IFA_LABEL => parts.label = Some(str_of(value)),
                // The header has room for eight bits only.
                IFA_FLAGS => parts.flags = u32_of(value)?,
                IFA_CACHEINFO => parts.lifetimes = Some(lifetimes_of(value)?),
                IFA_PROTO => parts.proto = Some(u8_of(value)?),
                _ => {}
            }
        }
        Ok(parts)
    }
}

fn ip_of(family: Family, value: &[u8]) -> Result<IpAddr, Reject> {
    match family {
        Family::V4 => array_of::<4>(value).map(IpAddr::from),
        Family::V6 => array_of::<16>(value).map(IpAddr::from),
    }
}

/// `struct ifa_cacheinfo`; two time stamps follow.
fn lifetimes_of(value: &[u8]) -> Result<Lifetimes, Reject> {
    let [p0, p1, p2, p3, v0, v1, v2, v3] = *value.first_chunk::<8>().ok_or(Reject::Value)?;
    Ok(Lifetimes { preferred: u32::from_ne_bytes([p0, p1, p2, p3]), valid: u32::from_ne_bytes([v0, v1, v2, v3]) })
}
