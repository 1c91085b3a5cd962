//! Folder tasks, each a program of its own whose names plans use: its index holds the places in plans as well, and the
//! index of the project what plans name of it.

use std::sync::Arc;

use camino::Utf8Path;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::builder::{Builder, NodeId, Scope};
use super::tasks::{self, Passed};
use super::variables::default_task;
use super::{
    IndexedFolder, Obstacle, Role, Spelling, SymbolId, SymbolIndex, SymbolKind, Target, parts, rest,
};
use crate::ast::{Text, Variable};
use crate::folder::{DEFAULT_TASK, split_name};
use crate::ir::{Program, Resolution};
use crate::plan::CompiledPlan;
use crate::source::{FileId, SourceFile, SourceId, SourceMap, Span};
use crate::yaml::node::ScalarStyle;

/// A task of a folder, as the project names it.
pub struct Called {
    /// The folder, by its number.
    pub folder: u32,
    /// The task in it.
    pub task: SmolStr,
    /// Where in the name that of the task begins; `None` where the folder's name stands for its task `default`.
    at: Option<usize>,
}

/// A place in a plan that names something of a folder task.
pub struct Mention<'a> {
    folder: u32,
    task: SmolStr,
    span: Span,
    /// The step that the place is in.
    within: NodeId,
    what: What<'a>,
}

enum What<'a> {
    /// The name of the task.
    Task(Role),
    /// The task without its name, and why that keeps it from getting another one.
    Meant(Role, Option<Obstacle>),
    /// What the task is given.
    Given(&'a [Variable]),
    /// An artifact by its name.
    Artifact(SmolStr),
}

/// The folder task that a name stands for where no task of the project has it.
pub fn called(builder: &Builder<'_>, name: &str) -> Option<Called> {
    if !matches!(builder.indexed.program.resolve(name), Resolution::Unknown) {
        return None;
    }
    let (folder, task) = split_name(name);
    let mut programs = builder.indexed.folders.iter();
    let number = programs.position(|known| known.folder.name == folder)?;
    let at = (name.len() > folder.len()).then(|| folder.len() + 1);
    Some(Called { folder: number as u32, task: task.into(), at })
}

fn folder<'a>(builder: &Builder<'a>, number: u32) -> Option<&'a IndexedFolder<'a>> {
    builder.indexed.folders.get(number as usize)
}

/// Adds a name of a folder's task where a plan writes it.
pub fn named(builder: &mut Builder<'_>, called: &Called, name: &str, span: Span, role: Role, within: NodeId) {
    let Some(folder) = folder(builder, called.folder) else { return };
    let is_written_so = builder.sources.text(span) == name;
    let is_known = matches!(folder.program.program.resolve(&called.task), Resolution::Task(..));
    let at = called.at.filter(|_| is_known && is_written_so);
    let part = |range: std::ops::Range<usize>| Span {
        start: span.start + range.start as u32,
        end: span.start + range.end as u32,
        ..span
    };
    // A task that is not there leads to the Taskfile in which it should be.
    let whole = if is_known { &folder.folder.name } else { &SmolStr::new(name) };
    let node = builder.node(Scope::Folders, SymbolKind::FolderTask, whole);
    builder.set_obstacle(node, if is_known { Obstacle::FileName } else { Obstacle::Undefined });
    let task = if is_known { DEFAULT_TASK.into() } else { called.task.clone() };
    builder.set_target(node, Target { path: folder.folder.taskfile.clone(), task: Some(task) });
    let place = at.map_or(span, |at| part(0..at - 1));
    builder.add(node, place, role, Spelling::Name, Some(within));
    let (span, what) = match at {
        Some(at) => (part(at..name.len()), What::Task(role)),
        None => (span, What::Meant(role, called.at.map(|_| Obstacle::Shared))),
    };
    mention(builder, called, span, within, what);
}

/// Adds a place that may mean a folder's task by a name that is put together when it runs.
pub fn implied(builder: &mut Builder<'_>, called: &Called, text: &Text, within: NodeId) {
    let span = builder.text_span(text, 0..text.value.len());
    let obstacle = Some(Obstacle::OpenCall(text.value.clone()));
    mention(builder, called, span, within, What::Meant(Role::Call, obstacle));
}

/// Adds what a step gives a folder's task.
pub fn given<'a>(
    builder: &mut Builder<'a>,
    called: &Called,
    text: &Text,
    vars: &'a [Variable],
    within: NodeId,
) {
    if !vars.is_empty() {
        mention(builder, called, text.span, within, What::Given(vars));
    }
}

