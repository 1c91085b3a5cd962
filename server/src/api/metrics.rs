//! Numbers for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{ApiError, Shared};
use crate::auth::{Allowed, Read};
use crate::metrics::{MEDIA_TYPE, Now};
use crate::store::executions;

/// Numbers of the server in the text format of Prometheus: jobs by state, the queue, nodes, slots, requests, times of the database.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text")))]
pub async fn show(_: Allowed<Read>, State(server): State<Shared>) -> Result<Response, ApiError> {
    let (waiting, running) = server.dispatcher.counts().await?;
    let nodes = server.dispatcher.nodes().await?;
    let connected = nodes.iter().filter(|node| node.is_connected);
    let jobs = server.store.read(executions::counts).await?;
    let slots = connected.clone().map(|node| node.slots).sum();
    let now = Now { jobs, waiting, running, nodes: connected.count(), slots };
    let failed = |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the numbers cannot be written");
    let text = server.metrics.text(&now).map_err(failed)?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], text).into_response())
}
