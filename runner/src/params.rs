//! Params of a task: that each has a value, and one that it takes.

use ez_compiler::ast::param::{Param, variable_name};
use ez_compiler::ast::{ParamKind, Superset, Text};
use ez_compiler::template::Value;
use smol_str::SmolStr;

use crate::error::{Cause, MissingParam, RunError};
use crate::scope::{Layer, Slot};

/// The variables of a task's params that have a value; those of secrets are marked as such.
pub fn exports(superset: Option<&Superset>, vars: &mut Layer) -> Vec<(SmolStr, Slot)> {
    let params = superset.map_or(&[][..], |superset| &superset.params);
    let mut exports = Vec::new();
    for param in params {
        let name = variable_name(&param.name.value);
        let Some(value) = value(vars, &name) else { continue };
        let is_secret = param.kind.value == ParamKind::Secret;
        let slot = Slot { secret: is_secret, ..Slot::value(value) };
        if is_secret {
            vars.set(name.clone(), slot.clone());
        }
        exports.push((name, slot));
    }
    exports
}

/// Every required param has a value, and every value is one that its param takes.
///
/// # Errors
/// All params without a value, else all with a wrong one.
pub fn check(task: &SmolStr, superset: Option<&Superset>, vars: &Layer) -> Result<(), RunError> {
    let Some(superset) = superset else { return Ok(()) };
    let missing: Vec<MissingParam> = superset
        .params
        .iter()
        .filter(|param| param.required && value(vars, &variable_name(&param.name.value)).is_none())
        .map(missing_param)
        .collect();
    if !missing.is_empty() {
        return Err(RunError::new(Cause::MissingParams { task: task.clone(), params: missing }));
    }
    let problems: Vec<String> = superset.params.iter().filter_map(|param| problem(param, vars)).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(RunError::new(Cause::InvalidParams { task: task.clone(), problems }))
}

fn missing_param(param: &Param) -> MissingParam {
    MissingParam {
        name: param.name.value.clone(),
        variable: variable_name(&param.name.value),
        options: param.options.iter().map(|option| option.value.clone()).collect(),
        help: param.help.as_ref().map(|help| help.value.clone()),
    }
}

fn problem(param: &Param, vars: &Layer) -> Option<String> {
    let value = value(vars, &variable_name(&param.name.value))?;
    let options: Vec<&str> = param.options.iter().map(Text::as_str).collect();
    let problem = ez_compiler::superset::value_problem(param, &value, &options)?;
    Some(if options.is_empty() { problem } else { format!("{problem}; it takes {}", options.join(", ")) })
}

/// The text of a variable; empty text counts as none.
fn value(vars: &Layer, name: &str) -> Option<SmolStr> {
    let text = match vars.get(name)?.visible()? {
        Value::Null => return None,
        value => value.to_text(),
    };
    (!text.is_empty()).then_some(text)
}
