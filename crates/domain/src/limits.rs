//! Every limit that is not configuration, in one place, each with its reason.

use std::time::Duration;

/// The longest message that a person may send. Longer text belongs in a file.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// The largest request body of an ordinary endpoint: a message with room for JSON escapes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest secret: a private key with its chain of certificates.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;
/// The largest upload: a handbook or a short recording, not a disk image.
pub const UPLOAD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What a tool may tell the model at once: about 8,000 tokens, a tenth of a usual context.
pub const TOOL_OUTPUT_BYTES_MAX: usize = 32 * 1024;
/// What is kept of a command's output for people.
pub const TOOL_LOG_BYTES_MAX: usize = 1024 * 1024;
/// How many things a mandate may name: what a person reads before he says yes.
pub const MANDATE_NAMES_MAX: usize = 32;
/// How many turns a task may take before it is stopped as lost.
pub const TASK_TURNS_MAX: u32 = 60;
/// How many effects a task may ask for.
pub const TASK_STEPS_MAX: u32 = 200;
/// How many tokens a task may use: about what a day of work by a person would read.
pub const TASK_TOKENS_MAX: u64 = 2_000_000;
/// The same call with the same arguments so often in a row is a loop.
pub const SAME_CALL_MAX: u32 = 4;
/// How many calls of one model turn are carried out; more is a malfunction.
pub const CALLS_PER_TURN_MAX: usize = 16;
/// How deep tasks may spawn tasks.
pub const TASK_DEPTH_MAX: u32 = 3;
/// How many tasks one message or task may begin.
pub const FAN_OUT_MAX: usize = 8;
/// How often a task is taken up again after its worker died.
pub const TASK_ATTEMPTS_MAX: u32 = 5;
/// How many rounds of tools the coordinator may take to answer one message.
pub const CONVERSATION_ROUNDS_MAX: u32 = 6;
/// How much of a conversation the coordinator is reminded of, newest first.
pub const CONVERSATION_BYTES_MAX: usize = 48 * 1024;
/// How long a task may take when nobody says.
pub const TASK_TIME_MAX: Duration = Duration::from_secs(3600);
/// How long a shell command may take when the model does not say.
pub const COMMAND_TIME_DEFAULT: Duration = Duration::from_secs(120);
/// How often somebody outside may offer a wrong code or password,
pub const CODE_ATTEMPTS_MAX: u32 = 5;
/// within this time; after that he waits until it is over.
pub const CODE_ATTEMPTS_WINDOW: Duration = Duration::from_secs(15 * 60);
/// The same for all who come from outside together: a guesser has many faces.
pub const CODE_ATTEMPTS_ORG_MAX: u32 = 100;
/// How long an invitation is good: a week, so that one can be on holiday.
pub const INVITE_TIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a pairing token is good: as long as it takes to walk to an admin.
pub const PAIRING_TIME_MAX: Duration = Duration::from_secs(15 * 60);
/// How many rows a list answers when nobody says.
pub const PAGE_ROWS_DEFAULT: u32 = 50;
/// How many rows a list answers at most.
pub const PAGE_ROWS_MAX: u32 = 500;
/// How many audit events a search reads before it answers: some fifty milliseconds of a small machine,
/// after which it says how far it came.
pub const AUDIT_SEARCH_EVENTS_MAX: u32 = 10_000;
