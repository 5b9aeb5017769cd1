//! What every road shares: the rules, the budgets, the record, the secrets, the way to connect.

use super::authority::Authority;
use super::budget::{Direction, Spending};
use super::decision::{Entry, Label, Road, Sink};
use super::flow::{Flow, Metered};
use super::host::Remote;
use super::refusal::Refusal;
use super::resolve::{self, Resolver};
use super::rules::Rules;
use super::swap::Swaps;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A connection of any make: from the sandbox, to a remote, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
pub(super) type AnyStream = Box<dyn Stream>;

pub(super) const FLOOD_PAUSE: Duration = Duration::from_secs(1);

/// For whom the sandbox works now, and what it may do beyond the ordinary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub label: Label,
    pub passage: Passage,
    pub git_push: GitPush,
}

/// Whether anything at all may leave just now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passage {
    /// What the rules allow.
    #[default]
    Open,
    /// Nothing, and what is open is closed.
    Shut,
}

/// Whether a git remote may be changed, as far as the proxy can see into the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GitPush {
    #[default]
    Refused,
    Permitted,
}

pub(super) struct Gate {
    pub rules: RwLock<Arc<Rules>>,
    pub spending: Arc<Spending>,
    pub resolver: Arc<dyn Resolver>,
    pub swaps: Swaps,
    pub authority: Authority,
    /// How remotes are verified where TLS ends at the proxy.
    pub remote_tls: Arc<rustls::ClientConfig>,
    pub sink: Sink,
    pub scope: RwLock<Scope>,
    /// Counts how often the passage was shut.
    pub shut: watch::Sender<u64>,
}

impl Gate {
    pub fn scope(&self) -> Scope {
        let scope = self.scope.read().unwrap_or_else(PoisonError::into_inner);
        scope.clone()
    }

    pub async fn entry(&self, road: Road) -> Result<Entry, Refusal> {
        Entry::open(&self.sink, self.scope().label, road).await
    }

    pub fn rules(&self) -> Arc<Rules> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.clone()
    }

    /// Counts a request, well formed or not. Whoever is too fast waits for the refusal, so
    /// that a flood of requests is not a flood of records.
    pub async fn pace(&self) -> Result<(), Refusal> {
        let counted = self.spending.request();
        if counted.is_err() {
            tokio::time::sleep(FLOOD_PAUSE).await;
        }
        counted
    }

    /// From now on the sandbox works for this.
    pub fn set_scope(&self, scope: Scope) {
        let is_shut = scope.passage == Passage::Shut;
        *self.scope.write().unwrap_or_else(PoisonError::into_inner) = scope;
        if is_shut {
            self.shut.send_modify(|times| *times += 1);
        }
    }

    /// The rule that opens this place, as text for the record.
    pub fn admit(&self, remote: &Remote) -> Result<String, Refusal> {
        if self.scope().passage == Passage::Shut {
            return Err(Refusal::Shut);
        }
        let rules = self.rules();
        let rule = rules.admitting(remote);
        let rule = rule.ok_or_else(|| Refusal::NotListed(remote.clone()))?;
        Ok(rule.to_string())
    }

    /// A counted connection to a place that was admitted.
    pub async fn connect(
        &self,
        remote: &Remote,
    ) -> Result<(Metered<TcpStream>, Arc<Flow>), Refusal> {
        self.spending.require(Direction::Up, 1)?;
        self.spending.require(Direction::Down, 1)?;
        let limit = self.spending.budgets.connect_time;
        let stream = resolve::connect(remote, &self.rules(), &*self.resolver, limit).await?;
        let flow = Flow::to_remote(&self.spending);
        Ok((Metered::new(stream, flow.clone()), flow))
    }
}
