//! Tasks, their aliases, the namespaces of includes, and all that calls them.

use std::ops::Range;
use std::sync::Arc;

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::builder::{Builder, NodeId, Scope};
use super::{Obstacle, Role, Spelling, SymbolKind, Target};
use crate::ast::{self, CommandAction, HookAction, Loop, Query, Text, Variable};
use crate::check::expand_call;
use crate::folder::DEFAULT_TASK;
use crate::ir::{Program, Resolution, Task, TaskId};
use crate::plugin;
use crate::project::Loaded;
use crate::source::Span;
use crate::template::has_template;

/// How many tasks a name that is put together when it runs may stand for before nothing is said of them.
const MAX_CANDIDATES: usize = 100;

/// How many such names without a fixed beginning are compared with all tasks.
const MAX_OPEN_SEARCHES: usize = 20;

/// How deep namespaces may nest; the project's own limit on includes is the same.
const MAX_DEPTH: usize = crate::project::MAX_INCLUDE_DEPTH;

/// A task as it is written, once for each file however often that is included.
pub struct Written<'a> {
    /// The task.
    pub task: &'a Arc<ast::Task>,
    /// Its symbol.
    pub node: NodeId,
    /// What the program made of it, once for each include.
    pub ids: Vec<TaskId>,
}

/// A call with variables: who calls, what is called, and what it is given.
pub struct Passed<'a> {
    /// The calling task, by its written number; none for a step.
    pub caller: Option<u32>,
    /// The calling task or step.
    pub within: Option<NodeId>,
    /// The called tasks.
    pub callees: Vec<u32>,
    /// The variables.
    pub vars: &'a [Variable],
    /// Whether names of params stand for their variables here.
    pub names_params: bool,
}

/// What is known of the tasks of a project.
#[derive(Default)]
pub struct Tasks<'a> {
    /// All, file by file.
    pub written: Vec<Written<'a>>,
    /// The calls.
    pub passed: Vec<Passed<'a>>,
    /// Which task inherits from which.
    pub bases: Vec<(u32, u32)>,
    /// Plugins that tasks name, each with the task's written number.
    pub plugins: Vec<(SmolStr, u32)>,
    by_span: FxHashMap<Span, u32>,
    /// For each file its tasks by their names in it.
    by_name: Vec<FxHashMap<&'a str, u32>>,
    /// The includes of each file, by their number.
    edges: Vec<Vec<usize>>,
    /// All names in order, once they are needed.
    sorted: Option<Vec<(SmolStr, TaskId)>>,
    open_searches: usize,
}

impl<'a> Tasks<'a> {
    /// The written number of a task of the program.
    pub fn number(&self, task: &Task) -> Option<u32> {
        self.by_span.get(&task.name_span()).copied()
    }

    /// A task by its written number.
    pub fn get(&self, number: u32) -> Option<&Written<'a>> {
        self.written.get(number as usize)
    }
}

/// A part of a name that a call writes.
pub struct Part {
    /// What it is.
    pub node: NodeId,
    /// Its bytes in the full name.
    pub range: Range<usize>,
    /// How it is written.
    pub spelling: Spelling,
    is_task: bool,
}

/// Adds all tasks and their calls.
pub fn add(builder: &mut Builder<'_>) {
    let (loaded, program) = (builder.indexed.loaded, builder.indexed.program);
    define(builder, loaded, program);
    includes(builder, loaded);
    for number in 0..builder.tasks.written.len() as u32 {
        calls(builder, program, number);
        plugins(builder, number);
    }
}

