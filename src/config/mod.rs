//! `keepalived.conf` -> [`Config`], a tree of plain data, and [`Diagnostics`] that say what is wrong where.
//!
//! This layer knows the language and nothing of sockets, clocks or machines. It may read files (the
//! configuration, its includes, /etc/passwd, the scripts it is asked to judge); it changes none.

pub mod diagnostic;
pub mod model;
pub mod syntax;

pub use diagnostic::{Diagnostic, Diagnostics, Position, Severity};
pub use model::Config;
