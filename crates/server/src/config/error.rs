//! Why a configuration is refused: where it stands, what is wrong, what to write instead.

use std::path::PathBuf;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, from 1.
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place} is not TOML: {reason}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        reason: String,
    },
    /// Nobody knows this key.
    #[error("{place}: there is no key `{key}`; the nearest known key is `{nearest}`")]
    UnknownKey {
        /// Where.
        place: Place,
        /// The whole key.
        key: String,
        /// The known key nearest to it.
        nearest: String,
    },
    /// A secret stands in plain text.
    #[error(
        "{place}: `{key}` holds a secret in plain text, which does not belong in a configuration; \
         write {key} = \"env:NAME\" and set NAME in the server's environment, or \"secret:NAME\" \
         for a stored one"
    )]
    PlaintextSecret {
        /// Where.
        place: Place,
        /// The whole key.
        key: String,
    },
    /// The value cannot be meant.
    #[error("{place}: `{key}`: {reason}")]
    Invalid {
        /// Where.
        place: Place,
        /// The whole key.
        key: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
}
