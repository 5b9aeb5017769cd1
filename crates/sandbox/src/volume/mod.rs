//! A file system of its own for what a task writes: a file of a fixed size, reserved on the disk
//! and formatted for so many files, so that the kernel itself answers "no space left".
//!
//! INVARIANT: its mount is never attached to the host's mount table. It is a descriptor, and ends
//! with the processes that hold it, however they end; the loop device goes with it. So there is
//! nothing to sweep after a crash.

mod device;

use device::Device;
use rustix::fs::{FallocateFlags, FlockOperation};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const BLOCK_BYTES: u64 = 4 * KIB;
const INODE_BYTES: u64 = 256;
/// The least that there is, and what removing a large tree can fill without waiting.
const JOURNAL_MIB: (u64, u64) = (4, 16);
/// From here on the larger journal is a small part.
const JOURNAL_LARGE_FROM: u64 = 128 * MIB;
/// A smaller file system has no place for a journal.
const CONTENT_BYTES_MIN: u64 = 4 * MIB;
/// Superblocks, group descriptors, bitmaps: one part in so many of the blocks.
const BOOKKEEPING_PART: u64 = 200;
/// The folders of the volume itself, and what an overlay keeps for itself.
const OWN_FILES: u64 = 64;
/// Where distributions keep the tool; a server's `PATH` often lacks both.
const TOOLS: [&str; 3] = [
    "/usr/sbin/mkfs.ext4",
    "/sbin/mkfs.ext4",
    "/usr/bin/mkfs.ext4",
];

/// What a volume takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub bytes: u64,
    pub files: u64,
}

impl Room {
    /// Together with what is in it from the start.
    #[must_use]
    pub fn plus(self, bytes: u64, files: u64) -> Self {
        Self {
            bytes: self.bytes.saturating_add(bytes),
            files: self.files.saturating_add(files),
        }
    }

    fn inodes(self) -> u64 {
        self.files.saturating_add(OWN_FILES)
    }

    /// The size of the file: what is promised, and what the file system takes for itself.
    fn image_bytes(self) -> u64 {
        let tables = self.inodes().saturating_mul(INODE_BYTES);
        let content = self.bytes.max(CONTENT_BYTES_MIN).saturating_add(tables);
        let own = 2 * MIB + self.journal_mebibytes() * MIB + content / BOOKKEEPING_PART;
        content.saturating_add(own).div_ceil(MIB) * MIB
    }

    fn journal_mebibytes(self) -> u64 {
        if self.bytes < JOURNAL_LARGE_FROM {
            JOURNAL_MIB.0
        } else {
            JOURNAL_MIB.1
        }
    }
}

/// Why there is no volume, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    #[error("`mkfs.ext4` is not installed (the package is called e2fsprogs)")]
    NoTool,
    #[error("`mkfs.ext4` failed: {0}")]
    NotFormatted(String),
    #[error(
        "the disk of the data directory cannot set {mebibytes} MiB aside for it ({source}): make \
         room there, or lower `sandbox.disk_max_mib`"
    )]
    NoRoom { mebibytes: u64, source: io::Error },
    #[error("the host refused to {doing}: {source}")]
    Host {
        doing: &'static str,
        source: io::Error,
    },
}

fn host<E: Into<io::Error>>(doing: &'static str) -> impl Fn(E) -> VolumeError {
    move |source| VolumeError::Host {
        doing,
        source: source.into(),
    }
}

/// A mounted volume. Nobody but its holders can see the mount.
#[derive(Debug)]
pub struct Volume {
    mount: OwnedFd,
    device: PathBuf,
    /// Where a sandbox's helper mounts it for itself: an empty folder.
    place: PathBuf,
    /// The top of the mount, for this process, while the volume is held.
    top: PathBuf,
}

impl Volume {
    /// Makes the file, formats and mounts it. After a failure there is no file.
    pub fn make(image: &Path, place: &Path, room: Room) -> Result<Self, VolumeError> {
        let made = make_image(image, room).and_then(|()| Self::open(image, place));
        if made.is_err() {
            let _ = std::fs::remove_file(image);
        }
        made
    }

    /// Mounts a volume that was made before.
    pub fn open(image: &Path, place: &Path) -> Result<Self, VolumeError> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(image)
            .map_err(host("open the file of a volume"))?;
        // Two devices over one file would be two file systems that know nothing of each other.
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(host("lock the file of a volume"))?;
        let device = Device::over(&file).map_err(host("lend a loop device to a volume"))?;
        let mount = mount(device.path()).map_err(host("mount a volume"))?;
        // Said aloud, because the device keeps this very handle of the file.
        rustix::fs::flock(&file, FlockOperation::Unlock)
            .map_err(host("unlock the file of a volume"))?;
        Ok(Self {
            top: PathBuf::from(format!("/proc/self/fd/{}", mount.as_raw_fd())),
            device: device.path().to_owned(),
            place: place.to_owned(),
            mount,
        })
    }

    /// The same, with the place where helpers mount it moved.
    #[must_use]
    pub fn at(mut self, place: &Path) -> Self {
        place.clone_into(&mut self.place);
        self
    }

    /// The loop device, for as long as the volume is held.
    pub fn device(&self) -> &Path {
        &self.device
    }

    /// Where it is seen by a helper that has mounted it.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The top folder as this process can name it while the volume is held.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The top folder, open.
    pub fn open_top(&self) -> io::Result<OwnedFd> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.mount, ".", flags, Mode::empty())?)
    }

    /// A path beneath [`Self::place`] as this process can name it; others stay as they are.
    pub fn seen_from_here(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.place) {
            Ok(beneath) => self.top.join(beneath),
            Err(_) => path.to_owned(),
        }
    }
}

