//! The nouns of Wardroom. No I/O, no clock: time and randomness arrive as arguments. What is async
//! is a port, declared here and answered elsewhere.
//!
//! What stays out: rules (`policy`), the life of a task (`engine`), storage records (`store`).

mod words;

mod time;
mod canonical;
mod id;

mod tier;
mod label;
mod principal;
mod capability;
mod identity;
mod workspace;
mod conversation;

mod task;
mod effect;
mod approval;
mod grant;
mod standing;
mod quota;
mod mandate;
mod audit;
mod secret;
mod waymark;

pub mod limits;

pub use approval::{Approval, ApprovalDecision, PolicySource, Question};
pub use audit::{AuditDraft, AuditEvent, AuditKind, Chain};
pub use canonical::{Digest, canonical_json};
pub use capability::{Capability, Lacks, Overreach, capability_table};
pub use conversation::{Conversation, Inbound, Message, Speaker};
pub use effect::{Effect, EffectState, Outcome, RetryClass, ToolCall};
pub use grant::{ActionKind, Grant};
pub use id::{
    ApprovalId, ContextId, ConversationId, EffectId, FileId, GrantId, InviteId, MessageId, NotAnId,
    OrgId, OutboxId, PairingId, SessionId, TaskId, TokenId, UserId, WorkerId, WorkspaceId,
};
pub use identity::{Identity, LinkedIdentity};
pub use label::{Integrity, Labels};
pub use mandate::Mandate;
pub use principal::{Origin, Principal, Role, User, UserStatus};
pub use quota::{OwnQuota, Quota};
pub use secret::{Borrower, Lending, LiveSecret, NoSecret, SecretSource};
pub use standing::{BypassMode, Emergency, PermissionLevel, Scope, ScopeKind, Scopes};
pub use task::{AGENT_COORDINATOR, AGENT_DEFAULT, Priority, Progress, Task, TaskStatus, TaskType};
pub use tier::RiskTier;
pub use time::Timestamp;
pub use waymark::{Pass, Watcher, Waymark, watch};
pub use workspace::{Workspace, WorkspaceKind};
