//! `ez-extends`, `ez-defaults` and `ez-compose`: natively, and compiled for go-task.

use ez_tests::Project;

/// Runs a task natively and, compiled, under go-task: both print `stdout`, and both write the same of `file`.
#[track_caller]
fn check(make: impl Fn() -> Project, args: &[&str], stdout: &str) -> [Project; 2] {
    let (native, compiled) = (make(), make());
    native.run(["run"].iter().chain(args)).exit(0).stdout(stdout);
    compiled.run(["compile", "-o", "compiled.yml"]).exit(0);
    compiled.run_oracle(["-t", "compiled.yml"].iter().chain(args)).exit(0).stdout(stdout);
    [native, compiled]
}

fn taskfile(tasks: &str) -> impl Fn() -> Project + use<> {
    let text = format!("version: '3'\nsilent: true\ntasks:\n{tasks}");
    move || Project::new().file("Taskfile.yml", &text)
}

#[test]
fn the_firmware_example_builds_every_board() {
    let make = || Project::copy_of("examples/firmware");
    let images = ["build/uno-release.img", "build/mega-debug.img", "build/mega-release.img"];
    let stdout = images.map(|image| format!("{image}\n")).concat();
    for project in check(make, &["all"], &stdout) {
        let read = |path: &str| project.read(path).unwrap_or_default();
        assert_eq!(read("build/uno-release.img"), "board=uno level=release clock=8\nloop: blink\n");
        assert_eq!(read("build/mega-release.img"), "board=mega level=release clock=16\nloop: blink\n");
    }
    let stdout = "build/uno-debug.img\nbuild/mega-debug.img\nbuild/mega-debug.img\n";
    check(make, &["all", "EZ_LEVEL=debug"], stdout);
    make().run(["run", "all"]).exit(0).stderr_has("[1/3] uno\n").stderr_has("[3/3] mega-release\n");
}

#[test]
fn what_a_task_writes_itself_wins() {
    let base = "  base:\n    desc: B\n    dir: work\n    vars: {A: 1, B: 2}\n    env: {E: base, F: base}\n    \
                deps: [dep]\n    cmds: ['echo {{.A}}{{.B}}{{.C}} $E $F ${PWD##*/}']\n  dep: echo dep\n  other: echo other\n";
    let child = |fields: &str| taskfile(&format!("{base}  child:\n    ez-extends: base\n{fields}"));
    check(child(""), &["child"], "dep\n12 base base work\n");
    check(child("    vars: {B: x, C: y}\n    env: {F: own}\n"), &["child"], "dep\n1xy base own work\n");
    check(child("    cmds: [echo own]\n"), &["child"], "dep\nown\n");
    check(child("    deps: [other]\n    dir: .\n    cmds: ['echo {{.A}}']\n"), &["child"], "other\n1\n");
    check(child("    deps: []\n    ez-defaults: {A: 7, C: z}\n"), &["child", "B=no"], "72z base base work\n");
}

#[test]
fn chains_go_through_namespaces() {
    let make = || {
        Project::new()
            .file(
                "Taskfile.yml",
                "version: '3'\nsilent: true\nincludes: {lib: ./lib}\ntasks:\n  \
                 top: {ez-extends: 'lib:mid', ez-defaults: {WHO: top}}\n  say: echo root\n",
            )
            .file(
                "lib/Taskfile.yml",
                "version: '3'\ntasks:\n  base: {cmds: [{task: say}, 'echo base {{.WHO}}'], vars: {X: 1}}\n  \
                 mid: {ez-extends: base, ez-defaults: {WHO: mid}}\n  say: echo lib\n",
            )
    };
    check(make, &["lib:mid"], "lib\nbase mid\n");
    check(make, &["top"], "lib\nbase top\n");
}

#[test]
fn a_composition_hands_on_what_was_asked_for() {
    let make = taskfile(
        "  one:\n    ez-params: [{name: who, default: one}]\n    cmds: ['echo one {{.EZ_WHO}} {{.PLAIN}}']\n  \
         two:\n    ez-extends: one\n    cmds: ['echo two $EZ_WHO']\n  \
         all:\n    ez-defaults: {who: shared, PLAIN: p}\n    ez-compose:\n      - one\n      - task: two\n        defaults: {who: step}\n",
    );
    check(&make, &["all"], "one shared p\ntwo step\n");
    check(&make, &["all", "EZ_WHO=line"], "one line p\ntwo line\n");
    let by_environment = || make().env("EZ_WHO", "environment");
    check(by_environment, &["all"], "one environment p\ntwo environment\n");
    // Empty text is none.
    check(&make, &["all", "EZ_WHO="], "one shared p\ntwo step\n");
}

#[test]
fn params_may_be_left_out_or_be_numbers() {
    let make = taskfile(
        "  one:\n    ez-params: [maybe, {name: count, type: number}, {name: must, required: true}]\n    \
         cmds: ['echo \"[$EZ_MAYBE] [$EZ_COUNT] [$EZ_MUST]\"']\n  \
         all: {cmds: [{task: one, vars: {EZ_MUST: 7}}, {task: one, vars: {EZ_MUST: x, EZ_COUNT: 2, EZ_MAYBE: true}}]}\n",
    );
    check(make, &["all"], "[] [] [7]\n[true] [2] [x]\n");
}

#[test]
fn a_step_that_fails_ends_the_composition() {
    let make = taskfile("  bad: exit 3\n  good: echo good\n  all: {ez-compose: [bad, good]}\n");
    make().run(["run", "all"]).exit(201).stdout("").stderr_has("[1/2] bad");
}

#[test]
fn go_task_sees_none_of_it() {
    let make = taskfile(
        "  base: echo base\n  child: {ez-extends: base, cmds: [echo child]}\n  plain: {ez-extends: base}\n",
    );
    make().run_as_task(["child"]).exit(0).stdout("child\n");
    make().run_as_task(["plain"]).exit(0).stdout("");
    make().run_oracle(["plain"]).exit(0).stdout("");
    make().run(["run", "plain"]).exit(0).stdout("base\n");
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    for (tasks, code, word) in [
        ("  a: {ez-extends: bse}\n  base: echo\n", "EZ703", "did you mean `base`"),
        ("  a: {ez-extends: b}\n  b: {ez-extends: a}\n", "EZ704", "a → b → a"),
        ("  a: {ez-extends: a}\n", "EZ704", "a → a"),
        ("  a: {ez-compose: [b], cmds: [echo]}\n  b: echo\n", "EZ705", "both `ez-compose` and `cmds`"),
        ("  a: {ez-params: [{name: x, options: [p], default: q}]}\n", "EZ702", "`q` is no option of `x`"),
    ] {
        let project = taskfile(tasks)();
        let checked = project.run(["check"]);
        checked.exit(1);
        let shown = format!("{}{}", checked.stdout, checked.stderr);
        assert!(shown.contains(code) && shown.contains(word), "{tasks}\n{shown}");
        project.run(["run", "a"]).exit(1).stdout("");
    }
}
