//! `cargo xtask agentdojo`: a public suite of attacks on agents, against the real server.
//!
//! What it needs is about 300 MiB of Python packages, so it is not part of `cargo xtask test`.

use crate::checkout::{self, Metadata};
use crate::failure::{Failure, Outcome};
use crate::{command, up};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const FOLDER: &str = "tests/agentdojo";

/// Installs what is missing, builds the product, runs the cases; arguments go to `run.py`.
pub fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let root = checkout::root()?;
    let target = Metadata::ask(&root)?.target;
    let python = environment(&root, &target.join("agentdojo"))?;
    let binary = up::build(&root)?;
    let mut cases = command::program(&root, &python.to_string_lossy());
    cases
        .env("WARDROOM_BIN", binary)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(format!("{FOLDER}/run.py"))
        .args(arguments);
    let status = cases.status().map_err(Failure::to("start the cases"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The Python environment, made anew when the requirements changed.
fn environment(root: &Path, folder: &Path) -> Outcome<PathBuf> {
    let python = folder.join("bin/python");
    let (requirements, stamp) = (
        root.join(FOLDER).join("requirements.txt"),
        folder.join("made"),
    );
    let wanted = fs::read(&requirements).map_err(Failure::to("read the requirements"))?;
    if fs::read(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    let mut make = command::program(root, "python3");
    succeed(make.args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut fill = command::program(root, &python.to_string_lossy());
    fill.args(["-m", "pip", "install", "--disable-pip-version-check"]);
    succeed(fill.arg("--requirement").arg(&requirements))?;
    fs::write(&stamp, wanted).map_err(Failure::to("note what was installed"))?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Outcome<()> {
    let status = command.status().map_err(Failure::to("start Python"))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(
            "Python could not be set up; the reason is above",
        )),
    }
}
