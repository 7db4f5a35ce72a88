//! File names with `*`, `?`, `[..]` and `{a,b}`: what an include may be written with. The rules are
//! those of POSIX glob (no wildcard matches a leading dot or a slash) and of csh for the braces.

use std::ffi::OsStr;
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
    let mut open: Option<usize> = None;
    let mut depth = 0usize;
    let mut starts = Vec::new();
    let mut choices = Vec::new();
    let mut escaped = false;
    for (offset, c) in text.char_indices().skip_while(|&(offset, _)| offset < from) {
        if core::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    open = Some(offset);
                    starts.push(offset.saturating_add(1));
                }
                depth = depth.saturating_add(1);
            }
            ',' if depth == 1 => {
                choices.push(text.get(*starts.last()?..offset)?);
                starts.push(offset.saturating_add(1));
            }
            '}' if depth > 0 => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let open = open?;
                    choices.push(text.get(*starts.last()?..offset)?);
                    if choices == [""] {
                        (starts, choices) = (Vec::new(), Vec::new());
                        continue;
                    }
                    return Some((text.get(..open)?, choices, text.get(offset.saturating_add(1)..)?));
                }
            }
            _ => {}
        }
    }
    // An opening brace without a partner stands for itself; a whole group may still follow it.
    if depth > 0 { group(text, open?.saturating_add(1)) } else { None }
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

/// The name of a file for messages and [`super::Diagnostics::files`].
pub(super) fn shown(path: &Path) -> String {
    OsStr::to_string_lossy(path.as_os_str()).into_owned()
}
