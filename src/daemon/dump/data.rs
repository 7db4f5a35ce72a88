//! `keepalived.data`: everything there is to know, for people and for what reads it line by line.
//!
//! Titles, keys, indents and order are keepalived's for what exists here; what it has and we have not is
//! left out. A block of our own comes last.

mod global;
mod instance;
mod network;
mod own;

use core::fmt::{self, Write};

use super::subject::{addresses_of, subjects};
use super::values::{General, Spaced, Words, notify_scripts};
use crate::config::model::{
    Config, Notify, ParameterMatch, Script, Track, TrackInterface, TrackScript, Tracked, TrackedFile, TrackedProcess,
};
use crate::daemon::plan::STATIC;
use crate::daemon::scripts::Check;
use crate::daemon::words;
use crate::daemon::world::World;
use crate::proto::vrrp::State;
use crate::time::Duration;

/// Writes it.
pub fn write(out: &mut dyn Write, world: &World) -> fmt::Result {
    title(out, "Global definitions")?;
    global::write(out, &world.config.global)?;
    if !world.config.global.static_addresses.is_empty() {
        title(out, "Static Addresses")?;
        addresses_of(world, STATIC).try_for_each(|(_, line)| writeln!(out, "   {line}"))?;
    }
    if !world.config.instances.is_empty() {
        title(out, "VRRP Topology")?;
        subjects(world).try_for_each(|subject| instance::write(out, &subject))?;
        title(out, "VRRP Sockpool")?;
        network::sockets(out, world)?;
    }
    if !world.config.groups.is_empty() {
        title(out, "VRRP Sync groups")?;
        (0..world.config.groups.len()).try_for_each(|index| group(out, world, index as u16))?;
    }
    if !world.config.scripts.is_empty() {
        title(out, "VRRP Scripts")?;
        let scripts = world.config.scripts.iter().zip(world.scripts.checks());
        scripts.enumerate().try_for_each(|(index, (told, check))| script(out, world, index, told, check))?;
    }
    if !world.config.files.is_empty() {
        title(out, "VRRP Track files")?;
        world.config.files.iter().enumerate().try_for_each(|(index, told)| file(out, world, index, told))?;
    }
    if !world.config.processes.is_empty() {
        title(out, "VRRP Track processes")?;
        world.config.processes.iter().enumerate().try_for_each(|(index, told)| process(out, world, index, told))?;
    }
    title(out, "Interfaces")?;
    network::interfaces(out, world)?;
    title(out, "Holdfast")?;
    own::write(out, world)
}

fn title(out: &mut dyn Write, text: &str) -> fmt::Result {
    writeln!(out, "------< {text} >------")
}

fn group(out: &mut dyn Write, world: &World, index: u16) -> fmt::Result {
    let Some(group) = world.config.groups.get(usize::from(index)) else { return Ok(()) };
    let state = world.node.group(index).unwrap_or(State::Initialize);
    let members = || group.members.iter().filter_map(|member| world.node.routers().get(*member));
    let count = |state: State| members().filter(|router| router.state() == state).count();
    writeln!(out, " VRRP Sync Group = {}, {}", group.name, words::state(state))?;
    writeln!(out, "   Num member fault {}, num member init {}", count(State::Fault), count(State::Initialize))?;
    writeln!(out, "   VRRP member instances :")?;
    for member in group.members.iter().filter_map(|member| world.config.instances.get(*member)) {
        writeln!(out, "     {}", member.name)?;
    }
    tracked(out, world, group.track_interfaces.iter(), group.track_scripts.iter())?;
    writeln!(out, "   Using smtp notification = {}", yes(group.smtp_alert))?;
    tracked_others(out, world, group.tracks.iter())?;
    notify(out, &group.notify)
}

fn script(out: &mut dyn Write, world: &World, index: usize, script: &Script, check: &Check) -> fmt::Result {
    writeln!(out, " VRRP Script = {}", script.name)?;
    match &script.file {
        Some(path) => writeln!(out, "   File = {}", path.display())?,
        None => writeln!(out, "   Command = {}", Words(&script.command))?,
    }
    writeln!(out, "   Interval = {} sec", General(script.interval))?;
    writeln!(out, "   Timeout = {} sec", General(script.timeout))?;
    writeln!(out, "   Weight = {}{}", script.weight, reverse(script.reverse))?;
    writeln!(out, "   Rise = {}", script.rise)?;
    writeln!(out, "   Fall = {}", script.fall)?;
    writeln!(out, "   Result = {}", check.machine.score())?;
    writeln!(out, "   Insecure = {}", if script.command.insecure { "yes" } else { "no" })?;
    writeln!(out, "   Init state = {}", if script.init_fail { "failed" } else { "unknown" })?;
    writeln!(out, "   Status = {}", if check.machine.verdict() == Some(true) { "GOOD" } else { "BAD" })?;
    writeln!(out, "   Script uid:gid = {}:{}", script.command.user.uid, script.command.user.gid)?;
    writeln!(out, "   VRRP instances :")?;
    writeln!(out, "   Tracking instances :")?;
    for subject in subjects(world) {
        for track in subject.tracked_scripts().filter(|track| track.script == index) {
            writeln!(out, "     {}, weight {}{}", subject.instance.name, track.weight, reverse(track.reverse))?;
        }
    }
    writeln!(out, "   State = {}", check.machine.activity())
}

