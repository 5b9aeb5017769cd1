//! One JSON object per line of stdin, the same object with more members per line of stdout.

use crate::failure::{Exit, Failure};
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufWriter, Write};

/// The members of one line.
pub type Rows = Map<String, Value>;

/// Adds to every line's object. A line that cannot be judged becomes `{"error": …}` in its place,
/// so that lines still correspond, and the verb ends as refused.
pub fn for_each_row(mut add: impl FnMut(&mut Rows) -> Result<(), String>) -> Result<Exit, Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut exit = Exit::Done;
    for (number, line) in (1..).zip(std::io::stdin().lock().split(b'\n')) {
        let line = line.map_err(|error| Failure::caused("stdin cannot be read", &error, ""))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row = read(&line).and_then(|mut row| add(&mut row).map(|()| row));
        let row = row.unwrap_or_else(|why| {
            exit = Exit::Refused;
            Map::from_iter([("error".to_owned(), json!(format!("line {number}: {why}")))])
        });
        if writeln!(out, "{}", Value::Object(row)).is_err() {
            return Ok(exit);
        }
    }
    let _ = out.flush();
    Ok(exit)
}

fn read(line: &[u8]) -> Result<Rows, String> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(row)) => Ok(row),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(error) => Err(format!("it is no JSON: {error}")),
    }
}
