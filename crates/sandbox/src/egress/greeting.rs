//! The first bytes of a connection: a TLS greeting with the name of a server, or something
//! else. The greeting is parsed by rustls, from as many pieces as it comes in.

use super::budget::Budgets;
use super::gate::AnyStream;
use super::host::HostName;
use super::refusal::Refusal;
use rustls::server::Acceptor;
use std::io::Cursor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const TLS_HANDSHAKE: u8 = 0x16;
/// The fatal alert `access_denied`, which clients print.
const ACCESS_DENIED: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x31];

pub(super) enum Opening {
    /// A greeting for this server. The stream begins with it again.
    Tls(HostName, AnyStream),
    /// Anything else, unread.
    Plain(AnyStream),
}

pub(super) async fn read(
    mut stream: AnyStream,
    budgets: &Budgets,
) -> Result<Opening, (Refusal, AnyStream)> {
    let mut seen = Vec::new();
    let attempt = timeout(budgets.header_time, name(&mut stream, &mut seen, budgets));
    let outcome = attempt
        .await
        .unwrap_or(Err(Refusal::HeaderTooSlow(budgets.header_time)));
    match outcome {
        Ok(Some(name)) => Ok(Opening::Tls(name, rewound(seen, stream))),
        Ok(None) => Ok(Opening::Plain(rewound(seen, stream))),
        Err(refusal) => Err((refusal, stream)),
    }
}

/// The server's name, or nothing if this is not TLS. What was read is left in `seen`.
async fn name(
    stream: &mut AnyStream,
    seen: &mut Vec<u8>,
    budgets: &Budgets,
) -> Result<Option<HostName>, Refusal> {
    let mut acceptor = Acceptor::default();
    let mut chunk = [0; 4096];
    loop {
        let length = stream.read(&mut chunk).await.map_err(|_| Refusal::Closed)?;
        let mut fresh = &chunk[..length];
        seen.extend_from_slice(fresh);
        match seen.first() {
            None => return Err(Refusal::Closed),
            Some(&TLS_HANDSHAKE) if length > 0 => {}
            Some(&TLS_HANDSHAKE) => return Err(Refusal::Closed),
            Some(_) => return Ok(None),
        }
        if seen.len() as u64 > budgets.header_bytes {
            return Err(Refusal::HeaderTooLarge(budgets.header_bytes));
        }
        while !fresh.is_empty() {
            let taken = acceptor.read_tls(&mut fresh);
            if !taken.is_ok_and(|bytes| bytes > 0) {
                return Err(Refusal::NotTls);
            }
            if let Some(accepted) = acceptor.accept().map_err(|_| Refusal::NotTls)? {
                let hello = accepted.client_hello();
                let name = hello.server_name().ok_or(Refusal::NoServerName)?;
                return Ok(Some(HostName::parse(name)?));
            }
        }
    }
}

/// A stream that gives what was read from it once more.
pub(super) fn rewound(
    seen: impl AsRef<[u8]> + Send + Unpin + 'static,
    stream: AnyStream,
) -> AnyStream {
    let (read, write) = tokio::io::split(stream);
    Box::new(tokio::io::join(Cursor::new(seen).chain(read), write))
}

/// Tells a TLS client in its own language that it was refused.
pub(super) async fn alert(mut stream: AnyStream, budgets: &Budgets) {
    let told = async {
        stream.write_all(&ACCESS_DENIED).await?;
        stream.shutdown().await
    };
    let _ = timeout(budgets.header_time, told).await;
}