fn file(out: &mut dyn Write, world: &World, index: usize, file: &TrackedFile) -> fmt::Result {
    writeln!(out, " Track file = {}", file.name)?;
    writeln!(out, "   File = {}", file.path.display())?;
    writeln!(out, "   Status = {}", world.tracked_files.value(index))?;
    writeln!(out, "   Weight = {}{}", file.weight, reverse(file.reverse))?;
    tracking(out, world, Tracked::File(index as u16))
}

fn process(out: &mut dyn Write, world: &World, index: usize, process: &TrackedProcess) -> fmt::Result {
    let seconds = |delay: Duration| delay.as_nanos() as f64 / 1e9;
    let running = |runs: bool| if runs { "" } else { "not " };
    let (forked, ended) = world.tracked_processes.delays(index);
    writeln!(out, " VRRP Track process = {}", process.name)?;
    writeln!(out, "   Process = {}", process.program)?;
    if !process.parameters.is_empty() {
        writeln!(out, "   Parameters = {}", Spaced(&process.parameters))?;
    }
    if process.how() != ParameterMatch::Any {
        writeln!(out, "   Param match = {}", process.how().name())?;
    }
    writeln!(out, "   Min processes = {}", process.quorum)?;
    if let Some(most) = process.quorum_max {
        writeln!(out, "   Max processes = {most}")?;
    }
    writeln!(out, "   Current processes = {}", world.tracked_processes.count(index))?;
    writeln!(out, "   Have quorum = {}", world.tracked_processes.has_quorum(index) == Some(true))?;
    writeln!(out, "   Weight = {}{}", process.weight, reverse(process.reverse))?;
    writeln!(out, "   Terminate delay = {:.6}s", seconds(process.terminate_delay))?;
    writeln!(out, "   Fork delay = {:.6}s", seconds(process.fork_delay))?;
    writeln!(out, "   Fork delay timer {}running", running(forked))?;
    writeln!(out, "   Terminate delay timer {}running", running(ended))?;
    writeln!(out, "   Full command = {}", process.is_full_command())?;
    tracking(out, world, Tracked::Process(index as u16))
}

/// Who tracks a file or process.
fn tracking(out: &mut dyn Write, world: &World, what: Tracked) -> fmt::Result {
    writeln!(out, "   Tracking instances :")?;
    for subject in subjects(world) {
        for track in subject.tracks().filter(|track| track.what == what) {
            writeln!(out, "     {}, weight {}{}", subject.instance.name, track.weight, reverse(track.reverse))?;
        }
    }
    Ok(())
}

type NameOf = fn(&Config, Tracked) -> Option<&str>;

fn tracked_others<'c>(
    out: &mut dyn Write,
    world: &World,
    tracks: impl Iterator<Item = &'c Track> + Clone,
) -> fmt::Result {
    let kinds: [(&str, NameOf); 2] =
        [("Tracked files", Config::file_name), ("Tracked processes", Config::process_name)];
    for (title, name) in kinds {
        let of_kind = tracks.clone().filter_map(|track| Some((name(&world.config, track.what)?, track)));
        for (place, (name, track)) in of_kind.enumerate() {
            heading(out, place, title)?;
            writeln!(out, "     {name}, weight {}{}", track.weight, reverse(track.reverse))?;
        }
    }
    Ok(())
}

/// What counts for an instance or a group, with its weights; no heading over nothing.
fn tracked<'c>(
    out: &mut dyn Write,
    world: &World,
    interfaces: impl Iterator<Item = &'c TrackInterface>,
    scripts: impl Iterator<Item = &'c TrackScript>,
) -> fmt::Result {
    for (place, track) in interfaces.enumerate() {
        heading(out, place, "Tracked interfaces")?;
        writeln!(out, "     {} weight {}{}", track.name, track.weight, reverse(track.reverse))?;
    }
    for (place, track) in scripts.enumerate() {
        heading(out, place, "Tracked scripts")?;
        let name = world.config.scripts.get(track.script).map_or("?", |script| script.name.as_str());
        writeln!(out, "     {name} weight {}{}", track.weight, reverse(track.reverse))?;
    }
    Ok(())
}

/// Before the first of a list.
fn heading(out: &mut dyn Write, place: usize, text: &str) -> fmt::Result {
    if place == 0 { writeln!(out, "   {text} :") } else { Ok(()) }
}

fn notify(out: &mut dyn Write, notify: &Notify) -> fmt::Result {
    for (_, text, command) in notify_scripts(notify) {
        writeln!(out, "   {text} = {}, uid:gid {}:{}", Words(command), command.user.uid, command.user.gid)?;
    }
    Ok(())
}

fn reverse(reverse: bool) -> &'static str {
    if reverse { " reverse" } else { "" }
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn enabled(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}
