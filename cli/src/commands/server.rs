//! `ez server`: serves a project to other machines.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ez_server::agent::AgentSettings;
use ez_server::auth::{NewToken, Scope};
use ez_server::clock::now_ms;
use ez_server::http;
use ez_server::queue::Limits;
use ez_server::settings::{DATABASE, PORT, ServerSettings};
use ez_server::store::{Store, tokens};
use tokio::sync::watch;

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

/// How much of the output of an attempt is kept, in bytes.
pub const MAX_LOG_BYTES: u64 = 1 << 30;

/// How long requests have to end when the server does.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Does what is asked.
pub fn run(context: &Context, request: &Server) -> Outcome {
    match &request.action {
        ServerAction::Start(request) => start(context, request),
        ServerAction::Status(request) => status(context, request),
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

fn misuse(text: impl std::fmt::Display) -> Failure {
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

fn database(context: &Context, data: &ServerData) -> PathBuf {
    match given(context, data.db.as_ref(), "EZ_DB_PATH") {
        Some(path) => context.environment.absolute(path).into_std_path_buf(),
        None => root(context, data.root.as_ref()).join(DATABASE),
    }
}

/// How many jobs a machine runs at once where nothing else is said.
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// What every machine has.
pub fn own_tags(more: &[String]) -> Vec<String> {
    let own = [format!("os:{}", std::env::consts::OS), format!("arch:{}", std::env::consts::ARCH)];
    own.into_iter().chain(more.iter().cloned()).collect()
}

fn settings(context: &Context, request: &ServerStart) -> Result<ServerSettings, Failure> {
    let root = root(context, request.data.root.as_ref());
    let database = database(context, &request.data);
    let host: IpAddr = match request.host.as_str() {
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        host => host
            .parse()
            .map_err(|_| misuse(format!("\"{host}\" is no address; write one as in 127.0.0.1")))?,
    };
    let port = match (request.port, context.environment.get("EZ_HTTP_PORT").filter(|port| !port.is_empty())) {
        (Some(port), _) => port,
        (None, Some(port)) => {
            port.parse().map_err(|_| misuse(format!("EZ_HTTP_PORT is \"{port}\", which is no port")))?
        }
        (None, None) => PORT,
    };
    let program = std::env::current_exe().map_err(failure)?;
    let slots = request.slots.unwrap_or_else(cores);
    let agent = (slots > 0).then(|| AgentSettings {
        name: "local".into(),
        tags: own_tags(&request.tags),
        slots,
        data: database.with_file_name("agent"),
        project: root.clone(),
        program,
        grace: request.grace.saturating_mul(1000),
        max_log_bytes: MAX_LOG_BYTES,
    });
    Ok(ServerSettings {
        address: SocketAddr::new(host, port),
        root,
        database,
        token: given(context, None, "EZ_SERVER_TOKEN"),
        is_insecure: request.insecure,
        lease: Duration::from_secs(request.lease.max(1)),
        limits: Limits { total: request.max_jobs, ..Limits::default() },
        agent,
        grace: SHUTDOWN,
    })
}

fn start(context: &Context, request: &ServerStart) -> Outcome {
    let settings = settings(context, request)?;
    let program = std::env::current_exe().map_err(failure)?;
    runtime()?.block_on(async {
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(async move {
            end_signal().await;
            stop.send_replace(true);
        });
        let listening = |address: SocketAddr| {
            context.logger.err(Color::None, &format!("ez: listening on http://{address}\n"));
        };
        http::serve(settings, EZ_VERSION, program, stopping, listening).await.map_err(failure)
    })
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

fn status(context: &Context, request: &ServerStatus) -> Outcome {
    let url = given(context, request.server.as_ref(), "EZ_SERVER_URL")
        .unwrap_or_else(|| format!("http://127.0.0.1:{PORT}"));
    let token = given(context, None, "EZ_SERVER_TOKEN");
    let stats = ez_server::client::stats(&url, token.as_deref()).map_err(failure)?;
    let text = if request.json {
        format!("{stats:#}\n")
    } else {
        let seconds = stats["uptime"].as_i64().unwrap_or(0) / 1000;
        let number = |name: &str| stats[name].as_i64().unwrap_or(0);
        table::align(
            &format!(
                "server\t{url}\nworks for\t{seconds} s\nnodes\t{}\njobs running\t{}\njobs pending\t{}\n",
                number("nodes"),
                number("running"),
                number("pending")
            ),
            2,
        )
    };
    context.logger.out(Color::None, &text);
    Ok(())
}

fn open(context: &Context, data: &ServerData) -> Result<Store, Failure> {
    http::open_store(&database(context, data)).map_err(failure)
}

fn create_token(context: &Context, request: &TokenCreate) -> Outcome {
    for scope in &request.scopes {
        scope.parse::<Scope>().map_err(misuse)?;
    }
    let token = NewToken::make().map_err(failure)?;
    let store = open(context, &request.data)?;
    let (id, name, hash, scopes) =
        (token.id.clone(), request.name.clone(), token.hash.clone(), request.scopes.join(","));
    runtime()?
        .block_on(store.write(move |connection| {
            tokens::insert(connection, &id, &name, &hash, &scopes, now_ms())?;
            tokens::audit(connection, "command line", "create", &format!("token {id}"), "local", now_ms())
        }))
        .map_err(failure)?;
    context.logger.out(Color::None, &format!("{}\n", token.text));
    context.logger.err(Color::None, "ez: keep it; it is not shown again\n");
    Ok(())
}

fn list_tokens(context: &Context, request: &TokenList) -> Outcome {
    let store = open(context, &request.data)?;
    let known = runtime()?.block_on(store.read(tokens::all)).map_err(failure)?;
    if request.json {
        let json = serde_json::to_string_pretty(&serde_json::json!({"tokens": known})).map_err(failure)?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    let rows = known.iter().map(|token| {
        let state = if token.revoked.is_some() { "revoked" } else { "counts" };
        format!("{}\t{}\t{}\t{state}\n", token.id, token.name, token.scopes.join(","))
    });
    context.logger.out(Color::None, &table::align(&rows.collect::<String>(), 2));
    Ok(())
}

fn revoke_token(context: &Context, request: &TokenRevoke) -> Outcome {
    let store = open(context, &request.data)?;
    let id = request.id.clone();
    let is_revoked = runtime()?
        .block_on(store.write(move |connection| {
            let is_revoked = tokens::revoke(connection, &id, now_ms())?;
            tokens::audit(connection, "command line", "revoke", &format!("token {id}"), "local", now_ms())?;
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
    let store = open(context, &request.data)?;
    runtime()?.block_on(store.backup(file)).map_err(failure)
}
