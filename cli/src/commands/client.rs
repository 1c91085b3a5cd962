//! `ez client`: runs jobs for a server.

use ez_server::agent::connect::WebSocket;
use ez_server::agent::{self, AgentSettings};
use ez_server::sync::content_store::ContentLimits;
use tokio::sync::watch;

use super::server::{
    ca, cores, end_signal, failure, given, max_log_bytes, misuse, no_project, own_tags, root, runtime,
};
use super::{Context, Outcome};
use crate::args::server::{Client, ClientAction, ClientStart};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;

/// Does what is asked.
pub fn run(context: &Context, request: &Client) -> Outcome {
    match &request.action {
        ClientAction::Start(request) => start(context, request),
    }
}

fn start(context: &Context, request: &ClientStart) -> Outcome {
    let url = given(context, request.server.as_ref(), "EZ_SERVER_URL").ok_or_else(|| {
        Failure::new(Code::USAGE, "ez: which server? Say --server URL, or set EZ_SERVER_URL".to_owned())
    })?;
    let token = given(context, None, "EZ_CLIENT_TOKEN");
    let ca = ca(context, request.ca.as_ref());
    let connector = WebSocket::new(&url, token, ca.as_deref()).map_err(failure)?;
    let project = root(context, request.root.as_ref());
    if !project.is_dir() {
        return Err(no_project(&project));
    }
    if request.slots == Some(0) {
        return Err(misuse("an agent with 0 slots would run nothing: say --slots 1 or more"));
    }
    let data = match &request.data {
        Some(data) => context.environment.absolute(data).into_std_path_buf(),
        None => project.join(".ez-client"),
    };
    let name = given(context, request.name.as_ref(), "EZ_NODE_NAME").unwrap_or_else(host_name);
    let settings = AgentSettings {
        content: data.join("content"),
        content_limits: ContentLimits::of(request.content_days, request.content_bytes),
        server: Some(url.clone()),
        url: Some(url),
        ca,
        tags: own_tags(&name, &request.tags)?,
        name,
        slots: request.slots.unwrap_or_else(cores),
        data,
        project,
        program: std::env::current_exe().map_err(failure)?,
        grace: request.grace.saturating_mul(1000),
        max_log_bytes: max_log_bytes(context, request.max_log_bytes, None)?,
    };
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let (drain, draining) = watch::channel(false);
        let told_twice = async {
            end_signal().await;
            drain.send_replace(true);
            end_signal().await;
        };
        tokio::select! {
            ended = agent::run(settings, connector, draining) => ended.map_err(failure),
            () = told_twice => {
                context.logger.err(Color::None, "ez: ends; jobs that run go on with their watchers\n");
                Ok(())
            }
        }
    });
    // What still looks after a job must not hold it up.
    runtime.shutdown_background();
    ended
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
