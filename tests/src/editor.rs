//! An editor, as a language server sees one: it speaks the protocol, and does nothing by itself.

#![expect(
    clippy::needless_pass_by_value,
    reason = "`json!` makes a value, which is given away where it is written"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program;
use crate::project::Project;

/// Longer than any answer should take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// An editor with a server of its own.
pub struct Editor<'p> {
    project: &'p Project,
    /// What the server said of itself.
    pub capabilities: Value,
    /// What the server registered later, by method.
    pub registered: Vec<String>,
    /// What the server asked, by method.
    pub asked: Vec<String>,
    /// The files that the server wants to be told of, as globs.
    pub watched: Vec<String>,
    settings: Value,
    output: Box<dyn Write + Send>,
    incoming: Receiver<Value>,
    server: Option<Child>,
    next_id: i64,
    versions: HashMap<String, i64>,
    published: HashMap<String, Vec<(Option<i64>, Value)>>,
    answers: HashMap<i64, Value>,
}

/// How an editor begins.
pub struct Beginning {
    /// Its capabilities; see [`usual_capabilities`].
    pub capabilities: Value,
    /// The directories that are open, relative to the project.
    pub folders: Vec<&'static str>,
    /// The section `ez` of its settings.
    pub settings: Value,
    /// Its initialization options.
    pub options: Value,
}

impl Default for Beginning {
    fn default() -> Self {
        let (capabilities, folders) = (usual_capabilities(), vec![""]);
        Self { capabilities, folders, settings: Value::Null, options: Value::Null }
    }
}

/// The capabilities of an editor that can much, and is told of findings.
pub fn usual_capabilities() -> Value {
    json!({
        "general": {"positionEncodings": ["utf-16"]},
        "workspace": {
            "configuration": true,
            "workspaceFolders": true,
            "workspaceEdit": {"documentChanges": true, "resourceOperations": ["create", "rename", "delete"]},
            "didChangeWatchedFiles": {"dynamicRegistration": true}
        },
        "textDocument": {
            "publishDiagnostics": {"relatedInformation": true, "versionSupport": true},
            "completion": {"completionItem": {"snippetSupport": true, "documentationFormat": ["markdown"]}},
            "hover": {"contentFormat": ["markdown"]},
            "documentSymbol": {"hierarchicalDocumentSymbolSupport": true},
            "rename": {"prepareSupport": true},
            "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor", "source"]}}}
        }
    })
}

impl<'p> Editor<'p> {
    /// An editor that starts `ez lsp` in the project, with the project's directory open.
    pub fn start(project: &'p Project) -> Self {
        Self::start_with(project, Beginning::default())
    }

    /// The same, that begins otherwise.
    pub fn start_with(project: &'p Project, beginning: Beginning) -> Self {
        let mut server = Command::new(program::ez())
            .arg("lsp")
            .current_dir(project.root())
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ez starts");
        let output = Box::new(server.stdin.take().expect("a pipe"));
        let input = server.stdout.take().expect("a pipe");
        let mut editor = Self::over(project, input, output, beginning.settings.clone());
        editor.server = Some(server);
        editor.begin(&beginning);
        editor
    }

    /// An editor that speaks to a server over a connection.
    pub fn connect(project: &'p Project, stream: TcpStream) -> Self {
        let input = stream.try_clone().expect("a second handle");
        let mut editor = Self::over(project, input, Box::new(stream), Value::Null);
        editor.begin(&Beginning::default());
        editor
    }

    fn over(
        project: &'p Project,
        input: impl Read + Send + 'static,
        output: Box<dyn Write + Send>,
        settings: Value,
    ) -> Self {
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            let mut input = BufReader::new(input);
            while let Some(message) = read_message(&mut input) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Self {
            project,
            capabilities: Value::Null,
            registered: Vec::new(),
            asked: Vec::new(),
            watched: Vec::new(),
            settings,
            output,
            incoming,
            server: None,
            next_id: 0,
            versions: HashMap::new(),
            published: HashMap::new(),
            answers: HashMap::new(),
        }
    }

    fn begin(&mut self, beginning: &Beginning) {
        let folders: Vec<Value> =
            beginning.folders.iter().map(|folder| json!({"uri": self.uri(folder), "name": folder})).collect();
        let params = json!({
            "processId": std::process::id(),
            "rootUri": Value::Null,
            "workspaceFolders": folders,
            "capabilities": beginning.capabilities,
            "initializationOptions": beginning.options,
        });
        let result = self.ask("initialize", params);
        self.capabilities = result["capabilities"].clone();
        self.tell("initialized", json!({}));
    }

