//! Short words for the tests: a sandbox, a shell line in it, an attacker in it.

pub use crate::runtimes::{folder, oci_folder, oci_runtime, provider, skipped, skipped_by_name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use wardroom_sandbox::*;

pub const ATTACKER: &str = "/opt/attacker";
pub const MIB: u64 = 1024 * 1024;

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A specification with a private workspace and the attacker at hand.
pub fn spec() -> SandboxSpec {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let id = SandboxId::parse(format!("test-{number}")).unwrap();
    let workspace = WorkspaceMount::Scratch {
        bytes: 16 * MIB,
        inodes: 1000,
    };
    let mut spec = SandboxSpec::new(id, workspace);
    let host = std::env::current_exe().unwrap();
    spec.ro_binds.push(ReadOnlyBind {
        host,
        inside: ATTACKER.into(),
    });
    spec
}

pub async fn create(spec: SandboxSpec) -> Arc<dyn Sandbox> {
    try_create(spec)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
        .sandbox
}

pub async fn try_create(spec: SandboxSpec) -> Result<Created, SandboxError> {
    provider().create(spec).await
}

pub async fn ordinary() -> Arc<dyn Sandbox> {
    create(spec()).await
}

pub async fn run(sandbox: &Arc<dyn Sandbox>, spec: ExecSpec) -> ExecOutput {
    start(sandbox, spec).await.collect().await.unwrap()
}

pub async fn start(sandbox: &Arc<dyn Sandbox>, spec: ExecSpec) -> ExecHandle {
    sandbox
        .exec(spec)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

pub async fn sh(sandbox: &Arc<dyn Sandbox>, script: &str) -> ExecOutput {
    run(sandbox, ExecSpec::new(["sh", "-c", script])).await
}

/// What a shell line says, trimmed, errors after output.
pub async fn said(sandbox: &Arc<dyn Sandbox>, script: &str) -> String {
    let output = sh(sandbox, script).await;
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// Runs one attempt of the attacker inside.
pub fn attack(name: &str) -> ExecSpec {
    let arguments = [
        ATTACKER,
        "--exact",
        "attacker::attacker",
        "--ignored",
        "--nocapture",
    ];
    let mut spec = ExecSpec::new(arguments);
    spec.env.push(("ATTEMPT".into(), name.into()));
    spec
}

/// What the attacker found: a name and a result on each line that begins with `>`.
pub async fn attempt(sandbox: &Arc<dyn Sandbox>, name: &str) -> BTreeMap<String, String> {
    let output = run(sandbox, attack(name)).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| line.strip_prefix("> ")?.split_once('='))
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !found.is_empty(),
        "the attacker said nothing: {:?} {text} {errors}",
        output.report
    );
    found
}

/// Every result must be one of the listed refusals.
pub fn assert_refused(found: &BTreeMap<String, String>, refusals: &[&str]) {
    let allowed: Vec<_> = found
        .iter()
        .filter(|(_, result)| !refusals.contains(&result.as_str()))
        .collect();
    assert!(allowed.is_empty(), "not refused: {allowed:?}");
    println!("{} attempts refused", found.len());
}

pub fn bind(dir: &Path) -> WorkspaceMount {
    WorkspaceMount::Bind {
        dir: dir.to_path_buf(),
        read_only: false,
    }
}

/// A lower folder and the two that an overlay needs, side by side.
pub struct Layered {
    _keep: tempfile::TempDir,
    pub lower: PathBuf,
    pub upper: PathBuf,
    pub work: PathBuf,
}

pub fn layered() -> Layered {
    let keep = folder();
    let make = |name: &str| {
        let path = keep.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let (lower, upper, work) = (make("lower"), make("view/upper"), make("view/work"));
    Layered {
        _keep: keep,
        lower,
        upper,
        work,
    }
}

impl Layered {
    pub fn mount(&self) -> WorkspaceMount {
        WorkspaceMount::Overlay {
            lower: self.lower.clone(),
            upper: self.upper.clone(),
            work: self.work.clone(),
        }
    }
}
