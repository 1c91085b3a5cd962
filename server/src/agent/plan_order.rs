//! How a node runs a plan: `ez plan run`, whose events go into a file of the attempt.

use std::io;

use serde_json::json;

use super::attempt_directory::AttemptDirectory;
use crate::job::{JobSpec, PlanOrder};

/// The longest part of a task's name in the name of its plan.
const MAX_NAME_CHARS: usize = 100;

/// The task that runs as a plan of one step.
pub fn task(spec: &JobSpec) -> Option<&str> {
    spec.plan.as_ref().and_then(|plan| plan.task.as_deref())
}

/// What the plan of a task is called: where its state is kept, in `.ez/plans`.
fn plan_name(task: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let plain = task.chars().take(MAX_NAME_CHARS).map(|c| if is_plain(c) { c } else { '-' });
    format!("task-{}", plain.collect::<String>())
}

/// The plan of a task: one step. JSON is YAML, and what looks like a template in a value is none.
fn plan_text(spec: &JobSpec, task: &str) -> String {
    let value = |value: &String| value.replace("{{", "{{\"{{\"}}");
    let vars: serde_json::Map<String, serde_json::Value> =
        spec.vars.iter().map(|(name, text)| (name.clone(), value(text).into())).collect();
    json!({ "steps": [{ "task": task, "vars": vars }] }).to_string()
}

/// Writes the plan of a task that runs as one.
///
/// # Errors
/// It cannot be written.
pub fn write(spec: &JobSpec, directory: &AttemptDirectory) -> io::Result<()> {
    match task(spec) {
        Some(task) => directory.write_plan(&plan_name(task), &plan_text(spec, task)),
        None => Ok(()),
    }
}

/// The arguments of `ez`, before the variables.
pub fn arguments(spec: &JobSpec, directory: &AttemptDirectory, max_output: u64) -> Vec<String> {
    let plan = match task(spec) {
        Some(task) => directory.plan(&plan_name(task)).to_string_lossy().into_owned(),
        None => spec.name.clone(),
    };
    let mut arguments: Vec<String> = vec!["plan".into(), "run".into(), plan];
    arguments.extend(["--events-file".into(), directory.events().to_string_lossy().into_owned()]);
    arguments.extend(["--events-limit".into(), max_output.to_string()]);
    let PlanOrder { resume, jobs, fail_fast, yes, .. } = spec.plan.as_deref().cloned().unwrap_or_default();
    if let Some(run) = resume {
        arguments.push(format!("--resume={run}"));
    }
    if let Some(jobs) = jobs {
        arguments.push(format!("--jobs={jobs}"));
    }
    if fail_fast {
        arguments.push("--fail-fast".into());
    }
    if yes {
        arguments.push("--yes".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{arguments, plan_name, plan_text};
    use crate::agent::attempt_directory::AttemptDirectory;
    use crate::job::{JobKind, JobSpec, PlanOrder};

    #[test]
    fn the_plan_of_a_task_is_one_step() {
        let vars = BTreeMap::from([("WORD".to_owned(), "a \"{{.B}}\"\n".to_owned())]);
        let spec = JobSpec { kind: JobKind::Plan, vars, ..JobSpec::default() };
        assert_eq!(
            plan_text(&spec, "a:b"),
            r#"{"steps":[{"task":"a:b","vars":{"WORD":"a \"{{\"{{\"}}.B}}\"\n"}}]}"#
        );
        assert_eq!(plan_name("../a:b c"), "task----a-b-c");
        assert!(plan_name(&"x".repeat(5000)).len() < 120);
    }

    #[test]
    fn what_is_wanted_is_said_to_ez() {
        let directory = AttemptDirectory::at("/d/1-1");
        let plan = PlanOrder {
            resume: Some("20261121T1".into()),
            jobs: Some(2),
            fail_fast: true,
            yes: true,
            ..PlanOrder::default()
        };
        let spec = JobSpec {
            kind: JobKind::Plan,
            name: "p".into(),
            plan: Some(Box::new(plan)),
            ..JobSpec::default()
        };
        assert_eq!(
            arguments(&spec, &directory, 9).join(" "),
            "plan run p --events-file /d/1-1/events --events-limit 9 --resume=20261121T1 --jobs=2 --fail-fast --yes"
        );
    }
}
