//! Other processes of a world.

use super::World;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// A second process of a world; it is killed when this goes.
pub struct Joined(Child);

impl Joined {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// Starts another process beside the first, on the same data directory.
    pub fn joined(&self, flags: &[&str]) -> Joined {
        self.joined_on(&self.data(), flags)
    }

    /// Starts another process with the same configuration and keys on a data directory of its own.
    pub fn joined_apart(&self, name: &str, flags: &[&str]) -> Joined {
        let data = self.apart(name);
        self.hands_keys_to(&data);
        self.joined_on(&data, flags)
    }

    fn hands_keys_to(&self, data: &Path) {
        let keys = data.join("keys");
        std::fs::create_dir_all(&keys).expect("a folder for keys");
        for file in std::fs::read_dir(self.data().join("keys")).expect("the keys") {
            let file = file.expect("a key");
            std::fs::copy(file.path(), keys.join(file.file_name())).expect("a copy");
        }
    }

    /// A process that has the same configuration but keys of its own, and what it says when it
    /// refuses to start.
    pub fn refuses_to_join(&self, name: &str, flags: &[&str]) -> String {
        self.refuses_to_start_on(&self.apart(name), flags)
    }

    /// The same of one that has all keys, but for what is done to them.
    pub fn refuses_to_join_with(
        &self,
        name: &str,
        change: impl FnOnce(&Path),
        flags: &[&str],
    ) -> String {
        let data = self.apart(name);
        self.hands_keys_to(&data);
        change(&data.join("keys"));
        self.refuses_to_start_on(&data, flags)
    }

    fn refuses_to_start_on(&self, data: &Path, flags: &[&str]) -> String {
        let mut command = self.setup.command();
        command.args(["up", "--listen", "127.0.0.1:0", "--ready-json", "--data"]);
        let ran = command.arg(data).args(flags).stdin(Stdio::null());
        let ran = ran.output().expect("the binary runs");
        assert!(!ran.status.success(), "it started");
        String::from_utf8_lossy(&ran.stderr).into_owned()
    }

    fn apart(&self, name: &str) -> PathBuf {
        let data = self.folder.path().join(name);
        std::fs::create_dir_all(&data).expect("a data directory");
        let configuration = "wardroom.toml";
        std::fs::copy(self.data().join(configuration), data.join(configuration)).expect("a copy");
        data
    }

    fn joined_on(&self, data: &Path, flags: &[&str]) -> Joined {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("joined.log"));
        let mut server = self
            .setup
            .command()
            .args(["up", "--listen", "127.0.0.1:0", "--ready-json", "--data"])
            .arg(data)
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let mut out = BufReader::new(server.stdout.take().expect("its output"));
        out.read_line(&mut line).expect("its first line");
        assert!(line.contains("\"ready\":true"), "not ready: {line:?}");
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Joined(server)
    }
}
