//! The status files: keepalived's fields, keys and order, from a daemon that runs in a network of its own.
//!
//! What keepalived 2.4.3 wrote for the same configuration is compared too where it lies beside the
//! repository; what must be there is also written down here.

#![allow(clippy::disallowed_methods)]

mod lab;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

use holdfast::time::Centis;
use holdfast::wire::vrrp::{ChecksumForm, Pseudo, Repr, Version};
use lab::{Daemon, Node, wait_until};

const SECOND: Duration = Duration::from_secs(1);

const INSTANCE: &str = "
vrrp_script chk_ok {
  script \"/usr/bin/test -f /run/lab/ok\"
  interval 1
  weight 10
  fall 2
  rise 1
}
vrrp_instance VI_1 {
  state MASTER
  interface v0
  virtual_router_id 51
  priority 100
  advert_int 1
  authentication {
    auth_type PASS
    auth_pass secret12
  }
  smtp_alert
  notify_master \"/run/lab/notify.sh a1 'a 2'\"
  notify_backup \"/run/lab/notify.sh b1\"
  notify_fault \"/run/lab/notify.sh f1\"
  notify_stop \"/run/lab/notify.sh s1\"
  notify \"/run/lab/notify.sh extra\"
  virtual_ipaddress {
    10.99.0.100/24 dev v0 label v0:vip
    10.99.0.101
  }
  virtual_ipaddress_excluded {
    10.99.0.110/32
  }
  track_script { chk_ok }
}
vrrp_sync_group G1 {
  group { VI_1 }
  notify /run/lab/notify.sh
  smtp_alert
}
";

/// The configuration that keepalived's files were made with, without routes and rules.
fn conf() -> String {
    String::from(
        "global_defs {
  router_id HECO_A
  script_user root
  enable_script_security
  notification_email { ops@example.org \"Second Person <two@example.org>\" }
  notification_email_from ka@example.org
  smtp_server 127.0.0.1 2526
  json_version 2
  smtp_connect_timeout 5
  vrrp_notify_priority_changes
  notify_fifo /run/lab/fifo
}
vrrp_instance V6 {
  version 3
  interface v0
  virtual_router_id 52
  priority 100
  advert_int 0.5
  nopreempt
  track_script { chk_ok }
  track_interface { lo weight 5 }
  virtual_ipaddress {
  fe80::52/64
  2001:db8::52/64 }
}
",
    )
    .replacen("vrrp_instance V6", &format!("{INSTANCE}vrrp_instance V6"), 1)
}

/// A machine as that one was: v0 with a cable to vx.
fn machine() -> Node {
    let node = Node::new("a").expect("a node: root, or user namespaces for all, and `ip`");
    for line in
        ["link add vx type veth peer name v0", "addr add 10.99.0.1/24 dev v0", "link set vx up", "link set v0 up"]
    {
        let mut argv = vec!["ip"];
        argv.extend(line.split(' '));
        node.must_run(&argv);
    }
    node.write("/run/lab/ok", "");
    node.write("/run/lab/notify.sh", "#!/bin/sh\n");
    fs::set_permissions(node.path("/run/lab/notify.sh"), PermissionsExt::from_mode(0o755)).expect("set a mode");
    node
}

/// Runs the daemon until it is master of both.
fn masters(node: &Node) -> Daemon<'_> {
    // In a user namespace root's files look like nobody's, which script security rightly refuses.
    let real = fs::metadata("/").is_ok_and(|root| root.uid() == 0);
    assert!(real, "this test runs scripts: it needs root, not only a user namespace");
    let daemon = started(node, &conf());
    let entered = |name: &str| daemon.logs(&format!("({name}) Entering MASTER STATE"), 15 * SECOND);
    assert!(entered("VI_1") && entered("V6"), "{}", daemon.log());
    assert!(
        wait_until(5 * SECOND, || !daemon
            .data()
            .lines()
            .any(|line| line.contains(" scope ") && !line.ends_with(" set"))),
        "{}",
        daemon.data()
    );
    daemon
}

/// Signals that come before it reads them would end it.
fn started<'lab>(node: &'lab Node, conf: &str) -> Daemon<'lab> {
    let daemon = Daemon::holdfast(node, conf, &[]);
    assert!(daemon.logs("Startup complete", 10 * SECOND), "{}", daemon.log());
    daemon
}

