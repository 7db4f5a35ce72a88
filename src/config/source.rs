//! Bytes of a file -> lines: encodings, line ends, and comments. What a line means is not known here.

use super::line::Line;
use super::{Diagnostics, Position, Severity};
use crate::limits;

/// Calls `each` with every line that is left when comments and white space are gone, blank ones
/// included (a blank line ends a definition of several lines). Lines that cannot be read are
/// replaced by blank ones and reported.
pub(super) fn lines(
    file: u16,
    bytes: &[u8],
    diagnostics: &mut Diagnostics,
    mut each: impl FnMut(Line, &mut Diagnostics),
) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut reported_encoding = false;
    for (number, raw) in (1u32..).zip(bytes.split(|&byte| byte == b'\n')) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let at = Position { file, line: number, column: 1 };
        if let Some(text) = unreadable(raw) {
            diagnostics.add(Severity::Error, Some(at), text);
            each(Line::new(at), diagnostics);
            continue;
        }
        let (line, lossy) = decode(at, raw);
        if let Some(column) = lossy.filter(|_| !reported_encoding) {
            reported_encoding = true;
            let text = "this is not UTF-8; such bytes are read as U+FFFD: save the file as UTF-8";
            diagnostics.add(Severity::Note, Some(Position { column, ..at }), text);
        }
        each(without_comment(&line).trimmed(), diagnostics);
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
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some((c, column)) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '#' | '!' if !quoted => break,
            '\\' if !quoted => {
                if let Some((escaped, column)) = chars.next_if(|&(next, _)| matches!(next, '#' | '!')) {
                    out.push(escaped, column);
                    continue;
                }
            }
            _ => {}
        }
        out.push(c, column);
    }
    out
}
