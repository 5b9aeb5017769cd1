//! The only way out of a sandbox: a proxy on the host that answers the sockets which the
//! sandbox's empty network listens on.
//!
//! ```text
//!   inside                             on the host
//!   127.0.0.1:3128  HTTP, CONNECT ──┐
//!   *:80, *:443     capture ────────┼─► rules ─► resolve, judge the address ─► connect to it
//!   127.0.0.1:53    names ──────────┘     └───► one `Decision` for each, whatever comes of it
//! ```
//!
//! A name is allowed or it is not; where it leads is found here and judged here, and the
//! connection goes to the address that was judged. Where a secret is to be put in, TLS ends
//! here; elsewhere it passes unseen, for the host that its greeting names. Within a host that
//! is allowed, a program may still say what it likes: an upload, or another name inside the
//! encryption, cannot be told from an ordinary request.

#![forbid(unsafe_code)]

mod address;
mod authority;
mod budget;
mod decision;
mod dns;
mod flow;
mod forward;
mod gate;
mod git;
mod greeting;
mod host;
mod message;
mod placeholder;
mod proxy;
mod refusal;
mod resolve;
mod roots;
mod rules;
mod scan;
mod serve;
mod swap;
mod tunnel;

pub use address::Special;
pub use authority::{Authority, AuthorityError};
pub use budget::Budgets;
pub use decision::{Decision, Label, Road, Sink, Verdict};
pub use gate::{GitPush, Passage, Scope};
pub use host::{HostName, MalformedHost, Remote};
pub use proxy::{Options, Proxy, ProxyHandle, StartError};
pub use refusal::Refusal;
pub use resolve::{Resolver, SystemResolver};
pub use roots::Roots;
pub use rules::{HostRule, MalformedRule, Rules, Vouched, WEB_PORTS};
pub use swap::{Life, MalformedSwap, Purpose, Swap, Transport};
