//! For the tests beside the code: a network namespace of one's own, a thread each.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::process::{Command, Stdio};

/// Runs `test` in a fresh network namespace. Without the right to make one it says so and returns.
pub(super) fn run(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::spawn(|| {
        // SAFETY: no pointer is passed; it moves this thread only.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            eprintln!("not run: network namespaces need root");
            return;
        }
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs ip(8) with those arguments in the namespace of this thread.
pub(super) fn ip(arguments: &str) {
    let done = Command::new("ip").args(arguments.split(' ')).stdin(Stdio::null()).status();
    assert!(done.is_ok_and(|status| status.success()), "ip {arguments}");
}

/// Two ends of a cable, `left` (192.0.2.1, 2001:db8::1) and `right` (192.0.2.2, 2001:db8::2), both up and
/// both here.
pub(super) fn cable() {
    ip("link set lo up");
    ip("link add left type veth peer name right");
    for (name, host) in [("left", 1), ("right", 2)] {
        ip(&format!("link set {name} addrgenmode none"));
        ip(&format!("link set {name} up"));
        ip(&format!("addr add 192.0.2.{host}/24 dev {name}"));
        ip(&format!("addr add 2001:db8::{host}/64 dev {name} nodad"));
        ip(&format!("addr add fe80::{host}/64 dev {name} nodad"));
    }
    // Until the kernel's link watch has run, what is sent is dropped without an error; IPv6 addresses get
    // their routes later, too.
    wait_for("-o link show dev left", "state UP");
    wait_for("-o link show dev right", "state UP");
    for address in ["2001:db8::1", "2001:db8::2", "fe80::1", "fe80::2"] {
        wait_for("-6 route show table local", &format!("local {address} "));
    }
    // One host is both ends: let it take packets from itself.
    for path in ["all/rp_filter", "left/rp_filter", "right/rp_filter"] {
        std::fs::write(format!("/proc/sys/net/ipv4/conf/{path}"), "0").unwrap();
    }
    for name in ["left", "right"] {
        std::fs::write(format!("/proc/sys/net/ipv4/conf/{name}/accept_local"), "1").unwrap();
    }
}

/// Until ip(8) with those arguments shows `text`.
fn wait_for(arguments: &str, text: &str) {
    let shows = || {
        let shown = Command::new("ip").args(arguments.split(' ')).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).contains(text)
    };
    let mut tries = (0..500).map(|_| std::thread::sleep(std::time::Duration::from_millis(10)));
    assert!(shows() || tries.any(|()| shows()), "ip {arguments}: no {text}");
}
