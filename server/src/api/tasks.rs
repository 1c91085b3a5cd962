//! Tasks, and running them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ez_compiler::ast::param::variable_name;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::json_body::JsonBody;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read, Run};
use crate::catalog::Kind;
use crate::dispatcher::Submitted;
use crate::job::{JobId, JobKind, JobSpec};
use crate::node_words::{MAX_TAGS, WORD, is_word};
use crate::secrets::Secrets;

/// The most variables of a job, and the longest value.
const MAX_VARS: usize = 256;
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// How long the variables and arguments of a job are altogether, in bytes.
const MAX_TEXT_BYTES: usize = 256 * 1024;
const MAX_KEY_BYTES: usize = 200;

/// The longest timeout in seconds: a year.
const MAX_TIMEOUT: u64 = 366 * 24 * 3600;

/// How often a job may be tried again.
const MAX_RETRY: u32 = 100;

/// A list of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tasks {
    /// As `ez list --all --json` tells them.
    tasks: Vec<Value>,
}

/// A job that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// Its number.
    job: JobId,
}

impl Accepted {
    /// Of a number.
    pub fn new(job: JobId) -> Self {
        Self { job }
    }
}

/// A run of a task.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunTask {
    /// The name of the task.
    task: String,
    /// Variables and params.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// Arguments behind `--`.
    #[serde(default)]
    args: Vec<String>,
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
    /// How often it is tried again.
    #[serde(default)]
    retry: u32,
    /// Jobs with the same lock never run at once.
    #[serde(default)]
    lock: Option<String>,
    /// The same key is the same job.
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// All tasks of the project.
#[utoipa::path(get, path = "/tasks", responses(
    (status = 200, body = Tasks), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 422, body = ErrorBody)))]
pub async fn list(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<Tasks>, ApiError> {
    let tasks = server.catalog.entries(Kind::Tasks).await?;
    Ok(Json(Tasks { tasks: tasks.to_vec() }))
}

/// One task.
#[utoipa::path(get, path = "/tasks/{name}", params(("name" = String, Path)), responses(
    (status = 200, body = Value), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn one(
    _: Allowed<Read>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(name) = name?;
    entry(&server, Kind::Tasks, &name).await.map(Json)
}

/// Runs a task. The job is safe when this answers.
#[utoipa::path(post, path = "/tasks/run", request_body = RunTask, responses(
    (status = 202, body = Accepted), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 413, body = ErrorBody), (status = 415, body = ErrorBody), (status = 422, body = ErrorBody),
    (status = 503, body = ErrorBody)))]
pub async fn run(
    allowed: Allowed<Run>,
    State(server): State<Shared>,
    JsonBody(mut run): JsonBody<RunTask>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    let entry = entry(&server, Kind::Tasks, &run.task).await?;
    let secrets = take_secrets(&entry, &mut run.vars)?;
    let lock = lock_of(&entry, &run.task, run.lock)?;
    let spec = JobSpec {
        kind: JobKind::Task,
        name: run.task,
        vars: run.vars,
        args: run.args,
        node: run.node,
        tags: run.tags,
        timeout: run.timeout,
        priority: run.priority,
        retry: run.retry,
        lock,
        ..JobSpec::default()
    };
    let job = submit(&server, &allowed, spec, secrets, run.idempotency_key).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted::new(job))))
}

/// What `ez` tells of a task or a plan.
pub(super) async fn entry(server: &Shared, kind: Kind, name: &str) -> Result<Value, ApiError> {
    let what = match kind {
        Kind::Tasks => "task",
        Kind::Plans => "plan",
        Kind::Templates => "template",
    };
    let found = server.catalog.find(kind, name).await?;
    found.ok_or_else(|| ApiError::not_found(format!("no {what} is named `{name}`")))
}

/// The lock of a job: that of its task (`ez-lock`) counts on all machines.
fn lock_of(entry: &Value, asked_for: &str, given: Option<String>) -> Result<Option<String>, ApiError> {
    if entry["lock"] != json!(true) {
        return Ok(given);
    }
    // An alias is the same task.
    let task = entry["name"].as_str().unwrap_or(asked_for);
    match given {
        Some(_) => Err(ApiError::bad(format!("`{task}` has a lock of its own (ez-lock): leave `lock` out"))),
        None => Ok(Some(format!("ez-lock:{task}"))),
    }
}

/// Secret params of a task or plan, by their names.
fn secret_names(entry: &Value) -> impl Iterator<Item = &str> {
    let params = entry["params"].as_array().into_iter().flatten();
    let of_task = params.filter(|param| param["type"] == json!("secret")).map(|param| &param["name"]);
    let of_plan = entry["secrets"].as_array().into_iter().flatten();
    of_task.chain(of_plan).filter_map(Value::as_str)
}

