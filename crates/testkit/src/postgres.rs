//! A database of its own on the PostgreSQL server that the test command starts.

#![expect(
    clippy::expect_used,
    reason = "a test without its database fails, and says which step did"
)]

use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::NoTls;

/// Names the server, such as `postgres://me@127.0.0.1:5432`. The test command sets it.
const SERVER: &str = "WARDROOM_TEST_POSTGRES";

/// A database that is dropped with the test.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes an empty one. Where there is no server the test cannot run, and its process ends.
    pub fn fresh() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let Ok(server) = std::env::var(SERVER) else {
            eprintln!("not run: {SERVER} names no server; `cargo xtask test` starts one");
            std::process::exit(0);
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        run(
            &server,
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
        run(&server, format!("CREATE DATABASE {name}"));
        run(&server, format!("DROP ROLE IF EXISTS {name}"));
        run(&server, format!("CREATE ROLE {name} LOGIN"));
        Self { server, name }
    }

    /// Where it is, as the owner of the tables. He is a superuser, so that nothing holds him.
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Statements that only a test would ask for, as the owner of the tables.
    pub fn execute(&self, sql: String) {
        run_in(self.url(), sql);
    }

    /// The same as a role that owns nothing.
    pub fn service_url(&self) -> String {
        let (scheme, place) = self.server.split_once("://").expect("a URL");
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        format!("{scheme}://{}@{place}/{}", self.name, self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = &self.name;
        run(
            &self.server,
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
        run(&self.server, format!("DROP ROLE IF EXISTS {name}"));
    }
}

fn run(server: &str, sql: String) {
    run_in(format!("{server}/postgres"), sql);
}

/// In a thread of its own, because some tests run inside of a runtime and some do not.
fn run_in(url: String, sql: String) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let connected = tokio_postgres::connect(&url, NoTls).await;
            let (client, connection) = connected.expect("the server answers");
            tokio::spawn(connection);
            client.batch_execute(&sql).await.expect("it obeys");
        });
    };
    std::thread::spawn(run)
        .join()
        .expect("the thread ends well");
}
