//! Why something did not go out, or was cut: one list, with the status, the short code for
//! records and the sentence for whoever asked.

use super::address::Special;
use super::host::{HostName, MalformedHost, Remote};
use http::StatusCode;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this is not a request that a proxy can carry out: {0}")]
    Malformed(&'static str),
    #[error("the target is refused: {0}")]
    Host(#[from] MalformedHost),
    #[error("{0} is not on this sandbox's list of allowed hosts")]
    NotListed(Remote),
    #[error("`{0}` is not on this sandbox's list of allowed hosts")]
    NameNotListed(HostName),
    #[error(
        "{host} leads to an address that is {special}; only the public Internet can be reached"
    )]
    Address { host: HostName, special: Special },
    #[error("{0} could not be found: the name does not resolve")]
    Unresolved(HostName),
    #[error("{0} could not be reached")]
    Unreachable(Remote),
    #[error(
        "nothing may leave this sandbox for the action at hand, which was judged as one that stays inside"
    )]
    Shut,
    #[error("the Host header differs from the target of the request")]
    HostMismatch,
    #[error(
        "the greeting names no server, so it cannot be compared with the list of allowed hosts"
    )]
    NoServerName,
    #[error("the greeting names `{0}`, which is not the host that the tunnel was opened for")]
    ServerName(String),
    #[error("this is not a TLS greeting")]
    NotTls,
    #[error("the head of the request has more than {0} bytes")]
    HeaderTooLarge(u64),
    #[error("the head of the request did not arrive within {0:?}")]
    HeaderTooSlow(Duration),
    #[error("nothing was transferred for {0:?}")]
    Idle(Duration),
    #[error("the transfer took longer than {0:?}")]
    TooLong(Duration),
    #[error("this sandbox has used up what it may send, {0} bytes")]
    BytesUp(u64),
    #[error("this sandbox has used up what it may receive, {0} bytes")]
    BytesDown(u64),
    #[error("this sandbox already has {0} connections; close one and try again")]
    TooManyConnections(u32),
    #[error("this sandbox may send {0} requests per second; wait a moment")]
    TooFast(u32),
    #[error("pushing to a git remote is not permitted for this action")]
    GitPush,
    #[error("the placeholder of `{0}` may not be used with this host")]
    PlaceholderHost(String),
    #[error("the placeholder of `{0}` stands in a place where it is not replaced")]
    PlaceholderPlace(String),
    #[error("the placeholder of `{0}` may only be sent over TLS")]
    PlaceholderInClear(String),
    #[error("the placeholder of `{0}` is used up or has expired")]
    PlaceholderSpent(String),
    #[error("the placeholder of `{0}` is for another kind of request")]
    PlaceholderPurpose(String),
    #[error("the answer repeats the value of `{0}`, so it is withheld")]
    SecretRepeated(String),
    #[error("{0} did not answer as a web server should")]
    Remote(Remote),
    #[error("the certificate of {0} could not be verified")]
    Certificate(Remote),
    #[error("the TLS handshake failed; the program must trust the sandbox's certificate authority")]
    Handshake,
    #[error("this connection cannot be recorded, so it is not made")]
    Unrecorded,
    #[error("the connection was closed before its end")]
    Closed,
}

impl Refusal {
    /// A short word for records and for counting.
    pub fn code(&self) -> &'static str {
        self.row().1
    }

    pub fn status(&self) -> StatusCode {
        self.row().0
    }

    fn row(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed(_) => (S::BAD_REQUEST, "malformed"),
            Self::Host(_) => (S::FORBIDDEN, "malformed_host"),
            Self::NameNotListed(_) | Self::NotListed(_) => (S::FORBIDDEN, "not_listed"),
            Self::Address { .. } => (S::FORBIDDEN, "address_not_global"),
            Self::Unresolved(_) => (S::BAD_GATEWAY, "unresolved"),
            Self::Unreachable(_) => (S::BAD_GATEWAY, "unreachable"),
            Self::Shut => (S::FORBIDDEN, "shut"),
            Self::HostMismatch => (S::FORBIDDEN, "host_mismatch"),
            Self::NoServerName => (S::FORBIDDEN, "no_server_name"),
            Self::ServerName(_) => (S::FORBIDDEN, "server_name_mismatch"),
            Self::NotTls => (S::FORBIDDEN, "not_tls"),
            Self::HeaderTooLarge(_) => (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "header_too_large"),
            Self::HeaderTooSlow(_) => (S::REQUEST_TIMEOUT, "header_too_slow"),
            Self::Idle(_) => (S::GATEWAY_TIMEOUT, "idle"),
            Self::TooLong(_) => (S::GATEWAY_TIMEOUT, "too_long"),
            Self::BytesUp(_) => (S::TOO_MANY_REQUESTS, "bytes_up"),
            Self::BytesDown(_) => (S::TOO_MANY_REQUESTS, "bytes_down"),
            Self::TooManyConnections(_) => (S::SERVICE_UNAVAILABLE, "connections"),
            Self::TooFast(_) => (S::TOO_MANY_REQUESTS, "rate"),
            Self::GitPush => (S::FORBIDDEN, "git_push"),
            Self::PlaceholderHost(_) => (S::FORBIDDEN, "placeholder_host"),
            Self::PlaceholderPlace(_) => (S::FORBIDDEN, "placeholder_place"),
            Self::PlaceholderInClear(_) => (S::FORBIDDEN, "placeholder_in_clear"),
            Self::PlaceholderSpent(_) => (S::FORBIDDEN, "placeholder_spent"),
            Self::PlaceholderPurpose(_) => (S::FORBIDDEN, "placeholder_purpose"),
            Self::SecretRepeated(_) => (S::BAD_GATEWAY, "secret_repeated"),
            Self::Remote(_) => (S::BAD_GATEWAY, "remote"),
            Self::Certificate(_) => (S::BAD_GATEWAY, "certificate"),
            Self::Handshake => (S::BAD_GATEWAY, "handshake"),
            Self::Unrecorded => (S::SERVICE_UNAVAILABLE, "unrecorded"),
            Self::Closed => (S::BAD_GATEWAY, "closed"),
        }
    }
}
