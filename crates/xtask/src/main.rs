//! The chores of this repository: start it, test it, keep it tidy.
//!
//! Only the standard library and two readers (JSON, TOML) are used here, because everything else
//! waits for this crate before it may compile.

mod up;
mod web;
mod screenshots;
mod test;
mod tidy;
mod openapi;
mod deny;
mod bench;
mod agentdojo;
mod sabotage;

mod failure;
mod checkout;
mod evidence;
mod command;

use failure::Outcome;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask VERB

  up [ARGS]   build what is missing and start Wardroom; ARGS go to `wardroom up`
  web         build the portal into web/dist; `up` and `test` do it by themselves
  screenshots take the pictures of the portal in docs/screenshots anew
  test        install what the tests need, run every test, say what was skipped
  tidy        check the rules of the house that no compiler checks
  openapi     write crates/api/openapi.json from the code
  deny        check licences and advisories of dependencies with cargo-deny
  bench       build for release, measure speed and size; --clean also times the build
  agentdojo   run AgentDojo's cases against the real server; --sample N takes every Nth
  scorecard   run the scenarios in which something fails; --write keeps the result, WORDS choose rows
  soak        the simulator and the stories of failure for MINUTES (15), with other seeds each round
  sabotage    break each claim of docs/security/evidence.toml and see its test turn red; WORDS choose";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(verb) = arguments.next() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&verb, &arguments.collect::<Vec<_>>()) {
        Some(Ok(code)) => code,
        Some(Err(failure)) => {
            eprintln!("xtask {verb}: {failure}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("xtask: there is no verb `{verb}`\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Runs one verb; none if there is no such verb.
fn run(verb: &str, arguments: &[String]) -> Option<Outcome<ExitCode>> {
    Some(match verb {
        "up" => up::run(arguments),
        "web" => web::run(),
        "screenshots" => screenshots::run(),
        "test" => test::run(),
        "tidy" => tidy::run(),
        "openapi" => openapi::run(),
        "deny" => deny::run(),
        "bench" => bench::run(arguments),
        "agentdojo" => agentdojo::run(arguments),
        "scorecard" => test::scorecard::run(arguments),
        "soak" => test::soak::run(arguments),
        "sabotage" => sabotage::run(arguments),
        _ => return None,
    })
}
