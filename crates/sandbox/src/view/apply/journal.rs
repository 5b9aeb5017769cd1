//! The record of one apply: what it is about to do, under which temporary names,
//! and how far it came. Written to disk before each phase begins.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ApplyError, Operation, Order};
use crate::view::error::FsError;
use crate::view::node::{Digest, Node, Stamp};
use crate::view::path::RelPath;
use crate::view::root::Root;
use crate::view::workspace_fs::replace_file;
use crate::view::{open_same_folder, stored_path};

pub const FILE: &str = "journal.json";
/// The folder within the snapshot that keeps what was overwritten or removed.
pub const KEPT: &str = "kept";
const FORMAT: u32 = 1;
/// A hundred thousand steps of the longest paths.
const BYTES_MAX: u64 = 4 << 30;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// New content may lie under temporary names; nothing else has happened.
    Planned,
    /// Renames are under way.
    Committing,
    /// All renames are done and on disk; old things may still lie beside.
    Committed,
    Done,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Journal {
    format: u32,
    #[serde(with = "stored_path")]
    workspace: PathBuf,
    workspace_ino: u64,
    pub digest: Digest,
    pub phase: Phase,
    pub steps: Vec<Step>,
}

/// One operation with its temporary names, all relative to the workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    pub path: RelPath,
    pub before: Node,
    pub after: Node,
    /// Where the new thing waits, if it is staged.
    pub fresh: RelPath,
    /// Where the old thing goes first.
    pub aside: RelPath,
    /// The stamp of the new thing once it is staged, and of the old when checked.
    pub fresh_stamp: Option<Stamp>,
    pub old_stamp: Option<Stamp>,
    /// Its name in the snapshot's [`KEPT`].
    pub kept: String,
    /// It was copied there before anything happened, as it lies on another disk.
    pub is_copied: bool,
    /// For a folder that was put back as a whole: what it looks like now.
    pub left: Option<Node>,
}

impl Step {
    /// Whether there is an old thing that must be kept.
    pub fn keeps_old(&self) -> bool {
        matches!(
            self.before,
            Node::File { .. } | Node::Link { .. } | Node::Tree { .. }
        ) && !self.is_only_mode()
    }

    /// Whether a new thing is made under a temporary name.
    pub fn stages_new(&self) -> bool {
        matches!(
            self.after,
            Node::File { .. } | Node::Link { .. } | Node::Tree { .. }
        ) && !self.is_only_mode()
    }

    /// A folder that only gets other permissions.
    pub fn is_only_mode(&self) -> bool {
        self.before.is_folder() && matches!(self.after, Node::Directory { .. })
    }

    /// What undo finds if nobody touched it.
    pub fn outcome(&self) -> &Node {
        self.left.as_ref().unwrap_or(&self.after)
    }
}

impl Journal {
    pub(super) fn plan(
        order: &Order<'_>,
        snapshot: &Root,
        operations: &[Operation<'_>],
    ) -> Result<Journal, FsError> {
        let unstable = unstable_folders(operations);
        // The name of the snapshot folder makes two applies of the same difference differ.
        let name = [
            order.digest.0.as_slice(),
            snapshot.path().as_os_str().as_bytes(),
        ]
        .concat();
        let tag = &Digest::of(&name).to_string()[..12];
        let mut steps = Vec::with_capacity(operations.len());
        for (index, operation) in operations.iter().enumerate() {
            let home = stable_home(order.workspace, &operation.path, &unstable)?;
            steps.push(Step {
                path: operation.path.clone(),
                before: operation.before.clone(),
                after: operation.after.clone(),
                fresh: home.join(format!(".wardroom-{tag}-{index}.new").as_bytes())?,
                aside: home.join(format!(".wardroom-{tag}-{index}.old").as_bytes())?,
                fresh_stamp: None,
                old_stamp: operation.checked,
                kept: index.to_string(),
                is_copied: false,
                left: None,
            });
        }
        Ok(Journal {
            format: FORMAT,
            workspace: order.workspace.path().to_owned(),
            workspace_ino: order.ino,
            digest: order.digest,
            phase: Phase::Planned,
            steps,
        })
    }

    pub fn load(snapshot: &Root) -> Result<Option<Journal>, ApplyError> {
        let text = match snapshot.read(&RelPath::parse(FILE).map_err(FsError::from)?, BYTES_MAX) {
            Err(error) if error.is_absent() => return Ok(None),
            other => other?,
        };
        let journal: Journal = serde_json::from_slice(&text)
            .map_err(|error| ApplyError::Damaged(error.to_string()))?;
        if journal.format != FORMAT {
            return Err(ApplyError::Damaged(format!(
                "format {} is not {FORMAT}",
                journal.format
            )));
        }
        Ok(Some(journal))
    }

    pub fn store(&self, snapshot: &Root) -> Result<(), FsError> {
        replace_file(snapshot, &RelPath::parse(FILE)?, |file| {
            let mut writer = std::io::BufWriter::new(&file);
            serde_json::to_writer(&mut writer, self)?;
            std::io::Write::flush(&mut writer)?;
            drop(writer);
            file.sync_all()
        })
    }

    pub fn enter(&mut self, phase: Phase, snapshot: &Root) -> Result<(), FsError> {
        self.phase = phase;
        self.store(snapshot)
    }

    pub fn open_workspace(&self) -> Result<Root, ApplyError> {
        Ok(open_same_folder(&self.workspace, self.workspace_ino)?)
    }
}

/// Folders that come or go in this apply; nothing temporary may lie in them.
fn unstable_folders(operations: &[Operation<'_>]) -> std::collections::BTreeSet<RelPath> {
    let is_unstable =
        |operation: &&Operation<'_>| operation.before.is_folder() != operation.after.is_folder();
    operations
        .iter()
        .filter(is_unstable)
        .map(|operation| operation.path.clone())
        .collect()
}

/// The nearest folder above that exists before and after.
fn stable_home(
    workspace: &Root,
    path: &RelPath,
    unstable: &std::collections::BTreeSet<RelPath>,
) -> Result<RelPath, FsError> {
    let mut home = RelPath::root();
    let above: Vec<RelPath> = path
        .ancestors()
        .filter(|folder| !folder.is_root())
        .collect();
    for folder in above.into_iter().rev() {
        let is_folder = workspace.stat(&folder)?.is_some_and(|stat| {
            crate::view::node::kind_of(&stat) == rustix::fs::FileType::Directory
        });
        if unstable.contains(&folder) || !is_folder {
            break;
        }
        home = folder;
    }
    Ok(home)
}
