//! The same attempts in containers of an OCI runtime: gVisor (`runsc`) and `runc`, as root and as
//! an ordinary user.

use crate::docker::DockerDaemon;
use crate::harness::*;
use crate::runtimes::{Podman, Suite, is_inner, is_installed};
use wardroom_sandbox::*;

const USER: u32 = 65_500;

/// What only containers have, whoever makes them.
const OWN: &[&str] = &[
    "containers::a_command_runs_and_writes",
    "containers::streams_and_codes_come_through",
    "containers::what_containers_lack_is_a_sentence",
    "containers::nothing_is_left_of_a_container",
    "containers::a_frozen_container_stands_still",
    "containers::protected_paths_hold",
];
const A_WAY_OUT: &str = "containers::a_way_out_leaves_no_power_behind";

/// Every other test of this suite runs in containers too, but for these, each with its reason.
const NOT_IN_CONTAINERS: &[&str] = &[
    // Begun by themselves, or about another backend.
    "containers::",
    "capabilities::",
    "unprivileged::",
    // Containers have no helper of ours, and root's no map of users.
    "host::trap_1_",
    "host::row_29_",
    "lifecycle::the_sandbox_ends_with_its_helper",
    // Containers mount no layers: a view is a copy there.
    "levels::level_0_holds_over_a_copy_on_write_view",
    "workspace::a_full_disk_is_an_error_inside_and_harms_nobody",
    "workspace::a_read_only_disk_is_a_sentence",
    "workspace::a_view_",
    "workspace::odd_names_work",
    "workspace::row_53_protected_paths_hold_in_a_view",
    "workspace::trap_12_",
    // A copy is given to the container's user, so no owner is mapped.
    "workspace::foreign_files_can_be_read_and_not_written",
    "workspace::what_is_written_belongs_to_the_folder_s_owner",
    // It takes minutes where a sandbox takes a tenth of a second.
    "lifecycle::row_17_",
];

/// A kernel in user space answers many attempts in words of its own, and each command of it takes a
/// tenth of a second, so what it runs is named.
const IN_GVISOR: &[&str] = &[
    "containers::what_gvisor_cannot_pass_is_a_sentence",
    "escape::row_19_no_new_namespaces",
    "escape::row_20_no_change_of_mounts",
    "escape::rows_31_to_33_no_kernel_interfaces",
    "escape::row_36_no_exotic_sockets",
    "limits::row_8_a_workspace_on_the_disk_does_not_outgrow_its_space",
    "network::rows_38_and_39_no_way_out",
    "streams::row_11_a_deadline_is_kept",
];

/// An engine shows its own `/sys`, covers what it sees fit of `/proc`, makes the shared memory, and
/// takes its time to clear up after the last process is gone.
const NOT_IN_AN_ENGINE: &[&str] = &[
    "lifecycle::destroy_is_quick_complete_and_repeatable",
    "limits::rows_6_and_7_scratch_space_is_capped",
    "escape::rows_25_and_51_the_host_is_not_there",
    "escape::rows_45_and_49_the_system_is_read_only",
    "host::rows_26_and_27_kernel_switches_and_secrets_are_covered",
];

/// Without root a runtime can map one user alone, and that to its root, who has no capability: he
/// is "user 0" of his namespace, and what belongs to that is his. And there is no cgroup.
const NOT_FOR_A_USER: &[&str] = &[
    "escape::row_23_",
    "escape::row_28_",
    "escape::row_52_",
    "escape::the_debug_profile_traces_its_own_and_not_pid_1",
    "limits::row_5_",
    "tools::a_browser_keeps_its_own_sandbox_under_its_profile",
];

const FROZEN: &str = "frozen";

fn ordinary_suite(runtime: &str) -> Suite<'_> {
    Suite {
        own: [OWN, &[A_WAY_OUT]].concat(),
        but: NOT_IN_CONTAINERS.to_vec(),
        ..Suite::of(runtime)
    }
}

#[test]
fn runc_holds() {
    if oci_runtime().is_some() || is_inner() {
        return;
    }
    if !is_installed("runc") {
        return skipped_by_name("oci runc", "runc is not installed here");
    }
    ordinary_suite("runc").holds();
}

#[test]
fn runc_holds_for_an_ordinary_user() {
    if oci_runtime().is_some() || !is_root() {
        return;
    }
    if !is_installed("runc") {
        return skipped_by_name("oci runc", "runc is not installed here");
    }
    let mut suite = ordinary_suite("runc");
    suite.but.extend(NOT_FOR_A_USER);
    suite.user = Some(USER);
    suite.holds();
}

