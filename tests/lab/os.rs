//! The laboratory's only `unsafe`: namespaces, mounts and the sockets std does not have.
//!
//! Kept apart from `src/sys` on purpose: an instrument must not share the faults of what it measures.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{from_mut, from_ref, null};
use std::time::Duration;

use super::clock::Stamp;

/// The result of a system call that says -1 for failure.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Leaves the namespaces of `flags` (CLONE_NEW*) for new ones. Only the calling thread changes.
pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: unshare takes no pointer.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Moves the calling thread into the namespace that `namespace` refers to (pid: its children).
pub fn setns(namespace: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open for the length of the call.
    check(unsafe { libc::setns(namespace.as_raw_fd(), 0) }).map(drop)
}

/// The folder `root` becomes the calling thread's root and working directory.
pub fn chroot(root: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open for the length of the call.
    check(unsafe { libc::fchdir(root.as_raw_fd()) })?;
    // SAFETY: a static string.
    check(unsafe { libc::chroot(c".".as_ptr()) }).map(drop)
}

/// mount(2), without data.
pub fn mount(source: &Path, target: &Path, kind: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    let source = CString::new(source.as_os_str().as_bytes())?;
    let target = CString::new(target.as_os_str().as_bytes())?;
    // SAFETY: three strings that end in NUL and outlive the call; no data.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, null()) }).map(drop)
}

/// What the first process of a node does between fork and exec: a /proc of its own processes, and
/// no zombies, for nobody else will collect the orphans it inherits. Only system calls are allowed here.
pub fn become_init() -> io::Result<()> {
    // SAFETY: SIG_IGN is a valid disposition; it survives the exec.
    if unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) } == libc::SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    let (name, place) = (c"proc".as_ptr(), c"/proc".as_ptr());
    // SAFETY: static strings; no data.
    check(unsafe { libc::mount(name, place, name, 0, null()) }).map(drop)
}

/// Runs `prepare` in the child that `command` makes, before the program starts.
///
/// `prepare` may only make system calls: another thread may have held a lock at the fork.
pub fn before_exec(command: &mut std::process::Command, prepare: fn() -> io::Result<()>) {
    use std::os::unix::process::CommandExt;
    // SAFETY: the one function given here, become_init, makes two system calls and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}

/// The host name of the caller's UTS namespace becomes `name`.
pub fn sethostname(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length of one string.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// Makes a pipe hold so many bytes; says how many it does.
pub fn set_pipe_size(pipe: &impl AsRawFd, bytes: i32) -> io::Result<usize> {
    // SAFETY: it takes numbers only.
    let size = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
    usize::try_from(size).map_err(|_| io::Error::last_os_error())
}

/// The bytes that a socket of another process, its descriptor `number`, may hold (SO_RCVBUF).
pub fn receive_buffer(pid: u32, number: i32) -> io::Result<u32> {
    let own = |result: libc::c_long| match result {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the kernel just made this descriptor for us.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) }),
    };
    // SAFETY: the call takes numbers only.
    let process = own(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: as above.
    let socket = own(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })?;
    let (mut bytes, mut length) = (0_u32, size_of::<u32>() as libc::socklen_t);
    // SAFETY: the kernel writes at most `length` bytes, those of `bytes`.
    let result = unsafe {
        let into = (&raw mut bytes).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, into, &raw mut length)
    };
    if result == 0 { Ok(bytes) } else { Err(io::Error::last_os_error()) }
}

/// kill(2).
pub fn kill(pid: u32, signal: libc::c_int) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: kill takes no pointer.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Effective user is root.
pub fn is_root() -> bool {
    // SAFETY: geteuid cannot fail and takes nothing.
    unsafe { libc::geteuid() == 0 }
}

/// CLOCK_REALTIME, the clock of the kernel's packet time stamps.
pub fn realtime() -> Stamp {
    // SAFETY: a timespec is plain numbers, zero is a value of it.
    let mut now: libc::timespec = unsafe { zeroed() };
    // SAFETY: `now` is a valid place for the result; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &mut now) };
    stamp(&now)
}

