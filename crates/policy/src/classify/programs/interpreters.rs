//! Shells and languages: what counts is the text that they run.

use wardroom_domain::RiskTier::{L0Readonly, L2Destructive};

use super::super::general;
use super::super::invocation::Invocation;
use super::super::rule::{Reach, Rule};
use super::super::shell::{Feed, Walker};
use super::super::table::grammar_of;
use super::super::words::{Arg, Known};

pub static RULES: &[&Rule] = &[&PURE_CODE, &SYNTAX, &CODE, &SESSION];

#[rustfmt::skip]
static PURE_CODE: Rule = Rule::code(
    "language.pure-code",
    L0Readonly,
    Reach::Local,
    "computes and prints, using only harmless functions",
    &[
        "python3 -c 'print(1 + 1)'",
        "python -c 'import sys, json; print(json.load(sys.stdin)[\"a\"])'", "node -p '1 + 1'",
        "python3 -m json.tool data.json",
    ],
    &["python3 -c 'import os; os.remove(\"x\")'", "node -e 'require(\"fs\")'"],
);
#[rustfmt::skip]
static SYNTAX: Rule = Rule::code(
    "language.syntax",
    L0Readonly,
    Reach::Local,
    "only checks how a program text is written, and runs none of it",
    &["php -l a.php", "bash -n deploy.sh", "node --check a.js", "ruby -c a.rb"],
    &["php a.php", "bash -n -c ls", "perl -c a.pl"],
);
#[rustfmt::skip]
static CODE: Rule = Rule::code(
    "language.code",
    L2Destructive,
    Reach::Unknown,
    "runs a program text that can do anything",
    &[
        "python3 deploy.py", "perl -e 'unlink \"x\"'", "ruby -e 'puts 1'",
        "php -r 'system(\"ls\");'", "node -e 'require(\"fs\")'", "python3 -c 'open(\"x\", \"w\")'",
        "python3 -c 'print(f\"{__import__(1)}\")'",
    ],
    &["python3 -c 'print(1)'", "node --version"],
);
#[rustfmt::skip]
static SESSION: Rule = Rule::code(
    "language.session",
    L2Destructive,
    Reach::Unknown,
    "opens a session in which anything can be run",
    &["bash", "python3", "zsh -i", "node"],
    &["bash -c ls", "echo ls | bash"],
);

