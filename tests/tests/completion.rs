//! Completion, in the shells themselves: what a shell would offer for a line that somebody has begun to type.
//!
//! Bash is on every machine that can run these tests. The others are tested where they are installed; where `EZ_ALL_SHELLS` is
//! set, a missing one is a failure.

#![cfg(unix)]

use std::env;
use std::path::PathBuf;

use ez_tests::{Project, program};

/// Where it is set, no shell may be missing.
const ALL_SHELLS_VARIABLE: &str = "EZ_ALL_SHELLS";

const TASKFILE: &str = "\
version: '3'
includes:
  lib: ./lib.yml
tasks:
  build: {desc: Builds it, cmds: [echo]}
  bundle: {desc: Bundles it, cmds: [echo]}
  deploy:
    desc: Ships it
    requires: {vars: [{name: STAGE, enum: [dev, prod]}]}
    cmds: [echo]
  'docs:serve': {desc: Serves pages, cmds: [echo]}
  hidden: {internal: true, cmds: [echo]}
";

const LIB: &str =
    "version: '3'\ntasks:\n  one: {desc: One, cmds: [echo]}\n  two: {desc: Two, cmds: [echo]}\n";

/// A line, and the words that are offered.
const CASES: &[(&str, &[&str])] = &[
    ("bu", &["build", "bundle"]),
    ("build dep", &["deploy"]),
    ("lib:", &["lib:one", "lib:two"]),
    ("docs:s", &["docs:serve"]),
    ("hid", &[]),
];

/// `ez` and, under the name `task`, go-task's manner, both on `PATH`.
fn project() -> Project {
    let project = Project::new().file("Taskfile.yml", TASKFILE).file("lib.yml", LIB);
    let bin = project.task().parent().expect("a directory").to_path_buf();
    program::link(&program::ez(), &bin, "ez").expect("a link");
    let path = env::var("PATH").unwrap_or_default();
    project.env("PATH", &format!("{}:{path}", bin.display()))
}

/// The shell's program; `None` where there is none and none is asked for.
fn shell(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file());
    assert!(found.is_some() || env::var_os(ALL_SHELLS_VARIABLE).is_none(), "there is no {name}");
    found
}

/// Checks what a shell offers: `script` makes it print one offer a line for `$LINE`, which `PROGRAM` begins.
fn check(shell_name: &str, script: &str) {
    let Some(shell) = shell(shell_name) else { return };
    let project = project();
    for (name, generate) in [("task", "task --completion"), ("ez", "ez completion")] {
        for (typed, expected) in CASES {
            let line = format!("{name} {typed}");
            let script = script
                .replace("@PROGRAM@", name)
                .replace("@GENERATE@", &format!("{generate} {shell_name}"))
                .replace("@LINE@", &line);
            let outcome = project.run_program(&shell, ["-c", &script]);
            let mut offers: Vec<&str> = outcome.stdout.lines().collect();
            offers.sort_unstable();
            offers.dedup();
            assert_eq!((&*outcome.stderr, offers), ("", expected.to_vec()), "{shell_name}: {line}");
        }
    }
}

#[test]
fn bash_offers_tasks() {
    // Bash breaks words at colons, and takes only what comes behind the last one.
    let script = "\
        eval \"$(@GENERATE@)\"\n\
        COMP_LINE='@LINE@' COMP_POINT=${#COMP_LINE}\n\
        compopt() { :; }\n\
        _@PROGRAM@\n\
        typed=${COMP_LINE##* }\n\
        prefix=${typed%\"${typed##*[:=]}\"}\n\
        for offer in \"${COMPREPLY[@]}\"; do echo \"$prefix$offer\"; done\n";
    check("bash", script);
}

#[test]
fn zsh_offers_tasks() {
    // A zsh on a terminal of its own, whose completion prints instead of showing a list.
    let script = "\
        zmodload zsh/zpty\n\
        zpty -b inner zsh -f -i\n\
        zpty -w inner 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit && compinit -u -d $HOME/.zcompdump; source <(@GENERATE@); \
        compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \"$@\"; return $?; fi; \
        local -a __h; builtin compadd -A __h \"$@\"; for h in $__h; do print -r -- \"<<$h>>\"; done }; \
        complete-and-leave() { zle complete-word; print -r -- END; exit }; \
        zle -N complete-and-leave; bindkey \"^X\" complete-and-leave; print -r BE\"\"GIN'\n\
        zpty -r -m inner out '*BEGIN*'\n\
        zpty -n -w inner '@LINE@'$'\\C-X'\n\
        zpty -r -m inner out '*END*'\n\
        for match in ${(f)out}; do [[ $match == *'<<'*'>>'* ]] && print -r -- ${${match#*<<}%%>>*}; done\n\
        true\n";
    check("zsh", script);
}

