//! The settings of a server: of flags, else of the environment, else of `ez-server.toml`, else what is usual.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ez_server::agent::AgentSettings;
use ez_server::http::CONTENT;
use ez_server::node_words;
use ez_server::queue::Limits;
use ez_server::secrets::mode_for_others;
use ez_server::settings::{DATABASE, HttpLimits, PORT, SecretKeySource, ServerSettings, check_own_token};
use ez_server::settings_file::{HttpTable, JobLimit, NAME, RetentionTable, SettingsFile};
use ez_server::store::retention::Retention;
use ez_server::sync::content_store::ContentLimits;
use ez_server::tls::TlsFiles;

use super::{ca, cores, failure, given, misuse, own_tags};
use crate::args::server::{ServerData, ServerStart};
use crate::commands::Context;
use crate::failure::Failure;

/// How much of the output of an attempt is kept, in bytes, where nothing else is said.
const MAX_LOG_BYTES: u64 = 1 << 30;

/// For how many seconds a node may be silent, and how many a job has to end.
const LEASE: u64 = 60;
const GRACE: u64 = 10;

/// The longest time for a head or a body of a request: what is longer is meant as "for ever", which would keep connections that are dead.
const MAX_HTTP_SECONDS: u64 = 24 * 3600;

/// The most connections at once.
const MAX_CONNECTIONS: usize = 1 << 20;

/// How long requests have to end when the server does.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Where a server has what it works with, and what its file says.
pub struct Place {
    /// What the file says.
    pub file: SettingsFile,
    /// The project.
    pub root: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// Where paths in the file begin.
    directory: PathBuf,
}

impl Place {
    /// As flags, environment and file say.
    pub fn of(context: &Context, data: &ServerData) -> Result<Self, Failure> {
        let absolute = |path: &str| context.environment.absolute(path).into_std_path_buf();
        let said_root = given(context, data.root.as_ref(), "EZ_ROOT").map(|root| absolute(&root));
        let here = || absolute(".");
        let path = match &data.config {
            Some(path) => absolute(path),
            None => said_root.clone().unwrap_or_else(here).join(NAME),
        };
        let file = SettingsFile::read(&path).map_err(misuse)?;
        if file.is_none() && data.config.is_some() {
            return Err(misuse(format!("there is no file {}", path.display())));
        }
        let file = file.unwrap_or_default();
        let directory = path.parent().map_or_else(here, Path::to_owned);
        let in_file = |path: &Option<String>| path.as_ref().map(|path| directory.join(path));
        let root = said_root.or_else(|| in_file(&file.root)).unwrap_or_else(here);
        if !root.is_dir() {
            return Err(no_project(&root));
        }
        let said_database = given(context, data.db.as_ref(), "EZ_DB_PATH").map(|path| absolute(&path));
        let database = said_database.or_else(|| in_file(&file.db)).unwrap_or_else(|| root.join(DATABASE));
        Ok(Self { file, root, database, directory })
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }
}

/// All settings of `ez server start`.
pub fn of(context: &Context, request: &ServerStart) -> Result<ServerSettings, Failure> {
    let place = Place::of(context, &request.data)?;
    let file = &place.file;
    let address = SocketAddr::new(host(request, file)?, port(context, request, file)?);
    let slots = request.slots.or(file.slots).unwrap_or_else(cores);
    let lease = one_or_more(request.lease.or(file.lease), "lease", "every node would be given up at once")?;
    let tags = if request.tags.is_empty() { file.tags.as_deref().unwrap_or_default() } else { &request.tags };
    let tls = tls(context, request, &place)?;
    // A certificate may be for a name, by which only its owner can tell how to get here.
    let named = given(context, None, "EZ_SERVER_URL").filter(|_| tls.is_some());
    let ca = tls.as_ref().map(|tls| ca(context, None).unwrap_or_else(|| tls.cert.clone()));
    let content = ContentLimits::of(file.retention.content_days, file.retention.content_bytes);
    let agent = AgentSettings {
        name: node_words::OWN.into(),
        tags: own_tags(node_words::OWN, tags)?,
        slots,
        data: place.database.with_file_name("agent"),
        content: place.database.with_file_name(CONTENT),
        content_limits: content,
        server: None,
        url: named,
        ca,
        project: place.root.clone(),
        program: std::env::current_exe().map_err(failure)?,
        grace: request.grace.or(file.grace).unwrap_or(GRACE).saturating_mul(1000),
        max_log_bytes: max_log_bytes(context, request.max_log_bytes, file.max_log_bytes)?,
    };
    Ok(ServerSettings {
        address,
        token: token(context, &place)?,
        is_insecure: request.insecure || file.insecure.unwrap_or(false),
        lease: Duration::from_secs(lease.unwrap_or(LEASE)),
        limits: limits(request, file)?,
        agent: (slots > 0).then_some(agent),
        tls,
        secret_key: secret_key(context, &place),
        retention: retention(&file.retention),
        content,
        http: http(&file.http)?,
        stop_wait: Duration::from_secs(request.stop_wait.or(file.stop_wait).unwrap_or(0)),
        grace: SHUTDOWN,
        root: place.root,
        database: place.database,
    })
}

