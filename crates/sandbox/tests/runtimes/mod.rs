//! A suite against the backends of containers: it is begun again as a program of its own, as this
//! user or another, with the runtime under test in its environment.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use wardroom_sandbox::*;

/// The backend under test.
pub fn provider() -> Arc<dyn SandboxProvider> {
    match oci_runtime() {
        Some(engine) if engine == "podman" => {
            let socket = std::env::var_os("WARDROOM_TEST_SOCKET").map(PathBuf::from);
            Arc::new(EngineProvider::podman(socket, &oci_folder()))
        }
        Some(engine) if engine == "docker" => {
            let socket = std::env::var_os("WARDROOM_TEST_SOCKET").map(PathBuf::from);
            Arc::new(EngineProvider::docker(socket, &oci_folder()))
        }
        Some(runtime) => Arc::new(OciProvider::new(runtime, &oci_folder())),
        None => Arc::new(NativeProvider::new()),
    }
}

/// The runtime under test, when the suite was begun for one by `containers`.
pub fn oci_runtime() -> Option<String> {
    std::env::var("WARDROOM_TEST_RUNTIME").ok()
}

/// Where containers of this process are made from.
pub fn oci_folder() -> PathBuf {
    std::env::temp_dir().join(format!("wardroom-oci-{}", std::process::id()))
}

/// A folder that the current user owns, with neutral name.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Whether this is the run that `unprivileged` began: it has a test for containers beside it.
pub fn is_inner() -> bool {
    std::env::var_os("WARDROOM_TEST_INNER").is_some()
}

pub fn is_installed(runtime: &str) -> bool {
    Command::new(runtime).arg("--version").output().is_ok()
}

/// A run of this very program against a runtime.
pub struct Suite<'a> {
    pub runtime: &'a str,
    /// Tests that are run by name.
    pub own: Vec<&'a str>,
    /// Tests that are not run; everything else is.
    pub but: Vec<&'a str>,
    /// As this user or as an ordinary one.
    pub user: Option<u32>,
    pub socket: Option<&'a std::path::Path>,
}

impl<'a> Suite<'a> {
    pub fn of(runtime: &'a str) -> Self {
        Self {
            runtime,
            own: Vec::new(),
            but: Vec::new(),
            user: None,
            socket: None,
        }
    }

    pub fn holds(&self) {
        let keep = folder();
        let home = keep.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let program = keep.path().join("suite");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        if let Some(user) = self.user {
            std::os::unix::fs::chown(&home, Some(user), Some(user)).unwrap();
        }
        if !self.own.is_empty() {
            let mut named = vec!["--exact", "--include-ignored"];
            named.extend(&self.own);
            self.run(&program, &home, &named);
        }
        if !self.but.is_empty() {
            let but: Vec<&str> = self.but.iter().flat_map(|name| ["--skip", name]).collect();
            self.run(&program, &home, &but);
        }
    }

    fn run(&self, program: &std::path::Path, home: &std::path::Path, what: &[&str]) {
        let mut suite = Command::new(program);
        suite
            .env_clear()
            .env("WARDROOM_TEST_RUNTIME", self.runtime)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("TMPDIR", home)
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .current_dir(home)
            .args(["--test-threads", "4"])
            .args(what);
        if let Some(socket) = self.socket {
            suite.env("WARDROOM_TEST_SOCKET", socket);
        }
        if let Some(user) = self.user {
            suite.uid(user).gid(user);
        }
        let output = suite.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{}: {text}\n{errors}",
            self.runtime
        );
        let sums = text.lines().filter(|line| line.starts_with("test result"));
        println!("{}: {}", self.runtime, sums.collect::<String>());
    }
}

/// Debian's Podman as a service of its own, with its own state; gone when dropped.
pub struct Podman {
    service: std::process::Child,
    _keep: tempfile::TempDir,
    pub socket: std::path::PathBuf,
}

impl Podman {
    /// None, with the reason, where it cannot run.
    pub fn start() -> Result<Self, String> {
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

/// Says why a test proves nothing here, and is seen with `--nocapture`.
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// As [`skipped`], for what the list of agreed skips names: the test command counts it.
pub fn skipped_by_name(name: &str, why: &str) {
    skipped(why);
    if let Some(notes) = std::env::var_os("WARDROOM_SKIPS") {
        use std::io::Write;
        let notes = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(notes);
        let _ = notes.and_then(|mut notes| writeln!(notes, "{name}\t{why}"));
    }
}
