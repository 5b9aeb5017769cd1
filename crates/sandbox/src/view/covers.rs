//! Which protected places a sandbox keeps read-only while it works in a view, and that what it
//! makes for the purpose is no change.
//!
//! The sandbox covers a place with a read-only mount, and makes an absent one first, as an empty
//! folder. Whatever is not covered (a repository that the task cloned, a folder that was empty
//! when the task began) is still named by the apply: see [`super::protected`].

use super::change::{Change, ChangeSet};
use super::error::ViewError;
use super::limits::COVERS_MAX;
use super::manifest::Manifest;
use super::node::{Node, kind_of};
use super::path::RelPath;
use super::protected::{Protected, protection_of};
use super::root::Root;
use super::{How, View};
use rustix::fs::FileType;
use std::collections::BTreeSet;

/// Covered even where there is nothing yet. Only names that programs find by looking for exactly
/// them, and that `ls` does not show: an empty folder of another name would puzzle its reader.
const COVERED_WHEN_ABSENT: &[&str] = &[
    ".git/hooks",
    ".husky",
    ".github/workflows",
    ".github/actions",
    ".gitlab-ci.yml",
    ".circleci",
    ".woodpecker",
    ".forgejo/workflows",
    ".gitea/workflows",
    ".claude",
    ".codex",
    ".cursor",
    ".gemini",
    ".mcp.json",
    ".wardroom",
];
/// What git obeys in the folders of its submodules; the rest of them it must write.
const OBEYED_IN_MODULES: [&[u8]; 2] = [b"hooks", b"config"];
const MODULES: &str = ".git/modules";

/// What a view has at a path.
#[derive(PartialEq, Eq)]
enum Stands {
    Absent,
    /// A link there, or on the way: nothing can be mounted over it.
    Link,
    There,
}

impl View {
    /// The places that are to stay read-only while a sandbox works in this view. `opened` names
    /// patterns that the org has opened to its tasks.
    pub fn covers(&self, opened: &[String]) -> Result<Vec<RelPath>, ViewError> {
        let is_covered = |protected: &Protected| {
            !opened
                .iter()
                .any(|opened| opened == protected.pattern.trim_start_matches("**/"))
        };
        let layer = self.layer()?;
        let layers = match self.how() {
            How::Overlay { .. } => vec![&layer, &self.workspace],
            How::Copy { .. } => vec![&layer],
        };
        let manifest = self.manifest()?;
        let mut found: BTreeSet<RelPath> = manifest
            .things
            .keys()
            .filter(|path| self.is_a_place(path, &is_covered))
            .take(COVERS_MAX)
            .cloned()
            .collect();
        // A fresh folder belongs to the task: somebody may want a repository cloned right into it.
        if !is_fresh(&manifest) {
            for place in COVERED_WHEN_ABSENT {
                let place = RelPath::parse(place)?;
                if protection_of(&place, false).is_some_and(&is_covered) {
                    found.insert(place);
                }
            }
        }
        let mut covers = Vec::new();
        for path in found {
            let was_there = manifest.things.contains_key(&path);
            let keeps = match stands(&layers, &path)? {
                Stands::There => true,
                Stands::Absent => !was_there,
                Stands::Link => false,
            };
            if keeps {
                covers.push(path);
            }
        }
        Ok(covers)
    }

    /// Whether this very path, and not something beneath it, is a protected place.
    fn is_a_place(&self, path: &RelPath, is_covered: &impl Fn(&Protected) -> bool) -> bool {
        let Some(protected) = protection_of(path, false).filter(|found| is_covered(found)) else {
            return false;
        };
        if protected.pattern.ends_with(MODULES) {
            return OBEYED_IN_MODULES.contains(&path.name());
        }
        protection_of(&path.parent(), false).is_none()
    }
}

/// Whether the workspace held nothing when the view was taken.
fn is_fresh(manifest: &Manifest) -> bool {
    manifest.things.is_empty() && manifest.ignored.is_empty()
}

