//! Jobs and their logs.

#![expect(unused_qualifications, reason = "the macro of the routes names the types of their queries so")]

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::query::{Asked, PageSize};
use super::task_files::plain;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Edit, Read, Run};
use crate::job::{JobId, JobState};
use crate::log_file::{LineStart, LogFiles};
use crate::log_frame::{self, Frame};
use crate::store::jobs::{self, AttemptRecord, Cancelled, Deleted, Filter, JobRecord};
use crate::store::results;
use crate::wire::Attempt;

/// How much of a log is read at once.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// What is told where a stream is to go on at a place that its log does not have.
pub(super) const NO_PLACE: &str = "Last-Event-ID is no place in this log: it is the `id` of the last event that came; without it the log begins anew";

/// How often a stream that has nothing to tell shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which jobs are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `pending`, `running`, `success`, `failed` or `cancelled`.
    state: Option<JobState>,
    /// The name of a task or plan.
    name: Option<String>,
    /// The node, by its name or number.
    node: Option<String>,
    /// Jobs with smaller numbers: `next` of the page before.
    cursor: Option<JobId>,
    /// How many at most: 50, and up to 1,000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<PageSize>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Jobs {
    /// The newest first.
    jobs: Vec<JobRecord>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<JobId>,
}

/// A job and its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobDetails {
    /// The job.
    #[serde(flatten)]
    job: JobRecord,
    /// Its attempts.
    attempts: Vec<AttemptRecord>,
    /// The result of its last attempt.
    result: Option<Value>,
}

/// What a log is wanted as.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogWanted {
    /// `text` for all that is there, as it was written; else a stream of events.
    #[param(inline)]
    format: Option<LogFormat>,
    /// This attempt alone. In a stream 0 is the first one, which need not have begun.
    #[param(minimum = 0)]
    attempt: Option<i64>,
    /// Begins so many lines before the end of what is there; else at the beginning.
    tail: Option<u64>,
}

/// The form of a log.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A stream of events that goes on as long as the job runs.
    #[default]
    Events,
    /// The text alone.
    Text,
}

/// How a job is to be ended.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CancelWanted {
    /// Whether its node is not waited for. What still runs there is ended when the node hears of it.
    #[serde(default)]
    force: bool,
}

/// What a wish to end a job led to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CancelAnswer {
    /// `cancelled`, or `cancelling` where its node is to end it.
    state: &'static str,
}

impl CancelAnswer {
    /// With a state.
    pub fn new(state: &'static str) -> Self {
        Self { state }
    }
}

/// There is none.
pub(super) fn no_job(job: JobId) -> ApiError {
    ApiError::not_found(format!("there is no job {job}"))
}

/// Jobs, the newest first.
#[utoipa::path(get, path = "/jobs", params(Wanted), responses(
    (status = 200, body = Jobs), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
