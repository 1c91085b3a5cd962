//! How a server is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::agent::AgentSettings;
use crate::queue::Limits;

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
    /// How long connections have to end when the server does.
    pub grace: Duration,
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Everybody could do everything.
    #[error(
        "a server that listens on {0} can be reached from other machines: set EZ_SERVER_TOKEN, make a token with `ez server token create`, or say --insecure"
    )]
    Unprotected(SocketAddr),
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
