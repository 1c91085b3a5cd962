//! Runs of plans, their steps, and what the steps printed.

#![expect(unused_qualifications, reason = "the macro of the routes names the types of their queries so")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::jobs::{CancelAnswer, LogFormat, NO_PLACE, READ_BYTES, event_stream};
use super::json_body::OptionalJsonBody;
use super::plans::{AcceptedRun, accepted};
use super::query::{Asked, PageSize};
use super::task_files::plain;
use super::tasks::{entry, submit, take_secrets};
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read, Run};
use crate::catalog::Kind;
use crate::job::{JobId, JobSpec, JobState, PlanRunId};
use crate::log_file::LogFiles;
use crate::plan_events::{self, MAX_LINE_BYTES, Printed};
use crate::secrets::Secrets;
use crate::store::jobs::{self, Cancelled};
use crate::store::nodes;
use crate::store::plan_runs::{self, Filter, PlanRunRecord, PlanStepRecord, StepLogPart};
use crate::wire::Attempt;

/// Which runs are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunsWanted {
    /// The name of a plan, or of a task that runs as one.
    name: Option<String>,
    /// `pending`, `running`, `success`, `failed` or `cancelled`.
    state: Option<JobState>,
    /// The node that keeps the run, by its name or number.
    node: Option<String>,
    /// Runs with smaller numbers: `next` of the page before.
    cursor: Option<PlanRunId>,
    /// How many at most: 50, and up to 1,000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<PageSize>,
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanRuns {
    /// The newest first.
    runs: Vec<PlanRunRecord>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<PlanRunId>,
}

/// A run and its steps.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanRunDetails {
    /// The run.
    #[serde(flatten)]
    run: PlanRunRecord,
    /// Its jobs: the first, and one for each time that it went on.
    jobs: Vec<JobId>,
    /// Its steps, in the order of the plan. Empty before it has begun.
    steps: Vec<PlanStepRecord>,
}

/// How a run is to go on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumePlan {
    /// Whether checkpoints are passed, in place of what was said before.
    #[serde(default)]
    yes: Option<bool>,
    /// After how many seconds it is ended, in place of what was said before.
    #[serde(default)]
    timeout: Option<u64>,
    /// The values of secret params once more, because they are not kept.
    #[serde(default)]
    vars: BTreeMap<String, String>,
}

/// What a log is wanted as.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StepLogWanted {
    /// `text` for all that is there; else a stream of events.
    #[param(inline)]
    format: Option<LogFormat>,
}

fn no_run(run: PlanRunId) -> ApiError {
    ApiError::not_found(format!("there is no plan run {run}"))
}

/// Runs of plans, the newest first.
#[utoipa::path(get, path = "/plans/runs", params(RunsWanted), responses(
    (status = 200, body = PlanRuns), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn list(
    _: Allowed<Read>,
    State(server): State<Shared>,
    Asked(wanted): Asked<RunsWanted>,
) -> Result<Json<PlanRuns>, ApiError> {
    let limit = wanted.limit.unwrap_or_default().get();
    let RunsWanted { name, state, node, cursor: before, .. } = wanted;
    let filter = Filter { name, state, node, before, limit };
    let runs = server.store.read(move |connection| plan_runs::list(connection, &filter)).await?;
    let next = runs.last().filter(|_| runs.len() == limit as usize).map(|run| run.id);
    Ok(Json(PlanRuns { runs, next }))
}

/// A run of a plan, with its steps.
#[utoipa::path(get, path = "/plans/runs/{id}", params(("id" = i64, Path)), responses(
    (status = 200, body = PlanRunDetails), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn one(
    _: Allowed<Read>,
    State(server): State<Shared>,
    id: Result<Path<PlanRunId>, PathRejection>,
) -> Result<Json<PlanRunDetails>, ApiError> {
    let Path(id) = id?;
    let found = server.store.read(move |connection| plan_runs::find_whole(connection, id)).await?;
    let (run, jobs, steps) = found.ok_or_else(|| no_run(id))?;
    Ok(Json(PlanRunDetails { run, jobs, steps }))
}

