//! `ez plan run`: the order of steps, what they hand to each other, failures, resuming.

use ez_tests::Project;
use ez_tests::process::Exit;

const TASKFILE: &str = "version: '3'
tasks:
  say: {cmds: ['echo \"{{.WORD}}\" >> order.txt']}
  make: {cmds: ['mkdir -p out', 'echo \"made {{.NAME}}\" > out/{{.NAME}}.txt', 'echo make {{.NAME}} >> order.txt']}
  use: {cmds: ['cat in/*.txt > all.txt', 'echo use >> order.txt']}
  fail: {cmds: ['echo failing', 'exit 3']}
  flaky: {cmds: ['echo try >> tries.txt', 'test $(wc -l < tries.txt) -ge {{.AT | default 2}}']}
  gate: {cmds: ['test -e open', 'echo gate >> order.txt']}
  slow: {cmds: ['sleep 60']}
";

fn project(plan: &str) -> Project {
    Project::new().file("Taskfile.yml", TASKFILE).file("plans/p.yml", plan)
}

#[test]
fn steps_run_in_order_and_hand_over_artifacts() {
    let project = project(
        "steps:
  - {name: a, task: make, vars: {NAME: a}, artifacts: [{name: text, path: out/a.txt}]}
  - {name: b, task: make, vars: {NAME: b}, artifacts: [{name: text, path: out/b.txt}], needs: [a]}
  - name: use
    task: use
    inputs:
      - {from: a, artifact: text, to: in/}
      - {from: b, artifact: text, to: in/other.txt}
    needs: [a, b]
",
    );
    project
        .run(["plan", "run", "p"])
        .exit(0)
        .file_is("order.txt", "make a\nmake b\nuse\n")
        .file_is("all.txt", "made a\nmade b\n")
        .stderr_has("3 succeeded")
        .stderr_has("critical path");
    // What EZ put there itself is put there again; what somebody else changed is not overwritten.
    project.run(["plan", "p"]).exit(0);
    project.write("in/a.txt", "mine\n");
    project.run(["plan", "run", "p"]).exit(201).stderr_has("is there already").file_is("in/a.txt", "mine\n");
}

#[test]
fn a_matrix_collects_and_outputs_are_read() {
    let project = Project::new()
        .file(
            "Taskfile.yml",
            "version: '3'
tasks:
  build: {cmds: ['mkdir -p out', 'echo {{.ARCH}}{{.OS}} > out/fw-{{.ARCH}}-{{.OS}}.bin']}
  version: {cmds: ['echo \"version=1.2\" >> \"$EZ_STEP_OUTPUT\"', 'echo other=x >> \"$EZ_STEP_OUTPUT\"']}
  pack: {cmds: ['find in -type f | sort | xargs cat > packed.txt', 'echo {{.VERSION}} >> packed.txt']}
",
        )
        .file(
            "plans/p.yml",
            "steps:
  - name: build
    task: build
    matrix: {arch: [arm, x86], os: [linux, mac], exclude: [{arch: x86, os: mac}]}
    vars: {ARCH: '{{.arch}}', OS: '{{.os}}'}
    artifacts: [{name: bin, path: 'out/fw-{{.arch}}-{{.os}}.bin'}]
  - {name: version, task: version, outputs: [version]}
  - name: pack
    task: pack
    needs: [build, version]
    vars: {VERSION: '{{.steps.version.outputs.version}}'}
    inputs: [{from: build, artifact: bin, to: in/}]
",
        );
    project
        .run(["plan", "run", "p", "--report", "r.json", "--junit", "r.xml", "--timeline", "t.html"])
        .exit(0);
    assert_eq!(project.read("packed.txt").as_deref(), Some("armlinux\narmmac\nx86linux\n1.2\n"));
    assert!(project.path("in/arm-mac/fw-arm-mac.bin").exists());
    let report: serde_json::Value =
        serde_json::from_str(&project.read("r.json").expect("a report")).expect("JSON");
    assert_eq!(report["version"], 1);
    assert_eq!(report["nodes"].as_array().map(Vec::len), Some(5));
    assert_eq!(report["nodes"][0]["name"], "build[arch=arm,os=linux]");
    assert_eq!(report["nodes"][3]["outputs"]["version"], "1.2");
    let junit = project.read("r.xml").expect("a report");
    assert!(
        junit.contains("tests=\"5\" failures=\"0\"") && junit.contains("name=\"build[arch=arm,os=linux]\""),
        "{junit}"
    );
    let page = project.read("t.html").expect("a page");
    assert!(
        page.contains("<svg") && page.contains("build[arch=arm,os=mac]") && !page.contains("http"),
        "{page}"
    );
}

