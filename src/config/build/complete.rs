//! What only a whole instance, or all of them together, can show.

use core::net::IpAddr;

use super::Site;
use super::instance::{AuthType, Draft};
use crate::config::Position;
use crate::config::model::{Auth, Config, Family, Instance, Version};
use crate::time::{Centis, Duration};

/// The longest advert interval of version 3 (RFC 9568, section 5.2.7: 12 bits of centiseconds).
const LONGEST_V3: u64 = 4095;

/// Everything resolved. None: it cannot be used; that has been said.
pub fn instance(site: &mut Site<'_>, mut draft: Draft) -> Option<Instance> {
    let at = draft.instance.at;
    let name = draft.instance.name.clone();
    if draft.instance.vrid == 0 {
        site.error(at, format!("vrrp_instance {name} has no virtual_router_id; it is ignored"));
        return None;
    }
    unicast(site, &mut draft);
    if draft.instance.interface.is_none() && (draft.instance.peers.is_empty() || draft.instance.source.is_none()) {
        site.error(
            at,
            format!(
                "vrrp_instance {name} has no interface (only unicast with unicast_src_ip can do without); it is ignored"
            ),
        );
        return None;
    }
    draft.instance.family = draft.family.unwrap_or_default();
    version(site, &mut draft);
    mcast_group(site, &mut draft);
    priority(site, &mut draft);
    strict(site, &mut draft);
    preemption(site, &mut draft);
    advert_int(site, &mut draft);
    authentication(site, &mut draft);
    addresses(site, &mut draft);
    own_interface(site, &mut draft);
    owner_weights(site, &mut draft);
    vmac(site, &mut draft);
    let announce = &mut draft.instance.announce;
    announce.lower_prio_delay = draft.lower_prio_delay.or(site.global.lower_prio_delay).unwrap_or(announce.delay);
    announce.lower_prio_repeat = draft.lower_prio_repeat.or(site.global.lower_prio_repeat).unwrap_or(announce.repeat);
    let mut instance = draft.instance;
    // It stays for as long as the daemon runs.
    instance.addresses.shrink_to_fit();
    instance.excluded.shrink_to_fit();
    instance.peers.shrink_to_fit();
    instance.track_interfaces.shrink_to_fit();
    Some(instance)
}

fn say(site: &mut Site<'_>, draft: &Draft, place: Option<Position>, text: &str) {
    site.error(place.unwrap_or(draft.instance.at), format!("vrrp_instance {}: {text}", draft.instance.name));
}

fn note(site: &mut Site<'_>, draft: &Draft, place: Option<Position>, text: &str) {
    site.note(place.unwrap_or(draft.instance.at), format!("vrrp_instance {}: {text}", draft.instance.name));
}

fn unicast(site: &mut Site<'_>, draft: &mut Draft) {
    if draft.instance.peers.is_empty() {
        if let Some(word) = draft.unicast_word {
            let text = format!(
                "{word} without a usable address in unicast_peer: multicast is used; add peers, or write mcast_src_ip"
            );
            say(site, draft, None, &text);
        }
        if draft.unicast_ttl.is_some() {
            say(
                site,
                draft,
                draft.places.unicast_ttl,
                "unicast_ttl has no meaning without unicast_peer; it is ignored",
            );
        }
        draft.unicast_ttl = None;
    }
    draft.instance.unicast_ttl = draft.unicast_ttl.unwrap_or(255);
}

fn version(site: &mut Site<'_>, draft: &mut Draft) {
    draft.instance.version = draft.version.unwrap_or(site.global.version);
    if draft.instance.family == Family::V6 {
        if draft.version == Some(Version::V2) {
            note(site, draft, draft.places.version, "IPv6 has no version 2; version 3 is used");
        }
        draft.instance.version = Version::V3;
    }
}

fn mcast_group(site: &mut Site<'_>, draft: &mut Draft) {
    let usual = match draft.instance.family {
        Family::V4 => IpAddr::V4(site.global.mcast_group4),
        Family::V6 => IpAddr::V6(site.global.mcast_group6),
    };
    draft.instance.mcast_group = usual;
    match draft.mcast_dst {
        Some(_) if !draft.instance.peers.is_empty() => {
            say(site, draft, draft.places.mcast_dst, "mcast_dst_ip has no meaning in unicast; it is ignored");
        }
        Some(group) if group.is_ipv4() == usual.is_ipv4() => draft.instance.mcast_group = group,
        Some(_) => say(site, draft, None, "mcast_dst_ip is of another family than its addresses; it is ignored"),
        None => {}
    }
}

