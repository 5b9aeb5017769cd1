//! `cargo xtask bench`: a release build, and what it takes to run it.

use crate::checkout::Metadata;
use crate::failure::{Failure, Outcome};
use crate::{checkout, command};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Builds the product and its measure in the release profile, and measures. `--clean` first builds
/// the product alone from nothing, in a folder of its own, and says how long that took.
pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let root = checkout::root()?;
    let target = Metadata::ask(&root)?.target;
    let mut only = arguments.iter().filter(|argument| *argument != "--clean");
    if arguments.iter().any(|argument| argument == "--clean") {
        time_clean_build(&root, &target.join("clean"))?;
    }
    build(&root, &target, &["wardroom", "wardroom-bench"])?;
    let folder = target.join("release");
    let mut bench = command::program(&root, &folder.join("wardroom-bench").to_string_lossy());
    bench.arg(folder.join("wardroom")).args(only.next());
    let status = bench.status().map_err(Failure::to("start the bench"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn time_clean_build(root: &Path, folder: &PathBuf) -> Outcome<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .map_err(Failure::to(format!("empty {}", folder.display())))?;
    }
    let started = Instant::now();
    build(root, folder, &["wardroom"])?;
    let seconds = started.elapsed().as_secs();
    println!(
        "a clean release build took {} min {} s\n",
        seconds / 60,
        seconds % 60
    );
    Ok(())
}

fn build(root: &Path, target: &Path, packages: &[&str]) -> Outcome<()> {
    let mut cargo = command::cargo(root, &["build", "--release", "--locked", "--bins"]);
    cargo.env("CARGO_TARGET_DIR", target);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let status = cargo.status().map_err(Failure::to("start cargo"))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new("the build failed; the reason is above")),
    }
}
