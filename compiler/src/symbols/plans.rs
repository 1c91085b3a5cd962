//! Plans: steps, what they hand to each other, and the names in their templates.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::builder::{Builder, NodeId, Scope};
use super::folders;
use super::tasks::{self, Passed};
use super::variables::{shell_node, template_local};
use super::{Obstacle, Role, Spelling, SymbolKind};
use crate::ast::param::variable_name;
use crate::ast::plan::Step;
use crate::ast::{self, Text, Variable, VariableValue};
use crate::check::{Place, Use, of_plan_text, span_of_piece};
use crate::ir::{Resolution, StepId};
use crate::plan::reference::{self, StepReference};
use crate::plan::{CompiledPlan, outputs};
use crate::source::Span;
use crate::template::{Reference, Template, Value, has_template};
use crate::yaml::node::ScalarStyle;

/// Adds the steps and the tasks that they run, with what they give them.
pub fn add_steps(builder: &mut Builder<'_>) {
    let plans: &[CompiledPlan] = builder.indexed.plans;
    for (plan, compiled) in plans.iter().enumerate() {
        let Some(written) = &compiled.written else { continue };
        for (index, step) in written.steps.iter().enumerate() {
            let node = builder.node(Scope::Steps(plan as u32), SymbolKind::Step, &step.name.value);
            let is_implied = step.name.span == step.task.span;
            let spelling = if is_implied { Spelling::Implied } else { Spelling::Name };
            let span = builder.text_span(&step.name, 0..step.name.value.len());
            builder.add(node, span, Role::Definition, spelling, None);
            builder.steps.insert(node, (plan as u32, index as u32));
            if is_implied {
                builder.set_obstacle(node, Obstacle::Implied);
            }
            let callees = called(builder, compiled, index, step, node);
            if !callees.is_empty() {
                let (within, vars) = (Some(node), step.vars.as_slice());
                builder.tasks.passed.push(Passed { caller: None, within, callees, vars, names_params: true });
            }
        }
    }
}

/// The tasks that a step runs, by their written numbers.
fn called<'a>(
    builder: &mut Builder<'a>,
    plan: &CompiledPlan,
    index: usize,
    step: &'a Step,
    within: NodeId,
) -> Vec<u32> {
    let program = builder.indexed.program;
    let text = &step.task;
    if has_template(&text.value) {
        let nodes = plan.plan.iter().flat_map(|plan| &plan.nodes);
        let mut ids = Vec::new();
        for node in nodes.filter(|node| node.step == StepId(index as u32)) {
            if let Resolution::Task(id, _) = program.resolve(&node.task) {
                let obstacle = Some(Obstacle::OpenCall(text.value.clone()));
                tasks::implied(builder, program, id, text, obstacle, Role::Call, within);
                ids.extend(builder.tasks.number(program.task(id)));
            } else if let Some(called) = folders::called(builder, &node.task) {
                folders::implied(builder, &called, text, within);
                folders::given(builder, &called, text, &step.vars, within);
            }
        }
        ids.dedup();
        return ids;
    }
    match program.resolve(&text.value) {
        Resolution::Task(id, stars) => {
            tasks::named(builder, program, id, &stars, text, &text.value, Role::Call, Some(within));
            builder.tasks.number(program.task(id)).into_iter().collect()
        }
        Resolution::Ambiguous(ids) => {
            ids.into_iter().filter_map(|id| builder.tasks.number(program.task(id))).collect()
        }
        Resolution::Unknown => {
            if let Some(called) = folders::called(builder, &text.value) {
                let span = builder.text_span(text, 0..text.value.len());
                folders::named(builder, &called, &text.value, span, Role::Call, within);
                folders::given(builder, &called, text, &step.vars, within);
            }
            Vec::new()
        }
    }
}

/// Adds all other names of plans.
pub fn add_names(builder: &mut Builder<'_>) {
    let plans: &[CompiledPlan] = builder.indexed.plans;
    for (index, compiled) in plans.iter().enumerate() {
        if let Some(written) = &compiled.written {
            let mut names = PlanNames { builder, plan: index as u32, written };
            names.define();
            names.read();
        }
    }
}

