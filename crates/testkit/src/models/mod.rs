//! Stand-ins for model providers, over real HTTP on this machine.
//!
//! Each speaks one provider's published dialect, refuses what the real one refuses and in its
//! words, answers what a [`Brain`] says, and can be told to misbehave ([`Fault`]).

mod brain;
mod fault;
mod obedient;
mod stand_in;

mod dialect;
mod anthropic;
mod anthropic_check;
mod openai;
mod openai_check;

pub use brain::{Asked, Brain, Said, StoryBrain};
pub use dialect::Dialect;
pub use fault::Fault;
pub use obedient::{Obedient, Obeys, Planned, planted};
pub use stand_in::{ModelStandIn, Options, Recorded};
