//! From a plan as written to its graph, and what is wrong on the way.

use camino::Utf8Path;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::arguments;
use super::catalog::{Answers, CatalogTask, Found, TaskCatalog};
use super::collisions;
use super::cycle;
use super::matrix::{self, Values};
use super::reference::{self, StepReference};
use super::texts::{Names, PlanTexts};
use super::upstream::are_upstream;
use crate::ast::{self, Text};
use crate::check::span_in;
use crate::diagnostic::Diagnostic;
use crate::ir::plan::{
    Adjacency, MAX_NEEDS, MAX_NODES, Node, PlanArtifact, PlanCheckpoint, PlanInput, PlanRetry, PlanStep,
    PlanText, TaskKind, levels,
};
use crate::ir::{NodeId, Plan, StepId};
use crate::rule;
use crate::source::{SourceMap, Span};
use crate::suggest::nearest;
use crate::template::{PureHost, Template, has_template, render};

/// How often one plan looks for the nearest of all names.
const MAX_SUGGESTIONS: usize = 20;

/// How many combinations are shown where one is not among them.
const SHOWN_COMBINATIONS: usize = 5;

/// A plan's graph, as far as there is one, the findings, and what was asked about tasks.
#[derive(Debug, Default)]
pub struct Linked {
    pub graph: Option<Plan>,
    pub diagnostics: Vec<Diagnostic>,
    pub answers: Answers,
}

/// Links a plan.
pub fn link(
    plan: &ast::Plan,
    name: &str,
    file: &Utf8Path,
    catalog: &TaskCatalog<'_>,
    sources: &SourceMap,
) -> Linked {
    let mut linker = Linker {
        plan,
        catalog,
        sources,
        diagnostics: Vec::new(),
        by_name: FxHashMap::default(),
        nodes: Vec::new(),
        ranges: Vec::new(),
        is_broken: Vec::new(),
        tasks: FxHashMap::default(),
        suggestions: MAX_SUGGESTIONS,
        answers: Answers::of(catalog),
    };
    let graph = linker.link(name, file);
    Linked { graph, diagnostics: linker.diagnostics, answers: linker.answers }
}

/// A step that a reference names, and which of its nodes.
struct Resolved {
    step: usize,
    nodes: Vec<NodeId>,
}

/// A use of something that another step made: where it is written, who uses it, and whose it is.
pub(super) struct Use {
    pub span: Span,
    pub what: UseKind,
    pub user: NodeId,
    pub source: NodeId,
}

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UseKind {
    Input,
    Output,
}

pub(super) struct Linker<'a> {
    pub plan: &'a ast::Plan,
    pub catalog: &'a TaskCatalog<'a>,
    pub sources: &'a SourceMap,
    pub diagnostics: Vec<Diagnostic>,
    pub by_name: FxHashMap<&'a str, usize>,
    pub nodes: Vec<Node>,
    /// For each step its first node and one past its last.
    ranges: Vec<(u32, u32)>,
    /// Steps whose matrix gives nothing: what names their combinations is not looked at.
    is_broken: Vec<bool>,
    /// What the tasks are, by their names.
    tasks: FxHashMap<SmolStr, Option<CatalogTask<'a>>>,
    suggestions: usize,
    answers: Answers,
}

impl<'a> Linker<'a> {
    fn link(&mut self, name: &str, file: &Utf8Path) -> Option<Plan> {
        let plan = self.plan;
        self.check_name(name);
        self.name_steps();
        if !self.make_nodes() {
            return None;
        }
        self.find_tasks();
        let (needs, step_needs) = self.resolve_needs()?;
        let cycles = cycle::find_all(plan, &step_needs);
        let is_cyclic = !cycles.is_empty();
        self.diagnostics.extend(cycles);
        let mut texts = PlanTexts::new(self);
        let vars = texts.plan_variables();
        let mut steps = Vec::with_capacity(plan.steps.len());
        let mut uses: Vec<Use> = Vec::new();
        for (index, step) in plan.steps.iter().enumerate() {
            steps.push(texts.step(index, step, &mut uses));
        }
        let (implicit_names, implicit_params) = texts.implicit_params();
        let findings = texts.finish();
        self.diagnostics.extend(findings);
        let arguments = arguments::check(self, &steps);
        self.diagnostics.extend(arguments);
        self.link_inputs(&mut steps, &mut uses);
        let needs = Adjacency::new(needs.iter().map(Vec::as_slice));
        let dependents = needs.reversed();
        if is_cyclic {
            return None;
        }
        let levels = levels(&needs, &dependents)?;
        let mut order: Vec<NodeId> = (0..self.nodes.len() as u32).map(NodeId).collect();
        order.sort_by_key(|id| levels.get(id.0 as usize).copied());
        self.check_uses(&uses, &needs, &order);
        let collisions = collisions::find_all(self, &steps, &needs, &order);
        self.diagnostics.extend(collisions);
        Some(Plan {
            name: name.into(),
            file: file.to_owned(),
            desc: plan.desc.as_ref().map(|desc| desc.value.clone()),
            vars,
            params: plan.params.clone(),
            implicit_params,
            implicit_names,
            steps,
            nodes: std::mem::take(&mut self.nodes),
            needs,
            dependents,
            levels,
        })
    }

