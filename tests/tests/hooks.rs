//! `ez-hooks` and plugins: natively, and compiled for go-task.

use ez_tests::Project;

/// Runs a task natively and, compiled, under go-task: both end and print the same.
#[track_caller]
fn check(make: impl Fn() -> Project, args: &[&str], exit: i32, stdout: &str) {
    make().run(["run"].iter().chain(args)).exit(exit).stdout(stdout);
    let compiled = make();
    compiled.run(["compile", "-o", "compiled.yml"]).exit(0);
    compiled.run_oracle(["-t", "compiled.yml"].iter().chain(args)).exit(exit).stdout(stdout);
}

fn taskfile(tasks: &str) -> impl Fn() -> Project + use<> {
    let text = format!("version: '3'\nsilent: true\ntasks:\n{tasks}");
    move || Project::new().file("Taskfile.yml", &text)
}

#[test]
fn the_example_publishes_whole_pages_or_none() {
    let make = || Project::copy_of("examples/hooks");
    check(make, &["default"], 0, "beans.html\nherbs.html\npublish is done\n");
    let broken = || make().file("pages/new.html", "<html>");
    check(broken, &["default"], 201, "pages/new.html is cut off\npublish failed with 1\n");
    let project = broken();
    project
        .run(["run", "publish"])
        .exit(201)
        .stderr_has("the pre_run hook \"whole pages\" failed: exit status 1");
    let blocked = || make().file("public.new/x", "");
    check(blocked, &["default"], 201, "publish failed with 1\n");
    let project = blocked();
    project.run(["run", "publish"]).exit(201).no_file("public.new").no_file("public");
    let fetched = project.run(["run", "fetch"]);
    fetched.exit(0).stdout("got it\n").stderr_has("ez: [fetch] exit status 1; attempt 2 of 5 in 10ms\n");
    fetched.file_is("asked.txt", "asked\nasked\nasked\n");
}

#[test]
fn compiled_hooks_do_the_same_under_go_task() {
    let make = taskfile(
        "  a:\n    vars: {V: v}\n    ez-params: [{name: who, default: me}]\n    ez-hooks:\n      \
         pre_run: [{name: p, script: 'echo pre {{.V}} $EZ_TASK_NAME $EZ_WHO; exit {{.PRE | default 0}}'}, echo pre2]\n      \
         post_run: ['echo post $EZ_TASK_EXIT_CODE; exit {{.POST | default 0}}', echo post2]\n      \
         on_error: [exit 9, 'echo error $EZ_TASK_EXIT_CODE {{.V}} [$EZ_WORKSPACE_NAME]']\n      \
         always: ['echo always $EZ_TASK_EXIT_CODE', echo always2]\n    \
         cmds: [defer: echo deferred, echo work, 'exit {{.FAIL | default 0}}']\n  \
         outer:\n    ez-hooks: {on_error: 'echo outer $EZ_TASK_EXIT_CODE', always: echo outer always}\n    \
         cmds: [{task: a, vars: {FAIL: 4}}]\n  ignored: {cmds: [{task: outer, ignore_error: true}, echo on]}\n",
    );
    let end = |code: &str| format!("error {code} v []\nalways {code}\nalways2\n");
    check(&make, &["a"], 0, "pre v a me\npre2\nwork\npost 0\npost2\ndeferred\nalways 0\nalways2\n");
    let failed = |code| format!("pre v a me\npre2\nwork\ndeferred\n{}", end(code));
    check(&make, &["a", "FAIL=3"], 201, &failed("3"));
    check(&make, &["a", "POST=5"], 201, &format!("pre v a me\npre2\nwork\npost 0\ndeferred\n{}", end("5")));
    check(&make, &["a", "PRE=6", "EZ_WHO=you"], 201, &format!("pre v a you\n{}", end("6")));
    let outer = format!("{}outer 4\nouter always\n", failed("4"));
    check(&make, &["outer"], 201, &outer);
    check(&make, &["ignored"], 0, &format!("{outer}on\n"));
}

#[test]
fn hooks_come_before_dependencies_and_know_what_was_printed() {
    let make = taskfile(
        "  dep: 'echo dep; exit {{.FAIL | default 0}}'\n  sub: echo sub; echo err >&2\n  a:\n    deps: [{task: dep, vars: {FAIL: '{{.FAIL}}'}}]\n    \
         ez-hooks:\n      pre_run: echo pre\n      always: 'echo \"always $EZ_TASK_EXIT_CODE [$EZ_TASK_OUTPUT] ${EZ_TASK_DURATION:+timed}\"'\n    \
         cmds: [echo own, {task: sub}]\n",
    );
    make().run(["run", "a"]).exit(0).stdout("pre\ndep\nown\nsub\nalways 0 [dep\nown\nsub\nerr] timed\n");
    make().run(["run", "a", "FAIL=7"]).exit(201).stdout("pre\ndep\nalways 7 [dep] timed\n");
    let compiled = make().run(["compile"]).exit(0).stderr.clone();
    for note in [
        "run after its dependencies",
        "`EZ_TASK_OUTPUT` is only set by ez",
        "dependency, precondition or prompt fails",
    ] {
        assert!(compiled.contains(note), "{note}: {compiled}");
    }
}