    /// The address of a file of the project.
    pub fn uri(&self, path: &str) -> String {
        let path = if path.is_empty() { self.project.root() } else { self.project.path(path) };
        format!("file://{}", path.display())
    }

    /// Opens a file as it is on disk.
    pub fn open(&mut self, path: &str) {
        let text = std::fs::read_to_string(self.project.path(path)).expect("a file that can be read");
        self.open_as(path, &text);
    }

    /// Opens a file with a text that is not saved.
    pub fn open_as(&mut self, path: &str, text: &str) {
        self.versions.insert(path.to_owned(), 1);
        let document = json!({"uri": self.uri(path), "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// Replaces a piece of an open text: places as line and column from 0.
    pub fn edit(&mut self, path: &str, from: (u32, u32), to: (u32, u32), text: &str) {
        let range = json!({
            "start": {"line": from.0, "character": from.1},
            "end": {"line": to.0, "character": to.1},
        });
        self.change(path, json!([{"range": range, "text": text}]));
    }

    /// Replaces the whole of an open text.
    pub fn replace(&mut self, path: &str, text: &str) {
        self.change(path, json!([{"text": text}]));
    }

    /// Sends changes as they are.
    pub fn change(&mut self, path: &str, changes: Value) {
        let version = self.versions.get(path).copied().unwrap_or(0) + 1;
        self.versions.insert(path.to_owned(), version);
        let document = json!({"uri": self.uri(path), "version": version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
    }

    /// Closes a text.
    pub fn close(&mut self, path: &str) {
        self.versions.remove(path);
        self.tell("textDocument/didClose", json!({"textDocument": {"uri": self.uri(path)}}));
    }

    /// What names a place in a file.
    pub fn place(&self, path: &str, line: u32, character: u32) -> Value {
        json!({"textDocument": {"uri": self.uri(path)}, "position": {"line": line, "character": character}})
    }

    /// The findings that fit the newest text of an open file: line from 0, code, and first line of the message.
    pub fn findings(&mut self, path: &str) -> Vec<String> {
        let version = self.versions.get(path).copied();
        self.findings_at(path, version)
    }

    /// The findings that were told of a file for a version; `None` for a file that is not open.
    pub fn findings_at(&mut self, path: &str, version: Option<i64>) -> Vec<String> {
        let uri = self.uri(path);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told =
                self.published.get(&uri).and_then(|told| told.iter().rev().find(|told| told.0 == version));
            if let Some((_, diagnostics)) = told {
                return shown(diagnostics);
            }
            self.receive(deadline);
        }
    }

    /// What was told of a file the last time.
    pub fn last_told(&self, path: &str) -> Value {
        let told = self.published.get(&self.uri(path)).and_then(|told| told.last());
        told.map_or(Value::Null, |(_, diagnostics)| diagnostics.clone())
    }

    /// Waits until the findings told of a file are these.
    pub fn wait_for_findings(&mut self, path: &str, expected: &[&str]) {
        let uri = self.uri(path);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let last = self.published.get(&uri).and_then(|told| told.last());
            let last = last.map(|(_, diagnostics)| shown(diagnostics));
            if last.as_deref().is_some_and(|last| last == expected) {
                return;
            }
            assert!(Instant::now() < deadline, "the findings of {path} are {last:?}");
            self.receive(deadline);
        }
    }

    /// Waits until the server has registered something.
    pub fn wait_for_registration(&mut self, method: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.registered.iter().any(|known| known == method) {
            self.receive(deadline);
        }
    }

    /// Waits until files are watched by a glob.
    pub fn wait_for_watched(&mut self, glob: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.watched.iter().any(|known| known == glob) {
            self.receive(deadline);
        }
    }

    /// Asks, and gives the result.
    ///
    /// # Panics
    ///
    /// The server refuses.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        match self.try_ask(method, params) {
            Ok(result) => result,
            Err(error) => panic!("{method} was refused: {error}"),
        }
    }

    /// Asks, and gives the result or the refusal.
    ///
    /// # Errors
    ///
    /// What the server refused with.
    pub fn try_ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.start_ask(method, params);
        self.answer(id)
    }

