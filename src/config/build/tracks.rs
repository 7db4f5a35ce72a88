//! `track_interface`, `track_script`, `track_file` and `track_process`, of an instance and of a group.

use super::group::GroupDraft;
use super::instance::Draft;
use super::{Known, Site};
use crate::config::keywords::value::Quoted;
use crate::config::model::{Config, Track, TrackInterface, TrackScript, Tracked};
use crate::config::printer::Printer;
use crate::config::syntax::{Statement, Word};

/// The largest weight, either way.
pub const WEIGHT: i64 = 253;

/// The same for files and processes.
pub const FILE_WEIGHT: i64 = 254;

/// `N [reverse|noreverse]`, at most `limit` either way.
pub fn weight_words(site: &mut Site<'_>, what: &str, words: &[Word], limit: i64) -> Option<(i16, bool)> {
    let weight = site.number(words.first()?, what, -limit, limit)?;
    let reverse = match words.get(1) {
        None => false,
        Some(word) if word.text == "reverse" => true,
        Some(word) if word.text == "noreverse" => false,
        Some(word) => {
            site.error(word.at, format!("{what}: '{}' is neither reverse nor noreverse", word.text));
            false
        }
    };
    i16::try_from(weight).ok().map(|weight| (weight, reverse))
}

/// `NAME [weight N [reverse]]`: what follows the name. The outer None is an error that has been said.
fn options(site: &mut Site<'_>, what: &str, line: &Statement, limit: i64) -> Option<Option<(i16, bool)>> {
    match line.words.get(1) {
        None => Some(None),
        Some(word) if word.text == "weight" => {
            let words = line.words.get(2..).unwrap_or_default();
            if words.is_empty() {
                site.error(word.at, format!("{what}: weight needs a number from -{limit} to {limit}"));
                return None;
            }
            weight_words(site, what, words, limit).map(Some)
        }
        // Only `reverse`, without a weight: the state counts the other way round.
        Some(word) if word.text == "reverse" => Some(Some((0, true))),
        Some(word) => {
            site.error(word.at, format!("{what}: '{}' is not weight; what follows the name is ignored", word.text));
            Some(None)
        }
    }
}

fn interfaces(site: &mut Site<'_>, list: &mut Vec<TrackInterface>, statement: &Statement) {
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(name) = line.words.first() else { continue };
        let what = format!("track_interface {}", name.text);
        if list.iter().any(|tracked| tracked.name == name.text) {
            site.error(name.at, format!("{what} is there already; this one is ignored"));
            continue;
        }
        site.interface(name, &what);
        let Some(options) = options(site, &what, line, WEIGHT) else { continue };
        let (weight, reverse) = options.unwrap_or_default();
        list.push(TrackInterface { name: name.text.clone(), weight, reverse });
    }
}

/// Names of blocks above, each with its weight if it has one here: index, weight, reverse.
fn named(
    site: &mut Site<'_>,
    block: &str,
    blocks: for<'s> fn(&'s Site<'_>) -> &'s [Known],
    limit: i64,
    tracked: &mut Vec<String>,
    statement: &Statement,
) -> Vec<(usize, i16, bool)> {
    let mut list = Vec::new();
    for line in statement.block.iter().flat_map(|block| &block.statements) {
        let Some(name) = line.words.first() else { continue };
        let what = format!("{} {}", site.head(statement), name.text);
        let Some(known) = blocks(site).iter().find(|known| known.name == name.text) else {
            let near = super::nearest(&name.text, blocks(site).iter().map(|known| known.name.as_str()));
            let hint = near.map_or_else(String::new, |near| format!(": did you mean '{near}'?"));
            let text = format!("{what}: there is no {block} of that name above; it is ignored{hint}");
            site.error(name.at, text);
            continue;
        };
        let (index, weight) = (known.index, known.weight);
        if tracked.contains(&what) {
            site.error(name.at, format!("{what} is there already; this one is ignored"));
            continue;
        }
        tracked.push(what.clone());
        let Some(options) = options(site, &what, line, limit) else { continue };
        // One that was left out has been reported where it is defined.
        let Some(index) = index else { continue };
        let (weight, reverse) = options.unwrap_or(weight);
        list.push((index, weight, reverse));
    }
    list
}

fn scripts(site: &mut Site<'_>, list: &mut Box<[TrackScript]>, tracked: &mut Vec<String>, statement: &Statement) {
    let named = named(site, "vrrp_script", |site| &site.scripts, WEIGHT, tracked, statement);
    let more = named.into_iter().map(|(script, weight, reverse)| TrackScript { script, weight, reverse });
    *list = list.iter().copied().chain(more).collect();
}

fn files(site: &mut Site<'_>, list: &mut Box<[Track]>, tracked: &mut Vec<String>, statement: &Statement) {
    let named = named(site, "track_file", |site| &site.files, FILE_WEIGHT, tracked, statement);
    add(list, named, Tracked::File);
}

fn processes(site: &mut Site<'_>, list: &mut Box<[Track]>, tracked: &mut Vec<String>, statement: &Statement) {
    let named = named(site, "vrrp_track_process", |site| &site.processes, FILE_WEIGHT, tracked, statement);
    add(list, named, Tracked::Process);
}

