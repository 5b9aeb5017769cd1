//! Connections that are not HTTP at first sight: what follows a CONNECT, and captured TLS.
//!
//! The name in the greeting decides. Where a secret may be put in, TLS ends here and the
//! requests inside are judged one by one; elsewhere the bytes pass unseen.

use super::decision::{Entry, Road};
use super::flow::{Flow, Metered};
use super::gate::{AnyStream, Gate};
use super::greeting::{self, Opening};
use super::host::Remote;
use super::refusal::Refusal;
use super::serve::{Door, serve};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

const TLS_PORT: u16 = 443;

/// What a CONNECT was answered with `200` for.
pub(super) struct Tunnel {
    pub entry: Entry,
    pub remote: Remote,
    pub rule: String,
    /// Absent where TLS ends here: then every request connects for itself.
    pub connection: Option<(Metered<TcpStream>, Arc<Flow>)>,
}

/// After a CONNECT: TLS for exactly that host, or plain requests to it.
pub(super) async fn run(gate: &Arc<Gate>, tunnel: Tunnel, stream: AnyStream) {
    let Tunnel {
        mut entry,
        remote,
        rule,
        connection,
    } = tunnel;
    match greeting::read(stream, &gate.spending.budgets).await {
        Err((refusal, stream)) => refuse(gate, entry, refusal, stream).await,
        Ok(Opening::Tls(name, stream)) if name != remote.host => {
            refuse(gate, entry, Refusal::ServerName(name.to_string()), stream).await;
        }
        Ok(Opening::Tls(_, stream)) => match connection {
            Some(connection) => relay(entry, rule, connection, stream).await,
            None => {
                entry.allow(rule);
                intercept(gate, entry, remote, stream).await;
            }
        },
        Ok(Opening::Plain(stream)) => {
            entry.allow(rule);
            drop((entry, connection));
            serve(gate, stream, Door::Tunnel(remote)).await;
        }
    }
}

/// A program that ignores proxy settings and was led here by the resolver.
pub(super) async fn capture(gate: &Arc<Gate>, stream: AnyStream) {
    let Ok(mut entry) = gate.entry(Road::CaptureTls).await else {
        return;
    };
    if let Err(refusal) = gate.pace().await {
        return refuse(gate, entry, refusal, stream).await;
    }
    let (name, stream) = match greeting::read(stream, &gate.spending.budgets).await {
        Ok(Opening::Tls(name, stream)) => (name, stream),
        Ok(Opening::Plain(stream)) => return refuse(gate, entry, Refusal::NotTls, stream).await,
        Err((refusal, stream)) => return refuse(gate, entry, refusal, stream).await,
    };
    let remote = Remote {
        host: name,
        port: TLS_PORT,
    };
    entry.remote(&remote);
    match open(gate, &remote).await {
        Ok((rule, Some(connection))) => relay(entry, rule, connection, stream).await,
        Ok((rule, None)) => {
            entry.allow(rule);
            intercept(gate, entry, remote, stream).await;
        }
        Err(refusal) => refuse(gate, entry, refusal, stream).await,
    }
}

type Opened = (String, Option<(Metered<TcpStream>, Arc<Flow>)>);

/// The rule, and a connection unless TLS must end here.
pub(super) async fn open(gate: &Gate, remote: &Remote) -> Result<Opened, Refusal> {
    let rule = gate.admit(remote)?;
    let connection = match gate.swaps.concern(remote) {
        true => None,
        false => Some(gate.connect(remote).await?),
    };
    Ok((rule, connection))
}

async fn relay(
    mut entry: Entry,
    rule: String,
    (mut remote, flow): (Metered<TcpStream>, Arc<Flow>),
    mut stream: AnyStream,
) {
    entry.allow(rule);
    entry.follow(flow.clone());
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut stream, &mut remote) => {}
        _ = flow.overdue() => {}
    }
}

/// Ends TLS here under a certificate of the sandbox's own authority. The entry stands for
/// the connection; each request inside has its own.
async fn intercept(gate: &Arc<Gate>, mut entry: Entry, remote: Remote, stream: AnyStream) {
    let Ok(config) = gate.authority.server(&remote.host) else {
        return refuse(gate, entry, Refusal::Handshake, stream).await;
    };
    let accept = TlsAcceptor::from(config).accept(stream);
    match timeout(gate.spending.budgets.header_time, accept).await {
        Ok(Ok(stream)) => {
            drop(entry);
            serve(gate, Box::new(stream), Door::Intercepted(remote)).await;
        }
        _ => entry.refuse(Refusal::Handshake),
    }
}

async fn refuse(gate: &Gate, mut entry: Entry, refusal: Refusal, stream: AnyStream) {
    entry.refuse(refusal);
    drop(entry);
    greeting::alert(stream, &gate.spending.budgets).await;
}
