//! What the reading of any keyword needs: where findings go, what the machine is like, what was read so far.

use core::net::IpAddr;
use std::collections::BTreeSet;

use super::{Context, Position};
use crate::config::diagnostic::{Diagnostics, Severity};
use crate::config::keywords::nearest::nearest;
use crate::config::keywords::value::{flag, number, seconds};
use crate::config::keywords::{ANY, Keyword, Put, Row, Status, Takes, Value, find};
use crate::config::model::Command;
use crate::config::model::{Global, User};
use crate::config::syntax::{Block, Statement, Word};
use crate::config::users::Users;
use crate::time::Duration;

/// A script that a tracker can name.
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its place in the configuration; none if it was left out, with a finding of its own.
    pub index: Option<usize>,
    /// `weight` and `reverse`, the default of trackers.
    pub weight: (i16, bool),
}

/// Where keywords are read.
pub struct Site<'a> {
    out: &'a mut Diagnostics,
    /// The machine.
    pub context: &'a Context,
    /// The machine's users.
    pub users: Users,
    /// The global settings, as soon as they are all read.
    pub global: Global,
    /// The user of scripts that name none; none if there is no user to run them as.
    pub script_user: Option<User>,
    /// The scripts read so far.
    pub scripts: Vec<Known>,
    /// The tracked files read so far.
    pub files: Vec<Known>,
    /// The names of the instances read so far, used or not.
    pub instances: Vec<String>,
    /// The tracked processes read so far.
    pub processes: Vec<Known>,
    /// The BFD sessions that can be tracked, by the keyword that does it.
    pub trackers: Vec<(&'static str, String)>,
    /// An interface is missing: keepalived judges no further then.
    missing_interface: bool,
    /// Inside a block without effect, of which enough has been said.
    inside: u32,
    /// A program to run was found.
    pub programs: bool,
    noted: BTreeSet<String>,
}

impl<'a> Site<'a> {
    /// At the start.
    pub fn new(out: &'a mut Diagnostics, context: &'a Context) -> Self {
        let users = if context.files { Users::load() } else { Users::default() };
        Self {
            out,
            context,
            users,
            global: Global::default(),
            script_user: Some(User::default()),
            scripts: Vec::new(),
            files: Vec::new(),
            processes: Vec::new(),
            instances: Vec::new(),
            trackers: Vec::new(),
            missing_interface: false,
            inside: 0,
            programs: false,
            noted: BTreeSet::new(),
        }
    }

    /// From here on these global settings are in force.
    pub fn set_global(&mut self, global: &Global) {
        self.global = global.clone();
    }

    /// A finding that keepalived has as well.
    pub fn error(&mut self, at: Position, text: impl Into<String>) {
        self.out.add(Severity::Error, Some(at), text);
    }

    /// A finding of our own.
    pub fn note(&mut self, at: Position, text: impl Into<String>) {
        self.out.add(Severity::Note, Some(at), text);
    }

    /// A script that is not run, or not safely.
    pub fn security(&mut self, at: Option<Position>, text: impl Into<String>) {
        self.out.add(Severity::Security, at, text);
    }

    /// A finding of our own about a keyword, once for all its uses.
    fn note_once(&mut self, at: Position, key: &str, text: String) {
        if self.noted.insert(key.to_owned()) {
            self.note(at, text);
        }
    }