/// Adds an artifact of a folder task that a step takes; tells whether the folder has it.
pub fn artifact(builder: &mut Builder<'_>, task: &str, name: &Text, within: NodeId) -> bool {
    let Some(called) = called(builder, task).filter(|called| called.task == DEFAULT_TASK) else {
        return false;
    };
    let Some(folder) = folder(builder, called.folder) else { return false };
    let mut artifacts = folder.program.metadata.artifacts.iter();
    let is_known = artifacts.any(|artifact| artifact.name.value == name.value);
    if is_known {
        let span = builder.text_span(name, 0..name.value.len());
        mention(builder, &called, span, within, What::Artifact(name.value.clone()));
    }
    is_known
}

fn mention<'a>(builder: &mut Builder<'a>, called: &Called, span: Span, within: NodeId, what: What<'a>) {
    let (folder, task) = (called.folder, called.task.clone());
    builder.mentions.push(Mention { folder, task, span, within, what });
}

/// The artifacts of the folder task that was compiled.
pub fn add_artifacts(builder: &mut Builder<'_>) {
    let artifacts = &builder.indexed.metadata.artifacts;
    let within = default_task(builder).map(|(_, _, node)| node);
    for artifact in artifacts {
        let node = builder.node(Scope::FolderArtifacts, SymbolKind::Artifact, &artifact.name.value);
        let is_implied = artifact.name.span == artifact.path.span;
        let spelling = if is_implied { Spelling::Implied } else { Spelling::Name };
        let span = builder.name_span(artifact.name.span, &artifact.name.value);
        builder.add(node, span, Role::Definition, spelling, within);
        if is_implied {
            builder.set_obstacle(node, Obstacle::Implied);
        }
    }
}

/// Makes the indices of the folder tasks that plans name, and adds to that of the project what is named.
pub fn add(builder: &mut Builder<'_>) {
    let mentions = std::mem::take(&mut builder.mentions);
    let indexed = builder.indexed;
    for (number, program) in indexed.folders.iter().enumerate() {
        let number = number as u32;
        let own: Vec<&Mention<'_>> = mentions.iter().filter(|mention| mention.folder == number).collect();
        if own.is_empty() {
            continue;
        }
        let index = Arc::new(index_of(builder, program, &own));
        copy_named(builder, number, &index);
        builder.folders.insert(program.folder.name.clone(), index);
    }
}

/// A folder's index, with what plans name of it.
fn index_of(builder: &Builder<'_>, folder: &IndexedFolder<'_>, mentions: &[&Mention<'_>]) -> SymbolIndex {
    let indexed = &folder.program;
    let mut texts =
        PlanTexts { from: &builder.sources, to: indexed.sources.clone(), fragments: FxHashMap::default() };
    let given: Vec<Vec<Variable>> = mentions.iter().map(|mention| texts.given(mention)).collect();
    let spans: Vec<Span> = mentions.iter().map(|mention| texts.span(mention.span)).collect();
    let steps: Vec<Option<Step>> =
        mentions.iter().map(|mention| step(builder, &mut texts, mention.within)).collect();
    let mut inner = Builder::new(indexed);
    inner.sources = texts.to;
    parts(&mut inner);
    for (((mention, vars), span), step) in mentions.iter().zip(&given).zip(spans).zip(&steps) {
        let Some(step) = step else { continue };
        add_mention(&mut inner, indexed.program, mention, vars, span, step);
    }
    rest(&mut inner);
    inner.finish()
}

/// A step as the index of a folder has it.
struct Step {
    plan: u32,
    name: SmolStr,
    span: Span,
    is_implied: bool,
}

fn step(builder: &Builder<'_>, texts: &mut PlanTexts<'_>, node: NodeId) -> Option<Step> {
    let (plan, index) = *builder.steps.get(&node)?;
    let compiled: &CompiledPlan = builder.indexed.plans.get(plan as usize)?;
    let written = compiled.written.as_ref()?.steps.get(index as usize)?;
    let span = texts.span(builder.text_span(&written.name, 0..written.name.value.len()));
    let is_implied = written.name.span == written.task.span;
    Some(Step { plan, name: written.name.value.clone(), span, is_implied })
}

fn add_mention<'a>(
    inner: &mut Builder<'a>,
    program: &Program,
    mention: &Mention<'_>,
    vars: &'a [Variable],
    span: Span,
    step: &Step,
) {
    let scope = Scope::Steps(step.plan);
    let is_new = inner.find(scope, &step.name).is_none();
    let within = inner.node(scope, SymbolKind::Step, &step.name);
    if is_new {
        let spelling = if step.is_implied { Spelling::Implied } else { Spelling::Name };
        inner.add(within, step.span, Role::Definition, spelling, None);
        if step.is_implied {
            inner.set_obstacle(within, Obstacle::Implied);
        }
    }
    if let What::Artifact(name) = &mention.what {
        if let Some(node) = inner.find(Scope::FolderArtifacts, name) {
            inner.add(node, span, Role::Read, Spelling::Name, Some(within));
        }
        return;
    }
    let Resolution::Task(id, stars) = program.resolve(&mention.task) else { return };
    let text = Text { value: mention.task.clone(), span, style: ScalarStyle::Plain };
    match &mention.what {
        What::Task(role) => {
            tasks::named(inner, program, id, &stars, &text, &mention.task, *role, Some(within));
        }
        What::Meant(role, obstacle) => {
            let value = inner.sources.text(span).into();
            let text = Text { value, ..text };
            tasks::implied(inner, program, id, &text, obstacle.clone(), *role, within);
        }
        What::Given(_) => {
            let callees = inner.tasks.number(program.task(id)).into_iter().collect();
            let within = Some(within);
            inner.tasks.passed.push(Passed { caller: None, within, callees, vars, names_params: true });
        }
        What::Artifact(_) => {}
    }
}

