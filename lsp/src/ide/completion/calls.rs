//! Variables that a call or a step gives to a task, and their values.

use ez_compiler::ast::param::variable_name;
use ez_compiler::ast::{EnumValues, Param, ParamKind, Task as Definition, VariableValue};
use ez_compiler::folder;
use ez_compiler::ir::Task;
use ez_compiler::schema::Format;
use smol_str::SmolStr;

use super::rank::Candidates;
use super::request::Request;
use super::tasks::{self, first_line};
use super::{Item, Kind, insertion, variables};
use crate::ide::cursor::{Part, Step, Style};

const REQUIRED: u16 = 0;
const PARAM: u16 = 1;
const OVERRIDABLE: u16 = 2;

/// The words of a `bool`.
const TRUTHS: [&str; 2] = ["true", "false"];

/// A variable that a task can be given.
struct Wanted {
    /// Under which name.
    name: SmolStr,
    group: u16,
    /// What it can be, where that is known.
    values: Vec<SmolStr>,
    about: Option<String>,
    detail: &'static str,
    /// Whether its name is that of a param, and not of a variable.
    is_param: bool,
}

impl Wanted {
    /// Whether a key gives it its value: a param is also its variable.
    fn is_called(&self, key: &str) -> bool {
        self.name == *key || (self.is_param && variable_name(&self.name) == *key)
    }
}

/// The keys of the variables that the called task knows.
pub fn add_keys(request: &Request<'_>, present: &[SmolStr], found: &mut Candidates) {
    let depth = request.cursor.path.len();
    for wanted in wanted(request, depth) {
        if present.iter().any(|name| wanted.is_called(name)) {
            continue;
        }
        let name = wanted.name.clone();
        found.add(wanted.group, &name, || key_item(request, wanted));
    }
}

fn key_item(request: &Request<'_>, wanted: Wanted) -> Item {
    let cursor = &request.cursor;
    let mut item = Item::new(wanted.name.as_str(), Kind::Variable, request.word())
        .detail(Some(wanted.detail.to_owned()));
    item.documentation = wanted.about;
    if cursor.part == Part::KeyWithColon {
        return item;
    }
    let name = insertion::key(&wanted.name, cursor.flow.is_some());
    let is_plain = |value: &SmolStr| {
        insertion::scalar(value, Style::Plain, true) == **value && !value.contains([',', '|'])
    };
    item.insert = format!("{name}: ");
    if request.options.has_snippets && !wanted.values.is_empty() && wanted.values.iter().all(is_plain) {
        let values: Vec<String> = wanted.values.iter().map(|value| insertion::snippet_text(value)).collect();
        item.insert = format!("{name}: ${{1|{}|}}", values.join(","));
        item.is_snippet = true;
    }
    item
}

/// The values that the variable or the param can have whose value is being written.
pub fn add_values(request: &Request<'_>, found: &mut Candidates) {
    let values = own_param(request).map(values_of).or_else(|| values_of_call(request)).unwrap_or_default();
    for (order, value) in values.iter().enumerate() {
        found.add(order as u16, value, || {
            let item = request.scalar(value, Kind::Word);
            if values == TRUTHS && request.cursor.style == Style::Plain {
                let blank = if request.cursor.needs_blank { " " } else { "" };
                return item.inserting(format!("{blank}{value}"));
            }
            item
        });
    }
}

fn values_of_call(request: &Request<'_>) -> Option<Vec<SmolStr>> {
    let path = &request.cursor.path;
    let Step::Key { name, .. } = path.last()? else { return None };
    let wanted = wanted(request, path.len() - 1);
    wanted.into_iter().find(|wanted| wanted.is_called(name)).map(|wanted| wanted.values)
}

/// The param whose `default` is being written.
fn own_param<'r>(request: &Request<'r>) -> Option<&'r Param> {
    let path = request.cursor.path.as_slice();
    let (path, is_item) = match path {
        [path @ .., Step::Index { .. }] => (path, true),
        path => (path, false),
    };
    let [.., list, Step::Index { at }, field] = path else { return None };
    if !matches!(list.key(), Some("params" | "ez-params")) || field.key() != Some("default") {
        return None;
    }
    let analysis = &request.snapshot.analysis;
    let file = analysis.file_of(&request.source.path)?;
    // No other item begins between the dash of this one and the cursor.
    let is_meant = |param: &&Param| {
        let place = analysis.locate(param.span);
        place.file == file && *at <= place.range.start && place.range.start < request.cursor.offset
    };
    let param = params_of_file(request).iter().find(is_meant)?;
    (!is_item || param.kind.value == ParamKind::Multi).then_some(param)
}

