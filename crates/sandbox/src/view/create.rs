//! Taking a view: overlay where owners and kernel allow it, a copy otherwise, a
//! refusal where neither would be honest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Gid, Mode, Stat, Uid};

use super::error::{FsError, ViewError};
use super::files::{Copied, CopyRules, Owner, Take, copy_tree, remove_all};
use super::limits::{COPY_BYTES_MAX, COPY_FILES_MAX};
use super::manifest::{Ids, Manifest, Survey, is_out_of_reach};
use super::node::{Descend, MODE_BITS, Stamp, TreeSummary, kind_of, tree_summary, walk};
use super::overlay::{Marks, kernel_takes, upper_can_hold_marks};
use super::path::RelPath;
use super::render::human_bytes;
use super::root::{Root, canonical};
use super::{
    COPY, FORMAT, How, IMAGE_FILE, RECORD_FILE, Record, UPPER, VOLUME, View, WORK, escape,
    file_name, make_private_folder, store_file,
};
use crate::volume::{Room, Volume};

/// Who could mount an overlay for the sandbox; the sandbox's own probe knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlaySupport {
    /// We are root: the overlay is mounted over an id-mapped workspace.
    Privileged,
    /// We are an ordinary user: mounted with `userxattr` in the user namespace.
    UserNamespace,
    /// Not at all; the reason is a clause, as in "the kernel has no overlay".
    None { because: String },
}

impl OverlaySupport {
    /// The likely answer from who we are. What the kernel really takes is tried
    /// on the actual folders as root; as a user the sandbox's probe must tell.
    pub fn of_this_process() -> OverlaySupport {
        if rustix::process::geteuid().is_root() {
            OverlaySupport::Privileged
        } else {
            OverlaySupport::UserNamespace
        }
    }

    fn marks(&self) -> Result<Marks, String> {
        match self {
            OverlaySupport::Privileged => Ok(Marks::Trusted),
            OverlaySupport::UserNamespace => Ok(Marks::User),
            OverlaySupport::None { because } => Err(because.clone()),
        }
    }
}

/// Refuses ids that could lead out of the store.
pub fn check_id(id: &str) -> Result<(), ViewError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if id.is_empty() || id.len() > 64 || !id.bytes().all(fits) {
        return Err(ViewError::BadId(id.to_owned()));
    }
    Ok(())
}

impl View {
    /// Takes a view of `workspace`, kept under `id` in `store`. A view that was
    /// begun and never finished under the same id is removed first.
    pub fn create(
        workspace: &Path,
        store: &Path,
        id: &str,
        overlay: &OverlaySupport,
    ) -> Result<View, ViewError> {
        View::create_within(workspace, store, id, overlay, None)
    }

    /// The same; with `room`, what the task writes lies in a volume of so much room, or there is
    /// no view.
    pub fn create_within(
        workspace: &Path,
        store: &Path,
        id: &str,
        overlay: &OverlaySupport,
        room: Option<Room>,
    ) -> Result<View, ViewError> {
        check_id(id)?;
        let workspace = open_workspace(workspace, store)?;
        make_private_folder(store)?;
        let store = canonical(store)
            .and_then(|path| Root::open(&path))
            .map_err(|error| FsError::io("open", store.display(), error))?;
        let making = RelPath::parse(format!("{id}.making"))?;
        remove_all(&store, &making)?;
        let folder = store.path().join(making.as_path());
        make_private_folder(&folder)?;
        make_reachable(&folder)?;
        let folder =
            Root::open(&folder).map_err(|error| FsError::io("open", folder.display(), error))?;
        let volume = match make(&workspace, &folder, id, overlay, room) {
            Ok(volume) => volume,
            Err(error) => {
                remove_all(&store, &making)?;
                return Err(error);
            }
        };
        publish(&store, &making, id)?;
        View::open_with(store.path(), id, volume)
    }
}