fn priority(site: &mut Site<'_>, draft: &mut Draft) {
    let owner = draft.priority == Some(255);
    draft.instance.starts_active = draft.state.unwrap_or(owner);
    draft.instance.priority = draft.priority.unwrap_or(if draft.instance.starts_active { 255 } else { 100 });
    if owner && draft.state == Some(false) {
        let text =
            "priority 255 is the address owner's, whose state is MASTER: write state MASTER, or a lower priority";
        note(site, draft, draft.places.priority, text);
    }
}

/// An address owner's priority never changes, so weights have no meaning for it.
fn owner_weights(site: &mut Site<'_>, draft: &mut Draft) {
    if draft.instance.priority != 255 {
        return;
    }
    let (interfaces, scripts) = (draft.instance.track_interfaces.len(), draft.instance.track_scripts.len());
    draft.instance.track_interfaces.retain(|tracked| tracked.weight == 0);
    let Instance { track_scripts, tracks, .. } = &mut draft.instance;
    *track_scripts = track_scripts.iter().filter(|tracked| tracked.weight == 0).copied().collect();
    // keepalived says nothing of these.
    *tracks = tracks.iter().filter(|tracked| tracked.weight == 0).copied().collect();
    let text = "the priority of an address owner never changes; what is tracked with a weight is ignored";
    if draft.instance.track_interfaces.len() != interfaces {
        say(site, draft, draft.places.track_interface, text);
    }
    if draft.instance.track_scripts.len() != scripts {
        say(site, draft, draft.places.track_script, text);
    }
}

fn preemption(site: &mut Site<'_>, draft: &mut Draft) {
    let places = draft.places;
    if draft.nopreempt && draft.instance.priority == 255 {
        say(site, draft, places.nopreempt, "an address owner (priority 255) always preempts; nopreempt is ignored");
        draft.nopreempt = false;
    }
    if draft.nopreempt && draft.instance.starts_active {
        say(
            site,
            draft,
            places.nopreempt,
            "nopreempt needs state BACKUP, on all routers; it is ignored with state MASTER",
        );
        draft.nopreempt = false;
    }
    if !draft.instance.preempt_delay.is_zero() {
        if draft.instance.starts_active {
            say(site, draft, places.preempt_delay, "preempt_delay needs state BACKUP; it is ignored with state MASTER");
            draft.instance.preempt_delay = Duration::ZERO;
        } else if draft.nopreempt {
            say(site, draft, places.preempt_delay, "preempt_delay has no meaning with nopreempt; it is ignored");
            draft.instance.preempt_delay = Duration::ZERO;
        }
    }
    draft.instance.preempt = !draft.nopreempt;
}

fn advert_int(site: &mut Site<'_>, draft: &mut Draft) {
    let span = draft.advert_int.unwrap_or(Duration::from_secs(1));
    // To the nearest hundredth, and never to nothing.
    let mut centis = (span.as_micros().saturating_add(5_000) / 10_000).max(1);
    if draft.instance.version == Version::V2 {
        let seconds = (centis.saturating_add(50) / 100).max(1);
        if Duration::from_secs(seconds) != span {
            let text = format!("advert_int {span} is rounded to {seconds}: version 2 has whole seconds only");
            say(site, draft, draft.places.advert_int, &text);
        }
        centis = seconds.saturating_mul(100).min(25_500);
    } else if centis > LONGEST_V3 {
        let text = format!("advert_int {span} is longer than version 3 can say; 40.95 is used");
        say(site, draft, draft.places.advert_int, &text);
        centis = LONGEST_V3;
    } else if Duration::from_millis(centis.saturating_mul(10)) != span {
        let rounded = Duration::from_millis(centis.saturating_mul(10));
        let text = format!("advert_int {span} is rounded to {rounded}: version 3 has hundredths of a second");
        say(site, draft, draft.places.advert_int, &text);
    }
    draft.instance.advert_int = Centis(u16::try_from(centis).unwrap_or(u16::MAX));
}

