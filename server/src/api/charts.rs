//! Charts over what ran.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::json_body::JsonBody;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Allowed, Edit, Read};
use crate::clock::now_ms;
use crate::formula::Formula;
use crate::store::charts::{self, Added, ChartRecord, MAX_CHARTS};
use crate::store::executions;

/// The longest name of a chart.
const MAX_NAME_BYTES: usize = 100;

/// How many executions a chart looks at: the last ones.
const MAX_EXECUTIONS: u32 = 100_000;

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartType {
    /// Bars.
    Bar,
    /// A line.
    Line,
    /// A pie.
    Pie,
    /// One number.
    Number,
    /// A table.
    Table,
}

impl ChartType {
    fn name(self) -> &'static str {
        match self {
            Self::Bar => "bar",
            Self::Line => "line",
            Self::Pie => "pie",
            Self::Number => "number",
            Self::Table => "table",
        }
    }
}

/// A chart that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChart {
    /// Its name.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// How it is drawn.
    #[serde(rename = "type")]
    kind: ChartType,
    /// What it shows, as in `rate(success) by day last 7 d`.
    formula: String,
}

/// A chart with what it shows now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Chart {
    /// Its number.
    id: i64,
    /// Its name.
    name: String,
    /// How it is drawn.
    #[serde(rename = "type")]
    kind: String,
    /// What it shows.
    formula: String,
    /// At most 1,000, by their keys.
    points: Vec<ChartPoint>,
}

/// A value of a chart.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChartPoint {
    /// A day or an hour in UTC, or a name; `all` where nothing is grouped.
    key: String,
    /// Durations are in seconds; `null` where there is no value.
    value: Option<f64>,
}

/// A list of charts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Charts {
    /// The oldest first.
    charts: Vec<Chart>,
}

/// The charts with what they show now.
#[utoipa::path(get, path = "/charts", responses((status = 200, body = Charts)))]
pub async fn list(_: Allowed<Read>, State(server): State<Shared>) -> Result<Json<Charts>, ApiError> {
    let drawn = server.store.read(|connection| {
        let records = charts::all(connection)?;
        let now = now_ms();
        let formulas: Vec<Option<Formula>> =
            records.iter().map(|record| Formula::parse(&record.formula).ok()).collect();
        let since = formulas.iter().flatten().map(|formula| formula.since(now)).min();
        let executions = match since {
            Some(since) => executions::list(connection, since, None, MAX_EXECUTIONS)?,
            None => Vec::new(),
        };
        let charts = records.into_iter().zip(formulas).map(|(record, formula)| {
            let points = formula.map(|formula| formula.points(&executions, now)).unwrap_or_default();
            let points = points.into_iter().map(|point| ChartPoint { key: point.key, value: point.value });
            let ChartRecord { id, name, kind, formula } = record;
            Chart { id, name, kind, formula, points: points.collect() }
        });
        Ok(charts.collect())
    });
    Ok(Json(Charts { charts: drawn.await? }))
}

/// Makes a chart. A formula that cannot be read is refused with 422, and `details` says where it is wrong.
#[utoipa::path(post, path = "/charts", request_body = NewChart, responses(
    (status = 201, body = Chart), (status = 409, body = ErrorBody)))]
pub async fn create(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    JsonBody(NewChart { name, kind, formula: text }): JsonBody<NewChart>,
) -> Result<(StatusCode, Json<Chart>), ApiError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(ApiError::bad(format!(
            "a name has 1 to {MAX_NAME_BYTES} bytes, without control characters"
        )));
    }
    let formula = Formula::parse(&text).map_err(|error| {
        let place = json!({"column": error.column, "message": error.message});
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the formula is wrong {error}"))
            .with_details(place)
    })?;
    let (name_kept, text_kept) = (name.clone(), text.clone());
    let now = now_ms();
    let added = server
        .store
        .write(move |connection| charts::add(connection, &name_kept, kind.name(), &text_kept, now));
    let id = match added.await? {
        Added::As(id) => id,
        Added::NameIsTaken => return Err(ApiError::conflict(format!("there is a chart `{name}` already"))),
        Added::TooMany => {
            return Err(ApiError::conflict(format!("there are {MAX_CHARTS} charts: delete one first")));
        }
    };
    server.audit(&allowed.caller, "create", format!("chart {id}")).await?;
    let since = formula.since(now);
    let executions = server
        .store
        .read(move |connection| executions::list(connection, since, None, MAX_EXECUTIONS))
        .await?;
    let points = formula.points(&executions, now).into_iter();
    let points = points.map(|point| ChartPoint { key: point.key, value: point.value }).collect();
    Ok((StatusCode::CREATED, Json(Chart { id, name, kind: kind.name().into(), formula: text, points })))
}

/// Forgets a chart.
#[utoipa::path(delete, path = "/charts/{id}", params(("id" = i64, Path)), responses(
    (status = 204), (status = 404, body = ErrorBody)))]
pub async fn delete(
    allowed: Allowed<Edit>,
    State(server): State<Shared>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(id) = id?;
    if !server.store.write(move |connection| charts::delete(connection, id)).await? {
        return Err(ApiError::not_found(format!("there is no chart {id}")));
    }
    server.audit(&allowed.caller, "delete", format!("chart {id}")).await?;
    Ok(StatusCode::NO_CONTENT)
}
