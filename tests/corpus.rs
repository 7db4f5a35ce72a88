//! Real configurations: what a test of each exits with, against what keepalived 2.4.3 says of it.
//!
//! The files lie beside the repository, not in it; where they are missing there is nothing to compare.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use holdfast::config::load::{Options, read, read_text};
use holdfast::config::{Config, Context, Diagnostics, build, print};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");

/// Files that keepalived and this program judge differently, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("021-", "keepalived changes the network namespace first, and its test ends there with 0; here all errors count"),
    ("037-", "keepalived gives up at a missing word with 2; here the line is ignored and the rest is judged"),
    ("139-", "that keepalived was built without D-Bus and knows none of its words; here they are read, without effect"),
];

/// One line of the oracle: the file, its exit code, the interfaces there were.
struct Row {
    file: PathBuf,
    name: String,
    exit: i32,
    interfaces: Vec<String>,
}

fn rows() -> Vec<Row> {
    let corpus = Path::new(CORPUS);
    let Ok(oracle) = fs::read_to_string(corpus.join("oracle-2.4.3.tsv")) else { return Vec::new() };
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let name = fields.next()?.to_owned();
        let exit = fields.next()?.parse().ok()?;
        let interfaces = fields.next()?.split(',').map(str::to_owned).collect();
        Some(Row { file: corpus.join(&name), name, exit, interfaces })
    };
    oracle.lines().skip(1).filter_map(row).collect()
}

fn load(row: &Row) -> (Config, Diagnostics) {
    let (block, mut diagnostics) = read(&row.file, &Options::default());
    let mut interfaces = row.interfaces.clone();
    interfaces.push("lo".to_owned());
    let context = Context { interfaces: Some(interfaces), files: true, ..Context::default() };
    let config = build(&block, &mut diagnostics, &context);
    (config, diagnostics)
}

#[test]
fn exit_codes_are_keepaliveds() {
    let mut wrong = BTreeMap::new();
    let rows = rows();
    for row in &rows {
        let start = Instant::now();
        let (_, diagnostics) = load(row);
        assert!(start.elapsed() < Duration::from_millis(500), "{} takes {:?}", row.name, start.elapsed());
        let excepted = EXCEPTIONS.iter().any(|(file, _)| row.name.starts_with(file));
        if diagnostics.exit_code() == row.exit {
            assert!(!excepted, "{} is no exception any more", row.name);
        } else if !excepted {
            let lines: Vec<String> = diagnostics.list.iter().map(|found| diagnostics.show(found).to_string()).collect();
            wrong.insert(&row.name, (row.exit, diagnostics.exit_code(), lines));
        }
    }
    assert!(wrong.is_empty(), "(keepalived's, ours): {wrong:#?}");
    // 95 of 100 at least, exceptions counted as different.
    assert!(EXCEPTIONS.len() * 20 <= rows.len().max(60));
}

#[test]
fn what_is_printed_reads_the_same() {
    for row in rows() {
        let (config, _) = load(&row);
        let text = print(&config);
        let (block, mut diagnostics) = read_text("printed", text.as_bytes(), &Options::default());
        let context = Context { host_name: config.global.router_id.clone(), ..Context::default() };
        let mut again = build(&block, &mut diagnostics, &context);
        forget_places(&mut again, &config);
        assert_eq!(again, config, "{}:\n{text}\n{:#?}", row.name, diagnostics.list);
    }
}

/// Where a block stands is the only thing that a printed configuration does not keep.
fn forget_places(again: &mut Config, config: &Config) {
    again.instances.iter_mut().zip(&config.instances).for_each(|(to, from)| to.at = from.at);
    again.groups.iter_mut().zip(&config.groups).for_each(|(to, from)| to.at = from.at);
    again.scripts.iter_mut().zip(&config.scripts).for_each(|(to, from)| to.at = from.at);
}
