//! Bytes of others, and others on our bytes: what keepalived and FRR sent is read and sent again byte
//! for byte, and tshark reads what we send. `tests/golden/capture.sh` made the `*.hex` files.

#![allow(clippy::disallowed_methods)]

use holdfast::time::Centis;
use holdfast::wire::arp::GratuitousArp;
use holdfast::wire::ethernet::{self, TYPE_ARP, TYPE_IPV4, TYPE_IPV6};
use holdfast::wire::ip::{Ipv4, Ipv4Repr, Ipv6Repr};
use holdfast::wire::ndisc::UnsolicitedAdvertisement;
use holdfast::wire::vrrp::{self, Advert, ChecksumForm, Pseudo, Repr, Version};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::process::Command;

/// A frame and what is in it.
struct Golden {
    name: &'static str,
    pseudo: Pseudo,
    repr: Repr<'static>,
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[rustfmt::skip]
fn adverts() -> Vec<Golden> {
    use Version::{V2, V3};
    let (multicast4, multicast6, peer) = ("224.0.0.18", "ff02::12", "192.0.2.3");
    let keepalived6 = "fe80::ff:fe00:1";
    let frr6 = "fe80::200:5eff:fe00:23f";
    let v2_two: &[_] = &["192.0.2.10", "192.0.2.11"];
    let v3_three: &[_] = &["192.0.2.30", "198.51.100.30", "203.0.113.30"];
    let v6_two: &[_] = &["fe80::40", "2001:db8::40"];
    let short = Some(*b"1111\0\0\0\0");
    let row = |name, source, destination, version, vrid, priority, interval, addresses: &[&str], auth| {
        let checksum_form = if version == V2 { ChecksumForm::MessageOnly } else { ChecksumForm::PseudoHeader };
        let addresses: Vec<IpAddr> = addresses.iter().copied().map(ip).collect();
        let (addresses, interval) = (&*addresses.leak(), Centis(interval));
        let pseudo = Pseudo { source: ip(source), destination: ip(destination) };
        Golden { name, pseudo, repr: Repr { version, vrid, priority, interval, addresses, auth, checksum_form } }
    };
    vec![
        row("v2-pass", "192.0.2.2", multicast4, V2, 51, 100, 100, v2_two, short),
        row("v2-pass-stop", "192.0.2.2", multicast4, V2, 51, 0, 100, v2_two, short),
        row("v2-plain", "192.0.2.2", multicast4, V2, 52, 150, 200, &["192.0.2.20"], None),
        row("v2-excluded", "192.0.2.2", multicast4, V2, 57, 100, 100, &[], None),
        row("v2-unicast", "192.0.2.2", peer, V2, 55, 100, 100, &["192.0.2.50"], Some(*b"longword")),
        row("v3-ipv4", "192.0.2.2", multicast4, V3, 53, 200, 50, v3_three, None),
        row("v3-ipv4-stop", "192.0.2.2", multicast4, V3, 53, 0, 50, v3_three, None),
        row("v3-unicast", "192.0.2.2", peer, V3, 56, 100, 100, &["192.0.2.60"], None),
        row("v3-ipv6", keepalived6, multicast6, V3, 54, 120, 100, v6_two, None),
        row("v3-ipv6-stop", keepalived6, multicast6, V3, 54, 0, 100, v6_two, None),
        row("frr-v3-ipv4", "192.0.2.2", multicast4, V3, 62, 100, 100, &["192.0.2.62"], None),
        row("frr-v3-ipv4-stop", "192.0.2.2", multicast4, V3, 62, 0, 100, &["192.0.2.62"], None),
        row("frr-v3-ipv6", frr6, multicast6, V3, 63, 100, 100, &["2001:db8::63"], None),
    ]
}

/// All frames by name.
fn frames() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut frames = BTreeMap::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "hex") {
            let text = std::fs::read_to_string(&path).unwrap();
            let bytes = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
            let bytes = bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
            frames.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), bytes);
        }
    }
    frames
}

/// Addresses, TTL and payload of the IP packet in a frame.
fn ip_packet(frame: &[u8]) -> (Pseudo, u8, &[u8]) {
    let packet = &frame[ethernet::HEADER_LEN..];
    match u16::from_be_bytes([frame[12], frame[13]]) {
        TYPE_IPV4 => {
            let ip = Ipv4::parse(packet).unwrap();
            assert_eq!(ip.protocol, vrrp::PROTOCOL);
            (Pseudo { source: ip.source.into(), destination: ip.destination.into() }, ip.ttl, ip.payload)
        }
        TYPE_IPV6 => {
            let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap());
            assert_eq!(packet[6], vrrp::PROTOCOL);
            (Pseudo { source: address(8), destination: address(24) }, packet[7], &packet[40..])
        }
        other => panic!("ethertype {other:04x}"),
    }
}

fn emitted(repr: &Repr, pseudo: &Pseudo) -> Vec<u8> {
    let mut buffer = vec![0; repr.buffer_len()];
    assert_eq!(repr.emit(pseudo, &mut buffer), Some(buffer.len()));
    buffer
}

