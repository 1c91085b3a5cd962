//! The WebSocket: of agents, and of browsers and tools that want to hear what happens. The first message says which.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;

use super::{ApiError, ErrorBody, Shared, subscription};
use crate::agent::connect::{Link, Outgoing};
use crate::auth::{Caller, Scope};
use crate::dispatcher::{Connection, Dispatcher};
use crate::queue::NodeId;
use crate::wire::{self, FromAgent, LogPiece, MAX_MESSAGE_BYTES, PieceOf, Registration, ToAgent};
use crate::{json_fields, node_words};

/// How many connections may be open at once of which nobody knows yet whose they are.
pub const MAX_STRANGERS: usize = 64;

/// The longest message of who is no agent.
const MAX_QUESTION_BYTES: usize = 64 * 1024;

/// How many pieces of logs share a flush of the disk.
const MAX_PIECES: usize = 16;

/// How long a client has to say what it wants.
const GREETING_LIMIT: Duration = Duration::from_secs(10);

/// How long what is still to be said to an agent may take when its connection ends.
const FAREWELL_LIMIT: Duration = Duration::from_secs(5);

/// How long a client may take to end a connection that the server ends.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// What is told to who is connected with a token that was revoked or is over.
pub const NO_TOKEN_ANY_MORE: &str = "the token counts no more";

/// A message of which only the form is known.
#[derive(Debug, Deserialize)]
pub struct Said {
    /// What is wanted.
    pub event: String,
    /// More of it.
    #[serde(default)]
    pub data: Value,
}

/// The connections of a server over which both sides speak at any time.
#[derive(Debug)]
pub struct OpenSockets {
    /// Whether the server ends.
    end: watch::Receiver<bool>,
    /// Who listens here has a connection.
    open: watch::Sender<()>,
}

impl OpenSockets {
    /// Those of a server that ends when it is told so.
    pub fn new(end: watch::Receiver<bool>) -> Self {
        Self { end, open: watch::Sender::new(()) }
    }

    /// Waits until the server ends.
    pub async fn end(&self) {
        if self.end.clone().wait_for(|end| *end).await.is_err() {
            // Nobody is there who could tell.
            std::future::pending::<()>().await;
        }
    }

    fn is_ending(&self) -> bool {
        *self.end.borrow()
    }

    /// Waits until there is none any more.
    pub async fn all_ended(&self) {
        self.open.closed().await;
    }
}

/// What a server says last that ends.
pub fn going_away() -> Message {
    Message::Close(Some(CloseFrame { code: close_code::AWAY, reason: "the server ends".into() }))
}

/// Waits a while for the other side to end a connection too: else what was said last might be lost.
pub async fn await_close(source: &mut (impl Stream<Item = Result<Message, axum::Error>> + Unpin)) {
    let closed = async { while source.next().await.is_some_and(|message| message.is_ok()) {} };
    let _ = timeout(CLOSE_LIMIT, closed).await;
}

/// A WebSocket (RFC 6455): events for browsers and tools, and what agents and the server tell each other. Who cannot set headers gives its token in the first message,
/// `{"event": "authenticate", "data": {"token": …}}`. The first message after that says what is wanted, as in `{"event": "subscribe", "data": {"topics": ["jobs"]}}`.
#[utoipa::path(get, path = "/ws", responses(
    (status = 101, description = "The connection is a WebSocket from now on"),
    (status = 400, description = "The request asks for no WebSocket", body = ErrorBody),
    (status = 426, description = "The connection cannot become a WebSocket", body = ErrorBody)))]
pub async fn connect(
    State(server): State<Shared>,
    caller: Option<Extension<Caller>>,
    remote: Option<Extension<ConnectInfo<SocketAddr>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let caller = caller.map(|Extension(caller)| caller);
    let upgrade = match (upgrade, &caller) {
        (Ok(upgrade), _) => upgrade,
        (Err(_), None) => return ApiError::no_token().into_response(),
        (Err(refused), Some(_)) => {
            let error = format!("only WebSockets are here: {}", refused.body_text());
            return ApiError::new(refused.status(), error).into_response();
        }
    };
    let is_agent = caller.as_ref().is_some_and(|caller| caller.may(Scope::Node));
    if caller.as_ref().is_some_and(|caller| !is_agent && !caller.may(Scope::Read)) {
        return ApiError::small_scope(Scope::Read).into_response();
    }
    let Ok(place) = server.strangers.clone().try_acquire_owned() else {
        let error = "too many connections wait for their first message: come again later";
        return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error).into_response();
    };
    let limit = if is_agent { MAX_MESSAGE_BYTES } else { MAX_QUESTION_BYTES };
    let remote = remote.map_or(IpAddr::from([127, 0, 0, 1]), |Extension(ConnectInfo(remote))| remote.ip());
    upgrade
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| greet(socket, server, caller, remote, place))
}

