//! The server as a process: opens the store, starts the dispatcher and the agent of its own, and listens.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::agent::connect::{ConnectError, Connector, Link};
use crate::agent::{self, AgentError, AgentSettings};
use crate::api::nodes::PlainNodes;
use crate::api::socket::{KnownAgents, OpenSockets};
use crate::api::{self, ApiError, Server, Shared, names_like_routes, socket, subscription};
use crate::auth::{Authority, Caller, Openness};
use crate::catalog::Catalog;
use crate::clock::now_ms;
use crate::dispatcher::{Dispatcher, DispatcherSettings};
use crate::events::Events;
use crate::log_file::LogFiles;
use crate::metrics::{Metrics, Request as Answered};
use crate::pid_file::{self, PidFile, PidFileError};
use crate::private_directory;
use crate::retention;
use crate::secrets::{self, SecretError, SecretKey};
use crate::settings::{HttpLimits, SecretKeySource, ServerSettings, SettingsError, Stop};
use crate::store::{Store, StoreError, tokens};
use crate::sync::content_store::ContentStore;
use crate::sync::garbage;
use crate::tls::{self, TlsError};

/// The directory of the files of jobs, beside the database.
pub const CONTENT: &str = "content";

/// The most headers of a request, and the longest head with them, in bytes.
const MAX_HEADERS: usize = 100;
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How many bytes of a body have to come in a second on average, so that a long one may take its time.
const SLOWEST_BODY: f64 = 16.0 * 1024.0;

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
    /// Another server is there.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// The key for secrets.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("nothing can listen on {0}: {1}; {instead}", instead = other_address(.1))]
    Listen(SocketAddr, #[source] io::Error),
    /// The agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// What to do where an address cannot be listened on.
fn other_address(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            "--host is an address of this machine, or 0.0.0.0 for all that it has"
        }
        _ => "choose another port with --port",
    }
}

/// Opens the database of a path, with the directory in which it is.
///
/// # Errors
/// It cannot be opened.
pub fn open_store(database: &Path) -> Result<Store, ServeError> {
    make_directory_of(database)?;
    Ok(Store::open(database)?)
}

/// Makes the directory of a path. Only its owner has to do with what is in it.
fn make_directory_of(database: &Path) -> Result<(), ServeError> {
    let Some(directory) = database.parent() else { return Ok(()) };
    private_directory::make(directory)
        .map_err(|error| ServeError::Directory(directory.display().to_string(), error))
}

/// Makes this process the one that serves a database, as long as the answer lives.
///
/// # Errors
/// Another one does.
pub fn take_database(database: &Path) -> Result<PidFile, ServeError> {
    make_directory_of(database)?;
    Ok(PidFile::take(&pid_file::beside(database))?)
}

