//! The way in: whole messages, of which the library gets those that it can read. With the first that it cannot it would end, and the
//! editor would have no server because of one message.

use std::borrow::Cow;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

use super::outlet::{self, Outlet};

/// The longest message.
pub const MAX_MESSAGE: u64 = 256 << 20;

/// The longest line of a header; what is longer is none.
const MAX_LINE: u64 = 4 << 10;

/// How a message says how long it is.
const LENGTH: &str = "content-length";

/// What the library takes a message for.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is only asked whether it can be read")]
enum Message {
    Response(Response),
    Request(Request),
}

/// Hands messages to the library until the editor ends, and answers those that cannot be read.
pub async fn pass_on(input: impl AsyncRead, library: impl AsyncWrite, outlet: Outlet) {
    let input = std::pin::pin!(input);
    let mut input = BufReader::new(input);
    let mut library = std::pin::pin!(library);
    while let Some(message) = next(&mut input).await {
        match readable(&message) {
            Ok(message) => {
                if library.write_all(&outlet::framed(&message)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                let response = Response::from_error(Id::Null, error);
                if let Ok(response) = serde_json::to_vec(&response) {
                    outlet.send(outlet::framed(&response)).await;
                }
            }
        }
    }
}

/// The next message. Lines between messages that are no headers are passed over.
async fn next(input: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Vec<u8>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if (&mut *input).take(MAX_LINE).read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_ascii();
        if let Some(length) = length.filter(|_| line.is_empty()) {
            let mut message = Vec::new();
            let read = input.take(length).read_to_end(&mut message).await.ok()?;
            return (read as u64 == length).then_some(message);
        }
        length = length_in(line).or(length);
    }
}

/// The length that a line of a header names.
fn length_in(line: &[u8]) -> Option<u64> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let length = value.trim().parse().ok().filter(|length| *length <= MAX_MESSAGE);
    length.filter(|_| name.trim().eq_ignore_ascii_case(LENGTH))
}

/// A message as it can be read.
fn readable(message: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let Err(error) = serde_json::from_slice::<Message>(message) else { return Ok(message.into()) };
    if let Some(mended) = with_whole_characters(message)
        && serde_json::from_slice::<Message>(&mended).is_ok()
    {
        return Ok(mended.into());
    }
    let mut refusal = if error.is_data() { Error::invalid_request() } else { Error::parse_error() };
    refusal.message = error.to_string().into();
    Err(refusal)
}

/// A text of JSON with `U+FFFD` for halves of characters: what editors have in UTF-16 may hold such, and be sent so.
fn with_whole_characters(message: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(step) = message.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += step;
        let unit = unit_at(message, at);
        let follower = unit_at(message, at + 6);
        at += match (unit, follower) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                let text = mended.get_or_insert_with(|| message.to_vec());
                if let Some(escape) = text.get_mut(at..at + 6) {
                    escape.copy_from_slice(br"\uFFFD");
                }
                6
            }
            (Some(_), _) => 6,
            // The character behind it is a part of it.
            (None, _) => 2,
        };
    }
    mended
}

/// The unit of UTF-16 that is written at a place as `\uXXXX`.
fn unit_at(message: &[u8], at: usize) -> Option<u16> {
    let digits = message.get(at..at + 6)?.strip_prefix(br"\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    }

    /// What the library gets, and what the editor is told, of some bytes.
    async fn passed(bytes: &[u8]) -> (String, String) {
        let (outlet, library_writer, pieces) = outlet::open();
        drop(library_writer);
        let (mut library, mut told) = (Vec::new(), Vec::new());
        let passing = async {
            pass_on(bytes, &mut library, outlet.clone()).await;
            outlet.end().await;
        };
        tokio::join!(passing, pieces.write_to(&mut told));
        (String::from_utf8(library).unwrap(), String::from_utf8(told).unwrap())
    }

    const GOOD: &str = r#"{"jsonrpc":"2.0","method":"x"}"#;

    #[tokio::test(flavor = "current_thread")]
    async fn what_cannot_be_read_is_answered_and_nothing_is_lost_behind_it() {
        let deep = "[".repeat(100_000);
        let refused = [
            ("{bad", -32700),
            ("[]", -32600),
            ("5", -32600),
            ("{}", -32600),
            (r#"[{"jsonrpc":"2.0","method":"x"}]"#, -32600),
            (r#"{"jsonrpc":"1.0","method":"x"}"#, -32600),
            (deep.as_str(), -32700),
            ("", -32700),
        ];
        for (text, code) in refused {
            let (library, told) = passed(format!("{}{}", message(text), message(GOOD)).as_bytes()).await;
            assert_eq!(library, message(GOOD), "{text:.20}");
            assert!(told.contains(&format!("\"code\":{code}")), "{text:.20}: {told}");
            assert!(told.contains("\"id\":null"), "{told}");
        }
        let not_utf8 = [b"Content-Length: 3\r\n\r\n\"\xff\"".as_slice(), message(GOOD).as_bytes()].concat();
        assert_eq!(passed(&not_utf8).await.0, message(GOOD));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn headers_are_read_as_they_come() {
        let length = GOOD.len();
        let headers = [
            format!("content-length: {length}\r\n\r\n"),
            format!("CONTENT-LENGTH:{length}\n\n"),
            format!("Content-Type: application/vscode-jsonrpc\r\nX: y\r\nContent-Length: {length}\r\n\r\n"),
            format!("nonsense\r\n\r\nContent-Length: x\r\nContent-Length: {length}\r\n\r\n"),
            format!(
                "{}\nContent-Length: 99999999999999\r\nContent-Length: {length}\r\n\r\n",
                "x".repeat(10_000)
            ),
        ];
        for header in headers {
            let (library, told) = passed(format!("{header}{GOOD}").as_bytes()).await;
            assert_eq!((library, told), (message(GOOD), String::new()), "{header:.40}");
        }
        // A message that breaks off is none.
        let broken = format!("Content-Length: {}\r\n\r\n{GOOD}", length + 1);
        assert_eq!(passed(broken.as_bytes()).await, (String::new(), String::new()));
    }

    #[test]
    fn halves_of_characters_become_whole() {
        let mended = |text: &str| {
            let message = format!(r#"{{"jsonrpc":"2.0","method":"x","params":["{text}"]}}"#);
            let message = readable(message.as_bytes()).unwrap().into_owned();
            let request: Request = serde_json::from_slice(&message).unwrap();
            request.params().unwrap()[0].as_str().unwrap().to_owned()
        };
        assert_eq!(mended(r"a\ud83d"), "a\u{FFFD}");
        assert_eq!(mended(r"\uDE00\ud83d\uDE00\ud83dx\ud83d\ud83d\uDE00"), "\u{FFFD}😀\u{FFFD}x\u{FFFD}😀");
        assert_eq!(mended(r"\\ud83d\u0041\ud83d"), "\\ud83dA\u{FFFD}");
    }
}
