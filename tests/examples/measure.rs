//! Takeover beside the standard and beside keepalived, and what a flood of malformed adverts does: the
//! tables of the README, measured again on this machine.
//!
//! ```text
//! cargo run --release --example measure                     # both daemons, all events, a quarter of an hour
//! cargo run --release --example measure -- --reps 2         # quicker
//! ```
//!
//! Needs root or unprivileged user namespaces, `ip`, and Debian's keepalived for its columns.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "../bed/forge.rs"]
mod forge;
#[path = "../lab/mod.rs"]
mod lab;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::daemon::KEEPALIVED;
use lab::{Daemon, Lab, Observer, Stamp, wait_for, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);
const PRIORITY_A: u32 = 150;
const PRIORITY_B: u32 = 100;

/// Adverts a second of a flood, and for how long.
const FLOOD_RATE: f64 = 30_000.0;
const FLOOD_SPAN: Duration = Duration::from_secs(5);

/// An interval and the version that has it.
#[derive(Clone, Copy)]
struct Pace {
    interval: Duration,
    version: u8,
}

const PACES: [Pace; 3] = [
    Pace { interval: Duration::from_secs(1), version: 2 },
    Pace { interval: Duration::from_millis(100), version: 3 },
    Pace { interval: Duration::from_millis(10), version: 3 },
];

#[derive(Clone, Copy)]
enum Event {
    Kill,
    Stop,
    Cable,
}

const EVENTS: [(Event, &str); 3] =
    [(Event::Kill, "kill -9"), (Event::Stop, "graceful stop"), (Event::Cable, "cable out")];

impl Pace {
    /// `Skew_Time` of the backup (RFC 9568, section 6.1; RFC 3768 has a second for the interval).
    fn skew(self) -> Duration {
        let base = if self.version == 2 { Duration::from_secs(1) } else { self.interval };
        base * (256 - PRIORITY_B) / 256
    }

    fn down(self) -> Duration {
        self.interval * 3 + self.skew()
    }

    fn conf(self, priority: u32) -> String {
        format!(
            "global_defs {{\n vrrp_version {}\n script_user root\n}}\nvrrp_instance one {{\n state BACKUP\n interface eth0\n \
             virtual_router_id 51\n priority {priority}\n advert_int {}\n virtual_ipaddress {{\n 10.99.1.1/32\n }}\n}}\n",
            self.version,
            self.interval.as_secs_f64()
        )
    }
}

fn main() -> ExitCode {
    match (reps(), holdfast()) {
        (Ok(reps), Ok(holdfast)) => {
            let mut daemons = vec![("Holdfast", holdfast)];
            if Path::new(KEEPALIVED).exists() {
                daemons.insert(0, ("keepalived", KEEPALIVED.to_owned()));
            }
            takeover(&daemons, reps);
            flood(&daemons);
            ExitCode::SUCCESS
        }
        (Err(text), _) | (_, Err(text)) => {
            eprintln!("measure: {text}");
            ExitCode::from(2)
        }
    }
}

fn reps() -> Result<usize, String> {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(5),
        ["--reps", number] => number.parse().map_err(|_| format!("--reps {number}: not a number")),
        _ => Err("usage: measure [--reps N]".into()),
    }
}

fn holdfast() -> Result<String, String> {
    let own = env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let path = own.ancestors().nth(2).ok_or("this program lies in no target folder")?.join("holdfast");
    if path.exists() { Ok(path.display().to_string()) } else { Err("cargo build --release comes first".into()) }
}

fn takeover(daemons: &[(&str, String)], reps: usize) {
    println!("Takeover over theory, ms: median [least..most] of {reps}\n");
    let names: Vec<&str> = daemons.iter().map(|(name, _)| *name).collect();
    println!("| interval, event | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for pace in PACES {
        let columns: Vec<[Vec<f64>; 3]> = daemons.iter().map(|(_, program)| pair(program, pace, reps)).collect();
        for (place, (_, event)) in EVENTS.iter().enumerate() {
            let cells: Vec<String> = columns.iter().map(|column| spread(&column[place])).collect();
            println!("| {} s, {event} | {} |", pace.interval.as_secs_f64(), cells.join(" | "));
        }
    }
    println!();
}

/// Milliseconds over theory of all events, for one pair of daemons.
fn pair(program: &str, pace: Pace, reps: usize) -> [Vec<f64>; 3] {
    let lab = Lab::new(&["a", "b"]);
    let start = |node: &str, priority| Daemon::start(lab.node(node), program, &pace.conf(priority), &[]);
    let mut a = start("a", PRIORITY_A);
    let b = start("b", PRIORITY_B);
    let mut over = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..reps {
        for ((event, _), row) in EVENTS.iter().zip(&mut over) {
            settle(&lab, pace);
            // At no particular moment between two adverts.
            sleep(pace.interval.mul_f64(0.13 + 0.77 * (round as f64 + 0.5) / reps as f64));
            let packets = lab.observe();
            sleep(pace.interval * 2);
            let from = Stamp::now();
            match event {
                Event::Kill => drop(a.kill9()),
                Event::Stop => drop(a.term()),
                Event::Cable => drop(lab.cut("a")),
            }
            if let Some(millis) = over_theory(&packets, pace, from, *event) {
                row.push(millis);
            }
            match event {
                Event::Kill => {}
                Event::Stop => drop(a.wait(PATIENCE)),
                Event::Cable => {
                    a.kill9();
                    lab.mend("a");
                }
            }
            a = start("a", PRIORITY_A);
        }
    }
    drop(b);
    over
}

