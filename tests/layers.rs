//! Imports point down only: main > cli > daemon > (config, sys) > proto > wire > (time, text, limits).
//! `config` and `sys` do not know each other, and `proto` knows neither. The drawing is in `src/lib.rs`.

mod source;

use std::iter::Peekable;

/// What each layer may use.
const LAYERS: [(&str, &[&str]); 10] = [
    ("main", &["cli", "daemon", "config", "sys", "proto", "wire", "time", "text", "limits"]),
    ("cli", &["daemon", "config", "sys", "proto", "wire", "time", "text", "limits"]),
    ("daemon", &["config", "sys", "proto", "wire", "time", "text", "limits"]),
    ("config", &["proto", "wire", "time", "text", "limits"]),
    ("sys", &["proto", "wire", "time", "text", "limits"]),
    ("proto", &["wire", "time", "text", "limits"]),
    ("wire", &["time", "text", "limits"]),
    ("time", &[]),
    ("text", &[]),
    ("limits", &[]),
];

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Word(String),
    /// `::`
    Path,
    Open,
    Close,
    Comma,
    Other,
}

/// The tokens of blanked code with their lines.
fn tokens(code: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            let token = match c {
                c if c.is_whitespace() => continue,
                c if c.is_alphanumeric() || c == '_' => {
                    let mut word = String::from(c);
                    while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                        word.push(c);
                    }
                    Token::Word(word)
                }
                ':' if chars.next_if_eq(&':').is_some() => Token::Path,
                '{' => Token::Open,
                '}' => Token::Close,
                ',' => Token::Comma,
                _ => Token::Other,
            };
            tokens.push((number, token));
        }
    }
    tokens
}

/// The modules around a file: src/config/model.rs is in config::model.
fn module(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    module.pop_if(|last| last == "mod");
    if module == ["lib"] {
        module.clear();
    }
    module
}

/// What hangs at the crate's root in this code, with the line: the layers that it uses, `*` for all at once.
fn references(path: &str, code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut here = module(path);
    // Of each open brace: whether it belongs to a module.
    let mut braces: Vec<bool> = Vec::new();
    let mut before = [Token::Other, Token::Other];
    let mut tokens = tokens(code).into_iter().peekable();
    while let Some((line, token)) = tokens.next() {
        match &token {
            Token::Open => match &before {
                [Token::Word(keyword), Token::Word(name)] if keyword == "mod" => {
                    here.push(name.clone());
                    braces.push(true);
                }
                _ => braces.push(false),
            },
            // The guard's work is done for every closing brace; only a module's takes its name away.
            Token::Close if braces.pop() == Some(true) => drop(here.pop()),
            Token::Word(word) if begins_path(word) && before[1] != Token::Path => {
                let depth = if word == "super" { here.len().saturating_sub(1) } else { 0 };
                let depth = if word == "self" { here.len() } else { depth };
                follow(&mut tokens, line, depth, &mut found);
            }
            // `::holdfast::x`
            Token::Word(word) if word == "holdfast" => follow(&mut tokens, line, 0, &mut found),
            _ => {}
        }
        before = [before[1].clone(), token];
    }
    found
}

fn begins_path(word: &str) -> bool {
    matches!(word, "crate" | "holdfast" | "super" | "self")
}

/// Reads on behind a path that has led to a module `depth` levels below the root.
fn follow(
    tokens: &mut Peekable<impl Iterator<Item = (usize, Token)>>,
    line: usize,
    depth: usize,
    found: &mut Vec<(usize, String)>,
) {
    if tokens.next_if(|(_, token)| *token == Token::Path).is_none() {
        // `use crate as all`, `use super as all`; `pub(crate)` and `self.x` name nothing.
        if depth == 0 && tokens.peek().is_some_and(|(_, token)| *token == Token::Word("as".into())) {
            found.push((line, "*".into()));
        }
        return;
    }
    match tokens.next() {
        Some((_, Token::Word(word))) if word == "super" => follow(tokens, line, depth.saturating_sub(1), found),
        Some((_, Token::Word(word))) if word == "self" => follow(tokens, line, depth, found),
        Some((line, Token::Word(word))) if depth == 0 => found.push((line, word)),
        Some((line, Token::Open)) => group(tokens, depth, found, line),
        Some((line, Token::Other)) if depth == 0 => found.push((line, "*".into())),
        _ => {}
    }
}

