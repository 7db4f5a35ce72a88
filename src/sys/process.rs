//! The process itself: into the background, its rights, its place in the scheduler, its limits.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use super::errno::{Errno, Result};
use super::fd::Fd;

/// Leaves the terminal: the caller's process exits 0, and this returns in a grandchild with a session of
/// its own, in `/`, with /dev/null for standard input, output and error. Before any thread is made.
pub fn daemonize() -> Result<()> {
    leave_parent()?;
    // SAFETY: it takes nothing; after a fork we lead no group, so it cannot fail.
    Errno::check(unsafe { libc::setsid() })?;
    // Once more: not a session's leader, so no terminal can become ours.
    leave_parent()?;
    // SAFETY: the path ends in NUL.
    Errno::check(unsafe { libc::chdir(c"/".as_ptr()) })?;
    let null = Fd::open(c"/dev/null", libc::O_RDWR, 0)?;
    for standard in 0..3 {
        // SAFETY: no pointer is passed. The three are nobody's to close.
        Errno::check(unsafe { libc::dup2(null.as_raw_fd(), standard) })?;
    }
    Ok(())
}

fn leave_parent() -> Result<()> {
    // SAFETY: there is one thread, so the child may do what it likes.
    match Errno::check(unsafe { libc::fork() })? {
        0 => Ok(()),
        // SAFETY: it takes a number and does not return.
        _ => unsafe { libc::_exit(0) },
    }
}

/// Goes into the network namespace of that name, as ip-netns(8) keeps it. Before any socket is made.
///
/// Errors: ENOENT if there is none, EINVAL for a name that is none, EPERM without CAP_SYS_ADMIN.
pub fn enter_network_namespace(name: &str) -> Result<()> {
    let path = format!("/run/netns/{name}\0");
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
        return Err(Errno::INVALID);
    }
    let path = CStr::from_bytes_with_nul(path.as_bytes()).map_err(|_| Errno::INVALID)?;
    let namespace = Fd::open(path, libc::O_RDONLY, 0)?;
    // SAFETY: no pointer is passed.
    Errno::check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}

/// Our own number.
pub fn own_pid() -> i32 {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// The user we are, as far as files are concerned.
pub fn own_uid() -> u32 {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// Whether a process of that number exists.
pub fn exists(pid: i32) -> bool {
    // SAFETY: no pointer is passed; signal 0 only asks.
    pid > 0 && Errno::check(unsafe { libc::kill(pid, 0) }) != Err(Errno(libc::ESRCH))
}

/// Whether the process of that number handles `signal` or has it blocked, so that it is not ended by it.
pub fn survives(pid: i32, signal: i32) -> bool {
    let bit = u32::try_from(signal.saturating_sub(1)).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let masks = status.lines().filter_map(|line| line.strip_prefix("SigBlk:").or(line.strip_prefix("SigCgt:")));
    // The lowest 64; MIPS has more.
    let low = |mask: &str| u64::from_str_radix(mask.get(mask.len().saturating_sub(16)..)?, 16).ok();
    masks.filter_map(|mask| low(mask.trim())).any(|mask| mask & bit != 0)
}

/// Sends a signal to the process of that number.
pub fn signal(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: no pointer is passed.
    Errno::check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Sets which bits new files do not get.
pub fn set_umask(mask: u32) {
    // SAFETY: no pointer is passed; it cannot fail.
    unsafe { libc::umask(mask as libc::mode_t) };
}

/// The rights that count here, of capabilities(7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capability {
    /// To change addresses, links and routes.
    NetAdmin = 12,
    /// Raw and packet sockets.
    NetRaw = 13,
    /// To lock memory.
    IpcLock = 14,
    /// Scripts as another user.
    SetUid = 7,
    /// Scripts as another group.
    SetGid = 6,
    /// Real-time and negative nice values.
    SysNice = 23,
}

/// Whether we have it in effect.
pub fn has(capability: Capability) -> bool {
    /// _LINUX_CAPABILITY_VERSION_3, and the calling thread.
    const HEADER: [u32; 2] = [0x2008_0522, 0];
    // Two times effective, permitted, inheritable: 32 capabilities each.
    let mut header = HEADER;
    let mut data = [0_u32; 6];
    // SAFETY: version 3 reads the two words of the header and writes six words of data.
    let failed = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr()) };
    failed == 0 && data.first().is_some_and(|effective| effective >> (capability as u32) & 1 == 1)
}

/// Whether we may change addresses, links and routes.
pub fn has_net_admin() -> bool {
    has(Capability::NetAdmin)
}

