//! A line of configuration that remembers, byte by byte, where each byte was written.

use super::Position;
use crate::limits;

/// Text and, for each byte of it, the column it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// The file and line that all of it belongs to.
    origin: Position,
    text: String,
    columns: Vec<u16>,
    /// Whether the line in the file ends with a backslash, be it in a comment.
    continued: bool,
}

impl Line {
    /// An empty line of that origin (whose column does not matter).
    pub(super) fn new(origin: Position) -> Self {
        Self { origin, text: String::new(), columns: Vec::new(), continued: false }
    }

    /// What it says.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Appends a character that was written at that column.
    pub(super) fn push(&mut self, c: char, column: u16) {
        self.text.push(c);
        self.columns.resize(self.text.len(), column);
    }

    /// Says whether the line in the file ends with a backslash.
    pub(super) fn set_continued(&mut self, continued: bool) {
        self.continued = continued;
    }

    /// Whether a definition that this line is part of goes on in the next.
    pub(super) fn is_continued(&self) -> bool {
        self.continued
    }

    /// Whether it may not grow any further.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= limits::CONFIG_LINE
    }

    /// Where the line as a whole stands: its first byte.
    pub(super) fn start(&self) -> Position {
        self.at(0)
    }

    /// Where the byte at that offset was written; behind the end: where the last byte was.
    pub(super) fn at(&self, offset: usize) -> Position {
        let column = self.columns.get(offset).or(self.columns.last()).copied().unwrap_or(self.origin.column);
        Position { column, ..self.origin }
    }

    /// The part of it between two offsets; empty if these are not on character boundaries.
    pub(super) fn slice(&self, from: usize, to: usize) -> Self {
        let text = self.text.get(from..to).unwrap_or_default().to_owned();
        let columns = self.columns.get(from..from.saturating_add(text.len())).unwrap_or_default().to_vec();
        Self { origin: self.at(from), text, columns, continued: self.continued }
    }

    /// All behind that offset.
    pub(super) fn from(&self, offset: usize) -> Self {
        self.slice(offset, self.text.len())
    }

    /// Without white space at both ends.
    pub(super) fn trimmed(&self) -> Self {
        let from = self.text.len().saturating_sub(self.text.trim_start().len());
        self.slice(from, self.text.trim_end().len().max(from))
    }

    /// Whether nothing is written there.
    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The characters with their columns.
    pub(super) fn chars(&self) -> impl DoubleEndedIterator<Item = (char, u16)> + '_ {
        self.text.char_indices().map(|(offset, c)| (c, self.at(offset).column))
    }
}
