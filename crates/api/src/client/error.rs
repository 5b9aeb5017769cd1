//! Why a request did not get what it asked for, each with a way on.

use super::Address;
use crate::problem::{Code, Problem};

/// Why a request did not get what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server said no, and why.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Nobody listens there.
    #[error("no Wardroom server answers at {address}")]
    NoServer {
        /// Where it was looked for.
        address: Address,
        /// What the system said.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke, or took too long.
    #[error("the connection to {address} broke before the answer was whole")]
    Broken {
        /// Where it led.
        address: String,
        /// What the system said.
        #[source]
        source: reqwest::Error,
    },
    /// A stream of events broke.
    #[error("the stream of events from {address} broke")]
    StreamBroken {
        /// Where it came from.
        address: String,
        /// What was wrong with it; none when it just ended.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Something answered, but it is not a Wardroom.
    #[error("what answers at {address} is no Wardroom server (status {status})")]
    NotWardroom {
        /// Where.
        address: String,
        /// Its HTTP status.
        status: u16,
    },
    /// The answer is not what this version expects.
    #[error("the answer of {address} cannot be read")]
    Unreadable {
        /// Where it came from.
        address: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The address cannot be used.
    #[error("`{url}` is no address of a server: {reason}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token cannot be sent.
    #[error("the token holds characters that no token has")]
    BadToken,
    /// The client itself cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Setup {
        /// What the system said.
        #[source]
        source: reqwest::Error,
    },
}

impl ClientError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Refused(problem) if problem.hint.is_empty() => problem.code.hint().to_owned(),
            Self::Refused(problem) => problem.hint.clone(),
            Self::NoServer { address: Address::Socket(_), .. } => {
                "Start one with `wardroom up`, or name one with --data DIR or --server URL.".into()
            }
            Self::NoServer { .. } => "Check the address, and that the server runs there.".into(),
            Self::Broken { .. } | Self::StreamBroken { .. } => {
                "See whether the server still runs, then try again.".into()
            }
            Self::NotWardroom { .. } | Self::BadUrl { .. } => {
                "Give the address that `wardroom up` printed, such as http://127.0.0.1:8700.".into()
            }
            Self::Unreadable { .. } => {
                "Client and server are probably of different versions: compare `wardroom --version`."
                    .into()
            }
            Self::BadToken => {
                "Set WARDROOM_TOKEN to what `wardroom token create --user NAME` printed.".into()
            }
            Self::Setup { .. } => {
                "Install the system's CA certificates (Debian: ca-certificates).".into()
            }
        }
    }

    /// The server's own code, where it said one.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.code.is_transient(),
            Self::NoServer { .. } | Self::Broken { .. } | Self::StreamBroken { .. } => true,
            _ => false,
        }
    }
}
