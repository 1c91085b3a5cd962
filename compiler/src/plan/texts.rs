//! The templates of a plan: parsed for the graph, and what is wrong with the names in them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::catalog::CatalogTask;
use super::evaluation::param_variable;
use super::link::{Linker, Use as StepUse, UseKind, checkpoint_of, retry_of};
use super::outputs::{self, OUTPUTS, OutputRead, STEPS};
use crate::ast::param::variable_name;
use crate::ast::plan::Matrix;
use crate::ast::{self, Text, Variable, VariableValue};
use crate::check::{Place, Use, of_plan_text, span_in, span_of_piece};
use crate::diagnostic::Diagnostic;
use crate::ir::NodeId;
use crate::ir::plan::{PlanArtifact, PlanStep, PlanText, PlanValue, PlanVariable, TaskKind};
use crate::rule;
use crate::source::{Span, Spanned};
use crate::suggest::nearest;
use crate::template::{Reference, Template, TemplateText, Value, has_template};
use crate::yaml::node::ScalarStyle;

/// The names that templates can mean.
pub(super) struct Names<'a> {
    /// Keys of the matrix that every combination has.
    fixed: FxHashSet<&'a str>,
    /// All others that are written in the plan, params under their own names and as variables.
    others: FxHashSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(plan: &'a ast::Plan, matrix: Option<&'a Matrix>) -> Self {
        let fixed =
            matrix.iter().flat_map(|matrix| &matrix.keys).map(|key| key.name.value.as_str()).collect();
        let included = matrix.iter().flat_map(|matrix| &matrix.include).flat_map(|included| &included.values);
        let mut others: FxHashSet<Cow<'a, str>> =
            included.map(|(name, _)| Cow::Borrowed(name.value.as_str())).collect();
        others.extend(plan.vars.iter().map(|variable| Cow::Borrowed(variable.name.value.as_str())));
        for param in &plan.params {
            others.insert(Cow::Borrowed(param.name.value.as_str()));
            others.insert(Cow::Owned(variable_name(&param.name.value).into()));
        }
        Self { fixed, others }
    }

    fn has(&self, name: &str) -> bool {
        self.fixed.contains(name) || self.others.contains(name)
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let mut all: Vec<&str> =
            self.fixed.iter().copied().chain(self.others.iter().map(|name| &**name)).collect();
        all.sort_unstable();
        nearest(name, all).map(str::to_owned)
    }
}

/// Goes over the texts of a plan.
pub(super) struct PlanTexts<'l, 'a> {
    linker: &'l Linker<'a>,
    /// Names of a step without a matrix, which most are.
    plain_names: Names<'a>,
    implicit: BTreeSet<SmolStr>,
    found: Vec<Diagnostic>,
}

/// What a text reads.
#[derive(Default)]
struct Reads {
    requires: Vec<SmolStr>,
    outputs: Vec<(OutputRead, Span)>,
}

impl<'l, 'a> PlanTexts<'l, 'a> {
    pub(super) fn new(linker: &'l Linker<'a>) -> Self {
        Self { linker, plain_names: linker.names_of(None), implicit: BTreeSet::new(), found: Vec::new() }
    }

    /// The params that are not written: the names in templates, and the variables.
    pub(super) fn implicit_params(&self) -> (Vec<SmolStr>, Vec<SmolStr>) {
        let variables: BTreeSet<SmolStr> = self.implicit.iter().map(|name| param_variable(name)).collect();
        (self.implicit.iter().cloned().collect(), variables.into_iter().collect())
    }

