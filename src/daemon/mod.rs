//! The loop: file descriptors -> inputs; actions -> sys. The only place where `config`, `proto` and
//! `sys` meet.
//!
//! One turn: wait; read the kernel's news, then its answers, then packets, then signals; drive the
//! machines whose deadline has come; send what follows (adverts, addresses, announcements); arm the one
//! timer. Packets before deadlines: who was held up hears the adverts that came meanwhile before it
//! takes their absence for the master's death.

mod announcing;
pub mod dump;
mod errand;
mod faults;
mod fifos;
pub mod interfaces;
mod kernel;
mod mail;
mod options;
pub mod plan;
mod promotion;
mod reload;
pub mod scripts;
mod sockets;
mod start;
mod status;
mod strays;
mod tracked_files;
mod tracked_processes;
mod words;
pub mod world;

use std::os::fd::{AsRawFd, RawFd};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};

use self::dump::Files;
use self::kernel::Kernel;
use self::world::World;
use crate::proto::node;
use crate::sys::receive_batch::ReceiveBatch;
use crate::sys::service_manager::ServiceManager;
use crate::sys::signals::{self, Signals};
use crate::sys::timer::Timer;
use crate::sys::{Errno, clock, heap, memory};
use crate::time::{Duration, Instant};

pub use options::{DEFAULT_CONFIG, Facility, Options};
pub use start::{run, test};
pub use status::status;

const TIMER: Token = Token(0);
const SIGNALS: Token = Token(1);
const COMMAND: Token = Token(2);
const MONITOR: Token = Token(3);
const MAIL: Token = Token(4);
const RESOLVER: Token = Token(5);
const FILES: Token = Token(6);
const FIRST_RECEIVER: usize = 7;

/// Events of one wake-up. What does not fit comes with the next.
const EVENTS: usize = 64;

/// A gap between the clock that stops in suspend and the one that does not, from which on others may have
/// taken over.
const SUSPENDED: Duration = Duration::from_millis(20);

/// How long STOP scripts are waited for at the end, as keepalived does.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// How long the kernel's answers are waited for at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// The running daemon.
struct Daemon {
    options: Options,
    poll: Poll,
    timer: Timer,
    signals: Signals,
    kernel: Kernel,
    batch: ReceiveBatch,
    world: World,
    files: Files,
    manager: ServiceManager,
    /// What boot time is ahead of monotonic time: the time spent suspended.
    suspended: Duration,
    /// Set when stopping: when it began.
    stopping: Option<Instant>,
    /// The netlink sockets may have more than was read.
    kernel_backlog: bool,
    reload_asked: bool,
}

impl Daemon {
    /// Runs until told to stop.
    fn run(mut self: Box<Self>) {
        let mut events = Events::with_capacity(EVENTS);
        memory::trim();
        heap::seal();
        loop {
            let backlog = self.world.any_ready() || self.world.mail.has_more() || self.kernel_backlog;
            // A deadline is the timer's business; an interrupted wait is a wake-up like any other.
            let _ = self.poll.poll(&mut events, backlog.then_some(core::time::Duration::ZERO));
            let now = clock::monotonic();
            let (mut signalled, mut fired, mut netlink) = (false, false, self.kernel_backlog);
            for event in &events {
                match event.token() {
                    TIMER => fired = true,
                    SIGNALS => signalled = true,
                    COMMAND | MONITOR => netlink = true,
                    FILES => self.world.look_at_files(now),
                    token @ (MAIL | RESOLVER) => self.world.mail.mark_ready(token),
                    receiver => self.world.mark_ready(receiver),
                }
            }
            if fired {
                let _ = self.timer.acknowledge();
            }
            self.notice_suspension(now);
            if netlink {
                self.read_kernel(now);
            }
            self.world.receive(now, &mut self.batch);
            if signalled {
                self.read_signals(now);
            }
            self.world.deadline(clock::monotonic());
            self.world.flush(clock::monotonic(), &mut self.kernel);
            self.world.mail.run(clock::monotonic(), self.poll.registry());
            if self.is_finished(now) {
                break;
            }
            self.arm(now);
        }
        self.world.scripts.hurry();
        self.world.end();
        heap::unseal();
        log::info!("Stopped Holdfast v{}", env!("CARGO_PKG_VERSION"));
    }

