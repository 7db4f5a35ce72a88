//! The thin binary: arguments -> configuration -> daemon -> exit code.

fn main() {}
