//! The thin binary: arguments -> configuration -> daemon -> exit code.

use std::process::ExitCode;

use holdfast::cli::{self, Command};
use holdfast::daemon;
use holdfast::sys::heap::CountingAllocator;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let code = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(options)) => daemon::run(*options),
        Ok(Command::Test(options)) => daemon::test(&options),
        Ok(Command::Signum(number)) => {
            println!("{number}");
            0
        }
        Ok(Command::Version) => {
            eprintln!("Holdfast v{}", env!("CARGO_PKG_VERSION"));
            0
        }
        Ok(Command::Help) => {
            print!("{}", cli::help());
            0
        }
        Err(text) => {
            eprintln!("holdfast: {text}");
            1
        }
    };
    // keepalived's codes all fit.
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
