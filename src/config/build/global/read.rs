//! The lines of `global_defs` that have a form of their own, read and printed.

use super::{Duration, GlobalDraft, Site, User};
use crate::config::build::command;
use crate::config::keywords::value::Quoted;
use crate::config::model::{NotifyFifo, RxBufs};
use crate::config::printer::Printer;
use crate::config::syntax::{Statement, Word};

/// `garp_extra_if [all] SECONDS`
pub fn extra_if<T>(site: &mut Site<'_>, _: &mut T, statement: &Statement) {
    let what = site.head(statement).to_owned();
    let mut words = statement.words.iter().skip(1).filter(|word| word.text != "all");
    match words.next() {
        Some(word) => drop(site.number(word, &what, 1, 86_400)),
        None => site.error(site.at(statement), format!("{what} needs a number of seconds; the line is ignored")),
    }
}

/// `vrrp_cpu_affinity NUMBER...`
pub fn cpu_affinity(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    for word in statement.words.iter().skip(1) {
        // As many as the kernel's sets hold.
        let number = site.number(word, "vrrp_cpu_affinity", 0, 1023);
        draft.global.cpu_affinity.extend(number.and_then(|number| u16::try_from(number).ok()));
    }
}

/// Prints it.
pub fn show_cpu_affinity(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    if !draft.global.cpu_affinity.is_empty() {
        let numbers: String = draft.global.cpu_affinity.iter().map(|number| format!(" {number}")).collect();
        printer.line(format_args!("vrrp_cpu_affinity{numbers}"));
    }
}

/// Nothing to print: another keyword says it.
pub fn show_nothing<T>(_: &T, _: &T, _: &mut Printer) {}

/// The statement's first word behind the keyword, which its row's type has made sure of.
fn first(statement: &Statement) -> Option<&Word> {
    statement.words.get(1)
}

/// `vrrp_mcast_group4 ADDRESS`
pub fn mcast_group4(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    let Some(word) = first(statement) else { return };
    match word.text.parse::<core::net::Ipv4Addr>() {
        Ok(ip) if ip.is_multicast() => draft.global.mcast_group4 = ip,
        _ => wrong_group(site, word, "224.0.0.18"),
    }
}

/// `vrrp_mcast_group6 ADDRESS`
pub fn mcast_group6(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    let Some(word) = first(statement) else { return };
    match word.text.parse::<core::net::Ipv6Addr>() {
        Ok(ip) if ip.is_multicast() => draft.global.mcast_group6 = ip,
        _ => wrong_group(site, word, "ff02::12"),
    }
}

fn wrong_group(site: &mut Site<'_>, word: &Word, usual: &str) {
    site.error(word.at, format!("'{}' is not a multicast address such as {usual}; the line is ignored", word.text));
}

/// Prints it.
pub fn show_mcast_group4(draft: &GlobalDraft, default: &GlobalDraft, printer: &mut Printer) {
    if draft.global.mcast_group4 != default.global.mcast_group4 {
        printer.line(format_args!("vrrp_mcast_group4 {}", draft.global.mcast_group4));
    }
}

/// Prints it.
pub fn show_mcast_group6(draft: &GlobalDraft, default: &GlobalDraft, printer: &mut Printer) {
    if draft.global.mcast_group6 != default.global.mcast_group6 {
        printer.line(format_args!("vrrp_mcast_group6 {}", draft.global.mcast_group6));
    }
}

/// `vrrp_min_garp [BOOL]`
pub fn min_garp(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    let on = match first(statement) {
        None => true,
        Some(word) => match crate::config::keywords::value::flag(&word.text) {
            Some(on) => on,
            None => return site.error(word.at, format!("vrrp_min_garp: '{}' is neither on nor off", word.text)),
        },
    };
    if on {
        draft.global.announce.delay = Duration::ZERO;
        draft.global.announce.repeat = 1;
        draft.lower_prio_delay = Some(Duration::ZERO);
        draft.lower_prio_repeat = Some(1);
    }
}