/// What keepalived 2.4.3 wrote, where that lies beside the repository.
fn golden(name: &str) -> Option<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden/keepalived-2.4.3/");
    fs::read_to_string(format!("{path}{name}")).ok()
}

/// `place.name=value` for everything in a JSON text, in its order, escapes as they are.
fn flat(json: &str) -> Vec<String> {
    let mut found = Vec::new();
    let rest = flat_value(json, String::new(), &mut found);
    assert_eq!(rest.trim(), "", "something stands behind the JSON");
    found
}

fn flat_value<'t>(text: &'t str, place: String, found: &mut Vec<String>) -> &'t str {
    let text = text.trim_start();
    let close = match text.chars().next() {
        Some('{') => '}',
        Some('[') => ']',
        Some('"') => {
            let (value, rest) = string(text);
            found.push(format!("{place}=\"{value}\""));
            return rest;
        }
        _ => {
            let end = text.find([',', '}', ']']).expect("a number or word has an end");
            found.push(format!("{place}={}", text[..end].trim()));
            return &text[end..];
        }
    };
    let mut rest = text[1..].trim_start();
    for number in 0.. {
        if let Some(behind) = rest.strip_prefix(close) {
            return behind;
        }
        if number > 0 {
            rest = rest.strip_prefix(',').expect("a comma between values").trim_start();
        }
        let mut name = number.to_string();
        if close == '}' {
            let (key, behind) = string(rest);
            name = key.to_owned();
            rest = behind.trim_start().strip_prefix(':').expect("a colon after a name");
        }
        rest = flat_value(rest, format!("{place}.{name}"), found).trim_start();
    }
    rest
}

fn string(text: &str) -> (&str, &str) {
    let text = text.strip_prefix('"').expect("a string begins with a quote");
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let end = end.expect("a string ends with a quote");
    (&text[..end], &text[end + 1..])
}

/// Times and numbers of adverts differ from run to run.
fn masked(lines: Vec<String>) -> Vec<String> {
    let varies = ["last_transition", "advert_sent"];
    let mask = |line: String| match line.split_once('=') {
        Some((name, _)) if varies.iter().any(|field| name.ends_with(field)) => format!("{name}=*"),
        _ => line,
    };
    lines.into_iter().map(mask).collect()
}

/// Both instances; `*` is what varies.
const JSON: &str = r#"{"vrrp": [
{"data": {"iname": "VI_1", "dont_track_primary": 0, "skip_check_adv_addr": 0, "strict_mode": 0, "vmac_ifname": "",
"ifp_ifname": "v0", "master_priority": 0, "last_transition": *, "garp_delay": 5, "garp_refresh": 0, "garp_rep": 5,
"garp_refresh_rep": 1, "garp_lower_prio_delay": 5, "garp_lower_prio_rep": 5, "lower_prio_no_advert": 0,
"higher_prio_send_advert": 0, "vrid": 51, "base_priority": 100, "effective_priority": 100, "vipset": true,
"promote_secondaries": false, "adver_int": 1, "master_adver_int": 1, "accept": 1, "nopreempt": false,
"preempt_delay": 0, "state": 2, "wantstate": 2, "version": 2, "smtp_alert": true, "notify_deleted": false,
"script_backup": "'\/run\/lab\/notify.sh' 'b1'", "script_master": "'\/run\/lab\/notify.sh' 'a1' 'a 2'",
"script_fault": "'\/run\/lab\/notify.sh' 'f1'", "script_stop": "'\/run\/lab\/notify.sh' 's1'",
"script": "'\/run\/lab\/notify.sh' 'extra'",
"vips": ["10.99.0.100\/24 dev v0 scope global label v0:vip set", "10.99.0.101 dev v0 scope global set"],
"evips": ["10.99.0.110 dev v0 scope global set"], "auth_type": 1, "auth_data": "********"},
"stats": {"advert_rcvd": 0, "advert_sent": *, "become_master": 1, "release_master": 0, "packet_len_err": 0,
"advert_interval_err": 0, "ip_ttl_err": 0, "invalid_type_rcvd": 0, "addr_list_err": 0, "invalid_authtype": 0,
"authtype_mismatch": 0, "auth_failure": 0, "auth_ext_missing": 0, "auth_ext_malformed": 0, "auth_ext_unknown_key": 0,
"auth_ext_invalid_hmac": 0, "auth_ext_stale": 0, "auth_ext_replay": 0, "pri_zero_rcvd": 0, "pri_zero_sent": 0}},
{"data": {"iname": "V6", "dont_track_primary": 0, "skip_check_adv_addr": 0, "strict_mode": 0, "vmac_ifname": "",
"ifp_ifname": "v0", "master_priority": 0, "last_transition": *, "garp_delay": 5, "garp_refresh": 0, "garp_rep": 5,
"garp_refresh_rep": 1, "garp_lower_prio_delay": 5, "garp_lower_prio_rep": 5, "lower_prio_no_advert": 0,
"higher_prio_send_advert": 0, "vrid": 52, "base_priority": 100, "effective_priority": 115, "vipset": true,
"promote_secondaries": false, "adver_int": 0.5, "master_adver_int": 0.5, "accept": 1, "nopreempt": true,
"preempt_delay": 0, "state": 2, "wantstate": 2, "version": 3, "smtp_alert": false, "notify_deleted": false,
"vips": ["fe80::52\/64 dev v0 scope global preferred_lft forever set",
"2001:db8::52\/64 dev v0 scope global preferred_lft forever set"],
"track_ifp": ["lo"], "track_script": ["'\/usr\/bin\/test' '-f' '\/run\/lab\/ok'"], "auth_type": 0},
"stats": {"advert_rcvd": 0, "advert_sent": *, "become_master": 1, "release_master": 0, "packet_len_err": 0,
"advert_interval_err": 0, "ip_ttl_err": 0, "invalid_type_rcvd": 0, "addr_list_err": 0, "invalid_authtype": 0,
"authtype_mismatch": 0, "auth_failure": 0, "auth_ext_missing": 0, "auth_ext_malformed": 0, "auth_ext_unknown_key": 0,
"auth_ext_invalid_hmac": 0, "auth_ext_stale": 0, "auth_ext_replay": 0, "pri_zero_rcvd": 0, "pri_zero_sent": 0}}
]}"#;

