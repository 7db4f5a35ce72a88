//! Files -> the tree of [`Block`]s: the way a line takes through includes, conditionals, definitions
//! and generators until its words join the tree.
//!
//! The order is keepalived's. An include is seen first, so that neither a conditional nor a definition
//! works on its line; then `@ID`; then definitions are made or replaced; what results may again be a
//! conditional, a definition or a generator.

use std::path::Path;
use std::rc::Rc;

use super::define::{Definitions, Surroundings, definition};
use super::generate::{Generator, extent};
use super::line::Line;
use super::syntax::Block;
use super::tree::Tree;
use super::{Diagnostics, Position, Severity, lexer, source};
use crate::limits;

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
pub fn read(path: &Path, options: &Options) -> (Block, Diagnostics) {
    let mut loader = Loader::new(options);
    let name = path.display().to_string();
    match read_main(path) {
        Ok(bytes) => {
            loader.around.directory = directory_of(path);
            loader.file(&name, &bytes);
        }
        Err(text) => {
            loader.diagnostics.files.push(name);
            let at = Position { file: 0, line: 1, column: 1 };
            loader.diagnostics.add(Severity::Fatal, Some(at), text);
        }
    }
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

fn directory_of(path: &Path) -> String {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()).display().to_string()
}

fn read_main(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let why = |error: std::io::Error| {
        format!("cannot read the configuration: {error}; check the path given with -f and its permissions")
    };
    let about = std::fs::metadata(path).map_err(why)?;
    if !about.is_file() {
        return Err(String::from("this is not a regular file; give the configuration file with -f"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(limits::CONFIG_FILE).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path).map_err(why)?.take(limit).read_to_end(&mut bytes).map_err(why)?;
    if bytes.len() > limits::CONFIG_FILE {
        return Err(format!("the file is larger than {} bytes; is it a configuration?", limits::CONFIG_FILE));
    }
    Ok(bytes)
}

/// Work that is still to be done, the next on top of a stack.
enum Work {
    /// A line; whether its conditional was already seen.
    Line(Line, bool),
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
    /// Of [`limits::CONFIG_EXPANSION`].
    work: usize,
    end: Position,
}

impl<'a> Loader<'a> {
    fn new(options: &'a Options) -> Self {
        let around = Surroundings {
            directory: String::from("."),
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
            work: 0,
            end: Position::default(),
        }
    }

    fn finish(mut self) -> (Block, Diagnostics) {
        let root = self.tree.finish(self.end, &mut self.diagnostics);
        (root, self.diagnostics)
    }

    /// Reads one file's text, or an included one's in the middle of it.
    fn file(&mut self, name: &str, bytes: &[u8]) {
        let Ok(file) = u16::try_from(self.diagnostics.files.len()) else { return };
        self.diagnostics.files.push(name.to_owned());
        let mut lines = Vec::new();
        source::lines(file, bytes, &mut self.diagnostics, |line, _| lines.push(line));
        for line in lines {
            self.end = line.start();
            self.physical(line);
        }
        if let Some(collected) = self.collecting.take() {
            self.define(&collected.name, collected.lines, self.end);
        }
    }

    /// A line as it stands in a file.
    fn physical(&mut self, line: Line) {
        if let Some(mut collecting) = self.collecting.take() {
            let continues = line.text().ends_with('\\');
            collecting.lines.push(without_backslash(line.text()).to_owned());
            collecting.bytes = collecting.bytes.saturating_add(line.text().len());
            if continues && collecting.bytes <= limits::CONFIG_DEFINITIONS {
                self.collecting = Some(collecting);
            } else if !collecting.skipped {
                self.define(&collecting.name, collecting.lines, line.start());
            }
            return;
        }
        self.run(line);
    }

    /// A line and all that comes of it.
    fn run(&mut self, line: Line) {
        let mut stack = vec![Work::Line(line, false)];
        while let Some(work) = stack.pop() {
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
                Work::Line(line, conditional_seen) => self.logical(line, conditional_seen, &mut stack),
                Work::Body(lines, index, at) => {
                    let Some(text) = lines.get(index) else { continue };
                    let mut line = Line::new(at);
                    text.chars().for_each(|c| line.push(c, at.column));
                    if !self.spend(text.len(), at) {
                        return;
                    }
                    stack.push(Work::Body(lines, index.saturating_add(1), at));
                    stack.push(Work::Line(line, false));
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
                    stack.push(Work::Line(line, false));
                }
            }
        }
    }

    /// One step of one line: either its words join the tree, or what is to be done instead is pushed.
    fn logical(&mut self, line: Line, conditional_seen: bool, stack: &mut Vec<Work>) {
        let line = line.trimmed();
        if line.is_blank() {
            return;
        }
        if line.text().starts_with('@') && !conditional_seen {
            let (holds, rest) = self.conditional(&line);
            if holds {
                stack.push(Work::Line(rest, true));
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
        let again = line.text().starts_with('@') && !conditional_seen
            || extent(line.text()).is_some()
            || definition(line.text()).is_some();
        if again {
            stack.push(Work::Line(line, conditional_seen));
            return;
        }
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
        if let Some((name, _)) = definition(rest.text()).filter(|_| rest.text().ends_with('\\')) {
            self.collecting = Some(Collecting { name: name.to_owned(), lines: Vec::new(), bytes: 0, skipped: true });
        }
    }

    fn begin_definition(&mut self, name: &str, value: &Line, in_file: bool) {
        let lines = vec![without_backslash(value.text()).to_owned()];
        if in_file && value.text().ends_with('\\') {
            self.collecting =
                Some(Collecting { name: name.to_owned(), lines, bytes: value.text().len(), skipped: false });
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

    /// Takes from the allowance for expansion; false, reported once, if there is none left.
    fn spend(&mut self, bytes: usize, at: Position) -> bool {
        let before = self.work;
        self.work = before.saturating_add(bytes).saturating_add(1);
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
        Work::Line(line, _) | Work::Repeat(_, line) => Some(line.start()),
        Work::Body(_, _, at) => Some(*at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(block: &Block) -> Vec<String> {
        block
            .statements
            .iter()
            .map(|statement| {
                let words: Vec<&str> = statement.words.iter().map(|word| word.text.as_str()).collect();
                let block = statement.block.as_ref().map(|block| format!("{{{}}}", names(block).join(";")));
                format!("{}{}", words.join(","), block.unwrap_or_default())
            })
            .collect()
    }

    fn tree(text: &str) -> (String, Vec<String>) {
        let options = Options { config_id: String::from("me"), ..Options::default() };
        let (block, found) = read_text("t.conf", text.as_bytes(), &options);
        (names(&block).join(";"), found.list.iter().map(|one| found.show(one).to_string()).collect())
    }

    #[test]
    fn braces_open_blocks_wherever_they_stand() {
        for (text, expected) in [
            ("a {\n b\n}", "a{b}"),
            ("a\n{\n b }", "a{b}"),
            ("a { b { c d } e }", "a{b{c,d};e}"),
            ("a{b}c", "a{b};c"),
            ("$M=\\\n x 1 { \\\n y ${N} \\\n}\n~SEQ(N,1,2) $M", "x,1{y,1};x,1{y,2}"),
            ("@me a\n@no b\n@^no c", "a;c"),
        ] {
            assert_eq!(tree(text), (expected.to_owned(), vec![]), "{text}");
        }
    }
}
