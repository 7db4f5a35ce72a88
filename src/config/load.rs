//! Files -> the tree of [`Block`]s: the way a line takes through includes, conditionals, definitions
//! and generators until its words join the tree.
//!
//! A line is looked at for a conditional, then a definition, then a generator; what remains has its
//! definitions replaced and is looked at again if that made one of the three of it. An include is seen
//! last. Where this reads more than keepalived does: conditionals and definitions work on include
//! lines, and the pattern may be in quotes; `@ID` takes out all lines of a definition; `\"` does not end
//! a quoted word; an undefined `${NAME}` stays part of its word instead of opening a block; a definition
//! that uses itself is reported; lines may be longer than 1024 bytes.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::define::{Definitions, Surroundings, definition};
use super::generate::{Generator, extent};
use super::include::{self, Checks};
use super::line::Line;
use super::syntax::Block;
use super::tree::Tree;
use super::{Diagnostics, Position, Severity, lexer};
use crate::limits;

mod files;
#[cfg(test)]
mod tests;

use files::directory_of;

/// What the text of a configuration depends on besides its files.
#[derive(Clone, Debug)]
pub struct Options {
    /// The word that `@ID` lines are compared with (`-i`; keepalived's default is the host's name up
    /// to the first dot). Also `${_INSTANCE}`.
    pub config_id: String,
    /// Whether an include that cannot be read is an error (`-e`).
    pub strict_includes: bool,
    /// Where `${_RANDOM}` starts; `random_seed` in the configuration overrules it.
    pub random_seed: u64,
    /// Where `${_ENV NAME}` is looked up; what it does not know is empty.
    pub environment: fn(&str) -> Option<String>,
}

impl Default for Options {
    /// No config-id, includes as lenient as keepalived's, seed 0, and the process's environment.
    fn default() -> Self {
        Self {
            config_id: String::new(),
            strict_includes: false,
            random_seed: 0,
            environment: |name| std::env::var(name).ok(),
        }
    }
}

/// Reads a configuration and all it includes. What is wrong with it is in the diagnostics; the block
/// holds everything that could be read. That the file itself cannot be read is [`Severity::Fatal`].
///
/// A path that names no file but has wildcards or braces stands for all files it matches, as with
/// keepalived's `-f`.
pub fn read(path: &Path, options: &Options) -> (Block, Diagnostics) {
    let mut loader = Loader::new(options);
    let found = match path.to_str().filter(|_| path.symlink_metadata().is_err()) {
        Some(pattern) => include::find(Path::new("."), pattern, Checks::ALL).files,
        None => Vec::new(),
    };
    if found.is_empty() {
        loader.main(path);
    }
    found.iter().for_each(|path| loader.main(path));
    loader.finish()
}

/// Reads a configuration that is at hand. Relative includes are looked for in the directory part of
/// `name`.
pub fn read_text(name: &str, text: &[u8], options: &Options) -> (Block, Diagnostics) {
    let mut loader = Loader::new(options);
    loader.around.directory = directory_of(Path::new(name));
    loader.file(name, text);
    loader.finish()
}

/// What a line or a replacement counts for besides its bytes, of [`limits::CONFIG_EXPANSION`].
const EXPANSION_OVERHEAD: usize = 16;

/// Work that is still to be done, the next on top of a stack.
enum Work {
    /// A line.
    Line(Line),
    /// The lines of a definition from that index on, used at that place.
    Body(Rc<[String]>, usize, Position),
    /// What is left of a generator, and the line it repeats.
    Repeat(Generator, Line),
}

/// A definition of several lines while it is read.
struct Collecting {
    name: String,
    lines: Vec<String>,
    bytes: usize,
    at: Position,
    /// Whether a conditional took the definition out.
    skipped: bool,
}

struct Loader<'a> {
    options: &'a Options,
    diagnostics: Diagnostics,
    definitions: Definitions,
    around: Surroundings,
    tree: Tree,
    collecting: Option<Collecting>,
    /// `include_check`; it holds to the end of the file and in what that includes.
    checks: Checks,
    /// The files being read, each included by the one before it.
    reading: Vec<(u64, u64)>,
    /// Bytes read so far, of [`limits::CONFIG_BYTES`].
    bytes: usize,
    /// Of [`limits::CONFIG_EXPANSION`].
    work: usize,
    end: Position,
}

