//! Where executors come from: one ephemeral sandbox per task with the runner inside.
//!
//! No sandbox, no shell: whatever is missing is an error with a sentence, never a weaker box.

use crate::Executor;
use crate::egress::{Egress, NoWayOut};
use crate::executor::shut;
use crate::level::{Reach, StandardLevel};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use wardroom_domain::PermissionLevel;
use wardroom_sandbox::egress::{Rules, Sink};
use wardroom_sandbox::volume::Volume;
use wardroom_sandbox::{
    Demands, EgressSpec, ExecHandle, ExecSpec, Limits, MalformedSpec, ReadOnlyBind, RelPath,
    SandboxId, SandboxSpec, WorkspaceMount,
};
use wardroom_sandbox::{Sandbox, SandboxError, SandboxProvider};

/// The name under which the one binary is the runner.
pub const RUNNER_NAME: &str = "wardroom-runner";
/// Where the runner stands inside.
const RUNNER_INSIDE: &str = "/run/wardroom/wardroom-runner";
/// How long the runner may take to say hello on a loaded host.
const HELLO_TIME_MAX: Duration = Duration::from_secs(30);

/// Makes executors.
#[derive(Clone)]
pub struct Hands {
    provider: Arc<dyn SandboxProvider>,
    runner: PathBuf,
    limits: Limits,
    demands: Demands,
    egress: Option<Egress>,
    standard: Arc<StandardLevel>,
}

/// What a task's executor works on.
pub struct Workbench {
    /// Names the sandbox; neutral, because it can be seen inside.
    pub id: String,
    /// The view of the workspace.
    pub mount: WorkspaceMount,
    /// Where the writable part of it lies, if that is a volume.
    pub volume: Option<Arc<Volume>>,
    /// What stays read-only in it.
    pub protected: Vec<PathBuf>,
    /// Folders of the host that are shown inside, read-only: where from, where to.
    pub shown: Vec<(PathBuf, PathBuf)>,
    /// How far its agent may go; none is not narrowed.
    pub level: Option<PermissionLevel>,
}

/// A program that is not ours and is talked to over its streams.
pub(crate) struct Service {
    /// Names its sandbox; neutral, because it can be seen inside.
    pub(crate) id: String,
    /// A folder that it may look at, as its workspace.
    pub(crate) workspace: Option<PathBuf>,
    /// Folders of the host that it sees where they are, read-only.
    pub(crate) shown: Vec<PathBuf>,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// Its variables, beside those of the sandbox.
    pub(crate) environment: Vec<(String, String)>,
}

/// The scratch space of a program that has no workspace.
const SCRATCH_BYTES: u64 = 64 * 1024 * 1024;
const SCRATCH_FILES: u64 = 16 * 1024;

