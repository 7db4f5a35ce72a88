//! The lines of `vrrp_instance` that have a form of their own, read and printed.

use core::net::IpAddr;

use super::{AuthType, Draft, Site};
use crate::config::build::address::{IFNAME, family};
use crate::config::build::command::notify;
use crate::config::build::global::read::packets;
use crate::config::build::routes::is_address;
use crate::config::keywords::Value;
use crate::config::keywords::instance::AUTHENTICATION;
use crate::config::keywords::value::{Quoted, flag, number};
use crate::config::model::{Family, Peer};
use crate::config::printer::{Printer, program};
use crate::config::syntax::{Statement, Word};

pub use crate::config::build::global::read::{extra_if, show_nothing};

/// `state MASTER|BACKUP`
pub fn state(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    let Some(word) = statement.words.get(1) else { return };
    let state = match word.text.as_str() {
        "MASTER" => true,
        "BACKUP" => false,
        other => {
            site.error(word.at, format!("state '{other}' is neither MASTER nor BACKUP; BACKUP is used"));
            false
        }
    };
    if draft.state == Some(true) && !state {
        return site.error(word.at, "state BACKUP after state MASTER is ignored: remove one of them");
    }
    draft.state = Some(state);
}

/// Prints it.
pub fn show_state(draft: &Draft, _: &Draft, printer: &mut Printer) {
    printer.line(if draft.instance.starts_active { "state MASTER" } else { "state BACKUP" });
}

fn source(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    let Some(word) = statement.words.get(1) else { return };
    let what = site.head(statement).to_owned();
    let Ok(ip) = word.text.parse::<IpAddr>() else {
        return site.error(word.at, format!("{what}: '{}' is not an IP address; the line is ignored", word.text));
    };
    if !same_family(site, draft, ip, word, &what) {
        return;
    }
    draft.instance.source = Some(ip);
}

/// Whether an address is of the family of all others. The first one says which that is.
fn same_family(site: &mut Site<'_>, draft: &mut Draft, ip: IpAddr, word: &Word, what: &str) -> bool {
    let same = *draft.family.get_or_insert(family(ip)) == family(ip);
    if !same {
        let text = format!("{what}: {ip} is of another family than the instance's other addresses; it is ignored");
        site.error(word.at, text);
    }
    same
}

/// `mcast_src_ip ADDRESS`
pub fn mcast_src_ip(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    source(site, draft, statement);
}

/// `unicast_src_ip ADDRESS`
pub fn unicast_src_ip(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.unicast_word = Some("unicast_src_ip");
    source(site, draft, statement);
}

/// Prints it.
pub fn show_mcast_src_ip(draft: &Draft, _: &Draft, printer: &mut Printer) {
    if let (Some(ip), true) = (draft.instance.source, draft.instance.peers.is_empty()) {
        printer.line(format_args!("mcast_src_ip {ip}"));
    }
}

/// Prints it.
pub fn show_unicast_src_ip(draft: &Draft, _: &Draft, printer: &mut Printer) {
    if let (Some(ip), false) = (draft.instance.source, draft.instance.peers.is_empty()) {
        printer.line(format_args!("unicast_src_ip {ip}"));
    }
}

/// `mcast_dst_ip ADDRESS`
pub fn mcast_dst_ip(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    let Some(word) = statement.words.get(1) else { return };
    match word.text.parse::<IpAddr>() {
        Ok(ip) if ip.is_multicast() => {
            if same_family(site, draft, ip, word, "mcast_dst_ip") {
                draft.mcast_dst = Some(ip);
            }
        }
        _ => {
            let text = format!("mcast_dst_ip: '{}' is not a multicast address; the line is ignored", word.text);
            site.error(word.at, text);
        }
    }
}

/// Prints it.
pub fn show_mcast_dst_ip(draft: &Draft, _: &Draft, printer: &mut Printer) {
    let global = &printer.config.global;
    let group = draft.instance.mcast_group;
    if group != IpAddr::V4(global.mcast_group4) && group != IpAddr::V6(global.mcast_group6) {
        printer.line(format_args!("mcast_dst_ip {group}"));
    }
}