impl<'a> Loader<'a> {
    fn new(options: &'a Options) -> Self {
        let around = Surroundings {
            directory: PathBuf::from("."),
            config_id: options.config_id.clone(),
            environment: options.environment,
            random: options.random_seed,
        };
        Self {
            options,
            diagnostics: Diagnostics::default(),
            definitions: Definitions::default(),
            around,
            tree: Tree::new(),
            collecting: None,
            checks: if options.strict_includes { Checks::ALL } else { Checks::default() },
            reading: Vec::new(),
            bytes: 0,
            work: 0,
            end: Position::default(),
        }
    }

    fn finish(mut self) -> (Block, Diagnostics) {
        let root = self.tree.finish(self.end, &mut self.diagnostics);
        (root, self.diagnostics)
    }

    /// A line as it stands in a file.
    fn physical(&mut self, line: Line) {
        let Some(mut collecting) = self.collecting.take() else { return self.run(line) };
        collecting.lines.push(without_backslash(line.text()).to_owned());
        collecting.bytes = collecting.bytes.saturating_add(line.text().len()).saturating_add(1);
        if line.is_continued() && collecting.bytes <= limits::CONFIG_DEFINITIONS {
            self.collecting = Some(collecting);
        } else {
            self.collected(collecting);
        }
    }

    fn collected(&mut self, collected: Collecting) {
        if !collected.skipped {
            self.define(&collected.name, collected.lines, collected.at);
        }
    }

    /// A line and all that comes of it.
    fn run(&mut self, line: Line) {
        let mut stack = vec![Work::Line(line)];
        while let Some(work) = stack.pop().filter(|_| !self.tree.is_full()) {
            if stack.len() > limits::CONFIG_EXPANSION_DEPTH {
                if let Some(at) = place(&work) {
                    let text = format!(
                        "definitions and generators are nested more than {} deep: a definition must not use itself",
                        limits::CONFIG_EXPANSION_DEPTH
                    );
                    self.diagnostics.add(Severity::Error, Some(at), text);
                }
                return;
            }
            match work {
                Work::Line(line) => self.logical(line, &mut stack),
                Work::Body(lines, index, at) => {
                    let Some(text) = lines.get(index) else { continue };
                    let mut line = Line::new(at);
                    text.chars().for_each(|c| line.push(c, at.column));
                    if !self.spend(text.len(), at) {
                        return;
                    }
                    stack.push(Work::Body(lines, index.saturating_add(1), at));
                    stack.push(Work::Line(line));
                }
                Work::Repeat(mut generator, line) => {
                    let Some(definitions) = generator.next() else { continue };
                    for (name, value) in definitions {
                        self.define(&name, vec![value], line.start());
                    }
                    if !self.spend(line.text().len(), line.start()) {
                        return;
                    }
                    stack.push(Work::Repeat(generator, line.clone()));
                    stack.push(Work::Line(line));
                }
            }
        }
    }

    /// One step of one line: either its words join the tree, or what is to be done instead is pushed.
    fn logical(&mut self, line: Line, stack: &mut Vec<Work>) {
        let line = line.trimmed();
        if line.is_blank() {
            return;
        }
        if line.text().starts_with('@') {
            let (holds, rest) = self.conditional(&line);
            if holds {
                stack.push(Work::Line(rest));
            } else if stack.is_empty() {
                self.skip_definition(&rest);
            }
            return;
        }
        if let Some((name, value)) = definition(line.text()) {
            let value = line.from(value).trimmed();
            self.begin_definition(name, &value, stack.is_empty());
            return;
        }
        if let Some((_, end)) = extent(line.text()) {
            self.generator(&line, end, stack);
            return;
        }
        let replaced = match self.definitions.replace(&line, &mut self.around) {
            Ok(replaced) => replaced,
            Err((at, text)) => {
                self.diagnostics.add(Severity::Error, Some(at), text);
                return;
            }
        };
        if replaced.line != line && !self.spend(replaced.work, line.start()) {
            stack.clear();
            return;
        }
        stack.extend(replaced.tails.into_iter().map(|(lines, at)| Work::Body(lines, 1, at)));
        let line = replaced.line.trimmed();
        if line.text().starts_with('@') || extent(line.text()).is_some() || definition(line.text()).is_some() {
            stack.push(Work::Line(line));
            return;
        }
        if let Some((checks, pattern)) = include::parse(line.text()) {
            self.include(&line.from(pattern), checks);
            return;
        }
        self.obey(line.text(), line.start());
        let tokens = lexer::tokens(&line, &mut self.diagnostics);
        self.tree.add(&line, tokens, &mut self.diagnostics);
    }

