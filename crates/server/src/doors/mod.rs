//! One door per noun. A door reads the request, asks the road, and writes the answer.

pub(crate) mod health;
pub(crate) mod me;
pub(crate) mod messages;
pub(crate) mod events;
pub(crate) mod watch;
pub(crate) mod tasks;
pub(crate) mod timeline;
pub(crate) mod crew;
pub(crate) mod profiles;
pub(crate) mod connectors;
pub(crate) mod artifacts;
pub(crate) mod approvals;
pub(crate) mod workspaces;
pub(crate) mod people;
pub(crate) mod quota;
pub(crate) mod arrivals;
pub(crate) mod emergency;
pub(crate) mod sessions;
pub(crate) mod secrets;
pub(crate) mod audit;
pub(crate) mod policy;
pub(crate) mod mcp;
pub(crate) mod completions;
pub(crate) mod telegram;
pub(crate) mod idempotency;
