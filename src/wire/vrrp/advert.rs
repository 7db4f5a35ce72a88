//! An advert received: a checked view of its bytes.

use super::{AUTH_LEN, Addresses, ChecksumForm, Family, HEADER_LEN, Pseudo, Reject, TYPE_ADVERTISEMENT, Version};
use crate::time::Centis;
use core::net::IpAddr;

/// A well-formed advert. It may still be for somebody else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advert<'a> {
    /// The protocol's version.
    pub version: Version,
    /// The virtual router, 1 to 255.
    pub vrid: u8,
    /// 255 is the owner of the addresses, 0 an active router that stops.
    pub priority: u8,
    /// The sender's advertisement interval: whole seconds to 255 s in version 2, 10 ms to 40.95 s in 3.
    pub interval: Centis,
    /// The virtual addresses; keepalived may send none.
    pub addresses: Addresses<'a>,
    /// Version 2: how it is authenticated; version 3: 0.
    pub auth_type: u8,
    /// Version 2: the authentication data; version 3: zeros.
    pub auth_data: [u8; 8],
    /// In which form its checksum is right.
    pub checksum_form: ChecksumForm,
}

impl<'a> Advert<'a> {
    /// The virtual router a packet claims to be for, before anything else is known of it.
    pub fn vrid_of(payload: &[u8]) -> Option<u8> {
        payload.get(1).copied()
    }

    /// Reads the payload of an IP packet of protocol 112, without Ethernet padding.
    ///
    /// Checks all that the packet can answer itself (RFC 9568, section 7.1; RFC 3768, section 7.1), in
    /// the order of [`Reject::ALL`]. The four reserved bits of version 3 are ignored, as section 5.2.6
    /// wants.
    pub fn parse(payload: &'a [u8], pseudo: &Pseudo) -> Result<Self, Reject> {
        let (header, rest) = payload.split_first_chunk::<HEADER_LEN>().ok_or(Reject::Length)?;
        let [version_type, vrid, priority, count, fifth, sixth, _, _] = *header;
        let family = pseudo.family();
        let version = match (version_type >> 4, family) {
            (2, Family::V4) => Version::V2,
            (3, _) => Version::V3,
            _ => return Err(Reject::Version),
        };
        if version_type & 0x0f != TYPE_ADVERTISEMENT {
            return Err(Reject::Type);
        }
        let (addresses, auth_data) = split_body(rest, version, family, count)?;
        let checksum_form = verify_checksum(payload, version, pseudo).ok_or(Reject::Checksum)?;
        if vrid == 0 {
            return Err(Reject::Vrid);
        }
        let (auth_type, interval) = match version {
            Version::V2 => (fifth, Centis(u16::from(sixth) * 100)),
            Version::V3 => (0, Centis(u16::from_be_bytes([fifth & 0x0f, sixth]))),
        };
        if interval.0 == 0 {
            return Err(Reject::Interval);
        }
        Ok(Self { version, vrid, priority, interval, addresses, auth_type, auth_data, checksum_form })
    }

    /// The family of its addresses.
    pub const fn family(&self) -> Family {
        self.addresses.family()
    }

    /// Whether the first address is link-local, as RFC 9568, section 5.2.9, wants of IPv6. keepalived
    /// insists on it only in strict mode, so it is a question, not a [`Reject`].
    pub fn first_is_link_local(&self) -> bool {
        match self.addresses.clone().next() {
            Some(IpAddr::V6(first)) => first.is_unicast_link_local(),
            Some(IpAddr::V4(first)) => first.is_link_local(),
            None => false,
        }
    }
}

/// The list of addresses and the authentication data, if the body is exactly as long as it must be.
fn split_body(
    body: &[u8],
    version: Version,
    family: Family,
    count: u8,
) -> Result<(Addresses<'_>, [u8; AUTH_LEN]), Reject> {
    if body.len() < version.auth_len() {
        return Err(Reject::Length);
    }
    let list_len = usize::from(count) * family.address_len();
    let (list, rest) = body.split_at_checked(list_len).ok_or(Reject::AddressListTruncated)?;
    let auth_data = match version {
        Version::V2 => {
            let (auth, rest) = rest.split_first_chunk::<AUTH_LEN>().ok_or(Reject::AddressListTruncated)?;
            if !rest.is_empty() {
                return Err(Reject::TrailingBytes);
            }
            *auth
        }
        Version::V3 if rest.is_empty() => [0; AUTH_LEN],
        Version::V3 => return Err(Reject::TrailingBytes),
    };
    Ok((Addresses::new(list, family), auth_data))
}

/// The accepted form in which the checksum is right. Where the pseudo-header happens to sum to zero both
/// are, and `PseudoHeader` it is.
fn verify_checksum(payload: &[u8], version: Version, pseudo: &Pseudo) -> Option<ChecksumForm> {
    let forms: &[ChecksumForm] = match (version, pseudo.family()) {
        (Version::V2, _) => &[ChecksumForm::MessageOnly],
        (Version::V3, Family::V4) => &[ChecksumForm::PseudoHeader, ChecksumForm::MessageOnly],
        (Version::V3, Family::V6) => &[ChecksumForm::PseudoHeader],
    };
    forms.iter().copied().find(|form| {
        let mut sum = pseudo.checksum(*form, payload.len());
        sum.add(payload);
        sum.is_valid()
    })
}
