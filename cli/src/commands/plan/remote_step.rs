//! Steps of plans on nodes of a server: their files go there with what earlier steps made for them, and what they make is here before other steps begin.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ez_runner::event::Stream;
use ez_runner::plan::executor::{Local, OpenStep, StepFailure, StepListener, StepNews, StepRequest};
use ez_runner::plan::outputs;
use ez_runner::signal::Stop;
use ez_server::job::JobState;
use ez_server::remote_job::{RemoteEnding, RemoteJob, Submitted, Told};
use ez_server::sync::digest::Digest;
use ez_server::sync::hash_cache::HashCache;
use ez_server::sync::scan::scan;
use ez_server::sync::transfer::ContentClient;
use ez_server::sync::tree_path::TreePath;
use smol_str::SmolStr;

use super::begun_job::BegunJob;
use crate::commands::remote::{
    Unfinished, aside, told_of_break, told_of_home, told_of_sending, told_of_waiting, transfer,
};
use crate::exit_code::Code;
use crate::remote_task::RemoteTask;

/// The exit code of a step whose job has none.
const NO_EXIT_CODE: u8 = 201;

/// A step that a node runs.
pub struct RemoteStep {
    /// The same step here: its directory is where inputs are and outputs go.
    pub inner: Rc<dyn OpenStep>,
    /// The server.
    pub client: ContentClient,
    /// The task as it is sent.
    pub task: RemoteTask,
    /// The directory of the tree that the step's directory stands for.
    pub directory: Option<TreePath>,
    /// Whether the step's directory is another one than that of the tree.
    pub is_apart: bool,
    /// The file for its job, as long as it may run.
    pub begun: PathBuf,
    /// What is asked for.
    pub request: StepRequest,
}

/// What a job did not do.
#[expect(clippy::needless_pass_by_value, reason = "it takes the errors of results")]
fn failed(cause: impl ToString) -> StepFailure {
    StepFailure { exit: NO_EXIT_CODE, cause: cause.to_string(), is_cancelled: false }
}

/// Says something about a step where it prints.
fn say(listener: &StepListener, text: &str) {
    listener(StepNews::Output(Stream::Stderr, format!("ez: {text}\n").as_bytes()));
}

/// What a signal ended.
fn stopped(cause: impl Into<String>) -> StepFailure {
    StepFailure { exit: Code::INTERRUPTED.0, cause: cause.into(), is_cancelled: true }
}

fn unfinished(unfinished: Unfinished) -> StepFailure {
    match unfinished {
        Unfinished::Stopped => stopped("it was stopped"),
        Unfinished::Failed(why) => failed(why),
    }
}

impl RemoteStep {
    fn in_tree(&self, path: &str) -> String {
        self.directory.as_ref().map_or_else(|| path.to_owned(), |directory| format!("{directory}/{path}"))
    }

    /// What comes back: what the task says, and the step's artifacts.
    fn outputs(&self) -> Vec<String> {
        let artifacts = self.request.artifacts.iter().map(|path| self.in_tree(path.trim_start_matches("./")));
        let mut outputs: Vec<String> = self.task.outputs.iter().cloned().chain(artifacts).collect();
        outputs.sort();
        outputs.dedup();
        outputs
    }

