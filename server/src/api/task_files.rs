//! The files of a folder task.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ez_compiler::folder::{DIRECTORY, is_name, split_name};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::tasks::entry;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read};
use crate::catalog::Kind;
use crate::project_folder::{ListedFile, ProjectFolder, ShowError};
use crate::store::StoreError;
use crate::sync::tree_path::TreePath;

/// A list of files.
#[derive(Debug, Serialize, ToSchema)]
pub struct Files {
    /// At most 10,000, by their paths.
    files: Vec<ListedFile>,
}

/// The folder of a task, which has to be a folder task.
async fn folder(server: &Shared, task: &str) -> Result<std::path::PathBuf, ApiError> {
    let entry = entry(server, Kind::Tasks, task).await?;
    let name = entry["task"].as_str().unwrap_or_default();
    let (name, _) = split_name(name);
    if entry["kind"] != json!("folder") || !is_name(name) {
        return Err(ApiError::not_found(format!("`{task}` is no folder task, and has no files")));
    }
    Ok(server.catalog.root().join(DIRECTORY).join(name))
}

/// Does something that waits for the disk.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed.into())
}

/// The files of a folder task.
#[utoipa::path(get, path = "/tasks/{name}/files", params(("name" = String, Path)), responses(
    (status = 200, body = Files), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list(
    _: Allowed<Read>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Files>, ApiError> {
    let Path(name) = name?;
    let folder = folder(&server, &name).await?;
    let listed = on_disk(move || ProjectFolder::open(&folder)?.list()).await?;
    let files = listed
        .map_err(|error| ApiError::not_found(format!("the files of `{name}` cannot be read: {error}")))?;
    Ok(Json(Files { files }))
}

/// The text of a file of a folder task: UTF-8 of at most 1 MiB.
#[utoipa::path(get, path = "/tasks/{name}/files/{*path}", params(("name" = String, Path), ("path" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404, body = ErrorBody),
    (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn show(
    _: Allowed<Read>,
    State(server): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((name, path)) = path?;
    if path.contains('\\') {
        return Err(ApiError::bad("names of files here have no `\\`; write `/` between them"));
    }
    let path = TreePath::new(path).map_err(|bad| ApiError::bad(bad.to_string()))?;
    let folder = folder(&server, &name).await?;
    let missing = ShowError::Missing(path.to_string());
    let shown = on_disk(move || ProjectFolder::open(&folder).map_err(|_| missing)?.text(&path)).await?;
    let text = shown.map_err(|error| {
        let status = match error {
            ShowError::Missing(_) => StatusCode::NOT_FOUND,
            ShowError::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            ShowError::NoText(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        ApiError::new(status, error.to_string())
    })?;
    Ok(plain(text))
}

/// A text that no browser takes for anything else.
pub(super) fn plain(text: impl Into<axum::body::Body>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text.into()).into_response()
}
