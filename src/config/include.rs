//! `include` and its variants: which files a line names, which of them may be read, and what is said
//! about those that may not.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::glob;
use crate::limits;

/// What must hold of an include: `include_check`, and what a variant of the keyword adds to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Checks {
    /// A file that matches can be read.
    readable: bool,
    /// A name without wildcards matches a file.
    matched: bool,
    /// Wildcards match a file too.
    wildcard: bool,
    /// Each alternative of `{a,b}` matches a file.
    brace: bool,
}

impl Checks {
    /// All of them: `includea`, `include_check` without options, `-e`.
    pub(super) const ALL: Self = Self { readable: true, matched: true, wildcard: true, brace: true };

    /// Both together.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            matched: self.matched || other.matched,
            wildcard: self.wildcard || other.wildcard,
            brace: self.brace || other.brace,
        }
    }

    /// Whether anything is asked for; all checks imply that files can be read.
    pub(super) fn any(self) -> bool {
        self != Self::default()
    }

    /// Applies the words of an `include_check` line: names of checks replace what is set, `+` and `-`
    /// add to and take from it. Gives the words it does not know.
    pub(super) fn apply<'a>(&mut self, options: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut unknown = Vec::new();
        let mut add = true;
        let mut count = 0usize;
        for option in options {
            let name = option.trim_start_matches(['+', '-']);
            match option.chars().next() {
                Some('+') => add = true,
                Some('-') => add = false,
                _ if count == 0 => *self = Self::default(),
                _ => {}
            }
            count = count.saturating_add(1);
            match name {
                "readable" => self.readable = add,
                "match" => self.matched = add,
                "wildcard_match" => self.wildcard = add,
                "brace_match" => self.brace = add,
                "" => {}
                _ => unknown.push(option),
            }
        }
        if count == 0 {
            *self = Self::ALL;
        }
        unknown
    }
}

/// An include line taken apart: what its keyword adds to the checks, and the offset of its pattern.
pub(super) fn parse(text: &str) -> Option<(Checks, usize)> {
    let end = text.find(char::is_whitespace)?;
    let none = Checks::default();
    let checks = match text.get(..end)? {
        "include" => none,
        "includer" => Checks { readable: true, ..none },
        "includem" => Checks { matched: true, ..none },
        "includew" => Checks { wildcard: true, ..none },
        "includeb" => Checks { brace: true, ..none },
        "includea" => Checks::ALL,
        _ => return None,
    };
    let pattern = text.get(end..)?.trim_start();
    (!pattern.is_empty()).then(|| (checks, text.len().saturating_sub(pattern.len())))
}

/// The files an include line names.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the order in which they are to be read.
    pub(super) files: Vec<PathBuf>,
    /// What is missing, and whether the checks make that an error.
    pub(super) missing: Option<(String, bool)>,
}

/// Looks for the files of a pattern; relative ones in `directory`.
pub(super) fn find(directory: &Path, pattern: &str, checks: Checks) -> Found {
    let pattern = pattern.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(pattern);
    let Some(alternatives) = glob::alternatives(pattern) else {
        let text = format!(
            "{pattern} has more than {} alternatives and is not included: use a wildcard, or more lines",
            limits::CONFIG_GLOB_ALTERNATIVES
        );
        return Found { files: Vec::new(), missing: Some((text, checks.any())) };
    };
    let mut budget = limits::CONFIG_GLOB_ENTRIES;
    let mut found = Found::default();
    let mut without_match = None;
    for alternative in &alternatives {
        let files = glob::files(directory, alternative, &mut budget);
        if files.is_empty() && !glob::has_wildcard(alternative) {
            without_match = without_match.or(Some(alternative));
        }
        found.files.extend(files);
    }
    let braces = alternatives.len() > 1;
    found.missing = if found.files.is_empty() {
        let wild = braces || glob::has_wildcard(pattern);
        let wrong = checks.wildcard || (checks.matched && !wild) || (checks.brace && without_match.is_some() && braces);
        Some((format!("no file matches {pattern}: check the path, relative to {}", directory.display()), wrong))
    } else {
        without_match
            .filter(|_| braces)
            .map(|name| (format!("no file matches {name}, one of {pattern}: check the path"), checks.brace))
    };
    if budget == 0 {
        let text = format!("{pattern} looks at too many files: name a smaller directory");
        found.missing = Some((text, checks.any()));
    }
    found
}

/// A configuration file that was read.
#[derive(Debug)]
pub(super) struct Content {
    /// All of it.
    pub(super) bytes: Vec<u8>,
    /// Device and inode: which file it is, whatever it is called.
    pub(super) identity: (u64, u64),
}

/// Reads a configuration file of at most `limit` bytes. It must be a regular file and not executable (a
/// script or program taken for a configuration). Fails with what is wrong and what to do.
pub(super) fn content(path: &Path, limit: usize) -> Result<Content, String> {
    let why = |error: std::io::Error| format!("cannot be read ({error}): check the path and its permissions");
    // Looked at before it is opened too: opening a device may have effects. A FIFO must not block.
    check(&std::fs::metadata(path).map_err(why)?)?;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(why)?;
    let about = file.metadata().map_err(why)?;
    check(&about)?;
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(why)?;
    if bytes.len() > limit {
        let most = limits::CONFIG_BYTES;
        return Err(format!("is too large, all files together may have {most} bytes: is it a configuration?"));
    }
    Ok(Content { bytes, identity: (about.dev(), about.ino()) })
}

fn check(about: &std::fs::Metadata) -> Result<(), String> {
    if about.is_dir() {
        return Err(String::from("is a directory: name a file, or the files in it with a wildcard"));
    }
    if !about.is_file() {
        return Err(String::from("is not a regular file: name a configuration file"));
    }
    if about.mode() & 0o111 != 0 {
        return Err(String::from("is executable, which no configuration should be: take that away with chmod a-x"));
    }
    Ok(())
}