/// Takes the values of secret params out of the variables of a job: they go another way, by the environment, and are stored sealed.
pub(super) fn take_secrets(entry: &Value, vars: &mut BTreeMap<String, String>) -> Result<Secrets, ApiError> {
    let mut secrets = Secrets::default();
    for name in secret_names(entry) {
        let variable = variable_name(name);
        let given = [vars.remove(name), vars.remove(variable.as_str())];
        let Some(value) = given.into_iter().flatten().next() else { continue };
        if !is_param(entry, name) {
            return Err(ApiError::bad(format!(
                "the variable `{name}` is secret, and variables are not taken from the environment: make it a param of the type `secret`"
            )));
        }
        check_text(name, &value)?;
        secrets.0.insert(variable.to_string(), value);
    }
    Ok(secrets)
}

/// Whether a secret of a task or plan is a param.
fn is_param(entry: &Value, name: &str) -> bool {
    let is_it = |param: &Value| param == name || param["name"] == name;
    entry["params"].as_array().is_some_and(|params| params.iter().any(is_it))
}

/// Has a job accepted that was checked, with its secret variables.
pub(super) async fn submit(
    server: &Shared,
    allowed: &Allowed<Run>,
    spec: JobSpec,
    secrets: Secrets,
    key: Option<String>,
) -> Result<JobId, ApiError> {
    check(&spec, &secrets, key.as_deref())?;
    let name = spec.name.clone();
    let Submitted { job, is_new } =
        server.dispatcher.submit(spec, secrets, allowed.caller.name.clone(), key).await?;
    // Who asks once more with the same key changes nothing.
    if is_new {
        server.audit(&allowed.caller, "run", format!("job {job}: {name}")).await?;
    }
    Ok(job)
}

/// Refuses variables that no task can have.
pub(super) fn check_vars(vars: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if vars.len() > MAX_VARS {
        return Err(ApiError::bad(format!("a job has at most {MAX_VARS} variables")));
    }
    vars.iter().try_for_each(|(name, value)| check_variable(name, value))
}

fn check_variable(name: &str, value: &str) -> Result<(), ApiError> {
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !is_name {
        return Err(ApiError::bad(format!("`{name}` is no name of a variable: use letters, digits and `_`")));
    }
    check_text(name, value)
}

fn check(spec: &JobSpec, secrets: &Secrets, key: Option<&str>) -> Result<(), ApiError> {
    check_vars(&spec.vars)?;
    if spec.env.len() > MAX_VARS || secrets.0.len() > MAX_VARS {
        return Err(ApiError::bad(format!("a job has at most {MAX_VARS} variables of its environment")));
    }
    for (name, value) in spec.env.iter().chain(&secrets.0) {
        check_variable(name, value)?;
    }
    if spec.args.len() > MAX_VARS {
        return Err(ApiError::bad(format!("a job has at most {MAX_VARS} arguments")));
    }
    for arg in &spec.args {
        check_text("args", arg)?;
    }
    let sealed: usize = secrets.0.iter().map(|(name, value)| name.len() + value.len()).sum();
    if spec.text_bytes() + sealed > MAX_TEXT_BYTES {
        return Err(ApiError::bad(format!(
            "the variables and arguments of a job have at most {MAX_TEXT_BYTES} bytes: write what is longer into a file"
        )));
    }
    if spec.timeout > MAX_TIMEOUT {
        return Err(ApiError::bad(format!("a timeout is at most {MAX_TIMEOUT} seconds")));
    }
    if spec.retry > MAX_RETRY {
        return Err(ApiError::bad(format!("a job is tried again at most {MAX_RETRY} times")));
    }
    if !spec.tags.iter().chain(&spec.node).chain(&spec.nodes).all(|word| is_word(word)) {
        return Err(ApiError::bad(format!("nodes and tags are {WORD}")));
    }
    if spec.tags.len() > MAX_TAGS || spec.nodes.len() > MAX_TAGS {
        return Err(ApiError::bad(format!("a job names at most {MAX_TAGS} tags, and as many nodes")));
    }
    if key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES) {
        return Err(ApiError::bad(format!("an idempotency_key has 1 to {MAX_KEY_BYTES} bytes")));
    }
    Ok(())
}

fn check_text(name: &str, value: &str) -> Result<(), ApiError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(ApiError::bad(format!("`{name}` is longer than {MAX_VALUE_BYTES} bytes")));
    }
    if value.contains('\0') {
        return Err(ApiError::bad(format!("`{name}` has a zero byte, which no process can be given")));
    }
    Ok(())
}
