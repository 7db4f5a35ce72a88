//! The simulator: the real protocol code, real bytes, a virtual clock and a bad network, by seed.
//!
//! ```text
//! HOLDFAST_SIM_SCENARIOS=1000 cargo test --test sim          how many
//! HOLDFAST_SIM_SEED=42 cargo test --test sim -- --nocapture  one of them, told step by step
//! ```
//!
//! At every step, whatever the faults: addresses are held exactly by who is master; deadlines move on;
//! each timer is what the standard says (`theory`); nobody takes over or yields without a reason.
//! When the network is whole and quiet: one master, the right one, in time (`scenario`, `probe`), and two
//! at once never longer than one advert needs (`world`).

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod host;
mod plan;
mod probe;
mod rng;
mod scenario;
mod theory;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use plan::Plan;
use scenario::{Outcome, play};

/// So many, unless the environment says otherwise.
const SCENARIOS: u32 = 100_000;

/// Of a failed scenario's story: so many lines at its end are printed, and before them so many that are
/// not about single packets.
const LAST_LINES: usize = 40;
const EVENT_LINES: usize = 150;

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

/// Plays a scenario; a panic of the code under test is a failure like any other.
fn play_guarded(seed: u64) -> Result<usize, String> {
    match catch_unwind(AssertUnwindSafe(|| play(seed, false))) {
        Ok(Outcome { result: Ok(()), elections, .. }) => Ok(elections),
        Ok(Outcome { result: Err(error), .. }) => Err(error),
        Err(_) => Err("panic".into()),
    }
}

/// The story of one seed: all of it, or what matters.
fn tell(seed: u64, all: bool) {
    println!("{}", Plan::new(seed));
    let Outcome { trace, .. } = play(seed, true);
    let (before, last) = trace.split_at(if all { 0 } else { trace.len().saturating_sub(LAST_LINES) });
    let events: Vec<&String> = before.iter().filter(|line| !line.contains(" advert ")).collect();
    for line in events.iter().skip(events.len().saturating_sub(EVENT_LINES)) {
        println!("{line}");
    }
    if !all {
        println!("--- packets are shown from here on; HOLDFAST_SIM_SEED shows all");
    }
    for line in last {
        println!("{line}");
    }
}

#[test]
fn all() {
    if let Some(seed) = number("HOLDFAST_SIM_SEED") {
        tell(seed, true);
        assert_eq!(play_guarded(seed).map(|_| ()), Ok(()), "seed {seed}");
        return;
    }
    let count = number("HOLDFAST_SIM_SCENARIOS").map_or(SCENARIOS, |count| count as u32);
    let next = AtomicU32::new(0);
    let elections = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= count {
            return None;
        }
        match play_guarded(seed.into()) {
            Ok(held) => elections.fetch_add(held, Ordering::Relaxed),
            Err(error) => {
                next.store(count, Ordering::Relaxed);
                return Some((u64::from(seed), error));
            }
        };
    };
    let failed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).min()
    });
    if let Some((seed, error)) = failed {
        let _ = catch_unwind(|| tell(seed, false));
        panic!("{error}\nTo see it again: HOLDFAST_SIM_SEED={seed} cargo test --test sim -- --nocapture");
    }
    let elections = elections.load(Ordering::Relaxed);
    println!("{count} scenarios, {elections} elections");
    assert!(elections >= count as usize, "hardly anything happened: {elections} elections in {count} scenarios");
}