fn authentication(site: &mut Site<'_>, draft: &mut Draft) {
    let place = draft.places.authentication;
    draft.instance.auth = match (draft.auth_type, draft.auth_pass) {
        (None, _) => Auth::None,
        (Some(_), None) => {
            say(site, draft, place, "authentication has an auth_type and no auth_pass; it is ignored");
            Auth::None
        }
        (Some(_), Some(_)) if draft.instance.version == Version::V3 => {
            say(site, draft, place, "version 3 has no authentication (RFC 9568, section 9); it is ignored");
            Auth::None
        }
        (Some(AuthType::Pass), Some(pass)) => Auth::Pass(pass),
        (Some(AuthType::Ah), Some(pass)) => {
            if draft.state == Some(true) {
                say(site, draft, place, "auth_type AH and state MASTER do not go together; state BACKUP is used");
                draft.instance.starts_active = false;
            }
            Auth::Ah(pass)
        }
    };
}

/// How many addresses one advert can hold: its count has 8 bits, and it must fit into a packet of 1500 bytes.
fn capacity(family: Family) -> usize {
    const MTU: usize = 1500;
    const COUNT: usize = 255;
    match family {
        // IPv4 header, VRRP header, authentication data
        Family::V4 => ((MTU - 20 - 8 - 8) / 4).min(COUNT),
        // One less than would fit: keepalived stops there, and both sides must list the same.
        Family::V6 => ((MTU - 40 - 8) / 16).min(COUNT) - 1,
    }
}

fn addresses(site: &mut Site<'_>, draft: &mut Draft) {
    let most = capacity(draft.instance.family);
    let instance = &mut draft.instance;
    if instance.addresses.len() > most {
        let mut moved = instance.addresses.split_off(most);
        moved.append(&mut instance.excluded);
        instance.excluded = moved;
        let text = format!(
            "an advert holds {most} addresses: the others are used, but not in it; move them to virtual_ipaddress_excluded"
        );
        say(site, draft, None, &text);
    }
    if draft.instance.addresses.is_empty() && !draft.no_addresses {
        say(site, draft, None, "there is no virtual_ipaddress; if that is meant, write no_virtual_ipaddress");
    }
    if let Some(IpAddr::V6(ip)) = draft.instance.addresses.first().map(|address| address.ip) {
        if !ip.is_unicast_link_local() {
            let say = if draft.instance.strict { say } else { note };
            let text = format!("the first address, {ip}, is not link-local (RFC 9568, section 5.2.9)");
            say(site, draft, None, &text);
        }
    }
}

fn own_interface(site: &mut Site<'_>, draft: &mut Draft) {
    let Some(own) = draft.instance.interface.clone() else { return };
    let before = draft.instance.track_interfaces.len();
    draft.instance.track_interfaces.retain(|tracked| tracked.name != own);
    if draft.instance.track_interfaces.len() != before {
        let text = format!("track_interface {own} is its own interface, which counts anyway; it is ignored");
        say(site, draft, draft.places.track_interface, &text);
    }
}

fn vmac(site: &mut Site<'_>, draft: &mut Draft) {
    if draft.vmac && draft.instance.promote_secondaries {
        say(site, draft, None, "promote_secondaries is always set on a virtual MAC interface; it is ignored");
        draft.instance.promote_secondaries = false;
    }
    if draft.vmac && !draft.vmac_xmit_base && !draft.instance.peers.is_empty() {
        say(site, draft, None, "unicast with use_vmac needs vmac_xmit_base: write it");
    }
    if draft.vmac_xmit_base && !draft.vmac {
        say(site, draft, None, "vmac_xmit_base has no meaning without use_vmac; it is ignored");
    }
    if draft.ipvlan && draft.instance.family == Family::V4 && draft.instance.source.is_none() {
        say(site, draft, None, "use_ipvlan over IPv4 needs a source address: write mcast_src_ip");
    }
    if draft.vrf.is_some() && draft.instance.interface.is_some() {
        say(site, draft, None, "vrf has no meaning together with interface; it is ignored");
    }
}

