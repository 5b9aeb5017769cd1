//! The life of a task as a pure state machine: `step(life, event, now) -> facts, next`.
//!
//! Knows no clock, no store, no model and no sandbox. What stays out: whether an action may happen
//! (`policy`), and how it is carried out (`executors`).

mod life;
mod fact;
mod event;
mod step;
mod recover;

pub use event::{Event, Judgement, Next, Reply};
pub use fact::Fact;
pub use life::{Life, Line, LineState, Phase};
pub use step::{Refused, Step, step};
