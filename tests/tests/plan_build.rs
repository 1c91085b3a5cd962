//! `ez plan build` writes a Taskfile that go-task loads, and that does what the plan says.

use ez_tests::Project;

/// The tasks of all plans here.
const TASKFILE: &str = "\
version: '3'
vars: {KIND: plain}
tasks:
  default: echo the default of the project
  build:
    cmds:
      - mkdir -p out
      - echo '{{.ARCH | default \"any\"}} {{.KIND}}' > 'out/app{{.SUFFIX}}'
  test: {deps: [lint], cmds: [cat in/*]}
  lint: echo lint
  sub: {dir: 'sub', cmds: [mkdir -p made, echo sub > made/file]}
  report: {cmds: ['echo \"size=12\" >> $EZ_STEP_OUTPUT', 'echo name=x=y >> $EZ_STEP_OUTPUT']}
  say: \"echo '{{.TEXT | default \\\"nothing\\\"}}'\"
  stage:
    ez-params: [{name: stage, options: [dev, prod], default: dev}]
    cmds: ['echo \"$EZ_STAGE\"']
  environment: 'echo \"$GREETING $NAME\"'
  nested: {cmds: [{task: environment}]}
  bad: exit 3
  flaky: 'echo x >> tries; [ $(wc -l < tries) -ge 3 ]'
  'page:*': \"echo page '{{index .MATCH 0}}'\"
";

/// Plans by name, each with a construct of its own.
const PLANS: &[(&str, &str)] = &[
    ("one-step", "steps: [build]"),
    ("chain", "steps: [build, {task: test, needs: [build]}, {task: lint, needs: [test]}]"),
    (
        "diamond",
        "steps: [build, {name: a, task: lint, needs: [build]}, {name: b, task: say, needs: [build]}, {name: c, task: say, needs: [a, b]}]",
    ),
    ("described", "desc: All of it\nsteps: [{name: first one, task: build}]"),
    ("default-task", "steps: [{name: all, task: default}]"),
    ("wildcard", "steps: [{name: home, task: 'page:home'}]"),
    (
        "matrix",
        "steps: [{task: build, matrix: {arch: [arm, x86], os: [linux]}, vars: {ARCH: '{{.arch}}-{{.os}}'}}]",
    ),
    (
        "matrix-include",
        "steps: [{task: say, matrix: {a: [1, 2], exclude: [{a: 2}], include: [{a: 1, b: yes it is}, {a: 3}]}, vars: {TEXT: '{{.a}} {{.b}}'}}]",
    ),
    (
        "matrix-pairs",
        "steps: [{task: build, matrix: {arch: [arm, x86]}}, {task: say, matrix: {arch: [arm, x86]}, needs: ['build[{{.arch}}]']}]",
    ),
    ("matrix-task", "steps: [{name: pages, task: 'page:{{.p}}', matrix: {p: [a, b]}}]"),
    (
        "plan-variables",
        "vars: {a: '1', b: '{{.a}}2', list: [x, y], unused: 1}\nsteps: [{task: say, vars: {TEXT: '{{.b}} {{join \",\" .list}}'}}]",
    ),
    ("shell-variable", "vars: {a: {sh: pwd}}\nsteps: [{task: say, vars: {TEXT: '{{base .a}}'}}]"),
    ("reference", "vars: {m: {map: {k: v}}}\nsteps: [{task: say, vars: {TEXT: {ref: .m.k}}}]"),
    (
        "secret",
        "params: [{name: token, type: secret}]\nsteps: [{task: say, vars: {TEXT: {value: '{{.token}}', secret: true}}}]",
    ),
    (
        "params",
        "params: [{name: stage, options: [dev, prod], default: dev, required: true}, {name: build-type, default: fast}, {name: who, required: true}]\n\
         steps: [{task: say, vars: {TEXT: '{{.stage}} {{index . \"build-type\"}} {{.EZ_WHO}}'}}]",
    ),
    ("task-param", "params: [stage]\nsteps: [{task: stage, vars: {stage: '{{.stage}}'}}]"),
    (
        "implicit-param",
        "steps: [{task: say, vars: {TEXT: '{{.text}}'}}, {name: guarded, task: say, vars: {TEXT: '{{.text | default \"none\"}}'}}]",
    ),
    (
        "when",
        "params: [{name: stage, default: dev}]\nsteps: [{task: build, when: '{{eq .stage \"prod\"}}'}, {task: lint, needs: [build], when: 'no'}]",
    ),
    (
        "artifact",
        "steps: [{task: build, artifacts: [{name: app, path: out/app}]}, {task: test, needs: [build], inputs: [{from: build, artifact: app, to: in/}]}]",
    ),
    (
        "artifact-of-matrix",
        "steps:\n  - {task: build, matrix: {arch: [arm, x86]}, vars: {SUFFIX: ' {{.arch}}'}, artifacts: [{name: app, path: 'out/app {{.arch}}'}]}\n  \
         - {task: test, needs: [build], inputs: [{from: build, artifact: app, to: in/}]}\n  \
         - {name: one, task: say, needs: [build], inputs: [{from: 'build[arm]', artifact: app, to: got/app}]}",
    ),
    (
        "artifact-glob",
        "steps: [{task: build, artifacts: [{name: app, path: 'out/**/a*', optional: true}]}, {task: test, needs: [build], inputs: [{from: build, artifact: app, to: in/, optional: true}]}]",
    ),
    (
        "artifact-in-dir",
        "steps: [{task: sub, artifacts: [{name: made, path: made}]}, {task: say, needs: [sub], inputs: [{from: sub, artifact: made, to: copied}]}]",
    ),
    (
        "workspace",
        "steps: [{task: build, workspace: true, artifacts: [{name: app, path: out/app}]}, {task: test, workspace: true, needs: [build], inputs: [{from: build, artifact: app, to: in/app}]}]",
    ),
    (
        "outputs",
        "steps: [{task: report, outputs: [size, name]}, {task: say, needs: [report], vars: {TEXT: '{{.steps.report.outputs.size}}/{{.steps.report.outputs.name}}'}}]",
    ),
    (
        "outputs-of-matrix",
        "steps: [{name: report-it, task: report, matrix: {a: [1, 2]}, outputs: [size]}, {task: say, needs: [report-it], when: '{{(index .steps \"report-it[2]\").outputs.size}}'}]",
    ),
    (
        "environment",
        "vars: {n: World}\nsteps: [{task: environment, env: {GREETING: \"it's\", NAME: '{{.n}}'}}]",
    ),
    ("environment-nested", "steps: [{task: nested, env: {GREETING: Hello}}, {task: environment}]"),
    ("retry", "steps: [{task: flaky, retry: {count: 3, backoff: 10ms}}]"),
    (
        "timeout",
        "steps: [{task: build, timeout: 1m30s}, {name: again, task: build, timeout: 5s, retry: 1, needs: [build]}]",
    ),
    (
        "continue",
        "steps: [{task: bad, continue_on_error: true, artifacts: [{name: log, path: log}]}, {task: say, needs: [bad]}]",
    ),
    (
        "checkpoint",
        "steps: [build, {task: say, needs: [build], checkpoint: true}, {name: last, task: say, needs: [say], checkpoint: {prompt: 'Really {{.x}}?'}}]",
    ),
    ("remote", "steps: [{task: build, remote: true}, {task: lint, nodes: [linux, big]}]"),
    (
        "shuffle",
        "steps: [{name: a, task: say, shuffle: true}, {name: b, task: say, shuffle: true}, {name: c, task: say}, {name: d, task: say, shuffle: true}]",
    ),
];

