//! An advert to be sent.

use super::{AUTH_NONE, AUTH_PASS, ChecksumForm, Family, HEADER_LEN, Pseudo, TYPE_ADVERTISEMENT, Version};
use crate::time::Centis;
use crate::wire::checksum::Checksum;
use core::net::IpAddr;

/// The content of an advert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repr<'a> {
    /// The protocol's version; IPv6 has only version 3.
    pub version: Version,
    /// The virtual router, 1 to 255.
    pub vrid: u8,
    /// 0 to stop, else 1 to 255.
    pub priority: u8,
    /// Version 2 sends whole seconds, rounded down, 1 to 255; version 3 at most 40.95 s, at least 10 ms.
    pub interval: Centis,
    /// The virtual addresses, all of one family, at most 255.
    pub addresses: &'a [IpAddr],
    /// Version 2: the data of authentication type 1 (PASS); none is type 0. Version 3 has none.
    pub auth: Option<[u8; 8]>,
    /// The form of the checksum, where version and family leave a choice: version 3 over IPv4.
    pub checksum_form: ChecksumForm,
}

impl Repr<'_> {
    /// Bytes [`Repr::emit`] fills.
    pub fn buffer_len(&self) -> usize {
        let addresses: usize = self.addresses.iter().map(|address| Family::of(*address).address_len()).sum();
        HEADER_LEN + addresses + self.version.auth_len()
    }

    /// Writes the advert to the front of `buffer` and returns its length in bytes.
    ///
    /// None, and `buffer` is left in no particular state, if it is too short, or if no such packet
    /// exists: more than 255 addresses, one of another family than `pseudo`, or version 2 over IPv6.
    pub fn emit(&self, pseudo: &Pseudo, buffer: &mut [u8]) -> Option<usize> {
        let family = pseudo.family();
        if (self.version, family) == (Version::V2, Family::V6) {
            return None;
        }
        let length = self.buffer_len();
        let packet = buffer.get_mut(..length)?;
        let (header, rest) = packet.split_first_chunk_mut::<HEADER_LEN>()?;
        *header = self.header()?;
        self.emit_body(family, rest)?;

        let mut sum = match (self.version, family) {
            (Version::V2, _) => Checksum::new(),
            (Version::V3, Family::V4) => pseudo.checksum(self.checksum_form, length),
            (Version::V3, Family::V6) => pseudo.checksum(ChecksumForm::PseudoHeader, length),
        };
        sum.add(packet);
        let (_, field) = packet.first_chunk_mut::<HEADER_LEN>()?.split_last_chunk_mut::<2>()?;
        *field = sum.value().to_be_bytes();
        Some(length)
    }

    /// The header with a checksum of zero.
    fn header(&self) -> Option<[u8; HEADER_LEN]> {
        let count = u8::try_from(self.addresses.len()).ok()?;
        let [fifth, sixth] = match self.version {
            Version::V2 => {
                let auth_type = if self.auth.is_some() { AUTH_PASS } else { AUTH_NONE };
                [auth_type, (self.interval.0 / 100).clamp(1, 255) as u8]
            }
            Version::V3 => self.interval.0.clamp(1, 0x0fff).to_be_bytes(),
        };
        let version_type = self.version.number() << 4 | TYPE_ADVERTISEMENT;
        Some([version_type, self.vrid, self.priority, count, fifth, sixth, 0, 0])
    }

    /// Addresses and authentication data, into exactly their length.
    fn emit_body(&self, family: Family, body: &mut [u8]) -> Option<()> {
        let mut rest = body;
        for address in self.addresses {
            rest = match (family, address) {
                (Family::V4, IpAddr::V4(v4)) => put(rest, v4.octets())?,
                (Family::V6, IpAddr::V6(v6)) => put(rest, v6.octets())?,
                _ => return None,
            };
        }
        if self.version == Version::V2 {
            put(rest, self.auth.unwrap_or_default())?;
        }
        Some(())
    }
}

/// Writes `bytes` to the front of `buffer` and returns what follows them.
fn put<const N: usize>(buffer: &mut [u8], bytes: [u8; N]) -> Option<&mut [u8]> {
    let (front, rest) = buffer.split_first_chunk_mut::<N>()?;
    *front = bytes;
    Some(rest)
}
