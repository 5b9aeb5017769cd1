//! One server as the configuration describes it.

use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;
use wardroom_domain::LiveSecret;

/// A server and the way to it.
#[derive(Clone, Debug)]
pub struct McpServer {
    /// Its name in the configuration, and the first part of its tools' names.
    pub name: String,
    /// The way to it.
    pub reached: Reached,
    /// How long one call may take.
    pub call_time_max: Duration,
}

/// The way to a server.
#[derive(Clone, Debug)]
pub enum Reached {
    /// A program that speaks over its standard streams.
    ByCommand(Command),
    /// An address that speaks over HTTP.
    ByUrl {
        /// Where.
        url: String,
        /// Sent with every request to it, and never anywhere else.
        headers: Vec<Given>,
    },
    /// It cannot be reached, for the reason given: a secret of it is not set.
    NotAtAll(String),
}

/// Something that a server is given: a header, or a variable of its environment.
#[derive(Clone, Debug)]
pub struct Given {
    /// What it is called there.
    pub name: String,
    /// Its value, which may get new versions.
    pub value: LiveSecret,
    /// Where it comes from, and what to do where it is missing, as people read it.
    pub from: String,
}

impl McpServer {
    /// What it is given.
    fn given(&self) -> &[Given] {
        match &self.reached {
            Reached::ByCommand(command) => &command.environment,
            Reached::ByUrl { headers, .. } => headers,
            Reached::NotAtAll(_) => &[],
        }
    }

    /// The values as they are now; a sentence where one is missing.
    pub(super) fn values(&self) -> Result<Vec<(String, SecretString)>, String> {
        let value = |given: &Given| {
            let value = given.value.current();
            let value = value.ok_or_else(|| format!("{} is not set", given.from))?;
            Ok((given.name.clone(), value))
        };
        self.given().iter().map(value).collect()
    }

    /// How often a value was replaced: a session that was begun before is begun anew.
    pub(super) fn replaced(&self) -> u64 {
        self.given()
            .iter()
            .map(|given| given.value.replaced())
            .sum()
    }
}

/// A program that is a server.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// All of its environment, but for what the sandbox sets.
    pub environment: Vec<Given>,
    /// Whether it runs in a sandbox.
    pub is_sandboxed: bool,
    /// Folders of the host that it sees in its sandbox where they are, read-only.
    pub shown: Vec<PathBuf>,
}