#[test]
fn a_failure_blocks_only_what_needs_it() {
    let plan = "steps:
  - {name: bad, task: fail}
  - {name: after, task: say, vars: {WORD: after}, needs: [bad]}
  - {name: far, task: say, vars: {WORD: far}, needs: [after]}
  - {name: other, task: say, vars: {WORD: other}}
  - {name: tolerated, task: fail, continue_on_error: true}
  - {name: next, task: say, vars: {WORD: next}, needs: [tolerated, other]}
";
    let project = project(plan);
    project
        .run(["plan", "run", "p"])
        .exit(201)
        .file_is("order.txt", "other\nnext\n")
        .stderr_has("1 failed")
        .stderr_has("2 blocked")
        .stderr_has("failed, tolerated")
        .stdout_has("failing");
    // Fail fast starts nothing more.
    let project = self::project(plan);
    project
        .run(["plan", "run", "p", "--fail-fast", "--jobs", "1"])
        .exit(201)
        .stderr_has("cancelled")
        .no_file("order.txt");
}

#[test]
fn conditions_retries_and_timeouts() {
    let project = project(
        "vars: {LEVEL: 'no'}
steps:
  - {name: skipped, task: say, vars: {WORD: skipped}, when: '{{.LEVEL}}'}
  - {name: after, task: say, vars: {WORD: after}, needs: [skipped]}
  - {name: flaky, task: flaky, retry: 2}
  - {name: late, task: slow, timeout: 200ms, continue_on_error: true}
",
    );
    project
        .run(["plan", "run", "p"])
        .exit(0)
        .file_is("order.txt", "after\n")
        .file_is("tries.txt", "try\ntry\n")
        .stderr_has("attempt 2 of 3")
        .stderr_has("it took longer than 200ms");
    project.run(["plan", "run", "p", "LEVEL=yes"]).exit(0).file_has("order.txt", "skipped");
}

#[test]
fn params_are_checked_before_anything_runs() {
    let project = project(
        "params: [{name: arch, options: [arm, x86], required: true}]
steps:
  - {name: a, task: say, vars: {WORD: '{{.arch}}'}}
",
    );
    project.run(["plan", "run", "p"]).exit(206).stderr_has("EZ_ARCH=arm|x86").no_file("order.txt");
    project.run(["plan", "run", "p", "arch=mips"]).exit(207).stderr_has("mips").no_file("order.txt");
    project.run(["plan", "run", "p", "arch=arm"]).exit(0).file_is("order.txt", "arm\n");
    project.run(["plan", "run", "p", "EZ_ARCH=x86"]).exit(0).file_is("order.txt", "arm\nx86\n");
}

