//! What is told of a word.

mod given;
mod markdown;
mod plan;
mod plugin;
mod task;
mod template;
#[cfg(test)]
mod tests;
mod variable;
mod words;

use std::fmt::Write;
use std::ops::Range;

use ez_compiler::ast;
use ez_compiler::ast::hook::PLUGIN_PREFIX;
use ez_compiler::file_system::FileSystem;
use ez_compiler::ir::Task;
use ez_compiler::plan::CompiledPlan;
use ez_compiler::project::paths;
use ez_compiler::schema::{Format, KeyMeaning, Origin, PathKind, Scalar as Meaning, fields_of, map_keys_at};
use ez_compiler::source::Span;
use ez_compiler::symbols::{Occurrence, Spelling, SymbolKind};
use ez_compiler::template::{Delimiters, has_template};
use ez_compiler::template_file::{ReadTemplate, TASK, field_name};
use ez_compiler::yaml::node::{NodeKind, Scalar};

use super::plugins;
use super::syntax::{Item, Spot, Tree};
use super::variables;
use crate::analysis::{FilePosition, FileRange, Snapshot};
use markdown::code;

/// What is told of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The word.
    pub place: FileRange,
    /// Markdown.
    pub markdown: String,
}

/// What is told at a place.
pub fn at(snapshot: &Snapshot, position: FilePosition) -> Option<Hover> {
    let tree = Tree::of(&snapshot.analysis, position.file)?;
    let spot = tree.spot(position)?;
    let asked = Asked::new(snapshot, &tree, &spot, position);
    let (range, markdown) = if spot.is_key { (None, asked.key()) } else { asked.value() };
    let range = range.unwrap_or_else(|| asked.whole());
    // Behind a closing quote nothing of the text between the quotes is meant.
    if position.offset < range.start || range.end < position.offset {
        return None;
    }
    Some(Hover { place: FileRange { file: position.file, range }, markdown: markdown? })
}

/// What is asked, and where.
struct Asked<'a> {
    snapshot: &'a Snapshot,
    tree: &'a Tree<'a>,
    spot: &'a Spot<'a>,
    position: FilePosition,
    /// The task that the place is in.
    task: Option<&'a Task>,
    plan: Option<&'a CompiledPlan>,
    step: Option<&'a ast::Step>,
}

impl<'a> Asked<'a> {
    fn new(snapshot: &'a Snapshot, tree: &'a Tree<'a>, spot: &'a Spot<'a>, position: FilePosition) -> Self {
        let analysis = &*snapshot.analysis;
        let plan = plan::of_file(snapshot, &analysis.file(position.file).path);
        let steps =
            plan.and_then(|plan| plan.written.as_ref()).map(|plan| plan.steps.as_slice()).unwrap_or_default();
        let step = steps.iter().find(|step| analysis.touches(step.span, position)).map(|step| &**step);
        let task = match (tree.format, spot.path.as_slice()) {
            (Format::Taskfile, [Item::Key("tasks"), Item::Key(name), ..]) => {
                analysis.task_in(position.file, name)
            }
            (Format::Metadata, _) => {
                let program = &analysis.compilation.program;
                program.find(ez_compiler::folder::DEFAULT_TASK).map(|id| program.task(id))
            }
            _ => None,
        };
        Self { snapshot, tree, spot, position, task, plan, step }
    }

    /// The scalar, without its quotes if the place is between them.
    fn whole(&self) -> Range<usize> {
        let scalar = self.spot.scalar();
        let found = scalar.and_then(|scalar| {
            self.tree.places(scalar, &self.spot.range).range(&(0..scalar.text.trim_end().len()))
        });
        let holds =
            |range: &Range<usize>| range.start <= self.position.offset && self.position.offset <= range.end;
        found.filter(holds).unwrap_or_else(|| self.spot.range.clone())
    }