fn stands(layers: &[&Root], path: &RelPath) -> Result<Stands, ViewError> {
    let mut way: Vec<RelPath> = path
        .ancestors()
        .filter(|folder| !folder.is_root())
        .collect();
    way.sort();
    way.push(path.clone());
    for step in &way {
        match first_stat(layers, step)? {
            None => return Ok(Stands::Absent),
            Some(FileType::Symlink) => return Ok(Stands::Link),
            // The overlay's word for a removal.
            Some(FileType::CharacterDevice) => return Ok(Stands::Absent),
            Some(_) => {}
        }
    }
    Ok(Stands::There)
}

fn first_stat(layers: &[&Root], path: &RelPath) -> Result<Option<FileType>, ViewError> {
    for layer in layers {
        if let Some(stat) = layer.stat(path)? {
            return Ok(Some(kind_of(&stat)));
        }
    }
    Ok(None)
}

/// Leaves out the empty folders that a sandbox makes to cover an absent place. They are removed
/// when it ends; a task that is looked at meanwhile, or after a crash, must not be charged with them.
pub(super) fn drop_empty_covers(found: &mut ChangeSet) {
    let mut holding: BTreeSet<RelPath> = BTreeSet::new();
    let beside = found.conflicts.iter().map(|conflict| &conflict.path);
    let beside = beside.chain(found.ignored.iter().map(|tree| &tree.path));
    for path in beside.chain(found.left_out.iter().map(|left| &left.path)) {
        holding.extend(path.ancestors());
    }
    // From the deepest, so that a folder that holds only covers goes too.
    let mut kept: Vec<Change> = Vec::new();
    for change in std::mem::take(&mut found.changes).into_iter().rev() {
        if is_empty_cover(&change) && !holding.contains(&change.path) {
            continue;
        }
        holding.extend(change.path.ancestors());
        kept.push(change);
    }
    kept.reverse();
    found.changes = kept;
}

fn is_empty_cover(change: &Change) -> bool {
    let is_new_folder = matches!(
        (&change.before, &change.after),
        (Node::Absent, Node::Directory { .. })
    );
    let path = change.path.as_bytes();
    let leads_to_place = COVERED_WHEN_ABSENT.iter().any(|place| {
        let place = place.as_bytes();
        place == path || (place.starts_with(path) && place.get(path.len()) == Some(&b'/'))
    });
    is_new_folder && leads_to_place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_is_covered_when_absent_is_protected() {
        for place in COVERED_WHEN_ABSENT {
            let path = RelPath::parse(place).unwrap();
            assert!(protection_of(&path, false).is_some(), "{place}");
        }
        assert!(
            super::super::protected::PROTECTED
                .iter()
                .any(|entry| entry.pattern.ends_with(MODULES))
        );
    }

    fn added(path: &str, after: Node) -> Change {
        Change {
            path: RelPath::parse(path).unwrap(),
            before: Node::Absent,
            after,
        }
    }

    #[test]
    fn an_empty_cover_is_no_change_and_one_that_holds_something_is() {
        let folder = || Node::Directory { mode: 0o755 };
        let mut found = ChangeSet {
            format: 1,
            changes: vec![
                added(".claude", folder()),
                added(".git", folder()),
                added(".git/hooks", folder()),
                added(".github", folder()),
                added(".github/workflows", folder()),
                added(
                    ".github/x",
                    Node::Link {
                        target: super::super::LinkTarget(vec![b'y']),
                    },
                ),
                added("docs", folder()),
            ],
            conflicts: vec![],
            ignored: vec![],
            left_out: vec![],
        };
        drop_empty_covers(&mut found);
        let left: Vec<String> = found
            .changes
            .iter()
            .map(|change| change.path.to_string())
            .collect();
        assert_eq!(left, [".github", ".github/x", "docs"]);
    }
}
