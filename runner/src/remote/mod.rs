//! Taskfiles from elsewhere: fetched over HTTP or git, pinned or trusted, and kept (go-task, `taskfile/reader.go`).
//!
//! A Taskfile that is not pinned by a checksum runs only after somebody said yes to it: once, and again whenever it
//! changes.

mod cache;
mod git;
mod http;

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use ez_compiler::file_system::RemoteError;
use ez_compiler::project::remote::{scheme, sha256};

use cache::Cache;

/// The largest remote Taskfile that is read, in bytes.
pub const MAX_REMOTE_SIZE: u64 = 16 << 20;

/// How remote Taskfiles are had.
#[derive(Clone, Debug, Default)]
pub struct RemoteSettings {
    /// Plain HTTP is allowed, and certificates are not checked.
    pub insecure: bool,
    /// Fetch anew, whatever is in the cache.
    pub download: bool,
    /// Never use the network.
    pub offline: bool,
    /// Hosts (with their port, if they have one) whose Taskfiles run without asking.
    pub trusted_hosts: Vec<String>,
    /// How long a download may take.
    pub timeout: Duration,
    /// For how long a fetched Taskfile is used without looking again.
    pub expiry: Duration,
    /// Where fetched Taskfiles are kept.
    pub cache_dir: Utf8PathBuf,
    /// A PEM file with the certificates of the authorities that are trusted.
    pub ca_certificate: Option<Utf8PathBuf>,
    /// A PEM file with the client's certificate.
    pub certificate: Option<Utf8PathBuf>,
    /// A PEM file with the client's key.
    pub certificate_key: Option<Utf8PathBuf>,
}

/// Who is asked whether a Taskfile may run, and told what is done.
pub trait Trust {
    /// Whether the answer to `question` is yes.
    fn ask(&self, question: &str) -> bool;

    /// A remark for people who want to know more.
    fn remark(&self, text: &str);
}

/// Why a download failed.
#[derive(Debug)]
enum FetchError {
    /// No connection, or no answer in time.
    TimedOut,
    /// An answer that is no Taskfile.
    Status(u16),
    /// There is no Taskfile.
    NotFound,
    /// Anything else, in words of its own or none.
    Failed(Option<String>),
}

/// Fetches a Taskfile by its URL, or takes it from the cache.
pub fn read(
    url: &str,
    pinned: Option<&str>,
    settings: &RemoteSettings,
    trust: &dyn Trust,
    now: i64,
) -> Result<Arc<str>, RemoteError> {
    let shown = redacted(url);
    let is_git = scheme(url) == Some("git");
    if url.starts_with("http://") && !settings.insecure {
        return Err(not_secure(&shown));
    }
    let key = if is_git { git::cache_key(url, &shown) } else { http::cache_key(url, &shown) };
    let cache = Cache::new(&settings.cache_dir, &key);
    trust.remark(&format!("checking cache for {shown:?} in {:?}\n", cache.path()));
    let cached = cache.read();
    let fresh = cache.timestamp().is_some_and(|at| at <= now && now < at + settings.expiry.as_secs() as i64);
    match &cached {
        None if settings.offline => return Err(not_cached(&shown)),
        Some(text) if settings.offline || (fresh && !settings.download) => {
            return verify(text, pinned, &shown);
        }
        _ => {}
    }
    trust.remark(&format!("downloading remote file: {shown}\n"));
    let fetched = if is_git { git::fetch(url, settings) } else { http::fetch(url, settings) };
    let text = match (fetched, cached) {
        (Ok(text), _) => text,
        (Err(FetchError::TimedOut), Some(cached)) => {
            trust.remark("failed to fetch remote file: using cache\n");
            return verify(&cached, pinned, &shown);
        }
        (Err(error), _) => return Err(fetch_error(&error, &shown, settings.timeout)),
    };
    verify(&text, pinned, &shown)?;
    let checksum = sha256(text.as_bytes());
    if pinned.is_none() && !is_trusted(url, &settings.trusted_hosts) {
        ask(&cache, &checksum, &shown, trust)?;
    }
    let stored = cache.store(&text, &checksum, now);
    stored.map_err(|error| RemoteError { message: format!("task: {error}"), exit: 1 })?;
    Ok(text.into())
}

fn ask(cache: &Cache, checksum: &str, shown: &str, trust: &dyn Trust) -> Result<(), RemoteError> {
    let question = match cache.checksum() {
        Some(known) if known == checksum => return Ok(()),
        Some(_) => format!("The Taskfile at {shown:?} has changed since you last used it!"),
        None => format!("The task you are attempting to run depends on the remote Taskfile at {shown:?}."),
    };
    let question = format!(
        "{question}\n--- Make sure you trust the source of this Taskfile before continuing ---\nContinue?"
    );
    if trust.ask(&question) {
        return Ok(());
    }
    Err(RemoteError { message: format!("task: Taskfile {shown:?} not trusted by user"), exit: 104 })
}

fn verify(text: &str, pinned: Option<&str>, shown: &str) -> Result<Arc<str>, RemoteError> {
    let actual = sha256(text.as_bytes());
    match pinned {
        Some(pin) if pin != actual => Err(RemoteError {
            message: format!(
                "task: The checksum of the Taskfile at {shown:?} does not match!\ngot: {actual:?}\nwant: {pin:?}"
            ),
            exit: 111,
        }),
        _ => Ok(text.into()),
    }
}

fn fetch_error(error: &FetchError, shown: &str, timeout: Duration) -> RemoteError {
    let (message, exit) = match error {
        FetchError::TimedOut => {
            let seconds = timeout.as_secs_f64();
            let text = format!(
                "task: Network connection timed out after {seconds}s while attempting to download Taskfile {shown:?}"
            );
            (text, 108)
        }
        FetchError::NotFound => (format!("task: No Taskfile found at {shown:?}"), 100),
        FetchError::Status(status) => {
            let name = http::status_text(*status);
            (format!("task: Download of {shown:?} failed with status code {status} ({name})"), 103)
        }
        FetchError::Failed(None) => (format!("task: Download of {shown:?} failed"), 103),
        FetchError::Failed(Some(words)) => (words.clone(), 1),
    };
    RemoteError { message, exit }
}

fn not_secure(shown: &str) -> RemoteError {
    let message = format!(
        "task: Taskfile {shown:?} cannot be downloaded over an insecure connection. You can override this by using the --insecure flag"
    );
    RemoteError { message, exit: 105 }
}

fn not_cached(shown: &str) -> RemoteError {
    let message = format!(
        "task: Taskfile {shown:?} was not found in the cache. Remove the --offline flag to use a remote copy or download it using the --download flag"
    );
    RemoteError { message, exit: 106 }
}

/// The URL without a password.
fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{scheme}://{name}:xxxxx@{host}{path}"),
            None => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

/// Host and port of a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if url.contains("://") { host } else { host.split(':').next().unwrap_or(host) }
}

fn is_trusted(url: &str, hosts: &[String]) -> bool {
    hosts.iter().any(|trusted| trusted == host(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(redacted("https://me:secret@example.com/a"), "https://me:xxxxx@example.com/a");
        assert_eq!(redacted("https://example.com/a@b:c"), "https://example.com/a@b:c");
    }

    #[test]
    fn a_host_is_trusted_with_its_port_only() {
        let trusted = ["example.com:8080".to_owned()];
        assert!(is_trusted("https://me@example.com:8080/x", &trusted));
        assert!(!is_trusted("https://example.com/x", &trusted));
        assert!(!is_trusted("https://example.com:8080.evil.org/x", &trusted));
    }
}