/// Asks by signal number and waits for the file.
fn ask(daemon: &mut Daemon<'_>, signal: i32, path: &str) -> String {
    let _ = fs::remove_file(daemon.node().path(path));
    daemon.process().signal(signal);
    let node = daemon.node();
    assert!(wait_until(5 * SECOND, || node.path(path).exists()), "no {path} after signal {signal}: {}", daemon.log());
    node.read(path).expect("it is there")
}

#[test]
fn json_has_the_fields_of_keepalived_in_their_order() {
    let node = machine();
    let mut daemon = masters(&node);
    for signal in [36, 37] {
        // Renamed into place, it is whole as soon as it is there.
        let text = ask(&mut daemon, signal, "/tmp/keepalived.json");
        assert!(text.ends_with("]}\n") && text.matches('\n').count() == 1, "{text}");
        assert_eq!(masked(flat(&text)), masked(flat(JSON)));
        let transition = text.split("\"last_transition\":").nth(1).and_then(|rest| rest.split(',').next());
        let (seconds, micros) = transition.and_then(|number| number.split_once('.')).expect("a decimal number");
        assert!(seconds.len() == 10 && micros.len() == 6, "{transition:?}");
    }
    if let Some(text) = golden("j1.json") {
        let mut lines = masked(flat(&text));
        lines.retain(|line| !line.contains(".vroutes.") && !line.contains(".vrules."));
        assert_eq!(lines, masked(flat(JSON)));
    }
}

/// The block of an instance that counted nothing.
const STATS: &str = "VRRP Instance: VI_1
  Advertisements:
    Received: 0
    Sent: *
  Became master: 1
  Released master: 0
  Packet Errors:
    Length: 0
    TTL: 0
    Invalid Type: 0
    Advertisement Interval: 0
    Address List: 0
  Authentication Errors:
    Invalid Type: 0
    Type Mismatch: 0
    Failure: 0
  Authentication Extension Errors:
    Missing: 0
    Malformed: 0
    Unknown Key: 0
    Invalid HMAC: 0
    Stale: 0
    Replay: 0
  Priority Zero:
    Received: 0
    Sent: 0
";

