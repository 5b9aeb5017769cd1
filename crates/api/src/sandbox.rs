//! What confines the crew's commands, on the wire.

use crate::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How firmly each border of the sandbox stands on this host, found by trying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confinement {
    /// `native`, `oci`, `podman` or `docker`.
    pub backend: String,
    /// What stands between a command and the host, in words.
    pub border: String,
    /// Border by border.
    pub borders: Vec<Border>,
    /// What a sandbox here is given on demand, or refused.
    #[serde(default)]
    pub offers: Vec<Offer>,
    /// What the configuration requires and this host does not enforce: no task runs then.
    pub unmet: Option<String>,
}

/// One border of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Border {
    /// `memory`, `network`, …
    pub name: String,
    #[schema(value_type = schema::Enforced)]
    pub enforced: Enforced,
    /// Why it is not enforced by the kernel, and how to get that.
    pub why: Option<String>,
}

/// Something that not every backend has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// `a way out through the proxy`, `terminals`.
    pub name: String,
    /// Why it is refused, and where it can be had; absent where it is given.
    pub refused: Option<String>,
}

wardroom_domain::words! {
    /// Who holds a border.
    pub enum Enforced {
        /// The kernel: a trial did not get through.
        Kernel = "kernel",
        /// It holds mostly.
        BestEffort = "best_effort",
        /// It does not hold.
        None = "none",
    }
}