/// Whether we may open raw sockets.
pub fn has_net_raw() -> bool {
    has(Capability::NetRaw)
}

/// The nice value, -20 to 19. Scripts do not inherit a negative one.
pub fn set_nice(value: i8) -> Result<()> {
    set_scheduler(libc::SCHED_OTHER, 0)?;
    // SAFETY: no pointer is passed.
    Errno::check(unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, value.into()) }).map(drop)
}

/// Round-robin real-time scheduling at `priority`, 1 to 99. Scripts do not inherit it.
pub fn set_realtime(priority: u8) -> Result<()> {
    set_scheduler(libc::SCHED_RR, priority)
}

/// The system call itself: musl's function refuses to do it for a process.
fn set_scheduler(policy: i32, priority: u8) -> Result<()> {
    let priority = libc::c_int::from(priority);
    let priority: *const libc::c_int = &priority;
    // SAFETY: the kernel reads a struct sched_param, which is one int.
    let set = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy | libc::SCHED_RESET_ON_FORK, priority) };
    if set == 0 { Ok(()) } else { Err(Errno::last()) }
}

/// Runs on these processors only.
///
/// Errors: EINVAL if none of them is there.
pub fn set_processors(numbers: &[u16]) -> Result<()> {
    // SAFETY: all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    for number in numbers {
        // SAFETY: the macro checks the number against the set's size.
        unsafe { libc::CPU_SET(usize::from(*number), &mut set) };
    }
    // SAFETY: `set` is as long as said.
    Errno::check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) }).map(drop)
}

/// Keeps our memory out of swap: each page from its first use on (Linux 4.4), or all of it now.
pub fn lock_memory() -> Result<()> {
    let _ = set_limit(Limit::LockedMemory, None);
    let all = libc::MCL_CURRENT | libc::MCL_FUTURE;
    // SAFETY: no pointer is passed.
    Errno::check(unsafe { libc::mlockall(all | libc::MCL_ONFAULT) })
        // SAFETY: no pointer is passed.
        .or_else(|_| Errno::check(unsafe { libc::mlockall(all) }))
        .map(drop)
}

/// A limit of setrlimit(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Open descriptors.
    Files,
    /// Bytes locked in memory.
    LockedMemory,
    /// Bytes of a core file.
    Core,
    /// Microseconds of real-time CPU without a blocking call.
    RealTime,
}

/// Sets a limit, as far as the hard one allows; none is as high as that.
pub fn set_limit(limit: Limit, value: Option<u32>) -> Result<()> {
    let resource = match limit {
        Limit::Files => libc::RLIMIT_NOFILE,
        Limit::LockedMemory => libc::RLIMIT_MEMLOCK,
        Limit::Core => libc::RLIMIT_CORE,
        Limit::RealTime => libc::RLIMIT_RTTIME,
    };
    // SAFETY: all zero is a valid rlimit.
    let mut both: libc::rlimit = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: `both` is an rlimit to write to.
    Errno::check(unsafe { libc::getrlimit(resource, &mut both) })?;
    both.rlim_cur = value.map_or(both.rlim_max, |value| both.rlim_max.min(value.into()));
    // SAFETY: `both` is an initialised rlimit.
    Errno::check(unsafe { libc::setrlimit(resource, &both) }).map(drop)
}

/// The host's name, as far as it fits.
pub fn host_name() -> heapless::String<64> {
    let mut bytes = [0; 65];
    // SAFETY: the kernel writes at most the length given.
    let failed = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len()) };
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
    let text = bytes.get(..end).and_then(|bytes| core::str::from_utf8(bytes).ok()).filter(|_| failed == 0);
    heapless::String::try_from(text.unwrap_or("localhost")).unwrap_or_default()
}

/// Which file a descriptor or path is, and what kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    mode: libc::mode_t,
}

impl Identity {
    /// S_IFREG, S_IFIFO ...
    pub(super) const fn kind(self) -> libc::mode_t {
        self.mode & libc::S_IFMT
    }

    #[allow(clippy::unnecessary_cast, reason = "these are 32 bits wide on some targets")]
    fn of(stat: &libc::stat) -> Self {
        Self { device: stat.st_dev as u64, inode: stat.st_ino as u64, mode: stat.st_mode }
    }
}

/// Of an open descriptor.
pub(super) fn identity(fd: RawFd) -> Result<Identity> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `stat` is a stat to write to, all zero a valid one.
    unsafe {
        Errno::check(libc::fstat(fd, stat.as_mut_ptr()))?;
        Ok(Identity::of(stat.assume_init_ref()))
    }
}