#[test]
fn gvisor_holds() {
    if oci_runtime().is_some() || is_inner() {
        return;
    }
    if !is_installed("runsc") {
        return skipped_by_name("oci gvisor", "runsc is not installed here");
    }
    let mut suite = ordinary_suite("runsc");
    suite.own = [OWN, IN_GVISOR].concat();
    suite.but = Vec::new();
    // Without a cgroup, which an ordinary user has not, it cannot freeze.
    suite.own.retain(|name| is_root() || !name.contains(FROZEN));
    suite.holds();
}

#[test]
fn podman_holds() {
    if oci_runtime().is_some() || !is_root() {
        return;
    }
    let podman = match Podman::start() {
        Ok(podman) => podman,
        Err(why) => return skipped_by_name("podman", &why),
    };
    let mut suite = ordinary_suite("podman");
    suite
        .own
        .push("containers::an_engine_tells_what_it_enforces");
    suite.but.extend(NOT_IN_AN_ENGINE);
    suite.socket = Some(&podman.socket);
    suite.holds();
}

/// What Docker's own engine is tried with: the whole suite takes minutes, and Podman, which is
/// spoken to in the same words, has it.
const IN_DOCKER: &[&str] = &[
    "containers::what_docker_keeps_to_itself_is_a_sentence",
    "escape::row_19_no_new_namespaces",
    "escape::row_20_no_change_of_mounts",
    "escape::rows_21_and_22_no_devices_and_no_file_handles",
    "escape::row_24_no_set_id_files",
    "escape::rows_31_to_33_no_kernel_interfaces",
    "escape::row_36_no_exotic_sockets",
    "limits::row_2_one_process_cannot_eat_the_host",
    "limits::row_8_a_workspace_on_the_disk_does_not_outgrow_its_space",
    "network::rows_38_and_39_no_way_out",
    "streams::row_11_a_deadline_is_kept",
];

#[test]
fn docker_holds() {
    if oci_runtime().is_some() || !is_root() {
        return;
    }
    let docker = match DockerDaemon::start() {
        Ok(docker) => docker,
        Err(why) => return skipped_by_name("docker", &why),
    };
    let mut suite = Suite::of("docker");
    suite.own = [OWN, IN_DOCKER].concat();
    suite.socket = Some(&docker.socket);
    suite.holds();
}

#[tokio::test]
#[ignore = "started by docker_holds"]
async fn what_docker_keeps_to_itself_is_a_sentence() {
    let found = provider().probe().await.unwrap();
    for must in [
        found.namespaces,
        found.syscalls,
        found.network,
        found.memory,
        found.cpu,
    ] {
        assert_eq!(must, Enforcement::Kernel);
    }
    let mut spec = spec();
    spec.egress = EgressSpec::Proxied;
    let refused = try_create(spec).await.err().unwrap().to_string();
    assert_ne!(found.way_out, Offer::Given);
    assert!(
        refused.contains("route the stand-in addresses"),
        "{refused}"
    );
}

#[tokio::test]
#[ignore = "started by podman_holds"]
async fn an_engine_tells_what_it_enforces() {
    let socket = std::env::var_os("WARDROOM_TEST_SOCKET").map(std::path::PathBuf::from);
    let provider = EngineProvider::podman(socket, &oci_folder());
    let found = provider
        .probe()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    for (name, enforcement) in found.rows() {
        println!("podman {name:>15}: {enforcement}");
    }
    for must in [
        found.namespaces,
        found.syscalls,
        found.network,
        found.memory,
    ] {
        assert_eq!(must, Enforcement::Kernel);
    }
    assert_eq!(found.offers().map(|(_, offer)| offer), [Offer::Given; 2]);
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_a_sentence() {
    let socket = Some("/nowhere/engine.sock".into());
    let provider = EngineProvider::docker(socket, &oci_folder());
    let refused = provider.create(spec()).await.err().unwrap().to_string();
    assert!(
        refused.contains("reach the engine of docker at /nowhere/engine.sock"),
        "{refused}"
    );
}

#[tokio::test]
#[ignore = "started by runc_holds and its like"]
async fn a_command_runs_and_writes() {
    let folder = folder();
    std::fs::write(folder.path().join("there"), "old").unwrap();
    let sandbox = create(SandboxSpec {
        workspace: bind(folder.path()),
        ..spec()
    })
    .await;
    assert_eq!(
        said(&sandbox, "pwd; cat there; echo new >made; cat made").await,
        "/workspace\noldnew"
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("made")).unwrap(),
        "new\n"
    );
    let id = said(
        &sandbox,
        "grep -E '^Cap(Eff|Bnd)' /proc/self/status | tr -d '\\t'",
    )
    .await;
    assert_eq!(id, "CapEff:0000000000000000\nCapBnd:0000000000000000");
    // Root's containers have a user of the host that owns nothing; a user's have his own.
    let user: u32 = said(&sandbox, "id -u").await.parse().unwrap();
    assert!(user >= 200_000 || !is_root(), "user {user} inside");
}

