//! Tracked files: the number in each, read again whenever its directory tells of a change.
//!
//! The directory is watched, not the file: files are replaced by renaming another over them, and may
//! come later. A directory that is not there is looked for again.

use core::ffi::CStr;
use std::ffi::CString;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config::Config;
use crate::config::model::TrackedFile;
use crate::sys::Errno;
use crate::sys::fd::Fd;
use crate::sys::inotify::{Event, Watcher};
use crate::time::{Duration, Instant};

/// How often a directory that is missing is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// A number and its surroundings fit; what is behind is not looked at.
const LONGEST: usize = 64;

/// A file.
#[derive(Debug)]
struct Tracked {
    path: CString,
    directory: CString,
    name: Box<[u8]>,
    watch: Option<i32>,
    is_stale: bool,
    value: i32,
}

/// All of them.
#[derive(Debug)]
pub struct TrackedFiles {
    /// None without files.
    watcher: Option<Watcher>,
    files: Box<[Tracked]>,
    /// When a missing directory is looked for.
    retry_at: Option<Instant>,
}

impl TrackedFiles {
    /// Nothing is read yet.
    ///
    /// # Errors
    ///
    /// That of making a watcher; EINVAL for a path with a NUL.
    pub fn new(config: &Config) -> Result<Self, Errno> {
        let files: Result<Box<[_]>, Errno> = config.files.iter().map(tracked).collect();
        let files = files?;
        let watcher = if files.is_empty() { None } else { Some(Watcher::new()?) };
        Ok(Self { watcher, files, retry_at: None })
    }

    /// Makes the files that are to be there from the start, unless `old` has had them made.
    pub fn make(&self, config: &Config, old: &Config) {
        let known = |file: &TrackedFile| old.files.iter().any(|before| before.path == file.path);
        for (file, tracked) in config.files.iter().zip(&self.files).filter(|(file, _)| !known(file)) {
            let Some(init) = file.init else { continue };
            if let Err(errno) = make(&tracked.path, init.value, init.overwrite) {
                log::warn!("cannot make the tracked file {}: {errno}; it counts as 0", file.path.display());
            }
        }
    }

    /// Numbers that were read by the world before, for files that cannot be understood now.
    pub fn take_over(&mut self, old: &Self) {
        for file in &mut self.files {
            if let Some(before) = old.files.iter().find(|before| before.path == file.path) {
                file.value = before.value;
            }
        }
    }

    /// What epoll is to watch.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.watcher.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Watches what is not watched and reads all files that changed.
    pub fn look(&mut self, now: Instant) {
        let Some(watcher) = &self.watcher else { return };
        let files = &mut self.files;
        while watcher.read(|event| note(files, watcher, event)) {}
        let mut missing = false;
        for file in files {
            if file.watch.is_none() {
                // Watched first, then read: no change is lost between the two.
                file.watch = watcher.add(&file.directory).ok();
                missing |= file.watch.is_none();
                file.is_stale = true;
            }
            if core::mem::take(&mut file.is_stale) {
                file.read();
            }
        }
        self.retry_at = missing.then(|| now + RETRY);
    }

    /// When a missing directory is to be looked for.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The numbers, in the order of the configuration.
    pub fn values(&self) -> impl Iterator<Item = i32> {
        self.files.iter().map(|file| file.value)
    }

    /// One of them.
    pub fn value(&self, file: usize) -> i32 {
        self.files.get(file).map_or(0, |file| file.value)
    }
}

impl Tracked {
    /// A file that is not there, or cannot be read, is 0, as for keepalived.
    fn read(&mut self) {
        let mut text = [0; LONGEST];
        let length = Fd::open(&self.path, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY, 0)
            .and_then(|fd| fd.read(&mut text))
            .unwrap_or(0);
        let text = text.get(..length).unwrap_or_default();
        match number(text) {
            Some(value) => self.value = value,
            None => {
                let line = text.trim_ascii().split(|byte| *byte == b'\n').next().unwrap_or_default();
                let path = Path::new(std::ffi::OsStr::from_bytes(self.path.as_bytes())).display();
                log::warn!("Invalid number {} read from {path} - ignoring", line.escape_ascii());
            }
        }
    }
}

fn tracked(file: &TrackedFile) -> Result<Tracked, Errno> {
    // A link is followed once: its target is what is written.
    let path = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::INVALID);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(Tracked {
        path: text(&path)?,
        directory: text(parent)?,
        name: path.file_name().map_or(&[][..], |name| name.as_bytes()).into(),
        watch: None,
        is_stale: true,
        value: 0,
    })
}

fn note(files: &mut [Tracked], watcher: &Watcher, event: Event<'_>) {
    for file in files {
        match event {
            Event::Changed(watch, name) => file.is_stale |= file.watch == Some(watch) && *file.name == *name,
            Event::Lost(watch) if file.watch == Some(watch) => {
                watcher.remove(watch);
                file.watch = None;
            }
            Event::Lost(_) => {}
            Event::Overflow => file.is_stale = true,
        }
    }
}

fn make(path: &CStr, value: i32, overwrite: bool) -> Result<(), Errno> {
    let how = if overwrite { libc::O_TRUNC } else { libc::O_EXCL };
    match Fd::open(path, libc::O_WRONLY | libc::O_CREAT | libc::O_NOFOLLOW | how, 0o600) {
        Ok(fd) => fd.write_all(format!("{value}\n").as_bytes()),
        Err(Errno(libc::EEXIST)) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// The number a text begins with, as C reads one: blanks, a sign, 0x for hexadecimal, 0 for octal; what
/// follows does not matter, and no digits are 0. None: it does not fit.
fn number(text: &[u8]) -> Option<i32> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => (16, rest),
        [b'0', rest @ ..] => (8, rest),
        _ => (10, digits),
    };
    let mut value = 0_i64;
    for digit in digits.iter().map_while(|byte| char::from(*byte).to_digit(base)) {
        value = value.checked_mul(base.into())?.checked_add(digit.into())?;
    }
    i32::try_from(if negative { -value } else { value }).ok()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_read_as_by_c() {
        let table: [(&str, Option<i32>); 17] = [
            ("", Some(0)),
            ("junk", Some(0)),
            ("5", Some(5)),
            ("5\n", Some(5)),
            ("  \t\n 7 8", Some(7)),
            ("+9", Some(9)),
            ("-254", Some(-254)),
            ("- 3", Some(0)),
            ("0x10", Some(16)),
            ("0x", Some(0)),
            ("0xg", Some(0)),
            ("010junk", Some(8)),
            ("08", Some(0)),
            ("2147483647", Some(i32::MAX)),
            ("-2147483648", Some(i32::MIN)),
            ("2147483648", None),
            ("99999999999999999999999999", None),
        ];
        for (text, value) in table {
            assert_eq!(number(text.as_bytes()), value, "{text:?}");
        }
    }
}
