//! An error number of the kernel, and its name without `io::Error`'s allocations.

use core::fmt;

/// What a system call refused with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Errno(pub i32);

/// The outcome of a system call.
pub type Result<T> = core::result::Result<T, Errno>;

impl Errno {
    /// Nothing to read, or no room to write: try again when the descriptor is ready.
    pub const WOULD_BLOCK: Self = Self(libc::EAGAIN);
    /// A signal came first.
    pub const INTERRUPTED: Self = Self(libc::EINTR);
    /// A value the kernel would not take, refused before asking it.
    pub const INVALID: Self = Self(libc::EINVAL);

    /// That of the thread's last failed call.
    pub fn last() -> Self {
        // SAFETY: errno's address is valid for as long as the thread lives.
        Self(unsafe { *libc::__errno_location() })
    }

    /// The result of a call that says -1 when it failed.
    pub fn check(returned: i32) -> Result<i32> {
        if returned < 0 { Err(Self::last()) } else { Ok(returned) }
    }

    /// As [`Self::check`], for calls that return a size.
    pub fn check_size(returned: isize) -> Result<usize> {
        usize::try_from(returned).map_err(|_| Self::last())
    }

    /// Runs `call` again for as long as a signal interrupts it.
    pub fn retry<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            match call() {
                Err(Self::INTERRUPTED) => {}
                other => return other,
            }
        }
    }

    /// Whether it only means "not now".
    pub const fn would_block(self) -> bool {
        self.0 == libc::EAGAIN || self.0 == libc::EWOULDBLOCK
    }

    /// Its symbol as in errno(3), if it is one that occurs here.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|(_, name, _)| *name)
    }

    /// What it means, if it is one that occurs here.
    pub fn text(self) -> Option<&'static str> {
        self.row().map(|(_, _, text)| *text)
    }

    fn row(self) -> Option<&'static (i32, &'static str, &'static str)> {
        TABLE.iter().find(|(number, _, _)| *number == self.0)
    }
}

/// `EPERM (operation not permitted)`, or `errno 999` for a number without a row.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some((_, name, text)) => write!(f, "{name} ({text})"),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl core::error::Error for Errno {}

