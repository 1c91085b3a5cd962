//! `ez compile` writes one Taskfile that go-task loads and that does the same.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use ez_tests::conformance::{self, Stderr};
use ez_tests::{Project, program};

/// Cases whose subject is not what a Taskfile says.
const LEFT_OUT: &[&str] = &[
    // List all files of the project, so they see the compiled one.
    "fingerprint/hidden-files-in-globs",
    "shell/cd",
    // Two tasks of one file share `run: once`; two tasks of the compiled file do not. A note says so.
    "run/once-same-file-included-twice",
];

/// Areas in which the project's files decide what happens.
const AREAS: &[&str] =
    &["cmds", "defer", "deps", "env", "for", "includes", "requires", "run", "special", "vars"];

/// A program that compiles the project in its directory and hands the result to go-task.
fn compile_and_run(directory: &std::path::Path) -> PathBuf {
    let script = directory.join("task");
    let (ez, task) = (program::ez(), program::oracle());
    let text = format!(
        "#!/bin/sh\n{} compile -o \"$PWD/zz-compiled.yml\" >/dev/null 2>&1 || exec {task} \"$@\"\n\
         exec {task} -t zz-compiled.yml \"$@\"\n",
        ez.display(),
        task = task.display(),
    );
    std::fs::write(&script, text).expect("a script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("an executable");
    script
}

/// Whether a case runs in its project's own directory with the Taskfile that is found there.
fn is_plain(case: &std::path::Path) -> bool {
    let text = std::fs::read_to_string(case.join("case.json")).unwrap_or_default();
    let id = case.iter().rev().take(2).collect::<Vec<_>>();
    let id = format!("{}/{}", id[1].to_string_lossy(), id[0].to_string_lossy());
    let moved = ["\"cwd\"", "\"-t", "\"--taskfile", "\"-d\"", "\"--dir", "\"sh\"", "ROOT_TASKFILE"];
    !LEFT_OUT.contains(&id.as_str()) && !moved.iter().any(|word| text.contains(word))
}

#[test]
fn compiled_projects_do_the_same_under_go_task() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let compiled = compile_and_run(directory.path());
    let cases: Vec<PathBuf> =
        AREAS.iter().flat_map(|area| conformance::cases_of(area)).filter(|case| is_plain(case)).collect();
    assert!(cases.len() > 200, "only {} cases", cases.len());
    let failures = conformance::failures(&cases, &compiled, Stderr::Never);
    let report: String = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {} cases differ\n{report}", failures.len(), cases.len());
}

/// Compiles a project, holds the result against its snapshot, and lets go-task load it.
fn check(name: &str, project: &Project) {
    check_compiled(name, project, &["compile"], "compiled.yml");
}