#[test]
fn every_file_is_looked_at() {
    let known: Vec<_> = adverts().iter().map(|golden| golden.name).chain(["garp", "na"]).collect();
    let frames = frames();
    assert_eq!(frames.len(), known.len());
    assert!(known.iter().all(|name| frames.contains_key(*name)));
}

#[test]
fn adverts_of_others_are_read() {
    let frames = frames();
    for Golden { name, pseudo, repr } in adverts() {
        let (from_to, ttl, payload) = ip_packet(&frames[name]);
        assert_eq!((from_to, ttl), (pseudo, 255), "{name}");
        assert_eq!(Advert::vrid_of(payload), Some(repr.vrid), "{name}");
        let advert = Advert::parse(payload, &pseudo).unwrap_or_else(|reject| panic!("{name}: {reject}"));
        let addresses: Vec<IpAddr> = advert.addresses.collect();
        let read = Repr {
            version: advert.version,
            vrid: advert.vrid,
            priority: advert.priority,
            interval: advert.interval,
            addresses: &addresses,
            auth: (advert.auth_type == vrrp::AUTH_PASS).then_some(advert.auth_data),
            checksum_form: advert.checksum_form,
        };
        assert_eq!(read, repr, "{name}");
    }
}

#[test]
fn adverts_of_others_are_sent_again_byte_for_byte() {
    let frames = frames();
    for Golden { name, pseudo, repr } in adverts() {
        assert_eq!(emitted(&repr, &pseudo), ip_packet(&frames[name]).2, "{name}");
    }
}

#[test]
fn our_ipv4_header_is_keepaliveds() {
    let frame = &frames()["v2-pass"];
    let mut theirs = frame[ethernet::HEADER_LEN..ethernet::HEADER_LEN + Ipv4Repr::LEN].to_vec();
    let packet = Ipv4::parse(&frame[ethernet::HEADER_LEN..]).unwrap();
    let ours = Ipv4Repr {
        source: packet.source,
        destination: packet.destination,
        ttl: packet.ttl,
        protocol: packet.protocol,
        payload_len: packet.payload.len() as u16,
    };
    // The kernel chose the identification, and the checksum with it.
    assert_eq!(theirs[4..6], [0, 1]);
    theirs[5] = 0;
    theirs[11] += 1;
    assert_eq!(ours.header()[..], theirs);
}

#[test]
fn announcements_are_keepaliveds() {
    let frames = frames();
    let mac = [2, 0, 0, 0, 0, 1];
    assert_eq!(GratuitousArp { mac, ip: "192.0.2.10".parse().unwrap() }.frame()[..], frames["garp"]);
    let ip: Ipv6Addr = "2001:db8::40".parse().unwrap();
    assert_eq!(UnsolicitedAdvertisement { mac, ip, router: false }.frame()[..], frames["na"]);
}

/// An advert of ours, from Ethernet up.
fn our_frame(repr: &Repr, pseudo: &Pseudo) -> Vec<u8> {
    let payload = emitted(repr, pseudo);
    let (ttl, protocol, payload_len) = (255, vrrp::PROTOCOL, payload.len() as u16);
    let (ethertype, header) = match (pseudo.source, pseudo.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            (TYPE_IPV4, Ipv4Repr { source, destination, ttl, protocol, payload_len }.header().to_vec())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let repr = Ipv6Repr { source, destination, hop_limit: ttl, next_header: protocol, payload_len };
            (TYPE_IPV6, repr.header().to_vec())
        }
        _ => panic!("two families"),
    };
    let ethernet = ethernet::header([1, 0, 0x5e, 0, 0, 0x12], [2, 0, 0, 0, 0, 1], ethertype);
    [&ethernet[..], &header, &payload].concat()
}