/// Of what is at a path; of a link itself, not where it leads.
pub(super) fn identity_at(path: &core::ffi::CStr) -> Result<Identity> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the path ends in NUL; `stat` is a stat to write to, all zero a valid one.
    unsafe {
        Errno::check(libc::lstat(path.as_ptr(), stat.as_mut_ptr()))?;
        Ok(Identity::of(stat.assume_init_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `job` in a child and gives its exit status.
    fn in_child(job: impl FnOnce() -> i32) -> i32 {
        // SAFETY: the child makes system calls only, and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let status = job();
            // SAFETY: it takes a number and does not return.
            unsafe { libc::_exit(status) };
        }
        let mut status = 0;
        // SAFETY: `status` is an int to write to.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status));
        libc::WEXITSTATUS(status)
    }

    #[test]
    fn a_daemon_has_a_session_and_nothing_open_to_the_terminal() {
        let (reader, writer) = Fd::pipe().unwrap();
        let status = in_child(|| {
            let caller = own_pid();
            if daemonize().is_err() {
                return 1;
            }
            let null = Fd::open(c"/dev/null", libc::O_RDONLY, 0).and_then(|null| identity(null.as_raw_fd()));
            // SAFETY: these take a number and cannot fail for it.
            let session = unsafe { libc::getsid(0) };
            let detached = session != own_pid() && session != caller && (0..3).all(|fd| identity(fd) == null);
            let _ = writer.write(&[u8::from(detached)]);
            0
        });
        assert_eq!(status, 0, "the caller's process ends well");
        assert_eq!(reader.wait_readable(5000), Ok(true));
        let mut told = [9];
        assert_eq!(reader.read(&mut told), Ok(1));
        assert_eq!(told, [1]);
    }

    #[test]
    fn capabilities_agree_with_proc() {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
        let effective = u64::from_str_radix(effective, 16).unwrap();
        assert_eq!(has_net_admin(), effective >> 12 & 1 == 1);
        assert_eq!(has_net_raw(), effective >> 13 & 1 == 1);
        assert_eq!(has(Capability::SysNice), effective >> 23 & 1 == 1);
    }

    #[test]
    fn processes_exist_or_not() {
        assert!(exists(own_pid()) && exists(1));
        assert!(!exists(0) && !exists(-1) && !exists(i32::MAX));
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test may wait")]
    fn who_would_die_of_a_signal_is_known() {
        use std::io::{BufRead as _, BufReader};
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "trap : HUP; echo ready; read line"]);
        shell.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = shell.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(survives(pid, libc::SIGHUP) && !survives(pid, 36));
        assert!(!survives(pid, 0) && !survives(pid, 200) && !survives(i32::MAX, libc::SIGHUP));
        assert_eq!(signal(pid, libc::SIGKILL), Ok(()));
        child.wait().unwrap();
        assert_eq!(signal(i32::MAX, libc::SIGTERM), Err(Errno(libc::ESRCH)));
    }

    #[test]
    fn scheduling_is_not_inherited() {
        if !has(Capability::SysNice) {
            eprintln!("not run: needs CAP_SYS_NICE");
            return;
        }
        let status = in_child(|| {
            if set_realtime(10).is_err() {
                // Some containers' cgroups allow no real-time at all.
                return if set_realtime(10) == Err(Errno(libc::EPERM)) { 0 } else { 1 };
            }
            // SAFETY: it takes a number.
            let ours = unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) };
            let childs = in_child(|| {
                // SAFETY: it takes a number.
                unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) as i32 }
            });
            i32::from(ours != i64::from(libc::SCHED_RR | libc::SCHED_RESET_ON_FORK) as libc::c_long || childs != 0)
        });
        assert_eq!(status, 0);
        assert_eq!(in_child(|| i32::from(set_nice(-5).is_err())), 0);
        assert_eq!(in_child(|| i32::from(lock_memory().is_err())), 0);
    }

    #[test]
    fn limits_stay_below_the_hard_ones() {
        let status = in_child(|| {
            let lowered = set_limit(Limit::Files, Some(20)).is_ok() && set_limit(Limit::Core, Some(0)).is_ok();
            let raised = set_limit(Limit::Files, None).is_ok() && set_limit(Limit::Files, Some(u32::MAX)).is_ok();
            i32::from(!(lowered && raised))
        });
        assert_eq!(status, 0);
    }

    #[test]
    fn the_host_has_a_name() {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(host_name().as_str(), name.trim());
    }
}