/// Serves until it is told to stop. `listening` learns where, as a URL.
///
/// # Errors
/// It cannot begin.
pub async fn serve(
    settings: ServerSettings,
    version: &'static str,
    program: std::path::PathBuf,
    pid_file: &PidFile,
    stop: watch::Receiver<Stop>,
    listening: impl FnOnce(&str),
) -> Result<(), ServeError> {
    let acceptor = settings.tls.as_ref().map(tls::acceptor).transpose()?;
    let warning = settings.tls.as_ref().map(tls::warning).transpose()?.flatten();
    let store = Store::open(&settings.database)?;
    let has_tokens = store.read(tokens::was_any_made).await?;
    let is_open = settings.is_open(has_tokens)?;
    let logs = settings.database.with_file_name("logs");
    let logs = LogFiles::new(logs.clone())
        .map_err(|error| ServeError::Directory(logs.display().to_string(), error))?;
    let content = settings.database.with_file_name(CONTENT);
    let content = ContentStore::open(&content)
        .map_err(|error| ServeError::Directory(content.display().to_string(), error))?;
    tokio::spawn(garbage::collect_on_server(content.clone(), settings.content, store.clone()));
    let logs = Arc::new(logs);
    let key = match &settings.secret_key {
        SecretKeySource::Text(text) => SecretKey::of_text(text)?,
        SecretKeySource::File(path) => SecretKey::of_file(path)?,
        SecretKeySource::Own => {
            SecretKey::read_or_make(&settings.database.with_file_name(secrets::KEY_FILE))?
        }
    };
    let key = Arc::new(key);
    let dispatch = DispatcherSettings {
        lease: settings.lease,
        limits: settings.limits.clone(),
        secret_key: Some(Arc::clone(&key)),
    };
    let dispatcher = Dispatcher::start(store.clone(), Arc::clone(&logs), dispatch).await?;
    let (end_all, all_end) = watch::channel(false);
    tokio::spawn(retention::work(store.clone(), logs, settings.retention, all_end.clone()));
    let authority = Authority::new(store.clone(), settings.token.as_deref(), is_open);
    let folded = store.clone();
    let server = Arc::new(Server {
        events: Arc::new(Events::new(now_ms())),
        metrics: Metrics::new(store.commit_times().clone(), version),
        plain_nodes: PlainNodes::default(),
        agents: KnownAgents::default(),
        sockets: OpenSockets::new(all_end.clone()),
        strangers: Arc::new(Semaphore::new(socket::MAX_STRANGERS)),
        authority: authority
            .knowing_attempts(key)
            .allowing_failures(settings.http.max_wrong_tokens)
            .staying_open(settings.is_insecure)
            .listening_on(settings.address.ip()),
        catalog: Catalog::new(program, settings.root.clone()),
        store,
        dispatcher: dispatcher.clone(),
        content,
        version,
        began: std::time::Instant::now(),
    });
    let shared = Arc::clone(&server);
    tokio::spawn(subscription::publish_all(Arc::clone(&server)));
    let watching = Arc::clone(&server);
    tokio::spawn(async move { watching.authority.watch_tokens().await });
    let listener = TcpListener::bind(settings.address)
        .await
        .map_err(|error| ServeError::Listen(settings.address, error))?;
    let address = listener.local_addr().map_err(|error| ServeError::Listen(settings.address, error))?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let own = format!("{scheme}://{}", reached_from_here(address));
    pid_file.say(&own).map_err(|error| ServeError::Directory(pid_file::NAME.into(), error))?;
    let (drain, draining) = watch::channel(false);
    let own = settings.agent.clone().map(|agent| {
        let agent = AgentSettings { url: agent.url.or(Some(own)), ..agent };
        let connector = Here { dispatcher };
        tokio::spawn(async move {
            if let Err(error) = agent::run(agent, connector, draining).await {
                eprintln!("ez: the agent of this server has ended: {error}");
            }
        })
    });
    listening(&url);
    if let Some(warning) = warning {
        eprintln!("ez: {warning}");
    }
    let acceptor = acceptor.map(|acceptor| {
        let (changed, now) = watch::channel(acceptor);
        if let Some(files) = settings.tls.clone() {
            tokio::spawn(tls::follow(files, changed));
        }
        now
    });
    let gate = Gate {
        router: router(server, &settings.http, &all_end),
        acceptor,
        limits: settings.http.clone(),
        free: Arc::new(Semaphore::new(settings.http.max_connections)),
        end: all_end,
    };
    tokio::select! {
        () = gate.admit_all(&listener) => {}
        () = told_to_end(stop, own, drain, settings.stop_wait) => {}
    }
    drop(listener);
    end_all.send_replace(true);
    let all = u32::try_from(settings.http.max_connections).unwrap_or(u32::MAX);
    // All places are free when all connections have ended, but for those that became WebSockets.
    let ended = async { tokio::join!(gate.free.acquire_many(all), shared.sockets.all_ended()) };
    let _ = tokio::time::timeout(settings.grace, ended).await;
    Ok(folded.fold_log().await?)
}

/// Where a server is reached from its own machine: one that listens everywhere has no address of its own.
fn reached_from_here(address: SocketAddr) -> SocketAddr {
    let here: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(here, address.port())
}

/// Waits until the server is told to end, and then until the jobs of its own agent have ended, as far as there is time for that.
async fn told_to_end(
    mut stop: watch::Receiver<Stop>,
    own: Option<JoinHandle<()>>,
    drain: watch::Sender<bool>,
    limit: Duration,
) {
    if stop.wait_for(|stop| *stop >= Stop::Gently).await.is_err() {
        // Nobody is there who could tell.
        return std::future::pending().await;
    }
    let Some(own) = own.filter(|_| !limit.is_zero()) else { return };
    drain.send_replace(true);
    tokio::select! {
        _ = own => {}
        () = tokio::time::sleep(limit) => {}
        _ = stop.wait_for(|stop| *stop == Stop::Now) => {}
    }
}

/// Where connections come in.
struct Gate {
    router: Router,
    acceptor: Option<watch::Receiver<TlsAcceptor>>,
    limits: HttpLimits,
    free: Arc<Semaphore>,
    end: watch::Receiver<bool>,
}

