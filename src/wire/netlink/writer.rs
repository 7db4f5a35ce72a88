//! Requests, laid one behind the other.

use super::address::{self, IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, IFA_PROTO};
use super::link::{self, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS};
use super::{
    AF_UNSPEC, AddressRepr, HEADER_LEN, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST,
    RTM_DELADDR, RTM_GETADDR, RTM_GETLINK, RTM_NEWADDR, address_family, aligned, attribute,
};
use crate::wire::vrrp::Family;
use core::net::IpAddr;

/// A request did not fit behind those already written, which stay as they were: send them, clear, and
/// write it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// What to do about an address that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IfPresent {
    /// Leave it, and answer EEXIST.
    Fail,
    /// Give it the new lifetimes and flags.
    Replace,
}

/// Writes requests into a buffer. Each asks for an answer that bears its sequence number.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    length: usize,
}

impl<'b> Writer<'b> {
    /// Over a buffer; 4 KiB hold some forty addresses, one of 192 bytes holds any single request.
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// The requests so far: what to send.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// Whether there are no requests.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Forgets the requests.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    /// Adds an address.
    pub fn add_address(&mut self, sequence: u32, if_present: IfPresent, address: &AddressRepr) -> Result<(), Full> {
        let present = match if_present {
            IfPresent::Fail => NLM_F_EXCL,
            IfPresent::Replace => NLM_F_REPLACE,
        };
        let flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | present;
        self.message(RTM_NEWADDR, flags, sequence, |body| {
            body.address_ends(address)?;
            if let Some(broadcast) = address.broadcast {
                body.attribute(IFA_BROADCAST, &broadcast.octets())?;
            }
            if let Some(label) = address.label {
                // with its NUL
                body.attribute_of(IFA_LABEL, &[label.as_bytes(), &[0]])?;
            }
            if let Some(lifetimes) = address.lifetimes {
                let (preferred, valid) = (lifetimes.preferred.to_ne_bytes(), lifetimes.valid.to_ne_bytes());
                body.attribute_of(IFA_CACHEINFO, &[&preferred, &valid, &[0; 8]])?;
            }
            if let Some(proto) = address.proto {
                body.attribute(IFA_PROTO, &[proto])?;
            }
            body.attribute(IFA_FLAGS, &address.flags.to_ne_bytes())
        })
    }

    /// Deletes the address that has this link, IP address, prefix length and peer. What else `address`
    /// says is not compared.
    pub fn delete_address(&mut self, sequence: u32, address: &AddressRepr) -> Result<(), Full> {
        self.message(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, sequence, |body| body.address_ends(address))
    }

    /// Asks for all links.
    pub fn dump_links(&mut self, sequence: u32) -> Result<(), Full> {
        self.message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
            body.put(&[AF_UNSPEC; link::HEADER_LEN])?;
            body.attribute(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes())
        })
    }

    /// Asks for all addresses, of one family or of both.
    pub fn dump_addresses(&mut self, sequence: u32, family: Option<Family>) -> Result<(), Full> {
        self.message(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence, |body| {
            let mut header = [0; address::HEADER_LEN];
            header[0] = family.map_or(AF_UNSPEC, address_family);
            body.put(&header)
        })
    }

    /// Writes one message, or nothing.
    fn message(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        fill: impl FnOnce(&mut Body<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let free = self.buffer.get_mut(self.length..).ok_or(Full)?;
        let (header, room) = free.split_first_chunk_mut::<HEADER_LEN>().ok_or(Full)?;
        let mut body = Body { room, length: 0 };
        fill(&mut body)?;
        // All parts are padded, so the message ends where the next may begin.
        let length = HEADER_LEN + body.length;
        let [l0, l1, l2, l3] = u32::try_from(length).map_err(|_| Full)?.to_ne_bytes();
        let ([k0, k1], [f0, f1]) = (kind.to_ne_bytes(), flags.to_ne_bytes());
        let [s0, s1, s2, s3] = sequence.to_ne_bytes();
        *header = [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, 0, 0, 0, 0];
        self.length += length;
        Ok(())
    }
}

/// The body of a message under way.
struct Body<'b> {
    room: &'b mut [u8],
    length: usize,
}

impl Body<'_> {
    /// Bytes, and what pads them.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.put_all(&[bytes])
    }

    /// The parts one behind the other, and what pads them.
    fn put_all(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let length = aligned(parts.iter().map(|part| part.len()).sum());
        let end = self.length.checked_add(length).ok_or(Full)?;
        let target = self.room.get_mut(self.length..end).ok_or(Full)?;
        target.fill(0);
        for (byte, from) in target.iter_mut().zip(parts.iter().copied().flatten()) {
            *byte = *from;
        }
        self.length = end;
        Ok(())
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) -> Result<(), Full> {
        self.attribute_of(kind, &[value])
    }

    /// An attribute whose value comes in parts, at most three.
    fn attribute_of(&mut self, kind: u16, value: &[&[u8]]) -> Result<(), Full> {
        let length: usize = value.iter().map(|part| part.len()).sum();
        let length = u16::try_from(attribute::HEADER_LEN.saturating_add(length)).map_err(|_| Full)?;
        let ([l0, l1], [k0, k1]) = (length.to_ne_bytes(), kind.to_ne_bytes());
        self.put(&[l0, l1, k0, k1])?;
        self.put_all(value)
    }

    /// `struct ifaddrmsg` and the two ends of the address.
    fn address_ends(&mut self, address: &AddressRepr) -> Result<(), Full> {
        let family = address_family(Family::of(address.ip));
        let [i0, i1, i2, i3] = address.index.to_ne_bytes();
        // Eight bits of the flags have a place here as well.
        let flags = (address.flags & 0xff) as u8;
        self.put(&[family, address.prefix, flags, address.scope, i0, i1, i2, i3])?;
        self.ip(IFA_LOCAL, address.ip)?;
        self.ip(IFA_ADDRESS, address.peer.unwrap_or(address.ip))
    }

    fn ip(&mut self, kind: u16, ip: IpAddr) -> Result<(), Full> {
        match ip {
            IpAddr::V4(v4) => self.attribute(kind, &v4.octets()),
            IpAddr::V6(v6) => self.attribute(kind, &v6.octets()),
        }
    }
}
