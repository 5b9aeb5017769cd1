//! `cargo xtask sabotage`: breaks the promises of `docs/security/evidence.toml` one at a time, in a
//! checkout of its own, and looks whether the test of each notices.
//!
//! It builds once per claim, so it takes an hour or two, and is no part of `cargo xtask test`;
//! `cargo xtask tidy` checks each time that every sabotage can still be carried out.

use crate::checkout::{self, Metadata};
use crate::command;
use crate::evidence::{self, Change, Claim};
use crate::failure::{Failure, Outcome};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

/// Tries every claim whose words or test contain one of `words`; all where there are none.
pub fn run(words: &[String]) -> Outcome<ExitCode> {
    let root = checkout::root()?;
    let text = checkout::read(&root, evidence::FILE)?;
    let claims = evidence::claims(&text).map_err(Failure::to("read the evidence"))?;
    let meant = claims.iter().filter(|claim| is_meant(claim, words));
    let workshop = Workshop::open(&root)?;
    // All that is unbroken is looked at first: going back and forth would build everything twice.
    let sound: Vec<_> = meant
        .map(|claim| (claim, workshop.is_green(claim)))
        .collect();
    let mut unnoticed = 0;
    for (claim, is_green) in sound {
        let verdict = match is_green {
            true => workshop.attempt(claim)?,
            false => Verdict::RedAnyway,
        };
        unnoticed += usize::from(verdict.is_bad());
        println!("{verdict:<16} {}  ({})", claim.claim, claim.test);
    }
    workshop.remove();
    println!("\n{unnoticed} that no test noticed, or that could not be tried");
    Ok(match unnoticed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn is_meant(claim: &Claim, words: &[String]) -> bool {
    let has = |word: &String| claim.claim.contains(word) || claim.test.contains(word);
    words.is_empty() || words.iter().any(has)
}

/// What came of one sabotage.
enum Verdict {
    Noticed,
    Unnoticed,
    Stale,
    DoesNotCompile,
    RedAnyway,
    ByHand,
}

impl Verdict {
    const fn is_bad(&self) -> bool {
        !matches!(self, Self::Noticed | Self::ByHand)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Noticed => "noticed",
            Self::Unnoticed => "NOT NOTICED",
            Self::Stale => "NO SUCH PLACE",
            Self::DoesNotCompile => "NO BUILD",
            Self::RedAnyway => "RED ANYWAY",
            Self::ByHand => "by hand",
        })
    }
}

/// A checkout of the last commit where things may be broken.
struct Workshop {
    root: PathBuf,
    folder: PathBuf,
    target: PathBuf,
}

impl Workshop {
    fn open(root: &Path) -> Outcome<Self> {
        let place = Metadata::ask(root)?.target.join("sabotage");
        let shop = Self {
            root: root.to_owned(),
            folder: place.join("checkout"),
            target: place.join("target"),
        };
        fs::create_dir_all(&place).map_err(Failure::to("make a folder for the checkout"))?;
        shop.remove();
        let mut add = command::program(root, "git");
        add.args(["worktree", "add", "--quiet", "--force", "--detach"]);
        command::answer(add.arg(&shop.folder))?;
        Ok(shop)
    }

    /// What an earlier run left behind is no reason to stop.
    fn remove(&self) {
        let mut remove = command::program(&self.root, "git");
        remove.args(["worktree", "remove", "--force"]);
        remove.arg(&self.folder);
        command::succeeds(remove);
    }

    fn attempt(&self, claim: &Claim) -> Outcome<Verdict> {
        let (Some(change), Some(test)) = (&claim.change, Test::of(&claim.test)) else {
            return Ok(Verdict::ByHand);
        };
        let sound = checkout::read(&self.folder, &change.file)?;
        let Some(broken) = change.apply(&sound) else {
            return Ok(Verdict::Stale);
        };
        self.write(change, &broken)?;
        let verdict = self.look(&test);
        self.write(change, &sound)?;
        Ok(verdict)
    }

    /// Whether the test passes as things are; what no tool can run is taken at its word.
    fn is_green(&self, claim: &Claim) -> bool {
        Test::of(&claim.test).is_none_or(|test| self.passes(&test))
    }

    fn look(&self, test: &Test) -> Verdict {
        if !self.compiles(test) {
            Verdict::DoesNotCompile
        } else if self.passes(test) {
            Verdict::Unnoticed
        } else {
            Verdict::Noticed
        }
    }

    fn write(&self, change: &Change, text: &str) -> Outcome<()> {
        let path = self.folder.join(&change.file);
        fs::write(&path, text).map_err(Failure::to(format!("write {}", path.display())))
    }

    fn compiles(&self, test: &Test) -> bool {
        self.cargo(test, &["--no-run"])
    }

    fn passes(&self, test: &Test) -> bool {
        self.cargo(test, &["--", "--exact", &test.name])
    }

    fn cargo(&self, test: &Test, rest: &[&str]) -> bool {
        let mut cargo = command::cargo(&self.folder, &["test", "--quiet", "--locked"]);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        cargo.args(["--package", &test.package, "--test", &test.binary]);
        cargo.args(rest).stdin(Stdio::null());
        command::succeeds(cargo)
    }
}

/// A test as cargo knows it.
struct Test {
    package: String,
    binary: String,
    name: String,
}

impl Test {
    /// Of `crates/CRATE/tests/BINARY/MODULE.rs::NAME`, or of a binary that is one file; none for
    /// tests of other languages.
    fn of(words: &str) -> Option<Self> {
        let (path, function) = words.split_once(".rs::")?;
        let rest = path.strip_prefix("crates/")?;
        let (krate, rest) = rest.split_once("/tests/")?;
        let mut parts = rest.split('/');
        let binary = parts.next()?;
        let modules: Vec<&str> = parts.chain([function]).collect();
        Some(Self {
            package: match krate {
                "wardroom" | "xtask" => krate.to_owned(),
                other => format!("wardroom-{other}"),
            },
            binary: binary.to_owned(),
            name: modules.join("::"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Test;

    #[test]
    fn a_test_is_found_by_its_file() {
        let test = Test::of("crates/wardroom/tests/stories/telegram/chat.rs::stop").unwrap();
        assert_eq!((&*test.package, &*test.binary), ("wardroom", "stories"));
        assert_eq!(test.name, "telegram::chat::stop");
        let test = Test::of("crates/store/tests/it/arrivals.rs::once").unwrap();
        assert_eq!(test.package, "wardroom-store");
        let test = Test::of("crates/simulator/tests/simulation.rs::points").unwrap();
        assert_eq!((&*test.binary, &*test.name), ("simulation", "points"));
        assert!(Test::of("tests/python/test_mcp.py::test_one").is_none());
    }
}
