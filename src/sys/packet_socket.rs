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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::send_batch::SendBatch;
    use crate::sys::{Errno, Interface, namespace};

    /// An experimental EtherType (IEEE 802): nobody else sends it.
    const ETHERTYPE: u16 = 0x88b5;

    fn frame(number: u8) -> Vec<u8> {
        let mut frame = vec![0xff; 12];
        frame.extend(ETHERTYPE.to_be_bytes());
        frame.resize(60, number);
        frame
    }

    #[test]
    fn frames_leave_by_the_interface_they_are_meant_for() {
        namespace::run(|| {
            namespace::cable();
            let protocol = i32::from(ETHERTYPE.to_be());
            let listener = socket::open(libc::AF_PACKET, libc::SOCK_RAW, protocol).unwrap();
            let left = Interface::by_name("left").unwrap().index();
            let sender = PacketSocket::new(Some(1 << 16)).unwrap();
            let mut batch = SendBatch::new(8, 8 * 60);
            batch.queue_frame(&sender, left, 1, &frame(1)).unwrap();
            batch.queue_frame(&sender, 0x7fff_0000, 2, &frame(2)).unwrap();
            batch.queue_frame(&sender, left, 3, &frame(3)).unwrap();
            let mut refused = Vec::new();
            batch.flush(|tag, errno| refused.push((tag, errno)));
            assert_eq!(refused, [(2, Errno(libc::ENXIO))]);
            let mut received = Vec::new();
            let mut buffer = [0; 2048];
            while received.len() < 2 && listener.wait_readable(1000) == Ok(true) {
                let length = listener.read(&mut buffer).unwrap();
                received.push(buffer[..length].to_vec());
            }
            assert_eq!(received, [frame(1), frame(3)]);
            assert_eq!(sender.0.wait_readable(0), Ok(false), "it receives nothing");
        });
    }
}