impl Gate {
    /// Takes connections for ever, as many at once as are allowed.
    async fn admit_all(&self, listener: &TcpListener) {
        loop {
            let Ok(place) = Arc::clone(&self.free).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, remote)) => self.admit(stream, remote, place),
                // Out of descriptors, perhaps: others end soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn admit(&self, stream: TcpStream, remote: SocketAddr, place: OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true);
        let router = self.router.clone().layer(axum::Extension(ConnectInfo(remote)));
        let (limit, end, acceptor) =
            (self.limits.head, self.end.clone(), self.acceptor.as_ref().map(|now| now.borrow().clone()));
        tokio::spawn(async move {
            let Some(acceptor) = acceptor else {
                return converse(stream, router, limit, end, place).await;
            };
            // How a client goes away, or that it speaks something else, is its own matter.
            if let Ok(Ok(stream)) = tokio::time::timeout(limit, acceptor.accept(stream)).await {
                converse(stream, router, limit, end, place).await;
            }
        });
    }
}

/// Answers what comes over one connection.
async fn converse<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    router: Router,
    head: Duration,
    mut end: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        // How a client goes away is its own matter.
        _ = connection.as_mut() => {}
        () = async { drop(end.wait_for(|end| *end).await) } => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    drop(place);
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
pub fn router(server: Shared, limits: &HttpLimits, end: &watch::Receiver<bool>) -> Router {
    let (body, end) = (limits.body, end.clone());
    let (routes, _) = api::routes();
    let routed = routes
        .route("/health", get(api::system::health))
        .route("/metrics", get(api::metrics::show))
        .fallback(|| async { ApiError::not_found("there is nothing here; see /api/v1/openapi.json") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "that cannot be done here; see /api/v1/openapi.json",
            )
        })
        .layer(DefaultBodyLimit::max(limits.max_body_bytes))
        .layer(middleware::from_fn(move |request, next| in_time(body, request, next)))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), move |server, request, next| {
            end_stream(server, end.clone(), request, next)
        }))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), identify))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), count))
        .with_state(server);
    // The layers of a router work when it has chosen a route already.
    Router::new().fallback_service(routed).layer(middleware::map_request(names_like_routes::tell_apart))
}

/// Gives up a body that comes too slowly.
async fn in_time(limit: Duration, request: Request, next: Next) -> Response {
    let is_late = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_late);
    let request = request.map(|body| {
        let state = (body.into_data_stream(), Duration::ZERO, 0.0);
        Body::from_stream(stream::try_unfold(state, move |(mut body, waited, received)| {
            let told = Arc::clone(&told);
            async move {
                let allowed = limit + Duration::from_secs_f64(received / SLOWEST_BODY);
                let begun = Instant::now();
                let Ok(piece) = tokio::time::timeout(allowed.saturating_sub(waited), body.next()).await
                else {
                    told.store(true, Ordering::Relaxed);
                    return Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)));
                };
                let Some(piece) = piece.transpose()? else { return Ok(None) };
                let state = (body, waited + begun.elapsed(), received + piece.len() as f64);
                Ok(Some((piece, state)))
            }
        }))
    });
    let response = next.run(request).await;
    if is_late.load(Ordering::Relaxed) {
        return ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body of the request came too slowly")
            .into_response();
    }
    response
}

/// Ends streams of events with the server, where who listens goes on at the next one, and with the token of who listens.
async fn end_stream(
    State(server): State<Shared>,
    mut end: watch::Receiver<bool>,
    request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
        return response;
    }
    let ended = async move {
        let revoked = async {
            match &caller {
                Some(caller) => server.authority.until_revoked(caller).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = end.wait_for(|end| *end) => {}
            () = revoked => {}
        }
    };
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(ended))))
}

/// Counts what is answered.
async fn count(State(server): State<Shared>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    // Anybody can make up methods; only those of routes have a row of their own.
    let known = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|known| request.method() == known);
    let method = known.unwrap_or("other").to_owned();
    let response = next.run(request).await;
    server.metrics.answered(&Answered { method, route, status: response.status().as_u16() });
    response
}

