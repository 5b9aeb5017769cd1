//! One server as the configuration describes it.

use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

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
        headers: Vec<(String, SecretString)>,
    },
    /// It cannot be reached, for the reason given: a secret of it is not set.
    NotAtAll(String),
}

/// A program that is a server.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// All of its environment, but for what the sandbox sets.
    pub environment: Vec<(String, SecretString)>,
    /// Whether it runs in a sandbox.
    pub is_sandboxed: bool,
    /// Folders of the host that it sees in its sandbox where they are, read-only.
    pub shown: Vec<PathBuf>,
}