    /// Sends or fetches aside, so that other steps go on.
    async fn transfer<T: Send + 'static>(
        &self,
        stop: &Stop,
        listener: &StepListener,
        work: impl FnOnce(&ContentClient) -> Result<T, String> + Send + 'static,
    ) -> Result<T, StepFailure> {
        transfer(&self.client, stop, |text| say(listener, text), work).await.map_err(unfinished)
    }

    /// Sends the files; the tree, and what is to be said.
    async fn send(&self, stop: &Stop, listener: &StepListener) -> Result<(Digest, String), StepFailure> {
        let task = self.task.clone();
        let local = self.inner.directory().to_owned();
        let prefix = self.directory.clone();
        let inputs: Vec<String> =
            self.request.inputs.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        self.transfer(stop, listener, move |client| {
            let begun = std::time::Instant::now();
            task.sweep();
            let mut cache = HashCache::load(&task.hash_cache());
            let project = task.scan(&mut cache)?.manifest;
            let given = scan(&local, &inputs, &mut cache).map_err(|error| error.to_string())?.manifest;
            let given = match &prefix {
                Some(prefix) => given.within(prefix).map_err(|error| error.to_string())?,
                None => given,
            };
            let tree = project.with(&given).map_err(|error| error.to_string())?;
            let root = task.root.clone().into_std_path_buf();
            let place = |path: &TreePath| {
                if given.entries().contains_key(path) {
                    own_place(&local, prefix.as_ref(), path)
                } else {
                    path.below(&root)
                }
            };
            let (inputs, sent) = client.send_tree_of(&tree, place).map_err(|error| error.to_string())?;
            Ok((inputs, told_of_sending(&tree, sent, begun.elapsed())))
        })
        .await
    }

    /// Brings home what it made; what is to be said.
    async fn bring_home(
        &self,
        job: RemoteJob,
        made: Digest,
        stop: &Stop,
        listener: &StepListener,
    ) -> Result<Vec<String>, StepFailure> {
        let (outputs, task) = (self.outputs(), self.task.clone());
        let local = self.inner.directory().to_owned();
        let prefix = self.directory.clone().filter(|_| self.is_apart);
        let is_apart = self.is_apart;
        self.transfer(stop, listener, move |client| {
            let to = if is_apart { &local } else { task.root.as_std_path() };
            let scratch = task.scratch().map_err(|error| error.to_string())?;
            let (prefix, mut cache) = (prefix.as_ref(), HashCache::default());
            let home =
                job.through(client).bring_home(&made, &outputs, prefix, to, scratch.path(), &mut cache);
            let home = home.map_err(|error| error.to_string())?;
            let unmatched = task.told_of_unmatched(&home.unmatched);
            Ok(std::iter::once(told_of_home(&home)).chain(unmatched).collect())
        })
        .await
    }

    /// The file for the values that it makes for later steps, where it makes any.
    fn step_output(&self) -> Option<PathBuf> {
        let named = self.request.env.iter().find(|variable| variable.name == outputs::VARIABLE)?;
        Some(named.value.to_text().as_str().into())
    }

    async fn bring_step_output(
        &self,
        job: RemoteJob,
        made: Digest,
        stop: &Stop,
        listener: &StepListener,
    ) -> Result<(), StepFailure> {
        let Some(to) = self.step_output() else { return Ok(()) };
        let task = self.task.clone();
        self.transfer(stop, listener, move |client| {
            let scratch = task.scratch().map_err(|error| error.to_string())?;
            let brought = job.through(client).bring_step_output(&made, &to, scratch.path());
            brought.map_err(|error| error.to_string())
        })
        .await
    }

    async fn follow(
        &self,
        job: &RemoteJob,
        stop: &Stop,
        listener: &StepListener,
    ) -> Result<RemoteEnding, StepFailure> {
        let say = |text: String| say(listener, text.trim_end());
        let told = |told: Told| match told {
            Told::Output { is_error, bytes } => {
                let stream = if is_error { Stream::Stderr } else { Stream::Stdout };
                listener(StepNews::Output(stream, &bytes));
            }
            Told::Waiting(why) => say(told_of_waiting(job.id, why.as_deref())),
            Told::Node(name) => listener(StepNews::Machine(&name)),
            Told::Note(text) => say(format!("on the node: {text}")),
            Told::Broken(why) => say(told_of_break(&why)),
        };
        Self::until_killed(job, stop, told).await
    }

    /// Follows a job to its end. The first signal cancels it, the second one leaves it.
    async fn until_killed(
        job: &RemoteJob,
        stop: &Stop,
        tell: impl FnMut(Told),
    ) -> Result<RemoteEnding, StepFailure> {
        tokio::select! {
            ending = job.follow(stop.stopped(), tell) => ending.map_err(failed),
            () = stop.killed() => Err(stopped(format!("left; job {} may still be ending", job.id))),
        }
    }

    /// Ends the job that a killed attempt of this run left. Where it is not known whether there is one: the key that tells.
    async fn end_earlier(&self, stop: &Stop, listener: &StepListener) -> Result<Option<String>, StepFailure> {
        let Some(BegunJob { server, key, job, task, inputs }) = BegunJob::read(&self.begun) else {
            return Ok(None);
        };
        if server != self.client.url() {
            let which = job.map_or_else(|| format!("a job `{task}`"), |job| format!("job {job}"));
            say(listener, &format!("{which} of {server}, of an earlier attempt, may still run there"));
            return Ok(None);
        }
        let Some(job) = job else { return Ok(Some(key)) };
        let client = self.client.clone();
        let left = aside(stop, move || {
            RemoteJob::unfinished(&client, job, &task, &inputs).map_err(|error| error.to_string())
        });
        if let Some(left) = left.await.map_err(unfinished)? {
            self.end(left, stop, listener).await?;
        }
        BegunJob::forget(&self.begun);
        Ok(None)
    }

    /// Ends a job that a killed attempt of this run left.
    async fn end(&self, left: RemoteJob, stop: &Stop, listener: &StepListener) -> Result<(), StepFailure> {
        say(listener, &format!("ending job {} first, which a killed attempt of this run left", left.id));
        let cancelled = left.clone();
        let cancelling = aside(stop, move || cancelled.cancel().map_err(|error| error.to_string()));
        cancelling.await.map_err(unfinished)?;
        Self::until_killed(&left, stop, |_| {}).await?;
        Ok(())
    }

    /// Has the server run a job. What is asked for is written down before, so that a run that goes on after this one was killed knows of it.
    async fn submit(
        &self,
        body: serde_json::Value,
        mut begun: BegunJob,
        stop: &Stop,
        listener: &StepListener,
    ) -> Result<RemoteJob, StepFailure> {
        loop {
            self.note(&begun, listener);
            let (client, body, key) = (self.client.clone(), body.clone(), begun.key.clone());
            let submitted = aside(stop, move || {
                RemoteJob::submit(&client, body, &key).map_err(|error| error.to_string())
            });
            match submitted.await.map_err(unfinished)? {
                Submitted::Accepted(job) => {
                    begun.job = Some(job.id);
                    self.note(&begun, listener);
                    return Ok(job);
                }
                Submitted::KeyOfAnother(left) => {
                    self.end(left, stop, listener).await?;
                    begun.key = RemoteJob::new_key().map_err(failed)?;
                }
            }
        }
    }

    fn note(&self, begun: &BegunJob, listener: &StepListener) {
        if let Err(error) = begun.write(&self.begun) {
            let task = &begun.task;
            say(
                listener,
                &format!(
                    "the job of `{task}` is not written down, and not ended where this run is killed: {error}"
                ),
            );
        }
    }

    async fn run_there(&self, stop: &Stop, listener: &StepListener) -> Result<(), StepFailure> {
        let say = |text: &str| say(listener, text);
        let key = self.end_earlier(stop, listener).await?;
        let (inputs, sent) = self.send(stop, listener).await?;
        say(&sent);
        let mut body = self.task.submission(&inputs.to_string(), &variables(&self.request.vars), &[]);
        body["outputs"] = self.outputs().into();
        body["step_output"] = self.step_output().is_some().into();
        body["env"] = variables(&self.request.env)
            .into_iter()
            .filter(|(name, _)| name != outputs::VARIABLE)
            .map(|(name, value)| (name, value.into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let begun = BegunJob {
            server: self.client.url().to_owned(),
            key: key.map_or_else(RemoteJob::new_key, Ok).map_err(failed)?,
            job: None,
            task: self.task.name.clone(),
            inputs: inputs.to_string(),
        };
        let job = self.submit(body, begun, stop, listener).await?;
        let ending = self.follow(&job, stop, listener).await?;
        BegunJob::forget(&self.begun);
        let values = match ending.made {
            Some(made) => self.bring_step_output(job.clone(), made, stop, listener).await,
            None => Ok(()),
        };
        if ending.state != JobState::Success {
            return Err(StepFailure {
                exit: ending.exit_code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NO_EXIT_CODE),
                cause: ending.reason.unwrap_or_else(|| format!("job {} {}", job.id, ending.state)),
                is_cancelled: ending.state == JobState::Cancelled,
            });
        }
        values?;
        if let Some(made) = ending.made.filter(|_| !self.outputs().is_empty()) {
            for text in self.bring_home(job, made, stop, listener).await? {
                say(&text);
            }
        }
        Ok(())
    }
}

/// Where a file of the step's own directory is.
fn own_place(local: &Path, prefix: Option<&TreePath>, path: &TreePath) -> PathBuf {
    let own = prefix.and_then(|prefix| path.as_str().strip_prefix(prefix.as_str())?.strip_prefix('/'));
    local.join(own.unwrap_or(path.as_str()))
}

fn variables(variables: &[ez_runner::plan::executor::StepVariable]) -> Vec<(String, String)> {
    variables
        .iter()
        .map(|variable| (variable.name.to_string(), variable.value.to_text().to_string()))
        .collect()
}

impl OpenStep for RemoteStep {
    fn directory(&self) -> &Path {
        self.inner.directory()
    }

    fn definition(&self) -> SmolStr {
        self.inner.definition()
    }

    fn secrets(&self) -> Vec<SmolStr> {
        self.inner.secrets()
    }

    fn run(&self, stop: Stop, listener: StepListener) -> Local<'_, Result<(), StepFailure>> {
        Box::pin(async move { self.run_there(&stop, &listener).await })
    }
}