fn project(plan: &str) -> Project {
    Project::new()
        .file("Taskfile.yml", TASKFILE)
        .file("sub/kept", "")
        .file("plans/p.yml", format!("{plan}\n"))
}

const BUILT: &str = ".ez/plans/p/build/Taskfile.yml";

fn build(project: &Project) -> String {
    project.run(["plan", "build", "p", "--seed", "7"]).exit(0);
    project.read(BUILT).expect("a compiled plan")
}

#[test]
fn plans_compile_to_what_go_task_loads() {
    assert!(PLANS.len() >= 30);
    for (name, plan) in PLANS {
        let project = project(plan);
        let text = build(&project);
        assert_eq!(build(&project), text, "{name}: the same bytes again");
        project.run_oracle(["-d", ".ez/plans/p/build", "--list-all", "--json", "--no-status"]).exit(0);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../snapshots/cli/plan-build");
        settings.set_prepend_module_to_snapshot(false);
        settings.add_filter("sha256:[0-9a-f]{64}", "sha256:[hash]");
        settings.bind(|| insta::assert_snapshot!(*name, text));
    }
}

/// A plan that is run by go-task: the words that `-s` lets it print, in any order, and its exit code.
struct Run {
    plan: &'static str,
    arguments: &'static [&'static str],
    exit: i32,
    prints: &'static [&'static str],
}

