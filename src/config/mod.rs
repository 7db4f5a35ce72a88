//! `keepalived.conf` -> [`Config`], a tree of plain data, and [`Diagnostics`] that say what is wrong where.
//!
//! This layer knows the language and nothing of sockets, clocks or machines. It may read files (the
//! configuration, its includes, /etc/passwd, the scripts it is asked to judge); it changes none.

pub mod build;
mod define;
pub mod diagnostic;
pub mod environment;
mod generate;
mod glob;
mod include;
pub mod keywords;
mod lexer;
mod line;
pub mod load;
pub mod model;

pub mod printer;
pub mod security;
pub mod shell;
mod source;
pub mod syntax;
mod tree;
mod tree_text;
pub mod users;

pub use build::{Context, build};
pub use diagnostic::{Diagnostic, Diagnostics, Position, Severity};
pub use model::Config;
pub use printer::print;
