//! Being told when something in a directory changes.

use core::ffi::CStr;
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'b> {
    /// A file of this name in the directory of this watch was written and closed, came, or went.
    Changed(i32, &'b [u8]),
    /// The directory of this watch is not where it was: the watch is over.
    Lost(i32),
    /// The kernel had no room: anything may have changed.
    Overflow,
}

/// Watches directories.
#[derive(Debug)]
pub struct Watcher(Fd);

/// Fields before an event's name: watch, mask, cookie, length of the name.
const HEADER: usize = 16;

/// Bytes read at once; the longest event has 272.
const BUFFER: usize = 1024;

const MASK: u32 = libc::IN_CLOSE_WRITE
    | libc::IN_MOVED_TO
    | libc::IN_MOVED_FROM
    | libc::IN_DELETE
    | libc::IN_DELETE_SELF
    | libc::IN_MOVE_SELF
    | libc::IN_ONLYDIR;

impl Watcher {
    /// Watches nothing yet. Errors: EMFILE beyond the user's number of watchers.
    pub fn new() -> Result<Self> {
        // SAFETY: no pointer is passed.
        Fd::from_call(unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) }).map(Self)
    }

    /// Watches a directory; the same one twice is one watch. Errors: ENOENT, ENOTDIR, EACCES, ENOSPC.
    pub fn add(&self, directory: &CStr) -> Result<i32> {
        // SAFETY: the path ends in NUL and outlives the call.
        Errno::check(unsafe { libc::inotify_add_watch(self.0.as_raw_fd(), directory.as_ptr(), MASK) })
    }

    /// Watches it no longer.
    pub fn remove(&self, watch: i32) {
        // SAFETY: no pointer is passed; a watch that is gone already is an error nobody minds.
        unsafe { libc::inotify_rm_watch(self.0.as_raw_fd(), watch) };
    }

    /// Gives `each` some of what happened. False: there was nothing left.
    pub fn read(&self, mut each: impl FnMut(Event<'_>)) -> bool {
        let mut buffer = [0; BUFFER];
        let length = self.0.read(&mut buffer).unwrap_or(0);
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let Some((event, after)) = parse(rest) {
            event.into_iter().for_each(&mut each);
            rest = after;
        }
        length > 0
    }
}

/// The first event, if it means something, and what follows it.
fn parse(bytes: &[u8]) -> Option<(Option<Event<'_>>, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let field = |at: usize| header.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
    let watch = i32::from_ne_bytes(field(0)?);
    let mask = u32::from_ne_bytes(field(4)?);
    let (name, rest) = rest.split_at_checked(usize::try_from(u32::from_ne_bytes(field(12)?)).ok()?)?;
    // Padded with NUL.
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let event = if mask & libc::IN_Q_OVERFLOW != 0 {
        Some(Event::Overflow)
    } else if mask & (libc::IN_DELETE_SELF | libc::IN_MOVE_SELF | libc::IN_UNMOUNT) != 0 {
        Some(Event::Lost(watch))
    } else if mask & libc::IN_IGNORED != 0 {
        None
    } else {
        Some(Event::Changed(watch, name))
    };
    Some((event, rest))
}

impl AsRawFd for Watcher {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(watch: i32, mask: u32, name: &[u8]) -> Vec<u8> {
        let mut bytes = watch.to_ne_bytes().to_vec();
        bytes.extend(mask.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend((name.len() as u32).to_ne_bytes());
        bytes.extend(name);
        bytes
    }

    #[test]
    fn events_are_read_one_by_one_and_what_is_cut_off_is_none() {
        let bytes = [raw(3, libc::IN_CLOSE_WRITE, b"file\0\0\0\0"), raw(3, libc::IN_MOVE_SELF, b"")].concat();
        let Some((first, rest)) = parse(&bytes) else { panic!("an event") };
        assert_eq!(first, Some(Event::Changed(3, b"file")));
        let Some((second, rest)) = parse(rest) else { panic!("another") };
        assert_eq!((second, rest.len()), (Some(Event::Lost(3)), 0));
        assert_eq!(parse(&raw(-1, libc::IN_Q_OVERFLOW, b"")).map(|(event, _)| event), Some(Some(Event::Overflow)));
        assert_eq!(parse(&raw(3, libc::IN_IGNORED, b"")).map(|(event, _)| event), Some(None));
        for length in 0..24 {
            assert_eq!(parse(bytes.get(..length).unwrap_or_default()), None, "{length}");
        }
    }
}
