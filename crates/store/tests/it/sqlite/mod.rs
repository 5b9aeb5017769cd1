//! What holds of the SQLite engine alone: its lock, its files, and what somebody could do to them.

mod durability;
mod opening;
mod tampering;
mod sealed;
mod waiting;