#[test]
fn nothing_to_do_means_no_hook_after_success() {
    let make = taskfile(
        "  a:\n    status: [test -f done]\n    ez-hooks: {post_run: echo post, always: echo always}\n    cmds: [touch done]\n",
    );
    let project = make();
    project.run(["run", "a"]).exit(0).stdout("post\nalways\n");
    project.run(["run", "a"]).exit(0).stdout("always\n");
}

#[test]
fn a_dry_run_shows_hooks_and_runs_none() {
    let project = Project::new().file(
        "Taskfile.yml",
        "version: '3'\ntasks:\n  a: {ez-lock: true, ez-log: {}, ez-hooks: {pre_run: touch made}, cmds: [touch made]}\n",
    );
    project
        .run(["run", "--dry", "a"])
        .exit(0)
        .stderr("task: [a] touch made\ntask: [a] touch made\n")
        .no_file("made")
        .no_file(".ez");
}

#[test]
fn hooks_are_events() {
    let project =
        taskfile("  a: {ez-hooks: {always: [{name: n, script: echo bye}]}, ez-retry: 1, cmds: [exit 3]}\n")();
    let outcome = project.run(["run", "--events", "jsonl", "a"]);
    outcome
        .exit(201)
        .stdout_has("\"kind\":\"hook-started\",\"moment\":\"always\",\"name\":\"n\",\"index\":1}");
    outcome.stdout_has(
        "\"kind\":\"hook-finished\",\"moment\":\"always\",\"name\":\"n\",\"index\":1,\"exit\":0,",
    );
    outcome.stdout_has(
        "\"kind\":\"task-retried\",\"next\":2,\"of\":2,\"delay\":0.0,\"cause\":\"exit status 3\"}",
    );
    outcome.stdout_has("\"text\":\"bye\\n\"");
}

#[test]
fn go_task_sees_no_hooks() {
    let make = taskfile(
        "  a: {ez-hooks: {pre_run: echo pre}, ez-lock: true, ez-timeout: 1ns, ez-retry: 3, ez-log: {}, cmds: [echo a]}\n",
    );
    make().run_as_task(["a"]).exit(0).stdout("a\n").stderr("").no_file(".ez");
    make().run_oracle(["a"]).exit(0).stdout("a\n").stderr("");
}

#[test]
fn plugins_are_listed_shown_and_run() {
    let plugin = |text: &str| format!("type: hook\n{text}\n");
    let project = taskfile("  a: {ez-hooks: {pre_run: '@plugin:hello'}, cmds: [echo a]}\n")()
        .file(
            "plugins/hello.yml",
            plugin("trigger: pre_run\ndesc: Says hello\nscript: echo \"hello {{.TASK}} $EZ_TASK_NAME\""),
        )
        .file("plugins/hosts.yaml", "type: param\ncommand: echo a; echo b; exit ${CODE:-0}\n")
        .file("plugins/notes.txt", "no plugin");
    std::fs::create_dir_all(project.path("../home/.ez/plugins")).expect("a directory");
    std::fs::write(project.path("../home/.ez/plugins/hello.yml"), plugin("trigger: always\nscript: echo no"))
        .expect("a file");
    std::fs::write(project.path("../home/.ez/plugins/bye.yml"), plugin("trigger: always\nscript: echo bye"))
        .expect("a file");
    project.run(["run", "a"]).exit(0).stdout("hello a a\na\n");
    project
        .run(["plugin", "list"])
        .exit(0)
        .stdout("hello  hook   pre_run  Says hello\nhosts  param           \nbye    hook   always   \n");
    project.run(["plugin"]).exit(0).stdout_has("hello");
    let json = project.run(["plugin", "list", "--json"]).exit(0).stdout.clone();
    assert!(json.contains("\"shadowed\": true") && json.contains("\"type\": \"param\""), "{json}");
    project.run(["plugin", "show", "hello"]).exit(0).stdout_has("hello: hook for pre_run\nSays hello\n");
    project.run(["plugin", "show", "hello", "--json"]).exit(0).stdout_has("\"trigger\": \"pre_run\"");
    project.run(["plugin", "run", "hello", "A=1"]).exit(0).stdout("hello hello hello\n");
    project.run(["plugin", "run", "hosts"]).exit(0).stdout("a\nb\n");
    project
        .run(["plugin", "run", "hosts", "CODE=3"])
        .exit(201)
        .stderr_has("the plugin \"hosts\" failed: exit status 3");
    project.run(["plugin", "show", "helo"]).exit(1).stderr_has("Did you mean \"hello\"?");
    project.run(["plugin", "run"]).exit(2).stderr_has("name a plugin");
}

#[test]
fn a_plugin_that_does_not_fit_is_refused_before_anything_runs() {
    let make = |hooks: &str| {
        taskfile(&format!("  a: {{ez-hooks: {hooks}, cmds: [echo a]}}\n"))()
            .file("plugins/notify.yml", "type: hook\ntrigger: on_error\nscript: echo no\n")
    };
    for (hooks, word) in [
        ("{pre_run: '@plugin:notify'}", "cannot stand under `pre_run`"),
        ("{on_error: '@plugin:notfy'}", "did you mean `notify`?"),
    ] {
        let outcome = make(hooks).run(["run", "a"]).stdout("").stderr_has(word).exit;
        assert_ne!(outcome, ez_tests::process::Exit::Code(0));
    }
}
