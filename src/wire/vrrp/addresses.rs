//! The list of addresses of an advert, read where it lies.

use super::Family;
use core::net::IpAddr;

/// The addresses of an advert, in its order; an iterator that is cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addresses<'a> {
    bytes: &'a [u8],
    family: Family,
}

impl<'a> Addresses<'a> {
    /// Over whole addresses of one family; an incomplete one at the end is ignored.
    pub(super) const fn new(bytes: &'a [u8], family: Family) -> Self {
        Self { bytes, family }
    }

    /// The family all of them have.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `ip` is among those not yet taken.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.clone().any(|address| address == ip)
    }
}

impl Iterator for Addresses<'_> {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        match self.family {
            Family::V4 => {
                let (first, rest) = self.bytes.split_first_chunk::<4>()?;
                self.bytes = rest;
                Some(IpAddr::from(*first))
            }
            Family::V6 => {
                let (first, rest) = self.bytes.split_first_chunk::<16>()?;
                self.bytes = rest;
                Some(IpAddr::from(*first))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.bytes.len() / self.family.address_len();
        (count, Some(count))
    }
}

impl ExactSizeIterator for Addresses<'_> {}
