//! Confinement of commands by the operating system. Knows nothing of tasks.
//!
//! A [`SandboxProvider`] makes sandboxes; a [`Sandbox`] runs many commands, one after the
//! other or at once, until it is destroyed. The first backend is [`NativeProvider`].
//! What a backend enforces it reports as [`Capabilities`], found by trying; a specification
//! that demands more is refused, never silently weakened.

mod backend;
mod capability;
mod container;
pub mod egress;
mod native;
mod provider;
mod spec;
pub mod view;
pub mod volume;
mod watchdog;

pub use capability::{Capabilities, Enforcement, Offer, Shortfall, Tier};
pub use container::{EngineProvider, OciProvider};
pub use native::NativeProvider;
pub use provider::{
    Created, DestroyReason, ExecControl, ExecHandle, ExecOutput, ExecReport, Input, Outcome,
    Output, Sandbox, SandboxError, SandboxProvider, SweepReport, Teardown, Usage,
};
pub use spec::{
    Demand, Demands, EGRESS_PROXY_URL, EgressListeners, EgressSpec, ExecSpec, Execute, HOME,
    Leftovers, Limits, MalformedSpec, OutputCap, Profile, ReadOnlyBind, RelPath, Rights, SandboxId,
    SandboxSpec, Stdin, TerminalSize, USER, WORKSPACE, WorkspaceMount,
};