    /// The findings.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        self.found
    }

    /// The plan's own variables.
    pub(super) fn plan_variables(&mut self) -> Vec<PlanVariable> {
        let plan = self.linker.plan;
        for (span, what) in plan
            .vars
            .iter()
            .map(|variable| (&variable.name, "a variable"))
            .chain(plan.params.iter().map(|param| (&param.name, "a param")))
            .filter(|(name, _)| name.value == STEPS)
            .map(|(name, what)| (name.span, what))
        {
            self.found.push(
                Diagnostic::error(rule::INVALID_PLAN, format!("{what} cannot be called `{STEPS}`"), span)
                    .with_label("taken")
                    .with_help("templates find the outputs of steps there: use another name"),
            );
        }
        let mut variables = Vec::with_capacity(plan.vars.len());
        for (index, variable) in plan.vars.iter().enumerate() {
            let mut reads = Reads::default();
            let value = self.value(variable, None, &mut reads);
            for (_, span) in &reads.outputs {
                self.found.push(
                    Diagnostic::error(
                        rule::UNKNOWN_OUTPUT,
                        "a variable of the plan has its value before any step runs",
                        *span,
                    )
                    .with_label("no outputs yet")
                    .with_help("read outputs in the `vars` of a step"),
                );
            }
            for name in &reads.requires {
                self.check_order(index, variable, name);
            }
            variables.push(self.variable(variable, variable.name.clone(), value, reads.requires));
        }
        variables
    }

    /// Whether a variable reads one that is written below it.
    fn check_order(&mut self, index: usize, variable: &Variable, name: &str) {
        let below = self.linker.plan.vars.iter().skip(index);
        let Some(later) = below.into_iter().find(|later| later.name.value == name) else { return };
        let message = if later.name.span == variable.name.span {
            format!("`{name}` reads itself")
        } else {
            format!("`{}` reads `{name}`, which is written below it", variable.name.value)
        };
        self.found.push(
            Diagnostic::warning(rule::UNKNOWN_PLAN_VARIABLE, message, variable.span)
                .with_label("no value yet")
                .and_at(later.name.span, "the variable")
                .with_help("variables get their values in written order: move it up"),
        );
    }

    #[expect(clippy::unused_self, reason = "stands beside its like")]
    fn variable(
        &self,
        variable: &Variable,
        name: Spanned<SmolStr>,
        value: PlanValue,
        requires: Vec<SmolStr>,
    ) -> PlanVariable {
        PlanVariable { name, value, requires, secret: variable.secret }
    }

    /// A step of the graph; its inputs are linked later.
    pub(super) fn step(&mut self, index: usize, step: &ast::Step, uses: &mut Vec<StepUse>) -> PlanStep {
        let mut reads = Reads::default();
        let vars = self.step_variables(index, &step.vars, true, &mut reads);
        let env = self.step_variables(index, &step.env, false, &mut reads);
        let mut text = |this: &mut Self, text: &Text| this.text(text, Some(index), &mut reads);
        let when = step.when.as_ref().map(|when| text(self, when));
        let machines = step.nodes.iter().map(|machine| text(self, machine)).collect();
        let checkpoint = checkpoint_of(step);
        if let Some(prompt) = step.checkpoint.as_ref().and_then(|checkpoint| checkpoint.prompt.as_ref()) {
            text(self, prompt);
        }
        for to in step.inputs.iter().filter_map(|input| input.to.as_ref()) {
            text(self, to);
        }
        let mut artifacts: Vec<PlanArtifact> = step
            .artifacts
            .iter()
            .map(|artifact| PlanArtifact {
                name: artifact.name.clone(),
                path: text(self, &artifact.path),
                optional: artifact.optional,
            })
            .collect();
        let nodes: Vec<NodeId> = self.linker.nodes_of(index).collect();
        let task = nodes.first().and_then(|id| self.linker.task_of(&self.linker.nodes[id.0 as usize]));
        for artifact in task.iter().flat_map(CatalogTask::artifacts) {
            if artifacts.iter().any(|own| own.name.value == artifact.name.value) {
                continue;
            }
            let (mut name, mut path) = (artifact.name.clone(), artifact.path.clone());
            if task.is_some_and(|task| task.kind == TaskKind::Folder) {
                // The texts of a folder are not among those of the project.
                name.span = step.task.span;
                path.span = step.task.span;
            }
            artifacts.push(PlanArtifact { name, path: PlanText::new(&path), optional: artifact.optional });
        }
        let mut output_reads: Vec<NodeId> = Vec::new();
        for (read, span) in &reads.outputs {
            let sources = self.output_sources(read, *span);
            for source in sources {
                output_reads.push(source);
                uses.extend(nodes.iter().map(|node| StepUse {
                    span: *span,
                    what: UseKind::Output,
                    user: *node,
                    source,
                }));
            }
        }
        output_reads.sort_unstable();
        output_reads.dedup();
        let first = nodes.first().map_or(0, |id| id.0);
        let is_folder = task.is_some_and(|task| task.kind == TaskKind::Folder);
        PlanStep {
            name: Spanned::new(step.name.value.clone(), step.name.span),
            span: step.span,
            nodes: first..first + nodes.len() as u32,
            has_matrix: step.matrix.is_some(),
            vars,
            env,
            when,
            artifacts,
            inputs: Vec::new(),
            outputs: step.outputs.iter().map(|name| name.value.clone()).collect(),
            output_reads,
            checkpoint,
            timeout: step.timeout.as_ref().map(|timeout| timeout.value),
            retry: retry_of(step),
            continue_on_error: step.continue_on_error,
            shuffle: step.shuffle,
            workspace: is_folder || step.workspace.as_ref().is_some_and(|workspace| workspace.value),
            remote: step.remote.as_ref().map(|remote| remote.value),
            machines,
        }
    }

    /// Variables of a step. One that has the name of a param of the task is the variable of that param.
    fn step_variables(
        &mut self,
        index: usize,
        variables: &[Variable],
        are_passed: bool,
        reads: &mut Reads,
    ) -> Vec<PlanVariable> {
        if variables.is_empty() {
            return Vec::new();
        }
        let first = self.linker.nodes_of(index).next();
        let task = first.and_then(|id| self.linker.task_of(&self.linker.nodes[id.0 as usize]));
        variables
            .iter()
            .map(|variable| {
                let mut own = Reads::default();
                let value = self.value(variable, Some(index), &mut own);
                reads.outputs.append(&mut own.outputs);
                let params = task.iter().filter(|_| are_passed).flat_map(CatalogTask::params);
                let param = params.into_iter().find(|param| param.name.value == variable.name.value);
                let name = match param {
                    Some(param) => Spanned::new(variable_name(&param.name.value), variable.name.span),
                    None => variable.name.clone(),
                };
                self.variable(variable, name, value, own.requires)
            })
            .collect()
    }

    fn value(&mut self, variable: &Variable, step: Option<usize>, reads: &mut Reads) -> PlanValue {
        match &variable.value {
            VariableValue::Text(text) => PlanValue::Text(self.text(text, step, reads)),
            VariableValue::Shell(text) => {
                self.check(text, Use::Command { forgiven: false }, step, reads);
                PlanValue::Shell(PlanText::new(text))
            }
            VariableValue::Reference(text) => {
                self.check(text, Use::Reference, step, reads);
                PlanValue::Reference(text.clone(), Reference::parse(&text.value))
            }
            VariableValue::Literal(value) => {
                self.literal(value, variable.span, step, reads);
                PlanValue::Literal(value.clone())
            }
        }
    }

    fn literal(&mut self, value: &Value, whole: Span, step: Option<usize>, reads: &mut Reads) {
        match value {
            Value::String(piece) if has_template(piece) => {
                let span = span_of_piece(piece, whole, self.linker.sources).unwrap_or(whole);
                let text = Text { value: piece.clone(), span, style: ScalarStyle::Plain };
                self.check(&text, Use::Rendered, step, reads);
            }
            Value::List(items) => items.iter().for_each(|item| self.literal(item, whole, step, reads)),
            Value::Map(entries) => entries.values().for_each(|item| self.literal(item, whole, step, reads)),
            _ => {}
        }
    }

    fn text(&mut self, text: &Text, step: Option<usize>, reads: &mut Reads) -> PlanText {
        let parsed = PlanText::new(text);
        if !parsed.is_plain() {
            self.check(text, Use::Rendered, step, reads);
        }
        parsed
    }

    /// Applies the rules about templates to a text and takes what it reads.
    fn check(&mut self, text: &Text, usage: Use, step: Option<usize>, reads: &mut Reads) {
        let (template, shift) = match usage {
            Use::Reference => (Reference::parse(&text.value).template().clone(), 2),
            _ => match TemplateText::parse(&text.value) {
                TemplateText::Template(template) => (template, 0),
                TemplateText::Plain(_) if usage == Use::Rendered => return,
                TemplateText::Plain(_) => (Template::parse(""), 0),
            },
        };
        if self.has_hyphen_name(text, &template, shift) {
            return;
        }
        let sources = self.linker.sources;
        let place = Place { text: Cow::Borrowed(text), usage, extra: Vec::new() };
        let facts = of_plan_text(place, sources);
        self.found.extend(facts.diagnostics);
        for read in outputs::reads(&template) {
            let back = |at: usize| at.saturating_sub(shift).min(text.value.len());
            let range = back(read.range.start)
                ..back(read.path.last().map_or(read.range.end, |named| named.range.end).max(read.range.end));
            reads.outputs.push((read, span_in(text, &range, sources)));
        }
        if facts.reads.iter().all(|read| read.name == STEPS) {
            return;
        }
        let own_names = step
            .filter(|step| self.linker.plan.steps[*step].matrix.is_some())
            .map(|step| self.linker.names_of(Some(step)));
        for read in facts.reads.iter().filter(|read| read.name != STEPS) {
            let names = own_names.as_ref().unwrap_or(&self.plain_names);
            let name = &read.name;
            if !names.has(name) {
                if let Some(near) = names.nearest(name) {
                    let diagnostic = Diagnostic::warning(
                        rule::UNKNOWN_PLAN_VARIABLE,
                        format!("the plan has no variable, param or matrix key `{name}`"),
                        read.span,
                    )
                    .with_label(format!("would be the value given as `{}`", param_variable(name)))
                    .with_help(format!("did you mean `{near}`?"));
                    let is_name = near.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                    self.found.push(if is_name {
                        diagnostic.with_fix(format!("change to `{near}`"), read.span, near)
                    } else {
                        diagnostic
                    });
                }
                self.implicit.insert(name.clone());
            }
            let is_fixed = names.fixed.contains(name.as_str());
            if !is_fixed && !read.guarded && !reads.requires.contains(name) {
                reads.requires.push(name.clone());
            }
        }
    }

    /// Reports names with hyphens after dots, which Go reads as something else.
    fn has_hyphen_name(&mut self, text: &Text, template: &Template, shift: usize) -> bool {
        let is_hyphen = |message: &str| message.contains("U+002D");
        let Some(error) = template.errors().iter().find(|error| is_hyphen(&error.message)) else {
            return false;
        };
        let at = error.range.end;
        if !template.text().get(at..).is_some_and(|rest| rest.starts_with('-')) {
            return false;
        }
        let Some(found) = outputs::hyphen_name(template.text(), at) else { return false };
        let back = |at: usize| at.saturating_sub(shift);
        let range = back(found.range.start)..back(found.range.end);
        let span = span_in(text, &range, self.linker.sources);
        let message = format!("`{}` has a hyphen, so dots cannot name it", found.name);
        let diagnostic = Diagnostic::error(rule::HYPHEN_NAME, message, span)
            .with_label("Go reads a minus")
            .with_help(format!("write `{}`", found.replacement));
        self.found.push(match text.style {
            ScalarStyle::DoubleQuoted => diagnostic,
            _ => diagnostic.with_fix("write it with `index`", span, found.replacement),
        });
        true
    }

    /// The nodes whose outputs are read.
    fn output_sources(&mut self, read: &OutputRead, span: Span) -> Vec<NodeId> {
        let linker = self.linker;
        let has_outputs = |index: usize| !linker.plan.steps[index].outputs.is_empty();
        let Some(named) = read.path.first() else {
            // Any step may be meant.
            return Vec::new();
        };
        let name = named.name.as_str();
        let base = name.split('[').next().unwrap_or(name);
        let Some(index) = linker.by_name.get(base).copied() else {
            let diagnostic =
                Diagnostic::error(rule::UNKNOWN_STEP, format!("no step is named `{base}`"), span)
                    .with_label("unknown step");
            self.found.push(match nearest(base, linker.by_name.keys().copied()) {
                Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
                None => diagnostic.with_help("name another step of this plan by its `name`"),
            });
            return Vec::new();
        };
        let nodes: Vec<NodeId> = linker.nodes_of(index).collect();
        let meant: Vec<NodeId> =
            nodes.iter().copied().filter(|id| linker.nodes[id.0 as usize].name == name).collect();
        if meant.is_empty() {
            if !nodes.is_empty() {
                self.report_no_node(linker, index, name, span);
            }
            return Vec::new();
        }
        let wanted = read.path.get(2);
        let is_outputs = read.path.get(1).is_none_or(|named| named.name == OUTPUTS);
        let declared = &linker.plan.steps[index].outputs;
        let is_declared = wanted.is_none_or(|wanted| declared.iter().any(|name| name.value == wanted.name));
        if !is_outputs || !is_declared || !has_outputs(index) {
            self.report_unknown_output(index, read, span);
            return Vec::new();
        }
        meant
    }

    fn report_no_node(&mut self, linker: &Linker<'_>, index: usize, name: &str, span: Span) {
        let step = &linker.plan.steps[index];
        let example = linker.nodes_of(index).next().map(|id| linker.nodes[id.0 as usize].name.clone());
        let example = example.unwrap_or_default();
        let diagnostic = if name == step.name.value {
            Diagnostic::error(
                rule::UNKNOWN_OUTPUT,
                format!("`{name}` has several combinations, each with outputs of its own"),
                span,
            )
            .with_label("of which one?")
        } else {
            let message = format!("no combination of `{}` is `{name}`", step.name.value);
            Diagnostic::error(rule::UNKNOWN_COMBINATION, message, span).with_label("unknown combination")
        };
        self.found.push(
            diagnostic
                .and_at(step.name.span, "the step")
                .with_help(format!("name one: `(index .steps \"{example}\").outputs`")),
        );
    }

    fn report_unknown_output(&mut self, index: usize, read: &OutputRead, span: Span) {
        let step = &self.linker.plan.steps[index];
        let wanted = match (read.path.get(1), read.path.get(2)) {
            (Some(field), _) if field.name != OUTPUTS => field.name.as_str(),
            (_, Some(output)) => output.name.as_str(),
            _ => OUTPUTS,
        };
        let message = format!("`{}` writes no output `{wanted}`", step.name.value);
        let diagnostic = Diagnostic::error(rule::UNKNOWN_OUTPUT, message, span)
            .with_label("unknown output")
            .and_at(step.name.span, "the step");
        let near = nearest(wanted, step.outputs.iter().map(|name| name.value.as_str()));
        let is_short = read.path.get(1).is_some_and(|field| field.name != OUTPUTS);
        self.found.push(match near {
            _ if is_short && step.outputs.iter().any(|name| name.value == wanted) => {
                diagnostic.with_help(format!("write `.steps.{}.outputs.{wanted}`", step.name.value))
            }
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
            None => diagnostic.with_help(format!("declare it there: `outputs: [{wanted}]`")),
        });
    }
}
