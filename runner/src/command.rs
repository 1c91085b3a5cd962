//! Commands of tasks and of variables.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::error::{Cause, RunError};
use crate::event::Stream;
use crate::process::{self, Control, Ending, Environment, Group, Processes, Program, Routes};
use crate::scheduler::Context;
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
    /// Where it runs.
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
#[derive(Clone, Debug)]
pub struct CommandRunner {
    processes: Rc<Processes>,
}

impl CommandRunner {
    /// A runner of scripts.
    pub fn new(_environment: &Arc<Environment>) -> Self {
        Self { processes: Rc::new(Processes::default()) }
    }

    /// Runs a script that writes where the program writes.
    pub async fn inherit(&self, script: &Script<'_>, context: &Context) -> Result<(), RunError> {
        self.run(script, context.stop(), Routes::INHERIT, &mut |_, _| {}).await
    }

    /// Runs a script and passes on what it writes.
    pub async fn stream(
        &self,
        script: &Script<'_>,
        context: &Context,
        tell: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<(), RunError> {
        let mut sink = |stream: process::Stream, bytes: &[u8]| match stream {
            process::Stream::Stdout => tell(Stream::Stdout, bytes),
            process::Stream::Stderr => tell(Stream::Stderr, bytes),
        };
        self.run(script, context.stop(), Routes::JOINED, &mut sink).await
    }

    /// Runs a script for its status alone.
    pub async fn test(&self, script: &Script<'_>, context: &Context) -> Result<(), RunError> {
        self.run(script, context.stop(), Routes::NULL, &mut |_, _| {}).await
    }

    /// Runs a script for what it prints; its errors are shown.
    pub async fn capture(&self, script: &Script<'_>) -> (Vec<u8>, Result<(), RunError>) {
        let mut bytes = Vec::new();
        let result = self
            .run(script, &Stop::new(), Routes::READ_STDOUT, &mut |_, new| bytes.extend_from_slice(new))
            .await;
        (bytes, result)
    }

    async fn run(
        &self,
        script: &Script<'_>,
        stop: &Stop,
        routes: Routes,
        sink: process::Sink<'_>,
    ) -> Result<(), RunError> {
        let program = Program {
            file: PathBuf::from("/bin/bash"),
            arguments: ["bash", "-e", "-c", script.text].map(Into::into).into(),
            directory: PathBuf::from(script.dir),
            environment: Arc::clone(&script.environment),
            input: script.input != Input::Null,
            routes,
            group: Group::Own,
            linger: process::LINGER,
        };
        let finished = self.processes.run(program, sink, &Control::new(stop.clone())).await;
        let finished = finished.map_err(|error| RunError::other(error.to_string()))?;
        if finished.interruption.is_some() {
            return Err(RunError::new(Cause::Cancelled));
        }
        match finished.ending {
            Ending::Exited(0) => Ok(()),
            ending => Err(RunError::new(Cause::ExitStatus(ending.code()))),
        }
    }
}
