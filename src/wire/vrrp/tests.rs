use super::*;
use crate::time::Centis;
use core::net::{Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;

/// Version 2, password "1111", two addresses.
static V2_PASS: [u8; 24] = [
    0x21, 0x33, 0x64, 0x02, 0x01, 0x01, 0x93, 0x50, 0xc0, 0x00, 0x02, 0x0a, 0xc0, 0x00, 0x02, 0x0b, 0x31, 0x31, 0x31,
    0x31, 0x00, 0x00, 0x00, 0x00,
];
/// Version 2, no authentication, stopping, every 3 s.
static V2_STOP: [u8; 20] = [
    0x21, 0x01, 0x00, 0x01, 0x00, 0x03, 0xd4, 0xf9, 0x0a, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00,
];
/// Version 3 over IPv4, checksum with the pseudo-header of 198.51.100.2 -> 224.0.0.18.
static V3_PSEUDO: [u8; 12] = [0x31, 0x07, 0xc8, 0x01, 0x00, 0x64, 0xd1, 0x98, 0xc6, 0x33, 0x64, 0x01];
/// The same, checksum of the message alone.
static V3_MESSAGE: [u8; 12] = [0x31, 0x07, 0xc8, 0x01, 0x00, 0x64, 0xdc, 0x5d, 0xc6, 0x33, 0x64, 0x01];
/// Version 3 over IPv6, fe80::2 -> ff02::12, two addresses, every 40.95 s.
static V3_IPV6: [u8; 40] = [
    0x31, 0x08, 0x96, 0x02, 0x0f, 0xff, 0xfe, 0x89, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01,
];
/// A version 3 advert without addresses, checksum of the message alone.
static V3_NONE: [u8; 8] = [0x31, 0x07, 0xc8, 0x00, 0x00, 0x64, 0x06, 0x94];

const PSEUDO_V4: Pseudo = Pseudo {
    source: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2)),
    destination: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
};
const PSEUDO_V6: Pseudo = Pseudo {
    source: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2)),
    destination: IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
};

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

struct Vector {
    bytes: &'static [u8],
    pseudo: Pseudo,
    repr: Repr<'static>,
}

fn vectors() -> Vec<Vector> {
    let vector = |bytes, pseudo, version, vrid, priority, interval, addresses: &[&str], auth, checksum_form| {
        let addresses: &'static [IpAddr] = ips(addresses).leak();
        let interval = Centis(interval);
        Vector { bytes, pseudo, repr: Repr { version, vrid, priority, interval, addresses, auth, checksum_form } }
    };
    let (with, without) = (ChecksumForm::PseudoHeader, ChecksumForm::MessageOnly);
    let (two, three) = (Version::V2, Version::V3);
    let pass = Some(*b"1111\0\0\0\0");
    vec![
        vector(&V2_PASS, PSEUDO_V4, two, 51, 100, 100, &["192.0.2.10", "192.0.2.11"], pass, without),
        vector(&V2_STOP, PSEUDO_V4, two, 1, 0, 300, &["10.0.0.1"], None, without),
        vector(&V3_PSEUDO, PSEUDO_V4, three, 7, 200, 100, &["198.51.100.1"], None, with),
        vector(&V3_MESSAGE, PSEUDO_V4, three, 7, 200, 100, &["198.51.100.1"], None, without),
        vector(&V3_IPV6, PSEUDO_V6, three, 8, 150, 4095, &["fe80::1", "2001:db8::1"], None, with),
        vector(&V3_NONE, PSEUDO_V4, three, 7, 200, 100, &[], None, without),
    ]
}

#[test]
fn construct() {
    for Vector { bytes, pseudo, repr } in vectors() {
        let mut buffer = [0xa5; 64];
        assert_eq!(repr.buffer_len(), bytes.len());
        assert_eq!(repr.emit(&pseudo, &mut buffer), Some(bytes.len()), "{repr:?}");
        assert_eq!(&buffer[..bytes.len()], bytes, "{repr:?}");
        assert!(buffer[bytes.len()..].iter().all(|byte| *byte == 0xa5), "wrote past the end");
    }
}

