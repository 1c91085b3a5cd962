//! `ez server`: serves a project to other machines.

mod daemon;
mod docker;
mod settings;

use std::path::PathBuf;

use ez_server::auth::{NewToken, Scope};
use ez_server::clock::now_ms;
use ez_server::settings::Stop;
use ez_server::store::{Store, audit, tokens};
use ez_server::{client, http, node_words};
use serde_json::{Value, json};
use tokio::sync::watch;

use self::settings::Place;
pub use self::settings::{max_log_bytes, no_project};
use super::version::EZ_VERSION;
use super::{Context, Outcome};
use crate::args::server::{
    Server, ServerAction, ServerBackup, ServerData, ServerStart, ServerStatus, TokenAction, TokenCreate,
    TokenList, TokenRevoke,
};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::table;

/// Lengths of time in milliseconds.
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: u64 = 24 * 3_600_000;

/// Does what is asked.
pub fn run(context: &Context, request: &Server) -> Outcome {
    match &request.action {
        ServerAction::Start(request) => start(context, request),
        ServerAction::Status(request) => status(context, request),
        ServerAction::Stop(request) => daemon::stop(context, request),
        ServerAction::Docker(request) => docker::run(context, request),
        ServerAction::Token(request) => match &request.action {
            TokenAction::Create(request) => create_token(context, request),
            TokenAction::List(request) => list_tokens(context, request),
            TokenAction::Revoke(request) => revoke_token(context, request),
        },
        ServerAction::Backup(request) => backup(context, request),
    }
}

/// A failure of the server.
pub fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::OTHER, format!("ez: {error}"))
}

/// What was asked for cannot be.
pub fn misuse(text: impl std::fmt::Display) -> Failure {
    Failure::new(Code::USAGE, format!("ez: {text}"))
}

/// The event loop of a server or an agent.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failure)
}

/// The value of a flag, else that of a variable that is not empty.
pub fn given(context: &Context, flag: Option<&String>, variable: &str) -> Option<String> {
    let set = || context.environment.get(variable).filter(|value| !value.is_empty()).map(str::to_owned);
    flag.cloned().or_else(set)
}

/// The root directory of the project.
pub fn root(context: &Context, flag: Option<&String>) -> PathBuf {
    let root = given(context, flag, "EZ_ROOT").unwrap_or_else(|| ".".into());
    context.environment.absolute(root).into_std_path_buf()
}

/// How many jobs a machine runs at once where nothing else is said.
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// What the node of a name has: what every machine has, and more.
pub fn own_tags(name: &str, more: &[String]) -> Result<Vec<String>, Failure> {
    let own = [format!("os:{}", std::env::consts::OS), format!("arch:{}", std::env::consts::ARCH)];
    let tags: Vec<String> = own.into_iter().chain(more.iter().cloned()).collect();
    node_words::check(name, &tags).map_err(misuse)?;
    Ok(tags)
}

fn start(context: &Context, request: &ServerStart) -> Outcome {
    if request.daemon && !request.detached {
        return daemon::start(context, &request.data);
    }
    let settings = settings::of(context, request)?;
    if request.detached {
        daemon::detach();
    }
    let program = std::env::current_exe().map_err(failure)?;
    let pid_file = http::take_database(&settings.database).map_err(failure)?;
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let (stop, stopping) = watch::channel(Stop::No);
        tokio::spawn(async move {
            end_signal().await;
            stop.send_replace(Stop::Gently);
            end_signal().await;
            stop.send_replace(Stop::Now);
            stop.closed().await;
        });
        let listening = |url: &str| {
            context.logger.err(Color::None, &format!("ez: listening on {url}\n"));
            if request.detached {
                daemon::tell(url);
            }
        };
        http::serve(settings, EZ_VERSION, program, &pid_file, stopping, listening).await.map_err(failure)
    });
    // The database is another server's only when nothing is written any more.
    drop(runtime);
    drop(pid_file);
    served
}

/// Waits until the process is told to end.
pub async fn end_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Which server is asked, and how.
struct Asked {
    url: String,
    pid: Option<i32>,
    token: Option<String>,
    ca: Option<PathBuf>,
}

/// The server that is named, else that of the project, whose own settings tell its token and its certificate.
fn asked(context: &Context, request: &ServerStatus) -> Result<Asked, Failure> {
    let ca = ca(context, request.ca.as_ref());
    if let Some(url) = given(context, request.server.as_ref(), "EZ_SERVER_URL") {
        return Ok(Asked { url, pid: None, token: given(context, None, "EZ_SERVER_TOKEN"), ca });
    }
    let place = Place::of(context, &request.data)?;
    let own = daemon::running(&place)?;
    if own.url.is_empty() {
        return Err(failure(format!("the server (process {}) does not listen yet", own.pid)));
    }
    Ok(Asked {
        url: own.url,
        pid: Some(own.pid),
        token: settings::token(context, &place)?,
        ca: ca.or_else(|| place.file.tls.cert.as_ref().map(|cert| place.path(cert))),
    })
}

/// What is known of a server: of its process, where it is one of this machine, and of what it answers.
fn status(context: &Context, request: &ServerStatus) -> Outcome {
    let Asked { url, pid, token, ca } = asked(context, request)?;
    let health = client::health(&url, ca.as_deref()).map_err(failure)?;
    // Who has no token learns at least that it works.
    let stats = client::stats(&url, token.as_deref(), ca.as_deref());
    let text = if request.json {
        let mut all = json!({"server": url, "pid": pid, "health": health["status"]});
        match &stats {
            Ok(Value::Object(stats)) => {
                all.as_object_mut().into_iter().for_each(|all| all.extend(stats.clone()));
            }
            Ok(_) => {}
            Err(error) => all["error"] = error.to_string().into(),
        }
        format!("{all:#}\n")
    } else {
        table::align(&status_table(&url, pid, &health, stats.as_ref()), 2)
    };
    context.logger.out(Color::None, &text);
    Ok(())
}

