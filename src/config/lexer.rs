//! A line -> words and braces, by the rules of keepalived: words end at white space, at a brace and at
//! a quotation mark; double quotes keep all of these in a word; single quotes mean nothing here.

use super::line::Line;
use super::syntax::Word;
use super::{Diagnostics, Position, Severity};

/// What a line is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// A word, with the offset of its first byte in the line and of the one behind it.
    Word(Word, usize, usize),
    /// `{`, and its offset.
    Open(Position, usize),
    /// `}`, and its offset.
    Close(Position, usize),
}

/// The tokens of a line in their order. A quote that never ends takes its word with it, reported.
pub(super) fn tokens(line: &Line, diagnostics: &mut Diagnostics) -> Vec<Token> {
    let mut found = Vec::new();
    let mut offset = 0;
    loop {
        let rest = line.text().get(offset..).unwrap_or_default();
        let blank = rest.len().saturating_sub(rest.trim_start().len());
        offset = offset.saturating_add(blank);
        let rest = rest.trim_start();
        let at = line.at(offset);
        let Some(first) = rest.chars().next() else { break };
        let (length, token) = match first {
            '{' => (1, Some(Token::Open(at, offset))),
            '}' => (1, Some(Token::Close(at, offset))),
            '"' => match quoted(rest) {
                Some((length, text)) => {
                    let word = Word { text, at, quoted: true };
                    (length, Some(Token::Word(word, offset, offset.saturating_add(length))))
                }
                None => {
                    let text = format!("the quote of {rest} is never closed: add a \" or remove this one");
                    diagnostics.add(Severity::Error, Some(at), text);
                    (rest.len(), None)
                }
            },
            _ => {
                let length = plain(rest);
                let text = rest.get(..length).unwrap_or_default().to_owned();
                if text.contains("${") {
                    let text = format!("{text} uses a name that is not defined: define it above as $NAME=value");
                    diagnostics.add(Severity::Note, Some(at), text);
                }
                let word = Word { text, at, quoted: false };
                (length, Some(Token::Word(word, offset, offset.saturating_add(length))))
            }
        };
        found.extend(token);
        offset = offset.saturating_add(length);
    }
    found
}

/// Length with both quotes, and the text between them.
fn quoted(rest: &str) -> Option<(usize, String)> {
    let length = quoted_length(rest)?;
    let inner = rest.get(1..length.checked_sub(1)?)?;
    Some((length, inner.replace("\\\"", "\"")))
}

/// How long the quoted word is, both quotes included, that a text begins with. `\"` does not end it, as
/// in the arguments of scripts; if nothing else does, it ends it after all, as in keepalived's other words.
pub(super) fn quoted_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('"')?;
    let end = closing_quote(inner).or_else(|| inner.find('"'))?;
    end.checked_add(2)
}

fn closing_quote(inner: &str) -> Option<usize> {
    let mut escaped = false;
    for (offset, c) in inner.char_indices() {
        match c {
            '"' if !escaped => return Some(offset),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// Length of a word without quotes. `${NAME}` that no definition replaced stays whole.
fn plain(rest: &str) -> usize {
    let mut reference = false;
    let mut last = '\0';
    for (offset, c) in rest.char_indices() {
        match c {
            '{' if last == '$' && rest.get(offset..).is_some_and(|text| text.contains('}')) => reference = true,
            '}' if reference => reference = false,
            _ if reference => {}
            '{' | '}' | '"' => return offset,
            c if c.is_whitespace() => return offset,
            _ => {}
        }
        last = c;
    }
    rest.len()
}
