//! Child processes: check scripts and notify scripts, their machines and their numbers.

use core::ffi::CStr;
use core::fmt::Write as _;
use std::ffi::CString;

use super::plan;
use super::words;
use crate::config::Config;
use crate::config::model;
use crate::proto::Outbox;
use crate::proto::notify::{self, Kind, Notice, Part, Queue};
use crate::proto::script::{self, Script};
use crate::sys::Errno;
use crate::sys::spawn::{Environment, Exit, Pid, Prepared, Spawner, kill_group, reap};
use crate::time::Instant;

/// A check script.
pub struct Check {
    /// Its machine.
    pub machine: Script,
    name: String,
    /// None: it must not or cannot be run.
    command: Option<Prepared>,
    pid: Option<Pid>,
}

/// The notify scripts of an instance or group.
#[derive(Default)]
struct Teller {
    name: CString,
    is_group: bool,
    own: [Option<Prepared>; notify::KINDS],
    any: Option<Prepared>,
    queue: Queue,
    pid: Option<Pid>,
}

/// All child processes.
pub struct Scripts {
    spawner: Spawner,
    checks: Box<[Check]>,
    /// The instances', then the groups', then those of instances that a reload took out and that still have
    /// something to tell. None where there are no scripts.
    tellers: Box<[Option<Box<Teller>>]>,
    instances: usize,
    check_actions: Outbox<script::Action>,
    notify_actions: Outbox<notify::Action>,
    /// Notify scripts that were not run because too many waited.
    pub dropped: u32,
}

/// A check script's verdict changed.
pub struct Verdict {
    /// Which script, in the order of the configuration.
    pub script: u16,
    /// Good or bad.
    pub good: bool,
}

impl Scripts {
    /// Prepares all commands.
    ///
    /// # Errors
    ///
    /// That of opening /dev/null.
    pub fn new(config: &Config, now: Instant) -> Result<Self, Errno> {
        let instances = config.instances.iter().map(|instance| teller(&instance.name, false, &instance.notify));
        let groups = config.groups.iter().map(|group| teller(&group.name, true, &group.notify));
        Ok(Self {
            spawner: Spawner::new(Environment::inherited(&[]), false)?,
            checks: config.scripts.iter().map(|script| check(script, now)).collect(),
            tellers: instances.chain(groups).collect(),
            instances: config.instances.len(),
            check_actions: Outbox::with_capacity(4),
            notify_actions: Outbox::with_capacity(4),
            dropped: 0,
        })
    }

    /// Goes on with the processes, verdicts and queues of `old` that the new configuration has too. What it
    /// has no more is killed (checks) or runs to its end (notify scripts).
    pub fn resume(&mut self, config: &Config, old: &mut Self, old_config: &Config) {
        for (check, script) in self.checks.iter_mut().zip(&config.scripts) {
            let same = |before: &model::Script| before.name == script.name && before.command == script.command;
            let Some(place) = old_config.scripts.iter().position(same) else { continue };
            if let Some(before) = old.checks.get_mut(place) {
                check.machine = Script::resume(plan::script_settings(script), &before.machine);
                check.pid = before.pid.take();
            }
        }
        for check in &old.checks {
            if let Some(pid) = check.pid {
                // Gone already, perhaps: that is what is wanted.
                let _ = kill_group(pid, libc::SIGKILL);
            }
        }
        for teller in self.tellers.iter_mut().flatten() {
            let same = |before: &&mut Box<Teller>| before.name == teller.name && before.is_group == teller.is_group;
            if let Some(before) = old.tellers.iter_mut().flatten().find(same) {
                teller.queue = core::mem::take(&mut before.queue);
                teller.pid = before.pid.take();
            }
        }
        let busy = |teller: &&mut Option<Box<Teller>>| teller.as_ref().is_some_and(|teller| !teller.queue.is_idle());
        let leaving = old.tellers.iter_mut().filter(busy).map(Option::take);
        self.tellers = core::mem::take(&mut self.tellers).into_iter().chain(leaving).collect();
        self.dropped = old.dropped;
    }

    /// What starts programs.
    pub fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    /// The check scripts, in the order of the configuration.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// When a machine wants to be driven.
    pub fn next_deadline(&self) -> Option<Instant> {
        let checks = self.checks.iter().filter_map(|check| check.machine.next_deadline());
        checks.chain(self.tellers.iter().flatten().filter_map(|teller| teller.queue.next_deadline())).min()
    }

