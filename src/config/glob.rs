//! File names with `*`, `?`, `[..]` and `{a,b}`: what an include may be written with. The rules are
//! those of POSIX glob (no wildcard matches a leading dot or a slash) and of csh for the braces.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::limits;

/// What `{a,b}` stands for: every alternative, in the order written. Braces that have no partner, and
/// `{}`, stand for themselves. None if there are more than [`limits::CONFIG_GLOB_ALTERNATIVES`].
pub(super) fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut pending = vec![(pattern.to_owned(), 0)];
    let mut rounds = 0usize;
    while let Some((text, from)) = pending.pop() {
        rounds = rounds.saturating_add(1);
        if rounds > limits::CONFIG_GLOB_ALTERNATIVES.saturating_mul(4) {
            return None;
        }
        match group(&text, from) {
            Some((before, choices, behind)) => {
                for choice in choices.iter().rev() {
                    pending.push((format!("{before}{choice}{behind}"), before.len()));
                }
            }
            None => done.push(text),
        }
        if done.len().saturating_add(pending.len()) > limits::CONFIG_GLOB_ALTERNATIVES {
            return None;
        }
    }
    Some(done)
}

/// The first group of alternatives at or behind an offset: what is before it, in it and behind it.
fn group(text: &str, from: usize) -> Option<(&str, Vec<&str>, &str)> {
    let pairs = pairs(text, from);
    let &(open, close) = pairs.iter().filter(|(open, close)| open.saturating_add(1) < *close).min()?;
    // Only what has a partner counts as a level; `{a{b,c}` has none at its first brace.
    let inner: BTreeMap<usize, usize> = pairs.iter().copied().filter(|&(at, _)| at > open && at < close).collect();
    let mut choices = Vec::new();
    let mut start = open.saturating_add(1);
    let mut skip_to = start;
    let mut escaped = false;
    for (offset, c) in text.get(..close)?.char_indices().skip_while(|&(offset, _)| offset <= open) {
        if offset < skip_to || core::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            '{' => skip_to = inner.get(&offset).map_or(skip_to, |close| close.saturating_add(1)),
            ',' => {
                choices.push(text.get(start..offset)?);
                start = offset.saturating_add(1);
            }
            _ => {}
        }
    }
    choices.push(text.get(start..close)?);
    Some((text.get(..open)?, choices, text.get(close.saturating_add(1)..)?))
}

/// The offsets of the braces that have partners.
fn pairs(text: &str, from: usize) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    let mut escaped = false;
    for (offset, c) in text.char_indices().skip_while(|&(offset, _)| offset < from) {
        if core::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            '{' => open.push(offset),
            '}' => found.extend(open.pop().map(|open| (open, offset))),
            _ => {}
        }
    }
    found
}

/// Whether any of `*`, `?` and `[` stands there unescaped.
pub(super) fn has_wildcard(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|c| {
        let plain = !escaped;
        escaped = plain && c == '\\';
        plain && matches!(c, '*' | '?' | '[')
    })
}

/// The files that a pattern without braces names, in byte order. A relative one is looked for in
/// `directory`. Looks at no more than `budget` names.
pub(super) fn files(directory: &Path, pattern: &str, budget: &mut usize) -> Vec<PathBuf> {
    let start = if pattern.starts_with('/') { PathBuf::from("/") } else { directory.to_owned() };
    let mut found = vec![start];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = found.iter().flat_map(|path| step(path, part, budget)).collect();
    }
    if !has_wildcard(pattern) {
        found.retain(|path| path.symlink_metadata().is_ok());
    }
    found
}

/// One part of a path further.
fn step(path: &Path, part: &str, budget: &mut usize) -> Vec<PathBuf> {
    if !has_wildcard(part) {
        let next = path.join(unescaped(part));
        return if next.symlink_metadata().is_ok() { vec![next] } else { Vec::new() };
    }
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries.flatten() {
        if *budget == 0 {
            break;
        }
        *budget = budget.saturating_sub(1);
        if matches(part.as_bytes(), entry.file_name().as_bytes()) {
            found.push(path.join(entry.file_name()));
        }
    }
    found.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    found
}

