//! The lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`.

use core::net::{IpAddr, Ipv4Addr};

use super::Site;
use super::global::GlobalDraft;
use super::instance::Draft;
use crate::config::keywords::value::{Quoted, address, full_prefix, number};
use crate::config::model::{Address, Family};
use crate::config::printer::Printer;
use crate::config::syntax::{Statement, Word};
use crate::time::Duration;

/// The longest name of an interface, or label of an address: IFNAMSIZ without its NUL.
pub const IFNAME: usize = 15;

/// `virtual_ipaddress { ... }`
pub fn virtual_ipaddress(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(address) = read(site, draft.instance.interface.as_deref(), line) else { continue };
        let Some(word) = line.words.first() else { continue };
        let family = family(address.ip);
        match draft.family {
            Some(other) if other != family => {
                let text = format!(
                    "{} is of another family than the addresses before it: an instance has one family; put it into an instance of its own or into virtual_ipaddress_excluded",
                    address.ip
                );
                site.error(word.at, text);
                continue;
            }
            _ => draft.family = Some(family),
        }
        if !taken(site, draft, &address, word) {
            draft.instance.addresses.push(address);
        }
    }
}

/// `virtual_ipaddress_excluded { ... }`
pub fn virtual_ipaddress_excluded(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(address) = read(site, draft.instance.interface.as_deref(), line) else { continue };
        let Some(word) = line.words.first() else { continue };
        if !taken(site, draft, &address, word) {
            draft.instance.excluded.push(address);
        }
    }
}

/// `static_ipaddress { ... }`
pub fn static_ipaddress(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(address) = read(site, None, line) else { continue };
        let known = &mut draft.global.static_addresses;
        let taken = known
            .iter()
            .any(|other| (other.ip, other.prefix, &other.device) == (address.ip, address.prefix, &address.device));
        match line.words.first() {
            Some(word) if taken => site.error(word.at, format!("{} is there already; this one is ignored", address.ip)),
            _ => known.push(address),
        }
    }
}

/// The family of an address.
pub fn family(ip: IpAddr) -> Family {
    if ip.is_ipv4() { Family::V4 } else { Family::V6 }
}

fn taken(site: &mut Site<'_>, draft: &Draft, address: &Address, word: &Word) -> bool {
    let mut all = draft.instance.addresses.iter().chain(&draft.instance.excluded);
    let taken =
        all.any(|other| other.ip == address.ip && other.prefix == address.prefix && other.device == address.device);
    if taken {
        site.error(word.at, format!("{} is there already; this one is ignored", address.ip));
    }
    taken
}

/// `ADDRESS[/PREFIX] [OPTION ...]`. None: no address, that has been said.
pub fn read(site: &mut Site<'_>, interface: Option<&str>, line: &Statement) -> Option<Address> {
    let word = line.words.first()?;
    // `dev` or another option may come first in other tools' lines; here the address does.
    let Some((ip, prefix)) = address(&word.text) else {
        site.error(word.at, format!("'{}' is not an IP address, perhaps with /prefix; the line is ignored", word.text));
        return None;
    };
    let full = full_prefix(ip);
    let prefix = match prefix.map(|text| (text, number(text))) {
        None => full,
        Some((_, Some(length))) if (0..=i64::from(full)).contains(&length) => u8::try_from(length).unwrap_or(full),
        Some((text, _)) => {
            site.error(word.at, format!("'{text}' is not a prefix length from 0 to {full}; {full} is used"));
            full
        }
    };
    let mut address = Address::plain(ip, prefix);
    let mut words = line.words.iter().skip(1);
    while let Some(option) = words.next() {
        if !read_option(site, &mut address, option, &mut words)? {
            break;
        }
    }
    let device = address.device.as_deref().or(interface);
    if let (Some(label), Some(device)) = (&address.label, device) {
        if !label.starts_with(device) {
            site.note(word.at, format!("label {label} does not begin with {device}: older tools will not show it"));
        }
    }
    // An IPv6 address as such is no source for the host's own traffic unless asked for.
    if ip.is_ipv6() && address.prefix == 128 && address.preferred_lft.is_none() {
        address.preferred_lft = Some(Some(Duration::ZERO));
    }
    Some(address)
}

/// One option. False: the rest of the line cannot be understood. None: no address at all.
fn read_option<'a>(
    site: &mut Site<'_>,
    address: &mut Address,
    option: &Word,
    words: &mut impl Iterator<Item = &'a Word>,
) -> Option<bool> {
    match option.text.as_str() {
        "home" => address.home = true,
        "-nodad" => address.nodad = true,
        "mngtmpaddr" => address.mngtmpaddr = true,
        "noprefixroute" => address.noprefixroute = true,
        "autojoin" => address.autojoin = true,
        "no_track" => address.no_track = true,
        "use_vmac" => site.note(option.at, "use_vmac is read, but has no effect yet"),
        "dev" | "scope" | "label" | "peer" | "brd" | "broadcast" | "preferred_lft" | "track_group" => {
            let Some(value) = words.next() else {
                site.error(option.at, format!("{} needs a word behind it; it is ignored", option.text));
                return Some(false);
            };
            if option.text == "track_group" {
                site.note(option.at, "track_group is read, but has no effect yet: the address is always there");
            }
            return read_valued(site, address, option, value).then_some(true);
        }
        other => {
            let names = OPTIONS.iter().copied();
            let hint =
                super::nearest(other, names).map_or_else(String::new, |name| format!(": did you mean '{name}'?"));
            site.error(option.at, format!("'{other}' is no option of an address; it is ignored{hint}"));
        }
    }
    Some(true)
}

