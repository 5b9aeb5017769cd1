//! What the backend says about itself, and that it refuses to pretend.

use crate::harness::*;
use wardroom_sandbox::*;

#[tokio::test]
async fn the_probe_tells_what_holds() {
    let capabilities = NativeProvider::new().probe().await.unwrap();
    for (name, enforcement) in capabilities.rows() {
        println!("{name:>15}: {enforcement}");
    }
    for must in [
        capabilities.namespaces,
        capabilities.syscalls,
        capabilities.network,
        capabilities.processes,
    ] {
        assert_eq!(must, Enforcement::Kernel);
    }
    assert_eq!(capabilities.tier, Tier::Namespaces);
}

#[tokio::test]
async fn a_demand_beyond_the_host_is_refused_with_a_way_out() {
    let provider = NativeProvider::new();
    let capabilities = provider.probe().await.unwrap();
    let demands = Demands {
        cpu: Demand::Kernel,
        memory: Demand::Kernel,
        ..Demands::default()
    };
    let created = provider.create(SandboxSpec { demands, ..spec() }).await;
    if capabilities.cpu == Enforcement::Kernel && capabilities.memory == Enforcement::Kernel {
        assert!(created.is_ok());
        return;
    }
    let text = created.err().unwrap().to_string();
    assert!(
        text.starts_with("this host cannot make the sandbox that is asked for: a "),
        "{text}"
    );
    assert!(
        text.contains("by the kernel is demanded, and here") && text.contains("cgroup"),
        "{text}"
    );
}

#[tokio::test]
async fn a_disk_quota_is_not_promised_for_a_folder_of_the_host() {
    let folder = folder();
    let demands = Demands {
        disk: Demand::Kernel,
        ..Demands::default()
    };
    let refused = try_create(SandboxSpec {
        demands,
        workspace: bind(folder.path()),
        ..spec()
    })
    .await;
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("a disk quota by the kernel is demanded")
    );
    assert!(
        try_create(SandboxSpec { demands, ..spec() }).await.is_ok(),
        "a scratch workspace has one"
    );
}

#[tokio::test]
#[ignore = "started by root_of_a_user_namespace_is_told_that_it_is_not_root"]
async fn says_why_not() {
    println!("> {}", try_create(spec()).await.err().unwrap());
}

#[test]
fn root_of_a_user_namespace_is_told_that_it_is_not_root() {
    let mut suite = std::process::Command::new("unshare");
    suite.arg("-Ur").arg(std::env::current_exe().unwrap());
    let output = suite
        .args([
            "--exact",
            "capabilities::says_why_not",
            "--ignored",
            "--nocapture",
        ])
        .output();
    let Ok(output) = output else {
        return skipped("no unshare(1) here");
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("user 0 without the powers of root (run it as an ordinary user"),
        "{text}"
    );
}
