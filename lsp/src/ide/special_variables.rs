//! Variables that go-task and EZ set themselves.

/// A variable that go-task or EZ sets.
#[derive(Clone, Copy, Debug)]
pub struct SpecialVariable {
    /// Its name.
    pub name: &'static str,
    /// What it holds, as a sentence.
    pub about: &'static str,
}

const fn row(name: &'static str, about: &'static str) -> SpecialVariable {
    SpecialVariable { name, about }
}

/// All of them, in the order of go-task's reference.
pub const TABLE: &[SpecialVariable] = &[
    row("CLI_ARGS", "What stands behind `--` on the command line, as one text."),
    row("CLI_ARGS_LIST", "What stands behind `--` on the command line, as a list."),
    row("CLI_FORCE", "Whether `--force` or `--force-all` was given."),
    row("CLI_SILENT", "Whether `--silent` was given."),
    row("CLI_VERBOSE", "Whether `--verbose` was given."),
    row("CLI_OFFLINE", "Whether `--offline` was given."),
    row("CLI_ASSUME_YES", "Whether `--yes` was given."),
    row("TASK", "The full name of the task that runs."),
    row("ALIAS", "The name by which the task was called: its own, or one of its aliases."),
    row("TASK_EXE", "The program that runs the task: its name or path."),
    row("ROOT_TASKFILE", "The path of the root Taskfile."),
    row("ROOT_DIR", "The directory of the root Taskfile."),
    row("TASKFILE", "The path of the Taskfile in which the task is written."),
    row("TASKFILE_DIR", "The directory of the Taskfile in which the task is written."),
    row("TASK_DIR", "The directory in which the commands of the task run."),
    row("USER_WORKING_DIR", "The directory in which the program was called."),
    row("TASK_VERSION", "The version of go-task, or the one whose language is run."),
    row(
        "PATH_LIST_SEPARATOR",
        "What stands between the paths of a list such as `PATH`: `:`, on Windows `;`.",
    ),
    row("FILE_PATH_SEPARATOR", "What stands between the parts of a path: `/`, on Windows `\\`."),
    row(
        "CHECKSUM",
        "The checksum of the task's `sources`, in `status` and `cmds` of a task with `method: checksum`.",
    ),
    row(
        "TIMESTAMP",
        "When the newest of the task's `sources` changed, in `status` and `cmds` of a task with `method: timestamp`.",
    ),
    row("MATCH", "What the stars in the task's name matched, as a list."),
    row("ITEM", "The item of a `for` loop, unless `as` gives it another name."),
    row("KEY", "The key of the item, where a `for` loop goes over a map."),
    row(
        "EXIT_CODE",
        "The exit code of the command that failed, in commands with `defer`; empty after success.",
    ),
];

/// What EZ gives scripts through the environment.
const OF_SCRIPTS: &[SpecialVariable] = &[
    row("EZ_TASK_NAME", "In hooks: the full name of the task."),
    row(
        "EZ_WORKSPACE_NAME",
        "In hooks: the name of the workspace in which the task runs; empty without one.",
    ),
    row(
        "EZ_TASK_EXIT_CODE",
        "In hooks: 0 after success, else the status of the command that failed, 124 after a timeout.",
    ),
    row("EZ_TASK_OUTPUT", "In hooks: what the task printed, its dependencies and called tasks included."),
    row("EZ_TASK_DURATION", "In hooks: how long the task took so far, in seconds."),
    row(
        "EZ_STEP_OUTPUT",
        "In steps of plans: the file that takes the step's outputs, as lines `name=value` or as JSON.",
    ),
];

/// What only hooks behind the end of a task find in their environment.
pub const AFTER_THE_END: &[&str] = &["EZ_TASK_EXIT_CODE", "EZ_TASK_OUTPUT", "EZ_TASK_DURATION"];

/// The variable of that name that scripts find in their environment.
pub fn find_in_script(name: &str) -> Option<&'static SpecialVariable> {
    OF_SCRIPTS.iter().find(|row| row.name == name)
}

/// The variable of that name.
pub fn find(name: &str) -> Option<&'static SpecialVariable> {
    TABLE.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn those_of_scripts_are_reserved() {
        for row in super::OF_SCRIPTS {
            assert!(ez_compiler::superset::RESERVED_VARIABLES.contains(&row.name), "{}", row.name);
        }
    }

    #[test]
    fn they_are_those_of_the_compiler() {
        let mut own: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
        let mut known = ez_compiler::check::SPECIAL_VARIABLES.to_vec();
        own.sort_unstable();
        known.sort_unstable();
        assert_eq!(own, known);
    }
}