#[test]
fn deconstruct() {
    for Vector { bytes, pseudo, repr } in vectors() {
        let advert = Advert::parse(bytes, &pseudo).unwrap();
        assert_eq!(Advert::vrid_of(bytes), Some(repr.vrid));
        assert_eq!((advert.version, advert.vrid, advert.priority), (repr.version, repr.vrid, repr.priority));
        assert_eq!((advert.interval, advert.checksum_form), (repr.interval, repr.checksum_form));
        assert_eq!(advert.addresses.len(), repr.addresses.len());
        assert_eq!(advert.addresses.is_empty(), repr.addresses.is_empty());
        assert!(advert.addresses.clone().eq(repr.addresses.iter().copied()));
        assert!(repr.addresses.iter().all(|address| advert.addresses.contains(*address)));
        assert!(!advert.addresses.contains(IpAddr::V4(Ipv4Addr::BROADCAST)));
        assert_eq!(advert.auth_type, if repr.auth.is_some() { AUTH_PASS } else { AUTH_NONE });
        assert_eq!(advert.auth_data, repr.auth.unwrap_or_default());
        assert_eq!(advert.family(), pseudo.family());
    }
}

/// The bytes of a vector after `change`, with a right checksum again.
fn mended(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = bytes.to_vec();
    change(&mut packet);
    packet[6..8].fill(0);
    let mut sum = Checksum::new();
    sum.add(&packet);
    packet[6..8].copy_from_slice(&sum.value().to_be_bytes());
    packet
}

#[test]
fn every_reject_has_its_packet() {
    let v2 = |change: fn(&mut Vec<u8>)| mended(&V2_PASS, change);
    let v3 = |change: fn(&mut Vec<u8>)| mended(&V3_MESSAGE, change);
    let mut seen = Vec::new();
    for (packet, pseudo, reject) in [
        (vec![], PSEUDO_V4, Reject::Length),
        (V3_MESSAGE[..7].to_vec(), PSEUDO_V4, Reject::Length),
        (V2_PASS[..15].to_vec(), PSEUDO_V4, Reject::Length),
        (v3(|p| p[0] = 0x11), PSEUDO_V4, Reject::Version),
        (v3(|p| p[0] = 0x41), PSEUDO_V4, Reject::Version),
        (V2_PASS.to_vec(), PSEUDO_V6, Reject::Version),
        (v2(|p| p[0] = 0x22), PSEUDO_V4, Reject::Type),
        (v3(|p| p[0] = 0x30), PSEUDO_V4, Reject::Type),
        (v2(|p| p[3] = 3), PSEUDO_V4, Reject::AddressListTruncated),
        (v2(|p| p[3] = 255), PSEUDO_V4, Reject::AddressListTruncated),
        (v2(|p| p.truncate(23)), PSEUDO_V4, Reject::AddressListTruncated),
        (v3(|p| p[3] = 2), PSEUDO_V4, Reject::AddressListTruncated),
        (V3_IPV6[..39].to_vec(), PSEUDO_V6, Reject::AddressListTruncated),
        (v2(|p| p[3] = 1), PSEUDO_V4, Reject::TrailingBytes),
        (v2(|p| p.push(0)), PSEUDO_V4, Reject::TrailingBytes),
        (v3(|p| p.extend([0; 28])), PSEUDO_V4, Reject::TrailingBytes),
        (v3(|p| p[3] = 0), PSEUDO_V4, Reject::TrailingBytes),
        (V2_PASS.map(|byte| byte ^ u8::from(byte == 0x64)).to_vec(), PSEUDO_V4, Reject::Checksum),
        (V3_PSEUDO.to_vec(), Pseudo { source: [192, 0, 2, 1].into(), ..PSEUDO_V4 }, Reject::Checksum),
        (V3_IPV6.to_vec(), Pseudo { source: PSEUDO_V6.destination, ..PSEUDO_V6 }, Reject::Checksum),
        (mended(&V3_IPV6, |_| ()), PSEUDO_V6, Reject::Checksum),
        (v2(|p| p[1] = 0), PSEUDO_V4, Reject::Vrid),
        (v3(|p| p[1] = 0), PSEUDO_V4, Reject::Vrid),
        (v2(|p| p[5] = 0), PSEUDO_V4, Reject::Interval),
        // the reserved bits are no part of the interval
        (v3(|p| p[4..6].copy_from_slice(&[0xf0, 0])), PSEUDO_V4, Reject::Interval),
    ] {
        assert_eq!(Advert::parse(&packet, &pseudo), Err(reject), "{packet:02x?}");
        seen.push(reject);
    }
    assert!(Reject::ALL.iter().all(|reject| seen.contains(reject)));
}

