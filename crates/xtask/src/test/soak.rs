//! `cargo xtask soak [MINUTES]`: the simulator and the stories of failure, again and again, with
//! other seeds each time, until the time is over or something breaks.

use super::needs;
use super::runner::{self, Choice};
use super::session::Session;
use crate::failure::{Failure, Outcome};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long one round of the simulator takes.
const ROUND: Duration = Duration::from_secs(120);
/// Beyond the seeds that every test run plays.
const FIRST_SEED: u64 = 100_000;
/// The stories of failure.
const STORIES: [&str; 6] = [
    "powercut::",
    "crash::",
    "chaos::",
    "faults::",
    "reliable::",
    "telegram::outage::",
];

pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let minutes = match arguments.first() {
        None => 15,
        Some(word) => word
            .parse()
            .map_err(|_| Failure::new(format!("`{word}` is no number of minutes")))?,
    };
    let mut session = Session::open()?;
    session.stage = "soak";
    needs::install(&mut session)?;
    let soaked = rounds(&session, Instant::now() + Duration::from_secs(60 * minutes));
    session.close();
    soaked
}

fn rounds(session: &Session, until: Instant) -> Outcome<ExitCode> {
    let mut round = 0;
    while round == 0 || Instant::now() < until {
        let seed = FIRST_SEED * (round + 1);
        println!("round {}: plans from {seed}, then every pair", round + 1);
        if !simulates(session, seed)? || !tells(session)? {
            let log = session.log_path(session.stage);
            println!(
                "something broke in round {}; {} tells it",
                round + 1,
                log.display()
            );
            return Ok(ExitCode::FAILURE);
        }
        round += 1;
    }
    println!("{round} rounds, and nothing broke");
    Ok(ExitCode::SUCCESS)
}

/// Random plans for a while, and every pair of waymarks, which takes as long as it takes.
fn simulates(session: &Session, seed: u64) -> Outcome<bool> {
    let mut cargo = session.cargo(&["test", "--locked", "--package", "wardroom-simulator"]);
    cargo
        .args([
            "--test",
            "simulation",
            "--",
            "as_many",
            "every_pair",
            "--nocapture",
        ])
        .env("WARDROOM_SIMULATION_SECONDS", ROUND.as_secs().to_string())
        .env("WARDROOM_SIMULATION_PAIRS", "all")
        .env("WARDROOM_SIMULATION_FROM", seed.to_string());
    Ok(session.record(&mut cargo)?.succeeded)
}

fn tells(session: &Session) -> Outcome<bool> {
    let choice = Choice {
        package: "wardroom",
        binary: "stories",
        names: STORIES.to_vec(),
        is_exact: false,
    };
    Ok(runner::some(session, &choice)?.0.succeeded)
}
