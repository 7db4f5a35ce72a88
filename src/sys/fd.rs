//! An owned file descriptor: closed when dropped, never inherited by a child, never blocking unless
//! said so.

use core::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::errno::{Errno, Result};

/// A file descriptor that is closed on drop.
#[derive(Debug)]
pub struct Fd(OwnedFd);

impl Fd {
    /// Takes over what a system call returned.
    pub(super) fn from_call(returned: i32) -> Result<Self> {
        let raw = Errno::check(returned)?;
        // SAFETY: the kernel just handed this descriptor out, so nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(raw) }))
    }

    /// Opens `path` with O_CLOEXEC and `flags`; `mode` counts with O_CREAT.
    pub fn open(path: &CStr, flags: i32, mode: u32) -> Result<Self> {
        Errno::retry(|| {
            // SAFETY: `path` ends in NUL and outlives the call.
            Self::from_call(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, mode) })
        })
    }

    /// A second descriptor of the same open file, numbered 3 or higher.
    pub fn duplicate(of: &impl AsRawFd) -> Result<Self> {
        // SAFETY: no pointer is passed; a bad descriptor is an error of the call.
        Self::from_call(unsafe { libc::fcntl(of.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })
    }

    /// A pipe: (read end, write end), both non-blocking.
    pub fn pipe() -> Result<(Self, Self)> {
        let mut ends = [0; 2];
        // SAFETY: `ends` has room for the two descriptors.
        Errno::check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
        let [reader, writer] = ends;
        Ok((Self::from_call(reader)?, Self::from_call(writer)?))
    }

    /// Reads what is there, at most `buffer.len()` bytes; 0 is the end.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        Errno::retry(|| {
            // SAFETY: the kernel writes at most `len` bytes into `buffer`.
            Errno::check_size(unsafe { libc::read(self.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
        })
    }

    /// Writes what there is room for and says how much that was.
    pub fn write(&self, bytes: &[u8]) -> Result<usize> {
        write(self.as_raw_fd(), bytes)
    }

    /// Writes all of `bytes`; on a non-blocking descriptor [`Errno::WOULD_BLOCK`] may leave a part written.
    pub fn write_all(&self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes)? {
                0 => return Err(Errno(libc::ENOSPC)),
                written => bytes = bytes.get(written..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    /// Whether reads and writes return [`Errno::WOULD_BLOCK`] rather than wait. A property of the open
    /// file: shared with other descriptors of it, in other processes too.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        // SAFETY: no pointer is passed.
        let flags = Errno::check(unsafe { libc::fcntl(self.as_raw_fd(), libc::F_GETFL) })?;
        let flags = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
        // SAFETY: no pointer is passed.
        Errno::check(unsafe { libc::fcntl(self.as_raw_fd(), libc::F_SETFL, flags) }).map(drop)
    }

    /// Waits at most `milliseconds` (negative: for ever) until there is something to read. For load time
    /// and tests; in the loop the poll waits for all of them.
    pub fn wait_readable(&self, milliseconds: i32) -> Result<bool> {
        wait(self.as_raw_fd(), libc::POLLIN, milliseconds)
    }
}

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// As [`Fd::write`], on a descriptor of somebody else's (standard error).
pub(super) fn write(fd: RawFd, bytes: &[u8]) -> Result<usize> {
    Errno::retry(|| {
        // SAFETY: the kernel reads at most `len` bytes of `bytes`.
        Errno::check_size(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
    })
}

/// Whether one of `events` (POLLIN, POLLOUT) is there within `milliseconds`.
pub(super) fn wait(fd: RawFd, events: i16, milliseconds: i32) -> Result<bool> {
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one pollfd is passed, and the count says one.
    let ready = Errno::retry(|| Errno::check(unsafe { libc::poll(&mut poll, 1, milliseconds) }))?;
    Ok(ready > 0 && poll.revents & events != 0)
}

/// Marks every descriptor inherited beyond standard error, so that scripts do not inherit it in turn.
/// For the start of the process.
pub fn close_inherited_on_exec() {
    const FIRST: libc::c_uint = 3;
    const CLOEXEC: libc::c_uint = 4;
    // SAFETY: no pointer is passed; a kernel before 5.11 refuses the call or the flag.
    let done = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, CLOEXEC) };
    if done == 0 {
        return;
    }
    for fd in 3..1024 {
        // SAFETY: no pointer is passed; a number that is not open is refused.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_carries_bytes_and_does_not_block() {
        let (reader, writer) = Fd::pipe().unwrap();
        let mut buffer = [0; 8];
        assert_eq!(reader.read(&mut buffer), Err(Errno::WOULD_BLOCK));
        assert_eq!(reader.wait_readable(0), Ok(false));
        writer.write_all(b"advert").unwrap();
        assert_eq!(reader.wait_readable(0), Ok(true));
        assert_eq!(reader.read(&mut buffer), Ok(6));
        assert_eq!(&buffer[..6], b"advert");
        drop(writer);
        // A child that another test is starting may hold a copy for a moment.
        let end = (0..1000).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            reader.read(&mut buffer).ok()
        });
        assert_eq!(end, Some(0));
    }

    #[test]
    fn a_full_pipe_says_so() {
        let (_reader, writer) = Fd::pipe().unwrap();
        let outcome = (0..1000).find_map(|_| writer.write_all(&[0; 4096]).err());
        assert_eq!(outcome, Some(Errno::WOULD_BLOCK));
    }

    #[test]
    fn nothing_is_inherited() {
        let null = Fd::open(c"/dev/null", libc::O_RDWR, 0).unwrap();
        let copy = Fd::duplicate(&null).unwrap();
        for fd in [&null, &copy] {
            // SAFETY: no pointer is passed.
            let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        }
        assert!(copy.as_raw_fd() >= 3);
        assert_eq!(Fd::open(c"/nowhere/at/all", libc::O_RDONLY, 0).err(), Some(Errno(libc::ENOENT)));
    }

    #[test]
    fn blocking_can_be_switched() {
        let (reader, _writer) = Fd::pipe().unwrap();
        // SAFETY: no pointer is passed.
        let flags = || unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_GETFL) };
        reader.set_nonblocking(false).unwrap();
        assert_eq!(flags() & libc::O_NONBLOCK, 0);
        reader.set_nonblocking(true).unwrap();
        assert_eq!(flags() & libc::O_NONBLOCK, libc::O_NONBLOCK);
    }
}