fn define<'a>(builder: &mut Builder<'a>, loaded: &'a Loaded, program: &'a Program) {
    let mut tasks = Tasks { edges: vec![Vec::new(); loaded.files.len()], ..Tasks::default() };
    for (index, edge) in loaded.edges.iter().enumerate() {
        if let Some(edges) = tasks.edges.get_mut(edge.from) {
            edges.push(index);
        }
    }
    for file in &loaded.files {
        let mut by_name = FxHashMap::default();
        for task in file.taskfile.iter().flat_map(|taskfile| &taskfile.tasks) {
            let number = tasks.written.len() as u32;
            let name = &task.name.value;
            let node = builder.node(Scope::Task(number), SymbolKind::Task, name);
            builder.add_name(node, &task.name, Role::Definition, None);
            if name == DEFAULT_TASK {
                builder.set_obstacle(node, Obstacle::DefaultTask);
            }
            tasks.by_span.insert(task.name.span, number);
            tasks.written.push(Written { task, node, ids: Vec::new() });
            by_name.insert(name.as_str(), number);
            for alias in &task.aliases {
                if alias.value == *name {
                    continue;
                }
                let further = builder.node(Scope::Task(number), SymbolKind::TaskAlias, &alias.value);
                builder.set_alias(further, node);
                builder.add_text(further, alias, Role::Definition, Some(node));
                by_name.entry(alias.value.as_str()).or_insert(number);
            }
        }
        tasks.by_name.push(by_name);
    }
    for id in program.ids() {
        let number = tasks.number(program.task(id));
        if let Some(written) = number.and_then(|number| tasks.written.get_mut(number as usize)) {
            written.ids.push(id);
        }
    }
    builder.tasks = tasks;
}

fn includes<'a>(builder: &mut Builder<'a>, loaded: &'a Loaded) {
    for (index, edge) in loaded.edges.iter().enumerate() {
        let include = &edge.include;
        let namespace =
            builder.node(Scope::Include(index as u32), SymbolKind::Namespace, &include.namespace.value);
        builder.add_name(namespace, &include.namespace, Role::Definition, None);
        for alias in &include.aliases {
            let further = builder.node(Scope::Include(index as u32), SymbolKind::Namespace, &alias.value);
            if further != namespace {
                builder.set_alias(further, namespace);
                builder.add_text(further, alias, Role::Definition, None);
            }
        }
        for exclude in &include.excludes {
            let name = exclude.value.strip_suffix(":*").unwrap_or(&exclude.value);
            let parts = parts_of(builder, edge.to, name, None);
            add_parts(builder, exclude, &parts, 0, Role::Read, None);
        }
    }
}

fn calls<'a>(builder: &mut Builder<'a>, program: &'a Program, number: u32) {
    let Some(written) = builder.tasks.get(number) else { return };
    let (task, within, ids) = (written.task, written.node, written.ids.clone());
    for dependency in &task.deps {
        let callees =
            call(builder, program, &ids, &dependency.task, dependency.repeat.as_deref(), within, Role::Call);
        pass(builder, number, callees, &dependency.vars, false);
    }
    for command in &task.cmds {
        let CommandAction::Call { task: name, vars } = &command.action else { continue };
        let callees = call(builder, program, &ids, name, command.repeat.as_deref(), within, Role::Call);
        pass(builder, number, callees, vars, false);
    }
    if let Some(superset) = task.superset.as_deref() {
        if let Some(base) = &superset.extends {
            let bases = call(builder, program, &ids, base, None, within, Role::Read);
            builder.tasks.bases.extend(bases.into_iter().map(|base| (number, base)));
        }
        for step in superset.compose.iter().flat_map(|compose| &compose.value) {
            let callees = call(builder, program, &ids, &step.task, None, within, Role::Call);
            pass(builder, number, callees.clone(), &step.defaults, true);
            pass(builder, number, callees, &superset.defaults, true);
        }
    }
    let facts = builder.indexed.memo.facts_of_task(task);
    for (name, span) in facts.iter().flat_map(|facts| &facts.names.runs) {
        if let Resolution::Task(id, stars) = program.resolve(name) {
            let text =
                Text { value: name.clone(), span: *span, style: crate::yaml::node::ScalarStyle::Plain };
            named(builder, program, id, &stars, &text, name, Role::Call, Some(within));
        }
    }
}

fn pass<'a>(
    builder: &mut Builder<'a>,
    caller: u32,
    callees: Vec<u32>,
    vars: &'a [Variable],
    names_params: bool,
) {
    let within = builder.tasks.get(caller).map(|written| written.node);
    builder.tasks.passed.push(Passed { caller: Some(caller), within, callees, vars, names_params });
}

