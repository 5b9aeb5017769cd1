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
use wardroom_executors::{Egress, NoWayOut, WayOut};
use wardroom_sandbox::egress::{Decision, MalformedRule, Roots, Rules, Scope, Verdict};
use wardroom_sandbox::{
    DestroyReason, EgressSpec, ExecHandle, ExecSpec, Outcome, Output, OutputCap,
    Sandbox as Confined, SandboxError, SandboxId, SandboxSpec, WorkspaceMount,
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

/// Run one command in a sandbox, without a network or with the hosts that are named
#[derive(Debug, Args)]
pub struct Run {
    /// Show this folder inside as /workspace, read-only [default: an empty folder in memory]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Let the command reach this host: `example.com`, `*.example.com`, `example.com:8443`
    #[arg(long, value_name = "DOMAIN")]
    allow: Vec<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Sandbox {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let Self::Run(run) = self;
        let config = place.config()?;
        block_on(run.run(&config))
    }
}

impl Run {
    async fn run(self, config: &Config) -> Result<Exit, Failure> {
        let rules = self.rules(config)?;
        let made = make_with(config, self.workspace, rules).await?;
        let spec = ExecSpec {
            env: made.environment,
            timeout: Some(Duration::from_secs(config.sandbox.wall_time_max_s)),
            // A person reads along, so nothing is kept and nothing has to be bounded.
            stdout_cap: OutputCap::Unlimited,
            stderr_cap: OutputCap::Unlimited,
            ..ExecSpec::new(self.command)
        };
        let handle = made.sandbox.exec(spec).await?;
        let outcome = stream(handle).await?;
        made.sandbox.destroy(DestroyReason::Finished).await?;
        if let Some(way_out) = made.way_out {
            way_out.end().await;
        }
        Ok(tell(outcome, config))
    }

    /// What the command may reach: the hosts of the command line, private ones only where the
    /// configuration vouches for them.
    fn rules(&self, config: &Config) -> Result<Rules, Failure> {
        let allow: Result<_, MalformedRule> = self.allow.iter().map(|rule| rule.parse()).collect();
        let malformed = |error: MalformedRule| {
            Failure::usage(error.to_string(), "See `wardroom sandbox run --help`.")
        };
        Ok(Rules {
            allow: allow.map_err(malformed)?,
            allow_private: config.sandbox.allow_private.clone(),
        })
    }
}

/// A sandbox as the configuration has it, without a network.
pub async fn make(
    config: &Config,
    workspace: Option<PathBuf>,
) -> Result<Arc<dyn Confined>, Failure> {
    Ok(make_with(config, workspace, Rules::default())
        .await?
        .sandbox)
}

/// A sandbox, and its way out if it has one.
struct Made {
    sandbox: Arc<dyn Confined>,
    way_out: Option<HandWayOut>,
    environment: Vec<(String, OsString)>,
}

/// A way out whose refusals are told on stderr.
struct HandWayOut {
    open: WayOut,
    told: tokio::task::JoinHandle<()>,
    folder: PathBuf,
}

impl HandWayOut {
    /// Closes it, and says what was refused until then.
    async fn end(self) {
        drop(self.open);
        let _ = self.told.await;
        let _ = std::fs::remove_dir_all(self.folder);
    }
}

async fn tell_refusals(mut decisions: tokio::sync::mpsc::Receiver<Decision>) {
    while let Some(decision) = decisions.recv().await {
        let host = decision
            .host
            .map_or("an unnamed host".to_owned(), |host| host.to_string());
        match decision.verdict {
            Verdict::Denied(why) => anstream::eprintln!("Refused {host}: {why}."),
            Verdict::Allowed { cut: Some(why), .. } => anstream::eprintln!("Cut {host}: {why}."),
            Verdict::Allowed { cut: None, .. } => {}
        }
    }
}

/// A folder of this run alone, where nobody else can put anything before.
fn own_folder(name: &str) -> Result<PathBuf, Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = std::env::temp_dir().join(format!("wardroom-{name}"));
    let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
    let failed = |error: std::io::Error| {
        Failure::caused("no temporary folder can be made", &error, "Check TMPDIR.")
    };
    made.map_err(failed)?;
    Ok(folder)
}

async fn make_with(
    config: &Config,
    workspace: Option<PathBuf>,
    rules: Rules,
) -> Result<Made, Failure> {
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
    let name = format!("hand-{:x}", machine::chance()?);
    let id = SandboxId::parse(name.clone()).map_err(|error| Failure::new(error.to_string(), ""))?;
    let mut spec = SandboxSpec::new(id, workspace);
    spec.limits = confinement::limits(config);
    spec.demands = confinement::demands(config);
    if rules.allow.is_empty() {
        return Ok(Made {
            sandbox: confinement::provider(config).create(spec).await?.sandbox,
            way_out: None,
            environment: Vec::new(),
        });
    }
    open(config, spec, rules, &name).await
}

/// The same road that tasks have, for one command of a person.
async fn open(
    config: &Config,
    mut spec: SandboxSpec,
    rules: Rules,
    name: &str,
) -> Result<Made, Failure> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let roots = Roots::of_this_machine(named.as_deref()).map_err(|error| {
        Failure::caused(
            "SSL_CERT_FILE cannot be read",
            &error,
            "Mend the variable, or unset it.",
        )
    })?;
    let folder = own_folder(name)?;
    let egress = Egress::new(rules, roots, folder.clone());
    let prepared = egress.prepare(name)?;
    spec.egress = EgressSpec::Proxied;
    spec.ro_binds.push(prepared.bind());
    let created = confinement::provider(config).create(spec).await?;
    let (sink, decisions) = tokio::sync::mpsc::channel(egress.sink_places());
    let told = tokio::spawn(tell_refusals(decisions));
    let way_out = prepared.start(created.egress, sink, Scope::default())?;
    Ok(Made {
        sandbox: created.sandbox,
        way_out: Some(HandWayOut {
            open: way_out,
            told,
            folder,
        }),
        environment: egress.environment(),
    })
}

impl From<NoWayOut> for Failure {
    fn from(error: NoWayOut) -> Self {
        Failure::new(
            error.to_string(),
            "`wardroom doctor sandbox` says what works here.",
        )
    }
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
