//! The budget that every test run spends on the simulator.

#![expect(clippy::panic, reason = "a run that goes wrong fails its test")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use wardroom_domain::Waymark;
use wardroom_simulator::{Chance, Kind, ON_THE_ROAD, Plan, Report, run};

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
        for count in 1..=times.min(2) {
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

/// Every pair of points, as far as the budget reaches; `WARDROOM_SIMULATION_PAIRS=all` for the whole.
#[test]
fn every_pair_as_far_as_the_budget_reaches() {
    let calm = plays(&Plan::calm(3)).reached;
    let points: Vec<Waymark> = ON_THE_ROAD
        .into_iter()
        .filter(|at| calm.contains_key(at))
        .collect();
    let pairs = pairs(&points);
    let is_whole = std::env::var("WARDROOM_SIMULATION_PAIRS").is_ok_and(|text| text == "all");
    let until = Instant::now() + Duration::from_secs(5);
    let mut played = 0;
    let mut struck = 0;
    for plan in &pairs {
        if !is_whole && Instant::now() > until {
            break;
        }
        struck += plays(plan).struck;
        played += 1;
    }
    println!("{played} of {} pairs, {struck} strikes", pairs.len());
    assert!(points.len() >= 15, "a calm run comes by {points:?} only");
    assert!(struck > played, "{played} pairs, {struck} strikes");
}

/// Each two points in this order, each crashed or slept at; the second at its first coming or, which
/// is mostly on the way back, at its second. In an order in which any beginning is a fair sample.
fn pairs(points: &[Waymark]) -> Vec<Plan> {
    let mut pairs = Vec::new();
    for first in points {
        for second in points {
            for kinds in [
                (Kind::Crash, Kind::Crash),
                (Kind::Crash, Kind::Sleep),
                (Kind::Sleep, Kind::Crash),
                (Kind::Sleep, Kind::Sleep),
            ] {
                for count in [1, 2] {
                    if first != second || count == 2 {
                        let plan = Plan::calm(3).struck(kinds.0, *first, 1);
                        pairs.push(plan.struck(kinds.1, *second, count));
                    }
                }
            }
        }
    }
    let mut chance = Chance::of(11);
    for place in (1..pairs.len()).rev() {
        let other = chance.below(place as u64 + 1);
        pairs.swap(place, usize::try_from(other).unwrap_or_default());
    }
    pairs
}

/// Hints, clocks and up to three strikes by chance, as many as the budget holds.
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