/// The params of what the cursor is in.
fn params_of_file<'r>(request: &Request<'r>) -> &'r [Param] {
    if request.format == Format::Plan {
        let written = request.plan().and_then(|plan| plan.written.as_ref());
        return written.map_or(&[], |plan| &plan.params);
    }
    if request.format == Format::Metadata {
        return &request.snapshot.analysis.compilation.metadata.params;
    }
    let superset = request.task().and_then(|task| task.superset.as_ref());
    superset.map_or(&[], |superset| &superset.params)
}

/// What the task wants to which the mapping gives variables that the way leads to with `depth` steps.
fn wanted(request: &Request<'_>, depth: usize) -> Vec<Wanted> {
    let path = &request.cursor.path;
    let Some(holder) = depth.checked_sub(1) else { return Vec::new() };
    let Some(key) = path.get(holder).and_then(Step::key) else { return Vec::new() };
    let wanted_key = match key {
        "vars" | "defaults" => "task",
        "ez-defaults" => "ez-extends",
        _ => return Vec::new(),
    };
    let names_params = key != "vars" || request.format == Format::Plan;
    let name = request.cursor.scalar_of(request.source, holder, wanted_key);
    let Some(task) = name.and_then(|name| callee(request, &name)) else {
        // A task may have defaults for its own params.
        let own = request.task().filter(|_| key == "ez-defaults");
        return own.map(|task| of_params(task, names_params)).unwrap_or_default();
    };
    let mut found = of_params(task, names_params);
    of_definition(&task.definition, &mut found);
    found
}

fn callee<'r>(request: &Request<'r>, name: &str) -> Option<&'r Task> {
    if let Some(task) = tasks::find(request, name) {
        return Some(task);
    }
    if request.format != Format::Plan {
        return None;
    }
    let (folder, task) = folder::split_name(name);
    let folders = &request.snapshot.analysis.compilation.folders;
    let found = folders.iter().find(|known| known.name == folder)?;
    let program = &tasks::folder_compilation(request, found)?.program;
    program.find(task).map(|id| program.task(id))
}

fn of_params(task: &Task, names_params: bool) -> Vec<Wanted> {
    let params = task.superset.iter().flat_map(|superset| &superset.params);
    let wanted = |param: &Param| Wanted {
        name: if names_params { param.name.value.clone() } else { variable_name(&param.name.value) },
        group: if param.required && param.default.is_none() { REQUIRED } else { PARAM },
        values: values_of(param),
        about: Some(variables::about_param(param)),
        detail: "param",
        is_param: names_params,
    };
    params.map(wanted).collect()
}

/// What a param can be, where that is written out.
pub fn values_of(param: &Param) -> Vec<SmolStr> {
    match param.kind.value {
        ParamKind::Bool => TRUTHS.map(SmolStr::new_static).to_vec(),
        _ => param.options.iter().map(|option| option.value.clone()).collect(),
    }
}

fn of_definition(definition: &Definition, found: &mut Vec<Wanted>) {
    let is_param = |found: &[Wanted], name: &str| found.iter().any(|wanted| wanted.is_called(name));
    for required in &definition.requires {
        if is_param(found, &required.name.value) {
            continue;
        }
        let values = match required.allowed.as_ref().map(|allowed| &allowed.values) {
            Some(EnumValues::List(values)) => values.clone(),
            _ => Vec::new(),
        };
        found.push(Wanted {
            name: required.name.value.clone(),
            group: REQUIRED,
            values,
            about: None,
            detail: "required",
            is_param: false,
        });
    }
    for variable in &definition.vars {
        let name = &variable.name.value;
        let gives_way = match &variable.value {
            VariableValue::Text(text) => text.value.contains(&format!(".{name}")),
            _ => false,
        };
        if gives_way && !is_param(found, name) {
            let about = match &variable.value {
                VariableValue::Text(text) => Some(format!("Without it: `{}`", first_line(&text.value))),
                _ => None,
            };
            found.push(Wanted {
                name: name.clone(),
                group: OVERRIDABLE,
                values: Vec::new(),
                about,
                detail: "variable",
                is_param: false,
            });
        }
    }
}
