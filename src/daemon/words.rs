//! What the log says. Words that people and tools grep for are keepalived's; they stay as they are.
//!
//! The one place where RFC 9568's words become the outside's: Active is MASTER here.

use core::ffi::CStr;

use crate::proto::notify::Kind;
use crate::proto::script::{self, Reason};
use crate::proto::vrrp::{Event, State};
use crate::sys::spawn::Exit;

/// The state's name outside.
pub const fn state(state: State) -> &'static str {
    match state {
        State::Initialize => "INIT",
        State::Backup => "BACKUP",
        State::Active => "MASTER",
        State::Fault => "FAULT",
    }
}

/// The state argument of a notify script.
pub const fn state_argument(kind: Kind) -> &'static CStr {
    match kind {
        Kind::Master => c"MASTER",
        Kind::Backup => c"BACKUP",
        Kind::Fault => c"FAULT",
        Kind::Stop => c"STOP",
        Kind::Deleted => c"DELETED",
        Kind::Rival => c"MASTER_RX_LOWER_PRI",
    }
}

/// A virtual router entered a state; `before` is the one it left.
pub fn entered(name: &str, before: State, now: State) {
    match (before, now) {
        (State::Initialize, State::Backup) => log::info!("({name}) Entering BACKUP STATE (init)"),
        (_, State::Initialize) => log::debug!("({name}) stopped"),
        (_, State::Backup | State::Active | State::Fault) => log::info!("({name}) Entering {} STATE", state(now)),
    }
}

/// A sync group follows its members.
pub fn group_entered(name: &str, now: State) {
    if now != State::Initialize {
        log::info!("VRRP_Group({name}) Syncing instances to {} state", state(now));
    }
}

/// An event of a virtual router.
pub fn report(name: &str, event: Event) {
    match event {
        Event::AdvertTimeout => log::info!("({name}) Receive advertisement timeout"),
        Event::MasterLeaves(source) => log::info!("({name}) Backup received priority 0 advertisement from {source}"),
        Event::LowerPriority { source, theirs, ours } => {
            log::info!(
                "({name}) Received advert from {source} with lower priority {theirs}, ours {ours}, forcing new election"
            );
        }
        Event::HigherPriority { source, theirs, ours } if theirs == ours => {
            log::info!(
                "({name}) Master received advert from {source} with same priority {theirs} but higher IP address than ours"
            );
        }
        Event::HigherPriority { source, theirs, ours } => {
            log::info!("({name}) Master received advert from {source} with higher priority {theirs}, ours {ours}");
        }
        Event::Preempts { source, theirs, ours } => {
            log::info!("({name}) received lower priority ({theirs}) advert from {source} - discarding, ours is {ours}");
        }
        // The line above says it; this one is for programs.
        Event::Rival => {}
        Event::PreemptDelay(delay) => log::info!("({name}) start preempt delay of {delay} s"),
        Event::Refused { source, refusal } => {
            log::warn!(
                "({name}) ignoring adverts from {source}: {refusal}; more like it in the next minute are only counted"
            );
        }
        Event::AddressListDiffers(source) => {
            log::warn!(
                "({name}) the addresses in the adverts from {source} are not ours: compare virtual_ipaddress on both sides"
            );
        }
        Event::IntervalDiffers { source, theirs } => {
            log::warn!(
                "({name}) adverts from {source} have an interval of {theirs} s, not ours: compare advert_int on both sides"
            );
        }
        Event::Slept(span) => {
            log::warn!("({name}) A thread timer expired {span} s ago: listening before claiming the addresses again");
        }
        Event::Promoted => log::info!("({name}) follows its sync group to MASTER"),
        Event::Yielded => log::info!("({name}) follows its sync group to BACKUP"),
    }
}

/// A check script's verdict changed.
pub fn script_verdict(name: &str, good: bool, reason: Reason) {
    match reason {
        Reason::Exit(script::Exit::Status(0)) => log::info!("VRRP_Script({name}) succeeded"),
        Reason::Exit(script::Exit::Status(status)) if !good => {
            log::info!("VRRP_Script({name}) failed (exited with status {status})");
        }
        Reason::Exit(script::Exit::Signal(signal)) => log::info!("VRRP_Script({name}) failed (due to signal {signal})"),
        Reason::TimedOut => log::info!("VRRP_Script({name}) timed_out"),
        Reason::NotStarted => log::info!("VRRP_Script({name}) failed (could not be run)"),
        Reason::Exit(script::Exit::Status(_)) => log::info!("VRRP_Script({name}) succeeded"),
    }
}

/// A notify script ended; success is not worth a line.
pub fn notify_ended(name: &str, exit: Exit) {
    match exit {
        Exit::Code(0) => {}
        Exit::Code(status) => log::warn!("({name}) a notify script exited with status {status}"),
        Exit::Signal(signal) => log::warn!("({name}) a notify script was ended by signal {signal}"),
    }
}

/// Too many notify scripts wait.
pub fn notify_dropped(name: &str, kind: Kind) {
    log::error!(
        "({name}) a notify script for {} is not run: too many wait for one that does not end",
        state_argument(kind).to_str().unwrap_or("?")
    );
}
