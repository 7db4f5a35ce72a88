//! Attributes: a length, a type and a value each, aligned to four bytes (`struct nlattr`).

use super::{Reject, aligned};

/// Bytes of `struct nlattr`.
pub(super) const HEADER_LEN: usize = 4;
/// Bits of the type that are flags (nested, network byte order).
const TYPE_MASK: u16 = 0x3fff;

/// The attributes in some bytes, as (type, value). After an `Err` there are no more.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn split(&mut self) -> Option<(u16, &'a [u8])> {
        let [a, b, c, d] = *self.rest.first_chunk::<HEADER_LEN>()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = self.rest.get(HEADER_LEN..length)?;
        // The last one may lack its padding.
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]) & TYPE_MASK, value))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Reject>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(self.split().ok_or_else(|| {
            self.rest = &[];
            Reject::Attribute
        }))
    }
}

/// A value that is a number of 32 bits.
pub(super) fn u32_of(value: &[u8]) -> Result<u32, Reject> {
    array_of(value).map(u32::from_ne_bytes)
}

/// A value that is one byte.
pub(super) fn u8_of(value: &[u8]) -> Result<u8, Reject> {
    array_of(value).map(|[byte]| byte)
}

/// A value of exactly `N` bytes.
pub(super) fn array_of<const N: usize>(value: &[u8]) -> Result<[u8; N], Reject> {
    <[u8; N]>::try_from(value).map_err(|_| Reject::Value)
}

/// A value that is a string, up to its NUL; empty if it is not UTF-8, which nothing in a configuration
/// can name.
pub(super) fn str_of(value: &[u8]) -> &str {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    core::str::from_utf8(text).unwrap_or_default()
}
