//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! A rule is a function from the checkout to its findings. What a rule must not complain about
//! stands in `tidy.toml` with a reason; an exception that excuses nothing is itself a finding.

mod edges;
mod dependencies;
mod size;
mod code;
mod names;
mod places;
mod links;
mod evidence;

mod exceptions;
mod rust;

use crate::checkout::{self, Metadata};
use crate::failure::Outcome;
use rust::Source;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the checkout.
    pub path: String,
    /// From 1; 0 where the whole file is meant.
    pub line: usize,
    /// The rule's name, as `tidy.toml` writes it.
    pub rule: &'static str,
    /// What is wrong and what to do.
    pub says: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}: [{}] {}",
            self.path, self.line, self.rule, self.says
        )
    }
}

/// One written file.
pub struct Written {
    pub path: String,
    pub text: String,
    /// Taken apart, if it is Rust.
    pub rust: Option<Source>,
}

impl Written {
    fn new(path: String, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| Source::read(&text));
        Self { path, text, rust }
    }

    fn has_ending(&self, endings: &[&str]) -> bool {
        endings.iter().any(|ending| self.path.ends_with(ending))
    }

    /// The crate that the file belongs to, by its folder.
    fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether the file is made into the product, as far as its path can tell.
    fn is_product(&self) -> bool {
        let in_source = self.path.starts_with("crates/") && self.path.contains("/src/");
        in_source && !self.path.ends_with("/tests.rs") && !self.path.contains("/tests/")
    }

    fn finding(&self, rule: &'static str, line: usize, says: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            rule,
            says: says.into(),
        }
    }
}

/// Everything that rules look at.
pub struct Repository {
    pub root: PathBuf,
    pub files: Vec<Written>,
    pub metadata: Metadata,
}

impl Repository {
    pub fn open(root: &Path) -> Outcome<Self> {
        let mut files = Vec::new();
        for path in checkout::files(root)? {
            if is_text(&path) {
                let text = checkout::read(root, &path)?;
                files.push(Written::new(path, text));
            }
        }
        Ok(Self {
            root: root.to_path_buf(),
            files,
            metadata: Metadata::ask(root)?,
        })
    }
}

/// Lock files are written by tools; what else has no known ending is taken for bytes.
fn is_text(path: &str) -> bool {
    const TEXT: &[&str] = &[
        "rs", "toml", "md", "py", "sh", "yml", "yaml", "json", "jsonl", "sql", "ts", "js", "mjs",
        "svelte", "html", "css", "txt", "story", "run",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit('.').next().unwrap_or(name);
    TEXT.contains(&ending) && name != "package-lock.json"
}

type Rule = fn(&Repository) -> Vec<Finding>;

const RULES: &[Rule] = &[
    edges::check,
    dependencies::check,
    size::check,
    code::check,
    names::check,
    places::check,
    links::check,
    evidence::check,
];

/// Prints the sizes and the findings.
pub fn run() -> Outcome<ExitCode> {
    let repository = Repository::open(&checkout::root()?)?;
    print!("{}", size::table(&repository));
    let findings = findings(&repository)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing to say", repository.files.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} findings", findings.len());
    Ok(ExitCode::FAILURE)
}