/// Learns who is there and what for.
async fn greet(
    mut socket: WebSocket,
    server: Shared,
    caller: Option<Caller>,
    remote: IpAddr,
    place: OwnedSemaphorePermit,
) {
    let _open = server.sockets.open.subscribe();
    let introduced = tokio::select! {
        introduced = timeout(GREETING_LIMIT, introduce(&mut socket, &server, caller, remote)) => introduced,
        () = server.sockets.end() => {
            // Who is gone needs no farewell.
            let _ = socket.send(going_away()).await;
            return await_close(&mut socket).await;
        }
    };
    drop(place);
    let (caller, text) = match introduced {
        Ok(Ok(introduced)) => introduced,
        Ok(Err(reason)) => return refuse(socket, reason).await,
        Err(_) => return refuse(socket, "nothing was said in time".into()).await,
    };
    match wire::decode::<FromAgent>(&text) {
        Ok(FromAgent::NodeRegister(registration)) if caller.may(Scope::Node) => {
            serve(socket, server, caller, registration).await;
        }
        Ok(_) => refuse(socket, format!("the token lacks the scope `{}`", Scope::Node)).await,
        Err(_) => match foreign_registration(&text).filter(|_| caller.may(Scope::Node)) {
            Some(reason) => refuse(socket, reason).await,
            None if caller.may(Scope::Read) => subscription::serve(socket, server, caller, &text).await,
            None => refuse(socket, format!("the token lacks the scope `{}`", Scope::Read)).await,
        },
    }
}

/// Why an agent is refused that registers in a way that is not known here, as one of another version may; `None` for every other message.
fn foreign_registration(text: &str) -> Option<String> {
    let said: Said = serde_json::from_str(text).ok().filter(|said: &Said| said.event == "node_register")?;
    match said.data["version"].as_u64() {
        Some(version) if version != u64::from(wire::VERSION) => Some(wire::another_version(version)),
        _ => {
            let wrong = json_fields::read_member::<Registration>("data", said.data).err()?;
            Some(format!("{wrong}; use the same version of ez on both"))
        }
    }
}

/// The caller, who may have given a token first, and the first message after that.
async fn introduce(
    socket: &mut WebSocket,
    server: &Shared,
    caller: Option<Caller>,
    remote: IpAddr,
) -> Result<(Caller, String), String> {
    let text = next_text(socket).await?;
    let Some(token) = token_in(&text) else {
        let caller = caller.ok_or_else(|| what_token_is_wanted(&text))?;
        return Ok((caller, text));
    };
    let found = server.authority.caller(Some(&token), remote).await.map_err(|error| error.to_string())?;
    let caller = found.ok_or("the token is not known")?;
    let answer = json!({"event": "authenticated", "data": {}});
    socket.send(Message::text(answer.to_string())).await.map_err(|error| error.to_string())?;
    Ok((caller, next_text(socket).await?))
}

/// How somebody gets in who came without a token.
fn what_token_is_wanted(first: &str) -> &'static str {
    match wire::decode::<FromAgent>(first) {
        Ok(_) => {
            "the server wants a token: make one there with `ez server token create NAME --scopes node`, and set EZ_CLIENT_TOKEN here"
        }
        Err(_) => "send {\"event\": \"authenticate\", \"data\": {\"token\": …}} first",
    }
}

async fn next_text(socket: &mut WebSocket) -> Result<String, String> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return Err("the first message is a text".into()),
        }
    }
}

fn token_in(text: &str) -> Option<String> {
    let said: Said = serde_json::from_str(text).ok().filter(|said: &Said| said.event == "authenticate")?;
    Some(said.data["token"].as_str().unwrap_or_default().to_owned())
}

/// Says why, and closes.
pub async fn refuse(mut socket: WebSocket, reason: String) {
    let told = json!({"event": "refused", "data": {"reason": reason}});
    // Who is gone needs no explanation.
    let _ = socket.send(Message::text(told.to_string())).await;
    let _ = socket.send(refusal()).await;
}

