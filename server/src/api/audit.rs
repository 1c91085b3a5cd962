//! Who changed what.

#![expect(unused_qualifications, reason = "the macro of the routes names the types of their queries so")]

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::query::{Asked, PageSize};
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Admin, Allowed};
use crate::store::audit::{self, AuditRecord};

/// Which entries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditWanted {
    /// Entries with smaller numbers: `next` of the page before.
    cursor: Option<i64>,
    /// How many at most: 50, and up to 1,000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<PageSize>,
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Audit {
    /// The newest first.
    audit: Vec<AuditRecord>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Who changed what, when, and from where.
#[utoipa::path(get, path = "/audit", params(AuditWanted), responses(
    (status = 200, body = Audit), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
pub async fn list(
    _: Allowed<Admin>,
    State(server): State<Shared>,
    Asked(wanted): Asked<AuditWanted>,
) -> Result<Json<Audit>, ApiError> {
    let limit = wanted.limit.unwrap_or_default().get();
    let audit = server.store.read(move |connection| audit::list(connection, wanted.cursor, limit)).await?;
    let next = audit.last().filter(|_| audit.len() == limit as usize).map(|entry| entry.id);
    Ok(Json(Audit { audit, next }))
}
