//! The same attempts in containers of an OCI runtime: gVisor (`runsc`) and `runc`, as root and as
//! an ordinary user.

use crate::harness::*;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use wardroom_sandbox::*;

const USER: u32 = 65_500;

/// What holds in a container whoever makes it. Not here: terminals, copy-on-write mounts and
/// egress, which containers do not have, and what is about the native helper and its messages.
const EVERYWHERE: &[&str] = &[
    "containers::a_command_runs_and_writes",
    "containers::streams_and_codes_come_through",
    "containers::what_containers_lack_is_a_sentence",
    "containers::nothing_is_left_of_a_container",
    "containers::a_frozen_container_stands_still",
    "containers::protected_paths_hold",
    "escape::row_19_no_new_namespaces",
    "escape::row_20_no_change_of_mounts",
    "escape::rows_31_to_33_no_kernel_interfaces",
    "escape::row_36_no_exotic_sockets",
    "limits::row_8_a_workspace_on_the_disk_does_not_outgrow_its_space",
    "network::rows_38_and_39_no_way_out",
    "streams::row_11_a_deadline_is_kept",
];
/// What only the host's kernel does as it is written: another kernel answers in other words.
const ON_THE_HOST_S_KERNEL: &[&str] = &[
    "escape::row_24_no_set_id_files",
    "escape::rows_25_and_51_the_host_is_not_there",
    "escape::rows_21_and_22_no_devices_and_no_file_handles",
    "escape::rows_45_and_49_the_system_is_read_only",
    "escape::row_34_calls_of_other_architectures_kill",
    "escape::row_50_limits_only_go_down",
    "limits::rows_6_and_7_scratch_space_is_capped",
    "limits::row_9_a_single_file_is_bounded",
    "host::rows_26_and_27_kernel_switches_and_secrets_are_covered",
    "tools::git_commits",
    "tools::gcc_compiles",
    "tools::tar_unpacks",
];

/// An engine shows its own `/sys`, covers what it sees fit of `/proc`, and makes the shared memory.
const ENGINE_S_OWN: &[&str] = &[
    "limits::rows_6_and_7_scratch_space_is_capped",
    "escape::rows_25_and_51_the_host_is_not_there",
    "escape::rows_45_and_49_the_system_is_read_only",
    "host::rows_26_and_27_kernel_switches_and_secrets_are_covered",
];

const FROZEN: &str = "frozen";

/// Without a cgroup, which an ordinary user has not, no runtime can freeze.
fn everywhere() -> Vec<&'static str> {
    let all = EVERYWHERE.iter().copied();
    all.filter(|name| is_root() || !name.contains(FROZEN))
        .collect()
}

/// Whether this is the run that `unprivileged` began: it has a test for containers beside it.
fn is_inner() -> bool {
    std::env::var_os("WARDROOM_TEST_INNER").is_some()
}

fn is_installed(runtime: &str) -> bool {
    Command::new(runtime).arg("--version").output().is_ok()
}

/// Runs tests of this very program against a runtime, as this user or as an ordinary one.
fn holds(runtime: &str, lists: &[&[&str]], user: Option<u32>) {
    holds_at(runtime, lists, user, None);
}

fn holds_at(runtime: &str, lists: &[&[&str]], user: Option<u32>, socket: Option<&std::path::Path>) {
    let keep = folder();
    let home = keep.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let program = keep.path().join("suite");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let mut suite = Command::new(&program);
    suite
        .env_clear()
        .env("WARDROOM_TEST_RUNTIME", runtime)
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", &home)
        .env("TMPDIR", &home)
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .current_dir(&home)
        .args(["--exact", "--include-ignored", "--test-threads", "2"]);
    suite.args(lists.iter().copied().flatten());
    if let Some(socket) = socket {
        suite.env("WARDROOM_TEST_SOCKET", socket);
    }
    if let Some(user) = user {
        std::os::unix::fs::chown(&home, Some(user), Some(user)).unwrap();
        suite.uid(user).gid(user);
    }
    let output = suite.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{runtime}: {text}\n{errors}");
    let sums = text.lines().filter(|line| line.starts_with("test result"));
    println!("{runtime}: {}", sums.collect::<String>());
}

