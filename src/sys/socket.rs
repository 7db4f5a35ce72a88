//! What all sockets share: options, addresses and ancillary data as the kernel lays them out.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::interface::Interface;

/// A socket that is closed on exec and never blocks.
pub(super) fn open(family: i32, kind: i32, protocol: i32) -> Result<Fd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointer is passed.
    Fd::from_call(unsafe { libc::socket(family, kind, protocol) })
}

/// Sets an option whose value is a `T` of the kernel's layout.
pub(super) fn set_option<T: Copy>(socket: &Fd, level: i32, option: i32, value: &T) -> Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `length` bytes long and outlives the call; the kernel checks its content.
    Errno::check(unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, core::ptr::from_ref(value).cast(), length)
    })
    .map(drop)
}

/// As [`set_option`], for one that kernels and emulators may lack without harm.
pub(super) fn set_optional<T: Copy>(socket: &Fd, level: i32, option: i32, value: &T) {
    let _ = set_option(socket, level, option, value);
}

/// Reads an option that is an int.
pub(super) fn int_option(socket: &Fd, level: i32, option: i32) -> Result<i32> {
    let mut value = 0;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value`.
    Errno::check(unsafe {
        let value: *mut i32 = &mut value;
        libc::getsockopt(socket.as_raw_fd(), level, option, value.cast(), &mut length)
    })?;
    Ok(value)
}

/// Bounds what the kernel keeps for us in `socket`: `bytes`, beyond the system's limit where we may.
pub(super) fn set_receive_buffer(socket: &Fd, bytes: u32) -> Result<()> {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes)
        .or_else(|_| set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes))
}

/// As [`set_receive_buffer`], for what waits to be sent.
pub(super) fn set_send_buffer(socket: &Fd, bytes: u32) -> Result<()> {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &bytes)
        .or_else(|_| set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, &bytes))
}

/// Ties `socket` to an interface, both ways. By name: kernels before 5.1 know no other.
pub(super) fn bind_to_device(socket: &Fd, interface: &Interface) -> Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &interface.name_chars())
}

/// Gives `socket` its own address.
pub(super) fn bind(socket: &Fd, address: &Address) -> Result<()> {
    // SAFETY: the union is at least `length` bytes long and outlives the call.
    Errno::check(unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr(), address.length) }).map(drop)
}

/// A socket address of a family that is used here.
#[derive(Clone, Copy)]
pub(super) struct Address {
    any: AnyAddress,
    length: libc::socklen_t,
}

#[derive(Clone, Copy)]
#[repr(C)]
union AnyAddress {
    family: libc::sa_family_t,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
    link: libc::sockaddr_ll,
    netlink: libc::sockaddr_nl,
    bytes: [u8; 28],
}

impl Address {
    /// Of no family; also what the kernel fills in.
    pub(super) const NONE: Self = Self { any: AnyAddress { bytes: [0; 28] }, length: 28 };

    /// An IP address; `scope` is the interface's index where an IPv6 address needs one, else zero.
    pub(super) fn ip(ip: IpAddr, scope: u32) -> Self {
        let mut any = AnyAddress { bytes: [0; 28] };
        match ip {
            IpAddr::V4(ip) => {
                any.v4.sin_family = libc::AF_INET as libc::sa_family_t;
                any.v4.sin_addr = in_addr(ip);
                Self { any, length: size_of::<libc::sockaddr_in>() as libc::socklen_t }
            }
            IpAddr::V6(ip) => {
                any.v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                any.v6.sin6_addr = in6_addr(ip);
                any.v6.sin6_scope_id = scope;
                Self { any, length: size_of::<libc::sockaddr_in6>() as libc::socklen_t }
            }
        }
    }

    /// The same IP address with a port.
    pub(super) fn with_port(mut self, port: u16) -> Self {
        // The port of both families has the same place: behind the family.
        self.any.v4.sin_port = port.to_be();
        self
    }

    /// An interface, for whole frames.
    pub(super) fn link(index: u32) -> Self {
        let mut any = AnyAddress { bytes: [0; 28] };
        any.link.sll_family = libc::AF_PACKET as libc::sa_family_t;
        any.link.sll_ifindex = index as i32;
        Self { any, length: size_of::<libc::sockaddr_ll>() as libc::socklen_t }
    }

    /// A netlink port (zero: the kernel, or to be chosen) and groups 1 to 32 as a mask.
    pub(super) fn netlink(port: u32, groups: u32) -> Self {
        let mut any = AnyAddress { bytes: [0; 28] };
        any.netlink.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        any.netlink.nl_pid = port;
        any.netlink.nl_groups = groups;
        Self { any, length: size_of::<libc::sockaddr_nl>() as libc::socklen_t }
    }

    /// The IP address in it, if it is one.
    pub(super) fn to_ip(self) -> Option<IpAddr> {
        // SAFETY: all members are plain integers and every byte of the union is initialised.
        unsafe {
            match i32::from(self.any.family) {
                libc::AF_INET => Some(IpAddr::V4(Ipv4Addr::from_bits(u32::from_be(self.any.v4.sin_addr.s_addr)))),
                libc::AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(self.any.v6.sin6_addr.s6_addr))),
                _ => None,
            }
        }
    }

    /// The netlink port in it, if it is one.
    pub(super) fn netlink_port(self) -> Option<u32> {
        // SAFETY: as in `to_ip`.
        unsafe { (i32::from(self.any.family) == libc::AF_NETLINK).then_some(self.any.netlink.nl_pid) }
    }

    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        core::ptr::from_ref(&self.any).cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::sockaddr {
        core::ptr::from_mut(&mut self.any).cast()
    }

    pub(super) const fn length(&self) -> libc::socklen_t {
        self.length
    }
}

pub(super) fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: ip.to_bits().to_be() }
}

pub(super) fn in6_addr(ip: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr { s6_addr: ip.octets() }
}

/// Ancillary data of one message: what the kernel says, or is told, beside the bytes. The kernel's own
/// layout (length as a size_t, level and type as ints, then the value, each aligned to a size_t), which
/// differs from the struct of some C libraries.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control {
    bytes: [u8; CONTROL_ROOM],
}

/// Enough for an in6_pktinfo and an int, each with its header.
const CONTROL_ROOM: usize = 64;
const CONTROL_HEADER: usize = size_of::<usize>() + 8;

impl Control {
    pub(super) const EMPTY: Self = Self { bytes: [0; CONTROL_ROOM] };
    pub(super) const ROOM: usize = CONTROL_ROOM;

    /// Appends an item at `used` and returns the new end; without room nothing happens.
    pub(super) fn push(&mut self, used: usize, level: i32, kind: i32, value: &[u8]) -> usize {
        let length = CONTROL_HEADER + value.len();
        let end = used + length.next_multiple_of(size_of::<usize>());
        let Some(room) = self.bytes.get_mut(used..end) else { return used };
        room.fill(0);
        let header = length.to_ne_bytes().into_iter().chain(level.to_ne_bytes()).chain(kind.to_ne_bytes());
        for (slot, byte) in room.iter_mut().zip(header.chain(value.iter().copied())) {
            *slot = byte;
        }
        end
    }

    /// The value of the first item of that level and type within the first `used` bytes.
    pub(super) fn find(&self, used: usize, level: i32, kind: i32) -> Option<&[u8]> {
        let mut rest = self.bytes.get(..used)?;
        loop {
            let (length, after) = rest.split_first_chunk::<{ size_of::<usize>() }>()?;
            let (found_level, after) = after.split_first_chunk::<4>()?;
            let (found_kind, _) = after.split_first_chunk::<4>()?;
            let length = usize::from_ne_bytes(*length);
            let value = rest.get(CONTROL_HEADER..length)?;
            if i32::from_ne_bytes(*found_level) == level && i32::from_ne_bytes(*found_kind) == kind {
                return Some(value);
            }
            rest = rest.get(length.checked_next_multiple_of(size_of::<usize>())?..)?;
        }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.bytes.as_mut_ptr().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernels_form() {
        for ip in ["192.0.2.1", "fe80::1", "224.0.0.18"] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(Address::ip(ip, 3).to_ip(), Some(ip));
        }
        for ip in ["192.0.2.1", "fe80::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            let address = Address::ip(ip, 3).with_port(0x1234);
            assert_eq!(address.to_ip(), Some(ip));
            // SAFETY: every byte of the union is initialised.
            assert_eq!(unsafe { address.any.bytes }[2..4], [0x12, 0x34]);
        }
        assert_eq!(Address::link(3).to_ip(), None);
        assert_eq!(Address::netlink(77, 1).netlink_port(), Some(77));
        assert_eq!(Address::ip(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).netlink_port(), None);
    }

    #[test]
    fn ancillary_items_are_found_again() {
        let mut control = Control::EMPTY;
        let used = control.push(0, 41, 50, &[7; 20]);
        let used = control.push(used, 41, 52, &255_i32.to_ne_bytes());
        assert!(used <= Control::ROOM);
        assert_eq!(control.find(used, 41, 50), Some([7; 20].as_slice()));
        assert_eq!(control.find(used, 41, 52), Some(255_i32.to_ne_bytes().as_slice()));
        assert_eq!(control.find(used, 0, 52), None);
        assert_eq!(control.push(used, 41, 52, &[0; 32]), used, "no room, no change");
    }

    #[test]
    fn ancillary_garbage_is_no_item() {
        for length in [0, 1, 15, 17, 63, 64, 65, usize::MAX] {
            let mut control = Control::EMPTY;
            control.bytes.first_chunk_mut::<8>().unwrap().copy_from_slice(&(length as u64).to_ne_bytes());
            assert_eq!(control.find(Control::ROOM, 41, 50), None);
        }
    }
}
