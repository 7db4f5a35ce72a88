//! The shape of the language, before any keyword has a meaning: words, statements, blocks.
//!
//! Includes, conditionals, definitions, generators, comments and quotes are all resolved by the time
//! a [`Statement`] exists. One statement is one line's words up to a brace or the line's end, with the
//! block that follows it, on the same line or the next.

use super::Position;

/// One word, quotes and escapes resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// The text. May hold spaces if it was quoted.
    pub text: String,
    /// Where it begins (of what a definition or generator made: where that was used).
    pub at: Position,
    /// Whether any of it was in quotes.
    pub quoted: bool,
}

/// A line's words, and the block it opens if it opens one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// At least one word, except for a block that follows nothing.
    pub words: Vec<Word>,
    /// The text of the line behind the first word as it stands in the file, comments taken off and
    /// definitions replaced, quotes kept: what script lines are split from by their own rules.
    pub rest: String,
    /// The statements between `{` and `}`.
    pub block: Option<Block>,
}

/// The statements between `{` and `}`, or of a whole configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Block {
    /// In the order of the file, includes in place.
    pub statements: Vec<Statement>,
    /// Where the block opens.
    pub open: Position,
    /// Where it closes (the end of the file if it never does; that is a diagnostic).
    pub close: Position,
}
