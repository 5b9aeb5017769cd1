//! The tools of foreign servers, as the org has taken them in.
//!
//! What a server says of its tools is pinned the first time it is seen. From then on a tool that
//! comes or changes is withheld: its words reach no model, what the org vouched for does not count
//! for it, and its first call asks a person, who accepts the new definition with his yes.

mod shelf;
mod find;
mod own;

pub(crate) use find::find;
pub(crate) use own::{NAMED_BY_ORG, named_in};

use crate::Wrong;
use crate::crew::Crew;
use serde_json::json;
use shelf::Shelf;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wardroom_domain::{AuditKind, Capability, Chain, Digest, Principal, RiskTier, UserId};
use wardroom_executors::mcp::McpServers;
use wardroom_store::{CommitError, Conflict, PutDocument, Write};
use wardroom_tools::{Catalogue, Definition, Foreign, Standing};

pub use shelf::{ServerSeen, ToolSeen};

/// How often sessions are looked over, and servers that failed are thought of.
const LOOK_OVER_EVERY: Duration = Duration::from_secs(15);
/// How many rounds a failed server rests, at most: it doubles with every failure.
const ROUNDS_OF_REST_MAX: u32 = 32;
/// How many servers are looked at in one go: each may start an interpreter.
const LOOKS_AT_ONCE: usize = 4;
/// How often a document is written again that somebody else was faster with.
const WRITES_MAX: u32 = 5;

/// The servers of one org, and what is known of their tools.
pub struct ForeignTools {
    pub(crate) servers: McpServers,
    /// What the org vouches for, by server and by the server's own name of the tool.
    vouched: BTreeMap<String, BTreeMap<String, RiskTier>>,
    /// Which parts of an answer are the org's own data, by server and tool.
    own: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    shelf: Mutex<Shelf>,
    catalogue: RwLock<Arc<Catalogue>>,
    /// Becomes true when the catalogue holds what is known of every server.
    looked: watch::Sender<bool>,
}

impl ForeignTools {
    /// Nothing is started or known yet.
    pub fn new(
        servers: McpServers,
        vouched: BTreeMap<String, BTreeMap<String, RiskTier>>,
        own: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    ) -> Self {
        let names: Vec<String> = servers.all().map(|server| server.name.clone()).collect();
        Self {
            looked: watch::Sender::new(names.is_empty()),
            shelf: Mutex::new(Shelf::of(names)),
            catalogue: RwLock::new(Arc::new(Catalogue::builtin())),
            servers,
            vouched,
            own,
        }
    }

    /// The paths to what the org's own people write in an answer of this tool, as it was accepted.
    pub(crate) fn own_parts(&self, foreign: &Foreign) -> &[String] {
        let paths = self.own.get(&foreign.server);
        let paths = paths.and_then(|tools| tools.get(&foreign.tool));
        match foreign.standing {
            Standing::Accepted => paths.map_or(&[], Vec::as_slice),
            _ => &[],
        }
    }

    /// All tools as they stand now, ours among them.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every server and its tools, for people.
    pub fn seen(&self) -> Vec<ServerSeen> {
        self.shelf().seen(&self.vouched)
    }

