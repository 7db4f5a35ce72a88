//! A name's addresses, asked for by a child process: the C library's resolver waits for name servers, and the loop
//! waits for nothing.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::signals::{empty_set, full_set};
use super::spawn::set_ids;

/// So many addresses of a name count.
pub const ADDRESSES: usize = 4;

/// Addresses of a name.
pub type Addresses = heapless::Vec<IpAddr, ADDRESSES>;

/// Who has no rights.
const NOBODY: libc::uid_t = 65534;

/// One address on its way through the pipe: 4 or 6, then its bytes.
const RECORD: usize = 17;

/// A question under way. Its process is killed on drop, if it has not answered; whoever collects children collects it.
#[derive(Debug)]
pub struct Resolver {
    pid: libc::pid_t,
    answer: Fd,
    /// It answered, or ended: it is nobody to be killed any more.
    done: bool,
}

impl Resolver {
    /// Asks. The descriptor is readable when there is an answer.
    ///
    /// Errors: EAGAIN if there may be no more processes, EMFILE without descriptors.
    pub fn ask(name: &CStr) -> Result<Self> {
        let (answer, end) = Fd::pipe()?;
        let all = full_set();
        let mut before = empty_set();
        // So that no handler of ours runs in the child.
        // SAFETY: both sets are initialised.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
        // SAFETY: there is one thread, so the child may use the C library; it takes nothing from our heap.
        let forked = unsafe { libc::fork() };
        if forked == 0 {
            answer_and_exit(name, &end);
        }
        let forked = Errno::check(forked);
        // SAFETY: `before` was filled in above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, core::ptr::null_mut()) };
        Ok(Self { pid: forked?, answer, done: false })
    }

    /// The addresses; none if the name has none, or nobody knows. Errors: [`Errno::WOULD_BLOCK`] if there is no
    /// answer yet.
    pub fn answer(&mut self) -> Result<Addresses> {
        // Written at once: less than a page.
        let mut records = [0; RECORD * ADDRESSES];
        let length = self.answer.read(&mut records).inspect_err(|errno| self.done |= !errno.would_block())?;
        self.done = true;
        let whole = records.get(..length).unwrap_or_default();
        Ok(whole.chunks_exact(RECORD).filter_map(parse).collect())
    }
}

impl AsRawFd for Resolver {
    fn as_raw_fd(&self) -> RawFd {
        self.answer.as_raw_fd()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        if !self.done {
            // SAFETY: no pointer is passed. It did not end yet, so its number is its own.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
        }
    }
}

fn parse(record: &[u8]) -> Option<IpAddr> {
    let (kind, bytes) = record.split_first()?;
    match kind {
        4 => bytes.first_chunk::<4>().map(|bytes| IpAddr::V4(Ipv4Addr::from(*bytes))),
        6 => bytes.first_chunk::<16>().map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes))),
        _ => None,
    }
}

/// Runs in the child.
fn answer_and_exit(name: &CStr, end: &Fd) -> ! {
    keep_only(end.as_raw_fd());
    drop_rights();
    let mut records = [0; RECORD * ADDRESSES];
    look_up(name, &mut records);
    // Nobody reads it any more, perhaps.
    let _ = end.write(&records);
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(0) }
}

/// The daemon's sockets are not to live on in a child that waits for a name server.
fn keep_only(own: RawFd) {
    const CLOSE_RANGE_MAX: libc::c_uint = libc::c_uint::MAX;
    let own = own as libc::c_uint;
    // SAFETY: no pointer is passed, and nothing of this process uses the descriptors that are closed; a kernel before
    // 5.9 refuses.
    unsafe {
        let below = own <= 3 || libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, own - 1, 0) == 0;
        let above = libc::syscall(libc::SYS_close_range, own + 1, CLOSE_RANGE_MAX, 0) == 0;
        if !(below && above) {
            (3..1024).filter(|fd| *fd != own as i32).for_each(|fd| {
                libc::close(fd);
            });
        }
    }
}

/// What name servers say is read by nobody, and by nobody at all without the daemon. Where there is no such user (a namespace), it is read by us.
fn drop_rights() {
    let none = core::ptr::null::<libc::gid_t>();
    // SAFETY: an empty list of groups and numbers are passed; raw calls concern this process alone, which has one
    // thread.
    unsafe {
        libc::syscall(set_ids::SETGROUPS, 0_usize, none);
        libc::syscall(set_ids::SETRESGID, NOBODY, NOBODY, NOBODY);
        libc::syscall(set_ids::SETRESUID, NOBODY, NOBODY, NOBODY);
        // A change of user forgets it.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// Fills in what is found.
fn look_up(name: &CStr, records: &mut [u8]) {
    // SAFETY: all zero is a valid addrinfo.
    let mut hints: libc::addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = core::ptr::null_mut();
    // SAFETY: the name ends in NUL, the hints are initialised, and a list is given back only with success.
    if unsafe { libc::getaddrinfo(name.as_ptr(), core::ptr::null(), &hints, &mut list) } != 0 {
        return;
    }
    for record in records.chunks_exact_mut(RECORD) {
        // SAFETY: the list is the resolver's; each entry is valid and ends in null.
        let Some(entry) = (unsafe { list.as_ref() }) else { break };
        list = entry.ai_next;
        let Some((kind, bytes)) = record.split_first_mut() else { break };
        match entry.ai_family {
            libc::AF_INET => {
                // SAFETY: the family says which structure the address is.
                let address = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
                *kind = 4;
                let octets = u32::from_be(address.sin_addr.s_addr).to_be_bytes();
                bytes.iter_mut().zip(octets).for_each(|(slot, byte)| *slot = byte);
            }
            libc::AF_INET6 => {
                // SAFETY: the family says which structure the address is.
                let address = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
                *kind = 6;
                bytes.iter_mut().zip(address.sin6_addr.s6_addr).for_each(|(slot, byte)| *slot = byte);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &CStr) -> Addresses {
        let mut resolver = Resolver::ask(name).unwrap();
        assert_eq!(resolver.answer.wait_readable(20_000), Ok(true), "{name:?}");
        let addresses = resolver.answer().unwrap();
        let pid = resolver.pid;
        drop(resolver);
        // SAFETY: it is a child of ours, and no status is asked for.
        unsafe { libc::waitpid(pid, core::ptr::null_mut(), 0) };
        addresses
    }

    #[test]
    fn names_have_addresses() {
        assert!(ask(c"localhost").iter().any(IpAddr::is_loopback));
        assert_eq!(ask(c"192.0.2.7"), [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))]);
        assert_eq!(ask(c"2001:db8::7"), ["2001:db8::7".parse::<IpAddr>().unwrap()]);
        assert!(ask(c"no name at all").is_empty());
    }

    #[test]
    fn what_does_not_answer_can_be_dropped() {
        let resolver = Resolver::ask(c"localhost").unwrap();
        let pid = resolver.pid;
        drop(resolver);
        // SAFETY: it is a child of ours, and no status is asked for.
        assert_eq!(unsafe { libc::waitpid(pid, core::ptr::null_mut(), 0) }, pid);
    }

    #[test]
    fn records_of_no_family_are_none() {
        assert_eq!(parse(&[0; RECORD]), None);
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[6, 1]), None);
    }
}
