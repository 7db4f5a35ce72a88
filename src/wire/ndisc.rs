//! Unsolicited neighbour advertisements (RFC 4861, sections 4.4 and 7.2.6; RFC 9568, section 6.4.1):
//! where an IPv6 address lives from now on.
//!
//! A whole Ethernet frame is made, so that one packet socket serves ARP and this, and so that the
//! advertisement does not wait for the address to become usable as a source.

use super::checksum::Checksum;
use super::concat;
use super::ethernet::{self, Mac, TYPE_IPV6};
use super::ip::Ipv6Repr;
use core::net::Ipv6Addr;

/// The ICMPv6 type of a neighbour advertisement.
pub const TYPE_NEIGHBOR_ADVERTISEMENT: u8 = 136;
/// The next header number of ICMPv6.
pub const PROTOCOL_ICMPV6: u8 = 58;
/// All nodes on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

const ALL_NODES_MAC: Mac = [0x33, 0x33, 0, 0, 0, 1];
/// Neighbour discovery is heard only with this hop limit (RFC 4861, section 7.1.2): no router forwarded it.
const HOP_LIMIT: u8 = 255;
const FLAG_ROUTER: u8 = 0x80;
const FLAG_OVERRIDE: u8 = 0x20;
const OPTION_TARGET_LINK_LAYER_ADDRESS: u8 = 2;
/// Type, code, checksum, flags, target, and the option.
const MESSAGE_LEN: usize = 4 + 4 + 16 + 8;

/// The announcement of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnsolicitedAdvertisement {
    /// Who holds it: the interface's own, or the virtual router's.
    pub mac: Mac,
    /// The address; the source of the packet too.
    pub ip: Ipv6Addr,
    /// Whether the holder forwards packets. Hosts drop a default router that says it is none.
    pub router: bool,
}

impl UnsolicitedAdvertisement {
    /// Bytes of the frame.
    pub const FRAME_LEN: usize = ethernet::HEADER_LEN + Ipv6Repr::LEN + MESSAGE_LEN;

    /// The whole frame.
    pub fn frame(&self) -> [u8; Self::FRAME_LEN] {
        let ip = Ipv6Repr {
            source: self.ip,
            destination: ALL_NODES,
            hop_limit: HOP_LIMIT,
            next_header: PROTOCOL_ICMPV6,
            payload_len: MESSAGE_LEN as u16,
        };
        concat(&[&ethernet::header(ALL_NODES_MAC, self.mac, TYPE_IPV6), &ip.header(), &self.message()])
    }

    /// The ICMPv6 message.
    fn message(&self) -> [u8; MESSAGE_LEN] {
        let flags = FLAG_OVERRIDE | if self.router { FLAG_ROUTER } else { 0 };
        let target = self.ip.octets();
        // The option's length counts units of eight bytes.
        let option = [OPTION_TARGET_LINK_LAYER_ADDRESS, 1];
        let message = |c0, c1| -> [u8; MESSAGE_LEN] {
            let head = [TYPE_NEIGHBOR_ADVERTISEMENT, 0, c0, c1, flags, 0, 0, 0];
            concat(&[&head, &target, &option, &self.mac])
        };
        let mut sum = Checksum::pseudo_header(self.ip.into(), ALL_NODES.into(), PROTOCOL_ICMPV6, MESSAGE_LEN as u32);
        sum.add(&message(0, 0));
        let [c0, c1] = sum.value().to_be_bytes();
        message(c0, c1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet, Icmpv6Repr, Ipv6Packet, NdiscNeighborFlags,
        NdiscRepr,
    };

    static HOST: [u8; 86] = [
        0x33, 0x33, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xdd, 0x60, 0x00, 0x00, 0x00,
        0x00, 0x20, 0x3a, 0xff, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x40, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
        0x88, 0x00, 0xf8, 0xac, 0x20, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
    ];

    #[test]
    fn construct() {
        let host = UnsolicitedAdvertisement {
            mac: [2, 0, 0, 0, 0, 1],
            ip: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x40),
            router: false,
        };
        assert_eq!(host.frame(), HOST);
        let mut router = HOST;
        router[58] = 0xa0;
        router[56] = 0x78; // 0x8000 more in the sum
        assert_eq!(UnsolicitedAdvertisement { router: true, ..host }.frame(), router);
    }

    #[test]
    fn an_independent_reader_agrees() {
        for router in [false, true] {
            let ours = UnsolicitedAdvertisement {
                mac: [0, 0, 0x5e, 0, 2, 8],
                ip: Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4),
                router,
            };
            let bytes = ours.frame();
            let frame = EthernetFrame::new_checked(&bytes[..]).unwrap();
            assert_eq!(frame.ethertype(), EthernetProtocol::Ipv6);
            assert_eq!(frame.src_addr(), EthernetAddress(ours.mac));
            let ip = Ipv6Packet::new_checked(frame.payload()).unwrap();
            assert_eq!((ip.version(), ip.hop_limit()), (6, 255));
            assert_eq!((ip.src_addr(), ip.dst_addr()), (ours.ip, ALL_NODES));
            assert_eq!(usize::from(ip.payload_len()), MESSAGE_LEN);
            let icmp = Icmpv6Packet::new_checked(ip.payload()).unwrap();
            let mut flags = NdiscNeighborFlags::OVERRIDE;
            flags.set(NdiscNeighborFlags::ROUTER, router);
            // This verifies the checksum.
            assert_eq!(
                Icmpv6Repr::parse(&ours.ip, &ALL_NODES, &icmp, &ChecksumCapabilities::default()).unwrap(),
                Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
                    flags,
                    target_addr: ours.ip,
                    lladdr: Some(EthernetAddress(ours.mac).into()),
                })
            );
        }
    }
}
