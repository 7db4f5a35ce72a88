//! Judges of the judges: the protocol with one deliberate error each, and whether it is found.
//!
//! A mutant is one piece of text of `src` replaced by another. `src/proto` and what it stands on are
//! copied, mutated and compiled with the simulator or the table of the standard, which then has to fail;
//! the copy without an error has to pass. If the old text is not there exactly once, the list here is out
//! of date, and that fails too.
//!
//! `HOLDFAST_MUTANT=word cargo test --test mutants -- --nocapture` tries only those with it in their name.

// Compilers are started and waited for here.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Who has to find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Judge {
    /// `tests/sim`, within [`SCENARIOS`].
    Simulator,
    /// `tests/rfc_table.rs`.
    Table,
}

use Judge::{Simulator, Table};

struct Mutant {
    name: &'static str,
    file: &'static str,
    old: &'static str,
    new: &'static str,
    judge: Judge,
}

const SCENARIOS: &str = "400";

const ROUTER: &str = "proto/vrrp/mod.rs";
const SETTINGS: &str = "proto/vrrp/settings.rs";
const RECEIVE: &str = "proto/vrrp/receive.rs";
const NODE: &str = "proto/node.rs";

const fn mutant(judge: Judge, name: &'static str, file: &'static str, old: &'static str, new: &'static str) -> Mutant {
    Mutant { name, file, old, new, judge }
}

