//! Bytes <-> values, without state, clock or heap.
//!
//! Each format has a view or a `Repr`: `parse` takes bytes from outside and never panics, `emit` fills
//! a buffer of `buffer_len` bytes. What is refused has a typed reason.

pub mod checksum;
pub mod netlink;
pub mod vrrp;
