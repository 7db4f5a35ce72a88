//! Which packets a virtual router believes, and why not the others.
//!
//! The order is keepalived's (and RFC 9568's, section 7.1, within it): what is cheap and what points
//! at the sender's setting comes first. A refused packet changes nothing but a counter.

use core::fmt;
use core::net::IpAddr;

use super::settings::Settings;
use crate::time::Centis;
use crate::wire::vrrp::{Advert, Pseudo, Reject, Version};

/// A VRRP packet as the network gave it, without its IP header.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The sender's address.
    pub source: IpAddr,
    /// The group or our own address.
    pub destination: IpAddr,
    /// TTL or hop limit, if the kernel said.
    pub hop_limit: Option<u8>,
    /// The VRRP message.
    pub payload: &'a [u8],
}

/// Why a packet was refused. Each has a counter of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The message itself is wrong.
    Wire(Reject),
    /// TTL or hop limit is not 255, or outside the peer's range: this one.
    HopLimit(u8),
    /// The other protocol version.
    OtherVersion(Version),
    /// An authentication type that does not exist or is not supported.
    UnknownAuthType(u8),
    /// An authentication type other than ours.
    AuthTypeDiffers(u8),
    /// The wrong password.
    Password,
    /// Version 2: an interval other than ours (RFC 3768, section 7.1).
    IntervalDiffers(Centis),
    /// Multicast where unicast is configured, or the other way round.
    Destination,
    /// Unicast from a stranger.
    UnknownPeer,
    /// The sender has our own address.
    OwnAddress,
    /// We own the address and do not listen.
    Owner,
}

impl Refusal {
    /// How many counters there are.
    pub const KINDS: usize = Reject::KINDS + 10;

    /// The counter's place.
    pub fn index(self) -> usize {
        match self {
            Self::Wire(reject) => reject.index(),
            Self::HopLimit(_) => Reject::KINDS,
            Self::OtherVersion(_) => Reject::KINDS + 1,
            Self::UnknownAuthType(_) => Reject::KINDS + 2,
            Self::AuthTypeDiffers(_) => Reject::KINDS + 3,
            Self::Password => Reject::KINDS + 4,
            Self::IntervalDiffers(_) => Reject::KINDS + 5,
            Self::Destination => Reject::KINDS + 6,
            Self::UnknownPeer => Reject::KINDS + 7,
            Self::OwnAddress => Reject::KINDS + 8,
            Self::Owner => Reject::KINDS + 9,
        }
    }

    /// The names of all counters, in the order of [`Refusal::index`].
    pub fn reasons() -> impl Iterator<Item = &'static str> {
        let beyond_wire = [
            "hop_limit",
            "other_version",
            "unknown_auth_type",
            "auth_type_differs",
            "password",
            "interval_differs",
            "destination",
            "unknown_peer",
            "own_address",
            "owner",
        ];
        Reject::ALL.into_iter().map(Reject::reason).chain(beyond_wire)
    }
}

/// One line for the operator: what is wrong and which setting to look at.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(reject) => reject.fmt(f),
            Self::HopLimit(hops) => write!(
                f,
                "TTL/hop limit {hops} is not what is expected: 255, or the peer's min_ttl to max_ttl (is it routed?)"
            ),
            Self::OtherVersion(theirs) => {
                let number = match theirs {
                    Version::V2 => 2,
                    Version::V3 => 3,
                };
                write!(f, "it is VRRP version {number}: set the same vrrp_version on both sides")
            }
            Self::UnknownAuthType(kind) => write!(f, "unknown authentication type {kind}: look at auth_type there"),
            Self::AuthTypeDiffers(kind) => {
                write!(f, "authentication type {kind} is not ours: set the same auth_type on both sides")
            }
            Self::Password => f.write_str("the password differs: set the same auth_pass on both sides"),
            Self::IntervalDiffers(theirs) => {
                write!(f, "advertisement interval {theirs} s is not ours: set the same advert_int on both sides")
            }
            Self::Destination => {
                f.write_str("multicast where unicast is configured or the reverse: look at unicast_peer on both sides")
            }
            Self::UnknownPeer => f.write_str("the sender is not one of our unicast_peer addresses"),
            Self::OwnAddress => f.write_str("the sender has our own address: is an address configured twice?"),
            Self::Owner => f.write_str("we own the address (priority 255) and owner_ignore_adverts is set"),
        }
    }
}

