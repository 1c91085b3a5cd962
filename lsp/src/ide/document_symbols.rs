//! The outline of a file: a tree of what it defines.

use std::ops::Range;

use ez_compiler::ast::template_file::{Body, TemplateDraft};
use ez_compiler::ast::{Param, Task, Taskfile, Text, Variable, VariableValue};
use ez_compiler::plan::CompiledPlan;
use ez_compiler::schema::Format;
use ez_compiler::source::{FileId, Span, Spanned};
use ez_compiler::yaml::node::NodeKind;
use smol_str::SmolStr;

use super::syntax::{self, Tree};
use crate::analysis::Snapshot;

/// What an entry of an outline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutlineKind {
    /// `includes`, `vars`, `tasks`: a part of the file.
    Section,
    /// A namespace of an include.
    Namespace,
    /// A variable.
    Variable,
    /// An entry of `env`.
    Environment,
    /// A task.
    Task,
    /// A param.
    Param,
    /// A step of a plan.
    Step,
    /// An artifact.
    Artifact,
    /// A key of a matrix.
    MatrixKey,
    /// An output.
    Output,
    /// A key of the file.
    Key,
    /// A file that a template makes.
    File,
}

/// An entry of an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineEntry {
    /// Its name.
    pub name: String,
    /// A few words about it.
    pub detail: Option<String>,
    /// What it is.
    pub kind: OutlineKind,
    /// Everything that belongs to it.
    pub range: Range<usize>,
    /// Its name in the text.
    pub selection: Range<usize>,
    /// What is inside.
    pub children: Vec<OutlineEntry>,
}

/// How much of a value stands beside its name, in characters.
const MAX_DETAIL: usize = 60;

/// The outline of a file of a project.
pub fn outline(snapshot: &Snapshot, file: FileId) -> Vec<OutlineEntry> {
    let outline = Outline { snapshot, file };
    let compilation = &snapshot.analysis.compilation;
    let of_project = compilation.loaded.files.iter().find(|known| known.file == file);
    if let Some(taskfile) = of_project.and_then(|known| known.taskfile.as_ref()) {
        return outline.taskfile(taskfile);
    }
    let path = &snapshot.analysis.file(file).path;
    if let Some(plan) = compilation.plans.iter().find(|plan| plan.file.path == *path) {
        return outline.plan(plan);
    }
    if let Some(template) = compilation.templates.iter().find(|template| template.path == *path) {
        return outline.template(&template.draft);
    }
    if let Some(tree) = Tree::of(&snapshot.analysis, file).filter(|tree| tree.format == Format::Plugin) {
        return keys(&tree);
    }
    outline.metadata()
}

struct Outline<'a> {
    snapshot: &'a Snapshot,
    file: FileId,
}

