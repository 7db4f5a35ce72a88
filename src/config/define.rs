//! Definitions: `$NAME=value`, `$NAME`, `${NAME}` and the names that are always defined.
//!
//! A value is put in place and what results is looked at again, so a value may use other definitions,
//! with the meaning these have where the line stands. A name that is not defined stays as it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use super::Position;
use super::line::Line;
use crate::limits;

/// Replacements in one line; more means that a definition uses itself.
const REPLACEMENTS_PER_LINE: usize = 2000;

/// Characters between the braces of a reference.
const REFERENCE: usize = 256;

/// What the predefined names stand for.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// `${_PWD}`: the directory of the file being read.
    pub(super) directory: PathBuf,
    /// `${_INSTANCE}`: the word of `@ID` lines.
    pub(super) config_id: String,
    /// `${_ENV NAME}`.
    pub(super) environment: fn(&str) -> Option<String>,
    /// `${_RANDOM}`: the state of the generator.
    pub(super) random: u64,
}

/// Everything defined so far.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    values: BTreeMap<String, Rc<[String]>>,
    bytes: usize,
}

/// A line with every definition replaced.
#[derive(Debug)]
pub(super) struct Replaced {
    /// The line.
    pub(super) line: Line,
    /// The further lines of definitions of several lines that it ended with, and where these were
    /// used; the last one's come first.
    pub(super) tails: Vec<(Rc<[String]>, Position)>,
    /// How much work it was, in the unit of [`limits::CONFIG_EXPANSION`].
    pub(super) work: usize,
}

/// `$NAME=value` taken apart: the name, and the offset of the value.
pub(super) fn definition(text: &str) -> Option<(&str, usize)> {
    let (name, rest) = name(text.strip_prefix('$')?)?;
    let value = rest.strip_prefix('=')?;
    Some((name, text.len().saturating_sub(value.len())))
}

/// A name at the start of a text, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let starts = name.chars().next()?;
    (!starts.is_ascii_digit()).then_some((name, rest))
}

impl Definitions {
    /// Defines a name, as one line or several. Fails, saying so, if there is no room left.
    pub(super) fn define(&mut self, name: &str, value: Vec<String>) -> Result<(), String> {
        let size = |lines: &[String]| lines.iter().map(|line| line.len().saturating_add(1)).sum::<usize>();
        let old = self.values.get(name).map_or(0, |old| size(old));
        let new = self.bytes.saturating_sub(old).saturating_add(size(&value));
        if new > limits::CONFIG_DEFINITIONS || (old == 0 && self.values.len() >= limits::CONFIG_DEFINITIONS / 64) {
            return Err(format!(
                "all definitions together are larger than {} bytes; this one is ignored",
                limits::CONFIG_DEFINITIONS
            ));
        }
        self.bytes = new;
        self.values.insert(name.to_owned(), value.into());
        Ok(())
    }

    /// Replaces all that is defined in a line.
    pub(super) fn replace(&self, line: &Line, around: &mut Surroundings) -> Result<Replaced, (Position, String)> {
        let mut done =
            Replaced { line: Line::new(line.start()), tails: Vec::new(), work: line.text().len().saturating_add(1) };
        let mut replacements = 0usize;
        // What is still to be read, the next character last.
        let mut pending: Vec<(char, u16)> = line.chars().rev().collect();
        while let Some((c, column)) = pending.pop() {
            if done.line.is_full() || pending.len() > limits::CONFIG_LINE {
                return Err((line.start(), too_long()));
            }
            let Some((length, reference)) = reference(c, &pending) else {
                done.line.push(c, column);
                continue;
            };
            let at = Position { column, ..line.start() };
            let behind = pending.len().saturating_sub(length);
            match self.value(&reference, around) {
                Value::Text(text) => {
                    pending.truncate(behind);
                    done.work = done.work.saturating_add(text.len()).saturating_add(1);
                    text.chars().for_each(|c| done.line.push(c, column));
                }
                Value::Lines(lines) if lines.len() == 1 || blank(pending.get(..behind)) => {
                    pending.truncate(behind);
                    let first = lines.first().map_or("", String::as_str);
                    done.work = done.work.saturating_add(first.len()).saturating_add(length);
                    pending.extend(first.chars().rev().map(|c| (c, column)));
                    if lines.len() > 1 {
                        done.tails.push((lines, at));
                    }
                    replacements = replacements.saturating_add(1);
                }
                Value::Lines(_) | Value::Unknown => done.line.push(c, column),
                Value::Wrong(text) => return Err((at, text)),
            }
            if replacements > REPLACEMENTS_PER_LINE {
                let text = format!("${reference} is replaced again and again: its definition must not use itself");
                return Err((at, text));
            }
        }
        Ok(done)
    }

