//! How an agent reaches its server: in the same process, or over a WebSocket.

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::tls::{self, TlsError};
use crate::wire::{self, FromAgent, LogPiece, ToAgent};

/// How long a connection may take until both sides speak.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

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
    #[error("{0} is no address of a server: write it as in http://127.0.0.1:8080 or https://build.example")]
    Address(String),
    /// Whom to trust cannot be found out.
    #[error(transparent)]
    Trust(#[from] TlsError),
    /// The server is not the one that it should be, or speaks no TLS.
    #[error("no TLS with the server: {}", tls::in_words(&.0.to_string()))]
    Tls(#[source] io::Error),
    /// Nobody listens, or the network fails.
    #[error("{0}")]
    Network(#[from] io::Error),
    /// The server refuses.
    #[error("{0}")]
    Refused(String),
    /// The server knows the token not, or it is not enough.
    #[error("{0}")]
    NotLetIn(String),
    /// Nothing answers.
    #[error("the server does not answer in {} s", CONNECT_LIMIT.as_secs())]
    Slow,
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
#[derive(Clone)]
pub struct WebSocket {
    /// With its port.
    host: String,
    token: Option<String>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl WebSocket {
    /// To the server at a URL, `http://HOST:PORT` or `https://HOST:PORT`. Whose certificates are trusted stands in the file `ca`; else those are that browsers
    /// trust.
    ///
    /// # Errors
    /// The URL is none of these, or the file cannot be used.
    pub fn new(url: &str, token: Option<String>, ca: Option<&Path>) -> Result<Self, ConnectError> {
        let bad = || ConnectError::Address(url.to_owned());
        let (scheme, host) = url.split_once("://").ok_or_else(bad)?;
        let host = host.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '?', '#', '@']) {
            return Err(bad());
        }
        let port = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        let name = port.map_or(host, |(name, _)| name).trim_matches(['[', ']']).to_owned();
        let (usual, tls) = match scheme {
            "http" => (80, None),
            "https" => (443, Some((tls::client_config(ca)?, ServerName::try_from(name).map_err(|_| bad())?))),
            _ => return Err(bad()),
        };
        let host = if port.is_some() { host.to_owned() } else { format!("{host}:{usual}") };
        Ok(Self { host, token, tls })
    }

    async fn stream(&self) -> Result<Box<dyn Stream>, ConnectError> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let Some((config, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
        Ok(Box::new(connecting.await.map_err(ConnectError::Tls)?))
    }
}

impl WebSocket {
    /// A connection on which both sides speak WebSocket.
    async fn socket(&self) -> Result<WebSocketStream<Box<dyn Stream>>, ConnectError> {
        let stream = self.stream().await?;
        let mut request = format!("ws://{}/api/v1/ws", self.host)
            .into_client_request()
            .map_err(|_| ConnectError::Address(self.host.clone()))?;
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| ConnectError::Refused("the token has characters that no token has".into()))?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let (socket, _) =
            tokio_tungstenite::client_async(request, stream).await.map_err(|error| refused(&error))?;
        Ok(socket)
    }
}

/// Why a server opens no WebSocket.
fn refused(error: &tungstenite::Error) -> ConnectError {
    let tungstenite::Error::Http(response) = error else { return ConnectError::Refused(error.to_string()) };
    let body = response.body().as_deref().unwrap_or_default();
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let said = match said["error"].as_str() {
        Some(said) => format!("{}: {said}", response.status()),
        None => error.to_string(),
    };
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ConnectError::NotLetIn(said),
        _ => ConnectError::Refused(said),
    }
}

impl Connector for WebSocket {
    async fn connect(&mut self) -> Result<Link, ConnectError> {
        let socket = timeout(CONNECT_LIMIT, self.socket()).await.map_err(|_| ConnectError::Slow)??;
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
        for good in [
            "http://127.0.0.1:8080",
            "http://build.example/",
            "http://[::1]:80",
            "https://build.example",
            "https://[::1]:8443",
        ] {
            assert!(WebSocket::new(good, None, None).is_ok(), "{good}");
        }
        for bad in
            ["", "build", "ftp://x", "http://", "http://a/b", "http://u@h", "https://a b", "https://:1"]
        {
            assert!(WebSocket::new(bad, None, None).is_err(), "{bad}");
        }
    }
}
