//! The process: foreground and background, pid files, exit codes, signals, logs, a hostile environment.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Output;
use std::time::Duration;

use bed::{GLOBAL, SECOND, VIP, entered, gives_up, instance, ip, longest_gap, one, says, takes};
use lab::{Daemon, Lab, Node, Stamp, wait_until};

fn program() -> String {
    std::env::var("HOLDFAST_LAB_DAEMON").unwrap_or_else(|_| env!("CARGO_BIN_EXE_holdfast").to_owned())
}

/// Runs the daemon with arguments of the test's own, to its end.
fn run(node: &Node, before: &[&str], arguments: &[&str]) -> Output {
    let program = program();
    let argv: Vec<&str> = before.iter().copied().chain([program.as_str()]).chain(arguments.iter().copied()).collect();
    node.run(&argv)
}

fn code_and_text(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn numbers(node: &Node, files: &[&str]) -> Vec<Option<u32>> {
    files.iter().map(|file| node.read(file).and_then(|text| text.trim().parse().ok())).collect()
}

#[test]
fn in_the_background_it_leaves_the_terminal_and_writes_pid_files() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write("/run/ka.conf", one(200));
    let files = ["/run/main.pid", "/run/vrrp.pid", "/run/chk.pid"];
    // A file that a dead one left is no obstacle.
    node.write("/run/main.pid", "4194000\n");
    let arguments = ["-f", "/run/ka.conf", "-p", files[0], "-r", files[1], "-c", files[2], "-D"];
    let started = run(node, &[], &arguments);
    assert!(started.status.success() && started.stderr.is_empty(), "{:?}", code_and_text(&started));
    assert!(wait_until(5 * SECOND, || node.has(ip(VIP))));
    let pids = numbers(node, &files);
    let pid = pids[0].expect("a number");
    assert!(pids.iter().all(|other| *other == Some(pid)), "{pids:?}: one process");
    let stat = node.read(&format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    assert_eq!((fields[1], fields[4]), ("1", "0"), "its parent is init, and it has no terminal: {stat}");
    let inside = |name: &str| node.must_run(&["readlink", &format!("/proc/{pid}/{name}")]).trim().to_owned();
    assert_eq!(
        [inside("cwd"), inside("fd/0"), inside("fd/1"), inside("fd/2")],
        ["/", "/dev/null", "/dev/null", "/dev/null"]
    );
    // A second one is not wanted.
    let (code, text) = code_and_text(&run(node, &[], &[&arguments[..], &["-n", "-l"]].concat()));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("another instance holds /run/main.pid"), "{text}");
    assert_eq!(numbers(node, &files), pids, "and it leaves the first one's files alone");
    node.must_run(&["kill", &pid.to_string()]);
    assert!(wait_until(5 * SECOND, || !node.path(&format!("/proc/{pid}")).exists()));
    assert!(!node.has(ip(VIP)));
    assert_eq!(numbers(node, &files), [None; 3], "the files go with it");
}

#[test]
fn relative_paths_hold_in_the_background_too() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write("/run/ka.conf", one(200));
    let line = format!("cd /run && exec {} -f ka.conf -p x.pid", program());
    node.must_run(&["sh", "-c", &line]);
    assert!(wait_until(5 * SECOND, || node.has(ip(VIP))));
    let pid = node.read("/run/x.pid").expect("its pid file is where it was asked for");
    node.write("/run/ka.conf", format!("{GLOBAL}{}", instance("one", 51, 200, "10.99.1.2", "")));
    node.must_run(&["kill", "-HUP", pid.trim()]);
    assert!(wait_until(5 * SECOND, || node.has(ip("10.99.1.2")) && !node.has(ip(VIP))));
    node.must_run(&["kill", pid.trim()]);
    assert!(wait_until(5 * SECOND, || !node.has(ip("10.99.1.2"))));
}

