//! Variables: what they are worth, and everything that gives them a value.

use std::fmt::Write;

use camino::Utf8Path;
use ez_compiler::ast::{self, EnumValues, Loop, LoopSource, MatrixValues, Param, Variable, VariableValue};
use ez_compiler::dotenv;
use ez_compiler::ir::Task;
use ez_compiler::source::{SourceFile, Span};
use ez_compiler::template_file::field_name;

use super::markdown::{code, codes, path, place, value};
use crate::analysis::{FilePosition, Snapshot};
use crate::ide::special_variables;
use crate::ide::variables::{
    Context, Definition, Known, MAX_TASKS, Origin, Strength, Variables, looks_secret, param_of,
};

/// How many definitions are listed before the rest is counted.
const MAX_DEFINITIONS: usize = 10;

/// A place of a Taskfile that names a variable.
pub struct Place<'a> {
    /// Where it is.
    pub position: FilePosition,
    /// The task that it is in, and those that have its text too; none outside of tasks.
    pub tasks: Vec<&'a Task>,
    /// The name of the variable in whose value it is.
    pub within: Option<Span>,
    /// The key that it is, if it is the variable's own.
    pub key: Option<Span>,
}

/// A variable as a place of a Taskfile sees it.
pub fn show(snapshot: &Snapshot, name: &str, place: &Place<'_>) -> String {
    let Place { position, tasks, within, key } = place;
    let task = tasks.first().copied();
    if let Some(shown) = task.and_then(|task| of_loop(snapshot, task, name, *position)) {
        return shown;
    }
    let variables = Variables::new(snapshot);
    let mut contexts: Vec<Context<'_>> = tasks.iter().copied().map(Context::Task).collect();
    if contexts.is_empty() {
        contexts.push(Context::Globals);
    }
    let mut places = variables.places(&contexts, key.or(*within));
    if key.is_some() {
        // The key itself is seen as the tasks have it, in those where it is not replaced.
        for (_, below) in &mut places {
            *below = Strength::TOP;
        }
    }
    let definitions = definitions_at(&variables, name, &places);
    let mut shown = match task.and_then(|task| param_of(task, name)) {
        Some(param) => param_head(param, name),
        None => match special_variables::find(name) {
            Some(special) => format!("**special variable** {}\n\n{}", code(name), special.about),
            None => format!("**variable** {}", code(name)),
        },
    };
    if let Some(allowed) = task.and_then(|task| allowed_values(task, name)) {
        let _ = write!(shown, "\n\nOne of {allowed}");
    }
    let known = if definitions.is_empty() {
        Known::Unknown
    } else {
        Variables::same(&places, |context, below| variables.value(context, name, below))
    };
    match &known {
        Known::Value(found) if !found.is_null() => {
            let _ = write!(shown, "\n\nValue: {}", value(found));
        }
        Known::Default(found) if !found.is_null() => {
            let _ = write!(shown, "\n\nValue, where none is given: {}", value(found));
        }
        Known::Secret => shown.push_str("\n\nIts value is not shown: it is a secret, or made from one."),
        _ => {}
    }
    if definitions.iter().all(|(definition, _)| definition.origin == Origin::Special) {
        if special_variables::find(name).is_none() {
            shown
                .push_str("\n\nNo file gives it a value: it comes from the command line or the environment.");
        }
        return shown;
    }
    let is_ordered = definitions.len() > 1 && definitions.iter().all(|(_, other)| other.is_none());
    shown.push_str(if is_ordered { "\n\nFrom, the strongest first:\n" } else { "\n\nFrom:\n" });
    for (index, (definition, other)) in definitions.iter().take(MAX_DEFINITIONS).enumerate() {
        let _ = write!(shown, "\n{}. {}", index + 1, line(snapshot, definition, *other));
    }
    if definitions.len() > MAX_DEFINITIONS {
        let _ = write!(shown, "\n\nand {} more", definitions.len() - MAX_DEFINITIONS);
    }
    shown
}

