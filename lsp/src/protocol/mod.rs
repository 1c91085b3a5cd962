//! The language server protocol: the only place that knows its types.
//!
//! A notification that changes what is open is applied by [`in_order`] at the moment when it is read, and a question gets its view
//! of the session there too: so an answer is about the texts as they were when it was asked for, whatever arrives meanwhile.
//! `server` has one line for each question; `handlers` has a file for each, which asks `ide` and turns the answer into a
//! message.

mod capabilities;
mod from_proto;
mod handlers;
mod in_order;
mod inlet;
mod lenient;
mod listen;
mod outlet;
mod publish;
mod refresh;
mod server;
mod to_proto;
mod watch;
mod websocket;
mod workers;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tower_lsp::{LspService, Server};

use crate::session::{Session, World};
use in_order::{InOrder, Parting};
use server::Backend;

/// How many questions are worked on at once; the rest wait.
const CONCURRENCY: usize = 8;

/// How many bytes of messages wait for the library.
const BUFFER: usize = 64 << 10;

/// How an editor reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Standard input and output.
    Stdio,
    /// A port of this machine; each connection is an editor of its own.
    Tcp(SocketAddr),
    /// The same, by WebSocket: a message of the protocol a message there.
    WebSocket(SocketAddr),
}

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not one of this machine alone.
    #[error("{0} can be reached from other machines; name a port of this one, as in 127.0.0.1:{port}", port = .0.port())]
    NotLoopback(SocketAddr),
    /// The port cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The port.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The editor left without a word.
    #[error("the editor left with `exit`, and without `shutdown` before it")]
    NoShutdown,
    /// Threads cannot be had.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

/// Serves until the editor ends; on a port, until the process does. `listening` is told the address of a port.
///
/// # Errors
/// The port cannot be had, or is not of this machine alone.
pub fn serve(
    world: &World,
    transport: Transport,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let served = runtime.block_on(async {
        match transport {
            Transport::Stdio => {
                let parting = speak(world, tokio::io::stdin(), tokio::io::stdout()).await;
                if parting.is_rude() { Err(ServeError::NoShutdown) } else { Ok(()) }
            }
            Transport::Tcp(address) => listen::tcp(world, address, listening).await,
            Transport::WebSocket(address) => listen::websocket(world, address, listening).await,
        }
    });
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    served
}

/// Serves one editor, until it leaves.
async fn speak(world: &World, input: impl AsyncRead + Unpin, output: impl AsyncWrite) -> Arc<Parting> {
    let session = Arc::new(Session::new(world));
    let (outlet, library_writer, pieces) = outlet::open();
    let of_backend = (Arc::clone(&session), outlet.clone());
    let version = world.version;
    let (service, socket) =
        LspService::new(|client| Backend::new(client, of_backend.0, of_backend.1, version));
    let changed = service.inner().changed();
    let parting = Arc::default();
    let service = InOrder::new(service, session, changed, Arc::clone(&parting));
    let (to_library, library_input) = tokio::io::duplex(BUFFER);
    let served = async {
        let server = Server::new(library_input, library_writer, socket).concurrency_level(CONCURRENCY);
        let mut serving = std::pin::pin!(server.serve(service));
        tokio::select! {
            () = &mut serving => {}
            () = inlet::pass_on(input, to_library, outlet.clone()) => serving.await,
        }
        outlet.end().await;
    };
    tokio::join!(served, pieces.write_to(output));
    parting
}
