//! What each rule of the language makes of a configuration, and what is said of it.

use core::net::IpAddr;

use super::*;
use crate::config::load::{Options, read_text};
use crate::config::model::{Auth, Family, Instance, Version};
use crate::config::print;
use crate::config::{Diagnostics, Severity};
use crate::time::{Centis, Duration};

fn load_with(text: &str, context: &Context) -> (Config, Diagnostics) {
    let (block, mut diagnostics) = read_text("t", text.as_bytes(), &Options::default());
    let config = build(&block, &mut diagnostics, context);
    (config, diagnostics)
}

fn load(text: &str) -> (Config, Diagnostics) {
    load_with(text, &Context::default())
}

/// An instance with these lines besides what it must have.
fn instance(lines: &str) -> (Instance, Diagnostics) {
    let text = format!(
        "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {{\n10.0.0.1/24\n}}\n{lines}\n}}\n"
    );
    let (mut config, diagnostics) = load(&text);
    (config.instances.pop().expect("an instance"), diagnostics)
}

/// What is said, of at least this severity.
fn said(diagnostics: &Diagnostics, least: Severity) -> Vec<String> {
    let lines = diagnostics.list.iter().filter(|found| found.severity >= least);
    lines.map(|found| diagnostics.show(found).to_string()).collect()
}

#[track_caller]
fn one_error(diagnostics: &Diagnostics, part: &str) {
    let errors = said(diagnostics, Severity::Error);
    assert!(matches!(errors.as_slice(), [only] if only.contains(part)), "{part:?} expected in {errors:#?}");
}

#[track_caller]
fn no_error(diagnostics: &Diagnostics) {
    assert_eq!(said(diagnostics, Severity::Error), Vec::<String>::new());
}

#[test]
fn an_instance_has_keepaliveds_defaults() {
    let (instance, diagnostics) = instance("");
    assert_eq!(diagnostics.list, []);
    assert_eq!((instance.vrid, instance.priority, instance.version), (51, 100, Version::V2));
    assert_eq!((instance.advert_int, instance.family), (Centis::SECOND, Family::V4));
    assert!(instance.preempt && instance.accept && !instance.starts_active);
    assert_eq!(instance.mcast_group, "224.0.0.18".parse::<IpAddr>().expect("an address"));
    assert_eq!((instance.down_timer_adverts, instance.unicast_ttl), (3, 255));
    assert_eq!((instance.announce.delay, instance.announce.repeat), (Duration::from_secs(5), 5));
}

#[test]
fn a_slip_is_found_where_it_is() {
    let (_, diagnostics) = instance("prioritiy 90");
    one_error(&diagnostics, "t:7:1: Unknown keyword 'prioritiy' in vrrp_instance");
    one_error(&diagnostics, "did you mean 'priority'?");
    let (_, diagnostics) = instance("priority 300");
    one_error(&diagnostics, "t:7:10: priority: '300' is not a whole number from 1 to 255");
    let (_, diagnostics) = instance("priority");
    one_error(&diagnostics, "t:7:1: priority needs a whole number from 1 to 255");
}

#[test]
fn a_block_of_an_unknown_keyword_is_one_error() {
    let (instance, diagnostics) = instance("trak_interface {\neth1\neth2\n}\npriority 90");
    one_error(&diagnostics, "did you mean 'track_interface'?");
    assert_eq!(instance.priority, 90);
}

#[test]
fn state_master_rules_out_what_waits() {
    let (one, diagnostics) = instance("state MASTER\npriority 90\nnopreempt\n");
    one_error(&diagnostics, "nopreempt needs state BACKUP");
    assert!(one.preempt && one.starts_active);
    let (one, diagnostics) = instance("state MASTER\npriority 90\npreempt_delay 5\n");
    one_error(&diagnostics, "preempt_delay needs state BACKUP");
    assert!(one.preempt_delay.is_zero());
    let (one, diagnostics) = instance("nopreempt\npreempt_delay 5");
    one_error(&diagnostics, "no meaning with nopreempt");
    assert!(!one.preempt && one.preempt_delay.is_zero());
    let (one, diagnostics) = instance("preempt_delay 5.5");
    no_error(&diagnostics);
    assert_eq!(one.preempt_delay, Duration::from_millis(5500));
}

