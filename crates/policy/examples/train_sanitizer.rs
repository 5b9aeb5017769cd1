//! Fits the sanitiser's weights to JSON lines (`{"text", "label", "family"}`).
//!
//! `train_sanitizer CASES.jsonl... [--write WEIGHTS.rs]`: logistic regression by Adagrad, each family
//! with the same total weight, with a penalty for leaving the priors. Half of the cases, chosen by
//! a hash of the text, train; the other half is only measured. Then each family is left out of the
//! training altogether and measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::{env, fs, io};

use serde_json::Value;
use wardroom_policy::sanitize::{Feature, Limits, evidence};

const EPOCHS: usize = 3000;
const RATE: f64 = 0.2;
/// How dear it is to leave a prior, per unit squared, against a mean loss of about one.
const PENALTY: f64 = 0.0006;
const WEIGHT_MAX: f64 = 14.0;
/// Benign texts that may be flagged in any one family of the training half.
const FALSE_POSITIVES_MAX: f64 = 0.02;

/// Texts of other kinds than the cases score a little higher: stay this far below the bound.
const MARGIN: f64 = 0.5;

struct Case {
    family: String,
    attack: bool,
    train: bool,
    certain: bool,
    values: Vec<f64>,
}

#[derive(Clone)]
struct Model {
    bias: f64,
    weights: Vec<f64>,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().collect();
    let mut cases = Vec::new();
    for path in arguments
        .iter()
        .skip(1)
        .take_while(|argument| !argument.starts_with("--"))
    {
        cases.extend(read(path)?);
    }
    let prior = calibrate(
        Model {
            bias: 0.0,
            weights: Feature::ALL.iter().map(|feature| feature.prior()).collect(),
        },
        &cases.iter().filter(|case| case.train).collect::<Vec<_>>(),
    );
    println!("priors alone, all cases");
    print_table(&prior, &cases.iter().collect::<Vec<_>>());

    let model = fit(&cases.iter().filter(|case| case.train).collect::<Vec<_>>());
    println!("\ntrained on one half, measured on the other");
    print_table(
        &model,
        &cases.iter().filter(|case| !case.train).collect::<Vec<_>>(),
    );

    println!("\neach family left out of the training");
    let names: BTreeSet<(bool, &str)> = cases
        .iter()
        .map(|case| (case.attack, case.family.as_str()))
        .collect();
    for (attack, name) in names {
        let is_it = |case: &&Case| case.attack == attack && case.family == name;
        let others: Vec<&Case> = cases
            .iter()
            .filter(|case| case.train && !is_it(case))
            .collect();
        let left_out: Vec<&Case> = cases.iter().filter(is_it).collect();
        let share = flagged(&fit(&others), &left_out);
        println!(
            "{:7} {name:26} {:5.1}%",
            if attack { "attack" } else { "benign" },
            share * 100.0
        );
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--write") {
        let target = arguments
            .get(at + 1)
            .ok_or_else(|| io::Error::other("name the file to write"))?;
        fs::write(target, source(&model))?;
    }
    Ok(())
}

fn read(path: &str) -> io::Result<Vec<Case>> {
    fs::read_to_string(path)?.lines().map(parse).collect()
}

fn parse(line: &str) -> io::Result<Case> {
    let value: Value = serde_json::from_str(line).map_err(io::Error::other)?;
    let field = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let text = field("text");
    let evidence = evidence(&text, &Limits::default());
    Ok(Case {
        family: field("family"),
        attack: field("label") == "attack",
        train: hash(&text).is_multiple_of(2),
        certain: evidence.certain,
        values: evidence.values().to_vec(),
    })
}

