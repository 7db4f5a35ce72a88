use super::*;
use core::net::{IpAddr, Ipv4Addr};
use netlink_packet_core::{NetlinkBuffer, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope};
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, State};
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn plain<'a>(index: u32, address: &str, prefix: u8) -> AddressRepr<'a> {
    AddressRepr {
        index,
        ip: ip(address),
        prefix,
        peer: None,
        broadcast: None,
        label: None,
        scope: 0,
        flags: 0,
        lifetimes: None,
        proto: None,
    }
}

/// What the independent crate reads in our requests.
fn judged(writer: &Writer<'_>) -> Vec<NetlinkMessage<RouteNetlinkMessage>> {
    let mut messages = Vec::new();
    let mut rest = writer.bytes();
    while !rest.is_empty() {
        let length = NetlinkBuffer::new_checked(rest).unwrap().length() as usize;
        assert_eq!(length % 4, 0, "the next message would not be aligned");
        messages.push(NetlinkMessage::deserialize(&rest[..length]).unwrap());
        rest = &rest[length..];
    }
    messages
}

fn judged_address(payload: &NetlinkPayload<RouteNetlinkMessage>) -> &AddressMessage {
    match payload {
        NetlinkPayload::InnerMessage(
            RouteNetlinkMessage::NewAddress(address) | RouteNetlinkMessage::DelAddress(address),
        ) => address,
        other => panic!("not an address: {other:?}"),
    }
}

/// What our reader makes of one message of the independent crate.
fn read(message: RouteNetlinkMessage, sequence: u32) -> Vec<u8> {
    let mut message = NetlinkMessage::from(message);
    message.header.sequence_number = sequence;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

fn only(bytes: &[u8]) -> Result<Message<'_>, Reject> {
    let mut messages = Messages::new(bytes);
    let first = messages.next().expect("a message");
    assert!(messages.next().is_none(), "more than one message");
    first
}

#[test]
fn an_ipv4_address_with_everything() {
    let mut buffer = [0xa5; 192];
    let mut writer = Writer::new(&mut buffer);
    let address = AddressRepr {
        peer: Some(ip("198.51.100.9")),
        broadcast: Some(Ipv4Addr::new(192, 0, 2, 255)),
        label: Some("lan0:vip"),
        scope: 253,
        flags: address_flags::NO_PREFIX_ROUTE | address_flags::NO_DAD,
        lifetimes: Some(Lifetimes { preferred: 5, valid: FOREVER }),
        proto: Some(112),
        ..plain(7, "192.0.2.10", 24)
    };
    writer.add_address(99, IfPresent::Replace, &address).unwrap();
    let messages = judged(&writer);
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((message.header.message_type, message.header.flags), (20, 0x001 | 0x004 | 0x100 | 0x400));
    assert_eq!((message.header.sequence_number, message.header.port_number), (99, 0));
    let judged = judged_address(&message.payload);
    assert_eq!((judged.header.prefix_len, judged.header.index), (24, 7));
    assert_eq!(u8::from(judged.header.family), AF_INET);
    assert_eq!(judged.header.scope, AddressScope::Link);
    // what fits of the flags is here as well, for kernels before 3.14
    assert_eq!(judged.header.flags, AddressHeaderFlags::Nodad);
    let has = |wanted: AddressAttribute| assert!(judged.attributes.contains(&wanted), "{wanted:?} in {judged:?}");
    has(AddressAttribute::Local(ip("192.0.2.10")));
    has(AddressAttribute::Address(ip("198.51.100.9")));
    has(AddressAttribute::Broadcast(Ipv4Addr::new(192, 0, 2, 255)));
    has(AddressAttribute::Label("lan0:vip".into()));
    has(AddressAttribute::Flags(AddressFlags::Noprefixroute | AddressFlags::Nodad));
    has(AddressAttribute::Protocol(112.into()));
    let lifetimes = judged.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::CacheInfo(info) => Some((info.ifa_preferred, info.ifa_valid)),
        _ => None,
    });
    assert_eq!(lifetimes, Some((5, u32::MAX)));
    assert_eq!(judged.attributes.len(), 7);
}

