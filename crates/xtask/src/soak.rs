//! `cargo xtask soak [MINUTES]`: the simulator and the stories of failure, again and again, with
//! other seeds each time, until the time is over or something breaks.

use crate::failure::{Failure, Outcome};
use crate::{checkout, command};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long one round of the simulator takes.
const ROUND: Duration = Duration::from_secs(120);
/// Beyond the seeds that every test run plays.
const FIRST_SEED: u64 = 100_000;
/// The stories of failure.
const STORIES: &str = "test(powercut::) | test(crash::) | test(chaos::) | test(faults::) | \
                       test(reliable::) | test(telegram::outage::)";

pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let root = checkout::root()?;
    let minutes = match arguments.first() {
        None => 15,
        Some(word) => word
            .parse()
            .map_err(|_| Failure::new(format!("`{word}` is no number of minutes")))?,
    };
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let mut round = 0;
    while Instant::now() < until {
        let seed = FIRST_SEED * (round + 1);
        println!("round {}: plans from {seed}", round + 1);
        if !simulates(&root, seed)? || !tells(&root)? {
            println!("something broke in round {}; it is told above", round + 1);
            return Ok(ExitCode::FAILURE);
        }
        round += 1;
    }
    println!("{round} rounds, and nothing broke");
    Ok(ExitCode::SUCCESS)
}

fn simulates(root: &Path, seed: u64) -> Outcome<bool> {
    let mut cargo = command::cargo(
        root,
        &["test", "--locked", "--package", "wardroom-simulator"],
    );
    cargo
        .args(["--test", "simulation", "--", "as_many", "--nocapture"])
        .env("WARDROOM_SIMULATION_SECONDS", ROUND.as_secs().to_string())
        .env("WARDROOM_SIMULATION_FROM", seed.to_string());
    let status = cargo.status().map_err(Failure::to("start the simulator"))?;
    Ok(status.success())
}

fn tells(root: &Path) -> Outcome<bool> {
    let mut cargo = command::cargo(
        root,
        &["nextest", "run", "--locked", "--package", "wardroom"],
    );
    cargo.args(["--test", "stories", "--filterset", STORIES]);
    let status = cargo.status().map_err(Failure::to("start the stories"))?;
    Ok(status.success())
}
