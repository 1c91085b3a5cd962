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
use ez_compiler::project::remote::{GitAddress, scheme, sha256};

use crate::civil_time;
use crate::go_text::{duration, quote};
use crate::process::Environment;

use cache::Cache;

/// The largest remote Taskfile that is read, in bytes.
pub const MAX_REMOTE_SIZE: u64 = 16 << 20;
/// The most redirects that are followed for one request; go-task's.
pub const MAX_REDIRECTS: u32 = 10;
/// The largest head of an answer, in bytes.
pub const MAX_HEAD_SIZE: usize = 64 << 10;
/// When a copy without a time was fetched: Go's zero time.
const BEGINNING_OF_TIME: &str = "0001-01-01T00:00:00Z";

/// How remote Taskfiles are had.
#[derive(Clone, Debug, Default)]
pub struct RemoteSettings {
    /// The root Taskfile, as messages name it.
    pub root: String,
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
    /// What git gets.
    pub environment: Arc<Environment>,
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
    /// A redirect to plain HTTP.
    NotSecure,
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
        return Err(not_secure(if is_git { GitAddress::parse(&shown).repository } else { &shown }));
    }
    let key = if is_git { git::cache_key(&shown) } else { http::cache_key(url, &shown) };
    let cache = Cache::new(&settings.cache_dir, &key);
    trust.remark(&format!("checking cache for {} in {}\n", quote(&shown), quote(cache.path().as_str())));
    let cached = cache.read();
    let expiry = cache.timestamp().map(|at| at.saturating_add(settings.expiry.as_secs() as i64));
    let is_fresh = cache.timestamp().is_some_and(|at| at <= now) && expiry.is_some_and(|end| now < end);
    match &cached {
        None => {
            trust.remark("no cache found\n");
            if settings.offline {
                return Err(not_cached(&shown));
            }
        }
        Some(text) if !is_fresh => {
            let end = expiry.map_or_else(|| BEGINNING_OF_TIME.to_owned(), civil_time::format);
            trust.remark(&format!("cache expired at {end}\n"));
            if settings.offline {
                trust.remark("in offline mode, using expired cache\n");
                return verify(text, pinned, &shown);
            }
        }
        Some(text) => {
            trust.remark("cache found\n");
            if !settings.download {
                return verify(text, pinned, &shown);
            }
        }
    }
    trust.remark(&format!("downloading remote file: {shown}\n"));
    let fetched = if is_git { git::fetch(url, settings) } else { http::fetch(url, settings) };
    let text = match (fetched, cached) {
        (Ok(text), _) => text,
        (Err(FetchError::TimedOut), Some(cached)) => {
            let which = if is_fresh { "cache" } else { "expired cache" };
            trust.remark(&format!("failed to fetch remote file: context deadline exceeded: using {which}\n"));
            return verify(&cached, pinned, &shown);
        }
        (Err(error), _) => return Err(fetch_error(&error, &shown, settings)),
    };
    trust.remark(&format!("found remote file at {}\n", quote(&shown)));
    verify(&text, pinned, &shown)?;
    let checksum = sha256(text.as_bytes());
    if pinned.is_none() && !is_trusted(&shown, &settings.trusted_hosts) {
        ask(&cache, &checksum, &shown, trust)?;
    }
    trust.remark(&format!("caching {} to {}\n", quote(&shown), quote(cache.path().as_str())));
    let stored = cache.store(&text, &checksum, now);
    stored.map_err(|error| RemoteError { message: format!("task: {error}"), exit: 1 })?;
    Ok(text.into())
}

fn ask(cache: &Cache, checksum: &str, shown: &str, trust: &dyn Trust) -> Result<(), RemoteError> {
    let shown = quote(shown);
    let question = match cache.checksum() {
        Some(known) if known == checksum => return Ok(()),
        Some(_) => format!("The Taskfile at {shown} has changed since you last used it!"),
        None => format!("The task you are attempting to run depends on the remote Taskfile at {shown}."),
    };
    let question = format!(
        "{question}\n--- Make sure you trust the source of this Taskfile before continuing ---\nContinue?"
    );
    if trust.ask(&question) {
        return Ok(());
    }
    Err(RemoteError { message: format!("task: Taskfile {shown} not trusted by user"), exit: 104 })
}

fn verify(text: &str, pinned: Option<&str>, shown: &str) -> Result<Arc<str>, RemoteError> {
    let actual = sha256(text.as_bytes());
    let Some(pin) = pinned.filter(|pin| !pin.is_empty() && *pin != actual) else { return Ok(text.into()) };
    let (shown, pin) = (quote(shown), quote(pin));
    let message = format!(
        "task: The checksum of the Taskfile at {shown} does not match!\ngot: \"{actual}\"\nwant: {pin}"
    );
    Err(RemoteError { message, exit: 111 })
}

fn fetch_error(error: &FetchError, shown: &str, settings: &RemoteSettings) -> RemoteError {
    let name = quote(shown);
    let (message, exit) = match error {
        FetchError::TimedOut => {
            // go-task names the root Taskfile, whichever it waited for.
            let (timeout, root) = (duration(settings.timeout), quote(&settings.root));
            let text = format!(
                "task: Network connection timed out after {timeout} while attempting to download Taskfile {root}"
            );
            (text, 108)
        }
        FetchError::NotFound => (format!("task: No Taskfile found at {name}"), 100),
        FetchError::NotSecure => return not_secure(shown),
        FetchError::Status(status) => {
            let words = http::status_text(*status);
            (format!("task: Download of {name} failed with status code {status} ({words})"), 103)
        }
        FetchError::Failed(None) => (format!("task: Download of {name} failed"), 103),
        FetchError::Failed(Some(words)) => (words.clone(), 1),
    };
    RemoteError { message, exit }
}

fn not_secure(shown: &str) -> RemoteError {
    let shown = quote(shown);
    let message = format!(
        "task: Taskfile {shown} cannot be downloaded over an insecure connection. You can override this by using the --insecure flag"
    );
    RemoteError { message, exit: RemoteError::NOT_SECURE }
}

fn not_cached(shown: &str) -> RemoteError {
    let shown = quote(shown);
    let message = format!(
        "task: Taskfile {shown} was not found in the cache. Remove the --offline flag to use a remote copy or download it using the --download flag"
    );
    RemoteError { message, exit: 106 }
}

/// The URL without a password; what is written as for `scp`, as a URL.
fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return match url.split_once(':') {
            Some((host, path)) => format!("ssh://{host}/{}", path.trim_start_matches('/')),
            None => url.to_owned(),
        };
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let password = authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host)));
    match password {
        Some((name, host)) => format!("{scheme}://{name}:xxxxx@{host}{path}"),
        None => url.to_owned(),
    }
}

/// Host and port of a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
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
        assert_eq!(redacted("git@example.com:a/b.git//T.yml"), "ssh://git@example.com/a/b.git//T.yml");
    }

    #[test]
    fn a_host_is_trusted_with_its_port_only() {
        let trusted = ["example.com:8080".to_owned()];
        assert!(is_trusted("https://me@example.com:8080/x", &trusted));
        assert!(!is_trusted("https://example.com/x", &trusted));
        assert!(!is_trusted("https://example.com:8080.evil.org/x", &trusted));
    }
}
