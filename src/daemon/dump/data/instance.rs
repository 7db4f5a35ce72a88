//! One virtual router.

use core::fmt::{self, Write};

use super::{enabled, notify, tracked, tracked_others, yes};
use crate::config::model::{Auth, Family, Version};
use crate::daemon::dump::subject::Subject;
use crate::daemon::dump::values::{General, Stamp};
use crate::daemon::words;
use crate::proto::vrrp::State;

/// Writes it.
pub fn write(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    writeln!(out, " VRRP Instance = {}", subject.instance.name)?;
    state(out, subject)?;
    timers(out, subject)?;
    network(out, subject)?;
    announcements(out, subject)?;
    election(out, subject)?;
    addresses(out, subject)?;
    let (receiver, sender) = subject.world.descriptors(subject.index);
    writeln!(out, "   fd_in {receiver}, fd_out {sender}")?;
    tracked(out, subject.world, subject.tracked_interfaces(), subject.tracked_scripts())?;
    tracked_others(out, subject.world, subject.tracks())?;
    let instance = subject.instance;
    writeln!(out, "   Using smtp notification = {}", yes(instance.smtp_alert))?;
    writeln!(out, "   Notify deleted = {}", if instance.notify_deleted { "Deleted" } else { "Fault" })?;
    notify(out, &instance.notify)?;
    writeln!(out, "   Notify priority changes = {}", instance.notify_priority_changes)
}

fn state(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let instance = subject.instance;
    writeln!(out, "   VRRP Version = {}", instance.version.number())?;
    if instance.family == Family::V6 {
        writeln!(out, "   Using Native IPv6")?;
    }
    let group = subject.world.node.group_of(subject.index);
    if let Some(group) = group.and_then(|group| subject.world.config.groups.get(usize::from(group))) {
        writeln!(out, "   Sync group = {}", group.name)?;
    }
    writeln!(out, "   State = {}", words::state(subject.router.state()))?;
    flags(out, subject)?;
    writeln!(out, "   Wantstate = {}", words::state(subject.wanted_state()))?;
    // An instance with such a fault does not come to life here.
    writeln!(out, "   Number of config faults = 0")?;
    let verdict = subject.world.node.verdict(subject.index);
    writeln!(out, "   Number of tracker faults = {}", verdict.faults)?;
    out.write_str("   Flags of interface faults -")?;
    let is_down = !instance.dont_track_primary && subject.device().is_some_and(|device| !device.running);
    let has_no_source = subject.router.source().is_none();
    for (word, on) in [(" down", is_down), (" no_source_ip", has_no_source), (" (none)", !is_down && !has_no_source)] {
        out.write_str(if on { word } else { "" })?;
    }
    writeln!(out, "\n   Number of track scripts init = {}", verdict.pending)
}

/// What has no line of its own.
fn flags(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let instance = subject.instance;
    let words = [
        ("", !instance.preempt),
        (" unicast", !instance.peers.is_empty()),
        (" check_unicast_src", instance.check_unicast_src),
        (" unicast_fault_no_peer", instance.fault_without_peer),
        (" track_src_ip", instance.track_source),
        (" dont_track_primary", instance.dont_track_primary),
        (" skip_check_adv_addr", instance.skip_check_adv_addr),
        (" strict_mode", instance.strict),
        (" owner_ignore_adverts", instance.owner_ignore_adverts),
        (" v3_checksum_as_v2", instance.version == Version::V3 && instance.checksum_without_pseudo_header),
    ];
    out.write_str("   Flags:")?;
    let any = words.iter().any(|(_, on)| *on);
    out.write_str(if any { "" } else { " none" })?;
    words.iter().filter(|(_, on)| *on).try_for_each(|(word, _)| out.write_str(word))?;
    out.write_str("\n")
}

fn timers(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let router = subject.router;
    writeln!(out, "   Last transition = {}", Stamp(subject.transition).with_local())?;
    if let Some(deadline) = router.next_deadline() {
        writeln!(out, "   Read timeout = {}", Stamp::of(deadline).with_local())?;
    }
    writeln!(out, "   Master down timer = {} usecs", router.active_down_interval().as_micros())
}

fn network(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let instance = subject.instance;
    writeln!(out, "   Interface = {}", subject.interface())?;
    match subject.router.source() {
        Some(ip) => writeln!(out, "   Using src_ip = {ip}")?,
        None => writeln!(out, "   Using src_ip = (none)")?,
    }
    if !instance.peers.is_empty() {
        return writeln!(out, "   Unicast TTL = {}", instance.unicast_ttl);
    }
    write!(out, "   Multicast address {}", instance.mcast_group)?;
    let index = subject.device().and_then(|device| device.interface);
    if let (Family::V6, Some(interface)) = (instance.family, index) {
        write!(out, ", ifindex {}", interface.index())?;
    }
    out.write_str("\n")
}