/// Adds a call; gives the written numbers of what it calls.
fn call(
    builder: &mut Builder<'_>,
    program: &Program,
    ids: &[TaskId],
    text: &Text,
    repeat: Option<&Loop>,
    within: NodeId,
    role: Role,
) -> Vec<u32> {
    let mut callees = Vec::new();
    for id in ids {
        let caller = program.task(*id);
        if !has_template(&text.value) {
            let full = caller.callee(&text.value);
            callees.extend(resolved(builder, program, text, &full, role, within));
        } else if let Some(names) = expand_call(&text.value, repeat) {
            let is_item = is_item_alone(&text.value);
            for name in names {
                let full = caller.callee(&name);
                let item = repeat.filter(|_| is_item).and_then(|repeat| item_of(builder, repeat, &name));
                let found = match &item {
                    Some(item) => resolved(builder, program, item, &full, role, within),
                    None => Vec::new(),
                };
                if let Resolution::Task(id, _) = program.resolve(&full) {
                    let obstacle = item.is_none().then(|| Obstacle::OpenCall(text.value.clone()));
                    implied(builder, program, id, text, obstacle, role, within);
                    callees.extend(builder.tasks.number(program.task(id)));
                }
                callees.extend(found);
            }
        } else {
            let full = caller.callee(&text.value);
            for id in candidates(builder, program, &full) {
                let obstacle = Some(Obstacle::OpenCall(text.value.clone()));
                implied(builder, program, id, text, obstacle, role, within);
                callees.extend(builder.tasks.number(program.task(id)));
            }
        }
    }
    callees.sort_unstable();
    callees.dedup();
    callees
}

/// A name that is written out.
fn resolved(
    builder: &mut Builder<'_>,
    program: &Program,
    text: &Text,
    full: &str,
    role: Role,
    within: NodeId,
) -> Vec<u32> {
    let ids = match program.resolve(full) {
        Resolution::Task(id, stars) => {
            named(builder, program, id, &stars, text, full, role, Some(within));
            vec![id]
        }
        Resolution::Ambiguous(ids) => ids,
        Resolution::Unknown => Vec::new(),
    };
    ids.into_iter().filter_map(|id| builder.tasks.number(program.task(id))).collect()
}

/// Adds the parts of a name that stands for a task; `full` is the name as the root would write it.
#[expect(clippy::too_many_arguments, reason = "what is called, and where that is written")]
pub fn named(
    builder: &mut Builder<'_>,
    program: &Program,
    id: TaskId,
    stars: &[SmolStr],
    text: &Text,
    full: &str,
    role: Role,
    within: Option<NodeId>,
) {
    let task = program.task(id);
    let Some(number) = builder.tasks.number(task) else { return };
    let written = text.value.trim_start_matches(':');
    let lead = text.value.len() - written.len();
    let Some(before) = full.len().checked_sub(written.len()) else { return };
    if !stars.is_empty() || task.is_wildcard() && task.name != full {
        let Some(node) = builder.tasks.get(number).map(|written| written.node) else { return };
        builder.add(node, builder.text_span(text, lead..text.value.len()), role, Spelling::Implied, within);
        builder.set_obstacle(node, Obstacle::Wildcard);
        return;
    }
    let parts = parts_of(builder, 0, full, Some(number));
    let shifted: Vec<Part> = parts
        .into_iter()
        .filter(|part| part.range.start >= before)
        .map(|part| Part { range: part.range.start - before + lead..part.range.end - before + lead, ..part })
        .collect();
    add_parts(builder, text, &shifted, 0, role, within);
}

pub fn add_parts(
    builder: &mut Builder<'_>,
    text: &Text,
    parts: &[Part],
    shift: usize,
    role: Role,
    within: Option<NodeId>,
) {
    for part in parts {
        let span = builder.text_span(text, part.range.start + shift..part.range.end + shift);
        let role = if part.is_task { role } else { Role::Read };
        builder.add(part.node, span, role, part.spelling, within);
    }
}

