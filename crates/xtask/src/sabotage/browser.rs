//! The tests of the portal in a browser: a file of them runs as a whole, because they build on each
//! other, over a portal and a server that are built with the sabotage.

use super::workshop::Test;
use crate::{command, web};
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the tests of the browser stand.
pub const FOLDER: &str = "tests/browser";

/// Of `tests/browser/FILE.test.mjs::NAME`.
pub fn of(words: &str) -> Option<Test> {
    let (file, name) = words.split_once("::")?;
    let is_ours = file.starts_with(FOLDER) && file.ends_with(".test.mjs");
    is_ours.then(|| Test::new(FOLDER, file, name))
}

/// Builds the portal, the server that takes it in, and fetches the driver of the browser.
pub fn builds(folder: &Path, mut server: Command) -> bool {
    server.args(["--package", "wardroom", "--bin", "wardroom"]);
    let mut driver = command::program(folder, "npm");
    driver.args(["ci", "--no-audit", "--no-fund", "--prefix", FOLDER]);
    let mut steps = web::steps(folder);
    steps.extend([server, driver]);
    steps.into_iter().all(command::succeeds)
}

/// The runner's protocol over all tests of a file.
pub fn run(folder: &Path, binary: &Path, file: &str) -> Command {
    let mut node = command::program(folder, "node");
    node.args(["--test", "--test-reporter", "tap", file]);
    node.env("WARDROOM_BIN", binary).stdin(Stdio::null());
    node
}

/// The name in a line such as `ok 3 - text stays text`.
pub fn passed(line: &str) -> Option<&str> {
    Some(line.strip_prefix("ok ")?.split_once(" - ")?.1)
}

#[cfg(test)]
mod tests {
    use super::{of, passed};

    #[test]
    fn a_test_of_the_browser_is_known_by_its_file() {
        assert!(of("tests/browser/chat.test.mjs::text stays text").is_some());
        assert!(of("crates/store/tests/it/arrivals.rs::once").is_none());
    }

    #[test]
    fn what_passed_is_read_from_the_protocol() {
        assert_eq!(passed("ok 3 - text stays text"), Some("text stays text"));
        assert_eq!(passed("not ok 3 - text stays text"), None);
        assert_eq!(passed("# Subtest: text stays text"), None);
    }
}
