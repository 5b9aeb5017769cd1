//! Checkpoints of a view: what the task had written after a step, so that a crash
//! in the next one loses only that. Unchanged files are shared between
//! checkpoints by hard links, so a step costs what it changed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, RenameFlags};
use serde::{Deserialize, Serialize};

use super::error::{FsError, ViewError};
use super::files::{CopyRules, Owner, Take, copy_tree, finish_folder, remove_all};
use super::limits::{CHECKPOINT_BYTES_MAX, CHECKPOINTS_KEPT};
use super::node::{Descend, MODE_BITS, Stamp, kind_of, walk};
use super::path::RelPath;
use super::root::Root;
use super::{How, UPPER, View, WORK, file_name, make_private_folder, store_file};

const FOLDER: &str = "checkpoints";
const LIST_FILE: &str = "checkpoints.json";
const REFILL_FILE: &str = "refill.json";

/// What a checkpoint cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    pub number: u64,
    /// Nothing changed since the one before; nothing was copied.
    pub is_same_as_before: bool,
    pub copied_files: u64,
    pub shared_files: u64,
}

/// A kept checkpoint and the tree that holds it; several may share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Kept {
    number: u64,
    tree: u64,
}

type Stamps = BTreeMap<RelPath, Stamp>;

impl View {
    /// Keeps the view as it is now under `number`, which must grow from one to the
    /// next. The sandbox must be idle or gone.
    pub fn checkpoint(&self, number: u64) -> Result<Checkpoint, ViewError> {
        let layer = self.layer()?;
        let now = stamps_of(&layer)?;
        let mut kept = self.kept()?;
        kept.retain(|entry| entry.number < number);
        let latest = kept
            .last()
            .map(|entry| (entry.tree, self.load_stamps(entry.tree)));
        let (checkpoint, tree) = match latest {
            Some((tree, Ok(before))) if before == now => (
                Checkpoint {
                    number,
                    is_same_as_before: true,
                    copied_files: 0,
                    shared_files: 0,
                },
                tree,
            ),
            Some((tree, Ok(before))) => (
                self.copy_layer(&layer, number, Some((tree, &before)))?,
                number,
            ),
            _ => (self.copy_layer(&layer, number, None)?, number),
        };
        if tree == number {
            self.store_stamps(tree, &now)?;
        }
        kept.push(Kept { number, tree });
        kept.drain(..kept.len().saturating_sub(CHECKPOINTS_KEPT));
        self.store_kept(&kept)?;
        Ok(checkpoint)
    }

    /// The numbers of the checkpoints that can be restored, oldest first.
    pub fn checkpoints(&self) -> Result<Vec<u64>, ViewError> {
        Ok(self.kept()?.into_iter().map(|entry| entry.number).collect())
    }

    /// Makes the view what it was at a checkpoint; later ones are forgotten. The
    /// sandbox must be gone.
    pub fn restore(&self, number: u64) -> Result<(), ViewError> {
        let mut kept = self.kept()?;
        let Some(entry) = kept.iter().find(|entry| entry.number == number).copied() else {
            return Err(ViewError::NoCheckpoint {
                number,
                kept: kept.into_iter().map(|entry| entry.number).collect(),
            });
        };
        let before = self.load_stamps(entry.tree)?;
        match self.volume {
            Some(_) => self.refill_layer(entry.tree)?,
            None => self.swap_layer(entry.tree)?,
        }
        let now = stamps_of(&self.layer()?)?;
        self.carry_stamps(&before, &now)?;
        kept.retain(|other| other.number <= number);
        self.store_stamps(entry.tree, &now)?;
        self.store_kept(&kept)
    }

