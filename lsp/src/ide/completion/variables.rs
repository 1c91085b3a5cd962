//! Variables of templates and of the environment of scripts.

use ez_compiler::ast::param::variable_name;
use ez_compiler::ast::{
    Command, CommandAction, LoopSource, MatrixValues, Moment, Param, ParamKind, Text, Variable, VariableValue,
};
use ez_compiler::dotenv;
use ez_compiler::file_system::FileSystem;
use ez_compiler::ir::Task;
use ez_compiler::project::paths::smart_join;
use ez_compiler::schema::Format;
use ez_compiler::superset::RESERVED_VARIABLES;
use ez_compiler::template::Value;
use ez_compiler::template_file::{TASK as TASK_NAME, field_name};
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::rank::Candidates;
use super::request::Request;
use super::tasks::first_line;
use super::{Item, Kind};
use crate::ide::special_variables;

/// How far away a variable is: nearer ones come first.
const LOOP: u16 = 0;
const TASK: u16 = 1;
const GIVEN: u16 = 2;
const GLOBAL: u16 = 3;
const DOTENV: u16 = 4;
const SPECIAL: u16 = 10;
const ENVIRONMENT: u16 = 500;

/// What a secret is shown as.
const HIDDEN: &str = "*****";

/// A variable that can be read.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its name.
    pub name: SmolStr,
    group: u16,
    /// Its value or how it comes about, in a few words.
    detail: Option<String>,
    /// Who gives it.
    origin: String,
    documentation: Option<String>,
    /// Its value, where that is written out and no template.
    pub value: Option<Value>,
}

impl Known {
    fn new(name: impl Into<SmolStr>, group: u16, origin: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            group,
            detail: None,
            origin: origin.into(),
            documentation: None,
            value: None,
        }
    }

    fn of(variable: &Variable, group: u16, origin: impl Into<String>) -> Self {
        let mut known = Self::new(variable.name.value.clone(), group, origin);
        let value = match &variable.value {
            _ if variable.secret => HIDDEN.to_owned(),
            VariableValue::Text(text) => {
                if !ez_compiler::template::has_template(&text.value) {
                    known.value = Some(Value::String(text.value.clone()));
                }
                first_line(&text.value)
            }
            VariableValue::Literal(value) => {
                known.value = Some(value.clone());
                first_line(&value.to_text())
            }
            VariableValue::Shell(script) => format!("sh: {}", first_line(&script.value)),
            VariableValue::Reference(expression) => format!("ref: {}", first_line(&expression.value)),
        };
        known.detail = Some(value);
        known
    }

    /// The param as what templates read.
    fn of_param(param: &Param, name: SmolStr, group: u16) -> Self {
        let detail = Some(about_param(param).replace('`', ""));
        Self { detail, ..Self::new(name, group, "param") }
    }

    /// An item for it, under a label.
    pub fn item(&self, label: String, range: std::ops::Range<usize>) -> Item {
        let kind = if self.group == ENVIRONMENT { Kind::Environment } else { Kind::Variable };
        let mut item = Item::new(label, kind, range).detail(self.detail.clone()).origin(self.origin.as_str());
        item.documentation.clone_from(&self.documentation);
        item
    }

    /// How far away it is.
    pub fn group(&self) -> u16 {
        self.group
    }
}

/// What a param takes, as a sentence of Markdown.
pub fn about_param(param: &Param) -> String {
    let kind = match param.kind.value {
        ParamKind::Select | ParamKind::Multi if !param.options.is_empty() => {
            let options: Vec<String> =
                param.options.iter().map(|option| format!("`{}`", option.value)).collect();
            let several = if param.kind.value == ParamKind::Multi { "some" } else { "one" };
            format!("{several} of {}", options.join(", "))
        }
        kind => kind.name().to_owned(),
    };
    let default = match &param.default {
        Some(default) if param.kind.value != ParamKind::Secret => {
            format!(", `{}` without one", default.value)
        }
        _ if param.required => ", required".to_owned(),
        _ => String::new(),
    };
    let help = param.help.as_ref().map_or(String::new(), |help| format!("{}: ", help.value));
    format!("{help}{kind}{default}")
}

/// The variables that a template can read at the cursor, nearer ones first, each once.
pub fn of_template(request: &Request<'_>) -> Vec<Known> {
    let mut found = Vec::new();
    match request.format {
        Format::Plan => of_plan(request, &mut found),
        Format::Template => of_template_file(request, &mut found),
        _ => {
            of_loop(request, &mut found);
            for task in request.tasks() {
                of_task(request, task, &mut found);
            }
            of_program(request, &mut found);
            dotenv_files(request, &request.program().dotenv, request.program().dir.as_str(), &mut found);
            special(request, &mut found);
            environment(request, &mut found);
        }
    }
    once(found)
}

fn once(found: Vec<Known>) -> Vec<Known> {
    let mut seen = FxHashSet::default();
    found.into_iter().filter(|known| seen.insert(known.name.clone())).collect()
}

