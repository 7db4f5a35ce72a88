//! `vrrp_instance` while it is read, and those of its lines that have a form of their own.

pub mod read;

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
    /// `state` if written: whether it is MASTER.
    pub state: Option<bool>,
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
    pub tracked: Vec<String>,
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
    /// `lower_prio_no_advert`
    pub lower_prio_no_advert: Option<Position>,
    /// `higher_prio_send_advert`
    pub higher_prio_send_advert: Option<Position>,
    /// `down_timer_adverts`
    pub down_timer_adverts: Option<Position>,
    /// `garp_lower_prio_repeat`
    pub lower_prio_repeat: Option<Position>,
    /// `mcast_dst_ip`
    pub mcast_dst: Option<Position>,
    /// `track_script`
    pub track_script: Option<Position>,
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
            state: None,
            advert_int: None,
            mcast_dst: None,
            nopreempt: false,
            no_addresses: false,
            lower_prio_delay: None,
            lower_prio_repeat: None,
            tracked: Vec::new(),
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
            state: Some(instance.starts_active),
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
        track_scripts: Box::default(),
        tracks: Box::default(),
        notify: Notify::default(),
        notify_priority_changes: global.notify_priority_changes,
        smtp_alert: global.mails(),
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
            "lower_prio_no_advert" => &mut self.lower_prio_no_advert,
            "higher_prio_send_advert" => &mut self.higher_prio_send_advert,
            "down_timer_adverts" => &mut self.down_timer_adverts,
            "garp_lower_prio_repeat" => &mut self.lower_prio_repeat,
            "mcast_dst_ip" => &mut self.mcast_dst,
            "track_script" => &mut self.track_script,
            _ => return,
        };
        *place = Some(head.at);
    }
}
