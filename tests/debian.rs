//! The Debian packages, as an administrator would use them: installed in a fresh Debian, started with what the
//! unit says, and under keepalived's name.

#![allow(clippy::disallowed_methods)]

mod lab;

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use lab::{Lab, Node, wait_until};

const SECOND: Duration = Duration::from_secs(1);

const CONFIGURATION: &str = "
global_defs {
    enable_script_security
    script_user nobody
}
vrrp_script fine {
    script \"/usr/bin/test -w /var/tmp\"
    interval 1
}
vrrp_instance lan {
    interface eth0
    virtual_router_id 51
    version 3
    advert_int 0.1
    priority 150
    virtual_ipaddress {
        10.99.1.1/16
    }
    track_script {
        fine
    }
    notify_master \"/bin/touch /var/tmp/is-master\"
}
";

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Removes a folder, and nothing that is mounted in it.
fn remove(folder: &Path) {
    run(Command::new("rm").args(["-rf", "--one-file-system"]).arg(folder));
}

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("debian-{name}"));
    if folder.exists() {
        remove(&folder);
    }
    fs::create_dir_all(&folder).expect("make a folder");
    folder
}

/// The packages, with the daemon that cargo built for this test.
fn packages() -> &'static [PathBuf; 2] {
    static PACKAGES: OnceLock<[PathBuf; 2]> = OnceLock::new();
    PACKAGES.get_or_init(|| build("packages"))
}

fn architecture() -> String {
    run(Command::new("dpkg").arg("--print-architecture")).trim().to_owned()
}

fn build(name: &str) -> [PathBuf; 2] {
    let mut command = Command::new("cross/debian/build");
    command.args([env!("CARGO_BIN_EXE_holdfast"), &architecture()]).arg(folder(name)).current_dir(top());
    let made: Vec<PathBuf> = run(&mut command).lines().map(PathBuf::from).collect();
    made.try_into().expect("two packages")
}

/// A fresh Debian.
fn debian(name: &str) -> PathBuf {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    let root = folder(name);
    run(Command::new("tar").arg("-xpf").arg(COPY.get_or_init(debian_copy)).arg("-C").arg(&root));
    root
}

/// An archive of a fresh Debian: made the first time, then kept in the cache folder of the user.
fn debian_copy() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = cache.expect("there is a home").join("holdfast");
    let copy = cache.join("debian-bookworm.tar");
    if !copy.exists() {
        let packages = cache.join("debian-packages");
        fs::create_dir_all(&packages).expect("make the cache folder");
        // The archive fails now and then; what it gave is kept for the next try.
        let fresh = || {
            let fresh = folder("fresh");
            let mut command = Command::new("debootstrap");
            command.arg("--variant=minbase").arg(format!("--cache-dir={}", packages.display()));
            command.arg("bookworm").arg(&fresh).output().is_ok_and(|output| output.status.success()).then_some(fresh)
        };
        let fresh = fresh().or_else(fresh).or_else(fresh).expect("debootstrap: is the archive reachable?");
        let partly = cache.join(format!("debian-bookworm.tar.{}", std::process::id()));
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&partly).args(["--exclude=./var/cache/apt/archives/*.deb", "-C"]).arg(&fresh).arg(".");
        run(&mut tar);
        fs::rename(&partly, &copy).expect("put the copy in place");
        remove(&fresh);
    }
    copy
}

/// What the unit says of `key`.
fn unit(key: &str) -> String {
    let unit = fs::read_to_string(top().join("cross/debian/holdfast.service")).expect("the unit");
    let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).expect("the unit has it");
    line.to_owned()
}

/// A Debian machine of the laboratory.
struct Machine<'lab> {
    node: &'lab Node,
    root: String,
}

impl<'lab> Machine<'lab> {
    fn new(node: &'lab Node, root: &Path) -> Self {
        let root = root.to_str().expect("a path").to_owned();
        for place in ["proc", "dev", "run", "sys"] {
            node.must_run(&["mount", "--rbind", &format!("/{place}"), &format!("{root}/{place}")]);
        }
        Self { node, root }
    }

    fn argv<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let mut argv = vec!["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "chroot", &self.root];
        argv.extend(words);
        argv
    }