    /// A statement's keyword.
    pub fn head<'s>(&self, statement: &'s Statement) -> &'s str {
        statement.words.first().map_or("", |word| word.text.as_str())
    }

    /// Where a statement begins.
    pub fn at(&self, statement: &Statement) -> Position {
        statement
            .words
            .first()
            .map(|word| word.at)
            .or(statement.block.as_ref().map(|block| block.open))
            .unwrap_or_default()
    }

    /// Reads the block of `statement` into `target`.
    pub fn own_block<T>(&mut self, rows: &'static [Keyword<T>], target: &mut T, statement: &Statement, what: &str) {
        match &statement.block {
            Some(block) => self.block(rows, target, block, what),
            None => {
                let at = self.at(statement);
                self.error(at, format!("{what} needs a block: write '{what} {{', its lines, and '}}'"));
            }
        }
    }

    /// Reads all statements of a block into `target`.
    pub fn block<T>(&mut self, rows: &'static [Keyword<T>], target: &mut T, block: &Block, what: &str) {
        for statement in &block.statements {
            self.statement(rows, target, statement, what);
        }
    }

    /// Reads one statement into `target`.
    pub fn statement<T>(&mut self, rows: &'static [Keyword<T>], target: &mut T, statement: &Statement, what: &str) {
        let at = self.at(statement);
        let Some(head) = statement.words.first() else {
            // A block that follows nothing; the reader has said so.
            return;
        };
        let Some(keyword) = find(rows, &head.text) else {
            return self.unknown(rows, head, what);
        };
        if !self.judge_status(&keyword.row, at) || !self.judge_shape(&keyword.row, statement) {
            return;
        }
        match &keyword.put {
            Put::Own(read, _) => {
                let inside = u32::from(keyword.row.status == Status::NotYet);
                self.inside += inside;
                read(self, target, statement);
                self.inside -= inside;
            }
            Put::Field(put, _) => {
                if let Some(value) = self.value(&keyword.row, statement) {
                    put(target, value);
                }
            }
            Put::Nowhere => {
                self.value(&keyword.row, statement);
            }
        }
    }

    fn unknown<T>(&mut self, rows: &'static [Keyword<T>], word: &Word, what: &str) {
        let names = rows.iter().map(|keyword| keyword.row.name);
        let hint = nearest(&word.text, names).map_or_else(String::new, |name| format!(": did you mean '{name}'?"));
        self.error(word.at, format!("Unknown keyword '{}' in {what}, the line is ignored{hint}", word.text));
    }

    /// Says what is to be said of the keyword itself. False if it ends there.
    fn judge_status(&mut self, row: &Row, at: Position) -> bool {
        let name = row.name;
        match row.status {
            Status::Built => {}
            Status::NotYet | Status::Accepted(_) | Status::Older(_) if self.inside > 0 => {}
            Status::NotYet => self.note_once(at, name, format!("{name} is read, but has no effect yet")),
            Status::Accepted(why) => self.note_once(at, name, format!("{name} has no effect: {why}")),
            Status::Older(of) => {
                self.note_once(at, name, format!("{name} is an old name of {of}, which has no effect yet"))
            }
            Status::Deprecated(of) => self.error(at, format!("{name} is an old name: write {of}")),
            Status::Refused(why) => {
                self.error(at, format!("{name} is ignored: {why}"));
                return false;
            }
        }
        true
    }

    /// Whether the statement has the words and the block that its row asks for.
    fn judge_shape(&mut self, row: &Row, statement: &Statement) -> bool {
        let at = self.at(statement);
        let (name, given) = (row.name, statement.words.len().saturating_sub(1));
        let (least, most, block) = match row.takes {
            Takes::Nothing => (0, 0, false),
            Takes::Flag | Takes::OptionalNumber(..) | Takes::OptionalChoice(_) => (0, 1, false),
            Takes::Words(least, most) => (usize::from(least), usize::from(most), false),
            Takes::Script => (1, 3, false),
            Takes::User => (1, 2, false),
            Takes::Lines | Takes::Own(_) => (0, 0, true),
            Takes::NamedLines => (1, 1, true),
            Takes::Block(_, least, most) => (usize::from(least), usize::from(most), true),
            _ => (1, 1, false),
        };
        if given < least {
            self.error(at, format!("{name} needs {}; the line is ignored", row.takes));
            return false;
        }
        if let Some(extra) = statement.words.get(most + 1) {
            self.note(extra.at, format!("'{}' after {name} is ignored: {name} takes {}", extra.text, row.takes));
        }
        match (&statement.block, block) {
            (None, true) => {
                self.error(at, format!("{name} needs a block: write '{name} {{', its lines, and '}}'"));
                false
            }
            (Some(unexpected), false) => {
                self.error(unexpected.open, format!("{name} has no block; what is between the braces is ignored"));
                true
            }
            _ => true,
        }
    }

    /// The value behind a keyword, by the row's type. None if it is wrong; that has been said then.
    pub fn value(&mut self, row: &Row, statement: &Statement) -> Option<Value> {
        let word = statement.words.get(1);
        let wrong = match (row.takes, word) {
            (Takes::Nothing, _) | (Takes::Flag, None) => return Some(Value::Flag(true)),
            (Takes::OptionalNumber(..) | Takes::OptionalChoice(_), None) => return Some(Value::Unset),
            (Takes::User, _) => {
                super::command::user(self, row.name, statement.words.get(1..).unwrap_or_default());
                return None;
            }
            (Takes::Script, _) => return self.script(row, statement).map(Value::Program),
            (Takes::Block(rows, ..), _) => {
                self.inside += 1;
                self.own_block(rows, &mut (), statement, row.name);
                self.inside -= 1;
                return None;
            }
            (Takes::Lines | Takes::NamedLines | Takes::Own(_), _) | (_, None) => return None,
            (Takes::Words(..) | Takes::Word | Takes::Interface, Some(word)) => {
                return Some(Value::Text(word.text.clone()));
            }
            (Takes::Flag, Some(word)) => match flag(&word.text) {
                Some(on) => return Some(Value::Flag(on)),
                None => word,
            },
            (Takes::Number(least, most) | Takes::OptionalNumber(least, most), Some(word)) => match number(&word.text) {
                Some(number) if (least..=most).contains(&number) => return Some(Value::Number(number)),
                _ => word,
            },
            (Takes::Seconds(least, most), Some(word)) => match seconds(&word.text) {
                Some(span) if (least..=most).contains(&span.as_micros()) => return Some(Value::Span(span)),
                _ => word,
            },
            (Takes::WholeSeconds(least, most), Some(word)) => match number(&word.text) {
                Some(number) if (least..=most).contains(&number) => {
                    return Some(Value::Span(Duration::from_secs(number.unsigned_abs())));
                }
                _ => word,
            },
            (Takes::Choice(words) | Takes::OptionalChoice(words), Some(word)) => {
                if words.contains(&word.text.as_str()) {
                    return Some(Value::Text(word.text.clone()));
                }
                word
            }
            (Takes::Address, Some(word)) => match word.text.parse::<IpAddr>() {
                Ok(ip) => return Some(Value::Address(ip)),
                Err(_) => word,
            },
        };
        self.error(wrong.at, format!("{}: '{}' is not {}; the line is ignored", row.name, wrong.text, row.takes));
        None
    }

    /// A whole number in a line of its own form.
    pub fn number(&mut self, word: &Word, what: &str, least: i64, most: i64) -> Option<i64> {
        let found = number(&word.text).filter(|number| (least..=most).contains(number));
        if found.is_none() {
            let takes = Takes::Number(least, most.min(ANY));
            self.error(word.at, format!("{what}: '{}' is not {takes}", word.text));
        }
        found
    }

    /// Decimal seconds in a line of its own form.
    pub fn seconds(&mut self, word: &Word, what: &str) -> Option<Duration> {
        let found = seconds(&word.text);
        if found.is_none() {
            self.error(word.at, format!("{what}: '{}' is not a number of seconds", word.text));
        }
        found
    }

    fn script(&mut self, row: &Row, statement: &Statement) -> Option<Command> {
        super::command::notify(self, row.name, statement)
    }

    /// Says so if there is no such interface now.
    pub fn interface(&mut self, word: &Word, what: &str) {
        let Some(existing) = &self.context.interfaces else { return };
        if existing.contains(&word.text) || self.global.dynamic_interfaces {
            return;
        }
        let near = nearest(&word.text, existing.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |name| format!(" (did you mean '{name}'?)"));
        let text = format!(
            "{what}: there is no interface '{}' now{hint}; if it will come later, set dynamic_interfaces in global_defs",
            word.text
        );
        self.missing_interface = true;
        self.error(word.at, text);
    }

    /// What can only be said at the end.
    pub fn finish(&mut self) {
        if !self.programs || self.global.script_security {
            return;
        }
        let text = "scripts are run without script security: set enable_script_security and script_user in global_defs";
        // keepalived does not come as far as this when an interface is missing.
        let severity = if self.missing_interface { Severity::Note } else { Severity::Security };
        self.out.add(severity, None, text);
    }
}