    fn value(&self, reference: &str, around: &mut Surroundings) -> Value {
        let mut parts = reference.split_whitespace();
        let (Some(name), arguments) = (parts.next(), parts.collect::<Vec<_>>()) else { return Value::Unknown };
        match (name, arguments.as_slice()) {
            ("_PWD", []) => Value::Text(around.directory.display().to_string()),
            ("_INSTANCE", []) => Value::Text(around.config_id.clone()),
            ("_HASH", []) => Value::Text(String::from("#")),
            ("_BANG", []) => Value::Text(String::from("!")),
            ("_RANDOM", bounds) => random(bounds, around),
            ("_ENV", [variable]) => Value::Text((around.environment)(variable).unwrap_or_default()),
            (name, []) => self.values.get(name).map_or(Value::Unknown, |lines| Value::Lines(Rc::clone(lines))),
            _ => Value::Unknown,
        }
    }
}

enum Value {
    Text(String),
    Lines(Rc<[String]>),
    Unknown,
    Wrong(String),
}

fn blank(rest: Option<&[(char, u16)]>) -> bool {
    rest.unwrap_or_default().iter().all(|(c, _)| c.is_whitespace())
}

fn too_long() -> String {
    format!("with its definitions replaced the line is longer than {} bytes; it is ignored", limits::CONFIG_LINE)
}

/// How many characters of `pending` a reference takes whose `$` was just read, and what is in it.
fn reference(c: char, pending: &[(char, u16)]) -> Option<(usize, String)> {
    if c != '$' {
        return None;
    }
    let mut ahead = pending.iter().rev().map(|&(c, _)| c).peekable();
    if ahead.next_if_eq(&'{').is_some() {
        let inside: String = ahead.by_ref().take(REFERENCE).take_while(|&c| c != '}').collect();
        let length = inside.chars().count();
        let closed = length < REFERENCE && pending.len() > length.saturating_add(1);
        name(&inside).filter(|_| closed)?;
        return Some((length.saturating_add(2), inside));
    }
    let mut inside = String::new();
    while let Some(c) = ahead.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
        inside.push(c);
    }
    let ends = ahead.next().is_none_or(|c| c.is_whitespace() || matches!(c, ')' | ','));
    name(&inside).filter(|_| ends)?;
    Some((inside.len(), inside))
}

/// `${_RANDOM [MIN [MAX]]}`: a whole number, both ends possible.
fn random(bounds: &[&str], around: &mut Surroundings) -> Value {
    let number = |text: &str| text.parse::<u32>().ok();
    let bounds = match *bounds {
        [] => Some((0, 32767)),
        [min] => number(min).map(|min| (min, 32767)),
        [min, max] => number(min).zip(number(max)),
        _ => None,
    };
    let Some((min, max)) = bounds.filter(|(min, max)| min <= max) else {
        return Value::Wrong(String::from("expected ${_RANDOM [MIN [MAX]]} with whole numbers, MIN not above MAX"));
    };
    // SplitMix64: https://prng.di.unimi.it/splitmix64.c (public domain)
    around.random = around.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = around.random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let span = u64::from(max.saturating_sub(min)).saturating_add(1);
    let chosen = u64::from(min).saturating_add(mixed.checked_rem(span).unwrap_or(0));
    Value::Text(chosen.to_string())
}
