//! Bytes of a file -> lines: encodings, line ends, and comments. What a line means is not known here.

use super::line::Line;
use super::{Diagnostics, Position, Severity, lexer};
use crate::limits;

/// A file while it is read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    rest: Option<&'a [u8]>,
    at: Position,
    reported_encoding: bool,
}

impl<'a> Source<'a> {
    /// The text of the file with that index in [`Diagnostics::files`].
    pub(super) fn new(file: u16, bytes: &'a [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        Self { rest: Some(bytes), at: Position { file, line: 0, column: 1 }, reported_encoding: false }
    }

    /// The next line without comment and without white space at its ends, blank ones included (such a
    /// line ends a definition). One that cannot be read is reported, and blank.
    pub(super) fn next(&mut self, diagnostics: &mut Diagnostics) -> Option<Line> {
        let rest = self.rest.take()?;
        let mut parts = rest.splitn(2, |&byte| byte == b'\n');
        let raw = parts.next()?;
        self.rest = parts.next();
        self.at.line = self.at.line.saturating_add(1);
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if let Some(text) = unreadable(raw) {
            diagnostics.add(Severity::Error, Some(self.at), text);
            return Some(Line::new(self.at));
        }
        let (line, lossy) = decode(self.at, raw);
        if let Some(column) = lossy.filter(|_| !self.reported_encoding) {
            self.reported_encoding = true;
            let text = "this is not UTF-8; such bytes are read as U+FFFD: save the file as UTF-8";
            diagnostics.add(Severity::Note, Some(Position { column, ..self.at }), text);
        }
        let mut read = without_comment(&line).trimmed();
        read.set_continued(line.text().trim_end().ends_with('\\'));
        Some(read)
    }
}

fn unreadable(raw: &[u8]) -> Option<String> {
    if raw.len() > limits::CONFIG_LINE {
        return Some(format!(
            "the line is longer than {} bytes and is ignored: split it, or use definitions of several lines",
            limits::CONFIG_LINE
        ));
    }
    raw.contains(&0).then(|| String::from("the line holds a NUL byte and is ignored: remove the byte"))
}

/// The line, and the column of the first byte that is not UTF-8.
fn decode(at: Position, raw: &[u8]) -> (Line, Option<u16>) {
    let mut line = Line::new(at);
    let mut lossy = None;
    let mut column = 1usize;
    let narrow = |column: usize| u16::try_from(column).unwrap_or(u16::MAX);
    for chunk in raw.utf8_chunks() {
        for c in chunk.valid().chars() {
            line.push(c, narrow(column));
            column = column.saturating_add(c.len_utf8());
        }
        if !chunk.invalid().is_empty() {
            lossy = lossy.or(Some(narrow(column)));
            line.push(char::REPLACEMENT_CHARACTER, narrow(column));
            column = column.saturating_add(chunk.invalid().len());
        }
    }
    (line, lossy)
}

/// Takes off what follows `#` or `!`, anywhere but in double quotes, and the backslash of `\#` and `\!`.
fn without_comment(line: &Line) -> Line {
    let mut out = Line::new(line.start());
    let mut quoted_to = 0;
    let mut escaped = false;
    let mut chars = line.text().char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        let protected = core::mem::take(&mut escaped) || offset < quoted_to;
        match c {
            '#' | '!' if !protected => break,
            '"' if !protected => {
                let length = line.text().get(offset..).and_then(lexer::quoted_length).unwrap_or(1);
                quoted_to = offset.saturating_add(length);
            }
            '\\' if !protected => {
                escaped = true;
                if chars.peek().is_some_and(|(_, next)| matches!(next, '#' | '!')) {
                    continue;
                }
            }
            _ => {}
        }
        out.push(c, line.at(offset).column);
    }
    out
}
