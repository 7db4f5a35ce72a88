use core::net::Ipv6Addr;

use super::*;
use crate::sys::namespace;
use crate::sys::receive_batch::ReceiveBatch;
use crate::sys::send_batch::{Envelope, Full, SendBatch};

const GROUP4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const GROUP6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn set(vrids: &[u8]) -> VridSet {
    vrids.iter().copied().collect()
}

fn interface(name: &str) -> Interface {
    Interface::by_name(name).unwrap()
}

fn advert(vrid: u8) -> [u8; 8] {
    [0x31, vrid, 100, 1, 0, 100, 0, 0]
}

fn send(sender: &Sender, source: &str, destination: IpAddr, vrids: impl IntoIterator<Item = u8>) -> Vec<(u32, Errno)> {
    let mut batch = SendBatch::new(256, 256 * 8);
    let envelope = Envelope { source: Some(ip(source)), destination, hop_limit: 255 };
    for vrid in vrids {
        batch.queue_advert(sender, &envelope, vrid.into(), &advert(vrid)).unwrap();
    }
    let mut refused = Vec::new();
    batch.flush(|tag, errno| refused.push((tag, errno)));
    assert!(batch.is_empty());
    refused
}

/// The identifiers received, in order; waits for the first packet only.
fn vrids(receiver: &Receiver, header: usize) -> Vec<u8> {
    let _ = receiver.fd.wait_readable(200);
    let mut batch = ReceiveBatch::new(16);
    let mut found = Vec::new();
    while batch.receive(receiver, 16).unwrap() > 0 {
        found.extend(batch.iter().map(|packet| packet.data[header + 1]));
    }
    found
}

#[test]
fn an_ipv4_advert_arrives_with_all_that_is_known_of_it() {
    namespace::run(|| {
        namespace::cable();
        let (left, right) = (interface("left"), interface("right"));
        let receiver = Receiver::new(Some(&right), Listen::Group(GROUP4), &set(&[51]), Some(65536)).unwrap();
        let sender = Sender::new(Family::V4, Some(&left)).unwrap();
        assert_eq!(send(&sender, "192.0.2.1", GROUP4, [51]), []);
        assert_eq!(receiver.fd.wait_readable(1000), Ok(true));
        let mut batch = ReceiveBatch::new(16);
        assert_eq!(batch.receive(&receiver, 5), Ok(1));
        let packet = batch.iter().next().unwrap();
        assert_eq!((packet.source, packet.destination), (ip("192.0.2.1"), Some(GROUP4)));
        assert_eq!((packet.hop_limit, packet.interface, packet.truncated), (Some(255), right.index(), false));
        assert_eq!(packet.data[20..], advert(51));
        assert_eq!((packet.data[0], packet.data[1], packet.data[9]), (0x45, 0xc0, 112));
        assert_eq!(batch.receive(&receiver, 5), Ok(0));
        assert_eq!(batch.iter().count(), 0);
    });
}

#[test]
fn an_ipv6_advert_arrives_with_all_that_is_known_of_it() {
    namespace::run(|| {
        namespace::cable();
        let (left, right) = (interface("left"), interface("right"));
        let receiver = Receiver::new(Some(&right), Listen::Group(GROUP6), &set(&[51]), None).unwrap();
        let sender = Sender::new(Family::V6, Some(&left)).unwrap();
        assert_eq!(send(&sender, "fe80::1", GROUP6, [50, 51]), []);
        assert_eq!(receiver.fd.wait_readable(1000), Ok(true));
        let mut batch = ReceiveBatch::new(16);
        assert_eq!(batch.receive(&receiver, 16), Ok(1));
        let packet = batch.iter().next().unwrap();
        assert_eq!((packet.source, packet.destination), (ip("fe80::1"), Some(GROUP6)));
        assert_eq!((packet.hop_limit, packet.interface, packet.truncated), (Some(255), right.index(), false));
        assert_eq!(packet.data, advert(51));
    });
}

#[test]
fn the_kernel_drops_strangers_and_the_set_can_change() {
    namespace::run(|| {
        namespace::cable();
        let (left, right) = (interface("left"), interface("right"));
        for (family, group, source, header) in
            [(Family::V4, GROUP4, "192.0.2.1", 20), (Family::V6, GROUP6, "fe80::1", 0)]
        {
            let receiver = Receiver::new(Some(&right), Listen::Group(group), &set(&[1, 200]), None).unwrap();
            let sender = Sender::new(family, Some(&left)).unwrap();
            send(&sender, source, group, 0..=255);
            assert_eq!(vrids(&receiver, header), [1, 200]);
            receiver.set_vrids(&set(&[7])).unwrap();
            send(&sender, source, group, 0..=255);
            assert_eq!(vrids(&receiver, header), [7]);
            receiver.set_vrids(&VridSet::ALL).unwrap();
            receiver.rejoin().unwrap();
            send(&sender, source, group, 0..=20);
            assert_eq!(vrids(&receiver, header), (0..=20).collect::<Vec<_>>());
        }
    });
}

