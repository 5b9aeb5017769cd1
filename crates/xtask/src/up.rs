//! `cargo xtask up`: from a clone to a running Wardroom.

use crate::checkout::{self, Metadata};
use crate::command;
use crate::failure::{Failure, Outcome};
use crate::web;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Builds the binary in the quick profile and becomes it, so that signals reach it directly.
pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let root = checkout::root()?;
    web::build_if_needed(&root)?;
    let binary = build(&root)?;
    let mut wardroom = command::program(&root, &binary.to_string_lossy());
    // Paths among the arguments are meant from where the person stands.
    wardroom.current_dir(".").arg("up").args(arguments);
    let cause = wardroom.exec();
    Err(Failure::new(format!(
        "could not start {}: {cause}",
        binary.display()
    )))
}

/// Builds every binary and answers where `wardroom` lies. Always the whole workspace: building one
/// package alone resolves other features and compiles shared dependencies twice.
pub fn build(root: &Path) -> Outcome<PathBuf> {
    let status = command::cargo(root, &["build", "--workspace", "--bins", "--locked"])
        .status()
        .map_err(Failure::to("start cargo"))?;
    if !status.success() {
        return Err(Failure::new("the build failed; the reason is above"));
    }
    Ok(Metadata::ask(root)?.target.join("debug/wardroom"))
}
