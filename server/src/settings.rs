//! How a server is set up.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::agent::AgentSettings;
use crate::queue::Limits;
use crate::store::retention::Retention;
use crate::sync::content_store::ContentLimits;
use crate::tls::TlsFiles;

/// Where the database is, below the project's root.
pub const DATABASE: &str = ".ez-server/ez.db";

/// The port where no other is chosen.
pub const PORT: u16 = 8080;

/// A server's settings.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// The root directory of the project.
    pub root: PathBuf,
    /// The database. Logs are in `logs/` beside it.
    pub database: PathBuf,
    /// A token that may do everything, besides those in the database.
    pub token: Option<String>,
    /// Whether nobody needs a token, wherever it listens.
    pub is_insecure: bool,
    /// For how long a node may be silent before its jobs are given up.
    pub lease: Duration,
    /// How many jobs may run at once.
    pub limits: Limits,
    /// The agent in the same process; none where jobs run on other machines alone.
    pub agent: Option<AgentSettings>,
    /// The certificate; none where it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The key for secrets.
    pub secret_key: SecretKeySource,
    /// How long what has ended is kept.
    pub retention: Retention,
    /// How much of the files of jobs is kept.
    pub content: ContentLimits,
    /// What clients may take.
    pub http: HttpLimits,
    /// How long a server that is told to end waits for the jobs of its own agent.
    pub stop_wait: Duration,
    /// How long connections have to end when the server does.
    pub grace: Duration,
}

/// Where the key for stored secrets is.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretKeySource {
    /// This text.
    Text(String),
    /// In a file that somebody else made.
    File(PathBuf),
    /// In a file beside the database, which is made where there is none.
    Own,
}

impl fmt::Debug for SecretKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Own => f.write_str("Own"),
        }
    }
}

/// What clients may take of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// How long the head of a request may take.
    pub head: Duration,
    /// How long a body may be silent.
    pub body: Duration,
    /// The longest body in JSON, in bytes.
    pub max_body_bytes: usize,
    /// How many connections are open at once.
    pub max_connections: usize,
    /// How many wrong tokens an address is allowed within a minute.
    pub max_wrong_tokens: u32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(20),
            body: Duration::from_secs(30),
            max_body_bytes: 4 << 20,
            max_connections: 4096,
            max_wrong_tokens: 20,
        }
    }
}

/// How far a server is told to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    #[default]
    No,
    /// When the jobs of its own agent have ended, or the time for them is over.
    Gently,
    /// At once.
    Now,
}

/// The shortest token that somebody may choose, in characters.
pub const MIN_OWN_TOKEN: usize = 16;

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Everybody could do everything.
    #[error(
        "a server that listens on {0} can be reached from other machines: set EZ_SERVER_TOKEN, make a token with `ez server token create`, or say --insecure"
    )]
    Unprotected(SocketAddr),
    /// Somebody could guess it.
    #[error(
        "{0} has only {1} characters, which can be guessed: write {MIN_OWN_TOKEN} or more, as `openssl rand -hex 32` prints them, or make a token with `ez server token create NAME --scopes admin`"
    )]
    ShortToken(String, usize),
}

/// Refuses a token of the settings that can be guessed; `what` says where it is from.
///
/// # Errors
/// It is too short.
pub fn check_own_token(what: &str, token: &str) -> Result<(), SettingsError> {
    let length = token.chars().count();
    if length >= MIN_OWN_TOKEN { Ok(()) } else { Err(SettingsError::ShortToken(what.to_owned(), length)) }
}

impl ServerSettings {
    /// Whether requests need no token: on this machine alone, where none was set.
    ///
    /// # Errors
    /// It would be open to other machines.
    pub fn is_open(&self, has_tokens: bool) -> Result<bool, SettingsError> {
        if self.is_insecure {
            return Ok(true);
        }
        if self.token.is_some() || has_tokens {
            return Ok(false);
        }
        if self.address.ip().is_loopback() { Ok(true) } else { Err(SettingsError::Unprotected(self.address)) }
    }
}