/// The item of the loop that repeats the entry in which the cursor is.
fn of_loop(request: &Request<'_>, found: &mut Vec<Known>) {
    const ENTRY: usize = 4;
    let keys = request.cursor.keys();
    let [Some("tasks"), Some(_), Some("cmds" | "deps"), None, ..] = keys.as_slice() else { return };
    let entries = request.cursor.entries(request.source, ENTRY);
    let Some(repeat) = entries.iter().find(|entry| entry.name == "for") else { return };
    let written = request.source.text.get(repeat.value.clone()).unwrap_or("");
    let name = name_behind(written, "as:").unwrap_or("ITEM");
    let mut item = Known::new(name, LOOP, "for");
    item.documentation = Some("The item of the loop.".to_owned());
    item.detail = Some(first_line(written));
    item.value = repeated_value(request);
    found.push(item);
    let mut key = Known::new("KEY", LOOP, "for");
    key.documentation = Some("The key of the item, where the loop goes over a map.".to_owned());
    found.push(key);
}

/// The word behind a key in a few lines of YAML.
fn name_behind<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find(key) {
        let start = from + at;
        let is_key = text.get(..start)?.ends_with([' ', '{', ',', '\n']);
        let rest = text.get(start + key.len()..)?.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if is_key && end > 0 {
            return rest.get(..end);
        }
        from = start + key.len();
    }
    None
}

/// A map like the items of the loop around the cursor, if that goes over a matrix.
fn repeated_value(request: &Request<'_>) -> Option<Value> {
    let task = request.task()?;
    let analysis = &request.snapshot.analysis;
    let holds = |span| analysis.locate(span).range.contains(&request.cursor.offset.saturating_sub(1));
    let of_command = |command: &Command| holds(command.span).then(|| command.repeat.clone()).flatten();
    let repeat = task
        .definition
        .cmds
        .iter()
        .find_map(of_command)
        .or_else(|| task.definition.deps.iter().find(|one| holds(one.span))?.repeat.clone())?;
    match &repeat.source {
        LoopSource::Matrix(rows) => {
            let first = |values: &MatrixValues| match values {
                MatrixValues::List(values) => values.first().cloned().unwrap_or_default(),
                MatrixValues::Reference(_) => Value::Null,
            };
            Some(Value::map(rows.iter().map(|row| (row.name.value.clone(), first(&row.values))).collect()))
        }
        LoopSource::List(items) => items.first().cloned(),
        _ => None,
    }
}

fn of_task(request: &Request<'_>, task: &Task, found: &mut Vec<Known>) {
    let definition = &task.definition;
    let params = task.superset.iter().flat_map(|superset| &superset.params);
    for param in params {
        found.push(Known::of_param(param, variable_name(&param.name.value), TASK));
    }
    found.extend(definition.vars.iter().map(|variable| Known::of(variable, TASK, "task")));
    for required in &definition.requires {
        found.push(Known::new(required.name.value.clone(), TASK, "required"));
    }
    if task.is_wildcard() {
        let mut known = Known::new("MATCH", TASK, "task");
        known.documentation = Some("What the stars in the task's name matched, as a list.".to_owned());
        found.push(known);
    }
    passed(request, task, found);
    found.extend(task.include_vars.iter().map(|variable| Known::of(variable, GIVEN, "include")));
    let including = task.including_vars.iter().flat_map(|variables| variables.values());
    found.extend(including.map(|global| Known::of(&global.variable, GIVEN, "including file")));
}

/// What calls of other tasks give to a task.
fn passed(request: &Request<'_>, task: &Task, found: &mut Vec<Known>) {
    let own = &task.definition.name.value;
    let means = |caller: &Task, name: &Text| {
        name.value.ends_with(own.as_str()) && caller.callee(&name.value) == task.name
    };
    for caller in &request.program().tasks {
        let deps = caller.definition.deps.iter().map(|dependency| (&dependency.task, &dependency.vars));
        let cmds = caller.definition.cmds.iter().filter_map(|command| match &command.action {
            CommandAction::Call { task, vars } => Some((task, vars)),
            _ => None,
        });
        for (name, vars) in deps.chain(cmds).filter(|(_, vars)| !vars.is_empty()) {
            if means(caller, name) {
                let origin = format!("from {}", caller.name);
                found.extend(vars.iter().map(|variable| Known::of(variable, GIVEN, origin.as_str())));
            }
        }
    }
}

fn of_program(request: &Request<'_>, found: &mut Vec<Known>) {
    let program = request.program();
    found.extend(program.vars.values().map(|global| Known::of(&global.variable, GLOBAL, "global")));
    found.extend(program.env.values().map(|global| Known::of(&global.variable, GLOBAL, "env")));
}

fn dotenv_files(request: &Request<'_>, files: &[Text], directory: &str, found: &mut Vec<Known>) {
    for path in files
        .iter()
        .filter(|path| !path.value.is_empty() && !ez_compiler::template::has_template(&path.value))
    {
        let path = smart_join(directory, &path.value);
        let Ok(text) = request.snapshot.files.read(&path) else { continue };
        let file = path.file_name().unwrap_or_default();
        // Values of such files are often secrets.
        found.extend(dotenv::parse(&text).0.into_iter().map(|entry| Known::new(entry.name, DOTENV, file)));
    }
}

