//! The checkout in which things may be broken, and how its tests are run.

use super::browser;
use crate::checkout::{self, Metadata};
use crate::command;
use crate::failure::{Failure, Outcome};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The package whose tests drive its binary from outside: they stay as they are, and the binary
/// alone is built anew for each sabotage.
const OUTSIDE: &str = "wardroom";

/// A checkout of the last commit where things may be broken.
pub struct Workshop {
    root: PathBuf,
    folder: PathBuf,
    target: PathBuf,
    /// Test binaries that were built before anything was broken.
    kept: PathBuf,
}

impl Workshop {
    pub fn open(root: &Path) -> Outcome<Self> {
        let place = Metadata::ask(root)?.target.join("sabotage");
        let shop = Self {
            root: root.to_owned(),
            folder: place.join("checkout"),
            target: place.join("target"),
            kept: place.join("tests"),
        };
        fs::create_dir_all(&shop.kept).map_err(Failure::to("make a folder for the checkout"))?;
        shop.remove();
        let mut add = command::program(root, "git");
        add.args(["worktree", "add", "--quiet", "--force", "--detach"]);
        command::answer(add.arg(&shop.folder))?;
        Ok(shop)
    }

    /// What an earlier run left behind is no reason to stop.
    pub fn remove(&self) {
        let mut remove = command::program(&self.root, "git");
        remove.args(["worktree", "remove", "--force"]);
        remove.arg(&self.folder);
        command::succeeds(remove);
    }

    pub fn read(&self, file: &str) -> Outcome<String> {
        checkout::read(&self.folder, file)
    }

    pub fn write(&self, file: &str, text: &str) -> Outcome<()> {
        let path = self.folder.join(file);
        fs::write(&path, text).map_err(Failure::to(format!("write {}", path.display())))
    }

    /// Those of the tests that pass as things are. Each test binary is built and run once.
    pub fn green(&self, tests: BTreeSet<Test>) -> Outcome<BTreeSet<Test>> {
        let mut binaries: BTreeMap<_, Vec<Test>> = BTreeMap::new();
        for test in tests {
            let binary = (test.package.clone(), test.binary.clone());
            binaries.entry(binary).or_default().push(test);
        }
        let mut green = BTreeSet::new();
        for tests in binaries.into_values() {
            let Some(first) = tests.first() else { continue };
            self.keep(first)?;
            let names: Vec<&str> = tests.iter().map(|test| &*test.name).collect();
            let passed = passed(&self.output_of(first, &names));
            green.extend(tests.into_iter().filter(|test| passed.contains(&test.name)));
        }
        Ok(green)
    }

    /// Whether the sabotage is one: what does not compile breaks no promise.
    pub fn builds(&self, test: &Test) -> bool {
        if test.package != OUTSIDE || test.is_in_browser() {
            return self.keep(test).is_ok();
        }
        let mut build = self.cargo(&["build", "--quiet", "--locked"]);
        build.args(["--package", OUTSIDE, "--bin", OUTSIDE]);
        command::succeeds(build)
    }

    pub fn passes(&self, test: &Test) -> bool {
        passed(&self.output_of(test, &[&test.name])).contains(&test.name)
    }

    /// Builds a test binary, and keeps it where no later build replaces it.
    fn keep(&self, test: &Test) -> Outcome<()> {
        if test.is_in_browser() {
            let server = self.cargo(&["build", "--quiet", "--locked"]);
            let is_built = browser::builds(&self.folder, server);
            return is_built.then_some(()).ok_or(Failure::new(
                "the portal, its server or its driver does not build",
            ));
        }
        let mut build = self.cargo(&["test", "--quiet", "--locked", "--no-run"]);
        build.args(["--package", &test.package, "--test", &test.binary]);
        build.args(["--message-format", "json"]);
        let told = command::answer(build.stderr(Stdio::null()))?;
        let built = told.lines().find_map(|line| executable(line, &test.binary));
        let built = built.ok_or(Failure::new("cargo does not say what it built"))?;
        let kept = self.kept(test);
        fs::copy(built, &kept)
            .map(drop)
            .map_err(Failure::to(format!("keep {}", kept.display())))
    }

