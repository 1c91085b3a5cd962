//! Command lines recorded from go-task 3.54.0, one JSON object a line: arguments, environment, and what it made of them.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::configuration::Configuration;
use super::invocation::{Action, Misuse, Personality, interpret};
use crate::commands::experiments::text as experiments_text;
use crate::environment::Environment;
use crate::logger::Logger;

#[derive(Deserialize)]
struct Recorded {
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    exit: u8,
    #[serde(default)]
    tasks: Vec<String>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warning: Option<String>,
}

fn check(line: &str) {
    let recorded: Recorded = serde_json::from_str(line).unwrap();
    let variables: Vec<_> = recorded.env.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let environment = Environment::for_test("/", &variables);
    let got = interpret(Personality::Task, &recorded.args, &environment, &Configuration::default());
    let invocation = match got {
        Err(Misuse::NotUnderstood { error, .. }) => {
            return assert_eq!((error.to_string(), 2), (recorded.error, recorded.exit), "{line}");
        }
        Err(Misuse::Contradiction(error)) => {
            return assert_eq!((error, 1), (recorded.error, recorded.exit), "{line}");
        }
        Ok(invocation) => invocation,
    };
    assert_eq!(recorded.exit, 0, "{line}");
    assert_eq!(invocation.warning, recorded.warning, "{line}");
    match invocation.action {
        Action::Run(request) => {
            assert_eq!(request.tasks, recorded.tasks, "{line}");
            let options = &invocation.options;
            let state = format!(
                "silent={} force={} verbose={} offline={} yes={} args={} X={}",
                options.silent,
                options.force || options.force_all,
                options.verbose,
                options.remote.offline,
                options.assume_yes,
                request.arguments.join(","),
                request.variables.iter().find(|(name, _)| name == "X").map_or("", |(_, value)| value),
            );
            assert_eq!(state, recorded.state, "{line}");
        }
        Action::Experiments(experiments) => {
            let logger = Logger::new(false, &environment);
            assert_eq!(experiments_text(&logger, &experiments), recorded.stdout, "{line}");
        }
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn command_lines_mean_what_they_mean_to_go_task() {
    let lines: Vec<&str> = include_str!("recorded_command_lines.jsonl").lines().collect();
    assert!(lines.len() > 150);
    lines.into_iter().for_each(check);
}
