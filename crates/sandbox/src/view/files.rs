//! Copying and removing beneath roots: files by reflink where the file system can,
//! trees with their modes and the marks of the overlay, removal without ever
//! following a link.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, XattrFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::error::FsError;
use super::limits::BUFFER_BYTES;
use super::node::{Descend, Digest, kind_of, walk};
use super::path::RelPath;
use super::root::Root;

/// Who owns what a copy makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Whoever runs this process.
    Myself,
    /// As the original (only root can).
    AsOriginal,
    /// One user and group for everything (only root can).
    Fixed { uid: u32, gid: u32 },
}

impl Owner {
    pub fn of(stat: &Stat) -> Owner {
        Owner::Fixed {
            uid: stat.st_uid,
            gid: stat.st_gid,
        }
    }

    fn ids(self, original: &Stat) -> Option<(Uid, Gid)> {
        match self {
            Owner::Myself => None,
            Owner::AsOriginal => Some((
                Uid::from_raw(original.st_uid),
                Gid::from_raw(original.st_gid),
            )),
            Owner::Fixed { uid, gid } => Some((Uid::from_raw(uid), Gid::from_raw(gid))),
        }
    }
}

/// How a tree is copied.
#[derive(Clone, Copy, Debug)]
pub struct CopyRules {
    pub owner: Owner,
    /// Which bits of the original's mode are kept.
    pub mode_mask: u32,
    /// Keep whiteouts and the overlay's own attributes.
    pub keep_overlay_marks: bool,
    pub bytes_max: u64,
}

/// What a copy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub files: u64,
    pub bytes: u64,
    pub reflinked_files: u64,
    /// Pipes, sockets and devices, which are not copied.
    pub skipped: u64,
}

/// Makes a new regular file that nothing stood in the way of.
pub fn create_file(dir: BorrowedFd<'_>, name: &[u8], shown: &RelPath) -> Result<File, FsError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o600))
        .map(File::from)
        .map_err(|error| FsError::io("create", shown, error))
}

/// Copies while hashing what was actually written.
pub fn copy_hashed(source: &mut File, target: &mut File) -> std::io::Result<(u64, Digest)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut total_bytes = 0;
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok((total_bytes, Digest(hasher.finalize().into())));
        }
        target.write_all(&buffer[..count])?;
        hasher.update(&buffer[..count]);
        total_bytes += count as u64;
    }
}

/// Copies a file's bytes, by reflink if possible; answers whether it was one.
pub fn copy_bytes(source: &mut File, target: &mut File) -> std::io::Result<bool> {
    if rustix::fs::ioctl_ficlone(&*target, &*source).is_ok() {
        return Ok(true);
    }
    std::io::copy(source, target).map(|_| false)
}

/// What to do with one thing while a tree is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    Copy,
    /// Leave it out, a folder with all it holds.
    Skip,
    /// It is already at the target: the caller put it there.
    Done,
}

/// Decides for one thing, given where its copy would stand.
pub type Choose<'a> = dyn FnMut(&RelPath, &Stat, BorrowedFd<'_>) -> Take + 'a;

/// Copies everything beneath `from` into the existing folder `to`.
pub fn copy_tree(
    from: (&Root, &RelPath),
    to: (&Root, &RelPath),
    rules: &CopyRules,
    choose: &mut Choose<'_>,
) -> Result<Copied, FsError> {
    let mut copied = Copied::default();
    let mut folders = Vec::new();
    walk(from.0, from.1, &mut |path, stat| {
        let target = to.1.join(path.beneath(from.1))?;
        let target_dir = to.0.parent(&target)?;
        let take = choose(path, stat, target_dir.as_fd());
        if take == Take::Skip {
            return Ok(Descend::No);
        }
        if kind_of(stat) == FileType::Directory {
            rustix::fs::mkdirat(&target_dir, target.name(), Mode::from_raw_mode(0o700))
                .map_err(|error| FsError::io("create the folder", &target, error))?;
            folders.push((path.clone(), target, *stat));
        } else if take == Take::Copy {
            copy_leaf(
                from.0,
                path,
                stat,
                (&target_dir, &target),
                rules,
                &mut copied,
            )?;
        }
        Ok::<_, FsError>(Descend::Yes)
    })?;
    for (path, target, stat) in folders.iter().rev() {
        finish_folder((from.0, path), (to.0, target), stat, rules)?;
    }
    Ok(copied)
}

/// Modes and attributes come last and inside out: a folder may be read-only.
pub fn finish_folder(
    from: (&Root, &RelPath),
    to: (&Root, &RelPath),
    stat: &Stat,
    rules: &CopyRules,
) -> Result<(), FsError> {
    let target = to.0.dir(to.1)?;
    if rules.keep_overlay_marks {
        copy_marks(from.0.dir(from.1)?.as_fd(), target.as_fd(), from.1)?;
    }
    set_owner_and_mode(target.as_fd(), to.1, stat, rules)
}

fn copy_leaf(
    from: &Root,
    path: &RelPath,
    stat: &Stat,
    (target_dir, target): (&OwnedFd, &RelPath),
    rules: &CopyRules,
    copied: &mut Copied,
) -> Result<(), FsError> {
    match kind_of(stat) {
        FileType::RegularFile => copy_file(from, path, (target_dir, target), rules, copied),
        FileType::Symlink => copy_link(from, path, stat, (target_dir, target), rules),
        FileType::CharacterDevice if rules.keep_overlay_marks && stat.st_rdev == 0 => {
            rustix::fs::mknodat(
                target_dir,
                target.name(),
                FileType::CharacterDevice,
                Mode::empty(),
                0,
            )
            .map_err(|error| FsError::io("mark the removal of", path, error))
        }
        _ => {
            copied.skipped += 1;
            Ok(())
        }
    }
}

