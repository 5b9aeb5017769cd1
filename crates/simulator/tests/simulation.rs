//! The budget that every test run spends on the simulator.

#![expect(clippy::panic, reason = "a run that goes wrong fails its test")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use wardroom_domain::Waymark;
use wardroom_simulator::{Kind, Plan, Report, run};

/// Plays a plan that must go well.
fn plays(plan: &Plan) -> Report {
    let report = run(plan);
    if !report.wrong.is_empty() {
        panic!(
            "{}\nit plays again by WARDROOM_SIMULATION='{plan}'",
            report.wrong.join("\n")
        );
    }
    report
}

/// A number of the environment.
fn seconds(variable: &str, default: u64) -> Duration {
    let given = std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(default))
}

#[test]
fn nothing_goes_wrong_and_everything_ends() {
    let report = plays(&Plan::calm(1));
    assert!(report.tasks >= 2 && report.happened >= 2, "{report:?}");
}

/// What a failure printed plays again.
#[test]
fn a_plan_of_the_environment_plays() {
    if let Ok(text) = std::env::var("WARDROOM_SIMULATION") {
        let Some(plan) = Plan::parse(&text) else {
            panic!("{text:?} is no plan");
        };
        println!("{:#?}", plays(&plan));
    }
}

#[test]
fn the_same_plan_goes_the_same_way() {
    let plan = Plan::calm(7).struck(Kind::Crash, Waymark::GateSent, 1);
    assert_eq!(plays(&plan).trace, plays(&plan).trace);
}

/// Every single point of the road, crashed at and slept at.
#[test]
fn every_single_point() {
    let calm = plays(&Plan::calm(3));
    let mut struck = BTreeSet::new();
    for (at, times) in calm.reached {
        for count in 1..=times.min(3) {
            for kind in [Kind::Crash, Kind::Sleep] {
                let report = plays(&Plan::calm(3).struck(kind, at, count));
                if report.struck > 0 {
                    struck.insert(at);
                }
            }
        }
    }
    assert!(struck.len() >= 10, "struck only at {struck:?}");
}

/// Pairs of points, hints and clocks by chance, as many as the budget holds.
#[test]
fn as_many_random_plans_as_the_budget_holds() {
    let budget = seconds("WARDROOM_SIMULATION_SECONDS", 12);
    let until = Instant::now() + budget;
    let mut played = 0;
    let mut struck = 0;
    for seed in seconds("WARDROOM_SIMULATION_FROM", 0).as_secs().. {
        if Instant::now() > until {
            break;
        }
        struck += plays(&Plan::random(seed)).struck;
        played += 1;
    }
    println!("{played} plans, {struck} strikes");
    assert!(played > 5 && struck > 2, "{played} plans, {struck} strikes");
}
