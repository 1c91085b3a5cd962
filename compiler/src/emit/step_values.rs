//! The names that templates of a plan mean, as variables of the compiled plan's tasks.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::taskfile::value_tree;
use crate::ast::ParamKind;
use crate::ast::param::variable_name;
use crate::ir::plan::{Node, PlanStep, PlanText, PlanValue, PlanVariable};
use crate::ir::{NodeId, Plan};
use crate::plan::evaluation::param_variable;
use crate::plan::outputs::{STEPS, output_template};
use crate::template::{Template, TemplateText, Value, has_template};
use crate::yaml::emit::Tree;

/// Begins the names of variables that hold what a step wrote.
const RAW: &str = "EZ_WRITTEN_";

/// A plan's names.
pub struct PlanNames<'a> {
    plan: &'a Plan,
    vars: FxHashMap<&'a str, usize>,
    /// For each variable of the plan the names that it reads.
    reads: Vec<BTreeSet<SmolStr>>,
    params: FxHashMap<SmolStr, usize>,
}

impl<'a> PlanNames<'a> {
    /// Of a plan.
    pub fn new(plan: &'a Plan) -> Self {
        let names = plan.vars.iter().enumerate();
        Self {
            plan,
            vars: names.map(|(index, variable)| (variable.name.value.as_str(), index)).collect(),
            reads: plan.vars.iter().map(|variable| reads_of(&variable.value, plan)).collect(),
            params: plan
                .params
                .iter()
                .enumerate()
                .map(|(index, param)| (variable_name(&param.name.value), index))
                .collect(),
        }
    }

    /// The variables that a node's templates need, each after what it needs itself.
    pub fn variables(&self, id: NodeId) -> Vec<(String, Tree)> {
        let (node, step) = (self.plan.node(id), self.plan.step_of(id));
        let mut wanted = BTreeSet::new();
        for variable in step.vars.iter().chain(&step.env) {
            wanted.extend(reads_of(&variable.value, self.plan));
        }
        for text in texts_of(step) {
            wanted.extend(reads_of_text(text, self.plan));
        }
        let mut vars: BTreeSet<usize> = BTreeSet::new();
        let is_key = |name: &SmolStr| node.values.iter().any(|(key, _)| key == name);
        let mut left: Vec<SmolStr> = wanted.iter().filter(|name| !is_key(name)).cloned().collect();
        while let Some(name) = left.pop() {
            if let Some(index) = self.vars.get(name.as_str())
                && vars.insert(*index)
            {
                for name in &self.reads[*index] {
                    if wanted.insert(name.clone()) {
                        left.push(name.clone());
                    }
                }
            }
        }
        let mut out: Vec<(String, Tree)> = Vec::new();
        for name in wanted.iter().filter(|name| *name != STEPS && !self.vars.contains_key(name.as_str())) {
            if !is_key(name) {
                out.extend(self.param(name));
            }
        }
        for variable in vars.iter().filter_map(|index| self.plan.vars.get(*index)) {
            out.push((variable.name.value.to_string(), self.variable(variable, false)));
        }
        // Keys win over variables; what the plan's own variables read is the plan's.
        for (key, value) in node.values.iter().filter(|(key, _)| wanted.contains(key)) {
            out.push((key.to_string(), value_tree(value)));
        }
        out.extend(self.outputs(step));
        out
    }

    /// A param under a name by which templates mean it.
    fn param(&self, name: &SmolStr) -> Option<(String, Tree)> {
        let variable = param_variable(name);
        let Some(param) = self.params.get(&variable).and_then(|index| self.plan.params.get(*index)) else {
            let text = format!("{{{{.{variable} | default \"\"}}}}");
            return (*name != variable).then(|| (name.to_string(), Tree::Text(text)));
        };
        let value = match &param.default {
            Some(default) => {
                format!("{{{{if .{variable}}}}}{{{{.{variable}}}}}{{{{else}}}}{}{{{{end}}}}", default.value)
            }
            None => format!("{{{{.{variable} | default \"\"}}}}"),
        };
        let tree = if param.kind.value == ParamKind::Secret {
            Tree::Map(vec![("value".to_owned(), Tree::Text(value)), ("secret".to_owned(), Tree::Bool(true))])
        } else {
            Tree::Text(value)
        };
        Some((name.to_string(), tree))
    }

