//! The only SQL of Wardroom: what is kept, how it is written, how it is read.
//!
//! A change is a list of [`Write`]s: effects as data, applied in order in one transaction by
//! [`Store::commit`], which answers only when they are on the disk. Reads always name the org. On
//! SQLite one process writes and holds the lock of the database; on PostgreSQL any number do.
//!
//! What stays out: rules (`policy`), what follows what in the life of a task (`engine`), and any
//! clock. The text of every statement keeps to what SQLite and PostgreSQL read alike.

mod error;
mod store;
mod write;
mod hint;
mod page;

mod boundary;
mod lock;
mod sql;
mod schema;
mod sqlite;
mod postgres;

mod org;
mod people;
mod signin;
mod attempt;
mod identity;
mod invite;
mod pairing;
mod scope;
mod workspace;
mod conversation;
mod duty;
mod inbox;
mod arrival;
mod binding;
mod button;
mod feed;
mod task;
mod claim;
mod journal;
mod signal;
mod effect;
mod approval;
mod grant;
mod applied;
mod file_label;
mod artifact;
mod usage;
mod outbox;
mod remembered;
mod document;
mod secret;
mod key_file;
mod audit;

mod invariant;

mod objects;
mod copy;

pub use applied::{Applied, AppliedRow, Undone};
pub use approval::{ApprovalFilter, ApprovalRow, Decide, Endorse, Spend};
pub use arrival::{ArrivalDone, Arrived, ForgetArrivals};
pub use artifact::{Artifact, StoredFile};
pub use attempt::FailedAttempt;
pub use audit::{
    AuditFilter, AuditPage, AuditSigner, AuditVerifier, BadRecord, ChainScope, VerifyReport,
    verify_export,
};
pub use binding::{Bind, BindingRow, MovePlace, SetHub, Told};
pub use button::{ButtonRow, NewButton, PressButton};
pub use claim::{ClaimLimits, ClaimRequest};
pub use conversation::Context;
pub use copy::{Copied, CopyEnd, CopyError, copy};
pub use document::{Document, PutDocument};
pub use duty::{Duty, PlaceView};
pub use effect::{EffectRow, PutEffect, SettleEffect};
pub use error::{CommitError, Conflict, StoreError};
pub use feed::{Feed, FeedRow};
pub use file_label::{FileLabel, LabelFiles};
pub use grant::{GiveGrant, RevokeGrant};
pub use hint::Hint;
pub use identity::UnlinkIdentity;
pub use inbox::{Admit, InboxDone, InboxRow, InboxState};
pub use invariant::{Broken, Examined, Happened, Invariant, Outside};
pub use invite::{InviteRow, NewInvite, NotRedeemed, Redeem, Redeemed, RevokeInvite};
pub use journal::{Journal, JournalRow};
pub use objects::{Bucket, ObjectError, ObjectKey, Objects};
pub use outbox::{
    Outbox, OutboxDropped, OutboxFailed, OutboxReleased, OutboxRow, OutboxSent, OutboxTakenUp,
};
pub use page::{Page, Paged};
pub use pairing::{ConfirmPairing, EndPairing, NewPairing, NotPaired, Paired, PairingRow};
pub use people::{SetPassword, SetRole, SetUserStatus};
pub use remembered::{Remember, Remembered};
pub use scope::{AssignScopes, Overseer};
pub use secret::{
    MasterKey, RemoveSecret, ResealSecrets, SecretName, SecretRow, SetSecret, Touch, UnfitSecret,
    fit_value,
};
pub use signal::{ConsumeSignals, Signal, SignalRow};
pub use signin::{
    EndCredentials, EndSession, LinkRow, NewLink, NewSession, NewToken, RevokeToken, SessionRow,
    TokenRow, UseLink,
};
pub use store::{Counters, OpenMode, OpenOptions, Servers, Store};
pub use task::{
    AT_ONCE, CreateTask, HoldTask, ReleaseTask, SaveTask, StatusFilter, TaskFilter, TaskRow,
};
pub use usage::{Usage, UsageBy, UsageFilter, UsageOfDay, UsageTotal};
pub use write::{Receipt, Write};
