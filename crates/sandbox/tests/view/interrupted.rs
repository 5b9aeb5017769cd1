//! What happens when an apply cannot run to its end: someone else writes, the
//! process is killed at any point, the disk is full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use wardroom_sandbox::view::apply::no_hook;
use wardroom_sandbox::view::{
    ApplyError, Direction, IgnoredTrees, OverlaySupport, Point, Status, UndoError, View, apply,
    apply_status, render, settle, undo,
};

use crate::bench::{Bench, Way, changes, every_way, is_root, listing, story, work};

#[test]
fn a_file_changed_on_both_sides_is_a_conflict_and_nothing_is_lost() {
    for way in every_way() {
        let bench = Bench::with(&[
            ("a", "base\n"),
            ("b", "base\n"),
            ("gone", "base\n"),
            ("same", "base\n"),
            ("theirs", "base\n"),
        ]);
        let view = bench.view(way);
        work(
            &view,
            "echo mine > a; echo mine > b; rm gone; echo agreed > same; echo mine > new",
        );
        for (path, content) in [
            ("a", "theirs\n"),
            ("gone", "kept\n"),
            ("same", "agreed\n"),
            ("theirs", "theirs\n"),
            ("new", "theirs too\n"),
        ] {
            bench.write(path, content);
        }
        let found = changes(&view);
        assert_eq!(story(&found), ["modified b"], "{way:?}");
        let paths: Vec<String> = found
            .conflicts
            .iter()
            .map(|conflict| conflict.path.to_string())
            .collect();
        assert_eq!(paths, ["a", "gone", "new"], "{way:?}");
        let text = render(&found, &view, 10_000).unwrap();
        assert!(text.contains("conflict: a changed on both sides; nothing is applied\n  when the task began: 5 bytes\n  in the workspace now: a file of 7 bytes"), "{text}");
        let before = bench.listing();
        let error = bench.apply(&view, &found).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing was applied: a, gone, new changed in the workspace while the task worked; the task's version stays in its view, compare them and decide again"
        );
        assert_eq!(bench.listing(), before);
    }
}

#[test]
fn a_file_saved_at_the_last_moment_is_put_back_and_all_is_as_before() {
    for moment in [
        Point::Checked,
        Point::Staged { step: 2 },
        Point::Committing { step: 0 },
        Point::Committing { step: 2 },
    ] {
        let bench = Bench::with(&[("a", "1\n"), ("b", "2\n"), ("c", "3\n"), ("d/x", "4\n")]);
        let view = bench.view(Way::Overlay);
        work(&view, "echo mine > a; rm b; echo mine > c; rm -r d");
        let found = changes(&view);
        let mut before = String::new();
        let mut save = |point: Point| {
            if point == moment && before.is_empty() {
                bench.write("c", "saved at the last moment\n");
                before = "set".to_owned();
            }
        };
        let error = apply(&view, &found, &bench.snapshot(), &mut save).unwrap_err();
        assert!(
            matches!(error, ApplyError::Conflict(_)),
            "{moment:?}: {error}"
        );
        assert_eq!(
            bench.listing(),
            "a 644 1\\n\nb 644 2\\n\nc 644 saved at the last moment\\n\nd/ 755\nd/x 644 4\\n",
            "{moment:?}"
        );
        assert_eq!(apply_status(&bench.snapshot()).unwrap(), Status::NotStarted);
    }
}

#[test]
fn what_was_approved_is_what_is_applied_or_nothing() {
    let bench = Bench::with(&[("a", "1\n")]);
    let view = bench.view(Way::Copy);
    work(&view, "echo approved > a; echo new > b");
    let found = changes(&view);
    work(&view, "echo other > b");
    let error = bench.apply(&view, &found).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was applied: b in the task's view is not what was approved; ask for the difference again"
    );
    assert_eq!(bench.listing(), "a 644 1\\n");
}