    /// A key: what it is by the format, or what the user names by it.
    fn key(&self) -> Option<String> {
        let path = self.spot.schema_path();
        if let Some(field) = fields_of(self.tree.format, &path).first() {
            let mut shown = format!("**{}**", field.key);
            if let Origin::GoTask(Some(version)) = field.origin {
                let _ = write!(shown, " · since go-task {version}");
            } else if field.origin == Origin::Ez {
                shown.push_str(" · EZ");
            }
            let _ = write!(shown, "\n\n{}", field.about());
            if let Some(instead) = field.deprecated {
                let _ = write!(shown, "\n\n*Deprecated*: {instead}");
            }
            if let Some(default) = field.default {
                let _ = write!(shown, "\n\nWithout it: {default}");
            }
            if !field.example.is_empty() {
                let _ = write!(shown, "\n\n```yaml\n{}\n```", field.example.trim_end());
            }
            let _ = write!(shown, "\n\n[Documentation]({})", field.page.url());
            return Some(shown);
        }
        let (_, holder) = path.split_last()?;
        let name = self.spot.scalar()?.text.as_str();
        match map_keys_at(self.tree.format, holder)? {
            KeyMeaning::TaskName => self.task.map(|task| task::show(self.snapshot, task)),
            KeyMeaning::Namespace => task::namespace(self.snapshot, self.position.file, name),
            KeyMeaning::VariableName if self.is_included() => self.included(name),
            KeyMeaning::VariableName if self.is_passed() => self.passed(name),
            KeyMeaning::VariableName if self.tree.format == Format::Taskfile => self.variable(name),
            KeyMeaning::VariableName if self.is_given() => self.given(name),
            KeyMeaning::MatrixKey if self.plan.is_none() => self.matrix_key(None, name),
            KeyMeaning::VariableName | KeyMeaning::MatrixKey => self.plan_name(name),
            KeyMeaning::EnvironmentName => variable::in_shell(self.snapshot, self.task, name),
            KeyMeaning::ParamOrVariable => self.default_value(name),
            KeyMeaning::FilePath | KeyMeaning::ExperimentName => None,
        }
    }

    /// A scalar: a word of a template or script in it, or what it names as a whole.
    fn value(&self) -> (Option<Range<usize>>, Option<String>) {
        let Some(scalar) = self.spot.scalar() else { return (None, self.anchor()) };
        let Some((meaning, is_template)) = self.spot.meaning(self.tree.format) else { return (None, None) };
        let places = self.tree.places(scalar, &self.spot.range);
        let offset = places.offset(&scalar.text, self.position.offset);
        let found = if meaning == Meaning::Expression {
            self.in_expression(&scalar.text, offset)
        } else if is_template && has_template(&scalar.text) {
            self.in_template(&scalar.text, offset, Delimiters::default())
        } else if meaning == Meaning::MadeText {
            self.in_template(&scalar.text, offset, Delimiters::ANGLES)
        } else {
            None
        };
        if let Some((range, markdown)) = found {
            return (places.range(&range), markdown);
        }
        if meaning == Meaning::ScriptOrPlugin
            && let Some(name) = scalar.text.trim().strip_prefix(PLUGIN_PREFIX)
        {
            return (None, plugin::show(self.snapshot, name));
        }
        if matches!(meaning, Meaning::Script | Meaning::ScriptOrPlugin) {
            let found = self.in_script(&scalar.text, offset);
            return match found {
                Some((range, markdown)) => (places.range(&range), Some(markdown)),
                None => self.named_by_script().unzip(),
            };
        }
        (None, self.named(scalar, meaning))
    }

    /// What an alias stands for.
    fn anchor(&self) -> Option<String> {
        let NodeKind::Alias { name, target: Some(target) } = &self.spot.node.kind else { return None };
        let source = self.snapshot.analysis.file(self.position.file);
        let range = self.tree.range(target.span);
        let line = source.lines.line_of(range.start);
        let lead = self.tree.text.get(source.lines.line_start(line)..range.start)?;
        let depth = if lead.trim().is_empty() { lead.len() } else { 0 };
        let lines = self.tree.text.get(range)?.trim_end().lines();
        let shown = lines.take(MAX_ANCHORED).map(|line| {
            let blanks = line.len() - line.trim_start_matches(' ').len();
            line.get(blanks.min(depth)..).unwrap_or_default()
        });
        let shown: Vec<&str> = shown.collect();
        let anchor = Span { source: target.span.source, start: target.start, end: target.start };
        let place = FileRange { file: self.position.file, range: self.tree.range(anchor) };
        let place = markdown::place(self.snapshot, &place);
        Some(format!("**anchor** {}\n\n```yaml\n{}\n```\n\nDefined in {place}", code(name), shown.join("\n")))
    }

