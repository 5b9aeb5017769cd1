//! The simulator finds what it is there to find: each of these faults is planted, and must be seen.

#![expect(clippy::panic, reason = "a fault that is not found fails its test")]

use wardroom_domain::Waymark;
use wardroom_simulator::{Kind, Plan, run};
use wardroom_store::Planted;

/// How many random plans are played before a fault counts as unseen.
const PLANS_MAX: u64 = 60;

/// Plays plans until the fault is seen, and answers what was said of it.
fn finds(fault: Planted, likely: Plan) -> Vec<String> {
    Planted::plant(Some(fault));
    let plans = std::iter::once(likely).chain((0..PLANS_MAX).map(Plan::random));
    for (played, plan) in plans.enumerate() {
        let report = run(&plan);
        if !report.wrong.is_empty() {
            Planted::plant(None);
            println!("{fault:?} after {played} plans: {plan}");
            let again = run(&plan);
            assert!(again.wrong.is_empty(), "without the fault: {again:?}");
            return report.wrong;
        }
    }
    panic!("{fault:?} was not seen in {PLANS_MAX} plans");
}

fn is_told(said: &[String], invariants: &[&str]) {
    let names = |line: &String| {
        invariants
            .iter()
            .any(|name| line.contains(&format!(": {name} ")))
    };
    assert!(
        said.iter().any(names),
        "{invariants:?} are not in {said:#?}"
    );
}

#[test]
fn an_effect_before_its_intent_is_on_the_disk() {
    let likely = Plan::calm(1).struck(Kind::Crash, Waymark::GateReturned, 1);
    is_told(&finds(Planted::ActBeforeIntent, likely), &["I6", "I7"]);
}

#[test]
fn a_gate_that_does_not_look_at_the_fence() {
    let likely = Plan::calm(1).struck(Kind::Sleep, Waymark::GatePre, 1);
    is_told(&finds(Planted::BlindGate, likely), &["I6", "I7"]);
}

#[test]
fn a_yes_that_is_not_used_up() {
    is_told(&finds(Planted::YesNotSpent, Plan::calm(1)), &["I8"]);
}

#[test]
fn an_effect_in_doubt_that_is_repeated() {
    let likely = Plan::calm(1).struck(Kind::Crash, Waymark::GateReturned, 1);
    is_told(&finds(Planted::BlindAgain, likely), &["I6"]);
}

#[test]
fn mail_that_wakes_nobody() {
    let said = finds(Planted::MailWakesNobody, Plan::calm(1));
    assert!(
        said.iter()
            .any(|line| line.contains("I2") || line.contains("did not end")),
        "{said:#?}"
    );
}

#[test]
fn a_lost_process_whose_tasks_are_not_made_ready() {
    let likely = Plan::calm(1).struck(Kind::Crash, Waymark::Fold, 1);
    let said = finds(Planted::FreedNotReady, likely);
    assert!(
        said.iter()
            .any(|line| line.contains("I2") || line.contains("did not end")),
        "{said:#?}"
    );
}
