//! Scripts: prepared at load, started without touching the heap, each in a process group of its own,
//! killed as a group, and reaped without waiting.

use core::cell::Cell;
use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;
use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;

use super::errno::{Errno, Result};
use super::fd::Fd;
use super::signals::{empty_set, full_set};

/// A child process, and its group: they share the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Pid(libc::pid_t);

impl Pid {
    /// Its number.
    pub const fn get(self) -> i32 {
        self.0
    }
}

/// How a child ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It exited with that status. 126 and 127 may also mean that it could not be run as its user.
    Code(u8),
    /// That signal ended it.
    Signal(u8),
}

/// Arguments that can be appended when a prepared command is run: TYPE, NAME, STATE, PRIORITY and some.
pub const EXTRA_ARGUMENTS: usize = 8;

/// Variables a script does not inherit, as keepalived since 2.4.
const NOT_INHERITED: [&[u8]; 3] = [b"IFS", b"LD_PRELOAD", b"LD_LIBRARY_PATH"];

/// The variables scripts get, made once at load and shared.
#[derive(Debug)]
pub struct Environment {
    pointers: Box<[*const c_char]>,
    /// What the pointers point at.
    _variables: Box<[CString]>,
}

impl Environment {
    /// This process's own without IFS, LD_PRELOAD and LD_LIBRARY_PATH, and with `additions`.
    pub fn inherited(additions: &[(&str, &str)]) -> Self {
        let own = std::env::vars_os()
            .map(|(name, value)| (name.into_vec(), value.into_vec()))
            .filter(|(name, _)| !NOT_INHERITED.contains(&name.as_slice()))
            .filter(|(name, _)| additions.iter().all(|(other, _)| other.as_bytes() != name.as_slice()));
        let added = additions.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Self::of(own.chain(added))
    }

    /// These and no others.
    pub fn only(variables: &[(&str, &str)]) -> Self {
        Self::of(variables.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())))
    }

    fn of(variables: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        // A variable with a NUL in it cannot be passed on, and none that came from a real one has it.
        let variables: Box<[CString]> = variables
            .filter_map(|(name, value)| CString::new([&name, b"=".as_slice(), &value].concat()).ok())
            .collect();
        let pointers = variables.iter().map(|text| text.as_ptr()).chain([core::ptr::null()]).collect();
        Self { pointers, _variables: variables }
    }
}

/// A command with its arguments and user, ready to be run again and again.
#[derive(Debug)]
pub struct Prepared {
    program: CString,
    /// What the slots point at.
    arguments: Box<[CString]>,
    /// The arguments, then [`EXTRA_ARGUMENTS`] and a null.
    slots: Box<[Cell<*const c_char>]>,
    fixed: usize,
    user: u32,
    group: u32,
}

impl Prepared {
    /// `argv` begins with the program's path. To be run as `user` and `group`.
    ///
    /// Errors: EINVAL if `argv` is empty or one of it contains a NUL.
    pub fn new(argv: &[String], user: u32, group: u32) -> Result<Self> {
        let arguments = argv
            .iter()
            .map(|argument| CString::new(argument.as_bytes()))
            .collect::<core::result::Result<Box<[CString]>, _>>()
            .map_err(|_| Errno::INVALID)?;
        let program = arguments.first().ok_or(Errno::INVALID)?.clone();
        let room = core::iter::repeat_n(core::ptr::null(), EXTRA_ARGUMENTS + 1);
        let slots = arguments.iter().map(|argument| argument.as_ptr()).chain(room).map(Cell::new).collect();
        Ok(Self { program, fixed: arguments.len(), arguments, slots, user, group })
    }

    /// Whether it runs the same program with the same arguments as the same user.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.arguments, self.user, self.group) == (&other.arguments, other.user, other.group)
    }

    /// The program's path.
    pub fn program(&self) -> &CStr {
        &self.program
    }

    /// The array for the kernel, with `extra` appended.
    fn argv(&self, extra: &[&CStr]) -> Result<*const *mut c_char> {
        if extra.len() > EXTRA_ARGUMENTS {
            return Err(Errno(libc::E2BIG));
        }
        let pointers = extra.iter().map(|argument| argument.as_ptr()).chain([core::ptr::null()]);
        for (slot, pointer) in self.slots.iter().skip(self.fixed).zip(pointers) {
            slot.set(pointer);
        }
        // A Cell has the layout of what is in it.
        Ok(self.slots.as_ptr().cast())
    }
}

