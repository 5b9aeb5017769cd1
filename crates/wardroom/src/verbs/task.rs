//! `wardroom task`: giving work directly, and what can be done with it.

use crate::chat::follow::{Following, follow_task};
use crate::failure::{Exit, Failure};
use crate::machine::{block_on, idempotency_key};
use crate::output::{columns, json, lines, print};
use crate::place::Place;
use crate::terminal::{clipped, painted, size, visible};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use wardroom_api::client::Client;
use wardroom_api::diff::{ChangeKind, Diff, Undone};
use wardroom_api::task::{CreateTask, Task as Work, TaskFilter, TellTask};
use wardroom_api::workspace::OpenWorkspace;
use wardroom_domain::{Priority, TaskId, TaskStatus, TaskType};

/// Give, watch, steer and undo work
#[derive(Debug, Subcommand)]
pub enum Task {
    Run(Run),
    /// List tasks, newest first
    List {
        /// Only those that stand here, such as RUNNING
        #[arg(long, value_parser = status)]
        status: Option<TaskStatus>,
        /// How many at most
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show one task
    Show(Id),
    /// Stop a task
    Cancel(Id),
    /// Make a new task from one that has ended
    Retry(Id),
    /// Steer a running task at its next boundary
    Tell {
        #[command(flatten)]
        id: Id,
        /// What to tell it
        text: String,
    },
    /// Show what a task changed
    Diff(Id),
    /// Take back what a task applied
    Undo(Id),
    /// List what a task delivered, or fetch it
    Artifacts {
        #[command(flatten)]
        id: Id,
        /// Write the files into this folder
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

/// Give work directly, without the coordinator
#[derive(Debug, Args)]
pub struct Run {
    /// What is to be done
    text: String,
    /// Wait for the end, ask here what has to be approved, and print the result
    #[arg(long)]
    wait: bool,
    /// The folder to work on [default: your private workspace]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// What kind of work it is: general, research, summarization, triage, drafting, code, review
    #[arg(long = "type", value_name = "TYPE", value_parser = task_type)]
    kind: Option<TaskType>,
    /// 1 (whenever) to 10 (now)
    #[arg(long, value_name = "N", value_parser = priority)]
    priority: Option<Priority>,
}

#[derive(Debug, Args)]
pub struct Id {
    /// The task
    #[arg(value_parser = TaskId::parse)]
    id: TaskId,
}

fn status(text: &str) -> Result<TaskStatus, String> {
    let words = TaskStatus::ALL
        .iter()
        .map(|status| status.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    TaskStatus::parse(&text.to_ascii_uppercase()).ok_or_else(|| format!("it is one of {words}"))
}

fn task_type(text: &str) -> Result<TaskType, String> {
    let words = TaskType::ALL
        .iter()
        .map(|kind| kind.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    TaskType::parse(text).ok_or_else(|| format!("it is one of {words}"))
}

fn priority(text: &str) -> Result<Priority, String> {
    let number: u8 = text
        .parse()
        .map_err(|_| "it is a number from 1 to 10".to_owned())?;
    Priority::try_from(number)
}

impl Task {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let client = place.client()?;
        match self {
            Self::Run(run) => run.run(place, &client),
            Self::List { status, limit } => list(place, &client, status, limit),
            Self::Show(Id { id }) => {
                let task = block_on(async { Ok(client.task(id).await?) })?;
                print(place.json, &task, in_full)?;
                Ok(Exit::Done)
            }
            Self::Cancel(Id { id }) => {
                let task = block_on(async { Ok(client.cancel_task(id).await?) })?;
                said(place, &task, |task| {
                    format!("{} is {}.", task.id, task.status)
                })
            }
            Self::Retry(Id { id }) => {
                let task = block_on(async { Ok(client.retry_task(id).await?) })?;
                said(place, &task, |task| task.id.to_string())
            }
            Self::Tell {
                id: Id { id },
                text,
            } => {
                let task = block_on(async { Ok(client.tell_task(id, &TellTask { text }).await?) })?;
                said(place, &task, |task| {
                    format!("{} hears it at its next step.", task.id)
                })
            }
            Self::Diff(Id { id }) => {
                let diff = block_on(async { Ok(client.diff(id).await?) })?;
                print(place.json, &diff, diff_text)?;
                Ok(Exit::Done)
            }
            Self::Undo(Id { id }) => {
                let undone = block_on(async { Ok(client.undo(id).await?) })?;
                print(place.json, &undone, undone_text)?;
                Ok(Exit::Done)
            }
            Self::Artifacts { id: Id { id }, to } => artifacts(place, &client, id, to.as_deref()),
        }
    }
}

fn said(place: &Place, task: &Work, text: impl FnOnce(&Work) -> String) -> Result<Exit, Failure> {
    print(place.json, task, text)?;
    Ok(Exit::Done)
}

impl Run {
    fn run(self, place: &Place, client: &Client) -> Result<Exit, Failure> {
        let key = idempotency_key()?;
        block_on(async {
            let workspace = match &self.workspace {
                Some(dir) => Some(open_workspace(client, dir).await?),
                None => None,
            };
            let create = CreateTask {
                text: self.text,
                kind: self.kind,
                priority: self.priority,
                workspace,
                ..Default::default()
            };
            let task = client.create_task(&create, Some(&key)).await?;
            if !self.wait {
                return said(place, &task, |task| task.id.to_string());
            }
            match follow_task(client, task.id).await? {
                Following::Ended => ended(place, client.task(task.id).await?),
                Following::LeftWaiting => Ok(Exit::Refused),
            }
        })
    }
}

/// Opens a folder of the host to the crew.
pub async fn open_workspace(
    client: &Client,
    dir: &Path,
) -> Result<wardroom_domain::WorkspaceId, Failure> {
    let path = std::fs::canonicalize(dir).map_err(|error| {
        let sentence = format!("the folder {} cannot be opened", dir.display());
        Failure::caused(
            sentence,
            &error,
            "Name a folder that is there with --workspace DIR.",
        )
    })?;
    let path = path.into_os_string().into_string().map_err(|_| {
        Failure::new(
            "the folder's path is not UTF-8",
            "Move it, or name another one.",
        )
    })?;
    Ok(client.open_workspace(&OpenWorkspace { path }).await?.id)
}

/// Prints how a task ended: its result as data, anything else as a failure.
fn ended(place: &Place, task: Work) -> Result<Exit, Failure> {
    let is_good = task.status == TaskStatus::Succeeded;
    if place.json {
        json(&task)?;
    } else if is_good {
        lines(&visible(task.result.as_deref().unwrap_or_default()))?;
    } else {
        let why = task.error.as_deref().unwrap_or("no reason was given");
        return Err(Failure::new(
            format!("{} ended as {}: {why}", task.id, task.status),
            format!(
                "See `wardroom task show {0}` and `wardroom audit list --task {0}`.",
                task.id
            ),
        ));
    }
    Ok(if is_good { Exit::Done } else { Exit::Refused })
}

fn list(
    place: &Place,
    client: &Client,
    status: Option<TaskStatus>,
    limit: u32,
) -> Result<Exit, Failure> {
    let filter = TaskFilter {
        status,
        limit: Some(limit),
        ..Default::default()
    };
    let found = block_on(async { Ok(client.tasks(&filter).await?) })?;
    print(place.json, &found, |found| {
        let rows: Vec<_> = found.tasks.iter().map(row).collect();
        match rows.is_empty() {
            true => "No tasks.".to_owned(),
            false => columns(&["ID", "STATUS", "DONE", "TITLE"], &rows),
        }
    })?;
    Ok(Exit::Done)
}

fn row(task: &Work) -> Vec<String> {
    vec![
        task.id.to_string(),
        task.status.to_string(),
        format!("{}%", task.progress.percent),
        clipped(&task.title, size().0.saturating_sub(60).max(20)),
    ]
}

fn in_full(task: &Work) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {}", visible(value));
    };
    line("id", &task.id.to_string());
    line("title", &task.title);
    line("status", task.status.as_str());
    line(
        "progress",
        &format!("{}% {}", task.progress.percent, task.progress.note),
    );
    line("tier", task.tier.as_str());
    line("created", &task.created_at.to_string());
    line("updated", &task.updated_at.to_string());
    if let Some(applied) = task.applied {
        line("applied", if applied { "yes" } else { "no" });
    }
    line("text", &task.text);
    if let Some(result) = &task.result {
        line("result", result);
    }
    if let Some(error) = &task.error {
        line("error", error);
    }
    text
}

fn diff_text(diff: &Diff) -> String {
    if diff.changes.is_empty() {
        return "This task changed nothing.".to_owned();
    }
    painted(&diff.text)
}

fn undone_text(undone: &Undone) -> String {
    let mut text = String::new();
    for change in &undone.changes {
        let what = match change.change {
            ChangeKind::Added => "came back",
            ChangeKind::Changed => "is as it was",
            ChangeKind::Removed => "is gone again",
        };
        let _ = writeln!(text, "{} {what}", visible(&change.path));
    }
    text
}

fn artifacts(
    place: &Place,
    client: &Client,
    id: TaskId,
    to: Option<&Path>,
) -> Result<Exit, Failure> {
    let found = block_on(async { Ok(client.artifacts(id).await?) })?;
    if let Some(dir) = to {
        for artifact in &found.artifacts {
            let bytes = block_on(async { Ok(client.artifact(id, &artifact.name).await?) })?;
            write_artifact(dir, &artifact.name, &bytes)?;
        }
    }
    print(place.json, &found, |found| {
        let rows = found.artifacts.iter().map(|artifact| {
            let name = visible(&artifact.name).into_owned();
            vec![
                artifact.bytes.to_string(),
                artifact.media_type.clone(),
                name,
            ]
        });
        let rows: Vec<_> = rows.collect();
        match found.artifacts.is_empty() {
            true => "This task delivered nothing.".to_owned(),
            false => columns(&["BYTES", "TYPE", "NAME"], &rows),
        }
    })?;
    Ok(Exit::Done)
}

/// Writes one artifact below a folder. The name came from a task: only its last part counts, and
/// nothing that is there is overwritten.
fn write_artifact(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let plain = Path::new(name)
        .file_name()
        .unwrap_or_else(|| "artifact".as_ref());
    let path = dir.join(plain);
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::File::create_new(&path))
        .and_then(|mut file| std::io::Write::write_all(&mut file, bytes));
    written.map_err(|error| {
        let sentence = format!("{} cannot be written", path.display());
        Failure::caused(sentence, &error, "Name an empty folder with --to DIR.")
    })
}
