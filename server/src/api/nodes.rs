//! The nodes.

use std::collections::HashMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Admin, Allowed, Read};
use crate::dispatcher::NodeNow;
use crate::job::JobId;
use crate::queue::NodeId;
use crate::store::nodes::{self, NodeRecord};

/// A node.
#[derive(Debug, Serialize, ToSchema)]
pub struct Node {
    /// What is remembered of it.
    #[serde(flatten)]
    record: NodeRecord,
    /// Whether it is connected.
    connected: bool,
    /// What runs on it.
    jobs: Vec<JobId>,
    /// For how many milliseconds nothing was heard of it.
    silent_for: Option<u64>,
}

/// A list of nodes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Nodes {
    /// By their names.
    nodes: Vec<Node>,
}

fn node(record: NodeRecord, now: Option<&NodeNow>) -> Node {
    Node {
        connected: now.is_some_and(|now| now.is_connected),
        jobs: now.map(|now| now.jobs.clone()).unwrap_or_default(),
        silent_for: now.map(|now| u64::try_from(now.silent_for.as_millis()).unwrap_or(u64::MAX)),
        record,
    }
}

fn no_node(id: NodeId) -> ApiError {
    ApiError::not_found(format!("there is no node {id}"))
}

/// All nodes that ever registered.
#[utoipa::path(get, path = "/nodes", responses(
    (status = 200, body = Nodes), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub async fn list(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<Nodes>, ApiError> {
    let now = server.dispatcher.nodes().await?;
    let now: HashMap<NodeId, NodeNow> = now.into_iter().map(|node| (node.id, node)).collect();
    let records = server.store.read(nodes::all).await?;
    let nodes = records.into_iter().map(|record| {
        let now = now.get(&record.id);
        node(record, now)
    });
    Ok(Json(Nodes { nodes: nodes.collect() }))
}

/// One node.
#[utoipa::path(get, path = "/nodes/{id}", params(("id" = i64, Path)), responses(
    (status = 200, body = Node), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub async fn one(
    _: Allowed<Read>,
    State(server): State<Shared>,
    id: Result<Path<NodeId>, PathRejection>,
) -> Result<Json<Node>, ApiError> {
    let Path(id) = id?;
    let record = server.store.read(move |connection| nodes::find(connection, id)).await?;
    let record = record.ok_or_else(|| no_node(id))?;
    let now = server.dispatcher.nodes().await?;
    Ok(Json(node(record, now.iter().find(|node| node.id == id))))
}

/// A node takes no more jobs; those that it has go on. It takes jobs again when its agent comes again.
#[utoipa::path(post, path = "/nodes/{id}/drain", params(("id" = i64, Path)), responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub async fn drain(
    allowed: Allowed<Admin>,
    State(server): State<Shared>,
    id: Result<Path<NodeId>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id?;
    if !server.dispatcher.drain(id).await? {
        return Err(no_node(id));
    }
    server.audit(&allowed.caller, "drain", format!("node {id}"));
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a node that is not connected.
#[utoipa::path(delete, path = "/nodes/{id}", params(("id" = i64, Path)), responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn delete(
    allowed: Allowed<Admin>,
    State(server): State<Shared>,
    id: Result<Path<NodeId>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id?;
    let now = server.dispatcher.nodes().await?;
    if now.iter().any(|node| node.id == id && (node.is_connected || !node.jobs.is_empty())) {
        return Err(ApiError::conflict(format!("node {id} is in use: end its agent first")));
    }
    if !server.store.write(move |connection| nodes::delete(connection, id)).await? {
        return Err(no_node(id));
    }
    server.audit(&allowed.caller, "delete", format!("node {id}"));
    Ok(StatusCode::NO_CONTENT)
}