/// The powers that open the way out are gone before anything else runs.
#[tokio::test]
#[ignore = "started by runc_holds and its like"]
async fn a_way_out_leaves_no_power_behind() {
    let created = try_create(SandboxSpec {
        egress: EgressSpec::Proxied,
        ..spec()
    });
    let created = created.await.unwrap_or_else(|error| panic!("{error}"));
    assert!(created.egress.is_some());
    let sets = "grep -hE '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status /proc/1/status | sort -u";
    let found = said(&created.sandbox, sets).await;
    assert_eq!(found.matches("0000000000000000").count(), 5, "{found}");
    assert_eq!(found.lines().count(), 5, "{found}");
    let route = "ip route add 1.1.1.0/24 dev lo 2>&1 | head -1; ip link set lo down 2>&1 | head -1";
    assert!(!said(&created.sandbox, route).await.is_empty());
}

#[tokio::test]
#[ignore = "started by runc_holds and its like"]
async fn streams_and_codes_come_through() {
    let sandbox = ordinary().await;
    let output = sh(&sandbox, "echo out; echo err >&2; exit 7").await;
    assert_eq!(
        (&*output.stdout, &*output.stderr),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert_eq!(output.report.outcome, Outcome::Exited(7));
    // Where the runtime itself enters, the guest's words stand where the command's would.
    let missing = match sandbox.exec(ExecSpec::new(["no-such-program"])).await {
        Err(error) => error.to_string(),
        Ok(handle) => {
            let output = handle.collect().await.unwrap();
            assert_eq!(output.report.outcome, Outcome::Exited(127));
            String::from_utf8_lossy(&output.stderr).into_owned()
        }
    };
    assert!(
        missing.contains("`no-such-program`") && missing.contains("No such file"),
        "{missing}"
    );
    let mut talk = start(&sandbox, ExecSpec::service(["cat"])).await;
    let mut stdin = talk.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, b"hello")
        .await
        .unwrap();
    drop(stdin);
    assert_eq!(talk.collect().await.unwrap().stdout, b"hello");
}

#[tokio::test]
#[ignore = "started by runc_holds and its like"]
async fn what_containers_lack_is_a_sentence() {
    let layers = layered();
    let layered = try_create(SandboxSpec {
        workspace: layers.mount(),
        ..spec()
    })
    .await;
    assert!(
        layered
            .err()
            .unwrap()
            .to_string()
            .contains("a copy-on-write mount")
    );
    let vanished = bind(std::path::Path::new("/nowhere/at all"));
    let vanished = try_create(SandboxSpec {
        workspace: vanished,
        ..spec()
    })
    .await;
    assert!(
        vanished
            .err()
            .unwrap()
            .to_string()
            .contains("open the workspace `/nowhere/at all`")
    );
}

