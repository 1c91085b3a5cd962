//! `ez-hooks`: what a hook learns about its task.

use std::sync::Arc;
use std::time::Duration;

use crate::process::Environment;

/// The name of the task.
pub const TASK_NAME: &str = "EZ_TASK_NAME";
/// The exit code of the task; 0 after success.
pub const TASK_EXIT_CODE: &str = "EZ_TASK_EXIT_CODE";
/// The end of what the task printed.
pub const TASK_OUTPUT: &str = "EZ_TASK_OUTPUT";
/// How long the task took, in seconds with milliseconds: `12.345`.
pub const TASK_DURATION: &str = "EZ_TASK_DURATION";
/// The workspace in which the task runs; empty without one.
pub const WORKSPACE_NAME: &str = "EZ_WORKSPACE_NAME";

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskEnd {
    /// The exit code.
    pub exit: u8,
    /// The end of its output.
    pub output: String,
    /// How long it took, dependencies, hooks before it and further attempts included.
    pub duration: Duration,
}

/// The environment of a hook: that of the task's commands, and what is known of the task. Before its end that is its name.
pub fn environment(
    commands: &Arc<Environment>,
    task: &str,
    workspace: &str,
    end: Option<&TaskEnd>,
) -> Arc<Environment> {
    let mut environment = Environment::clone(commands);
    environment.set(TASK_NAME, task);
    environment.set(WORKSPACE_NAME, workspace);
    if let Some(end) = end {
        environment.set(TASK_EXIT_CODE, end.exit.to_string().as_str());
        environment.set(TASK_OUTPUT, end.output.as_str());
        environment.set(TASK_DURATION, format!("{:.3}", end.duration.as_secs_f64()).as_str());
    }
    Arc::new(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_knows_how_its_task_ended() {
        let base: Arc<Environment> = Arc::new([("A", "1")].into_iter().collect());
        let shown = |end: Option<&TaskEnd>| {
            let environment = environment(&base, "t", "", end);
            let mut pairs: Vec<String> =
                environment.iter().map(|(n, v)| format!("{}={}", n.display(), v.display())).collect();
            pairs.sort();
            pairs.join(" ")
        };
        assert_eq!(shown(None), "A=1 EZ_TASK_NAME=t EZ_WORKSPACE_NAME=");
        let end = TaskEnd { exit: 3, output: "x".into(), duration: Duration::from_micros(1_234_567) };
        assert_eq!(
            shown(Some(&end)),
            "A=1 EZ_TASK_DURATION=1.235 EZ_TASK_EXIT_CODE=3 EZ_TASK_NAME=t EZ_TASK_OUTPUT=x EZ_WORKSPACE_NAME="
        );
    }
}
