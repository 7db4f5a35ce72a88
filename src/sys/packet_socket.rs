//! A socket for whole frames: gratuitous ARP and unsolicited neighbour advertisements.

use std::os::fd::{AsRawFd, RawFd};

use super::errno::Result;
use super::fd::Fd;
use super::socket;

/// Sends frames by any interface; receives nothing. See [`super::send_batch::SendBatch::queue_frame`].
#[derive(Debug)]
pub struct PacketSocket(Fd);

impl PacketSocket {
    /// Errors: EPERM without CAP_NET_RAW. `buffer` bounds, in bytes, what may wait to be sent.
    pub fn new(buffer: Option<u32>) -> Result<Self> {
        // Protocol 0: not a single frame is delivered.
        let fd = socket::open(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
        if let Some(bytes) = buffer {
            socket::set_send_buffer(&fd, bytes)?;
        }
        Ok(Self(fd))
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
