//! The jobs of a task.

#![expect(unused_qualifications, reason = "the macro of the routes names the types of their queries so")]

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::query::{Asked, PageSize};
use super::{ApiError, Shared};
use crate::auth::{Allowed, Read};
use crate::job::JobId;
use crate::store::jobs::{self, Filter, JobRecord};

/// Which part of the history is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Jobs with smaller numbers: `next` of the page before.
    cursor: Option<JobId>,
    /// How many at most: 50, and up to 1,000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<PageSize>,
}

/// A page of the history of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// The newest first.
    jobs: Vec<PastJob>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<JobId>,
}

/// A job and how long it took.
#[derive(Debug, Serialize, ToSchema)]
pub struct PastJob {
    /// The job.
    #[serde(flatten)]
    job: JobRecord,
    /// For how many milliseconds its last attempt ran; `null` where it has not ended, or never began.
    duration: Option<i64>,
}

/// The jobs of a task with their durations. A task that is gone has a history too; one that never ran has an empty one.
#[utoipa::path(get, path = "/tasks/{name}/history", params(("name" = String, Path), Wanted), responses(
    (status = 200, body = History)))]
pub async fn list(
    _: Allowed<Read>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<History>, ApiError> {
    let Path(name) = name?;
    let limit = wanted.limit.unwrap_or_default().get();
    let filter = Filter { name: Some(name), before: wanted.cursor, limit, ..Filter::default() };
    let jobs::Page { jobs, next } =
        server.store.read(move |connection| jobs::list(connection, &filter)).await?;
    let past = jobs.into_iter().map(|job| PastJob { duration: duration(&job), job });
    Ok(Json(History { jobs: past.collect(), next }))
}

fn duration(job: &JobRecord) -> Option<i64> {
    Some((job.finished? - job.started?).max(0))
}
