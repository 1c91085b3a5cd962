//! The linked project as one standalone Taskfile that go-task loads and that does the same.
//!
//! What go-task knows by the layout of files is written out: full names, directories, variables of includes (see
//! `inherited`).

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::inherited::{HeadVariable, Inheritance, Origin};
use super::policies::{self, HookScript, HookScripts};
use crate::ast::param::variable_name;
use crate::ast::{
    self, Command, CommandAction, Dependency, EnumValues, Glob, Loop, LoopSource, MatrixValues, ParamKind,
    Text, Variable, VariableValue,
};
use crate::folder::METADATA_NAMES;
use crate::ir::{GlobalVariable, GlobalVariables, Program, Task, TaskId};
use crate::project::Loaded;
use crate::project::remote::sha256;
use crate::source::SourceMap;
use crate::superset;
use crate::template::value::Value;
use crate::workspace::between;
use crate::yaml::emit::{Tree, write};

/// A standalone Taskfile and what could not be said in it exactly.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The file.
    pub text: String,
    /// One line each: what behaves differently than under `ez`.
    pub notes: Vec<String>,
}

/// Writes the project as one Taskfile, to be run in the root directory.
pub fn taskfile(program: &Program, loaded: &Loaded, sources: &SourceMap) -> Emitted {
    let (tree, notes) = tree(program, loaded);
    let mut text = header(loaded, sources);
    for note in &notes {
        let _ = writeln!(text, "# note: {note}");
    }
    text.push_str(&write(&tree));
    Emitted { text, notes }
}

/// The project as one Taskfile's tree, and what could not be said in it exactly.
pub(super) fn tree(program: &Program, loaded: &Loaded) -> (Tree, Vec<String>) {
    let inheritance = Inheritance::new(program);
    let mut emitter = Emitter { program, inheritance, root: loaded.root_dir.clone(), notes: Vec::new() };
    let tree = emitter.root();
    (tree, emitter.notes)
}

/// The comments at a compiled file's head.
pub(super) fn header(loaded: &Loaded, sources: &SourceMap) -> String {
    let mut text = format!(
        "# Compiled by ez {}. Do not edit: change the sources and compile again.\n",
        env!("CARGO_PKG_VERSION")
    );
    let metadata = METADATA_NAMES.iter().map(|name| loaded.root_dir.join(name));
    let metadata = metadata.filter_map(|path| Some((sources.find(&path)?, path)));
    for (file, path) in loaded.files.iter().map(|file| (file.file, file.path.clone())).chain(metadata) {
        // The same on every machine.
        let shown = if path.is_absolute() { between(&loaded.root_dir, &path) } else { path };
        let hash = sha256(sources.file(file).text.as_bytes());
        let _ = writeln!(text, "# source: {shown} sha256:{hash}");
    }
    text
}

/// Entries of a mapping that is being written.
#[derive(Default)]
struct Entries(Vec<(String, Tree)>);

impl Entries {
    fn put(&mut self, key: &str, value: Tree) {
        self.0.push((key.to_owned(), value));
    }

    fn text(&mut self, key: &str, value: Option<&Text>) {
        if let Some(text) = value {
            self.put(key, string(&text.value));
        }
    }

    fn texts(&mut self, key: &str, values: &[Text]) {
        if !values.is_empty() {
            self.put(key, Tree::List(values.iter().map(|t| string(&t.value)).collect()));
        }
    }

    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.put(key, Tree::Bool(true));
        }
    }

    fn list(&mut self, key: &str, items: Vec<Tree>) {
        if !items.is_empty() {
            self.put(key, Tree::List(items));
        }
    }

    fn map(&mut self, key: &str, entries: Vec<(String, Tree)>) {
        if !entries.is_empty() {
            self.put(key, Tree::Map(entries));
        }
    }

    fn tree(self) -> Tree {
        Tree::Map(self.0)
    }
}

