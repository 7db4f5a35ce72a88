//! Script command lines -> their arguments, by keepalived's rules, which are those of a shell without
//! expansion: `'..'` and `".."` keep white space and are taken off wherever they stand, a backslash
//! takes the meaning of the next character away or gives it one.

use crate::limits;

/// Why a command line has no meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SplitError {
    /// A quote opened at that byte offset is never closed.
    Unclosed(usize),
    /// More arguments than [`limits::SCRIPT_ARGUMENTS`].
    TooMany,
    /// An escape at that byte offset makes a NUL byte, which no argument can hold.
    Nul(usize),
}

impl core::fmt::Display for SplitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unclosed(_) => {
                f.write_str("a quote is opened and never closed: add the missing one or escape it with \\")
            }
            Self::TooMany => {
                write!(f, "more than {} arguments: put the command into a script", limits::SCRIPT_ARGUMENTS)
            }
            Self::Nul(_) => f.write_str("an escape makes a NUL byte, which no argument can hold: remove it"),
        }
    }
}

/// Splits a command line into its arguments. Escapes: `\a \b \E \f \n \r \t \v`, `\nnn` (octal), `\xXX`
/// (hexadecimal), `\cC` (the control character of C); any other character stands for itself.
pub fn split(text: &str) -> Result<Vec<String>, SplitError> {
    let mut arguments = Vec::new();
    let mut current: Option<Vec<u8>> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        match (c, quote) {
            (c, Some((open, _))) if c == open => quote = None,
            ('\\', _) => {
                let into = current.get_or_insert_default();
                escape(&mut chars, into);
                if into.last() == Some(&0) {
                    return Err(SplitError::Nul(offset));
                }
            }
            ('"' | '\'', None) => {
                quote = Some((c, offset));
                current.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => finish(&mut arguments, current.take())?,
            (c, _) => push(current.get_or_insert_default(), c),
        }
    }
    if let Some((_, offset)) = quote {
        return Err(SplitError::Unclosed(offset));
    }
    finish(&mut arguments, current.take())?;
    Ok(arguments)
}

fn finish(arguments: &mut Vec<String>, argument: Option<Vec<u8>>) -> Result<(), SplitError> {
    if let Some(argument) = argument {
        if arguments.len() >= limits::SCRIPT_ARGUMENTS {
            return Err(SplitError::TooMany);
        }
        arguments.push(String::from_utf8_lossy(&argument).into_owned());
    }
    Ok(())
}

fn push(into: &mut Vec<u8>, c: char) {
    into.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// What follows a backslash. One at the end of the text stands for itself.
fn escape(chars: &mut core::iter::Peekable<core::str::CharIndices<'_>>, into: &mut Vec<u8>) {
    let Some((_, c)) = chars.next() else { return into.push(b'\\') };
    match c {
        'a' => into.push(0x07),
        'b' => into.push(0x08),
        'E' => into.push(0x1b),
        'f' => into.push(0x0c),
        'n' => into.push(b'\n'),
        'r' => into.push(b'\r'),
        't' => into.push(b'\t'),
        'v' => into.push(0x0b),
        '0'..='7' => {
            let first = c.to_digit(8).unwrap_or(0);
            into.push(digits(chars, first, 8, 2));
        }
        'x' if chars.peek().is_some_and(|(_, c)| c.is_ascii_hexdigit()) => into.push(digits(chars, 0, 16, 2)),
        'c' => match chars.next() {
            Some((_, c)) if c.is_ascii() => into.push(u8::try_from(u32::from(c)).unwrap_or(0) & 0x1f),
            Some((_, c)) => push(into, c),
            None => into.push(b'c'),
        },
        other => push(into, other),
    }
}

/// Up to `more` further digits; the low eight bits of the number.
fn digits(chars: &mut core::iter::Peekable<core::str::CharIndices<'_>>, first: u32, radix: u32, more: usize) -> u8 {
    let mut value = first;
    for _ in 0..more {
        let Some(digit) = chars.peek().and_then(|(_, c)| c.to_digit(radix)) else { break };
        chars.next();
        value = value.wrapping_mul(radix).wrapping_add(digit);
    }
    value.to_le_bytes()[0]
}
