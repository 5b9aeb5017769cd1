//! The only door to a folder on the host: every look and every change starts at
//! an open root and is resolved by the kernel beneath it, without following any
//! link, and never blocks on a pipe. What a path names may be swapped at any
//! moment; nothing here can be led outside by that.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::error::FsError;
use super::path::RelPath;

const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// The kernel answers `EAGAIN` where a rename happened while it resolved.
const RESOLVE_TRIES: usize = 64;

/// An open folder and everything beneath it.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

impl Root {
    /// Opens an absolute path that contains no link (canonicalise it first).
    pub fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let fd = rustix::fs::openat2(rustix::fs::CWD, path, flags, Mode::empty(), resolve)?;
        Ok(Root {
            fd,
            path: path.to_owned(),
        })
    }

    /// A folder that is open already; `path` must lead to it while the root is used.
    pub fn of(fd: OwnedFd, path: &Path) -> Root {
        Root {
            fd,
            path: path.to_owned(),
        }
    }

    /// A folder beneath, as a root of its own.
    pub fn beneath(&self, rel: &RelPath) -> Result<Root, FsError> {
        Ok(Root::of(self.dir(rel)?, &self.path.join(rel.as_path())))
    }

    /// Where it was when it was opened; for words only.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn stat_self(&self) -> Result<Stat, FsError> {
        rustix::fs::fstat(&self.fd)
            .map_err(|error| FsError::io("look at", self.path.display(), error))
    }

    fn resolve(&self, rel: &RelPath, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path: &[u8] = if rel.is_root() { b"." } else { rel.as_bytes() };
        let flags = flags | OFlags::CLOEXEC;
        for _ in 1..RESOLVE_TRIES {
            match rustix::fs::openat2(&self.fd, path, flags, Mode::empty(), BENEATH) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        rustix::fs::openat2(&self.fd, path, flags, Mode::empty(), BENEATH)
    }

    /// A folder beneath the root, open for listing and as a base for its names.
    pub fn dir(&self, rel: &RelPath) -> Result<OwnedFd, FsError> {
        self.resolve(rel, OFlags::RDONLY | OFlags::DIRECTORY)
            .map_err(|error| FsError::io("open the folder", rel, error))
    }

    /// The folder that holds `rel`, open.
    pub fn parent(&self, rel: &RelPath) -> Result<OwnedFd, FsError> {
        self.dir(&rel.parent())
    }

    /// A regular file, open for reading. Pipes, sockets and devices are refused
    /// without waiting for them.
    pub fn file(&self, rel: &RelPath) -> Result<File, FsError> {
        let fd = self
            .resolve(rel, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
            .map_err(|error| self.open_error(rel, error))?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| FsError::io("look at", rel, error))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::from(fd)),
            other => Err(FsError::NotAFile {
                path: rel.to_string(),
                found: kind_name(other),
            }),
        }
    }

    /// A socket or a pipe without a reader fails to open; say what it is.
    fn open_error(&self, rel: &RelPath, error: Errno) -> FsError {
        match (error, self.stat(rel)) {
            (Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP, Ok(Some(stat))) => FsError::NotAFile {
                path: rel.to_string(),
                found: kind_name(FileType::from_raw_mode(stat.st_mode)),
            },
            _ => FsError::io("open", rel, error),
        }
    }

    /// What stands at `rel` itself (a link is not followed); `None` if nothing.
    pub fn stat(&self, rel: &RelPath) -> Result<Option<Stat>, FsError> {
        match self.resolve(rel, OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(fd) => rustix::fs::fstat(&fd)
                .map(Some)
                .map_err(|error| FsError::io("look at", rel, error)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(FsError::io("look at", rel, error)),
        }
    }

    /// Lets the owner of a folder list and empty it, whatever mode a task gave it.
    pub fn make_passable(&self, folder: &RelPath) -> rustix::io::Result<()> {
        let fd = self.resolve(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
        // A folder that may not be opened can only be named through its handle.
        let handle = format!("/proc/self/fd/{}", fd.as_raw_fd());
        rustix::fs::chmodat(
            rustix::fs::CWD,
            handle,
            Mode::from_raw_mode(0o700),
            AtFlags::empty(),
        )
    }

    /// The bytes a link points at.
    pub fn link_target(&self, rel: &RelPath) -> Result<Vec<u8>, FsError> {
        let parent = self.parent(rel)?;
        rustix::fs::readlinkat(&parent, rel.name(), Vec::new())
            .map(|target| target.into_bytes())
            .map_err(|error| FsError::io("read the link", rel, error))
    }

    /// The names in a folder with what stands there, sorted by bytes. A name that
    /// vanished in between is left out.
    pub fn list(&self, rel: &RelPath) -> Result<Vec<(RelPath, Stat)>, FsError> {
        let fd = self.dir(rel)?;
        let names = names_of(fd.as_fd()).map_err(|error| FsError::io("list", rel, error))?;
        let mut listed = Vec::with_capacity(names.len());
        for name in names {
            let path = rel.join(&name)?;
            match rustix::fs::statat(&fd, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => listed.push((path, stat)),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(FsError::io("look at", path, error)),
            }
        }
        Ok(listed)
    }

    /// Like [`Root::list`]; a folder that is not there, or no folder, holds nothing.
    pub fn list_if_there(&self, rel: &RelPath) -> Result<Vec<(RelPath, Stat)>, FsError> {
        match self.list(rel) {
            Err(error) if error.is_absent() => Ok(Vec::new()),
            Err(FsError::ThroughLink { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// At most `cap_bytes` of a regular file; more is an error, not a cut.
    pub fn read(&self, rel: &RelPath, cap_bytes: u64) -> Result<Vec<u8>, FsError> {
        let mut bytes = self.read_start(rel, cap_bytes.saturating_add(1))?;
        if bytes.len() as u64 > cap_bytes {
            return Err(FsError::TooLarge {
                path: rel.to_string(),
                limit_bytes: cap_bytes,
            });
        }
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// The first `cap_bytes` of a regular file.
    pub fn read_start(&self, rel: &RelPath, cap_bytes: u64) -> Result<Vec<u8>, FsError> {
        let mut bytes = Vec::new();
        self.file(rel)?
            .take(cap_bytes)
            .read_to_end(&mut bytes)
            .map_err(|error| FsError::io("read", rel, error))?;
        Ok(bytes)
    }
}

fn names_of(fd: BorrowedFd<'_>) -> rustix::io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(fd)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What a thing that is no regular file is called.
pub fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "of an unknown kind",
    }
}

/// Absolute and free of links, as [`Root::open`] wants it.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().as_bytes().contains(&b'\n') {
        // Mount tables are lines; such a folder could not be told from two.
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "its path contains a line break",
        ));
    }
    path.canonicalize()
}
