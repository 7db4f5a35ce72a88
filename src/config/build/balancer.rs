//! What only a whole `virtual_server` can show: it is checked as keepalived does, without effect yet.

use super::Site;
use super::routes::is_address;
use crate::config::keywords::balancer::VIRTUAL_SERVER;
use crate::config::keywords::value::number;
use crate::config::syntax::{Block, Statement, Word};

/// What a virtual server balances.
#[derive(PartialEq, Eq)]
enum Kind {
    Address,
    Fwmark,
    Group,
}

/// `virtual_server IP [PORT] | fwmark N | group NAME`
pub fn virtual_server<T>(site: &mut Site<'_>, _: &mut T, statement: &Statement) {
    let at = site.at(statement);
    let Some(kind) = kind(site, statement) else { return };
    site.own_block(VIRTUAL_SERVER, &mut (), statement, "virtual_server");
    let Some(block) = &statement.block else { return };
    let has = |names: &[&str]| value(block, names).is_some();
    let servers: Vec<&Statement> = block.statements.iter().filter(|line| site.head(line) == "real_server").collect();
    if servers.is_empty() {
        return site.error(at, "virtual_server without real_server; it is ignored");
    }
    match (kind, value(block, &["protocol"])) {
        (Kind::Fwmark, Some(word)) => site.error(word.at, "a fwmark has no protocol; protocol is ignored"),
        (Kind::Address, None) => {
            site.error(at, "virtual_server without protocol: UDP is used; write protocol TCP or UDP")
        }
        _ => {}
    }
    if !has(&["lb_algo", "lvs_sched"]) {
        site.error(at, "virtual_server without scheduler: wlc is used; write lvs_sched");
    }
    let method = value(block, &["lb_kind", "lvs_method"]);
    if method.is_none() {
        site.error(at, "virtual_server without forwarding method: NAT is used; write lvs_method");
    }
    if let Some(word) = method.filter(|word| !matches!(word.text.as_str(), "NAT" | "DR" | "TUN")) {
        site.error(word.at, format!("'{}' is no forwarding method: write NAT, DR or TUN", word.text));
    }
    if method.is_some_and(|word| matches!(word.text.as_str(), "DR" | "TUN")) {
        ports(site, statement, &servers);
    }
    quorum(site, block, &servers);
}

fn kind(site: &mut Site<'_>, statement: &Statement) -> Option<Kind> {
    let (first, second) = (statement.words.get(1)?, statement.words.get(2));
    let wrong = match (first.text.as_str(), second) {
        ("group", Some(_)) => return Some(Kind::Group),
        ("fwmark", Some(mark)) if number(&mark.text).is_some() => return Some(Kind::Fwmark),
        ("fwmark", Some(mark)) => mark,
        (text, port) if is_address(text) => match port {
            None => return Some(Kind::Address),
            Some(port) if port.text.parse::<u16>().is_ok() => return Some(Kind::Address),
            Some(port) => port,
        },
        _ => first,
    };
    let text = format!(
        "virtual_server: '{}' is wrong: write ADDRESS PORT, fwmark NUMBER or group NAME; the block is ignored",
        wrong.text
    );
    site.error(wrong.at, text);
    None
}

/// The word behind the last of these keywords.
fn value<'a>(block: &'a Block, names: &[&str]) -> Option<&'a Word> {
    let mut lines = block.statements.iter().rev();
    let is = |line: &&Statement| line.words.first().is_some_and(|word| names.contains(&word.text.as_str()));
    lines.find(is).and_then(|line| line.words.get(1))
}

/// Without address translation, packets keep their port.
fn ports(site: &mut Site<'_>, statement: &Statement, servers: &[&Statement]) {
    let Some(port) = statement.words.get(2) else { return };
    for real in servers.iter().filter_map(|server| server.words.get(2)) {
        if real.text != port.text {
            let text =
                format!("real_server has port {}, its virtual_server {}: only NAT can change it", real.text, port.text);
            site.error(real.at, text);
        }
    }
}

fn quorum(site: &mut Site<'_>, block: &Block, servers: &[&Statement]) {
    let Some((word, quorum)) = value(block, &["quorum"]).and_then(|word| Some((word, number(&word.text)?))) else {
        return;
    };
    let weight = |block: &Block| value(block, &["weight"]).and_then(|word| number(&word.text));
    let usual = weight(block).unwrap_or(1);
    let all = servers
        .iter()
        .fold(0i64, |all, server| all.saturating_add(server.block.as_ref().and_then(weight).unwrap_or(usual)));
    if quorum > all {
        site.error(word.at, format!("quorum {quorum} is more than all real servers weigh, which is {all}"));
    }
}