#[test]
fn undo_refuses_to_lose_what_changed_since() {
    let bench = Bench::with(&[("a", "1\n"), ("b", "2\n")]);
    let view = bench.view(Way::Overlay);
    work(&view, "echo mine > a; rm b; mkdir d; echo x > d/x");
    bench.apply(&view, &changes(&view)).unwrap();
    bench.write("a", "edited since\n");
    bench.write("d/mine", "put there since\n");
    let error = undo(
        &bench.snapshot(),
        &bench.folder.path().join("undo"),
        &mut no_hook,
    )
    .unwrap_err();
    assert!(matches!(error, UndoError::ChangedSince(_)));
    assert_eq!(
        error.to_string(),
        "nothing was undone: a, d changed since; undo would lose that, so put it aside first"
    );
    assert_eq!(bench.read("a"), "edited since\n");
    assert!(bench.workspace().join("d/mine").exists() && !bench.workspace().join("b").exists());
}

const FILES: &[(&str, &str)] = &[
    ("a", "1\n"),
    ("b", "2\n"),
    ("tree/x", "3\n"),
    ("tree/y/z", "4\n"),
    ("swap", "5\n"),
    ("other/q", "6\n"),
];
const WORK: &str = "echo mine > a; rm b; rm -r tree; rm swap; mkdir swap; echo in > swap/in; rm -r other; echo file > other; mkdir -p n/m; echo new > n/m/o; ln -s a l; chmod 700 n";

#[test]
fn killed_at_any_point_an_apply_can_be_led_to_either_end_and_is_never_repeated() {
    let after = {
        let bench = Bench::with(FILES);
        let view = bench.view(Way::Copy);
        work(&view, WORK);
        bench.apply(&view, &changes(&view)).unwrap();
        bench.listing()
    };
    let mut seen = Vec::new();
    for kill_at in 0..100 {
        for direction in [Direction::Back, Direction::Forward] {
            let bench = Bench::with(FILES);
            let before = bench.listing();
            let view = bench.view(Way::Copy);
            work(&view, WORK);
            let status = again(
                "interrupted::killed_child",
                bench.folder.path(),
                &kill_at.to_string(),
                &[],
            );
            if status.success() {
                assert!(kill_at > 20, "the apply has at least that many points");
                seen.sort();
                seen.dedup();
                assert_eq!(seen, ["done", "not started", "partial"]);
                return;
            }
            let found = apply_status(&bench.snapshot()).unwrap();
            seen.push(match found {
                Status::NotStarted => "not started",
                Status::Partial { .. } => "partial",
                Status::Done => "done",
            });
            if bench.snapshot().join("journal.json").exists() {
                let repeated = bench.apply(&view, &changes(&view)).unwrap_err();
                assert!(
                    matches!(repeated, ApplyError::AlreadyBegun | ApplyError::Conflict(_)),
                    "{repeated}"
                );
            }
            let ended = settle(&bench.snapshot(), direction).unwrap();
            assert_eq!(
                settle(&bench.snapshot(), direction).unwrap(),
                ended,
                "settling twice is settling once"
            );
            match ended {
                Status::Done => {
                    assert_eq!(bench.listing(), after, "killed at {kill_at}, {found:?}")
                }
                _ => assert_eq!(bench.listing(), before, "killed at {kill_at}, {found:?}"),
            }
            if ended == Status::Done {
                undo(
                    &bench.snapshot(),
                    &bench.folder.path().join("undo"),
                    &mut no_hook,
                )
                .unwrap();
                assert_eq!(
                    bench.listing(),
                    before,
                    "undone after being killed at {kill_at}"
                );
            }
        }
    }
    unreachable!("the apply never ended by itself");
}

/// Runs only as a child of the test above: applies, and kills itself on the way.
#[test]
fn killed_child() {
    let Some((folder, kill_at)) = told() else {
        return;
    };
    let kill_at: usize = kill_at.parse().unwrap();
    let view = View::open(&folder.join("store"), "view").unwrap();
    let found = changes(&view);
    let mut points = 0;
    let mut kill = |_| {
        if points == kill_at {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
        points += 1;
    };
    apply(&view, &found, &folder.join("snapshot"), &mut kill).unwrap();
}

#[test]
fn a_full_disk_leaves_nothing_half_applied() {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=512k tmpfs '{}'",
        folder.path().join("workspace").display()
    );
    fs::create_dir(folder.path().join("workspace")).unwrap();
    assert!(again("interrupted::full_disk_child", folder.path(), "", &[&mount]).success());
}