/// `vrrp_strict`: what the RFC does not have is not done.
fn strict(site: &mut Site<'_>, draft: &mut Draft) {
    if !draft.instance.strict {
        return;
    }
    let places = draft.places;
    if draft.instance.starts_active != (draft.instance.priority == 255) {
        say(site, draft, places.priority, "strict: state MASTER and priority 255 go together");
        draft.instance.starts_active = draft.instance.priority == 255;
    }
    if draft.auth_type.take().is_some() {
        say(site, draft, places.authentication, "strict: there is no authentication; it is ignored");
    }
    if !draft.instance.peers.is_empty() {
        note(site, draft, None, "strict: there is no unicast in the RFC; turn strict mode off to use it");
    }
    if !draft.instance.preempt_delay.is_zero() {
        say(site, draft, places.preempt_delay, "strict: there is no preempt_delay; it is ignored");
        draft.instance.preempt_delay = Duration::ZERO;
    }
    strict_adverts(site, draft);
}

/// The settings of strict mode that decide what is sent when.
fn strict_adverts(site: &mut Site<'_>, draft: &mut Draft) {
    let places = draft.places;
    if draft.instance.down_timer_adverts != 3 {
        say(site, draft, places.down_timer_adverts, "strict: three adverts are missed, not more nor less; 3 is used");
    }
    if places.lower_prio_no_advert.is_some() && !draft.instance.lower_prio_no_advert {
        say(site, draft, places.lower_prio_no_advert, "strict: an advert of lower priority is not answered");
    }
    if draft.instance.higher_prio_send_advert {
        say(site, draft, places.higher_prio_send_advert, "strict: an advert of higher priority is not answered");
    }
    if draft.lower_prio_repeat.or(site.global.lower_prio_repeat).is_some_and(|repeat| repeat != 0) {
        say(site, draft, places.lower_prio_repeat, "strict: nothing is announced after an advert of lower priority");
    }
    draft.lower_prio_repeat = Some(0);
    draft.instance.down_timer_adverts = 3;
    draft.instance.lower_prio_no_advert = true;
    draft.instance.higher_prio_send_advert = false;
}

/// Whether an advert for one could as well be for the other.
fn indistinguishable(one: &Instance, other: &Instance) -> bool {
    let same = one.vrid == other.vrid && one.family == other.family && one.interface == other.interface;
    same && match (one.peers.is_empty(), other.peers.is_empty()) {
        (true, true) => one.mcast_group == other.mcast_group,
        // In unicast the sender tells them apart.
        (false, false) => {
            one.source == other.source && one.peers.iter().any(|peer| other.peers.iter().any(|own| own.ip == peer.ip))
        }
        _ => false,
    }
}

/// Two virtual routers that could not be told apart.
pub fn instances(site: &mut Site<'_>, config: &mut Config) {
    let mut kept: Vec<Instance> = Vec::with_capacity(config.instances.len());
    for instance in config.instances.drain(..) {
        let clash = kept.iter().find(|other| indistinguishable(other, &instance));
        match clash {
            None => kept.push(instance),
            Some(other) => site.error(
                instance.at,
                format!(
                    "vrrp_instance {} and {} both use virtual_router_id {} on {}: give one of them another number; {0} is ignored",
                    instance.name,
                    other.name,
                    instance.vrid,
                    instance.interface.as_deref().unwrap_or("any interface"),
                ),
            ),
        }
    }
    config.instances = kept;
}

/// Mail that nobody would get; keepalived says nothing about it.
pub fn mail(site: &mut Site<'_>, config: &Config) {
    let global = &config.global;
    let missing = match (&global.smtp_server, global.notification_email.as_slice()) {
        (None, _) => "smtp_server",
        (Some(_), []) => "notification_email",
        (Some(_), [_, ..]) => return,
    };
    let instance = config.instances.iter().find(|instance| instance.smtp_alert).map(|instance| instance.at);
    let group = config.groups.iter().find(|group| group.smtp_alert).map(|group| group.at);
    if let Some(at) = instance.or(group) {
        site.note(at, format!("smtp_alert is on, but global_defs has no {missing}: no mail is sent"));
    }
}