/// A number of packets, at least one.
pub fn packets(site: &mut Site<'_>, statement: &Statement) -> Option<u32> {
    let what = site.head(statement).to_owned();
    let word = first(statement)?;
    let number = u32::try_from(site.number(word, &what, 0, crate::config::keywords::ANY)?).ok()?;
    if number == 0 {
        site.error(word.at, format!("{what} must be at least 1; it is 1 then"));
    }
    Some(number.max(1))
}

/// `vrrp_garp_master_repeat N`
pub fn garp_repeat(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    draft.global.announce.repeat = packets(site, statement).unwrap_or(draft.global.announce.repeat);
}

/// `vrrp_garp_master_refresh_repeat N`
pub fn garp_refresh_repeat(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    draft.global.announce.refresh_repeat = packets(site, statement).unwrap_or(draft.global.announce.refresh_repeat);
}

/// Prints it.
pub fn show_garp_repeat(draft: &GlobalDraft, default: &GlobalDraft, printer: &mut Printer) {
    if draft.global.announce.repeat != default.global.announce.repeat {
        printer.line(format_args!("vrrp_garp_master_repeat {}", draft.global.announce.repeat));
    }
}

/// Prints it.
pub fn show_garp_refresh_repeat(draft: &GlobalDraft, default: &GlobalDraft, printer: &mut Printer) {
    if draft.global.announce.refresh_repeat != default.global.announce.refresh_repeat {
        printer.line(format_args!("vrrp_garp_master_refresh_repeat {}", draft.global.announce.refresh_repeat));
    }
}

/// `dynamic_interfaces [allow_if_changes]`
pub fn dynamic_interfaces(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    draft.global.dynamic_interfaces = true;
    if let Some(word) = first(statement).filter(|word| word.text != "allow_if_changes") {
        site.error(word.at, format!("dynamic_interfaces: '{}' is not allow_if_changes", word.text));
    }
}

/// Prints it.
pub fn show_dynamic_interfaces(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    if draft.global.dynamic_interfaces {
        printer.line("dynamic_interfaces");
    }
}

/// `script_user USER [GROUP]`
pub fn script_user(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    draft.script_user = command::user(site, "script_user", statement.words.get(1..).unwrap_or_default());
    draft.script_user_unknown = draft.script_user.is_none();
    // In force for the programs of the lines that follow.
    site.script_user.clone_from(&draft.script_user);
}

/// Prints it.
pub fn show_script_user(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    let User { uid, gid } = draft.global.script_user;
    printer.line(format_args!("script_user {uid} {gid}"));
}

/// `notify_fifo PATH [USER [GROUP]]`
pub fn notify_fifo(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    fifo(site, &mut draft.global.notify_fifo, statement);
}

/// `vrrp_notify_fifo PATH [USER [GROUP]]`
pub fn vrrp_notify_fifo(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    fifo(site, &mut draft.global.vrrp_notify_fifo, statement);
}

fn fifo(site: &mut Site<'_>, fifo: &mut NotifyFifo, statement: &Statement) {
    let what = site.head(statement).to_owned();
    let owner = statement.words.get(2..).filter(|words| !words.is_empty());
    fifo.owner = owner.and_then(|words| command::user(site, &what, words));
    fifo.path = first(statement).map(|word| word.text.clone());
}

/// Prints it.
pub fn show_notify_fifo(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    show_fifo("notify_fifo", &draft.global.notify_fifo, printer);
}

/// Prints it.
pub fn show_vrrp_notify_fifo(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    show_fifo("vrrp_notify_fifo", &draft.global.vrrp_notify_fifo, printer);
}

fn show_fifo(name: &str, fifo: &NotifyFifo, printer: &mut Printer) {
    match (&fifo.path, &fifo.owner) {
        (Some(path), Some(User { uid, gid })) => printer.line(format_args!("{name} {} {uid} {gid}", Quoted(path))),
        (Some(path), None) => printer.line(format_args!("{name} {}", Quoted(path))),
        (None, _) => {}
    }
}

