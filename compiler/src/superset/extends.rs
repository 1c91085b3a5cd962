//! `ez-extends`: a task that is another one with changes.
//!
//! What a task writes itself wins. Lists and single values of the base are replaced whole; `vars`, `env`, `ez-params`,
//! `ez-defaults` and required variables are merged by name, hooks by moment. Never inherited are `aliases`, `internal`
//! and `label`, which name a task.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::ast::{self, Command, CommandAction, Dependency, Superset, Text, Variable};
use crate::diagnostic::Diagnostic;
use crate::ir::{Program, Resolution, Task, TaskId};
use crate::rule;
use crate::suggest::nearest;

/// Longest chain of bases.
const MAX_CHAIN: usize = 100;

/// The tasks that have `ez-*` fields, each with what it inherits.
pub fn merge_all(program: &Program, diagnostics: &mut Vec<Diagnostic>) -> Vec<(TaskId, Task)> {
    let mut merger = Merger { program, diagnostics, done: FxHashMap::default(), open: Vec::new() };
    let ids = program.ids().filter(|&id| program.task(id).definition.superset.is_some());
    ids.map(|id| (id, merger.merged(id))).collect()
}

struct Merger<'a> {
    program: &'a Program,
    diagnostics: &'a mut Vec<Diagnostic>,
    done: FxHashMap<TaskId, Task>,
    open: Vec<TaskId>,
}

impl Merger<'_> {
    fn merged(&mut self, id: TaskId) -> Task {
        if let Some(task) = self.done.get(&id) {
            return task.clone();
        }
        let task = self.program.task(id);
        let own = task.definition.superset.as_deref();
        let merged = match own.and_then(|own| own.extends.as_ref()).and_then(|name| self.base(id, name)) {
            Some(base) => {
                self.open.push(id);
                let base = self.merged(base);
                self.open.pop();
                inherit(task, &base)
            }
            None => Task { superset: own.cloned().map(Arc::new), ..task.clone() },
        };
        self.done.insert(id, merged.clone());
        merged
    }

    /// The task that is extended; what is wrong with its name is told.
    fn base(&mut self, id: TaskId, name: &Text) -> Option<TaskId> {
        let task = self.program.task(id);
        let full = task.callee(name.as_str());
        let Resolution::Task(base, _) = self.program.resolve(&full) else {
            self.diagnostics.push(self.unknown(name, &full));
            return None;
        };
        let first = self.open.iter().position(|&open| open == base);
        if first.is_some() || base == id || self.open.len() >= MAX_CHAIN {
            let cycle = self.open[first.unwrap_or(self.open.len())..].iter().chain([&id, &base]);
            let path: Vec<&str> = cycle.map(|&id| self.program.task(id).name.as_str()).collect();
            let message = format!("a task cannot extend itself: {}", path.join(" → "));
            let diagnostic = Diagnostic::error(rule::EXTENDS_CYCLE, message, name.span)
                .with_label("closes the circle")
                .with_help("give what they share to a third task, and extend that one");
            self.diagnostics.push(diagnostic);
            return None;
        }
        Some(base)
    }

    fn unknown(&self, name: &Text, full: &str) -> Diagnostic {
        let diagnostic =
            Diagnostic::error(rule::UNKNOWN_BASE, format!("no task is named `{full}`"), name.span)
                .with_label("unknown task");
        let names = self.program.tasks.iter().map(|task| task.name.as_str());
        match nearest(full, names) {
            Some(near) => {
                let diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
                // Inside of a namespace the name is written without it.
                if full == name.as_str() {
                    diagnostic.with_fix(format!("change to `{near}`"), name.span, near)
                } else {
                    diagnostic
                }
            }
            None => diagnostic
                .with_help("name a task of this project; `internal: true` hides one that is only a base"),
        }
    }
}

