//! What defines a task: read, and changed after the whole project was compiled with the change.

#![expect(unused_qualifications, reason = "the macro of the routes names the types of their queries so")]

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::if_match::{self, IfMatch};
use super::json_body::{JsonBody, check_encoding};
use super::plans::check_plan_name;
use super::query::Asked;
use super::tasks::{check_vars, entry, take_secrets};
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Edit, Read};
use crate::catalog::Kind;

/// The longest definition.
pub const MAX_DEFINITION_BYTES: usize = 1 << 20;

/// The longest name of a task or plan that is made here.
const MAX_NAME_BYTES: usize = 200;

/// The media type of a definition, and what else is understood as one.
const YAML: &str = "application/yaml";
const YAML_TYPES: [&str; 5] = [YAML, "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"];

/// Says in which file a definition stands.
const FILE: HeaderName = HeaderName::from_static("ez-file");

/// Which file of a folder task is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `metadata` for the `task.yml` of a folder task; else its Taskfile.
    #[serde(default)]
    #[param(inline)]
    part: Part,
}

/// A file of a folder task.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Its Taskfile.
    #[default]
    Taskfile,
    /// Its `task.yml`.
    Metadata,
}

/// What kind of task is made.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// An entry of the project's Taskfile.
    #[default]
    Inline,
    /// A directory below `tasks`.
    Folder,
}

/// A task that is to be made: of a text, or of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// Its name.
    name: String,
    /// What kind; of a template it is always a folder task.
    #[serde(default)]
    kind: TaskKind,
    /// Its definition: `name:` with what is below it, or the Taskfile of a folder task.
    #[serde(default)]
    yaml: Option<String>,
    /// The `task.yml` of a folder task.
    #[serde(default)]
    metadata: Option<String>,
    /// The name of a template.
    #[serde(default)]
    template: Option<String>,
    /// Values of the template's params.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// Something that was written.
#[derive(Debug, Serialize, ToSchema)]
pub struct Written {
    /// The task or plan.
    name: String,
    /// The file in which it stands, relative to the project; of a folder task its Taskfile.
    file: String,
}

/// A plan that is to be made of a task.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOfTask {
    /// The name of the plan.
    plan_name: String,
    /// Variables and params of its only step.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// Whether it takes the place of a plan of that name.
    #[serde(default)]
    overwrite: bool,
}

/// An answer of `ez`.
#[derive(Debug, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum Answer {
    Definition { file: String, text: String, tag: String },
    Saved { file: String, tag: Option<String>, is_replaced: bool },
    Unknown { message: String },
    Exists { message: String },
    Refused { message: String },
    Broken { errors: Vec<Value> },
    Changed { tag: Option<String> },
}

/// What was saved where, or why it was not.
fn saved(answer: Value, broken: StatusCode) -> Result<(String, Option<String>), ApiError> {
    match understood(answer)? {
        Answer::Saved { file, tag, .. } => Ok((file, tag)),
        other => Err(refusal(other, broken)),
    }
}

fn understood(answer: Value) -> Result<Answer, ApiError> {
    serde_json::from_value(answer).map_err(|error| {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "the project cannot be read")
            .with_details(error.to_string())
    })
}

fn refusal(answer: Answer, broken: StatusCode) -> ApiError {
    match answer {
        Answer::Unknown { message } => ApiError::not_found(message),
        Answer::Exists { message } => ApiError::conflict(message),
        Answer::Refused { message } => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message),
        Answer::Changed { tag } => if_match::changed("the definition", tag.as_deref()),
        Answer::Broken { errors } => {
            let findings: Vec<Value> = errors.iter().map(finding).collect();
            ApiError::new(broken, "the project would be broken").with_details(findings)
        }
        Answer::Definition { .. } | Answer::Saved { .. } => {
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "the project cannot be read")
        }
    }
}

/// What is told of an error: the place in the file as it would be, and the line in the text that was sent.
fn finding(error: &Value) -> Value {
    let start = &error["range"]["start"];
    json!({
        "code": error["code"], "name": error["name"], "message": error["message"], "file": error["file"],
        "line": start["line"], "column": start["column"], "text_line": error.get("text_line"),
        "help": error["help"], "url": error["url"],
    })
}