/// What gives a variable its value at the first of several places; then what does at the others alone, with their tasks.
fn definitions_at<'c>(
    variables: &Variables<'_>,
    name: &str,
    places: &[(Context<'c>, Strength)],
) -> Vec<(Definition, Option<&'c Task>)> {
    let mut found: Vec<(Definition, Option<&Task>)> = Vec::new();
    for (index, (context, below)) in places.iter().take(MAX_TASKS).enumerate() {
        let other = match context {
            Context::Task(task) if index > 0 => Some(*task),
            _ => None,
        };
        for new in variables.definitions(*context, name, *below) {
            let is_known = |(known, _): &(Definition, _)| {
                (&known.origin, &known.place, &known.other_place)
                    == (&new.origin, &new.place, &new.other_place)
            };
            if !found.iter().any(is_known) {
                found.push((new, other));
            }
        }
    }
    found
}

/// The value of a variable as it is written, if it may be shown.
pub fn written(variable: &Variable) -> String {
    if variable.secret || looks_secret(&variable.name.value) {
        return "Its value is not shown: it is a secret.".to_owned();
    }
    let text = match &variable.value {
        VariableValue::Text(text) => text.value.to_string(),
        VariableValue::Shell(text) => format!("$({})", text.value.trim()),
        VariableValue::Reference(text) => format!("ref: {}", text.value),
        VariableValue::Literal(value) => value.to_text().to_string(),
    };
    format!("Value: {}", code(&text))
}

/// A variable that an include gives all tasks of its namespace.
pub fn show_included(variable: &Variable, namespace: &str) -> String {
    let name = code(&variable.name.value);
    format!("**variable** {name} of the namespace {}\n\n{}", code(namespace), written(variable))
}

/// A variable as the script of a plugin sees it; `None` where no task gives it to the plugin.
pub fn show_in_plugin(
    snapshot: &Snapshot,
    tasks: &[&Task],
    name: &str,
    position: FilePosition,
) -> Option<String> {
    let variables = Variables::new(snapshot);
    of_each(tasks, |task| {
        let definitions = variables.definitions(Context::Task(task), name, Strength::TOP);
        let is_given = definitions.iter().any(|definition| definition.origin != Origin::Special);
        let is_known = is_given || param_of(task, name).is_some();
        let place = Place { position, tasks: vec![task], within: None, key: None };
        is_known.then(|| show(snapshot, name, &place))
    })
}

/// A variable of the environment as the script of a plugin sees it; `None` where no file sets it.
pub fn in_shell_of_plugin(snapshot: &Snapshot, tasks: &[&Task], name: &str) -> Option<String> {
    of_each(tasks, |task| in_shell(snapshot, Some(task), name))
}

/// What is told of a name in each of some tasks; with their names where that is not the same.
fn of_each(tasks: &[&Task], show: impl Fn(&Task) -> Option<String>) -> Option<String> {
    let mut found: Vec<(&Task, String)> = Vec::new();
    for task in tasks {
        let shown = show(task).filter(|shown| found.iter().all(|(_, known)| known != shown));
        found.extend(shown.map(|shown| (*task, shown)));
    }
    if let [(_, only)] = found.as_slice() {
        return Some(only.clone());
    }
    let of_tasks = found.iter().take(MAX_DEFINITIONS);
    let of_tasks = of_tasks.map(|(task, shown)| format!("In the task {}: {shown}", code(&task.name)));
    (!found.is_empty()).then(|| of_tasks.collect::<Vec<_>>().join("\n\n---\n\n"))
}

/// A variable that a call passes, as the task takes it.
pub fn show_passed(snapshot: &Snapshot, callee: &Task, name: &str) -> String {
    if let Some(param) = param_of(callee, name) {
        return format!("{}\n\nOf the task {}", param_head(param, name), code(&callee.name));
    }
    let mut shown = format!("**variable** {} of the task {}", code(name), code(&callee.name));
    if let Some(allowed) = allowed_values(callee, name) {
        let _ = write!(shown, "\n\nOne of {allowed}");
    }
    if let Some(own) = callee.definition.vars.iter().rfind(|own| own.name.value == name) {
        let found = place(snapshot, &snapshot.analysis.locate(own.name.span));
        let _ = write!(shown, "\n\nThe task has it in its own `vars`, {found}");
    }
    shown
}

/// A param that a step of a plan gives its task, by its name or variable.
pub fn show_given(callee: &Task, name: &str, called: &str) -> Option<String> {
    let params = &callee.superset.as_deref()?.params;
    let variable = ast::param::variable_name;
    let is_meant = |param: &&Param| param.name.value == name || variable(&param.name.value) == name;
    let param = params.iter().find(is_meant)?;
    Some(format!("{}\n\nOf the task {}", show_param(param), code(called)))
}

/// What a dotenv file sets at a byte; `None` of another kind of file.
pub fn of_dotenv(snapshot: &Snapshot, source: &SourceFile, at: usize) -> Option<String> {
    if is_yaml(&source.path) {
        return None;
    }
    let entry = dotenv::parse(&source.text).0.into_iter().find(|entry| entry.name_range.start == at)?;
    let line = source.lines.line_of(at) + 1;
    let value = if looks_secret(&entry.name) { "***".to_owned() } else { code(&entry.value) };
    Some(format!(
        "**variable of the environment** {}\n\nFrom a dotenv file, {}:{line}: {value}",
        code(&entry.name),
        path(snapshot, &source.path)
    ))
}

fn is_yaml(path: &Utf8Path) -> bool {
    matches!(path.extension(), Some("yml" | "yaml"))
}

fn line(snapshot: &Snapshot, definition: &Definition, other: Option<&Task>) -> String {
    let whose = other.map_or(String::new(), |task| format!(" {}", code(&task.name)));
    let mut shown = match &definition.origin {
        Origin::Environment => "the environment".to_owned(),
        Origin::Special => "go-task".to_owned(),
        Origin::Dotenv => "a dotenv file".to_owned(),
        Origin::GlobalEnv => "`env` of a Taskfile".to_owned(),
        Origin::GlobalVars => "`vars` of a Taskfile".to_owned(),
        Origin::Include => "`vars` of an include".to_owned(),
        Origin::IncludingFile => "`vars` of the including file".to_owned(),
        Origin::Call(caller) => format!("a call in {}", code(caller)),
        Origin::Plan(plan) => format!("a step of the plan {}", code(plan)),
        Origin::SomeCall => "a call that names its task by a template".to_owned(),
        Origin::Param => "the param".to_owned(),
        Origin::Defaults => format!("`ez-defaults` of the task{whose}"),
        Origin::TaskVars => format!("`vars` of the task{whose}"),
    };
    if let Some(found) = &definition.place {
        let _ = write!(shown, ", {}", place(snapshot, found));
    } else if let Some((file, line)) = &definition.other_place {
        let _ = write!(shown, ", {}:{line}", path(snapshot, file));
    }
    match (&definition.written, &definition.value) {
        (_, Known::Secret) => shown.push_str(": ***"),
        (Some(written), _) => {
            let _ = write!(shown, ": {}", code(written));
        }
        _ => {}
    }
    shown
}

/// The values that a task takes of a variable.
fn allowed_values(task: &Task, name: &str) -> Option<String> {
    if param_of(task, name).is_some() {
        return None;
    }
    let required = task.definition.requires.iter().find(|required| required.name.value == name)?;
    match &required.allowed.as_ref()?.values {
        EnumValues::List(values) => Some(codes(values.iter().map(smol_str::SmolStr::as_str))),
        EnumValues::Reference(text) => Some(format!("the items of {}", code(&text.value))),
    }
}

/// A param.
pub fn show_param(param: &Param) -> String {
    param_head(param, &ast::param::variable_name(&param.name.value))
}

/// A param of a template.
pub fn show_template_param(param: &Param) -> String {
    described(param, &format!(".{}", field_name(&param.name.value)), "Nothing is made without a value.")
}

fn param_head(param: &Param, variable: &str) -> String {
    described(param, variable, "The task does not run without a value.")
}

fn described(param: &Param, variable: &str, without_value: &str) -> String {
    let kind = param.kind.value.name();
    let mut shown = format!("**param** {} · {kind} · {}", code(&param.name.value), code(variable));
    if let Some(help) = &param.help {
        let _ = write!(shown, "\n\n{}", help.value.trim());
    }
    if !param.options.is_empty() {
        let _ =
            write!(shown, "\n\nOne of {}", codes(param.options.iter().map(|option| option.value.as_str())));
    }
    match &param.default {
        _ if param.kind.value == ast::ParamKind::Secret || looks_secret(&param.name.value) => {
            shown.push_str("\n\nIts value is never shown.");
        }
        Some(default) => {
            let _ = write!(shown, "\n\nDefault: {}", code(&default.value));
        }
        None if param.required => {
            let _ = write!(shown, "\n\n{without_value}");
        }
        None => {}
    }
    shown
}

/// A key of the matrix over which the loop goes that holds the place; of a variable, if that is the loop's item.
pub fn of_matrix(
    snapshot: &Snapshot,
    task: &Task,
    variable: Option<&str>,
    key: &str,
    position: FilePosition,
) -> Option<String> {
    let repeat = loop_around(snapshot, task, position)?;
    let LoopSource::Matrix(rows) = &repeat.source else { return None };
    if variable.is_some_and(|variable| variable != item_name(repeat)) {
        return None;
    }
    let row = rows.iter().find(|row| row.name.value == key)?;
    let values = match &row.values {
        MatrixValues::List(values) => {
            let values: Vec<_> = values.iter().map(ez_compiler::template::Value::to_text).collect();
            format!("One of {}", codes(values.iter().map(smol_str::SmolStr::as_str)))
        }
        MatrixValues::Reference(text) => format!("One of the items of {}", code(&text.value)),
    };
    Some(format!("**key of the matrix** {}\n\n{values}", code(key)))
}

/// The loop that holds the place.
fn loop_around<'t>(snapshot: &Snapshot, task: &'t Task, position: FilePosition) -> Option<&'t Loop> {
    let definition = &task.definition;
    let is_here = |span: Span| snapshot.analysis.touches(span, position);
    let of_deps =
        definition.deps.iter().filter(|dependency| is_here(dependency.span)).map(|found| &found.repeat);
    let of_cmds = definition.cmds.iter().filter(|command| is_here(command.span)).map(|found| &found.repeat);
    of_deps.chain(of_cmds).find_map(Option::as_deref)
}