/// Learns who asks, and refuses what a page of another site sends.
async fn identify(State(server): State<Shared>, mut request: Request, next: Next) -> Response {
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let remote = remote.map_or(IpAddr::from([127, 0, 0, 1]), |info| info.0.ip());
    let openness = match server.authority.openness().await {
        Ok(openness) => openness,
        Err(error) => return ApiError::from(error).into_response(),
    };
    if let Err(refused) = check_site(request.uri(), request.headers(), openness) {
        return refused.into_response();
    }
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(bearer_token);
    match server.authority.caller(token, remote).await {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
        }
        Ok(None) => {}
        Err(refused) => return ApiError::from(refused).into_response(),
    }
    next.run(request).await
}

/// The token in the header `Authorization`. The name of the scheme is written in any case (RFC 9110, 11.1).
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// A page of another site may not speak here, and a server that asks for no token is reached only by names of this machine, so that no name of another site can be
/// made to lead here (DNS rebinding).
fn check_site(uri: &Uri, headers: &HeaderMap, openness: Openness) -> Result<(), ApiError> {
    let forbidden = |why: String| Err(ApiError::new(StatusCode::FORBIDDEN, why));
    let host = only(headers, &HOST)?.unwrap_or_default();
    if uri.authority().is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(host)) {
        return forbidden("the target of the request names another host than its header".into());
    }
    if let Some(origin) = only(headers, &ORIGIN)? {
        let site = origin.split_once("://").map_or(origin, |(_, site)| site);
        if site.is_empty() || !site.eq_ignore_ascii_case(host) {
            return forbidden(format!("pages of {origin} may not ask this server"));
        }
    }
    // What a browser sends that follows a link is no question of a page.
    let is_of_page = headers.get("sec-fetch-mode").is_none_or(|mode| mode != "navigate");
    let is_foreign =
        headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site");
    if is_of_page && is_foreign {
        return forbidden("pages of other sites may not ask this server".into());
    }
    let is_fine = match openness {
        Openness::Closed => true,
        Openness::Here => is_name_of_this_machine(host),
        // An address is nobody's name, which somebody else could make lead here.
        Openness::Everywhere => is_name_of_this_machine(host) || is_address(host),
    };
    if !is_fine {
        return forbidden(format!(
            "a server without tokens answers to localhost and 127.0.0.1, not to `{host}`"
        ));
    }
    // Whoever stands before this server may believe the other length.
    Ok(())
}

/// The text of a header that may come once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(ApiError::bad(format!("a request has one header {name}, not several")));
    }
    // What is no text equals nothing.
    Ok(first.map(|value| value.to_str().unwrap_or("?")))
}

fn is_address(host: &str) -> bool {
    host.parse::<SocketAddr>().is_ok() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

fn is_name_of_this_machine(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let Some((address, port)) = inner.split_once(']') else { return false };
        let is_port =
            port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        return is_port && address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let is_here = || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_port && (name.eq_ignore_ascii_case("localhost") || is_here())
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HOST, ORIGIN};
    use axum::http::{HeaderMap, HeaderValue, Uri};

    use super::{Openness, bearer_token, check_site};

    #[test]
    fn the_scheme_of_a_token_is_written_in_any_case() {
        for header in ["Bearer ez_1", "bearer ez_1", "BEARER  ez_1 "] {
            assert_eq!(bearer_token(header), Some("ez_1"), "{header}");
        }
        for header in ["", "Bearer", "Basic ez_1", "Bearerez_1", "ez_1"] {
            assert_eq!(bearer_token(header), None, "{header}");
        }
    }

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
        for (host, origin, openness, is_fine) in [
            ("127.0.0.1:8080", None, Openness::Here, true),
            ("[::1]:8080", None, Openness::Here, true),
            ("localhost", Some("http://localhost"), Openness::Here, true),
            ("localhost:8080", Some("http://evil.example"), Openness::Here, false),
            ("localhost:8080", Some("null"), Openness::Here, false),
            ("evil.example", None, Openness::Here, false),
            ("evil.example:8080", Some("http://evil.example:8080"), Openness::Here, false),
            ("10.0.0.1:80", None, Openness::Here, false),
            ("10.0.0.1:80", None, Openness::Everywhere, true),
            ("[fe80::1]", None, Openness::Everywhere, true),
            ("evil.example", None, Openness::Everywhere, false),
            ("build.example", None, Openness::Closed, true),
            ("build.example", Some("https://build.example"), Openness::Closed, true),
            ("build.example", Some("https://evil.example"), Openness::Closed, false),
        ] {
            assert_eq!(
                check_site(&Uri::from_static("/"), &headers(host, origin), openness).is_ok(),
                is_fine,
                "{host} {origin:?}"
            );
        }
    }
}
