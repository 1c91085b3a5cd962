//! The files of a job that are on the server: the logs of its attempts, and what it made.

use std::fs::File;
use std::io::{self, Read};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs::{no_job, text_of};
use super::task_files::on_disk;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read as MayRead};
use crate::job::JobId;
use crate::log_file::LineStart;
use crate::store::jobs::{self, JobRecord};
use crate::sync::content_store::ContentStore;
use crate::sync::digest::Digest;
use crate::sync::manifest::{MAX_MANIFEST_BYTES, Manifest};
use crate::sync::tree_path::TreePath;
use crate::wire::Attempt;

/// The most files that are listed.
const MAX_LISTED: usize = 10_000;

/// What the paths of files that a job made begin with.
const OUTPUTS: &str = "outputs/";

/// How much of a file is sent at once.
const PART_BYTES: usize = 256 * 1024;

/// A file of a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobFile {
    /// Its path: `attempt-1.log` is the log of the first attempt, `outputs/…` is what the job made.
    path: String,
    /// How many bytes it has, as they are sent.
    size: u64,
}

/// A list of files.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobFiles {
    /// At most 10,000: first the logs.
    files: Vec<JobFile>,
}

fn log_name(fence: i64) -> String {
    format!("attempt-{fence}.log")
}

async fn record(server: &Shared, job: JobId) -> Result<JobRecord, ApiError> {
    let found = server.store.read(move |connection| jobs::find(connection, job)).await?;
    found.ok_or_else(|| no_job(job))
}

/// The list of what a job made; `None` where it made nothing, or that is not kept any more.
fn outputs(store: &ContentStore, job: &JobRecord) -> Option<Manifest> {
    let digest: Digest = job.outputs.as_ref()?.parse().ok()?;
    Manifest::decode(&store.read_all(&digest, MAX_MANIFEST_BYTES).ok()?).ok()
}

/// The files of a job: the logs of its attempts, and what it made.
#[utoipa::path(get, path = "/jobs/{id}/files", params(("id" = i64, Path)), responses(
    (status = 200, body = JobFiles), (status = 404, body = ErrorBody)))]
pub async fn list(
    _: Allowed<MayRead>,
    State(server): State<Shared>,
    id: Result<Path<JobId>, PathRejection>,
) -> Result<Json<JobFiles>, ApiError> {
    let Path(id) = id?;
    let job = record(&server, id).await?;
    let files = on_disk(move || {
        let logs = (1..=job.attempt).filter_map(|fence| {
            let (logs, attempt) = (server.dispatcher.logs(), Attempt { job: id, fence });
            let is_there = logs.path(attempt).exists();
            is_there.then(|| JobFile { path: log_name(fence), size: logs.text_length(attempt) })
        });
        let made = outputs(&server.content, &job);
        let made = made.iter().flat_map(Manifest::files);
        let made = made.map(|(path, file)| JobFile { path: format!("{OUTPUTS}{path}"), size: file.size });
        logs.chain(made).take(MAX_LISTED).collect()
    });
    Ok(Json(JobFiles { files: files.await? }))
}

/// A file of a job: a log as text, what it made as it is.
#[utoipa::path(get, path = "/jobs/{id}/files/{*path}", params(("id" = i64, Path), ("path" = String, Path)),
    responses((status = 200, content((String = "text/plain"), (String = "application/octet-stream"))),
    (status = 404, body = ErrorBody)))]
pub async fn show(
    _: Allowed<MayRead>,
    State(server): State<Shared>,
    path: Result<Path<(JobId, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((id, path)) = path?;
    let job = record(&server, id).await?;
    if let Some(fence) = (1..=job.attempt).find(|fence| log_name(*fence) == path) {
        return Ok(text_of(&server, Attempt { job: id, fence }, LineStart::default()));
    }
    let missing = ApiError::not_found(format!("job {id} has no file `{}`", path.escape_debug()));
    // Only paths that stand in the list of what was made are known: none leads anywhere else.
    let made = path.strip_prefix(OUTPUTS).and_then(|path| TreePath::new(path).ok());
    let Some(made) = made else { return Err(missing) };
    let opened = on_disk(move || {
        let manifest = outputs(&server.content, &job)?;
        let (_, file) = manifest.files().find(|(path, _)| **path == made)?;
        server.content.read(&file.digest).ok()
    });
    let (file, size) = opened.await?.ok_or(missing)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_LENGTH, HeaderValue::from(size)),
    ];
    let parts = stream::try_unfold(file, |file| async move {
        tokio::task::spawn_blocking(move || next_part(file)).await.map_err(io::Error::other)?
    });
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// The next bytes of a file, and the file; `None` at its end.
fn next_part(mut file: File) -> io::Result<Option<(Bytes, File)>> {
    let mut part = vec![0; PART_BYTES];
    let length = file.read(&mut part)?;
    part.truncate(length);
    Ok((length > 0).then(|| (part.into(), file)))
}
