//! What a job is.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::sync::digest::Digest;
use crate::sync::tree_path::TreePath;

/// The number of a job. Numbers grow and are never used again.
pub type JobId = i64;

/// Which attempt of a job: 1 for the first. A message about an attempt that is not the job's last is of no effect, so that a machine which was given up
/// cannot end what another one now does.
pub type Fence = i64;

/// What is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// A task of the project.
    #[default]
    Task,
    /// A plan of the project.
    Plan,
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits for a machine.
    Pending,
    /// A machine has it.
    Running,
    /// It ended with exit code 0.
    Success,
    /// It ended otherwise; `reason` tells how.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Success, Self::Failed, Self::Cancelled];

    /// Its name in the API and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobSpec {
    /// What is run.
    #[serde(default)]
    pub kind: JobKind,
    /// The name of the task or plan.
    pub name: String,
    /// Variables and params.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
    /// Variables of its environment, besides the node's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Arguments behind `--`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The machine, by its name or number; else any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Machines of which one has to run it, by their names, numbers or tags; any where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// What the machine must have, as in `os:linux`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// After how many seconds it is ended; 0 is never.
    #[serde(default)]
    pub timeout: u64,
    /// Those of a higher one start first.
    #[serde(default)]
    pub priority: i32,
    /// How often it is tried again where it failed or its machine was lost.
    #[serde(default)]
    pub retry: u32,
    /// Jobs with the same lock never run at once, on whatever machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// The SHA-256 of the list of files with which it runs, in a directory of its own; else it runs in the node's checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub inputs: Option<Digest>,
    /// The directory of these files in which it runs; else their root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub directory: Option<TreePath>,
    /// Whether its exit code is that of the command that failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pass_exit_code: bool,
    /// Which files are kept when it succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// Whether it is a step of a plan that writes values for later ones to the file of `EZ_STEP_OUTPUT`. The file is kept with what it makes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub step_output: bool,
    /// How a plan runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<PlanOrder>>,
    /// The names of secret variables, whose values are told to nobody but the machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// The number of a run of a plan: that of its first job.
pub type PlanRunId = i64;

/// How a plan runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOrder {
    /// The run that goes on; else a new one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<PlanRunId>,
    /// What the node calls the run that goes on there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// The task that runs as a plan of one step, where it is no plan of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// How many steps run at once; else as many as the node has cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// Whether the first failure stops the rest.
    #[serde(default)]
    pub fail_fast: bool,
    /// Whether checkpoints are passed.
    #[serde(default)]
    pub yes: bool,
    /// Whether steps of it are jobs of their own on nodes of this server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_remote_steps: bool,
}

/// Where the file of `EZ_STEP_OUTPUT` is in the tree of a job that is a step.
pub const STEP_OUTPUT: &str = ".ez/step-output";

impl JobSpec {
    /// How many bytes its variables and arguments have.
    pub fn text_bytes(&self) -> usize {
        let named = self.vars.iter().chain(&self.env).map(|(name, value)| name.len() + value.len());
        named.chain(self.args.iter().map(String::len)).sum()
    }

    /// The run of a plan to which a job of this number belongs.
    pub fn plan_run(&self, job: JobId) -> Option<PlanRunId> {
        let known = self.plan.as_ref().and_then(|plan| plan.run);
        (self.kind == JobKind::Plan).then(|| known.unwrap_or(job))
    }

    /// Whether it waits for jobs of its own, which must find a slot while it runs.
    pub fn waits_for_jobs(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.has_remote_steps)
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ending {
    /// What became of it: `success`, `failed` or `cancelled`.
    pub state: JobState,
    /// The exit code of the process; `null` where it has none.
    pub exit_code: Option<i32>,
    /// Why, where the exit code does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
    /// When it ended.
    pub finished: i64,
    /// The SHA-256 of the list of files that it made, where such were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub outputs: Option<Digest>,
}
