//! Taskfiles over HTTP (go-task, `taskfile/{node_http,taskfile}.go`).

use std::sync::Arc;
use std::time::Instant;

use camino::Utf8Path;
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_compiler::project::remote::{resolve, sha256};
use ureq::http::Response;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::{FetchError, MAX_HEAD_SIZE, MAX_REDIRECTS, MAX_REMOTE_SIZE, RemoteSettings, host};

/// What a server may call a Taskfile; anything else is looked for under the usual names below the URL.
const CONTENT_TYPES: &[&str] = &[
    "text/plain",
    "text/yaml",
    "text/x-yaml",
    "application/yaml",
    "application/x-yaml",
    "application/octet-stream",
];

/// Answers that lead elsewhere.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

#[derive(Clone, Copy)]
enum Method {
    Head,
    Get,
}

/// Name of a Taskfile in the cache.
pub(super) fn cache_key(url: &str, shown: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path).split(['?', '#']).next().unwrap_or("");
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let last = dir.rsplit('/').next().unwrap_or("");
    let prefix = if last.len() > 1 { format!("{last}.{name}") } else { name.to_owned() };
    format!("http.{}.{prefix}.{}", host(url), sha256(shown.as_bytes()))
}

/// Downloads a Taskfile.
pub(super) fn fetch(url: &str, settings: &RemoteSettings) -> Result<String, FetchError> {
    let client = Client { agent: agent(settings)?, deadline: Instant::now() + settings.timeout };
    let url = client.locate(url)?;
    let response = client.request(Method::Get, &url)?;
    if response.status() != 200 {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    read_body(response.into_body())
}

/// Asks servers for one Taskfile, until its time is over.
struct Client {
    agent: Agent,
    deadline: Instant,
}

impl Client {
    /// The answer, after all redirects; they lead to nothing but HTTP, and from a secure address only to such.
    fn request(&self, method: Method, url: &str) -> Result<Response<Body>, FetchError> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let request = match method {
                Method::Head => self.agent.head(&url),
                Method::Get => self.agent.get(&url),
            };
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(FetchError::TimedOut);
            }
            let response = request
                .config()
                .timeout_global(Some(left))
                .build()
                .call()
                .map_err(|error| classify(&error))?;
            let location = response.headers().get("location").and_then(|value| value.to_str().ok());
            match location.filter(|_| REDIRECTS.contains(&response.status().as_u16())) {
                Some(location) => url = target(&url, location)?,
                None => return Ok(response),
            }
        }
        Err(FetchError::Failed(None))
    }

    /// The URL itself if the server has a Taskfile there, else the first of the usual names below it.
    fn locate(&self, url: &str) -> Result<String, FetchError> {
        let response = self.request(Method::Head, url)?;
        let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("");
        if response.status() == 200 && CONTENT_TYPES.iter().any(|known| kind.contains(known)) {
            return Ok(url.to_owned());
        }
        let (front, query) = url.split_once('?').map_or((url, String::new()), |(f, q)| (f, format!("?{q}")));
        for name in TASKFILE_NAMES {
            let candidate = format!("{}/{name}{query}", front.trim_end_matches('/'));
            if self.request(Method::Head, &candidate)?.status() == 200 {
                return Ok(candidate);
            }
        }
        Err(FetchError::NotFound)
    }
}

/// Where a redirect leads.
fn target(url: &str, location: &str) -> Result<String, FetchError> {
    let scheme = location.split(['/', '?', '#']).next().and_then(|front| front.strip_suffix(':'));
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(resolve(url, location)),
        Some("http" | "https") => Ok(location.to_owned()),
        Some(_) => Err(FetchError::Failed(None)),
    }
}

fn read_body(mut body: Body) -> Result<String, FetchError> {
    body.with_config().limit(MAX_REMOTE_SIZE).read_to_string().map_err(|error| classify(&error))
}

fn classify(error: &ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(_) => FetchError::TimedOut,
        ureq::Error::BodyExceedsLimit(limit) => {
            FetchError::Failed(Some(format!("task: a remote Taskfile is larger than {limit} bytes")))
        }
        ureq::Error::RequireHttpsOnly(_) => FetchError::NotSecure,
        _ => FetchError::Failed(None),
    }
}

fn agent(settings: &RemoteSettings) -> Result<Agent, FetchError> {
    let words = |text: String| FetchError::Failed(Some(text));
    let mut tls = TlsConfig::builder().disable_verification(settings.insecure);
    if let Some(path) = &settings.ca_certificate {
        let pem = read_pem(path).map_err(|e| words(format!("failed to read CA certificate: {e}")))?;
        let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if certificates.is_empty() {
            return Err(words("failed to parse CA certificate".to_owned()));
        }
        tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates)));
    }
    match (&settings.certificate, &settings.certificate_key) {
        (Some(certificate), Some(key)) => {
            let pem = read_pem(certificate).map_err(words)?;
            let chain: Vec<Certificate<'static>> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            let key = read_pem(key).map_err(words)?;
            let key = PrivateKey::from_pem(&key)
                .map_err(|e| words(format!("failed to load client certificate: {e}")))?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        (None, None) => {}
        _ => return Err(words("both --cert and --cert-key must be provided together".to_owned())),
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_response_header_size(MAX_HEAD_SIZE)
        // A secure address must not lead to one that is not.
        .https_only(!settings.insecure)
        .tls_config(tls.build())
        .build();
    Ok(config.new_agent())
}

fn read_pem(path: &Utf8Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{path}: {error}"))
}

/// Go's name of a status.
pub(super) fn status_text(status: u16) -> &'static str {
    ureq::http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_http_only() {
        let check = |location: &str, expected: Option<&str>| {
            assert_eq!(target("https://e.com/a/b?x", location).ok().as_deref(), expected, "{location}");
        };
        check("c", Some("https://e.com/a/c"));
        check("/c?y=z:1", Some("https://e.com/c?y=z:1"));
        check("//f.com/c", Some("https://f.com/c"));
        check("HTTP://f.com/c", Some("HTTP://f.com/c"));
        check("file:///etc/passwd", None);
        check("javascript:", None);
    }
}
