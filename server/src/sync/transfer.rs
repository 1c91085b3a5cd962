//! Sends trees to a server and fetches them, from the side of a command line or a node. A connection that breaks is made again, and what was sent stays sent.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::SendBody;

use super::content_store::ContentStore;
use super::content_stream::{Compression, ReceiveError, Received, StreamWriter, receive};
use super::course::{Course, Outage, Stopped};
use super::digest::Digest;
use super::manifest::{MAX_MANIFEST_BYTES, Manifest};
use super::tree_path::TreePath;
use crate::client::{BadUrl, host_of};
use crate::tls::{self, TlsError};

/// How many digests are asked for at once.
pub const MAX_DIGESTS: usize = 10_000;

/// How many streams are sent or fetched at once.
const STREAMS: usize = 2;

/// So many bytes are worth a stream of their own.
const BYTES_OF_A_STREAM: u64 = 4 << 20;

/// What is said where the other of HTTP and HTTPS is spoken, and what that means.
const OTHER_PROTOCOL: [(&str, &str); 2] = [
    ("InvalidContentType", "TLS is not spoken there: write http:// for a server without a certificate"),
    (
        "invalid HTTP version",
        "HTTP is not spoken there, and perhaps TLS: write https:// for a server with a certificate",
    ),
];

/// How much of a message of a server is shown.
const MAX_MESSAGE: usize = 500;

/// Why files do not get to a server or from it.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// It cannot be reached, or the connection breaks again and again.
    #[error("{url} does not answer: {why}")]
    Unreachable {
        /// The server.
        url: String,
        /// Why.
        why: String,
    },
    /// It says no.
    #[error("{url} answers with {status}: {said}")]
    Refused {
        /// The server.
        url: String,
        /// The status of the answer.
        status: u16,
        /// What it says.
        said: String,
        /// More about it, as JSON.
        details: Box<Value>,
    },
    /// It is no URL of a server.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// A file has another content by now.
    #[error("{} changed while it was sent", .0.display())]
    Changed(PathBuf),
    /// Whom to trust cannot be found out.
    #[error(transparent)]
    Trust(#[from] TlsError),
    /// It was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A file cannot be read or kept.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl TransferError {
    /// Whether it may go better later.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            Self::Url(_) | Self::Changed(_) | Self::Trust(_) | Self::Stopped(_) | Self::Io(_) => false,
        }
    }
}

/// What was sent or fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transferred {
    /// How many contents, with the list of files.
    pub contents: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

impl Transferred {
    fn add(&mut self, received: Received) {
        self.contents += received.contents;
        self.bytes += received.bytes;
    }
}

/// A content that the other side lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Lacking {
    /// Which.
    pub digest: Digest,
    /// How much of it is there.
    pub offset: u64,
}

#[derive(Deserialize)]
struct Missing {
    missing: Vec<Lacking>,
}

/// Where a content comes from.
#[derive(Clone, Debug)]
enum Source {
    File(PathBuf, u64),
    Bytes(Vec<u8>),
}

impl Source {
    fn length(&self) -> u64 {
        match self {
            Self::File(_, length) => *length,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// A server, asked for contents.
#[derive(Clone, Debug)]
pub struct ContentClient {
    http: ureq::Agent,
    url: String,
    token: Option<String>,
    compression: Compression,
    course: Course,
    /// Whether it ever answered, also to others that ask through a clone. One that never did is not waited for.
    is_reached: Arc<AtomicBool>,
}

/// Reads as long as it is not stopped.
struct Stoppable<'c, R> {
    from: R,
    course: &'c Course,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.course.check().map_err(io::Error::other)?;
        self.from.read(buffer)
    }
}

impl ContentClient {
    /// Of a server's URL; whose certificates are trusted stands in the file `ca`. Over the loopback nothing is compressed, because that way costs less than compression.
    ///
    /// # Errors
    /// Whom to trust cannot be found out.
    pub fn new(url: &str, token: Option<String>, ca: Option<&Path>) -> Result<Self, TransferError> {
        let host = host_of(url)?;
        let http = tls::http_agent(ca)?;
        let is_here = ["127.", "localhost", "[::1]"].iter().any(|here| host.starts_with(here));
        let compression = if is_here { Compression::Off } else { Compression::Fast };
        Ok(Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
            token,
            compression,
            course: Course::default(),
            is_reached: Arc::default(),
        })
    }