fn copy_file(
    from: &Root,
    path: &RelPath,
    (target_dir, target): (&OwnedFd, &RelPath),
    rules: &CopyRules,
    copied: &mut Copied,
) -> Result<(), FsError> {
    let mut source = from.file(path)?;
    let stat = rustix::fs::fstat(&source).map_err(|error| FsError::io("look at", path, error))?;
    let mut file = create_file(target_dir.as_fd(), target.name(), target)?;
    let reflinked =
        copy_bytes(&mut source, &mut file).map_err(|error| FsError::io("copy", path, error))?;
    copied.files += 1;
    copied.reflinked_files += u64::from(reflinked);
    copied.bytes += if reflinked {
        0
    } else {
        u64::try_from(stat.st_size).unwrap_or(0)
    };
    if copied.bytes > rules.bytes_max {
        return Err(FsError::TooLarge {
            path: path.to_string(),
            limit_bytes: rules.bytes_max,
        });
    }
    if rules.keep_overlay_marks {
        copy_marks(source.as_fd(), file.as_fd(), path)?;
    }
    set_owner_and_mode(file.as_fd(), target, &stat, rules)
}

fn copy_link(
    from: &Root,
    path: &RelPath,
    stat: &Stat,
    (target_dir, target): (&OwnedFd, &RelPath),
    rules: &CopyRules,
) -> Result<(), FsError> {
    rustix::fs::symlinkat(from.link_target(path)?, target_dir, target.name())
        .map_err(|error| FsError::io("create the link", target, error))?;
    if let Some((uid, gid)) = rules.owner.ids(stat) {
        rustix::fs::chownat(
            target_dir,
            target.name(),
            Some(uid),
            Some(gid),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(|error| FsError::io("set the owner of", target, error))?;
    }
    Ok(())
}

fn set_owner_and_mode(
    fd: BorrowedFd<'_>,
    shown: &RelPath,
    original: &Stat,
    rules: &CopyRules,
) -> Result<(), FsError> {
    if let Some((uid, gid)) = rules.owner.ids(original) {
        rustix::fs::fchown(fd, Some(uid), Some(gid))
            .map_err(|error| FsError::io("set the owner of", shown, error))?;
    }
    rustix::fs::fchmod(fd, Mode::from_raw_mode(original.st_mode & rules.mode_mask))
        .map_err(|error| FsError::io("set the mode of", shown, error))
}

/// Carries the overlay's attributes; nothing else that a task may have set.
fn copy_marks(from: BorrowedFd<'_>, to: BorrowedFd<'_>, shown: &RelPath) -> Result<(), FsError> {
    let failed = |error: Errno| FsError::io("read the attributes of", shown, error);
    for name in xattr_names(from).map_err(failed)? {
        if name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.") {
            let mut value = vec![0; 4096];
            let length =
                rustix::fs::fgetxattr(from, name.as_slice(), &mut value[..]).map_err(failed)?;
            rustix::fs::fsetxattr(to, name.as_slice(), &value[..length], XattrFlags::empty())
                .map_err(|error| FsError::io("set the attributes of", shown, error))?;
        }
    }
    Ok(())
}

/// The names of a file's extended attributes; none where there are no such things.
pub fn xattr_names(fd: BorrowedFd<'_>) -> rustix::io::Result<Vec<Vec<u8>>> {
    let mut list = vec![0; 64 << 10];
    match rustix::fs::flistxattr(fd, &mut list[..]) {
        Ok(length) => Ok(list[..length]
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(<[u8]>::to_vec)
            .collect()),
        Err(Errno::OPNOTSUPP) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Removes what stands at `path`, a folder with all it holds. Nothing there is
/// fine. Links are removed, never followed.
pub fn remove_all(root: &Root, path: &RelPath) -> Result<(), FsError> {
    let Some(stat) = root.stat(path)? else {
        return Ok(());
    };
    if kind_of(&stat) != FileType::Directory {
        return unlink(root, path, AtFlags::empty());
    }
    make_passable(root, path);
    let mut folders = vec![path.clone()];
    walk(root, path, &mut |inner, stat| {
        if kind_of(stat) == FileType::Directory {
            if unlink(root, inner, AtFlags::REMOVEDIR).is_ok() {
                return Ok(Descend::No);
            }
            make_passable(root, inner);
            folders.push(inner.clone());
        } else {
            unlink(root, inner, AtFlags::empty())?;
        }
        Ok::<_, FsError>(Descend::Yes)
    })?;
    folders
        .iter()
        .rev()
        .try_for_each(|folder| unlink(root, folder, AtFlags::REMOVEDIR))
}

/// A task may leave folders that even their owner cannot list.
fn make_passable(root: &Root, folder: &RelPath) {
    // A failure shows when the folder cannot be emptied.
    let _ = root.make_passable(folder);
}

fn unlink(root: &Root, path: &RelPath, flags: AtFlags) -> Result<(), FsError> {
    match rustix::fs::unlinkat(root.parent(path)?, path.name(), flags) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(FsError::io("remove", path, error)),
    }
}