pub fn findings(repository: &Repository) -> Outcome<Vec<Finding>> {
    let mut found: Vec<Finding> = RULES.iter().flat_map(|rule| rule(repository)).collect();
    found.sort();
    exceptions::excuse(repository, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::{Edge, Package};
    use std::fs;

    #[test]
    fn this_checkout_is_tidy() {
        let repository = Repository::open(&checkout::root().unwrap()).unwrap();
        assert_eq!(said(&repository), "");
    }

    /// An untidy house, and everything that is said about it.
    #[test]
    fn every_rule_speaks_up() {
        let house = tempfile::tempdir().unwrap();
        let files = [
            (
                "docs/a.md",
                "[gone](b.md), [here](a.md#top), from /work/me\n",
            ),
            (
                "docs/security/evidence.toml",
                "[[evidence]]\nclaim = \"c\"\nwired = \"crates/llm/src/x.rs\"\ntest = \"nowhere\"\n",
            ),
            ("crates/llm/Cargo.toml", "[lints]\n"),
            (
                "crates/llm/src/utils.rs",
                "const Q: &str = \"DELETE FROM t\";\n",
            ),
            ("crates/tools/src/lib.rs", "//! Tools.\nuse std::fs;\n"),
            (
                "crates/tools/src/long.rs",
                &format!("//! Long.\n{}", "\n".repeat(700)),
            ),
            ("setup.sh", "curl https://pypi.org\n"),
            (
                "tidy.toml",
                "[[exception]]\nrule = \"size\"\npath = \"crates/llm/\"\nreason = \"r\"\n\
                 [[exception]]\nrule = \"registry\"\npath = \"setup.sh\"\nreason = \"its job\"\n",
            ),
        ];
        fs::create_dir_all(house.path().join("docs")).unwrap();
        fs::write(house.path().join("docs/a.md"), "").unwrap();
        let repository = Repository {
            root: house.path().to_path_buf(),
            files: files
                .map(|(path, text)| Written::new(path.into(), text.into()))
                .into(),
            metadata: Metadata {
                target: house.path().join("target"),
                packages: [
                    package(
                        "wardroom-tools",
                        true,
                        &[("wardroom-store", Edge::Normal), ("tokio", Edge::Normal)],
                    ),
                    package("wardroom-store", true, &[]),
                    package("tokio", false, &[]),
                    package("openssl", false, &[("cc", Edge::Build)]),
                    package("cc", false, &[]),
                ]
                .into(),
            },
        };
        assert_eq!(
            said(&repository),
            "\
tidy.toml:0: [exception] the exception from `size` for crates/llm/ excuses nothing any more; delete it
Cargo.lock:0: [dependencies] `openssl` compiles C; find another, or add it to the list with a reason
Cargo.lock:0: [dependencies] `openssl` is banned: needs a system library; we use rustls
crates/llm/Cargo.toml:0: [lints] write `[lints]` and `workspace = true`, so that the house's lints hold here
crates/llm/src/utils.rs:0: [names] `utils` says nothing; name it for what it knows
crates/llm/src/utils.rs:1: [opening] begin with `//!` and what this file is for
crates/llm/src/utils.rs:1: [sql] only `store` speaks SQL
crates/tools/Cargo.toml:0: [edges] `tools` does no input or output and knows no clock, so no `tokio`
crates/tools/Cargo.toml:0: [edges] `tools` may not use `store`; its layer does not reach there
crates/tools/src/lib.rs:2: [pure] a pure crate has no `std::fs`; take what it would give as argument
crates/tools/src/long.rs:0: [size] 701 lines, the limit is 700; split it by subject
docs/a.md:1: [links] `b.md` does not exist; mend the link
docs/a.md:1: [machine] `/work` exists on one machine only
docs/security/evidence.toml:0: [evidence] the claim \"c\" is wired in crates/llm/src/x.rs, which does not exist
docs/security/evidence.toml:0: [evidence] the claim \"c\" names no `sabotage`
docs/security/evidence.toml:0: [evidence] the claim \"c\" rests on the test `nowhere`, which does not exist"
        );
    }

    fn said(repository: &Repository) -> String {
        let findings = findings(repository).unwrap();
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        said.join("\n")
    }

    fn package(name: &str, is_ours: bool, uses: &[(&str, Edge)]) -> (String, Package) {
        let uses = uses
            .iter()
            .map(|(id, edge)| ((*id).to_owned(), *edge))
            .collect();
        let package = Package {
            name: name.to_owned(),
            is_ours,
            uses,
        };
        (name.to_owned(), package)
    }
}