fn string(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

/// The root directory as a word of the shell.
const ROOT_WORD: &str = "{{.ROOT_DIR | shellQuote}}";

struct Emitter<'a> {
    program: &'a Program,
    inheritance: Inheritance<'a>,
    root: Utf8PathBuf,
    notes: Vec<String>,
}

impl<'a> Emitter<'a> {
    fn root(&mut self) -> Tree {
        let program = self.program;
        let mut root = Entries::default();
        let version = program.version.as_ref().map_or_else(|| "3".to_owned(), short_version);
        root.put("version", string(&version));
        if let Some(output) = &program.output {
            root.put("output", output_tree(output));
        }
        root.text("method", program.method.as_ref());
        root.text("run", program.run.as_ref());
        root.flag("silent", program.silent);
        root.texts("set", &program.set);
        root.texts("shopt", &program.shopt);
        root.texts("dotenv", &program.dotenv);
        if let Some(interval) = program.interval {
            root.put("interval", string(&format!("{}ms", interval.as_millis())));
        }
        if let Some(use_gitignore) = program.use_gitignore {
            root.put("use_gitignore", Tree::Bool(use_gitignore));
        }
        let globals = |emitter: &Self, globals: &GlobalVariables| -> Vec<(String, Tree)> {
            globals.iter().map(|(name, global)| (name.to_string(), emitter.global(global))).collect()
        };
        root.map("env", globals(self, &program.env));
        root.map("vars", globals(self, &program.vars));
        self.note_shared_once();
        self.note_unchecked_params();
        self.notes.extend(program.tasks.iter().flat_map(policies::notes));
        let tasks: Vec<(String, Tree)> =
            program.ids().map(|id| (program.task(id).name.to_string(), self.task(id))).collect();
        root.put("tasks", Tree::Map(tasks));
        root.tree()
    }

    fn global(&self, global: &GlobalVariable) -> Tree {
        let dir = global.dir.as_ref().map(|dir| self.relative(dir)).filter(|dir| dir != ".");
        variable_in(&global.variable, dir.map(|dir| quoted(&dir)))
    }

    /// A variable at the head of a task, whose commands run in the task's directory: those of includes do not.
    fn head_variable(&self, task: &Task, head: &HeadVariable<'_>) -> Tree {
        let dir = match head.origin {
            Origin::Include => (!task.dir.is_empty()).then(|| Self::absolute(".")),
            Origin::Global(global) => global.dir.as_ref().map(|dir| Self::absolute(&self.relative(dir))),
            Origin::Choice => None,
        };
        variable_in(&head.variable, dir)
    }

    /// A path from the root directory as a word of the shell that stands for it everywhere.
    fn absolute(relative: &str) -> String {
        match relative {
            "." => ROOT_WORD.to_owned(),
            path if crate::project::paths::is_absolute(path) => quoted(path),
            path => format!("{ROOT_WORD}/{}", quoted(path)),
        }
    }

    /// A path as seen from the root directory; templates stay as they are.
    fn relative(&self, path: &str) -> String {
        let path = Utf8Path::new(path);
        if let Ok(inside) = path.strip_prefix(&self.root) {
            return if inside.as_str().is_empty() { ".".to_owned() } else { inside.to_string() };
        }
        path.to_string()
    }

