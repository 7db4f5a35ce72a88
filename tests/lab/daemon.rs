//! A daemon that reads keepalived.conf, running in a node: holdfast or the peer it is compared with.

use std::path::Path;
use std::process::{ExitStatus, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::clock::{Stamp, wait_for};
use super::node::Node;
use super::process::Process;

/// Where Debian has the peer.
pub const KEEPALIVED: &str = "/usr/sbin/keepalived";

/// The signal that asks for the JSON dump (SIGRTMIN + 2 with glibc).
const SIGJSON: libc::c_int = 36;

/// A running daemon. Dropped, it is killed.
pub struct Daemon<'lab> {
    node: &'lab Node,
    process: Process,
    folder: String,
}

impl<'lab> Daemon<'lab> {
    /// Starts `program` in `node` with the configuration `conf` and more arguments.
    pub fn start(node: &'lab Node, program: &str, conf: &str, more: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        assert!(Path::new(program).exists(), "{program} is missing: see tests/all for what to install");
        // A folder for each start: several daemons in one node, and one daemon twice, do not mix.
        let folder = format!("/run/lab/{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let file = |name: &str| format!("{folder}/{name}");
        node.write(&file("keepalived.conf"), conf);
        let (conf, main, vrrp, check) = (file("keepalived.conf"), file("main.pid"), file("vrrp.pid"), file("chk.pid"));
        let mut argv = vec![program, "-n", "-l", "-D", "-f", &conf, "-p", &main, "-r", &vrrp, "-c", &check];
        argv.extend(more);
        let process = node.spawn(&argv, &file("log"));
        Self { node, process, folder }
    }

    /// The daemon under test: the holdfast that cargo built for this test, or what the environment variable
    /// `HOLDFAST_LAB_DAEMON` names, so that every test can be tried on the peer.
    pub fn holdfast(node: &'lab Node, conf: &str, more: &[&str]) -> Self {
        let named = std::env::var("HOLDFAST_LAB_DAEMON").ok();
        let built = option_env!("CARGO_BIN_EXE_holdfast").map(str::to_owned);
        let program = named.or(built).expect("cargo tells tests, and only tests, where the daemon is");
        Self::start(node, &program, conf, more)
    }

    /// The peer.
    pub fn keepalived(node: &'lab Node, conf: &str) -> Self {
        Self::start(node, KEEPALIVED, conf, &[])
    }

    /// Where its node is.
    pub fn node(&self) -> &'lab Node {
        self.node
    }

    /// The process that was started.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Whether its log has `text` within `timeout`.
    pub fn logs(&self, text: &str, timeout: Duration) -> bool {
        wait_for(timeout, || self.log().contains(text).then_some(())).is_some()
    }

    /// Where its pid file is, in the node.
    pub fn pid_file(&self) -> String {
        format!("{}/main.pid", self.folder)
    }

    /// Replaces its configuration file; [`Daemon::hup`] makes it read it.
    pub fn configure(&self, conf: &str) {
        self.node.write(&format!("{}/keepalived.conf", self.folder), conf);
    }

    /// Asks it to reload.
    pub fn hup(&self) -> Stamp {
        self.process.signal(libc::SIGHUP)
    }

    /// Asks it to stop.
    pub fn term(&self) -> Stamp {
        self.process.signal(libc::SIGTERM)
    }

    /// Kills it and its children as a power cut would.
    pub fn kill9(&mut self) -> Stamp {
        self.process.kill9()
    }

    /// Its exit status, if it ends within `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        self.process.wait(timeout)
    }

    /// Asks for the data dump (SIGUSR1) and reads it.
    pub fn data(&self) -> String {
        self.dump(libc::SIGUSR1, "/tmp/keepalived.data")
    }

    /// Asks for the statistics (SIGUSR2) and reads them.
    pub fn stats(&self) -> String {
        self.dump(libc::SIGUSR2, "/tmp/keepalived.stats")
    }

    /// Asks for the JSON dump and reads it.
    pub fn json(&self) -> String {
        self.dump(SIGJSON, "/tmp/keepalived.json")
    }

    fn dump(&self, signal: libc::c_int, path: &str) -> String {
        // Several daemons in one node write the same file; the last one asked is the one that is read.
        let _ = std::fs::remove_file(self.node.path(path));
        self.process.signal(signal);
        let mut before = String::new();
        let settled = wait_for(Duration::from_secs(5), || {
            // The peer does not write its dumps at one go: whole is what did not grow for a while.
            std::thread::sleep(Duration::from_millis(20));
            let text = self.node.read(path)?;
            let same = !text.is_empty() && text == before;
            before = text;
            same.then_some(())
        });
        assert!(settled.is_some(), "no {path} after signal {signal}; the log:\n{}", self.log());
        before
    }
}

/// Runs `program -t` on `conf` in `node`.
pub fn config_test(node: &Node, program: &str, conf: &str, more: &[&str]) -> Output {
    node.write("/run/lab/test.conf", conf);
    let mut argv = vec![program, "-t", "-f", "/run/lab/test.conf"];
    argv.extend(more);
    node.run(&argv)
}