#[test]
fn statistics_have_the_lines_of_keepalived() {
    let node = machine();
    let daemon = masters(&node);
    let mask = |text: &str| {
        let mut previous = "";
        let mut lines = String::new();
        for line in text.lines() {
            // That of the adverts, not that of those with priority zero.
            let varies = line.starts_with("    Sent: ")
                && previous.starts_with("    Received: ")
                && !lines.ends_with("Zero:\n    Received: 0\n");
            lines += if varies { "    Sent: *" } else { line };
            lines += "\n";
            previous = line;
        }
        lines
    };
    let expected = format!("{STATS}{}", STATS.replace("VI_1", "V6"));
    assert_eq!(mask(&daemon.stats()), expected);
    if let Some(text) = golden("keepalived.stats") {
        assert_eq!(mask(&text), expected);
    }
}

/// An instance, a group, a script and an interface; `*` is what varies.
const DATA: &str = "------< VRRP Topology >------
 VRRP Instance = VI_1
   VRRP Version = 2
   Sync group = G1
   State = MASTER
   Flags: none
   Wantstate = MASTER
   Number of config faults = 0
   Number of tracker faults = 0
   Flags of interface faults - (none)
   Number of track scripts init = 0
   Last transition = *
   Read timeout = *
   Master down timer = 3609375 usecs
   Interface = v0
   Using src_ip = 10.99.0.1
   Multicast address 224.0.0.18
   Gratuitous ARP delay = 5
   Gratuitous ARP repeat = 5
   Gratuitous ARP refresh = 0
   Gratuitous ARP refresh repeat = 1
   Gratuitous ARP lower priority delay = 5
   Gratuitous ARP lower priority repeat = 5
   Down timer adverts = 3
   Send advert after receive lower priority advert = true
   Send advert after receive higher priority advert = false
   Virtual Router ID = 51
   Priority = 100
   Effective priority = 100
   Total priority = 100
   Advert interval = 1 sec
   Last advert sent = *
   Accept = enabled
   Preempt = enabled
   Promote_secondaries = disabled
   Authentication type = SIMPLE_PASSWORD
   Password = ********
   Virtual IP (2):
     10.99.0.100/24 dev v0 scope global label v0:vip set
     10.99.0.101 dev v0 scope global set
   Virtual IP Excluded :
     10.99.0.110 dev v0 scope global set
   fd_in *
   Using smtp notification = yes
   Notify deleted = Fault
   Backup state transition script = '/run/lab/notify.sh' 'b1', uid:gid 0:0
   Master state transition script = '/run/lab/notify.sh' 'a1' 'a 2', uid:gid 0:0
   Fault state transition script = '/run/lab/notify.sh' 'f1', uid:gid 0:0
   Stop state transition script = '/run/lab/notify.sh' 's1', uid:gid 0:0
   Generic state transition script = '/run/lab/notify.sh' 'extra', uid:gid 0:0
   Notify priority changes = true
 VRRP Instance = V6
   VRRP Version = 3
   Using Native IPv6
   State = MASTER
   Flags:
";

/// See [`DATA`].
const REST: &str = "------< VRRP Sockpool >------
 fd_in *
   Interface = v0
   Family = IPv4
   Protocol = VRRP
   Type = Multicast
   Rx buf size = *
   VRRP instances
     VI_1 vrid 51
 fd_in *
   Interface = v0
   Family = IPv6
   Protocol = VRRP
   Type = Multicast
   Rx buf size = *
   VRRP instances
     V6 vrid 52
------< VRRP Sync groups >------
 VRRP Sync Group = G1, MASTER
   Num member fault 0, num member init 0
   VRRP member instances :
     VI_1
   Using smtp notification = yes
   Generic state transition script = '/run/lab/notify.sh', uid:gid 0:0
------< VRRP Scripts >------
 VRRP Script = chk_ok
   Command = '/usr/bin/test' '-f' '/run/lab/ok'
   Interval = 1 sec
   Timeout = 0 sec
   Weight = 10
   Rise = 1
   Fall = 2
   Result = 2
   Insecure = no
   Init state = unknown
   Status = GOOD
   Script uid:gid = 0:0
   VRRP instances :
   Tracking instances :
     V6, weight 10
   State = *
------< Interfaces >------
";

/// What differs between machines and moments.
fn masked_data(text: &str) -> String {
    let varies = [
        "   Last transition = ",
        "   Read timeout = ",
        "   Last advert sent = ",
        "   fd_in ",
        " fd_in ",
        "   Rx buf size = ",
        "   State = idle",
        "   State = running",
        "   Using src_ip = fe80:",
        "   IPv6 address = fe80:",
        "   MAC = ",
        "   index = ",
    ];
    let mask = |line: &str| {
        let known = varies.iter().find(|start| line.starts_with(**start));
        let kept =
            known.map(|start| start.trim_end_matches("idle").trim_end_matches("running").trim_end_matches("fe80:"));
        let index = line.find(", ifindex ").filter(|_| line.starts_with("   Multicast address"));
        match (kept, index) {
            (Some(start), _) => format!("{start}*\n"),
            (None, Some(at)) => format!("{}, ifindex *\n", &line[..at]),
            (None, None) => format!("{line}\n"),
        }
    };
    text.lines().map(mask).collect()
}

