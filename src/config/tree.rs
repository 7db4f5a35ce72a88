//! Words and braces -> the tree of [`Block`]s.

use super::lexer::Token;
use super::line::Line;
use super::syntax::{Block, Statement, Word};
use super::{Diagnostics, Position, Severity};
use crate::limits;

/// The tree while it grows, line by line.
#[derive(Debug)]
pub(super) struct Tree {
    root: Block,
    /// The blocks that are open, the innermost last.
    open: Vec<Open>,
    /// Blocks that are open but deeper than is allowed: their statements join the innermost of `open`.
    too_deep: usize,
    /// Whether the last statement ended with its line, so that a `{` may still follow.
    may_open: bool,
    nodes: usize,
    full: bool,
}

#[derive(Debug)]
struct Open {
    words: Vec<Word>,
    rest: String,
    block: Block,
}

impl Tree {
    /// A tree with nothing in it.
    pub(super) fn new() -> Self {
        Self { root: Block::default(), open: Vec::new(), too_deep: 0, may_open: false, nodes: 0, full: false }
    }

    /// Adds a line's words and braces.
    pub(super) fn add(&mut self, line: &Line, tokens: Vec<Token>, diagnostics: &mut Diagnostics) {
        self.nodes = self.nodes.saturating_add(tokens.len()).saturating_add(1);
        if self.nodes > limits::CONFIG_NODES {
            self.report_full(line.start(), diagnostics);
            return;
        }
        let mut words: Vec<Word> = Vec::new();
        let mut behind_first = None;
        for token in tokens {
            match token {
                Token::Word(word, _, end) => {
                    behind_first.get_or_insert(end);
                    words.push(word);
                }
                Token::Open(at, offset) => {
                    let rest = rest(line, behind_first.take(), offset);
                    self.open(at, core::mem::take(&mut words), rest, diagnostics);
                }
                Token::Close(at, offset) => {
                    let rest = rest(line, behind_first.take(), offset);
                    self.statement(core::mem::take(&mut words), rest);
                    self.close(at, diagnostics);
                }
            }
        }
        if !words.is_empty() {
            self.statement(words, rest(line, behind_first, line.text().len()));
            self.may_open = true;
        }
    }

    /// Whether nothing more can be added; that was reported.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// The whole tree. Blocks that are still open are reported and closed.
    pub(super) fn finish(mut self, end: Position, diagnostics: &mut Diagnostics) -> Block {
        while let Some(open) = self.open.last() {
            let name: Vec<&str> = open.words.iter().map(|word| word.text.as_str()).collect();
            let name = if name.is_empty() { String::new() } else { format!(" of {}", name.join(" ")) };
            let text = format!("the {{{name} is never closed: add the missing }}");
            diagnostics.add(Severity::Error, Some(open.block.open), text);
            self.close_innermost(end);
        }
        self.root.close = end;
        self.root
    }

    fn innermost(&mut self) -> &mut Block {
        self.open.last_mut().map_or(&mut self.root, |open| &mut open.block)
    }

    fn statement(&mut self, words: Vec<Word>, rest: String) {
        if !words.is_empty() {
            self.innermost().statements.push(Statement { words, rest, block: None });
        }
    }

    fn open(&mut self, at: Position, mut words: Vec<Word>, mut rest: String, diagnostics: &mut Diagnostics) {
        if self.open.len() >= limits::CONFIG_BLOCK_DEPTH {
            if self.too_deep == 0 {
                let text = format!("blocks are nested more than {} deep: close some", limits::CONFIG_BLOCK_DEPTH);
                diagnostics.add(Severity::Error, Some(at), text);
            }
            self.too_deep = self.too_deep.saturating_add(1);
            self.statement(words, rest);
            return;
        }
        if words.is_empty() {
            let before = if self.may_open { self.innermost().statements.pop() } else { None };
            match before {
                Some(before) => (words, rest) = (before.words, before.rest),
                None => {
                    let text = "this { follows no keyword: remove it and its }, or say what it opens";
                    diagnostics.add(Severity::Error, Some(at), text);
                }
            }
        }
        self.may_open = false;
        let block = Block { statements: Vec::new(), open: at, close: at };
        self.open.push(Open { words, rest, block });
    }

    fn close(&mut self, at: Position, diagnostics: &mut Diagnostics) {
        self.may_open = false;
        if self.too_deep > 0 {
            self.too_deep = self.too_deep.saturating_sub(1);
        } else if !self.close_innermost(at) {
            let text = "this } closes nothing: remove it, or add the { it should close";
            diagnostics.add(Severity::Error, Some(at), text);
        }
    }

    fn close_innermost(&mut self, at: Position) -> bool {
        let Some(Open { words, rest, mut block }) = self.open.pop() else { return false };
        block.close = at;
        self.innermost().statements.push(Statement { words, rest, block: Some(block) });
        true
    }

    fn report_full(&mut self, at: Position, diagnostics: &mut Diagnostics) {
        if !core::mem::replace(&mut self.full, true) {
            let text = format!(
                "the configuration has more than {} words; all from here on is ignored: make it smaller",
                limits::CONFIG_NODES
            );
            diagnostics.add(Severity::Fatal, Some(at), text);
        }
    }
}

/// What a line says between its first word and that offset.
fn rest(line: &Line, behind_first: Option<usize>, to: usize) -> String {
    let from = behind_first.unwrap_or(to);
    line.text().get(from..to).unwrap_or_default().trim().to_owned()
}
