//! Whether an action may happen, and who must be asked first. Deny by default, strictest wins.
//!
//! Three layers of rules in Cedar are asked twice: as things stand, and as if a person had said
//! yes. Permitted as things stand is allowed; permitted only then is asked; everything else is
//! denied. The answer names the rule and the layer that made it.

mod request;
mod circumstances;
mod facts;
mod disclosure;
mod kind;

mod policy;
mod document;
mod generate;
mod fault;
mod preset;
mod rules;
mod judge;
mod explain;

mod approver;
mod apply;
mod server;
mod table;
mod sound;

pub use apply::{ApplyShape, apply_verdict};
pub use approver::{Approvers, NotYours};
pub use circumstances::{Allowlist, Circumstances, Layer};
pub use disclosure::{ANYONE, Destination};
pub use document::{Lists, OriginRules, PolicyDocument};
pub use explain::{Decider, Explained, Supposed, Where};
pub use fault::Fault;
pub use kind::action_kind;
pub use policy::{BypassRules, Policy};
pub use preset::{Preset, Verb};
pub use request::{Decision, Reach, Request};
pub use server::{SERVER_CHANGED, server_verdict};
pub use sound::{LockedOut, check as check_soundness};
pub use table::{Place, cell, table};
