//! The foreign doors: who is speaking there, what is taken in, what is carried out.
//!
//! A delivery of a platform becomes a row before the platform is told that it arrived, and a row of
//! the inbox when the coordinator takes it; what is to be said becomes a row of the outbox before
//! the platform is asked to show it. So connectors and coordinator meet in rows alone, and a crash
//! or an outage anywhere between them costs time, not words.
//!
//! What stays out: how a platform is spoken to (`connectors`), what may happen (`policy`, by way of
//! the coordinator), and the doors of our own (`server`).

mod gateway;
mod limits;

mod keep;
mod poll;
mod forget;
mod intake;
mod speaker;
mod files;
mod stranger;
mod command;
mod press;

mod follow;
mod notice;
mod progress;
mod deliver;
mod parcel;
mod words;

pub use gateway::{Door, DoorSeen, Gateway};
pub use poll::Taken;
