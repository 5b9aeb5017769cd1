//! The road of a view: taken, worked in, compared, shown, applied, undone.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use wardroom_sandbox::view::apply::no_hook;
use wardroom_sandbox::view::{
    How, OverlaySupport, Status, View, apply_status, limits, render, undo,
};

use crate::bench::{Bench, Way, changes, every_way, story, work};

const FILES: &[(&str, &str)] = &[
    ("README.md", "hello\nworld\n"),
    ("old.txt", "old\n"),
    ("src/main.rs", "fn main() {}\n"),
    ("docs/a.md", "a\n"),
    ("docs/deep/b.md", "b\n"),
    ("swap", "a file\n"),
    ("tool.sh", "#!/bin/sh\n"),
];

const WORK: &str = "
    echo more >> README.md
    rm old.txt
    rm -r docs
    mkdir -p new/deep && echo new > new/deep/file.txt
    rm swap && mkdir swap && echo inside > swap/inside
    chmod 755 tool.sh
    ln -s README.md link
    mv src source
";

#[test]
fn a_view_is_worked_in_shown_applied_and_undone() {
    for way in every_way() {
        let bench = Bench::with(FILES);
        let before = bench.listing();
        let view = bench.view(way);
        assert_eq!(
            matches!(view.how(), How::Overlay { .. }),
            way.is_overlay(),
            "{}",
            view.describe()
        );
        work(&view, WORK);
        assert_eq!(bench.listing(), before, "nothing has happened yet");

        let changes = changes(&view);
        assert_eq!(
            story(&changes),
            [
                "modified readme.md",
                "deleted docs",
                "symlink link",
                "added new",
                "added new/deep",
                "added new/deep/file.txt",
                "deleted old.txt",
                "added source",
                "added source/main.rs",
                "deleted src",
                "replaced swap",
                "added swap/inside",
                "modechanged tool.sh",
            ]
        );
        assert_eq!(
            changes.summary(),
            "4 files and 3 folders added (24 bytes), 1 file changed (17 bytes), 1 file with other permissions, 1 file replaced by something else (7 bytes), 1 file and 2 folders removed (21 bytes)"
        );

        let applied = bench.apply(&view, &changes).unwrap();
        assert_eq!(applied.digest, changes.digest());
        assert_eq!(apply_status(&bench.snapshot()).unwrap(), Status::Done);
        assert_eq!(bench.read("README.md"), "hello\nworld\nmore\n");
        assert_eq!(bench.read("swap/inside"), "inside\n");
        assert!(
            !bench.listing().contains(".wardroom"),
            "{}",
            bench.listing()
        );
        view.accept(&applied.paths).unwrap();
        assert!(
            crate::bench::changes(&view).is_empty(),
            "what was applied is no difference any more"
        );

        let undone = undo(
            &bench.snapshot(),
            &bench.folder.path().join("undo"),
            &mut no_hook,
        )
        .unwrap();
        assert_eq!(bench.listing(), before);
        view.accept(&undone.paths).unwrap();
        let again = crate::bench::changes(&view);
        assert_eq!((story(&again), again.conflicts), (story(&changes), vec![]));
        undo(
            &bench.folder.path().join("undo"),
            &bench.folder.path().join("redo"),
            &mut no_hook,
        )
        .unwrap();
        assert_eq!(bench.read("README.md"), "hello\nworld\nmore\n");
        assert!(!bench.workspace().join("docs").exists());
    }
}

