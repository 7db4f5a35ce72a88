//! `vrrp_instance` while it is read, and those of its lines that have a form of their own.

use core::net::IpAddr;

use super::{Site, block_name, complete};
use crate::config::Position;
use crate::config::keywords::instance::INSTANCE;
use crate::config::model::{Auth, Config, Family, Global, Instance, Notify, Version};
use crate::config::syntax::Statement;
use crate::time::{Centis, Duration};

/// A `vrrp_instance` while it is read: what the globals say, then what its own lines say.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What is known of it.
    pub instance: Instance,
    /// The family of its first address; of virtual ones, its source's or its peers'.
    pub family: Option<Family>,
    /// `version` if written.
    pub version: Option<Version>,
    /// `priority` if written.
    pub priority: Option<u8>,
    /// `advert_int` if written.
    pub advert_int: Option<Duration>,
    /// `mcast_dst_ip` if written.
    pub mcast_dst: Option<IpAddr>,
    /// `nopreempt`.
    pub nopreempt: bool,
    /// `no_virtual_ipaddress`.
    pub no_addresses: bool,
    /// `garp_lower_prio_delay` if written.
    pub lower_prio_delay: Option<Duration>,
    /// `garp_lower_prio_repeat` if written.
    pub lower_prio_repeat: Option<u32>,
    /// The names in `track_script`, known or not.
    pub tracked_scripts: Vec<String>,
    /// `auth_type`.
    pub auth_type: Option<AuthType>,
    /// `auth_pass`, zero-padded.
    pub auth_pass: Option<[u8; 8]>,
    /// A keyword that only unicast has, if one was written.
    pub unicast_word: Option<&'static str>,
    /// `use_vmac` or `use_ipvlan`.
    pub vmac: bool,
    /// `use_ipvlan` without an address.
    pub ipvlan: bool,
    /// `vrf`.
    pub vrf: Option<String>,
    /// `vmac_xmit_base`.
    pub vmac_xmit_base: bool,
    /// `unicast_ttl` if written.
    pub unicast_ttl: Option<u8>,
    /// Where the values stand that are judged at the end.
    pub places: Places,
}

/// Where the values stand that are judged at the end.
#[derive(Clone, Copy, Default, Debug)]
pub struct Places {
    /// `advert_int`
    pub advert_int: Option<Position>,
    /// `nopreempt`
    pub nopreempt: Option<Position>,
    /// `preempt_delay`
    pub preempt_delay: Option<Position>,
    /// `priority`
    pub priority: Option<Position>,
    /// `authentication`
    pub authentication: Option<Position>,
    /// `unicast_ttl`
    pub unicast_ttl: Option<Position>,
    /// `track_interface`
    pub track_interface: Option<Position>,
    /// `version`
    pub version: Option<Position>,
}

/// `auth_type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthType {
    /// A password in clear text.
    Pass,
    /// IPsec AH.
    Ah,
}

impl Draft {
    /// What an instance without lines is.
    pub fn new(global: &Global) -> Self {
        Self {
            instance: blank(global),
            family: None,
            version: None,
            priority: None,
            advert_int: None,
            mcast_dst: None,
            nopreempt: false,
            no_addresses: false,
            lower_prio_delay: None,
            lower_prio_repeat: None,
            tracked_scripts: Vec::new(),
            auth_type: None,
            auth_pass: None,
            unicast_word: None,
            vmac: false,
            ipvlan: false,
            vrf: None,
            vmac_xmit_base: false,
            unicast_ttl: None,
            places: Places::default(),
        }
    }

    /// As if it had just been read.
    pub fn of(instance: &Instance, global: &Global) -> Self {
        let (auth_type, auth_pass) = match instance.auth {
            Auth::None => (None, None),
            Auth::Pass(pass) => (Some(AuthType::Pass), Some(pass)),
            Auth::Ah(pass) => (Some(AuthType::Ah), Some(pass)),
        };
        Self {
            instance: instance.clone(),
            family: Some(instance.family),
            version: Some(instance.version),
            priority: Some(instance.priority),
            advert_int: Some(instance.advert_int.span()),
            mcast_dst: Some(instance.mcast_group),
            nopreempt: !instance.preempt,
            no_addresses: instance.addresses.is_empty(),
            lower_prio_delay: Some(instance.announce.lower_prio_delay),
            lower_prio_repeat: Some(instance.announce.lower_prio_repeat),
            auth_type,
            auth_pass,
            unicast_ttl: Some(instance.unicast_ttl),
            ..Self::new(global)
        }
    }
}

