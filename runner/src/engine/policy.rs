//! What EZ adds to how a whole task runs: its lock, its log, its time limit, its hooks, and further attempts.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ez_compiler::ast::{Hook, HookAction, Moment, Superset};
use ez_compiler::folder::qualified;
use ez_compiler::ir::Task;
use ez_compiler::template::Value;
use smol_str::{SmolStr, format_smolstr};

use super::{Running, State, unique};
use crate::artifact::{self, Wanted};
use crate::call::Call;
use crate::command::{Input, Script};
use crate::concrete::ConcreteTask;
use crate::error::{Cause, RunError};
use crate::event::{Color, EventKind};
use crate::go_text::duration;
use crate::hooks::{self, TaskEnd};
use crate::mask::{masked, secret_names};
use crate::options::Options;
use crate::recorder::{Recorder, Tail};
use crate::render::Renderer;
use crate::runtime_data;
use crate::scheduler::Context;
use crate::task_lock::{Attempt, Holder, TaskLock, host_name};
use crate::task_log::{self, LogHeader, TaskLog};

/// The longest pause between two attempts, however often it was doubled.
pub const MAX_BACKOFF: Duration = Duration::from_hours(1);
/// How often a waiting process looks whether a lock is free.
const LOCK_POLL: Duration = Duration::from_millis(50);
/// How often a lock is looked at whose holder is not known, before the caller is told so: the name is written a moment
/// after the lock was had.
const LOOKS_FOR_HOLDER: u32 = 10;

/// What a call of a task has beyond go-task.
pub(super) struct Extras {
    superset: Arc<Superset>,
    started: Instant,
    /// What the task prints, where hooks can see it.
    tail: Option<Rc<Tail>>,
    has_log: bool,
    /// Whether the artifacts of the task are kept when it succeeded.
    keeps_artifacts: bool,
}

impl Extras {
    /// What a call of a task has; `None` where it is go-task's.
    pub(super) fn of(task: &Task, call: &Call, options: &Options) -> Option<Box<Self>> {
        let is_logged = options.log && !call.indirect;
        if task.superset.is_none() && !is_logged {
            return None;
        }
        let superset = task.superset.clone().unwrap_or_default();
        let has_log = superset.log.is_some() || is_logged;
        let is_locked = superset.lock.as_ref().is_some_and(|lock| lock.exclusive);
        let is_limited = superset.timeout.is_some() || superset.retry.is_some();
        let keeps_artifacts = !options.dry
            && !call.indirect
            && !options.place.folder.is_empty()
            && !superset.artifacts.is_empty();
        if superset.hooks.is_empty() && !is_limited && !is_locked && !has_log && !keeps_artifacts {
            return None;
        }
        let sees_end = superset.hooks.iter().any(|hook| hook.moment.value != Moment::PreRun);
        let tail = sees_end.then(Rc::default);
        Some(Box::new(Self { superset, started: Instant::now(), tail, has_log, keeps_artifacts }))
    }

    fn end(&self, concrete: &ConcreteTask, error: Option<&RunError>) -> TaskEnd {
        TaskEnd {
            exit: exit_of(concrete, error),
            output: self.tail.as_ref().map(|tail| tail.text()).unwrap_or_default(),
            duration: self.started.elapsed(),
        }
    }
}

/// A lock within this process and among processes; let go in that order.
struct HeldLock {
    _among_processes: TaskLock,
    _within: tokio::sync::OwnedMutexGuard<()>,
}

