//! The copy-on-write view of a workspace folder, seen from the host: taking it,
//! keeping checkpoints of it, its difference as data, carrying that difference
//! over in one act, and taking it back.
//!
//! The sandbox only mounts what [`View::mount`] hands out. Whatever a task leaves
//! behind is hostile input: it is read only through [`root::Root`], which cannot
//! be led outside, and no program and no parser of the host looks into it.

pub mod limits;
pub mod path;
pub mod error;
pub mod change;
pub mod protected;
mod covers;
pub mod render;
pub mod workspace_fs;
pub mod apply;
mod checkpoint;
mod compare;
mod create;
mod escape;
mod files;
mod ignored;
mod manifest;
mod node;
mod overlay;
mod root;

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use apply::undo::undo;
pub use apply::{
    Applied, ApplyError, Direction, Point, Status, UndoError, apply, apply_status, settle,
};
pub use change::{Change, ChangeKind, ChangeSet, Conflict, IgnoredTree, Risk};
pub use checkpoint::Checkpoint;
pub use compare::IgnoredTrees;
pub use create::OverlaySupport;
pub use error::{FsError, ViewError};
pub use escape::escape;
pub use node::{Digest, LinkTarget, Node, TreeSummary};
pub use overlay::{MOUNT_OPTIONS, Marks, USER_FLAG};
pub use path::{BadPath, RelPath};
pub use render::render;
pub use workspace_fs::WorkspaceFs;

use crate::spec::WorkspaceMount;
use crate::volume::Volume;
use manifest::Manifest;
use root::Root;

/// How a view keeps the workspace untouched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum How {
    Overlay {
        marks: Marks,
    },
    Copy {
        because: String,
        files: u64,
        reflinked_files: u64,
    },
}

/// The stored description of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    format: u32,
    id: String,
    #[serde(with = "stored_path")]
    workspace: PathBuf,
    workspace_ino: u64,
    how: How,
    /// Files of the workspace that are not in the view.
    left_out: u64,
    /// What the task writes lies in a volume.
    #[serde(default)]
    in_volume: bool,
}

/// The first knew no volumes.
const FORMATS: std::ops::RangeInclusive<u32> = 1..=2;
const FORMAT: u32 = 2;
const RECORD_FILE: &str = "view.json";
/// What is being removed is named so: no id holds a dot.
const GONE: &str = ".gone";
const MANIFEST_FILE: &str = "manifest.jsonl";

/// One task's view of one workspace.
#[derive(Debug)]
pub struct View {
    record: Record,
    /// The view's own folder in the store.
    store: Root,
    workspace: Root,
    /// The volume and its top folder, where the layers lie in one.
    volume: Option<(Arc<Volume>, Root)>,
}

/// Removes what a crash left of views that were being made or removed. Answers how many there were.
pub fn clear_remains(store: &Path) -> Result<usize, ViewError> {
    let root = Root::open(store).map_err(|error| FsError::io("open", store.display(), error))?;
    let mut count = 0;
    for (name, _) in root.list(&RelPath::root())? {
        if name.as_bytes().contains(&b'.') {
            files::remove_all(&root, &name)?;
            count += 1;
        }
    }
    Ok(count)
}

impl View {
    /// Finds a view again, after a restart for example.
    pub fn open(store: &Path, id: &str) -> Result<View, ViewError> {
        View::open_with(store, id, None)
    }

    /// The same, with its volume if that is mounted already.
    fn open_with(store: &Path, id: &str, volume: Option<Volume>) -> Result<View, ViewError> {
        create::check_id(id)?;
        let damaged = |reason: String| ViewError::Damaged {
            id: id.to_owned(),
            reason,
        };
        let dir = root::canonical(&store.join(id))
            .and_then(|path| Root::open(&path))
            .map_err(|error| damaged(error.to_string()))?;
        let text = dir.read(&file_name(RECORD_FILE)?, 1 << 20)?;
        let record: Record =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if !FORMATS.contains(&record.format) {
            return Err(damaged(format!(
                "it has format {} and this version reads {FORMAT}",
                record.format
            )));
        }
        let workspace = open_same_folder(&record.workspace, record.workspace_ino)?;
        let volume = match (record.in_volume, volume) {
            (false, _) => None,
            (true, Some(volume)) => Some(with_top(volume.at(&dir.path().join(VOLUME)))?),
            (true, None) => Some(with_top(Volume::open(
                &dir.path().join(IMAGE_FILE),
                &dir.path().join(VOLUME),
            )?)?),
        };
        let view = View {
            record,
            store: dir,
            workspace,
            volume,
        };
        view.finish_refill()?;
        Ok(view)
    }

    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// The folder that this is a view of.
    pub fn workspace(&self) -> &Path {
        &self.record.workspace
    }

    pub fn how(&self) -> &How {
        &self.record.how
    }

    /// One sentence on how the view was taken and what is not in it.
    pub fn describe(&self) -> String {
        let how = match &self.record.how {
            How::Overlay { .. } => "The task works on an overlay over the workspace.".to_owned(),
            How::Copy {
                because,
                files,
                reflinked_files,
            } => format!(
                "The task works on a copy of the workspace ({files} files, {reflinked_files} of them shared on disk), because {because}."
            ),
        };
        match self.record.left_out {
            0 => how,
            count => format!(
                "{how} {count} files that are pipes, foreign mounts or not readable are not in it."
            ),
        }
    }

