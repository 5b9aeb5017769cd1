//! `cargo xtask scorecard`: runs the scenarios in which something fails, and says what held.
//!
//! The rows stand in `tests/reliability.toml`. The result is printed, kept as JSON below the target
//! folder, and with `--write` put into `docs/reliability.md`.

use super::servers::Postgres;
use super::session::Session;
use crate::checkout;
use crate::failure::{Failure, Outcome};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::ExitCode;
use toml::{Table, Value};

const ROWS: &str = "tests/reliability.toml";
const PAGE: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- the scorecard begins: cargo xtask scorecard --write -->";
const END: &str = "<!-- the scorecard ends -->";
const POSTGRES: &str = "PostgreSQL";

/// Something that can go wrong.
struct Row {
    fault: String,
    injected: String,
    holds: String,
    needs: String,
    why: String,
    tests: Vec<String>,
}

/// What a test came to, and how long it took.
type Results = BTreeMap<String, (bool, String)>;

pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let mut session = Session::open()?;
    session.stage = "scorecard";
    session.postgres = Postgres::start(&session).ok();
    let has_postgres = session.postgres.is_some();
    let rows = rows(&checkout::read(&session.root, ROWS)?)?;
    let runs = |row: &&Row| has_postgres || row.needs != POSTGRES;
    let mut wanted: Vec<&str> = rows
        .iter()
        .filter(runs)
        .flat_map(|row| &row.tests)
        .map(String::as_str)
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut results = Results::new();
    for package in packages(&wanted) {
        let is_of_it = |test: &&str| self::package(test) == package;
        let some: Vec<&str> = wanted.iter().copied().filter(is_of_it).collect();
        results.extend(carry_out(&mut session, package, &some)?);
    }
    let table = table(&rows, &results);
    println!("{table}");
    let file = session.folder.join("scorecard.json");
    fs::write(&file, format!("{:#}\n", as_json(&rows, &results)))
        .map_err(Failure::to("write the scorecard"))?;
    println!("as JSON: {}", file.display());
    if arguments.iter().any(|argument| argument == "--write") {
        write(&session, &table)?;
    }
    let broken = rows
        .iter()
        .filter(|row| verdict(row, &results) == "BROKEN")
        .count();
    Ok(if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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

/// `wardroom::stories` of `wardroom::stories crash::…`.
fn binary(test: &str) -> &str {
    test.split(' ').next().unwrap_or_default()
}

fn package(test: &str) -> &str {
    binary(test).split("::").next().unwrap_or_default()
}

fn packages<'a>(tests: &[&'a str]) -> BTreeSet<&'a str> {
    tests.iter().map(|test| package(test)).collect()
}

/// Runs some tests, which are of one package: what it was built for its own tests serves again.
fn carry_out(session: &mut Session, package: &str, tests: &[&str]) -> Outcome<Results> {
    let one = |test: &&str| {
        let name = test.split_once(' ').map_or("", |(_, name)| name);
        format!("(binary_id({}) & test(={name}))", binary(test))
    };
    let which: Vec<String> = tests.iter().map(one).collect();
    let mut nextest = session.cargo(&["nextest", "run", "--locked", "--no-fail-fast"]);
    nextest.args(["--status-level", "pass", "--final-status-level", "none"]);
    nextest.args(["--package", package]);
    nextest.args(["--filterset", &which.join(" | ")]);
    let report = session.record(&mut nextest)?;
    Ok(results(&report.lines))
}

/// Reads `PASS [   5.868s] (1/1) wardroom::stories crash::…`, with or without the count.
fn results(lines: &[String]) -> Results {
    let mut results = Results::new();
    for line in lines {
        let line = line.trim_start();
        let (word, rest) = line.split_once(" [").unwrap_or_default();
        let Some((time, name)) = rest.split_once(']') else {
            continue;
        };
        let name = name.trim_start();
        let name = match name.strip_prefix('(') {
            Some(counted) => counted
                .split_once(')')
                .map_or("", |(_, name)| name.trim_start()),
            None => name,
        };
        if matches!(word, "PASS" | "FAIL" | "TIMEOUT" | "SIGABRT") {
            results.insert(name.to_owned(), (word == "PASS", time.trim().to_owned()));
        }
    }
    results
}

fn verdict(row: &Row, results: &Results) -> &'static str {
    let found: Vec<_> = row.tests.iter().map(|test| results.get(test)).collect();
    if row.tests.is_empty() {
        "not tried"
    } else if found
        .iter()
        .any(|result| matches!(result, Some((false, _))))
    {
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
        let verdict = verdict(row, results);
        let result = match verdict {
            "not tried" => format!("not tried: {}", row.why),
            "holds" => format!("holds ({} {})", row.tests.len(), plural(row.tests.len())),
            other => format!("**{other}**"),
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

fn plural(count: usize) -> &'static str {
    if count == 1 { "test" } else { "tests" }
}

fn as_json(rows: &[Row], results: &Results) -> serde_json::Value {
    let of_test = |test: &String| {
        let result = results.get(test);
        json!({"test": test, "passed": result.map(|(passed, _)| passed),
            "took": result.map(|(_, took)| took)})
    };
    let of_row = |row: &Row| {
        let tests: Vec<_> = row.tests.iter().map(of_test).collect();
        json!({"fault": row.fault, "injected": row.injected, "holds": row.holds,
            "result": verdict(row, results), "why": row.why, "tests": tests})
    };
    json!({"rows": rows.iter().map(of_row).collect::<Vec<_>>()})
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
    fn results_are_read_as_nextest_prints_them() {
        let lines = [
            "        PASS [   5.868s] (1/2) a::b c::d",
            "        FAIL [   0.1s] a::b c::e",
            "     Summary [   0.1s] 2 tests run",
        ];
        let results = results(&lines.map(str::to_owned));
        assert_eq!(results["a::b c::d"], (true, "5.868s".to_owned()));
        assert!(!results["a::b c::e"].0);
        assert_eq!(results.len(), 2);
    }
}
