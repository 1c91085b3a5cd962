//! The values of a plan's variables and params, and of its steps' variables.

use std::sync::Arc;

use ez_compiler::ir::Plan;
use ez_compiler::ir::plan::PlanVariable;
use ez_compiler::plan::{Evaluation, EvaluationError, Outcome, PlanValues};
use ez_compiler::template::{Host, Value};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::executor::StepVariable;
use crate::command::{CommandRunner, Input, Script};
use crate::error::MissingParam;
use crate::params;
use crate::process::Environment;

/// Why there are no values.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// A template does not evaluate.
    #[error("{}", .0.error)]
    Template(EvaluationError),
    /// A command of a variable fails.
    #[error("the command of the variable `{name}` failed: {cause}")]
    Command {
        /// The variable.
        name: SmolStr,
        /// Why.
        cause: String,
    },
    /// Required params have no value.
    #[error("values are missing")]
    Missing(Vec<MissingParam>),
    /// Params have values that they do not take.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
}

/// Runs commands of variables in the root directory of the project.
pub struct Commands {
    runner: CommandRunner,
    environment: Arc<Environment>,
    directory: SmolStr,
}

impl Commands {
    /// In a directory, with an environment.
    pub fn new(environment: Arc<Environment>, directory: impl Into<SmolStr>) -> Self {
        let runner = CommandRunner::new(&environment, false, Box::new(|_| {}));
        Self { runner, environment, directory: directory.into() }
    }

    async fn output(&self, name: &SmolStr, script: &str) -> Result<Value, ValueError> {
        let script = Script {
            text: script,
            dir: &self.directory,
            environment: Arc::clone(&self.environment),
            set: &[],
            shopt: &[],
            input: Input::Null,
        };
        let (printed, result) = self.runner.capture(&script).await;
        result.map_err(|error| ValueError::Command { name: name.clone(), cause: error.to_string() })?;
        let text = String::from_utf8_lossy(&printed);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Value::String(text.strip_suffix('\r').unwrap_or(text).into()))
    }

    /// The value of a variable; `None` where it is left out, with the names that have none.
    ///
    /// # Errors
    /// Its template or its command fails.
    pub async fn value(
        &self,
        evaluation: &Evaluation<'_>,
        variable: &PlanVariable,
    ) -> Result<Result<Value, Vec<SmolStr>>, ValueError> {
        Ok(match evaluation.variable(variable).map_err(ValueError::Template)? {
            Outcome::Value(value) => Ok(value),
            Outcome::Shell(script) => Ok(self.output(&variable.name.value, &script).await?),
            Outcome::LeftOut(names) => Err(names),
        })
    }

    /// The variables of a step, those left out told of by `warn`.
    ///
    /// # Errors
    /// A template or a command fails.
    pub async fn step_variables(
        &self,
        evaluation: &Evaluation<'_>,
        variables: &[PlanVariable],
        warn: &mut dyn FnMut(&PlanVariable, &[SmolStr]),
    ) -> Result<Vec<StepVariable>, ValueError> {
        let mut values = Vec::new();
        for variable in variables {
            match self.value(evaluation, variable).await? {
                Ok(value) => values.push(StepVariable {
                    name: variable.name.value.clone(),
                    value,
                    secret: variable.secret,
                }),
                Err(names) => warn(variable, &names),
            }
        }
        Ok(values)
    }

    /// The values of a plan: params from what is given, then variables in their order; what is given for a variable of the
    /// plan wins over what the plan says.
    ///
    /// # Errors
    /// A param lacks a value or has a wrong one; a template or a command fails.
    pub async fn plan_values(
        &self,
        plan: &Plan,
        given: &dyn Fn(&str) -> Option<SmolStr>,
        host: &dyn Host,
    ) -> Result<PlanValues, ValueError> {
        let mut values = PlanValues::of_params(plan, given, host).map_err(ValueError::Template)?;
        check_params(plan, &values)?;
        let nothing = FxHashMap::default();
        for variable in &plan.vars {
            let name = variable.name.value.clone();
            if let Some(value) = given(&name) {
                values.vars.insert(name, Value::String(value));
                continue;
            }
            let evaluation = Evaluation::new(plan, None, &values, &nothing, host);
            if let Ok(value) = self.value(&evaluation, variable).await? {
                values.vars.insert(name, value);
            }
        }
        Ok(values)
    }
}

fn check_params(plan: &Plan, values: &PlanValues) -> Result<(), ValueError> {
    let (mut missing, mut problems) = (Vec::new(), Vec::new());
    for param in &plan.params {
        let name = ez_compiler::ast::param::variable_name(&param.name.value);
        let options: Vec<SmolStr> = param.options.iter().map(|option| option.value.clone()).collect();
        match values.params.get(&name) {
            None if param.required => missing.push(params::missing_param(param, &options)),
            None => {}
            Some(value) => problems.extend(params::problem(param, &value.to_text(), &options)),
        }
    }
    match (missing.is_empty(), problems.is_empty()) {
        (false, _) => Err(ValueError::Missing(missing)),
        (true, false) => Err(ValueError::Invalid(problems)),
        (true, true) => Ok(()),
    }
}
