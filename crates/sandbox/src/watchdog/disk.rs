//! How much a folder on the host's disk holds. The folder is the sandbox's to write, so every step
//! goes from an open folder to a name in it and follows no link.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

const BLOCK_BYTES: u64 = 512;
/// Folders within folders that are followed. No honest tree is as deep; what nests deeper to hide
/// from the count is counted as endless.
const DEPTH_MAX: usize = 192;
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Space and files of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    pub bytes: u64,
    pub files: u64,
}

impl Held {
    pub const ENDLESS: Self = Self {
        bytes: u64::MAX,
        files: u64::MAX,
    };

    pub fn exceeds(self, most: Self) -> bool {
        self.bytes > most.bytes || self.files > most.files
    }

    /// What is allowed on top of what was there.
    pub fn plus(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(more.bytes),
            files: self.files.saturating_add(more.files),
        }
    }
}

/// Counts until `most` is exceeded. What cannot be read is not counted: the sandbox closed it, and
/// what was written there before counted while it was open.
pub fn held(folder: &Path, most: Held) -> Held {
    let mut held = Held::default();
    if let Ok(top) = rustix::fs::open(folder, FOLDER, Mode::empty()) {
        count(top, 0, most, &mut held);
    }
    held
}

fn count(folder: OwnedFd, depth: usize, most: Held, held: &mut Held) {
    if depth > DEPTH_MAX {
        *held = Held::ENDLESS;
        return;
    }
    let Ok(entries) = Dir::read_from(&folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let is_folder = add(&folder, name, held).unwrap_or(false);
        if held.exceeds(most) {
            return;
        }
        if is_folder
            && let Ok(inner) = rustix::fs::openat(folder.as_fd(), name, FOLDER, Mode::empty())
        {
            count(inner, depth + 1, most, held);
        }
    }
}

/// Adds one thing. True: it is a folder.
fn add(folder: &OwnedFd, name: &CStr, held: &mut Held) -> Result<bool, Errno> {
    let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let one = Held {
        bytes: u64::try_from(found.st_blocks).unwrap_or(0) * BLOCK_BYTES,
        files: 1,
    };
    *held = held.plus(one);
    Ok(FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_folder_is_counted_and_links_lead_nowhere() {
        let keep = tempfile::tempdir().unwrap();
        let top = keep.path().join("top");
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::write(top.join("a/b/file"), vec![1; 100_000]).unwrap();
        std::os::unix::fs::symlink("/usr", top.join("link")).unwrap();
        let found = held(&top, Held::ENDLESS);
        assert_eq!(found.files, 4);
        assert!((100_000..200_000).contains(&found.bytes), "{found:?}");
        assert!(
            held(&top, Held { bytes: 1, files: 1 }).files < 4,
            "it stops early"
        );
        assert_eq!(
            held(&keep.path().join("absent"), Held::ENDLESS),
            Held::default()
        );
    }

    #[test]
    fn a_tree_that_is_deeper_than_any_is_endless() {
        let keep = tempfile::tempdir().unwrap();
        let mut deep = keep.path().to_owned();
        for _ in 0..=DEPTH_MAX {
            deep.push("d");
        }
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(held(keep.path(), Held::ENDLESS).files, u64::MAX);
    }
}