/// Through the id map of a foreign folder's owner, root is nobody in here: the layers can be
/// reached only if everybody may pass. The store around it stays closed.
fn make_reachable(folder: &Path) -> Result<(), FsError> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(folder, mode)
        .map_err(|error| FsError::io("open the way into", folder.display(), error))
}

fn publish(store: &Root, making: &RelPath, id: &str) -> Result<(), ViewError> {
    let dir = store.dir(&RelPath::root())?;
    rustix::fs::renameat_with(
        &dir,
        making.as_path(),
        &dir,
        id,
        rustix::fs::RenameFlags::NOREPLACE,
    )
    .map_err(|error| FsError::io("finish the view", id, error).into())
}

fn open_workspace(path: &Path, store: &Path) -> Result<Root, ViewError> {
    let shown = escape(path.as_os_str().as_encoded_bytes());
    let no_workspace = |source| ViewError::NoWorkspace {
        path: shown.clone(),
        source,
    };
    let canonical_path = canonical(path).map_err(no_workspace)?;
    let refused = |reason: &str| ViewError::Refused {
        path: shown.clone(),
        reason: reason.to_owned(),
    };
    if canonical_path == Path::new("/") {
        return Err(refused("it is the whole machine; open a folder"));
    }
    if existing_part(store)
        .map_err(no_workspace)?
        .starts_with(&canonical_path)
    {
        return Err(refused(
            "Wardroom's own data lies inside it; open a folder beside it",
        ));
    }
    Root::open(&canonical_path).map_err(no_workspace)
}

/// The store may not be there yet; where it would be is asked of what is.
fn existing_part(store: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(store)?;
    let existing = absolute.ancestors().find(|folder| folder.exists());
    canonical(existing.unwrap_or(Path::new("/")))
}

fn make(
    workspace: &Root,
    folder: &Root,
    id: &str,
    overlay: &OverlaySupport,
    room: Option<Room>,
) -> Result<Option<Volume>, ViewError> {
    let top = workspace.stat_self()?;
    let Survey {
        mut manifest,
        foreign,
    } = Survey::take(workspace, expected_ids(&top))?;
    let marks = overlay.marks().and_then(|marks| match &foreign {
        Some(path) => Err(format!(
            "{path} belongs to another user or group than the rest"
        )),
        None => Ok(marks),
    });
    let (how, volume) = match marks.and_then(|marks| make_overlay(workspace, folder, &top, marks)) {
        Ok(marks) => {
            let volume = room.map(|room| layers_in_volume(folder, &top, room));
            (How::Overlay { marks }, volume.transpose()?)
        }
        Err(because) => make_copy(workspace, folder, &top, because, &mut manifest, room)?,
    };
    wait_for_next_tick(folder)?;
    let left_out = manifest
        .things
        .values()
        .filter(|base| base.left_out)
        .count() as u64;
    let record = Record {
        format: FORMAT,
        id: id.to_owned(),
        workspace: workspace.path().to_owned(),
        workspace_ino: top.st_ino,
        how,
        left_out,
        in_volume: volume.is_some(),
    };
    store_file(folder, super::MANIFEST_FILE, |file| manifest.store(file))?;
    store_file(folder, RECORD_FILE, |file| {
        serde_json::to_writer_pretty(&file, &record)?;
        file.sync_all()
    })?;
    Ok(volume)
}

/// A volume in the view's folder, and its top.
fn make_volume(folder: &Root, room: Room) -> Result<(Volume, Root), ViewError> {
    let place = folder.path().join(VOLUME);
    make_private_folder(&place)?;
    let volume = Volume::make(&folder.path().join(IMAGE_FILE), &place, room)?;
    let top = volume
        .open_top()
        .map_err(|error| FsError::io("open", "the volume of the view", error))?;
    let top = Root::of(top, volume.top());
    Ok((volume, top))
}

/// The overlay was tried on the view's own folder, where every kernel lets us try; its layers then
/// lie in the volume.
fn layers_in_volume(folder: &Root, top: &Stat, room: Room) -> Result<Volume, ViewError> {
    let (volume, ground) = make_volume(folder, room)?;
    for layer in [UPPER, WORK] {
        remove_all(folder, &file_name(layer)?)?;
        make_layer(&ground, layer, top)?;
    }
    Ok(volume)
}

