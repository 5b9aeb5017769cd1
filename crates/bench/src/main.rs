//! How fast and how small the product is, measured on the real binary beside a bare equivalent.
//!
//! `wardroom-bench BINARY` prints a table. Every figure stands beside a baseline that was measured
//! in turn with it, because the disk and the neighbours of a shared machine change by the second.

mod table;
mod machine;
mod disk;

mod turns;
mod durable;
mod process;
mod boundaries;
mod decisions;
mod audit;
mod doors;
mod waiting;

mod site;
mod queued;
mod bare;
mod failure;

use failure::{Failure, Outcome};
use std::path::PathBuf;
use std::process::ExitCode;
use table::Table;

const USAGE: &str = "usage: wardroom-bench BINARY [ONLY]\n\
    BINARY is a release build of wardroom; ONLY is turns, process, store, doors, waiting, policy or audit";

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [bare::ROLE, model] => bare::serve(model).await,
        [binary] => measure(binary.into(), "").await,
        [binary, only] => measure(binary.into(), only).await,
        _ => Err(Failure::new(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Prints each group of rows as soon as it is measured, and all of them as one table at the end.
async fn measure(binary: PathBuf, only: &str) -> Outcome<()> {
    let mut table = Table::default();
    eprintln!("{}", machine::describe());
    if matches!(only, "" | "process") {
        process::measure(&binary, &mut table)?;
    }
    if matches!(only, "" | "turns") {
        turns::measure(&binary, &mut table).await?;
    }
    if matches!(only, "" | "store") {
        boundaries::measure(&mut table).await?;
    }
    if matches!(only, "" | "doors") {
        doors::measure(&binary, &mut table).await?;
    }
    if matches!(only, "" | "waiting") {
        // It has runtimes of its own, which end where waiting is allowed.
        tokio::task::block_in_place(|| waiting::measure(&binary, &mut table))?;
    }
    if matches!(only, "" | "policy") {
        decisions::measure(&mut table)?;
    }
    // A million events take a while: they are filled in for whoever asks for them.
    if only == "audit" {
        audit::measure(&mut table).await?;
    }
    println!("{}\n\n{table}", machine::describe());
    Ok(())
}
