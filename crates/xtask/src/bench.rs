//! `cargo xtask bench`: a release build, and what it takes to run it.

use crate::checkout::Metadata;
use crate::failure::{Failure, Outcome};
use crate::{checkout, command};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The group of rows about sandboxes.
const SANDBOX: &str = "sandbox";

/// Builds the product and its measure in the release profile, and measures. `--clean` first builds
/// the product alone from nothing, in a folder of its own, and says how long that took.
pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let root = checkout::root()?;
    let target = Metadata::ask(&root)?.target;
    let mut only = arguments.iter().filter(|argument| *argument != "--clean");
    if arguments.iter().any(|argument| argument == "--clean") {
        time_clean_build(&root, &target.join("clean"))?;
    }
    let only = only.next().map(String::as_str);
    let folder = target.join("release");
    let mut all_well = true;
    if only != Some(SANDBOX) {
        build(&root, &target, &["wardroom", "wardroom-bench"])?;
        let mut bench = command::program(&root, &folder.join("wardroom-bench").to_string_lossy());
        bench.arg(folder.join("wardroom")).args(only);
        all_well &= ends_well(&mut bench)?;
    }
    if only.is_none_or(|only| only == SANDBOX) {
        build_latency(&root, &target)?;
        let latency = folder.join("examples/latency");
        all_well &= ends_well(&mut command::program(&root, &latency.to_string_lossy()))?;
    }
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn ends_well(bench: &mut Command) -> Outcome<bool> {
    let status = bench.status().map_err(Failure::to("start the bench"))?;
    Ok(status.success())
}

/// What a sandbox costs is measured without a server around it.
fn build_latency(root: &Path, target: &Path) -> Outcome<()> {
    let arguments = [
        "build",
        "--release",
        "--locked",
        "--package",
        "wardroom-sandbox",
        "--example",
        "latency",
    ];
    let mut cargo = command::cargo(root, &arguments);
    succeed(cargo.env("CARGO_TARGET_DIR", target))
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
    succeed(&mut cargo)
}

fn succeed(cargo: &mut Command) -> Outcome<()> {
    let status = cargo.status().map_err(Failure::to("start cargo"))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new("the build failed; the reason is above")),
    }
}
