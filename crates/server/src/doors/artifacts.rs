//! Files in and out: what people upload, what tasks deliver.

use crate::app::App;
use crate::body::{Id, too_large};
use crate::who::Who;
use crate::wrong::Refusal;
use axum::Json;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wardroom_api::artifact::{Artifact, ArtifactList, File, Upload};
use wardroom_api::problem::{Code, Problem};
use wardroom_coordinator::{control, mint};
use wardroom_domain::{Digest, FileId, TaskId, limits};
use wardroom_store::{ObjectKey, StoredFile, Write};

pub(crate) fn routes() -> OpenApiRouter<App> {
    let uploads = OpenApiRouter::new()
        .routes(routes!(upload))
        .layer(DefaultBodyLimit::max(limits::UPLOAD_BYTES_MAX + 64 * 1024));
    OpenApiRouter::new()
        .routes(routes!(list_artifacts))
        .routes(routes!(get_artifact))
        .routes(routes!(describe))
        .merge(uploads)
}

/// What a task delivered.
#[utoipa::path(get, path = "/v1/tasks/{id}/artifacts", security(("token" = [])), params(("id" = String, Path, description = "task_…")),
    responses((status = 200, body = ArtifactList), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn list_artifacts(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<TaskId>,
) -> Result<Json<ArtifactList>, Refusal> {
    control::seen(&app.crew, &who, id).await?;
    let rows = app.crew.store.artifacts(app.crew.org, id).await?;
    let artifact = |row: wardroom_store::Artifact| Artifact {
        name: row.name,
        bytes: row.bytes,
        media_type: row.media_type,
        sha256: row.sha256,
    };
    Ok(Json(ArtifactList {
        artifacts: rows.into_iter().map(artifact).collect(),
        next_cursor: None,
    }))
}

/// The bytes of one artifact, always as an attachment.
#[utoipa::path(get, path = "/v1/tasks/{id}/artifacts/{name}", security(("token" = [])),
    params(("id" = String, Path, description = "task_…"), ("name" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn get_artifact(
    State(app): State<App>,
    Who(who): Who,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let id = TaskId::parse(&id)?;
    control::seen(&app.crew, &who, id).await?;
    let row = app.crew.store.artifact(app.crew.org, id, &name).await?;
    let row =
        row.ok_or_else(|| Refusal::new(Code::NotFound, format!("{id} delivered no `{name}`")))?;
    let key = ObjectKey::named(&row.object).map_err(wardroom_coordinator::Wrong::from)?;
    let bytes = app
        .crew
        .objects
        .get(&key, limits::UPLOAD_BYTES_MAX as u64)
        .await;
    let bytes = bytes.map_err(wardroom_coordinator::Wrong::from)?;
    // Never shown in our origin: an attachment of a type that no browser runs.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", plain(&row.name)),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// A file name that cannot end the header it stands in.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_graphic() && c != '"' && c != '\\' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// What one of the caller's uploads is called, without its bytes.
#[utoipa::path(get, path = "/v1/files/{id}", security(("token" = [])),
    params(("id" = String, Path, description = "file_…")),
    responses((status = 200, body = File), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn describe(
    State(app): State<App>,
    Who(who): Who,
    Id(id): Id<FileId>,
) -> Result<Json<File>, Refusal> {
    let found = app.crew.store.file(app.crew.org, id).await?;
    let his = found.filter(|file| file.owner == who.user);
    let file = his.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such file"))?;
    Ok(Json(shown(file)))
}

/// Takes a file in. Its id can stand in `files` of a message or task.
#[utoipa::path(post, path = "/v1/files", security(("token" = [])),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses((status = 201, body = File), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
async fn upload(
    State(app): State<App>,
    Who(who): Who,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<Response, Refusal> {
    let mut form =
        form.map_err(|error| Refusal::new(Code::UnsupportedMediaType, error.body_text()))?;
    let field = form.next_field().await.map_err(refuse)?;
    let field = field.filter(|field| field.name() == Some("file"));
    let field =
        field.ok_or_else(|| Refusal::new(Code::InvalidBody, "the form has no part `file`"))?;
    let name = field
        .file_name()
        .unwrap_or("file")
        .chars()
        .take(255)
        .collect::<String>();
    let media_type = field
        .content_type()
        .unwrap_or("application/octet-stream")
        .to_owned();
    let bytes = field.bytes().await.map_err(refuse)?;
    if bytes.len() > limits::UPLOAD_BYTES_MAX {
        return Err(too_large());
    }
    let sha256 = Digest::of_bytes(&bytes);
    let count = bytes.len() as u64;
    let object = app
        .crew
        .objects
        .put(bytes)
        .await
        .map_err(wardroom_coordinator::Wrong::from)?;
    let stored = StoredFile {
        id: mint!(app.crew.clock, FileId),
        owner: who.user,
        name,
        bytes: count,
        media_type,
        sha256,
        object: object.to_string(),
        at: app.crew.clock.now(),
    };
    let add = Write::AddFile(stored.clone());
    app.crew.store.commit(app.crew.org, vec![add]).await?;
    Ok((StatusCode::CREATED, Json(shown(stored))).into_response())
}

fn shown(file: StoredFile) -> File {
    File {
        id: file.id,
        name: file.name,
        bytes: file.bytes,
        media_type: file.media_type,
        sha256: file.sha256,
        created_at: file.at,
    }
}

fn refuse(error: axum::extract::multipart::MultipartError) -> Refusal {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Refusal::new(Code::InvalidBody, error.body_text())
}