pub async fn list(
    _: Allowed<Read>,
    State(server): State<Shared>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Jobs>, ApiError> {
    let limit = wanted.limit.unwrap_or_default().get();
    let Wanted { state, name, node, cursor: before, .. } = wanted;
    let filter = Filter { state, name, node, before, limit };
    let jobs::Page { mut jobs, next } =
        server.store.read(move |connection| jobs::list(connection, &filter)).await?;
    say_what_they_wait_for(&server, &mut jobs).await?;
    Ok(Json(Jobs { jobs, next }))
}

/// Says of jobs that wait what they wait for.
async fn say_what_they_wait_for(server: &Shared, jobs: &mut [JobRecord]) -> Result<(), ApiError> {
    let waiting = jobs.iter().filter(|job| job.state == JobState::Pending).map(|job| job.id);
    let waiting: Vec<JobId> = waiting.collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let known = server.dispatcher.waits_for(waiting).await?;
    for job in jobs {
        job.waits_for = known.get(&job.id).map(ToString::to_string);
    }
    Ok(())
}

/// One job.
#[utoipa::path(get, path = "/jobs/{id}", params(("id" = i64, Path)), responses(
    (status = 200, body = JobDetails), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub async fn one(
    _: Allowed<Read>,
    State(server): State<Shared>,
    id: Result<Path<JobId>, PathRejection>,
) -> Result<Json<JobDetails>, ApiError> {
    let Path(id) = id?;
    let found = server
        .store
        .read(move |connection| {
            let Some(job) = jobs::find(connection, id)? else { return Ok(None) };
            let result = results::find(connection, Attempt { job: id, fence: job.attempt })?;
            Ok(Some((job, jobs::attempts(connection, id)?, result)))
        })
        .await?;
    let (mut job, attempts, result) = found.ok_or_else(|| no_job(id))?;
    say_what_they_wait_for(&server, std::slice::from_mut(&mut job)).await?;
    let result = result.and_then(|result| serde_json::from_str(&result).ok());
    Ok(Json(JobDetails { job, attempts, result }))
}

/// Forgets a job that has ended, and its logs; with the first job of a plan run the whole run. Its other jobs go with that one alone.
#[utoipa::path(delete, path = "/jobs/{id}", params(("id" = i64, Path)), responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn delete(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    id: Result<Path<JobId>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id?;
    let attempts = match server.store.write(move |connection| jobs::delete(connection, id)).await? {
        Deleted::Done(attempts) => attempts,
        Deleted::Unknown => return Err(no_job(id)),
        Deleted::Unfinished(job, state) => {
            return Err(ApiError::conflict(format!("job {job} is {state}: cancel it first")));
        }
        Deleted::PartOf { run, first } => {
            return Err(ApiError::conflict(format!(
                "job {id} belongs to plan run {run}, which is forgotten as a whole: delete job {first}, its first one"
            )));
        }
    };
    for attempt in attempts {
        // A log that stays behind is of no job, and takes only space.
        let _ = server.dispatcher.logs().remove(attempt);
    }
    server.audit(&allowed.caller, "delete", format!("job {id}")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a job. With `force` its node is not waited for.
#[utoipa::path(post, path = "/jobs/{id}/cancel", params(("id" = i64, Path), CancelWanted), responses(
    (status = 202, body = CancelAnswer), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn cancel(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    id: Result<Path<JobId>, PathRejection>,
    Asked(wanted): Asked<CancelWanted>,
) -> Result<(StatusCode, Json<CancelAnswer>), ApiError> {
    let Path(id) = id?;
    let by = allowed.caller.name.clone();
    let wished = if wanted.force {
        server.dispatcher.force_end(id, by).await?
    } else {
        server.dispatcher.cancel(id, by).await?
    };
    let state = match wished {
        Cancelled::Done => "cancelled",
        Cancelled::Wanted(_) => "cancelling",
        Cancelled::Ended(state) => return Err(ApiError::conflict(format!("job {id} has ended: {state}"))),
        Cancelled::Unknown => return Err(no_job(id)),
    };
    server.audit(&allowed.caller, "cancel", format!("job {id}")).await?;
    Ok((StatusCode::ACCEPTED, Json(CancelAnswer { state })))
}

/// The log of a job: `text/event-stream` with events `log` (`{stream, time, text}`, and the bytes as `base64` where they are not UTF-8) and one `end` (`{state, exit_code}`), whose ids are places in the log, so that
/// `Last-Event-ID` goes on where a connection broke; or the text alone. It begins with the last attempt, and goes on with those that follow.
#[utoipa::path(get, path = "/jobs/{id}/logs", params(("id" = i64, Path), LogWanted), responses(
    (status = 200, content((String = "text/event-stream"), (String = "text/plain"))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
pub async fn logs(
    _: Allowed<Read>,
    State(server): State<Shared>,
    id: Result<Path<JobId>, PathRejection>,
    Asked(wanted): Asked<LogWanted>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path(id) = id?;
    let job = server.store.read(move |connection| jobs::find(connection, id)).await?;
    let job = job.ok_or_else(|| no_job(id))?;
    let fence = wanted.attempt.unwrap_or(job.attempt);
    let format = wanted.format.unwrap_or_default();
    // Who follows a job that waits has no other number for what comes.
    let first = i64::from(format == LogFormat::Text);
    if wanted.attempt.is_some_and(|attempt| attempt < first) {
        return Err(ApiError::bad("attempt is 1 for the first one, and 2 for the next"));
    }
    if fence > job.attempt {
        return Err(ApiError::not_found(format!("job {id} has no attempt {fence}")));
    }
    let attempt = Attempt { job: id, fence };
    if format == LogFormat::Text {
        let start = start_of(&server, attempt, wanted.tail).await?;
        return Ok(text_of(&server, attempt, start));
    }
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    let (attempt, LineStart { offset, skipped }) = match last.filter(|last| *last != "0") {
        Some(last) => {
            let place = LogPlace::parse(last).filter(|place| {
                let attempt = Attempt { job: id, fence: place.fence };
                place.fence <= job.attempt
                    && wanted.attempt.is_none_or(|wanted| wanted == place.fence)
                    && server.dispatcher.logs().has_frame_at(attempt, place.offset)
            });
            let place = place.ok_or_else(|| ApiError::bad(NO_PLACE))?;
            (Attempt { fence: place.fence, ..attempt }, LineStart { offset: place.offset, skipped: 0 })
        }
        None => (attempt, start_of(&server, attempt, wanted.tail).await?),
    };
    let is_bound = wanted.attempt.is_some();
    let ready = Vec::new().into_iter();
    let follower = Follower { server, attempt, is_bound, offset, skipped, ready, is_over: false };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Ok(event_stream(events))
}

/// Events as they come, with signs of life in between.
pub(super) fn event_stream(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// Where a log is read from of which the last lines are wanted, or all.
async fn start_of(server: &Shared, attempt: Attempt, tail: Option<u64>) -> Result<LineStart, ApiError> {
    let Some(count) = tail else { return Ok(LineStart::default()) };
    let logs = Arc::clone(server.dispatcher.logs());
    let found = tokio::task::spawn_blocking(move || logs.last_lines(attempt, count)).await;
    found.map_err(io::Error::other).flatten().map_err(|error| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, format!("the log cannot be read: {error}"))
    })
}

/// All that is there of the log of an attempt from a place on, as text.
pub(super) fn text_of(server: &Shared, attempt: Attempt, start: LineStart) -> Response {
    let logs = Arc::clone(server.dispatcher.logs());
    let chunks = stream::unfold((logs, start), move |(logs, start)| async move {
        let (mut text, next) = next_text(&logs, attempt, start.offset)?;
        text.drain(..start.skipped.min(text.len()));
        Some((Ok::<_, Infallible>(text), (logs, LineStart { offset: next, skipped: 0 })))
    });
    plain(axum::body::Body::from_stream(chunks))
}

/// The text of the next whole frames, and where the rest begins; `None` at the end.
fn next_text(logs: &LogFiles, attempt: Attempt, offset: u64) -> Option<(Vec<u8>, u64)> {
    let bytes = logs.read(attempt, offset, READ_BYTES).ok()?;
    let (frames, length) = log_frame::whole_frames(&bytes).ok()?;
    if length == 0 {
        return None;
    }
    let text = frames.iter().flat_map(|frame| frame.content).copied().collect();
    Some((text, offset + length as u64))
}

/// A place in the logs of a job, as the ids of events have it: after it comes what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LogPlace {
    fence: i64,
    offset: u64,
}

impl LogPlace {
    fn parse(id: &str) -> Option<Self> {
        let (fence, offset) = id.split_once('-')?;
        Some(Self { fence: fence.parse().ok()?, offset: offset.parse().ok()? })
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.fence, self.offset)
    }
}

