//! The subcommands of `ez plan`.

use clap::{Args, Subcommand, ValueEnum};

use super::ez::{Format, Place, RuleLevels};

/// `ez plan`
#[derive(Args, Debug)]
pub struct Plan {
    /// What to do
    #[command(subcommand)]
    pub action: PlanAction,
}

/// What `ez plan` does.
#[derive(Debug, Subcommand)]
pub enum PlanAction {
    /// List the plans
    List(PlanList),
    /// Write the beginning of a plan
    New(PlanNew),
    /// Add a step to a plan
    ///
    /// What stands in the file stays as it is, comments included.
    Add(PlanAdd),
    /// Draw a plan, level by level
    Show(PlanShow),
    /// Write a plan as a Taskfile that go-task runs
    ///
    /// The file is `.ez/plans/<name>/build/Taskfile.yml`; `task -d .ez/plans/<name>/build` runs it.
    Build(PlanBuild),
    /// Find mistakes in plans without running anything
    ///
    /// Exits with 1 when there are errors, with 2 when the check itself fails.
    Check(PlanCheck),
    /// Run a plan, or go on with a run
    ///
    /// `ez plan <name>` is the same. Steps start as soon as what they need is done. A run that was stopped, killed or failed
    /// goes on with --resume.
    Run(PlanRun),
    /// List the runs of a plan, the newest first
    Runs(PlanRuns),
    /// Print the logs of a run's steps
    Logs(PlanLogs),
}

/// Names of what `ez plan` does; any other first argument is a plan to run.
pub const PLAN_ACTIONS: [&str; 10] =
    ["list", "new", "add", "show", "build", "check", "run", "runs", "logs", "help"];

impl PlanAction {
    /// Where the Taskfile is.
    pub fn place(&self) -> Place {
        match self {
            Self::List(action) => action.place.clone(),
            Self::New(action) => action.place.clone(),
            Self::Add(action) => action.place.clone(),
            Self::Show(action) => action.place.clone(),
            Self::Build(action) => action.place.clone(),
            Self::Check(action) => action.place.clone(),
            Self::Run(action) => action.place.clone(),
            Self::Runs(action) => action.place.clone(),
            Self::Logs(action) => action.place.clone(),
        }
    }
}