#[test]
fn the_owner_always_preempts() {
    let (one, diagnostics) = instance("state MASTER");
    no_error(&diagnostics);
    assert_eq!(one.priority, 255);
    let (one, diagnostics) = instance("priority 255\nnopreempt");
    one_error(&diagnostics, "always preempts");
    assert!(one.preempt);
    let (one, diagnostics) = instance("priority 255\ntrack_interface {\neth1 weight 5\neth2\n}");
    one_error(&diagnostics, "t:8:1: vrrp_instance A: the priority of an address owner never changes");
    assert!(one.starts_active && one.track_interfaces.len() == 1);
    let (one, diagnostics) = instance("priority 255\nstate BACKUP");
    no_error(&diagnostics);
    assert!(!one.starts_active);
    let (one, diagnostics) = instance("state SLAVE");
    one_error(&diagnostics, "neither MASTER nor BACKUP");
    assert!(!one.starts_active);
}

#[test]
fn the_interval_is_what_the_version_can_say() {
    for (lines, centis, error) in [
        ("advert_int 3", 300, ""),
        ("advert_int 255", 25_500, ""),
        ("advert_int 1.5", 200, "whole seconds only"),
        ("advert_int 0.1", 100, "whole seconds only"),
        ("advert_int 0.1\nversion 3", 10, ""),
        ("advert_int 0.015\nversion 3", 2, "hundredths"),
        ("advert_int 60\nversion 3", 4095, "40.95"),
        ("advert_int 0", 100, "is not seconds from 0.01 to 255"),
        ("advert_int 256", 100, "is not seconds from 0.01 to 255"),
    ] {
        let (one, diagnostics) = instance(lines);
        assert_eq!(one.advert_int, Centis(centis), "{lines}");
        if error.is_empty() { no_error(&diagnostics) } else { one_error(&diagnostics, error) }
    }
}

#[test]
fn passwords_are_eight_bytes_of_version_2() {
    let (one, diagnostics) = instance("authentication {\nauth_type PASS\nauth_pass 1234\n}");
    no_error(&diagnostics);
    assert_eq!(one.auth, Auth::Pass(*b"1234\0\0\0\0"));
    let (one, diagnostics) = instance("authentication {\nauth_type PASS\nauth_pass 123456789\n}");
    one_error(&diagnostics, "t:9:11: auth_pass has 9 bytes");
    assert_eq!(one.auth, Auth::Pass(*b"12345678"));
    let (one, diagnostics) = instance("version 3\nauthentication {\nauth_type PASS\nauth_pass 1234\n}");
    one_error(&diagnostics, "version 3 has no authentication");
    assert_eq!(one.auth, Auth::None);
    let (_, diagnostics) = instance("authentication {\nauth_type PASS\n}");
    one_error(&diagnostics, "no auth_pass");
}

#[test]
fn ipv6_is_version_3_and_a_host_address_is_deprecated() {
    let text =
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\nfe80::1/64\n2001:db8::1\n}\n}\n";
    let (config, diagnostics) = load(text);
    assert_eq!(diagnostics.list, []);
    let one = &config.instances[0];
    assert_eq!((one.version, one.family), (Version::V3, Family::V6));
    assert_eq!(one.mcast_group, "ff02::12".parse::<IpAddr>().expect("an address"));
    assert_eq!(one.addresses[0].preferred_lft, None);
    assert_eq!(one.addresses[1].preferred_lft, Some(Some(Duration::ZERO)));
}

#[test]
fn one_instance_has_one_family() {
    let (one, diagnostics) = instance("virtual_ipaddress {\nfe80::1\n}\nvirtual_ipaddress_excluded {\nfe80::2/64\n}");
    one_error(&diagnostics, "t:8:1: fe80::1 is of another family");
    assert_eq!((one.addresses.len(), one.excluded.len()), (1, 1));
}

#[test]
fn address_lines_have_their_options() {
    let (one, diagnostics) = instance(
        "virtual_ipaddress_excluded {\n10.1.0.1/16 brd + dev eth1 scope link label eth1:1 noprefixroute no_track\n\
         10.1.0.2/24 brd - peer 10.9.0.1/32 preferred_lft 10 home -nodad mngtmpaddr autojoin\n}",
    );
    no_error(&diagnostics);
    let [first, second] = one.excluded.as_slice() else { panic!("two addresses") };
    assert_eq!((first.prefix, first.scope), (16, 253));
    assert_eq!(first.broadcast.map(|ip| ip.to_string()).as_deref(), Some("10.1.255.255"));
    assert_eq!((first.device.as_deref(), first.label.as_deref()), (Some("eth1"), Some("eth1:1")));
    assert!(first.noprefixroute && first.no_track && !first.home);
    assert_eq!(second.broadcast.map(|ip| ip.to_string()).as_deref(), Some("10.1.0.0"));
    assert_eq!(second.peer, Some(("10.9.0.1".parse().expect("an address"), 32)));
    assert_eq!(second.preferred_lft, Some(Some(Duration::from_secs(10))));
    assert!(second.home && second.nodad && second.mngtmpaddr && second.autojoin);
}