#[test]
fn an_ipv6_address_with_nothing() {
    let mut buffer = [0; 192];
    let mut writer = Writer::new(&mut buffer);
    writer.add_address(1, IfPresent::Fail, &plain(3, "2001:db8::1", 64)).unwrap();
    let messages = judged(&writer);
    assert_eq!(messages[0].header.flags, 0x001 | 0x004 | 0x200 | 0x400);
    let judged = judged_address(&messages[0].payload);
    assert_eq!(u8::from(judged.header.family), AF_INET6);
    assert_eq!(
        judged.attributes,
        [
            AddressAttribute::Local(ip("2001:db8::1")),
            AddressAttribute::Address(ip("2001:db8::1")),
            AddressAttribute::Flags(AddressFlags::empty()),
        ]
    );
}

#[test]
fn deletions_and_dumps_one_behind_the_other() {
    let mut buffer = [0; 512];
    let mut writer = Writer::new(&mut buffer);
    assert!(writer.is_empty());
    let labelled = AddressRepr { label: Some("lan0:x"), ..plain(7, "192.0.2.10", 32) };
    writer.delete_address(1, &labelled).unwrap();
    writer.dump_links(2).unwrap();
    writer.dump_addresses(3, None).unwrap();
    writer.dump_addresses(4, Some(Family::V6)).unwrap();
    let messages = judged(&writer);
    let heads: Vec<_> = messages
        .iter()
        .map(|message| (message.header.message_type, message.header.flags, message.header.sequence_number))
        .collect();
    assert_eq!(heads, [(21, 0x005, 1), (18, 0x301, 2), (22, 0x301, 3), (22, 0x301, 4)]);
    // The kernel compares labels, and ours need not be the one it has.
    assert!(!judged_address(&messages[0].payload).attributes.iter().any(|a| matches!(a, AddressAttribute::Label(_))));
    let families: Vec<u8> = messages[2..]
        .iter()
        .map(|message| match &message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::GetAddress(get)) => u8::from(get.header.family),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(families, [AF_UNSPEC, AF_INET6]);
    writer.clear();
    assert!(writer.is_empty() && writer.bytes().is_empty());
}

#[test]
fn a_full_buffer_keeps_what_it_has() {
    let address = plain(7, "2001:db8::1", 64);
    for room in 0..200 {
        let mut buffer = vec![0; room];
        let mut writer = Writer::new(&mut buffer);
        let mut written = 0;
        while writer.add_address(written, IfPresent::Fail, &address).is_ok() {
            written += 1;
        }
        // header 16, ifaddrmsg 8, two addresses of 20, flags 8
        assert_eq!(written as usize, room / 72);
        assert_eq!(writer.bytes().len(), written as usize * 72);
        assert_eq!(judged(&writer).len(), written as usize);
    }
}

/// As a kernel 6.x reported `192.0.2.10/24 brd + label lan0:v` in a dump.
#[cfg(target_endian = "little")]
static KERNEL_V4: [u8; 88] = [
    0x58, 0x00, 0x00, 0x00, 0x14, 0x00, 0x02, 0x00, 0x07, 0x00, 0x00, 0x00, 0x95, 0x40, 0x00, 0x00, 0x02, 0x18, 0x80,
    0x00, 0x03, 0x00, 0x00, 0x00, 0x08, 0x00, 0x01, 0x00, 0xc0, 0x00, 0x02, 0x0a, 0x08, 0x00, 0x02, 0x00, 0xc0, 0x00,
    0x02, 0x0a, 0x08, 0x00, 0x04, 0x00, 0xc0, 0x00, 0x02, 0xff, 0x0b, 0x00, 0x03, 0x00, 0x6c, 0x61, 0x6e, 0x30, 0x3a,
    0x76, 0x00, 0x00, 0x08, 0x00, 0x08, 0x00, 0x80, 0x00, 0x00, 0x00, 0x14, 0x00, 0x06, 0x00, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xc4, 0x84, 0x02, 0x00, 0xc4, 0x84, 0x02, 0x00,
];
/// The same of `2001:db8::1/64 nodad preferred_lft 0 noprefixroute`, with an IFA_PROTO behind it.
#[cfg(target_endian = "little")]
static KERNEL_V6: [u8; 80] = [
    0x50, 0x00, 0x00, 0x00, 0x14, 0x00, 0x12, 0x00, 0x07, 0x00, 0x00, 0x00, 0x95, 0x40, 0x00, 0x00, 0x0a, 0x40, 0xa2,
    0x00, 0x03, 0x00, 0x00, 0x00, 0x14, 0x00, 0x01, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x14, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xc4,
    0x84, 0x02, 0x00, 0xc4, 0x84, 0x02, 0x00, 0x08, 0x00, 0x08, 0x00, 0xa2, 0x02, 0x00, 0x00, 0x05, 0x00, 0x0b, 0x00,
    0x70, 0x00, 0x00, 0x00,
];

