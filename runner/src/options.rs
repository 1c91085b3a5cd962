//! How a run is to be done, in the engine's terms.

use std::time::Duration;

use smol_str::SmolStr;

/// Settings of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Skip preconditions and up-to-date checks of the tasks that were named.
    pub force: bool,
    /// Skip them for every task.
    pub force_all: bool,
    /// Show commands, run none.
    pub dry: bool,
    /// Echo no command.
    pub silent: bool,
    /// Say more, and echo the commands of silent tasks.
    pub verbose: bool,
    /// Answer every prompt with yes.
    pub assume_yes: bool,
    /// Ask for missing variables, where there is a terminal.
    pub interactive: bool,
    /// Which params are asked for, where there is a terminal.
    pub ask_params: AskParams,
    /// Never use the network.
    pub offline: bool,
    /// Whether someone can be asked.
    pub is_terminal: bool,
    /// Run the named tasks at the same time.
    pub parallel: bool,
    /// Cancel the others when one of several parallel tasks fails.
    pub failfast: bool,
    /// At most so many tasks at once; `None` for no limit.
    pub concurrency: Option<usize>,
    /// Whether tasks run again and again, so that calls are not counted.
    pub watch: bool,
    /// Pause between two looks at the sources of tasks that are watched; the Taskfile's without it.
    pub interval: Option<Duration>,
    /// The style of output, over what the Taskfile says.
    pub output: Option<OutputStyle>,
    /// Where fingerprints are kept, as the user gave it; empty for `.task`.
    pub temp_dir: SmolStr,
    /// Where more than go-task's fingerprints is remembered, so that files that were not touched are not read again;
    /// nowhere without it.
    pub fingerprint_memory: Option<SmolStr>,
    /// Whether a task whose directory cannot be made fails; go-task says so and goes on.
    pub needs_directories: bool,
    /// Suggest no name for an unknown one.
    pub disable_fuzzy: bool,
    /// `env` of a Taskfile wins over the caller's environment.
    pub env_precedence: bool,
    /// How the program was called, for `TASK_EXE`.
    pub program: SmolStr,
    /// For `TASK_VERSION`.
    pub version: SmolStr,
    /// Where the program was started, absolute.
    pub user_working_dir: SmolStr,
    /// Whether `ROOT_DIR` is empty, as for a Taskfile from standard input where nobody said which directory is its own;
    /// its tasks run where the program was started.
    pub has_no_root: bool,
    /// Whether each task that was named writes a log.
    pub log: bool,
    /// Whether to wait for the lock of a task that runs elsewhere; without it, the task fails.
    pub wait_for_locks: bool,
    /// The command line, for logs and locks.
    pub command_line: Vec<SmolStr>,
    /// Names the run in events; empty for an own name.
    pub run_id: SmolStr,
    /// What the program is a part of.
    pub place: Place,
}

/// What a program is a part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The root directory of the project, absolute, where EZ keeps what it writes; the program's own where empty.
    pub project: SmolStr,
    /// The folder task that the program is; empty for that of a project.
    pub folder: SmolStr,
    /// The workspace that it runs in, `EZ_WORKSPACE_NAME`; empty without one.
    pub workspace: SmolStr,
}

/// Which params a user is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AskParams {
    /// None.
    #[default]
    Never,
    /// Those that must have a value and have none.
    Required,
    /// Of the tasks that were named, also those that could be left at their defaults.
    All,
}

/// How output of commands is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputStyle {
    /// `interleaved` (also when empty), `group` or `prefixed`.
    pub name: SmolStr,
    /// A template, printed before a group.
    pub begin: SmolStr,
    /// A template, printed after a group.
    pub end: SmolStr,
    /// Print only groups of failing commands.
    pub error_only: bool,
}

/// Settings that the command line makes visible to templates.
#[derive(Clone, Debug, Default)]
pub struct CommandLine {
    /// `NAME=value` in order.
    pub globals: Vec<(SmolStr, SmolStr)>,
    /// What stands behind `--`.
    pub arguments: Vec<SmolStr>,
    /// Whether the value of a variable that is secret stays one; go-task shows it.
    pub keeps_secrets: bool,
    /// `CLI_FORCE`
    pub force: bool,
    /// `CLI_SILENT`
    pub silent: bool,
    /// `CLI_VERBOSE`
    pub verbose: bool,
    /// `CLI_OFFLINE`
    pub offline: bool,
    /// `CLI_ASSUME_YES`
    pub assume_yes: bool,
}