struct PlanNames<'b, 'a> {
    builder: &'b mut Builder<'a>,
    plan: u32,
    written: &'a ast::Plan,
}

impl<'a> PlanNames<'_, 'a> {
    fn step_node(&self, index: usize) -> Option<NodeId> {
        let step = self.written.steps.get(index)?;
        self.builder.find(Scope::Steps(self.plan), &step.name.value)
    }

    fn define(&mut self) {
        let scope = Scope::Plan(self.plan);
        for variable in &self.written.vars {
            let node = self.builder.node(scope, SymbolKind::PlanVariable, &variable.name.value);
            self.builder.add_name(node, &variable.name, Role::Definition, None);
        }
        for param in &self.written.params {
            let node = self.builder.node(scope, SymbolKind::PlanParam, &variable_name(&param.name.value));
            self.builder.set_name(node, &param.name.value);
            self.builder.add_name(node, &param.name, Role::Definition, None);
        }
        for (index, step) in self.written.steps.iter().enumerate() {
            let within = self.step_node(index);
            let step_index = index as u32;
            for key in step.matrix.iter().flat_map(|matrix| &matrix.keys) {
                let scope = Scope::Matrix(self.plan, step_index);
                let node = self.builder.node(scope, SymbolKind::MatrixKey, &key.name.value);
                self.builder.add_name(node, &key.name, Role::Definition, within);
            }
            let combinations = step.matrix.iter().flat_map(|m| m.include.iter().chain(&m.exclude));
            for (name, _) in combinations.flat_map(|combination| &combination.values) {
                let scope = Scope::Matrix(self.plan, step_index);
                let node = self.builder.node(scope, SymbolKind::MatrixKey, &name.value);
                self.builder.add_name(node, name, Role::Write, within);
            }
            for artifact in &step.artifacts {
                let scope = Scope::Artifacts(self.plan, step_index);
                let node = self.builder.node(scope, SymbolKind::Artifact, &artifact.name.value);
                let is_implied = artifact.name.span == artifact.path.span;
                let spelling = if is_implied { Spelling::Implied } else { Spelling::Name };
                let span = self.builder.name_span(artifact.name.span, &artifact.name.value);
                self.builder.add(node, span, Role::Definition, spelling, within);
                if is_implied {
                    self.builder.set_obstacle(node, Obstacle::Implied);
                }
            }
            for output in &step.outputs {
                let scope = Scope::Outputs(self.plan, step_index);
                let node = self.builder.node(scope, SymbolKind::Output, &output.value);
                self.builder.set_obstacle(node, Obstacle::WrittenByScripts);
                self.builder.add_text(node, output, Role::Definition, within);
            }
        }
    }

    fn read(&mut self) {
        self.variables(&self.written.vars, None);
        for (index, step) in self.written.steps.iter().enumerate() {
            let place = Some(index);
            self.variables(&step.vars, place);
            self.variables(&step.env, place);
            let prompt = step.checkpoint.iter().flat_map(|checkpoint| &checkpoint.prompt);
            let paths = step.artifacts.iter().map(|artifact| &artifact.path);
            let targets = step.inputs.iter().filter_map(|input| input.to.as_ref());
            let texts = step.when.iter().chain(&step.nodes).chain(prompt).chain(paths).chain(targets);
            for text in texts.chain(std::iter::once(&step.task)) {
                self.text(text, Use::Rendered, place);
            }
            for need in &step.needs {
                self.reference(need, index);
            }
            for input in &step.inputs {
                let from = self.reference(&input.from, index);
                let Some((from, artifact)) = from.zip(input.artifact.as_ref()) else { continue };
                if self.is_of_folder(from, artifact, index) {
                    continue;
                }
                let scope = Scope::Artifacts(self.plan, from as u32);
                let node = self.builder.node(scope, SymbolKind::Artifact, &artifact.value);
                let within = self.step_node(index);
                self.builder.add_text(node, artifact, Role::Read, within);
            }
        }
    }

    /// Whether an artifact is one that a step has from its folder task.
    fn is_of_folder(&mut self, from: usize, name: &Text, index: usize) -> bool {
        let (Some(maker), Some(within)) = (self.written.steps.get(from), self.step_node(index)) else {
            return false;
        };
        let is_own = maker.artifacts.iter().any(|artifact| artifact.name.value == name.value);
        !is_own && folders::artifact(self.builder, &maker.task.value, name, within)
    }

    /// A step that another names; gives its index.
    fn reference(&mut self, text: &Text, index: usize) -> Option<usize> {
        if has_template(&text.value) {
            self.text(text, Use::Rendered, Some(index));
        }
        let parsed = reference::parse(&text.value)?;
        let step = self.written.steps.iter().position(|step| step.name.value == parsed.step)?;
        let within = self.step_node(index);
        let at = self.builder.text_span(text, parsed.step_range.clone());
        self.step_name(step, at, Role::Read, within);
        self.filter_keys(&parsed, step, text, 0, within);
        Some(step)
    }

    /// The keys of a matrix by which a reference, which begins at a byte of a text, names combinations.
    fn filter_keys(
        &mut self,
        reference: &StepReference<'_>,
        step: usize,
        text: &Text,
        start: usize,
        within: Option<NodeId>,
    ) {
        for wanted in &reference.filter {
            let Some(key) = wanted.key else { continue };
            let scope = Scope::Matrix(self.plan, step as u32);
            if let Some(node) = self.builder.find(scope, &SmolStr::new(key)) {
                let range = start + wanted.range.start..start + wanted.range.end;
                let at = self.builder.text_span(text, range);
                self.builder.add(node, at, Role::Read, Spelling::Name, within);
            }
        }
    }

    /// A place that names a step. One without a name of its own has that of its task.
    fn step_name(&mut self, index: usize, span: Span, role: Role, within: Option<NodeId>) {
        let Some(step) = self.written.steps.get(index) else { return };
        let Some(node) = self.step_node(index) else { return };
        if step.name.span != step.task.span {
            self.builder.add(node, span, role, Spelling::Name, within);
            return;
        }
        self.builder.add(node, span, role, Spelling::Implied, within);
        let is_written_so = self.builder.sources.text(span) == step.task.value;
        for part in tasks::parts_of(self.builder, 0, &step.task.value, None) {
            let start = span.start + part.range.start as u32;
            let at = Span { start, end: start + part.range.len() as u32, ..span };
            if is_written_so && part.spelling == Spelling::Name {
                self.builder.add(part.node, at, Role::Read, Spelling::Name, within);
            } else {
                self.builder.add(part.node, span, Role::Read, Spelling::Implied, within);
                self.builder.set_obstacle(part.node, Obstacle::Shared);
            }
        }
        if let Some((called, within)) = folders::called(self.builder, &step.task.value).zip(within) {
            folders::named(self.builder, &called, &step.task.value, span, Role::Read, within);
        }
    }

    fn variables(&mut self, variables: &'a [Variable], step: Option<usize>) {
        for variable in variables {
            match &variable.value {
                VariableValue::Text(text) => self.text(text, Use::Rendered, step),
                VariableValue::Shell(text) => self.text(text, Use::Command { forgiven: false }, step),
                VariableValue::Reference(text) => self.text(text, Use::Reference, step),
                VariableValue::Literal(value) => self.literal(value, variable.span, step),
            }
        }
    }

    fn literal(&mut self, value: &Value, whole: Span, step: Option<usize>) {
        match value {
            Value::String(piece) if has_template(piece) => {
                if let Some(span) = span_of_piece(piece, whole, &self.builder.sources) {
                    let text = Text { value: piece.clone(), span, style: ScalarStyle::Plain };
                    self.text(&text, Use::Rendered, step);
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.literal(item, whole, step)),
            Value::Map(entries) => entries.values().for_each(|item| self.literal(item, whole, step)),
            _ => {}
        }
    }

    /// The names in a text.
    fn text(&mut self, text: &Text, usage: Use, step: Option<usize>) {
        if usage == Use::Rendered && !has_template(&text.value) {
            return;
        }
        let within = step.and_then(|step| self.step_node(step));
        let place = Place { text: Cow::Borrowed(text), usage, extra: Vec::new() };
        let facts = of_plan_text(place, &self.builder.sources);
        let reads = facts.reads.iter().map(|read| (&read.name, read.span));
        for (name, span) in reads.chain(facts.names.reads.iter().map(|read| (&read.name, read.span))) {
            if name != outputs::STEPS {
                self.variable(name, span, step, within);
            }
        }
        if let Some(read) = facts.names.open_reads.first() {
            let plan = self.plan;
            self.builder.set_obstacles(|scope| {
                let is_seen = matches!(scope, Scope::Plan(of) | Scope::Matrix(of, _) if of == plan);
                is_seen.then(|| Obstacle::OpenRead(read.clone()))
            });
        }
        for local in &facts.names.locals {
            template_local(self.builder, local, within);
        }
        for name in &facts.names.shell {
            let node = shell_node(self.builder, None, &facts, name);
            let role = if name.is_write { Role::Write } else { Role::Read };
            self.builder.add(node, name.span, role, Spelling::Name, within);
        }
        self.outputs(text, usage, within);
    }

    fn variable(&mut self, name: &SmolStr, span: Span, step: Option<usize>, within: Option<NodeId>) {
        let key = step.and_then(|step| self.builder.find(Scope::Matrix(self.plan, step as u32), name));
        let scope = Scope::Plan(self.plan);
        let as_param = variable_name(name);
        let (node, spelling) = if let Some(key) = key {
            (key, Spelling::Name)
        } else if let Some(node) = self.builder.find(scope, name) {
            let is_variable = self.written.vars.iter().any(|variable| variable.name.value == *name);
            (node, if is_variable { Spelling::Name } else { Spelling::ParamVariable })
        } else {
            let is_param_variable = name.starts_with("EZ_");
            let key = if is_param_variable { name.clone() } else { as_param };
            let node = self.builder.node(scope, SymbolKind::PlanParam, &key);
            if !self.builder.is_defined(node) {
                self.builder.set_name(node, name);
            }
            (node, if is_param_variable { Spelling::ParamVariable } else { Spelling::Name })
        };
        self.builder.add(node, span, Role::Read, spelling, within);
    }

    /// Outputs of steps that a template reads.
    fn outputs(&mut self, text: &Text, usage: Use, within: Option<NodeId>) {
        if !text.value.contains(outputs::STEPS) {
            return;
        }
        let (template, shift) = match usage {
            Use::Reference => (Reference::parse(&text.value).template().clone(), "{{".len()),
            _ => (Template::parse(&text.value), 0),
        };
        for read in outputs::reads(&template) {
            let Some(named) = read.path.first() else { continue };
            let base = named.name.split('[').next().unwrap_or_default();
            let position = self.written.steps.iter().position(|step| step.name.value == base);
            let Some(index) = position else { continue };
            let lead = usize::from(
                template.text().get(named.range.clone()).is_some_and(|text| text.starts_with(['"', '`'])),
            );
            let start = (named.range.start + lead).saturating_sub(shift);
            let span = self.builder.text_span(text, start..start + base.len());
            self.step_name(index, span, Role::Read, within);
            if let Some(parsed) = reference::parse(&named.name) {
                self.filter_keys(&parsed, index, text, start, within);
            }
            let Some(output) = read.path.get(2) else { continue };
            let lead = usize::from(
                template.text().get(output.range.clone()).is_some_and(|text| text.starts_with(['"', '`'])),
            );
            let start = (output.range.start + lead).saturating_sub(shift);
            let span = self.builder.text_span(text, start..start + output.name.len());
            let scope = Scope::Outputs(self.plan, index as u32);
            let node = self.builder.node(scope, SymbolKind::Output, &output.name);
            self.builder.add(node, span, Role::Read, Spelling::Name, within);
        }
    }
}
