//! The params of a task, as a table for people and as JSON.

use ez_compiler::ast::param::variable_name;
use ez_compiler::ast::{Param, ParamKind, Query, Superset, Text};
use ez_compiler::ir::Task;
use ez_compiler::superset::default_of;
use ez_compiler::template_file::field_name;
use serde::Serialize;
use smol_str::SmolStr;

use super::list::Additions;
use crate::logger::{Color, Logger};
use crate::table;

/// Spaces between the columns of the table.
const PADDING: usize = 2;
/// What stands in a cell that has nothing to say.
const NOTHING: &str = "-";

/// A param, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ShownParam {
    name: SmolStr,
    variable: SmolStr,
    r#type: &'static str,
    options: Vec<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<ShownQuery>,
    /// Never that of a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<SmolStr>,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct ShownQuery {
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<SmolStr>,
}

/// What EZ says of a task beyond go-task.
pub fn additions(kind: &'static str, task: &Task) -> Additions {
    let Some(superset) = task.superset.as_deref() else { return Additions { kind, ..Additions::default() } };
    let texts = |texts: &[Text]| texts.iter().map(|text| text.value.clone()).collect();
    Additions {
        kind,
        params: superset.params.iter().map(|param| shown(param, superset)).collect(),
        tags: texts(&superset.tags),
        examples: texts(&superset.examples),
        lock: superset.lock.as_ref().is_some_and(|lock| lock.exclusive),
    }
}

fn shown(param: &Param, superset: &Superset) -> ShownParam {
    let is_secret = param.kind.value == ParamKind::Secret;
    ShownParam {
        variable: variable_name(&param.name.value),
        default: default_of(param, superset).filter(|_| !is_secret).map(|default| default.value),
        ..written(param)
    }
}

/// A param of a template: its variable is the name by which the template's texts know it.
pub fn written(param: &Param) -> ShownParam {
    let value = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let is_secret = param.kind.value == ParamKind::Secret;
    ShownParam {
        name: param.name.value.clone(),
        variable: format!(".{}", field_name(&param.name.value)).into(),
        r#type: param.kind.value.name(),
        options: param.options.iter().map(|option| option.value.clone()).collect(),
        query: param.query.as_ref().map(shown_query),
        default: value(&param.default).filter(|_| !is_secret),
        required: param.required,
        help: value(&param.help),
        pattern: value(&param.pattern),
        min: param.min.as_ref().map(|min| min.value),
        max: param.max.as_ref().map(|max| max.value),
    }
}

fn shown_query(query: &Query) -> ShownQuery {
    let none = ShownQuery::default();
    match query {
        Query::Command(command) => ShownQuery { command: Some(command.value.clone()), ..none },
        Query::Plugin(plugin) => ShownQuery { plugin: Some(plugin.value.clone()), ..none },
        Query::Url { url, path } => ShownQuery {
            url: Some(url.value.clone()),
            path: path.as_ref().map(|path| path.value.clone()),
            ..none
        },
    }
}

/// The table of a task's params; nothing where there are none.
pub fn text(logger: &Logger, params: &[ShownParam]) -> String {
    if params.is_empty() {
        return String::new();
    }
    let mut rows = String::from("  name\tvariable\ttype\toptions\tdefault\trequired\thelp\n");
    for param in params {
        let default = param.default.as_deref().unwrap_or(NOTHING);
        let required = if param.required { "yes" } else { "no" };
        let help = param.help.as_deref().unwrap_or(NOTHING).trim().replace(['\n', '\t'], " ");
        let cells =
            [&param.name, &param.variable, param.r#type, &param.takes(), default, required, help.as_str()];
        let row: Vec<String> = cells.iter().map(|cell| cell.replace(['\t', '\n'], " ")).collect();
        rows.extend(["  ", &row.join("\t"), "\n"]);
    }
    let aligned = table::align(&rows, PADDING);
    let lines: String = aligned.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
    format!("\n{}\n{lines}", logger.paint(Color::Default, "params:"))
}

impl ShownParam {
    /// The options, where they come from, or the bounds and the pattern of a value.
    fn takes(&self) -> String {
        if !self.options.is_empty() {
            return self.options.join(", ");
        }
        if let Some(query) = &self.query {
            let sources = [&query.command, &query.url, &query.plugin];
            let source = sources.into_iter().flatten().next().map(SmolStr::as_str).unwrap_or_default();
            return format!("from {source}");
        }
        let bounds = match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => String::new(),
        };
        let parts = [
            Some(bounds).filter(|bounds| !bounds.is_empty()),
            self.pattern.as_ref().map(ToString::to_string),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { NOTHING.to_owned() } else { parts.join(" ") }
    }
}