#[test]
fn runc_holds() {
    if oci_runtime().is_some() || is_inner() {
        return;
    }
    if !is_installed("runc") {
        return skipped_by_name("oci runc", "runc is not installed here");
    }
    holds("runc", &[&everywhere(), ON_THE_HOST_S_KERNEL], None);
}

#[test]
fn runc_holds_for_an_ordinary_user() {
    if oci_runtime().is_some() || !is_root() {
        return;
    }
    if !is_installed("runc") {
        return skipped_by_name("oci runc", "runc is not installed here");
    }
    let without: Vec<&str> = everywhere()
        .into_iter()
        .filter(|name| !name.contains(FROZEN))
        .collect();
    holds("runc", &[&without, ON_THE_HOST_S_KERNEL], Some(USER));
}

#[test]
fn gvisor_holds() {
    if oci_runtime().is_some() || is_inner() {
        return;
    }
    if !is_installed("runsc") {
        return skipped_by_name("oci gvisor", "runsc is not installed here");
    }
    holds("runsc", &[EVERYWHERE], None);
}

/// Debian's Podman as a service of its own, with its own state; gone when dropped.
struct Podman {
    service: std::process::Child,
    _keep: tempfile::TempDir,
    socket: std::path::PathBuf,
}

impl Podman {
    /// None, with the reason, where it cannot run.
    fn start() -> Result<Self, String> {
        let keep = folder();
        let socket = keep.path().join("podman.sock");
        let place = |name: &str| keep.path().join(name);
        let log = std::fs::File::create(place("log")).unwrap();
        // Its configuration would name a runtime that some kernels refuse.
        let mut podman = Command::new("podman");
        podman
            .arg("--root")
            .arg(place("root"))
            .arg("--runroot")
            .arg(place("run"));
        podman.arg("--tmpdir").arg(place("tmp"));
        podman.args([
            "--runtime",
            "/usr/sbin/runc",
            "--cgroup-manager",
            "cgroupfs",
        ]);
        podman.args([
            "--storage-driver",
            "vfs",
            "system",
            "service",
            "--time",
            "0",
        ]);
        podman.arg(format!("unix://{}", socket.display()));
        let service = podman.stdout(log.try_clone().unwrap()).stderr(log).spawn();
        let mut service =
            service.map_err(|error| format!("podman is not installed here ({error})"))?;
        for _ in 0..200 {
            if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
                return Ok(Self {
                    service,
                    _keep: keep,
                    socket,
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let _ = service.kill();
        let _ = service.wait();
        let said = std::fs::read_to_string(place("log")).unwrap_or_default();
        Err(format!("podman does not serve here: {}", said.trim()))
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
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
    let own = ["containers::an_engine_tells_what_it_enforces"];
    let kernel = ON_THE_HOST_S_KERNEL.iter().copied();
    let kernel: Vec<&str> = kernel.filter(|name| !ENGINE_S_OWN.contains(name)).collect();
    let lists: [&[&str]; 3] = [EVERYWHERE, &kernel, &own];
    holds_at("podman", &lists, None, Some(&podman.socket));
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
    let missing = run(&sandbox, ExecSpec::new(["no-such-program"])).await;
    assert_eq!(missing.report.outcome, Outcome::Exited(127));
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(
        text.contains("start `no-such-program`: No such file"),
        "{text}"
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
    let sandbox = ordinary().await;
    let terminal = Some(TerminalSize {
        rows: 24,
        columns: 80,
    });
    let refused = sandbox
        .exec(ExecSpec {
            terminal,
            ..ExecSpec::new(["sh"])
        })
        .await;
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("a terminal is demanded, and here containers have none")
    );
    let egress = try_create(SandboxSpec {
        egress: EgressSpec::Proxied,
        ..spec()
    })
    .await;
    assert!(
        egress
            .err()
            .unwrap()
            .to_string()
            .contains("a way out through the proxy")
    );
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
