//! One run of the test command: where it works, and how it calls programs.

use super::servers::{Bucket, Postgres};
use super::skips;
use crate::checkout::{self, Metadata};
use crate::command::{self, Report};
use crate::failure::{Failure, Outcome};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How much of a failed stage's output the terminal sees.
const TAIL_LINES: usize = 120;

pub struct Session {
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    /// Where this run keeps its logs.
    pub folder: PathBuf,
    /// The stage that is running.
    pub stage: &'static str,
    /// The interpreter with the packages of `tests/python`; none where it cannot be had.
    pub python: Option<PathBuf>,
    /// Whether there is a browser, and Node to drive it.
    pub has_browser: bool,
    /// A database server; none where it cannot be had.
    pub postgres: Option<Postgres>,
    /// An S3 service; none where it cannot be had.
    pub bucket: Option<Bucket>,
    /// Tests that passed at the second attempt only.
    pub flaky: Vec<String>,
}

/// What came of a stage.
pub struct Verdict {
    pub passed: usize,
    pub failed: usize,
    /// What to show if something failed.
    pub tail: Vec<String>,
}

impl Verdict {
    /// A stage without tests of its own that found nothing wrong.
    pub fn passed() -> Self {
        Self {
            passed: 1,
            failed: 0,
            tail: Vec::new(),
        }
    }

    /// A stage that cannot run here; its skip is noted elsewhere.
    pub fn skipped() -> Self {
        Self {
            passed: 0,
            failed: 0,
            tail: Vec::new(),
        }
    }

    /// A stage without tests of its own counts as one.
    pub fn of(report: &Report) -> Self {
        Self::counted(
            report,
            usize::from(report.succeeded),
            usize::from(!report.succeeded),
        )
    }

    /// A runner that fails although no test did has failed once.
    pub fn counted(report: &Report, passed: usize, failed: usize) -> Self {
        let failed = if report.succeeded {
            failed
        } else {
            failed.max(1)
        };
        let start = report.lines.len().saturating_sub(TAIL_LINES);
        Self {
            passed,
            failed,
            tail: report.lines[start..].to_vec(),
        }
    }

    /// The stage itself could not be carried out.
    pub fn broken(failure: &Failure) -> Self {
        Self {
            passed: 0,
            failed: 1,
            tail: vec![failure.to_string()],
        }
    }
}

impl Session {
    /// Starts with empty logs and no skips.
    pub fn open() -> Outcome<Self> {
        let root = checkout::root()?;
        let target = Metadata::ask(&root)?.target;
        let folder = target.join("test");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Failure::to("clear the old logs"))?;
        }
        fs::create_dir_all(&folder).map_err(Failure::to("make a folder for logs"))?;
        Ok(Self {
            root,
            target,
            folder,
            stage: "",
            python: None,
            has_browser: false,
            postgres: None,
            bucket: None,
            flaky: Vec::new(),
        })
    }

    /// Whether there is what a test needs: `PostgreSQL, Redis`, or nothing.
    pub fn has(&self, needs: &str) -> bool {
        let mut needs = needs.split(", ").filter(|need| !need.is_empty());
        needs.all(|need| match need {
            "PostgreSQL" => self.postgres.is_some(),
            "S3" => self.bucket.is_some(),
            "Redis" => Path::new("/usr/bin/redis-server").exists(),
            _ => false,
        })
    }

    /// Stops the servers of this run.
    pub fn close(&mut self) {
        if let Some(postgres) = self.postgres.take() {
            postgres.stop(self);
        }
        if let Some(bucket) = self.bucket.take() {
            bucket.stop();
        }
    }

    /// The binary that tests start.
    pub fn binary(&self) -> PathBuf {
        self.target.join("debug/wardroom")
    }

    /// The file to which tests append what they skip.
    pub fn skips(&self) -> PathBuf {
        self.folder.join(skips::NOTES)
    }

    /// A cargo command. Incremental compilation is of no use on a fresh machine and costs disk.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        self.prepared(command::cargo(&self.root, arguments))
    }

    /// Another program.
    pub fn program(&self, path: &Path) -> Command {
        self.prepared(command::program(&self.root, &path.to_string_lossy()))
    }

    /// What a person has set for a Wardroom of his own must not reach the tests.
    fn prepared(&self, mut command: Command) -> Command {
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("WARDROOM_") {
                command.env_remove(&variable);
            }
        }
        command
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TERM_COLOR", "never")
            .env("WARDROOM_BIN", self.binary())
            .env("WARDROOM_SKIPS", self.skips());
        if let Some(postgres) = &self.postgres {
            command.env("WARDROOM_TEST_POSTGRES", postgres.url());
        }
        if let Some(bucket) = &self.bucket {
            command.env("WARDROOM_TEST_S3", bucket.url());
        }
        command
    }

    /// Runs a command into the stage's log.
    pub fn record(&self, command: &mut Command) -> Outcome<Report> {
        command::record(command, &mut self.log()?)
    }

    /// Where a stage keeps all that it printed.
    pub fn log_path(&self, stage: &str) -> PathBuf {
        self.folder.join(format!("{}.log", stage.replace(' ', "-")))
    }

    fn log(&self) -> Outcome<File> {
        let path = self.log_path(self.stage);
        let options = OpenOptions::new().create(true).append(true).open(&path);
        options.map_err(Failure::to(format!("open {}", path.display())))
    }
}
