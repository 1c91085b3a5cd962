//! Plans: where their files are, what is wrong with them, and the graphs that they make.

mod arguments;
pub mod catalog;
mod collisions;
mod cycle;
pub mod edit;
pub mod evaluation;
mod link;
mod matrix;
pub mod outputs;
pub mod reference;
#[cfg(test)]
mod tests;
mod texts;
mod upstream;

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use smol_str::SmolStr;

pub use catalog::{Answers, TaskCatalog};
pub use evaluation::{Evaluation, EvaluationError, Outcome, PlanValues, StepOutputs};
pub use matrix::MAX_SLUG;

use crate::ast;
use crate::decode::{DecodedStep, Memo, decode_plan};
use crate::diagnostic::Diagnostic;
use crate::file_system::{FileSystem, PathKind, ReadError};
use crate::folder;
use crate::ir::Plan;
use crate::rule;
use crate::source::{FileId, SourceMap, Span};
use crate::template::has_template;
use crate::yaml;
use crate::yaml_file::{YamlFile, YamlFiles};

/// The directory of a project's plans, below its root.
pub const DIRECTORY: &str = "plans";
/// What a plan's file ends with, the usual one first.
pub const EXTENSIONS: [&str; 2] = ["yml", "yaml"];

/// A plan's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFile {
    /// The plan's name: that of the file without its extension.
    pub name: SmolStr,
    /// The file, an absolute path.
    pub path: Utf8PathBuf,
}

/// A plan as read: the tree, and what is wrong with the file.
#[derive(Debug)]
pub struct ReadPlan {
    /// The file.
    pub file: PlanFile,
    /// The text.
    pub source: FileId,
    /// What it says; `None` where it says nothing that is a plan.
    pub plan: Option<Arc<ast::Plan>>,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
    memo: Memo<DecodedStep>,
}

/// Files of plans that were read.
pub type PlanFiles = YamlFiles<ReadPlan>;

/// A plan with its graph.
#[derive(Clone, Debug)]
pub struct CompiledPlan {
    /// The file.
    pub file: PlanFile,
    /// What it says, as far as it could be read.
    pub written: Option<Arc<ast::Plan>>,
    /// The graph; `None` where there is none. It is to be used only where no finding is an error.
    pub plan: Option<Arc<Plan>>,
    /// The findings.
    pub diagnostics: Vec<Diagnostic>,
    link: Arc<Link>,
}

/// What a plan's graph was made from.
#[derive(Debug)]
struct Link {
    read: Arc<ReadPlan>,
    answers: Answers,
    /// The findings in this plan alone.
    diagnostics: Vec<Diagnostic>,
}

impl PlanFile {
    /// The plan in a file.
    pub fn at(path: impl Into<Utf8PathBuf>) -> Self {
        let path = path.into();
        Self { name: path.file_stem().unwrap_or_default().into(), path }
    }
}

/// The plans of a project, by name.
pub fn find_all(files: &dyn FileSystem, root: &Utf8Path) -> Vec<PlanFile> {
    let directory = root.join(DIRECTORY);
    let entries = files.list(&directory).unwrap_or_default();
    let mut plans: Vec<PlanFile> = entries
        .into_iter()
        .filter(|entry| entry.kind == PathKind::File && !entry.name.starts_with('.'))
        .map(|entry| PlanFile::at(directory.join(entry.name.as_str())))
        .filter(|plan| plan.path.extension().is_some_and(|extension| EXTENSIONS.contains(&extension)))
        .collect();
    plans.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    plans
}

/// Reads a plan's file.
pub fn read(files: &dyn FileSystem, file: PlanFile, sources: &mut SourceMap) -> Arc<ReadPlan> {
    read_with(files, file, sources, &mut PlanFiles::default(), None)
}

/// Reads a plan's file, with the files as they are read, and as they were.
pub fn read_with(
    files: &dyn FileSystem,
    file: PlanFile,
    sources: &mut SourceMap,
    read: &mut PlanFiles,
    previous: Option<&PlanFiles>,
) -> Arc<ReadPlan> {
    let path = file.path.clone();
    read.read(&path, files, sources, previous, |text, sources, before| decoded(file, text, sources, before))
}

