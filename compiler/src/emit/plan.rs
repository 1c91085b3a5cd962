//! A plan as a Taskfile that go-task runs as `ez plan run` does, as far as it can.
//!
//! For each step there are two tasks: `step-<slug>` waits for the steps that it needs and then calls `run-<slug>`, which has
//! the condition, takes the inputs, calls the task and keeps what it made. Two, because go-task evaluates variables and
//! conditions before dependencies.

use std::fmt::Write as _;
use std::time::Duration;

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::placed::{Calls, DEFAULT, PRELUDE, Placed, STEP_DIR, rooted};
use super::step_scripts::{
    ATTEMPTS, KEEP, KEEP_SCRIPT, OUTPUTS, PLACE, PLACE_SCRIPT, Placing, STEPS, keep_artifact, leaves_files,
    make_directory, place_input, prepare,
};
use super::step_values::{PlanNames, build_path};
use super::taskfile::{duration_tree, header, quoted, taskfile};
use crate::ast::EnumValues;
use crate::ast::param::variable_name;
use crate::folder;
use crate::ir::plan::{Node, PlanStep, TaskKind};
use crate::ir::{NodeId, Plan, Program, Resolution, TaskId};
use crate::parallel;
use crate::project::Loaded;
use crate::project::remote::sha256;
use crate::source::SourceMap;
use crate::superset;
use crate::workspace;
use crate::yaml::emit::{Tree, write};

/// From the directory of the compiled plan to the project's root: `.ez/plans/<name>/build`.
const WAY: &str = "../../../..";
/// The task that removes what an earlier run left.
const PREPARE: &str = "ez:prepare";
/// What a step takes in the file, about.
const BYTES_A_STEP: usize = 800;
/// The longest pause before a further attempt.
const MAX_PAUSE: Duration = Duration::from_hours(1);

/// What a plan is compiled with.
pub struct PlanProject<'a> {
    /// The project's tasks.
    pub program: &'a Program,
    /// The project's files.
    pub loaded: &'a Loaded,
    /// All texts, the plan's among them.
    pub sources: &'a SourceMap,
    /// The folder tasks that steps name.
    pub folders: Vec<PlanFolder<'a>>,
}

/// A folder task that a plan's steps name.
pub struct PlanFolder<'a> {
    /// The folder's name.
    pub name: &'a str,
    /// Its tasks.
    pub program: &'a Program,
    /// Its files.
    pub loaded: &'a Loaded,
    /// Its texts.
    pub sources: &'a SourceMap,
}

/// A compiled plan.
#[derive(Clone, Debug)]
pub struct CompiledTaskfile {
    /// `Taskfile.yml`
    pub text: String,
    /// Taskfiles of folder tasks, by their paths beside it.
    pub folders: Vec<(Utf8PathBuf, String)>,
    /// One line each: what behaves differently than under `ez plan run`.
    pub notes: Vec<String>,
}

/// Writes a plan as a Taskfile. Steps that may start at once are started in the order that `seed` gives, where some are
/// shuffled.
pub fn plan_taskfile(plan: &Plan, project: &PlanProject<'_>, seed: Option<u64>) -> CompiledTaskfile {
    let calls = calls_of(plan, project.program);
    let placed = Placed::new(project.program, project.loaded, &calls, WAY);
    let mut notes = placed.notes.clone();
    notes.extend(plan_notes(plan));
    let folders: Vec<(Utf8PathBuf, String)> = project
        .folders
        .iter()
        .map(|folder| {
            let emitted = taskfile(folder.program, folder.loaded, folder.sources);
            notes.extend(emitted.notes.into_iter().map(|note| format!("{}: {note}", folder.name)));
            (Utf8PathBuf::from(format!("folders/{}.yml", folder.name)), emitted.text)
        })
        .collect();
    notes.dedup();
    let emitter = Emitter { plan, project, placed: &placed, names: PlanNames::new(plan) };
    let mut text = header(project.loaded, project.sources);
    emitter.write_sources(&mut text);
    for note in &notes {
        // A `String` takes all that is written to it, here and below.
        let _ = writeln!(text, "# note: {note}");
    }
    if let Some(seed) = seed {
        let _ = writeln!(text, "# seed: {seed}");
    }
    text.push_str(&write(&Tree::Map(head(plan, &placed))));
    text.push_str("tasks:\n");
    emitter.write_tasks(seed, &mut text);
    if !placed.tasks.is_empty() {
        text.push_str("  # Tasks of the project.\n");
    }
    for (name, task) in &placed.tasks {
        write_task(name, task.clone(), &mut text);
    }
    CompiledTaskfile { text, folders, notes }
}

