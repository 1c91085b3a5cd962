//! `ez rerun`: a run in a workspace, once more.

use std::path::Path;

use ez_compiler::Purpose;
use ez_runner::engine::{AskError, as_written};
use ez_runner::error::EXIT_MISSING_VARIABLES;
use ez_runner::options::AskParams;
use ez_runner::run_context::RunContext;

use super::ws::{self, Workspace};
use super::{Context, Outcome, run as run_tasks};
use crate::args::ez::Rerun;
use crate::args::invocation::{Action, Invocation, Options, Request, WorkspaceChoice};
use crate::ask::User;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::saved_run::ARGUMENTS;
use crate::terminal;

/// Repeats the last run of a workspace.
pub fn run(context: &Context, options: &Options, request: &Rerun) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let root = project.root();
    let (name, overrides) = split(&request.arguments)?;
    let workspace = match name {
        Some(name) => ws::find(context, root.as_std_path(), name)?,
        None => newest(context, root.as_std_path())?,
    };
    let Some(saved) = workspace.run else {
        return Err(Failure::new(
            Code::OTHER,
            format!("ez: nothing ran in the workspace {} yet", workspace.name),
        ));
    };
    let mut environment = context.environment.clone();
    for param in &saved.params {
        environment.set(&param.name, &param.value);
    }
    let mut variables: Vec<(String, String)> =
        saved.variables.iter().map(|given| (given.name.clone(), given.value.clone())).collect();
    for (name, value) in &overrides {
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => (*value).clone_into(old),
            None => variables.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    variables.extend(withheld(context, options, &saved, &overrides, request)?);
    let mut options = options.clone();
    if options.taskfile.is_empty() {
        options.taskfile = root.join(&saved.taskfile).into_string();
    }
    options.workspace = match saved.folder.as_str() {
        "" => WorkspaceChoice::Named(saved.workspace.clone()),
        _ => WorkspaceChoice::Usual,
    };
    options.ask_params = AskParams::Required;
    options.force_all = request.force;
    let words = format!("ez: running {} again in the workspace {}\n", saved.tasks.join(" "), saved.workspace);
    context.logger.err(Color::None, &words);
    let arguments = request.after_dashes.clone().unwrap_or(saved.arguments);
    let action = Action::Run(Request { tasks: saved.tasks, variables, arguments });
    let context = Context { environment, logger: context.logger.clone() };
    run_tasks::execute(&context, &Invocation { action, options, warning: None })
}

/// A name with its value.
type Pair<'a> = (&'a str, &'a str);

/// The workspace, and the variables of the command line.
fn split(arguments: &[String]) -> Result<(Option<&str>, Vec<Pair<'_>>), Failure> {
    let mut name = None;
    let mut overrides = Vec::new();
    for argument in arguments {
        match argument.split_once('=') {
            Some(pair) => overrides.push(pair),
            None if name.is_none() => name = Some(argument.as_str()),
            None => {
                let message = format!("ez: `ez rerun` takes one workspace; \"{argument}\" is a second one");
                return Err(Failure::new(Code::USAGE, message));
            }
        }
    }
    Ok((name, overrides))
}

fn newest(context: &Context, root: &Path) -> Result<Workspace, Failure> {
    let ran = ws::all(context, root).into_iter().filter(|workspace| workspace.run.is_some());
    let started = |workspace: &Workspace| workspace.run.as_ref().map(|run| run.started.clone());
    ran.max_by_key(started).ok_or_else(|| {
        let message =
            "ez: nothing ran in a workspace yet; folder tasks and `ez run --workspace=auto <task>` do";
        Failure::new(Code::OTHER, message)
    })
}

/// The secrets that the saved run had, as variables: from the environment, or asked for.
///
/// # Errors
/// One is missing, and there is nobody to ask (exit 206).
fn withheld(
    context: &Context,
    options: &Options,
    saved: &RunContext,
    overrides: &[Pair],
    request: &Rerun,
) -> Result<Vec<(String, String)>, Failure> {
    let mut given = Vec::new();
    let is_overridden = |name: &str| overrides.iter().any(|(known, _)| *known == name);
    let mut missing = Vec::new();
    for name in saved.withheld.iter().filter(|name| !is_overridden(name)) {
        if name == ARGUMENTS {
            if request.after_dashes.is_none() {
                missing.push("the arguments behind --".to_owned());
            }
            continue;
        }
        if let Some(value) = context.environment.get(name) {
            given.push((name.clone(), as_written(value).into()));
        } else if terminal::is_present() {
            let user = User::new(options.personality, context.logger.clone());
            let answer = user.secret(name).map_err(|error| match error {
                AskError::Cancelled => Failure::new(Code::INTERRUPTED, "ez: interrupted"),
                AskError::Failed(message) => Failure::new(Code::OTHER, message),
            })?;
            given.push((name.clone(), as_written(&answer).into()));
        } else {
            missing.push(name.clone());
        }
    }
    if missing.is_empty() {
        return Ok(given);
    }
    let message = format!(
        "ez: secrets of the last run were not kept; give them again, or set them in the environment: {}",
        missing.join(", ")
    );
    Err(Failure::new(Code(EXIT_MISSING_VARIABLES), message))
}
