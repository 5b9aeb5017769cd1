//! What a task may leave behind to trick the host, and how little it gets.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::XattrFlags;
use wardroom_sandbox::view::apply::no_hook;
use wardroom_sandbox::view::{
    FsError, IgnoredTrees, OverlaySupport, RelPath, View, WorkspaceFs, render, undo,
};

use crate::bench::{Bench, Way, changes, every_way, listing, rel, story, work};

/// Swaps two names as fast as it can until the other side is done.
fn while_swapping<T>(one: &std::path::Path, other: &std::path::Path, run: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    one,
                    rustix::fs::CWD,
                    other,
                    rustix::fs::RenameFlags::EXCHANGE,
                );
            }
        });
        let result = run();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn a_file_swapped_for_a_link_never_leaks_what_lies_outside() {
    let bench = Bench::with(&[
        ("file", "harmless"),
        ("dir/file", "harmless"),
        ("spare", "x"),
    ]);
    let secret = bench.folder.path().join("secret-dir");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("file"), "SECRET").unwrap();
    symlink(secret.join("file"), bench.workspace().join("link")).unwrap();
    symlink(&secret, bench.workspace().join("dirlink")).unwrap();
    let files = WorkspaceFs::open(&bench.workspace()).unwrap();
    let (mut reads, mut good) = (0, 0);
    let mut read_for = |path: &RelPath, duration: Duration| {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            reads += 1;
            if let Ok(bytes) = files.read(path, 1000) {
                assert_eq!(bytes, b"harmless", "leaked");
                good += 1;
            }
        }
    };
    let at = |name: &str| bench.workspace().join(name);
    while_swapping(&at("file"), &at("link"), || {
        read_for(&rel("file"), Duration::from_millis(700))
    });
    while_swapping(&at("dir"), &at("dirlink"), || {
        read_for(&rel("dir/file"), Duration::from_millis(700))
    });
    println!("{reads} reads, {good} of the harmless file, 0 leaks");
    assert!(
        good > 0 && good < reads,
        "the race was not run: {good} of {reads}"
    );
}

#[test]
fn an_apply_never_writes_or_removes_outside_while_folders_are_swapped_for_links() {
    let mut applied = 0;
    for round in 0..30 {
        let bench = Bench::with(&[
            ("dir/file", "harmless\n"),
            ("dir/sub/gone", "x\n"),
            ("dir/sub/more", "x\n"),
        ]);
        let outside = bench.folder.path().join("outside");
        fs::create_dir_all(outside.join("sub")).unwrap();
        fs::write(outside.join("file"), "harmless\n").unwrap();
        fs::write(outside.join("sub/gone"), "x\n").unwrap();
        fs::write(outside.join("sub/more"), "x\n").unwrap();
        let untouched = listing(&outside);
        let view = bench.view(Way::Copy);
        work(
            &view,
            "echo mine > dir/file; rm -r dir/sub; echo new > dir/new; chmod 700 dir",
        );
        let found = changes(&view);
        symlink(&outside, bench.workspace().join("link")).unwrap();
        let (dir, link) = (
            bench.workspace().join("dir"),
            bench.workspace().join("link"),
        );
        let result = while_swapping(&dir, &link, || bench.apply(&view, &found));
        applied += usize::from(result.is_ok());
        assert_eq!(listing(&outside), untouched, "round {round}: {result:?}");
    }
    println!("{applied} of 30 went through, none touched what lies outside");
}