#[test]
fn fish_offers_tasks() {
    check("fish", "@GENERATE@ | source; complete -C '@LINE@' | string replace -r '\\t.*' ''");
}

#[test]
fn nushell_offers_tasks() {
    let Some(shell) = shell("nu") else { return };
    for (generate, module) in [(["--completion", "nu"], "task"), (["completion", "nushell"], "ez")] {
        let project = project();
        let script = project.run_program(&program_named(&project, module), generate).stdout.clone();
        project.write("completion.nu", script);
        let load = format!("use completion.nu *; help {module} | ignore");
        project.run_program(&shell, ["-n", "-c", &load]).success().stderr("");
        for (typed, expected) in CASES {
            let line = if module == "ez" { format!("'ez {typed}'") } else { String::new() };
            let ask = format!("source completion.nu; nu-complete {module} {line} | to text");
            let outcome = project.run_program(&shell, ["-n", "-c", &ask]);
            for offer in *expected {
                outcome.success().stdout_has(offer);
            }
        }
    }
}

/// There is no PowerShell among the packages that a test machine may install: what can be said without one is that the
/// scripts are whole, offer to complete the program, and ask it in a way that it answers.
#[test]
fn powershell_scripts_are_whole() {
    let project = project();
    for (name, generate) in [("task", ["--completion", "powershell"]), ("ez", ["completion", "powershell"])] {
        let script = project.run_program(&program_named(&project, name), generate).success().stdout.clone();
        assert_eq!(unclosed(&script), "", "{name}:\n{script}");
        assert!(
            script.contains(&format!("Register-ArgumentCompleter -Native -CommandName {name} ")),
            "{script}"
        );
        assert!(script.contains("[System.Management.Automation.CompletionResult]::new("), "{script}");
    }
    let script = project.run(["completion", "powershell"]).success().stdout.clone();
    assert!(script.contains("ez __complete ez @words") && script.contains("-split \"`t\", 2"), "{script}");
    project.run(["__complete", "ez", "bu"]).success().stdout("build\tBuilds it\nbundle\tBundles it\n");
    let script = project.run_as_task(["--completion", "powershell"]).success().stdout.clone();
    assert!(script.contains("task --list-all --silent") && script.contains("'--list-all'"), "{script}");
    project.run_as_task(["--list-all", "--silent"]).success().stdout_has("build\n");
}

/// Brackets and quotes of a PowerShell script that nothing closes.
fn unclosed(script: &str) -> String {
    let mut open = String::new();
    let mut letters = script.chars();
    while let Some(letter) = letters.next() {
        match (open.chars().last(), letter) {
            (Some(quote @ ('"' | '\'')), _) => match letter {
                '`' if quote == '"' => drop(letters.next()),
                _ if letter == quote => drop(open.pop()),
                _ => {}
            },
            (_, '#') => drop(letters.find(|letter| *letter == '\n')),
            (_, '(' | '[' | '{' | '"' | '\'') => open.push(letter),
            (Some('('), ')') | (Some('['), ']') | (Some('{'), '}') => drop(open.pop()),
            (_, closing @ (')' | ']' | '}')) => open.push(closing),
            _ => {}
        }
    }
    open
}

fn program_named(project: &Project, name: &str) -> PathBuf {
    project.task().with_file_name(name)
}

#[test]
fn variables_of_tasks_are_offered_by_ez() {
    let project = project();
    for (words, expected) in [
        (["deploy", ""], "STAGE="),
        (["deploy", "STAGE="], "STAGE=dev"),
        (["deploy", "STAGE=p"], "STAGE=prod"),
    ] {
        let mut args = vec!["__complete", "ez"];
        args.extend(words);
        project.run(args).success().stdout_has(expected);
    }
}

#[test]
fn plans_are_completed() {
    let project = Project::new()
        .file("Taskfile.yml", "version: '3'\ntasks: {a: echo}\n")
        .file("plans/release.yml", "steps: [{task: a}]\n");
    project.run(["__complete", "ez", "plan", "re"]).success().stdout("release\ta plan\n");
    project.run(["__complete", "ez", "plan", "run", ""]).success().stdout("release\ta plan\n");
    project.run(["__complete", "ez", "plan", "resu"]).success().stdout("");
    project.run(["__complete", "ez", "plan", "buil"]).success().stdout_has("build\t");
}
