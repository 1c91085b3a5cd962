//! Params of a task: what values they have, and that these are values that they take.

use ez_compiler::ast::param::{Param, variable_name};
use ez_compiler::ast::{ParamKind, Superset};
use ez_compiler::suggest::nearest;
use ez_compiler::superset::value_problem;
use ez_compiler::template::Value;
use smol_str::SmolStr;

use crate::error::MissingParam;
use crate::scope::{Layer, Slot};

/// Most options that a message lists.
pub const MAX_LISTED: usize = 20;

/// What a user is asked for.
#[derive(Clone, Debug)]
pub struct ParamQuestion {
    /// The param.
    pub param: Param,
    /// What it takes, where it is one or several of some options.
    pub options: Vec<SmolStr>,
    /// What it is if the user says nothing; empty for nothing.
    pub default: SmolStr,
}

impl ParamQuestion {
    /// What is wrong with an answer.
    pub fn problem(&self, answer: &str) -> Option<String> {
        if answer.is_empty() {
            return self.param.required.then(|| format!("`{}` needs a value", self.param.name.value));
        }
        let options: Vec<&str> = self.options.iter().map(SmolStr::as_str).collect();
        value_problem(&self.param, answer, &options)
    }
}

/// The params of a task.
pub fn params_of(superset: Option<&Superset>) -> &[Param] {
    superset.map_or(&[], |superset| &superset.params)
}

/// The variables of a task's params that have a value; those of secrets are marked as such.
pub fn exports(superset: Option<&Superset>, vars: &mut Layer) -> Vec<(SmolStr, Slot)> {
    let mut exports = Vec::new();
    for param in params_of(superset) {
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

/// How a param without a value is told of.
pub fn missing_param(param: &Param, options: &[SmolStr]) -> MissingParam {
    MissingParam {
        name: param.name.value.clone(),
        variable: variable_name(&param.name.value),
        options: options.to_vec(),
        help: param.help.as_ref().map(|help| help.value.clone()),
    }
}

/// What is wrong with the value of a param, and what it takes.
pub fn problem(param: &Param, value: &str, options: &[SmolStr]) -> Option<String> {
    let known: Vec<&str> = options.iter().map(SmolStr::as_str).collect();
    let problem = value_problem(param, value, &known)?;
    if !param.kind.value.has_options() || options.is_empty() {
        return Some(problem);
    }
    let guess = nearest(value, known.iter().copied()).map(|near| format!(" (did you mean `{near}`?)"));
    Some(format!("{problem}; it takes {}{}", listed(options), guess.unwrap_or_default()))
}

/// Options as a message lists them.
pub fn listed(options: &[SmolStr]) -> String {
    let (shown, rest) = options.split_at(options.len().min(MAX_LISTED));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", shown.join(", "))
}

/// The text of a variable; empty text counts as none.
pub fn value(vars: &Layer, name: &str) -> Option<SmolStr> {
    let text = match vars.get(name)?.visible()? {
        Value::Null => return None,
        value => value.to_text(),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let options: Vec<SmolStr> = (0..25).map(|number: u32| number.to_string().into()).collect();
        assert_eq!(listed(&options[..2]), "0, 1");
        assert!(listed(&options).ends_with("18, 19 and 5 more"), "{}", listed(&options));
    }
}