impl Walker<'_> {
    /// `sh -c TEXT`, `sh FILE`, `… | sh`.
    pub fn shell_program(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        if matches!(args, [only] if matches!(only.text.as_str(), "--version" | "--help")) {
            return None;
        }
        if self.checks_syntax(name, args) {
            return Some(Feed::Computed);
        }
        let mut index = 0;
        while let Some(arg) = args.get(index) {
            let text = arg.text.as_str();
            if arg.known != Known::Exact {
                return Some(self.run_file(args));
            }
            if !text.starts_with(['-', '+']) || text == "-" || text == "--" {
                break;
            }
            index += 1;
            if matches!(text, "-o" | "+o" | "-O" | "--rcfile" | "--init-file") {
                self.mention_all(args);
                index += 1;
            } else if text == "--command" || (!text.starts_with("--") && text.contains('c')) {
                return Some(self.inline_script(name, &args[index..], input));
            }
        }
        let reads_input = args[index..]
            .iter()
            .all(|arg| matches!(arg.text.as_str(), "-" | "--" | "/dev/stdin"))
            || args.iter().any(|arg| arg.text == "-s");
        if reads_input {
            Some(self.run_input(name, input))
        } else {
            Some(self.run_file(&args[index..]))
        }
    }

    fn inline_script(&mut self, name: &str, args: &[Arg], input: &Feed) -> Feed {
        let mut rest = args.iter().skip_while(|arg| arg.text.starts_with('-'));
        let Some(script) = rest.next() else {
            self.add(&SESSION, name);
            return Feed::Computed;
        };
        let positional: Vec<Arg> = rest.cloned().collect();
        self.mention_all(&positional);
        if script.known == Known::Exact {
            return self.judge_script(&script.text, input);
        }
        let rule = if self.draft.saw_download() {
            &general::RUNS_TEXT_FROM_NETWORK
        } else {
            &general::RUNS_UNKNOWN
        };
        self.add(rule, name);
        Feed::Computed
    }

    /// `php -l FILE` and its like. Perl is not among them: it runs what stands in `BEGIN`.
    fn checks_syntax(&mut self, name: &str, args: &[Arg]) -> bool {
        let [flag, file] = args else {
            return false;
        };
        let asks = match name {
            "php" => matches!(flag.text.as_str(), "-l" | "--syntax-check"),
            "node" => matches!(flag.text.as_str(), "-c" | "--check"),
            "ruby" => flag.text == "-c",
            "sh" | "bash" | "dash" | "zsh" | "ksh" => flag.text == "-n",
            _ => false,
        };
        let is_file = file.known == Known::Exact && !file.text.starts_with('-');
        if asks && is_file {
            self.add(&SYNTAX, name);
            self.reads(file);
        }
        asks && is_file
    }

    /// A shell runs what flows into it.
    fn run_input(&mut self, name: &str, input: &Feed) -> Feed {
        match input {
            Feed::Text(script) => return self.judge_script(script, &Feed::Nothing),
            Feed::Nothing => self.add(&SESSION, name),
            Feed::Names | Feed::Computed => self.add(&general::RUNS_UNKNOWN, name),
            Feed::Network => self.add(&general::RUNS_TEXT_FROM_NETWORK, name),
        }
        Feed::Computed
    }

    /// A language: inline code is looked at, files and input are not known.
    pub fn interpreter(&mut self, name: &str, args: &[Arg], input: &Feed) -> Option<Feed> {
        if matches!(args, [only] if matches!(only.text.as_str(), "--version" | "-V" | "-v" | "--help" | "-h" | "-version"))
        {
            return None;
        }
        if !super::super::table::rules_of(name).is_empty() {
            // Package managers that also run code (`deno`, `bun`) have verbs of their own.
            let invocation = Invocation::new(name, args, grammar_of(name));
            if invocation.operand_count() > 0
                && !args
                    .iter()
                    .any(|arg| matches!(arg.text.as_str(), "-e" | "-c" | "-p" | "--eval"))
            {
                return None;
            }
        }
        if self.checks_syntax(name, args) {
            return Some(Feed::Computed);
        }
        self.mention_all(args);
        if let Some(code) = inline_code(name, args) {
            let pure = code.known == Known::Exact && is_pure(name, &code.text);
            self.add(if pure { &PURE_CODE } else { &CODE }, name);
            return Some(Feed::Computed);
        }
        if is_harmless_module(name, args) {
            self.add(&PURE_CODE, name);
            return Some(Feed::Computed);
        }
        let runs_file = args.iter().any(|arg| !arg.text.starts_with('-'));
        match input {
            Feed::Network if !runs_file => self.add(&general::RUNS_TEXT_FROM_NETWORK, name),
            Feed::Nothing if args.is_empty() => self.add(&SESSION, name),
            _ => self.add(&CODE, name),
        }
        if args
            .iter()
            .any(|arg| arg.text == super::super::paths::NETWORK_PIPE)
        {
            self.add(&general::RUNS_TEXT_FROM_NETWORK, name);
        }
        Some(Feed::Computed)
    }
}

/// The text behind `-c`, `-e`, `-p`, when it is the only option.
fn inline_code<'a>(name: &str, args: &'a [Arg]) -> Option<&'a Arg> {
    let flags: &[&str] = match name {
        "python" | "pypy" => &["-c", "-Ic", "-Sc", "-Bc"],
        "node" => &["-e", "-p", "-pe", "--eval", "--print"],
        _ => return None,
    };
    let (first, rest) = args.split_first()?;
    if flags.contains(&first.text.as_str()) {
        rest.first()
    } else {
        None
    }
}

fn is_harmless_module(name: &str, args: &[Arg]) -> bool {
    let mut words = args.iter().map(|arg| arg.text.as_str());
    name == "python"
        && words.next() == Some("-m")
        && matches!(
            words.next(),
            Some(
                "json.tool"
                    | "platform"
                    | "this"
                    | "calendar"
                    | "tabnanny"
                    | "tokenize"
                    | "site"
                    | "sysconfig"
            )
        )
        && args.len() <= 3
        && !args.iter().any(|arg| arg.known == Known::Computed)
}

