//! Database clients: the statements decide.

use super::super::invocation::{Dash, Grammar, Invocation};
use super::super::shell::{Feed, Walker};
use super::super::words::{Arg, Known};

#[rustfmt::skip]
static CLIENT: Grammar = Grammar {
    programs: &[],
    values: &[
        "-c", "--command", "-e", "--execute", "-q", "--query", "-Q", "-h", "--host", "-p", "--port",
        "-U", "--username", "-u", "--user", "-d", "--dbname", "-D", "--database", "-P", "-F", "-S",
        "--socket", "-o", "--output", "-f", "--file", "-v", "--set", "-cmd", "-separator", "-init",
        "-i", "-L", "--log-file", "--pager",
    ],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static QUERY: Grammar = Grammar {
    programs: &[],
    values: &["--parameter", "--project_id", "--location", "--format", "-n", "--max_rows"],
    flags: &[],
    dash: Dash::Letters,
};
#[rustfmt::skip]
static SQLITE: Grammar = Grammar {
    programs: &[],
    values: &["-cmd", "-separator", "-init", "-nullvalue", "-newline", "-vfs", "-c", "-s"],
    flags: &[],
    dash: Dash::Words,
};

impl Walker<'_> {
    /// `bq query SQL`, `cockroach sql -e SQL`; their other verbs are in the table.
    pub fn query_verb(&mut self, name: &str, args: &[Arg]) -> Option<Feed> {
        let invocation = Invocation::new(name, args, &QUERY);
        if invocation.verb_at(0) != Some("query") {
            return None;
        }
        if invocation.has(&[
            "--destination_table",
            "--replace",
            "--append_table",
            "--flagfile",
        ]) || invocation.is_unclear()
        {
            self.unseen_sql(name);
        }
        match invocation.operands().nth(1) {
            Some(statement) if statement.known == Known::Exact => self.sql(&statement.text, name),
            _ => self.unseen_sql(name),
        }
        Some(Feed::Computed)
    }

    pub fn database(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        if matches!(args, [only] if matches!(only.text.as_str(), "--version" | "-V" | "--help" | "-version" | "-?"))
        {
            return None;
        }
        self.mention_all(args);
        self.other_servers(name, args);
        let statements = if matches!(name, "sqlite3" | "duckdb" | "sqlite") {
            sqlite_statements(name, args)
        } else {
            client_statements(name, args)
        };
        let Some(statements) = statements else {
            self.unseen_sql(name);
            return Some(Feed::Computed);
        };
        if statements.is_empty() {
            match input {
                Feed::Text(text) => self.sql(text, name),
                _ => self.unseen_sql(name),
            }
        }
        for statement in &statements {
            if statement.known == Known::Exact {
                self.sql(&statement.text, name);
            } else {
                self.unseen_sql(name);
            }
        }
        Some(Feed::Computed)
    }
}

/// The statements given on the line; `None` when others cannot be seen or go elsewhere.
fn client_statements(name: &str, args: &[Arg]) -> Option<Vec<Arg>> {
    let invocation = Invocation::new(name, args, &CLIENT);
    if name == "psql"
        && invocation.has_only(&[
            "-l",
            "--list",
            "-U",
            "-h",
            "-p",
            "--username",
            "--host",
            "--port",
        ])
        && invocation.has(&["-l", "--list"])
    {
        return Some(vec![Arg::exact("\\l")]);
    }
    let hidden: &[&str] = if name == "psql" {
        &["-f", "--file", "-o", "--output", "-L", "--log-file"]
    } else {
        &["--init-command", "--pager", "--queries-file", "-i", "--tee"]
    };
    if invocation.has(hidden) || invocation.is_unclear() {
        return None;
    }
    let options: &[&str] = match name {
        "psql" | "pgcli" => &["-c", "--command"],
        "mysql" | "mariadb" | "mycli" | "cockroach" => &["-e", "--execute"],
        "clickhouse-client" | "clickhouse" => &["-q", "--query"],
        _ => &["-Q", "-q", "-e", "-c", "--query", "--execute", "--command"],
    };
    Some(invocation.values_of(options))
}

/// `sqlite3 FILE SQL`, with `-cmd` before it.
fn sqlite_statements(name: &str, args: &[Arg]) -> Option<Vec<Arg>> {
    let invocation = Invocation::new(name, args, &SQLITE);
    if invocation.has(&["-init", "-A", "-zip"]) || invocation.is_unclear() {
        return None;
    }
    let mut statements = invocation.values_of(&["-cmd", "-c", "-s"]);
    // With one dash and a word, the value stands in the next argument.
    statements.extend(invocation.operands().skip(1).cloned());
    Some(statements)
}