#[test]
fn exit_codes_and_what_is_said() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.write("/run/ka.conf", one(200));
    node.must_run(&["mkdir", "/run/folder"]);
    let usual = ["-n", "-l", "-p", "/run/x.pid", "-f"];
    let with = |before: &[&str], conf: &str| code_and_text(&run(node, before, &[&usual[..], &[conf]].concat()));
    let (code, text) = with(&[], "/run/nowhere.conf");
    assert!(code == Some(6) && text.contains("/run/nowhere.conf"), "{code:?} {text}");
    let (code, text) = with(&[], "/run/folder");
    assert!(code == Some(2) && text.contains("/run/folder"), "{code:?} {text}");
    for (capability, name) in [("-net_admin", "CAP_NET_ADMIN"), ("-net_raw", "CAP_NET_RAW")] {
        let bound = ["setpriv", "--bounding-set", capability];
        let (code, text) = with(&bound, "/run/ka.conf");
        assert_eq!(code, Some(4), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains(name)).count(), 1, "{text}");
        assert_eq!(text.lines().count(), 2, "the greeting and the reason: {text}");
    }
    let (code, text) = code_and_text(&run(node, &[], &["--no-such-flag"]));
    assert!(code == Some(1) && text.contains("no-such-flag"), "{code:?} {text}");
    assert!(node.read("/run/x.pid").is_none(), "nothing is left");
    // Where no pid file can be written.
    let (code, text) = code_and_text(&run(node, &[], &["-n", "-l", "-f", "/run/ka.conf", "-p", "/nowhere/x.pid"]));
    assert!(code == Some(1) && text.contains("/nowhere/x.pid"), "{code:?} {text}");
}

#[test]
fn it_leaves_at_once_and_says_goodbye() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let mut spans = Vec::new();
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGTERM, libc::SIGINT] {
        let mut a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
        takes(&a, VIP);
        let at = a.process().signal(signal);
        assert_eq!(a.wait(5 * SECOND).and_then(|status| status.code()), Some(0), "{}", a.log());
        let left = Stamp::now() - at;
        let goodbye = packets
            .wait(at, SECOND, |packet| packet.advert().is_some_and(|advert| advert.priority == 0))
            .expect("priority 0 is sent");
        let gone = addresses.wait_went("a", ip(VIP), at, SECOND).expect("the address goes");
        assert!(lab.node("a").read(&a.pid_file()).is_none());
        spans.push((gone - at).max(goodbye.at - at).max(left));
    }
    spans.sort_unstable();
    // 50 ms are promised; a loaded machine may need some more now and then.
    assert!(spans[1] < Duration::from_millis(50) && spans[3] < Duration::from_millis(200), "{spans:?}");
}

#[test]
fn addresses_can_be_left_behind() {
    let lab = Lab::new(&["a"]);
    let packets = lab.observe();
    let mut a = Daemon::holdfast(lab.node("a"), &one(200), &["-V"]);
    takes(&a, VIP);
    let at = a.term();
    assert_eq!(a.wait(5 * SECOND).and_then(|status| status.code()), Some(0));
    assert!(lab.node("a").has(ip(VIP)));
    let goodbye = packets.wait(at, SECOND, |packet| packet.advert().is_some_and(|advert| advert.priority == 0));
    assert!(goodbye.is_some());
    // The next one takes care of it.
    let mut a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    says(&a, "Entering MASTER STATE");
    a.term();
    assert!(a.wait(5 * SECOND).is_some());
    assert!(!lab.node("a").has(ip(VIP)));
}

#[test]
fn syslog_gets_the_lines() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    // A /dev of its own: the machine's must not get a socket.
    node.must_run(&["mkdir", "/run/dev"]);
    node.must_run(&["mknod", "-m", "666", "/run/dev/null", "c", "1", "3"]);
    node.must_run(&["mount", "--bind", "/run/dev", "/dev"]);
    let log = node.inside(|| UnixDatagram::bind("/dev/log")).expect("a log socket");
    log.set_nonblocking(true).expect("a mode");
    node.write("/run/ka.conf", one(200));
    let mut lines: Vec<String> = Vec::new();
    let more = |lines: &mut Vec<String>| {
        let mut buffer = [0; 2048];
        while let Ok(length) = log.recv(&mut buffer) {
            lines.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    };
    for (facility, priority) in [("daemon", "<30>"), ("local3", "<158>")] {
        let arguments = ["-f", "/run/ka.conf", "-p", "/run/x.pid", "-S", facility];
        assert!(run(node, &[], &arguments).status.success());
        let said = wait_until(5 * SECOND, || {
            more(&mut lines);
            lines.iter().any(|line| line.starts_with(priority) && line.ends_with(": (one) Entering MASTER STATE"))
        });
        assert!(said, "{lines:?}");
        let pid = node.read("/run/x.pid").expect("a pid file");
        node.must_run(&["kill", pid.trim()]);
        assert!(wait_until(5 * SECOND, || node.read("/run/x.pid").is_none()));
        assert!(lines.iter().any(|line| line.contains(&format!("[{}]: ", pid.trim()))), "{lines:?}");
        lines.clear();
    }
    // With -l the console gets them too. Nobody reads here: nothing waits for that.
    for (more_arguments, expected) in [(&[][..], true), (&["-G"], false)] {
        let mut a = Daemon::holdfast(node, &one(200), more_arguments);
        takes(&a, VIP);
        a.term();
        assert!(a.wait(5 * SECOND).is_some());
        more(&mut lines);
        assert_eq!(lines.iter().any(|line| line.contains("Starting Holdfast")), expected, "{lines:?}");
        assert!(a.log().contains("Starting Holdfast"));
        lines.clear();
    }
}

