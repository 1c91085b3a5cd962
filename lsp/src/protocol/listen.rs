//! Ports of this machine.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

use super::{ServeError, speak, websocket};
use crate::session::World;

/// Serves editors that connect to a port, until the process ends.
pub async fn tcp(
    world: &World,
    address: SocketAddr,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let listener = bind(address, listening).await?;
    let editors = tokio::task::LocalSet::new();
    let accept = async {
        loop {
            let Some(stream) = next(&listener).await else { continue };
            let world = world.clone();
            tokio::task::spawn_local(async move {
                let (input, output) = stream.into_split();
                speak(&world, input, output).await;
            });
        }
    };
    editors.run_until(accept).await
}

/// The same, by WebSocket.
pub async fn websocket(
    world: &World,
    address: SocketAddr,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let listener = bind(address, listening).await?;
    let editors = tokio::task::LocalSet::new();
    let accept = async {
        loop {
            let Some(stream) = next(&listener).await else { continue };
            let world = world.clone();
            tokio::task::spawn_local(async move {
                if let Some((input, output)) = websocket::accept(stream).await {
                    speak(&world, input, output).await;
                }
            });
        }
    };
    editors.run_until(accept).await
}

/// The next connection. One that broke before it was taken, or a lack of descriptors, is no reason to end.
async fn next(listener: &TcpListener) -> Option<TcpStream> {
    let accepted = listener.accept().await.ok();
    if accepted.is_none() {
        tokio::task::yield_now().await;
    }
    accepted.map(|(stream, _)| stream)
}

async fn bind(address: SocketAddr, listening: impl FnOnce(SocketAddr)) -> Result<TcpListener, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    let failed = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    listening(listener.local_addr().map_err(failed)?);
    Ok(listener)
}
