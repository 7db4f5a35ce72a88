//! `startup_script` and `shutdown_script`: a program that is run to its end before everything, or after.

use super::scripts::prepare;
use crate::config::model::Command;
use crate::sys::clock;
use crate::sys::spawn::{Environment, Exit, Pid, Spawner, kill_group, reap_one};
use crate::time::Duration;

/// From TERM to KILL.
const GRACE: Duration = Duration::from_secs(2);
/// How often is looked whether it ended, in milliseconds.
const LOOK: u16 = 5;

/// Runs it, and waits for it, at most this long. Nothing else happens meanwhile: it is not for the loop.
pub fn run(what: &str, command: Option<&Command>, patience: Duration) {
    let Some(prepared) = command.and_then(prepare) else { return };
    let started = Spawner::new(Environment::inherited(&[]), false).and_then(|spawner| spawner.spawn(&prepared, &[]));
    let pid = match started {
        Ok(pid) => pid,
        Err(errno) => return log::error!("cannot run {what}: {errno}"),
    };
    let ended = wait(pid, patience).or_else(|| {
        log::error!("{what} did not end within {patience} s: it is killed");
        let _ = kill_group(pid, libc::SIGTERM);
        wait(pid, GRACE).or_else(|| {
            let _ = kill_group(pid, libc::SIGKILL);
            wait(pid, GRACE)
        })
    });
    match ended {
        Some(Exit::Code(0)) => log::info!("{what} succeeded"),
        Some(Exit::Code(status)) => log::warn!("{what} exited with status {status}"),
        Some(Exit::Signal(signal)) => log::warn!("{what} was ended by signal {signal}"),
        None => log::error!("{what} cannot be killed"),
    }
}

fn wait(pid: Pid, patience: Duration) -> Option<Exit> {
    let end = clock::monotonic() + patience;
    loop {
        let exit = reap_one(pid);
        if exit.is_some() || clock::monotonic() >= end {
            return exit;
        }
        clock::sleep(LOOK);
    }
}
