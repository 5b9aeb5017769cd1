//! Finding a host, judging every address it leads to, and connecting to one of exactly those.

use super::host::{HostName, Remote};
use super::refusal::Refusal;
use super::rules::Rules;
use async_trait::async_trait;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// More addresses than this are not tried.
const ADDRESSES_MAX: usize = 6;

/// Turns a name into addresses, on the host. A query of the sandbox never gets here; only
/// names on the allowlist do.
#[async_trait]
pub trait Resolver: Send + Sync {
    async fn resolve(&self, host: &HostName) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &HostName) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Connects to an address that has been judged. The name is resolved once for that, so a
/// second, different answer of the resolver has no effect.
pub(super) async fn connect(
    remote: &Remote,
    rules: &Rules,
    resolver: &dyn Resolver,
    limit: Duration,
) -> Result<TcpStream, Refusal> {
    let attempt = async {
        let addresses = reachable(remote, rules, resolver).await?;
        dial(remote, &addresses, limit).await
    };
    let late = |_| Refusal::Unreachable(remote.clone());
    timeout(limit, attempt).await.map_err(late)?
}

/// One address that is not acceptable refuses the name: who answers with a mixture is
/// trying something.
async fn reachable(
    remote: &Remote,
    rules: &Rules,
    resolver: &dyn Resolver,
) -> Result<Vec<IpAddr>, Refusal> {
    let unresolved = || Refusal::Unresolved(remote.host.clone());
    let found = resolver.resolve(&remote.host).await;
    let addresses = found.map_err(|_| unresolved())?;
    if addresses.is_empty() {
        return Err(unresolved());
    }
    for address in &addresses {
        let judged = rules.require_reachable(remote, *address);
        judged.map_err(|special| Refusal::Address {
            host: remote.host.clone(),
            special,
        })?;
    }
    Ok(addresses)
}

async fn dial(
    remote: &Remote,
    addresses: &[IpAddr],
    limit: Duration,
) -> Result<TcpStream, Refusal> {
    // A silent address leaves time for the next.
    let share = limit / ADDRESSES_MAX.min(addresses.len()) as u32;
    for address in addresses.iter().take(ADDRESSES_MAX) {
        let attempt = TcpStream::connect((*address, remote.port));
        if let Ok(Ok(stream)) = timeout(share, attempt).await {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(Refusal::Unreachable(remote.clone()))
}