const OPTIONS: [&str; 15] = [
    "dev",
    "scope",
    "label",
    "peer",
    "brd",
    "broadcast",
    "preferred_lft",
    "home",
    "-nodad",
    "mngtmpaddr",
    "noprefixroute",
    "autojoin",
    "no_track",
    "use_vmac",
    "track_group",
];

/// One option with a value. False: no address at all.
fn read_valued(site: &mut Site<'_>, into: &mut Address, option: &Word, value: &Word) -> bool {
    match option.text.as_str() {
        "dev" => {
            site.interface(value, &format!("address {}", into.ip));
            into.device = Some(value.text.clone());
        }
        "scope" => match scope(&value.text) {
            Some(scope) => into.scope = scope,
            None => site.error(value.at, format!("'{}' is no scope: host, link, site, global or a number", value.text)),
        },
        "label" if value.text.len() > IFNAME => {
            site.error(value.at, format!("label {} is longer than {IFNAME} bytes; the address is ignored", value.text));
            return false;
        }
        "label" => into.label = Some(value.text.clone()),
        "brd" | "broadcast" => return broadcast(site, into, value),
        "peer" => match address(&value.text) {
            Some((ip, prefix)) if ip.is_ipv4() == into.ip.is_ipv4() => {
                let full = full_prefix(ip);
                let length = prefix.map_or(Some(full), |text| text.parse().ok().filter(|length| *length <= full));
                if length.is_none() {
                    site.error(value.at, format!("'{}': the prefix length is not from 0 to {full}", value.text));
                }
                into.peer = Some((ip, length.unwrap_or(full)));
            }
            _ => {
                let text = format!("peer: '{}' is not an address of the family of {}", value.text, into.ip);
                site.error(value.at, format!("{text}; it is ignored"));
            }
        },
        "preferred_lft" if value.text == "forever" => into.preferred_lft = Some(None),
        "preferred_lft" => {
            if let Some(seconds) = site.number(value, "preferred_lft, if not forever", 0, i64::from(u32::MAX)) {
                into.preferred_lft = Some(Some(Duration::from_secs(seconds.unsigned_abs())));
            }
        }
        _ => {}
    }
    true
}

fn broadcast(site: &mut Site<'_>, into: &mut Address, value: &Word) -> bool {
    let IpAddr::V4(ip) = into.ip else {
        site.error(value.at, "an IPv6 address has no broadcast address; brd is ignored");
        return true;
    };
    if into.prefix > 30 && matches!(value.text.as_str(), "+" | "-") {
        site.error(value.at, format!("a network of /{} has no broadcast address; brd is ignored", into.prefix));
        return true;
    }
    let host = u32::MAX.checked_shr(u32::from(into.prefix)).unwrap_or(0);
    into.broadcast = match value.text.as_str() {
        "+" => Some(Ipv4Addr::from(u32::from(ip) | host)),
        "-" => Some(Ipv4Addr::from(u32::from(ip) & !host)),
        text => match text.parse() {
            Ok(ip) => Some(ip),
            Err(_) => {
                site.error(value.at, format!("'{text}' is not a broadcast address, + or -; the address is ignored"));
                return false;
            }
        },
    };
    true
}

/// The names that the kernel's numbers have everywhere.
const SCOPES: [(&str, u8); 5] = [("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)];

fn scope(text: &str) -> Option<u8> {
    SCOPES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number).or_else(|| text.parse().ok())
}

/// The line of an address.
pub fn line(address: &Address) -> String {
    let mut text = format!("{}/{}", address.ip, address.prefix);
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {name} {value}"));
        }
    };
    option("brd", address.broadcast.map(|ip| ip.to_string()));
    option("dev", address.device.as_ref().map(|device| Quoted(device).to_string()));
    let name = SCOPES.iter().find(|(_, number)| *number == address.scope).map(|(name, _)| (*name).to_owned());
    option("scope", (address.scope != 0).then(|| name.unwrap_or_else(|| address.scope.to_string())));
    option("label", address.label.as_ref().map(|label| Quoted(label).to_string()));
    option("peer", address.peer.map(|(ip, prefix)| format!("{ip}/{prefix}")));
    option("preferred_lft", address.preferred_lft.map(|span| span.map_or("forever".into(), |span| span.to_string())));
    for (name, on) in [
        ("home", address.home),
        ("-nodad", address.nodad),
        ("mngtmpaddr", address.mngtmpaddr),
        ("noprefixroute", address.noprefixroute),
        ("autojoin", address.autojoin),
        ("no_track", address.no_track),
    ] {
        if on {
            text.push_str(&format!(" {name}"));
        }
    }
    text
}

/// Prints `virtual_ipaddress`.
pub fn show_virtual(draft: &Draft, _: &Draft, printer: &mut Printer) {
    printer.lines("virtual_ipaddress", draft.instance.addresses.iter().map(line).collect());
}

/// Prints `static_ipaddress`.
pub fn show_static(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    printer.lines("static_ipaddress", draft.global.static_addresses.iter().map(line).collect());
}

/// Prints `virtual_ipaddress_excluded`.
pub fn show_excluded(draft: &Draft, _: &Draft, printer: &mut Printer) {
    printer.lines("virtual_ipaddress_excluded", draft.instance.excluded.iter().map(line).collect());
}