#[test]
fn we_do_not_hear_ourselves_nor_other_interfaces_nor_other_groups() {
    namespace::run(|| {
        namespace::cable();
        let left = interface("left");
        for (family, group, source, other) in
            [(Family::V4, GROUP4, "192.0.2.1", ip("224.0.0.180")), (Family::V6, GROUP6, "fe80::1", ip("ff02::1234"))]
        {
            let own = Receiver::new(Some(&left), Listen::Group(group), &VridSet::ALL, None).unwrap();
            let right = Receiver::new(Some(&interface("right")), Listen::Group(group), &VridSet::ALL, None).unwrap();
            let elsewhere =
                Receiver::new(Some(&interface("right")), Listen::Group(other), &VridSet::ALL, None).unwrap();
            let sender = Sender::new(family, Some(&left)).unwrap();
            send(&sender, source, group, [9]);
            assert_eq!(right.fd.wait_readable(1000), Ok(true));
            assert_eq!(own.fd.wait_readable(0), Ok(false), "{family:?}");
            assert_eq!(elsewhere.fd.wait_readable(0), Ok(false), "{family:?}");
            assert_eq!(sender.fd.wait_readable(0), Ok(false), "senders receive nothing");
        }
    });
}

#[test]
fn unicast_goes_to_its_address_with_its_hop_limit() {
    namespace::run(|| {
        namespace::cable();
        // Both ends are local, so unicast between them stays inside: received on the loopback interface.
        for (family, from, to, absent) in [
            (Family::V4, "192.0.2.1", "192.0.2.2", "192.0.2.77"),
            (Family::V6, "2001:db8::1", "2001:db8::2", "2001:db8::77"),
        ] {
            let receiver = Receiver::new(None, Listen::Unicast(ip(to)), &set(&[3]), None).unwrap();
            let absent = Receiver::new(None, Listen::Unicast(ip(absent)), &VridSet::ALL, None).unwrap();
            let sender = Sender::new(family, None).unwrap();
            let mut batch = SendBatch::new(4, 64);
            let envelope = Envelope { source: Some(ip(from)), destination: ip(to), hop_limit: 64 };
            batch.queue_advert(&sender, &envelope, 0, &advert(3)).unwrap();
            batch.queue_advert(&sender, &Envelope { source: None, ..envelope }, 1, &advert(3)).unwrap();
            batch.flush(|tag, errno| panic!("{tag}: {errno}"));
            assert_eq!(receiver.fd.wait_readable(1000), Ok(true), "{family:?}");
            assert_eq!(absent.fd.wait_readable(0), Ok(false));
            let mut batch = ReceiveBatch::new(16);
            assert_eq!(batch.receive(&receiver, 16), Ok(2));
            let packet = batch.iter().next().unwrap();
            assert_eq!((packet.source, packet.destination), (ip(from), Some(ip(to))));
            assert_eq!(packet.hop_limit, Some(64));
            assert_ne!(packet.interface, 0);
        }
    });
}

#[test]
fn one_bad_packet_does_not_hold_up_the_others() {
    namespace::run(|| {
        namespace::cable();
        let (left, right) = (interface("left"), interface("right"));
        let receiver = Receiver::new(Some(&right), Listen::Group(GROUP4), &VridSet::ALL, None).unwrap();
        let sender = Sender::new(Family::V4, Some(&left)).unwrap();
        let second = Sender::new(Family::V4, Some(&left)).unwrap();
        let mut batch = SendBatch::new(8, 70_000 + 64);
        let envelope = Envelope { source: Some(ip("192.0.2.1")), destination: GROUP4, hop_limit: 255 };
        let huge = vec![0x31; 70_000];
        batch.queue_advert(&sender, &envelope, 10, &advert(1)).unwrap();
        batch.queue_advert(&second, &envelope, 11, &advert(4)).unwrap();
        batch.queue_advert(&sender, &envelope, 12, &huge).unwrap();
        batch.queue_advert(&sender, &envelope, 13, &advert(2)).unwrap();
        batch.queue_advert(&sender, &Envelope { hop_limit: 0, ..envelope }, 14, &advert(3)).unwrap();
        let mut refused = Vec::new();
        batch.flush(|tag, errno| refused.push((tag, errno)));
        assert_eq!(refused, [(12, Errno(libc::EMSGSIZE)), (14, Errno(libc::EINVAL))]);
        assert_eq!(vrids(&receiver, 20), [1, 2, 4]);

        namespace::ip("link set left down");
        let refused = send(&sender, "192.0.2.1", GROUP4, [1, 2]);
        assert_eq!(refused.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), [1, 2], "{refused:?}");
    });
}