/// The text that defines a task: of a task in a Taskfile its lines, of a folder task its Taskfile or `task.yml`. `ETag` stands for the text, `Ez-File` names the file.
#[utoipa::path(get, path = "/tasks/{name}/yaml", params(("name" = String, Path), Wanted), responses(
    (status = 200, body = Value, content_type = "application/yaml",
        headers(("ETag" = String), ("Ez-File" = String))),
    (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn read(
    _: Allowed<Read>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, ApiError> {
    let Path(name) = name?;
    let question = json!({"question": "read", "task": name, "part": wanted.part});
    match understood(server.catalog.definition(&question).await?)? {
        Answer::Definition { file, text, tag } => {
            let yaml = HeaderValue::from_static(YAML);
            let mut response = if_match::tagged(([(CONTENT_TYPE, yaml)], text).into_response(), tag.as_str());
            // A name that is no text of a header is left out.
            if let Ok(file) = HeaderValue::from_str(&file) {
                response.headers_mut().insert(FILE, file);
            }
            Ok(response)
        }
        other => Err(refusal(other, StatusCode::UNPROCESSABLE_ENTITY)),
    }
}

/// Gives a task another definition. The whole project is compiled with it first; what would be broken is told with 422 and nothing is saved. `If-Match` has to be sent:
/// it is the `ETag` of the definition that was read, or `*`.
#[utoipa::path(put, path = "/tasks/{name}/yaml",
    params(("name" = String, Path), Wanted, ("If-Match" = Option<String>, Header)),
    request_body(content = Value, content_type = "application/yaml"), responses(
    (status = 204, headers(("ETag" = String))), (status = 404, body = ErrorBody),
    (status = 412, body = ErrorBody), (status = 428, body = ErrorBody)))]
pub async fn write(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    Asked(wanted): Asked<Wanted>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let Path(name) = name?;
    let text = yaml_text(&headers, body)?;
    let expected = IfMatch::required(&headers)?;
    let question =
        json!({"question": "write", "task": name, "part": wanted.part, "text": text, "expected": expected});
    let answer = server.catalog.change_definition(&question).await?;
    let (_, tag) = saved(answer, StatusCode::UNPROCESSABLE_ENTITY)?;
    server.audit(&allowed.caller, "edit", format!("task {name}")).await?;
    Ok(if_match::tagged(StatusCode::NO_CONTENT.into_response(), tag.as_deref()))
}

/// The body as a text in YAML.
pub(super) fn yaml_text(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, ApiError> {
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !YAML_TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            let error = format!("a definition is {YAML}");
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
        }
    }
    check_encoding(headers)?;
    let bytes = body?;
    if bytes.len() > MAX_DEFINITION_BYTES {
        return Err(too_long());
    }
    String::from_utf8(bytes.into()).map_err(|_| ApiError::bad("a definition is UTF-8"))
}

fn too_long() -> ApiError {
    let error = format!("a definition has at most {MAX_DEFINITION_BYTES} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

/// Makes a task: of a text, as a task in the project's Taskfile or as a folder task, or of a template, as a folder task.
#[utoipa::path(post, path = "/tasks", request_body = NewTask, responses(
    (status = 201, body = Written, headers(("ETag" = String))), (status = 409, body = ErrorBody)))]
pub async fn create(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    JsonBody(task): JsonBody<NewTask>,
) -> Result<Response, ApiError> {
    check_name(&task.name)?;
    let (file, tag) = match (&task.yaml, &task.template) {
        (Some(yaml), None) if task.values.is_empty() => of_text(&server, &task, yaml).await?,
        (None, Some(template)) if task.metadata.is_none() => {
            (of_template(&server, &task, template).await?, None)
        }
        _ => return Err(ApiError::bad("a task is made of `yaml`, or of a `template` with its `values`")),
    };
    server.audit(&allowed.caller, "create", format!("task {}", task.name)).await?;
    let written = (StatusCode::CREATED, Json(Written { name: task.name, file })).into_response();
    Ok(if_match::tagged(written, tag.as_deref()))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_name = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with('-')
        && !name.chars().any(char::is_control);
    let rule =
        format!("a name has 1 to {MAX_NAME_BYTES} bytes, begins with no `-`, and has no control characters");
    if is_name { Ok(()) } else { Err(ApiError::bad(rule)) }
}

