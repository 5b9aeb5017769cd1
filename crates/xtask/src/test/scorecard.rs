//! `cargo xtask scorecard [--write] [WORDS]`: runs the scenarios in which something fails, and says
//! what held.
//!
//! The rows stand in `tests/reliability.toml`; words choose those in whose fault one of them stands.
//! The table is printed. With `--write` it is put into `docs/reliability.md`, and the result of every
//! test into `tests/scorecard.json`; rows that were not chosen keep what stands there.

use super::needs;
use super::runner::{self, Choice, Ran, Results};
use super::session::Session;
use crate::checkout;
use crate::failure::{Failure, Outcome};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;
use toml::{Table, Value};

const ROWS: &str = "tests/reliability.toml";
const PAGE: &str = "docs/reliability.md";
const KEPT: &str = "tests/scorecard.json";
const BEGIN: &str = "<!-- the scorecard begins: cargo xtask scorecard --write -->";
const END: &str = "<!-- the scorecard ends -->";

/// Something that can go wrong.
struct Row {
    fault: String,
    injected: String,
    holds: String,
    needs: String,
    why: String,
    /// `wardroom::stories crash::…`: package, test binary, and the name of the test.
    tests: Vec<String>,
}

pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let (flags, words): (Vec<_>, Vec<_>) = arguments.iter().partition(|word| *word == "--write");
    let mut session = Session::open()?;
    session.stage = "scorecard";
    needs::install(&mut session)?;
    let played = play(&session, &words);
    session.close();
    let (rows, results) = played?;
    let table = table(&rows, &results);
    println!("{table}");
    if !flags.is_empty() {
        write(&session, &table)?;
        let text = format!("{:#}\n", as_json(&rows, &results));
        fs::write(session.root.join(KEPT), text).map_err(Failure::to(format!("write {KEPT}")))?;
    }
    let is_broken = |row: &Row| matches!(verdict(row, &results), "BROKEN" | "not run");
    Ok(match rows.iter().any(is_broken) {
        false => ExitCode::SUCCESS,
        true => ExitCode::FAILURE,
    })
}

/// Runs the tests of the rows that are meant.
fn play(session: &Session, words: &[&String]) -> Outcome<(Vec<Row>, Results)> {
    let rows = rows(&checkout::read(&session.root, ROWS)?)?;
    let is_meant = |row: &&Row| {
        let has = |word: &&String| row.fault.to_lowercase().contains(&word.to_lowercase());
        words.is_empty() || words.iter().any(has)
    };
    let mut results = match words.is_empty() {
        true => Results::new(),
        false => kept(&checkout::read(&session.root, KEPT).unwrap_or_default()),
    };
    let can_run = |row: &&Row| session.has(&row.needs);
    let meant = rows.iter().filter(is_meant).filter(can_run);
    let mut wanted: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for test in meant.flat_map(|row| &row.tests) {
        let (place, name) = parts(test)?;
        let names = wanted.entry(place).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for ((package, binary), names) in wanted {
        let choice = Choice {
            package,
            binary,
            names,
            is_exact: true,
        };
        let (_, ran) = runner::some(session, &choice)?;
        let whole = |(name, ran)| (format!("{package}::{binary} {name}"), ran);
        results.extend(ran.into_iter().map(whole));
    }
    Ok((rows, results))
}

/// Package and binary, and the name.
fn parts(test: &str) -> Outcome<((&str, &str), &str)> {
    let parts = test.split_once(' ');
    let parts = parts.and_then(|(place, name)| Some((place.split_once("::")?, name)));
    parts.ok_or_else(|| Failure::new(format!("`{test}` in {ROWS} names no test")))
}

fn rows(text: &str) -> Outcome<Vec<Row>> {
    let table = text
        .parse::<Table>()
        .map_err(Failure::to(format!("read {ROWS}")))?;
    let rows = table
        .get("row")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    Ok(rows
        .iter()
        .filter_map(Value::as_table)
        .map(Row::of)
        .collect())
}

impl Row {
    fn of(row: &Table) -> Self {
        let word = |key: &str| {
            row.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let tests = row.get("tests").and_then(Value::as_array);
        let tests = tests.into_iter().flatten().filter_map(Value::as_str);
        Self {
            fault: word("fault"),
            injected: word("injected"),
            holds: word("holds"),
            needs: word("needs"),
            why: word("why"),
            tests: tests.map(str::to_owned).collect(),
        }
    }
}

fn verdict(row: &Row, results: &Results) -> &'static str {
    let found: Vec<_> = row.tests.iter().map(|test| results.get(test)).collect();
    let has_failed = |ran: &Option<&Ran>| ran.is_some_and(|ran| !ran.passed);
    if row.tests.is_empty() {
        "not tried"
    } else if found.iter().any(has_failed) {
        "BROKEN"
    } else if found.iter().any(Option::is_none) {
        "not run"
    } else {
        "holds"
    }
}

fn table(rows: &[Row], results: &Results) -> String {
    let mut text =
        "| what goes wrong | how | what must hold | result |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let result = match verdict(row, results) {
            "not tried" => format!("not tried: {}", row.why),
            "holds" => format!("holds: {}", short(row)),
            other => format!("**{other}**: {}", short(row)),
        };
        let Row {
            fault,
            injected,
            holds,
            ..
        } = row;
        text.push_str(&format!("| {fault} | {injected} | {holds} | {result} |\n"));
    }
    let count = |wanted: &str| {
        rows.iter()
            .filter(|row| verdict(row, results) == wanted)
            .count()
    };
    text.push_str(&format!(
        "\n{} rows: {} hold, {} broken, {} not run, {} not tried.\n",
        rows.len(),
        count("holds"),
        count("BROKEN"),
        count("not run"),
        count("not tried")
    ));
    text
}