/// Does the code consist of names from a short list of harmless ones only?
fn is_pure(name: &str, code: &str) -> bool {
    let allowed: &[&str] = if name == "node" {
        PURE_NODE
    } else {
        PURE_PYTHON
    };
    // Comments, escapes, triple quotes and patterns could hide code from a scanner this simple.
    let hides = code.contains(['`', '\\', '#'])
        || code.contains("\"\"\"")
        || code.contains("'''")
        || (name == "node" && code.contains('/'));
    code.len() < 2_000 && !hides && identifiers(code).all(|word| allowed.contains(&word))
}

/// The identifiers of a program text; the insides of quoted strings are left out.
fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    let mut quote: Option<char> = None;
    let mut start: Option<usize> = None;
    let mut found = Vec::new();
    for (at, character) in code.char_indices().chain([(code.len(), ' ')]) {
        if let Some(open) = quote {
            if character == open {
                quote = None;
            }
            continue;
        }
        if character.is_alphanumeric() || character == '_' {
            start.get_or_insert(at);
            continue;
        }
        if let Some(from) = start.take() {
            // A letter right before a quote makes it another kind of string; `f"{…}"` holds code.
            let is_prefix =
                matches!(character, '"' | '\'') && !matches!(&code[from..at], "r" | "b" | "u");
            found.push(if is_prefix {
                HOLDS_CODE
            } else {
                &code[from..at]
            });
        }
        if matches!(character, '"' | '\'') {
            quote = Some(character);
        }
    }
    found
        .into_iter()
        .filter(|word| !word.starts_with(|first: char| first.is_ascii_digit()))
}

/// Stands for a string that holds code; on no list of harmless names.
const HOLDS_CODE: &str = "f-string";

#[rustfmt::skip]
const PURE_PYTHON: &[&str] = &[
    "import", "from", "as", "print", "for", "in", "if", "else", "elif", "not", "and", "or", "is",
    "None", "True", "False", "lambda", "while", "def", "return", "pass", "break", "continue",
    "with", "json", "sys", "re", "math", "datetime", "collections", "itertools", "functools",
    "random", "string", "statistics", "decimal", "fractions", "hashlib", "base64", "textwrap",
    "uuid", "time", "calendar", "operator", "stdin", "load", "loads", "dumps", "read", "readline",
    "readlines", "version", "version_info", "maxsize", "byteorder", "len", "range", "sum", "min",
    "max", "abs", "round", "sorted", "reversed", "enumerate", "zip", "map", "filter", "list",
    "dict", "set", "tuple", "str", "int", "float", "bool", "bytes", "ord", "chr", "hex", "bin",
    "oct", "any", "all", "repr", "type", "isinstance", "split", "join", "strip", "lstrip", "rstrip",
    "replace", "upper", "lower", "title", "startswith", "endswith", "keys", "values", "items",
    "get", "append", "extend", "sort", "count", "index", "find", "findall", "search", "match",
    "sub", "group", "groups", "Counter", "defaultdict", "most_common", "now", "today", "date",
    "timedelta", "utcnow", "isoformat", "strftime", "strptime", "fromtimestamp", "timestamp",
    "year", "month", "day", "pi", "e", "sqrt", "floor", "ceil", "log", "log2", "log10", "pow",
    "factorial", "gcd", "mean", "median", "stdev", "md5", "sha1", "sha256", "sha512", "hexdigest",
    "digest", "b64encode", "b64decode", "encode", "decode", "uuid4", "indent", "sort_keys", "sep",
    "end", "key", "reverse", "file", "i", "j", "k", "v", "x", "y", "z", "n", "a", "b", "c", "d",
    "s", "t", "f", "m", "r", "l", "p", "w", "_", "line", "lines", "row", "item", "data", "word",
    "words", "name", "value", "obj", "result", "total", "num", "nums", "text", "char",
];

#[rustfmt::skip]
const PURE_NODE: &[&str] = &[
    "console", "log", "JSON", "parse", "stringify", "Math", "max", "min", "floor", "ceil", "round",
    "random", "sqrt", "pow", "abs", "process", "version", "versions", "node", "v8", "platform",
    "arch", "const", "let", "var", "of", "in", "for", "if", "else", "return", "Date", "now", "new",
    "toISOString", "getTime", "Number", "String", "Array", "Object", "Boolean", "keys", "values",
    "entries", "map", "filter", "reduce", "length", "split", "join", "slice", "toUpperCase",
    "toLowerCase", "trim", "includes", "parseInt", "parseFloat", "true", "false", "null",
    "undefined", "typeof", "i", "j", "k", "v", "x", "y", "n", "a", "b", "s", "e", "PI",
];