    /// Whether no notify script runs or waits.
    pub fn all_told(&self) -> bool {
        self.tellers.iter().flatten().all(|teller| teller.queue.is_idle())
    }

    /// Drives the machines whose deadline has come.
    pub fn deadline(&mut self, now: Instant, mut verdict: impl FnMut(Verdict)) {
        for place in 0..self.checks.len() {
            let due = self.checks.get(place).and_then(|check| check.machine.next_deadline());
            if due.is_some_and(|at| at <= now) {
                self.drive_check(now, place, script::Input::Deadline, &mut verdict);
            }
        }
        for place in 0..self.tellers.len() {
            let due = self.teller(place).and_then(|teller| teller.queue.next_deadline());
            if due.is_some_and(|at| at <= now) {
                self.drive_teller(now, place, notify::Input::Deadline);
            }
        }
    }

    /// The last moment: STOP is told now, whatever still runs before it.
    pub fn hurry(&mut self) {
        for teller in self.tellers.iter_mut().flatten() {
            let Some((notice, part)) = teller.queue.hurry() else { continue };
            if part == Part::Own {
                teller.run(&self.spawner, notice, Part::Own);
            }
            teller.run(&self.spawner, notice, Part::Any);
        }
    }

    /// Collects the children that ended; `other` gets those that are no script's.
    pub fn reap(&mut self, now: Instant, mut verdict: impl FnMut(Verdict), mut other: impl FnMut(Pid, Exit)) {
        while let Some((pid, exit)) = reap() {
            if let Some(place) = self.checks.iter().position(|check| check.pid == Some(pid)) {
                if let Some(check) = self.checks.get_mut(place) {
                    check.pid = None;
                }
                let exit = match exit {
                    Exit::Code(status) => script::Exit::Status(status),
                    Exit::Signal(signal) => script::Exit::Signal(signal),
                };
                self.drive_check(now, place, script::Input::Exited(exit), &mut verdict);
            } else if let Some(place) =
                self.tellers.iter().position(|teller| teller.as_ref().is_some_and(|teller| teller.pid == Some(pid)))
            {
                if let Some(Some(teller)) = self.tellers.get_mut(place) {
                    teller.pid = None;
                    words::notify_ended(teller.name.to_str().unwrap_or("?"), exit);
                }
                self.drive_teller(now, place, notify::Input::Done);
            } else {
                other(pid, exit);
            }
        }
    }

    /// Tells an instance's scripts.
    pub fn tell_instance(&mut self, now: Instant, instance: u16, notice: Notice) {
        self.drive_teller(now, usize::from(instance), notify::Input::Tell(notice));
    }

    /// Tells a group's scripts.
    pub fn tell_group(&mut self, now: Instant, group: u16, notice: Notice) {
        self.drive_teller(now, self.instances + usize::from(group), notify::Input::Tell(notice));
    }

    fn teller(&self, place: usize) -> Option<&Teller> {
        self.tellers.get(place)?.as_deref()
    }

    /// Kills check scripts that run, at the end.
    pub fn kill_checks(&mut self) {
        for check in &mut self.checks {
            if let Some(pid) = check.pid.take() {
                let _ = kill_group(pid, libc::SIGKILL);
            }
        }
    }

    fn drive_check(&mut self, now: Instant, place: usize, input: script::Input, verdict: &mut impl FnMut(Verdict)) {
        let Some(check) = self.checks.get_mut(place) else { return };
        check.machine.handle(now, input, &mut self.check_actions);
        while let Some(action) = self.check_actions.pop() {
            match action {
                script::Action::Run => {
                    if !check.run(&self.spawner) {
                        check.machine.handle(now, script::Input::NotStarted, &mut self.check_actions);
                    }
                }
                script::Action::Terminate => check.signal(libc::SIGTERM),
                script::Action::Kill => check.signal(libc::SIGKILL),
                script::Action::Verdict(good, reason) => {
                    words::script_verdict(&check.name, good, reason);
                    verdict(Verdict { script: place as u16, good });
                }
            }
        }
    }