fn stamp(time: &libc::timespec) -> Stamp {
    Stamp::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// A socket, closed on exec and never blocking. `domain`, `kind` and `protocol` as in socket(2).
pub fn socket(domain: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes no pointer.
    let fd = check(unsafe { libc::socket(domain, kind, protocol) })?;
    // SAFETY: a descriptor that was just made and that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn option<T>(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let (pointer, length) = (from_ref(value).cast(), size_of::<T>() as libc::socklen_t);
    // SAFETY: pointer and length are those of `value`, which the kernel only reads.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, length) }).map(drop)
}

fn bind<T>(fd: &OwnedFd, address: &T) -> io::Result<()> {
    let (pointer, length) = (from_ref(address).cast(), size_of::<T>() as libc::socklen_t);
    // SAFETY: pointer and length are those of `address`, a sockaddr of the socket's family.
    check(unsafe { libc::bind(fd.as_raw_fd(), pointer, length) }).map(drop)
}

/// Room for bursts: an instrument that loses events is none.
fn deep_queue(fd: &OwnedFd) -> io::Result<()> {
    const BYTES: libc::c_int = 16 << 20;
    // The first is for root only, the second is cut down to the system's limit.
    option(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &BYTES)
        .or_else(|_| option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &BYTES))
}

/// Every packet that comes in at interface `index` and passes `filter`, stamped by the kernel.
pub fn packet_socket(index: u32, filter: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    // Protocol 0 until the filter is in: nothing unwanted gets into the queue.
    let fd = socket(libc::AF_PACKET, libc::SOCK_RAW, 0)?;
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    option(&fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)?;
    option(&fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1)?;
    option(&fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1)?;
    deep_queue(&fd)?;
    // SAFETY: sockaddr_ll is plain numbers, zero is a value of it.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index as i32;
    bind(&fd, &address)?;
    Ok(fd)
}

/// A route netlink socket that hears `groups` (RTMGRP_*).
pub fn route_socket(groups: libc::c_int) -> io::Result<OwnedFd> {
    let fd = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    deep_queue(&fd)?;
    // SAFETY: sockaddr_nl is plain numbers, zero is a value of it.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as u16;
    address.nl_groups = groups as u32;
    bind(&fd, &address)?;
    Ok(fd)
}

/// A raw ICMP or ICMPv6 socket that sends to `target`; what comes in is stamped by the kernel.
pub fn ping_socket(target: IpAddr) -> io::Result<OwnedFd> {
    let (domain, protocol) = match target {
        IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_ICMP),
        IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
    };
    let fd = socket(domain, libc::SOCK_RAW, protocol)?;
    option(&fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1)?;
    deep_queue(&fd)?;
    Ok(fd)
}

