//! `cargo xtask screenshots`: the pictures of the portal below `docs/screenshots`, taken by the same
//! browser test that looks at every page. Look at them before you commit them.

use crate::failure::{Failure, Outcome};
use crate::{checkout, command, web};
use std::path::Path;
use std::process::{Command, ExitCode};

const PICTURES: &str = "docs/screenshots";
const TESTS: &str = "tests/browser";

pub fn run() -> Outcome<ExitCode> {
    let root = checkout::root()?;
    web::build_if_needed(&root)?;
    for mut step in steps(&root) {
        let status = step
            .status()
            .map_err(Failure::to("start what takes the pictures"))?;
        if !status.success() {
            return Err(Failure::new("no pictures; the reason is above"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The binary, the browser's driver, and the test with the switch that makes it take pictures.
fn steps(root: &Path) -> [Command; 3] {
    let program = |name: &str, arguments: &[&str]| {
        let mut program = command::program(root, name);
        program.args(arguments);
        program
    };
    let mut looks = program("node", &["--test", "tests/browser/pages.test.mjs"]);
    looks.env("WARDROOM_SCREENSHOTS", root.join(PICTURES));
    [
        program("cargo", &["build", "-p", "wardroom"]),
        program("npm", &["ci", "--no-audit", "--no-fund", "--prefix", TESTS]),
        looks,
    ]
}