    fn task(&self, id: TaskId) -> Tree {
        let task = self.program.task(id);
        let definition = &task.definition;
        let mut out = Entries::default();
        out.text("desc", definition.desc.as_ref());
        out.text("summary", definition.summary.as_ref());
        out.text("label", definition.label.as_ref());
        out.list("aliases", task.aliases.iter().map(|alias| string(alias)).collect());
        out.flag("internal", task.internal);
        if let Some(silent) = task.silent {
            out.put("silent", Tree::Bool(silent));
        }
        out.flag("interactive", definition.interactive);
        out.flag("ignore_error", definition.ignore_error);
        out.flag("watch", definition.watch);
        out.flag("failfast", definition.failfast);
        out.text("run", definition.run.as_ref());
        out.text("method", definition.method.as_ref());
        if let Some(use_gitignore) = task.use_gitignore {
            out.put("use_gitignore", Tree::Bool(use_gitignore));
        }
        out.text("prefix", definition.prefix.as_ref());
        if !task.dir.is_empty() {
            let dir = self.relative(&task.dir);
            if dir != "." {
                out.put("dir", string(&dir));
            }
        }
        out.texts("set", &definition.set);
        out.texts("shopt", &definition.shopt);
        out.list("platforms", definition.platforms.iter().map(platform_tree).collect());
        out.map("requires", requires(task));
        out.map("vars", self.task_variables(id));
        out.map("env", variables(&definition.env).into_iter().chain(secret_params(task)).collect());
        out.texts("dotenv", &definition.dotenv);
        out.text("if", definition.condition.as_ref());
        out.list("preconditions", definition.preconditions.iter().map(precondition_tree).collect());
        out.texts("status", &definition.status);
        out.list("sources", definition.sources.iter().map(glob_tree).collect());
        out.list("generates", definition.generates.iter().map(glob_tree).collect());
        match definition.prompt.as_slice() {
            [] => {}
            [one] => out.put("prompt", string(&one.value)),
            _ => out.texts("prompt", &definition.prompt),
        }
        out.list("deps", definition.deps.iter().map(|dep| self.dependency(task, dep)).collect());
        let hooks = HookScripts::of(task);
        let deferred =
            hooks.deferred.iter().map(|hook| Tree::Map(vec![("defer".to_owned(), hook_tree(task, hook))]));
        let before = hooks.before.iter().map(|hook| hook_tree(task, hook));
        let own = definition.cmds.iter().map(|command| self.command(task, command));
        let after = hooks.after.iter().map(|hook| hook_tree(task, hook));
        out.list("cmds", deferred.chain(before).chain(own).chain(after).collect());
        out.tree()
    }

    /// The task's variables, after what its includes gave it.
    fn task_variables(&self, id: TaskId) -> Vec<(String, Tree)> {
        let task = self.program.task(id);
        let mut out = self.location_variables(task);
        let (head, own) = self.inheritance.variables(id);
        out.extend(head.iter().map(|entry| {
            let name = entry.variable.name.value.to_string();
            (name, self.head_variable(task, entry))
        }));
        out.extend(variables(&own));
        out
    }

    /// The variables of a call.
    fn passed(&self, task: &'a Task, name: &'a Text, vars: &'a [Variable]) -> Vec<(String, Tree)> {
        let known = task.calls().find(|call| std::ptr::eq(call.text, name));
        known.map_or_else(|| variables(vars), |call| variables(&self.inheritance.passed(&call)))
    }

    fn dependency(&self, task: &'a Task, dependency: &'a Dependency) -> Tree {
        let name = call_name(task, &dependency.task);
        let mut out = Entries::default();
        if let Some(repeat) = &dependency.repeat {
            out.put("for", loop_tree(repeat));
        }
        out.put("task", name.clone());
        out.map("vars", self.passed(task, &dependency.task, &dependency.vars));
        out.flag("silent", dependency.silent);
        if let Some(timeout) = &dependency.timeout {
            out.put("timeout", duration_tree(timeout.value));
        }
        if out.0.len() == 1 { name } else { out.tree() }
    }

    fn command(&self, task: &'a Task, command: &'a Command) -> Tree {
        let mut out = Entries::default();
        if command.deferred {
            return self.deferred(task, command);
        }
        if let Some(repeat) = &command.repeat {
            out.put("for", loop_tree(repeat));
        }
        match &command.action {
            CommandAction::Script(text) => out.put("cmd", script_tree(task, text)),
            CommandAction::Call { task: name, vars } => {
                out.put("task", call_name(task, name));
                out.map("vars", self.passed(task, name, vars));
            }
            CommandAction::Nothing => return Tree::Null,
        }
        out.text("if", command.condition.as_ref());
        out.flag("silent", command.silent);
        out.flag("ignore_error", command.ignore_error);
        out.texts("set", &command.set);
        out.texts("shopt", &command.shopt);
        out.list("platforms", command.platforms.iter().map(platform_tree).collect());
        if let Some(timeout) = &command.timeout {
            out.put("timeout", duration_tree(timeout.value));
        }
        match (&command.action, out.0.as_slice()) {
            (CommandAction::Script(text), [_]) => script_tree(task, text),
            _ => out.tree(),
        }
    }

