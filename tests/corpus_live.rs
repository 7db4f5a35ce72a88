//! Real configurations, judged by Debian's keepalived and by us in the same namespace with the interfaces
//! they name. The files lie beside the repository; where they are missing there is nothing to compare.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod lab;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lab::Lab;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
const KEEPALIVED: &str = "/usr/sbin/keepalived";
const HOLDFAST: &str = env!("CARGO_BIN_EXE_holdfast");

/// Files that keepalived 2.2.7 and this program judge differently, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("021-", "keepalived changes the network namespace first, and its test ends there with 0; here all errors count"),
    ("037-", "keepalived gives up at a missing word with 2; here the line is ignored and the rest is judged"),
    ("119-", "a word that 2.2.7 does not know and 2.4.3 does"),
];

/// A configuration is judged within this time: the best of three tries, this machine does other work too.
const LIMIT: Duration = Duration::from_millis(50);

/// Each file with the interfaces it names.
fn files() -> Vec<(PathBuf, Vec<String>)> {
    let corpus = Path::new(CORPUS);
    let Ok(oracle) = fs::read_to_string(corpus.join("oracle-2.4.3.tsv")) else { return Vec::new() };
    let file = |line: &str| {
        let mut fields = line.split('\t');
        let path = corpus.join(fields.next()?);
        Some((path, fields.nth(1)?.split(',').map(str::to_owned).collect()))
    };
    oracle.lines().skip(1).filter_map(file).collect()
}

#[test]
fn both_exit_alike() {
    assert!(Path::new(KEEPALIVED).exists(), "this test compares with keepalived: apt-get install keepalived");
    let lab = Lab::with_networks(&["a"], 0);
    let node = lab.node("a");
    let files = files();
    let mut wrong = Vec::new();
    for (number, (path, interfaces)) in files.iter().enumerate() {
        for (k, name) in interfaces.iter().enumerate().filter(|(_, name)| *name != "lo") {
            let other = format!("x{number}-{k}");
            node.must_run(&["ip", "link", "add", name, "type", "veth", "peer", "name", &other]);
            node.must_run(&["ip", "link", "set", name, "up"]);
        }
        let path = path.to_str().expect("a path of text");
        let judge = |program: &str| node.run(&[program, "-t", "-f", path]).status.code();
        let theirs = judge(KEEPALIVED);
        let mut best = Duration::MAX;
        let mut ours = None;
        for _ in 0..3 {
            let start = Instant::now();
            ours = judge(HOLDFAST);
            best = best.min(start.elapsed());
            if best < LIMIT {
                break;
            }
        }
        assert!(best < LIMIT, "{path} takes {best:?}");
        let excepted = EXCEPTIONS.iter().any(|(name, _)| path.contains(&format!("/{name}")));
        if (ours == theirs) == excepted {
            wrong.push(format!("{path}: keepalived {theirs:?}, ours {ours:?}, excepted: {excepted}"));
        }
        for name in interfaces.iter().filter(|name| *name != "lo") {
            node.must_run(&["ip", "link", "del", name]);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // 95 of 100 at least.
    assert!(EXCEPTIONS.len() * 20 <= files.len().max(60));
}