/// What stands before the tasks.
fn head(plan: &Plan, placed: &Placed) -> Vec<(String, Tree)> {
    let mut scripts = Vec::new();
    if plan.steps.iter().any(|step| !step.artifacts.is_empty()) {
        scripts.push(entry(KEEP, text(KEEP_SCRIPT)));
    }
    if plan.steps.iter().any(|step| !step.inputs.is_empty()) {
        scripts.push(entry(PLACE, text(PLACE_SCRIPT)));
    }
    let mut head = placed.head.clone();
    if let Some((_, Tree::Map(vars))) = head.iter_mut().find(|(key, _)| key == "vars") {
        vars.extend(scripts);
    }
    head
}

/// What only `ez plan run` does.
fn plan_notes(plan: &Plan) -> Vec<String> {
    let mut notes =
        vec!["a run that was stopped begins anew: only `ez plan run --resume` goes on".to_owned()];
    for step in &plan.steps {
        let name = &step.name.value;
        if step.checkpoint.is_some() {
            notes.push(format!("`{name}`: go-task asks at its checkpoint, but a no ends the run for good"));
        }
        if step.retry.is_some_and(|retry| retry.count > 0) {
            notes.push(format!(
                "`{name}`: a further attempt does not run tasks with `run: once` or `run: when_changed` again"
            ));
        }
        if step.remote == Some(true) || !step.machines.is_empty() {
            notes.push(format!("`{name}`: runs on this machine, since go-task knows no others"));
        }
    }
    notes
}

fn calls_of(plan: &Plan, program: &Program) -> Calls {
    let mut calls = Calls::default();
    let mut known: FxHashMap<&SmolStr, Option<TaskId>> = FxHashMap::default();
    for node in plan.nodes.iter().filter(|node| node.kind == TaskKind::Inline) {
        let step = plan.step(node.step);
        let id = *known.entry(&node.task).or_insert_with(|| match program.resolve(&node.task) {
            Resolution::Task(id, _) => Some(id),
            _ => None,
        });
        let Some(id) = id else { continue };
        calls.roots.push(id);
        if has_prelude(step) {
            calls.with_prelude.push(id);
        }
        if step.workspace {
            calls.with_dir.insert(id);
        }
    }
    calls.roots.sort_unstable();
    calls.roots.dedup();
    calls
}

fn has_prelude(step: &PlanStep) -> bool {
    !step.env.is_empty() || !step.outputs.is_empty()
}

fn text(text: impl Into<String>) -> Tree {
    Tree::Text(text.into())
}

fn entry(key: &str, value: Tree) -> (String, Tree) {
    (key.to_owned(), value)
}

fn map(entries: Vec<(String, Tree)>) -> Tree {
    Tree::Map(entries)
}

/// A command of the plan's own, which is not shown.
fn quiet(script: String) -> Tree {
    map(vec![entry("cmd", text(script)), entry("silent", Tree::Bool(true))])
}

/// A task below `tasks:`.
fn write_task(name: &str, task: Tree, out: &mut String) {
    for line in write(&map(vec![entry(name, task)])).lines() {
        if !line.is_empty() {
            out.push_str("  ");
            out.push_str(line);
        }
        out.push('\n');
    }
}

