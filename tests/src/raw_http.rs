//! Requests byte by byte, as only somebody sends them who means no good.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take at most.
const LIMIT: Duration = Duration::from_secs(30);

/// Connects.
///
/// # Panics
/// Nobody listens.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream
}

/// Sends some bytes; the answers until the server ends the connection.
///
/// # Panics
/// It does not end it.
pub fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    // A server that refuses what it read so far does not read the rest.
    let _ = stream.write_all(request);
    rest(&mut stream)
}

/// What comes until the server ends the connection.
///
/// # Panics
/// It does not end it.
pub fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        // It ended the connection before it read all.
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of the first answer; 0 where there is none.
pub fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// How many answers there are.
pub fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}