const MUTANTS: &[Mutant] = &[
    mutant(
        Simulator,
        "skew truncated to whole seconds",
        SETTINGS,
        "base.span().scaled(256 - u32::from(priority), 256)",
        "Duration::from_secs(base.span().scaled(256 - u32::from(priority), 256).as_secs())",
    ),
    mutant(
        Simulator,
        "version 2 skew of the interval",
        SETTINGS,
        "Version::V2 => Centis::SECOND,",
        "Version::V2 => active_interval,",
    ),
    mutant(
        Simulator,
        "one advert missed too few",
        SETTINGS,
        "u64::from(self.down_timer_adverts)",
        "u64::from(self.down_timer_adverts - 1)",
    ),
    mutant(Simulator, "nopreempt ignored", ROUTER, "self.settings.preempt || self.priority == OWNER", "true"),
    mutant(Simulator, "never preempts", ROUTER, "self.settings.preempt || self.priority == OWNER", "false"),
    mutant(
        Table,
        "an owner may be told not to preempt",
        ROUTER,
        "self.settings.preempt || self.priority == OWNER",
        "self.settings.preempt",
    ),
    mutant(
        Simulator,
        "preempt_delay ignored",
        ROUTER,
        "if delay.is_zero() || self.priority == OWNER {",
        "if !delay.is_zero() || true {",
    ),
    mutant(
        Simulator,
        "preempt_delay anew with each advert",
        ROUTER,
        "now < *backup.bears_until.get_or_insert(now + delay)",
        "now < *backup.bears_until.insert(now + delay)",
    ),
    mutant(
        Simulator,
        "priority 0 is an advert like others",
        ROUTER,
        "if advert.priority == LEAVING {\n            outbox.push(",
        "if advert.priority == LEAVING && now == Instant::ZERO {\n            outbox.push(",
    ),
    mutant(
        Simulator,
        "equal counts as lower in Backup",
        ROUTER,
        "advert.priority < self.priority",
        "advert.priority <= self.priority",
    ),
    mutant(Simulator, "ties won by the lower address", ROUTER, "source > own)", "source < own)"),
    mutant(
        Simulator,
        "ties won by whoever speaks",
        ROUTER,
        "self.source.is_some_and(|own| source > own)",
        "self.source.is_some()",
    ),
    mutant(
        Simulator,
        "addresses kept when yielding",
        ROUTER,
        "self.listen(now);\n        outbox.push(Action::Release);",
        "self.listen(now);",
    ),
    mutant(
        Simulator,
        "addresses kept in a fault",
        ROUTER,
        "count(&mut self.stats.released_master);\n        outbox.push(Action::Release);\n        self.enter",
        "self.enter",
    ),
    mutant(
        Simulator,
        "timer not restarted by adverts",
        ROUTER,
        "backup.down_at = now + self.active_down_interval();\n        backup.listening",
        "backup.listening",
    ),
    mutant(
        Simulator,
        "interval not learned in Backup",
        ROUTER,
        "self.active_interval = advert.interval;\n        backup.down_at",
        "backup.down_at",
    ),
    mutant(
        Simulator,
        "interval not learned when yielding",
        ROUTER,
        "self.become_backup(now, advert.interval, outbox);",
        "self.become_backup(now, self.settings.advert_interval, outbox);",
    ),
    mutant(Simulator, "adverts drift", ROUTER, "let next = active.advert_at + interval;", "let next = now + interval;"),
    mutant(
        Simulator,
        "the deadline is not moved on",
        ROUTER,
        "active.advert_at = if next > now { next } else { now + interval };",
        "let _ = next;",
    ),
    mutant(
        Simulator,
        "a master in fault does not say goodbye",
        ROUTER,
        "(Phase::Active(_), Input::Fault) => {\n                self.advertise(LEAVING, outbox);",
        "(Phase::Active(_), Input::Fault) => {",
    ),
    mutant(
        Simulator,
        "a master that stops does not say goodbye",
        ROUTER,
        "(Phase::Active(_), Input::Shutdown) => {\n                self.advertise(LEAVING, outbox);",
        "(Phase::Active(_), Input::Shutdown) => {",
    ),
    mutant(
        Table,
        "an owner waits",
        ROUTER,
        "if self.priority == OWNER {\n            self.become_active",
        "if self.priority == LEAVING {\n            self.become_active",
    ),
    mutant(
        Simulator,
        "a late timer takes over at once",
        ROUTER,
        "if late > interval && !backup.listening_again {",
        "if late > interval.times(1000) && !backup.listening_again {",
    ),
    mutant(
        Simulator,
        "a new priority leaves the timer as it was",
        ROUTER,
        "(backup.down_at + self.active_down_interval() - before).max(now.min(backup.down_at))",
        "backup.down_at",
    ),
    mutant(
        Table,
        "a new priority starts the timer anew",
        ROUTER,
        "(backup.down_at + self.active_down_interval() - before).max(now.min(backup.down_at))",
        "now + self.active_down_interval()",
    ),
    mutant(
        Table,
        "always late never takes over",
        ROUTER,
        "if late > interval && !backup.listening_again {",
        "if late > interval {",
    ),
    mutant(
        Simulator,
        "a master that slept goes on",
        ROUTER,
        "if late > self.active_down_interval() {\n            self.listen_after_sleep(now, late, outbox);\n            return;",
        "if late > Duration::MAX {\n            return;",
    ),
    mutant(
        Simulator,
        "a backup trusts its timer after a sleep",
        ROUTER,
        "let listened = backup.down_at.max(now + self.active_down_interval());",
        "let listened = backup.down_at;",
    ),
    mutant(
        Table,
        "rivals are not answered",
        ROUTER,
        "        self.advertise(ours, outbox);\n        let announce",
        "        let announce",
    ),
    mutant(
        Table,
        "a flood is answered by a flood",
        ROUTER,
        "let may = now >= active.may_answer_at;",
        "let may = true;",
    ),
    mutant(
        Simulator,
        "a reload starts the timer again",
        ROUTER,
        "backup.down_at = backup.down_at + down - old.active_down_interval();",
        "backup.down_at = now + down;",
    ),
    mutant(
        Simulator,
        "a reload forgets weights",
        ROUTER,
        "let priority = resumed_priority(&settings, old);",
        "let priority = settings.priority;",
    ),
    mutant(
        Simulator,
        "a sync group does not go up together",
        NODE,
        "Some(Pull::Up) => Some(vrrp::Input::Promote),",
        "Some(Pull::Up) => None,",
    ),
    mutant(
        Simulator,
        "a sync group does not go down together",
        NODE,
        "Some(Pull::Down) => Some(vrrp::Input::Yield),",
        "Some(Pull::Down) => None,",
    ),
    mutant(Simulator, "routers joined by a reload stay torn", NODE, "self.join_groups();", ""),
    mutant(
        Simulator,
        "a reload puts off periodic announcements",
        ROUTER,
        "if refresh != old.settings.announce.refresh {",
        "if !refresh.is_zero() {",
    ),
    mutant(Simulator, "group state not told", NODE, "outbox.push(Output::Group(index as u16, state));", ""),
    mutant(
        Simulator,
        "one fault is not all members'",
        NODE,
        ".max().unwrap_or(Fitness::Fit)",
        ".min().unwrap_or(Fitness::Fit)",
    ),
    mutant(
        Simulator,
        "a tracker's weight is ignored",
        NODE,
        "verdict.priority(router.settings().priority)",
        "router.settings().priority",
    ),
    mutant(
        Table,
        "packets from beyond the link",
        RECEIVE,
        "None => self.is_unicast() || hops == 255,",
        "None => self.is_unicast() || hops > 0,",
    ),
    mutant(Table, "our own packets", RECEIVE, "if own == Some(packet.source) {", "if own.is_none() {"),
    mutant(
        Table,
        "version 2 with another interval",
        RECEIVE,
        "if advert.interval != self.advert_interval {",
        "if advert.interval == Centis(0) {",
    ),
    mutant(
        Table,
        "any checksum will do",
        "wire/vrrp/advert.rs",
        "sum.is_valid()",
        "sum.is_valid() || payload.len() > 1",
    ),
];