/// A task with what its base gives it.
fn inherit(task: &Task, base: &Task) -> Task {
    let own = task.definition.superset.as_deref().cloned().unwrap_or_default();
    let writes = |key: &str| own.written.iter().any(|written| written.value == key);
    let (mut out, from) = (ast::Task::clone(&task.definition), &*base.definition);
    let has_commands = writes("cmds") || writes("cmd") || own.compose.is_some();
    if !has_commands {
        out.cmds.clone_from(&from.cmds);
        out.cmds.iter_mut().for_each(|command| rename_call(command, task, base));
    }
    if !writes("deps") {
        out.deps.clone_from(&from.deps);
        out.deps.iter_mut().for_each(|dependency| rename_dependency(dependency, task, base));
    }
    macro_rules! inherit_fields {
        ($($field:ident $key:literal),* $(,)?) => { $(if !writes($key) { out.$field.clone_from(&from.$field); })* };
    }
    inherit_fields!(
        desc "desc", prompt "prompt", summary "summary", sources "sources", generates "generates",
        status "status", preconditions "preconditions", dir "dir", set "set", shopt "shopt", dotenv "dotenv",
        silent "silent", interactive "interactive", method "method", prefix "prefix",
        ignore_error "ignore_error", use_gitignore "use_gitignore", run "run", platforms "platforms",
        condition "if", watch "watch", failfast "failfast",
    );
    out.vars = by_name(&from.vars, &out.vars, |variable| variable.name.value.clone());
    out.env = by_name(&from.env, &out.env, |variable| variable.name.value.clone());
    out.requires = by_name(&from.requires, &out.requires, |required| required.name.value.clone());
    let superset = merge_supersets(base.superset.as_deref(), own.clone(), has_commands);
    Task {
        dir: if writes("dir") { task.dir.clone() } else { base.dir.clone() },
        silent: if writes("silent") { task.silent } else { base.silent },
        use_gitignore: if writes("use_gitignore") { task.use_gitignore } else { base.use_gitignore },
        definition: Arc::new(out),
        superset: Some(Arc::new(superset)),
        ..task.clone()
    }
}

fn merge_supersets(base: Option<&Superset>, own: Superset, has_commands: bool) -> Superset {
    let Some(base) = base else { return own };
    let mut hooks = base.hooks.clone();
    hooks.retain(|hook| own.hooks.iter().all(|mine| mine.moment.value != hook.moment.value));
    hooks.extend(own.hooks);
    Superset {
        params: by_name(&base.params, &own.params, |param| param.name.value.clone()),
        hooks,
        defaults: by_name(&base.defaults, &own.defaults, |variable: &Variable| variable.name.value.clone()),
        compose: if has_commands { own.compose } else { base.compose.clone() },
        timeout: own.timeout.or_else(|| base.timeout.clone()),
        retry: own.retry.or_else(|| base.retry.clone()),
        lock: own.lock.or_else(|| base.lock.clone()),
        cache: own.cache.or_else(|| base.cache.clone()),
        log: own.log.or_else(|| base.log.clone()),
        remote: own.remote.or_else(|| base.remote.clone()),
        // They are the default task's, whatever it extends.
        artifacts: own.artifacts,
        tags: if own.tags.is_empty() { base.tags.clone() } else { own.tags },
        examples: if own.examples.is_empty() { base.examples.clone() } else { own.examples },
        extends: own.extends,
        // A task that inherits from this one sees whose fields these are only as far as they are its own.
        written: own.written,
        span: own.span,
    }
}

/// The base's entries in their order, each replaced by an own one of the same name; then the other own ones.
fn by_name<T: Clone>(base: &[T], own: &[T], name: impl Fn(&T) -> SmolStr) -> Vec<T> {
    let mut merged: indexmap::IndexMap<SmolStr, T> =
        base.iter().map(|entry| (name(entry), entry.clone())).collect();
    merged.extend(own.iter().map(|entry| (name(entry), entry.clone())));
    merged.into_values().collect()
}

fn rename_call(command: &mut Command, task: &Task, base: &Task) {
    if let CommandAction::Call { task: name, .. } = &mut command.action {
        *name = seen_from(name, task, base);
    }
}

fn rename_dependency(dependency: &mut Dependency, task: &Task, base: &Task) {
    dependency.task = seen_from(&dependency.task, task, base);
}

/// A name that the base calls, as the task has to write it.
fn seen_from(name: &Text, task: &Task, base: &Task) -> Text {
    if task.namespaces == base.namespaces {
        return name.clone();
    }
    let full = base.callee(name.as_str());
    name.with_value(format!("{}{full}", ":".repeat(task.namespaces.len())))
}
