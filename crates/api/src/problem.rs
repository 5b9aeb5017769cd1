//! What went wrong, on the wire: `application/problem+json` (RFC 9457) with a stable code.
//!
//! [`Code`] is the one table of codes: status, title and what to do next stand side by side.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $title:literal, $hint:literal;)*) => {
        /// A stable code. Scripts may compare it; it is never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code { $(#[doc = $title] #[serde(rename = $code)] $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Self::$name,)*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What happened, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to do next.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

codes! {
    InvalidJson "invalid_json" 400 "The body is not JSON",
        "Send one JSON value; the detail names the line and column.";
    InvalidQuery "invalid_query" 400 "The query or path cannot be read",
        "Compare the parameters with /v1/openapi.json.";
    IdempotencyKeyInvalid "idempotency_key_invalid" 400 "The idempotency key cannot be used",
        "Send 1 to 255 visible ASCII characters as Idempotency-Key.";
    Unauthenticated "unauthenticated" 401 "Nobody is signed in",
        "Send `Authorization: Bearer TOKEN`; `wardroom token create --user NAME` makes a token.";
    Forbidden "forbidden" 403 "This is not yours to do",
        "Ask somebody whose role allows it; `wardroom user list` shows who that is.";
    OriginRefused "origin_refused" 403 "The page that asked is not ours",
        "Open the address that `wardroom up` prints, and ask from there.";
    SelfApprovalRefused "self_approval_refused" 403 "You may not decide your own request",
        "Ask another admin, or allow the tier under `self_approval` of the policy.";
    WorkspaceRefused "workspace_refused" 403 "This folder may not be opened",
        "Choose a folder of yours that is neither `/`, a home directory nor the data directory.";
    LocalOnly "local_only" 403 "This works only on the machine itself",
        "Run the command where the server runs, as the user who owns its data directory.";
    NotFound "not_found" 404 "There is no such thing, or it is not yours to see",
        "Check the id: copy it whole from where it was shown.";
    MethodNotAllowed "method_not_allowed" 405 "This path does not take that method",
        "Compare the request with /v1/openapi.json.";
    NotAcceptable "not_acceptable" 406 "The answer cannot be given in that form",
        "Accept application/json, or text/event-stream where a stream is offered.";
    AlreadyDecided "already_decided" 409 "This was decided before",
        "Nothing is left to do; the detail names how it ended.";
    DigestMismatch "digest_mismatch" 409 "The action is not the one that was shown",
        "Fetch the approval again, look at what it would do now, and decide that.";
    IdempotencyMismatch "idempotency_mismatch" 409 "This idempotency key belongs to another request",
        "Use a new Idempotency-Key for a new request.";
    TaskEnded "task_ended" 409 "The task has ended",
        "Start a new one, or `retry` it.";
    TaskNotEnded "task_not_ended" 409 "The task has not ended yet",
        "Wait for it or cancel it first.";
    NothingToUndo "nothing_to_undo" 409 "There is nothing to undo",
        "Only an applied change that nothing has touched since can be undone; see the diff.";
    Conflict "conflict" 409 "It changed in the meantime, or the name is taken",
        "Fetch it again and repeat the request if it still makes sense.";
    BodyTooLarge "body_too_large" 413 "The body is too large",
        "Send long text as a file: POST /v1/files takes up to 32 MiB.";
    UnsupportedMediaType "unsupported_media_type" 415 "The body has the wrong type",
        "Send `Content-Type: application/json`.";
    InvalidBody "invalid_body" 422 "The body is JSON, but not what this request takes",
        "Compare the body with /v1/openapi.json; the detail names the field.";
    PolicyRefused "policy_refused" 422 "This policy cannot come into force",
        "Correct what the detail names; the policy in force stays until then.";
    NoApprover "no_approver" 422 "Nobody may approve this",
        "Add a person with the needed role, or allow self-approval for the tier.";
    RateLimited "rate_limited" 429 "Too many requests",
        "Wait for the seconds of the Retry-After header.";
    TooManyTasks "too_many_tasks" 429 "Too many tasks are open",
        "Wait until one ends, or cancel one.";
    Internal "internal" 500 "Something went wrong on our side",
        "Look for the request id in the server's log.";
    NotServed "not_served" 501 "This server does not serve that",
        "Compare the request with /v1/openapi.json.";
    ModelFailed "model_failed" 502 "The model did not answer",
        "Try again; `wardroom doctor` says whether the model can be reached.";
    StoreBusy "store_busy" 503 "The store is busy",
        "Nothing was changed: try again in a second.";
    SandboxUnavailable "sandbox_unavailable" 503 "There is no sandbox to work in",
        "Run `wardroom doctor sandbox` on the server; it says what is missing.";
    ShuttingDown "shutting_down" 503 "The server is stopping",
        "Try again when it is back.";
}

impl Code {
    /// Whether the same request may succeed later.
    pub const fn is_transient(self) -> bool {
        matches!(self.status(), 429 | 502 | 503)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let codes = Self::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(codes))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ProblemCode")
    }
}

/// What went wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:wardroom:problem:CODE`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// What happened, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Code,
    /// What happened this time, in a sentence.
    pub detail: String,
    /// What to do next.
    #[serde(default)]
    pub hint: String,
}

impl Problem {
    /// A problem with its own sentence, and the table's hint.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:wardroom:problem:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            hint: code.hint().to_owned(),
        }
    }

    /// The same problem with a hint that fits this occurrence better.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code, format!("{}.", code.title()))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_a_title_and_a_way_on() {
        for &code in Code::ALL {
            assert!((400..600).contains(&code.status()), "{code}");
            assert!(
                !code.title().ends_with('.') && code.hint().ends_with('.'),
                "{code}"
            );
            let json = serde_json::to_string(&Problem::from(code)).unwrap();
            assert_eq!(serde_json::from_str::<Problem>(&json).unwrap().code, code);
        }
    }
}