#[test]
fn pipes_sockets_and_devices_are_refused_at_once_and_never_carried_over() {
    let bench = Bench::with(&[("a", "1")]);
    if !crate::bench::is_root() {
        println!("skipped: only root can make devices");
        return;
    }
    let view = bench.view(Way::Copy);
    work(
        &view,
        "mkfifo pipe; mknod null c 1 3; mknod white c 0 0; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'; echo ok > b",
    );
    let copy = WorkspaceFs::open(&bench.store().join("view/copy")).unwrap();
    let begun = Instant::now();
    for (name, words) in [
        ("pipe", "a named pipe"),
        ("sock", "a socket"),
        ("null", "a device"),
        ("white", "a device"),
    ] {
        let error = copy.read(&rel(name), 100).unwrap_err();
        assert!(matches!(error, FsError::NotAFile { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("{name} is {words}, not a regular file; only regular files are read")
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    let found = changes(&view);
    assert_eq!(story(&found), ["added b"]);
    let left: Vec<String> = found
        .left_out
        .iter()
        .map(|thing| thing.path.to_string())
        .collect();
    assert_eq!(left, ["null", "pipe", "sock", "white"]);
    assert!(
        render(&found, &view, 10_000)
            .unwrap()
            .contains("stays in the view: pipe, because it is a named pipe")
    );
    bench.apply(&view, &found).unwrap();
    assert_eq!(bench.listing(), "a 644 1\nb 644 ok\\n");
}

#[test]
fn names_of_any_bytes_are_carried_over_and_shown_harmlessly() {
    let names: [&[u8]; 5] = [
        b"caf\xe9",
        b"two\nlines",
        b"\x1b[2J",
        b"back\\slash",
        b" space ",
    ];
    for way in every_way() {
        let bench = Bench::with(&[("keep", "1")]);
        let view = bench.view(way);
        work(
            &view,
            "printf x > \"$(printf 'caf\\351')\"; printf x > \"$(printf 'two\\nlines')\"; printf x > \"$(printf '\\033[2J')\"; printf x > 'back\\slash'; printf x > ' space '",
        );
        let found = changes(&view);
        assert_eq!(found.changes.len(), 5);
        let stored = serde_json::to_string(&found).unwrap();
        let loaded: wardroom_sandbox::view::ChangeSet = serde_json::from_str(&stored).unwrap();
        assert_eq!(loaded, found);
        assert_eq!(loaded.digest(), found.digest());
        let text = render(&found, &view, 10_000).unwrap();
        assert!(
            text.contains("added       caf\\xe9 (")
                && text.contains("two\\x0alines")
                && text.contains("\\x1b[2J")
                && !text.contains('\x1b'),
            "{text}"
        );
        bench.apply(&view, &loaded).unwrap();
        for name in names {
            assert_eq!(
                fs::read(bench.workspace().join(OsStr::from_bytes(name))).unwrap(),
                b"x"
            );
        }
        undo(
            &bench.snapshot(),
            &bench.folder.path().join("undo"),
            &mut no_hook,
        )
        .unwrap();
        assert_eq!(bench.listing(), "keep 644 1");
    }
}

#[test]
fn the_little_file_system_stays_beneath_its_folder() {
    let bench = Bench::with(&[("inside", "1")]);
    fs::write(bench.folder.path().join("outside"), "SECRET").unwrap();
    symlink("../outside", bench.workspace().join("up")).unwrap();
    symlink("/proc/self/root/etc", bench.workspace().join("magic")).unwrap();
    let files = WorkspaceFs::open(&bench.workspace()).unwrap();
    for path in ["../outside", "/etc/passwd", "a/../../outside", ""] {
        assert!(RelPath::parse(path).is_err());
    }
    for path in ["up", "magic/passwd", "magic"] {
        let error = files.read(&rel(path), 1000).unwrap_err();
        assert!(
            matches!(error, FsError::ThroughLink { .. }),
            "{path}: {error}"
        );
    }
    assert!(files.write_atomic(&rel("magic/new"), b"x").is_err());
    files
        .write_atomic(&rel("up"), b"a file of its own")
        .unwrap();
    assert_eq!(
        fs::read(bench.folder.path().join("outside")).unwrap(),
        b"SECRET"
    );
    files.write_atomic(&rel("deep/er/file"), b"12345").unwrap();
    assert_eq!(files.read(&rel("deep/er/file"), 5).unwrap(), b"12345");
    assert!(matches!(
        files.read(&rel("deep/er/file"), 4),
        Err(FsError::TooLarge { .. })
    ));
    let names: Vec<String> = files
        .list(&RelPath::root())
        .unwrap()
        .into_iter()
        .map(|entry| entry.path.to_string())
        .collect();
    assert_eq!(names, ["deep", "inside", "magic", "up"]);
    assert!(files.read(&rel("nothing"), 10).unwrap_err().is_absent());
}

#[test]
fn only_the_overlay_itself_speaks_in_marks() {
    let files = &[("d/x", "1"), ("d/y", "2"), ("e", "3")];
    // A view mounted by root: marks that any task can set mean nothing.
    let bench = Bench::with(files);
    let view = bench.view(Way::Overlay);
    work(
        &view,
        "python3 -c 'import os; open(\"forged\",\"w\"); os.setxattr(\"forged\",\"user.overlay.whiteout\",b\"y\"); os.mkdir(\"n\"); os.setxattr(\"d\",\"user.overlay.opaque\",b\"y\")'",
    );
    assert_eq!(story(&changes(&view)), ["added forged", "added n"]);
    // A view mounted in a user namespace, written by hand as the kernel does.
    let bench = Bench::with(files);
    let view = View::create(
        &bench.workspace(),
        &bench.store(),
        "view",
        &OverlaySupport::UserNamespace,
    )
    .unwrap();
    let upper = bench.store().join("view/upper");
    fs::create_dir(upper.join("d")).unwrap();
    fs::write(upper.join("d/x"), "").unwrap();
    rustix::fs::setxattr(
        upper.join("d"),
        "user.overlay.opaque",
        b"x",
        XattrFlags::empty(),
    )
    .unwrap();
    rustix::fs::setxattr(
        upper.join("d/x"),
        "user.overlay.whiteout",
        b"y",
        XattrFlags::empty(),
    )
    .unwrap();
    assert_eq!(story(&changes(&view)), ["deleted d/x"]);
    rustix::fs::setxattr(
        upper.join("d"),
        "user.overlay.opaque",
        b"y",
        XattrFlags::empty(),
    )
    .unwrap();
    assert_eq!(story(&changes(&view)), ["deleted d/x", "deleted d/y"]);
    rustix::fs::setxattr(
        upper.join("d"),
        "user.overlay.redirect",
        b"e",
        XattrFlags::empty(),
    )
    .unwrap();
    let error = view.changes(IgnoredTrees::StayInView).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("d is a folder that stands for another one (redirect_dir)"),
        "{error}"
    );
}

#[test]
fn twenty_thousand_files_come_and_go_in_one_act() {
    // In memory where that is possible: making and removing so many files on a
    // disk takes longer than everything that is tested here.
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let bench = Bench::in_folder(folder, &[("keep", "1")]);
    for index in 0..20_000 {
        bench.write(&format!("old/{}/{index}", index % 100), "x");
    }
    let begun = Instant::now();
    let view = bench.view(Way::Overlay);
    println!("view of 20,000 files: {:?}", begun.elapsed());
    work(
        &view,
        "rm -r old; mkdir new; cd new; i=0; while [ $i -lt 20000 ]; do : > f$i; i=$((i+1)); done",
    );
    println!("worked: {:?}", begun.elapsed());
    let begun = Instant::now();
    let found = changes(&view);
    println!("difference: {:?}", begun.elapsed());
    assert_eq!(
        found.summary(),
        "20000 files and 1 folder added, 1 folder removed (19.5 KiB)"
    );
    let begun = Instant::now();
    let text = render(&found, &view, 50_000).unwrap();
    println!("shown: {:?}, {} bytes", begun.elapsed(), text.len());
    assert!(text.len() < 51_000 && text.contains("[not shown here: "));
    let begun = Instant::now();
    bench.apply(&view, &found).unwrap();
    println!("apply: {:?}", begun.elapsed());
    assert_eq!(
        fs::read_dir(bench.workspace().join("new")).unwrap().count(),
        20_000
    );
    let begun = Instant::now();
    undo(
        &bench.snapshot(),
        &bench.folder.path().join("undo"),
        &mut no_hook,
    )
    .unwrap();
    println!("undo: {:?}", begun.elapsed());
    assert_eq!(
        fs::read_dir(bench.workspace().join("old/7"))
            .unwrap()
            .count(),
        200
    );
    assert!(!bench.workspace().join("new").exists());
}
