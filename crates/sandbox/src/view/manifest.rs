//! What the workspace was when a view was taken from it: one stamp per file. It is
//! how a change underneath is noticed later, and, for a copied view, how the files
//! that the task never touched are told from those it did.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Write};

use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};

use super::error::{FsError, ViewError};
use super::ignored::Ignored;
use super::limits::WORKSPACE_FILES_MAX;
use super::node::{Descend, Stamp, TreeSummary, kind_of, walk};
use super::path::RelPath;
use super::root::Root;

/// One thing in the workspace at the time of the view.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Base {
    pub stamp: Stamp,
    /// The stamp of its copy, in a copied view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<Stamp>,
    /// It is not in the view: a pipe, a foreign mount, or not readable for us.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
}

/// All of them, and the roots of ignored trees, whose insides were not recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub things: BTreeMap<RelPath, Base>,
    pub ignored: BTreeMap<RelPath, Option<TreeSummary>>,
}

/// Whose files the workspace holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
}

/// A manifest with what was learned on the way.
pub struct Survey {
    pub manifest: Manifest,
    /// The first file that is not owned by the expected user and group.
    pub foreign: Option<RelPath>,
}

impl Survey {
    /// Looks at every file outside ignored trees once.
    pub fn take(workspace: &Root, expected: Ids) -> Result<Survey, ViewError> {
        let mut survey = Survey {
            manifest: Manifest::default(),
            foreign: None,
        };
        let mut ignored = Ignored::new(vec![workspace]);
        walk(workspace, &RelPath::root(), &mut |path, stat| {
            let is_folder = kind_of(stat) == FileType::Directory;
            if survey.foreign.is_none()
                && (stat.st_uid != expected.uid || stat.st_gid != expected.gid)
            {
                survey.foreign = Some(path.clone());
            }
            if is_folder && ignored.is_ignored(path, true) {
                survey.manifest.ignored.insert(path.clone(), None);
                return Ok(Descend::No);
            }
            survey.record(workspace, path, stat)
        })?;
        Ok(survey)
    }

    fn record(
        &mut self,
        workspace: &Root,
        path: &RelPath,
        stat: &Stat,
    ) -> Result<Descend, ViewError> {
        let left_out = is_out_of_reach(workspace, path, stat);
        let base = Base {
            stamp: Stamp::of(stat),
            copy: None,
            left_out,
        };
        self.manifest.things.insert(path.clone(), base);
        if self.manifest.things.len() as u64 > WORKSPACE_FILES_MAX {
            return Err(ViewError::TooManyFiles {
                limit: WORKSPACE_FILES_MAX,
            });
        }
        Ok(if left_out { Descend::No } else { Descend::Yes })
    }
}

/// Whether a view cannot contain this: it is neither file, link nor folder, lies
/// on a foreign mount, or may not be read by us.
pub fn is_out_of_reach(workspace: &Root, path: &RelPath, stat: &Stat) -> bool {
    match kind_of(stat) {
        FileType::Directory => workspace.dir(path).is_err(),
        FileType::Symlink => false,
        FileType::RegularFile => {
            let euid = rustix::process::geteuid();
            !euid.is_root() && stat.st_uid != euid.as_raw() && workspace.file(path).is_err()
        }
        _ => true,
    }
}

/// One line of the stored manifest.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Thing(RelPath, Base),
    Ignored(RelPath, Option<TreeSummary>),
}

impl Manifest {
    /// Whether this path's state was recorded, or its absence.
    pub fn knows(&self, path: &RelPath) -> bool {
        !self.ignored.contains_key(path)
            && !path
                .ancestors()
                .any(|folder| self.ignored.contains_key(&folder))
    }

    /// Everything recorded beneath a folder.
    pub fn beneath<'a>(
        &'a self,
        folder: &'a RelPath,
    ) -> impl Iterator<Item = (&'a RelPath, &'a Base)> {
        self.things
            .range(folder.clone()..)
            .take_while(|(path, _)| path.as_bytes().starts_with(folder.as_bytes()))
            .filter(move |(path, _)| *path != folder && path.is_within(folder))
    }

    /// Records anew what stands at `path`. What lies beneath is recorded only where
    /// the folder is new: an old one may hold changes that nobody has seen yet.
    pub fn restamp(&mut self, workspace: &Root, path: &RelPath) -> Result<(), FsError> {
        let Some(stat) = workspace.stat(path)? else {
            let beneath: Vec<RelPath> =
                self.beneath(path).map(|(inner, _)| inner.clone()).collect();
            beneath.iter().chain([path]).for_each(|gone| {
                self.things.remove(gone);
            });
            return Ok(());
        };
        let is_new = !self.things.contains_key(path);
        self.set_stamp(path, &stat);
        if is_new && kind_of(&stat) == FileType::Directory {
            walk(workspace, path, &mut |inner, stat| {
                self.set_stamp(inner, stat);
                Ok::<_, FsError>(Descend::Yes)
            })?;
        }
        Ok(())
    }

    fn set_stamp(&mut self, path: &RelPath, stat: &Stat) {
        let copy = self.things.get(path).and_then(|base| base.copy);
        let base = Base {
            stamp: Stamp::of(stat),
            copy,
            left_out: false,
        };
        self.things.insert(path.clone(), base);
    }

    pub fn store(&self, into: std::fs::File) -> std::io::Result<()> {
        let mut writer = BufWriter::new(into);
        let things = self
            .things
            .iter()
            .map(|(path, base)| Line::Thing(path.clone(), base.clone()));
        let ignored = self
            .ignored
            .iter()
            .map(|(path, summary)| Line::Ignored(path.clone(), summary.clone()));
        for line in things.chain(ignored) {
            serde_json::to_writer(&mut writer, &line)?;
            writer.write_all(b"\n")?;
        }
        writer.flush()?;
        writer.get_ref().sync_all()
    }

    pub fn load(from: std::fs::File) -> std::io::Result<Manifest> {
        let mut manifest = Manifest::default();
        for line in BufReader::new(from).lines() {
            match serde_json::from_str(&line?)? {
                Line::Thing(path, base) => drop(manifest.things.insert(path, base)),
                Line::Ignored(path, summary) => drop(manifest.ignored.insert(path, summary)),
            }
        }
        Ok(manifest)
    }
}
