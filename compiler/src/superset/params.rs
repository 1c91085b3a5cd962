//! `ez-params`: variables with a default, and what values they may have.

use smol_str::SmolStr;

use crate::ast::param::{MULTI_SEPARATOR, variable_name};
use crate::ast::{self, Enum, EnumValues, Param, ParamKind, RequiredVariable, Superset, Text, Variable};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::Spanned;
use crate::template::has_template;

/// What a `bool` can be.
const TRUTHS: [&str; 2] = ["true", "false"];

/// Variables that EZ sets itself; no param may be one of them.
pub const RESERVED_VARIABLES: &[&str] = &[
    "EZ_TASK_NAME",
    "EZ_TASK_EXIT_CODE",
    "EZ_TASK_OUTPUT",
    "EZ_TASK_DURATION",
    "EZ_WORKSPACE_NAME",
    "EZ_STEP_OUTPUT",
    "EZ_TASK_RUN",
    "EZ_ATTEMPT_MARK",
    "EZ_ROOT",
    "EZ_NODE_NAME",
    "EZ_DB_PATH",
    "EZ_HTTP_PORT",
    "EZ_SECRET_KEY",
    "EZ_CLIENT_TOKEN",
    "EZ_TASK_BIN",
];

/// What the names of all variables of the server begin with.
const RESERVED_PREFIX: &str = "EZ_SERVER_";

/// Whether EZ sets a variable itself.
pub fn is_reserved(variable: &str) -> bool {
    RESERVED_VARIABLES.contains(&variable) || variable.starts_with(RESERVED_PREFIX)
}

/// Gives a task the variables of its params and of `ez-defaults`, and what it requires of them.
pub fn declare(definition: &mut ast::Task, superset: &Superset, diagnostics: &mut Vec<Diagnostic>) {
    let mut declared: Vec<Variable> = Vec::new();
    let mut names: Vec<(SmolStr, &Param)> = Vec::new();
    for param in &superset.params {
        let name = variable_name(&param.name.value);
        if let Some((_, first)) = names.iter().find(|(known, _)| *known == name) {
            diagnostics.push(
                Diagnostic::error(
                    rule::INVALID_PARAM,
                    format!("two params are the variable `{name}`"),
                    param.name.span,
                )
                .with_label("again here")
                .and_at(first.name.span, "first here")
                .with_help("rename one of the two"),
            );
            continue;
        }
        diagnostics.extend(problem(param, &name));
        let is_secret = param.kind.value == ParamKind::Secret;
        // A secret that may be missing is a variable all the same, so that it is known as a secret.
        let nothing = || (is_secret && !param.required).then(|| super::made("", param.span));
        if let Some(default) = default_of(param, superset).or_else(nothing) {
            let variable = super::with_default(&name, &default, param.span);
            declared.push(Variable { secret: is_secret, ..variable });
        }
        names.push((name, param));
    }
    for variable in &superset.defaults {
        let is_param = superset.params.iter().any(|param| names_param(&variable.name.value, param));
        if is_param {
            continue;
        }
        declared.push(match super::text_of(variable) {
            Some(text) => super::with_default(&variable.name.value, &text, variable.span),
            None => variable.clone(),
        });
    }
    // Before the task's own, which may be made from them.
    definition.vars.retain(|own| declared.iter().all(|new| new.name.value != own.name.value));
    declared.append(&mut definition.vars);
    definition.vars = declared;
}

/// The default of a param that holds for a task: that of `ez-defaults`, under the param's name or its variable's, else its
/// own.
pub fn default_of(param: &Param, superset: &Superset) -> Option<Text> {
    let stated = superset.defaults.iter().find(|variable| names_param(&variable.name.value, param));
    let text = stated.and_then(super::text_of).or_else(|| param.default.clone());
    text.filter(|text| !text.value.is_empty())
}

fn names_param(name: &str, param: &Param) -> bool {
    name == param.name.value || name == variable_name(&param.name.value)
}

/// What go-task can check of a task's params: that they are there, and that they are among the options.
pub fn requirements(superset: &Superset) -> Vec<RequiredVariable> {
    let required = superset.params.iter();
    required.filter_map(|param| requirement(param, &variable_name(&param.name.value), superset)).collect()
}

/// What go-task checks of a param: that it is there, and that it is one of the options.
fn requirement(param: &Param, variable: &SmolStr, superset: &Superset) -> Option<RequiredVariable> {
    let has_value = default_of(param, superset).is_some();
    if !param.required && !has_value {
        return None;
    }
    let options: Vec<SmolStr> = match param.kind.value {
        ParamKind::Select => param.options.iter().map(|option| option.value.clone()).collect(),
        ParamKind::Bool => TRUTHS.map(SmolStr::new_static).to_vec(),
        _ => Vec::new(),
    };
    let allowed =
        (!options.is_empty()).then_some(Enum { values: EnumValues::List(options), span: param.span });
    // With a default and nothing to choose from there is nothing that could be missing.
    (param.required && !has_value || allowed.is_some())
        .then(|| RequiredVariable { name: Spanned::new(variable.clone(), param.name.span), allowed })
}

