//! A sandbox with its proxy, the names that resolve, and what was decided.

use crate::inside::{Job, Reply};
pub use crate::runtimes::{provider, skipped};
use async_trait::async_trait;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use wardroom_sandbox::egress::*;
use wardroom_sandbox::*;

pub const PROXY: &str = "127.0.0.1:3128";
const PROGRAM: &str = "/opt/inside";
const QUIET: Duration = Duration::from_millis(300);
/// Where files of the test appear inside.
pub const SHELF: &str = "/opt/shelf";

/// What a test changes about the ordinary proxy.
pub struct Setup {
    pub allow: Vec<String>,
    pub allow_private: Vec<String>,
    pub budgets: Budgets,
    pub options: Options,
    pub names: HashMap<String, Vec<Vec<IpAddr>>>,
    /// A loopback address that no other test uses.
    pub ip: Ipv4Addr,
}

impl Setup {
    /// `open.test` leads to the test's own address, which is vouched for.
    pub fn new(allow: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed) as u8;
        let [.., high, low] = std::process::id().to_be_bytes();
        let ip = Ipv4Addr::new(127, 64 + high % 64, low, number);
        let setup = Self {
            allow: allow.iter().map(|rule| (*rule).to_owned()).collect(),
            allow_private: vec![ip.to_string()],
            budgets: Budgets::default(),
            options: Options::default(),
            names: HashMap::new(),
            ip,
        };
        let ip = ip.to_string();
        setup.name("open.test", &[&ip])
    }

    pub fn name(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.names.entry(name.into()).or_default().push(addresses);
        self
    }

    pub async fn start(self) -> World {
        let shelf = tempfile::tempdir().unwrap();
        std::fs::set_permissions(shelf.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let created = provider().create(spec(shelf.path())).await;
        let created = created.unwrap_or_else(|error| panic!("{error}"));
        let allow: Vec<&str> = self.allow.iter().map(String::as_str).collect();
        let private: Vec<&str> = self.allow_private.iter().map(String::as_str).collect();
        let rules = Rules::parse(&allow, &private).unwrap();
        let resolver = Arc::new(Table {
            answers: Mutex::new(self.names),
            asked: Mutex::default(),
        });
        let (sink, decisions) = mpsc::channel(1000);
        let listeners = created.egress.unwrap();
        let proxy = Proxy::start(
            listeners,
            rules,
            self.budgets,
            resolver.clone(),
            sink,
            self.options,
        )
        .unwrap();
        World {
            sandbox: created.sandbox,
            proxy,
            decisions: tokio::sync::Mutex::new(decisions),
            resolver,
            shelf,
        }
    }
}

fn spec(shelf: &Path) -> SandboxSpec {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let id = SandboxId::parse(format!("egress-{}-{number}", std::process::id())).unwrap();
    let workspace = WorkspaceMount::Scratch {
        bytes: 64 * 1024 * 1024,
        inodes: 2000,
    };
    let bind = |host: &Path, inside: &str| ReadOnlyBind {
        host: host.into(),
        inside: inside.into(),
    };
    let program = std::env::current_exe().unwrap();
    SandboxSpec {
        egress: EgressSpec::Proxied,
        ro_binds: vec![bind(&program, PROGRAM), bind(shelf, SHELF)],
        ..SandboxSpec::new(id, workspace)
    }
}

/// A resolver with fixed answers; the last of several stays.
pub struct Table {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Resolver for Table {
    async fn resolve(&self, host: &HostName) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_string());
        let mut answers = self.answers.lock().unwrap();
        let known = answers.get_mut(host.as_str());
        let known = known.ok_or_else(|| io::Error::other("no such name"))?;
        match known.len() {
            1 => Ok(known[0].clone()),
            _ => Ok(known.remove(0)),
        }
    }
}

/// A sandbox whose way out is open for what its rules say.
pub struct World {
    pub sandbox: Arc<dyn Sandbox>,
    pub proxy: ProxyHandle,
    decisions: tokio::sync::Mutex<mpsc::Receiver<Decision>>,
    resolver: Arc<Table>,
    pub shelf: tempfile::TempDir,
}

impl World {
    pub fn asked(&self) -> Vec<String> {
        self.resolver.asked.lock().unwrap().clone()
    }

    /// Lets the program inside do its jobs, one after the other.
    pub async fn run(&self, jobs: &[Job]) -> Vec<Reply> {
        let arguments = [
            PROGRAM,
            "--exact",
            "inside::inside",
            "--ignored",
            "--nocapture",
        ];
        let mut spec = ExecSpec::new(arguments);
        let jobs_text = serde_json::to_string(jobs).unwrap();
        spec.env.push(("JOBS".into(), jobs_text.into()));
        let output = self.exec(spec).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let replies = text.lines().filter_map(|line| line.strip_prefix("> "));
        let replies: Vec<Reply> = replies
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            replies.len(),
            jobs.len(),
            "{:?} {text} {errors}",
            output.report
        );
        replies
    }

    pub async fn one(&self, job: Job) -> Reply {
        self.run(&[job]).await.remove(0)
    }

    /// One request to the proxy, as it stands.
    pub async fn ask(&self, request: &str) -> Reply {
        self.one(raw(PROXY, request)).await
    }

    pub async fn exec(&self, spec: ExecSpec) -> ExecOutput {
        let started = self.sandbox.exec(spec).await;
        let handle = started.unwrap_or_else(|error| panic!("{error}"));
        handle.collect().await.unwrap()
    }

    /// What a shell line says, trimmed, errors after output.
    pub async fn said(&self, script: &str) -> String {
        let mut spec = ExecSpec::new(["sh", "-c", script]);
        spec.timeout = Some(Duration::from_secs(60));
        let output = self.exec(spec).await;
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// The next decision, which must come soon.
    pub async fn decision(&self) -> Decision {
        let mut decisions = self.decisions.lock().await;
        let next = tokio::time::timeout(Duration::from_secs(10), decisions.recv());
        next.await
            .unwrap_or_else(|_| panic!("no decision came"))
            .unwrap()
    }

    pub async fn close_the_record(&self) {
        self.decisions.lock().await.close();
    }

    /// What was decided until now; a moment of silence is taken for the end.
    pub async fn decisions(&self) -> Vec<Decision> {
        let mut decisions = self.decisions.lock().await;
        let mut found = Vec::new();
        while let Ok(Some(decision)) = tokio::time::timeout(QUIET, decisions.recv()).await {
            found.push(decision);
        }
        found
    }
}

/// A short word for a verdict.
pub fn word(decision: &Decision) -> String {
    match &decision.verdict {
        Verdict::Allowed { cut: None, .. } => "allowed".into(),
        Verdict::Allowed { cut: Some(why), .. } => format!("cut: {}", why.code()),
        Verdict::Denied(why) => why.code().into(),
    }
}

pub fn raw(to: &str, request: &str) -> Job {
    Job::Raw {
        to: to.into(),
        pieces: vec![request.into()],
        pause_ms: 0,
    }
}

/// A request to the proxy that ends the connection.
pub fn get(url: &str) -> String {
    format!("GET {url} HTTP/1.1\r\nConnection: close\r\n\r\n")
}

pub fn is_there(tool: &str) -> bool {
    ["/usr/bin", "/usr/local/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(tool).exists())
}