/// Root maps one owner into the sandbox, the folder's; a user has only himself.
fn expected_ids(top: &Stat) -> Ids {
    let (euid, egid) = (rustix::process::geteuid(), rustix::process::getegid());
    if euid.is_root() {
        Ids {
            uid: top.st_uid,
            gid: top.st_gid,
        }
    } else {
        Ids {
            uid: euid.as_raw(),
            gid: egid.as_raw(),
        }
    }
}

/// The error is a clause that says why a copy is needed.
fn make_overlay(
    workspace: &Root,
    folder: &Root,
    top: &Stat,
    marks: Marks,
) -> Result<Marks, String> {
    let attempt = || -> Result<(), String> {
        let text = |error: FsError| error.to_string();
        let (upper, work) = (
            file_name(UPPER).map_err(text)?,
            file_name(WORK).map_err(text)?,
        );
        make_layer(folder, UPPER, top).map_err(text)?;
        make_layer(folder, WORK, top).map_err(text)?;
        upper_can_hold_marks(folder, &upper, marks)?;
        if marks == Marks::Trusted {
            kernel_takes(workspace, folder, &upper, &work)?;
            // The attempt left a file of root's in there, which the sandbox could not clear away.
            remove_all(folder, &work).map_err(text)?;
            make_layer(folder, WORK, top).map_err(text)?;
        }
        Ok(())
    };
    attempt().map(|()| marks)
}

/// A folder that looks like the workspace's own, for the task to write into.
fn make_layer(folder: &Root, name: &str, top: &Stat) -> Result<(), FsError> {
    let path = file_name(name)?;
    make_private_folder(&folder.path().join(name))?;
    let fd = folder.dir(&path)?;
    if rustix::process::geteuid().is_root() {
        rustix::fs::fchown(
            &fd,
            Some(Uid::from_raw(top.st_uid)),
            Some(Gid::from_raw(top.st_gid)),
        )
        .map_err(|error| FsError::io("set the owner of", &path, error))?;
    }
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(top.st_mode & MODE_BITS))
        .map_err(|error| FsError::io("set the mode of", &path, error))
}

fn make_copy(
    workspace: &Root,
    folder: &Root,
    top: &Stat,
    because: String,
    manifest: &mut Manifest,
    room: Option<Room>,
) -> Result<(How, Option<Volume>), ViewError> {
    for unused in [UPPER, WORK] {
        remove_all(folder, &file_name(unused)?)?;
    }
    let reflinks = room.is_none() && can_reflink(workspace, folder)?;
    let size = check_size(workspace, &because, reflinks)?;
    let volume = room.map(|room| make_volume(folder, room.plus(size.bytes, size.files)));
    let volume = volume.transpose()?;
    let ground = volume.as_ref().map_or(folder, |(_, top)| top);
    make_layer(ground, COPY, top)?;
    let copied = copy_workspace(workspace, ground, top)?;
    stamp_copies(ground, manifest)?;
    let how = How::Copy {
        because,
        files: copied.files,
        reflinked_files: copied.reflinked_files,
    };
    Ok((how, volume.map(|(volume, _)| volume)))
}

/// What a copy takes of a disk.
struct Size {
    files: u64,
    bytes: u64,
}

/// Tries it with the first regular file there is.
fn can_reflink(workspace: &Root, folder: &Root) -> Result<bool, FsError> {
    let first = workspace
        .list(&RelPath::root())?
        .into_iter()
        .find(|(_, stat)| kind_of(stat) == FileType::RegularFile && stat.st_size > 0);
    let Some(source) = first.and_then(|(path, _)| workspace.file(&path).ok()) else {
        return Ok(false);
    };
    let probe = file_name("probe")?;
    let target = super::files::create_file(
        std::os::fd::AsFd::as_fd(&folder.dir(&RelPath::root())?),
        b"probe",
        &probe,
    )?;
    let took = rustix::fs::ioctl_ficlone(&target, &source).is_ok();
    remove_all(folder, &probe)?;
    Ok(took)
}

