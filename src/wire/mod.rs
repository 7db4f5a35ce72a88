//! Bytes <-> values, without state, clock or heap.
//!
//! Each format has a view or a `Repr`: `parse` takes bytes from outside and never panics, `emit` fills
//! a buffer of `buffer_len` bytes. Frames of one length only are returned as arrays. What is refused
//! has a typed reason.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod ip;
pub mod ndisc;
pub mod netlink;
pub mod vrrp;

/// The parts one behind the other, which must be `N` bytes together.
fn concat<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    debug_assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), N);
    let mut whole = [0; N];
    for (byte, from) in whole.iter_mut().zip(parts.iter().copied().flatten()) {
        *byte = *from;
    }
    whole
}
