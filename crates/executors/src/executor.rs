//! The host's end of one runner: sends a permitted call, hears its output, takes its answer.

use crate::egress::WayOut;
use crate::protocol::{Answer, Call, Done, body_length, encode};
use crate::runner::{FETCH, TOOLS};
use base64::Engine as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use wardroom_domain::{Effect, limits};
use wardroom_policy::Permit;
use wardroom_sandbox::egress::{self, GitPush, Label, Scope, Swap};
use wardroom_sandbox::{DestroyReason, ExecHandle, Input, Outcome, Output, Sandbox};
use wardroom_tools::Foreign;

/// What is to be carried out in a task's sandbox.
#[derive(Debug)]
pub struct Errand {
    /// The effect.
    pub effect: Effect,
    /// The fence of the worker that holds the task.
    pub fence: u64,
    /// How long it may take.
    pub timeout: Duration,
    /// The foreign tool that carries it out, as it was when this was judged.
    pub foreign: Option<Foreign>,
    /// Whether it leaves the box.
    pub passage: Passage,
}

/// Whether an errand leaves the box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passage {
    /// It stays inside: the way out is shut while it runs.
    #[default]
    Shut,
    /// It may reach what the sandbox may reach.
    Open,
    /// The same, and a git remote may be changed.
    Push,
}

/// A secret for one errand: the sandbox sees a placeholder, and the proxy puts the value in.
#[derive(Debug)]
pub struct Loan {
    /// What stands for the value inside.
    pub placeholder: String,
    /// What the errand calls it: the name of the secret.
    pub name: String,
    /// The value, and where it may go.
    pub swap: Swap,
}

/// The runner did not keep to its protocol, or is gone. Its sandbox must be closed.
#[derive(Debug, thiserror::Error)]
pub enum RunnerFault {
    /// It is gone, or the stream broke.
    #[error("the sandbox ended under the action ({0})")]
    Gone(std::io::Error),
    /// It was ended for what it took too much of.
    #[error("{0}")]
    Starved(&'static str),
    /// It sent what is no answer to this call.
    #[error("the runner broke its protocol: {0}")]
    Lied(String),
    /// It did not come back.
    #[error("the runner did not come back within {0:?}")]
    Hung(Duration),
    /// It does not know the tool.
    #[error("no runner carries out `{0}`")]
    UnknownTool(String),
    /// A secret cannot be lent.
    #[error("{0}")]
    NotLent(String),
    /// The file cannot be brought out.
    #[error("{0}")]
    Unreadable(String),
}

impl RunnerFault {
    /// Whether the call had been handed over, so that some of it may have been done.
    pub fn came_late(&self) -> bool {
        match self {
            Self::Gone(_) | Self::Starved(_) | Self::Lied(_) | Self::Hung(_) => true,
            Self::UnknownTool(_) | Self::NotLent(_) | Self::Unreadable(_) => false,
        }
    }
}

/// How long a runner may be late after the time of its call: it kills, drains and answers.
const LATE_MAX: Duration = Duration::from_secs(10);
/// How much output a runner may send beyond its cap before it counts as a flood.
const FLOOD_FACTOR: usize = 4;

/// How long a sandbox that has ended may take to say why.
const REPORT_TIME_MAX: Duration = Duration::from_secs(2);
const NO_MEMORY: &str = "the sandbox used more memory than it is given and was ended; work in \
                         smaller parts";
const NO_SPACE: &str = "the workspace grew beyond its space and the sandbox was ended; write less, \
                        or remove what is not needed first";

/// One task's sandbox with its runner.
pub struct Executor {
    sandbox: Arc<dyn Sandbox>,
    handle: ExecHandle,
    input: Input,
    output: BufReader<Output>,
    way_out: Option<WayOut>,
}

impl Executor {
    pub(crate) fn new(
        sandbox: Arc<dyn Sandbox>,
        mut handle: ExecHandle,
        way_out: Option<WayOut>,
    ) -> Result<Self, String> {
        let input = handle.stdin.take().ok_or("it has no input")?;
        let output = BufReader::new(handle.stdout.take().ok_or("it has no output")?);
        Ok(Self {
            sandbox,
            handle,
            input,
            output,
            way_out,
        })
    }

