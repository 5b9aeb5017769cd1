//! The journey of a message, one file per station. Sequence only: no rules, no SQL, no HTTP.
//!
//! `accept` takes a message in, `converse` answers it or delegates, `drive` takes a task along
//! `assemble`, `authorize`, `advance`, `dispatch` until it ends or waits; `synthesize` tells what
//! came of it. After a crash the same road is walked again from the last commit.

mod time;
mod wrong;
mod bus;
mod ledger;
mod crew;
mod foreign;

mod accept;
mod converse;
mod handle;
mod delegate;
mod synthesize;

mod work;
mod drive;
mod rebuild;
mod run;
mod signals;
mod assemble;
mod authorize;
mod weigh;
mod together;
mod ask;
mod outward;
mod lend;
mod record;
mod labels;
mod level;
mod hear;
mod wishes;
mod advance;
mod attach;
mod bench;
mod dispatch;
mod apply;
mod meter;

mod standing;
pub mod notice;
pub mod quota;
mod models;
mod raise;
pub mod people;
pub mod profile;
pub mod arrive;
pub mod bypass;
pub mod emergency;
pub mod grant;
pub mod command;
pub mod control;
pub mod stop;
pub mod decide;
pub mod review;
pub mod rulebook;
pub mod workspace;
mod due;
mod anchors;

pub use accept::{Replied, Saying, accept, conversation_at, say};
pub use anchors::anchor;
pub use bench::Benches;
pub use bus::{Bus, Live};
pub use converse::answer;
pub use crew::{Crew, Parts, Settings};
pub use due::recover;
pub use foreign::{ForeignTools, ServerSeen, ToolSeen, accept_tool, attend_servers, recall};
pub use ledger::AuditContent;
pub use lend::GitToken;
pub use meter::tried;
pub use time::Clock;
pub use work::{attend, work};
pub use wrong::Wrong;