/// FNV-1a, mixed once more so that the lowest bit is as good as any.
fn hash(text: &str) -> u64 {
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (sum ^ (sum >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 17
}

fn sum(model: &Model, case: &Case) -> f64 {
    model.bias
        + model
            .weights
            .iter()
            .zip(&case.values)
            .map(|(weight, value)| weight * value)
            .sum::<f64>()
}

fn fit(cases: &[&Case]) -> Model {
    let priors: Vec<f64> = Feature::ALL.iter().map(|feature| feature.prior()).collect();
    let mut model = Model {
        bias: -5.0,
        weights: priors.clone(),
    };
    let importance = importance(cases);
    let mut squares = vec![1e-6; priors.len() + 1];
    for _ in 0..EPOCHS {
        let mut slope = vec![0.0; priors.len() + 1];
        for (case, weight) in cases
            .iter()
            .zip(&importance)
            .filter(|(case, _)| !case.certain)
        {
            let error = 1.0 / (1.0 + (-sum(&model, case)).exp()) - f64::from(u8::from(case.attack));
            slope[0] += weight * error;
            for (at, value) in case
                .values
                .iter()
                .enumerate()
                .filter(|(_, value)| **value != 0.0)
            {
                slope[at + 1] += weight * error * value;
            }
        }
        for (at, prior) in priors.iter().enumerate() {
            slope[at + 1] += 2.0 * PENALTY * (model.weights[at] - prior);
        }
        step(&mut model, &priors, &slope, &mut squares);
    }
    calibrate(model, cases)
}

fn step(model: &mut Model, priors: &[f64], slope: &[f64], squares: &mut [f64]) {
    let mut move_by = |at: usize| {
        squares[at] += slope[at] * slope[at];
        RATE * slope[at] / squares[at].sqrt()
    };
    model.bias -= move_by(0);
    for (at, (weight, prior)) in model.weights.iter_mut().zip(priors).enumerate() {
        let moved = *weight - move_by(at + 1);
        // A sign for an attack never becomes a sign against one.
        let (low, high) = if *prior > 0.0 {
            (0.0, WEIGHT_MAX)
        } else {
            (-WEIGHT_MAX, 0.0)
        };
        *weight = moved.clamp(low, high);
    }
}

/// Every family weighs the same, and attacks together as much as benign texts.
fn importance(cases: &[&Case]) -> Vec<f64> {
    let mut sizes: BTreeMap<(bool, &str), f64> = BTreeMap::new();
    for case in cases {
        *sizes.entry((case.attack, &case.family)).or_default() += 1.0;
    }
    let families = |attack: bool| sizes.keys().filter(|(of, _)| *of == attack).count() as f64;
    cases
        .iter()
        .map(|case| 0.5 / sizes[&(case.attack, case.family.as_str())] / families(case.attack))
        .collect()
}

/// Moves the bias until the benign families stay under the bound.
fn calibrate(mut model: Model, cases: &[&Case]) -> Model {
    let benign: Vec<&Case> = cases.iter().copied().filter(|case| !case.attack).collect();
    let mut sums: Vec<f64> = benign.iter().map(|case| sum(&model, case)).collect();
    sums.sort_by(f64::total_cmp);
    // No case may sit on the fence: the bound lies above the last benign sum that is let through.
    let at_most = |bias: f64| {
        let moved = Model {
            bias,
            weights: model.weights.clone(),
        };
        worst_share(&moved, &benign) <= FALSE_POSITIVES_MAX
    };
    let bound = sums
        .iter()
        .find(|bound| at_most(model.bias - **bound - 0.01))
        .copied()
        .unwrap_or(0.0);
    model.bias -= bound.max(0.0) + MARGIN;
    model
}

fn is_flagged(model: &Model, case: &Case) -> bool {
    case.certain || sum(model, case) >= 0.0
}

fn flagged(model: &Model, cases: &[&Case]) -> f64 {
    cases.iter().filter(|case| is_flagged(model, case)).count() as f64 / cases.len().max(1) as f64
}

fn by_family<'a>(cases: &[&'a Case]) -> BTreeMap<(bool, &'a str), Vec<&'a Case>> {
    let mut families: BTreeMap<(bool, &str), Vec<&Case>> = BTreeMap::new();
    for case in cases {
        families
            .entry((case.attack, &case.family))
            .or_default()
            .push(case);
    }
    families
}

fn macro_share(model: &Model, cases: &[&Case]) -> f64 {
    let families = by_family(cases);
    families
        .values()
        .map(|family| flagged(model, family))
        .sum::<f64>()
        / families.len().max(1) as f64
}

fn worst_share(model: &Model, cases: &[&Case]) -> f64 {
    by_family(cases)
        .values()
        .map(|family| flagged(model, family))
        .fold(0.0, f64::max)
}

fn print_table(model: &Model, cases: &[&Case]) {
    for ((attack, name), family) in by_family(cases) {
        let kind = if attack { "attack" } else { "benign" };
        println!(
            "{kind:7} {name:26} {:5} {:5.1}%",
            family.len(),
            100.0 * flagged(model, &family)
        );
    }
    for attack in [true, false] {
        let side: Vec<&Case> = cases
            .iter()
            .copied()
            .filter(|case| case.attack == attack)
            .collect();
        let kind = if attack { "attack" } else { "benign" };
        println!(
            "{kind:7} {:26} {:>5} {:5.1}%",
            "macro",
            "",
            100.0 * macro_share(model, &side)
        );
    }
}

fn source(model: &Model) -> String {
    let mut out = String::from(
        "//! Written by `cargo run -p wardroom-policy --example train_sanitizer`; see `model`.\n\n\
         use super::evidence::Feature;\n\n",
    );
    let _ = writeln!(out, "pub(super) const BIAS: f64 = {:.3};\n", model.bias);
    let _ = writeln!(out, "pub(super) const WEIGHTS: &[(Feature, f64)] = &[");
    for (feature, weight) in Feature::ALL.iter().zip(&model.weights) {
        let _ = writeln!(out, "    (Feature::{feature:?}, {weight:.3}),");
    }
    let _ = writeln!(out, "];");
    out
}
