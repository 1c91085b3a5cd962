//! The hooks for pre-commit, in the program itself: a good plan passes, a bad one is stopped with its line.
//!
//! Tested where pre-commit is installed; where `EZ_PRE_COMMIT_BIN` names it, it must be there.

#![cfg(unix)]

use std::env;
use std::path::{Path, PathBuf};

use ez_tests::process::Exit;
use ez_tests::{Project, program};

/// Names the program, and says that it must be there.
const PROGRAM_VARIABLE: &str = "EZ_PRE_COMMIT_BIN";

const TASKFILE: &str = "version: '3'\ntasks:\n  build: echo build\n  test: echo test\n";
const GOOD: &str = "steps:\n  - task: build\n  - task: test\n    needs: [build]\n";
const BAD: &str = "steps:\n  - task: build\n  - task: test\n    needs: [biuld]\n";

fn pre_commit() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os(PROGRAM_VARIABLE) {
        return Some(chosen.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|directory| directory.join("pre-commit")).find(|file| file.is_file())
}

/// A repository in `work`, beside one in `hooks` with this repository's hooks; both are committed.
fn repositories(plan: &str) -> Project {
    let hooks = std::fs::read(program::repository().join(".pre-commit-hooks.yaml")).expect("the hooks");
    let project = Project::new()
        .file("hooks/.pre-commit-hooks.yaml", hooks)
        .file("work/Taskfile.yml", TASKFILE)
        .file("work/plans/release.yml", plan)
        .file("work/notes.yml", "steps: none of ours\n");
    let bin = project.task().parent().expect("a directory").to_path_buf();
    program::link(&program::ez(), &bin, "ez").expect("a link");
    let path = env::var("PATH").unwrap_or_default();
    let home = project.path("cache").display().to_string();
    let project = project
        .env("PATH", &format!("{}:{path}", bin.display()))
        .env("PRE_COMMIT_HOME", &home)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "A")
        .env("GIT_COMMITTER_EMAIL", "a@example.com")
        .env("GIT_ALLOW_PROTOCOL", "file");
    let script = "set -e\nfor r in hooks work; do\n  git init -q -b main $r\n  git -C $r add -A\n  git -C $r commit -q -m first\ndone\n\
                  git -C hooks tag v0.1.0\n";
    sh(&project, script).exit(0);
    project
}

fn sh<'p>(project: &'p Project, script: &str) -> ez_tests::Outcome<'p> {
    project.run_program(Path::new("/bin/sh"), ["-c", script])
}

#[test]
fn the_hooks_pass_good_plans_and_stop_bad_ones() {
    let Some(program) = pre_commit() else { return };
    let try_hook = |project: &Project, hook: &str| {
        let script = format!("cd work && {} try-repo ../hooks {hook} --all-files", program.display());
        let outcome = sh(project, &script);
        (outcome.exit, outcome.stdout.clone() + &outcome.stderr)
    };
    let good = repositories(GOOD);
    for hook in ["ez-plan-check", "ez-check"] {
        let (exit, text) = try_hook(&good, hook);
        assert_eq!(exit, Exit::Code(0), "{hook}\n{text}");
        assert!(text.contains("Passed"), "{text}");
    }
    let bad = repositories(BAD);
    for hook in ["ez-plan-check", "ez-check"] {
        let (exit, text) = try_hook(&bad, hook);
        assert_eq!(exit, Exit::Code(1), "{hook}\n{text}");
        for part in ["Failed", "EZ804 unknown-step", "no step is named `biuld`", "plans/release.yml:4:13"] {
            assert!(text.contains(part), "{hook} says nothing of {part}\n{text}");
        }
    }
}

#[test]
fn a_commit_with_a_bad_plan_is_refused() {
    let Some(program) = pre_commit() else { return };
    let project = repositories(GOOD);
    let hooks = project.path("hooks").display().to_string();
    let config =
        format!("repos:\n  - repo: file://{hooks}\n    rev: v0.1.0\n    hooks: [{{id: ez-plan-check}}]\n");
    project.write("work/.pre-commit-config.yaml", config);
    sh(&project, &format!("cd work && git add -A && {} install", program.display())).exit(0);
    project.write("work/plans/release.yml", BAD);
    let refused = sh(&project, "cd work && git commit -q -a -m second 2>&1");
    refused.exit(1).stdout_has("no step is named `biuld`").stdout_has("did you mean `build`?");
    project.write("work/plans/release.yml", format!("# mended\n{GOOD}"));
    sh(&project, "cd work && git commit -q -a -m second 2>&1").exit(0).stdout_has("Passed");
}