#[test]
fn a_run_goes_on_where_it_failed() {
    let plan = "steps:
  - {name: a, task: make, vars: {NAME: a}, artifacts: [out/a.txt]}
  - {name: gate, task: gate, needs: [a]}
  - {name: use, task: use, needs: [gate], inputs: [{from: a, artifact: a.txt, to: in/}]}
";
    let project = project(plan);
    project.run(["plan", "run", "p"]).exit(201).file_is("order.txt", "make a\n").stderr_has("--resume");
    project.run(["plan", "runs", "p"]).exit(0).stdout_has("failed").stdout_has("1/3");
    let last = project.run(["plan", "runs", "p", "--run", "last", "--json"]);
    last.exit(0).stdout_has(r#""slug": "use""#).stdout_has(r#""state": "blocked""#);
    project.run(["plan", "runs", "p", "--run", "last"]).exit(0).stdout_has("gate  failed");
    project.run(["plan", "runs", "p", "--run", "never"]).exit(1).stderr_has("there is no such run of p");
    project.write("open", "");
    project
        .run(["plan", "run", "p", "--resume"])
        .exit(0)
        .file_is("order.txt", "make a\ngate\nuse\n")
        .stderr_has("1 of 3 steps are done");
    project.run(["plan", "runs", "p"]).exit(0).stdout_has("succeeded").stdout_has("3/3");
    // All is done: nothing runs again.
    project.run(["plan", "run", "p", "--resume"]).exit(0).file_is("order.txt", "make a\ngate\nuse\n");
    // A changed step runs again, and what depends on what it made.
    project.write("plans/p.yml", plan.replace("{NAME: a}, artifacts", "{NAME: a, MORE: 1}, artifacts"));
    project
        .run(["plan", "run", "p", "--resume"])
        .exit(0)
        .stderr_has("changed: a")
        .file_is("order.txt", "make a\ngate\nuse\nmake a\n");
    // A damaged artifact is made again.
    let run =
        std::fs::read_dir(project.path(".ez/plans/p/state")).expect("runs").flatten().next().expect("a run");
    std::fs::write(run.path().join("artifacts/a/a.txt/a.txt"), "damaged").expect("an artifact");
    project
        .run(["plan", "run", "p", "--resume"])
        .exit(0)
        .file_is("order.txt", "make a\ngate\nuse\nmake a\nmake a\n");
    project
        .run(["log", "list", "--json"])
        .exit(0)
        .stdout_has("\"plan\": \"p\"")
        .stdout_has("\"step\": \"gate\"");
    project.run(["plan", "logs", "p", "gate"]).exit(0).stdout_has("# step: gate").stdout_has("exit 0");
}

#[test]
fn a_checkpoint_needs_a_yes() {
    let project = project(
        "steps:
  - {name: a, task: say, vars: {WORD: a}}
  - {name: b, task: say, vars: {WORD: b}, needs: [a], checkpoint: {prompt: 'Deploy {{.WHERE}}?'}}
vars: {WHERE: production}
",
    );
    project.run(["plan", "run", "p"]).exit(205).file_is("order.txt", "a\n").stderr_has("--yes");
    project.run(["plan", "run", "p", "--resume", "--yes"]).exit(0).file_is("order.txt", "a\nb\n");
    let mut session = project.start_on_terminal(&ez_tests::program::ez(), ["plan", "run", "p"]);
    session.wait_for("Deploy production?").type_keys("n\r");
    assert_eq!(session.exit(), Exit::Code(130));
    let mut session = project.start_on_terminal(&ez_tests::program::ez(), ["plan", "run", "p", "--resume"]);
    session.wait_for("Deploy production?").type_keys("y\r");
    assert_eq!(session.exit(), Exit::Code(0));
    assert_eq!(project.read("order.txt").as_deref(), Some("a\nb\na\nb\n"));
}

#[test]
fn parts_of_a_plan_run_alone() {
    let project = project(
        "steps:
  - {name: a, task: make, vars: {NAME: a}, artifacts: [{name: t, path: out/a.txt}]}
  - {name: use, task: use, needs: [a], inputs: [{from: a, artifact: t, to: in/}]}
  - {name: b, task: say, vars: {WORD: b}, needs: [use]}
",
    );
    project.run(["plan", "run", "p", "--until", "a"]).exit(0).file_is("order.txt", "make a\n");
    project.run(["plan", "run", "p", "--only", "use"]).exit(0).file_is("order.txt", "make a\nuse\n");
    project.run(["plan", "run", "p", "--from", "use"]).exit(0).file_is("order.txt", "make a\nuse\nuse\nb\n");
    project
        .run(["plan", "run", "p", "--dry-run"])
        .exit(0)
        .stdout_has("use")
        .file_is("order.txt", "make a\nuse\nuse\nb\n");
    project.run(["plan", "run", "p", "--only", "nope"]).exit(2).stderr_has("no step \"nope\"");
}

#[test]
fn folder_tasks_run_in_directories_of_their_own() {
    let project = Project::new()
        .file("Taskfile.yml", "version: '3'\ntasks: {default: echo}\n")
        .file(
            "tasks/fw/Taskfile.yml",
            "version: '3'\ntasks:\n  default: {generates: [build/x], cmds: ['mkdir -p build', 'echo $EZ_ARCH > build/fw.bin', 'cat words.txt']}\n",
        )
        .file("tasks/fw/words.txt", "some words\n")
        .file(
            "tasks/fw/task.yml",
            "params: [{name: arch, options: [arm, x86], default: arm}]\nartifacts: [{name: fw, path: build/fw.bin}]\n",
        )
        .file(
            "plans/p.yml",
            "steps:
  - {name: fw, task: fw, matrix: {arch: [arm, x86]}, vars: {arch: '{{.arch}}'}}
",
        );
    project.run(["plan", "run", "p"]).exit(0).stdout_has("some words").no_file("tasks/fw/build");
    let run =
        std::fs::read_dir(project.path(".ez/plans/p/state")).expect("runs").flatten().next().expect("a run");
    for arch in ["arm", "x86"] {
        let kept = run.path().join(format!("artifacts/fw-{arch}/fw/fw.bin"));
        assert_eq!(std::fs::read_to_string(kept).expect("an artifact"), format!("{arch}\n"));
        assert!(run.path().join(format!("steps/fw-{arch}/build/fw.bin")).exists());
    }
}

#[test]
fn secrets_are_never_written_down() {
    let project = project(
        "params: [{name: token, type: secret, required: true}]
steps:
  - {name: a, task: say, vars: {WORD: 'x'}, env: {TOKEN: '{{.token}}'}}
  - {name: bad, task: fail, needs: [a]}
",
    );
    project.write("Taskfile.yml", TASKFILE.replace("echo failing", "echo \"token $TOKEN $EZ_TOKEN\""));
    project.run(["plan", "run", "p", "token=s3cr3t-value"]).exit(201);
    let mut open = vec![project.path(".ez")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).expect("a directory").flatten().map(|entry| entry.path()));
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
            assert!(!text.contains("s3cr3t-value"), "{}: {text}", path.display());
        }
    }
    project.run(["plan", "run", "p", "--resume"]).exit(206).stderr_has("EZ_TOKEN");
}

