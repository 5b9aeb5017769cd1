//! What went wrong, as the outside reads it: one translation, at the rim.

use axum::Json;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use wardroom_api::problem::{Code, MEDIA_TYPE, Problem};
use wardroom_coordinator::Wrong;
use wardroom_domain::{Lacks, NotAnId, Overreach};
use wardroom_store::{CommitError, Conflict, StoreError};

/// A problem on its way out.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Problem, Option<Duration>);

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail), None)
    }

    /// The same, with the time after which it may succeed.
    pub(crate) fn retry_after(self, after: Duration) -> Self {
        Self(self.0, Some(after))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let transient = self.0.code.is_transient();
        let mut response = (status, Json(self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static(MEDIA_TYPE),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                header::HeaderValue::from_static("Bearer"),
            );
        }
        if transient {
            let seconds = self.1.map_or(1, |after| after.as_secs().max(1));
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem, None)
    }
}

impl From<NotAnId> for Refusal {
    /// An id of the wrong form is of nothing that there is.
    fn from(error: NotAnId) -> Self {
        Self::new(Code::NotFound, error.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Wrong::from(error).into()
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        Wrong::from(error).into()
    }
}

impl From<Lacks> for Refusal {
    fn from(lacks: Lacks) -> Self {
        Wrong::from(lacks).into()
    }
}

impl From<Overreach> for Refusal {
    fn from(overreach: Overreach) -> Self {
        Wrong::from(overreach).into()
    }
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        let code = code_of(&wrong);
        if let Wrong::Limited { retry_after, .. } = &wrong {
            let refusal = Self::new(code, wrong.to_string());
            return refusal.retry_after(*retry_after);
        }
        if code == Code::Internal {
            tracing::error!(%wrong, "a request failed on our side");
        }
        Self::new(code, wrong.to_string())
    }
}

fn code_of(wrong: &Wrong) -> Code {
    match wrong {
        Wrong::NotFound { .. } => Code::NotFound,
        Wrong::Forbidden(_) => Code::Forbidden,
        Wrong::Unfit(_) => Code::InvalidBody,
        Wrong::PolicyRefused(_) => Code::PolicyRefused,
        Wrong::Limited { .. } => Code::RateLimited,
        Wrong::TakenAlready(_) => Code::Conflict,
        Wrong::TooLate(_) => Code::TaskEnded,
        Wrong::NotEnded(_) => Code::TaskNotEnded,
        Wrong::NothingToUndo(_) => Code::NothingToUndo,
        Wrong::Gone => Code::ShuttingDown,
        Wrong::NoHands(_) => Code::SandboxUnavailable,
        Wrong::Undo(_) => Code::NothingToUndo,
        Wrong::Apply(_) => Code::Conflict,
        Wrong::Commit(CommitError::Busy) => Code::StoreBusy,
        Wrong::Commit(CommitError::Refused(conflict)) => code_of_conflict(conflict),
        Wrong::Store(StoreError::BadCursor)
        | Wrong::Commit(CommitError::Failed(StoreError::BadCursor)) => Code::InvalidQuery,
        Wrong::Store(StoreError::Full | StoreError::Unreachable { .. })
        | Wrong::Commit(CommitError::Failed(StoreError::Full | StoreError::Unreachable { .. })) => {
            Code::StoreBusy
        }
        Wrong::Objects(error) if error.is_passing() => Code::StoreBusy,
        Wrong::Commit(_)
        | Wrong::Store(_)
        | Wrong::Objects(_)
        | Wrong::View(_)
        | Wrong::Runner(_) => Code::Internal,
    }
}

fn code_of_conflict(conflict: &Conflict) -> Code {
    match conflict {
        Conflict::AlreadyDecided { .. } | Conflict::Expired { .. } | Conflict::SameEyes { .. } => {
            Code::AlreadyDecided
        }
        Conflict::DigestMismatch { .. } => Code::DigestMismatch,
        Conflict::IdempotencyMismatch { .. } => Code::IdempotencyMismatch,
        Conflict::NotFound { .. } | Conflict::Dangling => Code::NotFound,
        Conflict::AlreadyUndone { .. } => Code::NothingToUndo,
        Conflict::LinkUsed | Conflict::LinkExpired => Code::Unauthenticated,
        _ => Code::Conflict,
    }
}

pub(crate) async fn unknown_path(uri: Uri) -> Refusal {
    Refusal::new(
        Code::NotFound,
        format!("there is nothing at {}", uri.path()),
    )
}

pub(crate) async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    Refusal::new(
        Code::MethodNotAllowed,
        format!("{} does not take {method}", uri.path()),
    )
}
