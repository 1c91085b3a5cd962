//! Contents by their digests: what jobs need, and what they made.

use std::io::{self, Read, Write};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::json_body::JsonBody;
use super::{ApiError, ErrorBody, Shared};
use crate::auth::{Caller, Scope};
use crate::sync::content_store::ContentStore;
use crate::sync::content_stream::{Compression, ReceiveError, Received, Wanted, receive, send};
use crate::sync::digest::Digest;
use crate::sync::transfer::MAX_DIGESTS;

/// How many parts of a stream wait between the network and the disk.
const PARTS_AHEAD: usize = 8;

/// How much is written at once.
const PART_BYTES: usize = 256 * 1024;

/// Somebody who may send contents and fetch them: who runs jobs, and nodes.
#[derive(Debug)]
pub struct MayTransfer;

impl<S: Sync> FromRequestParts<S> for MayTransfer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().ok_or_else(ApiError::no_token)?;
        if caller.may(Scope::Run) || caller.may(Scope::Node) {
            Ok(Self)
        } else {
            Err(ApiError::small_scope(Scope::Run))
        }
    }
}

/// Contents that somebody has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Their SHA-256, at most 10,000.
    #[schema(value_type = Vec<String>)]
    digests: Vec<Digest>,
}

/// Contents that are not here.
#[derive(Debug, Serialize, ToSchema)]
pub struct Missing {
    /// Each once.
    missing: Vec<Lacking>,
}

/// A content that is not here, or not wholly.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lacking {
    /// Its SHA-256.
    #[schema(value_type = String)]
    digest: Digest,
    /// How many of its bytes are here already: it can be sent from there on.
    offset: u64,
}

/// Contents that are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// At most 10,000.
    contents: Vec<Fetched>,
    /// Whether they are to be compressed.
    #[serde(default)]
    compressed: bool,
}

/// A content that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetched {
    /// Its SHA-256.
    #[schema(value_type = String)]
    digest: Digest,
    /// From where on.
    #[serde(default)]
    offset: u64,
}

fn lacking(store: &ContentStore, digests: impl IntoIterator<Item = Digest>) -> Missing {
    let missing = digests.into_iter().filter(|digest| !store.has(digest));
    Missing {
        missing: missing.map(|digest| Lacking { offset: store.partial_bytes(&digest), digest }).collect(),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the server is at fault"))
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if count <= MAX_DIGESTS {
        return Ok(());
    }
    Err(ApiError::bad(format!("ask for at most {MAX_DIGESTS} contents at once")))
}

/// Which of these contents are not here. Those that are stay for some hours.
#[utoipa::path(post, path = "/content/missing", request_body = Asked, responses(
    (status = 200, body = Missing), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 413, body = ErrorBody), (status = 415, body = ErrorBody),
    (status = 422, body = ErrorBody)))]
pub async fn missing(
    _: MayTransfer,
    State(server): State<Shared>,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<Missing>, ApiError> {
    check_count(asked.digests.len())?;
    let store = server.content.clone();
    blocking(move || lacking(&store, asked.digests)).await.map(Json)
}

/// Which contents of a tree are not here. The tree is named by the SHA-256 of its list of files.
#[utoipa::path(get, path = "/content/trees/{digest}", params(("digest" = String, Path)), responses(
    (status = 200, body = Missing), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub async fn tree(
    _: MayTransfer,
    State(server): State<Shared>,
    digest: Result<Path<Digest>, PathRejection>,
) -> Result<Json<Missing>, ApiError> {
    let Path(digest) = digest?;
    let store = server.content.clone();
    let missing = blocking(move || store.lacks(&digest).map(|digests| lacking(&store, digests))).await?;
    missing.map(Json).ok_or_else(|| ApiError::not_found(format!("there is no tree {digest}")))
}

/// Takes contents, many in one stream: for each its SHA-256 (32 bytes), its length and an offset (8 bytes each, little endian), then pieces until the length is
/// reached: a form (1 byte: 0 as it is, 1 zstd), a length (4 bytes), the bytes (at most 1 MiB before and after compression). What came whole before a connection
/// breaks is kept, and of a large content what came of it.
#[utoipa::path(post, path = "/content", request_body(content = String, content_type = "application/octet-stream"), responses(
    (status = 200, body = Received), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 422, body = ErrorBody), (status = 507, body = ErrorBody)))]
