//! Pid files: where others look for us, and the lock that refuses a second instance.

use std::ffi::CString;
use std::fmt::Write as _;
use std::os::fd::AsRawFd;

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::process::{identity, identity_at, own_pid};

/// A pid file of ours, locked for as long as this lives, and removed with it.
#[derive(Debug)]
pub struct PidFile {
    fd: Fd,
    path: CString,
    /// The process it names; a child that drops its copy removes nothing.
    owner: i32,
}

impl PidFile {
    /// Makes or takes over the file at `path` and writes our number into it, readable by all. After
    /// [`super::process::daemonize`].
    ///
    /// Errors: [`Errno::WOULD_BLOCK`] if another instance holds it, ELOOP if it is a link, EEXIST if it is no
    /// file, EINVAL for a NUL in the path.
    pub fn create(path: &str) -> Result<Self> {
        let path = CString::new(path).map_err(|_| Errno::INVALID)?;
        // The instance that held it may remove it between our open and our lock.
        for _ in 0..10 {
            let flags = libc::O_RDWR | libc::O_CREAT | libc::O_NOFOLLOW | libc::O_NONBLOCK;
            let fd = Fd::open(&path, flags, 0o644)?;
            let opened = identity(fd.as_raw_fd())?;
            if opened.kind() != libc::S_IFREG {
                return Err(Errno(libc::EEXIST));
            }
            // SAFETY: no pointer is passed.
            Errno::check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) })?;
            if identity_at(&path) == Ok(opened) {
                let file = Self { fd, path, owner: own_pid() };
                file.write()?;
                return Ok(file);
            }
        }
        Err(Errno::WOULD_BLOCK)
    }

    fn write(&self) -> Result<()> {
        let mut text = heapless::String::<16>::new();
        let _ = writeln!(text, "{}", self.owner);
        // SAFETY: no pointers are passed. The mode is set again: the umask may have taken some of it.
        unsafe {
            Errno::check(libc::fchmod(self.fd.as_raw_fd(), 0o644))?;
            Errno::check(libc::ftruncate(self.fd.as_raw_fd(), 0))?;
        }
        self.fd.write_all(text.as_bytes())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = identity(self.fd.as_raw_fd()).is_ok_and(|ours| identity_at(&self.path) == Ok(ours));
        if ours && self.owner == own_pid() {
            // SAFETY: the path ends in NUL.
            unsafe { libc::unlink(self.path.as_ptr()) };
        }
    }
}

/// The number in the pid file at `path`, if there is one.
pub fn read(path: &str) -> Option<i32> {
    let mut buffer = [0; 16];
    let path = CString::new(path).ok()?;
    let length = Fd::open(&path, libc::O_RDONLY | libc::O_NONBLOCK, 0).and_then(|fd| fd.read(&mut buffer)).ok()?;
    core::str::from_utf8(buffer.get(..length)?).ok()?.trim_ascii().parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn path(name: &str) -> String {
        let path = std::env::temp_dir().join(format!("holdfast-{name}-{}.pid", std::process::id()));
        path.to_str().unwrap().into()
    }

    #[test]
    fn the_first_instance_holds_it_and_removes_it() {
        let path = path("first");
        std::fs::write(&path, "4294967 left over by a crash\n").unwrap();
        let file = PidFile::create(&path).unwrap();
        assert_eq!(read(&path), Some(own_pid()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", own_pid()));
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(PidFile::create(&path).err(), Some(Errno::WOULD_BLOCK));
        assert_eq!(read(&path), Some(own_pid()), "the second one changed nothing");
        drop(file);
        assert!(!std::fs::exists(&path).unwrap());
        assert_eq!(read(&path), None);
    }

    #[test]
    fn what_is_not_ours_is_not_removed() {
        let path = path("other");
        let file = PidFile::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(read(&path), Some(1));
        std::fs::remove_file(&path).unwrap();
        let mut file = PidFile::create(&path).unwrap();
        file.owner = 1;
        drop(file);
        assert!(std::fs::exists(&path).unwrap(), "a child's copy removes nothing");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn links_and_other_things_are_refused() {
        let path = path("link");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert_eq!(PidFile::create(&path).err(), Some(Errno(libc::ELOOP)));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(PidFile::create("/dev/null").err(), Some(Errno(libc::EEXIST)));
        assert_eq!(PidFile::create("/nowhere/at/all.pid").err(), Some(Errno(libc::ENOENT)));
    }

    #[test]
    fn garbage_names_no_process() {
        let path = path("garbage");
        for text in ["", "x", "-1", "0", "99999999999999999999"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path), None, "{text}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
