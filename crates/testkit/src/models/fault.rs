//! The ways in which a provider can fail us.

use std::time::Duration;

/// What goes wrong with one request. Faults wait in a queue; each request takes one.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// 429, with `Retry-After` in seconds where given.
    RateLimited { retry_after_s: Option<f64> },
    /// 500 with the dialect's error body.
    ServerError,
    /// The dialect's word for "too busy": 529 or 503.
    Overloaded,
    /// 502 with an HTML page, as a proxy in between sends it.
    BadGateway,
    /// The request is taken and never answered.
    Hang,
    /// The stream begins and then says nothing more.
    HangMidStream,
    /// The headers come at once, the first byte of the body after this time.
    SlowFirstByte(Duration),
    /// The connection breaks in mid-stream.
    Reset,
    /// The stream ends in good order, but in mid-reply.
    CutStream,
    /// An error object in mid-stream.
    ErrorMidStream,
    /// An error object in an answer with status 200.
    ErrorInsideOk,
    /// One chunk is not JSON.
    MalformedJson,
    /// A reply without text or calls.
    Empty,
    /// A call of the first offered tool whose arguments are not JSON.
    BrokenToolArguments,
    /// A call of the first offered tool whose arguments do not fit its schema.
    WrongToolArguments,
    /// A call of a tool that was never offered.
    UnknownTool,
    /// A streamed answer of ten megabytes.
    Huge,
}

pub(crate) const HUGE_BYTES: usize = 10 * 1024 * 1024;