impl State {
    /// Runs a task with all that EZ adds.
    pub(super) async fn governed(
        self: &Rc<Self>,
        context: &Context,
        running: &Running,
        extras: &Extras,
    ) -> Result<(), RunError> {
        let mut context = context.clone();
        let lock = self.take_lock(&context, running, extras).await?;
        if lock.is_some() {
            context = context.holding(self.outer_name(&running.concrete.full_name));
        }
        let log = self.begin_log(running, extras)?;
        if let Some(log) = &log {
            context = context.recorded(Rc::clone(log) as Rc<dyn Recorder>);
        }
        if let Some(tail) = &extras.tail {
            context = context.recorded(Rc::clone(tail) as Rc<dyn Recorder>);
        }
        let limit = extras.superset.timeout.as_ref().filter(|_| !self.options.dry).map(|limit| {
            let task = running.concrete.shown_name().clone();
            (limit.value, Cause::TaskTimeout { task, limit: limit.value })
        });
        let work = context.within(limit, |context| async move {
            self.run_hooks(&context, running, extras, Moment::PreRun, None).await?;
            self.work(&context, running).await?;
            if extras.keeps_artifacts { self.keep_artifacts(running, extras) } else { Ok(()) }
        });
        let result = work.await;
        // What ended the task does not end what tells of it.
        let after = context.detached();
        if let Err(error) = &result {
            // Each failure was told; that of the task stays.
            let _ = self.run_hooks(&after, running, extras, Moment::OnError, Some(error)).await;
        }
        let _ = self.run_hooks(&after, running, extras, Moment::Always, result.as_ref().err()).await;
        if let Some(log) = log {
            let exit = exit_of(&running.concrete, result.as_ref().err());
            if let Err(trouble) = log.finish(exit, extras.started.elapsed()) {
                self.tell_of(
                    running,
                    Color::Yellow,
                    &format!("the log {} is not whole: {trouble}", log.path.display()),
                );
            }
        }
        drop(lock);
        result
    }

