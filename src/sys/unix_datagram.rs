//! Datagrams to a local socket: syslog and the service manager.

use core::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::socket;

/// Where a local socket is.
#[derive(Clone, Copy)]
pub(super) struct UnixAddress {
    raw: libc::sockaddr_un,
    length: libc::socklen_t,
}

impl UnixAddress {
    /// A path, or, beginning with `@`, a name in the abstract namespace. None if it is empty or does not
    /// fit (107 bytes).
    pub(super) fn new(path: &[u8]) -> Option<Self> {
        // SAFETY: all zero is a valid sockaddr_un.
        let mut raw: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
        if path.is_empty() || path.len() >= raw.sun_path.len() {
            return None;
        }
        raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (slot, byte) in raw.sun_path.iter_mut().zip(path) {
            *slot = *byte as _;
        }
        let abstract_name = path.first() == Some(&b'@');
        if abstract_name && let Some(first) = raw.sun_path.first_mut() {
            *first = 0;
        }
        // An abstract name ends where the address does, a path with a NUL.
        let length = size_of::<libc::sa_family_t>() + path.len() + usize::from(!abstract_name);
        Some(Self { raw, length: length as libc::socklen_t })
    }

    /// A non-blocking socket whose datagrams go there.
    pub(super) fn connect(&self) -> Result<Fd> {
        let fd = socket::open(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
        let target: *const libc::sockaddr_un = &self.raw;
        // SAFETY: `length` bytes of the address are initialised, and it outlives the call.
        Errno::check(unsafe { libc::connect(fd.as_raw_fd(), target.cast(), self.length) })?;
        Ok(fd)
    }
}

/// Sends one datagram over a connected socket, or says why not; never waits, never raises SIGPIPE.
pub(super) fn send(socket: &Fd, bytes: &[u8]) -> Result<()> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    Errno::retry(|| {
        // SAFETY: the kernel reads `len` bytes of `bytes`.
        Errno::check_size(unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_do_not_fit_are_refused() {
        assert!(UnixAddress::new(b"").is_none());
        assert!(UnixAddress::new(&[b'a'; 107]).is_some());
        assert!(UnixAddress::new(&[b'a'; 108]).is_none());
    }

    #[test]
    fn paths_and_abstract_names_are_reached() {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::{SocketAddr, UnixDatagram};

        let name = format!("holdfast-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let abstract_name = format!("@{name}");
        for (target, server) in [(path.to_str().unwrap(), by_path), (&abstract_name, by_name)] {
            let socket = UnixAddress::new(target.as_bytes()).unwrap().connect().unwrap();
            send(&socket, b"here").unwrap();
            let mut buffer = [0; 8];
            assert_eq!(server.recv(&mut buffer).unwrap(), 4);
            drop(server);
            assert_eq!(send(&socket, b"gone"), Err(Errno(libc::ECONNREFUSED)));
        }
        std::fs::remove_file(&path).unwrap();
    }
}
