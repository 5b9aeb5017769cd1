//! The foreign doors, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The chat networks that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectorList {
    pub connectors: Vec<Connector>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connector {
    /// `telegram:main`.
    pub name: String,
    /// `polling` or `webhook`.
    pub mode: String,
}

/// Whether a platform answers, and as whom it knows us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectorTried {
    pub answers: bool,
    /// Who we are there, or why there was no answer.
    pub detail: String,
    /// How long that took.
    pub took_ms: u64,
}
