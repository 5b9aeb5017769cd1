//! Starting and ending the proxy of one sandbox.

use super::authority::{Authority, AuthorityError, remote_tls};
use super::budget::{Budgets, Spending};
use super::decision::{Entry, Road, Sink};
use super::gate::{AnyStream, FLOOD_PAUSE, Gate, Scope};
use super::message::refused;
use super::refusal::Refusal;
use super::resolve::Resolver;
use super::rules::Rules;
use super::serve::{Door, converse, serve};
use super::swap::{MalformedSwap, Swap, Swaps};
use super::{dns, greeting, tunnel};
use crate::spec::EgressListeners;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// So many connections beyond the budget are told so; the rest is closed without a word.
const CROWD_TOLD_MAX: usize = 16;
const CROWD_TOLD_WITHIN: Duration = Duration::from_secs(3);
/// After a failure to accept, for want of descriptors say, and when there is no place at all.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is not needed by every proxy.
#[derive(Default)]
pub struct Options {
    /// Trusted besides the public ones, where TLS ends at the proxy.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Made before the sandbox, so that its certificate can be shown inside; else a new one.
    pub authority: Option<Authority>,
    pub scope: Scope,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the sandbox's sockets cannot be served: {0}")]
    Listener(#[from] io::Error),
    #[error("the record of the sandbox's connections needs room for {places} at once")]
    Sink { places: usize },
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// The egress of one sandbox.
pub struct Proxy;

impl Proxy {
    /// Serves the listeners until the handle is dropped. Every request, tunnel and refusal
    /// is told to `sink`; while that is full, the sandbox waits. What is open occupies a
    /// place in the sink, so each sandbox has a sink of its own, with room for all.
    pub fn start(
        listeners: EgressListeners,
        rules: Rules,
        budgets: Budgets,
        resolver: Arc<dyn Resolver>,
        sink: Sink,
        options: Options,
    ) -> Result<ProxyHandle, StartError> {
        let places = budgets.connections as usize + CROWD_TOLD_MAX + 1;
        if sink.max_capacity() < places {
            return Err(StartError::Sink { places });
        }
        let gate = Arc::new(Gate {
            rules: RwLock::new(Arc::new(rules)),
            spending: Arc::new(Spending::new(budgets)),
            resolver,
            swaps: Swaps::default(),
            authority: options.authority.map_or_else(Authority::new, Ok)?,
            remote_tls: Arc::new(remote_tls(options.extra_roots)?),
            sink,
            scope: RwLock::new(options.scope),
            shut: watch::Sender::new(0),
        });
        let crowd = Arc::new(Semaphore::new(CROWD_TOLD_MAX));
        let mut tasks = JoinSet::new();
        for (listener, way) in [
            (listeners.http, Way::Proxy),
            (listeners.capture_80, Way::CaptureHttp),
            (listeners.capture_443, Way::CaptureTls),
        ] {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let doorkeeper = Doorkeeper {
                gate: gate.clone(),
                way,
                crowd: crowd.clone(),
            };
            tasks.spawn(doorkeeper.serve(listener));
        }
        listeners.dns.set_nonblocking(true)?;
        tasks.spawn(dns::respond(
            gate.clone(),
            UdpSocket::from_std(listeners.dns)?,
        ));
        Ok(ProxyHandle {
            gate,
            _tasks: tasks,
        })
    }
}

/// A running proxy. Dropping it closes every connection. It keeps the sandbox's network
/// alive, so it ends with the sandbox.
pub struct ProxyHandle {
    gate: Arc<Gate>,
    _tasks: JoinSet<()>,
}

impl ProxyHandle {
    /// From now on the sandbox works for this; connections that are open keep their label, and
    /// end where the passage is shut.
    pub fn set_scope(&self, scope: Scope) {
        self.gate.set_scope(scope);
    }

    /// What may be reached from now on; connections that are open stay so.
    pub fn set_rules(&self, rules: Rules) {
        let current = self.gate.rules.write();
        *current.unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// The certificate that programs inside must trust for hosts with a secret.
    pub fn ca_pem(&self) -> &str {
        self.gate.authority.pem()
    }

    /// Lets the sandbox use a secret by this placeholder.
    pub fn lend(&self, placeholder: &str, swap: Swap) -> Result<(), MalformedSwap> {
        self.gate.swaps.lend(placeholder, swap)
    }

    /// Forgets a placeholder. Its host is spoken to without the proxy looking in again.
    pub fn withdraw(&self, placeholder: &str) {
        self.gate.swaps.withdraw(placeholder);
    }

    /// Bytes up and down, of the whole sandbox until now.
    pub fn spent(&self) -> (u64, u64) {
        self.gate.spending.spent()
    }
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Proxy,
    CaptureHttp,
    CaptureTls,
}

impl Way {
    fn road(self) -> Road {
        match self {
            Self::Proxy => Road::Http,
            Self::CaptureHttp => Road::CaptureHttp,
            Self::CaptureTls => Road::CaptureTls,
        }
    }
}

/// Who opens the door of one listener.
struct Doorkeeper {
    gate: Arc<Gate>,
    way: Way,
    crowd: Arc<Semaphore>,
}

impl Doorkeeper {
    /// The connections live in this task's set, so they end with it.
    async fn serve(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let stream = accepted.map(|(stream, _)| Box::new(stream));
                    if !stream.is_ok_and(|stream| self.admit(stream, &mut connections)) {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Says whether anybody takes care of the connection.
    fn admit(&self, stream: AnyStream, connections: &mut JoinSet<()>) -> bool {
        let (gate, way) = (self.gate.clone(), self.way);
        let refusal = match gate.spending.connection() {
            Ok(place) => {
                let mut shut = gate.shut.subscribe();
                connections.spawn(async move {
                    tokio::select! {
                        () = attend(&gate, stream, way) => {}
                        _ = shut.changed() => {}
                    }
                    drop(place);
                });
                return true;
            }
            Err(refusal) => refusal,
        };
        let Ok(place) = self.crowd.clone().try_acquire_owned() else {
            return false;
        };
        connections.spawn(async move {
            let told = turn_away(&gate, stream, way, refusal);
            let _ = timeout(CROWD_TOLD_WITHIN, told).await;
            drop(place);
        });
        true
    }
}

async fn attend(gate: &Arc<Gate>, stream: AnyStream, way: Way) {
    match way {
        Way::Proxy => converse(gate, stream).await,
        Way::CaptureHttp => drop(serve(gate, stream, Door::Capture).await),
        Way::CaptureTls => tunnel::capture(gate, stream).await,
    }
}

/// Says why there is no place, in the language that the connection would have had.
async fn turn_away(gate: &Gate, stream: AnyStream, way: Way, refusal: Refusal) {
    if let Ok(mut entry) = Entry::open(&gate.sink, gate.scope().label, way.road()).await {
        entry.refuse(refusal.clone());
    }
    tokio::time::sleep(FLOOD_PAUSE).await;
    if matches!(way, Way::CaptureTls) {
        return greeting::alert(stream, &gate.spending.budgets).await;
    }
    let service = service_fn(|_: Request<Incoming>| {
        let response = refused(&refusal);
        async move { Ok::<_, Infallible>(response) }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
