//! What host and runner say to each other: frames of a length and a JSON body, over one stream.
//!
//! The runner is not trusted. It can only answer the call that it was given, by its action id and
//! fence, within the caps below; anything else ends its sandbox and costs only its own task.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;

/// The largest frame, either way: a file as large as a tool may write, with room for escapes.
pub const FRAME_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// A call, host to runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The effect that this carries out.
    pub action: String,
    /// The fence of the worker that asks.
    pub fence: u64,
    /// The tool.
    pub tool: String,
    /// Its arguments, already checked against its schema.
    pub arguments: Value,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// How much it may say to the model, in bytes.
    pub text_bytes_max: usize,
    /// How much of its output is streamed, in bytes.
    pub output_bytes_max: usize,
    /// What its programs find in their environment, beside the runner's own.
    #[serde(default)]
    pub environment: Vec<(String, String)>,
    /// What stands for the secrets that it may use, by their names.
    #[serde(default)]
    pub placeholders: BTreeMap<String, String>,
}

/// An answer, runner to host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "frame")]
pub enum Answer {
    /// The runner is up; these are the tools that it knows.
    Hello {
        /// Their names.
        tools: Vec<String>,
    },
    /// A piece of output, as it comes. Bytes, not text.
    Output {
        /// Whose.
        action: String,
        /// Standard base64.
        data: String,
    },
    /// The end of a call.
    Done(Done),
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Whose.
    pub action: String,
    /// The fence that came with the call.
    pub fence: u64,
    /// Whether it did what was asked.
    pub is_error: bool,
    /// The text for the model.
    pub text: String,
    /// Facts: exit code, bytes, paths.
    pub detail: Value,
    /// Whether it may have happened beyond the sandbox although no answer said so.
    #[serde(default)]
    pub in_doubt: bool,
}

/// Puts a frame into bytes.
pub fn encode<T: Serialize>(frame: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(frame)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|length| *length <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| oversized(body.len()))?;
    let mut bytes = Vec::with_capacity(body.len() + 4);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Checks the length that a frame announces.
pub fn body_length(header: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(header);
    if length > FRAME_BYTES_MAX {
        Err(oversized(length as usize))
    } else {
        Ok(length as usize)
    }
}

fn oversized(length: usize) -> io::Error {
    let text = format!("a frame of {length} bytes; the most is {FRAME_BYTES_MAX}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