/// The same with the words of the command line and the file that it writes.
fn check_compiled(name: &str, project: &Project, words: &[&str], file: &str) {
    let compiled = project.run(words.iter().chain(&["-o", file]));
    compiled.exit(0);
    let text = project.read(file).expect("a compiled Taskfile");
    project.run_oracle(["-t", file, "--list-all", "--json", "--no-status"]).exit(0);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots/cli/compile");
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter("sha256:[0-9a-f]{64}", "sha256:[hash]");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn examples_compile() {
    for name in [
        "cache",
        "firmware",
        "hooks",
        "monorepo",
        "params",
        "release",
        "share",
        "site",
        "templates",
        "toolbox",
    ] {
        check(&format!("example-{name}"), &Project::copy_of(&format!("examples/{name}")));
    }
    let project = Project::copy_of("examples/folder-tasks");
    check_compiled("example-folder-tasks", &project, &["compile", "firmware"], "tasks/firmware/compiled.yml");
}

/// One Taskfile a construct: what stands under the first line is the file without its version.
const CONSTRUCTS: &[(&str, &str)] = &[
    ("shorthand-command", "tasks: {a: echo a}"),
    ("shorthand-list", "tasks: {a: [echo a, echo b]}"),
    ("single-cmd", "tasks: {a: {cmd: echo a}}"),
    ("silent", "silent: true\ntasks: {a: {silent: true, cmds: [{cmd: echo a, silent: true}]}}"),
    ("multi-line", "tasks:\n  a: |\n    echo a\n    echo b\n"),
    ("folded", "tasks:\n  a:\n    cmds:\n      - >-\n        echo a\n        b\n"),
    ("quotes", "tasks: {a: \"echo 'it''s' \\\"b\\\"\"}"),
    (
        "looks-like-yaml",
        "vars: {A: 'yes', B: '0755', C: '1_000', D: '2024-01-02', E: '~', F: ' x '}\ntasks: {a: echo}",
    ),
    (
        "variables",
        "vars: {A: 1, B: {sh: echo b}, C: {ref: .A}, D: {map: {x: [1, two]}}, E: [1, 2]}\ntasks: {a: echo}",
    ),
    ("secret", "vars: {A: {value: s3cret, secret: true}}\ntasks: {a: 'echo {{.A}}'}"),
    ("env", "env: {A: 1}\ntasks: {a: {env: {B: {sh: echo b}}, cmds: [echo $B]}}"),
    ("dotenv", "dotenv: ['.env']\ntasks: {a: {dotenv: ['a.env'], cmds: [echo]}}"),
    ("deps", "tasks: {a: {deps: [b, {task: b, vars: {X: 1}, silent: true, timeout: 5s}]}, b: echo}"),
    ("call", "tasks: {a: {cmds: [{task: b, vars: {X: '1'}, ignore_error: true, if: 'true'}]}, b: echo}"),
    ("defer", "tasks: {a: {cmds: [{defer: echo bye}, {defer: {task: b, silent: true}}, echo hi]}, b: echo}"),
    ("for-list", "tasks: {a: {cmds: [{for: [x, 1, true], cmd: 'echo {{.ITEM}}'}]}}"),
    (
        "for-var",
        "vars: {L: a b}\ntasks: {a: {cmds: [{for: {var: L, split: ',', as: I}, cmd: 'echo {{.I}}'}]}}",
    ),
    ("for-matrix", "tasks: {a: {cmds: [{for: {matrix: {OS: [l, m], V: {ref: .L}}}, cmd: echo}]}}"),
    ("for-sources", "tasks: {a: {sources: ['*.x'], cmds: [{for: sources, cmd: 'echo {{.ITEM}}'}]}}"),
    ("for-dep", "tasks: {a: {deps: [{for: [x, y], task: b, vars: {X: '{{.ITEM}}'}}]}, b: echo}"),
    (
        "sources",
        "tasks: {a: {sources: ['src/**/*.go', {exclude: x.go}], generates: [out], method: timestamp, cmds: [echo]}}",
    ),
    (
        "status",
        "tasks: {a: {status: [test -f x], preconditions: [test -f y, {sh: 'false', msg: no}], cmds: [echo]}}",
    ),
    (
        "requires",
        "tasks: {a: {requires: {vars: [A, {name: B, enum: [x, y]}, {name: C, enum: {ref: .L}}]}, cmds: [echo]}}",
    ),
    ("run-once", "run: when_changed\ntasks: {a: {run: once, cmds: [echo]}}"),
    ("output-group", "output: {group: {begin: '<', end: '>', error_only: true}}\ntasks: {a: echo}"),
    ("output-prefixed", "output: prefixed\ntasks: {a: {prefix: p, cmds: [echo]}}"),
    ("prompt", "tasks: {a: {prompt: Sure, cmds: [echo]}, b: {prompt: [Sure, Really], cmds: [echo]}}"),
    ("wildcard", "tasks: {'a:*': 'echo {{index .MATCH 0}}'}"),
    ("aliases", "tasks: {a: {aliases: [b, c], desc: D, summary: S, label: L, cmds: [echo]}}"),
    ("internal", "tasks: {a: {internal: true, cmds: [echo]}, b: echo}"),
    (
        "platforms",
        "tasks: {a: {platforms: [linux, linux/arm64, amd64], cmds: [{cmd: echo, platforms: [windows]}]}}",
    ),
    (
        "shell-options",
        "set: [pipefail]\nshopt: [globstar]\ntasks: {a: {set: [nounset], cmds: [{cmd: echo, shopt: [nullglob]}]}}",
    ),
    ("if", "tasks: {a: {if: 'true', cmds: [{cmd: echo, if: '[ -f x ]'}]}}"),
    ("timeout", "tasks: {a: {cmds: [{cmd: sleep 1, timeout: 1m30s}, {cmd: echo, timeout: 250ms}]}}"),
    ("ignore-error", "tasks: {a: {ignore_error: true, cmds: [{cmd: 'false', ignore_error: true}]}}"),
    ("failfast", "tasks: {a: {failfast: true, interactive: true, watch: true, cmds: [echo]}}"),
    ("dir", "tasks: {a: {dir: 'sub/{{.X}}', cmds: [pwd]}}"),
    ("interval", "interval: 500ms\nuse_gitignore: true\ntasks: {a: {use_gitignore: false, cmds: [echo]}}"),
    ("empty-task", "tasks: {a: {}, b: }"),
    ("empty-command", "tasks: {a: {cmds: ['', echo]}}"),
    ("anchors", "x-c: &c {silent: true}\ntasks: {a: {<<: *c, cmds: [echo]}}"),
    (
        "ez-params",
        "tasks: {a: {ez-params: [{name: arch, options: [x, y], default: x}, {name: who, required: true}], cmds: [echo]}}",
    ),
    (
        "ez-params-types",
        "tasks:\n  a:\n    ez-params:\n      - {name: n, type: number, min: 1, default: 2}\n      \
         - {name: b, type: bool, default: true}\n      - {name: m, type: multi, options: [x, y], default: [x, y]}\n      \
         - {name: s, type: secret, required: true}\n      - {name: q, query: ls, pattern: 'a.*'}\n    \
         cmds: ['echo $EZ_N $EZ_B $EZ_M $EZ_S $EZ_Q']",
    ),
    ("ez-extends", "tasks: {a: {vars: {V: 1}, cmds: [echo]}, b: {ez-extends: a, ez-defaults: {V: 2}}}"),
    ("ez-compose", "tasks: {a: echo, b: echo, c: {ez-compose: [a, {task: b, defaults: {V: 2}}]}}"),
    (
        "ez-hooks",
        "tasks: {a: {deps: [b], ez-params: [{name: p, default: x}], ez-hooks: {pre_run: echo 1, post_run: [echo 2, echo 3], \
         on_error: [echo 4, 'echo {{.V}}'], always: [echo 6, 'echo $EZ_TASK_OUTPUT']}, cmds: [echo]}, b: echo}",
    ),
    (
        "ez-policies",
        "tasks: {a: {ez-timeout: 1m, ez-retry: {count: 3, backoff: 1s}, ez-lock: {exclusive: true}, ez-log: {dir: logs}, cmds: [echo]}}",
    ),
    ("taskfile-dir", "tasks: {a: 'echo {{.TASKFILE_DIR}} {{.TASKFILE}} {{.ROOT_TASKFILE}}'}"),
];

#[test]
fn constructs_compile() {
    assert!(CONSTRUCTS.len() >= 40);
    for (name, text) in CONSTRUCTS {
        check(name, &Project::new().file("Taskfile.yml", format!("version: '3'\n{text}\n")));
    }
}

#[test]
fn includes_compile() {
    let root = "version: '3'\nvars: {G: root}\nincludes:\n  plain: lib\n  \
                full: {taskfile: lib, dir: work, aliases: [f], vars: {V: given}, excludes: [skip], internal: true}\n  \
                flat: {taskfile: flat.yml, flatten: true}\n  gone: {taskfile: gone.yml, optional: true}\n\
                tasks: {a: {cmds: [{task: 'plain:x'}]}}\n";
    let lib = "version: '3'\nvars: {L: {sh: pwd}, W: '{{.V}}'}\nincludes: {deep: ../deep.yml}\n\
               tasks: {default: echo, x: {deps: [y, ':a', 'deep:z'], cmds: ['echo {{.W}}']}, y: echo, skip: echo}\n";
    let project = Project::new()
        .file("Taskfile.yml", root)
        .file("lib/Taskfile.yml", lib)
        .file("flat.yml", "version: '3'\ntasks: {b: {cmds: [{task: c}]}, c: echo}\n")
        .file("deep.yml", "version: '3'\ntasks: {z: 'echo {{.TASKFILE_DIR}}'}\n");
    check("includes", &project);
}

/// Globals of an included file are rendered twice, variables of the include in between, and a call wins over both.
#[test]
fn inherited_variables_keep_their_values() {
    let root = "version: '3'\nsilent: true\nvars: {A: root, B: '{{.A}}'}\nincludes:\n  lib:\n    taskfile: ./lib.yml\n    dir: work\n    \
                vars: {C: 'given-{{.A}}', D: '{{.C}}/{{.S}}', K: {sh: 'ls -d work'}}\ntasks:\n  default:\n    cmds:\n      - task: lib:x\n      \
                - task: lib:x\n        vars: {A: passed}\n      - task: lib:x\n        vars: {C: ''}\n      \
                - for: [x, y]\n        task: 'lib:{{.ITEM}}'\n        vars: {S: '{{.ITEM}}', D: d}\n      - echo '{{.A}} {{.B}} {{.S}}'\n";
    let lib = "version: '3'\nvars: {A: '{{.S}}+{{.A}}', S: {sh: echo shell}, M: {map: {A: '{{.A}}'}}, L: {sh: 'echo \"{{.S}} ${PWD##*/}\"'}}\ntasks:\n  \
               x: echo '{{.A}} {{.B}} {{.C}} {{.D}} {{.S}} {{.M.A}} {{.K}} {{.L}}'\n  \
               y: {vars: {C: '{{.C}}!', A: own}, cmds: ['echo ''{{.A}} {{.C}} {{.D}} {{.S}}''']}\n";
    let project = Project::new().file("Taskfile.yml", root).file("lib.yml", lib).file("work/kept", "");
    let expected = project.run_oracle::<&str>([]);
    expected.exit(0);
    project.run(["compile", "-o", "compiled.yml"]).exit(0).stderr("");
    project.run_oracle(["-t", "compiled.yml"]).exit(0).stdout(&expected.stdout);
    project.run(["run"]).exit(0).stdout(&expected.stdout);
}