    /// The same, for a transfer with a course of its own.
    #[must_use]
    pub fn on(&self, course: Course) -> Self {
        Self { course, ..self.clone() }
    }

    /// The same, for a server that is waited for also where it never answered.
    #[must_use]
    pub fn waiting(self) -> Self {
        self.is_reached.store(true, Ordering::Relaxed);
        self
    }

    /// The course of what it transfers.
    pub fn course(&self) -> &Course {
        &self.course
    }

    /// The same, with another compression.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// The URL of the server.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn unreachable(&self, why: &(impl ToString + ?Sized)) -> TransferError {
        let why = why.to_string();
        let other = OTHER_PROTOCOL.iter().find(|(said, _)| why.contains(said));
        let why = other.map_or_else(|| tls::in_words(&why), |(_, words)| (*words).to_owned());
        TransferError::Unreachable { url: self.url.clone(), why }
    }

    /// Asks something until the server answers.
    fn patiently<T>(
        &self,
        outage: &mut Outage,
        ask: impl Fn() -> Result<T, TransferError>,
    ) -> Result<T, TransferError> {
        loop {
            match ask() {
                Err(error) if error.is_outage() => self.wait(outage, error)?,
                done => return done,
            }
        }
    }

    /// Waits until it is tried again.
    fn wait(&self, outage: &mut Outage, error: TransferError) -> Result<(), TransferError> {
        self.course.check()?;
        if !self.is_reached.load(Ordering::Relaxed) {
            return Err(error);
        }
        let is_new = outage.is_new();
        let Some(pause) = outage.next_pause() else { return Err(error) };
        if is_new {
            self.course.tell_break(match error {
                TransferError::Unreachable { why, .. } => why,
                other => other.to_string(),
            });
        }
        Ok(self.course.pause(pause)?)
    }

    fn refused(&self, status: u16, body: &str) -> TransferError {
        let mut value: Value = serde_json::from_str(body).unwrap_or_default();
        let said = match value["error"].as_str() {
            // What it says is meant for who writes requests.
            _ if status == 401 && self.token.is_none() => {
                "it wants a token: set EZ_CLIENT_TOKEN; `ez server token create` over there makes one"
                    .to_owned()
            }
            said => said.unwrap_or(body).chars().take(MAX_MESSAGE).collect(),
        };
        let details = Box::new(value.get_mut("details").map(Value::take).unwrap_or_default());
        TransferError::Refused { url: self.url.clone(), status, said, details }
    }

    fn post(&self, path: &str) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        let request = self.http.post(format!("{}/api/v1{path}", self.url));
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn answer<T: DeserializeOwned>(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, TransferError> {
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_MANIFEST_BYTES).read_to_string();
        let body = body.map_err(|error| self.unreachable(&error))?;
        let answer = if (200..300).contains(&status) {
            serde_json::from_str(&body).map_err(|error| self.unreachable(&error))
        } else {
            Err(self.refused(status, &body))
        };
        if !answer.as_ref().is_err_and(TransferError::is_outage) {
            self.is_reached.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Asks something, with JSON.
    ///
    /// # Errors
    /// The server says no, or nothing.
    pub fn ask(&self, path: &str, body: &Value) -> Result<Value, TransferError> {
        let request = self.post(path).header("Content-Type", "application/json");
        self.answer(request.send(body.to_string()))
    }

    /// Asks for something.
    ///
    /// # Errors
    /// The server says no, or nothing.
    pub fn get(&self, path: &str) -> Result<Value, TransferError> {
        self.get_as(path)
    }

    fn get_as<T: DeserializeOwned>(&self, path: &str) -> Result<T, TransferError> {
        self.answer(self.open(path, &[]))
    }

    /// Opens a stream of events, with more headers.
    ///
    /// # Errors
    /// There is no connection, or the server says no.
    pub fn open_stream(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<ureq::http::Response<ureq::Body>, TransferError> {
        let mut response = self.open(path, headers).map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(response);
        }
        let said = response.body_mut().read_to_string().unwrap_or_default();
        Err(self.refused(status, &said))
    }

    fn open(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let mut request = self.http.get(format!("{}/api/v1{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.call()
    }

    /// What a server lacks of a tree that it knows; `None` where it does not know it.
    fn missing_of_tree(&self, tree: &Digest) -> Result<Option<Vec<Lacking>>, TransferError> {
        match self.get_as::<Missing>(&format!("/content/trees/{tree}")) {
            Ok(answer) => Ok(Some(answer.missing)),
            Err(TransferError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Which of these contents a server lacks.
    ///
    /// # Errors
    /// The server says no, or nothing.
    pub fn missing(&self, digests: &[Digest]) -> Result<Vec<Lacking>, TransferError> {
        let mut missing = Vec::new();
        for digests in digests.chunks(MAX_DIGESTS) {
            let request = self.post("/content/missing").header("Content-Type", "application/json");
            let answer: Missing = self.answer(request.send(json!({"digests": digests}).to_string()))?;
            missing.extend(answer.missing);
        }
        Ok(missing)
    }

    /// Sends what a server lacks of a tree. Its digest, and what was sent.
    ///
    /// # Errors
    /// The server cannot be reached or says no, or a file changed meanwhile.
    pub fn send_tree(
        &self,
        manifest: &Manifest,
        root: &Path,
    ) -> Result<(Digest, Transferred), TransferError> {
        self.send_tree_of(manifest, |path| path.below(root))
    }

    /// The same, of files from several places: `place` is where a path of the tree is.
    ///
    /// # Errors
    /// The server cannot be reached or says no, or a file changed meanwhile.
    pub fn send_tree_of(
        &self,
        manifest: &Manifest,
        place: impl Fn(&TreePath) -> PathBuf,
    ) -> Result<(Digest, Transferred), TransferError> {
        let text = manifest.encode();
        let tree = Digest::of(&text);
        let mut outage = self.course.patience.outage();
        let mut lacking = match self.patiently(&mut outage, || self.missing_of_tree(&tree))? {
            Some(lacking) if lacking.is_empty() => return Ok((tree, Transferred::default())),
            Some(lacking) => lacking,
            None => {
                let digests: Vec<Digest> = manifest.contents().into_keys().chain([tree]).collect();
                self.patiently(&mut outage, || self.missing(&digests))?
            }
        };
        let mut sources: HashMap<Digest, Source> = manifest
            .files()
            .map(|(path, file)| (file.digest, Source::File(place(path), file.size)))
            .collect();
        sources.insert(tree, Source::Bytes(text));
        let mut sent = Transferred::default();
        outage.end();
        while !lacking.is_empty() {
            self.course.check()?;
            let begun = progress(lacking.iter());
            let failed = match self.send_all(&lacking, &sources, &mut sent) {
                Err(error) if !error.is_outage() => return Err(error),
                done => done.err(),
            };
            self.course.check()?;
            // Whether all went well or not: what the server says counts.
            let digests: Vec<Digest> = lacking.iter().map(|lacking| lacking.digest).collect();
            lacking = self.patiently(&mut outage, || self.missing(&digests))?;
            if progress(lacking.iter()) < begun {
                outage.end();
            } else {
                let why = failed.unwrap_or_else(|| self.unreachable("it lacks what was sent"));
                self.wait(&mut outage, why)?;
            }
        }
        Ok((tree, sent))
    }

    fn send_all(
        &self,
        lacking: &[Lacking],
        sources: &HashMap<Digest, Source>,
        sent: &mut Transferred,
    ) -> Result<(), TransferError> {
        let known = lacking.iter().filter_map(|lacking| Some((*lacking, sources.get(&lacking.digest)?)));
        let parts =
            share_out(known.collect(), |(lacking, source)| source.length().saturating_sub(lacking.offset));
        let outcomes: Vec<Result<Received, TransferError>> = thread::scope(|scope| {
            let threads: Vec<_> = parts.iter().map(|part| scope.spawn(|| self.send_part(part))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for outcome in outcomes {
            sent.add(outcome?);
        }
        Ok(())
    }

    fn send_part(&self, part: &[(Lacking, &Source)]) -> Result<Received, TransferError> {
        let (mut reader, writer) = io::pipe()?;
        thread::scope(|scope| {
            let writing = scope.spawn(|| write_part(part, writer, self.compression));
            let request = self.post("/content").header("Content-Type", "application/octet-stream");
            let mut body = Stoppable { from: &mut reader, course: &self.course };
            let answer = self.answer::<Received>(request.send(SendBody::from_reader(&mut body)));
            drop(reader);
            let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match (answer, written) {
                (_, Err(error @ TransferError::Changed(_))) => Err(error),
                (Ok(received), _) => Ok(received),
                (Err(TransferError::Refused { status: 422, said, .. }), _) => Err(changed(part, &said)),
                (Err(error), _) => Err(error),
            }
        })
    }

    /// Fetches a manifest and all that it needs into a store, as far as that lacks it.
    ///
    /// # Errors
    /// The server cannot be reached, says no, or sends something else.
    pub fn fetch_tree(
        &self,
        tree: &Digest,
        store: &ContentStore,
    ) -> Result<(Manifest, Transferred), TransferError> {
        let (manifest, mut fetched) = self.fetch_manifest(tree, store)?;
        let contents = self.fetch_contents(&manifest, store)?;
        fetched.contents += contents.contents;
        fetched.bytes += contents.bytes;
        Ok((manifest, fetched))
    }

    /// Fetches a manifest alone.
    ///
    /// # Errors
    /// The server cannot be reached, says no, or sends something else.
    pub fn fetch_manifest(
        &self,
        tree: &Digest,
        store: &ContentStore,
    ) -> Result<(Manifest, Transferred), TransferError> {
        let mut fetched = Transferred::default();
        self.fetch(&[(*tree, 0)], store, &mut fetched)?;
        Ok((store.manifest(tree)?, fetched))
    }

    /// Fetches what a manifest needs.
    ///
    /// # Errors
    /// The server cannot be reached, says no, or sends something else.
    pub fn fetch_contents(
        &self,
        manifest: &Manifest,
        store: &ContentStore,
    ) -> Result<Transferred, TransferError> {
        let mut fetched = Transferred::default();
        let contents: Vec<(Digest, u64)> = manifest.contents().into_iter().collect();
        self.fetch(&contents, store, &mut fetched)?;
        Ok(fetched)
    }

    /// Fetches contents of known lengths.
    fn fetch(
        &self,
        contents: &[(Digest, u64)],
        store: &ContentStore,
        fetched: &mut Transferred,
    ) -> Result<(), TransferError> {
        let mut outage = self.course.patience.outage();
        let lacking = || -> Vec<(Lacking, u64)> {
            let lacking = contents.iter().filter(|(digest, _)| !store.has(digest));
            lacking
                .map(|(digest, length)| {
                    (Lacking { digest: *digest, offset: store.partial_bytes(digest) }, *length)
                })
                .collect()
        };
        let how_much = |lacking: &[(Lacking, u64)]| progress(lacking.iter().map(|(lacking, _)| lacking));
        let mut left = lacking();
        while !left.is_empty() {
            self.course.check()?;
            let before = how_much(&left);
            let failed = match self.fetch_all(left, store, fetched) {
                Err(error) if !error.is_outage() => return Err(error),
                done => done.err(),
            };
            left = lacking();
            let Some(error) = failed else { continue };
            if how_much(&left) < before {
                outage.end();
            }
            self.wait(&mut outage, error)?;
        }
        Ok(())
    }

    fn fetch_all(
        &self,
        lacking: Vec<(Lacking, u64)>,
        store: &ContentStore,
        fetched: &mut Transferred,
    ) -> Result<(), TransferError> {
        let parts = share_out(lacking, |(lacking, length)| length.saturating_sub(lacking.offset));
        let outcomes: Vec<Result<Received, TransferError>> = thread::scope(|scope| {
            let threads: Vec<_> =
                parts.iter().map(|part| scope.spawn(|| self.fetch_part(part, store))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for outcome in outcomes {
            fetched.add(outcome?);
        }
        Ok(())
    }

    fn fetch_part(&self, part: &[(Lacking, u64)], store: &ContentStore) -> Result<Received, TransferError> {
        let mut received = Received::default();
        for part in part.chunks(MAX_DIGESTS) {
            let contents: Vec<Value> = part
                .iter()
                .map(|(lacking, _)| json!({"digest": lacking.digest, "offset": lacking.offset}))
                .collect();
            let request = self.post("/content/fetch").header("Content-Type", "application/json");
            let body = json!({"contents": contents, "compressed": self.compression == Compression::Fast});
            let mut response = request.send(body.to_string()).map_err(|error| self.unreachable(&error))?;
            let status = response.status().as_u16();
            if status != 200 {
                let said = response.body_mut().read_to_string().unwrap_or_default();
                return Err(self.refused(status, &said));
            }
            self.is_reached.store(true, Ordering::Relaxed);
            let from = response.into_body().into_with_config().limit(u64::MAX).reader();
            match receive(store, &mut Stoppable { from, course: &self.course }) {
                Ok(more) => {
                    received.contents += more.contents;
                    received.bytes += more.bytes;
                }
                Err(ReceiveError::Store(error)) => return Err(error.into()),
                Err(error) => return Err(self.unreachable(&error)),
            }
        }
        Ok(received)
    }
}

/// How much is still to be done, for comparison.
fn progress<'l>(lacking: impl Iterator<Item = &'l Lacking>) -> (usize, std::cmp::Reverse<u64>) {
    let (count, bytes) = lacking.fold((0, 0), |(count, bytes), lacking| (count + 1, bytes + lacking.offset));
    (count, std::cmp::Reverse(bytes))
}

/// Shares work out among streams, about as many bytes for each.
fn share_out<T>(mut items: Vec<T>, bytes: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
    let total: u64 = items.iter().map(&bytes).sum();
    let streams = usize::try_from(total / BYTES_OF_A_STREAM).unwrap_or(STREAMS).clamp(1, STREAMS);
    items.sort_by_key(|item| std::cmp::Reverse(bytes(item)));
    let mut parts: Vec<(u64, Vec<T>)> = (0..streams).map(|_| (0, Vec::new())).collect();
    for item in items {
        if let Some((load, part)) = parts.iter_mut().min_by_key(|(load, _)| *load) {
            *load += bytes(&item);
            part.push(item);
        }
    }
    parts.into_iter().map(|(_, part)| part).filter(|part| !part.is_empty()).collect()
}

fn write_part(
    part: &[(Lacking, &Source)],
    to: io::PipeWriter,
    compression: Compression,
) -> Result<(), TransferError> {
    let mut writer = StreamWriter::new(BufWriter::with_capacity(1 << 16, to), compression);
    for (lacking, source) in part {
        match source {
            Source::Bytes(bytes) => {
                let rest = bytes.get(lacking.offset as usize..).unwrap_or_default();
                writer.write(&lacking.digest, bytes.len() as u64, lacking.offset, &mut &rest[..])?;
            }
            Source::File(path, length) => write_file(&mut writer, lacking, path, *length)?,
        }
    }
    writer.end()?;
    Ok(())
}

fn write_file(
    writer: &mut StreamWriter<impl Write>,
    lacking: &Lacking,
    path: &Path,
    length: u64,
) -> Result<(), TransferError> {
    let changed = |_| TransferError::Changed(path.to_owned());
    let mut file = File::open(path).map_err(changed)?;
    if file.metadata()?.len() != length {
        return Err(TransferError::Changed(path.to_owned()));
    }
    io::Seek::seek(&mut file, io::SeekFrom::Start(lacking.offset))?;
    match writer.write(&lacking.digest, length, lacking.offset, &mut (&mut file).take(length)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(changed(error)),
        done => Ok(done?),
    }
}

/// The file of which the server says that it is not what was announced.
fn changed(part: &[(Lacking, &Source)], said: &str) -> TransferError {
    let is_it = |(lacking, _): &&(Lacking, &Source)| said.contains(&lacking.digest.to_string());
    match part.iter().find(is_it) {
        Some((_, Source::File(path, _))) => TransferError::Changed(path.clone()),
        _ => TransferError::Changed(PathBuf::from("a file")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use tokio::sync::watch;

    use super::{Compression, ContentClient, ContentStore, Digest, StreamWriter, TransferError};
    use crate::http::{serve, take_database};
    use crate::queue::Limits;
    use crate::settings::{HttpLimits, SecretKeySource, ServerSettings, Stop};
    use crate::store::retention::Retention;
    use crate::sync::content_store::ContentLimits;
    use crate::sync::course::{Course, Patience};
    use crate::sync::hash_cache::HashCache;
    use crate::sync::manifest::Manifest;
    use crate::sync::scan::scan;

    /// A server without agents, as long as this lives.
    struct Place {
        directory: tempfile::TempDir,
        address: SocketAddr,
        _stop: watch::Sender<Stop>,
    }

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let settings = ServerSettings {
                address: ([127, 0, 0, 1], 0).into(),
                root: directory.path().to_owned(),
                database: directory.path().join("server/ez.db"),
                token: None,
                is_insecure: false,
                lease: Duration::from_mins(1),
                limits: Limits::default(),
                agent: None,
                tls: None,
                secret_key: SecretKeySource::Own,
                content: ContentLimits::default(),
                retention: Retention::default(),
                http: HttpLimits::default(),
                stop_wait: Duration::ZERO,
                grace: Duration::ZERO,
            };
            let (stop, stopping) = watch::channel(Stop::No);
            let (told, listening) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let pid_file = take_database(&settings.database).unwrap();
                let listening =
                    move |url: &str| told.send(url.trim_start_matches("http://").parse().unwrap()).unwrap();
                let serving = serve(settings, "0", "/bin/false".into(), &pid_file, stopping, listening);
                runtime.block_on(serving).unwrap();
            });
            let address = listening.recv().unwrap();
            Self { directory, address, _stop: stop }
        }

        fn client(&self, compression: Compression) -> ContentClient {
            ContentClient::new(&format!("http://{}", self.address), None, None)
                .unwrap()
                .with_compression(compression)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        /// What the server has.
        fn store(&self) -> ContentStore {
            ContentStore::open(self.path("server/content")).unwrap()
        }

        /// A tree of small files and a large one.
        fn tree(&self) -> (PathBuf, Manifest) {
            let root = self.path("tree");
            fs::create_dir_all(root.join("deep/empty")).unwrap();
            for n in 0..50 {
                fs::write(root.join(format!("{n}")), format!("text of {n}")).unwrap();
            }
            fs::write(root.join("deep/large"), vec![b'x'; 5 << 20]).unwrap();
            (root.clone(), manifest(&root))
        }
    }

    fn manifest(root: &Path) -> Manifest {
        scan(root, &[".".to_owned()], &mut HashCache::default()).unwrap().manifest
    }

    #[test]
    fn a_tree_gets_there_and_back_and_is_sent_once() {
        for compression in [Compression::Off, Compression::Fast] {
            let place = Place::new();
            let (root, tree) = place.tree();
            let client = place.client(compression);
            let (digest, sent) = client.send_tree(&tree, &root).unwrap();
            assert_eq!((digest, sent.contents), (Digest::of(&tree.encode()), 52));
            let (_, again) = client.send_tree(&tree, &root).unwrap();
            assert_eq!((again.contents, again.bytes), (0, 0));
            fs::write(root.join("7"), "other").unwrap();
            let (_, changed) = client.send_tree(&manifest(&root), &root).unwrap();
            assert_eq!(changed.contents, 2);

            let store = ContentStore::open(place.path("node")).unwrap();
            let (fetched, transferred) = client.fetch_tree(&digest, &store).unwrap();
            assert_eq!((fetched, transferred.contents), (tree, 52));
            let (_, again) = client.fetch_tree(&digest, &store).unwrap();
            assert_eq!(again.contents, 0);
        }
    }

    #[test]
    fn an_upload_that_was_killed_goes_on() {
        let place = Place::new();
        let (root, tree) = place.tree();
        let large = fs::read(root.join("deep/large")).unwrap();
        let digest = Digest::of(&large);
        let mut writer = StreamWriter::new(Vec::new(), Compression::Off);
        writer.write(&digest, large.len() as u64, 0, &mut large.as_slice()).unwrap();
        let stream = writer.end().unwrap();
        let mut connection = TcpStream::connect(place.address).unwrap();
        let head = format!(
            "POST /api/v1/content HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
            place.address,
            stream.len()
        );
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(&stream[..stream.len() / 2]).unwrap();
        connection.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        // The disk is behind the network.
        while place.store().partial_bytes(&digest) < 2 << 20
            || place.store().begin().begin_large(digest, 1).is_err()
        {}
        let client = place.client(Compression::Off);
        let offset = client.missing(&[digest]).unwrap()[0].offset;
        let (_, sent) = client.send_tree(&tree, &root).unwrap();
        assert_eq!(sent.bytes, tree.total_bytes() + tree.encode().len() as u64 - offset);
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_noticed() {
        let place = Place::new();
        let (root, tree) = place.tree();
        for text in ["text of X", "longer than it was"] {
            fs::write(root.join("7"), text).unwrap();
            let refused = place.client(Compression::Off).send_tree(&tree, &root);
            assert!(
                matches!(&refused, Err(TransferError::Changed(path)) if path.ends_with("7")),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn what_is_damaged_on_the_server_is_noticed_and_sent_again() {
        let place = Place::new();
        let (root, tree) = place.tree();
        let client = place.client(Compression::Off);
        let (digest, _) = client.send_tree(&tree, &root).unwrap();
        let damaged = place.store().path(&Digest::of(b"text of 7"));
        fs::write(damaged, "text of 8").unwrap();
        let store = ContentStore::open(place.path("node")).unwrap();
        assert!(client.fetch_tree(&digest, &store).is_err());
        assert!(!store.has(&Digest::of(b"text of 7")));
        let (_, sent) = client.send_tree(&tree, &root).unwrap();
        assert_eq!(sent.contents, 1);
        assert!(client.fetch_tree(&digest, &store).is_ok());
    }

    /// A way to a server on which so many connections break at once.
    fn breaking(server: SocketAddr, breaks: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for (number, near) in listener.incoming().flatten().enumerate() {
                // The first one works, so that the server is known.
                if (1..=breaks).contains(&number) {
                    continue;
                }
                let far = TcpStream::connect(server).unwrap();
                for (mut from, mut to) in [(&near, &far), (&far, &near)]
                    .map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()))
                {
                    let is_first = number == 0;
                    std::thread::spawn(move || {
                        // Of the first one an answer comes, and nothing more.
                        let mut piece = [0; 4096];
                        while let Ok(length @ 1..) = from.read(&mut piece) {
                            let _ = to.write_all(&piece[..length]);
                            if is_first && to.peer_addr().unwrap().port() != server.port() {
                                break;
                            }
                        }
                        let _ = to.shutdown(std::net::Shutdown::Both);
                        let _ = from.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        address
    }

    #[test]
    fn an_outage_is_waited_for_and_told_once() {
        let place = Place::new();
        let (root, tree) = place.tree();
        let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
        let pause = Duration::from_millis(1);
        let patience = Patience { first_pause: pause, longest_pause: pause, ..Patience::default() };
        let mut course = Course::telling(sender);
        course.patience = patience;
        let url = format!("http://{}", breaking(place.address, 50));
        let client = ContentClient::new(&url, None, None).unwrap().on(course.clone());
        let (digest, _) = client.send_tree(&tree, &root).unwrap();
        assert!(told.try_recv().is_ok() && told.try_recv().is_err());

        let url = format!("http://{}", breaking(place.address, 50));
        let client = ContentClient::new(&url, None, None).unwrap().on(course);
        client.missing(&[digest]).unwrap();
        let store = ContentStore::open(place.path("node")).unwrap();
        assert_eq!(client.fetch_tree(&digest, &store).unwrap().0, tree);
        assert!(told.try_recv().is_ok() && told.try_recv().is_err());
    }

    #[test]
    fn a_server_that_never_answered_is_not_waited_for() {
        let place = Place::new();
        let (root, tree) = place.tree();
        let client = ContentClient::new("http://127.0.0.1:1", None, None).unwrap();
        let refused = client.send_tree(&tree, &root);
        assert!(matches!(refused, Err(TransferError::Unreachable { .. })), "{refused:?}");
    }

    #[test]
    fn what_is_stopped_sends_and_fetches_nothing() {
        let place = Place::new();
        let (root, tree) = place.tree();
        let course = Course::default();
        course.stop();
        let client = place.client(Compression::Off).on(course);
        let stopped = client.send_tree(&tree, &root);
        assert!(matches!(stopped, Err(TransferError::Stopped(_))), "{stopped:?}");
        let (digest, _) = place.client(Compression::Off).send_tree(&tree, &root).unwrap();
        let store = ContentStore::open(place.path("node")).unwrap();
        let stopped = client.fetch_tree(&digest, &store);
        assert!(matches!(stopped, Err(TransferError::Stopped(_))), "{stopped:?}");
    }

    #[test]
    fn what_is_not_there_is_not_sent() {
        let place = Place::new();
        let store = ContentStore::open(place.path("node")).unwrap();
        let refused = place.client(Compression::Off).fetch_tree(&Digest::of(b"nothing"), &store);
        assert!(matches!(refused, Err(TransferError::Refused { status: 404, .. })), "{refused:?}");
    }
}
