//! Tools that people work with must work (3.5).

use crate::harness::*;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wardroom_sandbox::*;

/// Runs a script if its tool is there, and expects this end of what it says.
async fn works(tool: &str, script: &str, expected: &str) {
    if !Path::new("/usr/bin").join(tool).exists()
        && !Path::new("/usr/local/bin").join(tool).exists()
    {
        return skipped(&format!("{tool} is not installed here"));
    }
    let mut spec = spec();
    spec.workspace = WorkspaceMount::Scratch {
        bytes: 128 * MIB,
        inodes: 20_000,
    };
    let sandbox = create(spec).await;
    let timeout = Some(Duration::from_secs(60));
    let output = run(
        &sandbox,
        ExecSpec {
            timeout,
            ..ExecSpec::new(["sh", "-ec", script])
        },
    )
    .await;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
        .trim()
        .to_owned();
    assert!(
        text.ends_with(expected),
        "{tool}: {:?}\n{text}",
        output.report.outcome
    );
}

#[tokio::test]
async fn git_commits() {
    let script = "git init -q .; git config user.email a@b; git config user.name n; echo x >f; \
                  git add f; git commit -qm first; git log --format=%s; git status --short | wc -l";
    works("git", script, "first\n0").await;
}

#[tokio::test]
async fn git_commits_with_protected_hooks() {
    let folder = folder();
    let protected = vec![RelPath::parse(".git/hooks").unwrap()];
    let sandbox = create(SandboxSpec {
        workspace: bind(folder.path()),
        protected,
        ..spec()
    })
    .await;
    let script = "command -v git >/dev/null || { echo first; exit; }; git init -q . 2>&1; \
                  git -c user.email=a@b -c user.name=n commit -q --allow-empty -m first 2>&1; git log --format=%s";
    assert_eq!(said(&sandbox, script).await, "first");
}

#[tokio::test]
async fn gcc_compiles() {
    let script = "printf '#include <stdio.h>\\nint main(){puts(\"compiled\");}' >a.c; gcc -O1 a.c -o a; ./a; \
                  command -v cc >/dev/null; echo done";
    works("gcc", script, "compiled\ndone").await;
}

#[tokio::test]
async fn cargo_tells_its_version() {
    let home = std::env::var("HOME").unwrap_or_default();
    let toolchains = PathBuf::from(home).join(".rustup/toolchains");
    let Some(toolchain) = std::fs::read_dir(toolchains)
        .ok()
        .and_then(|mut all| all.next()?.ok())
    else {
        return skipped("no Rust toolchain in this user's home");
    };
    let mut spec = spec();
    spec.ro_binds.push(ReadOnlyBind {
        host: toolchain.path(),
        inside: "/opt/rust".into(),
    });
    let sandbox = create(spec).await;
    let version = said(
        &sandbox,
        "/opt/rust/bin/cargo --version; /opt/rust/bin/rustc --version",
    )
    .await;
    assert!(
        version.starts_with("cargo 1.") && version.contains("rustc 1."),
        "{version}"
    );
}

#[tokio::test]
async fn node_runs_with_threads() {
    let script = "node -e 'const {Worker}=require(\"worker_threads\");new Worker(\"console.log(40+2)\",{eval:true})'";
    works("node", script, "42").await;
}

#[tokio::test]
async fn python_makes_an_environment_and_processes() {
    let script = "/usr/bin/python3 -m venv --without-pip env; \
                  ./env/bin/python -c 'import multiprocessing as m, sqlite3, asyncio\nif __name__==\"__main__\":\n print(sum(m.get_context(\"fork\").Pool(2).map(abs,[-1,-2,3])))'";
    works("python3", script, "6").await;
}

#[tokio::test]
async fn a_local_http_server_answers() {
    let script = "echo hello >index.html; /usr/bin/python3 -m http.server 8080 --bind 127.0.0.1 >/dev/null 2>&1 & \
                  /usr/bin/python3 -c 'import time,urllib.request as u\nfor i in range(100):\n  try:\n    print(u.urlopen(\"http://localhost:8080/\").read().decode()); break\n  except OSError: time.sleep(.05)'";
    works("python3", script, "hello").await;
}

#[tokio::test]
async fn tar_unpacks() {
    works("tar", "mkdir a; echo x >a/f; chmod 751 a; tar cf a.tar a; rm -r a; tar xf a.tar; stat -c %a a; cat a/f", "751\nx").await;
}

