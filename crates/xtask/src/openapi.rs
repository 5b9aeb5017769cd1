//! `cargo xtask openapi`: the committed API document, written from the code.

use crate::failure::{Failure, Outcome};
use crate::{checkout, command, up};
use std::fs;
use std::process::ExitCode;

const DOCUMENT: &str = "crates/api/openapi.json";

pub fn run() -> Outcome<ExitCode> {
    let root = checkout::root()?;
    let binary = up::build(&root)?;
    let document =
        command::answer(command::program(&root, &binary.to_string_lossy()).arg("openapi"))?;
    let before = fs::read_to_string(root.join(DOCUMENT)).unwrap_or_default();
    if before == document {
        println!("{DOCUMENT} is up to date");
    } else {
        fs::write(root.join(DOCUMENT), document)
            .map_err(Failure::to(format!("write {DOCUMENT}")))?;
        println!("{DOCUMENT} written; read the difference before you commit it");
    }
    Ok(ExitCode::SUCCESS)
}