    /// Waits until what a task may call is known: at most for the first look at a server that was
    /// never seen before.
    pub(crate) async fn known(&self) {
        // The sender lives as long as we do.
        let _ = self.looked.subscribe().wait_for(|looked| *looked).await;
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rebuild(&self) {
        let tools = self.shelf().tools(&self.vouched);
        let fresh = Arc::new(Catalogue::with_foreign(tools));
        *self
            .catalogue
            .write()
            .unwrap_or_else(PoisonError::into_inner) = fresh;
        if self.shelf().knows_all() {
            self.looked.send_replace(true);
        }
    }
}

/// Takes the definitions off the store that were accepted before. Before work begins.
pub async fn recall(crew: &Crew) -> Result<(), Wrong> {
    for server in crew.foreign.servers.all() {
        let document = crew.store.document(crew.org, &kind(&server.name)).await?;
        if let Some(document) = document {
            let accepted = shelf::read(&document.body);
            crew.foreign.shelf().accept_all(&server.name, accepted);
        }
    }
    crew.foreign.rebuild();
    Ok(())
}

/// Looks at every server once, then again at those that failed; ends sessions that nobody uses,
/// and all of them when the server stops.
pub async fn attend_servers(crew: Arc<Crew>, mut stop: watch::Receiver<bool>) {
    let all: Vec<String> = crew
        .foreign
        .servers
        .all()
        .map(|server| server.name.clone())
        .collect();
    let mut rests = BTreeMap::new();
    let first = async {
        look_at(&crew, all, &mut rests).await;
        crew.foreign.looked.send_replace(true);
        loop {
            tokio::time::sleep(LOOK_OVER_EVERY).await;
            crew.foreign.servers.end_idle().await;
            let due = due(&mut rests);
            look_at(&crew, due, &mut rests).await;
        }
    };
    tokio::select! {
        () = first => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    crew.foreign.servers.end_all().await;
}

/// How often a server failed in a row, and for how many rounds it rests.
#[derive(Default)]
struct Rest {
    failures: u32,
    rounds: u32,
}

fn due(rests: &mut BTreeMap<String, Rest>) -> Vec<String> {
    let mut due = Vec::new();
    for (name, rest) in rests {
        rest.rounds = rest.rounds.saturating_sub(1);
        if rest.rounds == 0 {
            due.push(name.clone());
        }
    }
    due
}

async fn look_at(crew: &Arc<Crew>, servers: Vec<String>, rests: &mut BTreeMap<String, Rest>) {
    for some in servers.chunks(LOOKS_AT_ONCE) {
        let mut looking = JoinSet::new();
        for name in some {
            let (crew, name) = (crew.clone(), name.clone());
            looking.spawn(async move {
                let is_good = look(&crew, &name).await;
                (name, is_good)
            });
        }
        while let Some(looked) = looking.join_next().await {
            let Ok((name, is_good)) = looked else {
                continue;
            };
            if is_good {
                rests.remove(&name);
            } else {
                let rest = rests.entry(name).or_default();
                rest.failures += 1;
                rest.rounds = 2_u32.saturating_pow(rest.failures).min(ROUNDS_OF_REST_MAX);
            }
        }
    }
}

/// A server that is not there costs its tools and nothing else.
async fn look(crew: &Crew, name: &str) -> bool {
    match crew.foreign.servers.look(name).await {
        Ok(definitions) => match note(crew, name, definitions).await {
            Ok(()) => true,
            Err(wrong) => {
                tracing::warn!(server = name, %wrong, "what an MCP server says of its tools was not kept");
                false
            }
        },
        Err(fault) => {
            let why = crew.redactor.redact(&fault.to_string()).into_owned();
            tracing::warn!(
                server = name,
                why,
                "an MCP server is not there; its tools are missing"
            );
            crew.foreign.shelf().fail(name, &why);
            crew.foreign.rebuild();
            false
        }
    }
}

/// Takes in what a server says of its tools now. The first time it is pinned; later, whatever is
/// new or other than before is withheld until a person accepts it.
pub(crate) async fn note(
    crew: &Crew,
    server: &str,
    definitions: Vec<Definition>,
) -> Result<(), Wrong> {
    let document = crew.store.document(crew.org, &kind(server)).await?;
    let accepted = match document {
        Some(document) => shelf::read(&document.body),
        None => {
            let first = shelf::Accepted::of(&definitions);
            put(crew, server, "system", |accepted| {
                accepted.extend(first.clone())
            })
            .await?;
            first
        }
    };
    let fresh = {
        let mut shelf = crew.foreign.shelf();
        shelf.accept_all(server, accepted);
        shelf.look(server, definitions)
    };
    crew.foreign.rebuild();
    if !fresh.is_empty() {
        let body = json!({"server": server, "changed": fresh});
        crew.commit(vec![audit(crew, "system", body)]).await?;
        tracing::warn!(server, tools = ?fresh, "an MCP server changed what it says of its tools; a person is asked before they are used");
    }
    Ok(())
}

/// What a person has said yes to is the org's definition from now on.
pub(crate) async fn accept(
    crew: &Crew,
    foreign: &Foreign,
    by: Option<UserId>,
) -> Result<(), Wrong> {
    let Some(definition) = crew.foreign.shelf().definition(foreign) else {
        return Ok(());
    };
    let by = by.map_or("system".to_owned(), |user| user.to_string());
    take_in(crew, &foreign.server, &by, &definition).await
}

/// Accepts what a server says of a tool now, by the word of somebody who makes the org's rules and
/// has read this very definition.
pub async fn accept_tool(
    crew: &Crew,
    by: &Principal,
    server: &str,
    tool: &str,
    read: Digest,
) -> Result<(), Wrong> {
    if !by.may(Capability::ManagePolicy) {
        let text = "what a server says of its tools is accepted by an admin";
        return Err(Wrong::Forbidden(text.to_owned()));
    }
    let now = crew.foreign.shelf().definition_of(server, tool);
    let now = now.ok_or(Wrong::missing("tool"))?;
    if now.fingerprint() != read {
        let text = "the server says something else of this tool by now; read it again";
        return Err(Wrong::Unfit(text.to_owned()));
    }
    take_in(crew, server, &by.user.to_string(), &now).await
}

async fn take_in(
    crew: &Crew,
    server: &str,
    by: &str,
    definition: &Definition,
) -> Result<(), Wrong> {
    let accepted = put(crew, server, by, |accepted| {
        accepted.insert(definition.clone());
    })
    .await?;
    crew.foreign.shelf().accept_all(server, accepted);
    crew.foreign.rebuild();
    Ok(())
}

/// What is to be shown to a person who is asked about a changed tool: before, and now.
pub(crate) fn change_of(crew: &Crew, foreign: &Foreign) -> serde_json::Value {
    let shelf = crew.foreign.shelf();
    json!({
        "accepted_definition": shelf.accepted(foreign),
        "definition": shelf.definition(foreign),
    })
}

fn kind(server: &str) -> String {
    format!("mcp:{server}")
}

/// Writes the next version of what is accepted of a server, whoever else writes at the same time.
async fn put(
    crew: &Crew,
    server: &str,
    by: &str,
    change: impl Fn(&mut shelf::Accepted),
) -> Result<shelf::Accepted, Wrong> {
    let kind = kind(server);
    for _ in 1..WRITES_MAX {
        match try_put(crew, server, &kind, by, &change).await {
            Err(Wrong::Commit(CommitError::Refused(Conflict::DocumentMoved { .. }))) => {}
            done => return done,
        }
    }
    try_put(crew, server, &kind, by, &change).await
}

async fn try_put(
    crew: &Crew,
    server: &str,
    kind: &str,
    by: &str,
    change: &impl Fn(&mut shelf::Accepted),
) -> Result<shelf::Accepted, Wrong> {
    let newest = crew.store.document(crew.org, kind).await?;
    let seen_version = newest.as_ref().map_or(0, |document| document.version);
    let mut accepted = newest
        .map(|document| shelf::read(&document.body))
        .unwrap_or_default();
    change(&mut accepted);
    let at = crew.clock.now();
    let document = PutDocument {
        kind: kind.to_owned(),
        seen_version,
        author: by.to_owned(),
        body: accepted.written(),
        at,
    };
    let body = json!({"server": server, "accepted": accepted.fingerprints()});
    crew.commit(vec![Write::PutDocument(document), audit(crew, by, body)])
        .await?;
    Ok(accepted)
}

fn audit(crew: &Crew, by: &str, body: serde_json::Value) -> Write {
    crew.audit(Chain::Org, AuditKind::ToolsChanged, by, None, body)
}
