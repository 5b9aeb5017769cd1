//! SQL by statement. Not a full grammar: a scanner that knows comments and quotes, and takes
//! everything that it does not know for the higher tier.

use wardroom_domain::RiskTier::{L0Readonly, L1Mutating, L2Destructive, L3Privileged};

use super::rule::{Reach, Rule};
use super::shell::Walker;

/// Rules about statements. Their examples run through `psql -c`.
pub static RULES: &[&Rule] = &[&READS, &ADDS, &REMOVES, &GRANTS, &UNKNOWN];

#[rustfmt::skip]
static READS: Rule = Rule::code(
    "sql.read",
    L0Readonly,
    Reach::Remote,
    "only reads from the database",
    &[
        "psql -c 'SELECT * FROM a'", "sqlite3 a.db 'select 1; select 2'", "mysql -e 'SHOW TABLES'",
        "psql -c 'EXPLAIN SELECT 1'", "psql -c 'WITH x AS (SELECT 1) SELECT * FROM x'",
        "bq query 'SELECT 1'",
    ],
    &[
        "psql -c 'SELECT 1; DROP TABLE a'", "psql -c 'EXPLAIN ANALYZE DELETE FROM a'",
        "psql -c 'WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x'",
        "psql -c \"SELECT pg_read_file('/etc/passwd')\"",
    ],
);
#[rustfmt::skip]
static ADDS: Rule = Rule::code(
    "sql.add",
    L1Mutating,
    Reach::Remote,
    "adds rows or definitions to the database",
    &[
        "psql -c 'INSERT INTO a VALUES (1)'", "sqlite3 a.db 'CREATE TABLE a (b)'",
        "psql -c 'CREATE INDEX a ON b (c)'", "psql -c 'SELECT * INTO b FROM a'",
    ],
    &["psql -c 'SELECT 1'", "psql -c 'CREATE ROLE a'"],
);
#[rustfmt::skip]
static REMOVES: Rule = Rule::code(
    "sql.remove",
    L2Destructive,
    Reach::Remote,
    "changes or removes rows or definitions of the database",
    &[
        "psql -c 'DELETE FROM a'", "mysql -e 'DROP DATABASE a'", "psql -c 'UPDATE a SET b = 1'",
        "psql -c 'TRUNCATE a'", "psql -c '/* */ DELETE FROM a'",
        "psql -c 'ALTER TABLE a DROP COLUMN b'",
    ],
    &["psql -c \"SELECT 'DROP TABLE a'\""],
);
#[rustfmt::skip]
static GRANTS: Rule = Rule::code(
    "sql.privilege",
    L3Privileged,
    Reach::Remote,
    "changes rights, reaches outside the database, or runs programs",
    &[
        "psql -c 'GRANT ALL ON a TO b'", "psql -c \"COPY a TO PROGRAM 'sh'\"",
        "psql -c 'CREATE ROLE a'", "mysql -e \"SELECT 1 INTO OUTFILE '/tmp/x'\"",
        "psql -c \"SELECT pg_read_file('/etc/passwd')\"", "sqlite3 a.db '.shell ls'",
        "psql -c '\\! ls'", "sqlite3 a.db \"ATTACH 'b.db' AS b\"",
    ],
    &["psql -c 'SELECT granted FROM a'"],
);
#[rustfmt::skip]
static UNKNOWN: Rule = Rule::code(
    "sql.unknown",
    L2Destructive,
    Reach::Remote,
    "runs statements that are not known to only read",
    &[
        "psql -c 'FROBNICATE a'", "psql -c \"$statement\"", "psql -f x.sql", "psql mydb",
        "psql -c 'DO $$ BEGIN END $$'",
    ],
    &["psql -c 'SELECT 1'"],
);

impl Walker<'_> {
    /// Judges every statement of a text.
    pub fn sql(&mut self, text: &str, subject: &str) {
        let mut any = false;
        for statement in statements(text) {
            self.add(rule_of(&statement), subject);
            any = true;
        }
        if !any {
            self.add(&UNKNOWN, subject);
        }
    }

    /// Statements that cannot be seen.
    pub fn unseen_sql(&mut self, subject: &str) {
        self.add(&UNKNOWN, subject);
    }
}