/// `ez plan list`
#[derive(Args, Debug)]
pub struct PlanList {
    /// Only plans whose name or description contains this
    pub filter: Option<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez plan new`
#[derive(Args, Debug)]
pub struct PlanNew {
    /// The plan's name
    pub name: String,
    /// Tasks that are its first steps, one after the other
    pub tasks: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub desc: Option<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez plan add`
#[derive(Args, Debug)]
pub struct PlanAdd {
    /// The plan, or its file
    #[arg(value_name = "PLAN|PATH")]
    pub plan: String,
    /// The task that the step runs, and its variables (NAME=value)
    #[arg(required = true, value_name = "TASK")]
    pub arguments: Vec<String>,
    /// The step's name; the task's without it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A step that has to be done before; may stand several times
    #[arg(short, long, value_name = "STEP")]
    pub needs: Vec<String>,
    /// A key of the step's matrix with its values; may stand several times
    #[arg(short, long, value_name = "KEY=A,B")]
    pub matrix: Vec<String>,
    /// A file that the step makes for others; may stand several times
    #[arg(short, long, value_name = "NAME=PATH")]
    pub artifact: Vec<String>,
    /// An artifact of an earlier step, and where it goes; may stand several times
    #[arg(short, long, value_name = "STEP/ARTIFACT=TO")]
    pub input: Vec<String>,
    /// The condition under which it runs
    #[arg(short, long, value_name = "TEMPLATE")]
    pub when: Option<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez plan show`
#[derive(Args, Debug)]
pub struct PlanShow {
    /// The plan, or its file
    #[arg(value_name = "PLAN|PATH")]
    pub plan: String,
    /// The language of the drawing
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub format: DrawingFormat,
    /// As JSON
    #[arg(short, long, conflicts_with = "format")]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// The language of a drawing
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DrawingFormat {
    /// For the terminal
    #[default]
    Text,
    /// Mermaid
    Mermaid,
    /// Graphviz
    Dot,
    /// Steps and combinations as JSON
    Json,
    /// A picture
    Svg,
}

/// `ez plan build`
#[derive(Args, Debug)]
pub struct PlanBuild {
    /// The plan, or its file
    #[arg(value_name = "PLAN|PATH")]
    pub plan: String,
    /// Write it to standard output instead
    #[arg(long)]
    pub stdout: bool,
    /// What the order of shuffled steps is made from; chosen and told without it
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez plan check`
#[derive(Args, Debug)]
pub struct PlanCheck {
    /// Plans or their files; without any, all plans of the project
    #[arg(value_name = "PLAN|PATH")]
    pub plans: Vec<String>,
    /// How the findings are written
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Mend what can be mended
    #[arg(long)]
    pub fix: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub levels: RuleLevels,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez plan run`
#[derive(Args, Debug)]
pub struct PlanRun {
    /// The plan, or its file
    #[arg(value_name = "PLAN|PATH")]
    pub plan: String,
    /// Values for its variables and params (NAME=value)
    #[arg(value_name = "NAME=VALUE")]
    pub variables: Vec<String>,
    /// At most so many steps at once; as many as there are cores without it
    #[arg(short, long, visible_alias = "concurrency", value_name = "N")]
    pub jobs: Option<usize>,
    /// Show in which order steps could run, and run nothing
    #[arg(long, visible_alias = "dry")]
    pub dry_run: bool,
    /// Run only these steps, with what the last run left; may stand several times
    #[arg(long, value_name = "STEP")]
    pub only: Vec<String>,
    /// Run these steps and all after them, with what the last run left; may stand several times
    #[arg(long, value_name = "STEP")]
    pub from: Vec<String>,
    /// Run these steps and all that they need; may stand several times
    #[arg(long, value_name = "STEP")]
    pub until: Vec<String>,
    /// Start nothing more after the first failure, and stop what runs
    #[arg(long, conflicts_with = "keep_going")]
    pub fail_fast: bool,
    /// Run what does not depend on a failed step (the default)
    #[arg(long)]
    pub keep_going: bool,
    /// Say yes at every checkpoint and prompt
    #[arg(short, long)]
    pub yes: bool,
    /// Go on with a run: the last one that is not done, or this one
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = false, default_missing_value = "")]
    pub resume: Option<String>,
    /// What the order of shuffled steps is made from; chosen and told without it
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Run in random orders that the plan allows, to find needs that are not declared
    #[arg(long)]
    pub shuffle_all: bool,
    /// Run so many times, or until a run fails
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub times: u64,
    /// The server of remote steps
    #[arg(long, value_name = "URL", help = "The server of remote steps (EZ_SERVER_URL)")]
    pub server: Option<String>,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<String>,
    /// Write a report as JSON to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<String>,
    /// Write a page with a chart of what ran when to this file
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<String>,
    /// Write events to standard output, and nothing else
    #[arg(long, value_name = "FORMAT")]
    pub events: Option<EventsFormat>,
    /// Append events as JSON lines to this file
    #[arg(long, value_name = "FILE")]
    pub events_file: Option<String>,
    /// Leave out of events what steps print beyond so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = u64::MAX, hide_default_value = true)]
    pub events_limit: u64,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// How events are written
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    /// One JSON object a line
    Jsonl,
}

/// `ez plan runs`
#[derive(Args, Debug)]
pub struct PlanRuns {
    /// The plan, or its file
    #[arg(value_name = "PLAN|PATH")]
    pub plan: String,
    /// Only this run, with its steps; `last` is the newest
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// `ez plan logs`
#[derive(Args, Debug)]
pub struct PlanLogs {
    /// The plan, or its file
    #[arg(value_name = "PLAN|PATH")]
    pub plan: String,
    /// A step, or a combination of one; all without it
    pub step: Option<String>,
    /// The run; the last one without it
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}

/// The arguments with `run` before the name of a plan: `ez plan <name>` is `ez plan run <name>`.
pub fn with_run(arguments: &[String]) -> Vec<String> {
    let is_plan = arguments.first().is_some_and(|first| first == "plan");
    let is_name = |word: &String| !word.starts_with('-') && !PLAN_ACTIONS.contains(&word.as_str());
    let mut all = arguments.to_vec();
    if is_plan && arguments.get(1).is_some_and(is_name) {
        all.insert(1, "run".to_owned());
    }
    all
}
