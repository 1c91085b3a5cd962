//! The nodes.

#![expect(unused_qualifications, reason = "the macro of the routes names the types of their queries so")]

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::json_body::JsonBody;
use super::query::Asked;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{self, Admin, Allowed, Read};
use crate::dispatcher::{Connection, Drained, NodeNow};
use crate::job::JobId;
use crate::node_words::{self, MAX_TAGS};
use crate::queue::NodeId;
use crate::store::nodes::{self, NodeRecord};
use crate::wire::{FromAgent, Registration, ToAgent, VERSION};

/// A node.
#[derive(Debug, Serialize, ToSchema)]
pub struct Node {
    /// What is remembered of it.
    #[serde(flatten)]
    record: NodeRecord,
    /// Whether it is connected.
    connected: bool,
    /// Whether its agent was told to end: it takes no more jobs, and ends with its last one.
    leaving: bool,
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
        leaving: now.is_some_and(|now| now.is_leaving),
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

/// Whether a node is to take no jobs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DrainWanted {
    /// Whether it takes jobs again.
    #[serde(default)]
    off: bool,
}

/// A node takes no more jobs; those that it has go on. It takes jobs again with `off`, and not before, also where its agent or the server comes again.
#[utoipa::path(post, path = "/nodes/{id}/drain", params(("id" = i64, Path), DrainWanted), responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn drain(
    allowed: Allowed<Admin>,
    State(server): State<Shared>,
    id: Result<Path<NodeId>, PathRejection>,
    Asked(DrainWanted { off }): Asked<DrainWanted>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id?;
    match server.dispatcher.drain(id, off).await? {
        Drained::Done => {}
        Drained::Leaving => {
            return Err(ApiError::conflict(format!("the agent of node {id} ends with its last job")));
        }
        Drained::Unknown => return Err(no_node(id)),
    }
    let action = if off { "undrain" } else { "drain" };
    server.audit(&allowed.caller, action, format!("node {id}")).await?;
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
    // A node that speaks plain HTTP has no agent that could be ended.
    server.plain_nodes.take(id);
    let now = server.dispatcher.nodes().await?;
    if now.iter().any(|node| node.id == id && (node.is_connected || !node.jobs.is_empty())) {
        return Err(ApiError::conflict(format!("node {id} is in use: end its agent first")));
    }
    if !server.store.write(move |connection| nodes::delete(connection, id)).await? {
        return Err(no_node(id));
    }
    server.dispatcher.forget(id).await?;
    server.audit(&allowed.caller, "delete", format!("node {id}")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The most nodes that speak plain HTTP.
const MAX_PLAIN_NODES: usize = 1000;

/// Nodes that speak plain HTTP: they are listed, and are there as long as they ping. Jobs go to agents alone.
#[derive(Debug, Default)]
pub struct PlainNodes {
    connections: Mutex<HashMap<NodeId, (Connection, String)>>,
}

impl PlainNodes {
    fn keep(&self, connection: Connection, own_id: String) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.insert(connection.node, (connection, own_id));
    }

    /// The number of the node that has an id of its own.
    fn number_of(&self, own_id: &str) -> Option<NodeId> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.iter().find(|(_, (_, known))| known == own_id).map(|(node, _)| *node)
    }

    fn count(&self) -> usize {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Says that a node is alive. Whether it is known.
    fn ping(&self, id: NodeId) -> bool {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let known = connections.get(&id);
        known.map(|(connection, _)| connection.heard(FromAgent::NodePing {})).is_some()
    }

    fn take(&self, id: NodeId) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// A node that speaks plain HTTP.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNode {
    /// Its name, unique among the nodes.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it was given, or made up, when it registered first; nobody else can take its name then.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    id: Option<String>,
    /// What it has, as in `os:linux`.
    #[serde(default)]
    #[schema(max_items = 64)]
    tags: Vec<String>,
}

/// A node that is registered.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredNode {
    /// Its number.
    node: NodeId,
    /// By what it pings, and what it sends as `id` when it registers again.
    id: String,
}

/// Registers a node that speaks plain HTTP. It is in the list of nodes, connected as long as it pings more often than the lease ends (60 seconds); it gets no jobs, which
/// go to `ez client start` alone.
#[utoipa::path(post, path = "/nodes/register", request_body = NewNode, responses(
    (status = 201, body = RegisteredNode), (status = 409, body = ErrorBody)))]
pub async fn register(
    allowed: Allowed<auth::Node>,
    State(server): State<Shared>,
    JsonBody(NewNode { name, id, tags }): JsonBody<NewNode>,
) -> Result<(StatusCode, Json<RegisteredNode>), ApiError> {
    if tags.len() > MAX_TAGS
        || ![&name].into_iter().chain(&id).chain(&tags).all(|text| node_words::is_word(text))
    {
        let rule =
            format!("name, id and tags are {}, and there are at most {MAX_TAGS} tags", node_words::WORD);
        return Err(ApiError::bad(rule));
    }
    if let Some(reason) = node_words::reserved(&name) {
        return Err(ApiError::conflict(reason));
    }
    if id.as_ref().is_some_and(|id| id.parse::<NodeId>().is_ok()) {
        return Err(ApiError::bad("an id is no number: numbers are those of nodes"));
    }
    if server.plain_nodes.count() >= MAX_PLAIN_NODES {
        return Err(ApiError::conflict(format!("there are {MAX_PLAIN_NODES} such nodes: delete one first")));
    }
    let instance = match id {
        Some(id) => id,
        // Never a number, also where all its digits are from 0 to 9.
        None => auth::NewToken::make().map(|chance| format!("node-{}", chance.id)).map_err(|error| {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, format!("the system has no chance: {error}"))
        })?,
    };
    let registration = Registration {
        version: VERSION,
        name,
        instance: instance.clone(),
        tags,
        slots: 0,
        attempts: Vec::new(),
    };
    let (to_agent, mut refused) = mpsc::unbounded_channel();
    let Some(connection) = server.dispatcher.register(registration, to_agent).await else {
        let reason = match refused.try_recv() {
            Ok(ToAgent::Refused { reason }) => reason,
            _ => "the node cannot be registered now".into(),
        };
        return Err(ApiError::conflict(reason));
    };
    let node = connection.node;
    server.plain_nodes.keep(connection, instance.clone());
    server.audit(&allowed.caller, "register", format!("node {node}")).await?;
    Ok((StatusCode::CREATED, Json(RegisteredNode { node, id: instance })))
}

/// A node that speaks plain HTTP is alive; it says so by its `id` or its number. One that pinged too late registers again.
#[utoipa::path(post, path = "/nodes/{id}/ping", params(("id" = String, Path)), responses(
    (status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub async fn ping(
    _: Allowed<auth::Node>,
    State(server): State<Shared>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id?;
    let number = id.parse().ok().or_else(|| server.plain_nodes.number_of(&id));
    let number = number.ok_or_else(|| {
        let shown = id.escape_debug();
        ApiError::not_found(format!("there is no node {shown}; one that pings too late registers again"))
    })?;
    let is_known = server.plain_nodes.ping(number);
    let now = server.dispatcher.nodes().await?;
    if is_known && now.iter().any(|node| node.id == number && node.is_connected) {
        return Ok(StatusCode::NO_CONTENT);
    }
    server.plain_nodes.take(number);
    let known = server.store.read(move |connection| nodes::find(connection, number)).await?;
    known.ok_or_else(|| no_node(number))?;
    Err(ApiError::conflict(format!("node {number} was not heard of for too long: register it again")))
}
