//! A program that runs in a node until somebody stops it.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::Duration;

use super::clock::{Stamp, wait_for};
use super::os;

/// A running program, its children, and its log.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Takes charge of `child`, whose output goes to the file `log`.
    pub fn new(child: Child, log: PathBuf) -> Self {
        Self { child, log }
    }

    /// Its number, as this process sees it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Sends it a signal, and says when.
    pub fn signal(&self, signal: libc::c_int) -> Stamp {
        let at = Stamp::now();
        os::kill(self.id(), signal).expect("the process was not yet waited for");
        at
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its exit status, if it ends within `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Option<ExitStatus> {
        wait_for(timeout, || self.child.try_wait().expect("it is our child"))
    }

    /// Its number and those of all its descendants, as this process sees them.
    pub fn tree(&self) -> Vec<u32> {
        let mut all = vec![self.id()];
        all.extend(descendants(self.id()));
        all
    }

    /// Stops it and all its descendants where they stand, the parent first: no child is restarted.
    pub fn freeze(&mut self) {
        if self.is_running() {
            let _ = os::kill(self.id(), libc::SIGSTOP);
            for pid in descendants(self.id()) {
                let _ = os::kill(pid, libc::SIGSTOP);
            }
        }
    }

    /// Kills it and all its descendants, and says when. They are frozen first: a child that saw its parent
    /// die would still say goodbye, and the death would be a graceful one.
    pub fn kill9(&mut self) -> Stamp {
        self.freeze();
        let at = Stamp::now();
        for pid in descendants(self.id()) {
            let _ = os::kill(pid, libc::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        at
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
        if thread::panicking() {
            let log = self.log();
            let skipped = log.lines().count().saturating_sub(60);
            let tail: Vec<&str> = log.lines().skip(skipped).collect();
            eprintln!("--- the end of {}\n{}", self.log.display(), tail.join("\n"));
        }
    }
}

/// All processes below `root`.
fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name in brackets may hold anything; the parent is the second field behind it.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(pid);
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}
