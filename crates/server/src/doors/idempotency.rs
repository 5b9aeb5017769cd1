//! The same request again gets the same answer: `Idempotency-Key`.

use crate::app::App;
use crate::wrong::Refusal;
use axum::http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wardroom_api::problem::Code;
use wardroom_domain::{Digest, Principal};
use wardroom_store::{Remember, Remembered, Write};

/// A key, if the request brings one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(Some(text.to_owned()))
    } else {
        Err(Refusal::new(
            Code::IdempotencyKeyInvalid,
            "the Idempotency-Key is empty, too long or not plain ASCII",
        ))
    }
}

/// What was answered to this key before.
pub(crate) async fn answered<T: DeserializeOwned>(
    app: &App,
    who: &Principal,
    key: &str,
    request: &impl Serialize,
) -> Result<Option<T>, Refusal> {
    let Some(kept) = app
        .crew
        .store
        .remembered(app.crew.org, who.user, key)
        .await?
    else {
        return Ok(None);
    };
    if kept.request != Digest::of(request) {
        let text = format!("the key `{key}` was used for another request");
        return Err(Refusal::new(Code::IdempotencyMismatch, text));
    }
    Ok(serde_json::from_str(&kept.body).ok())
}

/// The row that keeps an answer.
pub(crate) fn keep(
    app: &App,
    who: &Principal,
    key: String,
    request: &impl Serialize,
    status: u16,
    answer: &impl Serialize,
) -> Write {
    let body = serde_json::to_string(answer).unwrap_or_default();
    let at = app.crew.clock.now();
    let answer = Remembered {
        request: Digest::of(request),
        status,
        body,
        at,
    };
    Write::Remember(Remember {
        user: who.user,
        key,
        answer,
    })
}
