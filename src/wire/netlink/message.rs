//! Messages received: answers to requests, and events.

use super::attribute::{Attributes, array_of, str_of};
use super::{
    Address, HEADER_LEN, Link, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, RTM_DELADDR,
    RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK, aligned,
};
use core::fmt;

const NLMSGERR_ATTR_MSG: u16 = 1;

/// A message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// The number of the request it answers; 0 for events.
    pub sequence: u32,
    /// The port of the socket whose request caused it; 0 if the kernel itself did.
    pub port: u32,
    /// The tables changed while they were dumped: the dump must be repeated.
    pub interrupted: bool,
    /// What it says.
    pub content: Content<'a>,
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// A dump is complete, or was given up with this error number.
    Done {
        /// 0, or a positive error number.
        errno: i32,
    },
    /// How a request ended.
    Error {
        /// 0 if it was carried out, else a positive error number.
        errno: i32,
        /// The kernel's words on it, if NETLINK_EXT_ACK is set and it has any.
        text: Option<&'a str>,
    },
    /// A link is there, or changed.
    NewLink(Link<'a>),
    /// A link is gone.
    DelLink(Link<'a>),
    /// An address is there, or changed.
    NewAddress(Address<'a>),
    /// An address is gone.
    DelAddress(Address<'a>),
    /// Something that is none of our business.
    Other {
        /// The message type.
        kind: u16,
    },
}

/// Why a message, or the rest of a buffer, was refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Reject {
    /// A message says it is longer than what was received; what follows is lost too.
    Truncated,
    /// A message says it is shorter than its header; what follows is lost too.
    Length,
    /// The fixed part of the body is incomplete.
    Body,
    /// An attribute is shorter than its header or longer than the message.
    Attribute,
    /// A value has not the size of its type.
    Value,
    /// Link number 0.
    Index,
    /// More bits than the family's addresses have.
    Prefix,
    /// An address message without an address.
    NoAddress,
}

impl Reject {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Truncated,
        Self::Length,
        Self::Body,
        Self::Attribute,
        Self::Value,
        Self::Index,
        Self::Prefix,
        Self::NoAddress,
    ];

    /// The name of its counter.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Length => "length",
            Self::Body => "body",
            Self::Attribute => "attribute",
            Self::Value => "value",
            Self::Index => "index_zero",
            Self::Prefix => "prefix",
            Self::NoAddress => "no_address",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "a netlink message is longer than what was received",
            Self::Length => "a netlink message is shorter than its header",
            Self::Body => "the fixed part of a netlink message is incomplete",
            Self::Attribute => "a netlink attribute does not fit into its message",
            Self::Value => "a netlink attribute has not the size of its type",
            Self::Index => "a netlink message speaks of link 0",
            Self::Prefix => "a netlink message has a prefix longer than the address",
            Self::NoAddress => "a netlink address message has no address",
        })
    }
}

/// The messages of one received buffer.
///
/// After [`Reject::Truncated`] and [`Reject::Length`] there are no more; any other `Err` stands for one
/// message, and the next follows.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Over what one `recv` returned.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Takes the header and body off the front.
    fn split(&mut self) -> Result<([u8; HEADER_LEN], &'a [u8]), Reject> {
        let header = *self.rest.first_chunk::<HEADER_LEN>().ok_or(Reject::Truncated)?;
        let [l0, l1, l2, l3, ..] = header;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).map_err(|_| Reject::Truncated)?;
        if length < HEADER_LEN {
            return Err(Reject::Length);
        }
        let body = self.rest.get(HEADER_LEN..length).ok_or(Reject::Truncated)?;
        // The last one may lack its padding.
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        Ok((header, body))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Reject>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(match self.split() {
            Ok((header, body)) => Message::parse(header, body),
            Err(reject) => {
                self.rest = &[];
                Err(reject)
            }
        })
    }
}

impl<'a> Message<'a> {
    fn parse(header: [u8; HEADER_LEN], body: &'a [u8]) -> Result<Self, Reject> {
        let [_, _, _, _, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = header;
        let kind = u16::from_ne_bytes([k0, k1]);
        let flags = u16::from_ne_bytes([f0, f1]);
        let other = Content::Other { kind };
        let content = match kind {
            // Old kernels end a dump without a word.
            NLMSG_DONE => Content::Done { errno: errno_of(body).unwrap_or(0) },
            NLMSG_ERROR => parse_error(flags, body)?,
            RTM_NEWLINK => Link::parse(body)?.map_or(other, Content::NewLink),
            RTM_DELLINK => Link::parse(body)?.map_or(other, Content::DelLink),
            RTM_NEWADDR => Address::parse(body)?.map_or(other, Content::NewAddress),
            RTM_DELADDR => Address::parse(body)?.map_or(other, Content::DelAddress),
            _ => other,
        };
        Ok(Self {
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            interrupted: flags & NLM_F_DUMP_INTR != 0,
            content,
        })
    }
}

/// The kernel sends error numbers negated.
fn errno_of(body: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(*body.first_chunk::<4>()?).saturating_neg())
}

/// `struct nlmsgerr`: the error, the request's header, the request's body unless it was cut off, and
/// attributes if a flag says so.
fn parse_error(flags: u16, body: &[u8]) -> Result<Content<'_>, Reject> {
    let errno = errno_of(body).ok_or(Reject::Body)?;
    let mut text = None;
    if flags & NLM_F_ACK_TLVS != 0 {
        let request = body.get(4..).ok_or(Reject::Body)?;
        let length = array_of::<4>(request.get(..4).ok_or(Reject::Body)?).map(u32::from_ne_bytes)?;
        let skip = if flags & NLM_F_CAPPED != 0 || errno == 0 { HEADER_LEN } else { aligned(length as usize) };
        for attribute in Attributes::new(request.get(skip..).ok_or(Reject::Body)?) {
            let (kind, value) = attribute?;
            if kind == NLMSGERR_ATTR_MSG {
                text = Some(str_of(value));
            }
        }
    }
    Ok(Content::Error { errno, text })
}
