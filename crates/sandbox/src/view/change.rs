//! The difference between a view and its workspace as data. Its digest is what an
//! approval binds; the same state always gives the same bytes.

use serde::{Deserialize, Serialize};

use super::node::{Digest, LinkTarget, Node, Stamp, TreeSummary};
use super::path::RelPath;
use super::protected::protection_of;
use super::render::{counted, human_bytes};

/// Version of the serialised form.
pub const FORMAT: u32 = 1;

/// Everything that an apply would carry over, in the order of paths, and what it
/// would leave behind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangeSet {
    pub format: u32,
    pub changes: Vec<Change>,
    /// Both the task and someone else changed these; while there is one, nothing
    /// is applied.
    pub conflicts: Vec<Conflict>,
    /// Generated trees with changes that stay in the view.
    pub ignored: Vec<IgnoredTree>,
    /// Pipes, sockets, devices and the like, which no workspace gets.
    pub left_out: Vec<LeftOut>,
}

/// One path, before and after.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    pub path: RelPath,
    pub before: Node,
    pub after: Node,
}

/// What a change is, in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    /// Same content, other permissions.
    ModeChanged,
    /// A link is added, or points elsewhere.
    Symlink,
    /// A file, link or folder became one of the other kinds.
    Replaced,
}

/// A path that changed on both sides: the three states.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Conflict {
    pub path: RelPath,
    /// What it was when the view was taken, as far as that was recorded.
    pub base: BaseState,
    pub in_workspace: Node,
    pub in_view: Node,
}

/// What is known about a file at the time the view was taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum BaseState {
    Absent,
    Marks { bytes: u64, mtime_ns: i64 },
    Exactly { node: Node },
}

impl BaseState {
    pub(super) fn of(stamp: Option<&Stamp>) -> BaseState {
        match stamp {
            None => BaseState::Absent,
            Some(stamp) => BaseState::Marks {
                bytes: stamp.bytes,
                mtime_ns: stamp.mtime_ns,
            },
        }
    }
}

/// Changes within a generated tree, counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IgnoredTree {
    pub path: RelPath,
    pub files: u64,
    pub bytes: u64,
}

/// Something in the view that cannot be carried over, with the reason as a clause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    pub path: RelPath,
    pub because: String,
}

/// Why a change deserves a closer look; policy may raise its tier by it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "risk", rename_all = "snake_case")]
pub enum Risk {
    /// It is on the list of [`super::protected::PROTECTED`].
    Protected { path: RelPath, reason: String },
    /// A link that leads out of the workspace.
    LinkOutside { path: RelPath, target: LinkTarget },
    /// A file that can be run and could not before.
    Executable { path: RelPath },
}

impl Change {
    pub fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (_, Node::Absent) => ChangeKind::Deleted,
            (Node::Absent | Node::Link { .. }, Node::Link { .. }) => ChangeKind::Symlink,
            (Node::Absent, _) => ChangeKind::Added,
            (Node::File { sha256: old, .. }, Node::File { sha256: new, .. }) if old == new => {
                ChangeKind::ModeChanged
            }
            (Node::File { .. }, Node::File { .. }) => ChangeKind::Modified,
            (before, after) if before.is_folder() && after.is_folder() => ChangeKind::ModeChanged,
            _ => ChangeKind::Replaced,
        }
    }

    /// Whether something that was there before is no longer there afterwards.
    pub fn destroys(&self) -> bool {
        matches!(self.kind(), ChangeKind::Deleted | ChangeKind::Replaced)
    }

    fn risks(&self) -> Vec<Risk> {
        let mut risks = Vec::new();
        let takes_all = matches!(self.before, Node::Tree { .. }) && !self.after.is_folder();
        if let Some(protected) = protection_of(
            &self.path,
            takes_all || matches!(self.after, Node::Link { .. }),
        ) {
            risks.push(Risk::Protected {
                path: self.path.clone(),
                reason: protected.reason.to_owned(),
            });
        }
        if let Node::Link { target } = &self.after
            && leads_outside(&self.path, target)
        {
            risks.push(Risk::LinkOutside {
                path: self.path.clone(),
                target: target.clone(),
            });
        }
        let runs = |node: &Node| matches!(node, Node::File { mode, .. } if mode & 0o111 != 0);
        if runs(&self.after) && !runs(&self.before) {
            risks.push(Risk::Executable {
                path: self.path.clone(),
            });
        }
        risks
    }
}

