//! Ethernet II headers of the frames we send.

/// A hardware address.
pub type Mac = [u8; 6];

/// Bytes before the payload.
pub const HEADER_LEN: usize = 14;
/// Everybody on the link.
pub const BROADCAST: Mac = [0xff; 6];
/// IPv4.
pub const TYPE_IPV4: u16 = 0x0800;
/// ARP.
pub const TYPE_ARP: u16 = 0x0806;
/// IPv6.
pub const TYPE_IPV6: u16 = 0x86dd;

/// The bytes of a header.
pub fn header(destination: Mac, source: Mac, ethertype: u16) -> [u8; HEADER_LEN] {
    let [d0, d1, d2, d3, d4, d5] = destination;
    let [s0, s1, s2, s3, s4, s5] = source;
    let [t0, t1] = ethertype.to_be_bytes();
    [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]
}
