//! The server itself.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Shared};

/// Whether it works.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
}

/// What it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    /// The version of the program.
    version: &'static str,
    /// The version of the language of agents.
    wire: u32,
}

/// Whether the server works, its database answers, and changes get to the disk. Needs no token.
#[utoipa::path(get, path = "/health", security(()), responses(
    (status = 200, body = Health), (status = 503, body = ErrorBody)))]
pub async fn health(State(server): State<Shared>) -> Result<Json<Health>, ApiError> {
    server.store.check_disk().await?;
    server.dispatcher.counts().await?;
    Ok(Json(Health { status: "ok" }))
}

/// What the server is. Needs no token.
#[utoipa::path(get, path = "/version", security(()), responses((status = 200, body = Version)))]
pub async fn version(State(server): State<Shared>) -> Json<Version> {
    Json(Version { version: server.version, wire: crate::wire::VERSION })
}

/// This document. Needs no token.
#[utoipa::path(get, path = "/openapi.json", security(()), responses((status = 200, body = serde_json::Value)))]
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(super::routes().1)
}