impl Outline<'_> {
    fn range(&self, span: Span) -> Option<Range<usize>> {
        let place = self.snapshot.analysis.locate(span);
        (place.file == self.file).then_some(place.range)
    }

    /// An entry; `None` where it is written elsewhere, as behind an alias of YAML. What it takes over from elsewhere stands there.
    fn entry(
        &self,
        kind: OutlineKind,
        name: &str,
        selection: Span,
        whole: Span,
        mut children: Vec<OutlineEntry>,
    ) -> Option<OutlineEntry> {
        let selection = self.range(selection)?;
        let whole = self.range(whole).unwrap_or_else(|| selection.clone());
        let range = whole.start.min(selection.start)..whole.end.max(selection.end);
        children.retain(|child| range.start <= child.range.start && child.range.end <= range.end);
        Some(OutlineEntry { name: name.to_owned(), detail: None, kind, range, selection, children })
    }

    /// A part of the file, from its first entry to its last.
    fn section(&self, name: &str, children: Vec<OutlineEntry>) -> Option<OutlineEntry> {
        let start = children.iter().map(|child| child.range.start).min()?;
        let end = children.iter().map(|child| child.range.end).max()?;
        let text = self.snapshot.analysis.text(self.file);
        // Its key stands before the first entry.
        let key = format!("{name}:");
        let before = text.get(..start).unwrap_or_default();
        let at = before
            .rfind(&key)
            .filter(|at| *at == 0 || before.get(..*at).is_some_and(|head| head.ends_with(['\n', ' ', '{'])));
        let selection = at.map_or(start..start, |at| at..at + name.len());
        let range = selection.start.min(start)..end;
        Some(OutlineEntry {
            name: name.to_owned(),
            detail: None,
            kind: OutlineKind::Section,
            range,
            selection,
            children,
        })
    }

    fn taskfile(&self, taskfile: &Taskfile) -> Vec<OutlineEntry> {
        let includes = taskfile.includes.iter().filter_map(|include| {
            let name = &include.namespace;
            let mut entry =
                self.entry(OutlineKind::Namespace, &name.value, name.span, include.span, Vec::new())?;
            entry.detail = include.taskfile.as_ref().and_then(|path| shortened(&path.value));
            Some(entry)
        });
        let tasks = taskfile.tasks.iter().filter_map(|task| self.task(task));
        let sections = [
            self.section("includes", includes.collect()),
            self.section("vars", self.variables(&taskfile.vars, OutlineKind::Variable)),
            self.section("env", self.variables(&taskfile.env, OutlineKind::Environment)),
            self.section("tasks", tasks.collect()),
        ];
        let mut sections: Vec<OutlineEntry> = sections.into_iter().flatten().collect();
        sections.sort_by_key(|section| section.range.start);
        sections
    }

    fn task(&self, task: &Task) -> Option<OutlineEntry> {
        let mut children = Vec::new();
        for params in task.superset.iter().map(|superset| &superset.params) {
            children.extend(self.params(params));
        }
        children.extend(self.variables(&task.vars, OutlineKind::Variable));
        children.extend(self.variables(&task.env, OutlineKind::Environment));
        children.sort_by_key(|child| child.range.start);
        let mut entry =
            self.entry(OutlineKind::Task, &task.name.value, task.name.span, task.span, children)?;
        entry.detail = task.desc.as_ref().and_then(|desc| shortened(&desc.value));
        Some(entry)
    }

    fn variables(&self, variables: &[Variable], kind: OutlineKind) -> Vec<OutlineEntry> {
        let entries = variables.iter().filter_map(|variable| {
            let name = &variable.name;
            let mut entry = self.entry(kind, &name.value, name.span, variable.span, Vec::new())?;
            entry.detail = match &variable.value {
                _ if variable.secret => None,
                VariableValue::Text(text) => shortened(&text.value),
                VariableValue::Shell(text) => shortened(&format!("sh: {}", text.value)),
                VariableValue::Reference(text) => shortened(&format!("ref: {}", text.value)),
                VariableValue::Literal(value) => shortened(&value.to_text()),
            };
            Some(entry)
        });
        entries.collect()
    }

    fn params(&self, params: &[Param]) -> Vec<OutlineEntry> {
        let entries = params.iter().filter_map(|param| {
            let name = &param.name;
            let mut entry = self.entry(OutlineKind::Param, &name.value, name.span, param.span, Vec::new())?;
            entry.detail = param.help.as_ref().and_then(|help| shortened(&help.value));
            Some(entry)
        });
        entries.collect()
    }

    fn names<'t>(&self, kind: OutlineKind, names: impl Iterator<Item = &'t Text>) -> Vec<OutlineEntry> {
        names.filter_map(|name| self.entry(kind, &name.value, name.span, name.span, Vec::new())).collect()
    }

    fn spanned<'t>(
        &self,
        kind: OutlineKind,
        names: impl Iterator<Item = (&'t Spanned<SmolStr>, Span)>,
    ) -> Vec<OutlineEntry> {
        names
            .filter_map(|(name, whole)| self.entry(kind, &name.value, name.span, whole, Vec::new()))
            .collect()
    }

    fn plan(&self, plan: &CompiledPlan) -> Vec<OutlineEntry> {
        let Some(written) = &plan.written else { return Vec::new() };
        let steps = written.steps.iter().filter_map(|step| {
            let keys = step.matrix.iter().flat_map(|matrix| &matrix.keys);
            let mut children =
                self.spanned(OutlineKind::MatrixKey, keys.map(|key| (&key.name, key.name.span)));
            let artifacts = step.artifacts.iter().map(|artifact| (&artifact.name, artifact.span));
            children.extend(self.spanned(OutlineKind::Artifact, artifacts));
            children.extend(self.names(OutlineKind::Output, step.outputs.iter()));
            children.sort_by_key(|child| child.range.start);
            let mut entry =
                self.entry(OutlineKind::Step, &step.name.value, step.name.span, step.span, children)?;
            entry.detail = (step.task.value != step.name.value).then(|| format!("task {}", step.task.value));
            Some(entry)
        });
        let sections = [
            self.section("vars", self.variables(&written.vars, OutlineKind::Variable)),
            self.section("params", self.params(&written.params)),
            self.section("steps", steps.collect()),
        ];
        let mut sections: Vec<OutlineEntry> = sections.into_iter().flatten().collect();
        sections.sort_by_key(|section| section.range.start);
        sections
    }

    fn template(&self, template: &TemplateDraft) -> Vec<OutlineEntry> {
        let mut sections: Vec<OutlineEntry> =
            self.section("params", self.params(&template.params)).into_iter().collect();
        for (body, key) in &template.bodies {
            sections.extend(match body {
                Some(Body::Task(text)) => {
                    self.entry(OutlineKind::Section, "task", *key, text.span, Vec::new())
                }
                Some(Body::Taskfile(text)) => {
                    self.entry(OutlineKind::Section, "taskfile", *key, text.span, Vec::new())
                }
                Some(Body::Files(parts)) => {
                    let files = parts.iter().filter_map(|part| {
                        let (path, content) = (&part.path, part.content.span);
                        self.entry(OutlineKind::File, &path.value, path.span, content, Vec::new())
                    });
                    self.section("files", files.collect())
                }
                None => None,
            });
        }
        sections.sort_by_key(|section| section.range.start);
        sections
    }

    /// The `task.yml` of a folder task, if the file is one.
    fn metadata(&self) -> Vec<OutlineEntry> {
        let metadata = &self.snapshot.analysis.compilation.metadata;
        let artifacts = metadata.artifacts.iter().map(|artifact| (&artifact.name, artifact.span));
        let sections = [
            self.section("params", self.params(&metadata.params)),
            self.section("artifacts", self.spanned(OutlineKind::Artifact, artifacts)),
        ];
        let mut sections: Vec<OutlineEntry> = sections.into_iter().flatten().collect();
        sections.sort_by_key(|section| section.range.start);
        sections
    }
}

/// The keys of a file with their values.
fn keys(tree: &Tree<'_>) -> Vec<OutlineEntry> {
    let Some(NodeKind::Mapping(mapping)) = tree.root().map(|root| &root.kind) else { return Vec::new() };
    let entries = mapping.entries.iter().filter_map(|entry| {
        let name = &syntax::scalar(&entry.key)?.text;
        let selection = tree.range(entry.key.span);
        let end = tree.range(entry.value.span).end.max(selection.end);
        Some(OutlineEntry {
            name: name.to_string(),
            detail: syntax::scalar(&entry.value).and_then(|value| shortened(&value.text)),
            kind: OutlineKind::Key,
            range: selection.start..end,
            selection,
            children: Vec::new(),
        })
    });
    entries.collect()
}

/// The first line of a text, cut; `None` where there is nothing to show.
fn shortened(text: &str) -> Option<String> {
    let line = text.trim().lines().next()?;
    let cut: String = line.chars().take(MAX_DETAIL).collect();
    let is_whole = cut.len() == text.trim().len();
    Some(if is_whole { cut } else { format!("{cut}…") })
}
