//! Script lines -> command lines -> arguments, by keepalived's rules. These are a shell's without
//! expansion: `'..'` and `".."` keep white space and are taken off wherever they stand; a backslash,
//! in quotes too, takes the meaning of the next character away or gives it one.
//!
//! The rules apply twice, which is what keepalived does: once to the line, where the first part is the
//! whole command and the rest are the user and group, and once more to that command. So
//! `notify_master "/bin/say 'a b' c" nobody` has the arguments `/bin/say`, `a b`, `c`, while
//! `notify_master /bin/say a b` runs `/bin/say` alone, as user `a` and group `b`.

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
    /// Escapes make bytes that are not UTF-8.
    NotUtf8,
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
            Self::NotUtf8 => {
                f.write_str("the escapes make bytes that are not UTF-8: write UTF-8, or put the command into a script")
            }
            Self::Nul(_) => f.write_str("an escape makes a NUL byte, which no argument can hold: remove it"),
        }
    }
}

/// A script line's meaning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Command {
    /// Program and arguments. Empty if the line names no command.
    pub arguments: Vec<String>,
    /// What stands behind the command: user and group, for the keywords that take them.
    pub behind: Vec<String>,
}

/// What a script keyword is followed by, as it stands in [`super::syntax::Statement::rest`].
pub fn command(rest: &str) -> Result<Command, SplitError> {
    let mut parts = split(rest)?.into_iter();
    let arguments = split(&parts.next().unwrap_or_default())?;
    Ok(Command { arguments, behind: parts.collect() })
}

/// Takes a text apart at white space outside quotes. Escapes: `\a \b \E \f \n \r \t \v`, `\nnn` (up to
/// three octal digits, the low eight bits), `\xXX` (any number of hexadecimal digits, the low eight bits), `\cC` (the
/// control character of C); any other character stands for itself.
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
        arguments.push(String::from_utf8(argument).map_err(|_| SplitError::NotUtf8)?);
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
        'x' if chars.peek().is_some_and(|(_, c)| c.is_ascii_hexdigit()) => into.push(digits(chars, 0, 16, usize::MAX)),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What keepalived 2.2.7 made of `script` lines, by its own dump of the command.
    #[test]
    fn commands_have_the_arguments_that_keepalived_gives_them() {
        for (line, expected) in [
            (r#"/bin/echo a b"#, &["/bin/echo"][..]),
            (r#""/bin/echo" "b c" d"#, &["/bin/echo"]),
            (r#""/bin/echo 'a # b' c""#, &["/bin/echo", "a # b", "c"]),
            (r#""/bin/echo \"a # b\" c""#, &["/bin/echo", "a # b", "c"]),
            (r#""/bin/ec"ho" a" root"#, &["/bin/echo", "a"]),
            (r#""/bin/sh -c 'echo $HOME ${HOME} \"x\"'""#, &["/bin/sh", "-c", "echo $HOME ${HOME} \"x\""]),
            (r#""/bin/sh -c "echo a"""#, &["/bin/sh", "-c", "echo"]),
            (r#""/bin/echo a\# b""#, &["/bin/echo", "a#", "b"]),
            (r#""/bin/echo a\ b""#, &["/bin/echo", "a", "b"]),
            (r#""/bin/echo a\\ b""#, &["/bin/echo", "a b"]),
            (r#""/bin/echo \\\"a b""#, &["/bin/echo", "\"a", "b"]),
            (r#""/bin/echo 'a\\tb' c""#, &["/bin/echo", "a\tb", "c"]),
            (r#""/bin/echo \"a'b\" 'c\"d' x""#, &["/bin/echo", "a'b", "c\"d", "x"]),
            (r#""/bin/echo a'b c'd\"e f\"g""#, &["/bin/echo", "ab cde fg"]),
            (r#""/bin/echo \x41\101\cA.""#, &["/bin/echo", "AA\x01."]),
            (r#""/bin/echo \\x41\\101""#, &["/bin/echo", "AA"]),
            (r#""/bin/echo \18 \xag""#, &["/bin/echo", "\x018", "g"]),
            (r#""/bin/echo x \c"""#, &["/bin/echo", "x", "\x02"]),
            (r#""/bin/echo '' \"\" x""#, &["/bin/echo", "", "", "x"]),
            (r#""/bin/echo 'a\nb'""#, &["/bin/echo", "a\nb"]),
            (r#""/bin/echo \q\E\a""#, &["/bin/echo", "q\x1b\x07"]),
            (r#"/bin/e\143ho root"#, &["/bin/echo"]),
            (r#""/bin/echo \x4\x414""#, &["/bin/echo", "\x04\x14"]),
            (r#""/bin/echo \c? \c[ \ca""#, &["/bin/echo", "\x1f", "\x1b", "\x01"]),
            (r#""/bin/echo \xzz""#, &["/bin/echo", "xzz"]),
            (r#"/bin/echo\ a\ b root"#, &["/bin/echo", "a", "b"]),
            (r#""  /bin/echo   a  ""#, &["/bin/echo", "a"]),
            (r#""/bin/echo %s ~ * $x `id` ; | &""#, &["/bin/echo", "%s", "~", "*", "$x", "`id`", ";", "|", "&"]),
            (r#""""#, &[]),
            ("", &[]),
        ] {
            let got = command(line).map(|command| command.arguments);
            assert_eq!(got, Ok(expected.iter().map(|&text| text.to_owned()).collect()), "{line}");
        }
    }

    #[test]
    fn user_and_group_stand_behind_the_command() {
        let got = command(r#""/bin/notify.sh a" nobody "no group""#).unwrap();
        assert_eq!(got.behind, ["nobody", "no group"]);
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        assert_eq!(split("a 'b"), Err(SplitError::Unclosed(2)));
        assert_eq!(split(r#"a "b\""#), Err(SplitError::Unclosed(2)));
        assert_eq!(command("\"/bin/echo 'a\" b"), Err(SplitError::Unclosed(10)));
        assert_eq!(split(r"a \0001"), Err(SplitError::Nul(2)));
        assert_eq!(split(r"\777"), Err(SplitError::NotUtf8));
        assert_eq!(split(&"a ".repeat(limits::SCRIPT_ARGUMENTS)).map(|all| all.len()), Ok(limits::SCRIPT_ARGUMENTS));
        assert_eq!(split(&"a ".repeat(limits::SCRIPT_ARGUMENTS + 1)), Err(SplitError::TooMany));
        assert_eq!(split("\\"), Ok(vec![String::from("\\")]));
    }
}
