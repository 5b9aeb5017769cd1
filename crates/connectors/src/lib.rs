//! The code of foreign doors: one interface, one folder per chat network.
//!
//! A connector turns what its platform brings into an [`Arrival`], and a [`Post`] into what its
//! platform takes. It knows its platform's protocol, limits and failures, and nothing else: not who
//! a sender is to the org, not what may be answered, not where anything is kept. The gateway
//! decides that; what passes between the two are plain values that can be stored as rows.

mod arrival;
mod place;
mod post;
mod rich;
mod split;
mod fault;
mod connector;

pub mod telegram;

pub use arrival::{Arrival, Attachment, Sender, What};
pub use connector::{Connector, Intake, Limits, Measure, Myself};
pub use fault::Fault;
pub use place::{Place, PlaceKind};
pub use post::{Button, Post, Posted};
pub use rich::{Rich, Span, Style};
pub use split::split;
