//! Somebody who listens to the events of a server over its WebSocket.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use crate::job_server::JobServer;

/// A connection.
pub struct EventClient {
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
}

impl EventClient {
    /// Connects, with the server's token where that has one.
    ///
    /// # Panics
    /// The server refuses.
    pub fn connect(server: &JobServer<'_>) -> Self {
        let token = server.token.as_ref().map(|token| ("authorization", format!("Bearer {token}")));
        let headers: Vec<(&str, &str)> = token.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self::try_connect(server, &headers).unwrap_or_else(|status| panic!("refused with {status}"))
    }

    /// Connects with headers.
    ///
    /// # Errors
    /// The status with which the server refuses.
    ///
    /// # Panics
    /// Nothing listens.
    pub fn try_connect(server: &JobServer<'_>, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut request =
            format!("ws://{}/api/v1/ws", server.address).into_client_request().expect("an address");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        let connected = runtime.block_on(async {
            let stream = TcpStream::connect(server.address).await.expect("it listens");
            tokio_tungstenite::client_async(request, stream).await
        });
        match connected {
            Ok((socket, _)) => Ok(Self { runtime, socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Says something.
    pub fn say(&mut self, event: &str, data: &Value) {
        self.say_text(json!({"event": event, "data": data}).to_string());
    }

    /// Says any text.
    pub fn say_text(&mut self, text: String) {
        // A connection that is over is noticed where it is read.
        let _ = self.runtime.block_on(self.socket.send(Message::text(text)));
    }

    /// The next message; `None` where the server has closed the connection.
    pub fn hear(&mut self) -> Option<Value> {
        loop {
            let message = self.runtime.block_on(self.socket.next());
            match message {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// The code with which the server closes the connection; `None` where it ends without a word.
    pub fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.runtime.block_on(self.socket.next()) {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                _ => return None,
            }
        }
    }

    /// The next message of a kind.
    ///
    /// # Panics
    /// The connection ends before.
    pub fn next_of(&mut self, event: &str) -> Value {
        loop {
            let message = self.hear().unwrap_or_else(|| panic!("no {event} came"));
            if message["event"] == event {
                return message;
            }
        }
    }

    /// Subscribes, and waits until that counts.
    pub fn subscribe(&mut self, data: &Value) -> Value {
        self.say("subscribe", data);
        self.next_of("subscribed")
    }
}
