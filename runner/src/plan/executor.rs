//! Who runs a step. What a plan needs of the world comes through these traits, so that the same scheduler and journal work
//! here, on other machines and in tests.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ez_compiler::ir::NodeId;
use ez_compiler::template::Value;
use smol_str::SmolStr;

use crate::event::Stream;
use crate::signal::Stop;

/// A future that stays on its thread.
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a step is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRequest {
    /// The node.
    pub node: NodeId,
    /// Its slug.
    pub slug: SmolStr,
    /// The task, by its full name.
    pub task: SmolStr,
    /// Variables of the call, strongest of all.
    pub vars: Vec<StepVariable>,
    /// Variables of the environment, over those of this process.
    pub env: Vec<StepVariable>,
    /// Where the files that it is given go, from its directory.
    pub inputs: Vec<PathBuf>,
    /// Paths and globs of what it makes for others, from its directory.
    pub artifacts: Vec<SmolStr>,
    /// Machines of which one has to run it, by name or label.
    pub machines: Vec<SmolStr>,
}

/// A variable of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepVariable {
    /// The name.
    pub name: SmolStr,
    /// The value.
    pub value: Value,
    /// Whether it is never shown or written down.
    pub secret: bool,
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// The exit code.
    pub exit: u8,
    /// What went wrong.
    pub cause: String,
    /// Whether it was stopped.
    pub is_cancelled: bool,
}

/// What a step tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepNews<'a> {
    /// It printed something.
    Output(Stream, &'a [u8]),
    /// Another machine runs it.
    Machine(&'a str),
}

/// Takes what a step tells.
pub type StepListener = Rc<dyn Fn(StepNews<'_>)>;

/// Opens steps.
pub trait Executor {
    /// Makes a step ready to run: its directory is there, nothing runs.
    ///
    /// # Errors
    /// Why it cannot run, in words for the user.
    fn open(&self, request: &StepRequest) -> Result<Rc<dyn OpenStep>, String>;
}

/// A step that can run.
pub trait OpenStep {
    /// The directory that paths of inputs and artifacts are relative to.
    fn directory(&self) -> &Path;

    /// What the task says, as far as its work depends on it: a change makes a step run again.
    fn definition(&self) -> SmolStr;

    /// Values that its task takes from the environment and nobody is to see.
    fn secrets(&self) -> Vec<SmolStr>;

    /// Runs the step once.
    fn run(&self, stop: Stop, listener: StepListener) -> Local<'_, Result<(), StepFailure>>;
}

/// Whether a step may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// It may.
    Granted,
    /// It may not, and the run ends.
    Refused,
    /// There is nobody to ask.
    NobodyThere,
}

/// Who says yes at a checkpoint.
pub trait Approver {
    /// Asks.
    fn ask(&self, question: &str) -> Local<'_, Approval>;
}

/// The time.
pub trait Clock {
    /// The date and time, RFC 3339.
    fn date(&self) -> SmolStr;

    /// A time that only grows.
    fn now(&self) -> Instant;

    /// Ends after a while.
    fn sleep(&self, duration: Duration) -> Local<'_, ()>;
}

/// The machine's own time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn date(&self) -> SmolStr {
        crate::task_log::now().into()
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep(&self, duration: Duration) -> Local<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