fn unescaped(part: &str) -> String {
    let mut out = String::new();
    let mut escaped = false;
    for c in part.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(c);
            escaped = false;
        }
    }
    out
}

/// Whether a name fits a pattern of one path part. Takes time in proportion to the product of both
/// lengths at most: only the last star is ever tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let stepped = match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, name));
                pattern = rest;
                continue;
            }
            (None, None) => return true,
            (None, Some(_)) | (Some(_), None) => None,
            (Some(_), Some((&byte, rest))) => one(pattern, byte).map(|pattern| (pattern, rest)),
        };
        (pattern, name) = match stepped {
            Some(next) => next,
            None => {
                let Some((again, from)) = retry else { return false };
                let Some((_, shorter)) = from.split_first() else { return false };
                retry = Some((again, shorter));
                (again, shorter)
            }
        };
    }
}

/// Matches one byte, and gives the rest of the pattern if it fits.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (&first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some(rest),
        b'[' => match set(rest, byte) {
            Some((fits, rest)) => fits.then_some(rest),
            None => (byte == b'[').then_some(rest),
        },
        b'\\' => match rest.split_first() {
            Some((&escaped, rest)) => (escaped == byte).then_some(rest),
            None => (byte == b'\\').then_some(rest),
        },
        _ => (first == byte).then_some(rest),
    }
}

/// `[abc]`, `[a-c]`, `[!a]`, `[]a]`: whether the byte is in it, and what follows. None if it never ends.
fn set(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern.split_first()? {
        (b'!' | b'^', rest) => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    let mut first = true;
    loop {
        let (&low, after) = rest.split_first()?;
        if low == b']' && !first {
            return Some((found != negated, after));
        }
        first = false;
        (found, rest) = match after {
            [b'-', high, after @ ..] if *high != b']' => (found || (low..=*high).contains(&byte), after),
            _ => (found || low == byte, after),
        };
    }
}

/// The name of a file for messages and [`super::Diagnostics::files`]: one line, whatever it is called.
pub(super) fn shown(path: &Path) -> String {
    let name = path.as_os_str().to_string_lossy();
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("*", ".a", false),
            (".*", ".a", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("*a*b*", "xaxbx", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("[ab]x", "bx", true),
            ("[a-c]", "b", true),
            ("[!a-c]", "b", false),
            ("[^a]", "b", true),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a", "ab", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
        let (pattern, name) = ("*a".repeat(500) + "b", "a".repeat(5000));
        assert!(!matches(pattern.as_bytes(), name.as_bytes()));
    }

    #[test]
    fn braces_are_alternatives_in_their_order() {
        for (pattern, expected) in [
            ("a", &["a"][..]),
            ("{a,b}", &["a", "b"]),
            ("x{a,b}y{1,2}", &["xay1", "xay2", "xby1", "xby2"]),
            ("{foo/{,cat,dog},bar}", &["foo/", "foo/cat", "foo/dog", "bar"]),
            ("{a}", &["a"]),
            ("{}x", &["{}x"]),
            ("{a", &["{a"]),
            ("{a{b,c}", &["{ab", "{ac"]),
            ("a}", &["a}"]),
            ("\\{a,b}", &["\\{a,b}"]),
            ("", &[""]),
        ] {
            let got = alternatives(pattern);
            assert_eq!(
                got.as_deref().map(|all| all.iter().map(String::as_str).collect()),
                Some(expected.to_vec()),
                "{pattern}"
            );
        }
        assert_eq!(alternatives(&"{a,b}".repeat(30)), None);
        assert_eq!(alternatives(&"{}".repeat(30_000)).map(|all| all.len()), Some(1));
        assert_eq!(alternatives(&("{".repeat(30_000) + &"}".repeat(30_000))), None);
        assert_eq!(alternatives(&"{".repeat(60_000)).map(|all| all.len()), Some(1));
    }
}