/// Follows the text of a link, not the link.
fn leads_outside(path: &RelPath, target: &LinkTarget) -> bool {
    if target.0.first() == Some(&b'/') {
        return true;
    }
    let mut depth = path.names().count().saturating_sub(1);
    for name in target.0.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if depth == 0 => return true,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

impl ChangeSet {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.conflicts.is_empty()
    }

    /// SHA-256 over the format and the changes in their one serialised form. What
    /// is not carried over is not part of it.
    pub fn digest(&self) -> Digest {
        // A struct of strings and numbers always serialises; an empty text would
        // only make the digest match nothing.
        let text = serde_json::to_vec(&(self.format, &self.changes)).unwrap_or_default();
        Digest::of(&text)
    }

    /// Everything that deserves a closer look.
    pub fn risks(&self) -> Vec<Risk> {
        self.changes.iter().flat_map(Change::risks).collect()
    }

    /// Whether a path of [`super::protected::PROTECTED`] is among the changes.
    pub fn touches_protected(&self) -> bool {
        self.risks()
            .iter()
            .any(|risk| matches!(risk, Risk::Protected { .. }))
    }

    /// One line for people: "2 files added, 1 folder removed (3.1 MiB)".
    pub fn summary(&self) -> String {
        let mut tally = Tally::default();
        self.changes.iter().for_each(|change| tally.add(change));
        let mut parts = tally.parts();
        if !self.conflicts.is_empty() {
            parts.push(counted(
                self.conflicts.len() as u64,
                "conflict",
                "conflicts",
            ));
        }
        if parts.is_empty() {
            "no changes".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

/// Files and folders in one column of the summary, with their bytes.
#[derive(Default)]
struct Column {
    files: u64,
    folders: u64,
    bytes: u64,
}

impl Column {
    fn add(&mut self, node: &Node) {
        if node.is_folder() {
            self.folders += 1
        } else {
            self.files += 1
        }
        self.bytes += node.bytes();
    }

    fn words(&self, verb: &str) -> Option<String> {
        let mut nouns = Vec::new();
        if self.files > 0 {
            nouns.push(counted(self.files, "file", "files"));
        }
        if self.folders > 0 {
            nouns.push(counted(self.folders, "folder", "folders"));
        }
        if nouns.is_empty() {
            return None;
        }
        let size = if self.bytes > 0 {
            format!(" ({})", human_bytes(self.bytes))
        } else {
            String::new()
        };
        Some(format!("{} {verb}{size}", nouns.join(" and ")))
    }
}

#[derive(Default)]
struct Tally {
    added: Column,
    changed: Column,
    permissions: Column,
    replaced: Column,
    removed: Column,
}

impl Tally {
    fn add(&mut self, change: &Change) {
        match change.kind() {
            ChangeKind::Added => self.added.add(&change.after),
            ChangeKind::Symlink if change.before == Node::Absent => self.added.add(&change.after),
            ChangeKind::Modified | ChangeKind::Symlink => self.changed.add(&change.after),
            ChangeKind::ModeChanged => self.permissions.add(&without_size(&change.after)),
            ChangeKind::Replaced => self.replaced.add(&change.before),
            ChangeKind::Deleted => self.removed.add(&change.before),
        }
    }

    fn parts(&self) -> Vec<String> {
        let columns = [
            self.added.words("added"),
            self.changed.words("changed"),
            self.permissions.words("with other permissions"),
            self.replaced.words("replaced by something else"),
            self.removed.words("removed"),
        ];
        columns.into_iter().flatten().collect()
    }
}

fn without_size(node: &Node) -> Node {
    match node {
        Node::File { mode, sha256, .. } => Node::File {
            mode: *mode,
            bytes: 0,
            sha256: *sha256,
        },
        other => other.clone(),
    }
}

impl IgnoredTree {
    pub(super) fn of(path: RelPath, summary: &TreeSummary) -> IgnoredTree {
        IgnoredTree {
            path,
            files: summary.files,
            bytes: summary.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_leave_the_workspace_are_told_from_those_that_stay() {
        let table = [
            ("a", "b", false),
            ("a/b/c", "../../d", false),
            ("a/b/c", "../../../d", true),
            ("a", "/etc/passwd", true),
            ("a/b", "./x/../../y", false),
            ("a", "x/../../y", true),
        ];
        for (path, target, outside) in table {
            let target = LinkTarget(target.into());
            assert_eq!(
                leads_outside(&RelPath::parse(path).unwrap(), &target),
                outside,
                "{path} -> {target}"
            );
        }
    }
}
