//! Taskfiles over HTTP (go-task, `taskfile/{node_http,taskfile}.go`).

use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_compiler::project::remote::sha256;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::{FetchError, MAX_REMOTE_SIZE, RemoteSettings, host};

/// What a server may call a Taskfile; anything else is looked for under the usual names below the URL.
const CONTENT_TYPES: &[&str] = &[
    "text/plain",
    "text/yaml",
    "text/x-yaml",
    "application/yaml",
    "application/x-yaml",
    "application/octet-stream",
];

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
    let agent = agent(settings)?;
    let url = locate(&agent, url)?;
    let response = agent.get(&url).call().map_err(|error| classify(&error))?;
    if response.status() != 200 {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    read_body(response.into_body())
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
        _ => FetchError::Failed(None),
    }
}

/// The URL itself if the server has a Taskfile there, else the first of the usual names below it.
fn locate(agent: &Agent, url: &str) -> Result<String, FetchError> {
    let response = agent.head(url).call().map_err(|error| classify(&error))?;
    let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("");
    if response.status() == 200 && CONTENT_TYPES.iter().any(|known| kind.contains(known)) {
        return Ok(url.to_owned());
    }
    let (front, query) = url.split_once('?').map_or((url, String::new()), |(f, q)| (f, format!("?{q}")));
    for name in TASKFILE_NAMES {
        let candidate = format!("{}/{name}{query}", front.trim_end_matches('/'));
        if agent.head(&candidate).call().map_err(|error| classify(&error))?.status() == 200 {
            return Ok(candidate);
        }
    }
    Err(FetchError::NotFound)
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
        .timeout_global(Some(settings.timeout))
        .http_status_as_error(false)
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
