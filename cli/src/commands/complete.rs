//! `ez __complete`: what could stand at the cursor, for the scripts of shells.
//!
//! Arguments: the program's name, then the words of the command line up to and including the one at the cursor. Each
//! candidate is a line, with a tab and a remark behind it where there is one.

use std::fmt::Write as _;

use ez_compiler::ast::param::variable_name;
use ez_compiler::ast::{EnumValues, Param, ParamKind, Text, Variable, VariableValue};
use ez_compiler::emit::json_schema::KINDS;
use ez_compiler::folder::FolderTask;
use ez_compiler::ir::{Program, Resolution};
use ez_compiler::plan;

use super::{Context, ws};
use crate::args::configuration::Configuration;
use crate::args::ez;
use crate::args::flag::{FlagSet, Id};
use crate::args::invocation::{self, Options, Order, Personality};
use crate::args::parse;
use crate::commands::list;
use crate::disk::Disk;
use crate::logger::Color;
use crate::project::Project;
use ez_compiler::Purpose;

/// Subcommands whose arguments are names of tasks.
const TAKES_TASKS: [&str; 8] = ["run", "show", "check", "why", "graph", "list", "clean", "matrix"];

/// A candidate and a remark about it.
struct Candidate {
    text: String,
    about: String,
}

impl Candidate {
    fn new(text: impl Into<String>, about: impl Into<String>) -> Self {
        let about: String = about.into();
        Self { text: text.into(), about: about.lines().next().unwrap_or("").to_owned() }
    }
}

/// Prints the candidates. Whatever goes wrong, a shell gets an empty list, not an error.
pub fn run(context: &Context, arguments: &[String]) {
    let words = arguments.get(1..).unwrap_or(&[]);
    let (word, before) =
        words.split_last().map_or(("", &[] as &[String]), |(last, rest)| (last.as_str(), rest));
    let mut out = String::new();
    for candidate in candidates(context, before, word) {
        if candidate.text.starts_with(word) {
            out.push_str(&candidate.text);
            if !candidate.about.is_empty() {
                let _ = write!(out, "\t{}", candidate.about);
            }
            out.push('\n');
        }
    }
    context.logger.out(Color::None, &out);
}

fn candidates(context: &Context, before: &[String], word: &str) -> Vec<Candidate> {
    if before.iter().any(|word| word == "--") {
        return Vec::new();
    }
    let set = FlagSet::ez(false);
    let leading = parse::leading_flags(&set, before);
    let subcommand = before.get(leading).filter(|name| ez::is_subcommand(name)).map(String::as_str);
    if let Some(values) = values_of_flag(before) {
        return values;
    }
    if word.starts_with('-') {
        return flags(subcommand, &set);
    }
    let grammar = ez::command();
    match subcommand {
        Some("completion") => return values("bash zsh fish nushell powershell"),
        Some("help") => return subcommands(&grammar),
        Some("schema") => return KINDS.iter().map(|kind| Candidate::new(kind.name, kind.files)).collect(),
        Some("plan") => return plans(context, before, before.len() == leading + 1),
        Some("ws" | "rerun") => return workspaces(context, before),
        Some(name) if !TAKES_TASKS.contains(&name) => return Vec::new(),
        _ => {}
    }
    let mut all = tasks(context, before);
    if before.len() == leading {
        all.extend(subcommands(&grammar));
    }
    all
}

/// Names of plans, and, right behind `plan`, what can be done with them.
fn plans(context: &Context, before: &[String], is_first: bool) -> Vec<Candidate> {
    let mut all = Vec::new();
    if is_first {
        let grammar = ez::command();
        let plan = grammar.find_subcommand("plan");
        all.extend(plan.into_iter().flat_map(subcommands));
    }
    let Some(options) = place(context, before) else { return all };
    let Ok(project) = Project::open(context, &options, Purpose::Run) else { return all };
    let found = plan::find_all(&Disk, &project.compilation.program.dir);
    all.extend(found.into_iter().map(|plan| Candidate::new(plan.name.as_str(), "a plan")));
    all
}

/// The values of the flag that stands just before the cursor.
fn values_of_flag(before: &[String]) -> Option<Vec<Candidate>> {
    Some(match before.last()?.as_str() {
        "-o" | "--output" => values("interleaved group prefixed"),
        "--sort" => values("default alphanumeric none"),
        "--engine" => values("native task"),
        "--events" => values("jsonl"),
        "--progress" => values("auto always never"),
        "-t" | "--taskfile" | "-d" | "--dir" | "--trace" | "--temp-dir" => Vec::new(),
        _ => return None,
    })
}

fn values(words: &str) -> Vec<Candidate> {
    words.split(' ').map(|word| Candidate::new(word, "")).collect()
}

fn subcommands(grammar: &clap::Command) -> Vec<Candidate> {
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    grammar.get_subcommands().map(|command| Candidate::new(command.get_name(), about(command))).collect()
}

fn flags(subcommand: Option<&str>, set: &FlagSet) -> Vec<Candidate> {
    let grammar = ez::command();
    let own = subcommand.filter(|name| *name != "run").and_then(|name| grammar.find_subcommand(name));
    match own {
        None => set.rows().map(|flag| Candidate::new(format!("--{}", flag.name), flag.usage)).collect(),
        Some(command) => command
            .get_arguments()
            .filter_map(|argument| {
                let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
                argument.get_long().map(|long| Candidate::new(format!("--{long}"), about))
            })
            .collect(),
    }
}