/// The numbers differ between architectures (MIPS), hence libc's constants.
#[rustfmt::skip]
const TABLE: &[(i32, &str, &str)] = &[
    (libc::EPERM, "EPERM", "operation not permitted"),
    (libc::ENOENT, "ENOENT", "no such file or object"),
    (libc::ESRCH, "ESRCH", "no such process or route"),
    (libc::EINTR, "EINTR", "interrupted by a signal"),
    (libc::EIO, "EIO", "input/output error"),
    (libc::ENXIO, "ENXIO", "no such device or reader"),
    (libc::E2BIG, "E2BIG", "argument list too long"),
    (libc::ENOEXEC, "ENOEXEC", "not a program the kernel can run"),
    (libc::EBADF, "EBADF", "not an open descriptor"),
    (libc::ECHILD, "ECHILD", "no child process"),
    (libc::EAGAIN, "EAGAIN", "not ready, try again"),
    (libc::ENOMEM, "ENOMEM", "out of memory"),
    (libc::EACCES, "EACCES", "permission denied"),
    (libc::EFAULT, "EFAULT", "bad address"),
    (libc::EBUSY, "EBUSY", "device or resource busy"),
    (libc::EEXIST, "EEXIST", "exists already"),
    (libc::EXDEV, "EXDEV", "crosses file systems"),
    (libc::ENODEV, "ENODEV", "no such device"),
    (libc::ENOTDIR, "ENOTDIR", "not a directory"),
    (libc::EISDIR, "EISDIR", "is a directory"),
    (libc::EINVAL, "EINVAL", "invalid argument"),
    (libc::ENFILE, "ENFILE", "too many open files in the system"),
    (libc::EMFILE, "EMFILE", "too many open files"),
    (libc::ENOTTY, "ENOTTY", "not possible on this descriptor"),
    (libc::ETXTBSY, "ETXTBSY", "the program is being written"),
    (libc::EFBIG, "EFBIG", "file too large"),
    (libc::ENOSPC, "ENOSPC", "no space left"),
    (libc::ESPIPE, "ESPIPE", "cannot seek"),
    (libc::EROFS, "EROFS", "read-only file system"),
    (libc::EMLINK, "EMLINK", "too many links"),
    (libc::EPIPE, "EPIPE", "nobody reads the other end"),
    (libc::ERANGE, "ERANGE", "out of range"),
    (libc::EDEADLK, "EDEADLK", "would deadlock"),
    (libc::ENAMETOOLONG, "ENAMETOOLONG", "name too long"),
    (libc::ENOSYS, "ENOSYS", "this kernel does not have the call"),
    (libc::ELOOP, "ELOOP", "is a symbolic link, or too many of them"),
    (libc::EOVERFLOW, "EOVERFLOW", "value too large"),
    (libc::ENOTSOCK, "ENOTSOCK", "not a socket"),
    (libc::EDESTADDRREQ, "EDESTADDRREQ", "destination missing"),
    (libc::EMSGSIZE, "EMSGSIZE", "message too long"),
    (libc::EPROTOTYPE, "EPROTOTYPE", "wrong type of socket"),
    (libc::ENOPROTOOPT, "ENOPROTOOPT", "this kernel does not have the option"),
    (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT", "protocol not supported"),
    (libc::ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT", "type of socket not supported"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP", "operation not supported"),
    (libc::EAFNOSUPPORT, "EAFNOSUPPORT", "address family not supported"),
    (libc::EADDRINUSE, "EADDRINUSE", "address in use"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL", "address not on this machine"),
    (libc::ENETDOWN, "ENETDOWN", "the interface is down"),
    (libc::ENETUNREACH, "ENETUNREACH", "network unreachable"),
    (libc::ENETRESET, "ENETRESET", "connection dropped by the network"),
    (libc::ECONNABORTED, "ECONNABORTED", "connection aborted"),
    (libc::ECONNRESET, "ECONNRESET", "connection reset by the other side"),
    (libc::ENOBUFS, "ENOBUFS", "no buffer space"),
    (libc::EISCONN, "EISCONN", "connected already"),
    (libc::ENOTCONN, "ENOTCONN", "not connected"),
    (libc::ETIMEDOUT, "ETIMEDOUT", "timed out"),
    (libc::ECONNREFUSED, "ECONNREFUSED", "connection refused"),
    (libc::EHOSTDOWN, "EHOSTDOWN", "host is down"),
    (libc::EHOSTUNREACH, "EHOSTUNREACH", "host unreachable"),
    (libc::EALREADY, "EALREADY", "in progress already"),
    (libc::EINPROGRESS, "EINPROGRESS", "in progress"),
    (libc::ESTALE, "ESTALE", "the file is no longer there"),
    (libc::ECANCELED, "ECANCELED", "cancelled"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_a_name_and_a_text() {
        assert_eq!(Errno(libc::EPERM).to_string(), "EPERM (operation not permitted)");
        assert_eq!(Errno(libc::EPERM).name(), Some("EPERM"));
        assert_eq!(Errno(9999).to_string(), "errno 9999");
    }

    #[test]
    fn no_number_is_listed_twice() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(at + 1).all(|other| other.0 != row.0 && other.1 != row.1), "{}", row.1);
        }
    }

    #[test]
    fn a_failed_call_gives_its_number() {
        // SAFETY: no pointer is passed; -1 is never an open descriptor.
        assert_eq!(Errno::check(unsafe { libc::close(-1) }), Err(Errno(libc::EBADF)));
        assert_eq!(Errno::check(7), Ok(7));
    }

    #[test]
    fn an_interrupted_call_is_made_again() {
        let mut calls = 0;
        let outcome = Errno::retry(|| {
            calls += 1;
            if calls < 3 { Err(Errno::INTERRUPTED) } else { Ok(calls) }
        });
        assert_eq!(outcome, Ok(3));
    }
}