/// Runs only as a child, in a mount namespace where the workspace is a tiny disk
/// of its own: the snapshot lies on another one.
#[test]
fn full_disk_child() {
    let Some((folder, _)) = told() else { return };
    let workspace = folder.join("workspace");
    fs::write(workspace.join("a"), "1\n").unwrap();
    fs::create_dir(workspace.join("tree")).unwrap();
    fs::write(workspace.join("tree/x"), "2\n").unwrap();
    let before = listing(&workspace);
    let view = View::create(
        &workspace,
        &folder.join("store"),
        "view",
        &OverlaySupport::None {
            because: "of the test".into(),
        },
    )
    .unwrap();
    work(
        &view,
        "echo mine > a; rm -r tree; head -c 300000 /dev/zero > big1; head -c 300000 /dev/zero > big2",
    );
    let error = apply(
        &view,
        &changes(&view),
        &folder.join("snapshot"),
        &mut no_hook,
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
    assert_eq!(listing(&workspace), before);
    assert_eq!(
        apply_status(&folder.join("snapshot")).unwrap(),
        Status::NotStarted
    );

    work(&view, "rm big2");
    apply(
        &view,
        &changes(&view),
        &folder.join("snapshot"),
        &mut no_hook,
    )
    .unwrap();
    assert!(!workspace.join("tree").exists() && workspace.join("big1").exists());
    undo(&folder.join("snapshot"), &folder.join("undo"), &mut no_hook).unwrap();
    assert_eq!(listing(&workspace), before);
}

#[test]
fn an_ordinary_user_has_all_of_it_too() {
    if !is_root() {
        println!("skipped: every test here runs as an ordinary user already");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(1000), Some(1000)).unwrap();
    assert!(again("interrupted::user_child", folder.path(), "user", &[]).success());
}

/// Runs only as a child, as user 1000.
#[test]
fn user_child() {
    let Some((folder, _)) = told() else { return };
    for way in every_way() {
        let bench = Bench::in_folder(tempfile::tempdir_in(&folder).unwrap(), FILES);
        let before = bench.listing();
        let view = bench.view(way);
        work(&view, WORK);
        view.checkpoint(1).unwrap();
        work(&view, "rm a; mkdir tree; echo replaced > tree/x");
        assert!(
            view.changes(IgnoredTrees::StayInView)
                .unwrap()
                .changes
                .iter()
                .any(|change| change.path.to_string() == "tree/y"),
            "{way:?}"
        );
        view.restore(1).unwrap();
        bench.apply(&view, &changes(&view)).unwrap();
        assert_eq!(bench.read("a"), "mine\n");
        assert!(!bench.workspace().join("tree").exists());
        undo(
            &bench.snapshot(),
            &bench.folder.path().join("undo"),
            &mut no_hook,
        )
        .unwrap();
        assert_eq!(bench.listing(), before, "{way:?}");
        view.discard().unwrap();
        assert_eq!(fs::read_dir(bench.store()).unwrap().count(), 0);
    }
}

const FOLDER: &str = "VIEW_TEST_FOLDER";
const WORD: &str = "VIEW_TEST_WORD";

/// Runs one test of this program in a process of its own, with its own mounts. The
/// word "user" makes it an ordinary user.
fn again(test: &str, folder: &Path, word: &str, setup: &[&str]) -> ExitStatus {
    let program = folder.join("test-program");
    if !program.exists() {
        fs::hard_link(std::env::current_exe().unwrap(), &program)
            .or_else(|_| fs::copy(std::env::current_exe().unwrap(), &program).map(drop))
            .unwrap();
    }
    let drop_rights = if word == "user" {
        "setpriv --reuid=1000 --regid=1000 --clear-groups"
    } else {
        ""
    };
    let script = format!(
        "set -e\n{}\nexec {drop_rights} '{}' --exact {test}",
        setup.join("\n"),
        program.display()
    );
    let mut command = if setup.is_empty() {
        Command::new("sh")
    } else {
        let mut command = Command::new("unshare");
        command.args([if is_root() { "-m" } else { "-Urm" }, "sh"]);
        command
    };
    command.args(["-c", &script]);
    let done = command
        .env(FOLDER, folder)
        .env(WORD, word)
        .output()
        .unwrap();
    if !done.status.success() && word.parse::<usize>().is_err() {
        println!(
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    done.status
}

fn told() -> Option<(PathBuf, String)> {
    Some((std::env::var_os(FOLDER)?.into(), std::env::var(WORD).ok()?))
}