/// The words of each statement in upper case, quoted text and comments left out.
fn statements(text: &str) -> Vec<Vec<String>> {
    let mut scanner = Scanner {
        done: Vec::new(),
        words: Vec::new(),
        word: String::new(),
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = skip(rest);
        if skipped > 0 {
            scanner.end_word();
            if first == '\'' || first == '$' {
                scanner.words.push("'".to_owned());
            }
            rest = &rest[skipped..];
            continue;
        }
        scanner.take(first);
        rest = &rest[first.len_utf8()..];
    }
    scanner.end_statement();
    scanner.done
}

struct Scanner {
    done: Vec<Vec<String>>,
    words: Vec<String>,
    word: String,
}

impl Scanner {
    fn take(&mut self, character: char) {
        match character {
            ';' => self.end_statement(),
            '\n' if self
                .words
                .first()
                .is_some_and(|word| word.starts_with(['.', '\\'])) =>
            {
                self.end_statement()
            }
            _ if character.is_alphanumeric() || matches!(character, '_' | '.' | '\\' | '!') => {
                self.word.extend(character.to_uppercase());
            }
            '(' => {
                // A word right before a bracket is the name of a function.
                if !self.word.is_empty() {
                    self.word.push('(');
                }
                self.end_word();
            }
            _ => self.end_word(),
        }
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn end_statement(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.done.push(std::mem::take(&mut self.words));
        }
    }
}

/// How many bytes of a comment or a quoted text begin here.
fn skip(text: &str) -> usize {
    if text.starts_with("--") {
        return text.find('\n').unwrap_or(text.len());
    }
    // `/*! … */` is run by one well-known database: not a comment for us.
    if text.starts_with("/*") && !text.starts_with("/*!") {
        return text[2..].find("*/").map_or(text.len(), |end| end + 4);
    }
    for quote in ['\'', '"', '`'] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.find(quote).map_or(text.len(), |end| end + 2);
        }
    }
    if let Some(inside) = text.strip_prefix('$')
        && let Some(tag_end) = inside.find('$')
        && inside[..tag_end]
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_')
    {
        let tag = &text[..tag_end + 2];
        return text[tag.len()..]
            .find(tag)
            .map_or(text.len(), |end| end + 2 * tag.len());
    }
    0
}

fn rule_of(words: &[String]) -> &'static Rule {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let first = words[0].as_str();
    if first.starts_with(['.', '\\']) {
        return meta_command(first);
    }
    #[rustfmt::skip]
    const OUTSIDE: &[&str] = &[
        "OUTFILE", "DUMPFILE", "LOAD_FILE(", "PROGRAM", "PG_READ_FILE(", "PG_READ_BINARY_FILE(",
        "PG_LS_DIR(", "PG_STAT_FILE(", "LO_IMPORT(", "LO_EXPORT(", "XP_CMDSHELL", "SP_OACREATE",
        "OPENROWSET(", "LOAD_EXTENSION(", "WRITEFILE(", "READFILE(", "EDIT(", "FTS3_TOKENIZER(",
        "DBLINK(", "DBLINK_EXEC(", "UTL_HTTP.REQUEST(", "UTL_FILE.FOPEN(", "DBMS_SCHEDULER",
        "SYS_EXEC(", "SYS_EVAL(", "READ_CSV(", "READ_TEXT(", "READ_BLOB(", "URL(", "FILE(",
        "EXECUTABLE(", "LANGUAGE", "PG_AUTHID", "PG_SHADOW", "MYSQL.USER",
    ];
    #[rustfmt::skip]
    const RIGHTS: &[&str] = &[
        "ROLE", "USER", "EXTENSION", "FUNCTION", "PROCEDURE", "TRIGGER", "SERVER", "LOGIN",
        "PRIVILEGES", "EVENT", "CREDENTIAL", "POLICY",
    ];
    const CHANGES: &[&str] = &["DELETE", "UPDATE", "DROP", "TRUNCATE", "ALTER", "MERGE"];
    if matches!(
        first,
        "GRANT"
            | "REVOKE"
            | "COPY"
            | "ATTACH"
            | "SECURITY"
            | "REASSIGN"
            | "SHUTDOWN"
            | "EXEC"
            | "XP_CMDSHELL"
            | "LOAD"
            | "INSTALL"
    ) || has(OUTSIDE)
        || (matches!(first, "CREATE" | "ALTER" | "DROP" | "SET" | "RENAME") && has(RIGHTS))
    {
        return &GRANTS;
    }
    match first {
        "SELECT" | "SHOW" | "DESCRIBE" | "DESC" | "EXPLAIN" | "WITH" | "VALUES" | "TABLE"
        | "USE" | "PRAGMA" | "HELP" => read_or_not(first, words, &has, CHANGES),
        "INSERT" | "CREATE" | "COMMENT" | "ANALYZE" | "BEGIN" | "START" | "COMMIT" | "END"
        | "ROLLBACK" | "SAVEPOINT" | "SET" | "DEALLOCATE" | "DETACH" | "UPSERT"
            if !has(&["REPLACE"]) && !has(CHANGES) =>
        {
            &ADDS
        }
        "INSERT" | "UPDATE" | "DELETE" | "DROP" | "TRUNCATE" | "ALTER" | "REPLACE" | "MERGE"
        | "CREATE" | "RENAME" | "VACUUM" | "REINDEX" | "FLUSH" | "RESET" | "KILL" | "PURGE"
        | "OPTIMIZE" | "CLUSTER" => &REMOVES,
        _ => &UNKNOWN,
    }
}