    fn drive_teller(&mut self, now: Instant, place: usize, input: notify::Input) {
        let Some(Some(teller)) = self.tellers.get_mut(place) else { return };
        teller.queue.handle(now, input, &mut self.notify_actions);
        while let Some(action) = self.notify_actions.pop() {
            match action {
                notify::Action::Run(notice, part) => {
                    if !teller.run(&self.spawner, notice, part) {
                        teller.queue.handle(now, notify::Input::Done, &mut self.notify_actions);
                    }
                }
                notify::Action::Terminate => teller.signal(libc::SIGTERM),
                notify::Action::Kill => teller.signal(libc::SIGKILL),
                notify::Action::Dropped(notice) => {
                    self.dropped = self.dropped.wrapping_add(1);
                    words::notify_dropped(teller.name.to_str().unwrap_or("?"), notice.kind);
                }
            }
        }
    }
}

impl Check {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn run(&mut self, spawner: &Spawner) -> bool {
        let Some(command) = &self.command else { return false };
        match spawner.spawn(command, &[]) {
            Ok(pid) => self.pid = Some(pid),
            Err(errno) => {
                if self.machine.verdict() != Some(false) {
                    log::error!("VRRP_Script({}): cannot run {}: {errno}", self.name, printable(command.program()));
                }
            }
        }
        self.pid.is_some()
    }

    fn signal(&self, signal: i32) {
        if let Some(pid) = self.pid {
            // Gone already, perhaps; SIGCHLD will tell.
            let _ = kill_group(pid, signal);
        }
    }
}

impl Teller {
    /// False if there is no such script, or it could not be started.
    fn run(&mut self, spawner: &Spawner, notice: Notice, part: Part) -> bool {
        let command = match part {
            Part::Own => self.own.get(notice.kind as usize).and_then(Option::as_ref),
            Part::Any => self.any.as_ref(),
        };
        let Some(command) = command else { return false };
        let mut priority: heapless::String<8> = heapless::String::new();
        // At most "255" and a NUL.
        let _ = write!(priority, "{}\0", notice.priority);
        let extra = [
            if self.is_group { c"GROUP" } else { c"INSTANCE" },
            self.name.as_c_str(),
            words::state_argument(notice.kind),
            CStr::from_bytes_until_nul(priority.as_bytes()).unwrap_or(c"0"),
        ];
        let extra: &[&CStr] = match part {
            Part::Own => &[],
            Part::Any => &extra,
        };
        match spawner.spawn(command, extra) {
            Ok(pid) => self.pid = Some(pid),
            Err(errno) => {
                let name = self.name.to_str().unwrap_or("?");
                log::error!("({name}) cannot run notify script {}: {errno}", printable(command.program()));
            }
        }
        self.pid.is_some()
    }

    fn signal(&self, signal: i32) {
        if let Some(pid) = self.pid {
            let _ = kill_group(pid, signal);
        }
    }
}

fn printable(text: &CStr) -> &str {
    text.to_str().unwrap_or("?")
}

fn check(script: &model::Script, now: Instant) -> Check {
    Check {
        machine: Script::new(plan::script_settings(script), now),
        name: script.name.clone(),
        command: prepare(&script.command),
        pid: None,
    }
}

/// None if there is nothing to run.
fn teller(name: &str, is_group: bool, notify: &model::Notify) -> Option<Box<Teller>> {
    let prepared = |command: &Option<Box<model::Command>>| command.as_deref().and_then(prepare);
    let mut own = [const { None }; notify::KINDS];
    for (kind, command) in [
        (Kind::Master, &notify.master),
        (Kind::Backup, &notify.backup),
        (Kind::Fault, &notify.fault),
        (Kind::Stop, &notify.stop),
        (Kind::Deleted, &notify.deleted),
        (Kind::Rival, &notify.master_rx_lower_pri),
    ] {
        if let Some(place) = own.get_mut(kind as usize) {
            *place = prepared(command);
        }
    }
    let any = prepared(&notify.any);
    let some = any.is_some() || own.iter().any(Option::is_some);
    // The language has no NUL in names.
    let name = CString::new(name).unwrap_or_default();
    some.then(|| Box::new(Teller { name, is_group, own, any, queue: Queue::default(), pid: None }))
}

/// Script security and the loader have judged it; what is left out here was said then.
pub(super) fn prepare(command: &model::Command) -> Option<Prepared> {
    if command.insecure {
        return None;
    }
    Prepared::new(&command.argv, command.user.uid, command.user.gid).ok()
}