/// Sends one datagram to `target` (port 0).
pub fn send_to(fd: &OwnedFd, bytes: &[u8], target: IpAddr) -> io::Result<()> {
    let (data, size) = (bytes.as_ptr().cast(), bytes.len());
    let sent = match target {
        IpAddr::V4(ip) => {
            let to = sockaddr4(SocketAddrV4::new(ip, 0));
            let (pointer, length) = (from_ref(&to).cast(), size_of_val(&to) as libc::socklen_t);
            // SAFETY: pointers and lengths of `bytes` and of a sockaddr_in, both only read.
            unsafe { libc::sendto(fd.as_raw_fd(), data, size, 0, pointer, length) }
        }
        IpAddr::V6(ip) => {
            let to = sockaddr6(SocketAddrV6::new(ip, 0, 0, 0));
            let (pointer, length) = (from_ref(&to).cast(), size_of_val(&to) as libc::socklen_t);
            // SAFETY: pointers and lengths of `bytes` and of a sockaddr_in6, both only read.
            unsafe { libc::sendto(fd.as_raw_fd(), data, size, 0, pointer, length) }
        }
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn sockaddr4(address: SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: sockaddr_in is plain numbers, zero is a value of it.
    let mut to: libc::sockaddr_in = unsafe { zeroed() };
    to.sin_family = libc::AF_INET as u16;
    to.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
    to
}

fn sockaddr6(address: SocketAddrV6) -> libc::sockaddr_in6 {
    // SAFETY: sockaddr_in6 is plain numbers, zero is a value of it.
    let mut to: libc::sockaddr_in6 = unsafe { zeroed() };
    to.sin6_family = libc::AF_INET6 as u16;
    to.sin6_addr.s6_addr = address.ip().octets();
    to
}

/// Sends `bytes` on a connected or netlink socket.
pub fn send(fd: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length of `bytes`, only read.
    let sent = unsafe { libc::send(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// One datagram into `buffer`: its length, and the kernel's time stamp, or now if it has none.
pub fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Stamp)> {
    let mut control = [0u64; 16];
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is numbers and pointers, null is a value of each.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = from_mut(&mut piece);
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: `message` points at `piece` and `control`, which live and are not used otherwise.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let mut at = None;
    // SAFETY: `message` was filled by recvmsg.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&message) };
    while !header.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a whole header inside `control`.
        let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        if level == libc::SOL_SOCKET && kind == libc::SO_TIMESTAMPNS {
            // SAFETY: this kind carries a timespec, which may lie unaligned.
            at = Some(stamp(&unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() }));
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(&message, header) };
    }
    Ok((length, at.unwrap_or_else(realtime)))
}

/// Waits until one of `sockets` is readable, at most `timeout`; says of each whether it is.
pub fn readable(sockets: &[&OwnedFd], timeout: Duration) -> Vec<bool> {
    let entry = |fd: &&OwnedFd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries: Vec<libc::pollfd> = sockets.iter().map(entry).collect();
    // SAFETY: a timespec is plain numbers, zero is a value of it.
    let mut limit: libc::timespec = unsafe { zeroed() };
    limit.tv_sec = timeout.as_secs() as _;
    limit.tv_nsec = timeout.subsec_nanos() as _;
    // SAFETY: `entries` and its length; no signal mask.
    unsafe { libc::ppoll(entries.as_mut_ptr(), entries.len() as _, &limit, null()) };
    entries.iter().map(|entry| entry.revents != 0).collect()
}

fn request(name: &str) -> libc::ifreq {
    // SAFETY: ifreq is numbers and a union of them, zero is a value of it.
    let mut request: libc::ifreq = unsafe { zeroed() };
    // The last byte stays NUL.
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

fn ioctl(control: &OwnedFd, code: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: the interface codes read and write one ifreq.
    check(unsafe { libc::ioctl(control.as_raw_fd(), code as _, from_mut(request)) }).map(drop)
}

/// The index of interface `name` in the namespace where `control` was opened.
pub fn interface_index(control: &OwnedFd, name: &str) -> io::Result<u32> {
    let mut request = request(name);
    ioctl(control, libc::SIOCGIFINDEX as _, &mut request)?;
    // SAFETY: SIOCGIFINDEX fills this member of the union.
    Ok(unsafe { request.ifr_ifru.ifru_ifindex } as u32)
}

/// Sets interface `name` up or down in the namespace where `control` was opened.
pub fn set_interface(control: &OwnedFd, name: &str, up: bool) -> io::Result<()> {
    let mut request = request(name);
    ioctl(control, libc::SIOCGIFFLAGS as _, &mut request)?;
    // SAFETY: SIOCGIFFLAGS fills this member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    let mask = libc::IFF_UP as libc::c_short;
    request.ifr_ifru.ifru_flags = if up { flags | mask } else { flags & !mask };
    ioctl(control, libc::SIOCSIFFLAGS as _, &mut request)
}

/// Before `main`, while there is only one thread, a user who is not root becomes root of a user
/// namespace of their own: all the laboratory needs. Where that is forbidden, `Lab::try_new` says so.
extern "C" fn enter_user_namespace() {
    if is_root() {
        return;
    }
    // SAFETY: both cannot fail and take nothing.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    if unshare(libc::CLONE_NEWUSER).is_ok() {
        // Each failure shows as "not root" later, where it can be reported.
        let _ = std::fs::write("/proc/self/setgroups", "deny");
        let _ = std::fs::write("/proc/self/uid_map", format!("0 {uid} 1"));
        let _ = std::fs::write("/proc/self/gid_map", format!("0 {gid} 1"));
    }
}

// SAFETY: a function pointer in this section is called once by the C library before main; the
// function takes nothing and relies on nothing that main sets up.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = enter_user_namespace;
