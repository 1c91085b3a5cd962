//! A small HTTP server on loopback, which ends with the value that stands for it: well-behaved, or hostile in a way that a
//! test asks for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What is written at a time where there is no end.
static CHUNK: [u8; 64 << 10] = [b'#'; 64 << 10];

/// A running server.
#[derive(Debug)]
pub struct Server {
    port: u16,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    pages: Mutex<BTreeMap<String, Page>>,
    requests: Mutex<Vec<String>>,
    connections: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

#[derive(Clone, Debug)]
enum Page {
    Content { kind: String, body: Vec<u8> },
    Status(u16),
    Redirect(String),
    Endless,
    EndlessHeaders,
    Silent,
    Repositories(String),
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server without pages, on a port that was free.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let listener = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                if let Ok(copy) = stream.try_clone() {
                    shared.connections.lock().expect("connections").push(copy);
                }
                // A client that goes away in the middle is no concern of the server's.
                thread::spawn(move || answer(&stream, &state));
            }
        });
        Self { port, state, listener: Some(listener) }
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// Host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Serves a Taskfile.
    pub fn taskfile(&self, path: &str, text: &str) -> &Self {
        self.page(path, Page::Content { kind: "text/yaml".into(), body: text.into() })
    }

    /// Serves something of another type.
    pub fn content(&self, path: &str, kind: &str, body: &str) -> &Self {
        self.page(path, Page::Content { kind: kind.into(), body: body.into() })
    }

    /// Answers with a status and nothing else.
    pub fn status(&self, path: &str, status: u16) -> &Self {
        self.page(path, Page::Status(status))
    }

    /// Leads elsewhere.
    pub fn redirect(&self, path: &str, location: &str) -> &Self {
        self.page(path, Page::Redirect(location.into()))
    }

    /// Serves a page that never ends.
    pub fn endless(&self, path: &str) -> &Self {
        self.page(path, Page::Endless)
    }

    /// Answers with headers that never end.
    pub fn endless_headers(&self, path: &str) -> &Self {
        self.page(path, Page::EndlessHeaders)
    }

    /// Takes a request and never answers.
    pub fn silent(&self, path: &str) -> &Self {
        self.page(path, Page::Silent)
    }

    /// Serves the git repositories in a directory below `prefix`.
    pub fn repositories(&self, prefix: &str, directory: &Path) -> &Self {
        self.page(prefix, Page::Repositories(directory.to_string_lossy().into_owned()))
    }

    /// The requests since the last call, as `GET /path`.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.requests.lock().expect("requests"))
    }

    /// Ends the server: nobody listens on its port any more.
    pub fn stop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        if let Some(listener) = self.listener.take() {
            // Wakes the listener, which then sees that it is over.
            drop(TcpStream::connect(self.host()));
            drop(listener.join());
        }
        for connection in self.state.connections.lock().expect("connections").drain(..) {
            drop(connection.shutdown(std::net::Shutdown::Both));
        }
    }

    fn page(&self, path: &str, page: Page) -> &Self {
        self.state.pages.lock().expect("pages").insert(path.into(), page);
        self
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let body = if headers.get("transfer-encoding").is_some_and(|encoding| encoding == "chunked") {
            read_chunks(&mut reader)?
        } else {
            let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            body
        };
        Some(Self { method, path, query, headers, body })
    }
}

fn read_chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        chunk.truncate(length);
        body.extend(chunk);
    }
}

fn answer(mut stream: &TcpStream, state: &State) -> Option<()> {
    let request = Request::read(stream)?;
    state.requests.lock().ok()?.push(format!("{} {}", request.method, request.path));
    let page = page_for(&request.path, state)?;
    let has_body = request.method != "HEAD";
    let head = |status: &str, rest: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\n{rest}\r\n");
    match page {
        Page::Content { kind, body } => {
            let rest = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
            stream.write_all(head("200 OK", &rest).as_bytes()).ok()?;
            if has_body {
                stream.write_all(&body).ok()?;
            }
        }
        Page::Status(status) => {
            let text = head(&format!("{status} Whatever"), "Content-Length: 0\r\n");
            stream.write_all(text.as_bytes()).ok()?;
        }
        Page::Redirect(location) => {
            let text = head("302 Found", &format!("Location: {location}\r\nContent-Length: 0\r\n"));
            stream.write_all(text.as_bytes()).ok()?;
        }
        Page::Endless => {
            stream.write_all(head("200 OK", "Content-Type: text/yaml\r\n").as_bytes()).ok()?;
            if has_body {
                loop {
                    stream.write_all(&CHUNK).ok()?;
                }
            }
        }
        Page::EndlessHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").ok()?;
            loop {
                stream.write_all(b"X-More: and more\r\n").ok()?;
            }
        }
        // The connection stays open until the client or the server goes.
        Page::Silent => drop(stream.read(&mut [0])),
        Page::Repositories(directory) => git(stream, &request, &directory)?,
    }
    stream.shutdown(std::net::Shutdown::Write).ok()
}

fn page_for(path: &str, state: &State) -> Option<Page> {
    let pages = state.pages.lock().ok()?;
    let is_repository = |(prefix, page): &(&String, &Page)| {
        matches!(page, Page::Repositories(_)) && path.starts_with(prefix.as_str())
    };
    let found = pages.get(path).or_else(|| pages.iter().find(is_repository).map(|(_, page)| page));
    Some(found.cloned().unwrap_or(Page::Status(404)))
}

/// Lets git answer, over the common gateway interface.
fn git(mut stream: &TcpStream, request: &Request, directory: &str) -> Option<()> {
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", directory)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", request.path.strip_prefix("/git").unwrap_or(&request.path))
        .env("QUERY_STRING", &request.query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("HTTP_GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(&request.body).ok()?;
    let output = child.wait_with_output().ok()?.stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n").as_bytes()).ok()?;
    stream.write_all(&output).ok()
}
