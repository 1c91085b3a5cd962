//! What a task can be given.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::tasks::entry;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read};
use crate::catalog::Kind;

/// A list of params.
#[derive(Debug, Serialize, ToSchema)]
pub struct Params {
    /// As the compiler resolved them: name, variable, type, options, default and what else is known.
    params: Vec<Value>,
}

/// The params of a task, inherited ones too.
#[utoipa::path(get, path = "/tasks/{name}/params", params(("name" = String, Path)), responses(
    (status = 200, body = Params), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn list(
    _: Allowed<Read>,
    State(server): State<Shared>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Params>, ApiError> {
    let Path(name) = name?;
    let mut entry = entry(&server, Kind::Tasks, &name).await?;
    let params = match entry["params"].take() {
        Value::Array(params) => params,
        _ => Vec::new(),
    };
    Ok(Json(Params { params }))
}
