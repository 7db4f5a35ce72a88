//! A tree -> text in one form: a statement a line, four spaces a level. Read again it gives the same tree.

use core::fmt;

use super::define::definition;
use super::include;
use super::lexer::quoted_length;
use super::syntax::{Block, Statement};

impl fmt::Display for Block {
    /// The statements of the block, without braces of its own. A first word that would be read as an
    /// include, a conditional, a definition or a generator is put in quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not recursive: the depth of a tree made by hand is not bounded.
        let mut open: Vec<core::slice::Iter<'_, Statement>> = vec![self.statements.iter()];
        while let Some(statements) = open.last_mut() {
            let next = statements.next();
            let depth = open.len().saturating_sub(1);
            let Some(statement) = next else {
                open.pop();
                if let Some(depth) = depth.checked_sub(1) {
                    writeln!(f, "{:width$}}}", "", width = depth.saturating_mul(4))?;
                }
                continue;
            };
            write!(f, "{:width$}{}", "", head(statement), width = depth.saturating_mul(4))?;
            match &statement.block {
                Some(block) => {
                    f.write_str(if statement.words.is_empty() { "{\n" } else { " {\n" })?;
                    open.push(block.statements.iter());
                }
                None => f.write_str("\n")?,
            }
        }
        Ok(())
    }
}

/// The words of a statement as a line would hold them.
fn head(statement: &Statement) -> String {
    let Some(first) = statement.words.first() else { return String::new() };
    let begins = first.text.starts_with(['@', '~'])
        || definition(&first.text).is_some()
        || include::parse(&format!("{} x", first.text)).is_some();
    let mut out = String::new();
    if first.quoted || first.text.is_empty() || begins {
        out = format!("\"{}\"", first.text.replace('"', "\\\""));
    } else {
        escape_comments(&first.text, &mut out);
    }
    if !statement.rest.is_empty() {
        out.push(' ');
        escape_comments(&statement.rest, &mut out);
    }
    out
}

/// What would begin a comment outside quotes gets a backslash, or where there is one already, the name
/// that stands for it.
fn escape_comments(rest: &str, out: &mut String) {
    let mut quoted_to = 0;
    let mut escaped = false;
    for (offset, c) in rest.char_indices() {
        let after_backslash = core::mem::take(&mut escaped);
        if offset >= quoted_to {
            match c {
                '#' if after_backslash => {
                    out.push_str("${_HASH}");
                    continue;
                }
                '!' if after_backslash => {
                    out.push_str("${_BANG}");
                    continue;
                }
                '#' | '!' => out.push('\\'),
                '"' if !after_backslash => {
                    let length = rest.get(offset..).and_then(quoted_length).unwrap_or(1);
                    quoted_to = offset.saturating_add(length);
                }
                '\\' => escaped = !after_backslash,
                _ => {}
            }
        }
        out.push(c);
    }
}