    /// Runs the commands, again where they fail and the task has attempts left, then the hooks for success. The deferred
    /// commands of an attempt come after it.
    pub(super) async fn attempts(
        self: &Rc<Self>,
        context: &Context,
        running: &Running,
        extras: &Extras,
    ) -> Result<(), RunError> {
        let retry = extras.superset.retry.as_ref().filter(|_| !self.options.dry);
        let further = retry.map_or(0, |retry| retry.count.value);
        let base =
            retry.and_then(|retry| retry.backoff.as_ref()).map_or(Duration::ZERO, |backoff| backoff.value);
        let mut attempt = 1;
        loop {
            let mut deferred = Vec::new();
            let mut result = self.run_commands(context, running, &mut deferred).await;
            let failure = result.as_ref().err().filter(|error| error.is_command_failure());
            let again = failure.filter(|_| attempt <= further && !context.is_cancelled()).cloned();
            if result.is_ok() {
                if attempt > 1 && !running.concrete.sources.is_empty() {
                    // The failure forgot them.
                    self.freshness.is_unchanged(&running.concrete.subject())?;
                }
                result = self.run_hooks(context, running, extras, Moment::PostRun, None).await;
            }
            self.run_all_deferred(context, running, deferred, &result).await;
            let Some(error) = again else { return result };
            let delay = backoff(base, attempt);
            attempt += 1;
            self.tell_of_retry(running, attempt, further + 1, delay, &error);
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = context.stop().stopped() => return Err(context.interruption()),
            }
        }
    }

    fn tell_of_retry(&self, running: &Running, attempt: u32, of: u32, delay: Duration, error: &RunError) {
        let cause = error.cause().to_string();
        let pause = if delay.is_zero() { String::new() } else { format!(" in {}", duration(delay)) };
        self.tell_of(running, Color::Yellow, &format!("{cause}; attempt {attempt} of {of}{pause}"));
        self.messages.tell(&running.subject, EventKind::TaskRetried { next: attempt, of, delay, cause });
    }

    fn tell_of(&self, running: &Running, color: Color, words: &str) {
        self.messages.err(color, format_smolstr!("ez: [{}] {words}\n", running.concrete.shown_name()));
    }

    /// Runs the hooks of a moment. Before the task's end and after success the first failure ends them; else all run.
    async fn run_hooks(
        &self,
        context: &Context,
        running: &Running,
        extras: &Extras,
        moment: Moment,
        error: Option<&RunError>,
    ) -> Result<(), RunError> {
        let hooks = extras.superset.hooks.iter().enumerate();
        let hooks: Vec<(usize, &Hook)> = hooks.filter(|(_, hook)| hook.moment.value == moment).collect();
        if hooks.is_empty() {
            return Ok(());
        }
        // What hooks print is no output of the task.
        let outside = extras.tail.as_ref().map(|_| context.without_last_recorder());
        let context = outside.as_ref().unwrap_or(context);
        let end = (moment != Moment::PreRun).then(|| extras.end(&running.concrete, error));
        let mut first = Ok(());
        for (position, hook) in hooks {
            let Err(error) = self.run_told_hook(context, running, position, hook, end.as_ref()).await else {
                continue;
            };
            let name = hook_name(hook);
            self.tell_of(running, Color::Red, &format!("the {} hook{name} failed: {error}", moment.name()));
            if matches!(moment, Moment::PreRun | Moment::PostRun) {
                return Err(error);
            }
            first = first.and(Err(error));
        }
        first
    }

    async fn run_told_hook(
        &self,
        context: &Context,
        running: &Running,
        position: usize,
        hook: &Hook,
        end: Option<&TaskEnd>,
    ) -> Result<(), RunError> {
        let moment = hook.moment.value.name();
        let name = hook.name.as_ref().map(|name| name.value.clone());
        let index = running.concrete.cmds.len() + position;
        let subject = &running.subject;
        self.messages.tell(subject, EventKind::HookStarted { moment, name: name.clone(), index });
        let started = Instant::now();
        let result = Box::pin(self.run_hook(context, running, index, hook, end)).await;
        let exit = result.as_ref().map_or_else(RunError::command_status, |()| Some(0));
        let duration = started.elapsed();
        self.messages.tell(subject, EventKind::HookFinished { moment, name, index, exit, duration });
        result
    }

    async fn run_hook(
        &self,
        context: &Context,
        running: &Running,
        index: usize,
        hook: &Hook,
        end: Option<&TaskEnd>,
    ) -> Result<(), RunError> {
        let concrete = &running.concrete;
        // What names a plugin was replaced by its script, or refused, before anything ran.
        let HookAction::Script(text) = &hook.action else { return Ok(()) };
        let mut renderer = Renderer::new(&self.variables.template_host);
        // As a deferred command sees it.
        let failed = end.map(|end| end.exit).filter(|exit| *exit != 0);
        let extra = failed.map(|exit| ("EXIT_CODE".into(), Value::from(exit.to_string())));
        let script = renderer.text(text, &concrete.vars, extra.as_slice());
        renderer.check()?;
        let shown =
            Renderer::masked(&self.variables.template_host, &text.value, &concrete.vars, extra.as_slice());
        let definition = &concrete.definition;
        let environment = concrete.environment(&self.host.environment, self.options.env_precedence);
        let script = Script {
            text: &script,
            dir: &concrete.dir,
            environment: hooks::environment(
                &environment,
                &self.outer_name(&concrete.full_name),
                &self.options.place.workspace,
                end,
            ),
            set: &unique([&self.program.set, &definition.set, &[]]),
            shopt: &unique([&self.program.shopt, &definition.shopt, &[]]),
            input: if definition.interactive { Input::Terminal } else { Input::Inherit },
        };
        let is_shown = self.options.verbose || !self.is_silent(&running.call, concrete);
        self.run_script(context, running, &script, &shown, is_shown, index).await
    }

    /// The lock of a task that never runs twice at once.
    async fn take_lock(
        &self,
        context: &Context,
        running: &Running,
        extras: &Extras,
    ) -> Result<Option<HeldLock>, RunError> {
        let is_exclusive = extras.superset.lock.as_ref().is_some_and(|lock| lock.exclusive);
        if !is_exclusive || self.options.dry {
            return Ok(None);
        }
        let name = &self.outer_name(&running.concrete.full_name);
        if context.holds(name) {
            return Err(RunError::other("the task holds its lock already: it is called by itself"));
        }
        let within = Arc::clone(self.locks.borrow_mut().entry(name.clone()).or_default());
        let wait = async {
            tokio::select! {
                guard = within.lock_owned() => Ok(guard),
                () = context.stop().stopped() => Err(context.interruption()),
            }
        };
        let within = self.slots.without(wait).await?;
        let root = self.root_directory()?;
        let path = runtime_data::lock(&root, name);
        let fail =
            |trouble: std::io::Error| RunError::other(format!("cannot lock {}: {trouble}", path.display()));
        if let Some(directory) = path.parent() {
            runtime_data::make_directory(&root, directory).map_err(fail)?;
        }
        let holder = Holder {
            pid: std::process::id() as i32,
            host: host_name(),
            since: task_log::now().into(),
            command: self.shown_command_line(&running.concrete),
        };
        let mut looks = 0;
        loop {
            let holder = Holder { since: task_log::now().into(), ..holder.clone() };
            let who = match TaskLock::attempt(&path, &holder).map_err(fail)? {
                Attempt::Held(lock) => return Ok(Some(HeldLock { _among_processes: lock, _within: within })),
                Attempt::Busy(who) => who,
            };
            looks += 1;
            let is_known = who.is_some() || looks >= LOOKS_FOR_HOLDER;
            if is_known && !self.options.wait_for_locks {
                let who = told_holder(who.as_ref());
                return Err(RunError::other(format!("the task is locked: {who}; --wait waits for it")));
            }
            if is_known && looks <= LOOKS_FOR_HOLDER {
                looks = LOOKS_FOR_HOLDER + 1;
                self.tell_of(running, Color::Yellow, &format!("waiting: {}", told_holder(who.as_ref())));
            }
            let pause = async {
                tokio::select! {
                    () = tokio::time::sleep(LOCK_POLL) => Ok(()),
                    () = context.stop().stopped() => Err(context.interruption()),
                }
            };
            self.slots.without(pause).await?;
        }
    }

    /// The root directory of the project.
    pub(super) fn root_directory(&self) -> Result<PathBuf, RunError> {
        let root = match self.options.place.project.as_str() {
            "" => self.program.dir.as_str(),
            project => project,
        };
        std::path::absolute(root)
            .map_err(|trouble| RunError::other(format!("the root directory is not known: {trouble}")))
    }

    /// What a task is called from outside of its program.
    pub(super) fn outer_name(&self, name: &SmolStr) -> SmolStr {
        match self.options.place.folder.as_str() {
            "" => name.clone(),
            folder => qualified(folder, name),
        }
    }

    /// Copies the artifacts of a folder task that succeeded to where they are kept.
    fn keep_artifacts(&self, running: &Running, extras: &Extras) -> Result<(), RunError> {
        let mut renderer = Renderer::new(&self.variables.template_host);
        let artifacts = &extras.superset.artifacts;
        let wanted: Vec<Wanted> = artifacts
            .iter()
            .map(|artifact| Wanted {
                name: artifact.name.value.clone(),
                path: renderer.text(&artifact.path, &running.concrete.vars, &[]),
                optional: artifact.optional,
            })
            .collect();
        renderer.check()?;
        let root = self.root_directory()?;
        let from = Path::new(self.program.dir.as_str());
        let to = if runtime_data::is_named_workspace(&root, from) {
            runtime_data::workspace_artifacts(from)
        } else {
            runtime_data::artifacts(&root, &self.options.place.folder)
        };
        let files = artifact::collect(&root, from, &to, &wanted)
            .map_err(|error| RunError::other(error.to_string()))?;
        let shown = to.strip_prefix(&root).unwrap_or(&to).display().to_string();
        let count = files.len();
        let noun = if count == 1 { "file" } else { "files" };
        if count > 0 && !self.is_silent(&running.call, &running.concrete) {
            self.tell_of(running, Color::Green, &format!("kept {count} {noun} in {shown}"));
        }
        Ok(())
    }

    /// The log of a task that has one.
    fn begin_log(&self, running: &Running, extras: &Extras) -> Result<Option<Rc<TaskLog>>, RunError> {
        if !extras.has_log || self.options.dry {
            return Ok(None);
        }
        let concrete = &running.concrete;
        let root = self.root_directory()?;
        let written = extras.superset.log.as_ref();
        let mut renderer = Renderer::new(&self.variables.template_host);
        let directory = renderer.optional(written.and_then(|log| log.dir.as_ref()), &concrete.vars);
        let prefix = renderer.optional(written.and_then(|log| log.prefix.as_ref()), &concrete.vars);
        renderer.check()?;
        let directory = match directory.as_str() {
            "" if !self.options.place.folder.is_empty() => {
                runtime_data::logs(&root, &self.options.place.folder)
            }
            "" => runtime_data::logs(&root, &concrete.full_name),
            directory => root.join(Path::new(directory)),
        };
        let header = LogHeader {
            run: self.messages.run_id().to_string(),
            task: self.outer_name(&concrete.full_name).to_string(),
            started: task_log::now(),
            host: host_name().to_string(),
            user: task_log::user(&self.host.environment),
            command: self.shown_command_line(concrete),
            ..LogHeader::default()
        };
        let log = runtime_data::make_directory(&root, &directory)
            .and_then(|()| TaskLog::begin(&directory, &prefix, &header))
            .map_err(|trouble| {
                RunError::other(format!("cannot write a log in {}: {trouble}", directory.display()))
            })?;
        log.hide(&secrets(concrete));
        log.hide(&self.messages.hidden());
        Ok(Some(Rc::new(log)))
    }

    /// The command line with secrets masked.
    fn shown_command_line(&self, concrete: &ConcreteTask) -> String {
        let secret_names = secret_names(&self.program);
        let is_secret = |name: &str| secret_names.contains(name);
        let words: Vec<SmolStr> =
            self.options.command_line.iter().map(|word| task_log::masked_argument(word, is_secret)).collect();
        self.messages.masked(&masked(&words.join(" "), &secrets(concrete)))
    }
}

