//! Options of params that come from elsewhere: the lines of a command, texts of a JSON document.

use std::time::Duration;

use smol_str::SmolStr;
use thiserror::Error;
use ureq::Agent;

use crate::json_path::{self, JsonPathError};
use crate::remote::{MAX_HEAD_SIZE, MAX_REDIRECTS};

/// How long a command may look for options.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may take to give options.
pub const URL_TIMEOUT: Duration = Duration::from_secs(20);
/// The most that a command may print, and the largest document, in bytes.
pub const MAX_SIZE: usize = 4 << 20;
/// The most options.
pub const MAX_OPTIONS: usize = 10_000;
/// How much of what a failed command says is repeated, in characters.
const MAX_REPEATED: usize = 500;

/// Why there are no options.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum QueryError {
    /// The address is not one of the web.
    #[error("`{0}` is no address that begins with http:// or https://")]
    NotHttp(String),
    /// The network may not be used.
    #[error("{0} would be asked, but --offline is set")]
    Offline(String),
    /// No answer in time.
    #[error("no answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// An answer that says that there is none.
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// There is too much of it.
    #[error("there are more than {} MiB", MAX_SIZE >> 20)]
    TooLarge,
    /// There are too many of them.
    #[error("there are more than {MAX_OPTIONS} options")]
    TooMany,
    /// There are none.
    #[error("there are no options")]
    Nothing,
    /// The document is no JSON.
    #[error("{url} gave no JSON: {problem}")]
    NotJson {
        /// The address.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// The path does not fit the document.
    #[error("{0}")]
    Path(#[from] JsonPathError),
    /// There is no connection.
    #[error("{url}: {problem}")]
    Unreachable {
        /// The address.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// The command failed.
    #[error("`{command}` failed: {problem}")]
    Command {
        /// The command.
        command: String,
        /// How it failed, and what it said.
        problem: String,
    },
}

/// The options in what a command printed: its lines, without space around them, each once.
///
/// # Errors
/// There are none, or too many.
pub fn of_lines(output: &[u8]) -> Result<Vec<SmolStr>, QueryError> {
    let text = String::from_utf8_lossy(output);
    distinct(text.lines().map(|line| line.trim().into()))
}

/// What a failed command is told of as.
pub fn command_failed(command: &str, how: &str, said: &[u8]) -> QueryError {
    let said = String::from_utf8_lossy(said);
    let said: String = said.trim().chars().take(MAX_REPEATED).collect();
    let problem = if said.is_empty() { how.to_owned() } else { format!("{how}: {said}") };
    QueryError::Command { command: command.to_owned(), problem }
}

/// The options in a JSON document. Blocks.
///
/// # Errors
/// It cannot be had, or the path finds no texts in it.
pub fn of_url(url: &str, path: &str) -> Result<Vec<SmolStr>, QueryError> {
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(QueryError::NotHttp(url.to_owned()));
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(MAX_REDIRECTS)
        .max_response_header_size(MAX_HEAD_SIZE)
        .timeout_global(Some(URL_TIMEOUT))
        .build();
    let agent = config.new_agent();
    let response =
        agent.get(url).header("accept", "application/json").call().map_err(|error| classify(url, &error))?;
    let status = response.status();
    if !status.is_success() {
        return Err(QueryError::Status { url: url.to_owned(), status: status.as_u16() });
    }
    let limit = u64::try_from(MAX_SIZE).unwrap_or(u64::MAX);
    let body = response.into_body().with_config().limit(limit).read_to_vec();
    let body = body.map_err(|error| classify(url, &error))?;
    let document = serde_json::from_slice(&body)
        .map_err(|error| QueryError::NotJson { url: url.to_owned(), problem: error.to_string() })?;
    distinct(json_path::texts(&document, path)?.into_iter())
}

fn classify(url: &str, error: &ureq::Error) -> QueryError {
    match error {
        ureq::Error::Timeout(_) => QueryError::TimedOut(URL_TIMEOUT),
        ureq::Error::BodyExceedsLimit(_) => QueryError::TooLarge,
        error => QueryError::Unreachable { url: url.to_owned(), problem: error.to_string() },
    }
}

fn distinct(options: impl Iterator<Item = SmolStr>) -> Result<Vec<SmolStr>, QueryError> {
    let mut all = indexmap::IndexSet::new();
    for option in options.filter(|option| !option.is_empty()) {
        all.insert(option);
        if all.len() > MAX_OPTIONS {
            return Err(QueryError::TooMany);
        }
    }
    if all.is_empty() { Err(QueryError::Nothing) } else { Ok(all.into_iter().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_options() {
        assert_eq!(of_lines(b"main\n  dev \n\nmain\r\n").unwrap(), ["main", "dev"]);
        assert_eq!(of_lines(b"\n \n").unwrap_err(), QueryError::Nothing);
        let many = (0..=MAX_OPTIONS).fold(String::new(), |all, number| all + &number.to_string() + "\n");
        assert_eq!(of_lines(many.as_bytes()).unwrap_err(), QueryError::TooMany);
    }

    #[test]
    fn only_the_web_is_asked() {
        for url in ["file:///etc/passwd", "ftp://e.com", "e.com/a", ""] {
            assert_eq!(of_url(url, ".").unwrap_err(), QueryError::NotHttp(url.to_owned()));
        }
    }

    #[test]
    fn a_failed_command_is_quoted_briefly() {
        let error = command_failed("git x", "exit status 1", &[b'e'; 10_000]);
        assert_eq!(error.to_string(), format!("`git x` failed: exit status 1: {}", "e".repeat(MAX_REPEATED)));
    }
}
