//! Why an advert was refused.

use core::fmt;

/// The first check that a packet failed. Each has a counter under [`Reject::reason`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Reject {
    /// Shorter than a header, and in version 2 the authentication data.
    Length,
    /// Neither 2 nor 3, or version 2 over IPv6.
    Version,
    /// Not an advertisement.
    Type,
    /// Fewer addresses than the header counts.
    AddressListTruncated,
    /// More bytes than the header accounts for.
    TrailingBytes,
    /// The checksum fits in no accepted form.
    Checksum,
    /// Virtual router 0, which cannot be.
    Vrid,
    /// An interval of zero (RFC 9568, erratum 8301).
    Interval,
}

impl Reject {
    /// All of them, in the order of the checks.
    pub const ALL: [Self; 8] = [
        Self::Length,
        Self::Version,
        Self::Type,
        Self::AddressListTruncated,
        Self::TrailingBytes,
        Self::Checksum,
        Self::Vrid,
        Self::Interval,
    ];

    /// How many reasons there are.
    pub const KINDS: usize = Self::ALL.len();

    /// The counter's place, below [`Self::KINDS`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of its counter.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Version => "version",
            Self::Type => "type",
            Self::AddressListTruncated => "address_list_truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::Checksum => "checksum",
            Self::Vrid => "vrid_zero",
            Self::Interval => "interval_zero",
        }
    }
}

/// One line for an operator: what is wrong, and where to look.
impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "too short for an advertisement",
            Self::Version => "not VRRP version 2 or 3 (over IPv6: not 3); compare vrrp_version on both sides",
            Self::Type => "not an advertisement, the only type of VRRP packet",
            Self::AddressListTruncated => "shorter than the addresses it counts",
            Self::TrailingBytes => "longer than the addresses it counts; does the sender use auth_hmac?",
            Self::Checksum => "wrong checksum; damaged on its way, or its addresses were translated (NAT)",
            Self::Vrid => "virtual_router_id 0; the sender must use 1 to 255",
            Self::Interval => "advertisement interval 0; set advert_int on the sender",
        })
    }
}
