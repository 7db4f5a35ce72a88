//! A machine of the laboratory: network, mount, process, IPC and UTS namespaces of its own, held by
//! one idle process.
//!
//! Nothing has a name in the host. The holder reads a pipe whose other end only this process has: when
//! this process ends, however it ends, the pipe closes, the holder (process 1 of the node) exits, and the
//! kernel kills what else runs in the node and takes the namespaces away.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{IpAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::{env, thread};

use super::netlink::{self, News};
use super::os;
use super::process::Process;

/// A machine.
pub struct Node {
    name: String,
    holder: Child,
    network: File,
    mounts: File,
    root: File,
    pids: File,
    control: OwnedFd,
    route: Mutex<OwnedFd>,
}

impl Node {
    /// Starts a machine with a loopback interface and nothing else.
    pub fn new(name: &str) -> io::Result<Self> {
        // Asked from outside: a thread in new mounts may be told a path that it does not see.
        let kept = kept_folders()?;
        let holder = in_thread(|| boot(name, &kept))?;
        let space = |kind| File::open(format!("/proc/{}/ns/{kind}", holder.id()));
        let root = File::open(format!("/proc/{}/root", holder.id()))?;
        let (network, mounts, pids) = (space("net")?, space("mnt")?, space("pid")?);
        let (control, route) = in_thread(|| -> io::Result<_> {
            os::setns(network.as_fd())?;
            Ok((os::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?, os::route_socket(0)?))
        })?;
        os::set_interface(&control, "lo", true)?;
        let node =
            Self { name: name.to_owned(), holder, network, mounts, root, pids, control, route: Mutex::new(route) };
        node.quiet()?;
        Ok(node)
    }

    /// Only what a test causes shall be on the wire, and addresses shall be usable at once.
    fn quiet(&self) -> io::Result<()> {
        const SETTINGS: [(&str, &str); 4] =
            [("accept_dad", "0"), ("dad_transmits", "0"), ("accept_ra", "0"), ("router_solicitations", "0")];
        self.inside(|| {
            for (key, value) in SETTINGS {
                for which in ["all", "default"] {
                    match fs::write(format!("/proc/sys/net/ipv6/conf/{which}/{key}"), value) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {} // a kernel without IPv6 has nothing to be quiet about
                    }
                }
            }
            Ok(())
        })
    }

    /// Its name, which is also its host name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The holder's process, as this process sees it.
    pub fn holder(&self) -> u32 {
        self.holder.id()
    }

    /// A socket opened in this machine, for interface requests.
    pub fn control(&self) -> &OwnedFd {
        &self.control
    }

    /// Runs `body` on a thread that is in this machine's network and sees its files.
    pub fn inside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        in_thread(|| {
            self.enter().expect("enter a node's namespaces");
            body()
        })
    }

    fn enter(&self) -> io::Result<()> {
        os::unshare(libc::CLONE_FS)?;
        os::setns(self.network.as_fd())?;
        os::setns(self.mounts.as_fd())?;
        // That leads to the root of all mounts, which is not the root for those who live in a chroot.
        os::chroot(self.root.as_fd())
    }

    /// Starts `command` in this machine.
    fn start(&self, command: &mut Command) -> io::Result<Child> {
        in_thread(|| {
            self.enter()?;
            os::setns(self.pids.as_fd())?;
            command.spawn()
        })
    }

    /// Runs a program to its end.
    ///
    /// Panics if it cannot be started; its exit status is the caller's to judge.
    pub fn run<S: AsRef<str>>(&self, argv: &[S]) -> Output {
        let mut command = command(argv);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.start(&mut command);
        child.and_then(Child::wait_with_output).unwrap_or_else(|error| self.fail(argv, error))
    }

    /// Runs a program to its end and panics unless it succeeded.
    pub fn must_run<S: AsRef<str>>(&self, argv: &[S]) -> String {
        let output = self.run(argv);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{}: {} -> {}\n{}{}",
            self.name,
            joined(argv),
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Starts a program; it is killed with all its children when the handle is dropped. Standard output
    /// and error go to the file `log` of this machine.
    pub fn spawn<S: AsRef<str>>(&self, argv: &[S], log: &str) -> Process {
        let path = self.path(log);
        let file = File::options().create(true).append(true).open(&path).expect("open a log file");
        let mut command = command(argv);
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a second handle")).stderr(file);
        let child = self.start(&mut command).unwrap_or_else(|error| self.fail(argv, error));
        Process::new(child, path)
    }

    fn fail<S: AsRef<str>>(&self, argv: &[S], error: io::Error) -> ! {
        panic!("{}: cannot run {}: {error}", self.name, joined(argv))
    }

    /// Where this process finds the file that is `path` in the machine.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.holder.id()))
    }

    /// Writes a file of the machine, and the folders it needs.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make a folder");
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
    }

    /// Reads a file of the machine, if it is there.
    pub fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// Copies the folder or file `from` of the host to `to` in the machine; the copy belongs to root and
    /// only root may write it, as script security wants.
    pub fn install(&self, from: &Path, to: &str) {
        if from.is_dir() {
            let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("read {}: {error}", from.display()));
            for entry in entries {
                let entry = entry.expect("read a folder");
                self.install(&entry.path(), &format!("{to}/{}", entry.file_name().to_string_lossy()));
            }
            return;
        }
        self.write(to, fs::read(from).unwrap_or_else(|error| panic!("read {}: {error}", from.display())));
        let mode = fs::metadata(from).expect("the file was just read").permissions().mode() & 0o755;
        fs::set_permissions(self.path(to), PermissionsExt::from_mode(mode)).expect("set a mode");
    }

    /// Listens at `address` in the machine: what a check may find in place of a service.
    pub fn listen(&self, address: &str) -> TcpListener {
        self.inside(|| TcpListener::bind(address)).unwrap_or_else(|error| panic!("listen at {address}: {error}"))
    }

    /// A way to send whole frames out of `device`: what no well-behaved program sends.
    pub fn transmitter(&self, device: &str) -> Transmitter {
        let index = os::interface_index(&self.control, device).expect("the interface exists");
        // Nothing is to be received here: a filter that returns 0 drops it all.
        let nothing = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
        Transmitter(self.inside(|| os::packet_socket(index, &[nothing])).expect("open a packet socket"))
    }

    /// The addresses of interface `device`, as the kernel says now.
    pub fn addresses(&self, device: &str) -> Vec<IpAddr> {
        let wanted = os::interface_index(&self.control, device).expect("the interface exists");
        let route = self.route.lock().expect("no thread panicked here");
        let news = netlink::dump(&route, libc::RTM_GETADDR).expect("dump the addresses");
        let ours = |news| match news {
            News::Address { index, ip, .. } if index == wanted => Some(ip),
            _ => None,
        };
        news.into_iter().filter_map(ours).collect()
    }

    /// Whether any interface of the machine has `ip`.
    pub fn has(&self, ip: IpAddr) -> bool {
        let route = self.route.lock().expect("no thread panicked here");
        let news = netlink::dump(&route, libc::RTM_GETADDR).expect("dump the addresses");
        news.iter().any(|news| matches!(news, News::Address { ip: found, .. } if *found == ip))
    }
}