/// Reads the log of an attempt as it grows, and then those of the attempts after it.
struct Follower {
    server: Shared,
    attempt: Attempt,
    /// Whether no other attempt is wanted.
    is_bound: bool,
    offset: u64,
    /// How much of the next frame is left out.
    skipped: usize,
    ready: std::vec::IntoIter<Event>,
    is_over: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.next() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            // Who grows is asked before what is there is read, so that nothing falls in between.
            let logs = Arc::clone(self.server.dispatcher.logs());
            let growing = logs.growing(self.attempt).map(|log| log.watch());
            let mut watched = self.server.dispatcher.watch();
            if self.read_more(&logs) {
                continue;
            }
            if let Some(mut growing) = growing {
                tokio::select! {
                    _ = growing.changed() => {}
                    _ = watched.recv() => {}
                }
                continue;
            }
            let job = self.attempt.job;
            let record =
                self.server.store.read(move |connection| jobs::find(connection, job)).await.ok()??;
            if self.attempt.fence == 0 && record.attempt > 0 {
                // It waited when it was asked for, and its first attempt has begun since.
                self.attempt.fence = 1;
                continue;
            }
            if record.state.is_final() || record.attempt > self.attempt.fence {
                if self.read_more(&logs) {
                    continue;
                }
                if record.attempt > self.attempt.fence && !self.is_bound {
                    self.attempt.fence += 1;
                    self.offset = 0;
                    continue;
                }
                self.is_over = true;
                return Some(end_event(&record, self.place(self.offset)));
            }
            // It waits for a node.
            let _ = watched.recv().await;
        }
    }

    fn place(&self, offset: u64) -> LogPlace {
        LogPlace { fence: self.attempt.fence, offset }
    }

    /// Makes events of what is there. Whether there was something.
    fn read_more(&mut self, logs: &LogFiles) -> bool {
        let Ok(bytes) = logs.read(self.attempt, self.offset, READ_BYTES) else { return false };
        let Ok((frames, length)) = log_frame::whole_frames(&bytes) else { return false };
        if length == 0 {
            return false;
        }
        let mut at = self.offset;
        let mut skipped = std::mem::take(&mut self.skipped);
        let events = frames.iter().map(|frame| {
            at += (log_frame::HEADER_BYTES + frame.content.len()) as u64;
            let content = frame.content.get(std::mem::take(&mut skipped)..).unwrap_or_default();
            log_event(&Frame { content, ..*frame }, self.place(at))
        });
        let Ok(events) = events.collect::<Result<Vec<_>, _>>() else { return false };
        self.ready = events.into_iter();
        self.offset += length as u64;
        true
    }
}

/// What an event of a log says.
#[derive(Serialize)]
struct LogLine<'l> {
    stream: &'static str,
    time: i64,
    text: Cow<'l, str>,
    /// The bytes, where they are no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn log_event(frame: &Frame<'_>, end: LogPlace) -> Result<Event, axum::Error> {
    // A text without a mistake, as nearly every one is, is looked through much faster so.
    let (text, base64) = match std::str::from_utf8(frame.content) {
        Ok(text) => (Cow::Borrowed(text), None),
        Err(_) => (String::from_utf8_lossy(frame.content), Some(BASE64_STANDARD.encode(frame.content))),
    };
    let line = LogLine { stream: frame.stream.name(), time: frame.time, text, base64 };
    Event::default().event("log").id(end.to_string()).json_data(line)
}

fn end_event(job: &JobRecord, end: LogPlace) -> Event {
    let data = json!({"state": job.state.name(), "exit_code": job.exit_code, "reason": job.reason});
    Event::default().event("end").id(end.to_string()).data(data.to_string())
}