    fn copy_layer(
        &self,
        layer: &Root,
        number: u64,
        before: Option<(u64, &Stamps)>,
    ) -> Result<Checkpoint, ViewError> {
        let (making, done) = (
            tree_path(&format!("{number}.making"))?,
            tree_path(&number.to_string())?,
        );
        make_private_folder(&self.store.path().join(FOLDER))?;
        remove_all(&self.store, &making)?;
        remove_all(&self.store, &done)?;
        make_private_folder(&self.store.path().join(making.as_path()))?;
        let mut shared_files = 0;
        let copied = copy_tree(
            (layer, &RelPath::root()),
            (&self.store, &making),
            &checkpoint_rules(),
            &mut |path, stat, target| {
                let is_shared = kind_of(stat) != FileType::Directory
                    && before.is_some_and(|(tree, stamps)| {
                        stamps.get(path) == Some(&Stamp::of(stat)) && self.share(tree, path, target)
                    });
                shared_files += u64::from(is_shared);
                if is_shared { Take::Done } else { Take::Copy }
            },
        )
        .map_err(|error| match error {
            FsError::TooLarge { limit_bytes, .. } => ViewError::CheckpointTooLarge { limit_bytes },
            error => error.into(),
        })?;
        self.rename_in_store(&making, &done, RenameFlags::NOREPLACE)?;
        Ok(Checkpoint {
            number,
            is_same_as_before: false,
            copied_files: copied.files,
            shared_files,
        })
    }

    /// Links the file of an earlier checkpoint into a new one; a failure only
    /// means that it is copied.
    fn share(&self, tree: u64, path: &RelPath, target_dir: std::os::fd::BorrowedFd<'_>) -> bool {
        let link = || -> Result<(), FsError> {
            let old =
                RelPath::parse([format!("{FOLDER}/{tree}/").as_bytes(), path.as_bytes()].concat())?;
            rustix::fs::linkat(
                self.store.parent(&old)?,
                old.name(),
                target_dir,
                path.name(),
                AtFlags::empty(),
            )
            .map_err(|error| FsError::io("link", path, error))
        };
        link().is_ok()
    }

    fn swap_layer(&self, tree: u64) -> Result<(), ViewError> {
        let (current, fresh) = (self.layer_path()?, file_name("restoring")?);
        let tree = tree_path(&tree.to_string())?;
        remove_all(&self.store, &fresh)?;
        make_private_folder(&self.store.path().join(fresh.as_path()))?;
        copy_tree(
            (&self.store, &tree),
            (&self.store, &fresh),
            &checkpoint_rules(),
            &mut |_, _, _| Take::Copy,
        )?;
        let top = self.layer()?.stat_self()?;
        finish_folder(
            (&self.store, &current),
            (&self.store, &fresh),
            &top,
            &checkpoint_rules(),
        )?;
        self.rename_in_store(&fresh, &current, RenameFlags::EXCHANGE)?;
        remove_all(&self.store, &fresh)?;
        self.renew_work()
    }

    /// A volume need not have room for both, so the layer is emptied first. What is being done is
    /// written down, and finished by whoever opens the view after a crash.
    fn refill_layer(&self, tree: u64) -> Result<(), ViewError> {
        store_file(&self.store, REFILL_FILE, |file| {
            serde_json::to_writer(&file, &tree)?;
            file.sync_all()
        })?;
        let (ground, layer) = (self.ground(), self.layer_path()?);
        for (path, _) in ground.list(&layer)? {
            remove_all(ground, &path)?;
        }
        copy_tree(
            (&self.store, &tree_path(&tree.to_string())?),
            (ground, &layer),
            &checkpoint_rules(),
            &mut |_, _, _| Take::Copy,
        )?;
        self.renew_work()?;
        Ok(remove_all(&self.store, &file_name(REFILL_FILE)?)?)
    }

    /// After a crash in the middle of a refill.
    pub(super) fn finish_refill(&self) -> Result<(), ViewError> {
        match self.store.read(&file_name(REFILL_FILE)?, 64) {
            Err(error) if error.is_absent() => Ok(()),
            text => {
                let tree = serde_json::from_slice(&text?).map_err(|error| self.damaged(&error))?;
                self.refill_layer(tree)
            }
        }
    }

    /// The overlay's scratch folder belongs to one upper folder only.
    fn renew_work(&self) -> Result<(), ViewError> {
        if let How::Overlay { .. } = self.how() {
            let work = file_name(WORK)?;
            let ground = self.ground();
            remove_all(ground, &work)?;
            make_private_folder(&ground.path().join(WORK))?;
            let upper = file_name(UPPER)?;
            let top = self.layer()?.stat_self()?;
            let rules = CopyRules {
                keep_overlay_marks: false,
                ..checkpoint_rules()
            };
            finish_folder((ground, &upper), (ground, &work), &top, &rules)?;
        }
        Ok(())
    }

