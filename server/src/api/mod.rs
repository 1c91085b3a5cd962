//! The REST API under `/api/v1`. Each route is registered with its description, from which the `OpenAPI` document is made.

pub mod audit;
pub mod cache;
pub mod charts;
pub mod content;
pub mod definitions;
pub mod document;
mod document_page;
pub mod history;
mod if_match;
pub mod job_files;
pub mod jobs;
mod json_body;
pub mod metrics;
pub mod names_like_routes;
pub mod nodes;
pub mod params;
pub mod plan_runs;
pub mod plans;
mod query;
pub mod results;
pub mod socket;
pub mod stats;
pub mod submit;
pub mod subscription;
pub mod system;
pub mod task_files;
pub mod tasks;
pub mod templates;
pub mod tree;

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::nodes::PlainNodes;
use self::socket::{KnownAgents, OpenSockets};
use crate::auth::{AuthError, Authority, Caller, Scope};
use crate::catalog::{Catalog, CatalogError};
use crate::clock::now_ms;
use crate::dispatcher::Dispatcher;
use crate::events::Events;
use crate::json_fields::JsonError;
use crate::metrics::Metrics;
use crate::store::{self, Store, StoreError};
use crate::sync::content_store::ContentStore;

/// How much of an address that cannot be understood is shown, in characters.
const MAX_SHOWN: usize = 80;

/// What every handler works with.
pub struct Server {
    /// The database.
    pub store: Store,
    /// Runs jobs.
    pub dispatcher: Dispatcher,
    /// The files of jobs.
    pub content: ContentStore,
    /// What the project has.
    pub catalog: Catalog,
    /// Who may do what.
    pub authority: Authority,
    /// What happens.
    pub events: Arc<Events>,
    /// Places for connections of which nobody knows yet whose they are.
    pub strangers: Arc<Semaphore>,
    /// What is counted.
    pub metrics: Metrics,
    /// Nodes that speak plain HTTP.
    pub plain_nodes: PlainNodes,
    /// Agents that came over the network.
    pub agents: KnownAgents,
    /// Connections over which both sides speak at any time, and whether all of them are to end.
    pub sockets: OpenSockets,
    /// The version of the program.
    pub version: &'static str,
    /// When it began.
    pub began: Instant,
}

/// The server, shared.
pub type Shared = Arc<Server>;

impl Server {
    /// Writes down that somebody changed something.
    ///
    /// # Errors
    /// It cannot be written: then the answer says so, because what is answered well is in the audit.
    pub async fn audit(
        &self,
        caller: &Caller,
        action: &'static str,
        object: String,
    ) -> Result<(), StoreError> {
        let (who, remote) = (caller.name.clone(), caller.remote.to_string());
        let written = self.store.write(move |connection| {
            store::audit::write(connection, &who, action, &object, &remote, now_ms())
        });
        written.await.map(drop)
    }
}

/// What is told where something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: String,
    /// More of it: a text, or what is wrong in detail, as a list of diagnostics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// An answer that says no.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    error: String,
    details: Option<Value>,
}

