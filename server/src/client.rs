//! Asks a server.

use std::path::Path;

use serde_json::Value;

use crate::tls::{self, TlsError};

/// Why a server does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It cannot be reached.
    #[error("{0} does not answer: {1}")]
    Unreachable(String, String),
    /// Whom to trust cannot be found out.
    #[error(transparent)]
    Trust(#[from] TlsError),
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