/// Waits until a is the only one that advertises.
fn settle(lab: &Lab, pace: Pace) {
    let settled = wait_until(PATIENCE, || {
        let packets = lab.observe();
        sleep(pace.interval * 3 + Duration::from_millis(100));
        packets.adverts("b").is_empty() && packets.adverts("a").len() >= 2
    });
    assert!(settled, "a does not become the only master");
}

/// The first advert of b, less the time that the standard gives it.
fn over_theory(packets: &Observer, pace: Pace, from: Stamp, event: Event) -> Option<f64> {
    let patience = pace.down() + Duration::from_secs(3);
    let first = wait_for(patience, || packets.adverts("b").into_iter().find(|(at, _)| *at >= from))?.0;
    let of_a = packets.adverts("a");
    let mut before = of_a.iter().filter(|(at, _)| *at < first);
    let (last, theory) = match event {
        Event::Stop => (before.rfind(|(_, advert)| advert.priority == 0)?.0, pace.skew()),
        Event::Kill | Event::Cable => (before.rfind(|(_, advert)| advert.priority != 0)?.0, pace.down()),
    };
    Some(first.millis_since(last + theory))
}

fn spread(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.first(), sorted.last()) {
        (Some(median), Some(least), Some(most)) => format!("{median:.2} [{least:.2}..{most:.2}]"),
        _ => "never".to_owned(),
    }
}

fn flood(daemons: &[(&str, String)]) {
    println!(
        "{FLOOD_RATE} adverts a second with our VRID, {} s, interval 0.1 s, at master a and backup b\n",
        FLOOD_SPAN.as_secs()
    );
    println!("| kind, daemon | CPU of a | CPU of b | adverts of a | longest gap, ms | adverts of b | log lines of a |");
    println!("|---|---|---|---|---|---|---|");
    let kinds = [
        ("wrong checksum", forge::advert(51, 254, 255, |vrrp| vrrp[6] ^= 1)),
        ("wrong TTL", forge::advert(51, 254, 64, |_| {})),
        ("cut short", forge::advert(51, 254, 255, |vrrp| vrrp.truncate(9))),
    ];
    for (kind, frame) in &kinds {
        for (name, program) in daemons {
            rain(&format!("{kind}, {name}"), program, frame);
        }
    }
}

fn rain(label: &str, program: &str, frame: &[u8]) {
    let pace = PACES[1];
    let lab = Lab::new(&["a", "b", "c"]);
    let mut a = Daemon::start(lab.node("a"), program, &pace.conf(PRIORITY_A), &[]);
    let mut b = Daemon::start(lab.node("b"), program, &pace.conf(PRIORITY_B), &[]);
    settle(&lab, pace);
    let wire = lab.node("c").transmitter("eth0");
    let cpu = [ticks(&mut a), ticks(&mut b)];
    let lines = a.log().lines().count();
    let packets = lab.observe();
    let begin = Instant::now();
    let mut sent = 0_u64;
    while begin.elapsed() < FLOOD_SPAN {
        while (sent as f64) < begin.elapsed().as_secs_f64() * FLOOD_RATE {
            wire.send(frame);
            sent += 1;
        }
        sleep(Duration::from_micros(500));
    }
    let used = [ticks(&mut a) - cpu[0], ticks(&mut b) - cpu[1]].map(|used| used / FLOOD_SPAN.as_secs_f64());
    let adverts = packets.adverts("a");
    let gap = adverts.windows(2).map(|pair| pair[1].0.millis_since(pair[0].0)).fold(0.0, f64::max);
    println!(
        "| {label} | {:.0} % | {:.0} % | {} | {gap:.0} | {} | {} |",
        used[0],
        used[1],
        adverts.len(),
        packets.adverts("b").len(),
        a.log().lines().count() - lines
    );
}

/// CPU used by a daemon and its children so far, in hundredths of a second: USER_HZ is 100 everywhere here.
fn ticks(daemon: &mut Daemon<'_>) -> f64 {
    let of = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<f64> =
            stat.rsplit(')').next().unwrap_or("").split_whitespace().filter_map(|word| word.parse().ok()).collect();
        // utime and stime: the 14th and 15th field, less pid, name and the state, which is no number.
        fields.get(10).zip(fields.get(11)).map_or(0.0, |(user, system)| user + system)
    };
    daemon.process().tree().into_iter().map(of).sum()
}
