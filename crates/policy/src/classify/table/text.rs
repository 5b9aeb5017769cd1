//! Text: searching, sorting, cutting, structured data.

use super::super::invocation::{Dash, Grammar};
use super::super::rule::{Rule, When};
use super::Family;

pub static FAMILY: Family = Family {
    rules: RULES,
    grammars: GRAMMARS,
};

#[rustfmt::skip]
static GRAMMARS: &[Grammar] = &[
    Grammar {
        programs: &["grep", "egrep", "fgrep", "zgrep", "ugrep", "bzgrep", "xzgrep"],
        values: &[
            "-e", "-f", "-m", "-A", "-B", "-C", "-d", "-D", "--include", "--exclude",
            "--exclude-dir", "--color", "--max-count", "--regexp", "--file", "--label",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["rg"],
        values: &[
            "-e", "-f", "-g", "-t", "-T", "-m", "-A", "-B", "-C", "-j", "-r", "-M", "--glob",
            "--type", "--type-not", "--max-depth", "--regexp", "--file", "--sort", "--replace",
            "--max-count", "--pre", "--pre-glob", "--hostname-bin",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["sort"],
        values: &[
            "-o", "-k", "-t", "-S", "-T", "--output", "--key", "--field-separator", "--buffer-size",
            "--temporary-directory", "--parallel", "--compress-program", "--files0-from",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["head", "tail"],
        values: &["-n", "-c", "-s", "--lines", "--bytes", "--pid"],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["cut", "paste", "column", "join", "fold", "nl", "split", "tr", "csvcut"],
        values: &[
            "-d", "-f", "-c", "-b", "-s", "-t", "-w", "-o", "-N", "-l", "-n", "-1", "-2", "-a",
            "-j", "-v",
        ],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar {
        programs: &["jq", "gojq", "jaq"],
        values: &["-f", "--from-file", "--indent", "-L"],
        flags: &[],
        dash: Dash::Letters,
    },
    Grammar { programs: &["uniq"], values: &["-f", "-s", "-w"], flags: &[], dash: Dash::Letters },
];

#[rustfmt::skip]
static RULES: &[Rule] = &[
    Rule::reads(
        "text.search",
        &[
            "grep", "egrep", "fgrep", "zgrep", "zegrep", "zfgrep", "bzgrep", "xzgrep", "rg", "ag",
            "ack", "ugrep", "ug", "pdfgrep", "look", "agrep", "sift", "pt", "rga", "ast-grep",
        ],
        When::Always,
        "searches text",
        &["grep -rn TODO src", "rg -n 'fn main' -g '*.rs'"],
        &["grep -r token ~", "rg --pre ./x a", "ag --pager 'sh x' y"],
    ),
    Rule::destroys(
        "text.search-runs",
        &["rg", "ugrep", "ag", "ack", "rga"],
        When::Option(&["--pre", "--hostname-bin", "--pager", "--filter", "--search-zip-with"]),
        "runs a program of choice on every file",
        &["rg --pre ./x a", "ag --pager 'sh x' y"],
        &["rg a"],
    ),
    Rule::changes(
        "text.search-saves",
        &["ugrep", "ug", "ast-grep", "semgrep"],
        When::Option(
            &[
                "--save-config", "-U", "--update-all", "--rewrite", "-r", "--autofix", "-o",
                "--output",
            ],
        ),
        "changes files or writes its result to one",
        &["ast-grep -p a -r b -U"],
        &["ast-grep -p a"],
    ),
    // The other program of this name queues a command.
    Rule::reads(
        "text.stamp",
        &["ts"],
        When::Only(&["", "%*"], &["-r", "-i", "-s", "-m"]),
        "puts the time before each line",
        &["ts", "ts -i %H:%M:%S"],
        &["ts sleep 3"],
    ),
    Rule::reads(
        "text.filter",
        &[
            "sort", "uniq", "cut", "tr", "paste", "column", "join", "fold", "fmt", "expand",
            "unexpand", "tsort", "shuf", "numfmt", "iconv", "pr", "csvlook", "csvcut", "csvgrep",
            "csvstat", "csvsort", "xsv", "qsv", "mlr", "choose", "jq", "gojq", "jaq", "yq", "dasel",
            "gron", "jless", "jo", "xmlstarlet", "xq", "htmlq", "pup", "tsv-filter", "tsv-select",
            "datamash", "rev", "ansi2txt", "jsonlint", "yamllint", "xmllint", "hck", "zet",
            "pv", "colrm", "col", "ul", "uconv", "tidy-viewer",
        ],
        When::Always,
        "filters and arranges text",
        &[
            "sort -u names.txt", "jq '.a' data.json", "cut -d: -f1 list", "tr a-z A-Z",
            "yq '.a' f.yaml",
        ],
        &["sort a -o b", "yq -i '.a = 1' f.yaml"],
    ),
    Rule::destroys(
        "text.sort-runs",
        &["sort"],
        When::Option(&["--compress-program"]),
        "runs a program of choice",
        &["sort --compress-program ./x a"],
        &["sort a"],
    ),
    Rule::destroys(
        "text.filter-session",
        &["xmllint"],
        When::Option(&["--shell"]),
        "opens a session that can write files",
        &["xmllint --shell a.xml"],
        &["xmllint --noout a.xml"],
    ),
    Rule::changes(
        "text.filter-to-file",
        &["shuf", "iconv", "xmllint", "tidy", "pv", "csvsort", "qsv", "xsv"],
        When::Option(&["-o", "--output"]),
        "writes its result to a file",
        &["iconv -f utf-8 -t latin1 a -o b"],
        &["iconv -l"],
    ),
    Rule::changes(
        "text.edit-in-place",
        &["yq", "dasel", "mlr", "xmlstarlet", "xml"],
        When::Option(
            &["-i", "-I", "--inplace", "--in-place", "-L", "--split", "-s", "--split-exp"],
        ),
        "changes files in place",
        &["yq -i '.a = 1' f.yaml"],
        &["yq '.a' f.yaml"],
    ),
    Rule::changes(
        "text.edit",
        &[
            "dos2unix", "unix2dos", "sd", "split", "csplit", "patch", "ed", "ex", "sponge",
            "prettier", "recode", "expand-in-place",
        ],
        When::Always,
        "changes or creates files",
        &["dos2unix a.txt", "split -l 10 a", "patch -p1"],
        &["sort a"],
    ),
    Rule::reads(
        "text.print",
        &[
            "seq", "yes", "figlet", "toilet", "cowsay", "cowthink", "lolcat", "boxes", "banner",
            "factor", "bc", "expr", "units", "qalc", "fortune", "sleep", "usleep", "clear", "tput",
            "tabs", "true", "false", "numfmt", "jot", "primes", "rolldice", "pwgen", "apg",
            "uuidgen", "mcookie", "lorem", "faker", "ascii", "hollywood", "cmatrix", "sl",
            "nyancat", "pipes.sh", "pwqgen", "xkcdpass", "diceware", "logname",
        ],
        When::Always,
        "computes or prints something",
        &["seq 1 5", "sleep 1", "bc -l"],
        &["seq 1 5 > a"],
    ),
    Rule::reads(
        "text.manual",
        &[
            "man", "info", "tldr", "whatis", "apropos", "cheat", "help", "eg", "pinfo", "yelp",
            "manpath", "howdoi", "bropages", "bro", "tealdeer",
        ],
        When::Always,
        "shows a manual",
        &["man ls", "tldr tar", "help cd"],
        &["man -P 'sh -c id' ls", "tldr --update"],
    ),
    Rule::destroys(
        "text.manual-runs",
        &["man", "cheat"],
        When::Option(
            &[
                "-P", "--pager", "-H", "--html", "-e", "--edit", "--preprocessor", "-C",
                "--config-file", "-X",
            ],
        ),
        "runs a pager or editor of choice",
        &["man -P 'sh -c id' ls"],
        &["man ls"],
    ),
    Rule::changes(
        "text.manual-update",
        &["tldr", "tealdeer", "cheat"],
        When::Option(&["-u", "--update", "--clear-cache", "-c"]),
        "fetches new manual pages",
        &["tldr --update"],
        &["tldr tar"],
    ).remote(),
    Rule::reads(
        "text.check",
        &[
            "shellcheck", "jsonlint", "csslint", "hadolint", "actionlint", "markdownlint",
            "proselint", "flake8", "pycodestyle", "pydocstyle", "mypy", "pyright", "bandit",
            "yamllint", "jscpd", "cppcheck", "vint", "htmlhint", "write-good",
        ],
        When::Always,
        "checks files and reports",
        &["shellcheck run.sh", "mypy src"],
        &["mypy --install-types"],
    ),
    Rule::changes(
        "text.check-fixes",
        &["markdownlint", "codespell", "mypy", "flake8", "luacheck"],
        When::Option(
            &[
                "--fix", "-f", "-w", "--write-changes", "--install-types", "--output-file",
                "--output",
            ],
        ),
        "changes files or installs packages",
        &["mypy --install-types"],
        &["mypy src"],
    ),
];
