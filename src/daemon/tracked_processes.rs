//! Tracked processes: how many of each run, counted in /proc, a few at a time.
//!
//! All are counted once a second. The kernel can tell of each start and end (its process connector), but to
//! privileged processes of the first network namespace only.

use crate::config::Config;
use crate::config::model::{ParameterMatch, TrackedProcess};
use crate::proto::debounce::Debounce;
use crate::sys::processes::{Process, Processes};
use crate::time::{Duration, Instant};

/// How often all are counted.
const INTERVAL: Duration = Duration::from_secs(1);

/// Between two batches: adverts come first.
const BREATH: Duration = Duration::from_millis(2);

/// Bytes of a name that the kernel keeps.
const KERNEL_NAME: usize = 15;

/// One kind of process.
#[derive(Debug)]
struct Tracked {
    name: Box<str>,
    wanted: Wanted,
    least: u32,
    most: u32,
    /// Counted so far, and when all were counted last.
    counting: u32,
    count: u32,
    quorum: Debounce,
    /// What was told, if it was.
    has_quorum: Option<bool>,
}

/// What a process is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Wanted {
    program: Box<[u8]>,
    /// Each with a NUL behind it.
    parameters: Box<[u8]>,
    how: ParameterMatch,
    full_command: bool,
}

/// All of them.
#[derive(Debug)]
pub struct TrackedProcesses {
    /// None if there is nothing to count.
    processes: Option<Processes>,
    list: Box<[Tracked]>,
    next_at: Instant,
}

impl TrackedProcesses {
    /// Nothing is counted yet.
    pub fn new(config: &Config) -> Self {
        let list: Box<[_]> = config.processes.iter().map(tracked).collect();
        let open = || Processes::open().map_err(|errno| log::error!("processes cannot be tracked: {errno}")).ok();
        Self { processes: if list.is_empty() { None } else { open() }, list, next_at: Instant::ZERO }
    }

    /// Goes on with delays that run.
    pub fn take_over(&mut self, old: &Self) {
        for tracked in &mut self.list {
            let same = |before: &&Tracked| before.name == tracked.name && before.wanted == tracked.wanted;
            if let Some(before) = old.list.iter().find(same) {
                tracked.quorum.resume(&before.quorum);
                tracked.has_quorum = before.has_quorum;
            }
        }
    }

    /// Counts all, at the start.
    pub fn count_all(&mut self, now: Instant) {
        while self.count_some() {}
        self.judge(now);
    }

    /// Does what is due.
    pub fn deadline(&mut self, now: Instant) {
        if self.processes.is_some() && self.next_at <= now {
            if self.count_some() {
                self.next_at = now + BREATH;
            } else {
                self.judge(now);
            }
        }
        for tracked in &mut self.list {
            tracked.has_quorum = tracked.quorum.deadline(now).or(tracked.has_quorum);
        }
    }

    /// When there is something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.processes.as_ref()?;
        let delays = self.list.iter().filter_map(|tracked| tracked.quorum.next_deadline());
        delays.chain([self.next_at]).min()
    }

    /// Whether there are as many as there must be. None: not known.
    pub fn has_quorum(&self, process: usize) -> Option<bool> {
        self.list.get(process)?.has_quorum
    }

    /// How many there are.
    pub fn count(&self, process: usize) -> u32 {
        self.list.get(process).map_or(0, |tracked| tracked.count)
    }

    /// Whether a delay runs: for a quorum that was gained, for one that was lost.
    pub fn delays(&self, process: usize) -> (bool, bool) {
        let Some(tracked) = self.list.get(process) else { return (false, false) };
        let runs = tracked.quorum.next_deadline().is_some();
        let lost = tracked.has_quorum == Some(true);
        (runs && !lost, runs && lost)
    }

    /// False: all were counted.
    fn count_some(&mut self) -> bool {
        let Some(processes) = &self.processes else { return false };
        let list = &mut self.list;
        // An error ends this round; the next one tries again.
        processes.read(|process| list.iter_mut().for_each(|tracked| tracked.note(process))).unwrap_or(false)
    }

    fn judge(&mut self, now: Instant) {
        for tracked in &mut self.list {
            tracked.count = core::mem::take(&mut tracked.counting);
            let enough = (tracked.least..=tracked.most).contains(&tracked.count);
            tracked.has_quorum = tracked.quorum.observe(now, enough).or(tracked.has_quorum);
        }
        self.next_at = now + INTERVAL;
    }
}