/// `unicast_peer { ADDRESS [min_ttl N] [max_ttl N] ... }`
pub fn unicast_peer(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.unicast_word = Some("unicast_peer");
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(word) = line.words.first() else { continue };
        let Ok(ip) = word.text.parse::<IpAddr>() else {
            site.error(word.at, format!("unicast_peer: '{}' is not an IP address; it is ignored", word.text));
            continue;
        };
        if !same_family(site, draft, ip, word, "unicast_peer") {
            continue;
        }
        if draft.instance.peers.iter().any(|peer| peer.ip == ip) {
            site.error(word.at, format!("unicast_peer {ip} is there already; this one is ignored"));
            continue;
        }
        let mut peer = Peer { ip, min_ttl: 0, max_ttl: 255 };
        ttl_range(site, &mut peer, line.words.get(1..).unwrap_or_default());
        draft.instance.peers.push(peer);
    }
}

fn ttl_range(site: &mut Site<'_>, peer: &mut Peer, words: &[Word]) {
    for pair in words.chunks(2) {
        let (Some(name), value) = (pair.first(), pair.get(1)) else { return };
        let ttl = value.and_then(|value| number(&value.text)).and_then(|ttl| u8::try_from(ttl).ok());
        match (name.text.as_str(), ttl) {
            ("min_ttl", Some(ttl)) => peer.min_ttl = ttl,
            ("max_ttl", Some(ttl)) => peer.max_ttl = ttl,
            _ => site.error(name.at, "what follows a peer is min_ttl or max_ttl and a number from 0 to 255"),
        }
    }
    if let (true, Some(word)) = (peer.min_ttl > peer.max_ttl, words.first()) {
        site.error(word.at, format!("min_ttl of {} is above its max_ttl; both are ignored", peer.ip));
        (peer.min_ttl, peer.max_ttl) = (0, 255);
    }
}

/// Prints it.
pub fn show_unicast_peer(draft: &Draft, _: &Draft, printer: &mut Printer) {
    let line = |peer: &Peer| match (peer.min_ttl, peer.max_ttl) {
        (0, 255) => peer.ip.to_string(),
        (least, most) => format!("{} min_ttl {least} max_ttl {most}", peer.ip),
    };
    printer.lines("unicast_peer", draft.instance.peers.iter().map(line).collect());
}

/// `unicast_ttl N`
pub fn unicast_ttl(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    let Some(word) = statement.words.get(1) else { return };
    let ttl = site.number(word, "unicast_ttl", 0, 255).and_then(|ttl| u8::try_from(ttl).ok());
    draft.unicast_ttl = ttl.or(draft.unicast_ttl);
}

/// Prints it.
pub fn show_unicast_ttl(draft: &Draft, _: &Draft, printer: &mut Printer) {
    if draft.instance.unicast_ttl != 255 {
        printer.line(format_args!("unicast_ttl {}", draft.instance.unicast_ttl));
    }
}

/// `authentication { ... }`
pub fn authentication(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    site.own_block(AUTHENTICATION, draft, statement, "authentication");
}

/// Prints it.
pub fn show_authentication(draft: &Draft, _: &Draft, printer: &mut Printer) {
    let (Some(kind), Some(pass)) = (draft.auth_type, draft.auth_pass) else { return };
    let text = pass.split(|byte| *byte == 0).next().unwrap_or_default();
    printer.block("authentication", |printer| {
        printer.line(if kind == AuthType::Pass { "auth_type PASS" } else { "auth_type AH" });
        printer.line(format_args!("auth_pass {}", Quoted(&String::from_utf8_lossy(text))));
    });
}

/// `auth_type PASS|AH`
pub fn auth_type(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    let Some(word) = statement.words.get(1) else { return };
    match word.text.as_str() {
        "PASS" => draft.auth_type = Some(AuthType::Pass),
        "AH" => {
            draft.auth_type = Some(AuthType::Ah);
            site.note(word.at, "auth_type AH is read, but has no effect yet: adverts are not authenticated");
        }
        other => site.error(word.at, format!("auth_type '{other}' is neither PASS nor AH; the line is ignored")),
    }
}

/// `auth_pass PASSWORD`
pub fn auth_pass(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    let Some(word) = statement.words.get(1) else { return };
    let bytes = word.text.as_bytes();
    if bytes.len() > 8 {
        let text = format!("auth_pass has {} bytes: only the first 8 count, on every router; shorten it", bytes.len());
        site.error(word.at, text);
    }
    let mut pass = [0; 8];
    pass.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    draft.auth_pass = Some(pass);
}