#[test]
fn address_lines_say_what_is_wrong() {
    for (line, kept, error) in [
        ("x.x.x.x", false, "t:8:1: 'x.x.x.x' is not an IP address"),
        ("10.1.0.1/33", true, "'33' is not a prefix length from 0 to 32"),
        ("10.1.0.1 lable eth0:1", true, "did you mean 'label'?"),
        ("10.1.0.1 label", true, "label needs a word"),
        ("10.1.0.1 label 0123456789abcdef", false, "longer than 15"),
        ("10.1.0.1 brd x", false, "not a broadcast address"),
        ("10.1.0.1 scope nope", true, "is no scope"),
        ("10.0.0.1/24", false, "there already"),
    ] {
        let (one, diagnostics) = instance(&format!("virtual_ipaddress {{\n{line}\n}}"));
        let errors = said(&diagnostics, Severity::Error);
        assert!(errors.iter().any(|text| text.contains(error)), "{line}: {errors:?}");
        assert_eq!(one.addresses.len() == 2, kept, "{line}");
    }
}

#[test]
fn what_an_advert_cannot_hold_is_excluded() {
    let many: String = (0..300).map(|n| format!("10.1.{}.{}\n", n / 200, n % 200)).collect();
    let (one, diagnostics) = instance(&format!("virtual_ipaddress {{\n{many}}}"));
    one_error(&diagnostics, "an advert holds 255 addresses");
    assert_eq!((one.addresses.len(), one.excluded.len()), (255, 46));
}

#[test]
fn routers_must_be_told_apart() {
    let block = |name: &str, lines: &str| {
        format!("vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id 51\n{lines}\n}}\n")
    };
    let v4 = "virtual_ipaddress {\n10.0.0.1\n}";
    let unicast = |peer: &str| format!("{v4}\nunicast_src_ip 10.0.0.9\nunicast_peer {{\n{peer}\n}}");
    for (second, clash) in [
        (block("B", v4), true),
        (block("B", "virtual_ipaddress {\nfe80::1\n}"), false),
        (block("B", &unicast("10.0.0.8")), false),
        (block("B", &format!("{v4}\nmcast_dst_ip 224.0.0.99")), false),
        (block("B", &v4.replace("10", "11")).replace("eth0", "eth1"), false),
        (block("A", &v4.replace("10", "11")).replace("51", "52"), true),
    ] {
        let (config, diagnostics) = load(&(block("A", v4) + &second));
        assert_eq!(config.instances.len(), if clash { 1 } else { 2 }, "{second}");
        assert_eq!(diagnostics.exit_code(), if clash { 5 } else { 0 }, "{second}");
    }
    let both = |peer| block("A", &unicast("10.0.0.8")) + &block("B", &unicast(peer));
    assert_eq!(load(&both("10.0.0.7")).0.instances.len(), 2);
    assert_eq!(load(&both("10.0.0.8")).0.instances.len(), 1);
}

#[test]
fn without_number_or_interface_there_is_no_router() {
    let (config, diagnostics) = load("vrrp_instance A {\ninterface eth0\nvirtual_ipaddress {\n10.0.0.1\n}\n}");
    one_error(&diagnostics, "t:1:1: vrrp_instance A has no virtual_router_id");
    assert!(config.instances.is_empty());
    let lines = "virtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}";
    let (config, diagnostics) = load(&format!("vrrp_instance A {{\n{lines}\n}}"));
    one_error(&diagnostics, "has no interface");
    assert!(config.instances.is_empty());
    let unicast = "unicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.8 min_ttl 3 max_ttl 9\n}";
    let (config, diagnostics) = load(&format!("vrrp_instance A {{\n{lines}\n{unicast}\n}}"));
    no_error(&diagnostics);
    let peer = config.instances[0].peers[0];
    assert_eq!((peer.min_ttl, peer.max_ttl), (3, 9));
}