    pub(crate) async fn hello(&mut self) -> Result<(), RunnerFault> {
        match self.answer().await? {
            Answer::Hello { .. } => Ok(()),
            other => Err(RunnerFault::Lied(format!("it began with {}", name(&other)))),
        }
    }

    /// Whether the runner knows this tool.
    pub fn knows(tool: &str) -> bool {
        TOOLS.contains(&tool)
    }

    /// Carries out one permitted call, with the secrets that were lent for it and what else its
    /// programs read from their environment. `heard` gets its output as it comes.
    pub async fn carry(
        &mut self,
        permit: Permit<Errand>,
        equipment: Equipment,
        heard: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Done, RunnerFault> {
        let errand = permit.spend();
        if !Self::knows(&errand.effect.call.tool) {
            return Err(RunnerFault::UnknownTool(errand.effect.call.tool));
        }
        let mut call = call_of(&errand);
        call.environment = equipment.environment;
        for loan in &equipment.loans {
            let (name, placeholder) = (loan.name.clone(), loan.placeholder.clone());
            call.placeholders.insert(name, placeholder);
        }
        self.open_passage(&errand, &equipment.loans)?;
        let time_max = errand.timeout + LATE_MAX;
        let done = tokio::time::timeout(time_max, self.exchange(&call, heard)).await;
        self.shut_passage(&errand, &equipment.loans);
        match done {
            Ok(Err(RunnerFault::Gone(error))) => Err(self.why_gone(error).await),
            Ok(done) => done,
            Err(_) => Err(RunnerFault::Hung(time_max)),
        }
    }

    /// A runner does not end by itself: its sandbox knows why it did.
    async fn why_gone(&self, error: std::io::Error) -> RunnerFault {
        match tokio::time::timeout(REPORT_TIME_MAX, self.handle.wait()).await {
            Ok(report) if report.outcome == Outcome::OutOfMemory => RunnerFault::Starved(NO_MEMORY),
            Ok(report) if report.outcome == Outcome::OutOfSpace => RunnerFault::Starved(NO_SPACE),
            _ => RunnerFault::Gone(error),
        }
    }

    /// From here on what leaves is on this errand's account.
    fn open_passage(&self, errand: &Errand, loans: &[Loan]) -> Result<(), RunnerFault> {
        let Some(way_out) = &self.way_out else {
            return Ok(());
        };
        for loan in loans {
            let lent = way_out.proxy.lend(&loan.placeholder, loan.swap.clone());
            lent.map_err(|error| RunnerFault::NotLent(error.to_string()))?;
        }
        way_out.proxy.set_scope(scope_of(errand, errand.passage));
        Ok(())
    }

    /// What the errand left behind keeps its account, and can leave no more.
    fn shut_passage(&self, errand: &Errand, loans: &[Loan]) {
        let Some(way_out) = &self.way_out else {
            return;
        };
        way_out.proxy.set_scope(scope_of(errand, Passage::Shut));
        for loan in loans {
            way_out.proxy.withdraw(&loan.placeholder);
        }
    }

    /// Brings a file of the workspace out, piece by piece.
    pub async fn fetch(
        &mut self,
        permit: Permit<Errand>,
        path: &str,
    ) -> Result<Vec<u8>, RunnerFault> {
        let errand = permit.spend();
        let mut bytes = Vec::new();
        loop {
            let mut call = call_of(&errand);
            call.tool = FETCH.to_owned();
            call.arguments = serde_json::json!({"path": path, "offset": bytes.len()});
            let done =
                tokio::time::timeout(errand.timeout + LATE_MAX, self.exchange(&call, &mut |_| {}))
                    .await
                    .map_err(|_| RunnerFault::Hung(errand.timeout))??;
            if done.is_error {
                return Err(RunnerFault::Unreadable(done.text));
            }
            let piece = done.detail["base64"].as_str().unwrap_or_default();
            let piece = base64::engine::general_purpose::STANDARD
                .decode(piece)
                .map_err(|error| RunnerFault::Lied(format!("a file that is no base64: {error}")))?;
            if piece.is_empty() {
                return Ok(bytes);
            }
            bytes.extend_from_slice(&piece);
            if bytes.len() > limits::UPLOAD_BYTES_MAX {
                let text = format!(
                    "it has more than {} bytes, the most that is delivered",
                    limits::UPLOAD_BYTES_MAX
                );
                return Err(RunnerFault::Unreadable(text));
            }
        }
    }

    async fn exchange(
        &mut self,
        call: &Call,
        heard: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Done, RunnerFault> {
        let frame = encode(call).map_err(RunnerFault::Gone)?;
        self.input
            .write_all(&frame)
            .await
            .map_err(RunnerFault::Gone)?;
        self.input.flush().await.map_err(RunnerFault::Gone)?;
        let mut heard_bytes = 0;
        loop {
            match self.answer().await? {
                Answer::Output { action, data } if action == call.action => {
                    let bytes = base64::engine::general_purpose::STANDARD
                        .decode(data)
                        .map_err(|error| {
                            RunnerFault::Lied(format!("output that is no base64: {error}"))
                        })?;
                    heard_bytes += bytes.len();
                    if heard_bytes > call.output_bytes_max * FLOOD_FACTOR {
                        return Err(RunnerFault::Lied("a flood of output".to_owned()));
                    }
                    heard(&bytes);
                }
                Answer::Done(done) => return checked(done, call),
                other => {
                    let text = format!("{} in the middle of a call", name(&other));
                    return Err(RunnerFault::Lied(text));
                }
            }
        }
    }

    async fn answer(&mut self) -> Result<Answer, RunnerFault> {
        let mut header = [0; 4];
        self.output
            .read_exact(&mut header)
            .await
            .map_err(RunnerFault::Gone)?;
        let length = body_length(header).map_err(|error| RunnerFault::Lied(error.to_string()))?;
        let mut body = vec![0; length];
        self.output
            .read_exact(&mut body)
            .await
            .map_err(RunnerFault::Gone)?;
        serde_json::from_slice(&body).map_err(|error| RunnerFault::Lied(error.to_string()))
    }

    /// Kills everything inside and returns when nothing is left.
    pub async fn close(self, why: DestroyReason) {
        self.handle.kill();
        if let Err(error) = self.sandbox.destroy(why).await {
            tracing::warn!(sandbox = %self.sandbox.id(), %error, "a sandbox was not destroyed; the next start sweeps it");
        }
    }
}

/// What an errand is given besides its permit.
#[derive(Debug, Default)]
pub struct Equipment {
    /// The secrets that it may use.
    pub loans: Vec<Loan>,
    /// What its programs find in their environment.
    pub environment: Vec<(String, String)>,
}

/// Before the first errand, and between two, nothing leaves.
pub(crate) fn shut() -> Scope {
    Scope {
        passage: egress::Passage::Shut,
        ..Scope::default()
    }
}

fn scope_of(errand: &Errand, passage: Passage) -> Scope {
    Scope {
        label: Label {
            task: errand.effect.task.to_string().into(),
            action: errand.effect.id.to_string().into(),
        },
        passage: match passage {
            Passage::Shut => egress::Passage::Shut,
            Passage::Open | Passage::Push => egress::Passage::Open,
        },
        git_push: match passage {
            Passage::Push => GitPush::Permitted,
            Passage::Shut | Passage::Open => GitPush::Refused,
        },
    }
}

fn call_of(errand: &Errand) -> Call {
    Call {
        action: errand.effect.id.to_string(),
        fence: errand.fence,
        tool: errand.effect.call.tool.clone(),
        arguments: errand.effect.call.arguments.clone(),
        timeout_ms: errand.timeout.as_millis() as u64,
        text_bytes_max: limits::TOOL_OUTPUT_BYTES_MAX,
        output_bytes_max: limits::TOOL_LOG_BYTES_MAX,
        environment: Vec::new(),
        placeholders: BTreeMap::new(),
    }
}

/// An answer counts only for the call that was made, under the fence that was given.
fn checked(mut done: Done, call: &Call) -> Result<Done, RunnerFault> {
    if done.action != call.action || done.fence != call.fence {
        return Err(RunnerFault::Lied(
            "an answer to another call, or under another fence".to_owned(),
        ));
    }
    done.text
        .truncate(done.text.floor_char_boundary(call.text_bytes_max));
    Ok(done)
}

fn name(answer: &Answer) -> &'static str {
    match answer {
        Answer::Hello { .. } => "a greeting",
        Answer::Output { .. } => "output of another call",
        Answer::Done(_) => "an answer",
    }
}
