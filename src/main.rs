//! The thin binary: arguments -> configuration -> daemon -> exit code.

use std::process::ExitCode;

use holdfast::cli::{self, Command, Name};
use holdfast::daemon;
use holdfast::sys::heap::CountingAllocator;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = Name::of(&words.next().unwrap_or_default());
    let code = match cli::parse(words.chain(cli::environment_words())) {
        Ok(Command::Run(mut options)) => {
            options.ident = name.ident();
            daemon::run(*options)
        }
        Ok(Command::Status(options)) => daemon::status(&options),
        Ok(Command::Test(options)) => daemon::test(&options),
        Ok(Command::Signum(number)) => {
            println!("{number}");
            0
        }
        Ok(Command::Version) => {
            eprint!("{}", name.version());
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