fn plan_of(name: &str) -> &'static str {
    PLANS.iter().find(|(known, _)| *known == name).map(|(_, plan)| *plan).expect("a plan of that name")
}

const RUNS: &[Run] = &[
    Run { plan: "default-task", arguments: &[], exit: 0, prints: &["the default of the project"] },
    Run { plan: "wildcard", arguments: &[], exit: 0, prints: &["page home"] },
    Run { plan: "matrix-include", arguments: &[], exit: 0, prints: &["1 yes it is", "nothing"] },
    Run { plan: "matrix-task", arguments: &[], exit: 0, prints: &["page a", "page b"] },
    Run { plan: "plan-variables", arguments: &[], exit: 0, prints: &["12 x,y"] },
    Run { plan: "shell-variable", arguments: &[], exit: 0, prints: &["project"] },
    Run { plan: "reference", arguments: &[], exit: 0, prints: &["v"] },
    Run { plan: "params", arguments: &[], exit: 206, prints: &[] },
    Run { plan: "params", arguments: &["EZ_WHO=me", "EZ_STAGE=prod"], exit: 0, prints: &["prod fast me"] },
    Run { plan: "params", arguments: &["EZ_WHO=me", "EZ_STAGE=moon"], exit: 207, prints: &[] },
    Run { plan: "task-param", arguments: &[], exit: 0, prints: &["dev"] },
    Run { plan: "task-param", arguments: &["EZ_STAGE=prod"], exit: 0, prints: &["prod"] },
    Run { plan: "implicit-param", arguments: &[], exit: 0, prints: &["nothing", "none"] },
    Run { plan: "implicit-param", arguments: &["EZ_TEXT=hi"], exit: 0, prints: &["hi", "hi"] },
    Run { plan: "when", arguments: &[], exit: 0, prints: &[] },
    Run { plan: "artifact", arguments: &[], exit: 0, prints: &["lint", "any plain"] },
    Run { plan: "artifact-glob", arguments: &[], exit: 0, prints: &["lint", "any plain"] },
    Run { plan: "workspace", arguments: &[], exit: 0, prints: &["lint", "any plain"] },
    Run { plan: "outputs", arguments: &[], exit: 0, prints: &["12/x=y"] },
    Run { plan: "outputs-of-matrix", arguments: &[], exit: 0, prints: &["nothing"] },
    Run { plan: "environment", arguments: &[], exit: 0, prints: &["it's World"] },
    Run { plan: "environment-nested", arguments: &[], exit: 0, prints: &["Hello ", " "] },
    Run { plan: "retry", arguments: &[], exit: 0, prints: &[] },
    Run { plan: "continue", arguments: &[], exit: 0, prints: &["nothing"] },
    Run {
        plan: "checkpoint",
        arguments: &["--yes"],
        exit: 0,
        prints: &["Continue with say? [assuming yes]", "nothing", "Really ? [assuming yes]", "nothing"],
    },
    Run { plan: "shuffle", arguments: &[], exit: 0, prints: &["nothing", "nothing", "nothing", "nothing"] },
];

#[test]
fn compiled_plans_do_what_the_plan_says() {
    for run in RUNS {
        let project = project(plan_of(run.plan));
        build(&project);
        // One at a time: go-task writes a line and its end apart, so that lines of two steps can mix.
        let arguments = ["-d", ".ez/plans/p/build", "-s", "-C", "1"].iter().chain(run.arguments);
        let outcome = project.run_oracle(arguments);
        outcome.exit(run.exit);
        let mut printed: Vec<&str> = outcome.stdout.lines().collect();
        let mut expected = run.prints.to_vec();
        printed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(printed, expected, "{}\n{}", run.plan, outcome.stderr);
    }
}

#[test]
fn artifacts_go_where_inputs_want_them() {
    let project = project(plan_of("artifact-of-matrix"));
    build(&project);
    // Files of their own in directories of their own: `cat in/*` meets directories.
    project.run_oracle(["-d", ".ez/plans/p/build", "-s"]).exit(201);
    assert_eq!(project.read("in/arm/app arm").as_deref(), Some("any plain\n"));
    assert_eq!(project.read("in/x86/app x86").as_deref(), Some("any plain\n"));
    assert_eq!(project.read("got/app").as_deref(), Some("any plain\n"));
}

