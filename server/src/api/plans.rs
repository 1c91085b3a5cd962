//! Plans: their files, and running them.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ez_compiler::ast::param::variable_name;
use ez_compiler::folder::is_name;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::definitions::yaml_text;
use super::if_match::{self, IfMatch};
use super::json_body::JsonBody;
use super::tasks::{entry, submit, take_secrets};
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Edit, Read, Run};
use crate::catalog::{Kind, PLANS};
use crate::job::{JobId, JobKind, JobSpec, PlanOrder, PlanRunId};
use crate::source_file::{self, Saved, Source};
use crate::store::plan_runs;

/// Names that are words of the API, and of no plan.
const RESERVED: [&str; 2] = ["runs", "run-task"];

/// The most steps that may run at once.
const MAX_PARALLEL: u32 = 10_000;

/// The longest name of a plan, in bytes: with `.yml` it is the name of a file.
const MAX_NAME_BYTES: usize = 200;

/// Refuses what is no name of a plan.
pub(super) fn check_plan_name(name: &str) -> Result<(), ApiError> {
    if is_name(name) && name.len() <= MAX_NAME_BYTES && !RESERVED.contains(&name) {
        return Ok(());
    }
    Err(ApiError::bad(format!(
        "`{name}` is no name of a plan: use up to {MAX_NAME_BYTES} letters, digits, `-`, `_` and `.`, and none of {}",
        RESERVED.join(", ")
    )))
}

/// A list of plans.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plans {
    /// As `ez plan list --json` tells them.
    plans: Vec<Value>,
}

/// A plan and its graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanDetails {
    /// As `ez plan show --json` tells it: `steps` as they are written, and `nodes`, their combinations, each with its `level` and those that it `needs`.
    #[serde(flatten)]
    plan: BTreeMap<String, Value>,
    /// The names of the nodes, by their levels: those of a level wait only for nodes of the levels before it.
    levels: Vec<Vec<String>>,
}

/// A plan that is to be written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlan {
    /// Its name: letters, digits, `-`, `_` and `.`.
    #[schema(min_length = 1)]
    name: String,
    /// Its text.
    yaml: String,
}

/// A plan that was written.
#[derive(Debug, Serialize, ToSchema)]
pub struct SavedPlan {
    /// Its name.
    name: String,
    /// Names this version of its text, for `If-Match`.
    etag: String,
    /// What the compiler warns of.
    diagnostics: Vec<Value>,
}

/// How a plan is to run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunPlan {
    /// Variables and params of the plan. Values of secret params are stored sealed, and forgotten with the end of the job.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// The node, by its name or number.
    #[serde(default)]
    node: Option<String>,
    /// What the node must have.
    #[serde(default)]
    tags: Vec<String>,
    /// After how many seconds the whole run is ended; 0 is never.
    #[serde(default)]
    timeout: u64,
    /// Those of a higher one start first.
    #[serde(default)]
    priority: i32,
    /// Jobs with the same lock never run at once.
    #[serde(default)]
    lock: Option<String>,
    /// How many steps run at once; else as many as the node has cores.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000)]
    jobs: Option<u32>,
    /// Whether the first failure stops the rest.
    #[serde(default)]
    fail_fast: bool,
    /// Whether checkpoints are passed. Else the run ends at the first one, and goes on from there when it is resumed with `yes`.
    #[serde(default)]
    yes: bool,
    /// The same key is the same run.
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// A task that is to run as a plan of one step.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunTaskAsPlan {
    /// The name of the task.
    task: String,
    /// Variables and params of the task.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// The node, by its name or number.
    #[serde(default)]
    node: Option<String>,
    /// What the node must have.
    #[serde(default)]
    tags: Vec<String>,
    /// After how many seconds it is ended; 0 is never.
    #[serde(default)]
    timeout: u64,
    /// Those of a higher one start first.
    #[serde(default)]
    priority: i32,
    /// The same key is the same run.
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// A run that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedRun {
    /// The number of the run: that of its first job.
    pub(super) run: PlanRunId,
    /// The job that does it now.
    pub(super) job: JobId,
}

