//! Every bound the program puts on what comes from outside, in one place.

/// Bytes of a configuration line, before or after definitions are replaced; longer ones are refused.
/// (keepalived drops lines over 1024 bytes.) Columns are 16 bits, so this stays below `u16::MAX`.
pub const CONFIG_LINE: usize = 65_000;

/// Bytes of all configuration files of one load together.
pub const CONFIG_BYTES: usize = 16 << 20;

/// Configuration files of one load, includes counted each time they are read.
pub const CONFIG_FILES: usize = 1024;

/// Files that include each other, one inside the other.
pub const CONFIG_INCLUDE_DEPTH: usize = 16;

/// Blocks inside each other.
pub const CONFIG_BLOCK_DEPTH: usize = 32;

/// What definitions and generators of one load may produce, in bytes, a few for each line on top.
pub const CONFIG_EXPANSION: usize = 16 << 20;

/// Bytes that all definitions of a load may hold together.
pub const CONFIG_DEFINITIONS: usize = 4 << 20;

/// Definitions used inside each other, and generators inside each other.
pub const CONFIG_EXPANSION_DEPTH: usize = 32;

/// Findings kept of one load; what comes after is summed up in the last one.
pub const CONFIG_DIAGNOSTICS: usize = 1000;

/// Characters of one finding's text; longer ones end in `...`.
pub const CONFIG_DIAGNOSTIC_TEXT: usize = 300;

/// Words, statements and blocks of one configuration together.
pub const CONFIG_NODES: usize = 1 << 20;

/// Names that the wildcards of one include may look at.
pub const CONFIG_GLOB_ENTRIES: usize = 1 << 16;

/// Alternatives that the `{a,b}` of one include may expand to.
pub const CONFIG_GLOB_ALTERNATIVES: usize = 256;

/// Parts of one script command line.
pub const SCRIPT_ARGUMENTS: usize = 256;