/// Ends a run. Its steps end as `cancelled`.
#[utoipa::path(post, path = "/plans/runs/{id}/cancel", params(("id" = i64, Path)), responses(
    (status = 202, body = CancelAnswer), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 503, body = ErrorBody)))]
pub async fn cancel(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    id: Result<Path<PlanRunId>, PathRejection>,
) -> Result<(StatusCode, Json<CancelAnswer>), ApiError> {
    let Path(id) = id?;
    let run = server.store.read(move |connection| plan_runs::find(connection, id)).await?;
    let run = run.ok_or_else(|| no_run(id))?;
    let state = match server.dispatcher.cancel(run.job, allowed.caller.name.clone()).await? {
        Cancelled::Done => "cancelled",
        Cancelled::Wanted(_) => "cancelling",
        Cancelled::Ended(state) => {
            return Err(ApiError::conflict(format!("plan run {id} has ended: {state}")));
        }
        Cancelled::Unknown => return Err(no_run(id)),
    };
    server.audit(&allowed.caller, "cancel", format!("plan run {id}")).await?;
    Ok((StatusCode::ACCEPTED, Json(CancelAnswer::new(state))))
}

/// Has a run that failed or was cancelled go on, on the node that keeps its journal: steps that are done are not run again.
#[utoipa::path(post, path = "/plans/runs/{id}/resume", params(("id" = i64, Path)), request_body = Option<ResumePlan>, responses(
    (status = 202, body = AcceptedRun), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 413, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn resume(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    id: Result<Path<PlanRunId>, PathRejection>,
    OptionalJsonBody(wanted): OptionalJsonBody<ResumePlan>,
) -> Result<(StatusCode, Json<AcceptedRun>), ApiError> {
    let Path(id) = id?;
    let wanted = wanted.unwrap_or_default();
    let found = server
        .store
        .read(move |connection| {
            let Some(run) = plan_runs::find(connection, id)? else { return Ok(None) };
            let job = jobs::find(connection, run.job)?;
            let node = run.node.map(|node| nodes::find(connection, node)).transpose()?.flatten();
            Ok(job.map(|job| (run, job, node)))
        })
        .await?;
    let (run, job, node) = found.ok_or_else(|| no_run(id))?;
    if !matches!(run.state, JobState::Failed | JobState::Cancelled) {
        let why = if run.state.is_final() {
            "nothing is left to go on with"
        } else {
            "wait for its end, or cancel it first"
        };
        return Err(ApiError::conflict(format!("plan run {id} is {}: {why}", run.state)));
    }
    let mut spec = job.spec;
    if spec.inputs.is_some() {
        return Err(ApiError::conflict(format!(
            "plan run {id} brought its files, and what it did went with them: run the plan anew"
        )));
    }
    let order = spec.plan.get_or_insert_default();
    order.run = Some(id);
    order.resume.clone_from(&run.name_on_node);
    order.yes = wanted.yes.unwrap_or(order.yes);
    spec.timeout = wanted.timeout.unwrap_or(spec.timeout);
    // A run that never began can begin anywhere.
    if run.name_on_node.is_some() {
        let number = run.node.unwrap_or_default();
        let name = node.map_or_else(|| number.to_string(), |node| node.name);
        let is_there =
            server.dispatcher.nodes().await?.iter().any(|node| node.id == number && node.is_connected);
        if !is_there {
            return Err(ApiError::conflict(format!(
                "the node {name}, which keeps what plan run {id} did, is not connected: start its agent, or run the plan anew"
            )));
        }
        spec.node = Some(number.to_string());
    }
    let secrets = secrets_again(&server, &spec, wanted.vars).await?;
    let job = submit(&server, &allowed, spec, secrets, None).await?;
    accepted(&server, job).await
}

/// The values of secret params; all other ones are those of the run.
async fn secrets_again(
    server: &Shared,
    spec: &JobSpec,
    mut vars: BTreeMap<String, String>,
) -> Result<Secrets, ApiError> {
    if vars.is_empty() {
        return Ok(Secrets::default());
    }
    let is_task = spec.plan.as_ref().is_some_and(|plan| plan.task.is_some());
    let kind = if is_task { Kind::Tasks } else { Kind::Plans };
    let secrets = take_secrets(&entry(server, kind, &spec.name).await?, &mut vars)?;
    match vars.keys().next() {
        Some(name) => Err(ApiError::bad(format!(
            "`{name}` is no secret param: a run goes on with the values with which it began"
        ))),
        None => Ok(secrets),
    }
}

