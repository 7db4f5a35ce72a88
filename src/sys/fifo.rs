//! A named pipe that carries notifications to whoever reads it.

use core::ffi::CStr;
use std::ffi::CString;
use std::os::fd::AsRawFd;

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::process::identity;

/// A named pipe, open for writing whether or not somebody reads. Removed on drop if it was made here.
#[derive(Debug)]
pub struct Fifo {
    fd: Fd,
    path: CString,
    made: bool,
}

impl Fifo {
    /// Opens the pipe at `path`, making it (0600, of user and group `owner`) if there is none. Errors: EEXIST if
    /// something else is there, ELOOP if it is a link.
    pub fn open(path: &CStr, owner: (u32, u32)) -> Result<Self> {
        // SAFETY: the path ends in NUL and outlives the call.
        let made = match Errno::check(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }) {
            Ok(_) => true,
            Err(Errno(libc::EEXIST)) => false,
            Err(errno) => return Err(errno),
        };
        // For reading too: so it opens without a reader, and a reader that leaves raises no EPIPE.
        let fd = Fd::open(path, libc::O_RDWR | libc::O_NONBLOCK | libc::O_NOFOLLOW, 0)?;
        if identity(fd.as_raw_fd())?.kind() != libc::S_IFIFO {
            return Err(Errno(libc::EEXIST));
        }
        if made {
            // SAFETY: it takes numbers only.
            Errno::check(unsafe { libc::fchown(fd.as_raw_fd(), owner.0, owner.1) })?;
        }
        Ok(Self { fd, path: path.into(), made })
    }

    /// How many bytes nobody has read yet.
    pub fn unread(&self) -> usize {
        let mut bytes: libc::c_int = 0;
        // SAFETY: the kernel writes one int.
        let asked = Errno::check(unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::FIONREAD, &raw mut bytes) });
        asked.ok().and_then(|_| usize::try_from(bytes).ok()).unwrap_or(0)
    }

    /// Writes a line, newline included, whole or not at all. Errors: [`Errno::WOULD_BLOCK`] if the reader
    /// has fallen behind by 64 KiB.
    pub fn write(&self, line: &[u8]) -> Result<()> {
        // Beyond PIPE_BUF the kernel may take a part.
        if line.len() > libc::PIPE_BUF {
            return Err(Errno(libc::EMSGSIZE));
        }
        self.fd.write(line).map(drop)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        if self.made {
            // SAFETY: the path ends in NUL.
            unsafe { libc::unlink(self.path.as_ptr()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: (u32, u32) = (u32::MAX, u32::MAX);

    fn path(name: &str) -> String {
        let path = std::env::temp_dir().join(format!("holdfast-{name}-{}", std::process::id()));
        path.to_str().unwrap().into()
    }

    fn open(path: &str) -> Result<Fifo> {
        Fifo::open(&CString::new(path).unwrap(), OWN)
    }

    #[test]
    fn lines_wait_for_a_reader_until_there_is_no_room() {
        let path = path("fifo");
        let fifo = open(&path).unwrap();
        fifo.write(b"INSTANCE \"VI_1\" MASTER 100\n").unwrap();
        let reader = Fd::open(&CString::new(path.as_str()).unwrap(), libc::O_RDONLY | libc::O_NONBLOCK, 0).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(fifo.unread(), 27);
        assert_eq!(reader.read(&mut buffer), Ok(27));
        let again = open(&path).unwrap();
        assert_eq!((0..100_000).find_map(|_| again.write(b"GROUP \"G\" FAULT 0\n").err()), Some(Errno::WOULD_BLOCK));
        assert_eq!(again.write(&[0; 5000]), Err(Errno(libc::EMSGSIZE)));
        drop(again);
        assert!(std::fs::exists(&path).unwrap(), "it was there before");
        drop(fifo);
        assert!(!std::fs::exists(&path).unwrap());
    }

    #[test]
    fn nothing_else_is_taken_for_a_pipe() {
        let path = path("nofifo");
        std::fs::write(&path, "").unwrap();
        assert_eq!(open(&path).err(), Some(Errno(libc::EEXIST)));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert_eq!(open(&path).err(), Some(Errno(libc::ELOOP)));
        std::fs::remove_file(&path).unwrap();
    }
}