fn decoded(file: PlanFile, text: &YamlFile, sources: &SourceMap, before: Option<&ReadPlan>) -> ReadPlan {
    let diagnostics = text.document.errors.iter().map(yaml::YamlError::to_diagnostic).collect();
    let mut read = ReadPlan { file, source: text.file, plan: None, diagnostics, memo: Memo::default() };
    if let Some(error) = &text.error {
        read.diagnostics.push(unreadable(&text.path, error, text.start()));
        return read;
    }
    let Some(root) = text.document.root.as_ref() else {
        if read.diagnostics.is_empty() {
            read.diagnostics.push(
                Diagnostic::error(rule::INVALID_PLAN, "a plan needs `steps`", text.start())
                    .with_label("without steps")
                    .with_help("write `steps:` and below it `- task: <name>`"),
            );
        }
        return read;
    };
    let decoded = decode_plan(root, sources, before.map(|before| &before.memo));
    read.diagnostics.extend(decoded.diagnostics);
    read.plan = decoded.plan.map(Arc::new);
    read.memo = decoded.memo;
    read
}

fn unreadable(path: &Utf8Path, error: &ReadError, span: Span) -> Diagnostic {
    let (code, why) = match error {
        ReadError::NotUtf8 { offset } => (rule::NOT_UTF8, format!("byte {offset} is not UTF-8")),
        ReadError::NotFound => (rule::UNREADABLE, "there is no such file".to_owned()),
        ReadError::IsDirectory => (rule::UNREADABLE, "it is a directory".to_owned()),
        ReadError::Other(why) => (rule::UNREADABLE, why.clone()),
    };
    Diagnostic::error(code, format!("the plan `{path}` cannot be read: {why}"), span)
        .with_help("mend the file, or take it out of the directory of plans")
}

/// The folders whose tasks a plan's steps may name.
pub fn named_folders(plan: &ast::Plan) -> Vec<SmolStr> {
    let mut folders: Vec<SmolStr> = plan
        .steps
        .iter()
        .filter(|step| !has_template(&step.task.value))
        .map(|step| SmolStr::new(folder::split_name(&step.task.value).0))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

/// Makes a plan's graph with the tasks that there are. What was compiled `before` from the same text and the same tasks is
/// taken as it is.
pub fn compile(
    read: &Arc<ReadPlan>,
    catalog: &TaskCatalog<'_>,
    sources: &SourceMap,
    before: Option<&CompiledPlan>,
) -> CompiledPlan {
    let is_same =
        |before: &&CompiledPlan| Arc::ptr_eq(&before.link.read, read) && before.link.answers.hold(catalog);
    if let Some(before) = before.filter(is_same) {
        return CompiledPlan { diagnostics: before.link.diagnostics.clone(), ..before.clone() };
    }
    let file = read.file.clone();
    let linked = read.plan.as_ref().map(|plan| link::link(plan, &file.name, &file.path, catalog, sources));
    let linked = linked.unwrap_or_default();
    let mut diagnostics = read.diagnostics.clone();
    diagnostics.extend(linked.diagnostics);
    diagnostics.sort_by_cached_key(|found| {
        let location = sources.locate(found.span);
        (location.file, location.range.start, location.range.end, found.code)
    });
    diagnostics.dedup();
    CompiledPlan {
        file,
        written: read.plan.clone(),
        plan: linked.graph.map(Arc::new),
        diagnostics: diagnostics.clone(),
        link: Arc::new(Link { read: Arc::clone(read), answers: linked.answers, diagnostics }),
    }
}

/// Whether a step's task is known only when its matrix is expanded.
pub fn has_open_task(plan: &ast::Plan) -> bool {
    plan.steps.iter().any(|step| has_template(&step.task.value))
}

/// Two plans of one name: which of them is meant is not known. Told of the second, whose path stands beside it.
pub fn duplicates(reads: &[Arc<ReadPlan>]) -> Vec<(Utf8PathBuf, Diagnostic)> {
    let pairs = reads.windows(2).filter_map(|pair| match pair {
        [first, second] if first.file.name == second.file.name => Some((first, second)),
        _ => None,
    });
    pairs
        .filter_map(|(first, second)| {
            let span = second.plan.as_ref()?.steps_span;
            let other = first.file.path.file_name().unwrap_or_default();
            let message = format!("there is another plan `{}`, in `{other}`", second.file.name);
            let diagnostic = Diagnostic::error(rule::PLAN_NAME, message, span)
                .with_label("the same name")
                .with_help("rename or remove one of the two files");
            Some((second.file.path.clone(), diagnostic))
        })
        .collect()
}
