//! What is kept only to be faster.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Edit};

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cleared {
    /// How many results of tasks with `ez-cache`.
    results: u64,
    /// How many bytes they took.
    bytes: u64,
}

/// Removes the kept outputs of tasks on the server's own machine, and forgets what was last read of the project.
#[utoipa::path(post, path = "/cache/clear", responses(
    (status = 200, body = Cleared), (status = 422, body = ErrorBody)))]
pub async fn clear(allowed: Allowed<Edit>, State(server): State<Shared>) -> Result<Json<Cleared>, ApiError> {
    let removed = server.catalog.change(&["cache", "gc", "--max-size", "0", "--json"]).await?;
    server.audit(&allowed.caller, "clear", "cache".into()).await?;
    let number = |name: &str| removed[name].as_u64().unwrap_or(0);
    Ok(Json(Cleared { results: number("entries"), bytes: number("bytes") }))
}