/// All plans of the project.
#[utoipa::path(get, path = "/plans", responses(
    (status = 200, body = Plans), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 422, body = ErrorBody)))]
pub async fn list(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<Plans>, ApiError> {
    let plans = server.catalog.entries(Kind::Plans).await?;
    Ok(Json(Plans { plans: plans.to_vec() }))
}

/// Writes a new plan, `plans/<name>.yml`. A text with errors is refused, with its diagnostics in `details`.
#[utoipa::path(post, path = "/plans", request_body = NewPlan, responses(
    (status = 201, body = SavedPlan), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 415, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn create(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    JsonBody(NewPlan { name, yaml }): JsonBody<NewPlan>,
) -> Result<Response, ApiError> {
    check_plan_name(&name)?;
    let _changing = server.catalog.changing().await;
    server.catalog.forget(Kind::Plans).await;
    if server.catalog.find(Kind::Plans, &name).await?.is_some() {
        return Err(taken(&name));
    }
    let path = server.catalog.root().join(PLANS).join(format!("{name}.yml"));
    check_inside(&server, &path)?;
    let (saved, tag) = write(&server, name, path, None, yaml).await?;
    server.audit(&allowed.caller, "create", format!("plan {}", saved.name)).await?;
    let place = HeaderValue::from_str(&format!("/api/v1/plans/{}", saved.name));
    let headers = place.map(|place| [(LOCATION, place)]).map_err(|_| ApiError::bad("no name of a plan"))?;
    Ok(if_match::tagged((StatusCode::CREATED, headers, Json(saved)).into_response(), tag.as_str()))
}

/// A plan: its steps, what each waits for, and its levels.
#[utoipa::path(get, path = "/plans/{name}", params(("name" = String, Path)), responses(
    (status = 200, body = PlanDetails), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn one(
    _: Allowed<Read>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<PlanDetails>, ApiError> {
    let Path(name) = name?;
    file_of(&server, &entry(&server, Kind::Plans, &name).await?)?;
    let plan = server.catalog.plan(&name).await?;
    let levels = levels(&plan);
    let plan = plan.as_object().cloned().unwrap_or_default().into_iter().collect();
    Ok(Json(PlanDetails { plan, levels }))
}

fn levels(plan: &Value) -> Vec<Vec<String>> {
    let mut levels: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for node in plan["nodes"].as_array().into_iter().flatten() {
        let name = node["name"].as_str().unwrap_or_default().to_owned();
        levels.entry(node["level"].as_u64().unwrap_or_default()).or_default().push(name);
    }
    levels.into_values().collect()
}

/// Removes the file of a plan. Its runs stay, and those that go on are not changed.
#[utoipa::path(delete, path = "/plans/{name}", params(("name" = String, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 412, body = ErrorBody),
    (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn delete(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let Path(name) = name?;
    let _changing = server.catalog.changing().await;
    let (path, _) = meant(&server, &name, IfMatch::of(&headers)?.as_ref()).await?;
    std::fs::remove_file(path).map_err(|error| disk(&error))?;
    server.catalog.forget(Kind::Plans).await;
    server.audit(&allowed.caller, "delete", format!("plan {name}")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The text of a plan, with the header `ETag`.
#[utoipa::path(get, path = "/plans/{name}/yaml", params(("name" = String, Path)), responses(
    (status = 200, body = Value, content_type = "application/yaml", headers(("ETag" = String))),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn yaml(
    _: Allowed<Read>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(name) = name?;
    let (_, source) = source(&server, &name).await?;
    let yaml = HeaderValue::from_static("application/yaml; charset=utf-8");
    Ok(if_match::tagged(([(CONTENT_TYPE, yaml)], source.text).into_response(), source.tag.as_str()))
}

/// Changes the text of a plan. It is compiled first: one with errors is refused, with its diagnostics in `details`. `If-Match` has to be sent: it is the `ETag` of the
/// text that was read, or `*`.
#[utoipa::path(put, path = "/plans/{name}/yaml", params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = String, content_type = "application/yaml"), responses(
    (status = 200, body = SavedPlan), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 412, body = ErrorBody),
    (status = 413, body = ErrorBody), (status = 422, body = ErrorBody), (status = 428, body = ErrorBody),
    (status = 503, body = ErrorBody)))]
pub async fn save(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let Path(name) = name?;
    let text = yaml_text(&headers, body)?;
    let wanted = IfMatch::required(&headers)?;
    let _changing = server.catalog.changing().await;
    let (path, before) = meant(&server, &name, Some(&wanted)).await?;
    let (saved, tag) = write(&server, name, path, Some(&before.text), text).await?;
    server.audit(&allowed.caller, "edit", format!("plan {}", saved.name)).await?;
    Ok(if_match::tagged(Json(saved).into_response(), tag.as_str()))
}

/// Runs a plan. The run is safe when this answers.
#[utoipa::path(post, path = "/plans/{name}/run", params(("name" = String, Path)), request_body = RunPlan, responses(
    (status = 202, body = AcceptedRun), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 415, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn run(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    JsonBody(mut run): JsonBody<RunPlan>,
) -> Result<(StatusCode, Json<AcceptedRun>), ApiError> {
    let Path(name) = name?;
    let entry = entry(&server, Kind::Plans, &name).await?;
    file_of(&server, &entry)?;
    let secrets = take_secrets(&entry, &mut run.vars)?;
    check_names(&entry, &run.vars)?;
    if entry["broken"] == true {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("the plan `{name}` has errors: `ez plan check {name}` tells them"),
        ));
    }
    if run.jobs.is_some_and(|jobs| jobs == 0 || jobs > MAX_PARALLEL) {
        return Err(ApiError::bad(format!("jobs is from 1 to {MAX_PARALLEL}")));
    }
    let plan = PlanOrder {
        jobs: run.jobs,
        fail_fast: run.fail_fast,
        yes: run.yes,
        has_remote_steps: entry["remote"] == true,
        ..PlanOrder::default()
    };
    let spec = JobSpec {
        kind: JobKind::Plan,
        name,
        vars: run.vars,
        node: run.node,
        tags: run.tags,
        timeout: run.timeout,
        priority: run.priority,
        lock: run.lock,
        plan: Some(Box::new(plan)),
        ..JobSpec::default()
    };
    let job = submit(&server, &allowed, spec, secrets, run.idempotency_key).await?;
    accepted(&server, job).await
}