fn announcements(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let (instance, announce) = (subject.instance, &subject.instance.announce);
    writeln!(out, "   Gratuitous ARP delay = {}", General(announce.delay))?;
    writeln!(out, "   Gratuitous ARP repeat = {}", announce.repeat)?;
    writeln!(out, "   Gratuitous ARP refresh = {}", General(announce.refresh))?;
    writeln!(out, "   Gratuitous ARP refresh repeat = {}", announce.refresh_repeat)?;
    writeln!(out, "   Gratuitous ARP lower priority delay = {}", General(announce.lower_prio_delay))?;
    writeln!(out, "   Gratuitous ARP lower priority repeat = {}", announce.lower_prio_repeat)?;
    writeln!(out, "   Down timer adverts = {}", instance.down_timer_adverts)?;
    writeln!(out, "   Send advert after receive lower priority advert = {}", !instance.lower_prio_no_advert)?;
    writeln!(out, "   Send advert after receive higher priority advert = {}", instance.higher_prio_send_advert)
}

fn election(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let (instance, router) = (subject.instance, subject.router);
    writeln!(out, "   Virtual Router ID = {}", instance.vrid)?;
    writeln!(out, "   Priority = {}", instance.priority)?;
    writeln!(out, "   Effective priority = {}", router.priority())?;
    let weight = subject.world.node.verdict(subject.index).weight;
    writeln!(out, "   Total priority = {}", i32::from(instance.priority).saturating_add(weight))?;
    if !instance.preempt {
        writeln!(out, "   Highest other priority = {}", subject.master_priority())?;
    }
    match instance.version {
        Version::V2 => writeln!(out, "   Advert interval = {} sec", instance.advert_int.span().as_secs())?,
        Version::V3 => writeln!(out, "   Advert interval = {} milli-sec", instance.advert_int.span().as_millis())?,
    }
    match (router.state(), instance.version) {
        (State::Backup, Version::V3) => {
            let interval = router.active_interval().span();
            writeln!(out, "   Master advert interval = {} milli-sec", interval.as_millis())?;
        }
        (State::Initialize | State::Backup | State::Active | State::Fault, _) => {}
    }
    if let Some(next) = router.next_advert() {
        writeln!(out, "   Last advert sent = {}", Stamp::of(next - instance.advert_int.span()))?;
    }
    writeln!(out, "   Accept = {}", enabled(instance.accept))?;
    writeln!(out, "   Preempt = {}", enabled(instance.preempt))?;
    if !instance.preempt_delay.is_zero() {
        writeln!(out, "   Preempt delay = {} secs", General(instance.preempt_delay))?;
    }
    writeln!(out, "   Promote_secondaries = {}", enabled(instance.promote_secondaries))?;
    authentication(out, subject)
}

fn authentication(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let kind = match subject.instance.auth {
        Auth::None if subject.instance.version == Version::V3 => return Ok(()),
        Auth::None => return writeln!(out, "   Authentication type = none"),
        Auth::Pass(_) => "SIMPLE_PASSWORD",
        Auth::Ah(_) => "IPSEC_AH",
    };
    writeln!(out, "   Authentication type = {kind}")?;
    writeln!(out, "   Password = ********")
}

fn addresses(out: &mut dyn Write, subject: &Subject<'_>) -> fmt::Result {
    let instance = subject.instance;
    if !instance.addresses.is_empty() {
        writeln!(out, "   Virtual IP ({}):", instance.addresses.len())?;
        subject.addresses(false).try_for_each(|address| writeln!(out, "     {address}"))?;
    }
    if !instance.excluded.is_empty() {
        writeln!(out, "   Virtual IP Excluded :")?;
        subject.addresses(true).try_for_each(|address| writeln!(out, "     {address}"))?;
    }
    for (place, peer) in instance.peers.iter().enumerate() {
        super::heading(out, place, "Unicast Peer")?;
        write!(out, "     {}", peer.ip)?;
        if (peer.min_ttl, peer.max_ttl) != (0, 255) {
            write!(out, " min_ttl {} max_ttl {}", peer.min_ttl, peer.max_ttl)?;
        }
        out.write_str("\n")?;
    }
    Ok(())
}
