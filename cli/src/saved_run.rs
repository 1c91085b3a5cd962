//! Saves what a run in a workspace was asked for, before it starts and when it has ended, so that `ez rerun` can repeat it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use camino::Utf8Path;
use ez_compiler::ast::param::variable_name;
use ez_runner::engine::Engine;
use ez_runner::mask::secret_names;
use ez_runner::run_context::{Given, RunContext, VERSION};
use ez_runner::task_log;
use smol_str::SmolStr;

use crate::args::invocation::Request;
use crate::commands::{Context, Outcome};
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::paths;
use crate::project::Project;
use crate::workspace::Occupied;

/// What stands for the arguments behind `--` among names that are withheld.
pub const ARGUMENTS: &str = "CLI_ARGS";

/// A run in a workspace, as it is saved.
pub struct SavedRun {
    place: Occupied,
    context: RunContext,
    secrets: BTreeSet<SmolStr>,
    started: Instant,
}

impl SavedRun {
    /// Saves a run before it starts: `request` is what was typed.
    ///
    /// # Errors
    /// It cannot be saved.
    pub fn begin(
        context: &Context,
        project: &Project,
        place: Occupied,
        taskfile: &Utf8Path,
        request: &Request,
    ) -> Result<Self, Failure> {
        let program = &project.compilation.program;
        let secrets = secret_names(program);
        let root = project.root();
        let saved = RunContext {
            version: VERSION,
            workspace: place.name.clone(),
            folder: place.folder.clone(),
            taskfile: paths::relative(&root, taskfile).into_string(),
            tasks: request.tasks.clone(),
            arguments: request.arguments.clone(),
            started: task_log::now(),
            ..RunContext::default()
        };
        let mut run = Self { place, context: saved, secrets, started: Instant::now() };
        for (name, value) in &request.variables {
            run.keep(name, value, false);
        }
        let params = program.tasks.iter().filter_map(|task| task.superset.as_deref());
        for param in params.flat_map(|superset| &superset.params) {
            let name = variable_name(&param.name.value);
            if let Some(value) = context.environment.get(&name) {
                run.keep(&name, value, true);
            }
        }
        let given = request.variables.iter().filter(|(name, _)| run.secrets.contains(name.as_str()));
        let of_environment = run.secrets.iter().filter_map(|name| context.environment.get(name));
        let values: Vec<String> =
            given.map(|(_, value)| value.clone()).chain(of_environment.map(str::to_owned)).collect();
        run.withhold(&|text| values.iter().any(|secret| !secret.is_empty() && text.contains(secret)));
        run.context.write(&run.directory()).map_err(|error| run.cannot(&error))?;
        Ok(run)
    }

    /// Saves how the run ended, and what its user answered.
    pub fn finish(mut self, context: &Context, engine: Option<&Engine>, outcome: &Outcome) {
        if let Some(engine) = engine {
            for answer in engine.answers() {
                self.keep(&answer.name, &answer.value, answer.is_param);
            }
            self.withhold(&|text| engine.masked(text) != text);
        }
        let exit = outcome.as_ref().map_or_else(|failure| failure.code.0, |()| Code::OK.0);
        let (directory, seconds) = (self.directory(), self.started.elapsed().as_secs_f64());
        if let Err(error) = self.context.finish(&directory, exit, seconds) {
            let failure = self.cannot(&error);
            context.logger.err(Color::Yellow, &format!("{}\n", failure.message));
        }
    }

    fn directory(&self) -> PathBuf {
        self.place.path.clone().into_std_path_buf()
    }

    fn cannot(&self, error: &std::io::Error) -> Failure {
        let path = &self.place.path;
        Failure::new(Code::OTHER, format!("ez: cannot save the run in {path}: {}", plain_message(error)))
    }

    /// Keeps a value; of a secret, that there was one. What was given before wins.
    fn keep(&mut self, name: &str, value: &str, is_param: bool) {
        let saved = &mut self.context;
        if self.secrets.contains(name) {
            if !saved.withheld.iter().any(|known| known == name) {
                saved.withheld.push(name.to_owned());
            }
            return;
        }
        let is_known = saved.variables.iter().chain(&saved.params).any(|given| given.name == name);
        let list = if is_param { &mut saved.params } else { &mut saved.variables };
        if !is_known {
            list.push(Given { name: name.to_owned(), value: value.to_owned() });
        }
    }

    /// Takes out what holds a secret in its value.
    fn withhold(&mut self, is_secret: &dyn Fn(&str) -> bool) {
        let saved = &mut self.context;
        for list in [&mut saved.variables, &mut saved.params] {
            let (secret, open) = list.drain(..).partition(|given| is_secret(&given.value));
            *list = open;
            let secret: Vec<Given> = secret;
            saved.withheld.extend(secret.into_iter().map(|given| given.name));
        }
        if saved.arguments.iter().any(|argument| is_secret(argument)) {
            saved.arguments.clear();
            saved.withheld.push(ARGUMENTS.to_owned());
        }
    }
}
