//! The names of what lies in a data directory.

use super::Config;
use std::path::PathBuf;

/// The org of a server that has one.
pub const ORG_NAME: &str = "default";
/// The first person: an overlord, and whoever calls over the socket.
pub const OWNER_NAME: &str = "owner";

impl Config {
    /// The socket over which whoever owns the data directory speaks with the server.
    pub fn socket_path(&self) -> PathBuf {
        self.data_dir.join(wardroom_api::client::SOCKET_NAME)
    }

    /// The key that signs audit anchors; its public half and newest mark lie beside it.
    pub fn audit_key_path(&self) -> PathBuf {
        self.data_dir.join("keys").join("audit.key")
    }

    /// The key that seals secrets, where nobody gives one.
    pub fn master_key_path(&self) -> PathBuf {
        self.data_dir.join("keys").join("master.key")
    }
}
