//! A plan that is killed at any moment goes on: every step's effect happens, no finished step runs again, artifacts are right.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ez_tests::{Project, program};

/// How often a run is killed, over all plans.
const KILLS: u32 = 200;
/// Steps of the plan.
const STEPS: u64 = 40;

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A plan in which each step needs some of those before it, and every third hands a file to a later one.
fn plan(random: &mut Random) -> String {
    let mut plan = String::from("steps:\n");
    for step in 0..STEPS {
        let _ = write!(
            plan,
            "  - name: s{step}\n    task: work\n    vars: {{NAME: s{step}}}\n    artifacts: [{{name: t, path: out/s{step}}}]\n"
        );
        let mut needs: Vec<u64> =
            (0..random.below(3)).filter(|_| step > 0).map(|_| random.below(step.max(1))).collect();
        needs.sort_unstable();
        needs.dedup();
        let names: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
        let _ = writeln!(plan, "    needs: [{}]", names.join(", "));
        let inputs: Vec<String> = needs
            .iter()
            .map(|need| format!("{{from: s{need}, artifact: t, to: in/s{step}/s{need}}}"))
            .collect();
        let _ = writeln!(plan, "    inputs: [{}]", inputs.join(", "));
    }
    plan
}

const TASKFILE: &str = "version: '3'
tasks:
  work:
    cmds:
      - mkdir -p out effects in/{{.NAME}}
      - echo {{.NAME}} >> effects/{{.NAME}}
      - cat in/{{.NAME}}/* > out/{{.NAME}} 2> /dev/null || true; echo {{.NAME}} >> out/{{.NAME}}
";

fn effects(project: &Project) -> BTreeMap<String, usize> {
    let entries = std::fs::read_dir(project.path("effects")).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), text.lines().count())
        })
        .collect()
}

/// The directory of the run; one that was killed before it had a journal is none.
fn run_directory(project: &Project) -> Option<PathBuf> {
    let runs = std::fs::read_dir(project.path(".ez/plans/p/state")).into_iter().flatten().flatten();
    runs.map(|run| run.path()).find(|run| run.join("journal").exists())
}

/// The steps that the journal says are done.
fn finished(project: &Project) -> Vec<String> {
    let Some(run) = run_directory(project) else { return Vec::new() };
    let journal = std::fs::read_to_string(run.join("journal")).unwrap_or_default();
    let records = journal.lines().filter_map(|line| line.split_once(' ')).filter_map(|(_, json)| {
        let record: serde_json::Value = serde_json::from_str(json).ok()?;
        let is_done = record["record"] == "finished" && record["end"] == "succeeded";
        is_done.then(|| record["node"].as_str().map(str::to_owned))?
    });
    records.collect()
}

/// Starts a run or goes on with it, and kills it after so many lines and a moment; whether it ended before.
///
/// # Panics
/// It ended otherwise than well.
fn ends_before_kill(project: &Project, lines: u64, moment: Duration) -> bool {
    let mut args = vec!["plan", "run", "p", "--jobs", "4"];
    if run_directory(project).is_some() {
        args.push("--resume");
    }
    let mut child = Command::new(program::ez())
        .args(args)
        .current_dir(project.root())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program that starts");
    let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut read = String::new();
    for (number, line) in (1..).zip(stderr.lines()) {
        let Ok(line) = line else { break };
        let _ = writeln!(read, "{line}");
        if number == lines {
            let until = Instant::now() + moment;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            child.kill().expect("a process that can be killed");
            break;
        }
    }
    let code = child.wait().expect("an end").code();
    assert!(matches!(code, None | Some(0)), "exit {code:?}: {read}");
    code.is_some()
}

#[test]
fn a_plan_survives_being_killed_at_any_moment() {
    let mut random = Random(20_261_121);
    let (mut kills, mut plans) = (0, 0);
    while kills < KILLS {
        plans += 1;
        let project = Project::new().file("Taskfile.yml", TASKFILE).file("plans/p.yml", plan(&mut random));
        loop {
            let before = effects(&project);
            let done = finished(&project);
            let (lines, moment) = (1 + random.below(12), Duration::from_micros(random.below(20_000)));
            let has_ended = ends_before_kill(&project, lines, moment);
            let after = effects(&project);
            for step in &done {
                assert_eq!(
                    before.get(step),
                    after.get(step),
                    "the finished step {step} ran again (plan {plans})"
                );
            }
            if has_ended {
                break;
            }
            kills += 1;
            if kills >= KILLS {
                project.run(["plan", "run", "p", "--resume"]).exit(0);
                break;
            }
        }
        let after = effects(&project);
        for step in 0..STEPS {
            assert!(after.contains_key(&format!("s{step}")), "the step s{step} did not run (plan {plans})");
        }
        check_artifacts(&project);
        // All is done: going on changes nothing.
        project.run(["plan", "run", "p", "--resume"]).exit(0);
        assert_eq!(effects(&project), after);
    }
}

/// What each step left is what its inputs were, in order, and its own name.
fn check_artifacts(project: &Project) {
    let run = run_directory(project).expect("a run");
    let kept = |step: &str| {
        std::fs::read_to_string(run.join(format!("artifacts/{step}/t/{step}"))).expect("an artifact")
    };
    for step in 0..STEPS {
        let step = format!("s{step}");
        let mut expected = String::new();
        let mut inputs: Vec<String> = std::fs::read_dir(project.path(&format!("in/{step}")))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        inputs.sort();
        for input in inputs {
            expected.push_str(&kept(&input));
        }
        assert_eq!(kept(&step), format!("{expected}{step}\n"), "{step}");
    }
}
