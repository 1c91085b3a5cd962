//! A server of jobs, its agents, and somebody who asks it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use crate::program;
use crate::project::Project;

/// What marks the processes of an attempt in their environment.
const MARK: &str = "EZ_ATTEMPT_MARK";

/// A running `ez server start` for a project. It is killed when this ends, and all that it left is ended too.
pub struct JobServer<'p> {
    project: &'p Project,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    process: Child,
    /// What it says after its first line.
    pub errors: BufReader<ChildStderr>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The token that is sent with every question.
    pub token: Option<String>,
    /// The certificate that is trusted, where it speaks TLS, in PEM.
    pub certificate: Option<String>,
}

/// A connection, encrypted or not.
trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

fn encrypted(stream: TcpStream, trusted: &str) -> impl Stream + use<> {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    let trusted = rustls::pki_types::CertificateDer::from_pem_slice(trusted.as_bytes());
    roots.add(trusted.expect("a certificate")).expect("a root");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
    let connection = rustls::ClientConnection::new(config.into(), name).expect("a connection");
    rustls::StreamOwned::new(connection, stream)
}

/// A certificate for `127.0.0.1` and its key, in PEM.
///
/// # Panics
/// The machine has no chance.
pub fn certificate() -> (String, String) {
    certificate_of(rcgen::IsCa::NoCa)
}

/// The same as `openssl req -x509` makes it: that of an authority.
///
/// # Panics
/// The machine has no chance.
pub fn certificate_of_an_authority() -> (String, String) {
    certificate_of(rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained))
}

fn certificate_of(is_ca: rcgen::IsCa) -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    params.is_ca = is_ca;
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its status line and its headers.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// How a job ended, and what it told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What stood in its log, without what the agent said.
    pub text: String,
    /// Its state; empty where the connection broke before its end.
    pub state: String,
    /// The place in the log from which to go on.
    pub last_id: String,
}

/// A program that does not end when a file gets longer than it may, but is told so, as of a disk that is full.
fn command(project: &Project) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#]).arg(program::ez());
    command.current_dir(project.root()).env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::null());
    for name in
        ["EZ_SERVER_TOKEN", "EZ_SERVER_URL", "EZ_CLIENT_TOKEN", "EZ_NODE_NAME", "EZ_ROOT", "EZ_DB_PATH"]
    {
        command.env_remove(name);
    }
    command
}

impl<'p> JobServer<'p> {
    /// Starts one on a free port of this machine.
    pub fn start(project: &'p Project, flags: &[&str]) -> Self {
        Self::start_in(project, flags, &[])
    }

    /// The same with variables of its environment.
    pub fn start_in(project: &'p Project, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (process, errors, address) = begin(project, &flags, &environment, 0);
        let token =
            environment.iter().find(|(name, _)| name == "EZ_SERVER_TOKEN").map(|(_, token)| token.clone());
        Self { project, flags, environment, process, errors, address, token, certificate: None }
    }

