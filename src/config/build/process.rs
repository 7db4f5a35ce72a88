//! `vrrp_track_process NAME { ... }`: processes that count.

use super::{Known, Site, block_name};
use crate::config::keywords::track::TRACK_PROCESS;
use crate::config::model::{ParameterMatch, TrackedProcess};
use crate::config::syntax::Statement;
use crate::time::Duration;

impl Default for TrackedProcess {
    fn default() -> Self {
        Self {
            name: String::new(),
            program: String::new(),
            parameters: Vec::new(),
            param_match: None,
            full_command: false,
            weight: 0,
            reverse: false,
            quorum: 1,
            quorum_max: None,
            terminate_delay: Duration::ZERO,
            fork_delay: Duration::ZERO,
        }
    }
}

impl TrackedProcess {
    /// How its parameters are compared.
    pub fn how(&self) -> ParameterMatch {
        let written = if self.parameters.is_empty() { ParameterMatch::Any } else { ParameterMatch::Exact };
        self.param_match.unwrap_or(written)
    }

    /// Whether its command line is looked at, not its name: always if parameters count.
    pub fn is_full_command(&self) -> bool {
        self.full_command || self.how() != ParameterMatch::Any
    }
}

/// Reads a block and adds it, if it names a process.
pub fn read_block(site: &mut Site<'_>, processes: &mut Vec<TrackedProcess>, statement: &Statement) {
    let Some((name, _)) = block_name(site, statement) else { return };
    let at = site.at(statement);
    if site.processes.iter().any(|known| known.name == name) {
        return site.error(at, format!("there is a vrrp_track_process {name} already; this one is ignored"));
    }
    let mut process = TrackedProcess { name: name.clone(), ..TrackedProcess::default() };
    site.own_block(TRACK_PROCESS, &mut process, statement, "vrrp_track_process");
    let weight = (process.weight, process.reverse);
    let usable = !process.program.is_empty();
    if usable && process.quorum_max.is_some_and(|most| most < process.quorum) {
        site.error(at, format!("vrrp_track_process {name}: quorum_max is less than quorum; it is ignored"));
        process.quorum_max = None;
    }
    site.processes.push(Known { name: name.clone(), index: usable.then_some(processes.len()), weight });
    if usable {
        processes.push(process);
    } else {
        site.error(at, format!("vrrp_track_process {name} has no process line; it is ignored"));
    }
}

/// The lines with a form of their own.
pub mod read {
    use super::{ParameterMatch, Site, TrackedProcess};
    use crate::config::build::tracks::{FILE_WEIGHT, weight_words};
    use crate::config::keywords::value::Quoted;
    use crate::config::printer::Printer;
    use crate::config::syntax::Statement;
    use crate::time::Duration;

    /// `process PROGRAM [PARAMETER...]`, or all in quotes.
    pub fn process(_: &mut Site<'_>, process: &mut TrackedProcess, statement: &Statement) {
        let words = statement.words.get(1..).unwrap_or_default();
        let texts: Vec<&str> = match words {
            [all] => all.text.split_whitespace().collect(),
            words => words.iter().map(|word| word.text.as_str()).collect(),
        };
        let mut texts = texts.into_iter().map(String::from);
        process.program = texts.next().unwrap_or_default();
        process.parameters = texts.collect();
    }

    /// Prints it.
    pub fn show_process(process: &TrackedProcess, _: &TrackedProcess, printer: &mut Printer) {
        let parameters: String = process.parameters.iter().map(|word| format!(" {}", Quoted(word))).collect();
        printer.line(format_args!("process {}{parameters}", Quoted(&process.program)));
    }

    /// `param_match initial|partial`
    pub fn param_match(_: &mut Site<'_>, process: &mut TrackedProcess, statement: &Statement) {
        process.param_match = match statement.words.get(1).map(|word| word.text.as_str()) {
            Some("initial") => Some(ParameterMatch::Initial),
            Some("partial") => Some(ParameterMatch::Partial),
            // The table has said so.
            Some(_) | None => None,
        };
    }

    /// Prints it.
    pub fn show_param_match(process: &TrackedProcess, _: &TrackedProcess, printer: &mut Printer) {
        if let Some(how) = process.param_match {
            printer.line(format_args!("param_match {}", how.name()));
        }
    }

    /// `weight N [reverse]`
    pub fn weight(site: &mut Site<'_>, process: &mut TrackedProcess, statement: &Statement) {
        let words = statement.words.get(1..).unwrap_or_default();
        if let Some((weight, reverse)) = weight_words(site, "weight", words, FILE_WEIGHT) {
            (process.weight, process.reverse) = (weight, reverse);
        }
    }

    /// Prints it.
    pub fn show_weight(process: &TrackedProcess, _: &TrackedProcess, printer: &mut Printer) {
        let reverse = if process.reverse { " reverse" } else { "" };
        if process.weight != 0 || process.reverse {
            printer.line(format_args!("weight {}{reverse}", process.weight));
        }
    }

    /// `delay SECONDS`: both delays.
    pub fn delay(site: &mut Site<'_>, process: &mut TrackedProcess, statement: &Statement) {
        let Some(word) = statement.words.get(1) else { return };
        match word.text.parse::<f64>() {
            Ok(seconds) if (0.0..=3600.0).contains(&seconds) => {
                let delay = Duration::from_nanos((seconds * 1e9) as u64);
                (process.terminate_delay, process.fork_delay) = (delay, delay);
            }
            Ok(_) | Err(_) => {
                site.error(word.at, format!("delay: '{}' is not a number of seconds up to 3600", word.text))
            }
        }
    }

    /// The two it set are printed.
    pub fn show_delay(_: &TrackedProcess, _: &TrackedProcess, _: &mut Printer) {}
}