fn item_name(repeat: &Loop) -> &str {
    repeat.variable.as_ref().map_or("ITEM", |variable| variable.value.as_str())
}

/// The item of a loop that holds the place.
fn of_loop(snapshot: &Snapshot, task: &Task, name: &str, position: FilePosition) -> Option<String> {
    let repeat = loop_around(snapshot, task, position)?;
    let item = item_name(repeat);
    if name == "KEY" && item != "KEY" {
        return Some(format!(
            "**item of a loop** {}\n\nThe key of the item, where the loop goes over a map.",
            code(name)
        ));
    }
    if name != item {
        return None;
    }
    let over = match &repeat.source {
        LoopSource::List(items) => {
            let items: Vec<_> = items.iter().map(ez_compiler::template::Value::to_text).collect();
            format!("Each of {}", codes(items.iter().map(smol_str::SmolStr::as_str)))
        }
        LoopSource::Sources => "Each file of the task's `sources`".to_owned(),
        LoopSource::Generates => "Each file that the task `generates`".to_owned(),
        LoopSource::Variable { name, .. } => format!("Each item of the variable {}", code(&name.value)),
        LoopSource::Matrix(rows) => {
            let keys: Vec<String> = rows.iter().map(|row| format!("{item}.{}", row.name.value)).collect();
            format!("Each combination of the matrix: {}", codes(keys.iter().map(String::as_str)))
        }
        LoopSource::UnknownWord(_) => return None,
    };
    Some(format!("**item of a loop** {}\n\n{over}.", code(name)))
}

/// A variable of a script: of the task's or the global environment. `None` where no file sets it.
pub fn in_shell(snapshot: &Snapshot, task: Option<&Task>, name: &str) -> Option<String> {
    if let Some(param) = task.and_then(|task| param_of(task, name)) {
        return Some(show_param(param));
    }
    let program = &snapshot.analysis.compilation.program;
    let own = task.and_then(|task| task.definition.env.iter().rfind(|variable| variable.name.value == name));
    let global = program.env.get(name).map(|global| &global.variable);
    let Some((variable, whose)) = own.map(|own| (own, "the task")).or_else(|| Some((global?, "a Taskfile")))
    else {
        let special = special_variables::find_in_script(name)?;
        return Some(format!("**variable of EZ** {}\n\n{}", code(name), special.about));
    };
    let mut shown = format!("**variable of the environment** {}", code(name));
    let found = place(snapshot, &snapshot.analysis.locate(variable.name.span));
    let _ = write!(shown, "\n\nFrom `env` of {whose}, {found}");
    if variable.secret || looks_secret(name) {
        shown.push_str(": ***");
    } else {
        let written = snapshot.analysis.compilation.sources.text(variable.span);
        let _ = write!(shown, ": {}", code(written));
    }
    Some(shown)
}
