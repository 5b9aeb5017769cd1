//! Bodies, queries and paths are read once, at the door; what does not fit is told where and why.

use crate::wrong::Refusal;
use axum::extract::rejection::{BytesRejection, JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use wardroom_api::problem::Code;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(refuse(&rejection)),
        }
    }
}

fn refuse(rejection: &JsonRejection) -> Refusal {
    let text = deepest(rejection);
    match rejection {
        JsonRejection::JsonSyntaxError(_) => Refusal::new(Code::InvalidJson, text),
        JsonRejection::JsonDataError(_) => Refusal::new(Code::InvalidBody, text),
        JsonRejection::MissingJsonContentType(_) => Refusal::new(Code::UnsupportedMediaType, text),
        JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(_)) => too_large(),
        _ => Refusal::new(Code::InvalidBody, text),
    }
}

pub(crate) fn too_large() -> Refusal {
    let most = wardroom_domain::limits::BODY_BYTES_MAX;
    Refusal::new(
        Code::BodyTooLarge,
        format!("the body is larger than {most} bytes"),
    )
}

/// The cause is what helps; the wrappers around it only say that there is one.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

/// A query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(refuse_query(&rejection)),
        }
    }
}

fn refuse_query(rejection: &QueryRejection) -> Refusal {
    Refusal::new(Code::InvalidQuery, deepest(rejection))
}

/// An id in the path. One of the wrong form is of nothing that there is.
pub(crate) struct Id<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: std::str::FromStr<Err = wardroom_domain::NotAnId>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = axum::extract::RawPathParams::from_request_parts(parts, state).await;
        let path = path.map_err(|error| Refusal::new(Code::InvalidQuery, error.to_string()))?;
        let text = path
            .iter()
            .next()
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default();
        Ok(Self(text.parse::<T>()?))
    }
}