/// The tests of a row, by the file and the function.
fn short(row: &Row) -> String {
    let names = row.tests.iter().map(|test| {
        let name = test.split_once(' ').map_or(test.as_str(), |(_, name)| name);
        format!("`{name}`")
    });
    names.collect::<Vec<_>>().join(", ")
}

fn as_json(rows: &[Row], results: &Results) -> Json {
    let of_test = |test: &String| {
        let ran = results.get(test);
        json!({"test": test, "passed": ran.map(|ran| ran.passed),
            "took": ran.and_then(|ran| ran.took.clone())})
    };
    let of_row = |row: &Row| {
        let tests: Vec<_> = row.tests.iter().map(of_test).collect();
        json!({"fault": row.fault, "injected": row.injected, "holds": row.holds,
            "result": verdict(row, results), "why": row.why, "tests": tests})
    };
    json!({"rows": rows.iter().map(of_row).collect::<Vec<_>>()})
}

/// What was written the last time.
fn kept(text: &str) -> Results {
    let kept: Json = serde_json::from_str(text).unwrap_or_default();
    let rows = kept["rows"].as_array().cloned().unwrap_or_default();
    let tests = rows.iter().filter_map(|row| row["tests"].as_array());
    let read = |test: &Json| {
        let ran = Ran {
            passed: test["passed"].as_bool()?,
            took: test["took"].as_str().map(str::to_owned),
        };
        Some((test["test"].as_str()?.to_owned(), ran))
    };
    tests.flatten().filter_map(read).collect()
}

/// Puts the table between its marks.
fn write(session: &Session, table: &str) -> Outcome<()> {
    let text = checkout::read(&session.root, PAGE)?;
    let marks = || Failure::new(format!("{PAGE} has no place for the scorecard"));
    let (before, rest) = text.split_once(BEGIN).ok_or_else(marks)?;
    let (_, after) = rest.split_once(END).ok_or_else(marks)?;
    let text = format!("{before}{BEGIN}\n\n{table}\n{END}{after}");
    fs::write(session.root.join(PAGE), text).map_err(Failure::to(format!("write {PAGE}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let row = Row {
            fault: "it rains".to_owned(),
            injected: "water".to_owned(),
            holds: "the roof".to_owned(),
            needs: String::new(),
            why: String::new(),
            tests: vec!["roof::it rain::holds".to_owned()],
        };
        let ran = Ran {
            passed: true,
            took: Some("1.2s".to_owned()),
        };
        let results = Results::from([("roof::it rain::holds".to_owned(), ran)]);
        let text = as_json(std::slice::from_ref(&row), &results).to_string();
        assert_eq!(kept(&text), results);
        assert_eq!(verdict(&row, &kept("")), "not run");
        assert_eq!(
            parts(&row.tests[0]).unwrap(),
            (("roof", "it"), "rain::holds")
        );
        assert!(
            table(&[row], &results)
                .contains("| it rains | water | the roof | holds: `rain::holds` |")
        );
    }
}