/// `{a, b::{c, d}, super::e}`, the brace already read.
fn group(
    tokens: &mut Peekable<impl Iterator<Item = (usize, Token)>>,
    depth: usize,
    found: &mut Vec<(usize, String)>,
    start: usize,
) {
    let (mut braces, mut first, mut line) = (1, true, start);
    while braces > 0 {
        let Some((now, token)) = tokens.next() else { return };
        line = line.max(now);
        match token {
            Token::Open => braces += 1,
            Token::Close => braces -= 1,
            Token::Comma if braces == 1 => {
                first = true;
                continue;
            }
            Token::Word(word) if first && word == "super" => follow(tokens, line, depth.saturating_sub(1), found),
            Token::Word(word) if first && word == "self" => follow_self(depth, line, found),
            Token::Word(word) if first && depth == 0 => found.push((line, word)),
            Token::Other if first && depth == 0 => found.push((line, "*".into())),
            _ => {}
        }
        first = false;
    }
}

/// `use crate::{self}` brings the whole root in.
fn follow_self(depth: usize, line: usize, found: &mut Vec<(usize, String)>) {
    if depth == 0 {
        found.push((line, "*".into()));
    }
}

/// What is wrong in the file `path`.
fn violations(path: &str, text: &str) -> Vec<String> {
    let module = module(path);
    // The root declares the layers and uses none; the compiler checks the rest of it.
    let Some(layer) = module.first() else { return Vec::new() };
    let Some((_, below)) = LAYERS.iter().find(|(name, _)| name == layer) else {
        return vec![format!("{path}: {layer} has no place in the drawing of src/lib.rs")];
    };
    let allowed = |used: &str| used == layer || below.contains(&used);
    let says = |(line, used): &(usize, String)| match used.as_str() {
        "*" => format!("{path}:{line}: {layer} takes the whole crate; name what it uses"),
        used => format!("{path}:{line}: {layer} must not use {used}"),
    };
    let found = references(path, &source::code(text));
    found.iter().filter(|(_, used)| !allowed(used)).map(says).collect()
}

#[test]
fn imports_point_down() {
    let sources = source::files(|path| path.starts_with("src/") && path.ends_with(".rs"));
    let found: Vec<String> = sources.iter().flat_map(|file| violations(&file.path, &file.text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn imports_that_point_up_are_found() {
    for (path, text) in [
        ("src/wire/arp.rs", "use crate::proto::vrrp;"),
        ("src/config/model.rs", "use crate::sys::clock;"),
        ("src/sys/mod.rs", "use crate::config;"),
        ("src/proto/vrrp.rs", "fn f() { crate::sys::now() }"),
        ("src/proto/vrrp.rs", "use crate::{time, daemon::Loop};"),
        ("src/proto/vrrp.rs", "use crate::{\n    wire::{arp, vrrp},\n    config,\n};"),
        ("src/proto/vrrp/timer.rs", "use super::super::super::sys::clock;"),
        ("src/proto/vrrp.rs", "use super::super::cli;"),
        ("src/proto/vrrp.rs", "use super::{super::sys, track};"),
        ("src/time.rs", "use super::text;"),
        ("src/time.rs", "use super::*;"),
        ("src/time.rs", "mod tests { use super::super::limits; }"),
        ("src/wire/arp.rs", "mod tests {\n mod more { use super::super::super::super::daemon; } }"),
        ("src/text.rs", "type T = crate::time::Instant;"),
        ("src/wire/mod.rs", "use crate::*;"),
        ("src/wire/mod.rs", "use crate as all;"),
        ("src/wire/mod.rs", "use crate::{self as all};"),
        ("src/wire/mod.rs", "macro_rules! m { () => { $crate::sys::x() } }"),
        ("src/wire/mod.rs", "use ::holdfast::daemon;"),
        ("src/util.rs", ""),
    ] {
        assert_eq!(violations(path, text).len(), 1, "{path}: {text}: {:?}", violations(path, text));
    }
}

#[test]
fn imports_that_point_down_are_not() {
    for (path, text) in [
        ("src/main.rs", "use holdfast::{cli, daemon::Daemon};"),
        ("src/lib.rs", "pub mod time; pub mod wire;"),
        ("src/daemon/mod.rs", "use crate::{config::Config, sys, proto::{self, vrrp}, wire};"),
        ("src/config/model.rs", "use super::Position; pub use crate::wire::vrrp::{Family, Version};"),
        ("src/proto/vrrp/timer.rs", "use super::super::track; use super::State; use self::inner::daemon;"),
        ("src/proto/vrrp.rs", "pub(crate) fn f(&self) { self.daemon() } mod tests { use super::*; }"),
        ("src/wire/vrrp.rs", "// use crate::sys;\n/* crate::daemon */ const A: &str = \"crate::config\";"),
        ("src/time.rs", "mod tests { use super::*; } fn f<'a>(c: char) -> bool { c == '\\'' || c == '\"' }"),
        ("src/wire/vrrp.rs", "use super::{ipv4::{self, Header}, arp}; use crate::limits;"),
    ] {
        assert_eq!(violations(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