    /// The value of a variable. One that is passed on is what it would be without the plan where a name that it needs has no
    /// value.
    pub fn variable(&self, variable: &PlanVariable, is_passed: bool) -> Tree {
        let guarded = |text: &str| {
            let needed: Vec<String> = variable
                .requires
                .iter()
                .filter(|name| self.may_be_unset(name))
                .map(|name| operand(name))
                .collect();
            let condition = match needed.as_slice() {
                [] => return text.to_owned(),
                [one] => one.clone(),
                several => format!("and {}", several.join(" ")),
            };
            let otherwise = if is_passed {
                format!("{{{{else}}}}{{{{.{}}}}}", variable.name.value)
            } else {
                String::new()
            };
            format!("{{{{if {condition}}}}}{text}{otherwise}{{{{end}}}}")
        };
        let (key, value) = match &variable.value {
            PlanValue::Text(text) => ("value", Tree::Text(guarded(&text.text.value))),
            PlanValue::Shell(text) => {
                let script = format!("cd {{{{.ROOT_DIR | shellQuote}}}}\n{}", text.text.value);
                ("sh", Tree::Text(script))
            }
            PlanValue::Reference(text, _) => ("ref", Tree::Text(text.value.to_string())),
            PlanValue::Literal(value) => {
                (if matches!(value, Value::Map(_)) { "map" } else { "value" }, value_tree(value))
            }
        };
        if variable.secret {
            return Tree::Map(vec![(key.to_owned(), value), ("secret".to_owned(), Tree::Bool(true))]);
        }
        if key == "value" { value } else { Tree::Map(vec![(key.to_owned(), value)]) }
    }

    /// Whether a name may have no value when the plan runs.
    fn may_be_unset(&self, name: &str) -> bool {
        if let Some(index) = self.vars.get(name) {
            let requires = self.plan.vars.get(*index).map_or(&[][..], |variable| &variable.requires);
            return requires.iter().any(|inner| inner != name && self.may_be_unset(inner));
        }
        let param = self.params.get(&param_variable(name)).and_then(|index| self.plan.params.get(*index));
        param.is_none_or(|param| param.default.is_none())
    }

    /// What earlier steps wrote: each file once as text, then `steps` with everything that is declared.
    fn outputs(&self, step: &PlanStep) -> Vec<(String, Tree)> {
        if step.output_reads.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut steps = Vec::new();
        for (index, source) in step.output_reads.iter().enumerate() {
            let raw = format!("{RAW}{index}");
            let node = self.plan.node(*source);
            let script = format!("cat {} 2>/dev/null || true", build_path(&["outputs", &node.slug]));
            out.push((raw.clone(), Tree::Map(vec![("sh".to_owned(), Tree::Text(script))])));
            let names = &self.plan.step_of(*source).outputs;
            let outputs =
                names.iter().map(|name| (name.to_string(), Tree::Text(output_template(&raw, name))));
            let entry = Tree::Map(vec![("outputs".to_owned(), Tree::Map(outputs.collect()))]);
            steps.push((node.name.to_string(), entry));
        }
        out.push((STEPS.to_owned(), Tree::Map(vec![("map".to_owned(), Tree::Map(steps))])));
        out
    }
}

/// A name as an operand in a template.
fn operand(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { format!(".{name}") } else { format!("(index . {name:?})") }
}

/// A path below the compiled plan's directory, as a word of the shell.
pub fn build_path(parts: &[&str]) -> String {
    let mut path = String::from("{{.TASKFILE_DIR | shellQuote}}");
    for part in parts {
        path.push('/');
        // Slugs and names of artifacts hold no letters that mean something to a shell.
        let _ = write!(path, "{part}");
    }
    path
}

fn texts_of(step: &PlanStep) -> impl Iterator<Item = &PlanText> {
    step.when
        .iter()
        .chain(step.artifacts.iter().map(|artifact| &artifact.path))
        .chain(step.inputs.iter().map(|input| &input.to))
        .chain(step.checkpoint.iter().filter_map(|checkpoint| checkpoint.prompt.as_ref()))
}

fn reads_of_text(text: &PlanText, plan: &Plan) -> BTreeSet<SmolStr> {
    match text.template() {
        TemplateText::Plain(_) => BTreeSet::new(),
        TemplateText::Template(template) => names_in(template, plan),
    }
}

fn reads_of(value: &PlanValue, plan: &Plan) -> BTreeSet<SmolStr> {
    match value {
        PlanValue::Text(text) | PlanValue::Shell(text) => reads_of_text(text, plan),
        PlanValue::Reference(_, reference) => names_in(reference.template(), plan),
        PlanValue::Literal(value) => reads_of_literal(value, plan),
    }
}

fn reads_of_literal(value: &Value, plan: &Plan) -> BTreeSet<SmolStr> {
    match value {
        Value::String(text) if has_template(text) => names_in(&Template::parse(text), plan),
        Value::List(items) => items.iter().flat_map(|item| reads_of_literal(item, plan)).collect(),
        Value::Map(entries) => entries.values().flat_map(|item| reads_of_literal(item, plan)).collect(),
        _ => BTreeSet::new(),
    }
}

fn names_in(template: &Template, plan: &Plan) -> BTreeSet<SmolStr> {
    let mut names: BTreeSet<SmolStr> =
        template.field_references().into_iter().map(|reference| reference.name).collect();
    if template.uses_all_variables() {
        names.extend(plan.vars.iter().map(|variable| variable.name.value.clone()));
        names.extend(plan.params.iter().map(|param| param.name.value.clone()));
        let keys = plan.nodes.iter().flat_map(|node: &Node| node.values.iter().map(|(key, _)| key.clone()));
        names.extend(keys);
    }
    names
}