/// Keys of what keepalived has and this daemon has not, and the number of the lines that hang below.
const ABSENT: [(&str, usize); 33] = [
    (" Network namespace", 0),
    (" Don't set supplementary groups", 0),
    (" Smtp HELO name", 0),
    (" Default smtp_alert_checker", 0),
    (" Checkers log all failures", 0),
    (" No test config before reload", 0),
    (" Disable local IGMP", 0),
    (" LVS flush", 0),
    (" Gratuitous ARP for each secondary VMAC", 0),
    (" nftables", 0),
    (" libnftnl", 0),
    (" Max auto priority", 0),
    (" Min auto priority delay", 0),
    (" VRRP realtime limit", 0),
    (" Checker ", 0),
    (" BFD ", 0),
    (" vrrp_netlink_", 0),
    (" process_monitor_", 0),
    (" lvs_netlink_", 0),
    (" rs_init_notifies", 0),
    (" no_checker_emails", 0),
    (" iproute ", 0),
    ("   Virtual Routes :", 1),
    ("   Virtual Rules :", 1),
    ("   MAC broadcast", 0),
    ("   Seen up", 0),
    ("   Delayed state change", 0),
    ("   Up debounce", 0),
    ("   Down debounce", 0),
    ("   Group = ", 0),
    ("   Reset ", 0),
    ("   Original ", 0),
    ("   Not IPv6 forwarding", 0),
];

/// A text's lines from the one that is `title` on, up to the next title.
fn section<'t>(text: &'t str, title: &str) -> Vec<&'t str> {
    let lines = text.lines().skip_while(|line| *line != format!("------< {title} >------")).skip(1);
    lines.take_while(|line| !line.starts_with("------<")).collect()
}

#[test]
fn data_has_the_keys_of_keepalived_in_their_order() {
    let node = machine();
    let daemon = masters(&node);
    let ours = masked_data(&daemon.data());
    assert!(ours.starts_with("------< Global definitions >------\n Replace symlinks"), "{ours}");
    assert!(ours.contains(DATA), "{ours}");
    assert!(ours.contains(REST), "{ours}");
    let Some(text) = golden("keepalived.data") else { return };
    let theirs = masked_data(&without_absent(&text));
    for title in ["Global definitions", "VRRP Topology", "VRRP Sockpool", "VRRP Sync groups", "VRRP Scripts"] {
        assert_eq!(section(&ours, title), section(&theirs, title), "{title}");
    }
    // Ours are in the order of the configuration, and only those that it names.
    for name in ["lo", "v0"] {
        let block = |text: &str| -> Vec<String> {
            let from = text.lines().skip_while(|line| *line != format!(" Name = {name}")).skip(1);
            from.take_while(|line| line.starts_with("   ")).map(str::to_owned).collect()
        };
        assert!(block(&ours).len() > 5, "{ours}");
        assert_eq!(block(&ours), block(&theirs), "{name}");
    }
}

fn without_absent(text: &str) -> String {
    let mut below = 0;
    let mut kept = String::new();
    for line in text.lines() {
        let absent = ABSENT.iter().find(|(key, _)| line.starts_with(key));
        if let Some((_, lines)) = absent {
            below = *lines;
        } else if below > 0 {
            below -= 1;
        } else {
            kept += line;
            kept += "\n";
        }
    }
    kept
}

