//! Gratuitous ARP (RFC 826; RFC 9568, section 6.4.1): where an IPv4 address lives from now on.
//!
//! A broadcast *request* for an address by its own holder, as keepalived sends it: every host that
//! knows the address takes the new hardware address, and switches learn the port. (An unsolicited
//! reply would do as well by RFC 5227, section 3, but some hosts heed requests only.)

use super::concat;
use super::ethernet::{self, BROADCAST, Mac, TYPE_ARP};
use core::net::Ipv4Addr;

/// Bytes of the packet behind the Ethernet header.
const PACKET_LEN: usize = 28;
const HARDWARE_ETHERNET: [u8; 2] = [0, 1];
const PROTOCOL_IPV4: [u8; 2] = [0x08, 0x00];
const LENGTHS: [u8; 2] = [6, 4];
const OPERATION_REQUEST: [u8; 2] = [0, 1];

/// The announcement of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GratuitousArp {
    /// Who holds it: the interface's own, or the virtual router's.
    pub mac: Mac,
    /// The address.
    pub ip: Ipv4Addr,
}

impl GratuitousArp {
    /// Bytes of the frame; the driver pads it to Ethernet's least length.
    pub const FRAME_LEN: usize = ethernet::HEADER_LEN + PACKET_LEN;

    /// The whole frame.
    pub fn frame(&self) -> [u8; Self::FRAME_LEN] {
        concat(&[
            &ethernet::header(BROADCAST, self.mac, TYPE_ARP),
            &HARDWARE_ETHERNET,
            &PROTOCOL_IPV4,
            &LENGTHS,
            &OPERATION_REQUEST,
            &self.mac,
            &self.ip.octets(),
            &BROADCAST,
            &self.ip.octets(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol};

    #[test]
    fn construct() {
        for (mac, ip, bytes) in [
            (
                [2, 0, 0, 0, 0, 1],
                Ipv4Addr::new(192, 0, 2, 10),
                [
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x01,
                    0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0xc0, 0x00, 0x02, 0x0a,
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc0, 0x00, 0x02, 0x0a,
                ],
            ),
            (
                [0, 0, 0x5e, 0, 1, 0x33],
                Ipv4Addr::new(10, 1, 2, 3),
                [
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x5e, 0x00, 0x01, 0x33, 0x08, 0x06, 0x00, 0x01,
                    0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x00, 0x00, 0x5e, 0x00, 0x01, 0x33, 0x0a, 0x01, 0x02, 0x03,
                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 0x01, 0x02, 0x03,
                ],
            ),
        ] {
            assert_eq!(GratuitousArp { mac, ip }.frame(), bytes);
        }
    }

    #[test]
    fn an_independent_reader_agrees() {
        let arp = GratuitousArp { mac: [0, 0, 0x5e, 0, 1, 7], ip: Ipv4Addr::new(198, 51, 100, 200) };
        let bytes = arp.frame();
        let frame = EthernetFrame::new_checked(&bytes[..]).unwrap();
        assert_eq!(frame.ethertype(), EthernetProtocol::Arp);
        assert_eq!((frame.src_addr(), frame.dst_addr()), (EthernetAddress(arp.mac), EthernetAddress::BROADCAST));
        let packet = ArpPacket::new_checked(frame.payload()).unwrap();
        assert_eq!(
            ArpRepr::parse(&packet).unwrap(),
            ArpRepr::EthernetIpv4 {
                operation: ArpOperation::Request,
                source_hardware_addr: EthernetAddress(arp.mac),
                source_protocol_addr: arp.ip,
                target_hardware_addr: EthernetAddress::BROADCAST,
                target_protocol_addr: arp.ip,
            }
        );
    }
}