struct Emitter<'a> {
    plan: &'a Plan,
    project: &'a PlanProject<'a>,
    placed: &'a Placed,
    names: PlanNames<'a>,
}

impl Emitter<'_> {
    fn write_sources(&self, out: &mut String) {
        let root = &self.project.loaded.root_dir;
        if let Some(file) = self.project.sources.find(&self.plan.file) {
            let hash = sha256(self.project.sources.file(file).text.as_bytes());
            let shown = self.plan.file.strip_prefix(root).unwrap_or(&self.plan.file);
            let _ = writeln!(out, "# source: {shown} sha256:{hash}");
        }
        for folder in &self.project.folders {
            for file in &folder.loaded.files {
                let hash = sha256(folder.sources.file(file.file).text.as_bytes());
                let shown = file.path.strip_prefix(root).unwrap_or(&file.path);
                let _ = writeln!(out, "# source: {shown} sha256:{hash}");
            }
        }
    }

    fn write_tasks(&self, seed: Option<u64>, out: &mut String) {
        let order = seed.map_or_else(|| self.plan.ids().collect(), |seed| self.plan.start_order(seed));
        write_task(DEFAULT, self.default_task(&order), out);
        if leaves_files(self.plan) {
            let task = map(vec![
                entry("internal", Tree::Bool(true)),
                entry("run", text("once")),
                entry("cmds", Tree::List(vec![quiet(prepare())])),
            ]);
            write_task(PREPARE, task, out);
        }
        let ids: Vec<NodeId> = self.plan.ids().collect();
        let write_step = |id: &NodeId| {
            let mut text = String::with_capacity(BYTES_A_STEP);
            self.write_step(*id, &mut text);
            text
        };
        for text in parallel::map(&ids, ids.len() * BYTES_A_STEP, write_step) {
            out.push_str(&text);
        }
    }

    /// Everything, and what the plan's params have to be.
    fn default_task(&self, order: &[NodeId]) -> Tree {
        let mut task = Vec::new();
        let desc = self.plan.desc.as_ref().unwrap_or(&self.plan.name);
        task.push(entry("desc", text(desc.as_str())));
        let superset =
            crate::ast::Superset { params: self.plan.params.clone(), ..crate::ast::Superset::default() };
        let required = superset::requirements(&superset);
        if !required.is_empty() {
            let mut vars = Vec::new();
            let mut items = Vec::new();
            for required in &required {
                let name = &required.name.value;
                let param = self.plan.params.iter().find(|param| variable_name(&param.name.value) == *name);
                if let Some(default) = param.and_then(|param| param.default.as_ref()) {
                    let value =
                        format!("{{{{if .{name}}}}}{{{{.{name}}}}}{{{{else}}}}{}{{{{end}}}}", default.value);
                    vars.push(entry(name, text(value)));
                }
                items.push(match &required.allowed {
                    Some(allowed) => match &allowed.values {
                        EnumValues::List(values) => map(vec![
                            entry("name", text(name.as_str())),
                            entry(
                                "enum",
                                Tree::List(values.iter().map(|value| text(value.as_str())).collect()),
                            ),
                        ]),
                        EnumValues::Reference(_) => text(name.as_str()),
                    },
                    None => text(name.as_str()),
                });
            }
            task.push(entry("requires", map(vec![entry("vars", Tree::List(items))])));
            if !vars.is_empty() {
                task.push(entry("vars", map(vars)));
            }
        }
        let deps = order.iter().map(|id| text(format!("step-{}", self.plan.node(*id).slug)));
        task.push(entry("deps", Tree::List(deps.collect())));
        map(task)
    }

    fn write_step(&self, id: NodeId, out: &mut String) {
        let (node, step) = (self.plan.node(id), self.plan.step_of(id));
        let position = self.project.sources.position(step.name.span);
        let file = self.plan.file.file_name().unwrap_or_default();
        let _ = writeln!(out, "  # {} ({file}:{})", node.name.replace('\n', " "), position.line);
        let mut deps: Vec<Tree> = self
            .plan
            .needs
            .of(id)
            .iter()
            .map(|need| text(format!("step-{}", self.plan.node(*need).slug)))
            .collect();
        if deps.is_empty() && leaves_files(self.plan) {
            deps.push(text(PREPARE));
        }
        let mut waits = vec![entry("desc", text(node.name.as_str())), entry("run", text("once"))];
        if !deps.is_empty() {
            waits.push(entry("deps", Tree::List(deps)));
        }
        let call = map(vec![entry("task", text(format!("run-{}", node.slug)))]);
        waits.push(entry("cmds", Tree::List(vec![call])));
        write_task(&format!("step-{}", node.slug), map(waits), out);
        let run = self.run_task(id);
        write_task(&format!("run-{}", node.slug), run, out);
        if needs_mark(step) {
            write_task(&format!("call-{}", node.slug), self.call_task(id), out);
        }
    }

    /// The directory in which a step runs, as a word of the shell.
    fn dir_word(&self, node: &Node, step: &PlanStep) -> String {
        if step.workspace || node.kind == TaskKind::Folder {
            return build_path(&[STEPS, &node.slug]);
        }
        let dir = match self.project.program.resolve(&node.task) {
            Resolution::Task(id, _) => self.project.program.task(id).dir.clone(),
            _ => SmolStr::default(),
        };
        let root = &self.project.loaded.root_dir;
        let dir =
            camino::Utf8Path::new(&dir).strip_prefix(root).map_or(dir.as_str(), camino::Utf8Path::as_str);
        match rooted(dir).strip_prefix("{{.ROOT_DIR}}") {
            Some("") => "{{.ROOT_DIR | shellQuote}}".to_owned(),
            Some(rest) if rest.contains("{{") => format!("\"{{{{.ROOT_DIR}}}}{rest}\""),
            Some(rest) => format!("{{{{.ROOT_DIR | shellQuote}}}}{}", quoted(rest)),
            None => format!("\"{}\"", rooted(dir)),
        }
    }

    fn run_task(&self, id: NodeId) -> Tree {
        let (node, step) = (self.plan.node(id), self.plan.step_of(id));
        let mut task = vec![entry("internal", Tree::Bool(true)), entry("run", text("always"))];
        let mut vars = self.names.variables(id);
        for (index, artifact) in step.artifacts.iter().enumerate() {
            vars.push(entry(&format!("EZ_ARTIFACT_{index}"), text(artifact.path.text.as_str())));
        }
        for (index, input) in step.inputs.iter().enumerate() {
            vars.push(entry(&format!("EZ_INPUT_{index}"), text(input.to.text.as_str())));
        }
        if !needs_mark(step) {
            vars.extend(self.passed(node, step));
        }
        if let Some(when) = &step.when {
            vars.push(entry("EZ_WHEN", text(when.text.as_str())));
        }
        if !vars.is_empty() {
            task.push(entry("vars", map(vars)));
        }
        if step.when.is_some() {
            let test = "case {{.EZ_WHEN | toString | trim | shellQuote}} in ''|false|0|no) false ;; esac";
            task.push(entry("if", text(test)));
        }
        if let Some(checkpoint) = &step.checkpoint {
            let asked = checkpoint.prompt.as_ref().map_or_else(
                || format!("Continue with {}?", node.name),
                |prompt| prompt.text.value.to_string(),
            );
            task.push(entry("prompt", text(asked)));
        }
        task.push(entry("cmds", Tree::List(self.commands(id))));
        map(task)
    }

    fn commands(&self, id: NodeId) -> Vec<Tree> {
        let (node, step) = (self.plan.node(id), self.plan.step_of(id));
        let dir = self.dir_word(node, step);
        let mut cmds = Vec::new();
        let folder = (node.kind == TaskKind::Folder).then(|| folder::split_name(&node.task).0);
        if let Some(name) = folder {
            cmds.push(quiet(make_directory(node, Some((name, &self.own_entries(name))))));
        } else if step.workspace {
            cmds.push(quiet(make_directory(node, None)));
        }
        for (index, (input, sources)) in step.inputs.iter().zip(&node.sources).enumerate() {
            let to = format!("{{{{.EZ_INPUT_{index} | shellQuote}}}}");
            for source in sources {
                cmds.push(quiet(place_input(&Placing {
                    source: self.plan.node(*source),
                    artifact: &input.artifact_name,
                    dir: &dir,
                    to: &to,
                    is_collected: input.is_collected && input.to.text.value.ends_with('/'),
                    optional: input.optional,
                })));
            }
        }
        let mark = build_path(&[ATTEMPTS, &node.slug]);
        if needs_mark(step) {
            cmds.extend(Self::attempts(node, step, &mark));
        } else {
            cmds.push(self.call(node, step));
        }
        for (index, artifact) in step.artifacts.iter().enumerate() {
            let path = format!("{{{{.EZ_ARTIFACT_{index} | shellQuote}}}}");
            let mut keep = vec![
                entry("cmd", text(keep_artifact(node, artifact, &dir, &path))),
                entry("silent", Tree::Bool(true)),
            ];
            if artifact.path.text.value.contains("**") {
                keep.push(entry("shopt", Tree::List(vec![text("globstar")])));
            }
            if step.continue_on_error {
                keep.insert(1, entry("if", text(format!("[ -e {mark} ]"))));
            }
            cmds.push(map(keep));
        }
        cmds
    }

    /// One call an attempt, each only while none has succeeded.
    fn attempts(node: &Node, step: &PlanStep, mark: &str) -> Vec<Tree> {
        let retry = step.retry.filter(|retry| retry.count > 0);
        let count = retry.map_or(0, |retry| retry.count);
        let mut pause = retry.map_or(Duration::ZERO, |retry| retry.backoff);
        let mut cmds = Vec::new();
        let unless_done = || entry("if", text(format!("[ ! -e {mark} ]")));
        for attempt in 0..=count {
            if attempt > 0 && !pause.is_zero() {
                let script = format!("sleep {}", pause.as_secs_f64());
                cmds.push(map(vec![
                    entry("cmd", text(script)),
                    unless_done(),
                    entry("silent", Tree::Bool(true)),
                ]));
                pause = (pause * 2).min(MAX_PAUSE);
            }
            let mut call = vec![entry("task", text(format!("call-{}", node.slug)))];
            if attempt > 0 {
                call.push(unless_done());
            }
            // The last attempt's failure is that of the step.
            if attempt < count || step.continue_on_error {
                call.push(entry("ignore_error", Tree::Bool(true)));
            }
            if let Some(timeout) = step.timeout {
                call.push(entry("timeout", duration_tree(timeout)));
            }
            cmds.push(map(call));
        }
        cmds
    }

    /// An attempt, which leaves a mark where it succeeds.
    fn call_task(&self, id: NodeId) -> Tree {
        let (node, step) = (self.plan.node(id), self.plan.step_of(id));
        let mut task = vec![entry("internal", Tree::Bool(true)), entry("run", text("always"))];
        let mut vars = self.names.variables(id);
        vars.extend(self.passed(node, step));
        if !vars.is_empty() {
            task.push(entry("vars", map(vars)));
        }
        let untimed = PlanStep { timeout: None, ..step.clone() };
        let mark = quiet(format!("touch {}", build_path(&[ATTEMPTS, &node.slug])));
        task.push(entry("cmds", Tree::List(vec![self.call(node, &untimed), mark])));
        map(task)
    }

    /// Variables of the step's own task that hold what is passed to a folder task.
    fn passed(&self, node: &Node, step: &PlanStep) -> Vec<(String, Tree)> {
        let mut vars = Vec::new();
        if node.kind == TaskKind::Folder {
            for (index, variable) in step.vars.iter().enumerate() {
                vars.push(entry(&format!("EZ_PASS_{index}"), self.names.variable(variable, false)));
            }
        }
        for (index, variable) in step.env.iter().enumerate() {
            vars.push(entry(&format!("EZ_ENV_{index}"), self.names.variable(variable, false)));
        }
        vars
    }

    fn call(&self, node: &Node, step: &PlanStep) -> Tree {
        let mut call = if node.kind == TaskKind::Folder {
            vec![entry("cmd", text(Self::folder_call(node, step)))]
        } else {
            self.inline_call(node, step)
        };
        if let Some(timeout) = step.timeout {
            call.push(entry("timeout", duration_tree(timeout)));
        }
        map(call)
    }

    fn inline_call(&self, node: &Node, step: &PlanStep) -> Vec<(String, Tree)> {
        let mut call = vec![entry("task", text(self.placed.name(&node.task)))];
        let mut vars: Vec<(String, Tree)> = step
            .vars
            .iter()
            .map(|variable| (variable.name.value.to_string(), self.names.variable(variable, true)))
            .collect();
        if step.workspace {
            vars.push(entry(STEP_DIR, text(format!("{{{{.TASKFILE_DIR}}}}/{STEPS}/{}", node.slug))));
        }
        if has_prelude(step) {
            vars.push(entry(PRELUDE, text(Self::prelude(node, step))));
        }
        if !vars.is_empty() {
            call.push(entry("vars", map(vars)));
        }
        call
    }

    /// What is done in the shell before each command.
    fn prelude(node: &Node, step: &PlanStep) -> String {
        let mut prelude = String::new();
        for (index, variable) in step.env.iter().enumerate() {
            let name = &variable.name.value;
            let _ = write!(prelude, "export {name}={{{{.EZ_ENV_{index} | toString | shellQuote}}}}; ");
        }
        if !step.outputs.is_empty() {
            let _ = write!(prelude, "export EZ_STEP_OUTPUT={}; ", build_path(&[OUTPUTS, &node.slug]));
        }
        prelude
    }

    /// A folder task runs in a go-task of its own, as it does on its own.
    fn folder_call(node: &Node, step: &PlanStep) -> String {
        let (_, task) = folder::split_name(&node.task);
        let mut script = Self::prelude(node, step);
        let dir = build_path(&[STEPS, &node.slug]);
        let _ = write!(script, "{{{{.TASK_EXE | shellQuote}}}} -d {dir} {}", quoted(task));
        for (index, variable) in step.vars.iter().enumerate() {
            let name = &variable.name.value;
            let value = format!("{name}={{{{.EZ_PASS_{index} | toString | shellQuote}}}}");
            if variable.requires.is_empty() {
                let _ = write!(script, " {value}");
            } else {
                let _ = write!(script, "{{{{if .EZ_PASS_{index}}}}} {value}{{{{end}}}}");
            }
        }
        script
    }

    /// The entries of a folder that its tasks write, which are no links.
    fn own_entries(&self, name: &str) -> Vec<String> {
        let Some(folder) = self.project.folders.iter().find(|folder| folder.name == name) else {
            return Vec::new();
        };
        let mut entries: Vec<String> = workspace::outputs(folder.program)
            .iter()
            .filter_map(|path| path.split('/').next())
            .filter(|first| !first.contains('*'))
            .map(str::to_owned)
            .collect();
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}

/// Whether a step's success is told by a mark: where a failure is not the end.
fn needs_mark(step: &PlanStep) -> bool {
    step.continue_on_error || step.retry.is_some_and(|retry| retry.count > 0)
}
