//! A keyword's value: from a word to a value of its type, from there to a field and back.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use crate::config::model::{Command, Version};
use crate::config::printer::program;
use crate::time::Duration;

/// What follows a keyword, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Not written.
    Unset,
    /// On or off.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A span of time.
    Span(Duration),
    /// A word.
    Text(String),
    /// An address.
    Address(IpAddr),
    /// A program to run.
    Program(Command),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => Ok(()),
            Self::Flag(on) => f.write_str(if *on { "on" } else { "off" }),
            Self::Number(number) => number.fmt(f),
            Self::Span(span) => span.fmt(f),
            Self::Text(text) => write!(f, "{}", Quoted(text)),
            Self::Address(ip) => ip.fmt(f),
            Self::Program(command) => f.write_str(&program(command)),
        }
    }
}

/// A word as it can be written in a configuration: in quotes if it would not be one word without.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| !c.is_whitespace() && !"\"{}#!~@$<".contains(c);
        if !self.0.is_empty() && self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        write!(f, "\"{}\"", self.0.replace('"', "\\\""))
    }
}

/// A field of the configuration that a keyword can set.
pub trait Field {
    /// Stores the value. One of another type, or too large, leaves the field as it is.
    fn put(&mut self, value: Value);
    /// The field as a value.
    fn show(&self) -> Value;
}

macro_rules! numbers {
    ($($kind:ty),+) => {$(
        impl Field for $kind {
            fn put(&mut self, value: Value) {
                if let Value::Number(number) = value {
                    if let Ok(number) = number.try_into() {
                        *self = number;
                    }
                }
            }
            fn show(&self) -> Value {
                Value::Number(i64::from(*self))
            }
        }
    )+};
}
numbers!(u8, u16, u32, i8, i16);

macro_rules! fields {
    ($($kind:ty, $value:ident),+ $(,)?) => {$(
        impl Field for $kind {
            fn put(&mut self, value: Value) {
                if let Value::$value(value) = value {
                    *self = value;
                }
            }
            fn show(&self) -> Value {
                Value::$value(self.clone())
            }
        }
    )+};
}
fields!(bool, Flag, Duration, Span, String, Text, IpAddr, Address);

impl Field for Ipv4Addr {
    fn put(&mut self, value: Value) {
        if let Value::Address(IpAddr::V4(ip)) = value {
            *self = ip;
        }
    }
    fn show(&self) -> Value {
        Value::Address(IpAddr::V4(*self))
    }
}

impl Field for Ipv6Addr {
    fn put(&mut self, value: Value) {
        if let Value::Address(IpAddr::V6(ip)) = value {
            *self = ip;
        }
    }
    fn show(&self) -> Value {
        Value::Address(IpAddr::V6(*self))
    }
}

impl Field for Version {
    fn put(&mut self, value: Value) {
        match value {
            Value::Number(2) => *self = Self::V2,
            Value::Number(3) => *self = Self::V3,
            _ => {}
        }
    }
    fn show(&self) -> Value {
        Value::Number(match self {
            Self::V2 => 2,
            Self::V3 => 3,
        })
    }
}

impl Field for PathBuf {
    fn put(&mut self, value: Value) {
        if let Value::Text(text) = value {
            *self = Self::from(text);
        }
    }
    fn show(&self) -> Value {
        Value::Text(self.to_string_lossy().into_owned())
    }
}

/// A fresh value for [`Option`] fields to store into.
trait Blank {
    fn blank() -> Self;
}
macro_rules! blanks {
    ($($kind:ty = $value:expr),+ $(,)?) => {$(
        impl Blank for $kind {
            fn blank() -> Self {
                $value
            }
        }
    )+};
}
blanks!(
    bool = false,
    u8 = 0,
    u16 = 0,
    u32 = 0,
    i8 = 0,
    i16 = 0,
    Duration = Duration::ZERO,
    String = String::new(),
    PathBuf = PathBuf::new(),
    Version = Version::V2,
    IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED),
);

#[allow(private_bounds)]
impl<F: Field + Blank> Field for Option<F> {
    fn put(&mut self, value: Value) {
        if value == Value::Unset {
            *self = None;
            return;
        }
        let mut inner = F::blank();
        inner.put(value);
        *self = Some(inner);
    }
    fn show(&self) -> Value {
        self.as_ref().map_or(Value::Unset, Field::show)
    }
}

/// A whole number: digits, perhaps after a sign.
pub fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Decimal seconds, rounded to microseconds: `1`, `0.5`, `.25`. Never negative.
pub fn seconds(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut micros: u64 = 0;
    let mut unit: u64 = 1_000_000;
    for digit in fraction.bytes() {
        // The seventh decimal rounds, the rest is below what the protocol or a timer can tell apart.
        if unit == 1 {
            micros += u64::from(digit >= b'5');
            break;
        }
        unit /= 10;
        micros += u64::from(digit - b'0') * unit;
    }
    Some(Duration::from_micros(whole.checked_mul(1_000_000)?.checked_add(micros)?))
}

/// `on`, `true`, `yes`, or `off`, `false`, `no`.
pub fn flag(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// An address and its prefix length if one is written.
pub fn address(text: &str) -> Option<(IpAddr, Option<&str>)> {
    let (ip, prefix) = match text.split_once('/') {
        Some((ip, prefix)) => (ip, Some(prefix)),
        None => (text, None),
    };
    Some((ip.parse().ok()?, prefix))
}

/// The prefix length of an address without one: all its bits.
pub fn full_prefix(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_microseconds() {
        for (text, micros) in [
            ("1", Some(1_000_000)),
            (".2", Some(200_000)),
            ("0.01", Some(10_000)),
            ("1.0000015", Some(1_000_002)),
            ("3.", Some(3_000_000)),
            (".", None),
            ("", None),
            ("-1", None),
            ("1s", None),
            ("1.2.3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(seconds(text).map(Duration::as_micros), micros, "{text}");
        }
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number("-254"), Some(-254));
        assert_eq!(number("+7"), Some(7));
        for text in ["", "-", "0x10", "1.0", "7 ", "--1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn words_are_quoted_when_they_must_be() {
        assert_eq!(Quoted("eth0.1").to_string(), "eth0.1");
        assert_eq!(Quoted("a b").to_string(), "\"a b\"");
        assert_eq!(Quoted("").to_string(), "\"\"");
    }
}