/// The values of a task that nobody is to see.
pub(super) fn secrets(concrete: &ConcreteTask) -> Vec<SmolStr> {
    let of_environment = concrete.env.values();
    let of_variables = concrete.vars.entries().into_values().filter(|_| concrete.vars.has_secrets());
    let slots = of_variables.chain(of_environment).filter(|slot| slot.secret);
    slots.filter_map(|slot| slot.visible()).map(Value::to_text).filter(|text| !text.is_empty()).collect()
}

fn hook_name(hook: &Hook) -> String {
    hook.name.as_ref().map(|name| format!(" \"{}\"", name.value)).unwrap_or_default()
}

fn told_holder(who: Option<&Holder>) -> String {
    let Some(Holder { pid, host, since, command }) = who else { return "another process runs it".to_owned() };
    let place = if *host == host_name() { String::new() } else { format!(" on {host}") };
    format!("process {pid}{place} has been running it since {since} ({command})")
}

fn exit_of(concrete: &ConcreteTask, error: Option<&RunError>) -> u8 {
    let code = |error: &RunError| error.clone().in_task(concrete.shown_name().clone()).exit_code(false);
    error.map_or(0, |error| error.command_status().unwrap_or_else(|| code(error)))
}

/// The pause after so many attempts: it doubles each time, up to [`MAX_BACKOFF`].
fn backoff(base: Duration, attempts: u32) -> Duration {
    let factor = 2_u32.checked_pow(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pause = |attempts| backoff(Duration::from_millis(500), attempts).as_millis();
        assert_eq!([1, 2, 3, 4].map(pause), [500, 1000, 2000, 4000]);
        assert_eq!(backoff(Duration::from_secs(1), 100), MAX_BACKOFF);
        assert_eq!(backoff(Duration::ZERO, 100), Duration::ZERO);
    }
}
