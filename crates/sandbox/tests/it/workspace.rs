//! The folder that is worked on: bound, layered, protected (rows 8, 53; trap 12).

use crate::harness::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use wardroom_sandbox::*;

/// Gives a tree to an ordinary user of the host, as folders of people are.
fn give_to(path: &Path, owner: u32) {
    if is_root() {
        let walk = std::process::Command::new("chown")
            .arg("-R")
            .arg(format!("{owner}:{owner}"))
            .arg(path)
            .status();
        assert!(walk.unwrap().success());
    }
}

fn owner_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().uid()
}

async fn over(workspace: WorkspaceMount) -> std::sync::Arc<dyn Sandbox> {
    create(SandboxSpec {
        workspace,
        ..spec()
    })
    .await
}

#[tokio::test]
async fn what_is_written_belongs_to_the_folder_s_owner() {
    let folder = folder();
    fs::write(folder.path().join("there"), "old").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    give_to(folder.path(), 12345);
    let sandbox = over(bind(folder.path())).await;
    let said = said(
        &sandbox,
        "cat there; stat -c ' %u' there; echo new >made; echo more >>there; mkdir d; id -u",
    )
    .await;
    assert_eq!(said, "old 1000\n1000");
    for name in ["made", "there", "d"] {
        let path = folder.path().join(name);
        assert_eq!(owner_of(&path), owner_of(folder.path()), "{name}");
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("there")).unwrap(),
        "oldmore\n"
    );
}

#[tokio::test]
async fn a_read_only_folder_stays_as_it_is() {
    let folder = folder();
    fs::write(folder.path().join("there"), "old").unwrap();
    let workspace = WorkspaceMount::Bind {
        dir: folder.path().into(),
        read_only: true,
    };
    let protected = vec![RelPath::parse(".git/hooks").unwrap()];
    let sandbox = create(SandboxSpec {
        workspace,
        protected,
        ..spec()
    })
    .await;
    let said = said(
        &sandbox,
        "cat there; echo x >there; echo x >new; rm -f there; chmod 777 .; ls",
    )
    .await;
    assert!(
        said.starts_with("old") && said.contains("Read-only") && said.starts_with("oldthere\n"),
        "{said}"
    );
}

#[tokio::test]
async fn a_view_leaves_the_folder_alone() {
    let layers = layered();
    for (name, text) in [("keep", "kept"), ("edit", "before"), ("remove", "gone")] {
        fs::write(layers.lower.join(name), text).unwrap();
    }
    fs::create_dir(layers.lower.join("folder")).unwrap();
    fs::write(layers.lower.join("folder/inner"), "inner").unwrap();
    give_to(&layers.lower, 12345);
    give_to(layers.upper.parent().unwrap(), 12345);
    let sandbox = over(layers.mount()).await;
    let script = "cat keep edit; echo after >>edit; rm remove; mv folder moved; mkdir new; echo n >new/file; ls; cat moved/inner; stat -c %u keep edit new/file | sort -u";
    let said = said(&sandbox, script).await;
    assert_eq!(said, "keptbeforeedit\nkeep\nmoved\nnew\ninner1000");
    sandbox.destroy(DestroyReason::Finished).await.unwrap();
    let lower: Vec<_> = fs::read_dir(&layers.lower)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(lower.len(), 4, "{lower:?}");
    assert_eq!(
        fs::read_to_string(layers.lower.join("edit")).unwrap(),
        "before"
    );
    assert_eq!(
        fs::read_to_string(layers.upper.join("edit")).unwrap(),
        "beforeafter\n"
    );
    assert_eq!(
        owner_of(&layers.upper.join("new/file")),
        owner_of(&layers.upper)
    );
    let whiteout = fs::symlink_metadata(layers.upper.join("remove")).unwrap();
    assert_eq!(
        (whiteout.mode() & libc::S_IFMT, whiteout.rdev()),
        (libc::S_IFCHR, 0)
    );
}

#[tokio::test]
async fn a_view_is_taken_up_again_by_the_next_sandbox() {
    let layers = layered();
    fs::write(layers.lower.join("file"), "one").unwrap();
    let first = over(layers.mount()).await;
    said(&first, "echo two >>file; mkdir -p a/b; echo x >a/b/c").await;
    // Hold on to the first one's number, so that the second gets another.
    let held = ordinary().await;
    first.destroy(DestroyReason::Finished).await.unwrap();
    let second = over(layers.mount()).await;
    assert_eq!(
        said(
            &second,
            "cat file a/b/c; echo three >>file; rm -r a; cat file; ls"
        )
        .await,
        "onetwo\nx\nonetwo\nthree\nfile"
    );
    drop(held);
}

