//! The WebSocket of agents.

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;

use super::Shared;
use crate::agent::connect::{Link, Outgoing};
use crate::auth::{Allowed, Node};
use crate::dispatcher::{Connection, Dispatcher};
use crate::wire::{self, FromAgent, LogPiece, MAX_MESSAGE_BYTES, ToAgent};

/// Connects an agent.
pub async fn connect(_: Allowed<Node>, State(server): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| serve(socket, server))
}

async fn serve(socket: WebSocket, server: Shared) {
    let (mut sink, mut source) = socket.split();
    let (outgoing, from_agent) = mpsc::unbounded_channel();
    let (to_agent, mut incoming) = mpsc::unbounded_channel::<ToAgent>();
    let writing = tokio::spawn(async move {
        let mut seq = 0;
        while let Some(message) = incoming.recv().await {
            seq += 1;
            let Ok(text) = wire::encode(&message, seq) else { continue };
            if sink.send(Message::text(text)).await.is_err() {
                return;
            }
        }
        let _ = sink.close().await;
    });
    let attending = tokio::spawn(attend(server.dispatcher.clone(), from_agent, to_agent));
    while let Some(Ok(message)) = source.next().await {
        let heard = match message {
            Message::Text(text) => wire::decode::<FromAgent>(&text).ok().map(Outgoing::Message),
            Message::Binary(bytes) => LogPiece::decode(&bytes).map(Outgoing::Log),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => break,
        };
        // Who says what nobody understands is not listened to any more.
        let Some(heard) = heard else { break };
        if outgoing.send(heard).is_err() {
            break;
        }
    }
    drop(outgoing);
    let _ = attending.await;
    writing.abort();
}

/// A connection within this process, for the agent of the server itself.
pub fn connect_here(dispatcher: &Dispatcher) -> Link {
    let (outgoing, from_agent) = mpsc::unbounded_channel();
    let (to_agent, incoming) = mpsc::unbounded_channel();
    tokio::spawn(attend(dispatcher.clone(), from_agent, to_agent));
    Link { outgoing, incoming }
}

/// Does what an agent says, in its order, until the connection ends.
async fn attend(
    dispatcher: Dispatcher,
    mut from_agent: mpsc::UnboundedReceiver<Outgoing>,
    to_agent: mpsc::UnboundedSender<ToAgent>,
) {
    let Some(Outgoing::Message(FromAgent::NodeRegister(registration))) = from_agent.recv().await else {
        return;
    };
    let Some(connection) = dispatcher.register(registration, to_agent.clone()).await else { return };
    while let Some(heard) = from_agent.recv().await {
        let is_kept = match heard {
            Outgoing::Message(message) => pass_on(&dispatcher, &connection, message).await,
            Outgoing::Log(piece) => keep(&dispatcher, &to_agent, piece).await,
        };
        if !is_kept {
            return;
        }
    }
}

/// An end counts only when the whole log is on the disk.
async fn pass_on(dispatcher: &Dispatcher, connection: &Connection, message: FromAgent) -> bool {
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

/// Keeps a piece of a log. What is not wanted any more is passed over.
async fn keep(dispatcher: &Dispatcher, to_agent: &mpsc::UnboundedSender<ToAgent>, piece: LogPiece) -> bool {
    let Some(log) = dispatcher.logs().growing(piece.attempt) else { return true };
    let attempt = piece.attempt;
    let kept = tokio::task::spawn_blocking(move || {
        let log_bytes = log.append(piece.offset, &piece.bytes)?;
        log.sync()?;
        Ok::<_, std::io::Error>(log_bytes)
    });
    match kept.await {
        Ok(Ok(log_bytes)) => to_agent.send(ToAgent::LogKept { attempt, log_bytes }).is_ok(),
        Ok(Err(error)) => {
            eprintln!("ez: the log of job {} cannot be written: {error}", attempt.job);
            false
        }
        Err(_) => false,
    }
}