    fn deferred(&self, task: &'a Task, command: &'a Command) -> Tree {
        let mut out = Entries::default();
        match &command.action {
            CommandAction::Script(text) => {
                out.put("defer", script_tree(task, text));
                out.flag("silent", command.silent);
            }
            CommandAction::Call { task: name, vars } => {
                let mut call = Entries::default();
                call.put("task", call_name(task, name));
                call.map("vars", self.passed(task, name, vars));
                call.flag("silent", command.silent);
                out.put("defer", call.tree());
            }
            CommandAction::Nothing => return Tree::Null,
        }
        if let Some(timeout) = &command.timeout {
            out.put("timeout", duration_tree(timeout.value));
        }
        out.tree()
    }

    /// A file that is included twice shares its `run: once` tasks; two tasks of one file do not.
    fn note_shared_once(&mut self) {
        let mut seen = rustc_hash::FxHashMap::default();
        for task in &self.program.tasks {
            let once = task
                .definition
                .run
                .as_ref()
                .or(self.program.run.as_ref())
                .is_some_and(|run| run.value == "once");
            if !once {
                continue;
            }
            if let Some(first) = seen.insert((&task.taskfile, &task.definition.name.value), &task.name) {
                self.notes.push(format!(
                    "`{first}` and `{}` run once together under ez, once each here",
                    task.name
                ));
            }
        }
    }

    /// go-task checks that a value is there and is one of written options, and nothing else.
    fn note_unchecked_params(&mut self) {
        for task in &self.program.tasks {
            let params = task.superset.iter().flat_map(|superset| &superset.params);
            let unchecked: Vec<&str> = params
                .filter(|param| !superset::is_checked_by_requirement(param))
                .map(|param| param.name.value.as_str())
                .collect();
            if !unchecked.is_empty() {
                self.notes.push(format!(
                    "`{}`: what values its params have is only checked by ez: {}",
                    task.name,
                    unchecked.join(", ")
                ));
            }
        }
    }

    /// `TASKFILE` and `TASKFILE_DIR` would name the compiled file, so tasks that use them get the old ones.
    fn location_variables(&self, task: &Task) -> Vec<(String, Tree)> {
        let shown = self.relative(task.taskfile.as_str());
        let dir = Utf8Path::new(&shown).parent().map_or("", Utf8Path::as_str);
        let mut out = Vec::new();
        let text = format!("{:?}", task.definition);
        let rooted = |path: &str| match path {
            "" => "{{.ROOT_DIR}}".to_owned(),
            path if path.starts_with('/') || path.contains("://") => path.to_owned(),
            path => format!("{{{{.ROOT_DIR}}}}/{path}"),
        };
        let is_free = |name: &str| {
            let own = definition_sets(task, name);
            !own && !self.program.vars.contains_key(name) && !self.program.env.contains_key(name)
        };
        if text.contains(".TASKFILE_DIR") && is_free("TASKFILE_DIR") {
            out.push(("TASKFILE_DIR".to_owned(), string(&rooted(dir))));
        }
        if text.replace(".TASKFILE_DIR", "").contains(".TASKFILE") && is_free("TASKFILE") {
            out.push(("TASKFILE".to_owned(), string(&rooted(&shown))));
        }
        if text.contains(".ROOT_TASKFILE") && is_free("ROOT_TASKFILE") {
            out.push((
                "ROOT_TASKFILE".to_owned(),
                string(&rooted(&self.relative(self.program.taskfile.as_str()))),
            ));
        }
        out
    }
}