#[test]
fn shuffled_runs_tell_their_seed_and_the_first_failure() {
    let project = project(
        "steps:
  - {name: a, task: say, vars: {WORD: a}}
  - {name: b, task: gate}
",
    );
    project.write("open", "");
    project
        .run(["plan", "run", "p", "--shuffle-all", "--times", "3", "--seed", "7", "--jobs", "1"])
        .exit(0)
        .stderr_has("round 3 of 3");
    std::fs::remove_file(project.path("open")).expect("a file");
    project
        .run(["plan", "run", "p", "--shuffle-all", "--times", "3", "--seed", "7", "--jobs", "1"])
        .exit(201)
        .stderr_has("--seed 7 repeats it")
        .stderr_has("order: ");
}

#[test]
fn a_killed_run_leaves_no_command_behind() {
    use std::io::{BufRead, BufReader, Read};
    let project = Project::new()
        .file(
            "Taskfile.yml",
            "version: '3'\ntasks:\n  wait:\n    cmds:\n      - |\n        exec 3> alive\n        echo ready >&3\n        sleep 1000\n",
        )
        .file("plans/p.yml", "steps: [{task: wait}]\n");
    let made = std::process::Command::new("mkfifo").arg(project.path("alive")).status().expect("mkfifo");
    assert!(made.success());
    let mut session = project.start(&ez_tests::program::ez(), ["plan", "run", "p"]);
    let mut alive = BufReader::new(std::fs::File::open(project.path("alive")).expect("a pipe"));
    let mut line = String::new();
    alive.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    project.run(["plan", "runs", "p", "--run", "last"]).exit(0).stdout_has("wait  running");
    session.signal(rustix::process::Signal::KILL);
    // The pipe ends when the last process that has it is gone.
    let mut rest = String::new();
    alive.read_to_string(&mut rest).expect("an end");
    assert_eq!(rest, "");
    session.exit();
    project.run(["plan", "runs", "p"]).exit(0).stdout_has("interrupted");
    let last = project.run(["plan", "runs", "p", "--run", "last", "--json"]);
    last.exit(0).stdout_has(r#""state": "interrupted""#).stdout_has(r#""started": "20"#);
}

#[test]
fn an_interrupted_run_ends_its_steps_and_goes_on_later() {
    use std::io::{BufRead, BufReader, Read};
    let project = Project::new()
        .file(
            "Taskfile.yml",
            "version: '3'\ntasks:\n  first: {cmds: ['echo first >> order.txt']}\n  wait:\n    cmds:\n      - |\n        test -e open && exit 0\n        exec 3> alive\n        echo ready >&3\n        sleep 1000\n",
        )
        .file("plans/p.yml", "steps: [{task: first}, {task: wait, needs: [first]}]\n");
    let made = std::process::Command::new("mkfifo").arg(project.path("alive")).status().expect("mkfifo");
    assert!(made.success());
    let mut session = project.start(&ez_tests::program::ez(), ["plan", "run", "p"]);
    let mut alive = BufReader::new(std::fs::File::open(project.path("alive")).expect("a pipe"));
    let mut line = String::new();
    alive.read_line(&mut line).expect("a line");
    session.signal(rustix::process::Signal::INT);
    let mut rest = String::new();
    alive.read_to_string(&mut rest).expect("an end");
    assert_eq!(session.exit(), Exit::Code(130));
    project.write("open", "");
    project.run(["plan", "run", "p", "--resume"]).exit(0).file_is("order.txt", "first\n");
}

/// The events of a run, one JSON object a line.
fn events(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What the events of a kind say of steps: the step, and the value of a field.
fn told<'e>(events: &'e [serde_json::Value], kind: &str, field: &str) -> Vec<(&'e str, String)> {
    let of_kind = events.iter().filter(|event| event["kind"] == kind);
    let mut told: Vec<(&str, String)> = of_kind
        .map(|event| (event["step"].as_str().expect("a step"), event[field].to_string().replace('"', "")))
        .collect();
    told.sort();
    told
}

fn pairs<'e>(expected: &[(&'e str, &str)]) -> Vec<(&'e str, String)> {
    expected.iter().map(|(step, value)| (*step, (*value).to_owned())).collect()
}