#[test]
#[cfg(target_endian = "little")]
fn the_kernels_own_bytes() {
    let buffer = [&KERNEL_V4[..], &KERNEL_V6[..]].concat();
    let messages: Vec<_> = Messages::new(&buffer).map(Result::unwrap).collect();
    let forever = Lifetimes { preferred: FOREVER, valid: FOREVER };
    let v4 = Address {
        index: 3,
        ip: ip("192.0.2.10"),
        prefix: 24,
        peer: None,
        broadcast: Some(Ipv4Addr::new(192, 0, 2, 255)),
        label: Some("lan0:v"),
        scope: 0,
        flags: address_flags::PERMANENT,
        lifetimes: Some(forever),
        proto: None,
    };
    let v6 = Address {
        ip: ip("2001:db8::1"),
        prefix: 64,
        broadcast: None,
        label: None,
        flags: address_flags::PERMANENT
            | address_flags::NO_DAD
            | address_flags::DEPRECATED
            | address_flags::NO_PREFIX_ROUTE,
        lifetimes: Some(Lifetimes { preferred: 0, ..forever }),
        proto: Some(112),
        ..v4
    };
    let common = Message { sequence: 7, port: 0x4095, interrupted: false, content: Content::NewAddress(v4) };
    assert_eq!(messages, [common, Message { interrupted: true, content: Content::NewAddress(v6), ..common }]);
}

fn judged_link() -> LinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = 5;
    link.header.link_layer_type = 1.into();
    link.header.flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp | LinkFlags::Multicast;
    link.attributes = vec![
        LinkAttribute::IfName("vrrp.51".into()),
        LinkAttribute::Mtu(1500),
        LinkAttribute::OperState(State::Up),
        LinkAttribute::Address(vec![0, 0, 0x5e, 0, 1, 51]),
        LinkAttribute::Link(2),
        LinkAttribute::Controller(9),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::MacVlan)]),
        LinkAttribute::Promiscuity(1),
    ];
    link
}

#[test]
fn a_link_with_everything() {
    let expected = Link {
        index: 5,
        name: "vrrp.51",
        flags: link_flags::UP | link_flags::RUNNING | link_flags::LOWER_UP | link_flags::MULTICAST,
        hardware: 1,
        mtu: Some(1500),
        mac: Some([0, 0, 0x5e, 0, 1, 51]),
        operstate: Some(operstate::UP),
        master: Some(9),
        parent: Some(2),
        kind: Some("macvlan"),
    };
    let bytes = read(RouteNetlinkMessage::NewLink(judged_link()), 4);
    let message = only(&bytes).unwrap();
    assert_eq!((message.sequence, message.content), (4, Content::NewLink(expected)));
    assert!(expected.is_running() && !Link { flags: link_flags::UP, ..expected }.is_running());
    let bytes = read(RouteNetlinkMessage::DelLink(judged_link()), 0);
    assert_eq!(only(&bytes).unwrap().content, Content::DelLink(expected));
}

