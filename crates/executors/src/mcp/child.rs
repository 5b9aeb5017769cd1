//! A server that is a program: in a sandbox of its own, or on a leash.

use super::leash::LEASH_NAME;
use super::limits::{END_TIME_MAX, STDERR_BYTES_MAX};
use super::server::Command;
use crate::hands::Service;
use crate::{Hands, NoHands};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncReadExt;
use wardroom_sandbox::{DestroyReason, ExecHandle, Input, Output, Sandbox};

/// A running program, and the ends of its streams.
pub(super) struct Program {
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) body: Body,
}

/// What must end with the session.
pub(super) struct Body {
    kind: Kind,
    said: Said,
}

/// The end of what a program says on its standard error.
struct Said {
    kept: Arc<Mutex<Vec<u8>>>,
    listening: Option<tokio::task::JoinHandle<()>>,
}

enum Kind {
    Boxed {
        sandbox: Arc<dyn Sandbox>,
        handle: ExecHandle,
    },
    Leashed(Leashed),
}

/// Dropping it ends the program and all that it started.
struct Leashed(tokio::process::Child);

impl Drop for Leashed {
    fn drop(&mut self) {
        self.tell_to_end();
    }
}

impl Leashed {
    fn tell_to_end(&self) {
        let pid = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It has ended if this fails.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

type Environment = [(String, SecretString)];

/// Starts a program. `id` names its sandbox; `workspace` is what it may look at there.
pub(super) async fn start(
    hands: &Hands,
    (command, environment): (&Command, &Environment),
    id: String,
    workspace: Option<&Path>,
) -> Result<Program, NoHands> {
    if command.is_sandboxed {
        boxed(hands, (command, environment), id, workspace).await
    } else {
        let program = leashed(hands.runner(), command, environment);
        program.map_err(|error| NoHands::Runner(error.to_string()))
    }
}

async fn boxed(
    hands: &Hands,
    (command, environment): (&Command, &Environment),
    id: String,
    workspace: Option<&Path>,
) -> Result<Program, NoHands> {
    let environment = environment.iter();
    let service = Service {
        id,
        workspace: workspace.map(Path::to_path_buf),
        shown: command.shown.clone(),
        argv: command.argv.clone(),
        // INVARIANT: no secret is among them; the configuration refuses that.
        environment: environment
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect(),
    };
    let (sandbox, mut handle) = hands.serve(service).await?;
    let missing = || NoHands::Runner("the program has no streams".to_owned());
    let input = handle.stdin.take().ok_or_else(missing)?;
    let output = handle.stdout.take().ok_or_else(missing)?;
    let said = listen(handle.stderr.take());
    Ok(Program {
        input,
        output,
        body: Body {
            kind: Kind::Boxed { sandbox, handle },
            said,
        },
    })
}

fn leashed(leash: &Path, command: &Command, environment: &Environment) -> std::io::Result<Program> {
    let mut run = tokio::process::Command::new(leash);
    run.arg0(LEASH_NAME)
        .args(&command.argv)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(false);
    for (name, value) in environment {
        run.env(name, value.expose_secret());
    }
    let mut child = run.spawn()?;
    let missing = || std::io::Error::other("it has no streams");
    let input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let said = listen(child.stderr.take().map(|stream| Box::pin(stream) as Output));
    Ok(Program {
        input: Box::pin(input),
        output: Box::pin(output),
        body: Body {
            kind: Kind::Leashed(Leashed(child)),
            said,
        },
    })
}

/// Keeps the end of what it says on its standard error.
fn listen(stream: Option<Output>) -> Said {
    let said = Arc::new(Mutex::new(Vec::new()));
    let Some(mut stream) = stream else {
        return Said {
            kept: said,
            listening: None,
        };
    };
    let kept = said.clone();
    let listening = tokio::spawn(async move {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece).await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(&piece[..count]);
            let over = kept.len().saturating_sub(STDERR_BYTES_MAX);
            kept.drain(..over);
        }
    });
    Said {
        kept: said,
        listening: Some(listening),
    }
}

impl Said {
    /// The last line, if there was any. What is still on its way is waited for.
    async fn last_words(mut self) -> Option<String> {
        if let Some(listening) = self.listening.take() {
            // Somebody else may hold the other end; what came so far is enough then.
            let _ = tokio::time::timeout(END_TIME_MAX, listening).await;
        }
        let said = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&said);
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        let visible = line.chars().filter(|c| !c.is_control());
        Some(visible.take(200).collect())
    }
}

impl Body {
    /// Ends one that did not work out, and answers its last line on its standard error.
    pub(super) async fn close_and_hear(self) -> Option<String> {
        self.kind.close(DestroyReason::Cancelled).await;
        self.said.last_words().await
    }

    /// Ends it. Its input has ended before, so that one that behaves is gone already.
    pub(super) async fn close(self, why: DestroyReason) {
        self.kind.close(why).await;
    }
}

impl Kind {
    async fn close(self, why: DestroyReason) {
        match self {
            Kind::Boxed { sandbox, handle } => {
                handle.kill();
                if let Err(error) = sandbox.destroy(why).await {
                    tracing::warn!(sandbox = %sandbox.id(), %error, "a sandbox was not destroyed; the next start sweeps it");
                }
            }
            Kind::Leashed(mut leashed) => {
                let ended = tokio::time::timeout(END_TIME_MAX, leashed.0.wait()).await;
                if ended.is_err() {
                    leashed.tell_to_end();
                    let _ = tokio::time::timeout(END_TIME_MAX, leashed.0.wait()).await;
                }
            }
        }
    }
}
