//! `cargo xtask web`: the portal's files, from `web/` to `web/dist/portal`, where the build of the
//! server finds them.

use crate::checkout;
use crate::command;
use crate::failure::{Failure, Outcome};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

const FOLDER: &str = "web";
const BUILT: &str = "web/dist/portal/index.html";
/// What the portal is made of; its types stand below `src`, made from the API document.
const SOURCES: &[&str] = &[
    "web/src",
    "web/public",
    "web/index.html",
    "web/package-lock.json",
    "web/vite.config.ts",
    "web/svelte.config.js",
];

pub fn run() -> Outcome<ExitCode> {
    let root = checkout::root()?;
    for mut step in steps(&root) {
        let status = step.status().map_err(Failure::to("start npm"))?;
        if !status.success() {
            return Err(Failure::new(
                "the portal was not built; the reason is above",
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the portal where it is missing or older than its sources. A machine without Node gets a
/// server without the portal, and is told so.
pub fn build_if_needed(root: &Path) -> Outcome<()> {
    if is_fresh(root) {
        return Ok(());
    }
    if !has_node(root) {
        eprintln!(
            "The portal is not built: that needs Node 20 or later and npm. Everything else runs; \
             on Debian: sudo apt-get install -y nodejs npm"
        );
        return Ok(());
    }
    eprintln!("Building the portal.");
    run().map(|_| ())
}

/// The commands that build the portal, in order.
pub fn steps(root: &Path) -> Vec<Command> {
    let npm = |arguments: &[&str]| {
        let mut npm = command::program(root, "npm");
        npm.args(["--prefix", FOLDER]).args(arguments);
        npm
    };
    let mut steps = Vec::new();
    if !is_installed(root) {
        steps.push(npm(&["ci", "--no-audit", "--no-fund"]));
    }
    steps.push(npm(&["run", "--silent", "build"]));
    steps
}

fn is_installed(root: &Path) -> bool {
    let lock = changed(&root.join("web/package-lock.json"));
    changed(&root.join("web/node_modules/.package-lock.json")) >= lock
}

fn has_node(root: &Path) -> bool {
    let mut node = command::program(root, "node");
    node.args([
        "-e",
        "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)",
    ]);
    let mut npm = command::program(root, "npm");
    npm.arg("--version");
    command::succeeds(node) && command::succeeds(npm)
}

fn is_fresh(root: &Path) -> bool {
    let built = changed(&root.join(BUILT));
    let newest = SOURCES
        .iter()
        .filter_map(|source| newest(root.join(source)))
        .max();
    built.is_some() && built >= newest
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// When a file, or the newest file of a folder, was changed.
fn newest(path: PathBuf) -> Option<SystemTime> {
    if !path.is_dir() {
        return changed(&path);
    }
    let entries = fs::read_dir(&path).ok()?;
    entries.filter_map(|entry| newest(entry.ok()?.path())).max()
}