#[test]
fn events_tell_each_step_of_a_run() {
    let project = project(
        "steps:
  - {name: a, task: say, matrix: {x: [1, 2]}, vars: {WORD: '{{.x}}'}}
  - {name: f, task: flaky, retry: 2}
  - {name: s, task: say, when: 'false', needs: [a]}
  - {name: bad, task: fail, needs: [f]}
  - {name: after, task: say, needs: [bad, a]}
",
    );
    let run = project.run(["plan", "run", "p", "--events", "jsonl", "--events-file", "told.jsonl"]);
    let all = events(&run.exit(201).stdout);
    let sequence: Vec<u64> = all.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(sequence, (1..=all.len() as u64).collect::<Vec<_>>());
    assert_eq!(all[0]["kind"], "plan-started");
    assert_eq!(
        all[0]["steps"][5],
        serde_json::json!({"name": "after", "step": "after", "task": "say", "level": 2, "needs": ["a", "bad"]})
    );
    let ends = [
        ("a[1]", "succeeded"),
        ("a[2]", "succeeded"),
        ("after", "blocked"),
        ("bad", "failed"),
        ("f", "succeeded"),
        ("s", "skipped"),
    ];
    assert_eq!(told(&all, "step-finished", "state"), pairs(&ends));
    assert_eq!(
        told(&all, "step-started", "step_attempt"),
        pairs(&[("a[1]", "1"), ("a[2]", "1"), ("bad", "1"), ("f", "1"), ("f", "2")])
    );
    assert_eq!(told(&all, "step-retried", "cause"), pairs(&[("f", "exit status 1")]));
    assert_eq!(all.last().expect("an event")["exit"], 201);
    // The file has the same, and a run that goes on is added to it.
    assert_eq!(events(&project.read("told.jsonl").expect("a file")).len(), all.len());
    project.write("Taskfile.yml", TASKFILE.replace("exit 3", "exit 0"));
    project
        .run(["plan", "run", "p", "--resume", "--events-file", "told.jsonl"])
        .exit(0)
        .stderr_has("kept from before");
    let rest = events(&project.read("told.jsonl").expect("a file")).split_off(all.len());
    assert_eq!((&rest[0]["attempt"], &rest[0]["resumed"]), (&2.into(), &true.into()));
    assert_eq!(
        told(&rest, "step-finished", "reused"),
        pairs(&[
            ("a[1]", "true"),
            ("a[2]", "true"),
            ("after", "false"),
            ("bad", "false"),
            ("f", "true"),
            ("s", "false")
        ])
    );
}

#[test]
fn events_have_no_secrets_and_no_more_output_than_is_wanted() {
    let project = project(
        "params: [{name: token, type: secret, required: true}]
steps:
  - {name: a, task: slow-say, env: {TOKEN: '{{.token}}'}}
",
    );
    let task = "slow-say: {cmds: ['printf \"x s3cr3t-\"; sleep 0.05; echo \"value\"; echo $TOKEN; echo 0123456789']}";
    project.write("Taskfile.yml", format!("version: '3'\nsilent: true\ntasks:\n  {task}\n"));
    let run = project.run(["plan", "run", "p", "token=s3cr3t-value", "--events", "jsonl"]);
    let all = run.exit(0).lacks("s3cr3t").stdout.clone();
    let text: String =
        events(&all).iter().filter_map(|event| event["text"].as_str().map(str::to_owned)).collect();
    assert_eq!(text, "x *****\n*****\n0123456789\n");
    // What people see has none either.
    project.run(["plan", "run", "p", "token=s3cr3t-value"]).exit(0).lacks("s3cr3t");
    let run = project.run(["plan", "run", "p", "token=t0p", "--events", "jsonl", "--events-limit", "20"]);
    let cut = events(&run.exit(0).stdout);
    let text = |kind: &str| -> String {
        cut.iter().filter(|event| event["kind"] == kind).filter_map(|event| event["text"].as_str()).collect()
    };
    assert_eq!(text("step-output").len(), 20);
    assert_eq!(text("step-warning"), "the output is longer than what is kept of it; the rest is left out");
}
