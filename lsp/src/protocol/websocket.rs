//! Messages in WebSocket frames, as editors in browsers send them: each is one message, without the header that stands
//! before it in a stream.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::Message;

/// How much may wait in each direction.
const BUFFER: usize = 1 << 16;

/// The largest message that is taken, as for a file.
const MAX_MESSAGE: usize = 64 << 20;

const LENGTH_HEADER: &str = "content-length:";

/// Takes a connection. Gives what the editor sends and what it is sent, as streams with headers; `None` where it is no
/// WebSocket, or comes from a page of another machine.
pub async fn accept(stream: TcpStream) -> Option<(DuplexStream, DuplexStream)> {
    let socket = tokio_tungstenite::accept_hdr_async(stream, check_origin).await.ok()?;
    let (to_server, input) = tokio::io::duplex(BUFFER);
    let (output, from_server) = tokio::io::duplex(BUFFER);
    tokio::task::spawn_local(carry(socket, to_server, from_server));
    Some((input, output))
}

/// Any page that a browser shows can connect to a port of the user's machine; only pages of that machine may.
#[expect(clippy::result_large_err, reason = "the signature is the library's")]
fn check_origin(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    let origin = request.headers().get("origin").map(HeaderValue::to_str);
    match origin {
        None => Ok(response),
        Some(Ok(origin)) if is_local(origin) => Ok(response),
        Some(_) => {
            let mut refusal = ErrorResponse::new(Some("this page may not connect\n".to_owned()));
            *refusal.status_mut() = StatusCode::FORBIDDEN;
            Err(refusal)
        }
    }
}

/// Whether a page was loaded from this machine, or from an editor's own scheme.
fn is_local(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    scheme.starts_with("vscode-") || matches!(host, "localhost" | "127.0.0.1" | "::1")
}

/// Carries messages both ways until one side ends.
async fn carry(socket: WebSocketStream<TcpStream>, mut to_server: DuplexStream, from_server: DuplexStream) {
    let (mut sink, mut source) = socket.split();
    let inwards = async {
        while let Some(Ok(message)) = source.next().await {
            let body = match &message {
                Message::Text(text) => text.as_bytes(),
                Message::Binary(bytes) => bytes.as_ref(),
                Message::Close(_) => break,
                _ => continue,
            };
            let header = format!("Content-Length: {}\r\n\r\n", body.len());
            if to_server.write_all(header.as_bytes()).await.is_err()
                || to_server.write_all(body).await.is_err()
            {
                break;
            }
        }
        let _ = to_server.shutdown().await;
    };
    let outwards = async {
        let mut reader = BufReader::new(from_server);
        while let Some(body) = next_body(&mut reader).await {
            if sink.send(Message::text(body)).await.is_err() {
                break;
            }
        }
        let _ = sink.close().await;
    };
    tokio::join!(inwards, outwards);
}

/// The next message of a stream with headers; `None` at its end.
async fn next_body(reader: &mut BufReader<DuplexStream>) -> Option<String> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix(LENGTH_HEADER) {
            length = number.trim().parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length.filter(|length| *length <= MAX_MESSAGE)?];
    reader.read_exact(&mut body).await.ok()?;
    String::from_utf8(body).ok()
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_pages_of_this_machine_may_connect() {
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:80", "vscode-webview://x1"]
        {
            assert!(is_local(origin), "{origin}");
        }
        for origin in ["https://example.org", "http://localhost.example.org", "null", "http://10.0.0.1"] {
            assert!(!is_local(origin), "{origin}");
        }
    }
}
