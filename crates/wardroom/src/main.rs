//! The binary: one verb, one file. A client of the API for everything but `up`, `demo` and what
//! can be done without a server. Data goes to stdout, talk to stderr; the exit code is 0 when it
//! is done, 1 when it was refused or failed, 2 when it was asked wrongly.

#[cfg(debug_assertions)]
mod crash;
mod cli;
mod failure;
mod logs;
mod machine;
mod output;
mod place;
mod office;
mod people;
mod policies;
mod terminal;
mod chat;
mod verbs;

use clap::Parser;
use std::path::Path;
use std::process::ExitCode;
use wardroom_executors::mcp;

fn main() -> ExitCode {
    if is_called(wardroom_executors::RUNNER_NAME) {
        return run_inside();
    }
    if is_called(mcp::LEASH_NAME) {
        let code = mcp::hold(std::env::args_os().skip(1));
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    #[cfg(debug_assertions)]
    crash::arm();
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.tell();
            failure.exit().into()
        }
    }
}

/// The runner, closed to what it runs.
fn run_inside() -> ExitCode {
    if let Err(error) = wardroom_executors::runner::shut_the_door_behind() {
        eprintln!("runner: it cannot be closed to its children: {error}");
        return ExitCode::FAILURE;
    }
    let code = wardroom_executors::runner::serve(std::io::stdin(), std::io::stdout());
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The same binary is the runner inside a sandbox, and the leash of a program outside, by its name.
fn is_called(part: &str) -> bool {
    let name = std::env::args_os().next();
    name.is_some_and(|name| Path::new(&name).ends_with(part))
}