fn host(request: &ServerStart, file: &SettingsFile) -> Result<IpAddr, Failure> {
    match request.host.as_ref().or(file.host.as_ref()).map_or("localhost", String::as_str) {
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        host => {
            host.parse().map_err(|_| misuse(format!("\"{host}\" is no address; write one as in 127.0.0.1")))
        }
    }
}

fn port(context: &Context, request: &ServerStart, file: &SettingsFile) -> Result<u16, Failure> {
    match (request.port, given(context, None, "EZ_HTTP_PORT")) {
        (Some(port), _) => Ok(port),
        (None, Some(port)) => {
            port.parse().map_err(|_| misuse(format!("EZ_HTTP_PORT is \"{port}\", which is no port")))
        }
        (None, None) => Ok(file.port.unwrap_or(PORT)),
    }
}

/// How much of the output of an attempt is kept: as a flag says, else the environment, else the file of settings.
pub fn max_log_bytes(context: &Context, flag: Option<u64>, in_file: Option<u64>) -> Result<u64, Failure> {
    match (flag, given(context, None, "EZ_MAX_LOG_BYTES")) {
        (None, Some(bytes)) => bytes.parse().map_err(|_| {
            misuse(format!("EZ_MAX_LOG_BYTES is \"{bytes}\": write a number of bytes, as in 10485760"))
        }),
        (flag, _) => Ok(flag.or(in_file).unwrap_or(MAX_LOG_BYTES)),
    }
}

/// The token of the environment, else that of a file.
pub fn token(context: &Context, place: &Place) -> Result<Option<String>, Failure> {
    if let Some(token) = given(context, None, "EZ_SERVER_TOKEN") {
        check_own_token("EZ_SERVER_TOKEN", &token).map_err(misuse)?;
        return Ok(Some(token));
    }
    let Some(path) = &place.file.token_file else { return Ok(None) };
    let path = place.path(path);
    if let Some(mode) = mode_for_others(&path) {
        let shown = path.display();
        return Err(misuse(format!(
            "the token_file {shown} can be read by others (mode {mode:o}): say `chmod 600 {shown}`"
        )));
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| misuse(format!("the token_file {} cannot be read: {error}", path.display())))?;
    match text.trim() {
        "" => Err(misuse(format!("the token_file {} is empty", path.display()))),
        token => {
            check_own_token(&format!("the token_file {}", path.display()), token).map_err(misuse)?;
            Ok(Some(token.to_owned()))
        }
    }
}

fn secret_key(context: &Context, place: &Place) -> SecretKeySource {
    match (given(context, None, "EZ_SECRET_KEY"), &place.file.secret_key_file) {
        (Some(text), _) => SecretKeySource::Text(text),
        (None, Some(path)) => SecretKeySource::File(place.path(path)),
        (None, None) => SecretKeySource::Own,
    }
}

