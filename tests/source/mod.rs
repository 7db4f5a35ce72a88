//! The sources as text, for the tests that hold rules no compiler knows.

#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository.
pub struct Source {
    /// Its path from the top of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The top of the repository.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files of the repository for which `wanted` holds, dot-files too; not what is built.
pub fn files(wanted: impl Fn(&str) -> bool) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![top().to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("read {}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("read a folder").path()) {
            let name = relative(&path);
            if matches!(name.as_str(), ".git" | "target") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if wanted(&name) {
                // Binary files, such as fuzz inputs, have no text to judge.
                found.extend(fs::read_to_string(&path).ok().map(|text| Source { path: name, text }));
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "no file found below {}", top().display());
    found
}

fn relative(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(top()).expect("below the top").to_path_buf();
    path.to_string_lossy().into_owned()
}

/// Rust text with comments, strings and characters blanked; every line stays where it is.
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = match rest {
            [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => string(rest),
            [b'r', b'"' | b'#', ..] if !is_word(bytes, at) => raw_string(rest).unwrap_or(0),
            [b'\'', ..] => character(rest).unwrap_or(0),
            _ => 0,
        };
        let blanked = out[at..at + length].iter_mut().filter(|byte| **byte != b'\n');
        blanked.for_each(|byte| *byte = b' ');
        at += length.max(1);
    }
    // Only whole literals and comments were blanked: what is left is as valid as it was.
    String::from_utf8(out).expect("blanking keeps UTF-8")
}

/// Whether the byte at `at` continues a word (`for r in` begins no raw string, `br"..."` does).
fn is_word(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let prefix = matches!(before(1), b'b' | b'c') && !letter(before(2));
    letter(before(1)) && !prefix
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().skip(1).take_while(|byte| **byte == b'#').count();
    let body = rest.get(1 + hashes..)?.strip_prefix(b"\"")?;
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let length = body.windows(end.len()).position(|window| window == end)?;
    Some(1 + hashes + 1 + length + end.len())
}

/// A character's length; none for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|byte| *byte == b'\'').map(|length| length + 4);
    }
    // One character of up to four bytes, then the quote.
    let text = std::str::from_utf8(rest.get(1..)?).ok()?;
    let width = text.chars().next()?.len_utf8();
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

/// Blanked code with the items behind `#[cfg(test)]` blanked as well.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    let mut from = 0;
    while let Some(at) = out[from..].find(MARK).map(|found| from + found) {
        let end = at + item_length(&out[at..]);
        let blank: String = out[at..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(at..end, &blank);
        from = at;
        if blank.trim().is_empty() && end == at {
            break;
        }
    }
    out
}

/// Up to the semicolon or the closing brace of the item that begins here.
fn item_length(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
        if c == '}' && depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// Where `word` stands as a whole word in `code`, as line numbers from 1.
pub fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let opens = word.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let closes = word.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let whole = |line: &str, at: usize| {
        (!opens || edge(line[..at].chars().next_back())) && (!closes || edge(line[at + word.len()..].chars().next()))
    };
    let has = |line: &str| line.match_indices(word).any(|(at, _)| whole(line, at));
    code.lines().enumerate().filter(|(_, line)| has(line)).map(|(number, _)| number + 1).collect()
}