pub async fn put(
    _: MayTransfer,
    State(server): State<Shared>,
    body: Body,
) -> Result<Json<Received>, ApiError> {
    let store = server.content.clone();
    let (parts, waiting) = mpsc::channel(PARTS_AHEAD);
    let taking = blocking(move || {
        let _in_use = store.use_contents().map_err(ReceiveError::Store)?;
        receive(&store, &mut FromParts { waiting, current: Bytes::new() })
    });
    let mut body = body.into_data_stream();
    let feeding = async {
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| io::Error::new(io::ErrorKind::ConnectionAborted, error));
            // Who takes them may have refused them by now; the rest is read all the same, so that the answer is heard.
            let _ = parts.send(part).await;
        }
        drop(parts);
    };
    let (taken, ()) = tokio::join!(taking, feeding);
    match taken? {
        Ok(received) => Ok(Json(received)),
        Err(ReceiveError::Damaged(damaged)) => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, damaged.to_string()))
        }
        Err(ReceiveError::Store(error)) => {
            eprintln!("ez: contents cannot be kept: {error}");
            Err(ApiError::new(
                StatusCode::INSUFFICIENT_STORAGE,
                format!("the server cannot keep contents: {error}"),
            ))
        }
        Err(error) => Err(ApiError::bad(error.to_string())),
    }
}

/// Sends contents, in a stream of the same form.
#[utoipa::path(post, path = "/content/fetch", request_body = Fetch, responses(
    (status = 200, content_type = "application/octet-stream", body = String), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 413, body = ErrorBody), (status = 415, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn fetch(
    _: MayTransfer,
    State(server): State<Shared>,
    JsonBody(fetch): JsonBody<Fetch>,
) -> Result<Response, ApiError> {
    check_count(fetch.contents.len())?;
    let wanted: Vec<Wanted> = fetch
        .contents
        .iter()
        .map(|content| Wanted { digest: content.digest, offset: content.offset })
        .collect();
    let store = server.content.clone();
    let (wanted, absent) = blocking(move || {
        let absent = wanted.iter().find(|wanted| !store.has(&wanted.digest)).map(|wanted| wanted.digest);
        (wanted, absent)
    })
    .await?;
    if let Some(absent) = absent {
        return Err(ApiError::not_found(format!("there is no content {absent}")));
    }
    let store = server.content.clone();
    let compression = if fetch.compressed { Compression::Fast } else { Compression::Off };
    let (parts, waiting) = mpsc::channel::<io::Result<Bytes>>(PARTS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let sent = store.use_contents().and_then(|_in_use| {
            send(
                &store,
                &wanted,
                io::BufWriter::with_capacity(PART_BYTES, ToParts(parts.clone())),
                compression,
            )
        });
        if let Err(error) = sent {
            // The stream breaks off, and who reads it asks again.
            let _ = parts.blocking_send(Err(error));
        }
    });
    let parts = stream::unfold(waiting, |mut waiting| async move { Some((waiting.recv().await?, waiting)) });
    let octets = [(axum::http::header::CONTENT_TYPE, "application/octet-stream")];
    Ok((octets, Body::from_stream(parts)).into_response())
}

/// Reads what comes from the network.
struct FromParts {
    waiting: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for FromParts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.waiting.blocking_recv() {
                Some(part) => self.current = part?,
                None => return Ok(0),
            }
        }
        let length = self.current.len().min(buffer.len());
        let part = self.current.split_to(length);
        buffer.get_mut(..length).unwrap_or_default().copy_from_slice(&part);
        Ok(length)
    }
}

/// Writes to the network.
struct ToParts(mpsc::Sender<io::Result<Bytes>>);

impl Write for ToParts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(part)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
