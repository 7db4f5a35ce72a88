//! As much of route netlink as an observer needs: addresses and links, dumped or announced.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::clock::Stamp;
use super::os;

/// What one message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// An address appeared or changed (`present`), or went.
    Address {
        /// Whether it is there now.
        present: bool,
        /// Its interface's index.
        index: u32,
        /// The address.
        ip: IpAddr,
        /// Prefix length.
        prefix: u8,
    },
    /// An interface appeared or changed (`present`), or went.
    Link {
        /// Whether it is there now.
        present: bool,
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// Up and with carrier: frames can pass.
        running: bool,
    },
    /// The end of a dump.
    Done,
}

/// The messages in one datagram.
pub fn parse(mut datagram: &[u8]) -> Vec<News> {
    let mut news = Vec::new();
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = length as usize;
        let Some(body) = datagram.get(16..length) else { break };
        news.extend(match kind {
            libc::RTM_NEWADDR | libc::RTM_DELADDR => address(body, kind == libc::RTM_NEWADDR),
            libc::RTM_NEWLINK | libc::RTM_DELLINK => link(body, kind == libc::RTM_NEWLINK),
            3 => Some(News::Done),
            _ => None,
        });
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    news
}

fn address(body: &[u8], present: bool) -> Option<News> {
    let attributes = attributes(body.get(8..)?);
    // On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL, where there is one, is ours.
    let find = |wanted| attributes.iter().find(|(kind, _)| *kind == wanted);
    let (_, value) = find(libc::IFA_LOCAL).or_else(|| find(libc::IFA_ADDRESS))?;
    let ip = match value.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(*value).ok()?)),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(*value).ok()?)),
    };
    Some(News::Address { present, index: u32_at(body, 4)?, ip, prefix: *body.get(1)? })
}

fn link(body: &[u8], present: bool) -> Option<News> {
    let (index, flags) = (u32_at(body, 4)?, u32_at(body, 8)?);
    let attributes = attributes(body.get(16..)?);
    let (_, name) = attributes.iter().find(|(kind, _)| *kind == libc::IFLA_IFNAME)?;
    let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
    let running = flags & libc::IFF_UP as u32 != 0 && flags & libc::IFF_RUNNING as u32 != 0;
    Some(News::Link { present, index, name, running })
}

fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let (Some(length), Some(kind)) = (u16_at(bytes, 0), u16_at(bytes, 2)) {
        let Some(value) = bytes.get(4..usize::from(length)) else { break };
        found.push((kind, value));
        bytes = bytes.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Asks for all addresses (`RTM_GETADDR`) or links (`RTM_GETLINK`).
pub fn request_dump(socket: &OwnedFd, kind: u16) -> io::Result<()> {
    const LENGTH: u32 = 32;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let mut message = Vec::new();
    message.extend(LENGTH.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // Sequence and port are left to the kernel; an empty body of either kind fits in the rest.
    message.resize(LENGTH as usize, 0);
    os::send(socket, &message)
}

/// All that a dump says, in order.
pub fn dump(socket: &OwnedFd, kind: u16) -> io::Result<Vec<News>> {
    request_dump(socket, kind)?;
    let mut all = Vec::new();
    let end = Stamp::now() + Duration::from_secs(5);
    let mut buffer = vec![0; 64 << 10];
    while Stamp::now() < end {
        os::readable(&[socket], Duration::from_millis(100));
        let (length, _) = match os::receive(socket, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            other => other?,
        };
        all.extend(parse(&buffer[..length]));
        if all.pop_if(|last| *last == News::Done).is_some() {
            return Ok(all);
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "a netlink dump did not end"))
}
