//! Ways out, and that each is closed (rows 16, 19 to 24, 31 to 36, 45, 49 to 52).

use crate::harness::*;
use wardroom_sandbox::*;

const NO: [&str; 2] = ["EPERM", "ENOSYS"];

#[tokio::test]
async fn row_19_no_new_namespaces() {
    assert_refused(&attempt(&ordinary().await, "namespaces").await, &NO);
}

#[tokio::test]
async fn row_20_no_change_of_mounts() {
    assert_refused(&attempt(&ordinary().await, "mounts").await, &NO);
}

#[tokio::test]
async fn row_20_the_browser_profile_still_has_no_mounts() {
    let sandbox = create(SandboxSpec {
        profile: Profile::Browser,
        ..spec()
    })
    .await;
    let mut found = attempt(&sandbox, "mounts").await;
    found.remove("chroot"); // open in that profile, and inside a Landlock domain
    assert_refused(&found, &NO);
}

#[tokio::test]
async fn rows_21_and_22_no_devices_and_no_file_handles() {
    let refusals = ["EPERM", "ENOENT", "EACCES"];
    assert_refused(&attempt(&ordinary().await, "devices").await, &refusals);
}

#[tokio::test]
async fn row_23_nobody_becomes_somebody_else() {
    let mut found = attempt(&ordinary().await, "identity").await;
    for set in ["CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"] {
        assert_eq!(
            found.remove(&format!("status {set}:")).unwrap(),
            "0000000000000000"
        );
    }
    assert_eq!(found.remove("status NoNewPrivs:").unwrap(), "1");
    assert_eq!(found.remove("status Seccomp:").unwrap(), "2");
    assert_refused(&found, &["EPERM", "EINVAL"]);
    let sandbox = ordinary().await;
    let user = said(&sandbox, "id -u").await;
    let then = "su -c id root 2>&1 | grep -c 'uid=0'; id -u";
    assert_eq!(said(&sandbox, then).await, format!("0\n{user}"));
}

#[tokio::test]
async fn row_24_no_set_id_files() {
    let sandbox = ordinary().await;
    assert_refused(&attempt(&sandbox, "set-id").await, &NO);
    assert_eq!(said(&sandbox, "find /workspace -perm /6000").await, "");
    // The ordinary modes still work.
    assert_eq!(
        said(&sandbox, "echo >f; chmod 755 f && stat -c %a f").await,
        "755"
    );
}

#[tokio::test]
async fn rows_31_to_33_no_kernel_interfaces() {
    assert_refused(&attempt(&ordinary().await, "kernel").await, &NO);
}

#[tokio::test]
async fn row_34_calls_of_other_architectures_kill() {
    let found = attempt(&ordinary().await, "foreign-calls").await;
    assert_eq!(found["plain"], "exit 0");
    if cfg!(target_arch = "x86_64") {
        assert_eq!(
            (&*found["x32"], &*found["i386"]),
            ("signal 31", "signal 31")
        );
    }
}

#[tokio::test]
async fn row_35_nothing_is_typed_into_a_terminal() {
    let sandbox = ordinary().await;
    let terminal = Some(TerminalSize {
        rows: 24,
        columns: 80,
    });
    let output = run(
        &sandbox,
        ExecSpec {
            terminal,
            ..attack("terminal")
        },
    )
    .await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["TIOCSTI", "TIOCLINUX", "TIOCSETD"] {
        assert!(text.contains(&format!("> {name}=EPERM")), "{text}");
    }
}

#[tokio::test]
async fn row_36_no_exotic_sockets() {
    assert_refused(&attempt(&ordinary().await, "sockets").await, &["EPERM"]);
}

#[tokio::test]
async fn row_16_signals_stay_inside() {
    let found = attempt(&ordinary().await, "kill").await;
    assert_eq!(found["PID 1 lives"], "true");
    assert_eq!(found["kill 2000000"], "ESRCH");
}

#[tokio::test]
async fn row_28_pid_1_is_closed() {
    let found = attempt(&ordinary().await, "pid-1").await;
    assert_refused(&found, &["EACCES", "EPERM", "ENOENT"]);
}

#[tokio::test]
async fn rows_45_and_49_the_system_is_read_only() {
    let mut found = attempt(&ordinary().await, "writes").await;
    let linked = found.remove("hard link").unwrap();
    assert!(["EXDEV", "EPERM", "EACCES"].contains(&&*linked), "{linked}");
    assert_refused(
        &found,
        &["EROFS", "EACCES", "ENOENT", "EPERM", "EMPTY", "errno 26"],
    );
}

#[tokio::test]
async fn row_50_limits_only_go_down() {
    let found = attempt(&ordinary().await, "rlimits").await;
    assert_refused(&found, &["EPERM", "EACCES", "ENOMEM", "EAGAIN"]);
}

#[tokio::test]
async fn rows_25_and_51_the_host_is_not_there() {
    let found = attempt(&ordinary().await, "files").await;
    assert_refused(&found, &["ENOENT", "EACCES"]);
}

#[tokio::test]
async fn row_52_no_sandbox_inside_the_sandbox() {
    let sandbox = ordinary().await;
    let refused = said(&sandbox, "unshare -U true 2>&1 || echo refused").await;
    assert!(refused.ends_with("refused"), "{refused}");
    let browser = create(SandboxSpec {
        profile: Profile::Browser,
        ..spec()
    })
    .await;
    let nested = said(&browser, "unshare -Ur id -u").await;
    assert_eq!(nested, "0", "a browser may nest");
}

#[tokio::test]
async fn the_debug_profile_traces_its_own_and_not_pid_1() {
    let sandbox = create(SandboxSpec {
        profile: Profile::Debug,
        ..spec()
    })
    .await;
    let found = attempt(&sandbox, "pid-1").await;
    assert_refused(&found, &["EACCES", "EPERM", "ENOENT", "ESRCH", "EINVAL"]);
}
