//! `wardroom sandbox`: the default sandbox by hand.

use crate::failure::{Exit, Failure};
use crate::machine::{self, block_on};
use crate::place::Place;
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use wardroom_sandbox::{
    DestroyReason, ExecHandle, ExecSpec, Outcome, Output, OutputCap, Sandbox as Confined,
    SandboxError, SandboxId, SandboxSpec, WorkspaceMount,
};
use wardroom_server::config::Config;
use wardroom_server::confinement;

/// What a scratch workspace may hold: enough for a build, and memory of the host.
const SCRATCH_BYTES: u64 = 256 * 1024 * 1024;
/// As many files as a checkout of a large project has.
const SCRATCH_INODES: u64 = 65_536;

/// Use the default sandbox by hand
#[derive(Debug, Subcommand)]
pub enum Sandbox {
    Run(Run),
}

/// Run one command in a sandbox without a network
#[derive(Debug, Args)]
pub struct Run {
    /// Show this folder inside as /workspace, read-only [default: an empty folder in memory]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Let the command reach this host
    #[arg(long, value_name = "DOMAIN")]
    allow: Vec<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Sandbox {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let Self::Run(run) = self;
        if !run.allow.is_empty() {
            return Err(Failure::new(
                "this version lets nothing out of a sandbox that is run by hand",
                "Leave --allow out.",
            ));
        }
        let config = place.config()?;
        block_on(run.run(&config))
    }
}

impl Run {
    async fn run(self, config: &Config) -> Result<Exit, Failure> {
        let sandbox = make(config, self.workspace).await?;
        let spec = ExecSpec {
            timeout: Some(Duration::from_secs(config.sandbox.wall_time_max_s)),
            // A person reads along, so nothing is kept and nothing has to be bounded.
            stdout_cap: OutputCap::Unlimited,
            stderr_cap: OutputCap::Unlimited,
            ..ExecSpec::new(self.command)
        };
        let handle = sandbox.exec(spec).await?;
        let outcome = stream(handle).await?;
        sandbox.destroy(DestroyReason::Finished).await?;
        Ok(tell(outcome, config))
    }
}

/// A sandbox as the configuration has it.
pub async fn make(
    config: &Config,
    workspace: Option<PathBuf>,
) -> Result<Arc<dyn Confined>, Failure> {
    let workspace = match workspace {
        Some(dir) => WorkspaceMount::Bind {
            dir: absolute(&dir)?,
            read_only: true,
        },
        None => WorkspaceMount::Scratch {
            bytes: SCRATCH_BYTES,
            inodes: SCRATCH_INODES,
        },
    };
    let id = SandboxId::parse(format!("hand-{:x}", machine::chance()?))
        .map_err(|error| Failure::new(error.to_string(), ""))?;
    let mut spec = SandboxSpec::new(id, workspace);
    spec.limits = confinement::limits(config);
    spec.demands = confinement::demands(config);
    Ok(confinement::provider(config).create(spec).await?.sandbox)
}

fn absolute(dir: &std::path::Path) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(dir).map_err(|error| {
        let sentence = format!("the folder {} cannot be opened", dir.display());
        Failure::caused(
            sentence,
            &error,
            "Name a folder that is there with --workspace DIR.",
        )
    })
}

/// Passes the command's output on as it comes.
async fn stream(mut handle: ExecHandle) -> Result<Outcome, Failure> {
    let (out, err) = (handle.stdout.take(), handle.stderr.take());
    let copied = tokio::try_join!(
        pass(out, tokio::io::stdout()),
        pass(err, tokio::io::stderr()),
    );
    copied.map_err(|error| Failure::caused("the output cannot be passed on", &error, ""))?;
    Ok(handle.wait().await.outcome)
}

async fn pass(
    from: Option<Output>,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) -> std::io::Result<()> {
    if let Some(mut from) = from {
        tokio::io::copy(&mut from, &mut to).await?;
        to.flush().await?;
    }
    Ok(())
}

fn tell(outcome: Outcome, config: &Config) -> Exit {
    let why = match outcome {
        Outcome::Exited(0) => return Exit::Done,
        Outcome::Exited(code) => format!("The command ended with status {code}."),
        Outcome::Signaled(signal) => format!("The command was ended by signal {signal}."),
        Outcome::TimedOut => format!(
            "The command took longer than {} s and was stopped.",
            config.sandbox.wall_time_max_s
        ),
        Outcome::OutOfMemory => format!(
            "The command used more than {} MiB of memory and was stopped.",
            config.sandbox.memory_max_mib
        ),
        Outcome::OutOfSpace => format!(
            "The command wrote more than {} MiB or {} files and was stopped.",
            config.sandbox.disk_max_mib, config.sandbox.files_max
        ),
        Outcome::OutputCapped => "The command said too much and was stopped.".to_owned(),
        Outcome::Cancelled => "The command was stopped.".to_owned(),
        Outcome::Lost => "The sandbox ended under the command.".to_owned(),
    };
    anstream::eprintln!("{why}");
    Exit::Refused
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        Failure::new(
            error.to_string(),
            "`wardroom doctor sandbox` says what works here.",
        )
    }
}
