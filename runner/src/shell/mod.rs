//! Runs scripts as go-task's embedded shell runs them: bash's language, each script by itself, errexit always on.
//!
//! Three means, the first that is right: in place ([`NATIVE`]), a program started directly, bash (or sh).

mod bash;
mod echo;
mod list;
mod rewrite;

use std::cell::{LazyCell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use ez_compiler::shell::{self, SyntaxError};
use smol_str::SmolStr;

use crate::process::{
    Control, Environment, Finished, Group, LookupError, NOT_FOUND_CODE, ProcessError, Processes, Programs,
    Routes, Sink,
};
use bash::Interpreter;
pub use bash::{Kind, OptionError};

/// What is done without any process; `mkdir` only with `-p` alone.
pub const NATIVE: [&str; 6] = ["echo", "true", "false", ":", "exit", "mkdir"];

/// A script to run.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// The text.
    pub text: &'a str,
    /// Where it runs. Only programs need it to exist.
    pub directory: &'a Path,
    /// Its whole environment.
    pub environment: &'a Arc<Environment>,
    /// Options of `set`, by name or letter; errexit is on anyway.
    pub set: &'a [SmolStr],
    /// Options of `shopt`.
    pub shopt: &'a [SmolStr],
    /// Whether it gets our standard input.
    pub input: bool,
    /// Where its output goes.
    pub routes: Routes,
    /// The group of its processes.
    pub group: Group,
}

/// A script could not be run. A status of its own is no error.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// It does not parse; none of its lines was run. The text is that of go-task.
    #[error("{0}")]
    Syntax(Box<SyntaxError>),
    /// An option of `set` or `shopt` does not exist.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A program could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It needs a shell and there is none.
    #[error("neither bash nor sh was found")]
    NoShell,
}

/// The variable with the directories in which programs are looked for.
const SEARCH_PATH: &str = "PATH";

/// Is told of something of bash's where there is only `sh`: a construct, an option.
pub type OnBashOnly = Box<dyn Fn(&str)>;

type FoundInterpreter = LazyCell<Option<Interpreter>, Box<dyn FnOnce() -> Option<Interpreter>>>;

/// Runs the scripts of one run.
pub struct Shell {
    processes: Rc<Processes>,
    programs: Programs,
    /// Looked for when a script first needs it: most need none.
    interpreter: FoundInterpreter,
    on_bash_only: OnBashOnly,
    /// What was told already.
    told: RefCell<Vec<String>>,
}

impl Shell {
    /// With bash, or else sh, as found by the `PATH` of the calling environment. Each construct that sh may not know is
    /// told once.
    pub fn new(processes: Rc<Processes>, calling: &Environment, on_bash_only: OnBashOnly) -> Self {
        let path: Environment =
            calling.get(SEARCH_PATH).map(|path| (SEARCH_PATH, path)).into_iter().collect();
        Self::with_interpreter(processes, Box::new(move || Interpreter::find(&path)), on_bash_only)
    }

    fn with_interpreter(
        processes: Rc<Processes>,
        find: Box<dyn FnOnce() -> Option<Interpreter>>,
        on_bash_only: OnBashOnly,
    ) -> Self {
        let interpreter = LazyCell::new(find);
        Self { processes, programs: Programs::default(), interpreter, on_bash_only, told: RefCell::default() }
    }

    /// The processes that it starts.
    pub fn processes(&self) -> &Rc<Processes> {
        &self.processes
    }

    /// Which shell runs what is not simple; `None` where there is none.
    pub fn kind(&self) -> Option<Kind> {
        self.interpreter.as_ref().map(Interpreter::kind)
    }

    /// Runs a script to its end. What it writes to a stream that is read goes to the sink.
    ///
    /// # Errors
    /// It does not parse, has wrong options, or cannot be started.
    pub async fn run(
        &self,
        script: &Script<'_>,
        sink: Sink<'_>,
        control: &Control,
    ) -> Result<Finished, ShellError> {
        let options = bash::Options::check(script.set, script.shopt)?;
        let parsed = shell::parse(script.text).map_err(|error| ShellError::Syntax(Box::new(error)))?;
        if options.no_exec || parsed.statements.is_empty() {
            return Ok(Finished::in_place(0));
        }
        if !options.trace
            && let Some(commands) =
                shell::simple_list(&parsed).and_then(|list| list::resolve(&list, script, &options))
        {
            return self.run_list(commands, script, sink, control).await;
        }
        if self.kind() == Some(Kind::Sh) {
            self.tell_of_bash(&parsed, &options);
        }
        let rewritten = rewrite::for_bash(script.text, &parsed);
        let script = Script { text: rewritten.as_deref().unwrap_or(script.text), ..*script };
        self.run_in_shell(&script, &options, sink, control).await
    }

    fn tell_of_bash(&self, script: &shell::Script, options: &bash::Options) {
        let constructs = shell::inspect(script).bash;
        let constructs = constructs.iter().map(|found| found.feature.description().to_owned());
        for what in options.of_bash_alone().chain(constructs) {
            let is_new = !self.told.borrow().contains(&what);
            if is_new {
                (self.on_bash_only)(&what);
                self.told.borrow_mut().push(what);
            }
        }
    }

    async fn run_in_shell(
        &self,
        script: &Script<'_>,
        options: &bash::Options,
        sink: Sink<'_>,
        control: &Control,
    ) -> Result<Finished, ShellError> {
        let interpreter = self.interpreter.as_ref().ok_or(ShellError::NoShell)?;
        let program = interpreter.program(script, options);
        Ok(self.processes.run(program, sink, control).await?)
    }

    fn lookup(
        &self,
        name: &str,
        script: &Script<'_>,
        environment: &Environment,
    ) -> Result<std::path::PathBuf, LookupError> {
        self.programs.find(name, script.directory, environment)
    }
}

/// Exit code of a program that exists and is none.
pub const NOT_EXECUTABLE_CODE: u8 = NOT_FOUND_CODE - 1;

#[cfg(test)]
mod tests;