impl ApiError {
    /// With a status.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), details: None }
    }

    /// The same with more about it.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// There is no such thing.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    /// The request says something that cannot be.
    pub fn bad(what: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, what)
    }

    /// It cannot be done as things stand.
    pub fn conflict(what: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, what)
    }

    /// Nobody knows who asks.
    pub fn no_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "this server wants a token: send `Authorization: Bearer ez_…`; `ez server token create` makes one",
        )
    }

    /// The token is not enough.
    pub fn small_scope(scope: Scope) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("the token lacks the scope `{scope}`"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response =
            (status, Json(ErrorBody { error: self.error, details: self.details })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("60"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(why) => return Self::conflict(why),
            StoreError::KeyOfAnother(job) => {
                return Self::conflict(error.to_string()).with_details(json!({"job": job}));
            }
            _ => {}
        }
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: "the database does not answer as it should".into(),
            details: Some(error.to_string().into()),
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        if let CatalogError::Wrong(diagnostics) = error {
            return Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                error: "the text has errors".into(),
                details: Some(diagnostics.into()),
            };
        }
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            error: "the project cannot be read".into(),
            details: Some(error.to_string().into()),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let status = match error {
            AuthError::Unknown | AuthError::Over(_) => StatusCode::UNAUTHORIZED,
            AuthError::TooMany => StatusCode::TOO_MANY_REQUESTS,
            AuthError::Store(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        let status = rejection.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(status, "the body is longer than this server takes (`http.max_body_bytes`)");
        }
        Self::new(status, rejection.body_text())
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        let status = match error {
            JsonError::Syntax(_) => StatusCode::BAD_REQUEST,
            JsonError::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.to_string())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        let no_number = match &rejection {
            PathRejection::FailedToDeserializePathParams(failed) => match failed.kind() {
                ErrorKind::ParseError { value, .. }
                | ErrorKind::ParseErrorAtKey { value, .. }
                | ErrorKind::ParseErrorAtIndex { value, .. } => Some(value),
                _ => None,
            },
            _ => None,
        };
        let Some(value) = no_number else { return Self::new(rejection.status(), rejection.body_text()) };
        let shown: String = value.escape_debug().take(MAX_SHOWN).collect();
        Self::bad(format!("`{shown}` stands in the address where a whole number is wanted"))
    }
}

struct BearerTokens;

impl Modify for BearerTokens {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "EZ server", description = "Jobs, their logs, and the nodes that run them"),
    modifiers(&BearerTokens),
    security(("token" = [])),
)]
struct Document;

/// All routes, and the document that describes them.
pub fn routes() -> (axum::Router<Shared>, utoipa::openapi::OpenApi) {
    let (router, mut description) = OpenApiRouter::with_openapi(Document::openapi())
        .nest(
            "/api/v1",
            OpenApiRouter::new()
                .routes(routes!(tasks::list, definitions::create))
                .routes(routes!(tree::show))
                .routes(routes!(params::list))
                .routes(routes!(history::list))
                .routes(routes!(definitions::read, definitions::write))
                .routes(routes!(definitions::to_plan))
                .routes(routes!(task_files::list))
                .routes(routes!(task_files::show))
                .routes(routes!(tasks::run))
                .routes(routes!(tasks::one, definitions::delete))
                .routes(routes!(plans::list, plans::create))
                .routes(routes!(plans::one, plans::delete))
                .routes(routes!(plans::yaml, plans::save))
                .routes(routes!(plans::run))
                .routes(routes!(plans::run_task))
                .routes(routes!(plan_runs::list))
                .routes(routes!(plan_runs::one))
                .routes(routes!(plan_runs::step_logs))
                .routes(routes!(plan_runs::cancel))
                .routes(routes!(plan_runs::resume))
                .routes(routes!(jobs::list, submit::run))
                .routes(routes!(jobs::one, jobs::delete))
                .routes(routes!(jobs::logs))
                .routes(routes!(jobs::cancel))
                .routes(routes!(results::attach))
                .routes(routes!(job_files::list))
                .routes(routes!(job_files::show))
                .routes(routes!(content::put))
                .routes(routes!(content::missing))
                .routes(routes!(content::tree))
                .routes(routes!(content::fetch))
                .routes(routes!(nodes::list))
                .routes(routes!(nodes::one, nodes::delete))
                .routes(routes!(nodes::drain))
                .routes(routes!(nodes::register))
                .routes(routes!(nodes::ping))
                .routes(routes!(audit::list))
                .routes(routes!(socket::connect))
                .routes(routes!(system::health))
                .routes(routes!(stats::show))
                .routes(routes!(stats::report))
                .routes(routes!(stats::list))
                .routes(routes!(charts::list, charts::create))
                .routes(routes!(charts::delete))
                .routes(routes!(templates::list))
                .routes(routes!(cache::clear))
                .routes(routes!(metrics::show))
                .routes(routes!(system::version))
                .routes(routes!(system::document))
                .routes(routes!(document_page::show)),
        )
        .split_for_parts();
    document::complete(&mut description);
    (router, description)
}
