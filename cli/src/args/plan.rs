//! The subcommands of `ez plan`.

use clap::{Args, Subcommand, ValueEnum};

use super::ez::{Format, Place};

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
}

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
    /// Report this rule as an error (code or name); stronger than the two others
    #[arg(short = 'D', long, value_name = "CODE")]
    pub deny: Vec<String>,
    /// Report this rule as a warning; stronger than --allow
    #[arg(short = 'W', long, value_name = "CODE")]
    pub warn: Vec<String>,
    /// Do not report this rule
    #[arg(short = 'A', long, value_name = "CODE")]
    pub allow: Vec<String>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub place: Place,
}