    /// What a scalar names as a whole.
    fn named(&self, scalar: &Scalar, meaning: Meaning) -> Option<String> {
        let text = scalar.text.as_str();
        match meaning {
            Meaning::Enum(words) => {
                let word = words.iter().find(|word| word.value == text)?;
                Some(format!("**{}**\n\n{}", word.value, word.about))
            }
            _ if has_template(text) => None,
            Meaning::TaskName => {
                let from = if self.tree.format == Format::Taskfile { self.task } else { None };
                task::named(self.snapshot, from, text)
            }
            Meaning::VariableName | Meaning::NewVariableName => Some(self.variable(text)?),
            Meaning::ParamName => self.param(text),
            Meaning::PluginName => plugin::show(self.snapshot, text),
            Meaning::StepName | Meaning::StepReference => plan::step(self.plan?, text),
            Meaning::Alias => self.task.map(|task| task::show(self.snapshot, task)),
            Meaning::ArtifactName if self.plan.is_none() => self.artifact(text),
            Meaning::OutputName => self.output(),
            Meaning::ArtifactName => plan::artifact(self.snapshot, self.plan?, &self.step?.name.value, text),
            Meaning::ArtifactReference => {
                let inputs = &self.step?.inputs;
                let input =
                    inputs.iter().find(|input| self.snapshot.analysis.touches(input.span, self.position))?;
                plan::artifact(self.snapshot, self.plan?, &input.from.value, text)
            }
            Meaning::Path(PathKind::Dotenv) => Some(self.dotenv(text)),
            Meaning::Path(PathKind::Taskfile) => match self.spot.path.as_slice() {
                [Item::Key("includes"), Item::Key(name), ..] => {
                    task::namespace(self.snapshot, self.position.file, name)
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        if self.plan.is_some() {
            return self.plan_name(name);
        }
        if self.tree.format == Format::Template {
            let of_template =
                || format!("**variable of the template** {}\n\nThe name of what is made.", code(TASK));
            return if name == TASK { Some(of_template()) } else { self.param(name) };
        }
        if self.tree.format == Format::Plugin
            && let Some(shown) =
                variable::show_in_plugin(self.snapshot, &self.naming_tasks(), name, self.position)
        {
            return Some(shown);
        }
        let place = variable::Place {
            position: self.position,
            tasks: self.tasks(),
            within: self.spot.within,
            key: self.spot.is_key.then_some(self.spot.node.span),
        };
        Some(variable::show(self.snapshot, name, &place))
    }

    /// The task that the place is in, and those that have its text too.
    fn tasks(&self) -> Vec<&'a Task> {
        let Some(task) = self.task else { return Vec::new() };
        let field = match self.spot.path.as_slice() {
            [Item::Key("tasks"), Item::Key(_), Item::Key(field), ..] => field,
            [Item::Key("tasks"), ..] => "cmds",
            _ => return vec![task],
        };
        self.snapshot.analysis.tasks_with(task.name_span(), field)
    }

    /// The tasks that name the plugin in which the place is.
    fn naming_tasks(&self) -> Vec<&'a Task> {
        if self.tree.format != Format::Plugin {
            return Vec::new();
        }
        let analysis = &self.snapshot.analysis;
        let path = &analysis.file(self.position.file).path;
        plugins::tasks_that_name(analysis, path, plugins::name_of(analysis, path))
    }

    /// A task that a script runs, or a variable of it that a dotenv file sets.
    fn named_by_script(&self) -> Option<(Range<usize>, String)> {
        let index = self.snapshot.symbols();
        let found = index.at(self.position.file, self.position.offset);
        let place = found.iter().find(|place| place.spelling != Spelling::Implied)?;
        let definitions = index.definitions(place);
        let shown = match index.symbol(place.symbol)?.kind {
            SymbolKind::Variable => definitions.iter().find_map(|definition| {
                let source = index.sources().file(definition.file);
                variable::of_dotenv(self.snapshot, source, definition.range().start)
            }),
            SymbolKind::Task | SymbolKind::TaskAlias => definitions.iter().find_map(|definition| {
                let name = index.symbol(definition.symbol)?;
                let owner = index.symbol(name.alias_of.unwrap_or(definition.symbol))?;
                let task = self.snapshot.analysis.task_in(definition.file, &owner.name)?;
                Some(task::show(self.snapshot, task))
            }),
            SymbolKind::Namespace => {
                let definition = definitions.first()?;
                let name = &index.symbol(definition.symbol)?.name;
                task::namespace(self.snapshot, definition.file, name)
            }
            _ => None,
        };
        Some((place.range(), shown?))
    }

    /// A key of the matrix of a loop.
    fn matrix_key(&self, variable: Option<&str>, name: &str) -> Option<String> {
        variable::of_matrix(self.snapshot, self.task?, variable, name, self.position)
    }

    fn plan_name(&self, name: &str) -> Option<String> {
        plan::name(self.snapshot, self.plan?, self.step, name)
    }

    /// The file of a template.
    fn template(&self) -> Option<&ReadTemplate> {
        let path = &self.snapshot.analysis.file(self.position.file).path;
        let mut files = self.snapshot.analysis.compilation.templates.iter();
        files.find(|file| file.path == *path).map(|file| &**file)
    }

    /// An output of a step of the plan.
    fn output(&self) -> Option<String> {
        let (index, place) = (self.snapshot.symbols(), self.occurrence(SymbolKind::Output)?);
        plan::output(self.snapshot, self.plan?, index.definitions(place).into_iter().next()?)
    }

    /// A step of the plan that a text in a template names.
    fn step_in_text(&self) -> Option<String> {
        let (plan, place) = (self.plan?, self.occurrence(SymbolKind::Step)?);
        plan::step(plan, &self.snapshot.symbols().symbol(place.symbol)?.name)
    }

    /// The name of something of a kind that stands at the place.
    fn occurrence(&self, kind: SymbolKind) -> Option<&'a Occurrence> {
        let index = self.snapshot.symbols();
        let found = index.at(self.position.file, self.position.offset);
        found.into_iter().find(|place| index.symbol(place.symbol).is_some_and(|symbol| symbol.kind == kind))
    }

