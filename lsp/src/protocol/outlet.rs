//! The way out: what the library writes, and findings, which are written past it.
//!
//! The library makes a tree of every message before it writes it. For the findings of a big file at every key that costs more
//! than finding them, so they become bytes at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::PollSender;

/// How many pieces may wait to be written.
const WAITING: usize = 16;

/// Whole messages with their headers; `None` ends the way.
type Piece = Option<Message>;

struct Message {
    bytes: Vec<u8>,
    /// Who waits until it is written.
    written: Option<oneshot::Sender<()>>,
}

/// Takes messages of our own.
#[derive(Clone)]
pub struct Outlet {
    pieces: mpsc::Sender<Piece>,
}

/// Takes what the library writes. Between two flushes it writes whole messages.
pub struct LibraryWriter {
    written: Vec<u8>,
    pieces: PollSender<Piece>,
}

/// What is to be written, in order.
pub struct Pieces {
    pieces: mpsc::Receiver<Piece>,
}

/// A way out for one editor.
pub fn open() -> (Outlet, LibraryWriter, Pieces) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let writer = LibraryWriter { written: Vec::new(), pieces: PollSender::new(sender.clone()) };
    (Outlet { pieces: sender }, writer, Pieces { pieces: receiver })
}

#[derive(Serialize)]
struct Notification<'a, P> {
    jsonrpc: &'static str,
    method: &'a str,
    params: &'a P,
}

/// A message with its header.
///
/// # Errors
/// The params are no JSON.
pub fn message<P: Serialize>(method: &str, params: &P) -> serde_json::Result<Vec<u8>> {
    Ok(framed(&serde_json::to_vec(&Notification { jsonrpc: "2.0", method, params })?))
}

/// The text of a message with its header.
pub fn framed(text: &[u8]) -> Vec<u8> {
    let mut message = format!("Content-Length: {}\r\n\r\n", text.len()).into_bytes();
    message.extend_from_slice(text);
    message
}

impl Outlet {
    /// Sends a whole message, and waits until the editor takes it: findings that are older than what it could take by then are not made.
    /// Of a message for an editor that is gone nobody needs to know.
    pub async fn send(&self, bytes: Vec<u8>) {
        let (written, taken) = oneshot::channel();
        if self.pieces.send(Some(Message { bytes, written: Some(written) })).await.is_ok() {
            let _ = taken.await;
        }
    }

    /// Nothing comes after this.
    pub async fn end(&self) {
        let _ = self.pieces.send(None).await;
    }
}

impl Pieces {
    /// Writes everything until the end.
    pub async fn write_to(mut self, output: impl AsyncWrite) {
        let mut output = std::pin::pin!(output);
        while let Some(Some(Message { bytes, written })) = self.pieces.recv().await {
            if output.write_all(&bytes).await.is_err() || output.flush().await.is_err() {
                break;
            }
            if let Some(written) = written {
                // Who does not wait any more does not need to know.
                let _ = written.send(());
            }
        }
    }
}

impl AsyncWrite for LibraryWriter {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.written.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.pieces.poll_reserve(context)).map_err(gone)?;
        let piece = std::mem::take(&mut self.written);
        Poll::Ready(self.pieces.send_item(Some(Message { bytes: piece, written: None })).map_err(gone))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn messages_leave_whole_and_in_order() {
        let (outlet, mut library, pieces) = open();
        library.write_all(b"Content-Length: 2\r\n").await.unwrap();
        library.write_all(b"\r\n{}").await.unwrap();
        let ours = message("x", &BTreeMap::from([("a", [2, 3])])).unwrap();
        let mut output = Vec::new();
        let written = async {
            outlet.send(ours).await;
            library.flush().await.unwrap();
            outlet.end().await;
        };
        tokio::join!(written, pieces.write_to(&mut output));
        let expected = concat!(
            "Content-Length: 51\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{\"a\":[2,3]}}",
            "Content-Length: 2\r\n\r\n{}"
        );
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_sends_waits_for_the_editor() {
        let (outlet, _library, pieces) = open();
        let (ours, mut editor) = tokio::io::duplex(4);
        let writing = tokio::spawn(pieces.write_to(ours));
        let mut sending = std::pin::pin!(outlet.send(b"12345678".to_vec()));
        let mut taken = [0; 4];
        tokio::select! {
            biased;
            () = &mut sending => panic!("nobody has taken it"),
            read = editor.read_exact(&mut taken) => drop(read.unwrap()),
        }
        tokio::join!(sending, async { editor.read_exact(&mut taken).await.unwrap() });
        drop(editor);
        // Of an editor that is gone nobody needs to know.
        outlet.send(b"12345678".to_vec()).await;
        writing.await.unwrap();
    }
}
