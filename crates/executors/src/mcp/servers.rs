//! The sessions of this process: opened when a task first calls, ended when the task ends.

use super::child;
use super::fault::{CallFault, StartFault};
use super::limits::{IDLE_TIME_MAX, SESSIONS_MAX};
use super::remote::Clients;
use super::server::{McpServer, Reached};
use super::session::Session;
use super::value::Answer;
use crate::{Errand, Hands};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use wardroom_domain::{Digest, RetryClass, TaskId};
use wardroom_policy::Permit;
use wardroom_sandbox::DestroyReason;
use wardroom_tools::{Definition, Foreign};

/// All servers of an org, and the sessions that are open with them.
pub struct McpServers {
    servers: BTreeMap<String, McpServer>,
    hands: Hands,
    clients: Clients,
    open: Mutex<HashMap<Key, Arc<Slot>>>,
}

type Key = (TaskId, String);

/// The last look before a call is sent: whether the worker still holds its task.
pub type Gate<'a> = &'a (dyn Fn() -> Look + Send + Sync);
/// The answer, in time.
pub type Look = std::pin::Pin<Box<dyn Future<Output = bool> + Send>>;

/// A task's place for a session with one server. One call at a time.
struct Slot {
    session: tokio::sync::Mutex<Option<Session>>,
    used: Mutex<Instant>,
}

impl McpServers {
    /// Nothing is started yet.
    pub fn new(servers: impl IntoIterator<Item = McpServer>, hands: Hands) -> Self {
        let named = servers
            .into_iter()
            .map(|server| (server.name.clone(), server));
        Self {
            servers: named.collect(),
            hands,
            clients: Clients::default(),
            open: Mutex::default(),
        }
    }

    /// The servers, by name.
    pub fn all(&self) -> impl Iterator<Item = &McpServer> {
        self.servers.values()
    }

    /// Starts a server just to read what it says of its tools.
    pub async fn look(&self, name: &str) -> Result<Vec<Definition>, StartFault> {
        let session = self.start(name, sandbox_id("look", name), None).await?;
        let definitions = session.definitions.clone();
        session.close(DestroyReason::Finished).await;
        Ok(definitions)
    }