impl Settings {
    /// All checks a received packet has to pass, without effect on any state.
    pub(super) fn check<'a>(&self, own: Option<IpAddr>, packet: &Packet<'a>) -> Result<Advert<'a>, Refusal> {
        self.check_hop_limit(packet)?;
        let pseudo = Pseudo { source: packet.source, destination: packet.destination };
        let advert = Advert::parse(packet.payload, &pseudo).map_err(Refusal::Wire)?;
        if advert.version != self.version {
            return Err(Refusal::OtherVersion(advert.version));
        }
        if self.version == Version::V2 {
            self.check_version_2(&advert)?;
        }
        if packet.destination.is_multicast() == self.is_unicast() {
            return Err(Refusal::Destination);
        }
        if self.is_unicast() && self.check_source && self.peer(packet.source).is_none() {
            return Err(Refusal::UnknownPeer);
        }
        if own == Some(packet.source) {
            return Err(Refusal::OwnAddress);
        }
        if self.is_owner() && self.owner_ignores_adverts {
            return Err(Refusal::Owner);
        }
        Ok(advert)
    }

    /// RFC 9568, section 5.1.1.3: 255, so that nobody beyond the link is heard. Unicast peers have a range.
    fn check_hop_limit(&self, packet: &Packet<'_>) -> Result<(), Refusal> {
        let Some(hops) = packet.hop_limit else { return Ok(()) };
        let fine = match self.peer(packet.source) {
            Some(peer) => (peer.min_ttl..=peer.max_ttl).contains(&hops),
            None => self.is_unicast() || hops == 255,
        };
        if fine { Ok(()) } else { Err(Refusal::HopLimit(hops)) }
    }

    /// RFC 3768, section 7.1, and the simple password of RFC 2338.
    fn check_version_2(&self, advert: &Advert<'_>) -> Result<(), Refusal> {
        match (advert.auth_type, self.password) {
            (0, None) => {}
            (1, Some(password)) if advert.auth_data == password => {}
            (1, Some(_)) => return Err(Refusal::Password),
            (0..=2, _) => return Err(Refusal::AuthTypeDiffers(advert.auth_type)),
            (unknown, _) => return Err(Refusal::UnknownAuthType(unknown)),
        }
        if advert.interval != self.advert_interval {
            return Err(Refusal::IntervalDiffers(advert.interval));
        }
        Ok(())
    }

    /// Whether the advert lists exactly our addresses, in whatever order.
    pub(super) fn same_addresses(&self, advert: &Advert<'_>) -> bool {
        self.skip_address_check
            || advert.addresses.len() == self.addresses.len()
                && self.addresses.iter().all(|ip| advert.addresses.contains(*ip))
    }

    fn peer(&self, source: IpAddr) -> Option<&super::settings::Peer> {
        self.peers.iter().find(|peer| peer.ip == source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_name_in_its_place() {
        let kinds = [
            (Refusal::HopLimit(1), "hop_limit"),
            (Refusal::OtherVersion(Version::V2), "other_version"),
            (Refusal::UnknownAuthType(9), "unknown_auth_type"),
            (Refusal::AuthTypeDiffers(1), "auth_type_differs"),
            (Refusal::Password, "password"),
            (Refusal::IntervalDiffers(Centis(1)), "interval_differs"),
            (Refusal::Destination, "destination"),
            (Refusal::UnknownPeer, "unknown_peer"),
            (Refusal::OwnAddress, "own_address"),
            (Refusal::Owner, "owner"),
        ];
        let wire = Reject::ALL.map(|reject| (Refusal::Wire(reject), reject.reason()));
        assert_eq!(Refusal::reasons().count(), Refusal::KINDS);
        for (refusal, name) in wire.into_iter().chain(kinds) {
            assert_eq!(Refusal::reasons().nth(refusal.index()), Some(name), "{refusal:?}");
        }
    }
}