fn status_table(
    url: &str,
    pid: Option<i32>,
    health: &Value,
    stats: Result<&Value, &client::ClientError>,
) -> String {
    let process = pid.map_or_else(String::new, |pid| format!("process\t{pid}\n"));
    let health = health["status"].as_str().unwrap_or("unknown");
    let head = format!("server\t{url}\n{process}health\t{health}\n");
    match stats {
        Ok(stats) => {
            let number = |name: &str| stats[name].as_i64().unwrap_or(0);
            let (seconds, nodes) = (number("uptime") / 1000, number("nodes"));
            let (running, pending) = (number("running"), number("pending"));
            format!(
                "{head}works for\t{seconds} s\nnodes\t{nodes}\njobs running\t{running}\njobs pending\t{pending}\n"
            )
        }
        Err(error) => format!("{head}jobs\tunknown: {error}\n"),
    }
}

/// The file of those who are trusted, by flag or environment.
pub fn ca(context: &Context, flag: Option<&String>) -> Option<PathBuf> {
    given(context, flag, "EZ_SERVER_CA").map(|path| context.environment.absolute(path).into_std_path_buf())
}

fn open(context: &Context, data: &ServerData) -> Result<Store, Failure> {
    http::open_store(&Place::of(context, data)?.database).map_err(failure)
}

/// The database of a server that has one.
fn open_existing(context: &Context, data: &ServerData) -> Result<Store, Failure> {
    let database = Place::of(context, data)?.database;
    if !database.exists() {
        let place = database.display();
        return Err(misuse(format!(
            "there is no database at {place}; say which with --db FILE or --root DIRECTORY"
        )));
    }
    http::open_store(&database).map_err(failure)
}

fn create_token(context: &Context, request: &TokenCreate) -> Outcome {
    let name = &request.name;
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        let error =
            format!("\"{}\" is no name of a token: say in a line what it is for", name.escape_debug());
        return Err(misuse(error));
    }
    let mut scopes = Vec::new();
    for scope in &request.scopes {
        let scope = scope.parse::<Scope>().map_err(misuse)?.to_string();
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let token = NewToken::make().map_err(failure)?;
    let expires =
        request.expires_in.map(|days| now_ms().saturating_add_unsigned(days.saturating_mul(DAY_MS)));
    let store = open(context, &request.data)?;
    let (id, name, hash, scopes) = (token.id.clone(), name.clone(), token.hash.clone(), scopes.join(","));
    let is_first = runtime()?
        .block_on(store.write(move |connection| {
            let is_first = !tokens::was_any_made(connection)?;
            tokens::insert(connection, &id, &name, &hash, &scopes, now_ms(), expires)?;
            audit::write(connection, "command line", "create", &format!("token {id}"), "local", now_ms())?;
            Ok(is_first)
        }))
        .map_err(failure)?;
    context.logger.out(Color::None, &format!("{}\n", token.text));
    context.logger.err(Color::None, "ez: keep it; it is not shown again\n");
    if is_first {
        let told = "ez: it is the first one: from now on the server answers nobody without a token\n";
        context.logger.err(Color::None, told);
    }
    Ok(())
}

fn list_tokens(context: &Context, request: &TokenList) -> Outcome {
    let store = open_existing(context, &request.data)?;
    let known = runtime()?.block_on(store.read(tokens::all)).map_err(failure)?;
    if request.json {
        let json = serde_json::to_string_pretty(&serde_json::json!({"tokens": known})).map_err(failure)?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    if known.is_empty() {
        context.logger.err(Color::None, "ez: there are no tokens; `ez server token create NAME` makes one\n");
    }
    let now = now_ms();
    let rows = known.iter().map(|token| {
        let state = match token.expires {
            _ if token.revoked.is_some() => "revoked",
            Some(expires) if expires <= now => "expired",
            _ => "counts",
        };
        let used = token
            .last_used
            .map_or_else(|| "never used".to_owned(), |used| format!("used {} h ago", (now - used) / HOUR_MS));
        format!("{}\t{}\t{}\t{state}\t{used}\n", token.id, token.name, token.scopes.join(","))
    });
    context.logger.out(Color::None, &table::align(&rows.collect::<String>(), 2));
    Ok(())
}

fn revoke_token(context: &Context, request: &TokenRevoke) -> Outcome {
    let store = open_existing(context, &request.data)?;
    let id = request.id.clone();
    let is_revoked = runtime()?
        .block_on(store.write(move |connection| {
            let is_revoked = tokens::revoke(connection, &id, now_ms())?;
            if is_revoked {
                let object = format!("token {id}");
                audit::write(connection, "command line", "revoke", &object, "local", now_ms())?;
            }
            Ok(is_revoked)
        }))
        .map_err(failure)?;
    if !is_revoked {
        return Err(misuse(format!("no token `{}` counts; see `ez server token list`", request.id)));
    }
    Ok(())
}

fn backup(context: &Context, request: &ServerBackup) -> Outcome {
    let file = context.environment.absolute(&request.file).into_std_path_buf();
    if file.exists() {
        return Err(misuse(format!("{} is there already; choose another name", request.file)));
    }
    let store = open_existing(context, &request.data)?;
    runtime()?.block_on(store.backup(file)).map_err(failure)
}
