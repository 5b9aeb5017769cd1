//! One verb, one file.

mod bulk;

pub mod up;
pub mod demo;
pub mod chat;
pub mod task;
pub mod approval;
pub mod policy;
pub mod sanitize;
pub mod audit;
pub mod quota;
pub mod user;
pub mod token;
pub mod invite;
pub mod pairing;
pub mod emergency;
pub mod secret;
pub mod sandbox;
pub mod mcp;
pub mod doctor;
pub mod config;
pub mod migrate;
pub mod store;
pub mod completions;
