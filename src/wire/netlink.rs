//! rtnetlink: addresses added and removed, links and addresses observed (RFC 3549; linux/rtnetlink.h).
//!
//! Requests are laid one behind the other into a caller's buffer by [`Writer`], answers and events are
//! read where they lie by [`Messages`]. Nothing is allocated. All numbers have the machine's own byte
//! order, addresses that of the network.
//!
//! The kernel is trusted no more than a peer: every length is checked, and a message that is wrong in
//! itself costs only itself.

mod address;
mod attribute;
mod link;
mod message;
#[cfg(test)]
mod tests;
mod writer;

pub use address::{Address, AddressRepr, FOREVER, Lifetimes, address_flags};
pub use link::{Link, link_flags, operstate};
pub use message::{Content, Message, Messages, Reject};
pub use writer::{Full, IfPresent, Writer};

use crate::wire::vrrp::Family;

/// Bytes of `struct nlmsghdr`.
const HEADER_LEN: usize = 16;

// Message types.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;

// Flags of a request.
const NLM_F_REQUEST: u16 = 0x001;
const NLM_F_ACK: u16 = 0x004;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_DUMP: u16 = 0x300;
// Flags of an answer.
const NLM_F_DUMP_INTR: u16 = 0x010;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The kernel's number of a family.
const fn address_family(family: Family) -> u8 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}

/// Where the next message or attribute begins: the next multiple of four.
const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}
