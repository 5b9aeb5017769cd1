//! Why there is no server.

use std::net::SocketAddr;
use std::path::PathBuf;
use wardroom_coordinator::Wrong;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder of the data directory.
    #[error("cannot use the data directory {}: {source}; check that it is yours, or name another with --data", path.display())]
    Data {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address.
    #[error(
        "cannot listen on {address}: {source}; another program may use the port, so name another with --listen"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] wardroom_store::StoreError),
    /// A first row.
    #[error(transparent)]
    Commit(#[from] wardroom_store::CommitError),
    /// Object storage.
    #[error(transparent)]
    Objects(#[from] wardroom_store::ObjectError),
    /// Another process signs the audit log with another key.
    #[error(
        "the audit log of this database is signed with another key than {}; copy audit.key and audit.pub from the keys folder of the data directory that began it", path.display()
    )]
    AuditKey {
        /// Ours.
        path: PathBuf,
    },
    /// A bucket.
    #[error("the bucket {bucket} cannot be used: {source}")]
    Bucket {
        /// Which.
        bucket: String,
        /// What was said.
        source: wardroom_store::ObjectError,
    },
    /// The models.
    #[error(transparent)]
    Models(#[from] wardroom_llm::ConfigError),
    /// The story that ships with the product.
    #[error(transparent)]
    Story(#[from] wardroom_llm::StoryError),
    /// A key.
    #[error("[models.{model}] api_key refers to {reference}, which is not set; {remedy}")]
    NoKey {
        /// The model.
        model: String,
        /// Where it should be.
        reference: String,
        /// How it gets there.
        remedy: String,
    },
    /// A key of a foreign door, or of a bucket.
    #[error("{key} refers to {reference}, which is not set; {remedy}")]
    NoConnectorKey {
        /// Where the configuration says so.
        key: String,
        /// Where it should be.
        reference: String,
        /// How it gets there.
        remedy: String,
    },
    /// A foreign door.
    #[error("[{section}] cannot be set up: {reason}")]
    Connector {
        /// Which.
        section: String,
        /// Why.
        reason: String,
    },
    /// The certificates that remotes are verified by.
    #[error("the certificates of SSL_CERT_FILE ({}) cannot be read: {source}; mend the variable or take it away", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The rest of the road.
    #[error(transparent)]
    Wrong(#[from] Wrong),
}