#[test]
fn version_2_with_a_pseudo_header_is_no_form_of_it() {
    let mut packet = V2_STOP;
    packet[6..8].fill(0);
    let mut sum = PSEUDO_V4.checksum(ChecksumForm::PseudoHeader, packet.len());
    sum.add(&packet);
    packet[6..8].copy_from_slice(&sum.value().to_be_bytes());
    assert_eq!(Advert::parse(&packet, &PSEUDO_V4), Err(Reject::Checksum));
}

#[test]
fn reserved_bits_are_ignored() {
    let packet = mended(&V3_MESSAGE, |p| p[4] |= 0xf0);
    assert_eq!(Advert::parse(&packet, &PSEUDO_V4), Advert::parse(&V3_MESSAGE, &PSEUDO_V4));
}

#[test]
fn a_reason_is_one_lower_case_word_and_no_two_are_alike() {
    for (at, reject) in Reject::ALL.iter().enumerate() {
        assert!(reject.reason().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert!(Reject::ALL[..at].iter().all(|other| other.reason() != reject.reason()));
        assert!(Reject::ALL[..at].iter().all(|other| other.to_string() != reject.to_string()));
    }
}

#[test]
fn the_first_address_of_ipv6_should_be_link_local() {
    let with = |addresses: &[&str]| {
        let addresses = ips(addresses);
        let repr = Repr { addresses: &addresses, ..vectors()[4].repr };
        let mut buffer = [0; 64];
        let length = repr.emit(&PSEUDO_V6, &mut buffer).unwrap();
        Advert::parse(&buffer[..length], &PSEUDO_V6).unwrap().first_is_link_local()
    };
    assert!(with(&["fe80::1", "2001:db8::1"]));
    assert!(!with(&["2001:db8::1", "fe80::1"]));
    assert!(!with(&[]));
}

#[test]
fn what_cannot_be_is_not_emitted() {
    let v4 = ips(&["192.0.2.1"; 256]);
    let v6 = ips(&["2001:db8::1"]);
    let repr = Repr { addresses: &[], ..vectors()[2].repr };
    let buffer = &mut [0; 2048];
    assert_eq!(Repr { addresses: &v4, ..repr }.emit(&PSEUDO_V4, buffer), None);
    assert_eq!(Repr { addresses: &v4[..255], ..repr }.emit(&PSEUDO_V4, buffer), Some(8 + 255 * 4));
    assert_eq!(Repr { addresses: &v6, ..repr }.emit(&PSEUDO_V4, buffer), None);
    assert_eq!(Repr { addresses: &v4[..1], ..repr }.emit(&PSEUDO_V6, buffer), None);
    assert_eq!(Repr { version: Version::V2, ..repr }.emit(&PSEUDO_V6, buffer), None);
    assert_eq!(Repr { addresses: &v4[..2], ..repr }.emit(&PSEUDO_V4, &mut buffer[..15]), None);
}

#[test]
fn an_interval_is_brought_into_the_field() {
    let sent = |version, interval| {
        let repr = Repr { version, interval: Centis(interval), ..vectors()[5].repr };
        let mut buffer = [0; 64];
        let length = repr.emit(&PSEUDO_V4, &mut buffer).unwrap();
        Advert::parse(&buffer[..length], &PSEUDO_V4).unwrap().interval.0
    };
    for (version, interval, expected) in [
        (Version::V2, 0, 100),
        (Version::V2, 199, 100),
        (Version::V2, 25_500, 25_500),
        (Version::V2, u16::MAX, 25_500),
        (Version::V3, 0, 1),
        (Version::V3, 4_095, 4_095),
        (Version::V3, 4_096, 4_095),
    ] {
        assert_eq!(sent(version, interval), expected, "{version:?} {interval}");
    }
}

#[test]
fn capacity_is_what_an_mtu_can_carry() {
    for (version, family, mtu, expected) in [
        (Version::V2, Family::V4, 1500, 255),
        (Version::V2, Family::V4, 20 + 8 + 8 + 40 * 4 + 3, 40),
        (Version::V3, Family::V4, 68, 10),
        (Version::V3, Family::V6, 1500, 90),
        (Version::V3, Family::V6, 9000, 255),
        (Version::V3, Family::V6, 0, 0),
    ] {
        assert_eq!(capacity(version, family, mtu), expected, "{version:?} {family:?} {mtu}");
    }
}

prop_compose! {
    /// A valid packet of any kind, and what it was made of.
    fn any_packet()(
        version in prop_oneof![Just(Version::V2), Just(Version::V3)],
        v6: bool,
        vrid in 1u8..,
        priority: u8,
        seconds in 1u16..=255,
        centis in 1u16..=4095,
        addresses in proptest::collection::vec(any::<u128>(), 0..24),
        auth: Option<[u8; 8]>,
        message_only: bool,
        hosts: [u128; 2],
    ) -> (Vec<u8>, Pseudo, Repr<'static>) {
        let v6 = v6 && version == Version::V3;
        let ip = |bits: u128| if v6 { IpAddr::from(bits.to_be_bytes()) } else { IpAddr::from((bits as u32).to_be_bytes()) };
        let addresses: &'static [IpAddr] = addresses.into_iter().map(ip).collect::<Vec<_>>().leak();
        let pseudo = Pseudo { source: ip(hosts[0]), destination: ip(hosts[1]) };
        let v2 = version == Version::V2;
        let repr = Repr {
            version,
            vrid,
            priority,
            interval: if v2 { Centis(seconds * 100) } else { Centis(centis) },
            addresses,
            auth: auth.filter(|_| v2),
            checksum_form: match v2 || (message_only && !v6) {
                true => ChecksumForm::MessageOnly,
                false => ChecksumForm::PseudoHeader,
            },
        };
        let mut packet = vec![0; repr.buffer_len()];
        repr.emit(&pseudo, &mut packet).unwrap();
        (packet, pseudo, repr)
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(payload: Vec<u8>, v6: bool) {
        let pseudo = if v6 { PSEUDO_V6 } else { PSEUDO_V4 };
        if let Ok(advert) = Advert::parse(&payload, &pseudo) {
            prop_assert_eq!(advert.addresses.clone().count(), advert.addresses.len());
        }
        // with a header that leads further in
        let mut packet = vec![0x31, 1, 100];
        packet.extend(&payload);
        let _ = Advert::parse(&packet, &pseudo);
        packet[0] = 0x21;
        let _ = Advert::parse(&packet, &pseudo);
    }

    #[test]
    fn what_is_emitted_is_parsed_as_it_was((packet, pseudo, repr) in any_packet()) {
        let advert = Advert::parse(&packet, &pseudo).unwrap();
        let addresses: Vec<IpAddr> = advert.addresses.collect();
        let again = Repr {
            version: advert.version,
            vrid: advert.vrid,
            priority: advert.priority,
            interval: advert.interval,
            addresses: &addresses,
            auth: (advert.auth_type == AUTH_PASS).then_some(advert.auth_data),
            checksum_form: advert.checksum_form,
        };
        prop_assert_eq!(again, repr);
    }

    #[test]
    fn no_bit_flips_unseen((packet, pseudo, _) in any_packet()) {
        let before = Advert::parse(&packet, &pseudo).unwrap();
        for bit in 0..packet.len() * 8 {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            if let Ok(after) = Advert::parse(&flipped, &pseudo) {
                prop_assert_ne!(&after, &before, "bit {}", bit);
            }
        }
    }
}
