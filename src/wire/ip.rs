//! IP headers: that of IPv4 as raw sockets deliver it (RFC 791), and both to be sent.

use super::checksum::Checksum;
use super::concat;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// Type of service of adverts: internetwork control (RFC 791, section 3.1), as keepalived sends it.
pub const TOS_INTERNETWORK_CONTROL: u8 = 0xc0;

/// A received IPv4 packet. Its header checksum is not looked at: the kernel has done so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4<'a> {
    /// Where it came from.
    pub source: Ipv4Addr,
    /// Where it went to.
    pub destination: Ipv4Addr,
    /// Its time to live, 255 if no router forwarded it and it began with that.
    pub ttl: u8,
    /// The protocol of the payload.
    pub protocol: u8,
    /// What follows the header and its options, without the padding of short Ethernet frames.
    pub payload: &'a [u8],
}

/// Why an IPv4 packet was refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Reject {
    /// Shorter than a header.
    Length,
    /// Not version 4.
    Version,
    /// The header says it is shorter than can be, or longer than the packet.
    HeaderLength,
    /// The packet says it is shorter than its header, or longer than what was received.
    TotalLength,
    /// A part of a packet; sockets deliver whole ones.
    Fragment,
}

impl Reject {
    /// All of them, in the order of the checks.
    pub const ALL: [Self; 5] = [Self::Length, Self::Version, Self::HeaderLength, Self::TotalLength, Self::Fragment];

    /// The name of its counter.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Length => "ip_length",
            Self::Version => "ip_version",
            Self::HeaderLength => "ip_header_length",
            Self::TotalLength => "ip_total_length",
            Self::Fragment => "ip_fragment",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "too short for an IPv4 header",
            Self::Version => "not an IPv4 packet",
            Self::HeaderLength => "the IPv4 header length cannot be",
            Self::TotalLength => "the IPv4 total length cannot be, or the packet was cut",
            Self::Fragment => "a fragment of an IPv4 packet",
        })
    }
}

impl<'a> Ipv4<'a> {
    /// Reads what a raw socket delivers, header first.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Reject> {
        let header = *packet.first_chunk::<{ Ipv4Repr::LEN }>().ok_or(Reject::Length)?;
        let [version_ihl, _, t0, t1, _, _, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = header;
        if version_ihl >> 4 != 4 {
            return Err(Reject::Version);
        }
        let header_len = usize::from(version_ihl & 0x0f) * 4;
        if header_len < Ipv4Repr::LEN || header_len > packet.len() {
            return Err(Reject::HeaderLength);
        }
        let total_len = usize::from(u16::from_be_bytes([t0, t1]));
        let payload = packet.get(header_len..total_len).ok_or(Reject::TotalLength)?;
        // More fragments follow, or this is not the first; "don't fragment" may be set.
        if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
            return Err(Reject::Fragment);
        }
        let source = Ipv4Addr::new(s0, s1, s2, s3);
        let destination = Ipv4Addr::new(d0, d1, d2, d3);
        Ok(Self { source, destination, ttl, protocol, payload })
    }
}

/// An IPv4 header to be sent: no options, may be fragmented, and the identification is the kernel's to
/// choose (with IP_HDRINCL it fills in a zero).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Repr {
    /// Where it comes from.
    pub source: Ipv4Addr,
    /// Where it goes.
    pub destination: Ipv4Addr,
    /// Its time to live.
    pub ttl: u8,
    /// The protocol of the payload.
    pub protocol: u8,
    /// Bytes of the payload, at most 65,515.
    pub payload_len: u16,
}

impl Ipv4Repr {
    /// Bytes of the header.
    pub const LEN: usize = 20;

    /// The header with its checksum.
    pub fn header(&self) -> [u8; Self::LEN] {
        let [t0, t1] = self.payload_len.saturating_add(Self::LEN as u16).to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        let with = |c0, c1| {
            let (tos, ttl, protocol) = (TOS_INTERNETWORK_CONTROL, self.ttl, self.protocol);
            [0x45, tos, t0, t1, 0, 0, 0, 0, ttl, protocol, c0, c1, s0, s1, s2, s3, d0, d1, d2, d3]
        };
        let mut sum = Checksum::new();
        sum.add(&with(0, 0));
        let [c0, c1] = sum.value().to_be_bytes();
        with(c0, c1)
    }
}

/// An IPv6 header to be sent (RFC 8200, section 3): traffic class and flow label are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv6Repr {
    /// Where it comes from.
    pub source: Ipv6Addr,
    /// Where it goes.
    pub destination: Ipv6Addr,
    /// Its hop limit.
    pub hop_limit: u8,
    /// The protocol of the payload.
    pub next_header: u8,
    /// Bytes of the payload.
    pub payload_len: u16,
}

impl Ipv6Repr {
    /// Bytes of the header.
    pub const LEN: usize = 40;

