//! A workspace, a store and a view over it, in a temporary folder, with a few
//! words to work with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wardroom_sandbox::WorkspaceMount;
use wardroom_sandbox::view::{
    Applied, ApplyError, ChangeSet, IgnoredTrees, MOUNT_OPTIONS, OverlaySupport, RelPath, View,
    apply, apply::no_hook,
};
use wardroom_sandbox::volume::Room;

pub struct Bench {
    pub folder: TempDir,
}

/// The ways to take a view; most stories are told for each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Overlay,
    Copy,
    OverlayInVolume,
    CopyInVolume,
}

impl Way {
    pub fn is_overlay(self) -> bool {
        matches!(self, Way::Overlay | Way::OverlayInVolume)
    }

    fn room(self) -> Option<Room> {
        let room = Room {
            bytes: 16 << 20,
            files: 1000,
        };
        matches!(self, Way::OverlayInVolume | Way::CopyInVolume).then_some(room)
    }
}

/// Only root has volumes, where there is what they are made with.
pub fn has_volumes() -> bool {
    let is_there = |path: &str| Path::new(path).exists();
    is_root() && is_there("/dev/loop-control") && is_there("/usr/sbin/mkfs.ext4")
}

pub fn every_way() -> Vec<Way> {
    let mut ways = vec![Way::Overlay, Way::Copy];
    if has_volumes() {
        ways.extend([Way::OverlayInVolume, Way::CopyInVolume]);
    }
    ways
}

impl Bench {
    /// A workspace with these files; a path that ends in a slash is a folder.
    pub fn with(files: &[(&str, &str)]) -> Bench {
        Bench::in_folder(tempfile::tempdir().unwrap(), files)
    }

    pub fn in_folder(folder: TempDir, files: &[(&str, &str)]) -> Bench {
        let bench = Bench { folder };
        fs::create_dir(bench.workspace()).unwrap();
        for (path, content) in files {
            bench.write(path, content);
        }
        bench
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub fn snapshot(&self) -> PathBuf {
        self.folder.path().join("snapshot")
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.workspace().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.workspace().join(path)).unwrap()
    }

    pub fn view(&self, way: Way) -> View {
        let support = match way.is_overlay() {
            true => OverlaySupport::of_this_process(),
            false => OverlaySupport::None {
                because: "the test wants a copy".to_owned(),
            },
        };
        let (workspace, store) = (self.workspace(), self.store());
        View::create_within(&workspace, &store, "view", &support, way.room()).unwrap()
    }

    /// Everything in the workspace, one line each: path, mode, content.
    pub fn listing(&self) -> String {
        listing(&self.workspace())
    }

    pub fn apply(&self, view: &View, changes: &ChangeSet) -> Result<Applied, ApplyError> {
        apply(view, changes, &self.snapshot(), &mut no_hook)
    }
}

pub fn changes(view: &View) -> ChangeSet {
    view.changes(IgnoredTrees::StayInView).unwrap()
}

/// "added a.txt", one line per change, as a person would say it.
pub fn story(changes: &ChangeSet) -> Vec<String> {
    changes
        .changes
        .iter()
        .map(|change| format!("{:?} {}", change.kind(), change.path).to_lowercase())
        .collect()
}

pub fn rel(path: &str) -> RelPath {
    RelPath::parse(path).unwrap()
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a shell script with the view as its current folder, the way a sandbox
/// would: in a mount namespace of its own, where the overlay is mounted.
pub fn work(view: &View, script: &str) {
    let is_root = is_root();
    let volume = view.volume().map(|volume| {
        let (device, place) = (volume.device().display(), volume.place().display());
        format!("mount -t ext4 {device} '{place}'\n")
    });
    let (setup, folder) = match view.mount() {
        WorkspaceMount::Scratch { .. } => unreachable!("a view has a folder"),
        WorkspaceMount::Bind { dir, .. } => (String::new(), dir),
        WorkspaceMount::Overlay { lower, upper, work } => {
            let above = if volume.is_some() { 4 } else { 3 };
            let merged = upper.ancestors().nth(above).unwrap().join("merged");
            fs::create_dir_all(&merged).unwrap();
            let mut options = format!(
                "lowerdir={},upperdir={},workdir={}",
                lower.display(),
                upper.display(),
                work.display()
            );
            MOUNT_OPTIONS
                .iter()
                .for_each(|(key, value)| options += &format!(",{key}={value}"));
            options += if is_root { "" } else { ",userxattr" };
            (
                format!(
                    "mount -t overlay overlay -o '{options}' '{}'\n",
                    merged.display()
                ),
                merged,
            )
        }
    };
    let volume = volume.unwrap_or_default();
    let script = format!("set -e\n{volume}{setup}cd '{}'\n{script}", folder.display());
    let namespaces = if is_root { "-m" } else { "-Urm" };
    let done = Command::new("unshare")
        .args([namespaces, "sh", "-c", &script])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

pub fn listing(folder: &Path) -> String {
    let mut lines = Vec::new();
    list_into(folder, folder, &mut lines);
    lines.sort();
    lines.join("\n")
}

fn list_into(top: &Path, folder: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let shown = path
            .strip_prefix(top)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let stat = fs::symlink_metadata(&path).unwrap();
        let mode = stat.permissions().mode() & 0o7777;
        if stat.is_dir() {
            lines.push(format!("{shown}/ {mode:03o}"));
            list_into(top, &path, lines);
        } else if stat.is_symlink() {
            lines.push(format!(
                "{shown} -> {}",
                fs::read_link(&path).unwrap().display()
            ));
        } else if stat.is_file() {
            lines.push(format!(
                "{shown} {mode:03o} {}",
                String::from_utf8_lossy(&fs::read(&path).unwrap()).escape_debug()
            ));
        } else {
            lines.push(format!("{shown} special"));
        }
    }
}