/// Sends whole frames.
pub struct Transmitter(OwnedFd);

impl Transmitter {
    /// Sends one frame, from the destination address to the last byte before the checksum.
    pub fn send(&self, frame: &[u8]) {
        os::send(&self.0, frame).expect("send a frame");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Runs `body` on a thread of its own, which may change namespaces and ends with it.
fn in_thread<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(body).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn command<S: AsRef<str>>(argv: &[S]) -> Command {
    use std::os::unix::process::CommandExt;
    let (program, arguments) = argv.split_first().expect("a program to run");
    let mut command = Command::new(program.as_ref());
    command.args(arguments.iter().map(AsRef::as_ref)).current_dir("/").process_group(0);
    command
}

fn joined<S: AsRef<str>>(argv: &[S]) -> String {
    argv.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}

/// Makes the namespaces around the calling thread and starts the process that holds them.
fn boot(name: &str, kept: &[PathBuf]) -> io::Result<Child> {
    use libc::{CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUTS};
    step("new namespaces", os::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS))?;
    step("host name", os::sethostname(name))?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    step("private mounts", os::mount(Path::new("none"), Path::new("/"), c"", private))?;
    step("fresh /sys", os::mount(Path::new("sysfs"), Path::new("/sys"), c"sysfs", 0))?;
    step("own /run and /tmp", own_folders(kept))?;
    step("own /etc", own_etc())?;
    let mut holder = Command::new("cat");
    holder.stdin(Stdio::piped()).stdout(Stdio::null());
    os::before_exec(&mut holder, os::become_init);
    step("process 1 with its own /proc", holder.spawn())
}

fn step<T>(what: &str, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    os::mount(from, to, c"", libc::MS_BIND | libc::MS_REC)
}

/// The sources and the built programs, if they lie where a node has folders of its own.
fn kept_folders() -> io::Result<Vec<PathBuf>> {
    let sources = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let programs = env::current_exe()?.ancestors().nth(3).map(Path::to_path_buf);
    let hidden = |path: &PathBuf| path.starts_with("/tmp") || path.starts_with("/run");
    Ok([Some(sources), programs].into_iter().flatten().filter(hidden).collect())
}

/// Empty /run and /tmp, in which the folders `kept` stay visible.
fn own_folders(kept: &[PathBuf]) -> io::Result<()> {
    let open: Vec<File> = kept.iter().map(File::open).collect::<io::Result<_>>()?;
    for place in ["/run", "/tmp"] {
        os::mount(Path::new("tmpfs"), Path::new(place), c"tmpfs", 0)?;
    }
    for (path, folder) in kept.iter().zip(&open) {
        fs::create_dir_all(path)?;
        bind(&PathBuf::from(format!("/proc/thread-self/fd/{}", folder.as_raw_fd())), path)?;
    }
    Ok(())
}

/// An /etc to which files can be added: links to the host's entries.
fn own_etc() -> io::Result<()> {
    let (host, own) = (Path::new("/run/host-etc"), Path::new("/etc"));
    fs::create_dir(host)?;
    bind(own, host)?;
    os::mount(Path::new("tmpfs"), own, c"tmpfs", 0)?;
    for entry in fs::read_dir(host)? {
        let entry = entry?;
        std::os::unix::fs::symlink(entry.path(), own.join(entry.file_name()))?;
    }
    Ok(())
}

/// Feeds `input` to `ip -batch` in the network of `node`; process numbers in it are this process's.
pub fn ip_batch(node: &Node, input: &str) -> io::Result<()> {
    let mut child = in_thread(|| {
        os::setns(node.network.as_fd())?;
        let mut ip = Command::new("ip");
        ip.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    })?;
    child.stdin.take().expect("stdin is piped").write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip: {}\nin:\n{input}", errors.trim())))
}
