//! What stands at one path, as data: enough to compare, to bind by digest and to
//! notice a change, without the content itself.

use std::fmt;
use std::io::Read;

use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::error::FsError;
use super::escape::{escape, unescape};
use super::limits::BUFFER_BYTES;
use super::path::RelPath;
use super::root::Root;

/// The permission bits that are ever carried over: never set-id or sticky.
pub const MODE_BITS: u32 = 0o777;

/// SHA-256, shown and stored as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(serde::de::Error::custom("a stored digest is damaged"));
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(serde::de::Error::custom)?;
            *byte = u8::from_str_radix(pair, 16).map_err(serde::de::Error::custom)?;
        }
        Ok(Digest(bytes))
    }
}

/// Where a link points: arbitrary bytes, stored in the escaped form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkTarget(pub Vec<u8>);

impl fmt::Display for LinkTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&escape(&self.0))
    }
}

impl Serialize for LinkTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LinkTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LinkTarget, D::Error> {
        unescape(&String::deserialize(deserializer)?)
            .map(LinkTarget)
            .ok_or_else(|| serde::de::Error::custom("a stored link is damaged"))
    }
}

/// What stands at a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Node {
    Absent,
    File {
        mode: u32,
        bytes: u64,
        sha256: Digest,
    },
    Link {
        target: LinkTarget,
    },
    /// A folder for itself; what it holds has entries of its own.
    Directory {
        mode: u32,
    },
    /// A folder with all it holds, taken as one thing because it goes as one.
    Tree {
        mode: u32,
        #[serde(flatten)]
        summary: TreeSummary,
    },
}

/// A whole folder in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TreeSummary {
    pub files: u64,
    pub bytes: u64,
    /// Over every name, kind, size, mode, time and inode within; reading the
    /// content of gigabytes only to delete them would help nobody.
    pub fingerprint: Digest,
}

impl Node {
    pub fn is_folder(&self) -> bool {
        matches!(self, Node::Directory { .. } | Node::Tree { .. })
    }

    pub fn bytes(&self) -> u64 {
        match self {
            Node::File { bytes, .. } => *bytes,
            Node::Tree { summary, .. } => summary.bytes,
            _ => 0,
        }
    }

    pub fn mode(&self) -> Option<u32> {
        match self {
            Node::File { mode, .. } | Node::Directory { mode } | Node::Tree { mode, .. } => {
                Some(*mode)
            }
            _ => None,
        }
    }
}

/// The cheap marks of one inode. As nobody can set the change time, an equal
/// stamp means an equal file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stamp {
    pub raw_mode: u32,
    pub ino: u64,
    pub bytes: u64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
}

impl Stamp {
    pub fn of(stat: &Stat) -> Stamp {
        let nanoseconds = |seconds: i64, part: u64| {
            seconds
                .wrapping_mul(1_000_000_000)
                .wrapping_add(i64::try_from(part).unwrap_or(0))
        };
        let bytes = if kind_of(stat) == FileType::Directory {
            0
        } else {
            stat.st_size
        };
        Stamp {
            raw_mode: stat.st_mode,
            ino: stat.st_ino,
            bytes: u64::try_from(bytes).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// The same inode with the same content, renamed or linked in between
    /// perhaps: those alone change the change time.
    pub fn is_same_file(&self, other: &Stamp) -> bool {
        Stamp {
            ctime_ns: 0,
            ..*self
        } == Stamp {
            ctime_ns: 0,
            ..*other
        }
    }

    fn line(&self, path: &[u8]) -> Vec<u8> {
        let Stamp {
            raw_mode,
            ino,
            bytes,
            mtime_ns,
            ctime_ns,
        } = self;
        let marks = format!("\0{raw_mode:o} {ino} {bytes} {mtime_ns} {ctime_ns}\0");
        [path, marks.as_bytes()].concat()
    }
}

pub fn kind_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

pub fn mode_of(stat: &Stat) -> u32 {
    stat.st_mode & MODE_BITS
}

/// What stands at `path` now; folders are taken whole. Things that are neither
/// file, link nor folder are an error that names them.
pub fn node_at(root: &Root, path: &RelPath) -> Result<Node, FsError> {
    match root.stat(path)? {
        None => Ok(Node::Absent),
        Some(stat) if kind_of(&stat) == FileType::Directory => Ok(Node::Tree {
            mode: mode_of(&stat),
            summary: tree_summary(root, path)?,
        }),
        Some(stat) => leaf_node(root, path, &stat),
    }
}

/// Like [`node_at`] for something that is not a folder.
pub fn leaf_node(root: &Root, path: &RelPath, stat: &Stat) -> Result<Node, FsError> {
    match kind_of(stat) {
        FileType::Symlink => Ok(Node::Link {
            target: LinkTarget(root.link_target(path)?),
        }),
        _ => file_node(root, path),
    }
}

fn file_node(root: &Root, path: &RelPath) -> Result<Node, FsError> {
    let mut file = root.file(path)?;
    let stat = rustix::fs::fstat(&file).map_err(|error| FsError::io("look at", path, error))?;
    let (bytes, sha256) =
        digest_reader(&mut file).map_err(|error| FsError::io("read", path, error))?;
    Ok(Node::File {
        mode: mode_of(&stat),
        bytes,
        sha256,
    })
}

/// Length and digest of everything that a reader gives.
pub fn digest_reader(reader: &mut impl Read) -> std::io::Result<(u64, Digest)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut total_bytes = 0;
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Ok((total_bytes, Digest(hasher.finalize().into())));
        }
        hasher.update(&buffer[..count]);
        total_bytes += count as u64;
    }
}

/// Counts and fingerprints a folder. The folder's own inode is left out, so that
/// it may be moved aside and recognised.
pub fn tree_summary(root: &Root, folder: &RelPath) -> Result<TreeSummary, FsError> {
    let mut hasher = Sha256::new();
    let (mut files, mut bytes) = (0, 0);
    walk(root, folder, &mut |path, stat| {
        let stamp = Stamp::of(stat);
        if kind_of(stat) != FileType::Directory {
            files += 1;
            bytes += stamp.bytes;
        }
        hasher.update(stamp.line(path.beneath(folder)));
        Ok::<_, FsError>(Descend::Yes)
    })?;
    Ok(TreeSummary {
        files,
        bytes,
        fingerprint: Digest(hasher.finalize().into()),
    })
}

/// Whether a walk looks into the folder it was just shown.
#[derive(PartialEq, Eq)]
pub enum Descend {
    Yes,
    No,
}

/// Visits everything beneath `folder`, each folder before what it holds, in a
/// fixed order. Needs no stack of open folders, so depth costs nothing.
pub fn walk<E: From<FsError>>(
    root: &Root,
    folder: &RelPath,
    visit: &mut dyn FnMut(&RelPath, &Stat) -> Result<Descend, E>,
) -> Result<(), E> {
    let mut pending = vec![folder.clone()];
    while let Some(current) = pending.pop() {
        let mut inner = Vec::new();
        for (path, stat) in root.list(&current)? {
            let descend = visit(&path, &stat)?;
            if kind_of(&stat) == FileType::Directory && descend == Descend::Yes {
                inner.push(path);
            }
        }
        pending.extend(inner.into_iter().rev());
    }
    Ok(())
}
