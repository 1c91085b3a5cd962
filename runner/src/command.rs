//! Commands of tasks and of variables: scripts on the shell, with results as the engine sees them.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::error::{Cause, RunError};
use crate::event::Stream;
use crate::process::{self, Control, Ending, Environment, Group, Processes, Routes, Sink};
use crate::scheduler::Context;
use crate::shell::{self, OnBashOnly, Shell, ShellError};
use crate::signal::Stop;

/// What a command reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Null,
    /// What the program reads.
    Inherit,
    /// The keyboard: the command stays in the foreground.
    Terminal,
}

/// A script to run.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    /// The script.
    pub text: &'a str,
    /// Where it runs; relative to where the program runs.
    pub dir: &'a str,
    /// Its whole environment.
    pub environment: Arc<Environment>,
    /// Options of `set`.
    pub set: &'a [SmolStr],
    /// Options of `shopt`.
    pub shopt: &'a [SmolStr],
    /// What it reads.
    pub input: Input,
}

/// Runs scripts.
#[derive(Clone)]
pub struct CommandRunner {
    shell: Rc<Shell>,
    is_terminal: bool,
}

impl CommandRunner {
    /// A runner of scripts; on a terminal, commands may read the keyboard. That a script needs bash and there is none
    /// is told to `on_bash_only`.
    pub fn new(environment: &Environment, is_terminal: bool, on_bash_only: OnBashOnly) -> Self {
        let processes = Rc::new(Processes::default());
        Self { shell: Rc::new(Shell::new(processes, environment, on_bash_only)), is_terminal }
    }

    /// The processes that run.
    pub fn processes(&self) -> &Rc<Processes> {
        self.shell.processes()
    }

    /// Runs a script that writes where the program writes.
    pub async fn inherit(&self, script: &Script<'_>, context: &Context) -> Result<(), RunError> {
        self.run(script, context, Routes::INHERIT, &mut |_, _| {}).await
    }

    /// Runs a script and passes on what it writes; `joined` keeps the order of the two streams, but not their names.
    pub async fn stream(
        &self,
        script: &Script<'_>,
        context: &Context,
        joined: bool,
        tell: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<(), RunError> {
        let mut sink = |stream: process::Stream, bytes: &[u8]| match stream {
            process::Stream::Stdout => tell(Stream::Stdout, bytes),
            process::Stream::Stderr => tell(Stream::Stderr, bytes),
        };
        let routes = if joined { Routes::JOINED } else { Routes::SPLIT };
        self.run(script, context, routes, &mut sink).await
    }

    /// Runs a script for its status alone.
    pub async fn test(&self, script: &Script<'_>, context: &Context) -> Result<(), RunError> {
        self.run(script, context, Routes::NULL, &mut |_, _| {}).await
    }

    /// Runs a script for what it prints; its errors are shown.
    pub async fn capture(&self, script: &Script<'_>) -> (Vec<u8>, Result<(), RunError>) {
        let mut bytes = Vec::new();
        let mut sink = |_: process::Stream, new: &[u8]| bytes.extend_from_slice(new);
        let result = self.run(script, &Context::root(Stop::new()), Routes::READ_STDOUT, &mut sink).await;
        (bytes, result)
    }

    async fn run(
        &self,
        script: &Script<'_>,
        context: &Context,
        routes: Routes,
        sink: Sink<'_>,
    ) -> Result<(), RunError> {
        let directory = absolute(script.dir);
        check_directory(&directory)?;
        let script = shell::Script {
            text: script.text,
            directory: &directory,
            environment: &script.environment,
            set: script.set,
            shopt: script.shopt,
            input: script.input != Input::Null,
            routes,
            group: self.group(script.input),
        };
        let finished = self.shell.run(&script, sink, &Control::new(context.stop().clone())).await;
        let finished = finished.map_err(|error: ShellError| RunError::other(error.to_string()))?;
        if finished.interruption.is_some() {
            return Err(context.interruption());
        }
        match finished.ending {
            Ending::Exited(0) => Ok(()),
            ending => Err(RunError::new(Cause::ExitStatus(ending.code()))),
        }
    }

    /// On a terminal a lone or interactive command stays in the foreground, so that it can read the keyboard.
    fn group(&self, input: Input) -> Group {
        let may_read = input == Input::Terminal || (input == Input::Inherit && self.processes().count() == 0);
        if self.is_terminal && may_read { Group::Foreground } else { Group::Own }
    }
}

/// What is there must be a directory; what is not there may still be made by the script itself, or not be needed.
fn check_directory(directory: &Path) -> Result<(), RunError> {
    let path = directory.display();
    match std::fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(RunError::other(format!("{path} is not a directory"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let error = process::system_message(&error);
            Err(RunError::other(format!("could not stat: stat {path}: {error}")))
        }
    }
}

/// A directory from the root; that of the program where there is none.
fn absolute(dir: &str) -> PathBuf {
    let path = Path::new(dir);
    let absolute = match dir {
        "" => std::env::current_dir(),
        _ if path.is_absolute() => return path.to_path_buf(),
        _ => std::path::absolute(path),
    };
    // Without a working directory a relative path stays one, and the command says so.
    absolute.unwrap_or_else(|_| path.to_path_buf())
}
