//! `cargo xtask deny`: licences, bans, sources and advisories of every dependency, by cargo-deny.

use crate::failure::{Failure, Outcome};
use crate::{checkout, command};
use std::path::Path;
use std::process::ExitCode;

pub fn run() -> Outcome<ExitCode> {
    let root = checkout::root()?;
    if !command::succeeds(command::cargo(&root, &["deny", "--version"])) {
        return Err(Failure::new(
            "cargo-deny is not installed; install it with `cargo install --locked cargo-deny`",
        ));
    }
    let mut is_clean = check(&root, &["bans", "licenses", "sources"])?;
    if command::succeeds(command::cargo(&root, &["deny", "fetch", "db"])) {
        is_clean &= check(&root, &["advisories"])?;
    } else {
        println!("advisories not checked: their database cannot be reached from here");
    }
    Ok(if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check(root: &Path, subjects: &[&str]) -> Outcome<bool> {
    let status = command::cargo(root, &["deny", "check"])
        .args(subjects)
        .status()
        .map_err(Failure::to("start cargo-deny"))?;
    Ok(status.success())
}