#[test]
fn unicast_words_need_peers() {
    for line in ["unicast_src_ip 10.0.0.9", "unicast_peer {\n}", "check_unicast_src", "unicast_ttl 3"] {
        let (one, diagnostics) = instance(line);
        one_error(&diagnostics, "unicast");
        assert!(one.peers.is_empty() && one.unicast_ttl == 255);
    }
}

#[test]
fn globals_are_the_defaults_of_instances() {
    let (config, diagnostics) = load(
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\ngarp_master_delay 7\n}\n\
         global_defs {\nvrrp_garp_master_repeat 2\nvrrp_garp_lower_prio_repeat 1\nvrrp_version 3\n\
         vrrp_mcast_group4 224.0.0.99\nvrrp_down_timer_adverts 5\nvrrp_garp_interval 0.25\n}\n",
    );
    no_error(&diagnostics);
    let one = &config.instances[0];
    assert_eq!((one.announce.delay, one.announce.repeat), (Duration::from_secs(7), 2));
    assert_eq!((one.announce.lower_prio_delay, one.announce.lower_prio_repeat), (Duration::from_secs(7), 1));
    assert_eq!((one.version, one.down_timer_adverts), (Version::V3, 5));
    assert_eq!(one.mcast_group.to_string(), "224.0.0.99");
    assert_eq!(config.global.garp_interval, Duration::from_millis(250));
    assert_eq!(config.global.router_id, "localhost");
}

#[test]
fn groups_have_two_known_members_each_in_one_group() {
    let member = |name: &str, vrid: u8| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n10.0.0.{vrid}\n}}\n}}\n"
        )
    };
    let members = member("A", 1) + &member("B", 2) + &member("C", 3);
    let group = |name: &str, names: &str| format!("vrrp_sync_group {name} {{\ngroup {{\n{names}\n}}\n}}\n");
    let (config, diagnostics) = load(&(group("G", "A\nB") + &members));
    no_error(&diagnostics);
    assert_eq!(config.groups[0].members, [0, 1]);
    for (second, groups, error) in [
        (group("H", "A\nC"), 2, "can be in one group only"),
        (group("H", "D\nC"), 2, "there is no vrrp_instance D"),
        (group("H", "C"), 2, "only one member"),
        (group("H", "A"), 1, "has no member"),
        (group("G", "C"), 1, "already"),
    ] {
        let (config, diagnostics) = load(&(group("G", "A\nB") + &second + &members));
        let errors = said(&diagnostics, Severity::Error);
        assert!(errors.iter().any(|text| text.contains(error)), "{error}: {errors:?}");
        assert_eq!(config.groups.len(), groups, "{second}");
    }
}

#[test]
fn trackers_take_the_scripts_weight_unless_they_have_one() {
    let (config, diagnostics) = load(
        "vrrp_script s {\nscript \"/bin/check 'a b' c\"\nweight -20\ninterval 0.5\nrise 2\n}\nvrrp_script f {\nscript </run/ok\n}\n\
         vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\n\
         track_script {\ns\nf weight 3 reverse\nnone\n}\n track_interface {\neth1 weight 5\neth0\n}\n}\n",
    );
    let one = &config.instances[0];
    assert_eq!(
        one.track_scripts.iter().map(|each| (each.script, each.weight, each.reverse)).collect::<Vec<_>>(),
        [(0, -20, false), (1, 3, true)]
    );
    assert_eq!(config.scripts[0].command.argv, ["/bin/check", "a b", "c"]);
    assert_eq!((config.scripts[0].interval, config.scripts[0].rise), (Duration::from_millis(500), 2));
    assert_eq!(config.scripts[1].file.as_deref(), Some(std::path::Path::new("/run/ok")));
    assert_eq!(one.track_interfaces.len(), 1);
    let errors = said(&diagnostics, Severity::Error);
    assert!(
        matches!(errors.as_slice(), [a, b] if a.contains("track_script none") && b.contains("its own interface")),
        "{errors:?}"
    );
}

#[test]
fn interfaces_that_are_missing_are_errors_unless_they_may_be() {
    let context = Context { interfaces: Some(vec!["eth0".into(), "eth1".into()]), ..Context::default() };
    let text = "vrrp_instance A {\ninterface eht0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1 dev eth1\n}\n}\n";
    let (config, diagnostics) = load_with(text, &context);
    one_error(&diagnostics, "t:2:11: vrrp_instance A: there is no interface 'eht0' now (did you mean 'eth0'?)");
    assert_eq!(config.instances.len(), 1);
    no_error(&load_with(&format!("{text}global_defs {{\ndynamic_interfaces\n}}\n"), &context).1);
    no_error(&load(text).1);
}