fn retention(table: &RetentionTable) -> Retention {
    let usual = Retention::default();
    Retention {
        days: table.days.unwrap_or(usual.days),
        jobs_per_task: table.jobs_per_task.unwrap_or(usual.jobs_per_task),
        log_bytes: table.log_bytes.unwrap_or(usual.log_bytes),
        audit_days: table.audit_days.unwrap_or(usual.audit_days),
    }
}

fn limits(request: &ServerStart, file: &SettingsFile) -> Result<Limits, Failure> {
    let never = "no job would ever run; leave it out for no limit";
    let named = |table: &str, limits: &BTreeMap<String, JobLimit>| -> Result<_, Failure> {
        let limits = limits.iter().map(|(name, limit)| {
            let most = one_or_more(limit.max_jobs, &format!("{table}.{name}.max_jobs"), never)?;
            Ok(most.map(|most| (name.clone(), most)))
        });
        limits.filter_map(Result::transpose).collect()
    };
    Ok(Limits {
        total: one_or_more(request.max_jobs.or(file.max_jobs), "max_jobs", never)?,
        per_task: named("tasks", &file.tasks)?,
        any_node: one_or_more(file.max_jobs_per_node, "max_jobs_per_node", never)?,
        per_node: named("nodes", &file.nodes)?,
    })
}

/// Refuses 0 for a setting with which nothing would work then.
fn one_or_more<N: PartialEq + Default>(
    given: Option<N>,
    name: &str,
    why: &str,
) -> Result<Option<N>, Failure> {
    match given {
        Some(number) if number == N::default() => {
            Err(misuse(format!("with {name} = 0 {why}: write 1 or more")))
        }
        given => Ok(given),
    }
}

/// There is no project in a place.
pub fn no_project(root: &Path) -> Failure {
    misuse(format!("{} is no directory: --root (EZ_ROOT) is the project", root.display()))
}

fn tls(context: &Context, request: &ServerStart, place: &Place) -> Result<Option<TlsFiles>, Failure> {
    let said = |flag: &Option<String>, file: &Option<String>| {
        let flag = flag.as_ref().map(|path| context.environment.absolute(path).into_std_path_buf());
        flag.or_else(|| file.as_ref().map(|path| place.path(path)))
    };
    let cert = said(&request.tls_cert, &place.file.tls.cert);
    let key = said(&request.tls_key, &place.file.tls.key);
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(misuse("a certificate needs its key: say --tls-key FILE, or tls.key in the file"))
        }
        (None, Some(_)) => {
            Err(misuse("a key needs its certificate: say --tls-cert FILE, or tls.cert in the file"))
        }
    }
}

fn http(table: &HttpTable) -> Result<HttpLimits, Failure> {
    let usual = HttpLimits::default();
    let seconds = |given: Option<u64>, usual| given.map_or(usual, Duration::from_secs);
    let longest = table.head_seconds.max(table.body_seconds);
    if longest.is_some_and(|seconds| seconds > MAX_HTTP_SECONDS) {
        let error =
            format!("head_seconds and body_seconds in [http] are at most {MAX_HTTP_SECONDS}, which is a day");
        return Err(misuse(error));
    }
    if table.max_connections.is_some_and(|count| count > MAX_CONNECTIONS) {
        let error = format!(
            "max_connections in [http] is at most {MAX_CONNECTIONS}: a process has no more open files"
        );
        return Err(misuse(error));
    }
    let limits = HttpLimits {
        head: seconds(table.head_seconds, usual.head),
        body: seconds(table.body_seconds, usual.body),
        max_body_bytes: table.max_body_bytes.unwrap_or(usual.max_body_bytes),
        max_connections: table.max_connections.unwrap_or(usual.max_connections),
        max_wrong_tokens: table.max_wrong_tokens.unwrap_or(usual.max_wrong_tokens),
    };
    let is_nothing = limits.head.is_zero()
        || limits.body.is_zero()
        || limits.max_body_bytes == 0
        || limits.max_connections == 0
        || limits.max_wrong_tokens == 0;
    if is_nothing {
        Err(misuse("with a 0 in [http] nobody could ask anything: write 1 or more"))
    } else {
        Ok(limits)
    }
}