/// `native_ipv6`
pub fn native_ipv6(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    if *draft.family.get_or_insert(Family::V6) == Family::V4 {
        site.error(site.at(statement), "native_ipv6 in an instance with IPv4 addresses; it is ignored");
    }
}

/// Prints it, where no address tells the family.
pub fn show_native_ipv6(draft: &Draft, _: &Draft, printer: &mut Printer) {
    if draft.instance.family == Family::V6 && draft.instance.addresses.is_empty() {
        printer.line("native_ipv6");
    }
}

/// `use_vmac ...` and `use_ipvlan ...`
pub fn use_vmac(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.vmac = true;
    let words = statement.words.get(1..).unwrap_or_default();
    draft.ipvlan = site.head(statement) == "use_ipvlan" && !words.iter().any(|word| is_address(&word.text));
    for word in words.iter().filter(|word| word.text.len() > IFNAME && !word.text.contains([':', '.'])) {
        site.error(word.at, format!("'{}' is longer than the {IFNAME} bytes of an interface's name", word.text));
    }
}

/// `check_unicast_src [BOOL]`
pub fn check_unicast_src(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.unicast_word = Some("check_unicast_src");
    match statement.words.get(1).map(|word| (word, flag(&word.text))) {
        None => draft.instance.check_unicast_src = true,
        Some((_, Some(on))) => draft.instance.check_unicast_src = on,
        Some((word, None)) => site.error(word.at, format!("'{}' is neither on nor off", word.text)),
    }
}

/// Prints it.
pub fn show_check_unicast_src(draft: &Draft, default: &Draft, printer: &mut Printer) {
    if draft.instance.check_unicast_src != default.instance.check_unicast_src {
        printer.line(format_args!("check_unicast_src {}", Value::Flag(draft.instance.check_unicast_src)));
    }
}

/// `old_unicast_checksum [never]`
pub fn old_unicast_checksum(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.unicast_word = Some("old_unicast_checksum");
    if let Some(word) = statement.words.get(1).filter(|word| word.text != "never") {
        site.error(word.at, format!("old_unicast_checksum: '{}' is not never", word.text));
    }
}

/// `accept`
pub fn accept(_: &mut Site<'_>, draft: &mut Draft, _: &Statement) {
    draft.instance.accept = true;
}

/// `no_accept`
pub fn no_accept(_: &mut Site<'_>, draft: &mut Draft, _: &Statement) {
    draft.instance.accept = false;
}

/// Prints it.
pub fn show_no_accept(draft: &Draft, _: &Draft, printer: &mut Printer) {
    if !draft.instance.accept {
        printer.line("no_accept");
    }
}

/// `garp_master_repeat N`
pub fn garp_repeat(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.instance.announce.repeat = packets(site, statement).unwrap_or(draft.instance.announce.repeat);
}

/// `garp_master_refresh_repeat N`
pub fn garp_refresh_repeat(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.instance.announce.refresh_repeat = packets(site, statement).unwrap_or(draft.instance.announce.refresh_repeat);
}

/// Prints it.
pub fn show_garp_repeat(draft: &Draft, default: &Draft, printer: &mut Printer) {
    if draft.instance.announce.repeat != default.instance.announce.repeat {
        printer.line(format_args!("garp_master_repeat {}", draft.instance.announce.repeat));
    }
}

/// Prints it.
pub fn show_garp_refresh_repeat(draft: &Draft, default: &Draft, printer: &mut Printer) {
    if draft.instance.announce.refresh_repeat != default.instance.announce.refresh_repeat {
        printer.line(format_args!("garp_master_refresh_repeat {}", draft.instance.announce.refresh_repeat));
    }
}

/// `notify_deleted ["PROGRAM ARGUMENTS" [USER [GROUP]]]`
pub fn notify_deleted(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    draft.instance.notify_deleted = true;
    if statement.words.len() > 1 {
        draft.instance.notify.deleted = notify(site, "notify_deleted", statement).map(Box::new);
    }
}

/// Prints it.
pub fn show_notify_deleted(draft: &Draft, _: &Draft, printer: &mut Printer) {
    match &draft.instance.notify.deleted {
        Some(command) => printer.line(format_args!("notify_deleted {}", program(command))),
        None if draft.instance.notify_deleted => printer.line("notify_deleted"),
        None => {}
    }
}