    /// The header.
    pub fn header(&self) -> [u8; Self::LEN] {
        let [l0, l1] = self.payload_len.to_be_bytes();
        let head = [0x60, 0, 0, 0, l0, l1, self.next_header, self.hop_limit];
        concat(&[&head, &self.source.octets(), &self.destination.octets()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv6Packet};

    /// 192.0.2.2 -> 224.0.0.18, protocol 112, four bytes of payload.
    static PLAIN: [u8; 24] = [
        0x45, 0xc0, 0x00, 0x18, 0x00, 0x00, 0x00, 0x00, 0xff, 0x70, 0x18, 0xa1, 0xc0, 0x00, 0x02, 0x02, 0xe0, 0x00,
        0x00, 0x12, 0xde, 0xad, 0xbe, 0xef,
    ];
    /// 10.0.0.1 -> 10.0.0.2, a router alert option, "don't fragment", two bytes of payload and padding.
    static OPTIONS: [u8; 30] = [
        0x46, 0x00, 0x00, 0x1a, 0x12, 0x34, 0x40, 0x00, 0x40, 0x70, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00,
        0x00, 0x02, 0x94, 0x04, 0x00, 0x00, 0x21, 0x33, 0x00, 0x00, 0x00, 0x00,
    ];

    #[test]
    fn deconstruct() {
        assert_eq!(
            Ipv4::parse(&PLAIN),
            Ok(Ipv4 {
                source: Ipv4Addr::new(192, 0, 2, 2),
                destination: Ipv4Addr::new(224, 0, 0, 18),
                ttl: 255,
                protocol: 112,
                payload: &[0xde, 0xad, 0xbe, 0xef],
            })
        );
        assert_eq!(
            Ipv4::parse(&OPTIONS),
            Ok(Ipv4 {
                source: Ipv4Addr::new(10, 0, 0, 1),
                destination: Ipv4Addr::new(10, 0, 0, 2),
                ttl: 64,
                protocol: 112,
                payload: &[0x21, 0x33],
            })
        );
    }

    #[test]
    fn every_reject_has_its_packet() {
        let with = |at: usize, value: u8| {
            let mut packet = PLAIN.to_vec();
            packet[at] = value;
            packet
        };
        let mut seen = Vec::new();
        for (packet, reject) in [
            (vec![], Reject::Length),
            (PLAIN[..19].to_vec(), Reject::Length),
            (with(0, 0x65), Reject::Version),
            (with(0, 0x44), Reject::HeaderLength),
            (with(0, 0x47), Reject::HeaderLength),
            (with(3, 19), Reject::TotalLength),
            (with(3, 25), Reject::TotalLength),
            (with(2, 0xff), Reject::TotalLength),
            (with(6, 0x20), Reject::Fragment),
            (with(7, 0x01), Reject::Fragment),
        ] {
            assert_eq!(Ipv4::parse(&packet), Err(reject), "{packet:02x?}");
            seen.push(reject);
        }
        assert!(Reject::ALL.iter().all(|reject| seen.contains(reject)));
        for (at, reject) in Reject::ALL.iter().enumerate() {
            assert!(Reject::ALL[..at].iter().all(|other| other.reason() != reject.reason()));
            assert!(Reject::ALL[..at].iter().all(|other| other.to_string() != reject.to_string()));
        }
    }

    #[test]
    fn construct_ipv4() {
        let repr = Ipv4Repr {
            source: Ipv4Addr::new(192, 0, 2, 2),
            destination: Ipv4Addr::new(224, 0, 0, 18),
            ttl: 255,
            protocol: 112,
            payload_len: 4,
        };
        assert_eq!(repr.header(), PLAIN[..20]);
        let packet = [&repr.header()[..], &[0; 4]].concat();
        let judge = Ipv4Packet::new_checked(&packet).unwrap();
        assert!(judge.verify_checksum() && !judge.dont_frag());
        assert_eq!((judge.hop_limit(), judge.next_header()), (255, IpProtocol::Unknown(112)));
    }

    #[test]
    fn construct_ipv6() {
        let (source, destination) = ("fe80::2".parse().unwrap(), "ff02::12".parse().unwrap());
        let repr = Ipv6Repr { source, destination, hop_limit: 254, next_header: 112, payload_len: 3 };
        let packet = [&repr.header()[..], &[0; 3]].concat();
        let judge = Ipv6Packet::new_checked(&packet).unwrap();
        assert_eq!((judge.src_addr(), judge.dst_addr(), judge.version()), (source, destination, 6));
        assert_eq!((judge.hop_limit(), judge.next_header()), (254, IpProtocol::Unknown(112)));
        assert_eq!((judge.payload_len(), judge.traffic_class(), judge.flow_label()), (3, 0, 0));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut packet: Vec<u8>) {
            let _ = Ipv4::parse(&packet);
            if let Some(first) = packet.first_mut() {
                *first = 0x40 | *first & 0x0f;
            }
            let _ = Ipv4::parse(&packet);
        }

        #[test]
        fn what_is_sent_is_read(source: u32, destination: u32, ttl: u8, protocol: u8, payload: Vec<u8>) {
            let (source, destination) = (Ipv4Addr::from(source), Ipv4Addr::from(destination));
            let repr = Ipv4Repr { source, destination, ttl, protocol, payload_len: payload.len() as u16 };
            let packet = [&repr.header()[..], &payload].concat();
            prop_assert_eq!(Ipv4::parse(&packet), Ok(Ipv4 { source, destination, ttl, protocol, payload: &payload }));
            prop_assert!(Ipv4Packet::new_checked(&packet).unwrap().verify_checksum());
        }
    }
}