    fn rename_in_store(
        &self,
        from: &RelPath,
        to: &RelPath,
        flags: RenameFlags,
    ) -> Result<(), FsError> {
        rustix::fs::renameat_with(
            self.store.parent(from)?.as_fd(),
            from.name(),
            self.store.parent(to)?.as_fd(),
            to.name(),
            flags,
        )
        .map_err(|error| FsError::io("rename", to, error))
    }

    /// A copied view knows its untouched files by stamp. Where we ourselves gave
    /// them a new one, the manifest learns it.
    fn carry_stamps(&self, before: &Stamps, now: &Stamps) -> Result<(), ViewError> {
        let How::Copy { .. } = self.how() else {
            return Ok(());
        };
        let mut manifest = self.manifest()?;
        for (path, base) in &mut manifest.things {
            if base.copy.is_some() && base.copy.as_ref() == before.get(path) {
                base.copy = now.get(path).copied();
            }
        }
        self.store_manifest(&manifest)
    }

    fn kept(&self) -> Result<Vec<Kept>, ViewError> {
        match self.store.read(&file_name(LIST_FILE)?, 1 << 20) {
            Err(error) if error.is_absent() => Ok(Vec::new()),
            text => serde_json::from_slice(&text?).map_err(|error| self.damaged(&error)),
        }
    }

    /// The list is the truth; trees that it no longer names are removed after it.
    fn store_kept(&self, kept: &[Kept]) -> Result<(), ViewError> {
        store_file(&self.store, LIST_FILE, |file| {
            serde_json::to_writer(&file, kept)?;
            file.sync_all()
        })?;
        let used: BTreeSet<Vec<u8>> = kept
            .iter()
            .flat_map(|entry| {
                [
                    entry.tree.to_string().into_bytes(),
                    stamps_name(entry.tree).into_bytes(),
                ]
            })
            .collect();
        let folder = file_name(FOLDER)?;
        for (path, _) in self.store.list_if_there(&folder)? {
            if !used.contains(path.name()) {
                remove_all(&self.store, &path)?;
            }
        }
        Ok(())
    }

    fn load_stamps(&self, tree: u64) -> Result<Stamps, ViewError> {
        let file = self.store.file(&tree_path(&stamps_name(tree))?)?;
        serde_json::from_reader(std::io::BufReader::new(file)).map_err(|error| self.damaged(&error))
    }

    fn store_stamps(&self, tree: u64, stamps: &Stamps) -> Result<(), ViewError> {
        Ok(super::workspace_fs::replace_file(
            &self.store,
            &tree_path(&stamps_name(tree))?,
            |file| {
                let mut writer = std::io::BufWriter::new(&file);
                serde_json::to_writer(&mut writer, stamps)?;
                std::io::Write::flush(&mut writer)
            },
        )?)
    }

    fn damaged(&self, error: &serde_json::Error) -> ViewError {
        ViewError::Damaged {
            id: self.id().to_owned(),
            reason: error.to_string(),
        }
    }
}

fn tree_path(name: &str) -> Result<RelPath, FsError> {
    Ok(RelPath::parse(format!("{FOLDER}/{name}"))?)
}

fn stamps_name(tree: u64) -> String {
    format!("{tree}.stamps.json")
}

fn checkpoint_rules() -> CopyRules {
    let owner = if rustix::process::geteuid().is_root() {
        Owner::AsOriginal
    } else {
        Owner::Myself
    };
    CopyRules {
        owner,
        mode_mask: MODE_BITS,
        keep_overlay_marks: true,
        bytes_max: CHECKPOINT_BYTES_MAX,
    }
}

fn stamps_of(layer: &Root) -> Result<Stamps, FsError> {
    let mut stamps = Stamps::new();
    walk(layer, &RelPath::root(), &mut |path, stat| {
        stamps.insert(path.clone(), Stamp::of(stat));
        Ok::<_, FsError>(Descend::Yes)
    })?;
    Ok(stamps)
}
