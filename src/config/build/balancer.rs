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
    let address = kind == Kind::Address;
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
    if address && method.is_some_and(|word| matches!(word.text.as_str(), "DR" | "TUN")) {
        ports(site, statement, &servers);
    }
    scheduler_words(site, block);
    quorum(site, block, &servers);
}

/// Words that only one scheduler or protocol has, and those of a sorry server that is not there.
fn scheduler_words(site: &mut Site<'_>, block: &Block) {
    let scheduler = value(block, &["lb_algo", "lvs_sched"]).map_or("wlc", |word| word.text.as_str());
    let udp = value(block, &["protocol"]).is_none_or(|word| word.text == "UDP");
    let sorry = value(block, &["sorry_server"]);
    if let Some(word) = sorry.filter(|word| !is_address(&word.text)) {
        site.error(word.at, format!("sorry_server: '{}' is not an IP address", word.text));
    }
    for line in &block.statements {
        let head = site.head(line);
        let needs = match head {
            "hashed" | "sh-port" | "sh-fallback" if scheduler != "sh" => "the scheduler sh",
            "mh-port" | "mh-fallback" if scheduler != "mh" => "the scheduler mh",
            "ops" if !udp => "protocol UDP",
            "sorry_server_inhibit" | "sorry_server_lvs_method" if sorry.is_none() => "a sorry_server",
            _ => continue,
        };
        site.error(site.at(line), format!("{head} needs {needs}; it is ignored"));
    }
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

/// `virtual_server_group NAME { ADDRESS[-LAST|/PREFIX] [PORT] | fwmark N [inet|inet6] ... }`
pub fn virtual_server_group<T>(site: &mut Site<'_>, _: &mut T, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(first) = line.words.first() else { continue };
        let second = line.words.get(1);
        let wrong = if first.text == "fwmark" {
            second.filter(|mark| number(&mark.text).is_some()).is_none().then_some(second.unwrap_or(first))
        } else if !is_address(first.text.split('-').next().unwrap_or_default()) {
            Some(first)
        } else {
            second.filter(|port| port.text.parse::<u16>().is_err())
        };
        if let Some(word) = wrong {
            let text = format!("virtual_server_group: '{}' is wrong: write ADDRESS PORT or fwmark NUMBER", word.text);
            site.error(word.at, text);
        }
    }
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
    let quorum_word = value(block, &["quorum"]);
    let quorum = quorum_word.and_then(|word| number(&word.text)).unwrap_or(1);
    let at = quorum_word.map_or(block.open, |word| word.at);
    let weight = |block: &Block| value(block, &["weight"]).and_then(|word| number(&word.text));
    let usual = weight(block).unwrap_or(1);
    let all = servers
        .iter()
        .fold(0i64, |all, server| all.saturating_add(server.block.as_ref().and_then(weight).unwrap_or(usual)));
    if quorum > all {
        site.error(at, format!("quorum {quorum} is more than all real servers weigh, which is {all}"));
    }
    if let Some(word) = value(block, &["hysteresis"]) {
        if number(&word.text).is_some_and(|hysteresis| hysteresis >= quorum && hysteresis > 0) {
            site.error(
                word.at,
                format!("hysteresis {} must be less than the quorum, {quorum}; it is 0 then", word.text),
            );
        }
    }
}