#[test]
fn the_same_state_gives_the_same_digest_by_either_way() {
    let digests: Vec<String> = every_way()
        .into_iter()
        .map(|way| {
            let bench = Bench::with(&[("a.txt", "a\n"), ("b.txt", "b\n")]);
            let view = bench.view(way);
            work(&view, "echo x > a.txt; rm b.txt; mkdir d; echo y > d/e");
            let reopened = View::open(&bench.store(), "view").unwrap();
            assert_eq!(changes(&view).digest(), changes(&reopened).digest());
            changes(&view).digest().to_string()
        })
        .collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn a_person_sees_every_change_as_text() {
    let bench = Bench::with(FILES);
    let view = bench.view(Way::Overlay);
    work(
        &view,
        "echo more >> README.md; rm -r docs; printf '\\000\\001' > blob; ln -s /etc/passwd leak; printf 'x\\033[2Jy\\n' > esc.txt; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit; chmod 755 .git/hooks/pre-commit",
    );
    let changes = changes(&view);
    assert!(changes.touches_protected());
    let text = render(&changes, &view, limits::RENDER_BYTES).unwrap();
    println!("{text}");
    for expected in [
        "4 files and 2 folders added",
        "look closely: .git/hooks/pre-commit is protected, because git runs it",
        "look closely: .git/hooks/pre-commit becomes a program",
        "look closely: leak is a link out of the workspace, to /etc/passwd",
        "removed     docs/ (2 files, 4 bytes)",
        "              docs/deep/b.md",
        "--- a/README.md\n+++ b/README.md\n@@ -1,2 +1,3 @@\n hello\n world\n+more\n",
        "blob is binary",
        "+x\\u{1b}[2Jy",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing");
    }
    let short = render(&changes, &view, 200).unwrap();
    assert!(
        short.len() < 400 && short.contains("the decision covers the whole difference"),
        "{short}"
    );
}

#[test]
fn owners_decide_between_overlay_and_copy() {
    if !crate::bench::is_root() {
        println!("skipped: only root can give a file away");
        return;
    }
    let bench = Bench::with(&[("mine", "1"), ("theirs", "2")]);
    std::os::unix::fs::chown(bench.workspace().join("theirs"), Some(1234), None).unwrap();
    let view = View::create(
        &bench.workspace(),
        &bench.store(),
        "v",
        &OverlaySupport::of_this_process(),
    )
    .unwrap();
    assert_eq!(
        view.describe(),
        "The task works on a copy of the workspace (2 files, 0 of them shared on disk), because theirs belongs to another user or group than the rest."
    );
    view.discard().unwrap();
    assert_eq!(fs::read_dir(bench.store()).unwrap().count(), 0);
}

#[test]
fn modes_are_kept_and_set_id_bits_never() {
    for way in every_way() {
        let bench = Bench::with(&[("a", "1")]);
        let view = bench.view(way);
        work(
            &view,
            "echo x > run; chmod 6755 run; echo x > secret; chmod 600 secret; mkdir m; chmod 2770 m; chmod 7777 a",
        );
        bench.apply(&view, &changes(&view)).unwrap();
        let mode = |name: &str| {
            fs::metadata(bench.workspace().join(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o7777
        };
        assert_eq!(
            [mode("run"), mode("secret"), mode("m"), mode("a")],
            [0o755, 0o600, 0o770, 0o777]
        );
    }
}

#[test]
fn a_checkpoint_brings_back_what_a_step_had_written() {
    for way in every_way() {
        let bench = Bench::with(FILES);
        let view = bench.view(way);
        work(&view, WORK);
        let first = view.checkpoint(1).unwrap();
        assert!(first.copied_files > 0 && !first.is_same_as_before);
        assert!(view.checkpoint(2).unwrap().is_same_as_before);
        let wanted = changes(&view);
        work(
            &view,
            "echo second > second; rm -r swap; mkdir docs; echo back > docs/a.md; echo x >> README.md",
        );
        let third = view.checkpoint(3).unwrap();
        assert_eq!(
            (third.copied_files, third.shared_files > 0),
            (3, true),
            "{way:?}"
        );
        work(&view, "rm -rf -- *");
        view.restore(2).unwrap();
        assert_eq!(changes(&view), wanted, "{way:?}");
        assert_eq!(view.checkpoints().unwrap(), [1, 2]);
        work(
            &view,
            "echo again > again; cat README.md swap/inside > /dev/null; test ! -e docs",
        );
        for number in 4..9 {
            view.checkpoint(number).unwrap();
        }
        assert_eq!(view.checkpoints().unwrap(), [5, 6, 7, 8]);
        let error = view.restore(2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the view has no checkpoint 2; it keeps [5, 6, 7, 8]"
        );
    }
}

#[test]
fn a_restore_that_a_crash_cut_off_in_a_volume_is_finished_by_whoever_opens_the_view() {
    if !crate::bench::has_volumes() {
        return;
    }
    for way in [Way::OverlayInVolume, Way::CopyInVolume] {
        let bench = Bench::with(FILES);
        let view = bench.view(way);
        work(&view, WORK);
        view.checkpoint(1).unwrap();
        let wanted = changes(&view);
        work(&view, "rm -rf -- *; echo half > half");
        // As the restore leaves it on the disk before it empties the layer.
        let mark = bench.store().join("view/refill.json");
        fs::write(&mark, "1").unwrap();
        drop(view);
        let view = View::open(&bench.store(), "view").unwrap();
        assert!(!mark.exists());
        assert_eq!(story(&changes(&view)), story(&wanted), "{way:?}");
        view.restore(1).unwrap();
        assert_eq!(changes(&view), wanted, "{way:?}");
        view.discard().unwrap();
        assert_eq!(fs::read_dir(bench.store()).unwrap().count(), 0);
    }
}

#[test]
fn generated_trees_stay_in_the_view_unless_they_go_as_a_whole() {
    let files = &[
        ("Cargo.toml", "[package]\n"),
        (".gitignore", "*.log\n/out/\n!keep.log\n"),
        (".env", "A=1\n"),
        ("target/debug/app", "old\n"),
        ("out/old", "old\n"),
    ];
    for way in every_way() {
        let bench = Bench::with(files);
        let view = bench.view(way);
        work(
            &view,
            "echo b >> target/debug/app; mkdir -p node_modules/x; echo x > node_modules/x/i.js; echo l > run.log; echo k > keep.log; rm -r out; echo B=2 >> .env",
        );
        let found = changes(&view);
        assert_eq!(
            story(&found),
            ["modified .env", "added keep.log", "deleted out"],
            "{way:?}"
        );
        let ignored: Vec<String> = found
            .ignored
            .iter()
            .map(|tree| format!("{} {}", tree.path, tree.files))
            .collect();
        assert_eq!(
            ignored,
            ["node_modules 1", "run.log 1", "target 1"],
            "{way:?}"
        );
        let everything = view
            .changes(wardroom_sandbox::view::IgnoredTrees::AreChanges)
            .unwrap();
        assert!(story(&everything).contains(&"modified target/debug/app".to_owned()));
    }
}

#[test]
fn a_replaced_folder_loses_only_what_the_task_saw() {
    for way in every_way() {
        let bench = Bench::with(&[("d/same", "1\n"), ("d/other", "2\n"), ("d/deep/x", "3\n")]);
        let view = bench.view(way);
        work(
            &view,
            "rm -r d; mkdir d; echo 1 > d/same; echo changed > d/other",
        );
        bench.write("d/added-by-its-owner", "mine\n");
        let found = changes(&view);
        assert_eq!(
            story(&found),
            ["deleted d/deep", "modified d/other"],
            "{way:?}"
        );
        bench.apply(&view, &found).unwrap();
        assert_eq!(bench.read("d/added-by-its-owner"), "mine\n");
    }
}

#[test]
fn what_its_owner_does_beside_the_task_is_left_alone() {
    for way in every_way() {
        let bench = Bench::with(FILES);
        let view = bench.view(way);
        work(&view, "echo mine > mine");
        bench.write("src/main.rs", "edited by its owner\n");
        fs::remove_dir_all(bench.workspace().join("docs")).unwrap();
        fs::remove_file(bench.workspace().join("old.txt")).unwrap();
        bench.write("theirs", "x");
        let found = changes(&view);
        assert_eq!(
            (story(&found), found.conflicts),
            (vec!["added mine".to_owned()], vec![]),
            "{way:?}"
        );
    }
}

#[test]
fn what_cannot_be_a_workspace_is_refused_with_a_sentence() {
    let bench = Bench::with(&[("a", "1")]);
    let support = OverlaySupport::of_this_process();
    let refusal = |workspace: &std::path::Path, store: &std::path::Path, id: &str| {
        View::create(workspace, store, id, &support)
            .unwrap_err()
            .to_string()
    };
    let shown = |path: &std::path::Path| path.display().to_string();
    let (here, store) = (bench.workspace(), bench.store());
    assert_eq!(
        refusal("/".as_ref(), &store, "v"),
        "the workspace / cannot be opened: it is the whole machine; open a folder"
    );
    assert_eq!(
        refusal(&here, &here.join("data"), "v"),
        format!(
            "the workspace {} cannot be opened: Wardroom's own data lies inside it; open a folder beside it",
            shown(&here)
        )
    );
    assert_eq!(bench.listing(), "a 644 1", "nothing was made in it");
    assert!(
        refusal(&here.join("gone"), &store, "v")
            .ends_with("check that the folder still exists and may be read")
    );
    assert!(refusal(&here.join("a"), &store, "v").contains("Not a directory"));
    assert!(refusal(&here, &store, "../v").contains("cannot name a view"));
    let view = View::create(&here, &store, "v", &support).unwrap();
    drop(view);
    fs::rename(&here, bench.folder.path().join("elsewhere")).unwrap();
    fs::create_dir(&here).unwrap();
    let error = View::open(&store, "v").unwrap_err().to_string();
    assert!(
        error.contains("is not the folder that this view was taken from"),
        "{error}"
    );
}