    fn must_run(&self, words: &[&str]) -> String {
        self.node.must_run(&self.argv(words))
    }
}

fn needs_root() {
    let real = fs::metadata("/").is_ok_and(|root| root.uid() == 0);
    assert!(real, "this test installs packages: it needs root, not only a user namespace");
}

#[test]
fn the_same_input_makes_the_same_packages() {
    let again = build("again");
    for (one, other) in packages().iter().zip(&again) {
        let read = |path: &Path| fs::read(path).expect("read the package");
        assert!(read(one) == read(other), "{} differs from {}", one.display(), other.display());
    }
}

#[test]
fn the_manual_is_good_and_knows_every_flag_and_keyword() {
    let folder = folder("manual");
    run(Command::new("dpkg-deb").arg("-x").arg(&packages()[0]).arg(&folder));
    for (page, words) in [
        ("man8/holdfast.8.gz", &["--use-file", "--config-test", "--status", "HOLDFAST_VIPS", "SIGNALS"][..]),
        ("man5/holdfast.conf.5.gz", &["vrrp_instance", "virtual_router_id", "nopreempt", "HTTP_GET"][..]),
    ] {
        let path = folder.join("usr/share/man").join(page);
        let mut man = Command::new("man");
        man.args(["--warnings=w", "-l"]).arg(&path).env("MANWIDTH", "200").env("LC_ALL", "C.UTF-8");
        let output = man.output().expect("man is installed (see tests/all)");
        assert!(output.status.success() && output.stderr.is_empty(), "{page}: {}", text(&output.stderr));
        let shown = text(&output.stdout).replace("\u{2010}", "-");
        for word in words {
            assert!(shown.contains(word), "{page} has no {word}");
        }
    }
}

#[test]
fn the_unit_is_good() {
    let root = folder("unit");
    run(Command::new("dpkg-deb").arg("-x").arg(&packages()[0]).arg(&root));
    // What it names besides, which a Debian has.
    for (file, content) in [("usr/bin/kill", ""), ("usr/lib/systemd/system/network.target", "[Unit]\nDescription=x\n")]
    {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        fs::write(&path, content).expect("write a file");
        run(Command::new("chmod").arg("755").arg(&path));
    }
    std::os::unix::fs::symlink("usr/bin", root.join("bin")).expect("a link");
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg(format!("--root={}", root.display()));
    let output = verify.arg("holdfast.service").output().expect("systemd is installed (see tests/all)");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn installed_in_a_fresh_debian_it_holds_the_address() {
    needs_root();
    let lab = Lab::new(&["a", "b"]);
    let machine = Machine::new(lab.node("a"), &debian("service"));
    let (a, b) = (machine.node, lab.node("b"));
    let vip: IpAddr = "10.99.1.1".parse().expect("an address");
    let file = |path: &str| Path::new(&machine.root).join(path);

    fs::copy(&packages()[0], file("tmp/holdfast.deb")).expect("copy the package");
    machine.must_run(&["dpkg", "-i", "/tmp/holdfast.deb"]);
    let version = a.run(&machine.argv(&["holdfast", "-v"]));
    assert!(text(&version.stderr).starts_with("Holdfast v"));
    assert!(file("etc/systemd/system/multi-user.target.wants/holdfast.service").is_symlink(), "it is enabled");

    // As the unit says: the rights it leaves, and a service manager that waits.
    fs::create_dir_all(file("etc/keepalived")).expect("make a folder");
    fs::write(file("etc/keepalived/keepalived.conf"), CONFIGURATION).expect("write the configuration");
    machine.must_run(&["holdfast", "--config-test"]);
    let manager = a.inside(|| UnixDatagram::bind("/run/notify")).expect("a socket");
    manager.set_read_timeout(Some(5 * SECOND)).expect("a time-out");
    let rights = unit("CapabilityBoundingSet").to_lowercase().replace("cap_", "+").replace(' ', ",");
    let bounding = format!("-all,{rights}");
    let mut words = vec!["env", "NOTIFY_SOCKET=/run/notify", "setpriv", "--no-new-privs", "--inh-caps=-all"];
    words.extend(["--bounding-set", &bounding]);
    let start = unit("ExecStart").replace("$DAEMON_ARGS", "--log-console");
    words.extend(start.split_whitespace());
    let mut daemon = a.spawn(&machine.argv(&words), "/run/holdfast.log");
    let mut buffer = [0; 200];
    let length = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("{error}: {}", daemon.log()));
    assert!(text(&buffer[..length]).starts_with("READY=1\nMAINPID="));
    assert!(wait_until(5 * SECOND, || a.has(vip)), "{}", daemon.log());
    b.must_run(&["ping", "-c", "1", "-W", "2", "10.99.1.1"]);
    // The check and the script ran as the user the configuration names.
    assert!(wait_until(5 * SECOND, || file("var/tmp/is-master").exists()), "{}", daemon.log());
    assert_ne!(fs::metadata(file("var/tmp/is-master")).expect("the file").uid(), 0);
    assert!(machine.must_run(&["holdfast", "--status"]).contains("\"iname\":\"lan\""));
    daemon.signal(libc::SIGTERM);
    assert!(daemon.wait(5 * SECOND).is_some_and(|status| status.success()), "{}", daemon.log());
    assert!(!a.has(vip));

    machine.must_run(&["dpkg", "--purge", "holdfast"]);
    for gone in ["usr/sbin/holdfast", "etc/default/holdfast", "usr/lib/systemd/system/holdfast.service"] {
        assert!(!file(gone).exists(), "{gone} is left over");
    }
    assert!(file("etc/keepalived/keepalived.conf").exists(), "the configuration is the administrator's");
    remove(Path::new(&machine.root));
}