    /// The task of a node, if it is known.
    pub(super) fn task_of(&self, node: &Node) -> Option<CatalogTask<'a>> {
        self.tasks.get(&node.task).copied().flatten()
    }

    /// The nodes of a step.
    pub(super) fn nodes_of(&self, step: usize) -> impl Iterator<Item = NodeId> + use<> {
        let (start, end) = self.ranges.get(step).copied().unwrap_or_default();
        (start..end).map(NodeId)
    }

    fn check_name(&mut self, name: &str) {
        let Some(written) = self.plan.name.as_ref().filter(|written| written.value != name) else { return };
        let message = format!("the plan in `{name}` calls itself `{}`", written.value);
        self.diagnostics.push(
            Diagnostic::error(rule::PLAN_NAME, message, written.span)
                .with_label("another name")
                .with_help("rename the file, or leave `name` out")
                .with_fix(format!("change to `{name}`"), written.span, name),
        );
    }

    fn name_steps(&mut self) {
        for (index, step) in self.plan.steps.iter().enumerate() {
            match self.by_name.get(step.name.as_str()) {
                None => {
                    self.by_name.insert(step.name.as_str(), index);
                }
                Some(first) => {
                    let first = self.plan.steps[*first].name.span;
                    let message = format!("two steps are named `{}`", step.name.value);
                    self.diagnostics.push(
                        Diagnostic::error(rule::DUPLICATE_STEP, message, step.name.span)
                            .with_label("again here")
                            .and_at(first, "first here")
                            .with_help("give one of the two another `name`"),
                    );
                }
            }
        }
    }

    /// Expands all matrices. Gives up where there are too many combinations.
    fn make_nodes(&mut self) -> bool {
        for (index, step) in self.plan.steps.iter().enumerate() {
            let combinations: Vec<Values> = match &step.matrix {
                None => vec![Vec::new()],
                Some(matrix) => matrix::expand(matrix, &mut self.diagnostics),
            };
            self.is_broken.push(combinations.is_empty());
            let start = self.nodes.len();
            if start + combinations.len() > MAX_NODES {
                let message = format!("this plan has more than {MAX_NODES} steps and combinations");
                self.diagnostics.push(
                    Diagnostic::error(rule::PLAN_LIMIT, message, step.name.span)
                        .with_help("split the plan, or let tasks loop"),
                );
                return false;
            }
            self.nodes.extend(combinations.into_iter().map(|values| Node {
                step: StepId(index as u32),
                name: matrix::display_name(&step.name.value, &values),
                slug: matrix::slug(&step.name.value, &values),
                task: step.task.value.clone(),
                kind: TaskKind::Inline,
                values,
                sources: Vec::new(),
            }));
            self.ranges.push((start as u32, self.nodes.len() as u32));
        }
        self.check_slugs();
        true
    }

    fn check_slugs(&mut self) {
        let mut slugs: FxHashMap<&str, usize> = FxHashMap::default();
        let mut told: FxHashSet<StepId> = FxHashSet::default();
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(first) = matrix::find_collision(&mut slugs, &node.slug, index) else { continue };
            let other = &self.nodes[first];
            let step = &self.plan.steps[node.step.0 as usize];
            let is_told_already = other.name == node.name && other.step != node.step;
            if is_told_already || !told.insert(node.step) {
                continue;
            }
            let message = if other.name == node.name {
                format!("`{}` is there twice", node.name)
            } else {
                format!("`{}` and `{}` are both `{}` in names of files", other.name, node.name, node.slug)
            };
            let place = step.matrix.as_ref().filter(|_| other.step == node.step);
            let span = place.map_or(step.name.span, |matrix| matrix.span);
            let mut diagnostic = Diagnostic::error(rule::SLUG_COLLISION, message, span)
                .with_label("the same name again")
                .with_help("change a name or a value so that letters or digits differ");
            if other.step != node.step {
                diagnostic = diagnostic.and_at(self.plan.steps[other.step.0 as usize].name.span, "the other");
            }
            self.diagnostics.push(diagnostic);
        }
    }

    /// Renders what is known before anything runs: only keys of the step's own matrix.
    fn render_with_matrix(&mut self, text: &Text, values: &Values, step: usize) -> Option<SmolStr> {
        let template = Template::parse(&text.value);
        let is_key = |name: &str| values.iter().any(|(key, _)| key == name);
        let unknown = template.field_references().into_iter().find(|read| !is_key(&read.name));
        if let Some(read) = unknown {
            let span = span_in(text, &read.range, self.sources);
            let step = &self.plan.steps[step].name.value;
            let message = format!("`{}` is no key of the matrix of `{step}`", read.name);
            let diagnostic = Diagnostic::error(rule::UNKNOWN_COMBINATION, message, span)
                .with_label("not known before the plan runs");
            let near = nearest(&read.name, values.iter().map(|(key, _)| key.as_str()));
            self.diagnostics.push(match near {
                Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                    format!("change to `{near}`"),
                    span,
                    near,
                ),
                None => diagnostic.with_help("use keys of the step's own matrix here, or write the name out"),
            });
            return None;
        }
        let scope: std::collections::BTreeMap<_, _> = values.iter().cloned().collect();
        match render(&text.value, &scope, &PureHost) {
            Ok(rendered) => Some(rendered),
            Err(error) => {
                let span = span_in(text, &error.range, self.sources);
                let message = format!("this template does not evaluate: {}", error.message);
                self.diagnostics.push(
                    Diagnostic::error(rule::TEMPLATE_SYNTAX, message, span)
                        .with_label("here")
                        .with_help("use keys of the step's own matrix here, or write the name out"),
                );
                None
            }
        }
    }

    fn find_tasks(&mut self) {
        for (index, step) in self.plan.steps.iter().enumerate() {
            let is_template = has_template(&step.task.value);
            let mut told: FxHashSet<SmolStr> = FxHashSet::default();
            for id in self.nodes_of(index) {
                if is_template {
                    let values = self.nodes[id.0 as usize].values.clone();
                    let Some(name) = self.render_with_matrix(&step.task, &values, index) else { break };
                    self.nodes[id.0 as usize].task = name;
                }
                let name = self.nodes[id.0 as usize].task.clone();
                match self.tasks.get(&name) {
                    Some(known) => {
                        if let Some(task) = known {
                            self.nodes[id.0 as usize].kind = task.kind;
                        }
                        continue;
                    }
                    None if told.contains(&name) => continue,
                    None => {}
                }
                let catalog = self.catalog;
                let found = match self.answers.find(&name, catalog) {
                    Found::Task(task) => Some(task),
                    Found::Unreadable => None,
                    Found::Ambiguous(names) => {
                        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                        let message = format!("`{name}` may be any of {}", names.join(", "));
                        self.diagnostics.push(
                            Diagnostic::error(rule::UNKNOWN_TASK, message, step.task.span)
                                .with_label("several tasks have this alias")
                                .with_help("write the name of the task"),
                        );
                        told.insert(name);
                        continue;
                    }
                    Found::Unknown => {
                        self.report_unknown_task(&name, &step.task);
                        told.insert(name);
                        continue;
                    }
                };
                if let Some(task) = found {
                    self.nodes[id.0 as usize].kind = task.kind;
                }
                self.tasks.insert(name, found);
            }
        }
    }

    fn report_unknown_task(&mut self, name: &str, text: &Text) {
        let span = span_in(text, &(0..text.value.len()), self.sources);
        let message = format!("no task is named `{name}`");
        let diagnostic = Diagnostic::error(rule::UNKNOWN_TASK, message, span).with_label("unknown task");
        let near = self.may_search().then(|| {
            let names = self.answers.names(self.catalog);
            nearest(name, names.iter().map(SmolStr::as_str)).map(str::to_owned)
        });
        self.diagnostics.push(match near.flatten() {
            Some(near) => {
                let diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
                if has_template(&text.value) {
                    diagnostic
                } else {
                    diagnostic.with_fix(format!("change to `{near}`"), span, near)
                }
            }
            None => diagnostic
                .with_help("name a task of the project, or a folder in `tasks/`; `ez list` shows them"),
        });
    }

    pub(super) fn may_search(&mut self) -> bool {
        let may = self.suggestions > 0;
        self.suggestions = self.suggestions.saturating_sub(1);
        may
    }

    /// For each node what it waits for, and for each step the steps that it names, with the places.
    #[expect(clippy::type_complexity, reason = "two tables that are made together")]
    fn resolve_needs(&mut self) -> Option<(Vec<Vec<NodeId>>, Vec<Vec<(usize, Span)>>)> {
        let plan = self.plan;
        let mut needs: Vec<Vec<NodeId>> = vec![Vec::new(); self.nodes.len()];
        let mut step_needs: Vec<Vec<(usize, Span)>> = vec![Vec::new(); plan.steps.len()];
        let mut count = 0usize;
        for (index, step) in plan.steps.iter().enumerate() {
            for text in &step.needs {
                let own: Vec<NodeId> = self.nodes_of(index).collect();
                if !has_template(&text.value) {
                    let Some(resolved) = self.resolve(text, &text.value) else { continue };
                    step_needs[index].push((resolved.step, text.span));
                    count += own.len() * resolved.nodes.len();
                    if count > MAX_NEEDS {
                        return self.report_too_many_needs(text);
                    }
                    for node in own {
                        needs[node.0 as usize].extend_from_slice(&resolved.nodes);
                    }
                    continue;
                }
                let mut is_first = true;
                for node in own {
                    let values = self.nodes[node.0 as usize].values.clone();
                    let Some(name) = self.render_with_matrix(text, &values, index) else { break };
                    let Some(resolved) = self.resolve(text, &name) else { break };
                    if is_first {
                        step_needs[index].push((resolved.step, text.span));
                        is_first = false;
                    }
                    count += resolved.nodes.len();
                    if count > MAX_NEEDS {
                        return self.report_too_many_needs(text);
                    }
                    needs[node.0 as usize].extend(resolved.nodes);
                }
            }
        }
        for list in &mut needs {
            list.sort_unstable();
            list.dedup();
        }
        Some((needs, step_needs))
    }

    fn report_too_many_needs<T>(&mut self, text: &Text) -> Option<T> {
        let message = format!("this plan has more than {MAX_NEEDS} pairs of which one waits for the other");
        self.diagnostics.push(
            Diagnostic::error(rule::PLAN_LIMIT, message, text.span)
                .with_help("put a step without a matrix between two large ones"),
        );
        None
    }

    /// What a reference names; `name` is the text with its templates rendered.
    fn resolve(&mut self, text: &Text, name: &str) -> Option<Resolved> {
        let is_plain = name == text.value;
        let sources = self.sources;
        let span = |range: &std::ops::Range<usize>| {
            if is_plain { span_in(text, range, sources) } else { text.span }
        };
        let Some(reference) = reference::parse(name) else {
            self.diagnostics.push(
                Diagnostic::error(
                    rule::UNKNOWN_COMBINATION,
                    format!("`{name}` names no combination"),
                    text.span,
                )
                .with_label("brackets that do not match")
                .with_help("write `build`, `build[arm64]` or `build[arch=arm64,os=linux]`"),
            );
            return None;
        };
        let Some(step) = self.by_name.get(reference.step).copied() else {
            let span = span(&reference.step_range);
            self.report_unknown_step(reference.step, span, is_plain);
            return None;
        };
        if !reference.has_filter || self.is_broken[step] {
            return Some(Resolved { step, nodes: self.nodes_of(step).collect() });
        }
        self.select(step, &reference, &span)
    }

    fn report_unknown_step(&mut self, name: &str, span: Span, is_plain: bool) {
        let diagnostic = Diagnostic::error(rule::UNKNOWN_STEP, format!("no step is named `{name}`"), span)
            .with_label("unknown step");
        let near = if self.may_search() { nearest(name, self.by_name.keys().copied()) } else { None };
        self.diagnostics.push(match near {
            Some(near) if is_plain => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("change to `{near}`"),
                span,
                near,
            ),
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
            None => diagnostic.with_help("name another step of this plan by its `name`"),
        });
    }

    /// The combinations that a reference with brackets means.
    fn select(
        &mut self,
        step: usize,
        reference: &StepReference<'_>,
        span: &dyn Fn(&std::ops::Range<usize>) -> Span,
    ) -> Option<Resolved> {
        let whole = span(&(reference.step_range.start..reference.filter.last().map_or(0, |f| f.range.end)));
        let Some(matrix) = &self.plan.steps[step].matrix else {
            self.diagnostics.push(
                Diagnostic::error(
                    rule::UNKNOWN_COMBINATION,
                    format!("`{}` has no matrix", reference.step),
                    whole,
                )
                .with_label("names a combination")
                .and_at(self.plan.steps[step].name.span, "the step")
                .with_help(format!("write `{}`", reference.step)),
            );
            return None;
        };
        let only_key = match matrix.keys.as_slice() {
            [one] => Some(one.name.value.clone()),
            _ => None,
        };
        let mut filter: Vec<(SmolStr, &str)> = Vec::new();
        for wanted in &reference.filter {
            let known = |name: &str| {
                self.nodes_of(step)
                    .any(|id| self.nodes[id.0 as usize].values.iter().any(|(key, _)| key == name))
            };
            match (wanted.key, &only_key) {
                (Some(key), _) if known(key) => filter.push((key.into(), wanted.value)),
                (None, Some(key)) => filter.push((key.clone(), wanted.value)),
                (Some(key), _) => {
                    let message = format!("`{key}` is no key of the matrix of `{}`", reference.step);
                    let place = span(&wanted.range);
                    let diagnostic = Diagnostic::error(rule::UNKNOWN_COMBINATION, message, place)
                        .with_label("unknown key")
                        .and_at(matrix.span, "the matrix");
                    let keys = matrix.keys.iter().map(|key| key.name.value.as_str());
                    self.diagnostics.push(match nearest(key, keys) {
                        Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                            format!("change to `{near}`"),
                            place,
                            near,
                        ),
                        None => diagnostic.with_help("name a key of that matrix"),
                    });
                    return None;
                }
                (None, None) => {
                    let message = format!("the matrix of `{}` has several keys", reference.step);
                    self.diagnostics.push(
                        Diagnostic::error(rule::UNKNOWN_COMBINATION, message, span(&wanted.range))
                            .with_label("a value of which?")
                            .and_at(matrix.span, "the matrix")
                            .with_help(format!("write `key={}`", wanted.value)),
                    );
                    return None;
                }
            }
        }
        let fits = |node: &Node| {
            filter.iter().all(|(key, value)| {
                node.values.iter().any(|(own, found)| own == key && found.to_text() == *value)
            })
        };
        let nodes: Vec<NodeId> = self.nodes_of(step).filter(|id| fits(&self.nodes[id.0 as usize])).collect();
        if nodes.is_empty() {
            self.report_no_combination(step, whole);
            return None;
        }
        Some(Resolved { step, nodes })
    }

    fn report_no_combination(&mut self, step: usize, span: Span) {
        let names: Vec<String> = self
            .nodes_of(step)
            .take(SHOWN_COMBINATIONS)
            .map(|id| format!("`{}`", self.nodes[id.0 as usize].name))
            .collect();
        let more = if self.nodes_of(step).count() > SHOWN_COMBINATIONS { ", …" } else { "" };
        let step = &self.plan.steps[step];
        let mut diagnostic = Diagnostic::error(
            rule::UNKNOWN_COMBINATION,
            format!("no combination of `{}` is this one", step.name.value),
            span,
        )
        .with_label("unknown combination")
        .with_help(format!("there are {}{more}", names.join(", ")));
        if let Some(matrix) = &step.matrix {
            diagnostic = diagnostic.and_at(matrix.span, "the matrix");
        }
        self.diagnostics.push(diagnostic);
    }

    /// Finds the artifacts that inputs name, and their steps.
    fn link_inputs(&mut self, steps: &mut [PlanStep], uses: &mut Vec<Use>) {
        let plan = self.plan;
        for (index, step) in plan.steps.iter().enumerate() {
            let mut inputs = Vec::with_capacity(step.inputs.len());
            for input in &step.inputs {
                let Some((linked, sources)) = self.link_input(index, input, steps) else { continue };
                for (node, sources) in self.nodes_of(index).zip(sources) {
                    uses.extend(sources.iter().map(|source| Use {
                        span: input.from.span,
                        what: UseKind::Input,
                        user: node,
                        source: *source,
                    }));
                    self.nodes[node.0 as usize].sources.push(sources);
                }
                inputs.push(linked);
            }
            steps[index].inputs = inputs;
        }
    }

    /// An input, and for each node of the step its sources.
    fn link_input(
        &mut self,
        step: usize,
        input: &ast::plan::Input,
        steps: &[PlanStep],
    ) -> Option<(PlanInput, Vec<Vec<NodeId>>)> {
        // What is missing has been told of.
        let (artifact_name, to) = (input.artifact.as_ref()?, input.to.as_ref()?);
        let own: Vec<NodeId> = self.nodes_of(step).collect();
        let mut sources = Vec::with_capacity(own.len());
        let mut from = None;
        if has_template(&input.from.value) {
            for node in own {
                let values = self.nodes[node.0 as usize].values.clone();
                let name = self.render_with_matrix(&input.from, &values, step)?;
                let resolved = self.resolve(&input.from, &name)?;
                from = Some(resolved.step);
                sources.push(resolved.nodes);
            }
        } else {
            let resolved = self.resolve(&input.from, &input.from.value)?;
            from = Some(resolved.step);
            sources = vec![resolved.nodes; own.len()];
        }
        let from = from?;
        let artifacts = &steps.get(from)?.artifacts;
        let position = artifacts.iter().position(|artifact| artifact.name.value == artifact_name.value);
        let Some(artifact) = position else {
            self.report_unknown_artifact(from, artifact_name, artifacts);
            return None;
        };
        let is_collected = self.nodes_of(from).count() > 1 && sources.iter().any(|nodes| nodes.len() > 1);
        let linked = PlanInput {
            from: StepId(from as u32),
            artifact: artifact as u32,
            artifact_name: artifact_name.value.clone(),
            to: PlanText::new(to),
            is_collected,
            optional: input.optional,
        };
        Some((linked, sources))
    }

    fn report_unknown_artifact(&mut self, from: usize, name: &Text, artifacts: &[PlanArtifact]) {
        // What an unknown task makes is not known.
        if self.nodes_of(from).any(|id| self.task_of(&self.nodes[id.0 as usize]).is_none()) {
            return;
        }
        let maker = &self.plan.steps[from];
        let message = format!("`{}` makes no artifact `{}`", maker.name.value, name.value);
        let diagnostic = Diagnostic::error(rule::UNKNOWN_ARTIFACT, message, name.span)
            .with_label("unknown artifact")
            .and_at(maker.name.span, "the step");
        let near = nearest(&name.value, artifacts.iter().map(|artifact| artifact.name.value.as_str()));
        self.diagnostics.push(match near {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("change to `{near}`"),
                name.span,
                near,
            ),
            None => diagnostic
                .with_help(format!("declare it there: `artifacts: [{{name: {}, path: …}}]`", name.value)),
        });
    }

    /// Reports what is taken from steps that need not be done before.
    fn check_uses(&mut self, uses: &[Use], needs: &Adjacency, order: &[NodeId]) {
        let pairs: Vec<(NodeId, NodeId)> = uses.iter().map(|used| (used.user, used.source)).collect();
        let known = are_upstream(needs, order, &pairs);
        let mut told: FxHashSet<(Span, StepId)> = FxHashSet::default();
        for used in uses.iter().zip(&known).filter(|(_, known)| !**known).map(|(used, _)| used) {
            let (user, source) = (&self.nodes[used.user.0 as usize], &self.nodes[used.source.0 as usize]);
            if !told.insert((used.span, source.step)) {
                continue;
            }
            let taker = &self.plan.steps[user.step.0 as usize];
            let maker = &self.plan.steps[source.step.0 as usize];
            let what = match used.what {
                UseKind::Input => "takes an artifact of",
                UseKind::Output => "reads an output of",
            };
            let message = if taker.name == maker.name {
                format!("`{}` {what} itself", taker.name.value)
            } else {
                format!("`{}` {what} `{}`, which need not be done before", taker.name.value, source.name)
            };
            let diagnostic = Diagnostic::error(rule::INPUT_NOT_UPSTREAM, message, used.span)
                .with_label("not upstream")
                .and_at(maker.name.span, "this step");
            self.diagnostics.push(if taker.name == maker.name {
                diagnostic.with_help("take it from another step")
            } else {
                self.with_needs_fix(diagnostic, taker, &maker.name.value)
            });
        }
    }

    /// Adds `needs` of a step to one.
    fn with_needs_fix(&self, diagnostic: Diagnostic, taker: &ast::Step, maker: &str) -> Diagnostic {
        let diagnostic =
            diagnostic.with_help(format!("add `{maker}` to the `needs` of `{}`", taker.name.value));
        let is_simple = maker.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            && maker.starts_with(|c: char| c.is_ascii_alphabetic());
        let title = format!("add `{maker}` to `needs`");
        match taker.needs.last() {
            _ if !is_simple => diagnostic,
            Some(last) => {
                let end = Span { start: last.span.end, ..last.span };
                let is_list = self.is_in_brackets(last.span);
                match is_list {
                    Some(true) => diagnostic.with_fix(title, end, format!(", {maker}")),
                    Some(false) => diagnostic,
                    None => {
                        let line = self.line_start(last.span);
                        diagnostic.with_fix(title, end, format!("\n{line}{maker}"))
                    }
                }
            }
            None => {
                let task = taker.task.span;
                let Some(indent) = self.key_indent(taker) else { return diagnostic };
                let end = Span { start: task.end, ..task };
                diagnostic.with_fix(title, end, format!("\n{indent}needs: [{maker}]"))
            }
        }
    }

    /// Whether a text is an item in brackets, the whole value of its key, or, for neither, an item behind a dash.
    fn is_in_brackets(&self, span: Span) -> Option<bool> {
        let before = self.line_start(span);
        if before.trim() == "-" {
            return None;
        }
        let location = self.sources.locate(span);
        let text = &self.sources.file(location.file).text;
        let after = text.get(location.range.end..).unwrap_or_default().trim_start();
        Some(after.starts_with([']', ',']))
    }

    /// What stands on a text's line before it.
    fn line_start(&self, span: Span) -> String {
        let location = self.sources.locate(span);
        let text = &self.sources.file(location.file).text;
        let before = text.get(..location.range.start).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default().to_owned()
    }

    /// The blanks before the keys of a step that is written by indentation.
    fn key_indent(&self, step: &ast::Step) -> Option<String> {
        let line = self.line_start(step.task.span);
        let key = line.trim_start_matches([' ', '-']);
        let is_block = key.trim_end() == "task:";
        let ends_line = {
            let location = self.sources.locate(step.task.span);
            let text = &self.sources.file(location.file).text;
            text.get(location.range.end..)
                .is_none_or(|after| after.lines().next().unwrap_or_default().trim().is_empty())
        };
        (is_block && ends_line).then(|| " ".repeat(line.len() - key.len()))
    }

    /// The names that templates of a step can mean.
    pub(super) fn names_of(&self, step: Option<usize>) -> Names<'a> {
        let plan = self.plan;
        let matrix = step.and_then(|step| plan.steps[step].matrix.as_ref());
        Names::new(plan, matrix)
    }
}

/// A retry in the graph's terms.
pub(super) fn retry_of(step: &ast::Step) -> Option<PlanRetry> {
    step.retry.as_ref().map(|retry| PlanRetry {
        count: retry.count.value,
        backoff: retry.backoff.as_ref().map(|backoff| backoff.value).unwrap_or_default(),
    })
}

/// A checkpoint in the graph's terms.
pub(super) fn checkpoint_of(step: &ast::Step) -> Option<PlanCheckpoint> {
    let checkpoint = step.checkpoint.as_ref()?;
    Some(PlanCheckpoint { prompt: checkpoint.prompt.as_ref().map(PlanText::new) })
}
