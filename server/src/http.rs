//! The server as a process: opens the store, starts the dispatcher and the agent of its own, and listens.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::agent::connect::{ConnectError, Connector, Link};
use crate::agent::{self, AgentError};
use crate::api::{self, ApiError, Server, Shared, socket};
use crate::auth::Authority;
use crate::catalog::Catalog;
use crate::clock::now_ms;
use crate::dispatcher::{Dispatcher, DispatcherSettings};
use crate::log_file::LogFiles;
use crate::settings::{ServerSettings, SettingsError};
use crate::store::{Store, StoreError, tokens};

/// The longest body of a request.
const MAX_BODY_BYTES: usize = 4 << 20;

/// How long a client may take to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(20);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It would be unsafe.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A directory cannot be made.
    #[error("{0} cannot be made: {1}")]
    Directory(String, #[source] io::Error),
    /// The address cannot be listened on.
    #[error("nothing can listen on {0}: {1}; choose another port with --port")]
    Listen(SocketAddr, #[source] io::Error),
    /// The agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Opens the database of a path, with the directory in which it is.
///
/// # Errors
/// It cannot be opened.
pub fn open_store(database: &Path) -> Result<Store, ServeError> {
    if let Some(directory) = database.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| ServeError::Directory(directory.display().to_string(), error))?;
    }
    Ok(Store::open(database)?)
}

/// Serves until it is told to stop. `listening` learns where.
///
/// # Errors
/// It cannot begin.
pub async fn serve(
    settings: ServerSettings,
    version: &'static str,
    program: std::path::PathBuf,
    mut stop: watch::Receiver<bool>,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let store = open_store(&settings.database)?;
    let has_tokens = store.read(tokens::has_any).await?;
    let is_open = settings.is_open(has_tokens)?;
    let logs = settings.database.with_file_name("logs");
    let logs = LogFiles::new(logs.clone())
        .map_err(|error| ServeError::Directory(logs.display().to_string(), error))?;
    let dispatch = DispatcherSettings { lease: settings.lease, limits: settings.limits.clone() };
    let dispatcher = Dispatcher::start(store.clone(), Arc::new(logs), dispatch).await?;
    let server = Arc::new(Server {
        authority: Authority::new(store.clone(), settings.token.as_deref(), is_open),
        catalog: Catalog::new(program, settings.root.clone()),
        store,
        dispatcher: dispatcher.clone(),
        version,
        began: now_ms(),
    });
    let listener = TcpListener::bind(settings.address)
        .await
        .map_err(|error| ServeError::Listen(settings.address, error))?;
    let address = listener.local_addr().map_err(|error| ServeError::Listen(settings.address, error))?;
    let (drain, draining) = watch::channel(false);
    if let Some(own) = settings.agent.clone() {
        let connector = Here { dispatcher };
        tokio::spawn(async move {
            if let Err(error) = agent::run(own, connector, draining).await {
                eprintln!("ez: the agent of this server has ended: {error}");
            }
        });
    }
    listening(address);
    let router = router(server);
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, remote) = tokio::select! {
            accepted = listener.accept() => {
                let Ok(accepted) = accepted else {
                    // Out of descriptors, perhaps: others end soon.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                accepted
            }
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone().layer(axum::Extension(ConnectInfo(remote)));
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_headers(100);
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router))
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // How a client goes away is its own matter.
            let _ = connection.await;
        });
    }
    drop(drain);
    let _ = tokio::time::timeout(settings.grace, graceful.shutdown()).await;
    Ok(())
}

/// The server's own agent, in the same process.
struct Here {
    dispatcher: Dispatcher,
}

impl Connector for Here {
    async fn connect(&mut self) -> Result<Link, ConnectError> {
        Ok(socket::connect_here(&self.dispatcher))
    }
}

/// All that is answered.
pub fn router(server: Shared) -> Router {
    let (routes, _) = api::routes();
    routes
        .route("/api/v1/ws", get(socket::connect))
        .fallback(|| async { ApiError::not_found("there is nothing here; see /api/v1/openapi.json") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "that cannot be done here; see /api/v1/openapi.json",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), identify))
        .with_state(server)
}

/// Learns who asks, and refuses what a page of another site sends.
async fn identify(State(server): State<Shared>, mut request: Request, next: Next) -> Response {
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let remote = remote.map_or(IpAddr::from([127, 0, 0, 1]), |info| info.0.ip());
    if let Err(refused) = check_site(request.headers(), server.authority.is_open()) {
        return refused.into_response();
    }
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    match server.authority.caller(token, remote).await {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
        }
        Ok(None) => {}
        Err(refused) => return ApiError::from(refused).into_response(),
    }
    next.run(request).await
}

/// A page of another site may not speak here, and a server that asks for no token is reached only by names of this machine, so that no name of another site can be
/// made to lead here (DNS rebinding).
fn check_site(headers: &HeaderMap, is_open: bool) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(HOST).unwrap_or_default();
    if let Some(origin) = text(ORIGIN) {
        let site = origin.split_once("://").map_or(origin, |(_, site)| site);
        if site != host {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                format!("pages of {origin} may not ask this server"),
            ));
        }
    }
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let name = name.map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let is_here = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_open && !is_here {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            format!("a server without tokens answers to localhost and 127.0.0.1, not to `{host}`"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HOST, ORIGIN};
    use axum::http::{HeaderMap, HeaderValue};

    use super::check_site;

    fn headers(host: &'static str, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn other_sites_may_not_ask() {
        for (host, origin, is_open, is_fine) in [
            ("127.0.0.1:8080", None, true, true),
            ("[::1]:8080", None, true, true),
            ("localhost", Some("http://localhost"), true, true),
            ("localhost:8080", Some("http://evil.example"), true, false),
            ("localhost:8080", Some("null"), true, false),
            ("evil.example", None, true, false),
            ("evil.example:8080", Some("http://evil.example:8080"), true, false),
            ("build.example", None, false, true),
            ("build.example", Some("https://build.example"), false, true),
            ("build.example", Some("https://evil.example"), false, false),
        ] {
            assert_eq!(check_site(&headers(host, origin), is_open).is_ok(), is_fine, "{host} {origin:?}");
        }
    }
}