    fn arm(&mut self, now: Instant) {
        let patience = |since: Instant| if since + STOP_PATIENCE > now { STOP_PATIENCE } else { LAST_ANSWERS };
        let stop = self.stopping.map(|since| since + patience(since));
        let next = [self.world.next_deadline(), stop].into_iter().flatten().min();
        if let Err(errno) = self.timer.arm(next) {
            log::error!("cannot set the timer: {errno}");
        }
    }

    /// CLOCK_MONOTONIC stops while the machine is suspended; the network does not.
    fn notice_suspension(&mut self, now: Instant) {
        let ahead = ahead_of(now);
        let gap = ahead.minus(self.suspended);
        if gap > SUSPENDED {
            log::warn!("the machine was suspended for {gap} s");
            self.suspended = ahead;
            self.world.step(now, node::Input::Slept(gap));
        }
    }

    fn read_kernel(&mut self, now: Instant) {
        let (world, registry) = (&mut self.world, self.poll.registry());
        // Bounded inside; epoll tells only once of what is left.
        self.kernel_backlog = self.kernel.read(|news| world.news(now, news, registry));
        if core::mem::take(&mut world.is_doubtful) {
            self.kernel.ask_resync();
            self.kernel_backlog = true;
        }
    }

    fn read_signals(&mut self, now: Instant) {
        while let Ok(Some(signal)) = self.signals.read() {
            match signal {
                libc::SIGTERM | libc::SIGINT => self.stop(now),
                libc::SIGHUP => self.reload_asked = true,
                libc::SIGCHLD => self.world.reap(now),
                libc::SIGUSR1 => self.files.data(&self.world),
                libc::SIGUSR2 => self.files.stats(&self.world),
                number if signals::JSON.contains(&number) => self.files.json(&self.world),
                number if number == signals::stats_clear() => {
                    log::info!("Clearing VRRP stats");
                    self.world.node.clear_stats();
                }
                _ => {}
            }
        }
        if core::mem::take(&mut self.reload_asked) && self.stopping.is_none() {
            heap::unseal();
            self.reload(now);
            heap::seal();
        }
    }

    fn stop(&mut self, now: Instant) {
        if self.stopping.is_some() {
            return;
        }
        log::info!("Stopping");
        self.stopping = Some(now);
        // Nobody listens, or it does not matter any more.
        let _ = self.manager.stopping();
        self.world.shutdown(now, self.options.keep_addresses);
    }

    fn is_finished(&mut self, now: Instant) -> bool {
        let Some(since) = self.stopping else { return false };
        let waited = now.since(since);
        // While all is read anew nothing is known of what is still there.
        let kernel_idle = !self.kernel.is_busy() && !self.kernel.is_resyncing();
        let kernel_done = self.world.is_quiet() && kernel_idle || waited >= LAST_ANSWERS;
        let told = self.world.scripts.all_told() && self.world.fifos.are_read(now);
        let scripts_done = told || waited >= STOP_PATIENCE;
        kernel_done && scripts_done && self.world.mail.is_idle()
    }
}

/// Buffers for adverts: few where few come, more where a wake-up of many routers is to be one system call.
fn receive_batch(world: &World) -> ReceiveBatch {
    ReceiveBatch::new(world.plan.routers.len() / 8)
}

/// What CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC.
fn ahead_of(now: Instant) -> Duration {
    clock::boottime().minus(now.since(Instant::ZERO))
}

/// Everything epoll watches from the start.
fn watch(poll: &Poll, timer: &Timer, signals: &Signals, kernel: &Kernel) -> std::io::Result<()> {
    let registry = poll.registry();
    registry.register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
    registry.register(&mut SourceFd(&signals.as_raw_fd()), SIGNALS, Interest::READABLE)?;
    kernel.register(registry, COMMAND, MONITOR)
}

/// The tracked files, of each world anew.
fn watch_files(world: &World, registry: &Registry) {
    let Some(fd) = world.tracked_files.descriptor() else { return };
    if let Err(errno) = watch_one(registry, fd, FILES, Interest::READABLE) {
        log::error!("tracked files are not watched: {errno}");
    }
}

/// Has epoll watch one descriptor more; it forgets it when that is closed.
fn watch_one(registry: &Registry, fd: RawFd, token: Token, interest: Interest) -> Result<(), Errno> {
    let refused = |error: std::io::Error| Errno(error.raw_os_error().unwrap_or(libc::EIO));
    registry.register(&mut SourceFd(&fd), token, interest).map_err(refused)
}
