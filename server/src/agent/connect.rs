//! How an agent reaches its server: in the same process, or over a WebSocket.

use std::future::Future;
use std::io;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;

use crate::wire::{self, FromAgent, LogPiece, ToAgent};

/// What an agent sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// A message.
    Message(FromAgent),
    /// A piece of a log.
    Log(LogPiece),
}

/// A connection.
#[derive(Debug)]
pub struct Link {
    /// To the server.
    pub outgoing: UnboundedSender<Outgoing>,
    /// From the server. It ends with the connection.
    pub incoming: UnboundedReceiver<ToAgent>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be used.
    #[error("{0} is no address of a server: write it as in http://127.0.0.1:8080")]
    Address(String),
    /// Nobody listens, or the network fails.
    #[error("{0}")]
    Network(#[from] io::Error),
    /// The server refuses.
    #[error("{0}")]
    Refused(String),
    /// The server in this process has ended.
    #[error("the server has ended")]
    Ended,
}

/// Makes connections.
pub trait Connector {
    /// One more connection.
    ///
    /// # Errors
    /// There is none now; perhaps later.
    fn connect(&mut self) -> impl Future<Output = Result<Link, ConnectError>> + Send;
}

/// Connects over the network.
#[derive(Clone, Debug)]
pub struct WebSocket {
    host: String,
    token: Option<String>,
}

impl WebSocket {
    /// To the server at a URL, `http://HOST:PORT`.
    ///
    /// # Errors
    /// The URL is none of these.
    pub fn new(url: &str, token: Option<String>) -> Result<Self, ConnectError> {
        let bad = || ConnectError::Address(url.to_owned());
        let host = url.strip_prefix("http://").ok_or_else(bad)?.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '?', '#', '@']) {
            return Err(bad());
        }
        let host = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        Ok(Self { host, token })
    }
}

impl Connector for WebSocket {
    async fn connect(&mut self) -> Result<Link, ConnectError> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{}/api/v1/ws", self.host)
            .into_client_request()
            .map_err(|_| ConnectError::Address(self.host.clone()))?;
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| ConnectError::Refused("the token has characters that no token has".into()))?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .map_err(|error| ConnectError::Refused(error.to_string()))?;
        let (mut sink, mut source) = socket.split();
        let (outgoing, mut to_send) = mpsc::unbounded_channel::<Outgoing>();
        let (received, incoming) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut seq = 0;
            while let Some(outgoing) = to_send.recv().await {
                let message = match outgoing {
                    Outgoing::Message(message) => {
                        seq += 1;
                        match wire::encode(&message, seq) {
                            Ok(text) => Message::text(text),
                            Err(_) => continue,
                        }
                    }
                    Outgoing::Log(piece) => Message::binary(piece.encode()),
                };
                if sink.send(message).await.is_err() {
                    return;
                }
            }
            // Whether the other side hears it or not, this is over.
            let _ = sink.close().await;
        });
        tokio::spawn(async move {
            while let Some(Ok(message)) = source.next().await {
                if let Message::Text(text) = message
                    && let Ok(message) = wire::decode::<ToAgent>(&text)
                    && received.send(message).is_err()
                {
                    return;
                }
            }
        });
        Ok(Link { outgoing, incoming })
    }
}

#[cfg(test)]
mod tests {
    use super::WebSocket;

    #[test]
    fn addresses() {
        for good in ["http://127.0.0.1:8080", "http://build.example/", "http://[::1]:80"] {
            assert!(WebSocket::new(good, None).is_ok(), "{good}");
        }
        for bad in ["", "build", "ftp://x", "http://", "http://a/b", "http://u@h"] {
            assert!(WebSocket::new(bad, None).is_err(), "{bad}");
        }
    }
}