fn short_version(version: &semver::Version) -> String {
    match (version.minor, version.patch) {
        (0, 0) => version.major.to_string(),
        (minor, 0) => format!("{}.{minor}", version.major),
        _ => version.to_string(),
    }
}

fn definition_sets(task: &Task, name: &str) -> bool {
    task.definition.vars.iter().chain(task.include_vars.iter()).any(|v| v.name.value == name)
}

/// A script that finds the task's params in its environment: go-task's `env` gives way to that of the caller.
fn script_tree(task: &Task, text: &Text) -> Tree {
    let params = task.superset.as_ref().map_or(&[][..], |superset| &superset.params);
    let mut script = String::new();
    for param in params.iter().filter(|param| param.kind.value != ParamKind::Secret) {
        let name = variable_name(&param.name.value);
        // A variable that the task sets is a text; one that it was given may be a number, or missing.
        let is_text = task.definition.vars.iter().any(|variable| variable.name.value == name);
        let given = if is_text { "" } else { " | default \"\" | toString" };
        let _ = write!(script, "export {name}={{{{.{name}{given} | shellQuote}}}}; ");
    }
    script.push_str(&text.value);
    string(&script)
}

/// The script of a hook. Without a failure one for failures is empty, and go-task says nothing of it.
fn hook_tree(task: &Task, hook: &HookScript) -> Tree {
    match script_tree(task, &hook.script) {
        Tree::Text(script) if hook.only_after_failure => {
            Tree::Text(format!("{{{{if .EXIT_CODE}}}}{script}{{{{end}}}}"))
        }
        tree => tree,
    }
}

/// The secret params of a task, for its environment: a script that sets them would be shown.
fn secret_params(task: &Task) -> Vec<(String, Tree)> {
    let params = task.superset.as_ref().map_or(&[][..], |superset| &superset.params);
    let secrets = params.iter().filter(|param| param.kind.value == ParamKind::Secret);
    secrets
        .map(|param| {
            let name = variable_name(&param.name.value);
            let value = string(&format!("{{{{.{name}}}}}"));
            (name.to_string(), value)
        })
        .collect()
}

fn requires(task: &Task) -> Vec<(String, Tree)> {
    let mut required = task.definition.requires.clone();
    required.extend(task.superset.as_deref().map(superset::requirements).unwrap_or_default());
    if required.is_empty() {
        return Vec::new();
    }
    let variables = required.iter().map(|required| {
        let name = string(&required.name.value);
        let Some(allowed) = &required.allowed else { return name };
        let values = match &allowed.values {
            EnumValues::List(values) => Tree::List(values.iter().map(|v| string(v)).collect()),
            EnumValues::Reference(text) => Tree::Map(vec![("ref".to_owned(), string(&text.value))]),
        };
        Tree::Map(vec![("name".to_owned(), name), ("enum".to_owned(), values)])
    });
    vec![("vars".to_owned(), Tree::List(variables.collect()))]
}

/// A word that a shell reads as `text`.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn variables(variables: &[Variable]) -> Vec<(String, Tree)> {
    variables.iter().map(|v| (v.name.value.to_string(), variable_tree(v))).collect()
}

/// A variable whose command, if it is one, runs in the directory that a word of the shell names.
fn variable_in(variable: &Variable, dir: Option<String>) -> Tree {
    match (&variable.value, dir) {
        (VariableValue::Shell(text), Some(dir)) => {
            let script = format!("cd {dir}\n{}", text.value);
            let value = VariableValue::Shell(text.with_value(script));
            variable_tree(&Variable { value, ..variable.clone() })
        }
        _ => variable_tree(variable),
    }
}