/// `smtp_server HOST [PORT]`
pub fn smtp_server(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    let Some(word) = first(statement) else { return };
    let port = statement.words.get(2).and_then(|port| site.number(port, "smtp_server: the port", 1, 65535));
    draft.global.smtp_server = Some((word.text.clone(), port.and_then(|port| u16::try_from(port).ok()).unwrap_or(25)));
}

/// Prints it.
pub fn show_smtp_server(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    if let Some((host, port)) = &draft.global.smtp_server {
        printer.line(format_args!("smtp_server {} {port}", Quoted(host)));
    }
}

/// `notification_email { ADDRESS ... }`
pub fn notification_email(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    let Some(block) = &statement.block else { return };
    let words = block.statements.iter().flat_map(|line| &line.words);
    draft.global.notification_email.extend(words.map(|word| word.text.clone()));
    if block.statements.is_empty() {
        site.error(site.at(statement), "notification_email is empty: add an address a line, or remove it");
    }
}

/// Prints it.
pub fn show_notification_email(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    let lines = draft.global.notification_email.iter().map(|each| Quoted(each).to_string());
    printer.lines("notification_email", lines.collect());
}

/// `vrrp_rx_bufs_policy MTU|ADVERT|BYTES`
pub fn rx_bufs_policy(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    let Some(word) = first(statement) else { return };
    draft.global.rx_bufs_policy = match word.text.to_ascii_uppercase().as_str() {
        "MTU" => Some(RxBufs::Mtu),
        "ADVERT" => Some(RxBufs::Advert),
        _ => site
            .number(word, "vrrp_rx_bufs_policy, if not MTU or ADVERT", 1, crate::config::keywords::ANY)
            .and_then(|bytes| u32::try_from(bytes).ok())
            .map(RxBufs::Bytes),
    };
}

/// Prints it.
pub fn show_rx_bufs_policy(draft: &GlobalDraft, _: &GlobalDraft, printer: &mut Printer) {
    match draft.global.rx_bufs_policy {
        None => {}
        Some(RxBufs::Mtu) => printer.line("vrrp_rx_bufs_policy MTU"),
        Some(RxBufs::Advert) => printer.line("vrrp_rx_bufs_policy ADVERT"),
        Some(RxBufs::Bytes(bytes)) => printer.line(format_args!("vrrp_rx_bufs_policy {bytes}")),
    }
}

/// `umask MODE`: in octal, or as names such as `IWGRP` joined by `|`.
pub fn umask(site: &mut Site<'_>, draft: &mut GlobalDraft, statement: &Statement) {
    let Some(word) = first(statement) else { return };
    let text: Vec<&str> = statement.words.iter().skip(1).map(|word| word.text.as_str()).collect();
    match mode(&text.concat()) {
        Some(bits) => draft.global.umask = bits,
        None => site.error(
            word.at,
            format!("umask: '{}' is neither octal up to 777 nor names such as IWGRP | IROTH", text.join(" ")),
        ),
    }
}

fn mode(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o777);
    }
    text.split('|').try_fold(0, |bits, name| {
        let (what, who) = if let Some(who) = name.strip_prefix("IRWX") {
            (7, who)
        } else {
            let (what, who) = (name.get(..2)?, name.get(2..)?);
            (
                match what {
                    "IR" => 4,
                    "IW" => 2,
                    "IX" => 1,
                    _ => return None,
                },
                who,
            )
        };
        let shift = match who {
            "USR" | "U" => 6,
            "GRP" | "G" => 3,
            "OTH" | "O" => 0,
            _ => return None,
        };
        Some(bits | (what << shift))
    })
}

/// Prints it.
pub fn show_umask(draft: &GlobalDraft, default: &GlobalDraft, printer: &mut Printer) {
    if draft.global.umask != default.global.umask {
        printer.line(format_args!("umask 0{:o}", draft.global.umask));
    }
}
