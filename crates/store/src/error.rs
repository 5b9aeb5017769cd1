//! What can go wrong, told so that the reader knows whose turn it is.

use crate::{InboxRow, Remembered};
use std::path::PathBuf;
use wardroom_domain::{
    ApprovalDecision, ApprovalId, ConversationId, Role, TaskId, TaskStatus, UserId,
};

/// The store could not do its work. Nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened.
    #[error("cannot open the database {}: {reason}; check that the folder exists and is yours", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Another process holds the lock.
    #[error("the database {} is in use by {holder}; stop that process, or let it do the work", path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
        /// `process 1234`, or that it could not be read.
        holder: String,
    },
    /// The database was written by a newer version.
    #[error(
        "the database has schema {found}, this version of Wardroom knows up to {known}; start the newer version again, or restore the backup made before it ran"
    )]
    Newer {
        /// What the database has.
        found: i64,
        /// What this version has.
        known: i64,
    },
    /// The database was never migrated, and only a writer may do so.
    #[error("the database {} is not set up yet; run `wardroom migrate` or start the server once", path.display())]
    NotSetUp {
        /// The database file.
        path: PathBuf,
    },
    /// The linked SQLite has a known fault.
    #[error("SQLite {found} can damage its write-ahead log; build with 3.51.3 or newer")]
    OldSqlite {
        /// The version that runs.
        found: String,
    },
    /// The disk is full.
    #[error("the disk is full; nothing was written. Free some space, then try again")]
    Full,
    /// The engine refused or failed.
    #[error("the database failed while {attempt}: {reason}")]
    Engine {
        /// What we were doing.
        attempt: &'static str,
        /// What it said.
        reason: String,
    },
    /// The database server does not answer. Trying again later helps.
    #[error(
        "the database cannot be reached: {reason}; check that it runs, and that [store] url names it"
    )]
    Unreachable {
        /// What was said.
        reason: String,
    },
    /// The role that works in the database is not fit for it.
    #[error(
        "the database role `{role}` cannot work here: {reason}; give [store] url a role of its own (CREATE ROLE … LOGIN), and [store] owner_url the one that owns the tables"
    )]
    Role {
        /// Who.
        role: String,
        /// Why.
        reason: String,
    },
    /// The bus has no usable address.
    #[error("the bus cannot be used: {reason}; write [bus] url = \"redis://127.0.0.1:6379\"")]
    Bus {
        /// Why.
        reason: String,
    },
    /// A reference leads nowhere. In a commit this becomes [`Conflict::Dangling`].
    #[error("a row refers to something that is not there")]
    Dangling,
    /// A stored value cannot be read.
    #[error(
        "a stored row cannot be read: {0}; run `wardroom audit verify` and restore a backup if it names damage"
    )]
    Damaged(String),
    /// A write was asked of a store that was opened to read.
    #[error("this store was opened only to read")]
    ReadOnly,
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
    /// A file beside the database failed.
    #[error("cannot use {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// What should be the master key is none.
    #[error(
        "{place} does not hold the master key: it is 32 bytes in base64; put the right one back, or make one with `head -c 32 /dev/urandom | base64`"
    )]
    MasterKey {
        /// Where it was looked for.
        place: String,
    },
    /// A sealed value and the master key do not belong together.
    #[error(
        "the secret `{name}` does not open: it was sealed with another master key, or its row was changed; put that key back, or set the secret again with `wardroom secret set {name}`"
    )]
    Sealed {
        /// The secret.
        name: String,
    },
    /// There was nothing to make a key of.
    #[error("the system gave no randomness for a key; check that /dev/urandom is there")]
    NoRandomness,
    /// A cursor was not made by us.
    #[error("the cursor is not one of ours; start the list from its beginning")]
    BadCursor,
}