/// Reads frames with tshark: one line of the fields' values a frame.
fn tshark(name: &str, frames: &[Vec<u8>], options: &[&str], fields: &[&str]) -> Vec<String> {
    let mut pcap = Vec::new();
    // magic, version 2.4, zone, accuracy, snap length, Ethernet
    pcap.extend([0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 1].into_iter().flat_map(u32::to_be_bytes));
    for frame in frames {
        let length = frame.len() as u32;
        pcap.extend([0, 0, length, length].into_iter().flat_map(u32::to_be_bytes));
        pcap.extend(frame);
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("pcap");
    std::fs::write(&path, pcap).unwrap();
    let output = Command::new("tshark")
        .arg("-r")
        .arg(&path)
        .args(["-n", "-T", "fields", "-o", "ip.check_checksum:TRUE"])
        .args(options.iter().flat_map(|option| ["-o", option]))
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .args(["-e", "_ws.malformed", "-e", "_ws.expert.message"])
        .output()
        .unwrap_or_else(|error| panic!("cannot run tshark ({error}): apt-get install tshark"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "tshark: {}", text(output.stderr));
    text(output.stdout).lines().map(|line| line.trim_end_matches('\t').to_owned()).collect()
}

const ADVERT_FIELDS: [&str; 14] = [
    "ip.src",
    "ip.checksum.status",
    "ipv6.src",
    "vrrp.version",
    "vrrp.type",
    "vrrp.virt_rtr_id",
    "vrrp.prio",
    "vrrp.addr_count",
    "vrrp.adver_int",
    "vrrp.short_adver_int",
    "vrrp.checksum.status",
    "vrrp.auth_type",
    "vrrp.auth_string",
    // last, and of one family a frame
    "vrrp.ip_addr",
];
const GOOD: &str = "1";

/// The line tshark must write of an advert.
fn expected_line(Golden { pseudo, repr, .. }: &Golden) -> String {
    let v2 = repr.version == Version::V2;
    let if_v2 = |text: String| if v2 { text } else { String::new() };
    let source = pseudo.source.to_string();
    let (source4, source6) = if pseudo.source.is_ipv4() { (source, String::new()) } else { (String::new(), source) };
    let addresses: Vec<_> = repr.addresses.iter().filter(|ip| ip.is_ipv4()).map(IpAddr::to_string).collect();
    let password = repr.auth.unwrap_or_default();
    let password = String::from_utf8(password.into_iter().take_while(|byte| *byte != 0).collect()).unwrap();
    let line = [
        source4.clone(),
        if source4.is_empty() { String::new() } else { GOOD.to_owned() },
        source6,
        repr.version.number().to_string(),
        vrrp::TYPE_ADVERTISEMENT.to_string(),
        repr.vrid.to_string(),
        repr.priority.to_string(),
        repr.addresses.len().to_string(),
        if_v2((repr.interval.0 / 100).to_string()),
        if v2 { String::new() } else { repr.interval.0.to_string() },
        GOOD.to_owned(),
        if_v2(u8::from(repr.auth.is_some()).to_string()),
        password,
        addresses.join(","),
    ];
    line.join("\t").trim_end_matches('\t').to_owned()
}

#[test]
fn tshark_reads_our_adverts() {
    let adverts = adverts();
    let frames: Vec<_> = adverts.iter().map(|golden| our_frame(&golden.repr, &golden.pseudo)).collect();
    let expected: Vec<_> = adverts.iter().map(expected_line).collect();
    assert_eq!(tshark("adverts", &frames, &[], &ADVERT_FIELDS), expected);

    let v6: Vec<_> = adverts.iter().filter(|golden| golden.pseudo.source.is_ipv6()).collect();
    let frames: Vec<_> = v6.iter().map(|golden| our_frame(&golden.repr, &golden.pseudo)).collect();
    let addresses =
        |golden: &&Golden| golden.repr.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",");
    assert_eq!(tshark("adverts6", &frames, &[], &["vrrp.ipv6_addr"]), v6.iter().map(addresses).collect::<Vec<_>>());
}

#[test]
fn tshark_knows_both_checksums_of_version_3_over_ipv4() {
    let golden = adverts().into_iter().find(|golden| golden.name == "v3-ipv4").unwrap();
    let frame = |checksum_form| our_frame(&Repr { checksum_form, ..golden.repr }, &golden.pseudo);
    let frames = [frame(ChecksumForm::PseudoHeader), frame(ChecksumForm::MessageOnly)];
    let status = |as_in_v2| {
        let option = format!("vrrp.v3_checksum_as_in_v2:{as_in_v2}");
        let lines = tshark(&format!("form-{as_in_v2}"), &frames, &[&option], &["vrrp.checksum.status"]);
        lines.iter().map(|line| line.split('\t').next() == Some(GOOD)).collect::<Vec<_>>()
    };
    assert_eq!(status("FALSE"), [true, false]);
    assert_eq!(status("TRUE"), [false, true]);
}

#[test]
fn tshark_reads_our_announcements() {
    let mac = [0, 0, 0x5e, 0, 1, 51];
    let arp = GratuitousArp { mac, ip: "192.0.2.10".parse().unwrap() }.frame().to_vec();
    assert_eq!(u16::from_be_bytes([arp[12], arp[13]]), TYPE_ARP);
    let fields = ["eth.dst", "arp.opcode", "arp.isgratuitous", "arp.src.hw_mac", "arp.src.proto_ipv4"];
    assert_eq!(tshark("arp", &[arp], &[], &fields), ["ff:ff:ff:ff:ff:ff\t1\t1\t00:00:5e:00:01:33\t192.0.2.10"]);

    let fields = [
        "eth.dst",
        "ipv6.hlim",
        "icmpv6.type",
        "icmpv6.checksum.status",
        "icmpv6.nd.na.flag.r",
        "icmpv6.nd.na.flag.s",
        "icmpv6.nd.na.flag.o",
        "icmpv6.nd.na.target_address",
        "icmpv6.opt.linkaddr",
    ];
    let na = |router| UnsolicitedAdvertisement { mac, ip: "2001:db8::40".parse().unwrap(), router }.frame().to_vec();
    assert_eq!(
        tshark("na", &[na(false), na(true)], &[], &fields),
        [
            "33:33:00:00:00:01\t255\t136\t1\t0\t0\t1\t2001:db8::40\t00:00:5e:00:01:33",
            "33:33:00:00:00:01\t255\t136\t1\t1\t0\t1\t2001:db8::40\t00:00:5e:00:01:33",
        ]
    );
}
