//! Bombs of every kind (rows 1 to 9, 18).

use crate::harness::*;
use std::time::{Duration, Instant};
use wardroom_sandbox::*;

fn with_limits(change: impl FnOnce(&mut Limits)) -> SandboxSpec {
    let mut spec = spec();
    change(&mut spec.limits);
    spec
}

#[tokio::test]
async fn row_1_a_fork_bomb_stays_small() {
    let sandbox = create(with_limits(|limits| limits.processes = 64)).await;
    let found = attempt(&sandbox, "fork-bomb").await;
    let born: u32 = found["born"].parse().unwrap();
    assert!((40..64).contains(&born), "{born} born");
    assert_eq!(found["error"], "EAGAIN");
    assert_eq!(said(&sandbox, "echo fine").await, "fine");
}

async fn eaten(name: &str) -> (ExecReport, Duration) {
    let sandbox = create(with_limits(|limits| limits.memory_bytes = 256 * MIB)).await;
    let begun = Instant::now();
    let report = run(&sandbox, attack(name)).await.report;
    (report, begun.elapsed())
}

#[tokio::test]
async fn row_2_one_process_cannot_eat_the_host() {
    assert_eq!(eaten("eat-memory").await.0.outcome, Outcome::OutOfMemory);
}

#[tokio::test]
async fn row_3_nor_can_eight_children() {
    let (report, _) = eaten("eat-memory-in-children").await;
    assert_eq!(report.outcome, Outcome::OutOfMemory, "{report:?}");
}

#[tokio::test]
async fn row_4_nor_a_file_in_memory() {
    assert_eq!(
        eaten("eat-memory-file").await.0.outcome,
        Outcome::OutOfMemory
    );
}

#[tokio::test]
async fn row_5_processor_time_is_shared() {
    let provider = NativeProvider::new();
    if provider.probe().await.unwrap().cpu != Enforcement::Kernel {
        return skipped("no cgroup limits processor time here");
    }
    let sandbox = create(with_limits(|limits| limits.cpu_percent = 50)).await;
    let script =
        "for i in 1 2 3 4; do (timeout 1.5 sh -c 'while :; do :; done'; :) & done; wait; times";
    let output = sh(&sandbox, script).await;
    let cpu = output.report.cpu.as_secs_f64();
    assert!(
        (0.02..1.2).contains(&cpu),
        "{cpu} s of processor time in 1.5 s at half a processor"
    );
}

#[tokio::test]
async fn rows_6_and_7_scratch_space_is_capped() {
    let sandbox = create(with_limits(|limits| {
        limits.tmp_bytes = 8 * MIB;
        limits.shm_bytes = 8 * MIB;
        limits.tmp_inodes = 500;
    }))
    .await;
    for place in ["/tmp", "/dev/shm"] {
        let full = said(
            &sandbox,
            &format!("head -c 64M /dev/zero >{place}/big; stat -c %s {place}/big"),
        )
        .await;
        assert!(
            full.contains("No space left") && full.contains(&(8 * MIB).to_string()),
            "{full}"
        );
    }
    let counted = said(
        &sandbox,
        "rm -f /tmp/big; cd /tmp; seq 1000 | xargs touch 2>/dev/null; ls | wc -l",
    )
    .await;
    assert!(
        (400..500).contains(&counted.parse().unwrap()),
        "{counted} files"
    );
}

#[tokio::test]
async fn row_8_a_scratch_workspace_is_capped_too() {
    let workspace = WorkspaceMount::Scratch {
        bytes: 4 * MIB,
        inodes: 100,
    };
    let sandbox = create(SandboxSpec {
        workspace,
        ..spec()
    })
    .await;
    let full = said(
        &sandbox,
        "head -c 64M /dev/zero >big; stat -c %s big; df -i . | tail -1",
    )
    .await;
    assert!(
        full.contains("No space left") && full.contains(&(4 * MIB).to_string()),
        "{full}"
    );
}

#[tokio::test]
async fn row_9_a_single_file_is_bounded() {
    let folder = folder();
    let mut spec = with_limits(|limits| limits.file_bytes = 8 * MIB);
    spec.workspace = bind(folder.path());
    let sandbox = create(spec).await;
    let sparse = sh(
        &sandbox,
        "truncate -s 2G sparse; echo $?; head -c 16M /dev/zero >big; echo $?; stat -c %s big",
    )
    .await;
    let text = String::from_utf8_lossy(&sparse.stdout).into_owned();
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0] != "0" && lines[1] != "0" && lines[2] == (8 * MIB).to_string(),
        "{text}"
    );
}

#[tokio::test]
async fn row_18_descriptors_and_watches_run_out() {
    let found = attempt(&ordinary().await, "exhaust").await;
    assert_eq!(found["files"], "EMFILE after 1000");
    assert!(
        found["inotify"].starts_with("EMFILE after at most 1024"),
        "{}",
        found["inotify"]
    );
}

#[tokio::test]
async fn a_delegated_v2_cgroup_limits_by_the_kernel() {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap_or("/");
    let offered = std::fs::read_to_string(format!("/sys/fs/cgroup{own}/cgroup.controllers"));
    if !["memory", "pids", "cpu"]
        .iter()
        .all(|name| offered.as_ref().is_ok_and(|all| all.contains(name)))
    {
        return skipped("no cgroup v2 with memory, pids and cpu is delegated to this process");
    }
    let capabilities = NativeProvider::new().probe().await.unwrap();
    assert_eq!(capabilities.memory, Enforcement::Kernel);
    assert_eq!(capabilities.cpu, Enforcement::Kernel);
}

