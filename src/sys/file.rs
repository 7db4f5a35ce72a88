//! Files for others to read, appearing whole or not at all: written under another name beside the target,
//! then renamed. Links are never followed, whoever planted them.

use core::ffi::CStr;
use core::fmt;
use std::ffi::CString;

use super::errno::{Errno, Result};
use super::fd::Fd;

/// A file that is replaced as a whole, again and again.
#[derive(Debug)]
pub struct ReplacedFile {
    path: CString,
    temporary: CString,
}

impl ReplacedFile {
    /// Prepares the names; touches nothing. Errors: EINVAL if there is a NUL in the path.
    pub fn new(path: &str) -> Result<Self> {
        let name = |text: String| CString::new(text).map_err(|_| Errno::INVALID);
        let temporary = name(format!("{path}.{}.new", std::process::id()))?;
        Ok(Self { path: name(path.into())?, temporary })
    }

    /// The file's path.
    pub fn path(&self) -> &CStr {
        &self.path
    }

    /// Replaces it by what `fill` writes, readable by its owner only. On an error the old one is still there.
    #[inline(never)] // its buffer would be on the stack of the loop for good
    pub fn replace(&self, fill: impl FnOnce(&mut Writer) -> fmt::Result) -> Result<()> {
        let mut writer = Writer::new(self.create()?);
        let filled = fill(&mut writer);
        let written = writer.finish();
        // A formatting error comes of a failed write, which finish() tells; else it is the caller's own.
        let outcome = written.and_then(|()| filled.map_err(|_| Errno(libc::EIO))).and_then(|()| {
            // SAFETY: both paths end in NUL and outlive the call.
            Errno::check(unsafe { libc::rename(self.temporary.as_ptr(), self.path.as_ptr()) }).map(drop)
        });
        // Closed under its final name: there are programs that wait for just that (inotify's IN_CLOSE_WRITE).
        drop(writer);
        if outcome.is_err() {
            unlink(&self.temporary);
        }
        outcome
    }

    /// Removes it, if it is there.
    pub fn remove(&self) {
        unlink(&self.path);
    }

    fn create(&self) -> Result<Fd> {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
        match Fd::open(&self.temporary, flags, 0o600) {
            Err(Errno(libc::EEXIST)) => {
                // Left over, or planted.
                unlink(&self.temporary);
                Fd::open(&self.temporary, flags, 0o600)
            }
            other => other,
        }
    }
}

fn unlink(path: &CStr) {
    // SAFETY: the path ends in NUL and outlives the call.
    unsafe { libc::unlink(path.as_ptr()) };
}

/// Text on its way to a descriptor, 4 KiB at a time.
pub struct Writer {
    fd: Fd,
    buffer: [u8; 4096],
    used: usize,
    failed: Option<Errno>,
}

impl Writer {
    /// Writes to `fd`, which should block rather than take a part.
    pub fn new(fd: Fd) -> Self {
        Self { fd, buffer: [0; 4096], used: 0, failed: None }
    }

    /// Writes what is left, and says how all went.
    pub fn finish(&mut self) -> Result<()> {
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.fd.write_all(self.buffer.get(..self.used).unwrap_or_default()).err();
        }
        self.used = 0;
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let room = self.buffer.get_mut(self.used..).unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(room.len()));
            for (slot, byte) in room.iter_mut().zip(now) {
                *slot = *byte;
            }
            self.used += now.len();
            rest = later;
            if self.used == self.buffer.len() {
                self.flush();
            }
        }
        if self.failed.is_some() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::os::unix::fs::{MetadataExt as _, symlink};
    use std::path::PathBuf;

    use super::*;

    fn place(name: &str) -> PathBuf {
        let place = std::env::temp_dir().join(format!("holdfast-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir(&place).unwrap();
        place
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners_only() {
        let place = place("replace");
        let path = place.join("keepalived.json");
        let file = ReplacedFile::new(path.to_str().unwrap()).unwrap();
        let text = "0123456789abcdef".repeat(1000);
        file.replace(|writer| writer.write_str(&text)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        file.replace(|writer| write!(writer, "{}", 7)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7");
        assert_eq!(file.replace(|_| Err(fmt::Error)), Err(Errno(libc::EIO)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7", "the old one stays");
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "and nothing is left over");
        file.remove();
        assert!(!path.exists());
        std::fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn planted_links_are_replaced_not_followed() {
        let place = place("links");
        let victim = place.join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let path = place.join("keepalived.data");
        let file = ReplacedFile::new(path.to_str().unwrap()).unwrap();
        symlink(&victim, &path).unwrap();
        symlink(&victim, file.temporary.to_str().unwrap()).unwrap();
        file.replace(|writer| writer.write_str("dump")).unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert!(path.symlink_metadata().unwrap().is_file());
        std::fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let full = Fd::open(c"/dev/full", libc::O_WRONLY, 0).unwrap();
        let mut writer = Writer::new(full);
        let _ = writer.write_str("x");
        assert_eq!(writer.finish(), Err(Errno(libc::ENOSPC)));
        let missing = ReplacedFile::new("/nowhere/at/all").unwrap();
        assert_eq!(missing.replace(|_| Ok(())), Err(Errno(libc::ENOENT)));
    }
}
