//! What a virtual router is told by its configuration.

use core::net::IpAddr;

use crate::time::{Centis, Duration};
use crate::wire::vrrp::{ChecksumForm, Family, Version};

/// The settings of one virtual router; they do not change while it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The protocol's version.
    pub version: Version,
    /// The family of the adverts.
    pub family: Family,
    /// The virtual router's number, 1 to 255.
    pub vrid: u8,
    /// The configured priority, 1 to 255; 255 is the address owner's.
    pub priority: u8,
    /// `Advertisement_Interval`.
    pub advert_interval: Centis,
    /// `Preempt_Mode`.
    pub preempt: bool,
    /// How long a lower master is borne before it is preempted.
    pub preempt_delay: Duration,
    /// Adverts missed before the master counts as down (3 in the RFC).
    pub down_timer_adverts: u8,
    /// How long after the start the router stays silent and deaf.
    pub startup_delay: Duration,
    /// The addresses in the adverts.
    pub addresses: Box<[IpAddr]>,
    /// Who may send to us; empty means multicast.
    pub peers: Box<[Peer]>,
    /// In unicast: only peers may send.
    pub check_source: bool,
    /// The password of version 2 (authentication type 1).
    pub password: Option<[u8; 8]>,
    /// The checksum form sent in version 3 over IPv4.
    pub checksum_form: ChecksumForm,
    /// Do not compare the address list of adverts.
    pub skip_address_check: bool,
    /// An address owner does not look at adverts at all.
    pub owner_ignores_adverts: bool,
    /// Do not answer an advert of lower priority.
    pub lower_prio_no_advert: bool,
    /// Send one more advert when yielding to a higher priority.
    pub higher_prio_send_advert: bool,
    /// How the addresses are announced.
    pub announce: Announce,
}

/// A unicast peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// The least TTL or hop limit accepted from it (`min_ttl`, 0).
    pub min_ttl: u8,
    /// The greatest (`max_ttl`, 255).
    pub max_ttl: u8,
}

/// How an address is announced (gratuitous ARP, unsolicited neighbour advertisement).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Announce {
    /// `garp_master_delay`: the second batch comes this long after the first; zero is none.
    pub delay: Duration,
    /// `garp_master_repeat`: packets per address in a batch.
    pub repeat: u32,
    /// `garp_master_refresh`: a batch again and again at this interval; zero is never.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`: packets per address in such a batch.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`: as `delay`, after an advert of lower priority.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`: as `repeat`, after an advert of lower priority.
    pub lower_prio_repeat: u32,
}

impl Default for Announce {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
        }
    }
}

impl Settings {
    /// Whether adverts go to peers instead of the group.
    pub fn is_unicast(&self) -> bool {
        !self.peers.is_empty()
    }

    /// Whether this is the owner of the addresses (RFC 9568, section 5.2.4).
    pub fn is_owner(&self) -> bool {
        self.priority == OWNER
    }

    /// `Skew_Time` for a priority and the master's interval (RFC 9568, section 6.1; RFC 3768, 6.1).
    pub fn skew_time(&self, priority: u8, active_interval: Centis) -> Duration {
        let base = match self.version {
            Version::V2 => Centis::SECOND,
            Version::V3 => active_interval,
        };
        base.span().scaled(256 - u32::from(priority), 256)
    }

    /// `Active_Down_Interval` for a priority and the master's interval.
    pub fn active_down_interval(&self, priority: u8, active_interval: Centis) -> Duration {
        let silent = active_interval.span().times(u64::from(self.down_timer_adverts));
        silent.plus(self.skew_time(priority, active_interval))
    }
}

/// The priority of the address owner.
pub const OWNER: u8 = 255;

/// The priority that says "I am leaving".
pub const LEAVING: u8 = 0;
