//! What ran, in numbers.

#![expect(unused_qualifications, reason = "the macro of the routes names the types of their queries so")]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::json_body::JsonBody;
use super::query::{Asked, PageSize};
use super::{ApiError, Shared};
use crate::auth::{Allowed, Read, Run};
use crate::store::executions::{self, Execution, Place, Report};

/// The longest name in a report.
const MAX_NAME_BYTES: usize = 200;

/// What the server does and did.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// How many jobs wait.
    pending: usize,
    /// How many run.
    running: usize,
    /// How many nodes are connected.
    nodes: usize,
    /// How many jobs they can run at once.
    slots: usize,
    /// For how many milliseconds it works.
    uptime: i64,
    /// How many jobs there are in each state.
    jobs: JobCounts,
}

/// Numbers of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobCounts {
    pending: i64,
    running: i64,
    success: i64,
    failed: i64,
    cancelled: i64,
}

/// Which executions are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Only those that ended at this time or later, in milliseconds since 1970.
    since: Option<i64>,
    /// How many at most: 50, and up to 1,000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<PageSize>,
}

/// A page of executions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Executions {
    /// Those that ended last first.
    executions: Vec<Execution>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A report that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reported {
    /// Its number.
    id: i64,
}

/// What the server does now, and how many jobs there are.
#[utoipa::path(get, path = "/stats", responses((status = 200, body = Stats)))]
pub async fn show(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<Stats>, ApiError> {
    let (waiting, at_work) = server.dispatcher.counts().await?;
    let now = server.dispatcher.nodes().await?;
    let connected = now.iter().filter(|node| node.is_connected);
    let [pending, running, success, failed, cancelled] = server.store.read(executions::counts).await?;
    Ok(Json(Stats {
        pending: waiting,
        running: at_work,
        nodes: connected.clone().count(),
        slots: connected.map(|node| node.slots).sum(),
        uptime: i64::try_from(server.began.elapsed().as_millis()).unwrap_or(i64::MAX),
        jobs: JobCounts { pending, running, success, failed, cancelled },
    }))
}

/// Keeps what ran elsewhere, so that statistics and charts know it too.
#[utoipa::path(post, path = "/stats/report", request_body = Report, responses((status = 201, body = Reported)))]
pub async fn report(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    JsonBody(report): JsonBody<Report>,
) -> Result<(StatusCode, Json<Reported>), ApiError> {
    let is_long = |text: &str| text.is_empty() || text.len() > MAX_NAME_BYTES;
    if is_long(&report.name) || report.node.as_deref().is_some_and(is_long) {
        return Err(ApiError::bad(format!("name and node have 1 to {MAX_NAME_BYTES} bytes")));
    }
    if !report.state.is_final() {
        return Err(ApiError::bad("a report is of something that has ended: success, failed or cancelled"));
    }
    // The year 9999 is the last one of which days have names of one length.
    if report.started < 0 || report.finished < report.started || report.finished > 253_402_300_799_999 {
        return Err(ApiError::bad("started and finished are milliseconds since 1970, in this order"));
    }
    let by = allowed.caller.name.clone();
    let name = report.name.clone();
    let id = server.store.write(move |connection| executions::report(connection, &report, &by)).await?;
    server.audit(&allowed.caller, "report", name).await?;
    Ok((StatusCode::CREATED, Json(Reported { id })))
}

/// What ran: jobs that have ended, and reports.
#[utoipa::path(get, path = "/stats/executions", params(Wanted), responses(
    (status = 200, body = Executions), (status = 400, body = super::ErrorBody)))]
pub async fn list(
    _: Allowed<Read>,
    State(server): State<Shared>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Executions>, ApiError> {
    let limit = wanted.limit.unwrap_or_default().get();
    let behind = wanted.cursor.as_deref().map(place).transpose()?;
    let since = wanted.since.unwrap_or(i64::MIN);
    let executions =
        server.store.read(move |connection| executions::list(connection, since, behind, limit)).await?;
    let last = executions.last().filter(|_| executions.len() == limit as usize);
    let next = last.map(|last| format!("{}-{}-{}", last.finished, last.source, last.id));
    Ok(Json(Executions { executions, next }))
}

fn place(cursor: &str) -> Result<Place, ApiError> {
    let mut parts = cursor.splitn(3, '-');
    let parsed = (|| {
        let finished = parts.next()?.parse().ok()?;
        let is_report = match parts.next()? {
            "job" => false,
            "report" => true,
            _ => return None,
        };
        Some(Place { finished, is_report, id: parts.next()?.parse().ok()? })
    })();
    parsed.ok_or_else(|| ApiError::bad("cursor is `next` of the page before"))
}
