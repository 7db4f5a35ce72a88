//! `notify_fifo` and `vrrp_notify_fifo`: a line for each change of state, in order, and the programs that read them.
//!
//! A reader that is slow has the pipe's 64 KiB. When that is full lines are lost, and counted; as soon as there is
//! room again the state of every instance and group is written anew: what matters is never lost, in bounded memory.

use core::fmt::Write as _;
use std::ffi::CString;

use crate::config::Config;
use crate::config::model::{NotifyFifo, User};
use crate::sys::Errno;
use crate::sys::fifo::Fifo;
use crate::sys::spawn::{Exit, Pid, Prepared, Spawner, kill_group};
use crate::time::{Duration, Instant};

/// Between two attempts: to write to a pipe that is full, to open one, to start a reader that ended.
const PAUSE: Duration = Duration::from_secs(1);

/// At the end: what a reader has for the last line, and how often is looked whether it took it.
const MOMENT: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(10);

/// One pipe.
struct Pipe {
    path: CString,
    owner: User,
    open: Option<Fifo>,
    reader: Option<Prepared>,
    pid: Option<Pid>,
    /// When the reader that ended is started again.
    again_at: Option<Instant>,
}

/// Both of them.
pub struct Fifos {
    pipes: Box<[Pipe]>,
    /// Lines that did not fit.
    lost: u32,
    /// When all states are written anew.
    resume_at: Option<Instant>,
    stopping: bool,
    /// At the end: since when the readers have read all, and when to look again.
    quiet: Option<Instant>,
    look_at: Option<Instant>,
}

impl Fifos {
    /// Prepares what the configuration has; nothing is opened yet.
    pub fn new(config: &Config) -> Self {
        let pipe = |fifo: &NotifyFifo| {
            Some(Pipe {
                path: CString::new(fifo.path.as_deref()?).ok()?,
                owner: fifo.owner.clone().unwrap_or_else(|| config.global.script_user.clone()),
                open: None,
                reader: fifo.script.as_deref().and_then(super::scripts::prepare),
                pid: None,
                again_at: None,
            })
        };
        let pipes =
            [&config.global.notify_fifo, &config.global.vrrp_notify_fifo].into_iter().filter_map(pipe).collect();
        Self { pipes, lost: 0, resume_at: None, stopping: false, quiet: None, look_at: None }
    }

    /// Goes on with the pipes of `old` that have the same name. Their readers are told by nothing that there was a
    /// reload; those of pipes that are no more end.
    pub fn take_over(&mut self, old: &mut Self, write_states: bool, now: Instant) {
        self.lost = old.lost;
        for pipe in &mut self.pipes {
            if let Some(before) = old.pipes.iter_mut().find(|before| before.path == pipe.path) {
                pipe.open = before.open.take();
                let same = |(a, b): (&Prepared, &Prepared)| a.is_same(b);
                if pipe.reader.as_ref().zip(before.reader.as_ref()).is_some_and(same) {
                    (pipe.pid, pipe.again_at) = (before.pid.take(), before.again_at);
                }
            }
        }
        old.end();
        self.resume_at = write_states.then_some(now);
    }

    /// Opens the pipes and starts the readers.
    pub fn start(&mut self, now: Instant, spawner: &Spawner) {
        for pipe in &mut self.pipes {
            if pipe.open.is_none() {
                match Fifo::open(&pipe.path, (pipe.owner.uid, pipe.owner.gid)) {
                    Ok(fifo) => pipe.open = Some(fifo),
                    Err(errno) => log::error!("cannot open the notify FIFO {}: {errno}", pipe.name()),
                }
            }
            if pipe.pid.is_none() && pipe.again_at.is_none() {
                pipe.run(now, spawner);
            }
        }
    }

    /// When it wants to be driven.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.stopping {
            return self.look_at;
        }
        self.pipes.iter().filter_map(|pipe| pipe.again_at).chain(self.resume_at).min()
    }

    /// Starts readers again whose time has come. True if the state of everything is to be written.
    pub fn deadline(&mut self, now: Instant, spawner: &Spawner) -> bool {
        if self.stopping {
            self.look_at = None;
            return false;
        }
        for pipe in self.pipes.iter_mut().filter(|pipe| pipe.again_at.is_some_and(|at| at <= now)) {
            pipe.again_at = None;
            pipe.run(now, spawner);
        }
        let due = self.resume_at.is_some_and(|at| at <= now);
        if due {
            self.resume_at = None;
        }
        due
    }

    /// Writes a line: `INSTANCE "VI_1" MASTER 100`.
    pub fn tell(&mut self, now: Instant, kind: &str, name: &str, state: &str, priority: u8) {
        if self.pipes.is_empty() {
            return;
        }
        let mut line = heapless::String::<512>::new();
        let fits = writeln!(line, "{kind} \"{name}\" {state} {priority}").is_ok();
        for pipe in self.pipes.iter().filter_map(|pipe| pipe.open.as_ref()) {
            if fits && pipe.write(line.as_bytes()).is_ok() {
                continue;
            }
            if self.lost == 0 {
                log::warn!("a notify FIFO is full: its reader will get the state of everything as soon as it reads on");
            }
            self.lost = self.lost.saturating_add(1);
            self.resume_at = Some(now + PAUSE);
        }
    }

    /// A child ended that is no script's: a reader, perhaps.
    pub fn ended(&mut self, now: Instant, pid: Pid, exit: Exit) {
        let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.pid == Some(pid)) else { return };
        pipe.pid = None;
        if !self.stopping {
            pipe.again_at = Some(now + PAUSE);
            let name = pipe.name();
            match exit {
                Exit::Code(status) => {
                    log::warn!("the reader of {name} exited with status {status}; it is started again")
                }
                Exit::Signal(signal) => {
                    log::warn!("the reader of {name} was ended by signal {signal}; it is started again")
                }
            }
        }
    }

    /// No reader is started any more.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// At the end: whether the readers have read everything, and had a moment to act on it.
    pub fn are_read(&mut self, now: Instant) -> bool {
        let waits = |pipe: &Pipe| pipe.open.as_ref().is_some_and(|fifo| fifo.unread() > 0);
        let mut read = self.pipes.iter().filter(|pipe| pipe.pid.is_some()).peekable();
        if read.peek().is_none() {
            return true;
        }
        let since = if read.any(waits) { None } else { Some(self.quiet.unwrap_or(now)) };
        self.quiet = since;
        self.look_at = Some(now + LOOK);
        since.is_some_and(|since| now >= since + MOMENT)
    }

    /// All was told: the pipes are closed, the readers end.
    pub fn end(&mut self) {
        for pipe in &mut self.pipes {
            pipe.open = None;
            if let Some(pid) = pipe.pid.take() {
                // Gone already, perhaps.
                let _ = kill_group(pid, libc::SIGTERM);
            }
        }
    }
}

impl Pipe {
    fn name(&self) -> &str {
        self.path.to_str().unwrap_or("?")
    }

    fn run(&mut self, now: Instant, spawner: &Spawner) {
        let Some(reader) = &self.reader else { return };
        match spawner.spawn(reader, &[&self.path]) {
            Ok(pid) => self.pid = Some(pid),
            Err(errno) => {
                self.again_at = Some(now + PAUSE);
                if errno != Errno::WOULD_BLOCK {
                    log::error!("cannot run the reader of {}: {errno}", self.name());
                }
            }
        }
    }
}
