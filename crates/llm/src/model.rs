//! What a model is to us, and the ways in which asking one can fail.

use std::time::Duration;

use async_trait::async_trait;

use crate::message::{Delta, ModelReply, ModelRequest};

/// Where a model sends its preview while it writes.
pub type PreviewSink<'a> = &'a mut (dyn FnMut(Delta) + Send);

/// One configured model.
///
/// Dropping the future cancels the request; nothing of it goes on in the background.
#[async_trait]
pub trait Model: Send + Sync {
    /// The name under `[models.NAME]`.
    fn name(&self) -> &str;

    fn sees_images(&self) -> bool;

    /// Asks for one turn. The deltas are a preview; the reply alone is the truth.
    async fn complete(
        &self,
        request: &ModelRequest,
        preview: PreviewSink<'_>,
    ) -> Result<ModelReply, ModelError>;
}

/// Why a model gave no reply. No variant ever holds a key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error("the model's server could not be reached ({detail}); check base_url and the network")]
    Unreachable { detail: String },
    #[error("the model's server gave {phase} within {} ms", waited.as_millis())]
    TimedOut { phase: WaitPhase, waited: Duration },
    #[error("the provider limits our rate{}", sentence_of_retry_after(*retry_after))]
    RateLimited { retry_after: Option<Duration> },
    #[error("the provider is overloaded or failing (HTTP {status}): {detail}")]
    Overloaded {
        status: u16,
        detail: String,
        retry_after: Option<Duration>,
    },
    #[error(
        "the provider refused our key or account (HTTP {status}): {detail}; an operator must \
         correct the model's api_key or the account"
    )]
    Refused { status: u16, detail: String },
    #[error("the provider rejected the request (HTTP {status}): {detail}")]
    BadRequest { status: u16, detail: String },
    #[error("the provider's answer could not be understood: {detail}")]
    Malformed { detail: String },
}

/// What a server let us wait for in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitPhase {
    FirstByte,
    NextChunk,
    WholeReply,
}

impl std::fmt::Display for WaitPhase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            WaitPhase::FirstByte => "no first byte",
            WaitPhase::NextChunk => "no further chunk",
            WaitPhase::WholeReply => "no complete reply",
        })
    }
}

fn sentence_of_retry_after(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!(" and asks us to wait {} s", wait.as_secs_f32()),
        None => String::new(),
    }
}

impl ModelError {
    /// May the same request to the same model succeed when sent again?
    pub fn is_retryable(&self) -> bool {
        match self {
            ModelError::Unreachable { .. }
            | ModelError::TimedOut { .. }
            | ModelError::RateLimited { .. }
            | ModelError::Overloaded { .. }
            | ModelError::Malformed { .. } => true,
            ModelError::Refused { .. } | ModelError::BadRequest { .. } => false,
        }
    }

    /// How long the provider asked us to wait, where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ModelError::RateLimited { retry_after }
            | ModelError::Overloaded { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A short constant name for metrics and audit rows.
    pub fn code(&self) -> &'static str {
        match self {
            ModelError::Unreachable { .. } => "unreachable",
            ModelError::TimedOut { .. } => "timed_out",
            ModelError::RateLimited { .. } => "rate_limited",
            ModelError::Overloaded { .. } => "overloaded",
            ModelError::Refused { .. } => "refused",
            ModelError::BadRequest { .. } => "bad_request",
            ModelError::Malformed { .. } => "malformed",
        }
    }
}