#[test]
fn under_the_name_keepalived_tools_find_what_they_look_for() {
    needs_root();
    let lab = Lab::new(&["a"]);
    let machine = Machine::new(lab.node("a"), &debian("name"));
    let a = machine.node;
    let file = |path: &str| Path::new(&machine.root).join(path);
    for package in packages() {
        fs::copy(package, file("tmp").join(package.file_name().expect("a name"))).expect("copy a package");
    }
    machine.must_run(&["sh", "-c", "dpkg -i /tmp/*.deb"]);
    fs::create_dir_all(file("etc/keepalived")).expect("make a folder");
    fs::write(file("etc/keepalived/keepalived.conf"), CONFIGURATION).expect("write the configuration");

    // The exporters' way.
    let version = a.run(&machine.argv(&["bash", "-c", "keepalived -v"]));
    let shown = text(&version.stderr);
    let first = shown.lines().next().expect("a line");
    assert!(version.status.success() && shown.contains("--enable-json"), "{shown}");
    assert_eq!(first.split(' ').take(2).collect::<Vec<_>>(), ["Keepalived", "v2.2.7"]);
    assert_eq!(machine.must_run(&["bash", "-c", "keepalived --signum=JSON"]).trim(), "36");
    machine.must_run(&["keepalived", "-t"]);

    // In the background, as init scripts start it; found by name and by pid file, in the machine's own /proc.
    machine.must_run(&["keepalived", "-D"]);
    let pid = || a.read("/run/keepalived.pid").and_then(|text| text.trim().parse::<u32>().ok());
    assert!(wait_until(5 * SECOND, || pid().is_some()));
    let pid = pid().expect("a number").to_string();
    assert_eq!(a.must_run(&["cat", &format!("/proc/{pid}/comm")]), "keepalived\n");
    assert_eq!(a.must_run(&["pgrep", "-o", "keepalived"]).trim(), pid);
    let vip: IpAddr = "10.99.1.1".parse().expect("an address");
    assert!(wait_until(5 * SECOND, || a.has(vip)));
    // One exporter waits 10 ms, another 100.
    a.must_run(&["kill", "-36", &pid]);
    std::thread::sleep(Duration::from_millis(10));
    assert!(
        fs::read_to_string(file("tmp/keepalived.json"))
            .is_ok_and(|text| text.starts_with("[{\"data\":{\"iname\":\"lan\""))
    );
    a.must_run(&["kill", &pid]);
    assert!(wait_until(5 * SECOND, || a.read("/run/keepalived.pid").is_none()) && !a.has(vip));
    remove(Path::new(&machine.root));
}
