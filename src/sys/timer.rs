//! The one timer: a timerfd on CLOCK_MONOTONIC, armed to the earliest deadline. The poll's own
//! time-out rounds up to milliseconds; this one does not.

use core::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;
use crate::time::Instant;

/// A timer that becomes readable at a point in time.
#[derive(Debug)]
pub struct Timer {
    fd: Fd,
    /// What the kernel was told last; the same again costs no system call.
    armed: Option<Instant>,
}

impl Timer {
    /// A timer that is not armed.
    pub fn new() -> Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: no pointer is passed.
        let fd = Fd::from_call(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        Ok(Self { fd, armed: None })
    }

    /// Readable at `deadline` (at once if that has passed), or never. Replaces what was armed before.
    pub fn arm(&mut self, deadline: Option<Instant>) -> Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        // SAFETY: timespecs of zero seconds and zero nanoseconds are valid; some libcs have padding in
        // there, so there is no literal.
        let mut spec = unsafe { MaybeUninit::<libc::itimerspec>::zeroed().assume_init() };
        if let Some(deadline) = deadline {
            // Zero would disarm it. Beyond what the field holds (2038 years of seconds on 32 bits) is never.
            let nanos = deadline.as_nanos().max(1);
            spec.it_value.tv_sec = (nanos / 1_000_000_000).try_into().unwrap_or(libc::c_int::MAX.into());
            spec.it_value.tv_nsec = (nanos % 1_000_000_000) as _;
        }
        // SAFETY: `spec` outlives the call; the old value is not asked for.
        Errno::check(unsafe {
            libc::timerfd_settime(self.fd.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &spec, core::ptr::null_mut())
        })?;
        self.armed = deadline;
        Ok(())
    }

    /// Takes note that it fired: not readable until armed again. False if it had not fired.
    pub fn acknowledge(&mut self) -> Result<bool> {
        let mut count = [0; 8];
        match self.fd.read(&mut count) {
            Ok(_) => {
                self.armed = None;
                Ok(true)
            }
            Err(errno) if errno.would_block() => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::monotonic;
    use crate::time::Duration;

    #[test]
    fn it_fires_at_its_deadline_and_not_before() {
        let mut timer = Timer::new().unwrap();
        let deadline = monotonic() + Duration::from_millis(20);
        timer.arm(Some(deadline)).unwrap();
        assert_eq!(timer.acknowledge(), Ok(false));
        assert_eq!(timer.fd.wait_readable(2000), Ok(true));
        assert!(monotonic() >= deadline);
        assert_eq!(timer.acknowledge(), Ok(true));
        assert_eq!(timer.acknowledge(), Ok(false));
    }

    #[test]
    fn a_deadline_in_the_past_fires_at_once_and_again_when_armed_again() {
        let mut timer = Timer::new().unwrap();
        for _ in 0..2 {
            timer.arm(Some(Instant::ZERO)).unwrap();
            assert_eq!(timer.fd.wait_readable(2000), Ok(true));
            assert_eq!(timer.acknowledge(), Ok(true));
        }
    }

    #[test]
    fn disarmed_or_at_the_end_of_time_it_stays_silent() {
        let mut timer = Timer::new().unwrap();
        timer.arm(Some(Instant::ZERO)).unwrap();
        timer.arm(None).unwrap();
        assert_eq!(timer.fd.wait_readable(5), Ok(false));
        timer.arm(Some(Instant::from_nanos(u64::MAX))).unwrap();
        assert_eq!(timer.fd.wait_readable(5), Ok(false));
    }
}