/// Runs a task as a plan of one step: with a journal, a log of the step, and resuming.
#[utoipa::path(post, path = "/plans/run-task", request_body = RunTaskAsPlan, responses(
    (status = 202, body = AcceptedRun), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
    (status = 415, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn run_task(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    JsonBody(mut run): JsonBody<RunTaskAsPlan>,
) -> Result<(StatusCode, Json<AcceptedRun>), ApiError> {
    let entry = entry(&server, Kind::Tasks, &run.task).await?;
    let secrets = take_secrets(&entry, &mut run.vars)?;
    let plan = PlanOrder { task: Some(run.task.clone()), ..PlanOrder::default() };
    let spec = JobSpec {
        kind: JobKind::Plan,
        name: run.task,
        vars: run.vars,
        node: run.node,
        tags: run.tags,
        timeout: run.timeout,
        priority: run.priority,
        plan: Some(Box::new(plan)),
        ..JobSpec::default()
    };
    let job = submit(&server, &allowed, spec, secrets, run.idempotency_key).await?;
    accepted(&server, job).await
}

/// A variable that a plan does not know would be of no effect, and its value would be kept.
fn check_names(entry: &Value, vars: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let names = |member: &str| entry[member].as_array().into_iter().flatten().filter_map(Value::as_str);
    let known: Vec<&str> = names("params").chain(names("variables")).collect();
    // Of a plan that cannot be read nothing is known.
    if entry["broken"] == true {
        return Ok(());
    }
    let is_known =
        |name: &str| known.iter().any(|known| *known == name || variable_name(known) == variable_name(name));
    match vars.keys().find(|name| !is_known(name)) {
        Some(name) if known.is_empty() => {
            Err(ApiError::bad(format!("the plan knows no variable `{name}`: it takes none")))
        }
        Some(name) => {
            Err(ApiError::bad(format!("the plan knows no variable `{name}`: it takes {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

/// The answer for a job that runs a plan.
pub(super) async fn accepted(
    server: &Shared,
    job: JobId,
) -> Result<(StatusCode, Json<AcceptedRun>), ApiError> {
    let run = server.store.read(move |connection| plan_runs::of_job(connection, job)).await?;
    // The key may be that of a job which runs a task.
    let run = run.ok_or_else(|| ApiError::bad("the idempotency_key is that of a job that runs no plan"))?;
    Ok((StatusCode::ACCEPTED, Json(AcceptedRun { run, job })))
}

/// The file of a plan, which may be a link.
fn file_of(server: &Shared, entry: &Value) -> Result<PathBuf, ApiError> {
    let path = PathBuf::from(entry["file"].as_str().unwrap_or_default());
    check_inside(server, &path)?;
    Ok(path)
}

/// Only files of the project are plans here, wherever links lead.
fn check_inside(server: &Shared, path: &FilePath) -> Result<(), ApiError> {
    let root = server.catalog.root();
    if source_file::is_inside(root, path).map_err(|error| disk(&error))? {
        return Ok(());
    }
    let shown = path.strip_prefix(root).unwrap_or(path).display();
    let error = format!("{shown} is outside of the project, and cannot be used here");
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error))
}

/// The file of a plan, and what is in it.
async fn source(server: &Shared, name: &str) -> Result<(PathBuf, Source), ApiError> {
    let path = file_of(server, &entry(server, Kind::Plans, name).await?)?;
    let source = Source::read(&path).map_err(|error| disk(&error))?;
    let source = source.ok_or_else(|| ApiError::not_found(format!("no plan is named `{name}`")))?;
    Ok((path, source))
}

/// The same, where it is the version that a change is meant for.
async fn meant(server: &Shared, name: &str, wanted: Option<&IfMatch>) -> Result<(PathBuf, Source), ApiError> {
    server.catalog.forget(Kind::Plans).await;
    let (path, source) = source(server, name).await?;
    if wanted.is_some_and(|wanted| !wanted.is_met_by(&source.tag)) {
        return Err(changed(name, Some(&source.tag)));
    }
    Ok((path, source))
}

fn taken(name: &str) -> ApiError {
    ApiError::conflict(format!("there is a plan named `{name}` already"))
}

fn changed(name: &str, now: Option<&str>) -> ApiError {
    if_match::changed(&format!("the plan `{name}`"), now)
}

/// Compiles a text and puts it into its place.
async fn write(
    server: &Shared,
    name: String,
    path: PathBuf,
    before: Option<&str>,
    text: String,
) -> Result<(SavedPlan, String), ApiError> {
    if text.len() as u64 > source_file::MAX_BYTES {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a plan has at most {} bytes", source_file::MAX_BYTES),
        ));
    }
    let diagnostics = server.catalog.check_plan(&name, &text).await?;
    if source_file::replace(&path, before, &text).map_err(|error| disk(&error))? == Saved::Changed {
        return Err(if before.is_some() { changed(&name, None) } else { taken(&name) });
    }
    server.catalog.forget(Kind::Plans).await;
    let tag = Source::new(text).tag;
    let saved = SavedPlan { name, etag: if_match::quoted(&tag), diagnostics };
    Ok((saved, tag))
}

fn disk(error: &std::io::Error) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, format!("the file cannot be read or written: {error}"))
}
