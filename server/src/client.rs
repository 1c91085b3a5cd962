//! Asks a server.

use std::path::Path;

use serde_json::Value;

use crate::tls::{self, TlsError};

/// It is no URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no URL of a server: write one as in http://build.example:8080")]
pub struct BadUrl(String);

/// The host of a server's URL, and what follows it.
///
/// # Errors
/// It is no such URL.
pub fn host_of(url: &str) -> Result<&str, BadUrl> {
    let host = ["http://", "https://"].into_iter().find_map(|scheme| url.strip_prefix(scheme));
    let host = host.filter(|host| !host.is_empty() && !host.starts_with('/'));
    host.ok_or_else(|| BadUrl(url.to_owned()))
}

/// Why a server does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It cannot be reached.
    #[error("{0} does not answer: {1}")]
    Unreachable(String, String),
    /// Whom to trust cannot be found out.
    #[error(transparent)]
    Trust(#[from] TlsError),
    /// It is no URL of a server.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// It says no.
    #[error("{0} answers with {1}: {2}")]
    Refused(String, u16, String),
}

/// What a server does now. Whose certificates are trusted stands in the file `ca`.
///
/// # Errors
/// It does not tell.
pub fn stats(url: &str, token: Option<&str>, ca: Option<&Path>) -> Result<Value, ClientError> {
    ask(url, "stats", token, ca)
}

/// Whether a server works. Needs no token.
///
/// # Errors
/// It does not.
pub fn health(url: &str, ca: Option<&Path>) -> Result<Value, ClientError> {
    ask(url, "health", None, ca)
}

fn ask(url: &str, route: &str, token: Option<&str>, ca: Option<&Path>) -> Result<Value, ClientError> {
    host_of(url)?;
    let address = format!("{}/api/v1/{route}", url.trim_end_matches('/'));
    let unreachable = |error: String| ClientError::Unreachable(url.to_owned(), tls::in_words(&error));
    let mut request = tls::http_agent(ca)?.get(&address);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut response = request.call().map_err(|error| unreachable(error.to_string()))?;
    let text = response.body_mut().read_to_string().map_err(|error| unreachable(error.to_string()))?;
    let status = response.status().as_u16();
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    if status != 200 {
        let said = answer["error"].as_str().unwrap_or(&text);
        let more = answer["details"].as_str().map(|more| format!(": {more}")).unwrap_or_default();
        return Err(ClientError::Refused(url.to_owned(), status, format!("{said}{more}")));
    }
    Ok(answer)
}