async fn of_text(server: &Shared, task: &NewTask, yaml: &str) -> Result<(String, Option<String>), ApiError> {
    let bytes = yaml.len().max(task.metadata.as_ref().map_or(0, String::len));
    if bytes > MAX_DEFINITION_BYTES {
        return Err(too_long());
    }
    let question = json!({
        "question": "add", "task": task.name, "kind": task.kind, "text": yaml, "metadata": task.metadata,
    });
    let answer = server.catalog.change_definition(&question).await?;
    saved(answer, StatusCode::UNPROCESSABLE_ENTITY)
}

async fn of_template(server: &Shared, task: &NewTask, template: &str) -> Result<String, ApiError> {
    check_name(template)?;
    if server.catalog.find(Kind::Tasks, &task.name).await?.is_some() {
        return Err(ApiError::conflict(format!("there is a task `{}` already", task.name)));
    }
    let mut args: Vec<String> =
        ["new", &task.name, "--template", template, "--json"].map(str::to_owned).into();
    for (name, value) in &task.values {
        if value.contains('\0') || name.contains(['=', '\0']) {
            return Err(ApiError::bad(format!("`{}` cannot have that value", name.escape_debug())));
        }
        args.push(format!("--set={name}={value}"));
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let made = server.catalog.change(&args).await.map_err(|error| {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "the task cannot be made")
            .with_details(error.to_string())
    })?;
    let files = made["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let taskfile = files.clone().find(|file| file.ends_with("Taskfile.yml"));
    Ok(taskfile.or_else(|| made["files"][0].as_str()).unwrap_or_default().to_owned())
}

/// Removes a task: its lines, or the folder. What other tasks and plans need stays, and is told with 409. `If-Match` is honoured.
#[utoipa::path(delete, path = "/tasks/{name}",
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 412, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn delete(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let Path(name) = name?;
    let question = json!({"question": "remove", "task": name, "expected": IfMatch::of(&headers)?});
    saved(server.catalog.change_definition(&question).await?, StatusCode::CONFLICT)?;
    server.audit(&allowed.caller, "delete", format!("task {name}")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a plan with a task as its only step. `If-Match` is honoured: it is the `ETag` of the plan that is replaced, or `*`.
#[utoipa::path(post, path = "/tasks/{name}/to-plan",
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)), request_body = PlanOfTask,
    responses((status = 201, body = Written, headers(("ETag" = String))), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 412, body = ErrorBody)))]
pub async fn to_plan(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    JsonBody(mut plan): JsonBody<PlanOfTask>,
) -> Result<Response, ApiError> {
    let Path(task) = name?;
    check_plan_name(&plan.plan_name)?;
    let expected = IfMatch::of(&headers)?;
    let secrets = take_secrets(&entry(&server, Kind::Tasks, &task).await?, &mut plan.vars)?;
    if let Some(name) = secrets.0.keys().next() {
        return Err(ApiError::bad(format!(
            "`{name}` is secret, and a plan is a file that others read: leave it out, and give it to each run"
        )));
    }
    check_vars(&plan.vars)?;
    let vars: Vec<(&String, &String)> = plan.vars.iter().collect();
    let question = json!({
        "question": "plan", "task": task, "plan": plan.plan_name, "vars": vars, "overwrite": plan.overwrite,
        "expected": expected,
    });
    let what = format!("plan {}", plan.plan_name);
    let (file, tag, action) = match understood(server.catalog.change_definition(&question).await?)? {
        Answer::Saved { file, tag, is_replaced } => (file, tag, if is_replaced { "edit" } else { "create" }),
        Answer::Changed { tag } => {
            return Err(if_match::changed(&format!("the plan `{}`", plan.plan_name), tag.as_deref()));
        }
        other => return Err(refusal(other, StatusCode::UNPROCESSABLE_ENTITY)),
    };
    server.audit(&allowed.caller, action, what).await?;
    let written = (StatusCode::CREATED, Json(Written { name: plan.plan_name, file })).into_response();
    Ok(if_match::tagged(written, tag.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_are_no_flags() {
        for bad in ["", "-x", "a\nb", "a\0b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name("docs:bau/ü").is_ok());
    }
}