/// Why there is no executor.
#[derive(Debug, thiserror::Error)]
pub enum NoHands {
    /// Less is enforced here than must be.
    #[error("{0}. `sandbox.require` in the configuration asks for it")]
    Unmet(SandboxError),
    /// The sandbox could not be made.
    #[error(transparent)]
    Sandbox(SandboxError),
    /// What was asked for cannot be a sandbox.
    #[error(transparent)]
    Malformed(#[from] MalformedSpec),
    /// The way out could not be made.
    #[error("the sandbox has no way out: {0}")]
    NoWayOut(#[from] NoWayOut),
    /// The runner inside did not come up.
    #[error("the runner did not come up in its sandbox: {0}")]
    Runner(String),
}

impl From<SandboxError> for NoHands {
    fn from(error: SandboxError) -> Self {
        match error {
            unmet @ SandboxError::Unsupported(_) => Self::Unmet(unmet),
            other => Self::Sandbox(other),
        }
    }
}

impl Hands {
    /// `runner` is the binary that is the runner under [`RUNNER_NAME`].
    pub fn new(
        provider: Arc<dyn SandboxProvider>,
        runner: PathBuf,
        limits: Limits,
        demands: Demands,
    ) -> Self {
        Self {
            provider,
            runner,
            limits,
            demands,
            egress: None,
            standard: Arc::default(),
        }
    }

    /// The same, knowing what agents of level `STANDARD` are given.
    #[must_use]
    pub fn with_standard(mut self, standard: StandardLevel) -> Self {
        self.standard = Arc::new(standard);
        self
    }

    /// What agents of level `STANDARD` are given.
    pub fn standard(&self) -> &StandardLevel {
        &self.standard
    }

    /// What must be enforced for a sandbox to be made.
    pub fn demands(&self) -> &Demands {
        &self.demands
    }

    /// The same, with a way out. Without one, or with one that leads nowhere, nothing leaves.
    #[must_use]
    pub fn with_egress(mut self, egress: Egress) -> Self {
        self.egress = Some(egress).filter(|egress| !egress.rules().allow.is_empty());
        self
    }

    /// The way out, if there is one.
    pub fn egress(&self) -> Option<&Egress> {
        self.egress.as_ref()
    }

    /// What may be reached from inside; nothing by default.
    pub fn rules(&self) -> &Rules {
        static NOTHING: LazyLock<Rules> = LazyLock::new(Rules::default);
        self.egress.as_ref().map_or(&NOTHING, Egress::rules)
    }

    /// The backend, for probing and sweeping.
    pub fn provider(&self) -> &Arc<dyn SandboxProvider> {
        &self.provider
    }

    /// Makes the sandbox, starts the runner and waits for its hello. What leaves it is told to
    /// `sink`; without one nothing leaves.
    pub async fn open(&self, bench: Workbench, sink: Option<Sink>) -> Result<Executor, NoHands> {
        let reach = Reach::of(bench.level, &self.standard, RUNNER_INSIDE);
        let egress = self.egress.as_ref().zip(sink).filter(|_| reach.leaves);
        let prepared = match &egress {
            Some((egress, _)) => Some(egress.prepare(&bench.id)?),
            None => None,
        };
        let mut spec = self.spec(bench, reach)?;
        let mut runner = ExecSpec::service([RUNNER_INSIDE]);
        if let (Some((egress, _)), Some(prepared)) = (&egress, &prepared) {
            spec.egress = EgressSpec::Proxied;
            spec.ro_binds.push(prepared.bind());
            runner.env = egress.environment();
        }
        let created = self.provider.create(spec).await?;
        let way_out = match (prepared, egress) {
            (Some(prepared), Some((_, sink))) => {
                Some(prepared.start(created.egress, sink, shut())?)
            }
            _ => None,
        };
        let exec = created.sandbox.exec(runner).await?;
        let mut executor =
            Executor::new(created.sandbox, exec, way_out).map_err(NoHands::Runner)?;
        match tokio::time::timeout(HELLO_TIME_MAX, executor.hello()).await {
            Ok(Ok(())) => Ok(executor),
            Ok(Err(fault)) => Err(NoHands::Runner(fault.to_string())),
            Err(_) => Err(NoHands::Runner(format!(
                "no word within {HELLO_TIME_MAX:?}"
            ))),
        }
    }

    /// The binary that is the runner, and the leash.
    pub(crate) fn runner(&self) -> &Path {
        &self.runner
    }

    /// Runs a program in a sandbox of its own, without a network.
    pub(crate) async fn serve(
        &self,
        service: Service,
    ) -> Result<(Arc<dyn Sandbox>, ExecHandle), NoHands> {
        let mount = match service.workspace {
            Some(dir) => WorkspaceMount::Bind {
                dir,
                read_only: true,
            },
            None => WorkspaceMount::Scratch {
                bytes: SCRATCH_BYTES,
                inodes: SCRATCH_FILES,
            },
        };
        let mut spec = SandboxSpec::new(SandboxId::parse(service.id)?, mount);
        spec.limits = self.limits;
        spec.demands = self.demands;
        for folder in service.shown {
            spec.ro_binds.push(ReadOnlyBind {
                host: folder.clone(),
                inside: folder,
            });
        }
        let created = self.provider.create(spec).await?;
        let mut exec = ExecSpec::service(service.argv);
        exec.env = service
            .environment
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        let handle = created.sandbox.exec(exec).await?;
        Ok((created.sandbox, handle))
    }

    fn spec(&self, bench: Workbench, reach: Reach) -> Result<SandboxSpec, MalformedSpec> {
        let mut spec = SandboxSpec::new(SandboxId::parse(bench.id)?, bench.mount);
        spec.volume = bench.volume;
        spec.limits = self.limits;
        spec.demands = self.demands;
        spec.rights = reach.rights;
        spec.ro_binds.extend(reach.shown);
        for path in bench.protected {
            spec.protected.push(RelPath::parse(path)?);
        }
        for (host, inside) in bench.shown {
            spec.ro_binds.push(ReadOnlyBind { host, inside });
        }
        spec.ro_binds.push(ReadOnlyBind {
            host: self.runner.clone(),
            inside: RUNNER_INSIDE.into(),
        });
        Ok(spec)
    }
}