    /// An artifact of the task.
    fn artifact(&self, name: &str) -> Option<String> {
        let task = self.task?;
        let artifacts = &task.superset.as_ref()?.artifacts;
        let artifact = artifacts.iter().find(|artifact| artifact.name.value == name)?;
        let whose = self.snapshot.analysis.key.folder.as_ref().map_or(&task.name, |folder| &folder.name);
        let optional = if artifact.optional { " · optional" } else { "" };
        Some(format!(
            "**artifact** {} of the task {}\n\n{}{optional}",
            code(name),
            code(whose),
            code(&artifact.path.value)
        ))
    }

    fn param(&self, name: &str) -> Option<String> {
        if let Some(file) = self.template() {
            let is_named = |param: &&ast::Param| field_name(&param.name.value) == field_name(name);
            return file.draft.params.iter().find(is_named).map(variable::show_template_param);
        }
        let of_plan = self.plan.and_then(|plan| plan.written.as_ref()).map(|plan| plan.params.as_slice());
        let of_task =
            self.task.and_then(|task| task.superset.as_ref()).map(|superset| superset.params.as_slice());
        let params = of_plan.or(of_task)?;
        let is_named = |param: &&ast::Param| {
            param.name.value == name || ast::param::variable_name(&param.name.value) == name
        };
        params.iter().find(is_named).map(variable::show_param)
    }

    /// The names that a dotenv file sets; secret values are not shown.
    fn dotenv(&self, text: &str) -> String {
        let program = &self.snapshot.analysis.compilation.program;
        let dir = self.task.map_or("", |task| task.dir.as_str());
        let base = paths::smart_join(program.dir.as_str(), dir);
        let path = paths::smart_join(base.as_str(), text);
        let Ok(content) = self.snapshot.files.read(&path) else {
            return format!("{} is not there", code(text));
        };
        let (entries, _) = ez_compiler::dotenv::parse(&content);
        let mut shown = format!("**dotenv file** {}\n", code(text));
        for entry in entries.iter().take(MAX_DOTENV) {
            let value =
                if variables::looks_secret(&entry.name) { "***".to_owned() } else { code(&entry.value) };
            let _ = write!(shown, "\n- {} {value}", code(&entry.name));
        }
        if entries.len() > MAX_DOTENV {
            let _ = write!(shown, "\n\nand {} more", entries.len() - MAX_DOTENV);
        }
        shown
    }
}

/// How many entries of a dotenv file are listed.
const MAX_DOTENV: usize = 20;

/// How many lines are shown of what an alias stands for.
const MAX_ANCHORED: usize = 12;