/// A place that means a task without naming it.
pub fn implied(
    builder: &mut Builder<'_>,
    program: &Program,
    id: TaskId,
    text: &Text,
    obstacle: Option<Obstacle>,
    role: Role,
    within: NodeId,
) {
    let Some(number) = builder.tasks.number(program.task(id)) else { return };
    let Some(node) = builder.tasks.get(number).map(|written| written.node) else { return };
    let span = builder.text_span(text, 0..text.value.len());
    builder.add(node, span, role, Spelling::Implied, Some(within));
    let Some(obstacle) = obstacle else { return };
    let task = program.task(id);
    // Any of its names may be the one that is put together, and any namespace in it a part of that.
    for name in std::iter::once(&task.name).chain(&task.aliases) {
        for part in parts_of(builder, 0, name, Some(number)) {
            builder.set_obstacle(part.node, obstacle.clone());
        }
    }
    builder.set_obstacle(node, obstacle);
}

/// What the parts of a name stand for, as a file writes it: namespaces, and the task.
pub fn parts_of(builder: &Builder<'_>, file: usize, name: &str, wanted: Option<u32>) -> Vec<Part> {
    let mut parts = Vec::new();
    if !find_parts(builder, file, name, 0, wanted, 0, &mut parts) {
        parts.clear();
    }
    parts
}

fn find_parts(
    builder: &Builder<'_>,
    file: usize,
    name: &str,
    at: usize,
    wanted: Option<u32>,
    depth: usize,
    parts: &mut Vec<Part>,
) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    let tasks = &builder.tasks;
    let local = tasks.by_name.get(file).and_then(|names| names.get(name)).copied();
    if let Some(number) = local.filter(|number| wanted.is_none_or(|wanted| wanted == *number)) {
        let Some(written) = tasks.get(number) else { return false };
        let name = SmolStr::new(name);
        let node = builder.find(Scope::Task(number), &name).unwrap_or(written.node);
        parts.push(Part { node, range: at..at + name.len(), spelling: Spelling::Name, is_task: true });
        return true;
    }
    let loaded = builder.indexed.loaded;
    for (index, edge) in
        tasks.edges.get(file).into_iter().flatten().filter_map(|i| Some((*i, loaded.edges.get(*i)?)))
    {
        let include = &edge.include;
        if include.flatten {
            if find_parts(builder, edge.to, name, at, wanted, depth + 1, parts) {
                return true;
            }
            continue;
        }
        let names =
            std::iter::once(&include.namespace.value).chain(include.aliases.iter().map(|alias| &alias.value));
        for namespace in names {
            let Some(rest) = name.strip_prefix(namespace.as_str()) else { continue };
            let Some(node) = builder.find(Scope::Include(index as u32), namespace) else { continue };
            let part =
                || Part { node, range: at..at + namespace.len(), spelling: Spelling::Name, is_task: false };
            if let Some(rest) = rest.strip_prefix(':') {
                let known = parts.len();
                parts.push(part());
                if find_parts(builder, edge.to, rest, at + namespace.len() + 1, wanted, depth + 1, parts) {
                    return true;
                }
                parts.truncate(known);
            } else if rest.is_empty() {
                parts.push(part());
                // The namespace alone calls the included `default`.
                let default = tasks.by_name.get(edge.to).and_then(|names| names.get(DEFAULT_TASK)).copied();
                if let Some(written) = default.or(wanted).and_then(|number| tasks.get(number)) {
                    let range = at..at + namespace.len();
                    parts.push(Part {
                        node: written.node,
                        range,
                        spelling: Spelling::Implied,
                        is_task: true,
                    });
                }
                return true;
            }
        }
    }
    false
}

/// Whether a name is nothing but the item of a loop.
fn is_item_alone(name: &str) -> bool {
    let inner = name.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inner.is_some_and(|inner| !inner.contains(['{', '}', ' ']) || !inner.trim().contains(['{', '}', ' ']))
}

