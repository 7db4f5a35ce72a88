//! Signals as something to read: blocked for the process, delivered through a signalfd.

use core::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;

/// The numbers that ask for the JSON dump. SIGRTMIN + 2 is 36 for keepalived with glibc and 37 with
/// musl, and tools have either built in.
pub const JSON: [i32; 2] = [36, 37];

/// The number that clears the statistics, SIGRTMAX - 1: 63 everywhere but on MIPS.
pub fn stats_clear() -> i32 {
    libc::SIGRTMAX().saturating_sub(1)
}

/// The signals of the process, to be read one by one.
#[derive(Debug)]
pub struct Signals(Fd);

impl Signals {
    /// Blocks HUP, TERM, INT, USR1, USR2, CHLD, those of [`JSON`] and [`stats_clear`] for this thread (and
    /// the threads it makes) and reads them from now on. PIPE is ignored.
    pub fn new() -> Result<Self> {
        // SAFETY: no pointer is passed; SIG_IGN is a valid disposition for SIGPIPE.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        let mut set = empty_set();
        let ours = [libc::SIGHUP, libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, libc::SIGUSR2, libc::SIGCHLD];
        for signal in ours.into_iter().chain(JSON).chain([stats_clear()]) {
            // SAFETY: `set` is an initialised signal set.
            Errno::check(unsafe { libc::sigaddset(&mut set, signal) })?;
        }
        // SAFETY: `set` is initialised; the old mask is not asked for.
        let refused = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, core::ptr::null_mut()) };
        if refused != 0 {
            return Err(Errno(refused));
        }
        // SAFETY: `set` is initialised and outlives the call.
        Fd::from_call(unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) }).map(Self)
    }

    /// The number of the next signal that came, none if there is none. Several CHLD may come as one.
    pub fn read(&self) -> Result<Option<i32>> {
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        match self.0.read(&mut info) {
            // ssi_signo is the first member, a u32 in the machine's order.
            Ok(_) => Ok(info.first_chunk().map(|number| i32::from_ne_bytes(*number))),
            Err(errno) if errno.would_block() => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A set without any signal: the mask children start with.
pub(super) fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::zeroed();
    // SAFETY: sigemptyset initialises the set it is given.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// A set of all signals: those children have at their defaults.
pub(super) fn full_set() -> libc::sigset_t {
    let mut set = MaybeUninit::zeroed();
    // SAFETY: sigfillset initialises the set it is given.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
mod tests {
    use super::*;

    /// To this thread only: the other tests of the process live on.
    fn raise(signal: i32) {
        // SAFETY: no pointer is passed.
        let raised = unsafe { libc::pthread_kill(libc::pthread_self(), signal) };
        assert_eq!(raised, 0);
    }

    #[test]
    fn each_signal_of_ours_is_read_by_its_number() {
        let signals = Signals::new().unwrap();
        for signal in [libc::SIGHUP, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2, 36, 37, stats_clear()] {
            raise(signal);
            assert_eq!(signals.read(), Ok(Some(signal)));
            assert_eq!(signals.read(), Ok(None));
        }
    }

    #[test]
    fn a_broken_pipe_is_an_error_and_no_death() {
        let _signals = Signals::new().unwrap();
        let (reader, writer) = Fd::pipe().unwrap();
        drop(reader);
        // A child that another test is starting may hold a copy of the reader for a moment.
        let refused = (0..1000).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            writer.write(b"x").err()
        });
        assert_eq!(refused, Some(Errno(libc::EPIPE)));
    }
}
