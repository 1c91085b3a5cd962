//! `ez run --remote`: a task on a node of a server, with its files, as if it ran here.

use std::io::Write;

use ez_runner::runtime_data;
use ez_runner::signal::Signals;
use ez_server::job::{JobId, JobState};
use ez_server::remote_job::{Home, RemoteEnding, RemoteJob, Told};
use ez_server::sync::hash_cache::HashCache;
use ez_server::sync::transfer::Transferred;

use super::{Context, Outcome};
use crate::args::invocation::{NodeChoice, Options, Request};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::remote_task::{RemoteServer, RemoteTask};

/// Runs what is asked, one task after the other.
pub async fn run(
    context: &Context,
    options: &Options,
    project: &Project,
    node: &NodeChoice,
    request: &Request,
) -> Outcome {
    let server = RemoteServer::named(context, options.server.as_deref())?.ok_or_else(|| {
        Failure::new(Code::USAGE, "ez: which server? Say --server URL, or set EZ_SERVER_URL")
    })?;
    for name in &request.tasks {
        let mut task = RemoteTask::of(context, options, project, name, request).await?;
        if let NodeChoice::Named(node) = node {
            task.nodes = vec![node.clone()];
        }
        run_one(context, options, &server, &task, request).await?;
    }
    Ok(())
}

fn failed(text: impl std::fmt::Display) -> Failure {
    Failure::new(Code::OTHER, format!("ez: {text}"))
}

async fn run_one(
    context: &Context,
    options: &Options,
    server: &RemoteServer,
    task: &RemoteTask,
    request: &Request,
) -> Outcome {
    let say = |text: &str| {
        if !options.silent {
            context.logger.err(Color::None, &format!("ez: {text}\n"));
        }
    };
    if !task.has_inputs {
        say(&format!(
            "`{}` has neither sources nor `ez-remote: {{sync_in: […]}}`: only the Taskfiles are sent",
            task.name
        ));
    }
    let begun = std::time::Instant::now();
    let path = task.hash_cache();
    let mut cache = HashCache::load(&path);
    let scanned = task.scan(&mut cache)?;
    let (inputs, sent) =
        server.client.send_tree(&scanned.manifest, task.root.as_std_path()).map_err(failed)?;
    say(&told_of_sending(scanned.manifest.entries().len(), sent, begun.elapsed()));
    for pattern in task.unmatched(&scanned.manifest).map_err(failed)? {
        say(&format!("`sync_in: {pattern}` of `{}` means no file that is here", task.name));
    }
    save(&mut cache, task);
    let mut submission = task.submission(&inputs.to_string(), &request.variables, &request.arguments);
    submission["pass_exit_code"] = options.exit_code.into();
    let job = RemoteJob::submit_new(&server.client, &submission).map_err(failed)?;
    let ending = follow(context, &job, options).await?;
    if ending.state != JobState::Success {
        return Err(failure_of(&job, &ending));
    }
    if let Some(made) = &ending.made {
        let (root, scratch) = (task.root.as_std_path(), task.scratch());
        let home = job.bring_home(made, &task.outputs, None, root, &scratch, &mut cache).map_err(failed)?;
        say(&told_of_home(home));
        save(&mut cache, task);
    }
    Ok(())
}

/// A number of things in words.
fn counted(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

/// What is said of files that were sent.
pub fn told_of_sending(files: usize, sent: Transferred, took: std::time::Duration) -> String {
    format!(
        "{}, {} sent ({}) in {} ms",
        counted(files as u64, "file"),
        counted(sent.contents, "content"),
        counted(sent.bytes, "byte"),
        took.as_millis()
    )
}

/// What is said of files that came back.
pub fn told_of_home(home: Home) -> String {
    let (files, bytes) = (counted(home.files as u64, "output"), counted(home.fetched.bytes, "byte"));
    format!("{files}, {} of them new ({bytes} fetched)", home.changed)
}

/// What is said of a job that no node has begun.
pub fn told_of_waiting(job: JobId, what: Option<&str>) -> String {
    format!("job {job} waits for {}", what.unwrap_or("a node"))
}

/// Keeps digests for the next run. Without them it takes longer, and that is all.
fn save(cache: &mut HashCache, task: &RemoteTask) {
    let path = task.hash_cache();
    if let Some(directory) = path.parent()
        && runtime_data::make_directory(task.root.as_std_path(), directory).is_ok()
    {
        let _ = cache.save(&path);
    }
}

/// Shows what a job writes, until it ends. The first signal ends it over there, the second one leaves at once.
async fn follow(context: &Context, job: &RemoteJob, options: &Options) -> Result<RemoteEnding, Failure> {
    let mut signals = Signals::listen().map_err(failed)?;
    let (cancel, cancelled) = tokio::sync::oneshot::channel::<()>();
    let mut cancel = Some(cancel);
    let wish = async {
        // Without a wish this never ends.
        if cancelled.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let following = job.follow(wish, |told| show(context, options, job, told));
    tokio::pin!(following);
    loop {
        tokio::select! {
            ending = &mut following => return ending.map_err(failed),
            _ = signals.next() => {}
        }
        let Some(cancel) = cancel.take() else {
            return Err(Failure::new(
                Code::INTERRUPTED,
                format!("ez: left; job {} may still be ending", job.id),
            ));
        };
        let _ = cancel.send(());
        context
            .logger
            .err(Color::None, &format!("ez: cancelling job {}; once more leaves at once\n", job.id));
    }
}

fn show(context: &Context, options: &Options, job: &RemoteJob, told: Told) {
    match told {
        Told::Output { is_error: false, bytes } => {
            // Who reads it may be gone; the job goes on.
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(&bytes).and_then(|()| out.flush());
        }
        Told::Output { is_error: true, bytes } => {
            let _ = std::io::stderr().lock().write_all(&bytes);
        }
        Told::Waiting(why) => {
            if !options.silent {
                let words = told_of_waiting(job.id, why.as_deref());
                context.logger.err(Color::None, &format!("ez: {words}\n"));
            }
        }
        Told::Node(name) if options.verbose => {
            context.logger.err(Color::None, &format!("ez: job {} is on the node {name}\n", job.id));
        }
        Told::Note(text) if options.verbose => {
            context.logger.err(Color::None, &format!("ez: on the node: {text}"));
        }
        Told::Node(_) | Told::Note(_) => {}
        Told::Broken(why) => {
            context
                .logger
                .err(Color::None, &format!("ez: the connection to the server broke ({why}); trying again\n"));
        }
    }
}

/// How a job that did not succeed ends this process: with its own exit code, where it has one.
fn failure_of(job: &RemoteJob, ending: &RemoteEnding) -> Failure {
    let reason = ending.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    if ending.state == JobState::Cancelled {
        return Failure::new(Code::INTERRUPTED, format!("ez: job {} was cancelled{reason}", job.id));
    }
    let code = ending.exit_code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code > 0);
    match (code, &ending.reason) {
        // Its own output says it.
        (Some(code), None) => Failure::silent(Code(code)),
        (code, _) => {
            Failure::new(code.map_or(Code::OTHER, Code), format!("ez: job {} failed{reason}", job.id))
        }
    }
}