/// What a step printed: `text/event-stream` with events `log` (`{stream, time, text}`) and one `end` (`{state, exit_code, reason}`) when the step is done, whose ids are
/// places in the log, so that `Last-Event-ID` goes on where a connection broke; or the text alone. Retries, and what it printed before the run went on, stand in their order.
#[utoipa::path(get, path = "/plans/runs/{id}/steps/{step}/logs",
    params(("id" = i64, Path), ("step" = String, Path, description = "the name of a step with its combination, as in `build[arm64]`"), StepLogWanted), responses(
    (status = 200, content((String = "text/event-stream"), (String = "text/plain"))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn step_logs(
    _: Allowed<Read>,
    State(server): State<Shared>,
    place: Result<Path<(PlanRunId, String)>, PathRejection>,
    Asked(wanted): Asked<StepLogWanted>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path((run, step)) = place?;
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    let from = last.filter(|last| *last != "0").map(Position::parse);
    let from = match from {
        Some(None) => return Err(ApiError::bad(NO_PLACE)),
        known => known.flatten(),
    };
    let follower = Follower {
        server,
        run,
        step,
        at: from,
        ready: Vec::new().into_iter(),
        most: READ_BYTES,
        is_over: false,
    };
    let known = follower.known().await?;
    let Some((_, parts)) = known else {
        let record = follower.server.store.read(move |connection| plan_runs::find(connection, run)).await?;
        let no_step =
            |_| ApiError::not_found(format!("plan run {run} has no step named `{}`", follower.step));
        return Err(record.map_or_else(|| no_run(run), no_step));
    };
    if from.is_some_and(|from| !follower.is_place(from, &parts)) {
        return Err(ApiError::bad(NO_PLACE));
    }
    if wanted.format.unwrap_or_default() == LogFormat::Text {
        let pieces = stream::unfold(follower, |mut follower| async move {
            let pieces = follower.next_pieces().await?;
            let text: String = pieces.into_iter().map(|(_, piece)| piece.text).collect();
            Some((Ok::<_, Infallible>(text), follower))
        });
        return Ok(plain(axum::body::Body::from_stream(pieces)));
    }
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Ok(event_stream(events))
}

/// A place in the log of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    attempt: Attempt,
    byte: u64,
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.splitn(3, '-');
        let (job, fence) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(Self { attempt: Attempt { job, fence }, byte: numbers.next()?.parse().ok()? })
    }

    fn id(self) -> String {
        format!("{}-{}-{}", self.attempt.job, self.attempt.fence, self.byte)
    }
}

/// Pieces of a log, each with the place behind it.
type Pieces = Vec<(Position, Printed)>;

/// Reads the log of a step as it grows.
struct Follower {
    server: Shared,
    run: PlanRunId,
    step: String,
    at: Option<Position>,
    ready: std::vec::IntoIter<(Position, Printed)>,
    /// How much is read at once: more where a line is longer.
    most: usize,
    is_over: bool,
}

impl Follower {
    /// The step as it stands, and the parts of its log.
    async fn known(&self) -> Result<Option<(PlanStepRecord, Vec<StepLogPart>)>, ApiError> {
        let (run, step) = (self.run, self.step.clone());
        let known =
            self.server.store.read(move |connection| plan_runs::find_step_log(connection, run, &step));
        Ok(known.await?)
    }