#[tokio::test]
async fn foreign_files_can_be_read_and_not_written() {
    if !is_root() {
        return skipped("only root can make files of others");
    }
    let folder = folder();
    for (name, mode) in [("public", 0o644), ("private", 0o600)] {
        fs::write(folder.path().join(name), name).unwrap();
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    give_to(folder.path(), 12345);
    for name in ["public", "private"] {
        std::os::unix::fs::chown(folder.path().join(name), Some(0), Some(0)).unwrap();
    }
    let said = said(
        &over(bind(folder.path())).await,
        "cat public; cat private; echo x >public",
    )
    .await;
    assert!(
        said.starts_with("public") && said.matches("Permission denied").count() == 2,
        "{said}"
    );
}

fn protecting(paths: &[&str], workspace: WorkspaceMount) -> SandboxSpec {
    let protected = paths
        .iter()
        .map(|path| RelPath::parse(path).unwrap())
        .collect();
    SandboxSpec {
        workspace,
        protected,
        ..spec()
    }
}

const PROTECTED: [&str; 4] = [".git/hooks", ".git/config", ".github/workflows", ".agent"];

/// Every trick that would put something of ours where the host later looks.
const TRICKS: &str = "\
    echo x >.git/hooks/pre-commit; echo x >.git/config; echo x >.github/workflows/ci; \
    echo x >.agent/rules; echo x >.agent; rm -rf .git; mv .git other; mv .git/hooks other; \
    mv .git/config other; rmdir .agent; rm -rf .github; mv .github other; ln -s /tmp .agent; \
    mkdir other && mv -T other .git; ln .git/config linked && echo x >linked; \
    chmod 777 .git/hooks; mount --bind /tmp .git/hooks; touch -d 2001-01-01 .git/config; true";

fn prepare(folder: &Path) {
    fs::create_dir_all(folder.join(".git/hooks")).unwrap();
    fs::write(folder.join(".git/hooks/sample"), "s").unwrap();
    fs::write(folder.join(".git/config"), "c").unwrap();
}

fn assert_untouched(folder: &Path) {
    let names = |path: &str| -> Vec<_> {
        fs::read_dir(folder.join(path))
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name())
            .collect()
    };
    assert_eq!(names(".git/hooks"), ["sample"]);
    assert_eq!(fs::read_to_string(folder.join(".git/config")).unwrap(), "c");
    // Made for the sandbox's time only, and removed again.
    for absent in [".github", ".agent"] {
        assert!(!folder.join(absent).exists(), "{absent} stayed");
    }
}

#[tokio::test]
async fn row_53_protected_paths_hold_in_a_bound_folder() {
    let folder = folder();
    prepare(folder.path());
    let sandbox = create(protecting(&PROTECTED, bind(folder.path()))).await;
    sh(&sandbox, TRICKS).await;
    assert_eq!(said(&sandbox, "cat .git/hooks/sample .git/config; ls -A .agent .github/workflows; echo y >.git/index; cat .git/index").await, "sc.agent:\n\n.github/workflows:\ny");
    sandbox.destroy(DestroyReason::Finished).await.unwrap();
    assert_untouched(folder.path());
}

#[tokio::test]
async fn row_53_protected_paths_hold_in_a_view() {
    let layers = layered();
    prepare(&layers.lower);
    let sandbox = create(protecting(&PROTECTED, layers.mount())).await;
    sh(&sandbox, TRICKS).await;
    assert_eq!(
        said(&sandbox, "cat .git/hooks/sample .git/config").await,
        "sc"
    );
    sandbox.destroy(DestroyReason::Finished).await.unwrap();
    assert_untouched(&layers.lower);
    for path in [".git/hooks/pre-commit", ".git/config", ".github", ".agent"] {
        assert!(!layers.upper.join(path).exists(), "{path} in the view");
    }
}

#[tokio::test]
async fn row_53_a_worktree_s_pointer_file_is_kept() {
    let folder = folder();
    fs::write(folder.path().join(".git"), "gitdir: elsewhere").unwrap();
    let sandbox = create(protecting(&[".git/hooks"], bind(folder.path()))).await;
    sh(
        &sandbox,
        "rm -f .git; mv .git other; echo x >.git; mkdir -p .git/hooks",
    )
    .await;
    assert_eq!(
        fs::read_to_string(folder.path().join(".git")).unwrap(),
        "gitdir: elsewhere"
    );
}

#[tokio::test]
async fn row_53_a_link_in_a_protected_path_is_refused() {
    let folder = folder();
    fs::create_dir(folder.path().join("real")).unwrap();
    symlink("real", folder.path().join(".git")).unwrap();
    let refused = try_create(protecting(&[".git/hooks"], bind(folder.path())))
        .await
        .err()
        .unwrap();
    let text = refused.to_string();
    assert!(
        text.contains("protect .git/hooks in the workspace (a symbolic link cannot be)"),
        "{text}"
    );
    assert!(!folder.path().join("real/hooks").exists());
}

