//! `ez run --remote`: a task on a node of a server, with its files, as if it ran here.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use ez_runner::signal::{Signals, Stop};
use ez_server::job::{JobId, JobState};
use ez_server::remote_job::{Home, RemoteEnding, RemoteJob, Told};
use ez_server::sync::course::Course;
use ez_server::sync::digest::Digest;
use ez_server::sync::hash_cache::HashCache;
use ez_server::sync::manifest::{Entry, Manifest};
use ez_server::sync::transfer::{ContentClient, Transferred};
use tokio::sync::{mpsc, oneshot};

use super::{Context, Outcome};
use crate::args::invocation::{NodeChoice, Options, Request};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::remote_task::{RemoteServer, RemoteTask};

/// For how long a transfer that was stopped is waited for: one that hangs is left behind.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// The variable by which a task over there echoes nothing.
const SILENT: &str = "TASK_SILENT";

/// Runs what is asked, one task after the other. The first signal ends what goes on, the second one leaves at once.
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
    let stop = Stop::new();
    let mut signals = Signals::listen().map_err(failed)?;
    let mut work = std::pin::pin!(run_all(context, options, project, node, request, &server, &stop));
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => if stop.is_stopped() { stop.kill() } else { stop.stop(signal) },
            done = &mut work => return done,
        }
    }
}

async fn run_all(
    context: &Context,
    options: &Options,
    project: &Project,
    node: &NodeChoice,
    request: &Request,
    server: &RemoteServer,
    stop: &Stop,
) -> Outcome {
    for name in &request.tasks {
        let asked = RemoteTask::of(context, options, project, name, request);
        let mut task = tokio::select! {
            task = asked => task?,
            () = stop.stopped() => return Err(interrupted(format!("stopped before `{name}` was sent"))),
        };
        if let NodeChoice::Named(node) = node {
            task.nodes = vec![node.clone()];
        }
        let run = Run { context, options, client: &server.client, task: &task, stop };
        run.run(request).await?;
        if stop.is_stopped() {
            return Err(interrupted(format!("stopped; `{name}` is done")));
        }
    }
    Ok(())
}

fn failed(text: impl std::fmt::Display) -> Failure {
    Failure::new(Code::OTHER, format!("ez: {text}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it takes what was put together")]
fn interrupted(text: String) -> Failure {
    Failure::new(Code::INTERRUPTED, format!("ez: {text}"))
}

/// Why work did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// It was stopped.
    Stopped,
    /// It failed.
    Failed(String),
}

/// Works on a thread of its own, for which nobody waits when the process ends. A second signal leaves it behind.
///
/// # Errors
/// It fails, or is left behind.
pub async fn aside<T: Send + 'static>(
    stop: &Stop,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Unfinished> {
    let (sender, done) = oneshot::channel();
    let begun = thread::Builder::new().name("aside".into()).spawn(move || {
        // Who asked may have left.
        let _ = sender.send(work());
    });
    begun.map_err(|error| Unfinished::Failed(error.to_string()))?;
    tokio::select! {
        biased;
        done = done => match done {
            Ok(done) => done.map_err(Unfinished::Failed),
            Err(_) => Err(Unfinished::Failed("its thread ended early".into())),
        },
        () = stop.killed() => Err(Unfinished::Stopped),
    }
}

/// Sends or fetches aside. The first signal stops it.
///
/// # Errors
/// It fails, or is stopped.
pub async fn transfer<T: Send + 'static>(
    client: &ContentClient,
    stop: &Stop,
    say: impl Fn(&str),
    work: impl FnOnce(&ContentClient) -> Result<T, String> + Send + 'static,
) -> Result<T, Unfinished> {
    let (sender, mut breaks) = mpsc::unbounded_channel();
    let course = Course::telling(sender);
    let client = client.on(course.clone());
    let mut working = std::pin::pin!(aside(stop, move || work(&client)));
    let mut giving_up = std::pin::pin!(async {
        stop.stopped().await;
        if course.stop() {
            tokio::time::sleep(STOP_LIMIT).await;
        } else {
            std::future::pending::<()>().await;
        }
    });
    loop {
        tokio::select! {
            biased;
            done = &mut working => return match done {
                Err(_) if stop.is_stopped() => Err(Unfinished::Stopped),
                done => done,
            },
            Some(why) = breaks.recv() => say(&told_of_break(&why)),
            () = &mut giving_up => return Err(Unfinished::Stopped),
        }
    }
}

/// What was sent, and what is to be said of it.
struct Sent {
    inputs: Digest,
    said: Vec<String>,
    cache: HashCache,
}

fn send(task: &RemoteTask, client: &ContentClient) -> Result<Sent, String> {
    let begun = Instant::now();
    task.sweep();
    let mut cache = HashCache::load(&task.hash_cache());
    let manifest = task.scan(&mut cache)?.manifest;
    let sent = client.send_tree(&manifest, task.root.as_std_path());
    let (inputs, sent) = sent.map_err(|error| error.to_string())?;
    let mut said = vec![told_of_sending(&manifest, sent, begun.elapsed())];
    for pattern in task.unmatched(&manifest).map_err(|error| error.to_string())? {
        said.push(format!("`sync_in: {pattern}` of `{}` means no file that is here", task.name));
    }
    task.save(&mut cache);
    Ok(Sent { inputs, said, cache })
}