/// Texts of plans, which join those of a folder task.
struct PlanTexts<'a> {
    from: &'a SourceMap,
    to: SourceMap,
    fragments: FxHashMap<FileId, SourceId>,
}

impl PlanTexts<'_> {
    fn span(&mut self, span: Span) -> Span {
        let place = self.from.locate(span);
        let to = &mut self.to;
        let source = *self.fragments.entry(place.file).or_insert_with(|| {
            let file = self.from.file(place.file);
            let id = to.add_file(&file.path, Arc::clone(&file.text));
            to.add_fragment(id, 0)
        });
        Span::new(source, place.range.start, place.range.end)
    }

    fn given(&mut self, mention: &Mention<'_>) -> Vec<Variable> {
        let What::Given(vars) = &mention.what else { return Vec::new() };
        let mut vars = vars.to_vec();
        for variable in &mut vars {
            variable.name.span = self.span(variable.name.span);
        }
        vars
    }
}

/// Adds the symbols of a folder that plans name.
fn copy_named(builder: &mut Builder<'_>, folder: u32, index: &SymbolIndex) {
    let plans: &[CompiledPlan] = builder.indexed.plans;
    let files: FxHashSet<FileId> = plans.iter().filter_map(|plan| index.file(&plan.file.path)).collect();
    let is_named = |id| index.occurrences(id).any(|place| files.contains(&place.file));
    let named = index.symbols().filter(|(id, _)| is_named(*id));
    let named: FxHashSet<SymbolId> = named.map(|(id, symbol)| symbol.alias_of.unwrap_or(id)).collect();
    for (id, symbol) in index.symbols() {
        // Further names of it are names of it elsewhere.
        if named.contains(&symbol.alias_of.unwrap_or(id)) {
            copy(builder, folder, index, id);
        }
    }
}

/// The node of a symbol of a folder, with all its places.
fn copy(builder: &mut Builder<'_>, folder: u32, index: &SymbolIndex, id: SymbolId) -> Option<NodeId> {
    let symbol = index.symbol(id)?;
    if symbol.kind == SymbolKind::Step {
        let place = index.occurrences(id).next()?;
        let path: &Utf8Path = &index.sources().file(place.file).path;
        let plan = builder.indexed.plans.iter().position(|plan| plan.file.path == *path)?;
        return builder.find(Scope::Steps(plan as u32), &symbol.name);
    }
    let scope = Scope::OfFolder(folder, id);
    if let Some(known) = builder.find(scope, &symbol.name) {
        return Some(known);
    }
    let node = builder.node(scope, symbol.kind, &symbol.name);
    builder.set_in_folder(node);
    if let Some(obstacle) = &symbol.obstacle {
        builder.set_obstacle(node, obstacle.clone());
    }
    if let Some(of) = symbol.alias_of.and_then(|of| copy(builder, folder, index, of)) {
        builder.set_alias(node, of);
    }
    for place in index.occurrences(id) {
        let within = place.within.and_then(|within| copy(builder, folder, index, within));
        let file = file_of(builder, index.sources().file(place.file));
        builder.add_at(node, file, place.range.clone(), place.role, place.spelling, within);
    }
    Some(node)
}

fn file_of(builder: &mut Builder<'_>, file: &SourceFile) -> FileId {
    let known = builder.sources.find(&file.path);
    known.unwrap_or_else(|| builder.sources.add_file(&file.path, Arc::clone(&file.text)))
}
