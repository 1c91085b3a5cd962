//! `plans/<name>.yml`: steps over tasks, in which order they run and what they hand to each other.

use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use crate::ast::param::FieldRow;
use crate::ast::{Artifact, Param, Retry, Text, Variable};
use crate::source::{Span, Spanned};
use crate::template::value::Value;

/// A plan as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// `name`; the file's name holds without it.
    pub name: Option<Text>,
    /// `desc`
    pub desc: Option<Text>,
    /// `vars`
    pub vars: Vec<Variable>,
    /// `params`
    pub params: Vec<Param>,
    /// `steps`
    pub steps: Vec<Arc<Step>>,
    /// The key `steps`, or the whole file without it.
    pub steps_span: Span,
    /// The whole file.
    pub span: Span,
}

/// An entry of `steps`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `name`; the task's name without it.
    pub name: Text,
    /// `task`
    pub task: Text,
    /// `vars`, which the task is called with.
    pub vars: Vec<Variable>,
    /// `needs`: names of steps, or of combinations of them.
    pub needs: Vec<Text>,
    /// `artifacts`
    pub artifacts: Vec<Artifact>,
    /// `inputs`
    pub inputs: Vec<Input>,
    /// `shuffle`
    pub shuffle: bool,
    /// `matrix`
    pub matrix: Option<Matrix>,
    /// `when`
    pub when: Option<Text>,
    /// `checkpoint`
    pub checkpoint: Option<Checkpoint>,
    /// `outputs`: the names of values that the step writes.
    pub outputs: Vec<Text>,
    /// `timeout`
    pub timeout: Option<Spanned<Duration>>,
    /// `retry`
    pub retry: Option<Retry>,
    /// `continue_on_error`
    pub continue_on_error: bool,
    /// `remote`: whether it has to run on another machine.
    pub remote: Option<Spanned<bool>>,
    /// `nodes`: names or labels of machines that may run it; any of them.
    pub nodes: Vec<Text>,
    /// `env`
    pub env: Vec<Variable>,
    /// `workspace`: whether it runs in a directory of its own.
    pub workspace: Option<Spanned<bool>>,
    /// The whole entry.
    pub span: Span,
}

/// An entry of `inputs`: an artifact that a step is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// `from`: a step, or combinations of it.
    pub from: Text,
    /// `artifact`: which of the step's artifacts; `None` where that is not written yet.
    pub artifact: Option<Text>,
    /// `to`: where it goes, from the step's directory; a directory where it ends in `/`. `None` where that is not written
    /// yet.
    pub to: Option<Text>,
    /// `optional`: whether it may be missing.
    pub optional: bool,
    /// The whole entry.
    pub span: Span,
}

/// `matrix`
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The keys with their values, in written order.
    pub keys: Vec<MatrixKey>,
    /// `include`
    pub include: Vec<Combination>,
    /// `exclude`
    pub exclude: Vec<Combination>,
    /// The whole field.
    pub span: Span,
}

/// A key of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixKey {
    /// The name.
    pub name: Spanned<SmolStr>,
    /// What it can be: texts, numbers, booleans.
    pub values: Vec<Spanned<Value>>,
}

/// An entry of `include` or `exclude`.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// Keys and their values.
    pub values: Vec<(Spanned<SmolStr>, Spanned<Value>)>,
    /// The whole entry.
    pub span: Span,
}

/// `checkpoint`
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// `prompt`: what is asked.
    pub prompt: Option<Text>,
    /// The whole field.
    pub span: Span,
}

/// The keys of a plan.
pub const PLAN_FIELDS: &[FieldRow] = &[
    FieldRow { key: "name", takes: "a name", about: "the same as the file's, which holds without it" },
    FieldRow { key: "desc", takes: "a text", about: "what it is for, for `ez plan list`" },
    FieldRow {
        key: "vars",
        takes: "a mapping, as in a task",
        about: "values for the templates of the steps",
    },
    FieldRow { key: "params", takes: "a list of params", about: "values that the plan asks for" },
    FieldRow { key: "steps", takes: "a list of steps", about: "what it runs" },
];

/// The keys of a step.
pub const STEP_FIELDS: &[FieldRow] = &[
    FieldRow { key: "name", takes: "a name", about: "what other steps call it; the task's name without it" },
    FieldRow { key: "task", takes: "a name", about: "the task that it runs, by its full name" },
    FieldRow {
        key: "vars",
        takes: "a mapping, as in a call",
        about: "variables that the task is called with",
    },
    FieldRow {
        key: "needs",
        takes: "names of steps",
        about: "what has to be done before; `build` is all combinations of a matrix step, `build[arch=arm64]` is some of them",
    },
    FieldRow { key: "artifacts", takes: "a list", about: "files that it makes for other steps" },
    FieldRow { key: "inputs", takes: "a list", about: "artifacts of earlier steps that it is given" },
    FieldRow {
        key: "matrix",
        takes: "a mapping",
        about: "runs it once for each combination of these values",
    },
    FieldRow {
        key: "when",
        takes: "a template",
        about: "whether it runs at all: not if this gives nothing, `false`, `0` or `no`",
    },
    FieldRow {
        key: "outputs",
        takes: "a list of names",
        about: "values that it writes to `$EZ_STEP_OUTPUT`, for templates of later steps",
    },
    FieldRow { key: "env", takes: "a mapping, as in a task", about: "environment of what it runs" },
    FieldRow { key: "timeout", takes: "a duration", about: "how long an attempt may take" },
    FieldRow {
        key: "retry",
        takes: "a number, or `count` and `backoff`",
        about: "further attempts after a failure",
    },
    FieldRow {
        key: "continue_on_error",
        takes: "`true` or `false`",
        about: "a failure is told and counts as done",
    },
    FieldRow {
        key: "checkpoint",
        takes: "`true`, or a mapping with `prompt`",
        about: "waits for a yes before it begins",
    },
    FieldRow {
        key: "shuffle",
        takes: "`true` or `false`",
        about: "takes a random place among the steps that are shuffled",
    },
    FieldRow {
        key: "workspace",
        takes: "`true` or `false`",
        about: "runs an inline task in a directory of the step's own",
    },
    FieldRow { key: "remote", takes: "`true` or `false`", about: "whether another machine has to run it" },
    FieldRow { key: "nodes", takes: "names", about: "the machines that may run it, by name or label" },
];

/// The keys of an input.
pub const INPUT_FIELDS: &[FieldRow] = &[
    FieldRow { key: "from", takes: "a step", about: "who made it; as in `needs`, all combinations or some" },
    FieldRow { key: "artifact", takes: "a name", about: "which of the step's artifacts" },
    FieldRow {
        key: "to",
        takes: "a path",
        about: "where it goes, from the directory in which the step runs; a directory if it ends in `/`",
    },
    FieldRow { key: "optional", takes: "`true` or `false`", about: "the step runs without it, too" },
];

/// The keys of a checkpoint.
pub const CHECKPOINT_FIELDS: &[FieldRow] =
    &[FieldRow { key: "prompt", takes: "a text", about: "the question; `Continue with <step>?` without it" }];
