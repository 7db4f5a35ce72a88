//! What a virtual router counts.

use super::receive::Refusal;
use crate::wire::vrrp::Reject;

/// Counters since the start or since they were cleared. They wrap at 2^32.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Stats {
    /// Adverts accepted.
    pub adverts_received: u32,
    /// Adverts sent.
    pub adverts_sent: u32,
    /// Times this router became master.
    pub became_master: u32,
    /// Times it ceased to be.
    pub released_master: u32,
    /// Accepted adverts of priority 0.
    pub priority_zero_received: u32,
    /// Adverts of priority 0 sent.
    pub priority_zero_sent: u32,
    /// Refused, by reason; indexed by [`Refusal::index`].
    pub refused: [u32; Refusal::KINDS],
    /// Adverts whose address list was not ours (accepted all the same).
    pub address_list_differs: u32,
    /// Version 3 adverts whose interval was not ours (accepted all the same).
    pub interval_differs: u32,
}

impl Stats {
    /// One more advert with this priority was sent.
    pub(super) fn sent(&mut self, priority: u8) {
        count(&mut self.adverts_sent);
        if priority == super::LEAVING {
            count(&mut self.priority_zero_sent);
        }
    }

    /// One more packet was refused.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        if let Some(counter) = self.refused.get_mut(refusal.index()) {
            count(counter);
        }
    }

    /// How many packets were refused for this reason.
    pub fn refused_for(&self, refusal: Refusal) -> u32 {
        self.refused.get(refusal.index()).copied().unwrap_or(0)
    }

    /// keepalived's `packet_len_err`.
    pub fn length_errors(&self) -> u32 {
        [Reject::Length, Reject::AddressListTruncated, Reject::TrailingBytes]
            .into_iter()
            .fold(0, |sum, reject| self.refused_for(Refusal::Wire(reject)).wrapping_add(sum))
    }
}

/// One more.
pub(super) fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}
