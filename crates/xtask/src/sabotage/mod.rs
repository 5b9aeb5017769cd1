//! `cargo xtask sabotage`: breaks the promises of `docs/security/evidence.toml` one at a time, in a
//! checkout of its own, and looks whether the test of each notices.
//!
//! It builds once per claim, so it takes an hour or more, and is no part of `cargo xtask test`;
//! `cargo xtask tidy` checks each time that every sabotage can still be carried out.

mod browser;
mod workshop;

use crate::checkout;
use crate::evidence::{self, Claim};
use crate::failure::{Failure, Outcome};
use std::fmt;
use std::process::ExitCode;
use workshop::{Test, Workshop};

/// Tries every claim whose words or test contain one of `words`; all where there are none.
pub fn run(words: &[String]) -> Outcome<ExitCode> {
    let root = checkout::root()?;
    let text = checkout::read(&root, evidence::FILE)?;
    let claims = evidence::claims(&text).map_err(Failure::to("read the evidence"))?;
    let meant: Vec<&Claim> = claims
        .iter()
        .filter(|claim| is_meant(claim, words))
        .collect();
    let workshop = Workshop::open(&root)?;
    // All that is unbroken is looked at first: going back and forth would build everything twice.
    let tests = meant.iter().filter_map(|claim| Test::of(&claim.test));
    let green = workshop.green(tests.collect())?;
    let mut unnoticed = 0;
    for claim in meant {
        let verdict = match Test::of(&claim.test) {
            Some(test) if !green.contains(&test) => Verdict::RedAnyway,
            test => attempt(&workshop, claim, test.as_ref())?,
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

fn attempt(workshop: &Workshop, claim: &Claim, test: Option<&Test>) -> Outcome<Verdict> {
    let (Some(change), Some(test)) = (&claim.change, test) else {
        return Ok(Verdict::ByHand);
    };
    let sound = workshop.read(&change.file)?;
    let Some(broken) = change.apply(&sound) else {
        return Ok(Verdict::Stale);
    };
    workshop.write(&change.file, &broken)?;
    let verdict = if !workshop.builds(test) {
        Verdict::DoesNotCompile
    } else if workshop.passes(test) {
        Verdict::Unnoticed
    } else {
        Verdict::Noticed
    };
    workshop.write(&change.file, &sound)?;
    Ok(verdict)
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