/// What all children start with: /dev/null, signals as a fresh process has them, the environment.
pub struct Spawner {
    null: Fd,
    environment: Environment,
    attributes: Attributes,
    files: FileActions,
    inherit_output: bool,
    user: u32,
    group: u32,
}

impl Spawner {
    /// `inherit_output` leaves children our standard output and error; else these go to /dev/null, as
    /// standard input always does.
    pub fn new(environment: Environment, inherit_output: bool) -> Result<Self> {
        let opened = Fd::open(c"/dev/null", libc::O_RDWR, 0)?;
        // Numbered 3 or higher: dup2 onto itself would leave it to be closed on exec.
        let null = Fd::duplicate(&opened)?;
        let files = FileActions::new(&null, inherit_output)?;
        // SAFETY: these take nothing and cannot fail.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        Ok(Self { null, environment, attributes: Attributes::new()?, files, inherit_output, user, group })
    }

    /// Starts `command` with `extra` arguments (at most [`EXTRA_ARGUMENTS`]) appended. Does not wait for it.
    ///
    /// Errors: of the exec if it runs as our own user (ENOENT, EACCES ...); as another user that shows up as
    /// exit status 127 (not found) or 126. E2BIG for too many arguments, EAGAIN if there may be no more
    /// processes.
    pub fn spawn(&self, command: &Prepared, extra: &[&CStr]) -> Result<Pid> {
        let argv = command.argv(extra)?;
        if (command.user, command.group) == (self.user, self.group) {
            self.spawn_as_ourselves(command, argv)
        } else {
            self.spawn_as_another(command, argv)
        }
    }

    fn spawn_as_ourselves(&self, command: &Prepared, argv: *const *mut c_char) -> Result<Pid> {
        let mut pid = 0;
        // SAFETY: program, both arrays (each ends in a null) and what they point at outlive the call;
        // attributes and actions were initialised.
        let refused = unsafe {
            libc::posix_spawn(
                &mut pid,
                command.program.as_ptr(),
                self.files.as_ptr(),
                self.attributes.as_ptr(),
                argv,
                self.environment.pointers.as_ptr().cast(),
            )
        };
        if refused == 0 { Ok(Pid(pid)) } else { Err(Errno(refused)) }
    }

    fn spawn_as_another(&self, command: &Prepared, argv: *const *mut c_char) -> Result<Pid> {
        // So that no handler of ours can run in the child before it has reset them.
        let all = full_set();
        let mut before = empty_set();
        // SAFETY: both sets are initialised.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
        // SAFETY: the child only makes async-signal-safe calls until it execs or exits.
        let forked = unsafe { libc::fork() };
        if forked == 0 {
            self.become_child(command, argv);
        }
        let forked = Errno::check(forked);
        // SAFETY: `before` was filled in above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, core::ptr::null_mut()) };
        let pid = Pid(forked?);
        // The child does the same; whoever comes first, a kill of the group reaches it.
        // SAFETY: no pointer is passed. It fails if the child has exec'ed already, having done it itself.
        unsafe { libc::setpgid(pid.0, pid.0) };
        Ok(pid)
    }

    /// Runs in the child. Raw system calls where the C library would take locks or talk to other threads.
    fn become_child(&self, command: &Prepared, argv: *const *mut c_char) -> ! {
        // SAFETY: all calls are async-signal-safe; the arrays end in a null and were made by the parent.
        unsafe {
            libc::setpgid(0, 0);
            for signal in 1..=libc::SIGRTMAX() {
                libc::signal(signal, libc::SIG_DFL);
            }
            libc::dup2(self.null.as_raw_fd(), 0);
            if !self.inherit_output {
                libc::dup2(self.null.as_raw_fd(), 1);
                libc::dup2(self.null.as_raw_fd(), 2);
            }
            let none = core::ptr::null::<libc::gid_t>();
            let dropped = libc::syscall(set_ids::SETGROUPS, 0_usize, none) == 0
                && libc::syscall(set_ids::SETRESGID, command.group, command.group, command.group) == 0
                && libc::syscall(set_ids::SETRESUID, command.user, command.user, command.user) == 0;
            if !dropped {
                libc::_exit(126);
            }
            let mask = empty_set();
            libc::pthread_sigmask(libc::SIG_SETMASK, &mask, core::ptr::null_mut());
            libc::execve(command.program.as_ptr(), argv.cast(), self.environment.pointers.as_ptr());
            libc::_exit(if Errno::last() == Errno(libc::ENOENT) { 127 } else { 126 })
        }
    }
}

