//! What is written down for good: who did what to what, and why it was allowed.

use crate::{ConversationId, Digest, RiskTier, TaskId, Timestamp, words};
use serde::{Deserialize, Serialize};
use serde_json::Value;

words! {
    /// Every kind of event that the audit log knows.
    pub enum AuditKind {
        /// A message came in.
        MessageReceived = "message.received",
        /// A reply went out.
        MessageSent = "message.sent",
        /// A stranger, or a request without the right to ask, was turned away.
        AccessRefused = "access.refused",
        /// A person signed in.
        SignedIn = "session.created",
        /// A session ended.
        SignedOut = "session.ended",
        /// A task was asked for.
        TaskCreated = "task.created",
        /// A task moved to another state.
        TaskMoved = "task.moved",
        /// Somebody steered a task.
        TaskTold = "task.told",
        /// A model answered, or failed to.
        ModelCalled = "model.called",
        /// A model failed and the next one was asked.
        ModelFellBack = "model.fell_back",
        /// An effect is about to be carried out.
        EffectIntended = "effect.intended",
        /// An effect was refused by policy.
        EffectRefused = "effect.refused",
        /// What came of an effect.
        EffectSettled = "effect.settled",
        /// A crash left an effect in doubt.
        EffectInDoubt = "effect.in_doubt",
        /// Text that came in looks as if it carried instructions for a model.
        InputFlagged = "input.flagged",
        /// A person was asked.
        ApprovalAsked = "approval.asked",
        /// The question ended.
        ApprovalDecided = "approval.decided",
        /// A decision was refused: late, repeated, foreign or guessed.
        ApprovalRefused = "approval.refused",
        /// Changes were carried to a workspace.
        ChangesApplied = "changes.applied",
        /// An apply was taken back.
        ChangesUndone = "changes.undone",
        /// A person was added or changed.
        UserChanged = "user.changed",
        /// How the coordinator speaks, or what it knows of a person, was changed.
        ProfileChanged = "profile.changed",
        /// An invitation was made, used, refused or taken back.
        InviteChanged = "invite.changed",
        /// Somebody outside was linked to a person, or no longer is.
        IdentityChanged = "identity.changed",
        /// Somebody outside asked to be linked, and how that ended.
        PairingChanged = "pairing.changed",
        /// A lasting grant was given or taken back.
        GrantChanged = "grant.changed",
        /// Somebody reached a limit, or is about to.
        QuotaReached = "quota.reached",
        /// A foreign door, or a chat behind it, opened, closed, moved or failed for good.
        ConnectorChanged = "connector.changed",
        /// A token was made or revoked.
        TokenChanged = "token.changed",
        /// A workspace was opened.
        WorkspaceOpened = "workspace.opened",
        /// What a foreign server says of its tools was accepted, or has changed.
        ToolsChanged = "tools.changed",
        /// The policy or its preset changed.
        PolicyChanged = "policy.changed",
        /// An emergency control was moved.
        EmergencyChanged = "emergency.changed",
        /// A person's bypass was switched.
        BypassChanged = "bypass.changed",
        /// A secret was set, removed or used; never its value.
        SecretTouched = "secret.touched",
        /// A connection left a sandbox, or was refused.
        EgressDecided = "egress.decided",
        /// The server started.
        ServerStarted = "server.started",
        /// The server stopped.
        ServerStopped = "server.stopped",
    }
}

/// The chain that an event belongs to: one per task, one per conversation, one for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chain {
    /// The events of one task.
    Task(TaskId),
    /// The events of one conversation.
    Conversation(ConversationId),
    /// Logins, policy edits, refused strangers, emergency actions.
    Org,
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task(id) => write!(f, "{id}"),
            Self::Conversation(id) => write!(f, "{id}"),
            Self::Org => f.write_str("org"),
        }
    }
}

/// An event on its way into the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditDraft {
    /// Where it belongs.
    pub chain: Chain,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: AuditKind,
    /// Who did it: `user_…`, `system`, `model`, or what a stranger called himself.
    pub actor: String,
    /// How risky it was, where that means something.
    pub tier: Option<RiskTier>,
    /// The facts. Redacted before it comes here; large bodies as digests.
    pub body: Value,
}

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// `task_…`, `conv_…` or `org`.
    pub chain: String,
    /// Its place in the chain, from 1 without gaps.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: AuditKind,
    /// Who did it.
    pub actor: String,
    /// How risky it was.
    pub tier: Option<RiskTier>,
    /// The facts.
    pub body: Value,
    /// The hash of the event before it; zeroes for the first.
    pub prev_hash: Digest,
    /// The hash of this event, over all of the above with the body as its digest.
    pub hash: Digest,
}