#[test]
fn a_foreign_source_address_can_be_used() {
    namespace::run(|| {
        namespace::cable();
        let (left, right) = (interface("left"), interface("right"));
        for (family, group, source) in [(Family::V4, GROUP4, "198.51.100.7"), (Family::V6, GROUP6, "fe80::77")] {
            let receiver = Receiver::new(Some(&right), Listen::Group(group), &VridSet::ALL, None).unwrap();
            let sender = Sender::new(family, Some(&left)).unwrap();
            assert_eq!(send(&sender, source, group, [1]), []);
            assert_eq!(receiver.fd.wait_readable(1000), Ok(true));
            let mut batch = ReceiveBatch::new(16);
            assert_eq!(batch.receive(&receiver, 1), Ok(1));
            assert_eq!(batch.iter().next().unwrap().source, ip(source));
        }
    });
}

#[test]
fn a_full_batch_says_so() {
    namespace::run(|| {
        let sender = Sender::new(Family::V4, None).unwrap();
        let envelope = Envelope { source: None, destination: GROUP4, hop_limit: 255 };
        let mut batch = SendBatch::new(2, 100);
        assert_eq!(batch.queue_advert(&sender, &envelope, 0, &[0; 101]), Err(Full));
        assert!(batch.is_empty());
        assert_eq!(batch.queue_advert(&sender, &envelope, 0, &[0; 50]), Ok(()));
        assert_eq!(batch.queue_advert(&sender, &envelope, 0, &[0; 50]), Ok(()));
        assert_eq!(batch.queue_advert(&sender, &envelope, 0, &[]), Err(Full));
    });
}

#[test]
fn a_packet_longer_than_the_buffer_is_marked() {
    namespace::run(|| {
        namespace::cable();
        let receiver = Receiver::new(Some(&interface("right")), Listen::Group(GROUP4), &VridSet::ALL, None).unwrap();
        let sender = Sender::new(Family::V4, Some(&interface("left"))).unwrap();
        let mut batch = SendBatch::new(1, 4000);
        let envelope = Envelope { source: Some(ip("192.0.2.1")), destination: GROUP4, hop_limit: 255 };
        batch.queue_advert(&sender, &envelope, 0, &[0x31; 3000]).unwrap();
        batch.flush(|tag, errno| panic!("{tag}: {errno}"));
        assert_eq!(receiver.fd.wait_readable(1000), Ok(true));
        let mut batch = ReceiveBatch::new(16);
        assert_eq!(batch.receive(&receiver, 1), Ok(1));
        let packet = batch.iter().next().unwrap();
        assert!(packet.truncated);
        assert_eq!(packet.data.len(), 1536);
    });
}

#[test]
fn a_group_needs_an_interface_that_exists() {
    namespace::run(|| {
        let nowhere = Receiver::new(None, Listen::Group(GROUP4), &VridSet::ALL, None);
        assert_eq!(nowhere.err(), Some(Errno::INVALID));
        let gone = Interface::new("gone0", 99).unwrap();
        let receiver = Receiver::new(Some(&gone), Listen::Group(GROUP4), &VridSet::ALL, None);
        assert_eq!(receiver.err(), Some(Errno(libc::ENODEV)));
        assert_eq!(Sender::new(Family::V6, Some(&gone)).err(), Some(Errno(libc::ENODEV)));
    });
}

#[test]
fn priorities_and_hop_limits_are_the_standards() {
    namespace::run(|| {
        use crate::sys::socket::int_option;
        let v4 = Sender::new(Family::V4, None).unwrap();
        let v6 = Sender::new(Family::V6, None).unwrap();
        for (sender, level, option, value) in [
            (&v4, libc::SOL_SOCKET, libc::SO_PRIORITY, 6),
            (&v6, libc::SOL_SOCKET, libc::SO_PRIORITY, 6),
            (&v4, libc::IPPROTO_IP, libc::IP_MULTICAST_TTL, 255),
            (&v4, libc::IPPROTO_IP, libc::IP_TOS, 0xc0),
            (&v6, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, 255),
            (&v6, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, 0xc0),
        ] {
            assert_eq!(int_option(&sender.fd, level, option), Ok(value));
        }
    });
}
