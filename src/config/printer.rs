//! A [`Config`] as a `keepalived.conf` that, read again, gives an equal one.

use std::fmt::{Display, Write as _};

use super::build::command::quote;
use super::build::global::GlobalDraft;
use super::build::group::GroupDraft;
use super::build::instance::Draft;
use super::build::script::ScriptDraft;
use super::keywords::value::Quoted;
use super::keywords::{Keyword, Put, Takes, Value, global, group, instance, script, top, track};
use super::model::{Command, Config, TrackedFile, TrackedProcess};

/// Writes lines and blocks.
pub struct Printer {
    text: String,
    depth: usize,
    /// The configuration that is printed: trackers and groups point into it.
    pub config: Config,
}

impl Printer {
    /// One line.
    pub fn line(&mut self, line: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = self.depth * 4);
    }

    /// A block with this head.
    pub fn block(&mut self, head: impl Display, body: impl FnOnce(&mut Self)) {
        self.line(format_args!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    /// A block of these lines; nothing if there are none.
    pub fn lines(&mut self, head: &str, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        self.block(head, |printer| lines.iter().for_each(|line| printer.line(line)));
    }

    /// What differs from `default`, keyword by keyword.
    fn rows<T>(&mut self, rows: &'static [Keyword<T>], value: &T, default: &T) {
        for keyword in rows {
            match &keyword.put {
                Put::Field(_, show) => {
                    let shown = show(value);
                    if shown != show(default) {
                        self.field(keyword.row.name, keyword.row.takes, &shown);
                    }
                }
                Put::Own(_, show) => show(value, default, self),
                Put::Nowhere => {}
            }
        }
    }

    fn field(&mut self, name: &str, takes: Takes, value: &Value) {
        match (takes, value) {
            (_, Value::Unset) | (Takes::Nothing, Value::Flag(false)) => {}
            (Takes::Nothing, _) => self.line(name),
            _ => self.line(format_args!("{name} {value}")),
        }
    }
}

/// A program, its arguments, its user and group, as a configuration has them.
pub fn program(command: &Command) -> String {
    format!("{} {} {}", quote(&command.argv), command.user.uid, command.user.gid)
}

/// The configuration as text.
pub fn print(config: &Config) -> String {
    let mut printer = Printer { text: String::new(), depth: 0, config: config.clone() };
    let (value, default) = (GlobalDraft::of(&config.global), GlobalDraft::default());
    printer.rows(top::TOP, &value, &default);
    printer.block("global_defs", |printer| printer.rows(global::GLOBAL, &value, &default));
    for each in &config.scripts {
        let (value, default) = (ScriptDraft::of(each), ScriptDraft::default());
        printer.block(format_args!("vrrp_script {}", Quoted(&each.name)), |printer| {
            printer.rows(script::SCRIPT, &value, &default);
        });
    }
    for each in &config.files {
        printer.block(format_args!("track_file {}", Quoted(&each.name)), |printer| {
            printer.rows(track::TRACK_FILE, each, &TrackedFile::default());
        });
    }
    for each in &config.processes {
        printer.block(format_args!("vrrp_track_process {}", Quoted(&each.name)), |printer| {
            printer.rows(track::TRACK_PROCESS, each, &TrackedProcess::default());
        });
    }
    for each in &config.instances {
        let (value, default) = (Draft::of(each, &config.global), Draft::new(&config.global));
        printer.block(format_args!("vrrp_instance {}", Quoted(&each.name)), |printer| {
            printer.rows(instance::INSTANCE, &value, &default);
        });
    }
    for each in &config.groups {
        let (value, default) = (GroupDraft::of(each, config), GroupDraft::new(&config.global));
        printer.block(format_args!("vrrp_sync_group {}", Quoted(&each.name)), |printer| {
            printer.rows(group::SYNC_GROUP, &value, &default);
        });
    }
    printer.text
}
