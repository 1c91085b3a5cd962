//! The values of a plan: what its templates give.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::outputs::{OUTPUTS, STEPS};
use crate::ast::param::variable_name;
use crate::ir::plan::{self, PlanText, PlanValue, PlanVariable};
use crate::ir::{NodeId, Plan};
use crate::source::Span;
use crate::template::{Host, Scope, TemplateError, Value, render, render_value};

/// The values of all steps: those of variables and of params.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanValues {
    /// Variables of the plan that have a value.
    pub vars: BTreeMap<SmolStr, Value>,
    /// Params, written and implicit, by their variables: `EZ_ARCH`. Those without a value are missing.
    pub params: BTreeMap<SmolStr, Value>,
}

impl PlanValues {
    /// The params of a plan: what is given for their variables, else their defaults. Empty text is no value. Whether the
    /// values are allowed is for the caller to say.
    ///
    /// # Errors
    /// A default that is a template and does not evaluate.
    pub fn of_params(
        plan: &Plan,
        given: &dyn Fn(&str) -> Option<SmolStr>,
        host: &dyn Host,
    ) -> Result<Self, EvaluationError> {
        let mut values = Self::default();
        let mut put = |name: SmolStr, value: Option<SmolStr>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                values.params.insert(name, Value::String(value));
            }
        };
        for name in &plan.implicit_params {
            put(name.clone(), given(name));
        }
        for param in &plan.params {
            let name = variable_name(&param.name.value);
            let value = given(&name).filter(|value| !value.is_empty());
            let value = match (value, &param.default) {
                (None, Some(default)) => {
                    let none = BTreeMap::new();
                    let rendered = render(&default.value, &none, host);
                    Some(rendered.map_err(|error| EvaluationError::new(default.span, error))?)
                }
                (value, _) => value,
            };
            put(name, value);
        }
        Ok(values)
    }
}

/// A template of a plan that does not evaluate.
#[derive(Clone, Debug)]
pub struct EvaluationError {
    /// The text.
    pub span: Span,
    /// Why.
    pub error: Box<TemplateError>,
}

impl EvaluationError {
    fn new(span: Span, error: TemplateError) -> Self {
        Self { span, error: Box::new(error) }
    }
}

/// What a step writes, by the names that it declares.
pub type StepOutputs = BTreeMap<SmolStr, SmolStr>;

/// A variable's value, or how it is to be had.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The value.
    Value(Value),
    /// What this script prints, in the root directory, one line end at its end left out.
    Shell(SmolStr),
    /// None, because these names have no value: the variable is left out.
    LeftOut(Vec<SmolStr>),
}

/// What templates of one node see, or, without a node, those of the plan's own variables.
pub struct Evaluation<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The node.
    pub node: Option<NodeId>,
    /// Variables and params.
    pub values: &'a PlanValues,
    /// What finished steps wrote; a step that was skipped wrote nothing.
    pub outputs: &'a FxHashMap<NodeId, StepOutputs>,
    /// The machine.
    pub host: &'a dyn Host,
    steps: OnceCell<Value>,
}

impl<'a> Evaluation<'a> {
    /// For a node, or for the plan's own variables.
    pub fn new(
        plan: &'a Plan,
        node: Option<NodeId>,
        values: &'a PlanValues,
        outputs: &'a FxHashMap<NodeId, StepOutputs>,
        host: &'a dyn Host,
    ) -> Self {
        Self { plan, node, values, outputs, host, steps: OnceCell::new() }
    }

    /// The text of a template.
    ///
    /// # Errors
    /// It does not evaluate.
    pub fn text(&self, text: &PlanText) -> Result<SmolStr, EvaluationError> {
        let rendered = text.template().render(self, self.host);
        rendered.map_err(|error| EvaluationError::new(text.text.span, error))
    }

    /// Whether the node's step is to run.
    ///
    /// # Errors
    /// The condition does not evaluate.
    pub fn condition(&self) -> Result<bool, EvaluationError> {
        let when = self.node.and_then(|node| self.plan.step_of(node).when.as_ref());
        when.map_or(Ok(true), |when| self.text(when).map(|text| plan::is_true(&text)))
    }

    /// The value of a variable of the plan or of the step.
    ///
    /// # Errors
    /// A template in it does not evaluate.
    pub fn variable(&self, variable: &PlanVariable) -> Result<Outcome, EvaluationError> {
        let unset: Vec<SmolStr> =
            variable.requires.iter().filter(|name| self.get(name).is_none()).cloned().collect();
        if !unset.is_empty() {
            return Ok(Outcome::LeftOut(unset));
        }
        let failed = |span: Span| move |error: TemplateError| EvaluationError::new(span, error);
        Ok(match &variable.value {
            PlanValue::Text(text) => Outcome::Value(Value::String(self.text(text)?)),
            PlanValue::Shell(text) => Outcome::Shell(self.text(text)?),
            PlanValue::Literal(value) => {
                let rendered = render_value(value, self, self.host);
                Outcome::Value(rendered.map_err(failed(variable.name.span))?)
            }
            PlanValue::Reference(text, reference) => {
                let value = reference.resolve(self, self.host);
                Outcome::Value(value.map_err(failed(text.span))?)
            }
        })
    }

    fn steps(&self) -> Value {
        let Some(node) = self.node else { return Value::map(BTreeMap::new()) };
        let mut steps = BTreeMap::new();
        for source in &self.plan.step_of(node).output_reads {
            let written = self.outputs.get(source);
            let names = self.plan.step_of(*source).outputs.iter();
            let outputs: BTreeMap<SmolStr, Value> = names
                .map(|name| {
                    let value = written.and_then(|outputs| outputs.get(name)).cloned().unwrap_or_default();
                    (name.clone(), Value::String(value))
                })
                .collect();
            let entry = BTreeMap::from([(SmolStr::new_static(OUTPUTS), Value::map(outputs))]);
            steps.insert(self.plan.node(*source).name.clone(), Value::map(entry));
        }
        Value::map(steps)
    }
}

/// The variable of a param that a name in a template may mean: `EZ_ARCH` for `arch` and for `EZ_ARCH`.
pub fn param_variable(name: &str) -> SmolStr {
    if name.starts_with("EZ_") { name.into() } else { variable_name(name) }
}

impl Scope for Evaluation<'_> {
    /// A key of the matrix, else a variable of the plan, else a param.
    fn get(&self, name: &str) -> Option<Value> {
        if name == STEPS {
            return Some(self.steps.get_or_init(|| self.steps()).clone());
        }
        let of_matrix = self.node.and_then(|node| {
            let values = &self.plan.node(node).values;
            values.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        });
        of_matrix
            .or_else(|| self.values.vars.get(name).cloned())
            .or_else(|| self.values.params.get(&param_variable(name)).cloned())
    }

    fn all(&self) -> Value {
        let mut all = self.values.params.clone();
        for param in &self.plan.params {
            if let Some(value) = self.values.params.get(&variable_name(&param.name.value)) {
                all.insert(param.name.value.clone(), value.clone());
            }
        }
        for name in &self.plan.implicit_names {
            if let Some(value) = self.values.params.get(&param_variable(name)) {
                all.insert(name.clone(), value.clone());
            }
        }
        all.extend(self.values.vars.clone());
        if let Some(node) = self.node {
            all.extend(self.plan.node(node).values.iter().cloned());
        }
        all.insert(STEPS.into(), self.get(STEPS).unwrap_or_default());
        Value::map(all)
    }
}
