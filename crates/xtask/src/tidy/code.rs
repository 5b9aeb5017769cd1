//! Words that may not stand in code, texts or comments of Rust files.

use super::{Finding, Repository, Written, edges::PURE, rust::Source};

/// The one crate that speaks to the kernel.
const MAY_BE_UNSAFE: &str = "sandbox";
/// The one crate that speaks SQL.
const MAY_SPEAK_SQL: &str = "store";

/// Statements, by the words that open and continue them.
const STATEMENTS: &[[&str; 2]] = &[
    ["INSERT", "INTO"],
    ["DELETE", "FROM"],
    ["SELECT", "FROM"],
    ["UPDATE", "SET"],
];

/// Calls that reach outside, which a pure crate never makes.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Utc::now",
];

/// Macros that mark unfinished work.
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &repository.files {
        if let Some(source) = &file.rust {
            kernel_talk(file, source, &mut found);
            unfinished(file, source, &mut found);
            silenced_lints(file, source, &mut found);
            if file.is_product() {
                opening(file, &mut found);
                sql(file, source, &mut found);
                outside(file, source, &mut found);
            }
        } else if file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml") {
            lints(file, &mut found);
        }
    }
    found
}

/// Lines of code with their numbers.
fn numbered(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|found| found == word)
}

fn kernel_talk(file: &Written, source: &Source, found: &mut Vec<Finding>) {
    if file.krate() == Some(MAY_BE_UNSAFE) {
        return;
    }
    for (line, code) in numbered(&source.code) {
        if has_word(code, "unsafe") {
            found.push(file.finding("unsafe", line, "only `sandbox` may speak to the kernel"));
        }
    }
}

/// Every crate takes the lints of the workspace, except the one that may be unsafe.
fn lints(file: &Written, found: &mut Vec<Finding>) {
    let takes = file.text.contains("[lints]\nworkspace = true");
    if !takes && file.krate() != Some(MAY_BE_UNSAFE) {
        let says = "write `[lints]` and `workspace = true`, so that the house's lints hold here";
        found.push(file.finding("lints", 0, says));
    }
}

/// A reader meets a file from the top: what it is for, and what stays out.
fn opening(file: &Written, found: &mut Vec<Finding>) {
    if !file.text.starts_with("//!") {
        found.push(file.finding("opening", 1, "begin with `//!` and what this file is for"));
    }
}

fn unfinished(file: &Written, source: &Source, found: &mut Vec<Finding>) {
    for (line, code) in numbered(&source.code) {
        if UNFINISHED
            .iter()
            .any(|word| code.contains(&format!("{word}!")))
        {
            found.push(file.finding("unfinished", line, "finish it, or leave it out"));
        }
    }
    for (line, comment) in &source.comments {
        for (offset, text) in comment.lines().enumerate() {
            if is_bare_reminder(text) {
                let says = "say what kind of work is left: `TODO(kind): …`";
                found.push(file.finding("unfinished", line + offset, says));
            }
        }
    }
}

fn is_bare_reminder(comment: &str) -> bool {
    let text = comment.trim_start_matches(['/', '*', '!', ' ']);
    let reminder = text.strip_prefix("TODO");
    let bare = reminder.is_some_and(|rest| match rest.strip_prefix('(') {
        Some(kind) => !kind.contains("):"),
        None => rest.is_empty() || rest.starts_with([':', ' ']),
    });
    bare || has_word(text, "FIXME") || has_word(text, "XXX")
}

/// An exception from a lint says so with `expect` and a reason, so that it goes when it is no
/// longer needed.
fn silenced_lints(file: &Written, source: &Source, found: &mut Vec<Finding>) {
    for (line, code) in numbered(&source.code) {
        let squeezed: String = code.split_whitespace().collect();
        if squeezed.contains("#[allow(") || squeezed.contains("#![allow(") {
            let says = "write `#[expect(lint, reason = \"…\")]` instead";
            found.push(file.finding("allow", line, says));
        }
    }
}

fn sql(file: &Written, source: &Source, found: &mut Vec<Finding>) {
    if file.krate() == Some(MAY_SPEAK_SQL) {
        return;
    }
    for (line, text) in source.product_texts() {
        if is_statement(text) {
            found.push(file.finding("sql", *line, "only `store` speaks SQL"));
        }
    }
}

fn is_statement(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    STATEMENTS.iter().any(|[opening, next]| {
        let mut rest = words.iter().skip_while(|word| *word != opening);
        rest.next().is_some() && rest.any(|word| word == next)
    })
}

fn outside(file: &Written, source: &Source, found: &mut Vec<Finding>) {
    if !file.krate().is_some_and(|name| PURE.contains(&name)) {
        return;
    }
    for (line, code) in numbered(&source.product) {
        if let Some(call) = OUTSIDE.iter().find(|call| code.contains(**call)) {
            let says = format!("a pure crate has no `{call}`; take what it would give as argument");
            found.push(file.finding("pure", line, says));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<(&'static str, usize)> {
        let file = Written::new(path.to_owned(), text.to_owned());
        let source = file.rust.as_ref().unwrap();
        let mut found = Vec::new();
        kernel_talk(&file, source, &mut found);
        unfinished(&file, source, &mut found);
        silenced_lints(&file, source, &mut found);
        sql(&file, source, &mut found);
        outside(&file, source, &mut found);
        found
            .iter()
            .map(|finding| (finding.rule, finding.line))
            .collect()
    }

    #[test]
    fn each_rule_sees_its_own_kind_of_content_only() {
        let innocent = "// unsafe, todo!() and SELECT x FROM y are only named here\n\
                        fn a() { let s = \"unsafe todo!()\"; }\n";
        assert_eq!(says("crates/llm/src/a.rs", innocent), []);

        let guilty = "#[allow(dead_code)]\nunsafe fn a() { todo!() }\n// TODO: later\n\
                      const Q: &str = \"SELECT a\n FROM b\";\n// TODO(width): more\n";
        assert_eq!(
            says("crates/llm/src/a.rs", guilty),
            [
                ("unsafe", 2),
                ("unfinished", 2),
                ("unfinished", 3),
                ("allow", 1),
                ("sql", 4)
            ]
        );
        assert_eq!(says("crates/sandbox/src/a.rs", "unsafe fn a() {}"), []);
        assert_eq!(
            says("crates/engine/src/a.rs", "use std::fs;"),
            [("pure", 1)]
        );
        assert_eq!(
            says(
                "crates/engine/src/a.rs",
                "#[cfg(test)]\nmod t { use std::fs; }"
            ),
            []
        );
    }
}
