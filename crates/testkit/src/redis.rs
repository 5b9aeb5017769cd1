//! A Redis of a test's own, from the system's package.

#![expect(
    clippy::expect_used,
    reason = "a test without its Redis fails, and says which step did"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = "/usr/bin/redis-server";

/// A server that keeps nothing and is killed with the test.
pub struct TestRedis {
    port: u16,
    server: Option<Child>,
}

impl TestRedis {
    /// Starts one. Where there is no such program the test cannot run, and its process ends.
    pub fn start() -> Self {
        if !std::path::Path::new(PROGRAM).exists() {
            eprintln!("not run: there is no {PROGRAM}; `cargo xtask test` installs it");
            std::process::exit(0);
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        drop(listener);
        let mut redis = Self { port, server: None };
        redis.up();
        redis
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it again, empty.
    #[expect(
        clippy::disallowed_methods,
        reason = "nobody else runs on the thread of a test that waits for a process"
    )]
    pub fn up(&mut self) {
        let server = Command::new(PROGRAM)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::null())
            .spawn();
        self.server = Some(server.expect("Redis starts"));
        let until = Instant::now() + Duration::from_secs(30);
        while !self.answers("PING", "+PONG") {
            assert!(Instant::now() < until, "Redis does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Forgets all that it was told.
    pub fn flush(&self) {
        assert!(self.answers("FLUSHALL", "+OK"), "Redis does not forget");
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    fn answers(&self, command: &str, wanted: &str) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let mut answer = vec![0; wanted.len()];
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && answer == wanted.as_bytes()
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