    fn kept(&self, test: &Test) -> PathBuf {
        self.kept.join(format!("{}-{}", test.package, test.binary))
    }

    /// What a kept test binary prints when it runs these of its tests.
    fn output_of(&self, test: &Test, names: &[&str]) -> String {
        let name = test.package.trim_start_matches("wardroom-");
        let mut run = Command::new(self.kept(test));
        run.current_dir(self.folder.join("crates").join(name))
            .arg("--exact")
            .args(names);
        if test.is_in_browser() {
            let server = self.target.join("debug").join(OUTSIDE);
            run = browser::run(&self.folder, &server, &test.binary);
        }
        let output = run.stdin(Stdio::null()).stderr(Stdio::null()).output();
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = command::cargo(&self.folder, arguments);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        cargo.stdin(Stdio::null());
        cargo
    }
}

/// The test binary that a line of cargo's messages speaks of; it tells of the product's own, too.
fn executable(line: &str, test: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let is_test = target["name"] == test && target["kind"] == serde_json::json!(["test"]);
    message["executable"]
        .as_str()
        .filter(|_| is_test)
        .map(PathBuf::from)
}

/// The names in lines such as `test govern::bypass ... ok`, and in those of a browser's tests.
fn passed(output: &str) -> BTreeSet<String> {
    let rust = |line: &'_ str| {
        Some(
            line.strip_prefix("test ")?
                .strip_suffix(" ... ok")?
                .to_owned(),
        )
    };
    let any = |line| rust(line).or_else(|| browser::passed(line).map(str::to_owned));
    output.lines().filter_map(any).collect()
}

/// A test as cargo knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    package: String,
    binary: String,
    name: String,
}

impl Test {
    pub fn new(package: &str, binary: &str, name: &str) -> Self {
        Self {
            package: package.to_owned(),
            binary: binary.to_owned(),
            name: name.to_owned(),
        }
    }

    fn is_in_browser(&self) -> bool {
        self.package == browser::FOLDER
    }

    /// Of `crates/CRATE/tests/BINARY/MODULE.rs::NAME`, of a binary that is one file, or of the
    /// browser; none for tests of other languages.
    pub fn of(words: &str) -> Option<Self> {
        browser::of(words).or_else(|| Self::of_cargo(words))
    }

    fn of_cargo(words: &str) -> Option<Self> {
        let (path, function) = words.split_once(".rs::")?;
        let rest = path.strip_prefix("crates/")?;
        let (krate, rest) = rest.split_once("/tests/")?;
        let mut parts = rest.split('/');
        let binary = parts.next()?;
        let modules: Vec<&str> = parts.chain([function]).collect();
        Some(Self {
            package: match krate {
                "wardroom" | "xtask" => krate.to_owned(),
                other => format!("wardroom-{other}"),
            },
            binary: binary.to_owned(),
            name: modules.join("::"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Test, executable, passed};

    #[test]
    fn the_product_is_not_taken_for_a_test() {
        let line = |kind: &str, name: &str| {
            format!(
                r#"{{"target":{{"name":"{name}","kind":["{kind}"]}},"executable":"/t/{name}"}}"#
            )
        };
        assert_eq!(executable(&line("bin", "wardroom"), "stories"), None);
        let found = executable(&line("test", "stories"), "stories");
        assert_eq!(found, Some("/t/stories".into()));
    }

    #[test]
    fn what_passed_is_read_from_what_was_printed() {
        let output = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n";
        assert_eq!(passed(output).into_iter().collect::<Vec<_>>(), ["a::b"]);
    }

    #[test]
    fn a_test_is_found_by_its_file() {
        let test = Test::of("crates/wardroom/tests/stories/telegram/chat.rs::stop").unwrap();
        assert_eq!((&*test.package, &*test.binary), ("wardroom", "stories"));
        assert_eq!(test.name, "telegram::chat::stop");
        let test = Test::of("crates/store/tests/it/arrivals.rs::once").unwrap();
        assert_eq!(test.package, "wardroom-store");
        let test = Test::of("crates/simulator/tests/simulation.rs::points").unwrap();
        assert_eq!((&*test.binary, &*test.name), ("simulation", "points"));
        assert!(Test::of("tests/python/test_mcp.py::test_one").is_none());
    }
}
