//! What a job has to say beyond its exit code.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::jobs::no_job;
use super::json_body::JsonBody;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Node};
use crate::clock::now_ms;
use crate::job::{Fence, JobId};
use crate::store::results::{self, Attached};
use crate::wire::Attempt;

/// The longest result in bytes, as JSON without spaces.
pub const MAX_RESULT_BYTES: usize = 64 * 1024;

/// The result of an attempt.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResult {
    /// Which attempt: only that of the last one is kept.
    #[schema(minimum = 1)]
    attempt: Fence,
    /// Any JSON of at most 64 KiB.
    result: Value,
}

/// Attaches a result to the last attempt of a job, while it runs or afterwards; another one takes its place. That of an older attempt is refused with 409.
#[utoipa::path(post, path = "/jobs/{id}/result", params(("id" = i64, Path)), request_body = NewResult, responses(
    (status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn attach(
    allowed: Allowed<Node>,
    State(server): State<Shared>,
    id: Result<Path<JobId>, PathRejection>,
    JsonBody(NewResult { attempt: fence, result }): JsonBody<NewResult>,
) -> Result<StatusCode, ApiError> {
    let Path(job) = id?;
    let text = result.to_string();
    if text.len() > MAX_RESULT_BYTES {
        let error = format!("a result has at most {MAX_RESULT_BYTES} bytes");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, error));
    }
    let attempt = Attempt { job, fence };
    let attached =
        server.store.write(move |connection| results::attach(connection, attempt, &text, now_ms())).await?;
    match attached {
        Attached::Kept => {
            server.audit(&allowed.caller, "result", format!("job {job}")).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        Attached::Fenced(0) => Err(ApiError::conflict(format!("job {job} has not begun"))),
        Attached::Fenced(last) => {
            Err(ApiError::conflict(format!("the last attempt of job {job} is {last}, not {fence}")))
        }
        Attached::Unknown => Err(no_job(job)),
    }
}