    /// Kills it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it ends");
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        let (process, errors, address) =
            begin(self.project, &self.flags, &self.environment, self.address.port());
        (self.process, self.errors, self.address) = (process, errors, address);
    }

    /// Asks it to end, and waits until it has. Its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        signal(&self.process, rustix::process::Signal::TERM);
        self.process.wait().expect("it ends").code()
    }

    /// Holds it: it lives, and does nothing.
    pub fn hold(&self) {
        signal(&self.process, rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        signal(&self.process, rustix::process::Signal::CONT);
    }

    /// Limits how long files may get that it writes; `None` is not at all.
    ///
    /// # Panics
    /// The system refuses.
    pub fn limit_files(&self, most: Option<u64>) {
        use rustix::process::{Resource, Rlimit, prlimit};
        let limit = Rlimit { current: most, maximum: None };
        let pid = rustix::process::Pid::from_raw(self.process.id() as i32);
        prlimit(pid, Resource::Fsize, limit).expect("it is ours");
    }

    fn connect(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        more: &[(&str, &str)],
    ) -> std::io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address)?;
        let mut stream: Box<dyn Stream> = match &self.certificate {
            Some(trusted) => Box::new(encrypted(stream, trusted)),
            None => Box::new(stream),
        };
        let mut head = format!("{method} /api/v1{path} HTTP/1.0\r\nHost: {}\r\n", self.address);
        if !body.is_empty() {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        if let Some(token) = &self.token {
            let _ = write!(head, "Authorization: Bearer {token}\r\n");
        }
        for (name, value) in more {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        stream.write_all(&[format!("{head}\r\n").as_bytes(), body].concat())?;
        Ok(stream)
    }

    /// Asks it something below `/api/v1`.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask_with(method, path, body, &[])
    }

    /// The same with more headers.
    pub fn ask_with(&self, method: &str, path: &str, body: Option<&Value>, more: &[(&str, &str)]) -> Answer {
        let text = body.map(ToString::to_string).unwrap_or_default();
        let kind = body.map(|_| ("Content-Type", "application/json"));
        let headers: Vec<(&str, &str)> = kind.into_iter().chain(more.iter().copied()).collect();
        self.send(method, path, text.as_bytes(), &headers)
    }

    /// Sends it a text.
    pub fn send_yaml(&self, method: &str, path: &str, text: &str, more: &[(&str, &str)]) -> Answer {
        let kind = ("Content-Type", "application/yaml");
        let headers: Vec<(&str, &str)> = [kind].into_iter().chain(more.iter().copied()).collect();
        self.send(method, path, text.as_bytes(), &headers)
    }

    /// Sends any bytes with headers.
    pub fn send(&self, method: &str, path: &str, body: &[u8], more: &[(&str, &str)]) -> Answer {
        read_answer(self.connect(method, path, body, more).expect("it listens"))
    }

    /// Has a task run; the number of the job.
    pub fn run(&self, request: &Value) -> i64 {
        let answer = self.ask("POST", "/tasks/run", Some(request));
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["job"].as_i64().expect("a number")
    }

    /// A job as it stands.
    pub fn job(&self, job: i64) -> Value {
        self.ask("GET", &format!("/jobs/{job}"), None).json()
    }

    /// Follows the log of a job from a place in it, until its end, until the connection breaks, or until `is_enough` says so of the text.
    pub fn follow(&self, job: i64, from: &str, is_enough: impl Fn(&str) -> bool) -> Told {
        self.follow_at(&format!("/jobs/{job}/logs"), from, is_enough)
    }

    /// The same for any stream of a log.
    pub fn follow_at(&self, path: &str, from: &str, is_enough: impl Fn(&str) -> bool) -> Told {
        let mut told = Told { last_id: from.to_owned(), ..Told::default() };
        let Ok(stream) = self.connect("GET", path, &[], &[("Last-Event-ID", from)]) else { return told };
        let (mut kind, mut id) = (String::new(), String::new());
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return told };
            let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
            match name {
                "event" => value.clone_into(&mut kind),
                "id" => value.clone_into(&mut id),
                "data" if kind == "log" => {
                    let data: Value = serde_json::from_str(value).expect("JSON");
                    if data["stream"] != "note" {
                        told.text += data["text"].as_str().expect("text");
                    }
                    told.last_id.clone_from(&id);
                    if is_enough(&told.text) {
                        return told;
                    }
                }
                "data" if kind == "end" => {
                    let data: Value = serde_json::from_str(value).expect("JSON");
                    data["state"].as_str().expect("a state").clone_into(&mut told.state);
                    return told;
                }
                _ => {}
            }
        }
        told
    }

    /// Waits for the end of a job.
    pub fn end_of(&self, job: i64) -> Told {
        self.follow(job, "0", |_| false)
    }
}

fn read_answer(mut stream: Box<dyn Stream>) -> Answer {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        // A server may end a TLS connection without a word when all is said.
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "an answer");
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

impl Drop for JobServer<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        end_attempts(self.project);
    }
}

fn begin(
    project: &Project,
    flags: &[String],
    environment: &[(String, String)],
    port: u16,
) -> (Child, BufReader<ChildStderr>, SocketAddr) {
    let mut process = command(project)
        .args(["server", "start", "--port", &port.to_string()])
        .args(flags)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::piped())
        .spawn()
        .expect("ez starts");
    let mut errors = BufReader::new(process.stderr.take().expect("a pipe"));
    let mut line = String::new();
    errors.read_line(&mut line).expect("a line");
    let address = line.trim().rsplit_once("://").and_then(|(_, address)| address.parse().ok());
    (process, errors, address.unwrap_or_else(|| panic!("it does not listen: {line}")))
}

/// A running `ez client start`. It is killed when this ends.
pub struct JobAgent<'p> {
    project: &'p Project,
    flags: Vec<String>,
    process: Child,
    /// What it says, where somebody wants to read it.
    pub errors: Option<BufReader<ChildStderr>>,
}

impl<'p> JobAgent<'p> {
    /// Starts one for a server, in the server's project, with a directory of its own.
    pub fn start(project: &'p Project, server: &JobServer<'_>, name: &str, flags: &[&str]) -> Self {
        let scheme = if server.certificate.is_some() { "https" } else { "http" };
        Self::start_at(project, &format!("{scheme}://{}", server.address), name, flags)
    }

    /// The same for a server that is reached by another address.
    pub fn start_at(project: &'p Project, url: &str, name: &str, flags: &[&str]) -> Self {
        let own = ["--server", url, "--name", name, "--data", &format!(".agents/{name}")].map(str::to_owned);
        let flags: Vec<String> = own.into_iter().chain(flags.iter().map(ToString::to_string)).collect();
        let process = Self::begin(project, &flags);
        Self { project, flags, process, errors: None }
    }