fn special(request: &Request<'_>, found: &mut Vec<Known>) {
    let has_exit_code = match request.moment() {
        Some(moment) => matches!(moment, Moment::OnError | Moment::Always),
        None => request.task_name().is_some(),
    };
    for row in special_variables::TABLE {
        // Those of loops and of stars are offered where there are some.
        if matches!(row.name, "ITEM" | "KEY" | "MATCH") || (row.name == "EXIT_CODE" && !has_exit_code) {
            continue;
        }
        let mut known = Known::new(row.name, SPECIAL, "special");
        known.documentation = Some(row.about.to_owned());
        found.push(known);
    }
}

fn environment(request: &Request<'_>, found: &mut Vec<Known>) {
    let mut names = request.snapshot.host.environment_names();
    names.sort_unstable();
    found.extend(names.into_iter().map(|name| Known::new(name, ENVIRONMENT, "environment")));
}

/// Keys of the matrix, variables, params, implicit params and outputs of a plan.
fn of_plan(request: &Request<'_>, found: &mut Vec<Known>) {
    let Some(plan) = request.plan() else { return };
    if let Some(matrix) = request.step().and_then(|(_, step)| step.matrix.as_ref()) {
        for key in &matrix.keys {
            let mut known = Known::new(key.name.value.clone(), LOOP, "matrix");
            let values: Vec<String> =
                key.values.iter().map(|value| value.value.to_text().to_string()).collect();
            known.detail = Some(first_line(&values.join(", ")));
            found.push(known);
        }
    }
    if let Some(written) = &plan.written {
        found.extend(written.vars.iter().map(|variable| Known::of(variable, TASK, "plan")));
        for param in &written.params {
            found.push(Known::of_param(param, param.name.value.clone(), GIVEN));
        }
    }
    let implicit = plan.plan.iter().flat_map(|graph| &graph.implicit_names);
    found.extend(implicit.map(|name| Known::new(name.clone(), GLOBAL, "implicit param")));
    let mut steps = Known::new("steps", GLOBAL, "outputs");
    steps.documentation = Some("Outputs of steps: `{{.steps.build.outputs.version}}`.".to_owned());
    found.push(steps);
}

/// What a template file asks for, and the name of what is made.
fn of_template_file(request: &Request<'_>, found: &mut Vec<Known>) {
    let mut files = request.snapshot.analysis.compilation.templates.iter();
    let own = files.find(|file| file.path == request.source.path);
    for param in own.iter().flat_map(|file| &file.draft.params) {
        found.push(Known::of_param(param, field_name(&param.name.value), TASK));
    }
    let mut task = Known::new(TASK_NAME, GIVEN, "template");
    task.documentation = Some("The name of what is made.".to_owned());
    found.push(task);
}

/// The environment of the script at the cursor.
pub fn of_script(request: &Request<'_>, assigned: &[SmolStr]) -> Vec<Known> {
    let mut found: Vec<Known> =
        assigned.iter().map(|name| Known::new(name.clone(), LOOP, "script")).collect();
    let program = request.program();
    for task in request.tasks() {
        found.extend(task.definition.env.iter().map(|variable| Known::of(variable, TASK, "task env")));
        for param in task.superset.iter().flat_map(|superset| &superset.params) {
            found.push(Known::of_param(param, variable_name(&param.name.value), TASK));
        }
        let directory = smart_join(program.dir.as_str(), &task.dir);
        dotenv_files(request, &task.definition.dotenv, directory.as_str(), &mut found);
    }
    found.extend(program.env.values().map(|global| Known::of(&global.variable, GLOBAL, "env")));
    dotenv_files(request, &program.dotenv, program.dir.as_str(), &mut found);
    let of_task = RESERVED_VARIABLES
        .iter()
        .filter(|name| name.starts_with("EZ_TASK_") || **name == "EZ_ROOT" || **name == "EZ_STEP_OUTPUT");
    let is_before = request.moment() == Some(Moment::PreRun);
    let of_task = of_task.filter(|name| !is_before || !special_variables::AFTER_THE_END.contains(name));
    found.extend(of_task.map(|name| Known::new(*name, SPECIAL, "EZ")));
    environment(request, &mut found);
    once(found)
}

/// Names of variables where one is asked for: those that hold something for `for`, those that are not defined for
/// `requires`.
pub fn add_names(request: &Request<'_>, found: &mut Candidates) {
    for known in of_template(request) {
        let group = known.group;
        if matches!(group, LOOP | SPECIAL | ENVIRONMENT) {
            continue;
        }
        found.add(group, &known.name, || {
            let written = request.scalar(&known.name, Kind::Variable);
            known.item(written.label, written.range).inserting(written.insert)
        });
    }
}
