//! VRRP version 2 (RFC 3768) and version 3 (RFC 9568) advertisements.

/// IPv4 or IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

/// The protocol's version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub enum Version {
    /// RFC 3768.
    #[default]
    V2,
    /// RFC 9568.
    V3,
}
