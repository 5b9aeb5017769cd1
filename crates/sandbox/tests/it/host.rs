//! What of the host can be learned or reached (rows 26 to 30, 37, 44, 55, and the traps).

use crate::harness::*;
use std::os::fd::AsRawFd;

#[tokio::test]
async fn trap_1_the_sandbox_is_never_a_user_of_the_host() {
    let sandbox = ordinary().await;
    let shell = start(&sandbox, wardroom_sandbox::ExecSpec::new(["sleep", "30"])).await;
    let own = rustix::process::geteuid().as_raw();
    let uids = uids_of_descendants();
    assert!(!uids.is_empty());
    for uid in uids {
        assert_ne!(uid, 0, "host user 0 inside");
        assert!(
            if own == 0 { uid >= 200_000 } else { uid == own },
            "user {uid} inside"
        );
    }
    shell.kill();
}

/// The real host users of the sandboxes that this process has made.
fn uids_of_descendants() -> Vec<u32> {
    let mut uids = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let map = std::fs::read_to_string(entry.path().join("uid_map")).unwrap_or_default();
        let fields: Vec<u32> = map
            .split_whitespace()
            .filter_map(|it| it.parse().ok())
            .collect();
        if let [1000, outside, 1] = fields[..]
            && is_descendant(&entry.path())
        {
            uids.push(outside);
        }
    }
    uids
}

fn is_descendant(process: &std::path::Path) -> bool {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:\t"));
    match parent.and_then(|parent| parent.parse::<u32>().ok()) {
        None | Some(0) => false,
        Some(parent) if parent == std::process::id() => true,
        Some(parent) => is_descendant(&std::path::Path::new("/proc").join(parent.to_string())),
    }
}

#[tokio::test]
async fn traps_2_and_6_nothing_of_the_platform_is_inherited() {
    // A secret in this process, and a file that stays open across exec by mistake.
    let secret = std::fs::File::open("/proc/self/status").unwrap();
    rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty()).unwrap();
    let found = attempt(&ordinary().await, "descriptors").await;
    assert_eq!(
        found["open"],
        "",
        "descriptor {} leaked",
        secret.as_raw_fd()
    );
    let names = "ATTEMPT,GIT_CONFIG_SYSTEM,HOME,LANG,LOGNAME,PATH,TERM,TMPDIR,USER";
    let mut seen: Vec<_> = found["environment"].split(',').collect();
    seen.sort_unstable();
    assert_eq!(seen.join(","), names);
}

#[tokio::test]
async fn row_29_the_helper_has_an_empty_environment_too() {
    let sandbox = ordinary().await;
    let mut helpers = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let program = std::fs::read_link(entry.path().join("exe")).unwrap_or_default();
        let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let ours = status.contains(&format!("\nPPid:\t{}\n", std::process::id()));
        if ours && program.to_string_lossy().contains("memfd:wardroom-guest") {
            helpers += 1;
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            assert!(environment.iter().all(|byte| *byte == 0), "{environment:?}");
        }
    }
    assert!(helpers > 0 || !is_root(), "no helper was found");
    drop(sandbox);
}

#[tokio::test]
async fn rows_26_and_27_kernel_switches_and_secrets_are_covered() {
    // The attempts are those of `writes`; here the values.
    let sandbox = ordinary().await;
    let script = "for file in cmdline kallsyms config.gz kmsg keys iomem; do \
                  wc -c </proc/$file 2>/dev/null; done | sort -u; cat /proc/kcore 2>/dev/null | head -c1";
    let said = said(&sandbox, script).await;
    assert!(said.lines().all(|line| line.trim() == "0"), "{said}");
}

#[tokio::test]
async fn row_37_no_door_of_the_host() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let name = format!("wardroom-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let mut attack = attack("connect");
    attack
        .env
        .push(("TARGETS".into(), format!("@{name}").into()));
    let output = run(&ordinary().await, attack).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("ECONNREFUSED") || text.contains("EPERM"),
        "{text}"
    );
}

#[tokio::test]
async fn row_44_neighbours_do_not_see_each_other() {
    let (first, second) = (ordinary().await, ordinary().await);
    let server = "import socket,time\ns=socket.create_server((\"127.0.0.1\",8099))\n\
                  print(\"up\",flush=True)\ntime.sleep(30)";
    let made = attempt(&first, "ipc").await;
    assert_eq!(made["own shared memory"], "made");
    let found = attempt(&second, "ipc").await;
    assert_eq!(found["shared memory of the neighbour"], "ENOENT");
    let seen: usize = found["processes seen"].parse().unwrap();
    assert!(seen <= 3, "{seen} processes seen");
    if !std::path::Path::new("/usr/bin/python3").exists() {
        return skipped("no python3 for a server in the neighbour");
    }
    let mut handle = start(
        &first,
        wardroom_sandbox::ExecSpec::new(["/usr/bin/python3", "-c", server]),
    )
    .await;
    let mut ready = [0; 2];
    tokio::io::AsyncReadExt::read_exact(handle.stdout.as_mut().unwrap(), &mut ready)
        .await
        .unwrap();
    let mut attack = attack("connect");
    attack.env.push(("TARGETS".into(), "127.0.0.1:8099".into()));
    let output = run(&second, attack).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("ECONNREFUSED"));
    handle.kill();
}

#[tokio::test]
async fn row_55_a_crash_reaches_no_handler_of_the_host() {
    // A core limit of one byte is the value that the kernel takes as "no piped handler".
    let sandbox = ordinary().await;
    let limits = said(&sandbox, "grep 'core file' /proc/self/limits | tr -s ' '").await;
    assert_eq!(limits, "Max core file size 1 1 bytes");
    let crash = sh(&sandbox, "kill -SEGV $$").await;
    assert_eq!(
        crash.report.outcome,
        wardroom_sandbox::Outcome::Signaled(11)
    );
    assert_eq!(said(&sandbox, "ls").await, "");
}