fn blank(global: &Global) -> Instance {
    Instance {
        name: String::new(),
        at: Position::default(),
        interface: None,
        family: Family::V4,
        version: global.version,
        vrid: 0,
        priority: 100,
        starts_active: false,
        advert_int: Centis::SECOND,
        preempt: true,
        preempt_delay: Duration::ZERO,
        addresses: Vec::new(),
        excluded: Vec::new(),
        source: None,
        track_source: false,
        mcast_group: IpAddr::V4(global.mcast_group4),
        peers: Vec::new(),
        unicast_ttl: 255,
        check_unicast_src: global.check_unicast_src,
        fault_without_peer: false,
        auth: Auth::None,
        accept: true,
        strict: global.strict,
        skip_check_adv_addr: global.skip_check_adv_addr,
        checksum_without_pseudo_header: global.v3_checksum_as_v2,
        owner_ignore_adverts: global.owner_ignore_adverts,
        announce: global.announce,
        lower_prio_no_advert: global.lower_prio_no_advert,
        higher_prio_send_advert: global.higher_prio_send_advert,
        down_timer_adverts: global.down_timer_adverts,
        rx_buffer: None,
        dont_track_primary: false,
        track_interfaces: Vec::new(),
        track_scripts: Vec::new(),
        notify: Notify::default(),
        notify_priority_changes: global.notify_priority_changes,
        smtp_alert: global.smtp_alert.unwrap_or(false),
        promote_secondaries: false,
        notify_deleted: false,
    }
}

/// Reads a block and adds it, if it can be used.
pub fn read_block(site: &mut Site<'_>, config: &mut Config, statement: &Statement) {
    let Some((name, at)) = block_name(site, statement) else { return };
    if site.instances.contains(&name) {
        return site.error(at, format!("there is a vrrp_instance {name} already; this one is ignored"));
    }
    site.instances.push(name.clone());
    let mut draft = Draft::new(&site.global);
    draft.instance.name.clone_from(&name);
    draft.instance.at = site.at(statement);
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        draft.places.remember(line);
        if let ("interface", Some(word)) = (site.head(line), line.words.get(1)) {
            site.interface(word, &format!("vrrp_instance {name}"));
        }
    }
    site.own_block(INSTANCE, &mut draft, statement, "vrrp_instance");
    if let Some(instance) = complete::instance(site, draft) {
        config.instances.push(instance);
    }
}

impl Places {
    fn remember(&mut self, line: &Statement) {
        let Some(head) = line.words.first() else { return };
        let place = match head.text.as_str() {
            "advert_int" => &mut self.advert_int,
            "nopreempt" => &mut self.nopreempt,
            "preempt_delay" => &mut self.preempt_delay,
            "priority" => &mut self.priority,
            "authentication" => &mut self.authentication,
            "unicast_ttl" => &mut self.unicast_ttl,
            "track_interface" => &mut self.track_interface,
            "version" => &mut self.version,
            _ => return,
        };
        *place = Some(head.at);
    }
}

/// The lines with a form of their own.
pub mod read {
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
        draft.instance.starts_active = match word.text.as_str() {
            "MASTER" => true,
            "BACKUP" => false,
            other => {
                site.error(word.at, format!("state '{other}' is neither MASTER nor BACKUP; BACKUP is used"));
                false
            }
        };
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
            Ok(ip) if ip.is_multicast() => draft.mcast_dst = Some(ip),
            _ => site.error(
                word.at,
                format!("mcast_dst_ip: '{}' is not a multicast address; the line is ignored", word.text),
            ),
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
            let text =
                format!("auth_pass has {} bytes: only the first 8 count, on every router; shorten it", bytes.len());
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
        draft.instance.announce.refresh_repeat =
            packets(site, statement).unwrap_or(draft.instance.announce.refresh_repeat);
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
            draft.instance.notify.deleted = notify(site, "notify_deleted", statement);
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
}
