//! Every limit of this crate, with the reason for its number.

use std::time::Duration;

/// One attempt, from sending to the last byte. A long answer of a slow local model takes minutes.
pub const TIMEOUT_WHOLE: Duration = Duration::from_secs(300);
/// A local model may have to be loaded from disk before its first token.
pub const TIMEOUT_FIRST_BYTE: Duration = Duration::from_secs(90);
/// A healthy stream sends tokens or keep-alives far more often.
pub const TIMEOUT_IDLE: Duration = Duration::from_secs(45);
/// A host that does not accept a connection by then is down for our purposes.
pub const TIMEOUT_CONNECT: Duration = Duration::from_secs(10);
/// A probe of loopback must not slow the start down.
pub const TIMEOUT_DISCOVERY: Duration = Duration::from_millis(300);

/// Retries of one model before the next of its chain is asked.
pub const RETRIES_MAX: u32 = 2;
/// First pause of the exponential backoff, and its ceiling.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(500);
pub const BACKOFF_CEILING: Duration = Duration::from_secs(8);
/// A person is waiting: whoever asks for a longer pause than this loses the turn to the next model.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);

/// The whole body of one answer. The longest honest reply is far below; a runaway server is not.
pub const REPLY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// An error body is quoted to an operator, so a paragraph is enough.
pub const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
pub const ERROR_QUOTE_CHARS_MAX: usize = 400;
/// More parallel calls in one reply than any sane plan holds.
pub const CALLS_MAX: usize = 64;

/// Anthropic demands an output limit in every request.
pub const OUTPUT_TOKENS_DEFAULT: u32 = 8192;
