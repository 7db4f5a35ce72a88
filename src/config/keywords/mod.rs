//! The one table of keywords: each is one row that says its name, what may follow it, where that lands,
//! whether it has an effect, and one line of help.
//!
//! The reader, the "did you mean", the printed configuration and the keyword table of the README all
//! come from these rows; a keyword that is not here does not exist. One file for each kind of block.

pub mod balancer;
pub mod checker;
pub mod global;
pub mod group;
pub mod instance;
pub mod nearest;
pub mod script;
pub mod table;
pub mod top;
pub mod track;
pub mod value;

#[cfg(any(debug_assertions, feature = "manual"))]
pub use table::markdown_table;
pub use table::tables;
pub use value::{Field, Value};

use super::build::Site;
use super::printer::Printer;
use super::syntax::Statement;

/// What may follow a keyword.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// Nothing, or one of on, off, true, false, yes, no. Nothing is on.
    Flag,
    /// A whole number in this range.
    Number(i64, i64),
    /// Nothing, or a whole number in this range.
    OptionalNumber(i64, i64),
    /// Decimal seconds, in this range of microseconds.
    Seconds(u64, u64),
    /// Whole seconds, in this range.
    WholeSeconds(i64, i64),
    /// One word.
    Word,
    /// At least and at most so many words.
    Words(u16, u16),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Nothing, or one of these words.
    OptionalChoice(&'static [&'static str]),
    /// An IP address.
    Address,
    /// The name of an interface.
    Interface,
    /// A program with its arguments, then perhaps a user and a group.
    Script,
    /// A user, and perhaps a group.
    User,
    /// A block of lines with a form of their own.
    Lines,
    /// A name, and such a block.
    NamedLines,
    /// A block of these keywords; the words before it, at least and at most.
    Block(&'static [Keyword<()>], u8, u8),
    /// A block whose keywords are of the table named, read by its own code.
    Own(&'static str),
}

/// Whether a keyword has an effect here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It does what it says.
    Built,
    /// It is read and checked, and has no effect yet.
    NotYet,
    /// It is read and has no effect, for this reason.
    Accepted(&'static str),
    /// An older name of another keyword; it works, and keepalived objects to it.
    Deprecated(&'static str),
    /// An older name of another keyword, which nobody objects to.
    Older(&'static str),
    /// keepalived refuses it as well, for this reason.
    Refused(&'static str),
}

/// What a row says of its keyword, whatever it sets.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The keyword.
    pub name: &'static str,
    /// What may follow.
    pub takes: Takes,
    /// Whether it has an effect.
    pub status: Status,
    /// One line of help, without a full stop. For the manual, with the feature `manual`: it is a tenth of a release build's size.
    #[cfg(any(debug_assertions, feature = "manual"))]
    pub help: &'static str,
}

impl Row {
    /// `help` goes where there is a place for it.
    #[cfg_attr(not(any(debug_assertions, feature = "manual")), allow(unused_variables))]
    const fn new(name: &'static str, takes: Takes, status: Status, help: &'static str) -> Self {
        Self {
            name,
            takes,
            status,
            #[cfg(any(debug_assertions, feature = "manual"))]
            help,
        }
    }
}

/// One keyword of a block that becomes a `T`.
pub struct Keyword<T: 'static> {
    /// What it is.
    pub row: Row,
    /// Where it lands.
    pub put: Put<T>,
}

/// Where a keyword's value lands.
pub enum Put<T: 'static> {
    /// Nowhere.
    Nowhere,
    /// In a field: how to store there, and how to read it back for the printed configuration.
    Field(fn(&mut T, Value), fn(&T) -> Value),
    /// Code of its own reads the statement; the other function prints what differs from the default.
    Own(fn(&mut Site<'_>, &mut T, &Statement), fn(&T, &T, &mut Printer)),
}

impl<T> Keyword<T> {
    /// A keyword with an effect.
    pub const fn new(name: &'static str, takes: Takes, put: Put<T>, help: &'static str) -> Self {
        Self { row: Row::new(name, takes, Status::Built, help), put }
    }

    /// A keyword that is read, checked and kept, and has no effect yet.
    pub const fn kept(name: &'static str, takes: Takes, put: Put<T>, help: &'static str) -> Self {
        Self { row: Row::new(name, takes, Status::NotYet, help), put }
    }

    /// A keyword that is read and checked only.
    pub const fn not_yet(name: &'static str, takes: Takes, help: &'static str) -> Self {
        Self { row: Row::new(name, takes, Status::NotYet, help), put: Put::Nowhere }
    }

    /// A keyword that needs no effect here, and why.
    pub const fn accepted(name: &'static str, takes: Takes, why: &'static str, help: &'static str) -> Self {
        Self { row: Row::new(name, takes, Status::Accepted(why), help), put: Put::Nowhere }
    }

    /// A keyword without effect that keepalived objects to as well, and why.
    pub const fn refused(name: &'static str, takes: Takes, why: &'static str, help: &'static str) -> Self {
        Self { row: Row::new(name, takes, Status::Refused(why), help), put: Put::Nowhere }
    }

    /// An older name of the keyword `of`, which has no effect yet either.
    pub const fn older(name: &'static str, takes: Takes, of: &'static str) -> Self {
        Self { row: Row::new(name, takes, Status::Older(of), "the older name"), put: Put::Nowhere }
    }

    /// An older name of the keyword `of`; keepalived objects to it.
    pub const fn deprecated(name: &'static str, takes: Takes, put: Put<T>, of: &'static str) -> Self {
        Self { row: Row::new(name, takes, Status::Deprecated(of), "the older name"), put }
    }
}

/// The row of `name`.
pub fn find<T>(rows: &'static [Keyword<T>], name: &str) -> Option<&'static Keyword<T>> {
    rows.iter().find(|keyword| keyword.row.name == name)
}

/// A field of the block's value, by its path: both ways, so what is read can be printed.
macro_rules! at {
    ($($field:ident).+) => {
        $crate::config::keywords::Put::Field(
            |target, value| $crate::config::keywords::Field::put(&mut target.$($field).+, value),
            |source| $crate::config::keywords::Field::show(&source.$($field).+),
        )
    };
}
pub(crate) use at;

/// A second of time, in microseconds.
pub(crate) const SECOND: u64 = 1_000_000;
/// The largest number that keepalived keeps with a sign.
pub(crate) const SIGNED: i64 = i32::MAX as i64;
/// Any whole number that fits.
pub(crate) const ANY: i64 = u32::MAX as i64;

impl<T> core::fmt::Debug for Keyword<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.row.name)
    }
}
