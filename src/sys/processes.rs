//! The processes of this machine, as /proc lists them.

use core::ffi::CStr;
use core::fmt::Write as _;
use std::os::fd::AsRawFd;

use super::errno::{Errno, Result};
use super::fd::Fd;

/// Bytes of names that are read at once: about forty processes.
const BATCH: usize = 1024;

/// Bytes of a command line that are looked at.
const LONGEST: usize = 1024;

/// The list. It is read in batches, from its beginning to its end and again.
#[derive(Debug)]
pub struct Processes(Fd);

/// A process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Process<'b> {
    /// Its name, at most 15 bytes.
    pub name: &'b [u8],
    /// Its program and arguments, each with a NUL behind it; empty for a thread of the kernel.
    pub command_line: &'b [u8],
}

impl Processes {
    /// Opens /proc.
    pub fn open() -> Result<Self> {
        Fd::open(c"/proc", libc::O_RDONLY | libc::O_DIRECTORY, 0).map(Self)
    }

    /// Gives `each` the next processes, without those that have ended and wait for their parent. False: that
    /// was the end, and it begins anew with the next call.
    pub fn read(&self, mut each: impl FnMut(Process<'_>)) -> Result<bool> {
        let mut buffer = [0; BATCH];
        // SAFETY: the kernel writes at most the length given into the buffer.
        let length = Errno::check_size(unsafe {
            libc::syscall(libc::SYS_getdents64, self.0.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) as isize
        })?;
        if length == 0 {
            // SAFETY: no pointer is passed.
            unsafe { libc::lseek(self.0.as_raw_fd(), 0, libc::SEEK_SET) };
            return Ok(false);
        }
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let Some((name, after)) = entry(rest) {
            if let Some(pid) = number(name) {
                look(pid, &mut each);
            }
            rest = after;
        }
        Ok(true)
    }
}

/// A name of a directory, and what follows it: 8 bytes of inode, 8 of offset, 2 of length, 1 of type, the name.
fn entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(16..18).and_then(|two| <[u8; 2]>::try_from(two).ok()).map(u16::from_ne_bytes)?;
    let (record, rest) = bytes.split_at_checked(length.into())?;
    let name = record.get(19..)?.split(|byte| *byte == 0).next()?;
    Some((name, rest))
}

fn number(name: &[u8]) -> Option<u32> {
    core::str::from_utf8(name).ok()?.parse().ok()
}

/// One that ends meanwhile is none.
fn look(pid: u32, each: &mut impl FnMut(Process<'_>)) {
    let (mut stat, mut command_line) = ([0; 128], [0; LONGEST]);
    let Some(name) = read(pid, "stat", &mut stat).and_then(alive) else { return };
    let command_line = read(pid, "cmdline", &mut command_line).unwrap_or_default();
    each(Process { name, command_line });
}

/// The name in `PID (NAME) STATE ...`, if the process has not ended. A name may have parentheses itself.
fn alive(stat: &[u8]) -> Option<&[u8]> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let state = stat.get(close.checked_add(2)?)?;
    if matches!(state, b'Z' | b'X') { None } else { stat.get(open + 1..close) }
}

fn read<'b>(pid: u32, what: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut path = heapless::String::<32>::new();
    write!(path, "/proc/{pid}/{what}\0").ok()?;
    let path = CStr::from_bytes_with_nul(path.as_bytes()).ok()?;
    let length = Fd::open(path, libc::O_RDONLY, 0).and_then(|fd| fd.read(buffer)).ok()?;
    buffer.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_look_like_anything() {
        assert_eq!(alive(b"1 (init) S 0 1"), Some(&b"init"[..]));
        assert_eq!(alive(b"7 (a) b) (c) R 1"), Some(&b"a) b) (c"[..]));
        assert_eq!(alive(b"7 (gone) Z 1"), None);
        for bad in [&b""[..], b"1", b"1 (", b"1 )(", b"1 (x)", b"1 (x) "] {
            assert_eq!(alive(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn entries_that_are_cut_off_are_none() {
        let mut record = vec![0; 24];
        record[16] = 24;
        record[19..22].copy_from_slice(b"123");
        assert_eq!(entry(&record), Some((&b"123"[..], &b""[..])));
        for length in 0..24 {
            assert_eq!(entry(&record[..length]), None, "{length}");
        }
    }

    #[test]
    fn this_process_is_among_them_and_again() -> Result<()> {
        let processes = Processes::open()?;
        let own = std::fs::read("/proc/self/cmdline").unwrap_or_default();
        for _ in 0..2 {
            let mut found = false;
            while processes
                .read(|process| found |= own.starts_with(process.command_line) && !process.command_line.is_empty())?
            {
            }
            assert!(found);
        }
        Ok(())
    }
}