    /// Asks without waiting; see [`Self::answer`].
    pub fn start_ask(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Takes a question back.
    pub fn cancel(&mut self, id: i64) {
        self.tell("$/cancelRequest", json!({"id": id}));
    }

    /// The answer to a question.
    ///
    /// # Errors
    ///
    /// What the server refused with.
    pub fn answer(&mut self, id: i64) -> Result<Value, Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(mut answer) = self.answers.remove(&id) {
                return match answer.get_mut("error") {
                    Some(error) => Err(error.take()),
                    None => Ok(answer["result"].take()),
                };
            }
            self.receive(deadline);
        }
    }

    /// Tells something that has no answer.
    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Ends the server as an editor does.
    ///
    /// # Panics
    ///
    /// It does not end with 0.
    pub fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        if let Some(mut server) = self.server.take() {
            let status = server.wait().expect("a process that can be waited for");
            assert!(status.success(), "the server ended with {status}");
        }
    }

    fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string());
    }

    /// Sends the text of a message, whatever it is.
    pub fn send_text(&mut self, body: &str) {
        let written = write!(self.output, "Content-Length: {}\r\n\r\n{body}", body.len());
        written.and_then(|()| self.output.flush()).expect("a server that listens");
    }

    /// Takes one message of the server.
    fn receive(&mut self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let message = match self.incoming.recv_timeout(left) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("the server says nothing"),
            Err(RecvTimeoutError::Disconnected) => panic!("the server has ended"),
        };
        match (message["method"].as_str(), message.get("id")) {
            (Some("textDocument/publishDiagnostics"), None) => {
                let params = &message["params"];
                let uri = params["uri"].as_str().unwrap_or_default().to_owned();
                let told = (params["version"].as_i64(), params["diagnostics"].clone());
                self.published.entry(uri).or_default().push(told);
            }
            (Some(_), None) => {}
            (Some(method), Some(id)) => {
                let result = self.answer_for(method, &message["params"]);
                let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
                self.send(&answer);
            }
            (None, Some(id)) => {
                self.answers.insert(id.as_i64().unwrap_or_default(), message);
            }
            (None, None) => panic!("no message: {message}"),
        }
    }

    /// Waits until the server has asked something.
    pub fn wait_for_question(&mut self, method: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.asked.iter().any(|known| known == method) {
            self.receive(deadline);
        }
    }

    fn answer_for(&mut self, method: &str, params: &Value) -> Value {
        self.asked.push(method.to_owned());
        match method {
            "workspace/configuration" => {
                let count = params["items"].as_array().map_or(0, Vec::len);
                Value::Array(vec![self.settings.clone(); count])
            }
            "client/registerCapability" => {
                for one in params["registrations"].as_array().into_iter().flatten() {
                    self.registered.extend(one["method"].as_str().map(str::to_owned));
                    let watchers = one["registerOptions"]["watchers"].as_array().into_iter().flatten();
                    let globs = watchers.filter_map(|watcher| watcher["globPattern"].as_str());
                    self.watched.extend(globs.map(str::to_owned));
                }
                Value::Null
            }
            _ => Value::Null,
        }
    }
}

impl Drop for Editor<'_> {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Findings as text: line from 1, code, first line of the message.
pub fn shown(diagnostics: &Value) -> Vec<String> {
    let diagnostics = diagnostics.as_array().into_iter().flatten();
    diagnostics
        .map(|one| {
            let line = one["range"]["start"]["line"].as_i64().unwrap_or(-1) + 1;
            let message = one["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
            format!("{line} {} {message}", one["code"].as_str().unwrap_or("?"))
        })
        .collect()
}

/// The text of a file after edits of the protocol, columns in UTF-16 code units.
///
/// # Panics
///
/// An edit does not fit the text.
pub fn apply(text: &str, edits: &Value) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let offset = |place: &Value| {
        let line = place["line"].as_u64().unwrap_or_default() as usize;
        let before: usize = lines.iter().take(line).map(|line| line.len()).sum();
        let mut left = place["character"].as_u64().unwrap_or_default() as usize;
        let mut at = before;
        for c in lines.get(line).copied().unwrap_or_default().chars() {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(c.len_utf16());
            at += c.len_utf8();
        }
        at
    };
    let mut pieces: Vec<(usize, usize, String)> = edits
        .as_array()
        .into_iter()
        .flatten()
        .map(|edit| {
            let range = &edit["range"];
            let new = edit["newText"].as_str().expect("a new text").to_owned();
            (offset(&range["start"]), offset(&range["end"]), new)
        })
        .collect();
    pieces.sort_by_key(|piece| std::cmp::Reverse((piece.0, piece.1)));
    let mut text = text.to_owned();
    for (start, end, new) in pieces {
        text.replace_range(start..end, &new);
    }
    text
}

/// The address of an absolute path.
pub fn uri_of(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn read_message(input: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix("Content-Length: ") {
            length = number.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
