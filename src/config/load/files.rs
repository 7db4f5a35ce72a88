//! How a load goes from file to file.

use std::path::{Path, PathBuf};

use super::{Checks, Line, Loader, Position, Severity};
use crate::config::source::Source;
use crate::config::{glob, include};
use crate::limits;

impl Loader<'_> {
    /// Reads the file that the load is about.
    pub(super) fn main(&mut self, path: &Path) {
        self.around.directory = directory_of(path);
        match include::content(path, limits::CONFIG_BYTES.saturating_sub(self.bytes)) {
            Ok(content) => {
                self.reading.push(content.identity);
                self.file(&glob::shown(path), &content.bytes);
                self.reading.pop();
            }
            Err(text) => {
                let file = u16::try_from(self.diagnostics.files.len()).unwrap_or(u16::MAX);
                self.diagnostics.files.push(glob::shown(path));
                let at = Position { file, line: 1, column: 1 };
                self.diagnostics.add(Severity::Fatal, Some(at), format!("the configuration {text}"));
            }
        }
    }

    /// Reads one file's text, or an included one's in the middle of it.
    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) {
        let Ok(file) = u16::try_from(self.diagnostics.files.len()) else { return };
        self.diagnostics.files.push(name.to_owned());
        self.bytes = self.bytes.saturating_add(bytes.len());
        let mut source = Source::new(file, bytes);
        while let Some(line) = source.next(&mut self.diagnostics) {
            self.end = line.start();
            self.physical(line);
        }
        if let Some(collected) = self.collecting.take() {
            let text = format!(
                "the definition of ${} goes on behind the end of the file: take off the last \\",
                collected.name
            );
            self.diagnostics.add(Severity::Error, Some(self.end), text);
            self.collected(collected);
        }
    }

    /// An include line: `line` begins with the pattern.
    pub(super) fn include(&mut self, line: &Line, checks: Checks) {
        let at = line.start();
        let checks = self.checks.or(checks);
        let grave = |error: bool| if error { Severity::Fatal } else { Severity::Note };
        if self.reading.len() >= limits::CONFIG_INCLUDE_DEPTH {
            let text = format!("more than {} files include each other: include less", limits::CONFIG_INCLUDE_DEPTH);
            self.diagnostics.add(Severity::Error, Some(at), text);
            return;
        }
        let directory = self.around.directory.clone();
        let found = include::find(&directory, line.text(), checks);
        if let Some((text, error)) = found.missing {
            self.diagnostics.add(grave(error), Some(at), text);
        }
        for path in found.files {
            if self.diagnostics.files.len() >= limits::CONFIG_FILES {
                let text = format!("more than {} files; this one is not read: include less", limits::CONFIG_FILES);
                self.diagnostics.add(Severity::Error, Some(at), text);
                return;
            }
            let name = glob::shown(&path);
            match include::content(&path, limits::CONFIG_BYTES.saturating_sub(self.bytes)) {
                Err(text) => self.diagnostics.add(grave(checks.any()), Some(at), format!("{name} {text}")),
                Ok(content) if self.reading.contains(&content.identity) => {
                    let text = format!("{name} is being read already; it must not include itself, directly or not");
                    self.diagnostics.add(Severity::Error, Some(at), text);
                }
                Ok(content) => {
                    let outer = (self.checks, self.end);
                    self.reading.push(content.identity);
                    self.around.directory = directory_of(&path);
                    self.file(&name, &content.bytes);
                    self.around.directory.clone_from(&directory);
                    self.reading.pop();
                    (self.checks, self.end) = outer;
                }
            }
        }
    }
}

/// The directory of a file, absolute.
pub(super) fn directory_of(path: &Path) -> PathBuf {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned())
}