fn variable_tree(variable: &Variable) -> Tree {
    let (key, value) = match &variable.value {
        VariableValue::Text(text) => ("value", string(&text.value)),
        VariableValue::Literal(value) => {
            (if matches!(value, Value::Map(_)) { "map" } else { "value" }, value_tree(value))
        }
        VariableValue::Shell(text) => ("sh", string(&text.value)),
        VariableValue::Reference(text) => ("ref", string(&text.value)),
    };
    if variable.secret {
        return Tree::Map(vec![(key.to_owned(), value), ("secret".to_owned(), Tree::Bool(true))]);
    }
    if key == "value" { value } else { Tree::Map(vec![(key.to_owned(), value)]) }
}

/// A literal.
pub(super) fn value_tree(value: &Value) -> Tree {
    match value {
        Value::Null => Tree::Null,
        Value::Bool(b) => Tree::Bool(*b),
        Value::String(text) => string(text),
        Value::List(items) => Tree::List(items.iter().map(value_tree).collect()),
        Value::Map(map) => Tree::Map(map.iter().map(|(k, v)| (k.to_string(), value_tree(v))).collect()),
        // Without a point a whole number would come back as an integer.
        Value::Float(n) if n.is_finite() && n.fract() == 0.0 => Tree::Number(format!("{n:.1}")),
        number => Tree::Number(number.to_string()),
    }
}

fn output_tree(output: &ast::Output) -> Tree {
    let group = &output.group;
    if group.begin.is_none() && group.end.is_none() && !group.error_only {
        return string(&output.style.value);
    }
    let mut settings = Entries::default();
    settings.text("begin", group.begin.as_ref());
    settings.text("end", group.end.as_ref());
    settings.flag("error_only", group.error_only);
    Tree::Map(vec![("group".to_owned(), settings.tree())])
}

fn platform_tree(platform: &ast::Platform) -> Tree {
    match (&platform.os, &platform.arch) {
        (Some(os), Some(arch)) => Tree::Text(format!("{os}/{arch}")),
        (Some(one), None) | (None, Some(one)) => string(one),
        (None, None) => string(""),
    }
}

fn precondition_tree(precondition: &ast::Precondition) -> Tree {
    Tree::Map(vec![
        ("sh".to_owned(), string(&precondition.script.value)),
        ("msg".to_owned(), string(&precondition.message.value)),
    ])
}

fn glob_tree(glob: &Glob) -> Tree {
    let pattern = string(&glob.pattern.value);
    if glob.exclude { Tree::Map(vec![("exclude".to_owned(), pattern)]) } else { pattern }
}

fn loop_tree(repeat: &Loop) -> Tree {
    let mut out = Entries::default();
    match &repeat.source {
        LoopSource::List(items) => return Tree::List(items.iter().map(value_tree).collect()),
        LoopSource::Sources => return string("sources"),
        LoopSource::Generates => return string("generates"),
        LoopSource::UnknownWord(text) => return string(&text.value),
        LoopSource::Variable { name, split } => {
            out.text("var", Some(name));
            out.text("split", split.as_ref());
        }
        LoopSource::Matrix(rows) => {
            let rows = rows.iter().map(|row| {
                let values = match &row.values {
                    MatrixValues::List(items) => Tree::List(items.iter().map(value_tree).collect()),
                    MatrixValues::Reference(text) => Tree::Map(vec![("ref".to_owned(), string(&text.value))]),
                };
                (row.name.value.to_string(), values)
            });
            out.map("matrix", rows.collect());
        }
    }
    out.text("as", repeat.variable.as_ref());
    out.tree()
}

/// A name for the root namespace: without namespaces a leading colon would have stayed, too.
fn call_name(task: &Task, name: &Text) -> Tree {
    string(&task.callee(&name.value))
}

/// A duration as go-task reads it. Nanoseconds are a unit that Go reads, so no duration is rounded.
pub(super) fn duration_tree(duration: std::time::Duration) -> Tree {
    let nanoseconds = duration.as_nanos();
    let text = match nanoseconds {
        n if n % 1_000_000_000 == 0 => format!("{}s", n / 1_000_000_000),
        n if n % 1_000_000 == 0 => format!("{}ms", n / 1_000_000),
        n => format!("{n}ns"),
    };
    Tree::Text(text)
}
