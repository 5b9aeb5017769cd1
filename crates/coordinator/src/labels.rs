//! What flows: which labels the output of a call carries, and what its files carry afterwards.
//!
//! A task carries whatever it has heard: its labels only grow. A file carries what the task carried
//! that applied it, for as long as it is that very file; a file that nobody recorded, such as one of
//! a folder that a person opened to the crew, came from outside.

use crate::Wrong;
use crate::bench::blocking;
use crate::run::Run;
use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use wardroom_domain::{Integrity, Labels, RetryClass, ToolCall, WorkspaceId};
use wardroom_engine::Fact;
use wardroom_sandbox::view::{ChangeSet, Node};
use wardroom_store::FileLabel;

/// A workspace of more entries is not looked through at every command; it counts as foreign.
const ENTRIES_MAX: usize = 20_000;
/// Where the workspace stands inside a sandbox.
const INSIDE: &str = "/workspace";

/// What a call gets to see of the workspace.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// Nothing that the task did not bring along itself.
    Nothing,
    /// What stands at a path, and beneath it.
    Beneath(PathBuf),
}

/// What the output of a call carries besides what the task carries already.
pub(crate) async fn of_output(run: &Run, call: &ToolCall) -> Result<Labels, Wrong> {
    if let Some((server, _)) = call.tool.split_once("__") {
        return Ok(of_server(server));
    }
    let class = run.crew.tools().get(&call.tool).map(|tool| tool.class);
    let Sight::Beneath(path) = sight(call, class, &run.workspace.path) else {
        return Ok(run.task.labels.clone());
    };
    let known = run
        .crew
        .store
        .file_labels(run.crew.org, run.workspace.id)
        .await?;
    let (root, workspace) = (run.workspace.path.clone(), run.workspace.id);
    blocking(move || of_files(&root, &path, known, workspace)).await
}

/// What a foreign server answers came from outside, and is between the requester and that server.
pub(crate) fn of_server(server: &str) -> Labels {
    Labels {
        integrity: Integrity::External,
        audience: BTreeSet::from([format!("mcp:{server}")]),
    }
}

fn sight(call: &ToolCall, class: Option<RetryClass>, root: &Path) -> Sight {
    let named = |name: &str| {
        let path = call.arguments[name].as_str().unwrap_or_default();
        resolve(root, path).map_or(Sight::Nothing, Sight::Beneath)
    };
    match call.tool.as_str() {
        "file_read" | "md_read" | "file_edit" | "file_list" => named("path"),
        // They say back what they were told to do, and no word of a file.
        "file_write" | "md_write" | "file_move" | "file_delete" => Sight::Nothing,
        // Pure: its output is made of its argument; a page that it fetches is labelled as such.
        "html_to_markdown" => Sight::Nothing,
        _ if class == Some(RetryClass::View) => Sight::Beneath(root.to_owned()),
        _ => Sight::Nothing,
    }
}

/// The place in the workspace that a path inside the sandbox names; all of it if links may lead
/// elsewhere, none if it lies beside the workspace.
fn resolve(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let relative = match path.strip_prefix(INSIDE) {
        Ok(relative) => relative,
        Err(_) if path.is_absolute() => return None,
        Err(_) => path,
    };
    let mut place = root.to_owned();
    for component in relative.components() {
        match component {
            Component::Normal(name) => place.push(name),
            Component::ParentDir if place != root => {
                place.pop();
            }
            Component::ParentDir => return Some(root.to_owned()),
            _ => {}
        }
        let is_link = std::fs::symlink_metadata(&place).is_ok_and(|meta| meta.is_symlink());
        if is_link {
            return Some(root.to_owned());
        }
    }
    Some(place)
}

/// The join of what the files carry that stand at and beneath a place.
fn of_files(root: &Path, place: &Path, known: Vec<FileLabel>, workspace: WorkspaceId) -> Labels {
    let known: HashMap<String, FileLabel> = known
        .into_iter()
        .map(|file| (file.path.clone(), file))
        .collect();
    let audience = BTreeSet::from([workspace.to_string()]);
    let foreign = Labels {
        integrity: Integrity::External,
        audience: audience.clone(),
    };
    let mut joined: Option<Labels> = None;
    let mut left = vec![place.to_owned()];
    let mut seen = 0;
    while let Some(path) = left.pop() {
        seen += 1;
        let Ok(meta) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        if seen > ENTRIES_MAX {
            return foreign;
        }
        if meta.is_dir() {
            let Ok(entries) = std::fs::read_dir(&path) else {
                return foreign;
            };
            left.extend(entries.flatten().map(|entry| entry.path()));
            continue;
        }
        let Some(labels) = recorded(root, &path, &meta, &known) else {
            return foreign;
        };
        joined = Some(joined.map_or(labels.clone(), |joined| joined.join(labels)));
    }
    match joined {
        Some(labels) => Labels {
            audience: labels.audience.union(&audience).cloned().collect(),
            ..labels
        },
        // Nothing stands there but what the task may have made itself.
        None => Labels {
            integrity: Integrity::Owner,
            audience: BTreeSet::new(),
        },
    }
}

fn recorded<'a>(
    root: &Path,
    path: &Path,
    meta: &Metadata,
    known: &'a HashMap<String, FileLabel>,
) -> Option<&'a Labels> {
    let relative = path.strip_prefix(root).ok()?.to_str()?;
    let file = known.get(relative)?;
    let is_that_file = file.bytes == meta.len() && file.written_ns == written_ns(meta);
    is_that_file.then_some(&file.labels)
}

fn written_ns(meta: &Metadata) -> i64 {
    meta.mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(meta.mtime_nsec())
}

/// What an apply has written, with what it carries. Looks at the disk.
pub(crate) fn written(root: &Path, set: &ChangeSet, labels: &Labels) -> Vec<FileLabel> {
    let mut files = Vec::new();
    for change in &set.changes {
        if matches!(change.after, Node::File { .. } | Node::Link { .. }) {
            files.extend(label(root, &root.join(change.path.as_path()), labels));
        }
    }
    files
}

fn label(root: &Path, path: &Path, labels: &Labels) -> Option<FileLabel> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some(FileLabel {
        path: path.strip_prefix(root).ok()?.to_str()?.to_owned(),
        bytes: meta.len(),
        written_ns: written_ns(&meta),
        labels: labels.clone(),
    })
}

/// What a task carries once it has heard this fact; none where it hears nothing new by it.
pub(crate) fn heard(fact: &Fact) -> Option<&Labels> {
    match fact {
        Fact::Told { labels, .. } => Some(labels),
        Fact::Settled { outcome, .. } => Some(&outcome.labels),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