fn read_or_not(
    first: &str,
    words: &[String],
    has: &dyn Fn(&[&str]) -> bool,
    changes: &[&str],
) -> &'static Rule {
    #[rustfmt::skip]
    const EFFECTS: &[&str] = &[
        "SETVAL(", "NEXTVAL(", "PG_TERMINATE_BACKEND(", "PG_CANCEL_BACKEND(", "PG_RELOAD_CONF(",
        "PG_SLEEP(", "SLEEP(", "BENCHMARK(", "PG_ADVISORY_LOCK(", "SET_CONFIG(", "LO_UNLINK(",
        "PG_ROTATE_LOGFILE(", "GET_LOCK(", "QUERY_TO_XML(", "PG_SWITCH_WAL(", "PG_PROMOTE(",
        "PG_LOGICAL_EMIT_MESSAGE(", "EXECUTE",
    ];
    if has(changes) && (first != "SELECT" || has(&["DELETE"])) {
        return &REMOVES;
    }
    if has(EFFECTS) || has(&["/*"]) || words.iter().any(|word| word.starts_with('!')) {
        return &UNKNOWN;
    }
    if has(&["INTO", "INSERT"]) {
        return &ADDS;
    }
    if first == "PRAGMA"
        && !words.get(1).is_some_and(|word| {
            word.starts_with("TABLE_")
                || word.starts_with("INDEX_")
                || matches!(
                    word.as_str(),
                    "DATABASE_LIST"
                        | "FOREIGN_KEY_LIST("
                        | "INTEGRITY_CHECK"
                        | "QUICK_CHECK"
                        | "USER_VERSION"
                        | "COMPILE_OPTIONS"
                ) && words.len() == 2
        })
    {
        return &ADDS;
    }
    &READS
}

/// `\d` of psql and `.tables` of sqlite look; what they run or write does not.
fn meta_command(first: &str) -> &'static Rule {
    match first {
        ".TABLES" | ".SCHEMA" | ".INDEXES" | ".DATABASES" | ".HEADERS" | ".HEADER" | ".MODE"
        | ".HELP" | ".SHOW" | ".WIDTH" | ".QUIT" | ".EXIT" | ".DUMP" | ".STATS" | ".VERSION"
        | ".EXPLAIN" | ".FULLSCHEMA" | ".DBINFO" | ".TIMEOUT" => &READS,
        "\\L" | "\\D" | "\\DT" | "\\DU" | "\\DN" | "\\DF" | "\\DI" | "\\DV" | "\\DS" | "\\X"
        | "\\CONNINFO" | "\\TIMING" | "\\Q" | "\\H" | "\\DX" | "\\DP" | "\\Z" | "\\DB" | "\\DG"
        | "\\ENCODING" => &READS,
        _ => &GRANTS,
    }
}
