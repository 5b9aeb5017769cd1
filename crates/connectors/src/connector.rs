//! The interface of every foreign door.

use crate::{Arrival, Attachment, Fault, Place, Post, Posted, Rich, split};
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// What a platform takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message.
    pub text_max: usize,
    /// What that is counted in.
    pub measure: Measure,
    /// How many styled spans one message may have.
    pub spans_max: usize,
    /// The largest file that can be fetched from it.
    pub fetch_bytes_max: u64,
    /// How long to wait between two edits of one message.
    pub edit_pause: Duration,
    /// Whether messages can be edited at all.
    pub edits: bool,
    /// Whether a message can carry buttons.
    pub buttons: bool,
    /// Whether chats have threads.
    pub threads: bool,
}

/// How a platform counts the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// In UTF-16 code units.
    Utf16,
    /// In Unicode characters.
    Characters,
}

impl Measure {
    /// The length of a text.
    pub fn of(self, text: &str) -> usize {
        match self {
            Self::Utf16 => text.encode_utf16().count(),
            Self::Characters => text.chars().count(),
        }
    }
}

/// Who we are at a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Myself {
    /// The platform's immutable id of us.
    pub id: String,
    /// How people call us there.
    pub name: String,
}

/// What was received at once, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// What came, oldest first.
    pub arrivals: Vec<Arrival>,
    /// To be given to the next `receive`. It tells the platform that these have arrived, so it is
    /// given only after they are kept.
    pub cursor: Option<i64>,
}

/// One foreign door. Cloning nothing, keeping nothing: what must survive is kept by the caller.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The door's name: `telegram:main`.
    fn name(&self) -> &str;

    /// What the platform takes at most.
    fn limits(&self) -> Limits;

    /// How often its keys were replaced since the start.
    fn keys_replaced(&self) -> u64 {
        0
    }

    /// Asks the platform who we are: identity, and whether the key is good.
    async fn identify(&self) -> Result<Myself, Fault>;

    /// Makes ready to be asked or called: `webhook` names the address to call, if one is to be.
    async fn prepare(&self, webhook: Option<&str>) -> Result<(), Fault>;

    /// Waits for what comes in. Answers with nothing when nothing came for a while.
    async fn receive(&self, cursor: Option<i64>) -> Result<Intake, Fault>;

    /// Reads what the platform brought by itself.
    fn read(&self, body: &[u8]) -> Result<Vec<Arrival>, Fault>;

    /// Says something: in a chat, in a thread, in reply, with buttons.
    async fn post(&self, place: &Place, post: &Post) -> Result<Posted, Fault>;

    /// Replaces what was said. Saying the same again is no failure.
    async fn edit(&self, posted: &Posted, post: &Post) -> Result<(), Fault>;

    /// Sends a file.
    async fn send_file(&self, place: &Place, name: &str, bytes: Bytes) -> Result<Posted, Fault>;

    /// Fetches a file.
    async fn fetch(&self, attachment: &Attachment, bytes_max: u64) -> Result<Bytes, Fault>;

    /// Tells whoever pressed a button what came of it.
    async fn answer_press(&self, press: &str, text: &str) -> Result<(), Fault>;

    /// Shows that we are at work. Nothing depends on it.
    async fn show_busy(&self, place: &Place) -> Result<(), Fault>;

    /// Cuts a text into pieces that the platform takes.
    fn pieces(&self, rich: &Rich) -> Vec<Rich> {
        split(rich, &self.limits())
    }
}
