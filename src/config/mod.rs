//! `keepalived.conf` -> [`Config`], a tree of plain data, and [`Diagnostics`] that say what is wrong where.
//!
//! This layer knows the language and nothing of sockets, clocks or machines. It may read files (the
//! configuration, its includes, /etc/passwd, the scripts it is asked to judge); it changes none.

mod define;
pub mod diagnostic;
mod generate;
mod glob;
mod include;
mod lexer;
mod line;
pub mod load;
pub mod model;
mod print;
pub mod shell;
mod source;
pub mod syntax;
mod tree;

pub use diagnostic::{Diagnostic, Diagnostics, Position, Severity};
pub use model::Config;