#[tokio::test]
async fn flock_locks() {
    works(
        "flock",
        "flock lock true; (flock 9; flock -n lock echo no || echo locked) 9>lock",
        "locked",
    )
    .await;
}

#[tokio::test]
async fn perl_runs() {
    works(
        "perl",
        "perl -e 'print join(\",\", map {$_*2} 1..3), \"\\n\"'",
        "2,4,6",
    )
    .await;
}

#[tokio::test]
async fn deadlines_of_the_shell_work() {
    works("timeout", "timeout 0.1 sleep 5; echo $? || true", "").await;
}

#[tokio::test]
async fn a_browser_keeps_its_own_sandbox_under_its_profile() {
    if !Path::new("/usr/bin/chromium").exists() {
        return skipped("chromium is not installed here");
    }
    let of_profile = |profile| {
        let mut spec = spec();
        spec.profile = profile;
        spec.limits.memory_bytes = 2048 * MIB;
        spec.limits.processes = 512;
        spec.limits.home_bytes = 256 * MIB;
        spec.limits.shm_bytes = 256 * MIB;
        spec
    };
    let asks = |script: &str| ExecSpec {
        timeout: Some(Duration::from_secs(120)),
        ..ExecSpec::new(["sh", "-c", script])
    };
    const PAGE: &str = "chromium --headless --disable-gpu --disable-dev-shm-usage \
                        --user-data-dir=/tmp/profile --dump-dom 'data:text/html,<h1>tides</h1>'";
    let sandbox = create(of_profile(Profile::Browser)).await;
    let output = run(&sandbox, asks(PAGE)).await;
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        page.contains("<h1>tides</h1>"),
        "{:?} {page} {errors}",
        output.report
    );
    // Its renderers have a process namespace and a filter of their own, beside ours.
    let renderers = "chromium --headless --disable-gpu --disable-dev-shm-usage \
                     --user-data-dir=/tmp/other --remote-debugging-port=0 about:blank >/dev/null 2>&1 & \
                     for i in $(seq 600); do for p in /proc/[0-9]*; do \
                       if tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q 'type=rendere[r]'; then \
                         grep -e NSpid -e Seccomp_filters $p/status; exit; fi; done; sleep 0.1; done";
    let output = run(&sandbox, asks(renderers)).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert!(
        field("NSpid:").len() >= 2,
        "no namespace of its own: {text}"
    );
    assert!(
        field("Seccomp_filters:")[0].parse::<u32>().unwrap() >= 2,
        "no filter of its own: {text}"
    );
    // Without the profile it has no namespaces to make one from, and does not pretend.
    let sandbox = create(of_profile(Profile::Default)).await;
    let output = run(&sandbox, asks(PAGE)).await;
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!page.contains("tides"), "{:?}", output.report);
}

#[tokio::test]
async fn cargo_builds_and_runs_a_program() {
    let home = std::env::var("HOME").unwrap_or_default();
    let toolchains = PathBuf::from(home).join(".rustup/toolchains");
    let Some(toolchain) = std::fs::read_dir(toolchains)
        .ok()
        .and_then(|mut all| all.next()?.ok())
    else {
        return skipped("no Rust toolchain in this user's home");
    };
    let mut spec = spec();
    spec.workspace = WorkspaceMount::Scratch {
        bytes: 256 * MIB,
        inodes: 20_000,
    };
    spec.limits.memory_bytes = 1024 * MIB;
    spec.ro_binds.push(ReadOnlyBind {
        host: toolchain.path(),
        inside: "/opt/rust".into(),
    });
    let sandbox = create(spec).await;
    let script = "export PATH=/opt/rust/bin:$PATH CARGO_HOME=/tmp/cargo; command -v cc >/dev/null || { echo tides; exit; }; \
                  cargo -q init --vcs none --name tides . && echo 'fn main(){println!(\"tides\")}' >src/main.rs && cargo -q run --offline";
    let timeout = Some(Duration::from_secs(180));
    let output = run(
        &sandbox,
        ExecSpec {
            timeout,
            ..ExecSpec::new(["sh", "-ec", script])
        },
    )
    .await;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(text.trim(), "tides", "{:?}", output.report);
}