/// What is said last to who may not be here, or not any more.
pub fn refusal() -> Message {
    Message::Close(Some(CloseFrame { code: close_code::POLICY, reason: "refused".into() }))
}

/// Agents that came, and who they said to be, so that one that comes again after a break is not written down again.
#[derive(Debug, Default)]
pub struct KnownAgents {
    known: Mutex<HashMap<NodeId, (String, IpAddr)>>,
}

impl KnownAgents {
    /// Whether the agent of a node comes for the first time with this token from there.
    fn is_new(&self, node: NodeId, caller: &Caller) -> bool {
        let now = (caller.name.clone(), caller.remote);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(node, now.clone()).is_none_or(|before| before != now)
    }
}

/// Registers an agent, and writes down who it is. `None` where it is not taken.
async fn register(
    server: &Shared,
    caller: &Caller,
    registration: Registration,
    to_agent: &mpsc::UnboundedSender<ToAgent>,
) -> Option<Connection> {
    let name = registration.name.clone();
    if let Some(reason) = node_words::reserved(&name) {
        // Who is gone needs no explanation.
        let _ = to_agent.send(ToAgent::Refused { reason });
        return None;
    }
    let connection = server.dispatcher.register(registration, to_agent.clone()).await?;
    if server.agents.is_new(connection.node, caller) {
        let object = format!("node {}: {name}", connection.node);
        if let Err(error) = server.audit(caller, "register", object).await {
            eprintln!("ez: that the node {name} came cannot be written down: {error}");
            return None;
        }
    }
    Some(connection)
}

async fn serve(socket: WebSocket, server: Shared, caller: Caller, registration: Registration) {
    let (mut sink, mut source) = socket.split();
    let (outgoing, from_agent) = mpsc::unbounded_channel();
    let shared = Arc::clone(&server);
    let (to_agent, mut incoming) = mpsc::unbounded_channel::<ToAgent>();
    let mut writing = tokio::spawn(async move {
        let (mut seq, mut is_refused) = (0, false);
        while let Some(message) = incoming.recv().await {
            seq += 1;
            is_refused |= matches!(message, ToAgent::Refused { .. });
            let Ok(text) = wire::encode(&message, seq) else { continue };
            if sink.send(Message::text(text)).await.is_err() {
                return;
            }
        }
        if is_refused {
            let _ = sink.send(refusal()).await;
        } else if shared.sockets.is_ending() {
            let _ = sink.send(going_away()).await;
        }
        let _ = sink.close().await;
    });
    if let Some(connection) = register(&server, &caller, registration, &to_agent).await {
        let attending =
            tokio::spawn(attend(server.dispatcher.clone(), connection, from_agent, to_agent.clone()));
        tokio::select! {
            () = hear(&mut source, outgoing) => {}
            () = server.sockets.end() => {}
            () = server.authority.until_revoked(&caller) => {
                let _ = to_agent.send(ToAgent::Refused { reason: NO_TOKEN_ANY_MORE.into() });
            }
        }
        let _ = attending.await;
    }
    drop(to_agent);
    // It ends when nobody has anything to say any more.
    let _ = timeout(FAREWELL_LIMIT, &mut writing).await;
    writing.abort();
    if server.sockets.is_ending() {
        await_close(&mut source).await;
    }
}

/// Passes on what an agent says, until it goes away.
async fn hear(source: &mut SplitStream<WebSocket>, outgoing: mpsc::UnboundedSender<Outgoing>) {
    while let Some(Ok(message)) = source.next().await {
        let heard = match message {
            Message::Text(text) => wire::decode::<FromAgent>(&text).ok().map(Outgoing::Message),
            Message::Binary(bytes) => LogPiece::decode(&bytes).map(Outgoing::Log),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return,
        };
        // Who says what nobody understands is not listened to any more.
        let Some(heard) = heard else { return };
        if outgoing.send(heard).is_err() {
            return;
        }
    }
}

/// A connection within this process, for the agent of the server itself.
pub fn connect_here(dispatcher: &Dispatcher) -> Link {
    let (outgoing, mut from_agent) = mpsc::unbounded_channel();
    let (to_agent, incoming) = mpsc::unbounded_channel();
    let dispatcher = dispatcher.clone();
    tokio::spawn(async move {
        let Some(Outgoing::Message(FromAgent::NodeRegister(registration))) = from_agent.recv().await else {
            return;
        };
        let Some(connection) = dispatcher.register(registration, to_agent.clone()).await else { return };
        attend(dispatcher, connection, from_agent, to_agent).await;
    });
    Link { outgoing, incoming }
}