    /// What the sandbox is to mount at `/workspace`: an overlay with
    /// [`MOUNT_OPTIONS`], and [`USER_FLAG`] in a user namespace.
    pub fn mount(&self) -> WorkspaceMount {
        let ground = match &self.volume {
            Some((volume, _)) => volume.place(),
            None => self.store.path(),
        };
        match self.record.how {
            How::Copy { .. } => WorkspaceMount::Bind {
                dir: ground.join(COPY),
                read_only: false,
            },
            How::Overlay { .. } => WorkspaceMount::Overlay {
                lower: self.record.workspace.clone(),
                upper: ground.join(UPPER),
                work: ground.join(WORK),
            },
        }
    }

    /// The volume in which lies what the task writes, if there is one: the sandbox must have it.
    pub fn volume(&self) -> Option<Arc<Volume>> {
        self.volume.as_ref().map(|(volume, _)| volume.clone())
    }

    /// The folder in which the layers lie: the top of the volume, or the view's own.
    fn ground(&self) -> &Root {
        self.volume.as_ref().map_or(&self.store, |(_, top)| top)
    }

    /// Removes the view with its checkpoints. The workspace stays as it is.
    pub fn discard(mut self) -> Result<(), ViewError> {
        self.volume = None;
        let folder = self.store.path().to_owned();
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Ok(());
        };
        let parent =
            Root::open(parent).map_err(|error| FsError::io("open", parent.display(), error))?;
        let name = RelPath::parse(name.as_encoded_bytes())?;
        let gone = RelPath::parse(format!("{}{GONE}", self.record.id))?;
        files::remove_all(&parent, &gone)?;
        // From here on it is no view any more, also when the rest is cut off.
        let dir = parent.dir(&RelPath::root())?;
        rustix::fs::renameat(&dir, name.as_path(), &dir, gone.as_path())
            .map_err(|error| FsError::io("let go of", &name, error))?;
        Ok(files::remove_all(&parent, &gone)?)
    }

    /// The folder that carries the task's writes, relative to the ground.
    fn layer_path(&self) -> Result<RelPath, ViewError> {
        Ok(file_name(match self.record.how {
            How::Copy { .. } => COPY,
            How::Overlay { .. } => UPPER,
        })?)
    }

    fn layer(&self) -> Result<Root, ViewError> {
        Ok(self.ground().beneath(&self.layer_path()?)?)
    }

    fn manifest(&self) -> Result<Manifest, ViewError> {
        let file = self.store.file(&file_name(MANIFEST_FILE)?)?;
        Manifest::load(file).map_err(|error| ViewError::Damaged {
            id: self.record.id.clone(),
            reason: error.to_string(),
        })
    }

    fn store_manifest(&self, manifest: &Manifest) -> Result<(), ViewError> {
        store_file(&self.store, MANIFEST_FILE, |file| manifest.store(file))
    }

    /// After an apply or an undo: the workspace as it is now is what the view lies
    /// over, at these paths.
    pub fn accept(&self, paths: &[RelPath]) -> Result<(), ViewError> {
        let mut manifest = self.manifest()?;
        for path in paths {
            manifest.restamp(&self.workspace, path)?;
        }
        self.store_manifest(&manifest)
    }
}

const UPPER: &str = "upper";
const WORK: &str = "work";
const COPY: &str = "copy";
/// Where a sandbox's helper mounts the volume; for everybody else an empty folder.
const VOLUME: &str = "volume";
const IMAGE_FILE: &str = "volume.img";

fn with_top(volume: Volume) -> Result<(Arc<Volume>, Root), FsError> {
    let top = volume
        .open_top()
        .map_err(|error| FsError::io("open", "the volume of the view", error))?;
    let top = Root::of(top, volume.top());
    Ok((Arc::new(volume), top))
}

fn file_name(name: &str) -> Result<RelPath, FsError> {
    Ok(RelPath::parse(name)?)
}

/// Opens a folder and checks that it is the one that was meant.
fn open_same_folder(path: &Path, ino: u64) -> Result<Root, ViewError> {
    let shown = || escape(path.as_os_str().as_encoded_bytes());
    let root = Root::open(path).map_err(|source| ViewError::NoWorkspace {
        path: shown(),
        source,
    })?;
    if root.stat_self()?.st_ino != ino {
        return Err(ViewError::OtherWorkspace { path: shown() });
    }
    Ok(root)
}

/// Writes a file of our own store so that a crash leaves the old or the new one.
fn store_file(
    store: &Root,
    name: &str,
    write: impl FnOnce(File) -> io::Result<()>,
) -> Result<(), ViewError> {
    Ok(workspace_fs::replace_file(store, &file_name(name)?, write)?)
}

fn make_private_folder(path: &Path) -> Result<(), FsError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| FsError::io("create the folder", path.display(), error))
}

/// Paths of the host in our records, of any bytes.
mod stored_path {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    use super::escape::{escape, unescape};

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&escape(path.as_os_str().as_bytes()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        let bytes = unescape(&String::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("a stored path is damaged"))?;
        Ok(PathBuf::from(OsString::from_vec(bytes)))
    }
}