#[test]
fn a_reader_that_does_not_read_holds_nothing_up() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let packets = lab.observe();
    node.write("/run/ka.conf", one(200));
    node.must_run(&["mkfifo", "/run/pipe"]);
    let mut pipe = File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(node.path("/run/pipe"))
        .expect("open");
    while pipe.write(&[b'-'; 4096]).is_ok() {}
    let line = format!("exec {} -n -l -D -f /run/ka.conf -p /run/x.pid 2>/run/pipe", program());
    let mut daemon = node.spawn(&["sh", "-c", &line], "/run/log");
    assert!(wait_until(5 * SECOND, || node.has(ip(VIP))));
    for _ in 0..50 {
        daemon.signal(libc::SIGHUP);
        std::thread::sleep(Duration::from_millis(20));
    }
    let gap = longest_gap(&packets.adverts("a"));
    assert!(packets.adverts("a").len() >= 9 && gap < Duration::from_millis(200), "{gap:?}");
    // What was lost is said as soon as somebody reads.
    let mut text = String::new();
    let mut bytes = vec![0; 1 << 20];
    let told = wait_until(5 * SECOND, || {
        while let Ok(length) = pipe.read(&mut bytes) {
            text.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        daemon.signal(libc::SIGHUP);
        text.contains("log lines were dropped")
    });
    assert!(told, "{}", text.trim_start_matches('-'));
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait(5 * SECOND).and_then(|status| status.code()), Some(0));
}

#[test]
fn a_full_disk_is_one_line() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    node.must_run(&["mkdir", "/run/full"]);
    node.must_run(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/run/full"]);
    let conf = one(200).replace("global_defs {", "global_defs {\n state_dump_file /run/full/keepalived.data");
    let packets = lab.observe();
    let mut a = Daemon::holdfast(node, &conf, &[]);
    takes(&a, VIP);
    let dump = || node.read("/run/full/keepalived.data").unwrap_or_default();
    a.process().signal(libc::SIGUSR1);
    assert!(wait_until(5 * SECOND, || dump().contains("VRRP Instance = one")), "{}", a.log());
    let before = dump();
    let filled = node.run(&["dd", "if=/dev/zero", "of=/run/full/filler", "bs=4096"]);
    assert!(!filled.status.success(), "it is full now");
    a.process().signal(libc::SIGUSR1);
    says(&a, "cannot write /run/full/keepalived.data: ENOSPC");
    assert_eq!(a.log().matches("ENOSPC").count(), 1, "{}", a.log());
    assert_eq!(dump(), before, "the old one is still whole");
    assert_eq!(node.must_run(&["ls", "/run/full"]).split_whitespace().count(), 2, "and nothing lies beside it");
    let adverts = packets.adverts("a").len();
    assert!(wait_until(SECOND, || packets.adverts("a").len() > adverts + 2), "{}", a.log());
}

