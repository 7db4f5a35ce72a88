//! VRRP version 2 (RFC 3768) and version 3 (RFC 9568) advertisements.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-------+---------------+---------------+---------------+
//! |Version| Type  | Virtual Rtr ID|   Priority    | Address count |
//! +-------+-------+---------------+---------------+---------------+
//! | v2: Auth Type |  v2: seconds  |                               |
//! | v3: 0 | Max Advertise Interval|           Checksum            |
//! +-------+-----------------------+-------------------------------+
//! |                    IPvX addresses, 4 or 16 bytes each         |
//! +---------------------------------------------------------------+
//! |                    v2: authentication data, 8 bytes           |
//! +---------------------------------------------------------------+
//! ```
//!
//! What a packet can answer itself is checked here; whether it is for us (TTL, source, destination,
//! VRID, authentication, list of addresses) is `proto`'s question.
//!
//! A count of zero addresses is accepted and can be sent: keepalived does both for an instance whose
//! addresses are all in `virtual_ipaddress_excluded`. RFC 9568, erratum 8299, wants at least one, so a
//! strict instance asks [`Addresses::is_empty`].

mod addresses;
mod advert;
mod reject;
mod repr;
#[cfg(test)]
mod tests;

pub use addresses::Addresses;
pub use advert::Advert;
pub use reject::Reject;
pub use repr::Repr;

use crate::wire::checksum::Checksum;
use core::net::IpAddr;

/// The protocol number (IPv4) or next header (IPv6) of VRRP.
pub const PROTOCOL: u8 = 112;
/// Bytes before the list of addresses.
pub const HEADER_LEN: usize = 8;
/// Bytes after it in version 2.
pub const AUTH_LEN: usize = 8;
/// The type of an advertisement, the only one there is.
pub const TYPE_ADVERTISEMENT: u8 = 1;
/// Version 2: no authentication (RFC 3768, section 5.3.6).
pub const AUTH_NONE: u8 = 0;
/// Version 2: a simple text password (RFC 2338, section 5.3.6).
pub const AUTH_PASS: u8 = 1;
/// Version 2: IP authentication header (RFC 2338, section 5.3.6).
pub const AUTH_AH: u8 = 2;

/// IPv4 or IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

/// The protocol's version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub enum Version {
    /// RFC 3768.
    #[default]
    V2,
    /// RFC 9568.
    V3,
}

/// What a checksum covers.
///
/// Version 2 is always `MessageOnly` and IPv6 always `PseudoHeader`. For version 3 over IPv4 the RFCs
/// were read both ways: keepalived and FRR send `PseudoHeader` unless told otherwise, RFC 9568 says
/// `MessageOnly`. Both are accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub enum ChecksumForm {
    /// Source, destination, length and protocol, then the message.
    #[default]
    PseudoHeader,
    /// The message alone.
    MessageOnly,
}

/// Where a packet came from and went to: what a pseudo-header needs. Both are of one family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pseudo {
    /// The IP source address.
    pub source: IpAddr,
    /// The IP destination address.
    pub destination: IpAddr,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Bytes of an address.
    pub const fn address_len(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }
}

impl Version {
    /// The version's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    /// Bytes of authentication data.
    const fn auth_len(self) -> usize {
        match self {
            Self::V2 => AUTH_LEN,
            Self::V3 => 0,
        }
    }
}

impl Pseudo {
    /// The family of the packet.
    pub const fn family(&self) -> Family {
        Family::of(self.source)
    }

    /// The sum an advert of `length` bytes starts with.
    fn checksum(&self, form: ChecksumForm, length: usize) -> Checksum {
        match form {
            // No advert is longer than 8 + 255 * 16 bytes.
            ChecksumForm::PseudoHeader => {
                Checksum::pseudo_header(self.source, self.destination, PROTOCOL, length as u32)
            }
            ChecksumForm::MessageOnly => Checksum::new(),
        }
    }
}

/// Addresses that fit into one advert whose IP packet has at most `mtu` bytes (IPv4 header without
/// options), never more than the 255 the protocol can count.
pub const fn capacity(version: Version, family: Family, mtu: u32) -> usize {
    let ip = match family {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    let room = (mtu as usize).saturating_sub(ip + HEADER_LEN + version.auth_len());
    let count = room / family.address_len();
    if count < 255 { count } else { 255 }
}
