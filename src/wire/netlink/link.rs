//! Links: what `ip link` shows.

use super::attribute::{Attributes, str_of, u8_of, u32_of};
use super::{AF_UNSPEC, Reject};

/// Bytes of `struct ifinfomsg`.
pub(super) const HEADER_LEN: usize = 16;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;

/// Which parts an answer to a dump shall have.
pub(super) const IFLA_EXT_MASK: u16 = 29;
/// Not the counters of the protocols, which are the largest part of it.
pub(super) const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;

/// Bits of [`Link::flags`] (linux/if.h).
pub mod link_flags {
    /// Administratively up.
    pub const UP: u32 = 1 << 0;
    /// It has a broadcast address.
    pub const BROADCAST: u32 = 1 << 1;
    /// A loopback interface.
    pub const LOOPBACK: u32 = 1 << 3;
    /// A point-to-point link: it has no broadcast address.
    pub const POINT_TO_POINT: u32 = 1 << 4;
    /// Operational, in the sense of RFC 2863.
    pub const RUNNING: u32 = 1 << 6;
    /// It has no ARP.
    pub const NO_ARP: u32 = 1 << 7;
    /// It supports multicast.
    pub const MULTICAST: u32 = 1 << 12;
    /// The driver signals a carrier.
    pub const LOWER_UP: u32 = 1 << 16;
}

/// Values of [`Link::operstate`] (RFC 2863).
pub mod operstate {
    /// The driver does not say.
    pub const UNKNOWN: u8 = 0;
    /// Down.
    pub const DOWN: u8 = 2;
    /// The link below it is down.
    pub const LOWER_LAYER_DOWN: u8 = 3;
    /// Waiting for an external event.
    pub const DORMANT: u8 = 5;
    /// Up.
    pub const UP: u8 = 6;
}

/// A link, as an answer or an event describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link<'a> {
    /// Its number, never 0.
    pub index: u32,
    /// Its name; empty if it is not UTF-8.
    pub name: &'a str,
    /// See [`link_flags`].
    pub flags: u32,
    /// The hardware type (linux/if_arp.h): 1 is Ethernet, 772 loopback.
    pub hardware: u16,
    /// The largest packet in bytes; absent from some events.
    pub mtu: Option<u32>,
    /// The hardware address, if it is one of six bytes.
    pub mac: Option<[u8; 6]>,
    /// See [`operstate`]; absent from some events.
    pub operstate: Option<u8>,
    /// The bridge, bond or VRF it belongs to.
    pub master: Option<u32>,
    /// The link it sits on, as a VLAN or macvlan does; the other end of a veth. None if that is in
    /// another network namespace, where its number means nothing here.
    pub parent: Option<u32>,
    /// The driver's kind, such as "vlan" or "macvlan", for virtual links.
    pub kind: Option<&'a str>,
}

impl<'a> Link<'a> {
    /// Whether it can carry packets: up, and operational as the kernel sees it.
    pub const fn is_running(&self) -> bool {
        let wanted = link_flags::UP | link_flags::RUNNING;
        self.flags & wanted == wanted
    }

    /// Reads the body of a message. None if it speaks of a link's part in a protocol: a bridge reports
    /// the loss of a port as the removal of a "bridge" link with the port's index, and the port lives on.
    pub(super) fn parse(body: &'a [u8]) -> Result<Option<Self>, Reject> {
        let (header, rest) = body.split_first_chunk::<HEADER_LEN>().ok_or(Reject::Body)?;
        let [family, _, h0, h1, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *header;
        if family != AF_UNSPEC {
            return Ok(None);
        }
        let mut link = Self {
            index: u32::from_ne_bytes([i0, i1, i2, i3]),
            name: "",
            flags: u32::from_ne_bytes([f0, f1, f2, f3]),
            hardware: u16::from_ne_bytes([h0, h1]),
            mtu: None,
            mac: None,
            operstate: None,
            master: None,
            parent: None,
            kind: None,
        };
        let mut elsewhere = false;
        for attribute in Attributes::new(rest) {
            let (kind, value) = attribute?;
            elsewhere |= kind == IFLA_LINK_NETNSID;
            link.take(kind, value)?;
        }
        if elsewhere {
            link.parent = None;
        }
        if link.index == 0 { Err(Reject::Index) } else { Ok(Some(link)) }
    }

    fn take(&mut self, kind: u16, value: &'a [u8]) -> Result<(), Reject> {
        match kind {
            IFLA_IFNAME => self.name = str_of(value),
            IFLA_ADDRESS => self.mac = value.try_into().ok(),
            IFLA_MTU => self.mtu = Some(u32_of(value)?),
            IFLA_OPERSTATE => self.operstate = Some(u8_of(value)?),
            // 0 is none: a tunnel that is bound to no link, a port that was released.
            IFLA_LINK => self.parent = Some(u32_of(value)?).filter(|index| *index != 0),
            IFLA_MASTER => self.master = Some(u32_of(value)?).filter(|index| *index != 0),
            IFLA_LINKINFO => {
                for attribute in Attributes::new(value) {
                    let (kind, value) = attribute?;
                    if kind == IFLA_INFO_KIND {
                        self.kind = Some(str_of(value));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