/// Does what an agent says, in its order, until the connection ends.
async fn attend(
    dispatcher: Dispatcher,
    connection: Connection,
    mut from_agent: mpsc::UnboundedReceiver<Outgoing>,
    to_agent: mpsc::UnboundedSender<ToAgent>,
) {
    let mut pieces = Vec::new();
    while let Some(first) = from_agent.recv().await {
        let mut heard = Some(first);
        // Pieces that came meanwhile share the flush of the disk.
        while let Some(Outgoing::Log(piece)) = heard {
            pieces.push(piece);
            heard = if pieces.len() < MAX_PIECES { from_agent.try_recv().ok() } else { None };
        }
        let pieces = std::mem::take(&mut pieces);
        if !pieces.is_empty() && !keep(&dispatcher, &to_agent, pieces).await {
            return;
        }
        if let Some(Outgoing::Message(message)) = heard
            && !pass_on(&dispatcher, &connection, message).await
        {
            return;
        }
    }
}

/// An end counts only when the whole log is on the disk.
async fn pass_on(dispatcher: &Dispatcher, connection: &Connection, message: FromAgent) -> bool {
    if let FromAgent::JobFinished { attempt, event_bytes, .. } = &message {
        match dispatcher.settle_events(*attempt, *event_bytes).await {
            Ok(true) => {}
            // As with logs: all is told again over the next connection.
            Ok(false) => return false,
            Err(error) => {
                eprintln!("ez: the events of job {} cannot be read: {error}", attempt.job);
                return false;
            }
        }
    }
    if let FromAgent::JobFinished { attempt, log_bytes, .. } = &message
        && let Some(log) = dispatcher.logs().growing(*attempt)
    {
        if log.length() != *log_bytes {
            // Pieces came before their attempt was known here: all is told again over the next connection.
            return false;
        }
        let synced = tokio::task::spawn_blocking(move || log.sync()).await;
        if !matches!(synced, Ok(Ok(()))) {
            return false;
        }
    }
    connection.heard(message);
    true
}

/// Keeps pieces of logs and events. What is not wanted any more is passed over.
async fn keep(
    dispatcher: &Dispatcher,
    to_agent: &mpsc::UnboundedSender<ToAgent>,
    pieces: Vec<LogPiece>,
) -> bool {
    let (events, pieces): (Vec<_>, Vec<_>) =
        pieces.into_iter().partition(|piece| piece.of == PieceOf::Events);
    for piece in events {
        if !keep_events(dispatcher, to_agent, piece).await {
            return false;
        }
    }
    if pieces.is_empty() {
        return true;
    }
    let logs = Arc::clone(dispatcher.logs());
    let kept = tokio::task::spawn_blocking(move || {
        let mut grown = BTreeMap::new();
        for piece in pieces {
            let Some(log) = logs.growing(piece.attempt) else { continue };
            let length = log.append(piece.offset, &piece.bytes).map_err(|error| (piece.attempt, error))?;
            grown.insert(piece.attempt, (log, length));
        }
        for (attempt, (log, _)) in &grown {
            log.sync().map_err(|error| (*attempt, error))?;
        }
        Ok(grown.into_iter().map(|(attempt, (_, length))| (attempt, length)).collect::<Vec<_>>())
    });
    match kept.await {
        Ok(Ok(kept)) => kept
            .into_iter()
            .all(|(attempt, log_bytes)| to_agent.send(ToAgent::LogKept { attempt, log_bytes }).is_ok()),
        Ok(Err((attempt, error))) => {
            let error: std::io::Error = error;
            eprintln!("ez: the log of job {} cannot be written: {error}", attempt.job);
            false
        }
        Err(_) => false,
    }
}

/// Keeps a piece of the events of a plan's run.
async fn keep_events(
    dispatcher: &Dispatcher,
    to_agent: &mpsc::UnboundedSender<ToAgent>,
    piece: LogPiece,
) -> bool {
    let attempt = piece.attempt;
    match dispatcher.keep_events(attempt, piece.offset, piece.bytes).await {
        Ok(Some(event_bytes)) => to_agent.send(ToAgent::EventsKept { attempt, event_bytes }).is_ok(),
        Ok(None) => true,
        Err(error) => {
            eprintln!("ez: the events of job {} cannot be written: {error}", attempt.job);
            false
        }
    }
}