/// One task on its way.
struct Run<'r> {
    context: &'r Context,
    options: &'r Options,
    client: &'r ContentClient,
    task: &'r RemoteTask,
    stop: &'r Stop,
}

impl Run<'_> {
    fn say(&self, text: &str) {
        if !self.options.silent {
            self.tell(text);
        }
    }

    /// Says something also to who wants to hear little.
    fn tell(&self, text: &str) {
        self.context.logger.err(Color::None, &format!("ez: {text}\n"));
    }

    async fn transfer<T: Send + 'static>(
        &self,
        stopped: &str,
        work: impl FnOnce(&RemoteTask, &ContentClient) -> Result<T, String> + Send + 'static,
    ) -> Result<T, Failure> {
        let task = self.task.clone();
        let done =
            transfer(self.client, self.stop, |text| self.tell(text), move |client| work(&task, client));
        done.await.map_err(|unfinished| match unfinished {
            Unfinished::Stopped => interrupted(stopped.to_owned()),
            Unfinished::Failed(why) => failed(why),
        })
    }

    async fn run(&self, request: &Request) -> Outcome {
        let (task, options) = (self.task, self.options);
        if !task.has_inputs {
            self.say(&format!(
                "`{}` has neither sources nor `ez-remote: {{sync_in: […]}}`: only the Taskfiles are sent",
                task.name
            ));
        }
        let Sent { inputs, said, mut cache } =
            self.transfer("stopped while files were sent; nothing was begun", send).await?;
        for text in said {
            self.say(&text);
        }
        let mut submission = task.submission(&inputs.to_string(), &request.variables, &request.arguments);
        submission["pass_exit_code"] = options.exit_code.into();
        if options.silent {
            submission["env"] = serde_json::json!({SILENT: "true"});
        }
        let job = self.submit(submission).await?;
        let ending = self.follow(&job).await?;
        if ending.state != JobState::Success {
            return Err(failure_of(&job, &ending));
        }
        let Some(made) = ending.made else { return Ok(()) };
        let stopped =
            format!("stopped while outputs came home: job {} is done, and nothing was changed here", job.id);
        let home = self.transfer(&stopped, move |task, client| {
            let scratch = task.scratch().map_err(|error| error.to_string())?;
            let (root, through) = (task.root.as_std_path(), job.through(client));
            let home = through.bring_home(&made, &task.outputs, None, root, scratch.path(), &mut cache);
            let home = home.map_err(|error| error.to_string())?;
            task.save(&mut cache);
            Ok(home)
        });
        let home = home.await?;
        self.say(&told_of_home(&home));
        for text in task.told_of_unmatched(&home.unmatched) {
            self.say(&text);
        }
        Ok(())
    }

    /// Has the server run a job. A signal meanwhile is obeyed when it is known which job that is.
    async fn submit(&self, submission: serde_json::Value) -> Result<RemoteJob, Failure> {
        let client = self.client.clone();
        let submitted = aside(self.stop, move || {
            RemoteJob::submit_new(&client, &submission).map_err(|error| error.to_string())
        });
        submitted.await.map_err(|unfinished| match unfinished {
            Unfinished::Stopped => {
                interrupted(format!("left; a job `{}` may run over there", self.task.name))
            }
            Unfinished::Failed(why) => failed(why),
        })
    }

    /// Shows what a job writes, until it ends.
    async fn follow(&self, job: &RemoteJob) -> Result<RemoteEnding, Failure> {
        let wish = async {
            self.stop.stopped().await;
            self.tell(&format!("cancelling job {}; once more leaves at once", job.id));
        };
        tokio::select! {
            ending = job.follow(wish, |told| show(self.context, self.options, job, told)) => ending.map_err(failed),
            () = self.stop.killed() => Err(interrupted(format!("left; job {} may still be ending", job.id))),
        }
    }
}

/// A number of things in words.
fn counted(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

/// What is said of files that were sent. Directories that hold none are no files.
pub fn told_of_sending(tree: &Manifest, sent: Transferred, took: Duration) -> String {
    let files = tree.entries().values().filter(|entry| !matches!(entry, Entry::Directory {}));
    format!(
        "{}, {} sent ({}) in {} ms",
        counted(files.count() as u64, "file"),
        counted(sent.contents, "content"),
        counted(sent.bytes, "byte"),
        took.as_millis()
    )
}

/// What is said of files that came back.
pub fn told_of_home(home: &Home) -> String {
    let (files, bytes) = (counted(home.files as u64, "output"), counted(home.fetched.bytes, "byte"));
    format!("{files}, {} of them new ({bytes} fetched)", home.changed)
}

/// What is said of a job that no node has begun.
pub fn told_of_waiting(job: JobId, what: Option<&str>) -> String {
    format!("job {job} waits for {}", what.unwrap_or("a node"))
}

/// What is said of a connection that broke.
pub fn told_of_break(why: &str) -> String {
    format!("the connection to the server broke ({why}); trying again")
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
            context.logger.err(Color::None, &format!("ez: {}\n", told_of_break(&why)));
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
