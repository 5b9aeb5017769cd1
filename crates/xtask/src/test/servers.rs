//! Real servers that the tests talk to, started for one run on ports of their own.

use super::session::Session;
use crate::command;
use crate::failure::{Failure, Outcome};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where Debian puts the programs of each version of PostgreSQL.
const VERSIONS: &str = "/usr/lib/postgresql";
/// PostgreSQL refuses to run as root; this is nobody.
const NOBODY: &str = "65534";

/// How long a server may take until it listens.
const STARTS_WITHIN: Duration = Duration::from_secs(120);

/// A PostgreSQL server of this run.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    as_nobody: bool,
    port: u16,
}

impl Postgres {
    /// Starts an empty server. Losing it with the machine is no loss, so it need not sync.
    pub fn start(session: &Session) -> Outcome<Self> {
        let programs = programs()
            .ok_or_else(|| Failure::new("there is no PostgreSQL below /usr/lib/postgresql"))?;
        let folder = std::env::temp_dir().join(format!("wardroom-postgres-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(Failure::to("make a folder for PostgreSQL"))?;
        let mut id = session.program(Path::new("id"));
        let is_root = command::answer(id.arg("-u")).is_ok_and(|id| id.trim() == "0");
        if is_root {
            let nobody = Some(65534);
            std::os::unix::fs::chown(&folder, nobody, nobody)
                .map_err(Failure::to("give PostgreSQL its folder"))?;
        }
        let server = Self {
            programs,
            folder,
            as_nobody: is_root,
            port: free_port()?,
        };
        let mut make = server.program(session, "initdb");
        make.args(["--username=wardroom", "--auth=trust", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(server.folder.join("data"));
        server.succeed(session, &mut make)?;
        let mut start = server.control(session);
        let settings = format!(
            "-p {} -k {} -c fsync=off -c max_connections=400 -c listen_addresses=127.0.0.1",
            server.port,
            server.folder.display()
        );
        start.args(["-w", "-l"]).arg(server.folder.join("log"));
        server.succeed(session, start.args(["-o", &settings, "start"]))?;
        Ok(server)
    }

    /// Where tests make their databases.
    pub fn url(&self) -> String {
        format!("postgres://wardroom@127.0.0.1:{}", self.port)
    }

    fn control(&self, session: &Session) -> Command {
        let mut control = self.program(session, "pg_ctl");
        control.arg("-D").arg(self.folder.join("data"));
        control
    }

    fn program(&self, session: &Session, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if self.as_nobody {
            let mut command = session.program(Path::new("setpriv"));
            command.arg(format!("--reuid={NOBODY}"));
            command.arg(format!("--regid={NOBODY}"));
            command.args(["--clear-groups", "--"]).arg(path);
            command
        } else {
            session.program(&path)
        };
        // Nobody may not enter every checkout.
        command.current_dir(&self.folder);
        command
    }

    fn succeed(&self, session: &Session, command: &mut Command) -> Outcome<()> {
        let report = session.record(command)?;
        if report.succeeded {
            return Ok(());
        }
        Err(Failure::new(format!(
            "PostgreSQL did not start:\n{}",
            report.lines.join("\n")
        )))
    }

    /// Stops the server and removes what it kept.
    pub fn stop(self, session: &Session) {
        let mut stop = self.control(session);
        stop.args(["-m", "immediate", "stop"]);
        // A server that is gone already need not be stopped.
        let _ = session.record(&mut stop);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The programs of the newest version that is installed.
pub fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max()
}

/// An S3 service of this run, from the Python environment of the tests.
pub struct Bucket {
    server: Child,
    port: u16,
}

impl Bucket {
    /// Starts it, and waits until it listens.
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no async code here to be held up"
    )]
    pub fn start(session: &Session, python: &Path) -> Outcome<Self> {
        let port = free_port()?;
        let mut start = session.program(python);
        start.args(["-m", "moto.server", "-H", "127.0.0.1", "-p"]);
        start.arg(port.to_string());
        let server = start
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Failure::to("start the S3 service"))?;
        let bucket = Self { server, port };
        let until = Instant::now() + STARTS_WITHIN;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > until {
                bucket.stop();
                return Err(Failure::new("the S3 service does not listen"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(bucket)
    }

    /// Where tests make their buckets.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops it, with all that it kept.
    pub fn stop(mut self) {
        // One that is gone already need not be stopped.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Failure::to("find a free port"))?;
    let address = listener
        .local_addr()
        .map_err(Failure::to("find a free port"))?;
    Ok(address.port())
}
