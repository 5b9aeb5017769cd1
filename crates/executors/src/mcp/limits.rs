//! How much a server may send, and how long it may take. Each number has its reason.

use std::time::Duration;

/// How many servers an org has: each costs a look at every start.
pub const SERVERS_MAX: usize = 32;
/// How many tools of one server are read: the largest in common use have about a hundred.
pub const TOOLS_PER_SERVER_MAX: usize = 256;
/// How many pages a list of tools has: a server could go on for ever.
pub(super) const PAGES_MAX: usize = 64;
/// One message of a server: a picture of a page fits, a film does not.
pub(super) const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much that is no message a server may print before it counts as broken. Some log there.
pub(super) const GARBAGE_BYTES_MAX: usize = 64 * 1024;
/// What is kept of its standard error, for the sentence that says why it did not start.
pub(super) const STDERR_BYTES_MAX: usize = 4 * 1024;
/// How long a server may take to start, shake hands and list its tools: interpreters are slow on a
/// loaded machine.
pub(super) const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a connection to a server may take to come about.
pub(super) const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a call may take when the configuration does not say.
pub const CALL_TIME_DEFAULT: Duration = Duration::from_secs(60);
/// How long a session outlives its last call while its task waits for a person.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(600);
/// How long a server may take to end by itself once its input has ended.
pub(super) const END_TIME_MAX: Duration = Duration::from_secs(3);
/// How many sessions are open at once: each may hold a sandbox.
pub(super) const SESSIONS_MAX: usize = 64;
/// How many lines of progress one call is heard with.
pub(super) const PROGRESS_LINES_MAX: usize = 200;
/// How long one line of progress is.
pub(super) const PROGRESS_CHARS_MAX: usize = 300;