    /// `@ID rest` or `@^ID rest`: whether it holds here, and the rest.
    fn conditional(&self, line: &Line) -> (bool, Line) {
        let text = line.text().get(1..).unwrap_or_default();
        let (negated, text) = text.strip_prefix('^').map_or((false, text), |text| (true, text));
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let word = text.get(..end).unwrap_or_default();
        let rest = text.get(end..).unwrap_or_default();
        let holds = (word == self.options.config_id) != negated;
        (holds, line.from(line.text().len().saturating_sub(rest.len())).trimmed())
    }

    /// A conditional that does not hold takes all lines of a definition with it.
    fn skip_definition(&mut self, rest: &Line) {
        if let Some((name, _)) = definition(rest.text()).filter(|_| rest.is_continued()) {
            let (name, lines) = (name.to_owned(), Vec::new());
            self.collecting = Some(Collecting { name, lines, bytes: 0, at: rest.start(), skipped: true });
        }
    }

    fn begin_definition(&mut self, name: &str, value: &Line, in_file: bool) {
        let lines = vec![without_backslash(value.text()).to_owned()];
        if in_file && value.is_continued() {
            let (name, bytes, at) = (name.to_owned(), value.text().len(), value.start());
            self.collecting = Some(Collecting { name, lines, bytes, at, skipped: false });
        } else {
            self.define(name, lines, value.start());
        }
    }

    fn define(&mut self, name: &str, lines: Vec<String>, at: Position) {
        if let Err(text) = self.definitions.define(name, lines) {
            self.diagnostics.add(Severity::Error, Some(at), text);
        }
    }

    /// `~SEQ(..) rest`: pushes the repetition of the rest.
    fn generator(&mut self, line: &Line, end: Option<usize>, stack: &mut Vec<Work>) {
        let parsed = match end {
            None => Err((line.start(), String::from("the ( of this generator is never closed: add the missing )"))),
            Some(end) => self
                .definitions
                .replace(&line.slice(0, end), &mut self.around)
                .and_then(|replaced| Generator::parse(replaced.line.text()).map_err(|text| (line.start(), text))),
        };
        match (parsed, end) {
            (Ok(generator), Some(end)) => stack.push(Work::Repeat(generator, line.from(end).trimmed())),
            (Err((at, text)), _) => {
                let text = format!("{text}; the line is ignored");
                self.diagnostics.add(Severity::Error, Some(at), text);
            }
            (Ok(_), None) => {}
        }
    }

    /// The settings that change how the rest is read. Their lines join the tree like others.
    fn obey(&mut self, text: &str, at: Position) {
        let mut words = text.split_whitespace();
        match words.next() {
            Some("include_check") => {
                let unknown = self.checks.apply(words);
                if !unknown.is_empty() {
                    let text = format!(
                        "{} is no include_check: expected readable, match, wildcard_match or brace_match",
                        unknown.join(" ")
                    );
                    self.diagnostics.add(Severity::Error, Some(at), text);
                }
            }
            Some("random_seed") => {
                if let Some(seed) = words.next().and_then(|word| word.parse::<u32>().ok()) {
                    self.around.random = u64::from(seed);
                }
            }
            _ => {}
        }
    }

    /// Takes from the allowance for expansion; false, reported once, if there is none left.
    fn spend(&mut self, bytes: usize, at: Position) -> bool {
        let before = self.work;
        self.work = before.saturating_add(bytes).saturating_add(EXPANSION_OVERHEAD);
        if self.work <= limits::CONFIG_EXPANSION {
            return true;
        }
        if before <= limits::CONFIG_EXPANSION {
            let text = format!(
                "definitions and generators make more than {} bytes; all further ones are ignored",
                limits::CONFIG_EXPANSION
            );
            self.diagnostics.add(Severity::Fatal, Some(at), text);
        }
        false
    }
}

fn without_backslash(text: &str) -> &str {
    text.strip_suffix('\\').unwrap_or(text).trim_end()
}

fn place(work: &Work) -> Option<Position> {
    match work {
        Work::Line(line) | Work::Repeat(_, line) => Some(line.start()),
        Work::Body(_, _, at) => Some(*at),
    }
}