#[test]
fn a_link_with_nothing() {
    let mut link = LinkMessage::default();
    link.header.index = 1;
    link.attributes = vec![LinkAttribute::Address(vec![1; 20]), LinkAttribute::Controller(0), LinkAttribute::Link(0)];
    let bytes = read(RouteNetlinkMessage::NewLink(link), 0);
    let Content::NewLink(link) = only(&bytes).unwrap().content else { panic!() };
    assert_eq!((link.index, link.name, link.mac, link.master, link.parent), (1, "", None, None, None));
    assert_eq!((link.mtu, link.operstate, link.kind), (None, None, None));
}

#[test]
fn a_parent_in_another_namespace_is_none_here() {
    let mut link = judged_link();
    link.attributes.push(LinkAttribute::LinkNetNsId(0));
    let bytes = read(RouteNetlinkMessage::NewLink(link), 0);
    let Content::NewLink(link) = only(&bytes).unwrap().content else { panic!() };
    assert_eq!((link.parent, link.master), (None, Some(9)));
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_a_link_that_is_gone() {
    let mut link = judged_link();
    link.header.interface_family = 7.into(); // AF_BRIDGE
    let bytes = read(RouteNetlinkMessage::DelLink(link), 0);
    assert_eq!(only(&bytes).unwrap().content, Content::Other { kind: 17 });
}

#[test]
fn addresses_of_the_independent_crate() {
    let mut message = AddressMessage::default();
    message.header.family = AF_INET6.into();
    message.header.prefix_len = 128;
    message.header.index = 4;
    message.attributes = vec![
        AddressAttribute::Address(ip("2001:db8::2")),
        AddressAttribute::Local(ip("2001:db8::1")),
        AddressAttribute::Flags(AddressFlags::Tentative),
    ];
    let bytes = read(RouteNetlinkMessage::DelAddress(message), 0);
    let Content::DelAddress(address) = only(&bytes).unwrap().content else { panic!() };
    assert_eq!((address.ip, address.peer), (ip("2001:db8::1"), Some(ip("2001:db8::2"))));
    assert_eq!((address.index, address.prefix, address.family()), (4, 128, Family::V6));
    assert!(!address.is_usable() && Address { flags: 0, ..address }.is_usable());
}

/// A message with a body as it is.
fn raw(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((HEADER_LEN as u32 + body.len() as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(3u32.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

#[test]
fn the_end_of_dumps_and_requests() {
    let errno = |errno: i32| (-errno).to_ne_bytes();
    let request = raw(20, 5, &[0xee; 12]);
    let text = attribute(1, b"Address already assigned.\0");
    let head = &request[..HEADER_LEN];
    for (bytes, expected) in [
        (raw(NLMSG_DONE, 2, &errno(0)), Content::Done { errno: 0 }),
        (raw(NLMSG_DONE, 2, &errno(4)), Content::Done { errno: 4 }),
        (raw(NLMSG_DONE, 2, &[]), Content::Done { errno: 0 }),
        (raw(NLMSG_ERROR, 0x100, &[&errno(0), head].concat()), Content::Error { errno: 0, text: None }),
        (raw(NLMSG_ERROR, 0, &[&errno(17)[..], &request].concat()), Content::Error { errno: 17, text: None }),
        (
            raw(NLMSG_ERROR, 0x300, &[&errno(17)[..], head, &text].concat()),
            Content::Error { errno: 17, text: Some("Address already assigned.") },
        ),
        (
            raw(NLMSG_ERROR, 0x200, &[&errno(17)[..], &request, &text].concat()),
            Content::Error { errno: 17, text: Some("Address already assigned.") },
        ),
        // an acknowledgement never repeats the body, whatever the flags say
        (
            raw(NLMSG_ERROR, 0x200, &[&errno(0)[..], head, &text].concat()),
            Content::Error { errno: 0, text: Some("Address already assigned.") },
        ),
        (raw(NLMSG_ERROR, 0, &i32::MIN.to_ne_bytes()), Content::Error { errno: i32::MAX, text: None }),
        (raw(1, 0, &[]), Content::Other { kind: 1 }),
        (raw(24, 0, &[1, 2, 3]), Content::Other { kind: 24 }),
    ] {
        let message = only(&bytes).unwrap();
        assert_eq!((message.sequence, message.content), (3, expected), "{bytes:02x?}");
    }
}

#[test]
fn every_reject_has_its_message() {
    let link = |index: u32, attributes: &[u8]| {
        let mut body = vec![0; 16];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        body.extend(attributes);
        raw(RTM_NEWLINK, 0, &body)
    };
    let address = |prefix: u8, index: u32, attributes: &[u8]| {
        let mut body = vec![AF_INET, prefix, 0, 0];
        body.extend(index.to_ne_bytes());
        body.extend(attributes);
        raw(RTM_NEWADDR, 0, &body)
    };
    let local = attribute(2, &[192, 0, 2, 1]);
    let long = |length: u16| [&length.to_ne_bytes()[..], &[2, 0, 192, 0, 2, 1]].concat();
    let mut too_long = link(1, &[]);
    too_long[..4].copy_from_slice(&33u32.to_ne_bytes());
    let mut huge = link(1, &[]);
    huge[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
    let mut too_short = link(1, &[]);
    too_short[..4].copy_from_slice(&15u32.to_ne_bytes());
    let mut seen = Vec::new();
    for (bytes, reject) in [
        (vec![0; 15], Reject::Truncated),
        (too_long, Reject::Truncated),
        (huge, Reject::Truncated),
        (too_short, Reject::Length),
        (raw(RTM_NEWLINK, 0, &[0; 15]), Reject::Body),
        (raw(RTM_DELADDR, 0, &[0; 7]), Reject::Body),
        (raw(NLMSG_ERROR, 0, &[0; 3]), Reject::Body),
        (raw(NLMSG_ERROR, 0x300, &[1; 19]), Reject::Body),
        (raw(NLMSG_ERROR, 0x200, &[1; 20]), Reject::Body),
        (address(24, 1, &long(3)), Reject::Attribute),
        (address(24, 1, &long(9)), Reject::Attribute),
        (address(24, 1, &[&local[..], &[0; 3]].concat()), Reject::Attribute),
        (link(1, &attribute(18, &long(9))), Reject::Attribute),
        (address(24, 1, &attribute(2, &[0; 16])), Reject::Value),
        (address(24, 1, &attribute(6, &[0; 7])), Reject::Value),
        (address(24, 1, &attribute(8, &[0; 1])), Reject::Value),
        (link(1, &attribute(4, &[0; 2])), Reject::Value),
        (link(0, &[]), Reject::Index),
        (address(24, 0, &local), Reject::Index),
        (address(33, 1, &local), Reject::Prefix),
        (address(24, 1, &attribute(3, b"lan0\0")), Reject::NoAddress),
    ] {
        assert_eq!(only(&bytes), Err(reject), "{bytes:02x?}");
        seen.push(reject);
    }
    assert!(Reject::ALL.iter().all(|reject| seen.contains(reject)));
    for (at, reject) in Reject::ALL.iter().enumerate() {
        assert!(Reject::ALL[..at].iter().all(|other| other.reason() != reject.reason()));
        assert!(Reject::ALL[..at].iter().all(|other| other.to_string() != reject.to_string()));
    }
}

#[test]
fn a_bad_message_costs_only_itself() {
    let good = raw(NLMSG_DONE, 0, &[0; 4]);
    // 17 bytes: the next begins at 20
    let mut bad = raw(RTM_NEWLINK, 0, &[0; 1]);
    bad.resize(20, 0);
    let bytes = [&good[..], &bad, &good].concat();
    let kinds: Vec<_> = Messages::new(&bytes).map(|message| message.map(|message| message.content)).collect();
    assert_eq!(kinds, [Ok(Content::Done { errno: 0 }), Err(Reject::Body), Ok(Content::Done { errno: 0 })]);
}

#[test]
fn the_mark_of_nested_attributes_is_no_part_of_their_type() {
    let mut body = vec![0; 16];
    body[4..8].copy_from_slice(&1u32.to_ne_bytes());
    body.extend(attribute(18 | 0x8000, &attribute(1, b"vlan\0")));
    let bytes = raw(RTM_NEWLINK, 0, &body);
    assert!(matches!(only(&bytes).unwrap().content, Content::NewLink(Link { kind: Some("vlan"), .. })));
}

#[test]
fn nothing_of_the_buffers_past_is_sent() {
    let address = AddressRepr { label: Some("lan0:v"), proto: Some(1), ..plain(7, "192.0.2.10", 24) };
    let written = |past: u8| {
        let mut buffer = [past; 192];
        let mut writer = Writer::new(&mut buffer);
        writer.add_address(1, IfPresent::Fail, &address).unwrap();
        writer.bytes().to_vec()
    };
    assert_eq!(written(0), written(0xa5));
}

#[test]
fn a_name_that_is_not_utf_8_is_empty() {
    let mut body = vec![0; 16];
    body[4] = 1;
    body[7] = 1;
    body.extend(attribute(3, b"lan\xff\0"));
    let bytes = raw(RTM_NEWLINK, 0, &body);
    assert!(matches!(only(&bytes).unwrap().content, Content::NewLink(Link { name: "", .. })));
}

prop_compose! {
    fn any_address()(
        v6: bool,
        bits: [u128; 2],
        index in 1u32..,
        prefix in 0u8..=32,
        scope: u8,
        flags: u32,
        with_peer: bool,
        broadcast: Option<u32>,
        label in proptest::option::of("[a-z0-9:.]{1,15}"),
        lifetimes: Option<[u32; 2]>,
        proto: Option<u8>,
    ) -> AddressRepr<'static> {
        let ip = |bits: u128| if v6 { IpAddr::from(bits.to_be_bytes()) } else { IpAddr::from((bits as u32).to_be_bytes()) };
        AddressRepr {
            index,
            ip: ip(bits[0]),
            prefix,
            peer: Some(ip(bits[1])).filter(|peer| with_peer && *peer != ip(bits[0])),
            broadcast: broadcast.filter(|_| !v6).map(Ipv4Addr::from),
            label: label.map(|label| &*label.leak()),
            scope,
            flags,
            lifetimes: lifetimes.map(|[preferred, valid]| Lifetimes { preferred, valid }),
            proto,
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, kind in 0u16..32, flags: u16) {
        let _ = Messages::new(&bytes).count();
        let _ = only(&raw(kind, flags, &bytes));
        let mut body = vec![AF_INET, 24, 0, 0, 1, 0, 0, 1];
        body.extend(&bytes);
        let _ = only(&raw(RTM_NEWADDR, flags, &body));
        body = vec![0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        body.extend(&bytes);
        let _ = only(&raw(RTM_NEWLINK, flags, &body));
    }

    #[test]
    fn no_damage_makes_it_panic(address in any_address(), at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
        let mut buffer = [0; 192];
        let mut writer = Writer::new(&mut buffer);
        writer.add_address(1, IfPresent::Replace, &address).unwrap();
        let mut bytes = writer.bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let cut = cut.index(bytes.len());
        prop_assert!(Messages::new(&bytes).count() <= bytes.len() / HEADER_LEN + 1);
        prop_assert!(Messages::new(&bytes[..cut]).count() <= cut / HEADER_LEN + 1);
    }

    #[test]
    fn an_address_written_is_the_address_read(repr in any_address()) {
        let mut buffer = [0; 192];
        let mut writer = Writer::new(&mut buffer);
        writer.add_address(1, IfPresent::Replace, &repr).unwrap();
        let Content::NewAddress(read) = only(writer.bytes()).unwrap().content else { panic!("no address") };
        let Address { index, ip, prefix, peer, broadcast, label, scope, flags, lifetimes, proto } = read;
        let again = AddressRepr { index, ip, prefix, peer, broadcast, label, scope, flags, lifetimes, proto };
        prop_assert_eq!(again, repr);
    }
}