/// What stands in the report is what is said to whoever asks.
#[tokio::test]
#[ignore = "started by gvisor_holds"]
async fn what_gvisor_cannot_pass_is_a_sentence() {
    let terminal = Some(TerminalSize {
        rows: 24,
        columns: 80,
    });
    let wanted = ExecSpec {
        terminal,
        ..ExecSpec::new(["sh"])
    };
    let refused = ordinary().await.exec(wanted).await.err().unwrap();
    let egress = try_create(SandboxSpec {
        egress: EgressSpec::Proxied,
        ..spec()
    })
    .await;
    let egress = egress.err().unwrap().to_string();
    let found = OciProvider::new("runsc", &oci_folder()).probe().await;
    let found = found.unwrap_or_else(|error| panic!("{error}"));
    for (offer, said) in [
        (found.terminals, refused.to_string()),
        (found.way_out, egress),
    ] {
        let Offer::Refused(why) = offer else {
            panic!("{offer}");
        };
        assert!(why.starts_with("gVisor hands no "), "{why}");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
#[ignore = "started by runc_holds and its like"]
async fn nothing_is_left_of_a_container() {
    let bundles = || std::fs::read_dir(oci_folder().join("bundles")).map_or(0, Iterator::count);
    let sandbox = ordinary().await;
    let marker = format!("{}.25", 300_000 + std::process::id());
    let handle = start(&sandbox, ExecSpec::new(["sleep", &marker])).await;
    assert!(bundles() >= 1);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    sandbox.destroy(DestroyReason::Emergency).await.unwrap();
    assert_eq!(handle.wait().await.outcome, Outcome::Lost);
    let runs = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.starts_with(b"sleep") && String::from_utf8_lossy(&line).contains(&marker)
    });
    assert!(!runs, "the command outlived its container");
    let id = sandbox.id().as_str().to_owned();
    let left = std::fs::read_dir(oci_folder().join("bundles"))
        .unwrap()
        .flatten();
    let names: Vec<_> = left
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert!(
        !names.iter().any(|name| name.ends_with(&format!(".{id}"))),
        "{names:?}"
    );
    assert!(matches!(
        sandbox.exec(ExecSpec::new(["true"])).await,
        Err(SandboxError::Ended)
    ));
}

#[tokio::test]
#[ignore = "started by runc_holds and its like"]
async fn a_frozen_container_stands_still() {
    let sandbox = ordinary().await;
    let script = "while :; do echo x >>/workspace/ticks; sleep 0.05; done";
    let handle = start(&sandbox, ExecSpec::new(["sh", "-c", script])).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    sandbox.freeze(true).await.unwrap();
    let usage = sandbox.usage().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let later = sandbox.usage().await.unwrap();
    assert_eq!(usage.cpu, later.cpu);
    sandbox.freeze(false).await.unwrap();
    assert_ne!(said(&sandbox, "wc -l </workspace/ticks").await, "0");
    handle.kill();
}

#[tokio::test]
#[ignore = "started by runc_holds and its like"]
async fn protected_paths_hold() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join(".git/hooks")).unwrap();
    std::fs::write(folder.path().join(".git/config"), "c").unwrap();
    let protected = [".git/hooks", ".git/config", ".github/workflows"]
        .map(|path| RelPath::parse(path).unwrap())
        .into();
    let sandbox = create(SandboxSpec {
        workspace: bind(folder.path()),
        protected,
        ..spec()
    })
    .await;
    sh(&sandbox, "echo x >.git/hooks/pre; echo x >.git/config; echo x >.github/workflows/ci; rm -f .git/config; mv .git/hooks o").await;
    assert_eq!(
        said(
            &sandbox,
            "cat .git/config; cat .git/hooks/pre .github/workflows/ci 2>/dev/null; echo y >f; cat f"
        )
        .await,
        "cy"
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join(".git/config")).unwrap(),
        "c"
    );
}

/// The probe of a whole provider, where it is installed.
#[tokio::test]
async fn a_runtime_tells_what_it_enforces() {
    for (runtime, tier) in [("runc", Tier::Namespaces), ("runsc", Tier::UserKernel)] {
        if !is_installed(runtime) {
            skipped(&format!("{runtime} is not installed here"));
            continue;
        }
        if !is_root() && runtime == "runsc" {
            continue;
        }
        let found = OciProvider::new(runtime, &oci_folder()).probe().await;
        let found = found.unwrap_or_else(|error| panic!("{runtime}: {error}"));
        for (name, enforcement) in found.rows() {
            println!("{runtime} {name:>15}: {enforcement}");
        }
        assert_eq!(found.tier, tier);
        for must in [found.namespaces, found.syscalls, found.network] {
            assert_eq!(must, Enforcement::Kernel, "{runtime}");
        }
        for (name, offer) in found.offers() {
            println!("{runtime} {name:>15}: {offer}");
            let is_given = offer == Offer::Given;
            assert_eq!(is_given, tier == Tier::Namespaces, "{runtime} {name}");
        }
    }
}

#[tokio::test]
async fn a_runtime_that_is_not_there_is_a_sentence() {
    let provider = OciProvider::new("no-such-runtime", &oci_folder());
    let refused = provider.create(spec()).await.err().unwrap().to_string();
    assert!(
        refused.contains("start `no-such-runtime` (is it installed? `sandbox.runtime` names it)"),
        "{refused}"
    );
}
