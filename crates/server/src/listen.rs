//! The two sockets: one on the network, one in the data directory for who owns it.

use crate::stop::stopped;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Over the network.
    Network {
        /// Our address that was asked.
        address: SocketAddr,
    },
    /// Over the data directory's socket, which only its owner can open.
    Socket {
        /// The operating system's user.
        uid: u32,
        /// His name there.
        name: String,
    },
}

impl Connected<IncomingStream<'_, TcpListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let address = stream
            .io()
            .local_addr()
            .unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        Self::Network { address }
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let uid = stream.io().peer_cred().map_or(u32::MAX, |peer| peer.uid());
        Self::Socket {
            uid,
            name: name_of(uid),
        }
    }
}

/// The operating system's name of a user, from its table.
fn name_of(uid: u32) -> String {
    let table = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let fits = |line: &&str| line.split(':').nth(2) == Some(&uid.to_string());
    let line = table.lines().find(fits).unwrap_or("unknown");
    line.split(':').next().unwrap_or("unknown").to_owned()
}

/// Opens the socket of the data directory, for its owner alone; none where another process of the
/// same directory has it already.
pub(crate) fn bind_socket(path: &Path) -> std::io::Result<Option<UnixListener>> {
    use std::os::unix::fs::PermissionsExt;
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Ok(None);
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Some(listener))
}

/// Serves both sockets until told to stop, then lets open requests end.
pub(crate) async fn serve(
    network: Option<TcpListener>,
    socket: Option<UnixListener>,
    router: Router,
    stopping: watch::Receiver<bool>,
) {
    let make = router.into_make_service_with_connect_info::<Caller>();
    let (to_all, until) = (make.clone(), stopping.clone());
    let over_socket = async {
        match socket {
            Some(listener) => {
                axum::serve(listener, to_all)
                    .with_graceful_shutdown(stopped(until))
                    .await
            }
            None => Ok(()),
        }
    };
    let over_network = async {
        match network {
            Some(listener) => {
                axum::serve(listener, make)
                    .with_graceful_shutdown(stopped(stopping))
                    .await
            }
            None => Ok(()),
        }
    };
    let (socket, network) = tokio::join!(over_socket, over_network);
    for result in [socket, network] {
        if let Err(error) = result {
            tracing::error!(%error, "a listener ended");
        }
    }
}