/// The calls that take 32-bit identifiers; the plain ones take 16 bits on the oldest architectures.
pub(super) mod set_ids {
    #[cfg(any(target_arch = "arm", target_arch = "x86"))]
    mod numbers {
        pub use libc::{SYS_setgroups32 as SETGROUPS, SYS_setresgid32 as SETRESGID, SYS_setresuid32 as SETRESUID};
    }
    #[cfg(not(any(target_arch = "arm", target_arch = "x86")))]
    mod numbers {
        pub use libc::{SYS_setgroups as SETGROUPS, SYS_setresgid as SETRESGID, SYS_setresuid as SETRESUID};
    }
    pub(in crate::sys) use numbers::{SETGROUPS, SETRESGID, SETRESUID};
}

/// Own process group, no signal blocked, all at their defaults.
struct Attributes(Box<libc::posix_spawnattr_t>);

impl Attributes {
    fn new() -> Result<Self> {
        // SAFETY: the C library's structures are plain data; init overwrites them.
        let mut attributes = Self(unsafe { Box::new(MaybeUninit::zeroed().assume_init()) });
        let flags = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK;
        let target: *mut libc::posix_spawnattr_t = &mut *attributes.0;
        // SAFETY: `target` is initialised by the first call; the sets outlive theirs.
        unsafe {
            succeed(libc::posix_spawnattr_init(target))?;
            succeed(libc::posix_spawnattr_setflags(target, flags as libc::c_short))?;
            succeed(libc::posix_spawnattr_setpgroup(target, 0))?;
            succeed(libc::posix_spawnattr_setsigmask(target, &empty_set()))?;
            succeed(libc::posix_spawnattr_setsigdefault(target, &full_set()))?;
        }
        Ok(attributes)
    }

    fn as_ptr(&self) -> *const libc::posix_spawnattr_t {
        &*self.0
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and nobody uses it any more.
        unsafe { libc::posix_spawnattr_destroy(&mut *self.0) };
    }
}

/// Standard input, and output and error if not inherited, from /dev/null.
struct FileActions(Box<libc::posix_spawn_file_actions_t>);

impl FileActions {
    fn new(null: &Fd, inherit_output: bool) -> Result<Self> {
        // SAFETY: the C library's structures are plain data; init overwrites them.
        let mut actions = Self(unsafe { Box::new(MaybeUninit::zeroed().assume_init()) });
        let target: *mut libc::posix_spawn_file_actions_t = &mut *actions.0;
        // SAFETY: `target` is initialised by the first call.
        unsafe {
            succeed(libc::posix_spawn_file_actions_init(target))?;
            for fd in if inherit_output { 0..1 } else { 0..3 } {
                succeed(libc::posix_spawn_file_actions_adddup2(target, null.as_raw_fd(), fd))?;
            }
        }
        Ok(actions)
    }

    fn as_ptr(&self) -> *const libc::posix_spawn_file_actions_t {
        &*self.0
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, and nobody uses it any more.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut *self.0) };
    }
}

/// The result of a call that returns an errno.
fn succeed(returned: i32) -> Result<()> {
    if returned == 0 { Ok(()) } else { Err(Errno(returned)) }
}

/// Sends `signal` to a child and to all it started, as far as they stayed in its group.
pub fn kill_group(pid: Pid, signal: i32) -> Result<()> {
    // Never 0 or 1: -0 would be our own group, -1 everybody.
    if pid.0 <= 1 {
        return Err(Errno(libc::ESRCH));
    }
    // SAFETY: no pointer is passed.
    Errno::check(unsafe { libc::kill(-pid.0, signal) }).map(drop)
}

/// The next child that ended, if one did. To be called until it says None, since several SIGCHLD may come
/// as one.
pub fn reap() -> Option<(Pid, Exit)> {
    wait_for(-1)
}

/// Whether that child ended, and how.
pub fn reap_one(pid: Pid) -> Option<Exit> {
    wait_for(pid.0).map(|(_, exit)| exit)
}

fn wait_for(pid: libc::pid_t) -> Option<(Pid, Exit)> {
    let mut status = 0;
    // SAFETY: `status` is an int to write to.
    let ended = Errno::retry(|| Errno::check(unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) })).ok()?;
    if ended == 0 {
        return None;
    }
    let exit = if libc::WIFSIGNALED(status) {
        Exit::Signal(u8::try_from(libc::WTERMSIG(status)).unwrap_or(u8::MAX))
    } else {
        Exit::Code(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX))
    };
    Some((Pid(ended), exit))
}

#[cfg(test)]
mod tests;
