//! Models: our words for a conversation, one dialect per provider, and the road from a permitted
//! call to a reply with its attempts and its cost.
//!
//! What stays out: prompts and budgets (coordinator), keys at rest (store), what a tool is (tools).

pub mod message;
mod model;
mod role;

mod router;
mod cost;

mod config;
mod provider;
mod setup;
mod discover;

mod anthropic;
mod openai;
mod prompted;
mod scripted;

mod assemble;
mod failure;
pub mod http;
pub mod limits;

pub use config::{ConfigError, KeyReference, ModelSettings, RoutingSettings, ToolProtocol};
pub use cost::{Cost, Price};
pub use discover::{LocalOllama, OLLAMA_ADDRESS, find_ollama};
pub use message::{
    Delta, Finish, Image, Message, ModelReply, ModelRequest, Part, Role, ToolCall, ToolSchema,
    Usage,
};
pub use model::{Model, ModelError, PreviewSink, WaitPhase};
pub use role::{ModelCall, ModelRole};
pub use router::{Attempt, Conversed, Exhausted, Pace, Preview, RoutedModel, Router};
pub use scripted::{ScriptedModel, Story, StoryError, Turn};
pub use setup::Surroundings;
