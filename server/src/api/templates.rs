//! The templates of which tasks can be made.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read};
use crate::catalog::Kind;

/// A list of templates.
#[derive(Debug, Serialize, ToSchema)]
pub struct Templates {
    /// As `ez template list --json` tells them, with their params.
    templates: Vec<Value>,
}

/// The templates of the project and of the user who runs the server.
#[utoipa::path(get, path = "/templates", responses(
    (status = 200, body = Templates), (status = 422, body = ErrorBody)))]
pub async fn list(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<Templates>, ApiError> {
    let templates = server.catalog.entries(Kind::Templates).await?;
    Ok(Json(Templates { templates: templates.to_vec() }))
}