    /// Carries out a permitted call. A look that is interrupted is taken again, once.
    pub async fn call(
        &self,
        permit: Permit<Errand>,
        workspace: &Path,
        gate: Gate<'_>,
        heard: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Answer, CallFault> {
        let errand = permit.spend();
        let Some(foreign) = errand.foreign.clone() else {
            return Err(no_server(&errand.effect.call.tool).into());
        };
        let key = (errand.effect.task, foreign.server.clone());
        let slot = self.slot(&key).await;
        let mut session = slot.session.lock().await;
        let first = self
            .once(&mut session, &errand, &foreign, (workspace, gate), heard)
            .await;
        let answer = match first {
            Err(CallFault::Lost { .. }) if errand.effect.class == RetryClass::Read => {
                self.once(&mut session, &errand, &foreign, (workspace, gate), heard)
                    .await
            }
            other => other,
        };
        slot.touch();
        answer
    }

    async fn once(
        &self,
        held: &mut Option<Session>,
        errand: &Errand,
        foreign: &Foreign,
        (workspace, gate): (&Path, Gate<'_>),
        heard: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Answer, CallFault> {
        let server = &foreign.server;
        let replaced = self.servers.get(server).map_or(0, McpServer::replaced);
        let stale = held.take_if(|session| session.began_at != replaced);
        if let Some(session) = stale {
            session.close(DestroyReason::Cancelled).await;
        }
        let mut session = match held.take() {
            Some(session) => session,
            None => {
                let id = sandbox_id(&errand.effect.task.to_string(), server);
                self.start(server, id, Some(workspace)).await?
            }
        };
        if let Err(why) = session.refresh().await {
            session.close(DestroyReason::Cancelled).await;
            let server = server.clone();
            return Err(StartFault { server, why }.into());
        }
        if !is_as_judged(&session.definitions, foreign) {
            let now = session.definitions.clone();
            *held = Some(session);
            return Err(CallFault::Changed { now });
        }
        let time = self.time_for(server, errand.timeout);
        let arguments = &errand.effect.call.arguments;
        // Starting a server takes long enough for a lease to run out.
        if !gate().await {
            *held = Some(session);
            return Err(CallFault::Stale);
        }
        let answer = session.call(&foreign.tool, arguments, time, heard).await;
        match answer {
            Err(fault) => {
                session.close(DestroyReason::Cancelled).await;
                Err(fault)
            }
            answered => {
                *held = Some(session);
                answered
            }
        }
    }

    fn time_for(&self, server: &str, most: Duration) -> Duration {
        let own = self.servers.get(server).map(|server| server.call_time_max);
        own.unwrap_or(most).min(most)
    }

    async fn start(
        &self,
        name: &str,
        sandbox: String,
        workspace: Option<&Path>,
    ) -> Result<Session, StartFault> {
        let server = self.servers.get(name).ok_or_else(|| no_server(name))?;
        // Before the values: what is replaced in between is noticed at the next call.
        let began_at = server.replaced();
        // Boxed: futures within futures have a depth that the compiler bounds.
        let started = Box::pin(self.reach(server, sandbox, workspace)).await;
        let started = started.map(|mut session| {
            session.began_at = began_at;
            session
        });
        started.map_err(|why| StartFault {
            server: name.to_owned(),
            why,
        })
    }

    async fn reach(
        &self,
        server: &McpServer,
        sandbox: String,
        workspace: Option<&Path>,
    ) -> Result<Session, String> {
        let name = server.name.as_str();
        match &server.reached {
            Reached::NotAtAll(why) => Err(why.clone()),
            Reached::ByUrl { url, .. } => match self.clients.transport(url, &server.values()?) {
                Ok(transport) => Session::over_http(name, transport).await,
                Err(why) => Err(why),
            },
            Reached::ByCommand(command) => {
                let values = server.values()?;
                match child::start(&self.hands, (command, &values), sandbox, workspace).await {
                    Ok(program) => Session::over_streams(name, program).await,
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }

    /// The place of a task's session; the longest unused one makes room where there are too many.
    async fn slot(&self, key: &Key) -> Arc<Slot> {
        let (slot, spare) = {
            let mut open = self.sessions();
            let spare = (open.len() >= SESSIONS_MAX && !open.contains_key(key))
                .then(|| longest_unused(&open))
                .flatten()
                .and_then(|key| open.remove(&key));
            let slot = open.entry(key.clone()).or_insert_with(Slot::new).clone();
            slot.touch();
            (slot, spare)
        };
        if let Some(spare) = spare {
            spare.close(DestroyReason::Idle).await;
        }
        slot
    }

    /// Ends what a task has open.
    pub async fn end(&self, task: TaskId) {
        self.end_where(DestroyReason::Finished, |(whose, _), _| *whose == task)
            .await;
    }

    /// Ends what nobody has used for long.
    pub async fn end_idle(&self) {
        self.end_where(DestroyReason::Idle, |_, slot| {
            slot.used().elapsed() > IDLE_TIME_MAX
        })
        .await;
    }

    /// Ends everything: the server stops.
    pub async fn end_all(&self) {
        self.end_where(DestroyReason::Shutdown, |_, _| true).await;
    }

    async fn end_where(&self, why: DestroyReason, is_over: impl Fn(&Key, &Slot) -> bool) {
        let over: Vec<Arc<Slot>> = {
            let mut open = self.sessions();
            let keys: Vec<Key> = open
                .iter()
                .filter(|(key, slot)| is_over(key, slot))
                .map(|(key, _)| key.clone())
                .collect();
            keys.iter().filter_map(|key| open.remove(key)).collect()
        };
        for slot in over {
            slot.close(why).await;
        }
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            session: tokio::sync::Mutex::new(None),
            used: Mutex::new(Instant::now()),
        })
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn close(&self, why: DestroyReason) {
        if let Some(session) = self.session.lock().await.take() {
            session.close(why).await;
        }
    }
}

fn longest_unused(open: &HashMap<Key, Arc<Slot>>) -> Option<Key> {
    let unused = open.iter().filter(|(_, slot)| Arc::strong_count(slot) == 1);
    unused
        .min_by_key(|(_, slot)| slot.used())
        .map(|(key, _)| key.clone())
}

/// Whether the tool is still what the call was judged by.
fn is_as_judged(definitions: &[Definition], foreign: &Foreign) -> bool {
    definitions
        .iter()
        .any(|now| now.name == foreign.tool && now.fingerprint() == foreign.definition)
}

fn no_server(name: &str) -> StartFault {
    StartFault {
        server: name.to_owned(),
        why: "the configuration has no such server".to_owned(),
    }
}

/// The name of a sandbox can be seen inside, so it tells nothing.
fn sandbox_id(whose: &str, server: &str) -> String {
    let digest = Digest::of(&(whose, server));
    let bytes = digest.as_bytes().iter().take(12);
    let name: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    format!("mcp-{name}")
}