/// Modules that the judges need; the rest of `src` is not compiled.
const PROTO: &[&str] = &["node", "outbox", "script", "track", "vrrp"];
const WIRE: &[&str] = &["checksum", "vrrp"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies a module and all below it.
fn copy(relative: &str, to: &Path) {
    let from = root().join("src").join(relative);
    if from.is_dir() {
        fs::create_dir_all(to.join(relative)).expect("a directory");
        for entry in fs::read_dir(&from).expect("a directory").flatten() {
            copy(&format!("{relative}/{}", entry.file_name().to_string_lossy()), to);
        }
    } else if from.is_file() {
        fs::copy(&from, to.join(relative)).expect("a copy");
    }
}

/// A parent module with only the modules named.
fn copy_parent(parent: &str, keep: &[&str], to: &Path) {
    fs::create_dir_all(to.join(parent)).expect("a directory");
    let text = fs::read_to_string(root().join("src").join(parent).join("mod.rs")).expect("a module");
    let is_kept = |line: &&str| {
        let name = line.trim().strip_prefix("pub mod ").or_else(|| line.trim().strip_prefix("pub use "));
        name.and_then(|name| name.split([';', ':']).next()).is_none_or(|name| keep.contains(&name))
    };
    let kept: Vec<&str> = text.lines().filter(is_kept).collect();
    fs::write(to.join(parent).join("mod.rs"), kept.join("\n")).expect("a file");
    for module in keep {
        copy(&format!("{parent}/{module}.rs"), to);
        copy(&format!("{parent}/{module}"), to);
    }
}

/// A copy of the sources in a directory of its own.
fn prepare(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants").join(name.replace(' ', "-"));
    let _ = fs::remove_dir_all(&directory);
    copy_parent("proto", PROTO, &directory);
    copy_parent("wire", WIRE, &directory);
    copy("time.rs", &directory);
    fs::write(directory.join("lib.rs"), "pub mod proto;\npub mod time;\npub mod wire;\n").expect("a file");
    directory
}

fn mutate(directory: &Path, mutant: &Mutant) -> Result<(), String> {
    let path = directory.join(mutant.file);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", mutant.file))?;
    match text.matches(mutant.old).count() {
        1 => fs::write(&path, text.replace(mutant.old, mutant.new)).map_err(|error| error.to_string()),
        count => Err(format!("its old text is {count} times in {}, not once", mutant.file)),
    }
}

fn rustc(directory: &Path, arguments: &[&str]) -> Result<(), String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .args(["--edition", "2024", "-C", "opt-level=0", "-C", "debug-assertions=on", "--cap-lints", "allow"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Compiles a copy with a judge and asks it. True: no error found.
fn passes(directory: &Path, judge: Judge) -> Result<bool, String> {
    rustc(directory, &["--crate-type", "rlib", "--crate-name", "holdfast", "lib.rs"])?;
    let source = root().join(match judge {
        Simulator => "tests/sim/main.rs",
        Table => "tests/rfc_table.rs",
    });
    let source = source.to_string_lossy();
    rustc(directory, &["--test", "--crate-name", "judge", &source, "--extern", "holdfast=libholdfast.rlib"])?;
    let mut child = Command::new(directory.join("judge"))
        .env("HOLDFAST_SIM_SCENARIOS", SCENARIOS)
        .env_remove("HOLDFAST_SIM_SEED")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if begin.elapsed() < Duration::from_secs(60) => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                // An error that hangs the judge is found as well.
                let _ = child.kill();
                let _ = child.wait();
                return Ok(false);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn try_mutant(mutant: &Mutant) -> Result<(), String> {
    let directory = prepare(mutant.name);
    let result = mutate(&directory, mutant).and_then(|()| match passes(&directory, mutant.judge)? {
        false => Ok(()),
        true => Err(format!("lives: not found by the {:?}", mutant.judge)),
    });
    let _ = fs::remove_dir_all(&directory);
    result.map_err(|error| format!("{}: {error}", mutant.name))
}

fn try_original(judge: Judge) -> Result<(), String> {
    let directory = prepare(&format!("original {judge:?}"));
    let result = passes(&directory, judge);
    let _ = fs::remove_dir_all(&directory);
    match result {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("the {judge:?} fails without a mutant")),
        Err(error) => Err(error),
    }
}

#[test]
fn every_mutant_dies() {
    let wanted = std::env::var("HOLDFAST_MUTANT").unwrap_or_default();
    let mut errors: Vec<String> =
        [Simulator, Table].into_iter().filter_map(|judge| try_original(judge).err()).collect();
    let queue = Mutex::new(MUTANTS.iter().filter(|mutant| mutant.name.contains(&wanted)));
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let work = || {
        let mut living = Vec::new();
        while let Some(mutant) = next() {
            living.extend(try_mutant(mutant).err());
        }
        living
    };
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            errors.extend(thread.join().unwrap_or_else(|_| vec!["a worker panicked".into()]));
        }
    });
    assert!(errors.is_empty(), "{} mutants of {}:\n{}", errors.len(), MUTANTS.len(), errors.join("\n"));
}
