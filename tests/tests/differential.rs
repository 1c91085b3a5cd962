//! Generated projects do the same under the native engine, under `--engine task` and under go-task itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;

use ez_tests::generator::{self, Generated};
use ez_tests::process::Exit;
use ez_tests::{Outcome, Project, tree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Projects that are compared, unless `EZ_DIFFERENTIAL_CASES` says otherwise.
const CASES: u32 = 40;
/// Where the random numbers begin, unless `EZ_DIFFERENTIAL_SEED` says otherwise: the same everywhere, so that a run
/// that fails fails again.
const SEED: u64 = 3_540;
/// A generator whose projects mostly fail tests little: at least so many of a hundred must succeed.
const SUCCESS_PERCENT: usize = 80;

/// Everything about a run that must be equal.
#[derive(Debug, PartialEq)]
struct Behaviour {
    runs: Vec<(Exit, String)>,
    files: BTreeMap<String, String>,
}

/// What a project does in two runs, of which the second finds what the first one left.
fn behaviour(generated: &Generated, run: impl Fn(&Project) -> Outcome<'_>) -> Behaviour {
    let project = generated
        .files()
        .into_iter()
        .fold(Project::new().env("E0", "from outside"), |project, (path, text)| project.file(path, text));
    let runs = (0..2).map(|_| run(&project)).map(|outcome| (outcome.exit, outcome.stdout)).collect();
    let ours = |path: &String| path.starts_with(".task/") || path.starts_with(".ez/");
    let paths = tree::files(&project.root()).into_iter().filter(|path| !ours(path));
    let files = paths.map(|path| (path.clone(), project.read(&path).unwrap_or_default())).collect();
    Behaviour { runs, files }
}

fn compare(generated: &Generated) -> Result<bool, TestCaseError> {
    let expected = behaviour(generated, |project| project.run_oracle(["default"]));
    for engine in ["native", "task"] {
        let got = behaviour(generated, |project| project.run(["run", "--engine", engine, "default"]));
        if got != expected {
            return Err(TestCaseError::fail(difference(generated, engine, &expected, &got)));
        }
    }
    Ok(expected.runs.iter().all(|(exit, _)| *exit == Exit::Code(0)))
}

fn difference(generated: &Generated, engine: &str, expected: &Behaviour, got: &Behaviour) -> String {
    let text = |behaviour: &Behaviour| {
        let runs = behaviour.runs.iter().map(|(exit, stdout)| format!("=== {exit:?}\n{stdout}"));
        let files = behaviour.files.iter().map(|(path, content)| format!("--- {path}\n{content}"));
        runs.chain(files).collect::<Vec<_>>().concat()
    };
    let files = generated.files().into_iter().filter(|(path, _)| path.ends_with("Taskfile.yml"));
    let sources = files.map(|(path, content)| format!("### {path}\n{content}")).collect::<Vec<_>>().concat();
    let diff = tree::short_diff(&text(expected), &text(got), 60).join("\n");
    format!("the engine {engine} differs from go-task\n{diff}\n{sources}")
}

fn number<T: std::str::FromStr>(variable: &str, default: T) -> T {
    match env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")),
        Err(_) => default,
    }
}

#[test]
fn generated_projects_do_the_same_under_both_engines() {
    let cases = number("EZ_DIFFERENTIAL_CASES", CASES);
    let seed = number("EZ_DIFFERENTIAL_SEED", SEED);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tally = RefCell::new((0, 0));
    let result = runner.run(&generator::projects(), |generated| {
        let succeeded = compare(&generated)?;
        let mut tally = tally.borrow_mut();
        tally.0 += usize::from(succeeded);
        tally.1 += 1;
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(proptest::test_runner::TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(abort) => panic!("{abort}"),
    }
    let (succeeded, all) = tally.into_inner();
    println!("{succeeded} of {all} projects succeeded");
    assert!(succeeded * 100 >= all * SUCCESS_PERCENT, "only {succeeded} of {all} projects succeed");
}
