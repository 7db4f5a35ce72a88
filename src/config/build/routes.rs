//! Lines of routes and rules, and names of trackers: checked, without effect yet.

use super::Site;
use crate::config::keywords::value;
use crate::config::syntax::{Statement, Word};

/// Words that may stand before a route's destination.
const KINDS: [&str; 9] =
    ["unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat"];

/// `virtual_routes` and `static_routes`
pub fn routes<T>(site: &mut Site<'_>, _: &mut T, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        route(site, &line.words);
    }
}

fn route(site: &mut Site<'_>, words: &[Word]) {
    let mut words = words.iter().filter(|word| !KINDS.contains(&word.text.as_str())).peekable();
    let mut first = true;
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "gw" => site.error(word.at, "gw is the old word for via: write via"),
            "or" => site.error(word.at, "or is the old word for nexthop: write nexthop"),
            _ => {}
        }
        match word.text.as_str() {
            "dev" | "oif" => {
                if let Some(device) = words.next() {
                    site.interface(device, "route");
                }
            }
            "via" | "gw" | "src" => {
                // `via inet6 ADDRESS` names the family as well.
                let value = words.next_if(|next| matches!(next.text.as_str(), "inet" | "inet6"));
                if let Some(value) = words.next().or(value) {
                    prefix(site, value, "route");
                }
            }
            "to" => {
                if let Some(value) = words.next() {
                    prefix(site, value, "route");
                }
            }
            text if first && text.contains(['.', ':']) => prefix(site, word, "route"),
            _ => {}
        }
        first = false;
    }
}

/// `virtual_rules` and `static_rules`
pub fn rules<T>(site: &mut Site<'_>, _: &mut T, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(first) = line.words.first() else { continue };
        let mut numbered = false;
        let mut words = line.words.iter();
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "preference" | "order" | "priority" => numbered = true,
                "from" | "to" => {
                    if let Some(value) = words.next() {
                        prefix(site, value, "rule");
                    }
                }
                _ => {}
            }
        }
        if !numbered {
            site.error(
                first.at,
                "rule without preference: give it a number, or its place among the rules is arbitrary",
            );
        }
    }
}

fn prefix(site: &mut Site<'_>, word: &Word, what: &str) {
    if matches!(word.text.as_str(), "default" | "all" | "any") {
        return;
    }
    let good = match value::address(&word.text) {
        None => false,
        Some((_, None)) => true,
        Some((ip, Some(length))) => length.parse::<u8>().is_ok_and(|length| length <= value::full_prefix(ip)),
    };
    if !good {
        site.error(word.at, format!("{what}: '{}' is not an IP address, perhaps with /prefix", word.text));
    }
}

/// `track_bfd`: the names must have been defined.
pub fn trackers<T>(site: &mut Site<'_>, _: &mut T, statement: &Statement) {
    let what = site.head(statement).to_owned();
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(name) = line.words.first() else { continue };
        if site.trackers.iter().any(|(kind, known)| *kind == what && *known == name.text) {
            continue;
        }
        site.error(name.at, format!("{what} {}: there is no block that defines it; it is ignored", name.text));
    }
}

/// What kind of tracker a block of the top level defines.
pub fn tracker_kind(head: &str) -> Option<&'static str> {
    match head {
        "bfd_instance" => Some("track_bfd"),
        _ => None,
    }
}

/// Whether a word is an address, perhaps with a prefix length.
pub fn is_address(text: &str) -> bool {
    value::address(text).is_some()
}