    /// Starts one in the server's project, with nothing but these flags, and with variables of its environment. What it says can be read.
    pub fn start_in(project: &'p Project, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let mut process = Self::command(project, &flags)
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ez starts");
        let errors = process.stderr.take().map(BufReader::new);
        Self { project, flags, process, errors }
    }

    fn command(project: &Project, flags: &[String]) -> Command {
        let mut command = command(project);
        command.args(["client", "start"]).args(flags);
        command
    }

    fn begin(project: &Project, flags: &[String]) -> Child {
        Self::command(project, flags).stderr(Stdio::null()).spawn().expect("ez starts")
    }

    /// Asks it to end.
    pub fn ask_to_end(&self) {
        signal(&self.process, rustix::process::Signal::TERM);
    }

    /// What it says next, up to a line with some words.
    ///
    /// # Panics
    /// It says no such line.
    pub fn says(&mut self, words: &str) -> String {
        let errors = self.errors.as_mut().expect("it is read");
        let mut said = String::new();
        while !said.contains(words) {
            let read = errors.read_line(&mut said).expect("a line");
            assert!(read > 0, "{said}");
        }
        said
    }

    /// Waits until it has ended by itself. Its exit code, and what it said that was not read.
    pub fn end(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        if let Some(errors) = &mut self.errors {
            errors.read_to_string(&mut said).expect("text");
        }
        (self.process.wait().expect("it ends").code(), said)
    }

    /// Kills it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it ends");
    }

    /// Starts it again.
    pub fn start_again(&mut self) {
        self.process = Self::begin(self.project, &self.flags);
    }

    /// Asks it to end, and waits until it has. Its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        signal(&self.process, rustix::process::Signal::TERM);
        self.process.wait().expect("it ends").code()
    }
}

impl JobAgent<'_> {
    /// Holds it: it lives, and does nothing.
    pub fn hold(&self) {
        signal(&self.process, rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        signal(&self.process, rustix::process::Signal::CONT);
    }
}

impl Drop for JobAgent<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn signal(process: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(process.id() as i32).expect("a number");
    rustix::process::kill_process(pid, signal).expect("it is ours");
}

/// Whether a job that says `begun` has begun, by its log.
pub fn is_begun(text: &str) -> bool {
    text.contains("begun\n")
}

/// How many jobs a run of faults takes: as `EZ_FAULT_JOBS` says.
pub fn fault_jobs() -> u64 {
    std::env::var("EZ_FAULT_JOBS").ok().and_then(|count| count.parse().ok()).unwrap_or(24)
}

/// The processes that watch over an attempt of a project now, by their numbers: they hold its lock.
pub fn watchers(project: &Project) -> Vec<u32> {
    let holds_lock = |pid: &u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|file| file.ends_with("lock"))
    };
    watching_processes(project).into_iter().filter(holds_lock).collect()
}

/// The processes that watch over attempts of a project, or wait for some.
pub fn watching_processes(project: &Project) -> Vec<u32> {
    let root = project.root().to_string_lossy().into_owned();
    processes(|words| {
        words.iter().any(|word| word == "__watch") && words.iter().any(|word| word.starts_with(&root))
    })
}

/// Kills what is left of a project's attempts: first the watchers, so that none begins a job any more, then the jobs.
fn end_attempts(project: &Project) {
    for pid in watching_processes(project) {
        kill(pid);
    }
    for pid in jobs(project) {
        kill(pid);
    }
}

/// The processes of jobs that work in a project.
fn jobs(project: &Project) -> Vec<u32> {
    let mark = format!("{MARK}=");
    numbers_of_processes()
        .filter(|pid| {
            let works_here = std::fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|directory| directory.starts_with(project.root()));
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            works_here && environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(mark.as_bytes()))
        })
        .collect()
}

/// Holds a process: it lives, and does nothing.
pub fn hold(pid: u32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid as i32) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::STOP);
    }
}

/// Kills a process, as `kill -9` does.
pub fn kill(pid: u32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid as i32) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// The living processes of a project's directory that have a word.
pub fn running_in(project: &Project, word: &str) -> Vec<u32> {
    let (root, word) = (project.root(), word.to_owned());
    let is_there =
        |pid: &u32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|directory| directory == root);
    processes(|words| words.contains(&word)).into_iter().filter(is_there).collect()
}

/// The living processes whose words are of a kind.
fn processes(is_wanted: impl Fn(&[String]) -> bool) -> Vec<u32> {
    numbers_of_processes()
        .filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<String> = line
                .split(|byte| *byte == 0)
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            is_wanted(&words)
        })
        .collect()
}

fn numbers_of_processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