fn make_image(image: &Path, room: Room) -> Result<(), VolumeError> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(image)
        .map_err(host("make the file of a volume"))?;
    let bytes = room.image_bytes();
    file.set_len(bytes)
        .map_err(host("make the file of a volume"))?;
    format(image, room)?;
    // After the formatting, which would give back what it takes for unused.
    rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes).map_err(|source| {
        VolumeError::NoRoom {
            mebibytes: bytes / MIB,
            source: source.into(),
        }
    })
}

fn format(image: &Path, room: Room) -> Result<(), VolumeError> {
    let tool = TOOLS.iter().map(Path::new).find(|tool| tool.exists());
    let done = Command::new(tool.ok_or(VolumeError::NoTool)?)
        .env_clear()
        .args(["-q", "-F", "-m", "0", "-e", "remount-ro"])
        .args(["-b", &BLOCK_BYTES.to_string()])
        .args(["-I", &INODE_BYTES.to_string()])
        .args(["-N", &room.inodes().to_string()])
        .args(["-J", &format!("size={}", room.journal_mebibytes())])
        .args(["-O", "^resize_inode"])
        .args(["-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"])
        .arg(image)
        .stdin(Stdio::null())
        .output()
        .map_err(host("start `mkfs.ext4`"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(VolumeError::NotFormatted(said.trim().to_owned()))
}

/// A detached mount. The same device mounted twice is one file system for the kernel.
fn mount(device: &Path) -> io::Result<OwnedFd> {
    let context = fsopen("ext4", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), "source", device)?;
    // The file is all zeros: writing them once more would only cost.
    fsconfig_set_flag(context.as_fd(), "noinit_itable")?;
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        attributes,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room {
        bytes: 8 * MIB,
        files: 100,
    };

    /// A volume of our own, where this process may have one.
    fn volume() -> Option<(tempfile::TempDir, Volume)> {
        let keep = tempfile::tempdir().unwrap();
        let image = keep.path().join("image");
        let has_all = ["/dev/loop-control", TOOLS[0]].map(|path| Path::new(path).exists());
        if !rustix::process::geteuid().is_root() || has_all != [true, true] {
            assert!(Volume::make(&image, keep.path(), ROOM).is_err());
            assert!(!image.exists(), "a failure leaves no file");
            return None;
        }
        let volume = Volume::make(&image, keep.path(), ROOM).unwrap();
        Some((keep, volume))
    }

    #[test]
    fn it_takes_what_was_promised_and_not_much_more() {
        let Some((_keep, volume)) = volume() else {
            return;
        };
        let file = |name: &str| volume.top().join(name);
        std::fs::write(file("fits"), vec![1; 8 * MIB as usize]).unwrap();
        let full = std::fs::write(file("not"), vec![1; 4 * MIB as usize]).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        for name in ["fits", "not"] {
            std::fs::remove_file(file(name)).unwrap();
        }
        let made = (0..1000).find_map(|n| Some((n, File::create(file(&n.to_string())).err()?)));
        let (made, full) = made.unwrap();
        assert!((100..300).contains(&made), "{made} files");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn opened_twice_it_is_one_file_system_and_nobody_else_sees_it() {
        let Some((keep, volume)) = volume() else {
            return;
        };
        let again = Volume::open(&keep.path().join("image"), keep.path()).unwrap();
        assert_eq!(volume.device(), again.device());
        std::fs::write(volume.top().join("a"), "seen").unwrap();
        assert_eq!(std::fs::read(again.top().join("a")).unwrap(), b"seen");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&volume.device().display().to_string()));
        let device = volume.device().file_name().unwrap().to_owned();
        let bound = Path::new("/sys/block").join(device).join("loop");
        drop((volume, again));
        // The kernel puts the last mount away a moment later.
        for _ in 0..500 {
            let file = std::fs::read_to_string(bound.join("backing_file"));
            if !file.is_ok_and(|file| Path::new(file.trim()).starts_with(keep.path())) {
                return;
            }
            let pause = rustix::event::Timespec {
                tv_sec: 0,
                tv_nsec: 10_000_000,
            };
            rustix::event::poll(&mut [], Some(&pause)).unwrap();
        }
        panic!("the loop device stays");
    }

    #[test]
    fn a_disk_without_room_leaves_no_file() {
        let keep = tempfile::tempdir().unwrap();
        let image = keep.path().join("image");
        let endless = Room {
            bytes: 1 << 44,
            files: 100,
        };
        let error = Volume::make(&image, keep.path(), endless).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert!(!image.exists());
    }
}