#[test]
fn what_no_plan_put_there_is_not_overwritten() {
    let project = project(plan_of("artifact-in-dir"));
    build(&project);
    let run = || project.run_oracle(["-d", ".ez/plans/p/build", "-s"]);
    run().exit(0);
    // What the first run put there may be replaced by the second.
    run().exit(0);
    assert_eq!(project.read("copied/file").as_deref(), Some("sub\n"));
    let project = self::project(plan_of("artifact-in-dir")).file("copied/own", "mine");
    build(&project);
    let outcome = project.run_oracle(["-d", ".ez/plans/p/build", "-s"]);
    outcome.exit(201).stderr_has("copied is there already and is not overwritten");
    assert_eq!(project.read("copied/own").as_deref(), Some("mine"));
}

#[test]
fn a_missing_artifact_fails_the_step() {
    let plan = "steps: [{task: say, artifacts: [{name: app, path: 'none*'}]}, {task: lint, needs: [say]}]";
    let project = project(plan);
    build(&project);
    let outcome = project.run_oracle(["-d", ".ez/plans/p/build", "-s"]);
    outcome.exit(201).stderr_has("the artifact app of say is not there: none*");
    assert!(!outcome.stdout.contains("lint"), "what needs it does not run");
}

#[test]
fn folder_tasks_run_in_a_directory_of_the_step() {
    let folder = "version: '3'\ntasks:\n  default:\n    cmds: [sh tool.sh, 'mkdir -p build; echo \"$EZ_MODE $(cat in)\" > build/fw.bin']\n";
    let plan = "steps:\n  - {task: build, artifacts: [{name: app, path: out/app}]}\n  \
                - {task: fw, matrix: {mode: [fast, small]}, needs: [build], vars: {mode: '{{.mode}}'}, inputs: [{from: build, artifact: app, to: in}]}\n  \
                - {task: test, needs: [fw], inputs: [{from: 'fw[small]', artifact: fw.bin, to: in/}]}";
    let project = project(plan)
        .file("tasks/fw/Taskfile.yml", folder)
        .file(
            "tasks/fw/task.yml",
            "params: [{name: mode, options: [fast, small]}]\nartifacts: [build/fw.bin]\n",
        )
        .file("tasks/fw/tool.sh", "echo tool\n");
    build(&project);
    let outcome = project.run_oracle(["-d", ".ez/plans/p/build", "-s"]);
    outcome.exit(0);
    assert!(outcome.stdout.contains("small any plain\n"), "{}{}", outcome.stdout, outcome.stderr);
    outcome.no_file("tasks/fw/build").no_file("tasks/fw/in");
}

#[test]
fn the_order_of_shuffled_steps_comes_from_the_seed() {
    let project = project(plan_of("shuffle"));
    let build =
        |seed: &str| project.run(["plan", "build", "p", "--stdout", "--seed", seed]).exit(0).stdout.clone();
    assert_eq!(build("1"), build("1"));
    let orders: std::collections::BTreeSet<String> = (0..10).map(|seed| build(&seed.to_string())).collect();
    assert!(orders.len() > 2, "{} orders", orders.len());
    let chosen = project.run(["plan", "build", "p"]);
    chosen.exit(0).stderr_has("ez: shuffled with --seed ");
}

#[test]
fn what_go_task_cannot_is_told() {
    let project = project(plan_of("remote"));
    let outcome = project.run(["plan", "build", "p"]);
    outcome
        .exit(0)
        .stderr_has("only `ez plan run --resume` goes on")
        .stderr_has("`build`: runs on this machine");
    assert!(project.read(BUILT).expect("a file").contains("# note: `build`: runs on this machine"));
}

const REPORT: &str = "words 14\ntitle The garden, public\n";

#[test]
fn the_example_does_the_same_under_both() {
    let project = Project::copy_of("examples/pipeline");
    project.run(["plan", "check"]).exit(0).stdout("");
    project.run(["plan", "build", "release"]).exit(0);
    let compiled = ["-d", ".ez/plans/release/build", "-s"];
    let draft = project.run_oracle(compiled);
    draft.exit(0).stdout_has("words 14\ntitle The garden, draft\n").no_file("public");
    let public = project.run_oracle(compiled.iter().chain(&["EZ_STAGE=public"]));
    public.exit(0).stdout_has("published public, and about has 10 words\n");
    public.file_is("public/report.txt", REPORT);

    let project = Project::copy_of("examples/pipeline");
    let run = project.run(["plan", "run", "release", "EZ_STAGE=public"]);
    run.exit(0).stdout_has("published public, and about has 10 words\n");
    run.file_is("public/report.txt", REPORT);
}
