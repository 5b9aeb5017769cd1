//! The table of programs: which uses only read, which change, remove, or need privilege.
//! One module per family. A use that no row covers is not trusted.

mod files;
mod text;
mod system;
mod git;
mod containers;
mod packages;
mod build;
mod network;
mod services;
mod databases;
mod cloud;
mod secrets;
mod media;
mod inspect;

use std::collections::HashMap;
use std::sync::LazyLock;

use wardroom_domain::RiskTier;

use super::invocation::{Grammar, PLAIN};
use super::rule::Rule;

/// One family: its rules, and the command lines that they are about.
pub struct Family {
    pub rules: &'static [Rule],
    pub grammars: &'static [Grammar],
}

#[rustfmt::skip]
static FAMILIES: &[&Family] = &[
    &files::FAMILY, &text::FAMILY, &system::FAMILY, &git::FAMILY, &containers::FAMILY,
    &packages::FAMILY, &build::FAMILY, &network::FAMILY, &services::FAMILY, &databases::FAMILY,
    &cloud::FAMILY, &secrets::FAMILY, &media::FAMILY, &inspect::FAMILY,
];

/// Every rule of the table.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.rules)
}

static RULES: LazyLock<HashMap<&'static str, Vec<&'static Rule>>> = LazyLock::new(|| {
    let mut index: HashMap<&'static str, Vec<&'static Rule>> = HashMap::new();
    for rule in all() {
        for program in rule.programs {
            index.entry(program).or_default().push(rule);
        }
    }
    index
});

static GRAMMARS: LazyLock<HashMap<&'static str, &'static Grammar>> = LazyLock::new(|| {
    let grammars = FAMILIES.iter().flat_map(|family| family.grammars);
    grammars
        .flat_map(|grammar| {
            grammar
                .programs
                .iter()
                .map(move |program| (*program, grammar))
        })
        .collect()
});

/// The rules that speak about a program.
pub fn rules_of(program: &str) -> &'static [&'static Rule] {
    RULES.get(program).map_or(&[], Vec::as_slice)
}

/// How a program reads its command line.
pub fn grammar_of(program: &str) -> &'static Grammar {
    GRAMMARS.get(program).copied().unwrap_or(&PLAIN)
}

/// Does any use of this program need privilege?
pub fn has_privileged_rule(program: &str) -> bool {
    rules_of(program)
        .iter()
        .any(|rule| rule.tier == RiskTier::L3Privileged)
}

/// The name under which a program is listed: `python3.12` is `python`.
pub fn canonical(program: &str) -> &str {
    #[rustfmt::skip]
    const VERSIONED: &[&str] = &[
        "python", "pip", "pypy", "perl", "ruby", "php", "lua", "gcc", "g++", "clang", "clang++",
        "node", "java",
    ];
    if RULES.contains_key(program) {
        return program;
    }
    let base =
        program.trim_end_matches(|last: char| last.is_ascii_digit() || matches!(last, '.' | '-'));
    if VERSIONED.contains(&base) {
        base
    } else {
        program
    }
}

/// The options by which a program that only names files is told a file to read: what it makes of
/// the lines shows them.
#[rustfmt::skip]
pub const LISTS: &[&str] = &[
    "-f", "--file", "--files-from", "--files0-from", "-m", "--magic-file", "--fromfile",
];

/// Programs that name files without opening them: a secret's path among their arguments is no leak.
pub fn only_names(program: &str) -> bool {
    matches!(
        program,
        "ls" | "dir"
            | "vdir"
            | "tree"
            | "stat"
            | "file"
            | "basename"
            | "dirname"
            | "realpath"
            | "readlink"
            | "exa"
            | "eza"
            | "lsd"
            | "which"
            | "whereis"
            | "man"
            | "tldr"
            | "du"
            | "df"
            | "namei"
            | "pathchk"
            | "pwd"
            | "date"
            | "seq"
            | "expr"
            | "sleep"
    )
}

/// Programs that put out names of what is there, and cannot be made to put out a chosen text.
pub fn lists_names(program: &str) -> bool {
    matches!(
        program,
        "ls" | "pwd"
            | "dirname"
            | "basename"
            | "realpath"
            | "readlink"
            | "which"
            | "whereis"
            | "hostname"
            | "whoami"
            | "id"
            | "date"
            | "uname"
            | "nproc"
            | "mktemp"
            | "git"
            | "kubectl"
            | "docker"
            | "podman"
            | "ps"
            | "pgrep"
            | "pidof"
            | "seq"
            | "wc"
            | "stat"
            | "du"
            | "df"
            | "tty"
            | "arch"
            | "getconf"
            | "brew"
            | "groups"
            | "tput"
            | "expr"
            | "lsof"
            | "systemctl"
            | "locate"
            | "go"
            | "rustc"
            | "lsb_release"
    )
}
