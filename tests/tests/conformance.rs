//! Called as `task`, `ez` does what go-task was recorded to do.

use std::path::PathBuf;

use ez_tests::conformance::{self, Failure, Stderr};
use ez_tests::program;

/// The share of cases whose standard error must be the same to the letter, in percent.
const STRICT_STDERR_PERCENT: usize = 95;

fn failures(cases: &[PathBuf], stderr: Stderr) -> Vec<Failure> {
    assert!(!cases.is_empty(), "no cases in {}", conformance::cases_directory().display());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let task = program::link(&program::ez(), directory.path(), "task").expect("a link to the program");
    conformance::failures(cases, &task, stderr)
}

fn check_area(area: &str) {
    let cases = conformance::cases_of(area);
    let failures = failures(&cases, Stderr::WhereItIsTheSubject);
    let report: String = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {} cases of {area} differ\n{report}", failures.len(), cases.len());
}

/// A test for each area, so that the runner reports by area.
macro_rules! areas {
    ($($test:ident = $area:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                check_area($area);
            }
        )*

        #[test]
        fn every_area_has_a_test() {
            assert_eq!(conformance::areas(), [$($area),*]);
        }
    };
}

areas! {
    area_cli = "cli",
    area_cmds = "cmds",
    area_config = "config",
    area_defer = "defer",
    area_deps = "deps",
    area_dir = "dir",
    area_dry = "dry",
    area_env = "env",
    area_errors = "errors",
    area_fingerprint = "fingerprint",
    area_for = "for",
    area_funcs = "funcs",
    area_if = "if",
    area_includes = "includes",
    area_list = "list",
    area_output = "output",
    area_platforms = "platforms",
    area_preconditions = "preconditions",
    area_projects = "projects",
    area_prompt = "prompt",
    area_requires = "requires",
    area_run = "run",
    area_secret = "secret",
    area_shell = "shell",
    area_silent = "silent",
    area_special = "special",
    area_summary = "summary",
    area_tasks = "tasks",
    area_templating = "templating",
    area_timeout = "timeout",
    area_vars = "vars",
    area_yaml = "yaml",
}

#[test]
fn standard_error_is_the_same_almost_everywhere() {
    let cases: Vec<PathBuf> =
        conformance::areas().iter().flat_map(|area| conformance::cases_of(area)).collect();
    let failures = failures(&cases, Stderr::Always);
    let report: String = failures.iter().map(ToString::to_string).collect();
    let same = cases.len() - failures.len();
    println!("{same} of {} cases are the same with standard error; the others:\n{report}", cases.len());
    assert!(
        same * 100 >= cases.len() * STRICT_STDERR_PERCENT,
        "only {same} of {} cases are the same with standard error\n{report}",
        cases.len()
    );
}