    /// Whether a place is one between two lines of a part of the log. A part that grows may end later than is known of it.
    fn is_place(&self, place: Position, parts: &[StepLogPart]) -> bool {
        let is_of = |part: &StepLogPart| {
            part.attempt == place.attempt
                && (part.first_byte..=part.end_byte.unwrap_or(u64::MAX)).contains(&place.byte)
        };
        let files = self.server.dispatcher.plan_events();
        let is_after_line = || match place.byte.checked_sub(1) {
            Some(before) => files.read(place.attempt, before, 1).is_ok_and(|byte| byte == b"\n"),
            None => true,
        };
        parts.iter().any(is_of) && is_after_line()
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((place, piece)) = self.ready.next() {
                let data = json!({"stream": piece.stream, "time": piece.time, "text": piece.text});
                return Some(Event::default().event("log").id(place.id()).data(data.to_string()));
            }
            if self.is_over {
                return None;
            }
            // Who grows is asked before what is there is read, so that nothing falls in between.
            let mut watched = self.server.dispatcher.watch();
            let (step, parts) = self.known().await.ok()??;
            let files = Arc::clone(self.server.dispatcher.plan_events());
            let growing = parts.last().and_then(|part| files.growing(part.attempt)).map(|file| file.watch());
            let more = self.read_more(&parts).await?;
            if !more.is_empty() {
                self.ready = more.into_iter();
                continue;
            }
            if step.is_done() {
                self.is_over = true;
                let id = self.at.map_or_else(|| "0".to_owned(), Position::id);
                let data = json!({"state": step.state, "exit_code": step.exit_code, "reason": step.reason});
                return Some(Event::default().event("end").id(id).data(data.to_string()));
            }
            match growing {
                Some(mut growing) => tokio::select! {
                    _ = growing.changed() => {}
                    _ = watched.recv() => {}
                },
                None => drop(watched.recv().await),
            }
        }
    }

    /// The next pieces that are there; `None` at the end of what is there.
    async fn next_pieces(&mut self) -> Option<Pieces> {
        let (_, parts) = self.known().await.ok()??;
        let pieces = self.read_more(&parts).await?;
        (!pieces.is_empty()).then_some(pieces)
    }

    /// The next pieces of the step; none at the end of what is there. `None` where it cannot be read.
    async fn read_more(&mut self, parts: &[StepLogPart]) -> Option<Pieces> {
        for part in parts {
            let from = match self.at {
                Some(at) if at.attempt > part.attempt => continue,
                Some(at) if at.attempt == part.attempt => at.byte.max(part.first_byte),
                _ => part.first_byte,
            };
            let mut at = Position { attempt: part.attempt, byte: from };
            loop {
                let read = self.read(at, part.end_byte).await?;
                at.byte += read.length;
                self.at = Some(at);
                if !read.pieces.is_empty() {
                    return Some(read.pieces);
                }
                if read.length == 0 {
                    break;
                }
            }
        }
        Some(Vec::new())
    }

    async fn read(&mut self, from: Position, end: Option<u64>) -> Option<ReadLines> {
        let left = end.map_or(u64::MAX, |end| end.saturating_sub(from.byte));
        let files = Arc::clone(self.server.dispatcher.plan_events());
        loop {
            let most = self.most.min(usize::try_from(left).unwrap_or(usize::MAX));
            let (files, step) = (Arc::clone(&files), self.step.clone());
            let read = tokio::task::spawn_blocking(move || read_lines(&files, from, most, &step));
            let read = read.await.ok()??;
            if read.length > 0 || !read.is_full || most < self.most || self.most >= MAX_LINE_BYTES {
                self.most = READ_BYTES;
                return Some(read);
            }
            // The line is longer.
            self.most *= 4;
        }
    }
}

/// What is in the next lines of a file.
struct ReadLines {
    /// How many bytes the lines have.
    length: u64,
    pieces: Pieces,
    /// Whether as much was read as was wanted.
    is_full: bool,
}

fn read_lines(files: &LogFiles, from: Position, most: usize, step: &str) -> Option<ReadLines> {
    let bytes = files.read(from.attempt, from.byte, most).ok()?;
    let printed = plan_events::printed(&bytes, from.byte, step);
    Some(ReadLines {
        length: plan_events::whole_lines(&bytes) as u64,
        pieces: printed.into_iter().map(|(byte, piece)| (Position { byte, ..from }, piece)).collect(),
        is_full: bytes.len() == most,
    })
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in ["1-2-3", "9000-1-0"] {
            assert_eq!(Position::parse(text).map(Position::id), Some(text.to_owned()));
        }
        for text in ["", "1", "1-2", "1-2-3-4", "a-b-c", "1-2--3"] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
