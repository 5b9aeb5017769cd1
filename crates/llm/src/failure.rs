//! How the many ways in which providers say "no" become one [`ModelError`].

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::http::ChunkError;
use crate::limits;
use crate::model::ModelError;

/// Error words with which providers say that waiting will not help: the account is empty.
const ACCOUNT_IS_EMPTY: &[&str] = &[
    "insufficient_quota",
    "billing_error",
    "insufficient balance",
    "insufficient credits",
];

/// What a provider wrote into its error object.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ErrorBody {
    /// OpenRouter puts the upstream's HTTP status here.
    pub status: Option<u16>,
    /// `type` or `code`, whichever is a word.
    pub kind: String,
    pub message: String,
}

impl ErrorBody {
    /// Reads `{"error": {...}}`, `{"error": "..."}`, `{"message": "..."}` or `{"detail": ...}`,
    /// and Gemini's list of one such object.
    pub fn find(body: &Value) -> Option<ErrorBody> {
        let body = body.get(0).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null());
        let subject = error.or_else(|| body.get("detail")).unwrap_or(body);
        let message = subject
            .as_str()
            .or_else(|| subject.get("message")?.as_str());
        if message.is_none() && error.is_none() {
            return None;
        }
        Some(ErrorBody {
            status: subject
                .get("code")
                .and_then(Value::as_u64)
                .and_then(|code| code.try_into().ok()),
            kind: word(subject, "type")
                .or_else(|| word(subject, "code"))
                .unwrap_or_default(),
            message: message.map_or_else(|| subject.to_string(), str::to_owned),
        })
    }

    fn sentence(&self) -> String {
        let text = if self.kind.is_empty() {
            self.message.clone()
        } else {
            format!("{} ({})", self.message.trim_end_matches('.'), self.kind)
        };
        quote(&text)
    }
}

fn word(subject: &Value, key: &str) -> Option<String> {
    subject.get(key)?.as_str().map(str::to_owned)
}

/// An answer with an error status.
pub(crate) fn of_status(status: u16, retry_after: Option<Duration>, body: &[u8]) -> ModelError {
    let parsed = serde_json::from_slice::<Value>(body).ok();
    let error = parsed
        .as_ref()
        .and_then(ErrorBody::find)
        .unwrap_or_else(|| ErrorBody {
            message: String::from_utf8_lossy(body).trim().to_owned(),
            ..ErrorBody::default()
        });
    classify(status, retry_after, &error)
}

/// An error object inside an answer whose status was good, as OpenRouter and Anthropic send it
/// when the upstream fails after the first byte.
pub(crate) fn of_error_inside(error: &ErrorBody) -> ModelError {
    classify(
        error.status.unwrap_or_else(|| status_of_kind(&error.kind)),
        None,
        error,
    )
}

fn status_of_kind(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "overloaded_error" => 529,
        _ => 500,
    }
}

fn classify(status: u16, retry_after: Option<Duration>, error: &ErrorBody) -> ModelError {
    let detail = error.sentence();
    let words = detail.to_lowercase();
    if ACCOUNT_IS_EMPTY.iter().any(|sign| words.contains(sign)) {
        return ModelError::Refused { status, detail };
    }
    match status {
        401..=403 => ModelError::Refused { status, detail },
        429 => ModelError::RateLimited { retry_after },
        408 | 409 | 425 | 500.. => ModelError::Overloaded {
            status,
            detail,
            retry_after,
        },
        _ => ModelError::BadRequest {
            status,
            detail: with_hint(detail),
        },
    }
}

/// Some refusals have one known remedy, so it is said where the operator reads of them.
fn with_hint(detail: String) -> String {
    if detail.contains("does not support tools") {
        return format!("{detail}; set tools = \"prompted\" for this model");
    }
    detail
}

pub(crate) fn of_redirect(status: u16, location: &str) -> ModelError {
    let detail = format!(
        "it redirects to {}; set base_url to the final address",
        quote(location)
    );
    ModelError::BadRequest { status, detail }
}

/// The connection failed: refused, reset, not resolvable, not speaking TLS.
pub(crate) fn of_transport(error: &reqwest::Error) -> ModelError {
    // The URL is left out, since some people put credentials into it; the innermost cause says
    // what happened ("connection refused").
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    ModelError::Unreachable {
        detail: quote(&cause.to_string()),
    }
}

pub(crate) fn of_event_stream(error: sse_stream::Error) -> ModelError {
    match error {
        sse_stream::Error::Body(cause) => match cause.downcast::<ChunkError>() {
            Ok(ours) => ours.0,
            Err(other) => ModelError::Unreachable {
                detail: quote(&other.to_string()),
            },
        },
        other => malformed(format!("the event stream is broken ({other})")),
    }
}

pub(crate) fn malformed(detail: impl Into<String>) -> ModelError {
    ModelError::Malformed {
        detail: detail.into(),
    }
}

/// The same error without the key, should a server have echoed it.
pub(crate) fn without_key(mut error: ModelError, key: Option<&SecretString>) -> ModelError {
    let Some(key) = key
        .map(|key| key.expose_secret())
        .filter(|key| !key.is_empty())
    else {
        return error;
    };
    match &mut error {
        ModelError::Unreachable { detail }
        | ModelError::Overloaded { detail, .. }
        | ModelError::Refused { detail, .. }
        | ModelError::BadRequest { detail, .. }
        | ModelError::Malformed { detail } => *detail = detail.replace(key, "[key]"),
        ModelError::TimedOut { .. } | ModelError::RateLimited { .. } => {}
    }
    error
}

/// A foreign text, short and on one line.
pub(crate) fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limits::ERROR_QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_provider_says_no_in_its_own_way() {
        let table = [
            (
                429,
                json!({"error": {"message": "slow down", "type": "rate_limit"}}),
                "rate_limited",
            ),
            (
                429,
                json!({"error": {"message": "pay", "type": "insufficient_quota"}}),
                "refused",
            ),
            (
                402,
                json!({"error": {"code": 402, "message": "Insufficient credits"}}),
                "refused",
            ),
            (
                529,
                json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
                "overloaded",
            ),
            (
                400,
                json!({"error": "model \"x\" does not support tools"}),
                "bad_request",
            ),
            (
                401,
                json!({"error": {"code": "1000", "message": "身份验证失败"}}),
                "refused",
            ),
            (
                429,
                json!([{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}]),
                "rate_limited",
            ),
            (503, json!("not an object"), "overloaded"),
            (
                422,
                json!({"detail": [{"msg": "field required"}]}),
                "bad_request",
            ),
        ];
        for (status, body, code) in table {
            let error = of_status(status, None, body.to_string().as_bytes());
            assert_eq!(error.code(), code, "{status} {body}: {error}");
        }
    }

    #[test]
    fn an_echoed_key_is_taken_out() {
        let key = SecretString::from("sk-very-secret");
        let error = of_status(
            401,
            None,
            br#"{"error":{"message":"bad key sk-very-secret"}}"#,
        );
        assert!(
            !without_key(error, Some(&key))
                .to_string()
                .contains("very-secret")
        );
    }
}