#[test]
fn scripts_are_judged_when_files_may_be_looked_at() {
    let context = Context { files: true, ..Context::default() };
    let text = |script: &str, globals: &str| {
        format!(
            "global_defs {{\n{globals}\n}}\nvrrp_script s {{\nscript \"{script}\"\n}}\n\
             vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n10.0.0.1\n}}\ntrack_script {{\ns\n}}\n}}\n"
        )
    };
    let secure = "script_user root\nenable_script_security";
    let (config, diagnostics) = load_with(&text("sh -c true", secure), &context);
    no_error(&diagnostics);
    assert!(config.scripts[0].command.argv[0].starts_with('/'));
    let (config, diagnostics) = load_with(&text("/nowhere/check", secure), &context);
    one_error(&diagnostics, "t:6:8: vrrp_script s: /nowhere/check does not exist");
    assert!(config.scripts.is_empty() && config.instances[0].track_scripts.is_empty());
    let (_, diagnostics) = load_with(&text("sh -c true", ""), &context);
    assert_eq!(diagnostics.exit_code(), 6);
    let (_, diagnostics) = load_with(&text("sh -c true", "script_user nosuchuser"), &context);
    assert_eq!(diagnostics.exit_code(), 5);
    assert!(said(&diagnostics, Severity::Error)[0].contains("there is no user 'nosuchuser'"));
}

#[test]
fn strict_holds_to_the_letter() {
    let (one, diagnostics) =
        instance("strict_mode on\nstate MASTER\npriority 90\nauthentication {\nauth_type PASS\nauth_pass x\n}");
    assert_eq!(said(&diagnostics, Severity::Error).len(), 2);
    assert!(!one.starts_active && one.auth == Auth::None && one.lower_prio_no_advert);
}

#[test]
fn keywords_without_effect_are_one_note_each() {
    let (_, diagnostics) = instance("use_vmac\nuse_vmac\nvirtual_routes {\n10.0.0.0/8 dev eth0\n}");
    assert_eq!(diagnostics.exit_code(), 0);
    let notes = said(&diagnostics, Severity::Note);
    assert!(matches!(notes.as_slice(), [a, b] if a.contains("use_vmac") && b.contains("virtual_routes")), "{notes:?}");
}

#[test]
fn a_virtual_server_is_checked_and_one_note() {
    let server = |head: &str, lines: &str, real: &str| {
        format!("virtual_server {head} {{\n{lines}\nreal_server 10.0.0.2 80 {{\nweight 1\n{real}\n}}\n}}\n")
    };
    let lines = "lvs_sched rr\nlvs_method DR\nprotocol TCP";
    let (_, diagnostics) = load(&server("10.0.0.1 80", lines, "TCP_CHECK {\nconnect_timeout 3\n}"));
    assert_eq!(said(&diagnostics, Severity::Note).len(), 1, "{:?}", diagnostics.list);
    assert_eq!(diagnostics.exit_code(), 0);
    for (text, error) in [
        (server("10.0.0.1 81", lines, ""), "only NAT can change it"),
        (server("nope 80", lines, ""), "write ADDRESS PORT"),
        (server("fwmark 1", lines, ""), "a fwmark has no protocol"),
        (server("10.0.0.1 80", "lvs_method DR\nprotocol TCP", ""), "without scheduler"),
        (server("10.0.0.1 80", lines, "HTTP_GET {\nurl {\npaht /\n}\n}"), "did you mean 'path'?"),
        (server("10.0.0.1 80", lines, "TCP_CHECK {\nconnect_port 70000\n}"), "'70000' is not"),
        (server("10.0.0.1 80", &format!("{lines}\nquorum 3"), ""), "quorum 3 is more"),
        (format!("virtual_server 10.0.0.1 80 {{\n{lines}\n}}\n"), "without real_server"),
    ] {
        one_error(&load(&text).1, error);
    }
}