impl Tracked {
    fn note(&mut self, process: Process<'_>) {
        self.counting = self.counting.saturating_add(u32::from(self.wanted.is(process)));
    }
}

impl Wanted {
    fn is(&self, process: Process<'_>) -> bool {
        let end = process.command_line.iter().position(|byte| *byte == 0).unwrap_or(process.command_line.len());
        let (program, rest) = process.command_line.split_at_checked(end).unwrap_or_default();
        if !self.full_command {
            // The kernel has only the beginning of a long name.
            let kept = self.program.get(..KERNEL_NAME).unwrap_or(&self.program);
            let is_whole = self.program.len() <= KERNEL_NAME;
            return process.name == kept && (is_whole || program.ends_with(&self.program));
        }
        let parameters = rest.get(1..).unwrap_or_default();
        let is_right = match self.how {
            ParameterMatch::Any => true,
            ParameterMatch::Exact => parameters == &*self.parameters,
            ParameterMatch::Initial => parameters.starts_with(&self.parameters),
            ParameterMatch::Partial => {
                let last_open = self.parameters.strip_suffix(&[0]).unwrap_or_default();
                parameters.starts_with(last_open)
            }
        };
        program == &*self.program && is_right
    }
}

fn tracked(process: &TrackedProcess) -> Tracked {
    Tracked {
        name: process.name.as_str().into(),
        wanted: wanted(process),
        least: process.quorum,
        most: process.quorum_max.unwrap_or(u32::MAX),
        counting: 0,
        count: 0,
        quorum: Debounce::new(process.terminate_delay, process.fork_delay),
        has_quorum: None,
    }
}

fn wanted(process: &TrackedProcess) -> Wanted {
    Wanted {
        program: process.program.as_bytes().into(),
        parameters: process.parameters.iter().flat_map(|word| word.bytes().chain([0])).collect(),
        how: process.how(),
        full_command: process.is_full_command(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_name_or_by_its_command_line() {
        use ParameterMatch::{Initial, Partial};
        let line = b"/usr/sbin/mysqld\0--port\x003306\0";
        // program, parameters, how, full command -> is it?
        type Row = (&'static str, &'static [&'static str], Option<ParameterMatch>, bool, bool);
        let table: [Row; 14] = [
            ("mysqld", &[], None, false, true),
            ("mysql", &[], None, false, false),
            ("/usr/sbin/mysqld", &[], None, false, false),
            ("/usr/sbin/mysqld", &[], None, true, true),
            ("mysqld", &[], None, true, false),
            ("/usr/sbin/mysqld", &["--port", "3306"], None, false, true),
            ("/usr/sbin/mysqld", &["--port"], None, false, false),
            ("/usr/sbin/mysqld", &["--port"], Some(Initial), false, true),
            ("/usr/sbin/mysqld", &["--port", "33"], Some(Initial), false, false),
            ("/usr/sbin/mysqld", &["--port", "33"], Some(Partial), false, true),
            ("/usr/sbin/mysqld", &["3306"], Some(Partial), false, false),
            ("/usr/sbin/mysqld", &[], Some(Initial), true, true),
            ("/usr/sbin/mysqld", &["--port", "3306", "-v"], Some(Partial), false, false),
            ("/usr/sbin/mysqld", &[], Some(Partial), true, true),
        ];
        for (program, parameters, how, full_command, expected) in table {
            let process = TrackedProcess {
                program: program.into(),
                parameters: parameters.iter().map(|word| (*word).into()).collect(),
                param_match: how,
                full_command,
                ..TrackedProcess::default()
            };
            let found = wanted(&process).is(Process { name: b"mysqld", command_line: line });
            assert_eq!(found, expected, "{program} {parameters:?} {how:?} {full_command}");
        }
    }

    #[test]
    fn a_long_name_is_compared_whole() {
        let is = |wanted_name: &str, line: &[u8]| {
            let process = TrackedProcess { program: wanted_name.into(), ..TrackedProcess::default() };
            wanted(&process).is(Process { name: b"averyverylongna", command_line: line })
        };
        assert!(is("averyverylongname", b"/bin/averyverylongname\0"));
        assert!(!is("averyverylongname", b"/bin/averyverylongnaut\0"));
        assert!(is("averyverylongna", b"/bin/averyverylongname\0"));
    }
}
