//! The judgement: a logistic model over the named features, with a floor for what is certain.
//!
//! `cargo run -p wardroom-policy --example train_sanitizer -- CASES.jsonl... --write weights.rs`
//! makes the weights. It fits them by gradient descent with a penalty for leaving each feature's
//! prior weight, so that a feature which the cases never show keeps what a person who knows the
//! field gave it; features of attack may not turn negative. The trainer sees only the half of the
//! cases that a hash of the text selects, prints recall and false positives by family on the other
//! half, and does the same with each family left out of the training altogether.
//!
//! The weights here come from public injection cases (not kept here), `tests/sanitize/cases.jsonl`
//! and, as further benign families, ordinary texts: readmes, changelogs, Rust and Python sources,
//! licences, design pages and single paragraphs.

use super::evidence::{Evidence, Feature};
use super::weights::{BIAS, WEIGHTS};

/// At this score a text deserves a question.
pub const THRESHOLD: f64 = 0.5;

/// The score of a text that shows what nobody writes by accident.
const CERTAIN: f64 = 0.95;

/// From 0 to 1.
pub fn score(evidence: &Evidence) -> f64 {
    let sum = Feature::ALL
        .iter()
        .map(|feature| weight(*feature) * evidence.value(*feature))
        .sum::<f64>();
    let score = 1.0 / (1.0 + (-(BIAS + sum)).exp());
    if evidence.certain {
        score.max(CERTAIN)
    } else {
        score
    }
}

fn weight(feature: Feature) -> f64 {
    let trained = WEIGHTS
        .iter()
        .find(|(other, _)| *other == feature)
        .map(|(_, weight)| *weight);
    trained.unwrap_or(feature.prior())
}