/// A commit that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// What is stored says no.
    #[error("{0}")]
    Refused(#[from] Conflict),
    /// The queue is full. Trying again later helps.
    #[error("the store has more to write than it can take; try again in a moment")]
    Busy,
    /// The store could not do its work.
    #[error(transparent)]
    Failed(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Dangling => Self::Refused(Conflict::Dangling),
            error => Self::Failed(error),
        }
    }
}

/// Why a change does not fit what is stored. Nothing of its commit was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Conflict {
    /// This delivery came in before.
    #[error("the message `{}` of `{}` came in before", .0.inbound.external_id, .0.inbound.connector)]
    Duplicate(Box<InboxRow>),
    /// The same request was answered before.
    #[error("the request with this idempotency key was answered before")]
    Repeated(Box<Remembered>),
    /// The idempotency key belongs to another request.
    #[error("the idempotency key `{key}` was used for another request; use a new one")]
    IdempotencyMismatch {
        /// The key.
        key: String,
    },
    /// The id is taken.
    #[error("there is a {what} with this id or key already")]
    Exists {
        /// The noun.
        what: &'static str,
    },
    /// The name is taken.
    #[error("the name `{name}` is taken; choose another one")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Nobody of this role would be left.
    #[error("this is the last active {role}; make another one first")]
    LastOf {
        /// The role.
        role: Role,
    },
    /// The owner has a conversation of this key.
    #[error("there is a conversation of this key already: {0}")]
    ConversationExists(ConversationId),
    /// It is not there, or not in this org.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// The noun.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// Something that the change refers to is not there, or not in this org.
    #[error("the change refers to something that is not there")]
    Dangling,
    /// Another worker took the task over, or saved it since it was read.
    #[error(
        "{task} was taken over or saved by somebody else since it was read; drop this result and read it again"
    )]
    Fenced {
        /// The task.
        task: TaskId,
    },
    /// The transition table does not know this move.
    #[error("{task} cannot move from {from} to {to}")]
    IllegalMove {
        /// The task.
        task: TaskId,
        /// Where it stands.
        from: TaskStatus,
        /// Where it was to go.
        to: TaskStatus,
    },
    /// The question has ended.
    #[error("{approval} was decided already: {decision}")]
    AlreadyDecided {
        /// The question.
        approval: ApprovalId,
        /// How it ended.
        decision: ApprovalDecision,
    },
    /// The second yes came from the person who said the first.
    #[error("{approval} takes the yes of two people, and {by} has said the first")]
    SameEyes {
        /// The question.
        approval: ApprovalId,
        /// Who said the first.
        by: UserId,
    },
    /// The question's time is over.
    #[error("{approval} has expired; ask again")]
    Expired {
        /// The question.
        approval: ApprovalId,
    },
    /// The decision was made about something else.
    #[error("{approval} is about another action than the one that was seen; look at it again")]
    DigestMismatch {
        /// The question.
        approval: ApprovalId,
    },
    /// The approval is not a yes.
    #[error("{approval} was not approved")]
    NotApproved {
        /// The question.
        approval: ApprovalId,
    },
    /// The approval was used.
    #[error("{approval} was used already; an approval is for one action, once")]
    Spent {
        /// The question.
        approval: ApprovalId,
    },
    /// The link was used.
    #[error("the link was used already; make a new one")]
    LinkUsed,
    /// The link's time is over.
    #[error("the link has expired; make a new one")]
    LinkExpired,
    /// Somebody else wrote the next version first.
    #[error("`{kind}` is at version {version} by now; read it again and repeat the change")]
    DocumentMoved {
        /// The document.
        kind: String,
        /// Its newest version.
        version: i64,
    },
    /// Somebody else set or removed the secret meanwhile.
    #[error(
        "the secret `{name}` was set or removed by somebody else at the same moment; try again"
    )]
    SecretMoved {
        /// The secret.
        name: String,
    },
    /// The apply was taken back before.
    #[error("the changes of {task} were undone already")]
    AlreadyUndone {
        /// The task.
        task: TaskId,
    },
}
