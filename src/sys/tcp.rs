//! A TCP connection that is begun, and never waited for.

use core::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::socket::{self, Address};

/// A connection, or one that is being made.
#[derive(Debug)]
pub struct TcpStream {
    fd: Fd,
}

impl TcpStream {
    /// Begins to connect. When the descriptor is writable, [`Self::outcome`] says how it went.
    ///
    /// Errors: those that are known at once (ENETUNREACH ...).
    pub fn connect(ip: IpAddr, port: u16) -> Result<Self> {
        let address = Address::ip(ip, 0).with_port(port);
        let family = if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let fd = socket::open(family, libc::SOCK_STREAM, 0)?;
        // SAFETY: the union is at least `length` bytes long and outlives the call.
        match Errno::check(unsafe { libc::connect(fd.as_raw_fd(), address.as_ptr(), address.length()) }) {
            Ok(_) | Err(Errno(libc::EINPROGRESS)) => Ok(Self { fd }),
            Err(errno) => Err(errno),
        }
    }

    /// Whether it is connected by now.
    ///
    /// Errors: why it never will be (ECONNREFUSED, ETIMEDOUT ...).
    pub fn outcome(&self) -> Result<bool> {
        match socket::int_option(&self.fd, libc::SOL_SOCKET, libc::SO_ERROR)? {
            0 => super::fd::wait(self.fd.as_raw_fd(), libc::POLLOUT, 0),
            errno => Err(Errno(errno)),
        }
    }

    /// Reads what is there; 0 is the end. Errors: [`Errno::WOULD_BLOCK`] if there is nothing yet.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        self.fd.read(buffer)
    }

    /// Writes what there is room for and says how much that was; never raises SIGPIPE.
    pub fn write(&self, bytes: &[u8]) -> Result<usize> {
        Errno::retry(|| {
            // SAFETY: the kernel reads `len` bytes of `bytes`.
            Errno::check_size(unsafe {
                libc::send(self.fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL)
            })
        })
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn settled(stream: &TcpStream) -> Result<bool> {
        assert_eq!(super::super::fd::wait(stream.as_raw_fd(), libc::POLLOUT, 5000), Ok(true));
        stream.outcome()
    }

    #[test]
    fn bytes_go_both_ways_and_nothing_blocks() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let at = listener.local_addr().unwrap();
            let stream = TcpStream::connect(at.ip(), at.port()).unwrap();
            assert_eq!(settled(&stream), Ok(true));
            let mut buffer = [0; 8];
            assert_eq!(stream.read(&mut buffer), Err(Errno::WOULD_BLOCK));
            let (mut other, _) = listener.accept().unwrap();
            assert_eq!(stream.write(b"hello"), Ok(5));
            other.read_exact(&mut buffer[..5]).unwrap();
            assert_eq!(&buffer[..5], b"hello");
            other.write_all(b"220").unwrap();
            assert_eq!(stream.fd.wait_readable(5000), Ok(true));
            assert_eq!(stream.read(&mut buffer), Ok(3));
            let full = (0..10_000).find_map(|_| stream.write(&[0; 65536]).err());
            assert_eq!(full, Some(Errno::WOULD_BLOCK));
            drop(other);
            assert_eq!(stream.fd.wait_readable(5000), Ok(true));
            // Reset, for there was something it had not read.
            assert_eq!(stream.read(&mut buffer), Err(Errno(libc::ECONNRESET)));
            assert_eq!(stream.write(b"x"), Err(Errno(libc::EPIPE)), "an error, not a signal");
        }
    }

    #[test]
    fn a_closed_port_is_known_when_it_is_known() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        drop(listener);
        let outcome = TcpStream::connect(at.ip(), at.port()).and_then(|stream| settled(&stream));
        assert_eq!(outcome, Err(Errno(libc::ECONNREFUSED)));
    }
}