fn add(list: &mut Box<[Track]>, named: Vec<(usize, i16, bool)>, what: fn(u16) -> Tracked) {
    let more = named.into_iter().map(|(index, weight, reverse)| Track { what: what(index as u16), weight, reverse });
    *list = list.iter().copied().chain(more).collect();
    // Files first: which block came first means nothing, and a printed configuration reads the same.
    list.sort_by_key(|track| matches!(track.what, Tracked::Process(_)));
}

fn weight_text(weight: i16, reverse: bool) -> String {
    format!(" weight {weight}{}", if reverse { " reverse" } else { "" })
}

fn show_interfaces(list: &[TrackInterface], printer: &mut Printer) {
    let line = |each: &TrackInterface| {
        let weight =
            if each.weight == 0 && !each.reverse { String::new() } else { weight_text(each.weight, each.reverse) };
        format!("{}{weight}", Quoted(&each.name))
    };
    printer.lines("track_interface", list.iter().map(line).collect());
}

fn show_scripts(list: &[TrackScript], printer: &mut Printer) {
    let line = |each: &TrackScript| {
        let name = printer.config.scripts.get(each.script).map_or("", |script| script.name.as_str());
        format!("{}{}", Quoted(name), weight_text(each.weight, each.reverse))
    };
    let lines = list.iter().map(line).collect();
    printer.lines("track_script", lines);
}

fn show_tracks(list: &[Track], head: &str, printer: &mut Printer, name: fn(&Config, Tracked) -> Option<&str>) {
    let line = |each: &Track| {
        let name = name(&printer.config, each.what)?;
        Some(format!("{}{}", Quoted(name), weight_text(each.weight, each.reverse)))
    };
    let lines = list.iter().filter_map(line).collect();
    printer.lines(head, lines);
}

fn show_files(list: &[Track], printer: &mut Printer) {
    show_tracks(list, "track_file", printer, Config::file_name);
}

fn show_processes(list: &[Track], printer: &mut Printer) {
    show_tracks(list, "track_process", printer, Config::process_name);
}

/// `track_interface` of an instance.
pub fn instance_interfaces(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    interfaces(site, &mut draft.instance.track_interfaces, statement);
}

/// `track_script` of an instance.
pub fn instance_scripts(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    scripts(site, &mut draft.instance.track_scripts, &mut draft.tracked, statement);
}

/// Prints it.
pub fn show_instance_interfaces(draft: &Draft, _: &Draft, printer: &mut Printer) {
    show_interfaces(&draft.instance.track_interfaces, printer);
}

/// Prints it.
pub fn show_instance_scripts(draft: &Draft, _: &Draft, printer: &mut Printer) {
    show_scripts(&draft.instance.track_scripts, printer);
}

/// `track_interface` of a group.
pub fn group_interfaces(site: &mut Site<'_>, draft: &mut GroupDraft, statement: &Statement) {
    interfaces(site, &mut draft.group.track_interfaces, statement);
}

/// `track_script` of a group.
pub fn group_scripts(site: &mut Site<'_>, draft: &mut GroupDraft, statement: &Statement) {
    scripts(site, &mut draft.group.track_scripts, &mut draft.tracked, statement);
}

/// Prints it.
pub fn show_group_interfaces(draft: &GroupDraft, _: &GroupDraft, printer: &mut Printer) {
    show_interfaces(&draft.group.track_interfaces, printer);
}

/// Prints it.
pub fn show_group_scripts(draft: &GroupDraft, _: &GroupDraft, printer: &mut Printer) {
    show_scripts(&draft.group.track_scripts, printer);
}

/// `track_file` of an instance.
pub fn instance_files(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    files(site, &mut draft.instance.tracks, &mut draft.tracked, statement);
}

/// `track_file` of a group.
pub fn group_files(site: &mut Site<'_>, draft: &mut GroupDraft, statement: &Statement) {
    files(site, &mut draft.group.tracks, &mut draft.tracked, statement);
}

/// Prints it.
pub fn show_instance_files(draft: &Draft, _: &Draft, printer: &mut Printer) {
    show_files(&draft.instance.tracks, printer);
}

/// Prints it.
pub fn show_group_files(draft: &GroupDraft, _: &GroupDraft, printer: &mut Printer) {
    show_files(&draft.group.tracks, printer);
}

/// `track_process` of an instance.
pub fn instance_processes(site: &mut Site<'_>, draft: &mut Draft, statement: &Statement) {
    processes(site, &mut draft.instance.tracks, &mut draft.tracked, statement);
}

/// Prints it.
pub fn show_instance_processes(draft: &Draft, _: &Draft, printer: &mut Printer) {
    show_processes(&draft.instance.tracks, printer);
}

/// `track_process` of a group.
pub fn group_processes(site: &mut Site<'_>, draft: &mut GroupDraft, statement: &Statement) {
    processes(site, &mut draft.group.tracks, &mut draft.tracked, statement);
}

/// Prints it.
pub fn show_group_processes(draft: &GroupDraft, _: &GroupDraft, printer: &mut Printer) {
    show_processes(&draft.group.tracks, printer);
}
