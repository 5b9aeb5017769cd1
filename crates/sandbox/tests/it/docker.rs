//! Docker's engine for the length of a test.

use crate::runtimes::folder;
use std::process::Command;

/// Docker's own daemon, with its own state and no network of its own; gone when dropped.
pub struct DockerDaemon {
    service: std::process::Child,
    _keep: tempfile::TempDir,
    pub socket: std::path::PathBuf,
}

impl DockerDaemon {
    /// None, with the reason, where it cannot run.
    pub fn start() -> Result<Self, String> {
        let keep = folder();
        let place = |name: &str| keep.path().join(name);
        let socket = place("docker.sock");
        let log = std::fs::File::create(place("log")).unwrap();
        let mut daemon = Command::new("/usr/sbin/dockerd");
        daemon
            .arg("--data-root")
            .arg(place("data"))
            .arg("--exec-root")
            .arg(place("exec"))
            .arg("--pidfile")
            .arg(place("pid"))
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
        let service = daemon.stdout(log.try_clone().unwrap()).stderr(log).spawn();
        let service =
            service.map_err(|error| format!("dockerd is not installed here ({error})"))?;
        let mut daemon = Self {
            service,
            _keep: keep,
            socket,
        };
        for _ in 0..300 {
            if std::os::unix::net::UnixStream::connect(&daemon.socket).is_ok() {
                return Ok(daemon);
            }
            if daemon.service.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let said = std::fs::read_to_string(daemon._keep.path().join("log")).unwrap_or_default();
        let last = said.lines().last().unwrap_or_default();
        Err(format!("dockerd does not serve here: {last}"))
    }
}

impl Drop for DockerDaemon {
    fn drop(&mut self) {
        // Asked, not killed: it ends the daemon that it has begun itself.
        let number = self.service.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &number]).status();
        let _ = self.service.wait();
    }
}