#[test]
fn a_storm_of_signals_changes_nothing() {
    let lab = Lab::new(&["a", "b"]);
    let (packets, addresses) = (lab.observe(), lab.watch());
    let mut a = Daemon::holdfast(lab.node("a"), &one(200), &[]);
    takes(&a, VIP);
    let b = Daemon::holdfast(lab.node("b"), &one(100), &[]);
    says(&b, "Entering BACKUP STATE");
    let start = Stamp::now();
    for round in 0..300 {
        for signal in [libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, 36, 37, 63, libc::SIGCHLD, libc::SIGPIPE] {
            if signal != libc::SIGHUP || round % 10 == 0 {
                a.process().signal(signal);
            }
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    std::thread::sleep(SECOND / 2);
    let adverts: Vec<_> = packets.adverts("a").into_iter().filter(|(at, _)| *at >= start).collect();
    let gap = longest_gap(&adverts);
    assert!(gap < Duration::from_millis(200) && adverts.iter().all(|(_, advert)| advert.priority == 200), "{gap:?}");
    assert_eq!(entered(&a.log()), ["one BACKUP", "one MASTER"]);
    assert_eq!(entered(&b.log()), ["one BACKUP"]);
    assert_eq!(addresses.timeline().went("a", ip(VIP), Stamp::from_nanos(0)), None);
    a.term();
    assert_eq!(a.wait(5 * SECOND).and_then(|status| status.code()), Some(0), "{}", a.log());
}

#[test]
fn several_run_side_by_side_with_files_of_their_own() {
    let lab = Lab::new(&["a"]);
    let conf = |vrid, vip| format!("{GLOBAL}{}", instance("one", vrid, 200, vip, ""));
    let mut first = Daemon::holdfast(lab.node("a"), &conf(51, VIP), &[]);
    let second = Daemon::holdfast(lab.node("a"), &conf(52, "10.99.1.2"), &[]);
    takes(&first, VIP);
    takes(&second, "10.99.1.2");
    first.term();
    assert!(first.wait(5 * SECOND).is_some());
    gives_up(&first, VIP);
    assert!(lab.node("a").has(ip("10.99.1.2")));
}

#[test]
fn a_daemon_goes_into_the_namespace_it_is_told() {
    let lab = Lab::with_networks(&["a"], 1);
    let node = lab.node("a");
    for words in [
        "netns add inner",
        "-n inner link add eth0 type veth peer name eth1",
        "-n inner link set eth1 up",
        "-n inner link set eth0 up",
        "-n inner addr add 10.99.0.1/16 dev eth0",
    ] {
        let argv: Vec<&str> = ["ip"].into_iter().chain(words.split(' ')).collect();
        node.must_run(&argv);
    }
    let has = || node.must_run(&["ip", "-n", "inner", "addr", "show", "dev", "eth0"]).contains(VIP);
    for (conf, more) in [(one(200), &["-s", "inner"][..]), (format!("net_namespace inner\n{}", one(200)), &[])] {
        let a = Daemon::holdfast(node, &conf, more);
        assert!(wait_until(5 * SECOND, has), "{}", a.log());
        a.term();
        assert!(wait_until(5 * SECOND, || !has()), "{}", a.log());
    }
    let a = Daemon::holdfast(node, &one(200), &["-s", "elsewhere"]);
    says(&a, "cannot go into network namespace elsewhere: ENOENT");
}

#[test]
fn it_runs_where_and_for_as_long_as_it_is_told() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let words = "vrrp_cpu_affinity 0\n vrrp_rlimit_rttime 250000\n vrrp_netlink_cmd_rcv_bufs 300000\n vrrp_netlink_monitor_rcv_bufs 400000";
    let mut daemon = Daemon::holdfast(node, &one(200).replacen("{\n", &format!("{{\n {words}\n"), 1), &[]);
    takes(&daemon, VIP);
    let pid = daemon.process().id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs");
    let line = limits.lines().find(|line| line.starts_with("Max realtime timeout")).expect("a line");
    assert!(line.contains("250000"), "{line}");
    let buffers: Vec<u32> = (0..64).filter_map(|number| lab::os::receive_buffer(pid, number).ok()).collect();
    assert!(buffers.contains(&600_000) && buffers.contains(&800_000), "the kernel doubles them: {buffers:?}");
}

#[test]
fn the_data_has_the_name_of_the_daemon_where_asked() {
    let lab = Lab::new(&["a"]);
    let node = lab.node("a");
    let conf = format!("instance blue\nglobal_defs {{\n data_use_instance\n}}\n{}", one(100));
    let a = Daemon::holdfast(node, &conf, &[]);
    says(&a, "Entering BACKUP STATE");
    let mut a = a;
    a.process().signal(libc::SIGUSR1);
    assert!(wait_until(5 * SECOND, || node.path("/tmp/keepalived.blue.data").exists()), "{}", a.log());
    assert!(a.stats().contains("VRRP Instance: "), "the others keep theirs");
    assert!(!node.path("/tmp/keepalived.data").exists());
}
