//! What a verb prints: data for people as lines, or the same data as JSON.

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;

/// Prints data on stdout: as JSON if that was asked for, else as `text` says it.
pub fn print<T: Serialize>(
    as_json: bool,
    data: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    if as_json {
        json(data)
    } else {
        lines(&text(data))
    }
}

/// Prints one JSON document.
pub fn json<T: Serialize>(data: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(data).map_err(|error| {
        Failure::caused(
            "the answer cannot be written as JSON",
            &error,
            "Try without --json.",
        )
    })?;
    lines(&text)
}

/// Prints text, with a line's end if it has none. A reader that went away ends us quietly.
pub fn lines(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::caused("stdout cannot be written", &error, ""))
        }
        _ => Ok(()),
    }
}

/// Rows under heads, in columns as wide as they need to be; the last one runs free.
pub fn columns(heads: &[&str], rows: &[Vec<String>]) -> String {
    use unicode_width::UnicodeWidthStr;
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.width());
        cells
            .chain(heads.get(column).map(|head| head.width()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        line.trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut heads.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}
