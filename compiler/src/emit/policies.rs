//! What EZ adds to how a whole task runs, as far as go-task can do it: hooks become commands and deferred commands. What
//! go-task cannot do is noted.

use crate::ast::{Hook, HookAction, Moment, Text};
use crate::ir::Task;

/// The hooks of a task as commands.
#[derive(Debug, Default)]
pub struct HookScripts {
    /// Scripts that are deferred before the first command, so that they run in any case; the last one runs first.
    pub deferred: Vec<HookScript>,
    /// Scripts before the task's own commands.
    pub before: Vec<HookScript>,
    /// Scripts after them.
    pub after: Vec<HookScript>,
}

/// A hook as a script.
#[derive(Debug)]
pub struct HookScript {
    /// The script, with the variables that hooks have.
    pub script: Text,
    /// Whether it runs only after a failure.
    pub only_after_failure: bool,
}

impl HookScripts {
    /// The hooks of a task.
    pub fn of(task: &Task) -> Self {
        let hooks = task.superset.as_ref().map_or(&[][..], |superset| &superset.hooks);
        let at = |moment: Moment| {
            hooks
                .iter()
                .filter(move |hook| hook.moment.value == moment)
                .filter_map(move |hook| script(hook, moment))
        };
        let mut deferred: Vec<HookScript> = at(Moment::OnError).chain(at(Moment::Always)).collect();
        deferred.reverse();
        Self { deferred, before: at(Moment::PreRun).collect(), after: at(Moment::PostRun).collect() }
    }
}

fn script(hook: &Hook, moment: Moment) -> Option<HookScript> {
    let HookAction::Script(text) = &hook.action else { return None };
    let mut exports = "export EZ_TASK_NAME={{shellQuote .TASK}} EZ_WORKSPACE_NAME=".to_owned();
    if moment != Moment::PreRun {
        exports.push_str(" EZ_TASK_EXIT_CODE={{.EXIT_CODE | default 0}}");
    }
    Some(HookScript {
        script: text.with_value(format!("{exports}; {}", text.value)),
        only_after_failure: moment == Moment::OnError,
    })
}

/// What of a task behaves differently under go-task, or is not there at all.
pub fn notes(task: &Task) -> Vec<String> {
    let Some(superset) = &task.superset else { return Vec::new() };
    let (name, definition) = (&task.name, &task.definition);
    let mut notes = Vec::new();
    let mut note = |words: &str| notes.push(format!("`{name}`: {words}"));
    let has = |moment: Moment| superset.hooks.iter().any(|hook| hook.moment.value == moment);
    let has_end = has(Moment::OnError) || has(Moment::Always);
    if has(Moment::PreRun) && !definition.deps.is_empty() {
        note("`pre_run` hooks run after its dependencies, not before them");
    }
    let is_guarded =
        !definition.deps.is_empty() || !definition.preconditions.is_empty() || !definition.prompt.is_empty();
    if has_end && is_guarded {
        note("`on_error` and `always` hooks do not run where a dependency, precondition or prompt fails");
    }
    let is_skipped = !definition.sources.is_empty() || !definition.status.is_empty();
    if is_skipped && (has(Moment::PreRun) || has(Moment::Always)) {
        note("`pre_run` and `always` hooks do not run where it is up to date");
    }
    if definition.ignore_error && (has(Moment::PreRun) || has(Moment::PostRun)) {
        note("`ignore_error` also holds for its hooks");
    }
    let mentions = |variable: &str| superset.hooks.iter().any(|hook| action_text(hook).contains(variable));
    for variable in ["EZ_TASK_OUTPUT", "EZ_TASK_DURATION"] {
        if mentions(variable) {
            note(&format!("`{variable}` is only set by ez"));
        }
    }
    if superset.timeout.is_some() {
        note("`ez-timeout` is only minded by ez; go-task has `timeout` for single commands");
    }
    if superset.retry.as_ref().is_some_and(|retry| retry.count.value > 0) {
        note("`ez-retry` is only minded by ez");
    }
    if superset.lock.as_ref().is_some_and(|lock| lock.exclusive) {
        note("`ez-lock` is only minded by ez");
    }
    if superset.cache.as_ref().is_some_and(|cache| cache.value) {
        note("`ez-cache` is only minded by ez");
    }
    if !superset.artifacts.is_empty() {
        note("artifacts are only kept by ez");
    }
    if superset.log.is_some() {
        note("`ez-log` is only minded by ez");
    }
    if superset.remote.is_some() {
        note("`ez-remote` is only minded by ez");
    }
    notes
}

fn action_text(hook: &Hook) -> &str {
    match &hook.action {
        HookAction::Script(text) => text.as_str(),
        HookAction::Plugin(_) => "",
    }
}