#[tokio::test]
async fn trap_12_the_mount_table_tells_no_host_path_of_a_view() {
    let layers = layered();
    let sandbox = over(layers.mount()).await;
    let table = said(&sandbox, "cat /proc/self/mountinfo /proc/mounts").await;
    assert!(!table.contains(layers.lower.to_str().unwrap()), "{table}");
}

#[tokio::test]
async fn a_vanished_workspace_is_a_sentence() {
    let refused = try_create(SandboxSpec {
        workspace: bind(Path::new("/nowhere/at all")),
        ..spec()
    })
    .await;
    let text = refused.err().unwrap().to_string();
    assert_eq!(
        text,
        "the sandbox could not open the workspace `/nowhere/at all`: No such file or directory (os error 2)"
    );
}

#[tokio::test]
async fn odd_names_work() {
    let folder = folder();
    let odd = folder.path().join("a:b,c\\d\ne");
    fs::create_dir(&odd).unwrap();
    let sandbox = over(bind(&odd)).await;
    assert_eq!(said(&sandbox, "echo x >f; cat f").await, "x");
    for name in ["lower", "view/upper", "view/work"] {
        fs::create_dir_all(odd.join(name)).unwrap();
    }
    let view = |name: &str| odd.join(name);
    let workspace = WorkspaceMount::Overlay {
        lower: view("lower"),
        upper: view("view/upper"),
        work: view("view/work"),
    };
    assert_eq!(said(&over(workspace).await, "echo y >f; cat f").await, "y");
    assert_eq!(fs::read_to_string(odd.join("view/upper/f")).unwrap(), "y\n");
}

#[tokio::test]
async fn shown_files_are_read_only_and_reserved_places_refused() {
    let folder = folder();
    fs::write(folder.path().join("tool"), "#!/bin/sh\necho tool runs\n").unwrap();
    fs::set_permissions(
        folder.path().join("tool"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let shown = |inside: &str| {
        let mut spec = spec();
        spec.ro_binds.push(ReadOnlyBind {
            host: folder.path().into(),
            inside: inside.into(),
        });
        spec
    };
    let sandbox = create(shown("/opt/tools")).await;
    let said = said(&sandbox, "/opt/tools/tool; echo x >/opt/tools/tool").await;
    assert!(
        said.starts_with("tool runs") && said.contains("Read-only"),
        "{said}"
    );
    for inside in [
        "/workspace/x",
        "/proc/x",
        "/tmp/x",
        "relative",
        "/opt/../etc",
        "/",
    ] {
        let error = try_create(shown(inside))
            .await
            .err()
            .map(|error| error.to_string());
        assert!(
            error
                .as_deref()
                .is_some_and(|text| text.contains("cannot be shown inside")),
            "{inside}: {error:?}"
        );
    }
}

/// A small disk of its own, for as long as the test runs.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        let disk = Self(folder());
        disk.mounts(&["-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs"]);
        for name in ["lower", "view/upper", "view/work"] {
            fs::create_dir_all(disk.path(name)).unwrap();
        }
        disk
    }

    fn mounts(&self, options: &[&str]) {
        let mut mount = std::process::Command::new("mount");
        let done = mount.args(options).arg(self.0.path()).status().unwrap();
        assert!(done.success());
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    async fn refuses(&self) -> String {
        let workspace = WorkspaceMount::Overlay {
            lower: self.path("lower"),
            upper: self.path("view/upper"),
            work: self.path("view/work"),
        };
        let refused = try_create(SandboxSpec {
            workspace,
            ..spec()
        })
        .await;
        refused
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
    }
}

#[tokio::test]
async fn a_read_only_disk_is_a_sentence() {
    if !is_root() {
        return skipped("only root can mount a disk for the trial");
    }
    let disk = Disk::new();
    disk.mounts(&["-o", "remount,ro"]);
    let refused = disk.refuses().await;
    assert!(
        refused.starts_with("the sandbox could not write to the view in `")
            && refused.contains("Read-only file system"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_full_disk_is_an_error_inside_and_harms_nobody() {
    if !is_root() {
        return skipped("only root can mount a disk for the trial");
    }
    let disk = Disk::new();
    fs::write(disk.path("lower/there"), "old").unwrap();
    let workspace = WorkspaceMount::Overlay {
        lower: disk.path("lower"),
        upper: disk.path("view/upper"),
        work: disk.path("view/work"),
    };
    let sandbox = over(workspace).await;
    let said = said(
        &sandbox,
        "head -c 8M /dev/zero >big; echo new >>there; cat there; echo fine",
    )
    .await;
    assert!(
        said.contains("No space left on device") && said.contains("fine"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(disk.path("lower/there")).unwrap(), "old");
}
