//! Sanitises JSON lines (`{"text": "...", "label": "attack" | "benign", "family": "..."}`) from
//! standard input and prints each object with its score, categories and clean text.
//!
//! With `--report` prints recall and false positives by family instead; with `--missed` also the
//! texts that were judged wrongly.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde_json::{Value, json};
use wardroom_policy::sanitize::{Limits, Sanitized, sanitize};

#[derive(Default)]
struct Family {
    cases: usize,
    flagged: usize,
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let mut report: BTreeMap<(String, String), Family> = BTreeMap::new();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let mut case: Value = serde_json::from_str(&line?).map_err(io::Error::other)?;
        let field = |name: &str| {
            case.get(name)
                .and_then(Value::as_str)
                .unwrap_or("unnamed")
                .to_owned()
        };
        let (text, label, family) = (field("text"), field("label"), field("family"));
        let result = sanitize(&text, &Limits::default());
        if asked("--report") || asked("--missed") {
            let entry = report.entry((label.clone(), family.clone())).or_default();
            entry.cases += 1;
            entry.flagged += usize::from(result.is_suspicious());
            if asked("--missed") && result.is_suspicious() != (label == "attack") {
                writeln!(out, "{}", wrong(&label, &family, &text, &result))?;
            }
        } else {
            extend(&mut case, &result);
            writeln!(out, "{case}")?;
        }
    }
    print_report(&report, &mut out)
}

fn extend(case: &mut Value, result: &Sanitized) {
    if let Some(object) = case.as_object_mut() {
        object.insert("score".to_owned(), json!(result.score));
        object.insert("categories".to_owned(), json!(result.categories));
        object.insert("clean".to_owned(), json!(result.clean));
    }
}

fn wrong(label: &str, family: &str, text: &str, result: &Sanitized) -> Value {
    let excerpt: String = text.chars().take(300).collect();
    let details: Vec<&str> = result
        .findings
        .iter()
        .map(|finding| finding.detail.as_str())
        .collect();
    json!({ "label": label, "family": family, "score": result.score, "details": details, "text": excerpt })
}

fn print_report(
    report: &BTreeMap<(String, String), Family>,
    out: &mut impl Write,
) -> io::Result<()> {
    for label in ["attack", "benign"] {
        let rows: Vec<_> = report.iter().filter(|((of, _), _)| of == label).collect();
        let share = |family: &Family| family.flagged as f64 / family.cases.max(1) as f64;
        for ((_, name), family) in &rows {
            writeln!(
                out,
                "{label:7} {name:26} {:5} of {:5}  {:5.1}%",
                family.flagged,
                family.cases,
                100.0 * share(family)
            )?;
        }
        let mean =
            rows.iter().map(|(_, family)| share(family)).sum::<f64>() / rows.len().max(1) as f64;
        if !rows.is_empty() {
            writeln!(
                out,
                "{label:7} {:26} {:>14}  {:5.1}%",
                "macro",
                "",
                100.0 * mean
            )?;
        }
    }
    Ok(())
}