/// Names of workspaces, with what ran there last.
fn workspaces(context: &Context, before: &[String]) -> Vec<Candidate> {
    let Some(options) = place(context, before) else { return Vec::new() };
    let Ok(project) = Project::open(context, &options, Purpose::Run) else { return Vec::new() };
    let all = ws::all(context, project.root().as_std_path());
    let about = |found: &ws::Workspace| found.run.as_ref().map(|run| run.tasks.join(" ")).unwrap_or_default();
    all.iter().map(|found| Candidate::new(found.name.as_str(), about(found))).collect()
}

/// Names of tasks, and variables of those that are named already.
fn tasks(context: &Context, before: &[String]) -> Vec<Candidate> {
    let Some(options) = place(context, before) else { return Vec::new() };
    let Ok(project) = Project::open(context, &options, Purpose::Run) else { return Vec::new() };
    let program = &project.compilation.program;
    let mut all = Vec::new();
    for name in before.iter().filter(|word| !word.starts_with('-')) {
        if let Resolution::Task(id, _) = program.resolve(name) {
            all.extend(variables(program, id));
        }
    }
    for folder in &project.compilation.folders {
        let names = |word: &&String| ez_compiler::folder::split_name(word).0 == folder.name;
        let named = before.iter().find(names);
        all.extend(folder_tasks(context, &options, folder, named.map(String::as_str)));
    }
    for id in list::listed(program, true, Order::RootFirst) {
        let task = program.task(id);
        let about = task.definition.desc.as_ref().map(|desc| desc.value.to_string()).unwrap_or_default();
        let names = std::iter::once(&task.name).chain(&task.aliases).filter(|name| !name.contains('*'));
        all.extend(names.map(|name| Candidate::new(name.as_str(), about.as_str())));
    }
    all
}

/// Names of the tasks of a folder task, and variables of the one that is named already.
fn folder_tasks(
    context: &Context,
    options: &Options,
    folder: &FolderTask,
    named: Option<&str>,
) -> Vec<Candidate> {
    let Ok(project) = Project::open_folder(context, options, folder, Purpose::Run) else { return Vec::new() };
    let program = &project.compilation.program;
    let mut all = Vec::new();
    if let Some(named) = named {
        let (_, task) = ez_compiler::folder::split_name(named);
        if let Resolution::Task(id, _) = program.resolve(task) {
            all.extend(variables(program, id));
        }
    }
    for id in list::listed(program, true, Order::RootFirst) {
        let task = program.task(id);
        let about = task.definition.desc.as_ref().map(|desc| desc.value.to_string()).unwrap_or_default();
        if !task.is_wildcard() {
            all.push(Candidate::new(ez_compiler::folder::qualified(&folder.name, &task.name), about));
        }
    }
    all
}

/// The options of the words before the cursor, as far as they say where the Taskfile is.
fn place(context: &Context, before: &[String]) -> Option<Options> {
    let set = FlagSet::ez(false);
    let mut flags = Vec::new();
    for (at, word) in before.iter().enumerate() {
        let is_place =
            |name: &str| set.long(name).is_some_and(|f| matches!(f.id, Id::Taskfile | Id::Dir | Id::Global));
        let name = word.strip_prefix("--").map(|name| name.split('=').next().unwrap_or(name));
        if name.is_some_and(is_place) || matches!(word.as_str(), "-t" | "-d" | "-g") {
            flags.push(word.clone());
            if !word.contains('=') && word != "-g" && word != "--global" {
                flags.extend(before.get(at + 1).cloned());
            }
        }
    }
    let invocation =
        invocation::interpret(Personality::Ez, &flags, &context.environment, &Configuration::default())
            .ok()?;
    Some(invocation.options)
}

/// `NAME=` for what a task requires and for its own and global variables that are plain text.
fn variables(program: &Program, id: ez_compiler::ir::TaskId) -> Vec<Candidate> {
    let task = program.task(id);
    let definition = &task.definition;
    let params = task.superset.as_ref().map_or(&[][..], |superset| &superset.params);
    let mut all: Vec<Candidate> = params.iter().flat_map(param).collect();
    for required in &definition.requires {
        let name = &required.name.value;
        match required.allowed.as_ref().map(|allowed| &allowed.values) {
            Some(EnumValues::List(values)) => {
                all.extend(values.iter().map(|value| Candidate::new(format!("{name}={value}"), "required")));
            }
            _ => all.push(Candidate::new(format!("{name}="), "required")),
        }
    }
    let globals = program.vars.values().map(|global| &global.variable);
    for variable in definition.vars.iter().chain(globals) {
        let text = format!("{}=", variable.name.value);
        if !all.iter().any(|known| known.text.starts_with(&text)) {
            all.push(Candidate::new(text, current_value(variable)));
        }
    }
    all
}

/// `EZ_NAME=option` for what a param takes, as far as that is written; nobody is asked for it.
fn param(param: &Param) -> Vec<Candidate> {
    let name = variable_name(&param.name.value);
    let about = match (&param.help, param.required) {
        (Some(help), _) => help.value.to_string(),
        (None, true) => "required".to_owned(),
        (None, false) => param.kind.value.name().to_owned(),
    };
    let options: Vec<&str> = match param.kind.value {
        ParamKind::Bool => vec!["true", "false"],
        ParamKind::Select | ParamKind::Multi if !param.options.is_empty() => {
            param.options.iter().map(Text::as_str).collect()
        }
        _ => vec![""],
    };
    options.into_iter().map(|option| Candidate::new(format!("{name}={option}"), about.as_str())).collect()
}

fn current_value(variable: &Variable) -> String {
    match &variable.value {
        _ if variable.secret => String::new(),
        VariableValue::Text(text) => text.value.to_string(),
        VariableValue::Literal(value) => value.to_text().to_string(),
        VariableValue::Shell(text) => format!("sh: {}", text.value),
        VariableValue::Reference(text) => format!("ref: {}", text.value),
    }
}