/// An advert of VI_1's rival as a frame.
fn frame(hop_limit: u8, priority: u8, change: impl FnOnce(&mut Repr<'_>, &mut Vec<u8>)) -> Vec<u8> {
    let (source, destination) = (Ipv4Addr::new(10, 99, 0, 9), Ipv4Addr::new(224, 0, 0, 18));
    let addresses = [IpAddr::V4(Ipv4Addr::new(10, 99, 0, 100)), IpAddr::V4(Ipv4Addr::new(10, 99, 0, 101))];
    let mut repr = Repr {
        version: Version::V2,
        vrid: 51,
        priority,
        interval: Centis::SECOND,
        addresses: &addresses,
        auth: Some(*b"secret12"),
        checksum_form: ChecksumForm::MessageOnly,
    };
    let mut replacement = Vec::new();
    change(&mut repr, &mut replacement);
    let mut buffer = [0; 128];
    let pseudo = Pseudo { source: IpAddr::V4(source), destination: IpAddr::V4(destination) };
    let length = repr.emit(&pseudo, &mut buffer).expect("it fits");
    let message = if replacement.is_empty() { &buffer[..length] } else { &replacement };
    let total = (20 + message.len()) as u16;
    let mut header = vec![0x45, 0xc0];
    header.extend(total.to_be_bytes());
    header.extend([0, 0, 0, 0, hop_limit, 112, 0, 0]);
    header.extend(source.octets().into_iter().chain(destination.octets()));
    let sum: u32 = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    header[10..12].copy_from_slice(&(!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes());
    let mut frame = vec![0x01, 0, 0x5e, 0, 0, 0x12, 0x02, 0, 0, 0, 0, 9, 0x08, 0];
    frame.extend(header.iter().chain(message));
    frame
}

#[test]
fn what_is_refused_is_counted_by_its_reason() {
    let node = machine();
    let daemon = masters(&node);
    let rival = node.transmitter("vx");
    const OTHER: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::new(10, 99, 0, 77))];
    rival.send(&frame(254, 200, |_, _| {}));
    for _ in 0..2 {
        rival.send(&frame(255, 200, |repr, _| repr.auth = Some(*b"wrong\0\0\0")));
    }
    rival.send(&frame(255, 200, |repr, _| repr.auth = None));
    rival.send(&frame(255, 200, |repr, _| repr.interval = Centis(300)));
    rival.send(&frame(255, 200, |_, message| message.extend([0x21, 51, 200, 0])));
    rival.send(&frame(255, 200, |_, message| message.extend([0x22, 51, 200, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])));
    rival.send(&frame(255, 1, |repr, _| repr.addresses = OTHER));
    assert!(wait_until(5 * SECOND, || daemon.stats().contains("    Received: 1\n")), "{}", daemon.stats());

    let json = flat(&daemon.json());
    let stats = daemon.stats();
    for (field, line, count) in [
        ("ip_ttl_err", "  Packet Errors:\n    Length: 1\n    TTL: 1\n", 1),
        ("packet_len_err", "    Length: 1\n", 1),
        ("invalid_type_rcvd", "    Invalid Type: 1\n    Advertisement Interval: 1\n    Address List: 1\n", 1),
        ("advert_interval_err", "    Advertisement Interval: 1\n", 1),
        ("addr_list_err", "    Address List: 1\n", 1),
        ("invalid_authtype", "  Authentication Errors:\n    Invalid Type: 0\n", 0),
        ("authtype_mismatch", "    Type Mismatch: 1\n    Failure: 2\n", 1),
        ("auth_failure", "    Failure: 2\n", 2),
        ("advert_rcvd", "    Received: 1\n", 1),
    ] {
        let wanted = format!(".vrrp.0.stats.{field}={count}");
        assert!(json.contains(&wanted), "{wanted} in {json:?}");
        assert!(stats.contains(line), "{line} in {stats}");
    }

    let data = daemon.data();
    let own = section(&data, "Holdfast");
    assert!(own.contains(&" Allocations while running = 0"), "{data}");
    let ours: Vec<_> = own.iter().skip_while(|line| **line != " Router = VI_1").skip(1).collect();
    assert!(ours[0].starts_with("   Last heard = 10.99.0.9, priority 1, ") && ours[0].ends_with(" s ago"), "{data}");
    let refused = [
        "   Checksum of last heard = without pseudo-header",
        "   Refused for length = 1",
        "   Refused for type = 1",
        "   Refused for hop_limit = 1",
        "   Refused for auth_type_differs = 1",
        "   Refused for password = 2",
        "   Refused for interval_differs = 1",
        " Router = V6",
        "   Last heard = nobody",
    ];
    assert_eq!(ours[1..].iter().map(|line| **line).collect::<Vec<_>>(), refused);
}

