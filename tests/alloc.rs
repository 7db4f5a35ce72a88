//! From the first advert to the exit the daemon takes no memory from the heap, whatever arrives: once as
//! the tests are built, where it ends at the first allocation, and once as it is shipped, where it counts.

#![allow(clippy::disallowed_methods)]

mod bed;
mod lab;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bed::forge::advert;
use bed::{SECOND, VIP, gives_up, instance, ip, ip_run, says, script, takes};
use lab::{Daemon, Lab, node, wait_until};

/// All kinds of instances and scripts in one file.
fn conf(priority: u8) -> String {
    let check = "track_script {\n slow weight 1\n }\n notify /run/tell\n garp_master_refresh 1";
    let six = "track_interface {\n eth1 weight 5\n }";
    let peer = if priority > 150 { 2 } else { 1 };
    let unicast = format!(
        "unicast_peer {{\n 10.99.0.{peer}\n }}\n authentication {{\n auth_type PASS\n auth_pass secret\n }}\n version 2"
    );
    let instances = [
        instance("one", 51, priority, &format!("{VIP}/24 label eth0:vip\n10.99.1.2"), check),
        instance("six", 51, priority, "fe80::99\nfd99:1::1", six),
        instance("uni", 52, priority, "10.99.1.3 dev eth1", &unicast).replace("advert_int 0.1", "advert_int 1"),
        "vrrp_sync_group both {\n group {\n one\n six\n }\n track_script {\n check weight -100\n }\n notify /run/tell\n}\n".to_owned(),
    ];
    format!(
        "global_defs {{\n vrrp_version 3\n script_user root\n log_unknown_vrids\n smtp_alert\n smtp_server localhost 2525\n notification_email {{\n a@example.org\n }}\n}}\n\
         vrrp_script check {{\n script \"/bin/ls /run/good\"\n interval 0.2\n}}\n\
         vrrp_script slow {{\n script /run/hangs\n interval 1\n timeout 1\n}}\n{}",
        instances.concat()
    )
}

fn flood(lab: &Lab, from: &str) {
    let wire = lab.node(from).transmitter("eth0");
    let frames = [
        advert(51, 1, 255, |_| {}),
        advert(51, 254, 255, |vrrp| vrrp[6] ^= 1),
        advert(51, 254, 3, |_| {}),
        advert(51, 254, 255, |vrrp| vrrp.truncate(9)),
        advert(51, 254, 255, |vrrp| vrrp[0] = 0x91),
        advert(51, 254, 255, |vrrp| vrrp[3] = 200),
        advert(99, 254, 255, |_| {}),
        advert(52, 254, 255, |_| {}),
    ];
    for round in 0..400 {
        frames.iter().for_each(|frame| wire.send(frame));
        if round % 10 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Everything that can happen to a daemon, on machine a; then what it says of its memory.
fn drill(program: &str) {
    bed::scripts_can_run();
    let lab = Lab::with_networks(&["a", "b"], 2);
    for (number, name) in [(1, "a"), (2, "b")] {
        let node = lab.node(name);
        script(node, "/run/tell", "echo \"$@\" >> /run/told\nexit 3");
        script(node, "/run/hangs", "trap '' TERM\nsleep 100 &\nwait\nwait");
        node.write("/run/good", "");
        lab.add_address(name, "eth0", &format!("fe80::{number}/64"));
    }
    let mut a = Daemon::start(lab.node("a"), program, &conf(200), &[]);
    let (first, last) = (VIP, "10.99.1.3");
    takes(&a, first);
    takes(&a, last);
    let b = Daemon::start(lab.node("b"), program, &conf(150), &[]);
    says(&b, "(uni) Entering BACKUP STATE");
    // Over and back, by a cable, a script, a link, a name.
    lab.plug("a", 0, false);
    takes(&b, first);
    flood(&lab, "b");
    lab.plug("a", 0, true);
    takes(&a, first);
    std::fs::remove_file(lab.node("a").path("/run/good")).expect("it was there");
    takes(&b, first);
    gives_up(&a, first);
    lab.node("a").write("/run/good", "");
    takes(&a, first);
    for words in ["link set eth0 down", "link set eth0 up", "link set eth1 down", "link set eth1 up"] {
        ip_run(lab.node("a"), words);
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.add_address("a", "eth0", "fe80::1/64");
    ip_run(lab.node("a"), "link set eth0 name lan0");
    says(&a, "(one) Entering FAULT STATE");
    ip_run(lab.node("a"), "link set lan0 name eth0");
    takes(&a, first);
    // Somebody plays with its addresses.
    for _ in 0..25 {
        lab.node("a").run(&["ip", "addr", "del", "10.99.1.2/32", "dev", "eth0"]);
    }
    let many =
        |verb: &str| (0..500).map(|n| format!("addr {verb} 10.7.{}.{}/32 dev eth1\n", n / 250, n % 250)).collect();
    for verb in ["add", "del"] {
        let batch: String = many(verb);
        node::ip_batch(lab.node("a"), &batch).expect("addresses");
    }
    takes(&a, "fd99:1::1");
    flood(&lab, "b");
    // Stopped and going on, asked for everything it knows, all over from a new file.
    let pid = a.process().id();
    lab::os::kill(pid, libc::SIGSTOP).expect("it runs");
    takes(&b, first);
    lab::os::kill(pid, libc::SIGCONT).expect("it runs");
    for signal in [libc::SIGUSR2, 36, 37, 63, libc::SIGUSR1] {
        a.process().signal(signal);
    }
    a.configure(&conf(201));
    a.hup();
    says(&a, "Reload finished");
    takes(&a, first);
    flood(&lab, "b");
    // A script that hangs has been killed by now.
    says(&a, "VRRP_Script(slow) timed_out");
    assert!(wait_until(5 * SECOND, || lab.node("a").has(ip(last))));
    for daemon in [&a, &b] {
        let line =
            |text: String| text.lines().find(|line| line.contains("Allocations while running")).map(str::to_owned);
        assert_eq!(line(daemon.data()).as_deref(), Some(" Allocations while running = 0"), "{}", daemon.log());
    }
    a.term();
    assert_eq!(a.wait(5 * SECOND).and_then(|status| status.code()), Some(0), "{}", a.log());
}

#[test]
fn nothing_is_allocated_while_it_runs() {
    drill(env!("CARGO_BIN_EXE_holdfast"));
}

#[test]
fn nor_in_the_release_binary() {
    let built = Path::new(env!("CARGO_BIN_EXE_holdfast"));
    let target: PathBuf = built.ancestors().nth(2).expect("target/debug/holdfast").into();
    // Built anew if anything changed: an old one would prove nothing.
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--bin", "holdfast", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("run cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drill(target.join("release/holdfast").to_str().expect("a plain path"));
}
