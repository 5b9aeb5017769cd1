//! Permission levels 0 and 1, cell by cell: read, write, network, execute.

use crate::harness::*;
use std::path::PathBuf;
use wardroom_sandbox::*;

/// A folder with a file, and a shown one beside it, for the attacker that stands for the runner.
async fn at(
    rights: Rights,
    change: impl FnOnce(&mut SandboxSpec),
) -> (tempfile::TempDir, std::sync::Arc<dyn Sandbox>) {
    let keep = folder();
    for name in ["work", "www"] {
        std::fs::create_dir(keep.path().join(name)).unwrap();
        std::fs::write(keep.path().join(name).join("page"), name).unwrap();
    }
    let mut spec = SandboxSpec {
        workspace: bind(&keep.path().join("work")),
        rights,
        ..spec()
    };
    spec.ro_binds.push(ReadOnlyBind {
        host: keep.path().join("www"),
        inside: "/var/www".into(),
    });
    change(&mut spec);
    (keep, create(spec).await)
}

fn programs(names: &[&str]) -> Vec<PathBuf> {
    names
        .iter()
        .map(|name| PathBuf::from("/usr/bin").join(name))
        .collect()
}

#[tokio::test]
async fn level_0_reads_the_workspace_and_nothing_else() {
    let (keep, sandbox) = at(Rights::restricted(ATTACKER), |_| {}).await;
    let found = attempt(&sandbox, "level-0").await;
    assert_eq!(found["read"], "work");
    for refused in [
        "write",
        "create",
        "remove",
        "make a folder",
        "truncate",
        "chmod",
        "link",
    ] {
        assert!(
            ["EROFS", "EACCES"].contains(&&*found[refused]),
            "{refused}: {}",
            found[refused]
        );
    }
    for program in ["/bin/sh", "/usr/bin/env", "/tmp/copied", "/usr/bin/python3"] {
        assert!(
            ["EACCES", "ENOENT"].contains(&&*found[program]),
            "{program}: {}",
            found[program]
        );
    }
    assert_eq!(
        (&*found["network"], &*found["local network"]),
        ("ENETUNREACH", "ECONNREFUSED")
    );
    let page = std::fs::read_to_string(keep.path().join("work/page")).unwrap();
    assert_eq!(page, "work");
    // No command at all: not even the shell.
    let refused = sandbox
        .exec(ExecSpec::new(["sh", "-c", "true"]))
        .await
        .err()
        .unwrap();
    assert!(
        refused
            .to_string()
            .contains("`sh` could not be started in the sandbox: Permission denied"),
        "{refused}"
    );
}

#[tokio::test]
async fn level_0_holds_over_a_copy_on_write_view() {
    let layers = layered();
    std::fs::write(layers.lower.join("page"), "work").unwrap();
    let workspace = layers.mount();
    let (_keep, sandbox) = at(Rights::restricted(ATTACKER), |spec| {
        spec.workspace = workspace
    })
    .await;
    let found = attempt(&sandbox, "level-0").await;
    assert_eq!(found["read"], "work");
    assert!(["EROFS", "EACCES"].contains(&&*found["chmod"]), "{found:?}");
    assert_eq!(std::fs::read_dir(&layers.upper).unwrap().count(), 0);
}

#[tokio::test]
async fn level_1_writes_the_workspace_and_runs_what_is_approved() {
    let approved = programs(&["dash", "cat", "git", "id"]);
    let approved: Vec<_> = approved.into_iter().filter(|path| path.exists()).collect();
    let (keep, sandbox) = at(Rights::standard(approved), |_| {}).await;
    // Read: the workspace and what is shown. Write: the workspace alone.
    let script = "cat page /var/www/page; echo new >made; echo x >/var/www/page; cat /var/www/page made; cat /etc/shadow";
    let text = said(&sandbox, script).await;
    assert!(text.starts_with("workwwwwwwnew"), "{text}");
    assert!(
        text.contains("Read-only file system") && text.contains("/etc/shadow: No such file"),
        "{text}"
    );
    assert_eq!(
        std::fs::read_to_string(keep.path().join("work/made")).unwrap(),
        "new\n"
    );
    assert_eq!(
        std::fs::read_to_string(keep.path().join("www/page")).unwrap(),
        "www"
    );
    // Execute: what is approved, under whatever name; nothing else, and nothing of its own making.
    let user = said(&sandbox, "id -u").await;
    assert_ne!(user, "");
    let script = "env true; /usr/bin/python3 -c 1; cat /usr/bin/env >copy; chmod 755 copy; ./copy; \
                  cat /usr/bin/env >/tmp/copy; /tmp/copy; . /dev/null; echo end";
    let text = said(&sandbox, script).await;
    assert!(
        text.contains("end") && text.matches("ermission denied").count() >= 5,
        "{text}"
    );
    // Network: none but the listeners of the proxy, which this one was not given.
    let mut spec = attack("connect");
    spec.env.push(("TARGETS".into(), "1.1.1.1:443".into()));
    assert!(
        sandbox.exec(spec).await.is_err(),
        "the attacker is not approved"
    );
    assert_eq!(
        said(&sandbox, "cat /proc/net/dev | cat | id -u").await,
        user
    );
}
