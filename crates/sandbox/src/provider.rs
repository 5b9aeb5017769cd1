//! The doors of every backend: a provider makes sandboxes, a sandbox runs commands.

use crate::capability::{Capabilities, Shortfall};
use crate::spec::{EgressListeners, ExecSpec, MalformedSpec, SandboxId, SandboxSpec, TerminalSize};
use async_trait::async_trait;
use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Makes sandboxes by one means: namespaces, containers, pods.
#[async_trait]
pub trait SandboxProvider: Send + Sync {
    fn name(&self) -> &'static str;

    /// What is enforced here, found by really trying it in a sandbox; cached.
    async fn probe(&self) -> Result<Capabilities, SandboxError>;

    async fn create(&self, spec: SandboxSpec) -> Result<Created, SandboxError>;

    /// Removes what earlier processes left behind, except for `live`.
    async fn sweep(&self, live: &HashSet<SandboxId>) -> Result<SweepReport, SandboxError>;
}

/// A sandbox that is ready for commands.
pub struct Created {
    pub sandbox: Arc<dyn Sandbox>,
    /// Present if the specification asked for an egress.
    pub egress: Option<EgressListeners>,
}

/// One sandbox. Dropping the last handle destroys it.
#[async_trait]
pub trait Sandbox: Send + Sync {
    fn id(&self) -> &SandboxId;

    async fn exec(&self, spec: ExecSpec) -> Result<ExecHandle, SandboxError>;

    async fn usage(&self) -> Result<Usage, SandboxError>;

    /// Stops every process that is inside now, or lets them go on. A command started
    /// meanwhile runs.
    async fn freeze(&self, on: bool) -> Result<(), SandboxError>;

    /// Kills everything inside and returns when nothing is left. May be called again.
    async fn destroy(&self, why: DestroyReason) -> Result<Teardown, SandboxError>;
}

pub type Input = Pin<Box<dyn AsyncWrite + Send + Sync>>;
pub type Output = Pin<Box<dyn AsyncRead + Send + Sync>>;

/// A command that runs. Dropping the handle kills the command.
pub struct ExecHandle {
    /// Present with `Stdin::Piped` or a terminal; dropping it is the end of the input.
    pub stdin: Option<Input>,
    /// Reading slowly makes the command wait: nothing is buffered here.
    pub stdout: Option<Output>,
    /// Absent with a terminal.
    pub stderr: Option<Output>,
    pub control: Box<dyn ExecControl>,
}

#[async_trait]
pub trait ExecControl: Send + Sync {
    /// Waits for the end. May be called again; the report stays the same.
    async fn wait(&self) -> ExecReport;

    /// Kills the command and whatever it started.
    fn kill(&self);

    /// Sends a signal to the command's process group.
    fn signal(&self, signal: i32);

    fn resize(&self, size: TerminalSize) -> io::Result<()>;
}

impl ExecHandle {
    pub async fn wait(&self) -> ExecReport {
        self.control.wait().await
    }

    pub fn kill(&self) {
        self.control.kill();
    }

    /// Reads both outputs to their end and waits. The caps of the specification bound the
    /// memory; `Unlimited` bounds nothing.
    pub async fn collect(mut self) -> io::Result<ExecOutput> {
        self.stdin = None;
        let (out, err) = (self.stdout.take(), self.stderr.take());
        let (stdout, stderr) = tokio::try_join!(read_all(out), read_all(err))?;
        Ok(ExecOutput {
            stdout,
            stderr,
            report: self.control.wait().await,
        })
    }
}

async fn read_all(stream: Option<Output>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Output as the command wrote it: bytes, not text, and not yet fit for a terminal.
#[derive(Debug, Clone)]
pub struct ExecOutput {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub report: ExecReport,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecReport {
    pub outcome: Outcome,
    /// Of the command and the children it waited for.
    pub cpu: Duration,
    pub rss_max_bytes: u64,
    pub wall: Duration,
    /// Processes that the kernel killed for memory while the command ran.
    pub oom_kills: u64,
    /// Output that was read and thrown away.
    pub dropped_bytes: u64,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Exited(i32),
    Signaled(i32),
    TimedOut,
    OutOfMemory,
    /// The workspace on the host's disk grew beyond what is allowed.
    OutOfSpace,
    OutputCapped,
    Cancelled,
    /// The sandbox ended under the command; what the command did meanwhile is not known.
    Lost,
}

/// What a sandbox uses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub memory_bytes: u64,
    pub processes: u32,
    pub cpu: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestroyReason {
    Finished,
    Cancelled,
    Idle,
    Emergency,
    Shutdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Teardown {
    /// From the kill until nothing was left.
    pub took: Duration,
    pub usage: Usage,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepReport {
    /// What was removed, one line each.
    pub removed: Vec<String>,
}

/// Why there is no sandbox, or no command in it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("{0}")]
    Malformed(#[from] MalformedSpec),
    #[error("this host cannot make the sandbox that is asked for: {0}")]
    Unsupported(Shortfall),
    #[error("the sandbox could not {stage}: {cause}{}", hint(stage, cause))]
    Build { stage: String, cause: io::Error },
    #[error("the sandbox was not ready within {0:?}; the host may be overloaded, try again")]
    Slow(Duration),
    #[error("`{program}` could not be started in the sandbox: {cause}")]
    Exec { program: String, cause: io::Error },
    #[error("the sandbox has ended; nothing can run in it any more")]
    Ended,
    #[error("the host refused to {attempt}: {cause}")]
    Host {
        attempt: &'static str,
        cause: io::Error,
    },
}

/// The way out of the refusals that operators meet most.
fn hint(stage: &str, cause: &io::Error) -> &'static str {
    match (stage, cause.raw_os_error()) {
        ("create the namespaces", Some(libc::EPERM | libc::ENOSPC | libc::EUSERS)) => {
            " (user namespaces are disabled here: allow them with \
             `sysctl user.max_user_namespaces=10000`, and where they exist \
             `kernel.unprivileged_userns_clone=1` and \
             `kernel.apparmor_restrict_unprivileged_userns=0`)"
        }
        ("create the namespaces", Some(libc::EINVAL)) => " (the kernel is older than 5.7)",
        (stage, Some(libc::EINVAL)) if stage.starts_with("map the owner") => {
            " (its filesystem does not support id-mapped mounts: move the workspace to ext4, \
             xfs, btrfs or tmpfs, or run the server as an ordinary user)"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_next() {
        let refused = |stage: &str, errno| {
            let cause = io::Error::from_raw_os_error(errno);
            SandboxError::Build {
                stage: stage.into(),
                cause,
            }
            .to_string()
        };
        let namespaces = refused("create the namespaces", libc::ENOSPC);
        assert!(
            namespaces.contains("sysctl user.max_user_namespaces=10000"),
            "{namespaces}"
        );
        let owner = refused("map the owner of /srv/work", libc::EINVAL);
        assert!(
            owner.contains("does not support id-mapped mounts"),
            "{owner}"
        );
    }
}