/// Whether volumes can be had here at all. What they are made with is looked for, and no trial asked:
/// a trial that fails where all is there must be seen.
fn has_volumes() -> bool {
    if oci_runtime().is_some() {
        return false; // no container mounts one
    }
    let is_there = |path: &str| std::path::Path::new(path).exists();
    let has = is_root() && is_there("/dev/loop-control") && is_there("/usr/sbin/mkfs.ext4");
    if !has {
        skipped_by_name(
            "volumes",
            "only root mounts them, with loop devices and mkfs.ext4",
        );
    }
    has
}

/// A view in a volume: the kernel refuses what is too much, and the sandbox lives on.
#[tokio::test]
async fn row_8_a_view_in_a_volume_is_full_when_the_kernel_says_so() {
    if !has_volumes() {
        return;
    }
    let provider = NativeProvider::over_volumes();
    assert_eq!(provider.probe().await.unwrap().disk, Enforcement::Kernel);
    let a_copy = view::OverlaySupport::None {
        because: "a copy is wanted".into(),
    };
    for support in [view::OverlaySupport::Privileged, a_copy] {
        let keep = folder();
        let (work, store) = (keep.path().join("work"), keep.path().join("store"));
        std::fs::create_dir(&work).unwrap();
        std::fs::write(work.join("before"), vec![1; 3 << 20]).unwrap();
        let room = volume::Room {
            bytes: 8 * MIB,
            files: 500,
        };
        let view = view::View::create_within(&work, &store, "v", &support, Some(room)).unwrap();
        let mut spec = SandboxSpec {
            workspace: view.mount(),
            volume: view.volume(),
            ..spec()
        };
        spec.demands.disk = Demand::Kernel;
        let sandbox = provider.create(spec).await.unwrap().sandbox;
        let fits = said(&sandbox, "head -c 7M /dev/zero >a && echo fits").await;
        assert_eq!(fits, "fits");
        let full = said(
            &sandbox,
            "exec 2>&1; head -c 64M /dev/zero >b; stat -c %s b; rm a b",
        )
        .await;
        assert!(full.contains("No space left on device"), "{full}");
        let held: u64 = full.lines().last().unwrap().parse().unwrap();
        assert!(held < 4 * MIB, "{full}");
        let counted = "for d in 1 2 3; do mkdir d$d; (cd d$d; seq 1000 | xargs touch); done 2>&1 \
                       | grep -m1 -o 'No space.*'; find . -type f | wc -l";
        let counted = said(&sandbox, counted).await;
        let (words, files) = counted.split_once('\n').unwrap();
        assert_eq!(words, "No space left on device");
        let files: u32 = files.parse().unwrap();
        assert!((450..700).contains(&files), "{files} files");
        let deep = said(&sandbox, "rm -r d*; mkdir -p $(seq -s/ 300) && echo lives").await;
        assert_eq!(deep, "lives");
        sandbox.destroy(DestroyReason::Finished).await.unwrap();
        let changed = view.changes(view::IgnoredTrees::StayInView).unwrap();
        assert_eq!(changed.changes.len(), 300);
        view.discard().unwrap();
    }
}

#[tokio::test]
async fn a_folder_that_is_written_where_it_lies_is_no_volume() {
    if !has_volumes() {
        return;
    }
    let folder = folder();
    let mut spec = SandboxSpec {
        workspace: bind(folder.path()),
        ..spec()
    };
    spec.demands.disk = Demand::Kernel;
    let refused = NativeProvider::over_volumes().create(spec).await;
    let words = refused.err().unwrap().to_string();
    assert!(
        words.contains("only the view of a task has a volume"),
        "{words}"
    );
}

/// A workspace on the disk without a volume: a watchdog.
async fn outgrows(workspace: WorkspaceMount, script: &str) -> ExecReport {
    let mut spec = with_limits(|limits| {
        limits.workspace_bytes = 8 * MIB;
        limits.workspace_inodes = 500;
    });
    spec.workspace = workspace;
    let sandbox = create(spec).await;
    assert_eq!(
        said(&sandbox, "head -c 1M /dev/zero >small; echo fine").await,
        "fine"
    );
    sh(&sandbox, script).await.report
}

#[tokio::test]
async fn row_8_a_workspace_on_the_disk_does_not_outgrow_its_space() {
    let deep = "mkdir -p $(seq -s/ 300); sleep 30";
    for script in [
        "head -c 64M /dev/zero >big; sleep 30",
        "seq 2000 | xargs touch; sleep 30",
        deep,
    ] {
        let (folder, layers) = (folder(), layered());
        std::fs::write(folder.path().join("before"), vec![0; 16 << 20]).unwrap();
        // A container works on a copy, never on layers.
        let layered = oci_runtime().is_none().then(|| layers.mount());
        for workspace in [bind(folder.path())].into_iter().chain(layered) {
            let report = outgrows(workspace.clone(), script).await;
            assert_eq!(
                report.outcome,
                Outcome::OutOfSpace,
                "{script} {workspace:?}"
            );
        }
    }
}