/// Where an item of a loop is written, if that is one place.
fn item_of(builder: &Builder<'_>, repeat: &Loop, item: &str) -> Option<Text> {
    let written = builder.sources.text(repeat.span);
    let is_border = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "[],'\"".contains(c));
    let mut places = written.match_indices(item).filter(|(at, _)| {
        is_border(written.get(..*at).and_then(|before| before.chars().next_back()))
            && is_border(written.get(at + item.len()..).and_then(|after| after.chars().next()))
    });
    let (at, _) = places.next()?;
    if places.next().is_some() {
        return None;
    }
    let start = repeat.span.start + at as u32;
    let span = Span { start, end: start + item.len() as u32, ..repeat.span };
    Some(Text { value: item.into(), span, style: crate::yaml::node::ScalarStyle::Plain })
}

/// The tasks that a name with templates may stand for: those that begin and end like it.
fn candidates(builder: &mut Builder<'_>, program: &Program, full: &str) -> Vec<TaskId> {
    let before = full.split("{{").next().unwrap_or_default();
    let after = full.rsplit("}}").next().unwrap_or_default();
    if before.is_empty() && after.is_empty() {
        return Vec::new();
    }
    let fits = |name: &str| name.len() >= before.len() + after.len() && name.ends_with(after);
    let found: Vec<TaskId> = if before.is_empty() {
        let tasks = &mut builder.tasks;
        tasks.open_searches += 1;
        if tasks.open_searches > MAX_OPEN_SEARCHES {
            return Vec::new();
        }
        program.ids().filter(|id| fits(&program.task(*id).name)).take(MAX_CANDIDATES + 1).collect()
    } else {
        let sorted = builder.tasks.sorted.get_or_insert_with(|| {
            let mut names: Vec<(SmolStr, TaskId)> =
                program.ids().map(|id| (program.task(id).name.clone(), id)).collect();
            names.sort_unstable();
            names
        });
        let from = sorted.partition_point(|(name, _)| name.as_str() < before);
        let begin_so =
            sorted.get(from..).unwrap_or_default().iter().take_while(|(name, _)| name.starts_with(before));
        begin_so.filter(|(name, _)| fits(name)).map(|(_, id)| *id).take(MAX_CANDIDATES + 1).collect()
    };
    if found.len() > MAX_CANDIDATES { Vec::new() } else { found }
}

/// The file of a plugin, also of one that says nothing yet.
fn plugin_file(builder: &Builder<'_>, name: &str) -> Option<Utf8PathBuf> {
    let indexed = builder.indexed;
    if let Some(found) = indexed.plugins.find(name) {
        return Some(found.path.clone());
    }
    let directory = indexed.loaded.root_dir.join(plugin::PROJECT_DIRECTORY);
    let mut files =
        ["yml", "yaml"].into_iter().map(|extension| directory.join(format!("{name}.{extension}")));
    files.find(|path| indexed.files.kind(path).is_some())
}

/// The plugins that a task names.
fn plugins(builder: &mut Builder<'_>, number: u32) {
    let Some(written) = builder.tasks.get(number) else { return };
    let (within, Some(superset)) = (written.node, written.task.superset.as_deref()) else { return };
    let mut named: Vec<&Text> = Vec::new();
    for hook in &superset.hooks {
        if let HookAction::Plugin(name) = &hook.action {
            named.push(name);
        }
    }
    for param in &superset.params {
        if let Some(Query::Plugin(name)) = &param.query {
            named.push(name);
        }
    }
    for name in named {
        let node = builder.node(Scope::Plugins, SymbolKind::Plugin, &name.value);
        builder.set_obstacle(node, Obstacle::FileName);
        builder.tasks.plugins.push((name.value.clone(), number));
        // The text may have `@plugin:` before the name.
        let written = builder.sources.text(name.span);
        let span = match written.rfind(name.value.as_str()) {
            Some(at) => {
                let start = name.span.start + at as u32;
                Span { start, end: start + name.value.len() as u32, ..name.span }
            }
            None => name.span,
        };
        builder.add(node, span, Role::Read, Spelling::Name, Some(within));
        if let Some(path) = plugin_file(builder, &name.value) {
            builder.set_target(node, Target { path, task: None });
        }
    }
}