#[test]
fn files_belong_to_root_appear_whole_and_follow_no_link() {
    let node = machine();
    let mut daemon = started(&node, INSTANCE);
    let pid = node.read(&daemon.pid_file()).expect("a pid file").trim().to_owned();
    node.write("/tmp/victim", "precious");
    for (signal, name, log) in [
        (libc::SIGUSR1, "keepalived.data", "Printing VRRP data"),
        (libc::SIGUSR2, "keepalived.stats", "Printing VRRP stats"),
        (36, "keepalived.json", "Printing VRRP as json"),
        (37, "keepalived.json", "Printing VRRP as json"),
    ] {
        let path = node.path(&format!("/tmp/{name}"));
        let temporary = node.path(&format!("/tmp/{name}.{pid}.new"));
        let _ = fs::remove_file(&path);
        symlink("/tmp/victim", &path).expect("plant a link");
        symlink("/tmp/victim", &temporary).expect("plant another");
        daemon.process().signal(signal);
        let is_file = || path.symlink_metadata().is_ok_and(|found| found.is_file());
        assert!(wait_until(5 * SECOND, is_file), "{name}: {}", daemon.log());
        assert_eq!(node.read("/tmp/victim").as_deref(), Some("precious"), "{name}");
        assert!(temporary.symlink_metadata().is_err(), "{name}: the temporary file is left over");
        let first = fs::metadata(&path).expect("it is there");
        assert_eq!((first.mode() & 0o7777, first.uid()), (0o600, fs::metadata(node.path("/tmp")).expect("/tmp").uid()));

        // Replaced, not written over: who reads the old one reads it to its end.
        let old = fs::File::open(&path).expect("open it");
        daemon.process().signal(signal);
        let replaced = || fs::metadata(&path).is_ok_and(|found| found.ino() != first.ino());
        assert!(wait_until(5 * SECOND, replaced), "{name}: {}", daemon.log());
        assert_eq!(old.metadata().expect("still open").len(), first.len());
        assert!(daemon.log().contains(&format!("{log} for process({pid}) on signal")), "{}", daemon.log());
    }
    let json = ask(&mut daemon, 36, "/tmp/keepalived.json");
    assert!(json.starts_with("[{\"data\":{\"iname\":\"VI_1\",") && json.ends_with("}}]\n"), "{json}");
}

#[test]
fn without_an_instance_there_is_no_json() {
    let node = machine();
    let mut daemon = started(&node, "global_defs {\n router_id lonely\n}\n");
    daemon.process().signal(36);
    // Signals are read in the order of their numbers or their coming; the second answer proves the first.
    assert!(daemon.data().contains(" Router ID = lonely\n"));
    assert!(daemon.logs("No json is written", 5 * SECOND), "{}", daemon.log());
    assert!(!node.path("/tmp/keepalived.json").exists());
}

/// A fault, an interface that does not exist, unicast, and a name that JSON has to escape.
const ODD: &str = "
global_defs {
  script_user root
}
vrrp_instance \"a/b\" {
  version 3
  interface v0
  virtual_router_id 9
  priority 255
  advert_int 0.01
  garp_master_delay 0.5
  notify_deleted \"/run/lab/notify.sh d\"
  virtual_ipaddress {
    10.1.1.1/24 brd + dev gone9 no_track
  }
  unicast_peer {
    10.99.0.2 min_ttl 3 max_ttl 9
  }
}
";

#[test]
fn an_interface_that_is_not_there_and_the_form_of_what_is_odd() {
    let node = machine();
    node.must_run(&["ip", "link", "set", "v0", "down"]);
    let daemon = started(&node, ODD);
    let data = daemon.data();
    for line in [
        " VRRP Instance = a/b",
        "   State = FAULT",
        "   Wantstate = FAULT",
        "   Flags of interface faults - down",
        "   Advert interval = 10 milli-sec",
        "   Notify deleted = Deleted",
        "   Deleted state transition script = '/run/lab/notify.sh' 'd', uid:gid 0:0",
        "     10.1.1.1/24 brd 10.1.1.255 dev gone9 scope global no_track",
        "   Unicast Peer :",
        "     10.99.0.2 min_ttl 3 max_ttl 9",
        "   Type = Unicast",
        "   State = not present",
    ] {
        assert!(data.lines().any(|found| found == line), "{line} in\n{data}");
    }
    let json = flat(&daemon.json());
    for line in [".0.data.iname=\"a\\/b\"", ".0.data.state=3", ".0.data.adver_int=0.01", ".0.data.notify_deleted=true"]
    {
        assert!(json.iter().any(|found| found == line), "{line} in {json:?}");
    }
}
