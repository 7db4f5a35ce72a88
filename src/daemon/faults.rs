//! Why an instance is in FAULT, in words an operator can act on.

use super::world::World;
use crate::config::model::{Track, TrackInterface, TrackScript, Tracked};
use crate::proto::track::{Condition, FAULT, Link};

/// Says each reason that puts this instance, or another one of its sync group, into FAULT.
pub fn say(world: &World, router: u16) {
    say_own(world, router, router);
    let Some(group) = world.node.group_of(router) else { return };
    let Some(group) = world.config.groups.get(usize::from(group)) else { return };
    let name = world.name(router);
    interfaces(world, name, &group.track_interfaces);
    scripts(world, name, &group.track_scripts);
    others(world, name, &group.tracks);
    for member in group.members.iter().map(|member| *member as u16).filter(|member| *member != router) {
        say_own(world, router, member);
    }
}

/// The reasons of `member`, told to `router`.
fn say_own(world: &World, router: u16, member: u16) {
    let Some(instance) = world.config.instances.get(usize::from(member)) else { return };
    let name = world.name(router);
    if let Some(interface) = instance.interface.as_deref().filter(|_| !instance.dont_track_primary) {
        interface_down(world, name, interface);
    }
    if world.node.router(member).is_some_and(|router| router.source().is_none()) {
        let of = instance.interface.as_deref().unwrap_or("any interface");
        log::info!("({name}) entering FAULT state (no address for {} to send from on {of})", instance.name);
    }
    if instance.fault_without_peer && instance.peers.is_empty() {
        log::info!("({name}) entering FAULT state ({} has no unicast_peer)", instance.name);
    }
    interfaces(world, name, &instance.track_interfaces);
    scripts(world, name, &instance.track_scripts);
    others(world, name, &instance.tracks);
}

fn interfaces(world: &World, name: &str, tracked: &[TrackInterface]) {
    for track in tracked.iter().filter(|track| track.weight == 0 && !track.reverse) {
        interface_down(world, name, &track.name);
    }
}

fn interface_down(world: &World, name: &str, interface: &str) {
    let device = world.plan.device(interface).and_then(|device| world.interfaces.get(device));
    match device {
        Some(device) if device.running => {}
        Some(device) if device.interface.is_some() => {
            log::info!("({name}) entering FAULT state (interface {interface} down)")
        }
        Some(_) | None => log::info!("({name}) entering FAULT state (there is no interface {interface})"),
    }
}

fn scripts(world: &World, name: &str, tracked: &[TrackScript]) {
    for track in tracked.iter().filter(|track| track.weight == 0) {
        let Some(check) = world.scripts.checks().get(track.script) else { continue };
        if check.machine.verdict() == Some(track.reverse) {
            log::info!(
                "({name}) entering FAULT state (script {} {})",
                check.name(),
                if track.reverse { "succeeds" } else { "fails" }
            );
        }
    }
}

/// A file's number changed: says for whom that begins or ends a fault.
pub fn say_file(world: &World, file: usize, before: Condition, after: Condition) {
    let instances = world.config.instances.iter().map(|instance| (instance.name.as_str(), &instance.tracks));
    let groups = world.config.groups.iter().map(|group| (group.name.as_str(), &group.tracks));
    let tracked = world.config.files.get(file).map_or("", |file| file.name.as_str());
    let is_it = |track: &&Track| track.what == Tracked::File(file as u16);
    for (name, tracks) in instances.chain(groups) {
        for link in tracks.iter().filter(is_it).map(link_of) {
            match (link.is_fault(before), link.is_fault(after)) {
                (false, true) => log::info!("({name}): tracked file {tracked} now FAULT state"),
                (true, false) => log::info!("({name}): tracked file {tracked} leaving FAULT state"),
                (true, true) | (false, false) => {}
            }
        }
    }
}

/// A process's quorum came or went.
pub fn say_process(world: &World, process: usize, gained: bool) {
    let name = world.config.processes.get(process).map_or("", |process| process.name.as_str());
    log::info!("Quorum {} for tracked process {name}", if gained { "gained" } else { "lost" });
}

fn others(world: &World, name: &str, tracks: &[Track]) {
    for track in tracks {
        let (config, link) = (&world.config, link_of(track));
        match track.what {
            Tracked::File(file) => {
                let value = world.tracked_files.value(file.into());
                if link.is_fault(Condition::Value(value)) {
                    let file = config.file_name(track.what).unwrap_or_default();
                    log::info!("({name}): entering FAULT state (tracked file {file} has status {FAULT})");
                }
            }
            Tracked::Process(process) => {
                if link.is_fault(world.tracked_processes.has_quorum(process.into()).into()) {
                    let process = config.process_name(track.what).unwrap_or_default();
                    let not = if track.reverse { "" } else { " not" };
                    log::info!("({name}) entering FAULT state (tracked process {process} quorum{not} achieved)");
                }
            }
        }
    }
}

/// What it means for who tracks it, whichever condition it is.
fn link_of(track: &Track) -> Link {
    Link { condition: 0, weight: track.weight, reverse: track.reverse }
}
