//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;

use crate::limits;

const MORE: &str = "there are more findings, which are not shown";

/// A place in a configuration file. Lines and columns count from 1, columns in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Position {
    /// Index into [`Diagnostics::files`].
    pub file: u16,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in bytes.
    pub column: u16,
}

/// How bad it is. The order is the order of the exit codes' precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Severity {
    /// Worth knowing; the exit code of `-t` stays 0.
    Note,
    /// A line is ignored or replaced by its default: `-t` exits 5.
    Error,
    /// A script is not run safely: `-t` exits 6, whatever else is wrong, as keepalived's does.
    Security,
    /// The daemon cannot run with this: `-t` exits 4.
    Fatal,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Where, if it belongs to a place.
    pub at: Option<Position>,
    /// What is wrong, what is expected, what to do: one line, no line break.
    pub text: String,
}

/// All findings of one load, in the order they were made.
#[derive(Clone, Default, Debug)]
pub struct Diagnostics {
    /// The files read, as they were named; [`Position::file`] points here.
    pub files: Vec<String>,
    /// The findings.
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds a finding. From [`limits::CONFIG_DIAGNOSTICS`] on, the last one stands for all that follow,
    /// with the worst severity of these.
    pub fn add(&mut self, severity: Severity, at: Option<Position>, text: impl Into<String>) {
        if self.list.len() < limits::CONFIG_DIAGNOSTICS {
            self.list.push(Diagnostic { severity, at, text: printable(&text.into()) });
        } else if let Some(last) = self.list.last_mut() {
            last.severity = last.severity.max(severity);
            if !last.text.starts_with(MORE) {
                last.text = format!("{MORE}: mend the ones above first");
            }
        }
    }

    /// The worst finding's severity.
    pub fn worst(&self) -> Option<Severity> {
        self.list.iter().map(|found| found.severity).max()
    }

    /// keepalived's exit code of `--config-test`: 0, 4, 5 or 6.
    pub fn exit_code(&self) -> i32 {
        match self.worst() {
            None | Some(Severity::Note) => 0,
            Some(Severity::Security) => 6,
            Some(Severity::Error) => 5,
            Some(Severity::Fatal) => 4,
        }
    }

    /// A finding as one line: `file:line:column: text`.
    pub fn show<'a>(&'a self, found: &'a Diagnostic) -> impl fmt::Display + 'a {
        Line { all: self, found, form: Form::Place }
    }

    /// A finding as a line of the log, where programs look for keepalived's form: `(file: Line 7) text`.
    pub fn show_in_log<'a>(&'a self, found: &'a Diagnostic) -> impl fmt::Display + 'a {
        Line { all: self, found, form: Form::Log }
    }
}

/// One line of bounded length that no terminal or log takes for anything but text: a finding may quote
/// whatever stands in a file.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index >= limits::CONFIG_DIAGNOSTIC_TEXT {
            out.push_str("...");
            break;
        }
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// How a line tells where.
#[derive(Clone, Copy)]
enum Form {
    /// As compilers do and editors follow.
    Place,
    /// As keepalived does.
    Log,
}

struct Line<'a> {
    all: &'a Diagnostics,
    found: &'a Diagnostic,
    form: Form,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.found.at {
            let file = self.all.files.get(usize::from(at.file)).map_or("?", String::as_str);
            match self.form {
                Form::Place => write!(f, "{file}:{}:{}: ", at.line, at.column)?,
                Form::Log => write!(f, "({file}: Line {}) ", at.line)?,
            }
        }
        f.write_str(&self.found.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_short_printable_line() {
        let mut found = Diagnostics::default();
        found.add(Severity::Note, None, "a\nb\u{1b}[31m\u{202e}c \u{e9}");
        found.add(Severity::Note, None, "x".repeat(limits::CONFIG_DIAGNOSTIC_TEXT + 1));
        assert_eq!(found.list[0].text, "a\\nb\\u{1b}[31m\\u{202e}c \u{e9}");
        assert_eq!(found.list[1].text.len(), limits::CONFIG_DIAGNOSTIC_TEXT + 3);
    }

    #[test]
    fn the_last_finding_stands_for_all_that_are_not_kept() {
        let mut found = Diagnostics::default();
        for _ in 0..limits::CONFIG_DIAGNOSTICS {
            found.add(Severity::Note, None, "same");
        }
        assert_eq!((found.exit_code(), found.list.last().unwrap().text.as_str()), (0, "same"));
        found.add(Severity::Fatal, None, "worse");
        found.add(Severity::Error, None, "less");
        assert_eq!((found.list.len(), found.exit_code()), (limits::CONFIG_DIAGNOSTICS, 4));
        assert!(found.list.last().unwrap().text.starts_with(MORE));
    }
}