/// Whether [`requirements`] say all that is to be checked of a value.
pub fn is_checked_by_requirement(param: &Param) -> bool {
    let has_bounds = param.min.is_some() || param.max.is_some() || param.pattern.is_some();
    let is_said = match param.kind.value {
        ParamKind::Select => !param.options.is_empty(),
        ParamKind::Bool | ParamKind::Input | ParamKind::Path | ParamKind::Secret => true,
        ParamKind::Number | ParamKind::Multi => false,
    };
    is_said && !has_bounds
}

fn problem(param: &Param, variable: &str) -> Option<Diagnostic> {
    if is_reserved(variable) {
        let message = format!("the param `{}` would be `{variable}`, which EZ sets itself", param.name.value);
        let diagnostic = Diagnostic::error(rule::INVALID_PARAM, message, param.name.span);
        return Some(diagnostic.with_label("taken").with_help("choose another name"));
    }
    param_problem(param)
}

/// Why no value can satisfy a param.
pub fn param_problem(param: &Param) -> Option<Diagnostic> {
    let error = |message: String, span| Diagnostic::error(rule::INVALID_PARAM, message, span);
    let kind = param.kind.value;
    if kind.has_options() && param.options.is_empty() && param.query.is_none() {
        let message = format!("the param `{}` has nothing to choose from", param.name.value);
        return Some(
            error(message, param.kind.span)
                .with_label("no options")
                .with_help("write `options: [a, b]`, or a `query`; `type: input` takes any text"),
        );
    }
    if let Some(pattern) = &param.pattern
        && regex::Regex::new(pattern.as_str()).is_err()
    {
        return Some(
            error(format!("`{}` is no regular expression", pattern.value), pattern.span)
                .with_label("does not parse")
                .with_help("the whole value must match; a backslash is written twice in double quotes"),
        );
    }
    if let (Some(min), Some(max)) = (&param.min, &param.max)
        && min.value > max.value
    {
        return Some(
            error(format!("no value is between {} and {}", min.value, max.value), min.span)
                .with_label("above `max`")
                .and_at(max.span, "below `min`")
                .with_help("exchange the two"),
        );
    }
    let default = param.default.as_ref().filter(|default| !has_template(default.as_str()))?;
    default_problem(param, default.as_str()).map(|message| {
        error(message, default.span).with_label("cannot be its default").with_help(
            if param.options.is_empty() {
                "write a value that the param takes".to_owned()
            } else {
                let options: Vec<&str> = param.options.iter().map(Text::as_str).collect();
                format!("the options are {}", options.join(", "))
            },
        )
    })
}

/// Why a param does not take a value; options that are not known before the run are not checked.
pub fn default_problem(param: &Param, value: &str) -> Option<String> {
    let options: Vec<&str> = param.options.iter().map(Text::as_str).collect();
    value_problem(param, value, &options)
}

/// Why a param does not take a value, with the options that it has. `None` for a good value, and for an empty one, which is
/// none.
pub fn value_problem(param: &Param, value: &str, options: &[&str]) -> Option<String> {
    let name = &param.name.value;
    // What a secret is must not stand in a message.
    let shown =
        if param.kind.value == ParamKind::Secret { "the value".to_owned() } else { format!("`{value}`") };
    if value.is_empty() {
        return None;
    }
    let outside = |measure: f64, unit: &str| {
        let below = param.min.as_ref().filter(|min| measure < min.value);
        let above = param.max.as_ref().filter(|max| measure > max.value);
        below.map(|min| format!("{shown} is too small for `{name}`: at least {}{unit}", min.value)).or_else(
            || above.map(|max| format!("{shown} is too large for `{name}`: at most {}{unit}", max.value)),
        )
    };
    let problem = match param.kind.value {
        ParamKind::Select => (!options.is_empty() && !options.contains(&value))
            .then(|| format!("{shown} is no option of `{name}`")),
        ParamKind::Multi => {
            let chosen: Vec<&str> = value.split(MULTI_SEPARATOR).map(str::trim).collect();
            let wrong = chosen.iter().find(|one| !options.is_empty() && !options.contains(one));
            wrong
                .map(|one| format!("`{one}` is no option of `{name}`"))
                .or_else(|| outside(chosen.len() as f64, " of the options"))
        }
        ParamKind::Number => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => outside(number, ""),
            _ => Some(format!("{shown} is no number, which `{name}` must be")),
        },
        ParamKind::Bool => (!TRUTHS.contains(&value))
            .then(|| format!("{shown} is neither `true` nor `false`, which `{name}` must be")),
        ParamKind::Input | ParamKind::Secret | ParamKind::Path => {
            outside(value.chars().count() as f64, " characters")
        }
    };
    problem.or_else(|| {
        let pattern = param.pattern.as_ref()?;
        let whole = regex::Regex::new(&format!("^(?:{})$", pattern.value)).ok()?;
        (!whole.is_match(value))
            .then(|| format!("{shown} does not match the pattern of `{name}`: {}", pattern.value))
    })
}
