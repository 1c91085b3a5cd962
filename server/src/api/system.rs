//! The server itself.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Read};

/// Whether it works.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
}

/// What it does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// How many jobs wait.
    pending: usize,
    /// How many run.
    running: usize,
    /// How many nodes are connected.
    nodes: usize,
    /// For how many milliseconds it works.
    uptime: i64,
}

/// What it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    /// The version of the program.
    version: &'static str,
    /// The version of the language of agents.
    wire: u32,
}

/// Whether the server works and its database answers. Needs no token.
#[utoipa::path(get, path = "/health", security(()), responses(
    (status = 200, body = Health), (status = 503, body = ErrorBody)))]
pub async fn health(State(server): State<Shared>) -> Result<Json<Health>, ApiError> {
    server.store.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await?;
    server.dispatcher.counts().await?;
    Ok(Json(Health { status: "ok" }))
}

/// What the server does now.
#[utoipa::path(get, path = "/stats", responses(
    (status = 200, body = Stats), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub async fn stats(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<Stats>, ApiError> {
    let (pending, running) = server.dispatcher.counts().await?;
    let nodes = server.dispatcher.nodes().await?.iter().filter(|node| node.is_connected).count();
    Ok(Json(Stats {
        pending,
        running,
        nodes,
        uptime: i64::try_from(server.began.elapsed().as_millis()).unwrap_or(i64::MAX),
    }))
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