#[test]
fn blocks_and_names_are_where_they_belong() {
    one_error(&load("vrrp_instance {\ninterface eth0\n}").1, "must have a name");
    one_error(&load("vrrp_instance A B {\ninterface eth0\n}").1, "one word");
    one_error(&load("{\ninterface eth0\n}").1, "this { follows");
    one_error(&load("global_defs\n").1, "global_defs needs a block");
    let (config, diagnostics) = load("global_defs {\nrouter_id a b\nvrrp_rt_priority 5\n}");
    assert_eq!(diagnostics.exit_code(), 0);
    assert!(said(&diagnostics, Severity::Note)[0].contains("'b' after router_id is ignored"));
    assert_eq!((config.global.router_id.as_str(), config.global.realtime_priority), ("a", Some(5)));
}

#[test]
fn umask_is_octal_or_names() {
    for (text, bits) in
        [("022", 0o22), ("IWGRP | IWOTH", 0o22), ("IRWXO|IXUSR", 0o107), ("999", 0o177), ("IWXYZ", 0o177)]
    {
        assert_eq!(load(&format!("global_defs {{\numask {text}\n}}")).0.global.umask, bits, "{text}");
    }
}

mod any {
    use proptest::prelude::*;

    use super::*;
    use crate::config::keywords::{Takes, tables};

    /// A word that could stand behind this keyword, or could not.
    fn words(takes: Takes) -> BoxedStrategy<String> {
        let right = match takes {
            Takes::Nothing => Just(String::new()).boxed(),
            Takes::Flag => prop_oneof![Just(""), Just("on"), Just("off")].prop_map(String::from).boxed(),
            Takes::Number(least, most) | Takes::OptionalNumber(least, most) | Takes::WholeSeconds(least, most) => {
                (least..=most.min(300)).prop_map(|number| number.to_string()).boxed()
            }
            Takes::Seconds(least, most) => (least..=most.min(30_000_000))
                .prop_map(|micros| Duration::from_micros(micros).to_string())
                .boxed(),
            Takes::Address => "10\\.0\\.0\\.[1-9]|fe80::[1-9]|224\\.0\\.0\\.[1-9]".boxed(),
            Takes::Script => "\"/bin/[a-z]{1,3}( [a-z\"'\\\\]{1,3}){0,2}\"( root)?".boxed(),
            Takes::Lines => {
                "\\{\n(10\\.0\\.0\\.[1-9](/24)?( dev eth1| label a| brd \\+| home)?\n|fe80::[1-9]\n|eth[0-3]( weight [1-9])?\n|s( weight -[1-9])?\n|A\n){0,4}\\}".boxed()
            }
            _ => "[a-zA-Z0-9./]{1,6}( [a-z0-9]{1,3})?".boxed(),
        };
        prop_oneof![9 => right, 1 => "[ -~]{0,12}".boxed()].boxed()
    }

    fn line(block: &'static str) -> BoxedStrategy<String> {
        let rows = tables().into_iter().find(|table| table.block == block).map(|table| table.rows).unwrap_or_default();
        proptest::sample::select(rows)
            .prop_flat_map(|row| words(row.takes).prop_map(move |words| format!("{} {words}\n", row.name)))
            .boxed()
    }

    fn block(head: &'static str, block: &'static str, first: &'static str) -> impl Strategy<Value = String> {
        proptest::collection::vec(line(block), 0..12)
            .prop_map(move |lines| format!("{head} {{\n{first}\n{}}}\n", lines.concat()))
    }

    fn text() -> impl Strategy<Value = String> {
        (
            block("global_defs", "global_defs", ""),
            block("vrrp_script s", "vrrp_script", "script /bin/s"),
            block("vrrp_instance A", "vrrp_instance", "interface eth0\nvirtual_router_id 1"),
            block("vrrp_instance \"B b\"", "vrrp_instance", "interface eth1\nvirtual_router_id 2\nstate MASTER"),
            block("vrrp_sync_group G", "vrrp_sync_group", "group {\nA\n}"),
        )
            .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_printed_reads_the_same(text in text()) {
            let (config, _) = load(&text);
            let printed = print(&config);
            let context = Context { host_name: config.global.router_id.clone(), ..Context::default() };
            let (mut again, diagnostics) = load_with(&printed, &context);
            again.instances.iter_mut().zip(&config.instances).for_each(|(to, from)| to.at = from.at);
            again.groups.iter_mut().zip(&config.groups).for_each(|(to, from)| to.at = from.at);
            again.scripts.iter_mut().zip(&config.scripts).for_each(|(to, from)| to.at = from.at);
            prop_assert_eq!(&again, &config, "{}\n{}\n{:#?}", text, printed, diagnostics.list);
        }
    }
}