fn check_size(workspace: &Root, because: &str, reflinks: bool) -> Result<Size, ViewError> {
    const BLOCK_BYTES: u64 = 4096;
    let too_large = |found: String, limit: String| ViewError::TooLargeToCopy {
        because: because.to_owned(),
        found,
        limit,
    };
    let (mut files, mut bytes) = (0_u64, 0_u64);
    walk(workspace, &RelPath::root(), &mut |path, stat| {
        files += 1;
        bytes += match reflinks {
            true => 0,
            false => Stamp::of(stat).bytes.next_multiple_of(BLOCK_BYTES),
        };
        if files > COPY_FILES_MAX {
            return Err(too_large(
                format!("more than {COPY_FILES_MAX} files"),
                format!("{COPY_FILES_MAX} files"),
            ));
        }
        if bytes > COPY_BYTES_MAX {
            return Err(too_large(
                format!("more than {}", human_bytes(COPY_BYTES_MAX)),
                human_bytes(COPY_BYTES_MAX),
            ));
        }
        Ok(if is_out_of_reach(workspace, path, stat) {
            Descend::No
        } else {
            Descend::Yes
        })
    })?;
    Ok(Size { files, bytes })
}

fn copy_workspace(workspace: &Root, folder: &Root, top: &Stat) -> Result<Copied, FsError> {
    let owner = if rustix::process::geteuid().is_root() {
        Owner::of(top)
    } else {
        Owner::Myself
    };
    let rules = CopyRules {
        owner,
        mode_mask: MODE_BITS,
        keep_overlay_marks: false,
        bytes_max: COPY_BYTES_MAX,
    };
    copy_tree(
        (workspace, &RelPath::root()),
        (folder, &file_name(COPY)?),
        &rules,
        &mut |path, stat, _| {
            if is_out_of_reach(workspace, path, stat) {
                Take::Skip
            } else {
                Take::Copy
            }
        },
    )
}

fn stamp_copies(folder: &Root, manifest: &mut Manifest) -> Result<(), ViewError> {
    let copy = folder.beneath(&file_name(COPY)?)?;
    let mut ignored: Vec<(RelPath, TreeSummary)> = Vec::new();
    walk(&copy, &RelPath::root(), &mut |path, stat| {
        if manifest.ignored.contains_key(path) {
            ignored.push((path.clone(), tree_summary(&copy, path)?));
            return Ok(Descend::No);
        }
        if let Some(base) = manifest.things.get_mut(path) {
            base.copy = Some(Stamp::of(stat));
        }
        Ok::<_, FsError>(Descend::Yes)
    })?;
    manifest.ignored.extend(
        ignored
            .into_iter()
            .map(|(path, summary)| (path, Some(summary))),
    );
    Ok(())
}

/// File times move in ticks of some milliseconds. A change in the same tick as a
/// stamp would be invisible, so the view is not handed out before the next one.
fn wait_for_next_tick(folder: &Root) -> Result<(), FsError> {
    let path = file_name("tick")?;
    let file = super::files::create_file(
        std::os::fd::AsFd::as_fd(&folder.dir(&RelPath::root())?),
        b"tick",
        &path,
    )?;
    let change_time = || {
        rustix::fs::fstat(&file)
            .map(|stat| Stamp::of(&stat).ctime_ns)
            .map_err(|error| FsError::io("look at", &path, error))
    };
    let (first, begun) = (change_time()?, Instant::now());
    while change_time()? == first && begun.elapsed() < Duration::from_millis(50) {
        std::thread::yield_now();
        rustix::fs::fchmod(&file, Mode::from_raw_mode(0o600))
            .map_err(|error| FsError::io("set the mode of", &path, error))?;
    }
    remove_all(folder, &path)
}
