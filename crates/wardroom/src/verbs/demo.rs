//! `wardroom demo`: the whole loop in a minute, with no key and no network, in a folder of its own.

use super::up::startup;
use crate::chat::{Decider, Session};
use crate::failure::{Exit, Failure};
use crate::office::open_to_read;
use crate::place::Place;
use crate::terminal::{Input, is_interactive, style};
use clap::Args;
use std::path::Path;
use tokio::sync::oneshot;
use wardroom_server::config::Config;
use wardroom_store::AuditVerifier;

/// What lies in the demo's folder: a small project, and what was left lying about in it.
const FILES: &[(&str, &str)] = &[
    (
        "README.md",
        "# Harbour\n\nA list of ships and when they come in.\n",
    ),
    (
        "ships.csv",
        "name,from,tons\nAurora,Bergen,1200\nPetrel,Cork,800\nMaria,Porto,2100\n",
    ),
    (
        "src/arrivals.py",
        "import csv\n\n\ndef arrivals(path):\n    with open(path) as file:\n        return list(csv.DictReader(file))\n",
    ),
    (
        "notes/todo.txt",
        "TODO: sort the ships by tonnage\nTODO: write to the pilot\n",
    ),
    ("ships.csv.bak", "name,from,tons\nAurora,Bergen,1100\n"),
    ("src/arrivals.py~", "import csv\n"),
    ("cache.tmp", "left over from yesterday\n"),
];
/// What the person says.
const WISH: &str = "tidy this folder";

/// See the whole loop in a minute: no key, no network, a folder of its own
#[derive(Debug, Args)]
pub struct Demo {
    /// Say yes to the question
    #[arg(long)]
    yes: bool,
}

impl Demo {
    pub fn run(self) -> Result<Exit, Failure> {
        if !self.yes && !is_interactive() {
            return Err(Failure::new(
                "the demo asks a question, and nobody sits here to answer it",
                "Run `wardroom demo --yes`.",
            ));
        }
        let stage = Stage::set()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| {
            Failure::caused(
                "the system gives no more resources",
                &error,
                "Close something and retry.",
            )
        })?;
        let exit = runtime.block_on(self.play(&stage));
        runtime.shutdown_background();
        exit
    }

    async fn play(&self, stage: &Stage) -> Result<Exit, Failure> {
        let config = Config {
            server: wardroom_server::config::ServerSettings {
                listen: ([127, 0, 0, 1], 0).into(),
            },
            ..Config::load(&stage.place.data_dir, None, std::iter::empty())?
        };
        let (ready_sender, ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = wardroom_server::run(
            startup(config.clone())?,
            move |_| {
                let _ = ready_sender.send(());
            },
            async move { drop(stopped.await) },
        );
        let server = tokio::spawn(server);
        if ready.await.is_err() {
            // It ended before it was ready, so it has a reason.
            return match server.await {
                Ok(Err(error)) => Err(error.into()),
                _ => Err(Failure::new("the server ended before it was ready", "")),
            };
        }
        let exit = self.talk(stage).await;
        drop(stop);
        if let Ok(Err(error)) = server.await {
            return Err(error.into());
        }
        let exit = exit?;
        verify(&config)?;
        Ok(exit)
    }

    async fn talk(&self, stage: &Stage) -> Result<Exit, Failure> {
        say(&format!(
            "A folder for the demo, with leftovers in it: {}",
            stage.folder().display()
        ));
        say(&listing(&stage.folder()));
        let client = stage.place.client()?;
        let workspace = super::task::open_workspace(&client, &stage.folder()).await?;
        let decider = match self.yes {
            true => Decider::AlwaysYes,
            false => Decider::Person(Input::start(None)?),
        };
        let mut session = Session::new(client, Some(workspace), decider, false);
        let head = style::HEAD;
        anstream::eprintln!("\n{head}you>{head:#} {WISH}");
        let exit = session.once(WISH, false).await?;
        say("\nThe folder now:");
        say(&listing(&stage.folder()));
        Ok(exit)
    }
}

/// Where the demo plays. It goes when it is dropped.
struct Stage {
    dir: tempfile::TempDir,
    place: Place,
}

impl Stage {
    fn set() -> Result<Self, Failure> {
        let unset = |error: std::io::Error| {
            Failure::caused(
                "the demo's folder cannot be made",
                &error,
                "Set TMPDIR to a folder of yours.",
            )
        };
        let dir = tempfile::Builder::new()
            .prefix("wardroom-demo-")
            .tempdir()
            .map_err(unset)?;
        let stage = Self {
            place: Place::apart(dir.path().join("data")),
            dir,
        };
        for (name, text) in FILES {
            let path = stage.folder().join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(unset)?;
            std::fs::write(path, text).map_err(unset)?;
        }
        Ok(stage)
    }

    fn folder(&self) -> std::path::PathBuf {
        self.dir.path().join("harbour")
    }
}

fn say(text: &str) {
    let faint = style::FAINT;
    anstream::eprintln!("{faint}{text}{faint:#}");
}

/// Every file below a folder, one line each.
fn listing(dir: &Path) -> String {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => files.push(format!(
                    "  {}",
                    path.strip_prefix(dir).unwrap_or(&path).display()
                )),
            }
        }
    }
    files.sort();
    files.join("\n")
}

/// The record of what just happened is checked, as anybody could.
fn verify(config: &Config) -> Result<(), Failure> {
    let verifier = AuditVerifier::load(&config.audit_key_path().with_extension("pub"))?;
    let report = open_to_read(config)?.audit_verify(&verifier)?;
    match report.first_bad {
        None => {
            let good = style::GOOD;
            anstream::eprintln!(
                "\n{good}The audit log is intact{good:#}: {} events in {} chains, signed {} times.",
                report.events,
                report.chains,
                report.anchors
            );
            Ok(())
        }
        Some(bad) => Err(Failure::new(format!("the audit log is broken: {bad}"), "")),
    }
}
