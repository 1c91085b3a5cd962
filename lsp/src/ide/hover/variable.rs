//! Variables: what they are worth, and everything that gives them a value.

use std::fmt::Write;

use camino::Utf8Path;
use ez_compiler::ast::{self, EnumValues, Loop, LoopSource, MatrixValues, Param};
use ez_compiler::dotenv;
use ez_compiler::ir::Task;
use ez_compiler::source::{SourceFile, Span};
use ez_compiler::template_file::field_name;

use super::markdown::{code, codes, path, place, value};
use crate::analysis::{FilePosition, Snapshot};
use crate::ide::special_variables;
use crate::ide::variables::{
    Context, Definition, Known, Origin, Strength, Variables, looks_secret, param_of,
};

/// How many definitions are listed before the rest is counted.
const MAX_DEFINITIONS: usize = 10;

/// A variable as a place of a Taskfile sees it; `within` is the name of the variable in whose value the place is.
pub fn show(
    snapshot: &Snapshot,
    task: Option<&Task>,
    name: &str,
    position: FilePosition,
    within: Option<Span>,
) -> String {
    let of_loop = task.and_then(|task| of_loop(snapshot, task, name, position));
    of_loop.unwrap_or_else(|| show_defined(snapshot, task, name, within))
}

/// A variable that no loop gives.
fn show_defined(snapshot: &Snapshot, task: Option<&Task>, name: &str, within: Option<Span>) -> String {
    let context = task.map_or(Context::Globals, Context::Task);
    let variables = Variables::new(snapshot);
    let below = within.and_then(|name| variables.strength(context, name)).unwrap_or(Strength::TOP);
    let definitions = variables.definitions(context, name, below);
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
    let known = if definitions.is_empty() { Known::Unknown } else { variables.value(context, name, below) };
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
    if definitions.iter().all(|definition| definition.origin == Origin::Special) {
        if special_variables::find(name).is_none() {
            shown
                .push_str("\n\nNo file gives it a value: it comes from the command line or the environment.");
        }
        return shown;
    }
    shown.push_str(if definitions.len() > 1 { "\n\nFrom, the strongest first:\n" } else { "\n\nFrom:\n" });
    for (index, definition) in definitions.iter().take(MAX_DEFINITIONS).enumerate() {
        let _ = write!(shown, "\n{}. {}", index + 1, line(snapshot, definition));
    }
    if definitions.len() > MAX_DEFINITIONS {
        let _ = write!(shown, "\n\nand {} more", definitions.len() - MAX_DEFINITIONS);
    }
    shown
}

/// A variable as the script of a plugin sees it; `None` where no task gives it to the plugin.
pub fn show_in_plugin(snapshot: &Snapshot, tasks: &[&Task], name: &str) -> Option<String> {
    let variables = Variables::new(snapshot);
    of_each(tasks, |task| {
        let definitions = variables.definitions(Context::Task(task), name, Strength::TOP);
        let is_given = definitions.iter().any(|definition| definition.origin != Origin::Special);
        let is_known = is_given || param_of(task, name).is_some();
        is_known.then(|| show_defined(snapshot, Some(task), name, None))
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
    let params = &callee.definition.superset.as_deref()?.params;
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

fn line(snapshot: &Snapshot, definition: &Definition) -> String {
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
        Origin::TaskVars => "`vars` of the task".to_owned(),
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
