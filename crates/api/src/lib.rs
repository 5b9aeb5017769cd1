//! The admin and user contract of Wardroom: what goes over the wire, and a client for it.
//!
//! One file per noun. Wire types are apart from the domain's so that the domain stays free to
//! change; each is made by `From` out of its domain type. Request bodies refuse unknown fields,
//! response bodies are read leniently, so that an older client can talk to a newer server.
//! What stays out: how a request is served (`server`), what anything means (`domain`).

pub mod schema;
pub mod profile;
pub mod problem;
pub mod page;

pub mod label;
pub mod task;
pub mod timeline;
pub mod diff;
pub mod artifact;
pub mod event;
pub mod approval;
pub mod grant;
pub mod message;
pub mod workspace;
pub mod connector;
pub mod crew;

pub mod user;
pub mod quota;
pub mod sandbox;
pub mod session;
pub mod token;
pub mod secret;
pub mod invite;

pub mod audit;
pub mod policy;
pub mod mcp;
pub mod emergency;
pub mod usage;
pub mod health;

pub mod chat_completion;

pub mod client;
