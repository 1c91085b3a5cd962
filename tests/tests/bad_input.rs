//! What cannot be used is refused with one clear word: under the name `task` in go-task's words, under `ez` as a finding
//! with its place and with help. Both end with go-task's exit codes.

use std::fmt::Write as _;

use ez_tests::{Outcome, Project, program};

/// Bytes of a large Taskfile.
const LARGE: usize = 10 << 20;

/// What `ez` says of a project.
struct Finding<'a> {
    code: &'a str,
    /// Message, place and help, as far as they matter.
    parts: &'a [&'a str],
    exit: i32,
}

/// One finding and nothing else.
fn check_finding(outcome: &Outcome<'_>, finding: &Finding<'_>, exit: i32) {
    outcome.exit(exit).stderr_has(finding.code);
    let shown = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(shown.matches("docs/rules/").count(), 1, "not one finding: {shown}");
    assert!(!shown.contains("panicked"), "{shown}");
    for part in finding.parts {
        outcome.stderr_has(part);
    }
}

/// Checks the words of `task`, and the finding of `ez run` and of `ez check`.
fn check(project: &Project, args: &[&str], (exit, words): (i32, &str), finding: &Finding<'_>) {
    let refused = project.run_as_task(args);
    refused.exit(exit).stdout("").stderr(words);
    let run: Vec<&str> = ["run"].iter().chain(args).copied().collect();
    let outcome = project.run(&run);
    outcome.stdout("");
    check_finding(&outcome, finding, finding.exit);
    let outcome = project.run(["check"].iter().chain(args).copied().collect::<Vec<_>>());
    outcome.exit(1).stdout_has(finding.code);
    assert_eq!(outcome.stdout.matches("docs/rules/").count(), 1, "{}", outcome.stdout);
}

fn check_text(text: impl AsRef<[u8]>, task: (i32, &str), code: &str, parts: &[&str]) {
    let project = Project::new().file("Taskfile.yml", text);
    check(&project, &[], task, &Finding { code, parts, exit: task.0 });
}

#[test]
fn no_taskfile() {
    let words = "task: No Taskfile found at \"\" (or any of the parent directories). Run `task --init` to create a new \
                 Taskfile.\n";
    let finding = Finding {
        code: "EZ104",
        parts: &["there is no Taskfile in `{{DIR}}` or in a directory above it", "`ez --init`"],
        exit: 100,
    };
    check(&Project::new(), &[], (100, words), &finding);
    #[cfg(unix)]
    {
        let project = Project::new();
        std::os::unix::fs::symlink("nowhere", project.path("Taskfile.yml")).unwrap();
        check(&project, &[], (100, words), &finding);
    }
    let words = "task: No Taskfile found at \"nope.yml\" Run `task --init` to create a new Taskfile.\n";
    let finding = Finding {
        code: "EZ104",
        parts: &["there is no Taskfile at `{{DIR}}/nope.yml`", "`ez --init`"],
        exit: 100,
    };
    check(&Project::new(), &["--taskfile", "nope.yml"], (100, words), &finding);
}

#[test]
fn a_directory_as_taskfile() {
    let project = Project::new().file("Taskfile.yml/inside", "");
    let finding = Finding {
        code: "EZ103",
        parts: &["`{{DIR}}/Taskfile.yml` is a directory", "name a file in it"],
        exit: 1,
    };
    check(&project, &[], (1, "read {{DIR}}/Taskfile.yml: is a directory\n"), &finding);
}

#[cfg(unix)]
#[test]
fn links_that_lead_to_themselves() {
    let words = "task: No Taskfile found at \"\" (or any of the parent directories). Run `task --init` to create a new \
                 Taskfile.\n";
    let project = Project::new();
    std::os::unix::fs::symlink("Taskfile.yml", project.path("Taskfile.yml")).unwrap();
    let parts = ["`{{DIR}}/Taskfile.yml` cannot be read: too many levels of symbolic links"];
    let finding = Finding { code: "EZ103", parts: &parts, exit: 1 };
    check(&project, &[], (100, words), &finding);
    let named = "stat Taskfile.yml: too many levels of symbolic links\n";
    check(&project, &["--taskfile", "Taskfile.yml"], (1, named), &finding);

    let project = Project::new().file("Taskfile.yml", "version: '3'\nincludes: {a: ./a.yml}\n");
    std::os::unix::fs::symlink("a.yml", project.path("a.yml")).unwrap();
    let parts = ["`{{DIR}}/a.yml` cannot be read: too many levels of symbolic links", "Taskfile.yml:2:15"];
    let included = "stat {{DIR}}/a.yml: too many levels of symbolic links\n";
    check(&project, &[], (1, included), &Finding { code: "EZ103", parts: &parts, exit: 1 });
}

#[test]
fn an_include_below_a_file() {
    let project =
        Project::new().file("Taskfile.yml", "version: '3'\nincludes: {a: ./f.txt/a.yml}\n").file("f.txt", "");
    let parts = ["`{{DIR}}/f.txt/a.yml` cannot be read: not a directory"];
    let words = "stat {{DIR}}/f.txt/a.yml: not a directory\n";
    check(&project, &[], (1, words), &Finding { code: "EZ103", parts: &parts, exit: 1 });
}

/// A socket: unlike a file without permissions, it cannot be read by anybody.
#[cfg(unix)]
#[test]
fn an_unreadable_file() {
    let project = Project::new();
    let _socket = std::os::unix::net::UnixListener::bind(project.path("Taskfile.yml")).unwrap();
    let finding = Finding {
        code: "EZ103",
        parts: &["`{{DIR}}/Taskfile.yml` cannot be read: no such device or address", "which you may read"],
        exit: 1,
    };
    check(&project, &[], (1, "open {{DIR}}/Taskfile.yml: no such device or address\n"), &finding);
}

#[test]
fn text_that_is_not_utf8() {
    check_text(
        b"version: '3'\ntasks:\n  default: echo \xff\n",
        (109, "task: Failed to parse Taskfile.yml:\nyaml: invalid leading UTF-8 octet\n"),
        "EZ102",
        &["is not UTF-8, from byte 36 on", "save the file as UTF-8"],
    );
}

#[test]
fn an_empty_file() {
    let words = "task: Missing schema version in Taskfile \"{{DIR}}/Taskfile.yml\"\n";
    for text in ["", "\n\n", "# nothing yet\n"] {
        check_text(text, (107, words), "EZ120", &["this Taskfile is empty", "begin it with `version: '3'`"]);
    }
}

#[test]
fn a_list_at_the_top() {
    let words = "err:  cannot unmarshal !!seq into taskfile\nfile: {{DIR}}/Taskfile.yml:1:1\n> 1 | - a\n    | ^\n  2 | - b\n";
    let parts =
        ["expected a mapping with `version` and `tasks`, found a list", "Taskfile.yml:1:1", "help: write"];
    check_text("- a\n- b\n", (102, words), "EZ105", &parts);
}

#[test]
fn tabs() {
    check_text(
        "version: '3'\ntasks:\n\tdefault: echo hi\n",
        (
            109,
            "task: Failed to parse Taskfile.yml:\nyaml: line 3: found character that cannot start any token\n",
        ),
        "EZ101",
        &["a tab in the indentation", "Taskfile.yml:3:1", "indent with spaces"],
    );
}

#[test]
fn an_unclosed_quote() {
    check_text(
        "version: '3'\ntasks:\n  default: \"echo hi\n  other: echo\n",
        (109, "task: Failed to parse Taskfile.yml:\nyaml: line 3: found unexpected end of stream\n"),
        "EZ101",
        &["this quote is never closed", "Taskfile.yml:3:12", "close it"],
    );
}

#[test]
fn a_large_file() {
    let mut text = String::from("version: '3'\ntasks:\n");
    let filler = "x".repeat(5_000);
    for i in 0..LARGE / filler.len() {
        let _ = writeln!(text, "  t{i}: echo {filler}");
    }
    text.push_str("  default: {cmds: [echo hi, {task: t}]}\n");
    let lines = text.lines().count();
    let project = Project::new().file("Taskfile.yml", &text);
    project.run_as_task::<&str>([]).exit(200).stdout("hi\n").stderr_has("task: Task \"t\" does not exist");
    let outcome = project.run(["check"]);
    outcome.exit(1).stdout_has("EZ203").stdout_has(&format!("Taskfile.yml:{lines}:"));
    assert!(outcome.stdout.len() < LARGE / 1_000, "{} bytes", outcome.stdout.len());
}

#[test]
fn a_large_file_of_one_line() {
    let project = Project::new().file("Taskfile.yml", "[".repeat(LARGE));
    let finding = Finding {
        code: "EZ109",
        parts: &["nested deeper than the limit of 200", "at Taskfile.yml:1:201", "a file of its own"],
        exit: 109,
    };
    let outcome = project.run(["run"]);
    check_finding(&outcome, &finding, 109);
    assert!(outcome.stderr.len() < 1_000, "{} bytes", outcome.stderr.len());
    project.run_as_task::<&str>([]).exit(109).stdout("");
}

#[test]
fn a_cycle_of_includes() {
    let project = Project::new()
        .file("Taskfile.yml", "version: '3'\nincludes: {a: ./a.yml}\ntasks: {default: echo hi}\n")
        .file("a.yml", "version: '3'\nincludes: {b: ./b.yml}\n")
        .file("b.yml", "version: '3'\nincludes: {a: ./a.yml}\n");
    let words = "task: include cycle detected between {{DIR}}/a.yml <--> {{DIR}}/b.yml\n";
    let finding = Finding {
        code: "EZ205",
        parts: &["a.yml → b.yml → a.yml", "b.yml:2:15", "a third Taskfile", "includes `b.yml`"],
        exit: 110,
    };
    check(&project, &[], (110, words), &finding);
}

#[test]
fn a_missing_include() {
    check_text(
        "version: '3'\nincludes: {a: ./nope.yml}\ntasks: {default: echo hi}\n",
        (100, "task: No Taskfile found at \"{{DIR}}/nope.yml\"\n"),
        "EZ204",
        &["there is no Taskfile at `nope.yml`", "Taskfile.yml:2:15", "`optional: true`"],
    );
}

/// go-task gives up after a thousand calls; `ez` does not begin.
#[test]
fn a_cycle_of_tasks() {
    let deps = "version: '3'\ntasks:\n  default: {deps: [a]}\n  a: {deps: [b]}\n  b: {deps: [a]}\n";
    let cmds = "version: '3'\ntasks:\n  default: {cmds: [echo hi, {task: a}]}\n  a: {cmds: [{task: b}]}\n  b: {cmds: [{task: a}]}\n";
    for (text, place) in [(deps, "Taskfile.yml:4:14"), (cmds, "Taskfile.yml:4:21")] {
        let project = Project::new().file("Taskfile.yml", text);
        project.run_as_task::<&str>([]).exit(204).stderr_has("Maximum task call exceeded (1000)");
        let parts =
            ["these tasks call each other without end: a → b → a", place, "take one of the calls out"];
        let outcome = project.run(["run"]);
        outcome.stdout("");
        check_finding(&outcome, &Finding { code: "EZ206", parts: &parts, exit: 204 }, 204);
    }
}

#[test]
fn cycles_that_may_end_are_run() {
    let text = "version: '3'\ntasks:\n  default:\n    status: [test -f done]\n    cmds: [touch done, {task: default}]\n";
    let project = Project::new().file("Taskfile.yml", text);
    project.run(["run"]).success();
    let text = "version: '3'\ntasks:\n  default: {cmds: [echo, {task: default, if: 'false'}]}\n";
    Project::new().file("Taskfile.yml", text).run(["run"]).success();
}

/// Which task is called is only known while it runs: that many failures are told in a few lines.
#[test]
fn a_cycle_that_is_not_seen_before() {
    let text = "version: '3'\ntasks:\n  default: {cmds: [{task: '{{.NEXT}}', vars: {NEXT: default}}]}\n";
    let project = Project::new().file("Taskfile.yml", text);
    let outcome = project.run(["run", "NEXT=default"]);
    outcome.exit(204).stderr_has("Maximum task call exceeded (1000)").stderr_has("more) …");
    assert!(outcome.stderr.len() < 2_000, "{} bytes", outcome.stderr.len());
}

#[test]
fn a_version_that_is_missing_too_old_or_too_new() {
    let rest = "tasks: {default: echo hi}\n";
    let invalid = "task: Invalid schema version in Taskfile \"{{DIR}}/Taskfile.yml\":\nSchema version";
    check_text(
        rest,
        (107, "task: Missing schema version in Taskfile \"{{DIR}}/Taskfile.yml\"\n"),
        "EZ120",
        &["this Taskfile has no `version`", "Taskfile.yml:1:1", "begin it with `version: '3'`"],
    );
    check_text(
        format!("version: '2'\n{rest}"),
        (107, &format!("{invalid} (2.0.0) no longer supported. Please use v3 or above\n")),
        "EZ121",
        &["version 2 is too old", "Taskfile.yml:1:10", "write `version: '3'`"],
    );
    check_text(
        format!("version: '99'\n{rest}"),
        (107, &format!("{invalid} (99.0.0) is greater than the current version of Task (3.54.0)\n")),
        "EZ121",
        &["version 99 is newer than 3.54.0", "Taskfile.yml:1:10", "write `version: '3'`"],
    );
}

#[test]
fn an_unknown_task() {
    let project =
        Project::new().file("Taskfile.yml", "version: '3'\ntasks: {build: {desc: b, cmds: [echo hi]}}\n");
    project
        .run_as_task(["buld"])
        .exit(200)
        .stdout("task: Available tasks for this project:\n* build:       b\n")
        .stderr("task: Task \"buld\" does not exist. Did you mean \"build\"?\n");
    let words = "ez: there is no task \"buld\". Did you mean \"build\"? `ez list --all` shows all tasks.\n";
    project.run(["run", "buld"]).exit(200).stdout("").stderr(words);
    project.run(["buld"]).exit(200).stdout("").stderr(words);
    let words = "ez: there is no task \"zzz\". `ez list --all` shows all tasks.\n";
    project.run(["zzz"]).exit(200).stdout("").stderr(words);
}

#[test]
fn a_command_that_does_not_exist() {
    let project = Project::new().file(
        "Taskfile.yml",
        "version: '3'\ntasks: {default: {silent: true, cmds: [nowhere-to-be-found]}}\n",
    );
    let words = "\"nowhere-to-be-found\": executable file not found in $PATH\n\
                 task: Failed to run task \"default\": exit status 127\n";
    project.run_as_task::<&str>([]).exit(201).stdout("").stderr(words);
    project.run(["run"]).exit(201).stdout("").stderr(words);
}

/// go-task says so and runs the commands nevertheless, of which `echo` needs no directory.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_made() {
    let text = "version: '3'\ntasks: {default: {dir: /proc/no/x, silent: true, cmds: [echo hi]}}\n";
    let project = Project::new().file("Taskfile.yml", text);
    let reason = "cannot make directory \"/proc/no/x\": mkdir /proc/no: no such file or directory\n";
    project.run_as_task::<&str>([]).success().stdout("hi\n").stderr(&format!("task: {reason}"));
    let words = format!("task: Failed to run task \"default\": {reason}");
    project.run(["run"]).exit(201).stdout("").stderr(&words);
    let text = "version: '3'\ntasks: {default: {dir: Taskfile.yml/x, silent: true, cmds: [echo hi]}}\n";
    let project = Project::new().file("Taskfile.yml", text);
    let words = "task: Failed to run task \"default\": could not stat: stat {{DIR}}/Taskfile.yml/x: not a directory\n";
    project.run_as_task::<&str>([]).exit(201).stdout("").stderr(words);
    project.run(["run"]).exit(201).stdout("").stderr(words);
}

#[test]
fn a_byte_order_mark() {
    let project = Project::new()
        .file("Taskfile.yml", "\u{feff}version: '3'\nincludes:\n  lib: lib.yml\nsilent: true\ntasks:\n  default: {deps: ['lib:a']}\n")
        .file("lib.yml", "\u{feff}version: '3'\r\ntasks:\r\n  a:\r\n    - echo hi\r\n");
    project.run_as_task::<&str>([]).success().stdout("hi\n");
    project.run(["check"]).success();
}

/// More than a pipe holds, so that the program writes after its reader went away.
#[cfg(unix)]
#[test]
fn stdout_that_is_closed_early() {
    let mut text = String::from("version: '3'\ntasks:\n");
    for i in 0..3_000 {
        let _ = writeln!(
            text,
            "  task-number-{i}: {{desc: 'a description of the task with number {i}', cmds: [echo]}}"
        );
    }
    let project = Project::new().file("Taskfile.yml", text);
    for arguments in ["list", "list --json", "--list", "check --format json", "graph", "compile"] {
        let script =
            format!("'{}' {arguments} | head -n 1 >first; echo ${{PIPESTATUS[0]}}", program::ez().display());
        let outcome = project.run_program("bash".as_ref(), ["-c", &script]);
        outcome.success().stdout("0\n").stderr("");
    }
}

/// Under go-task a matrix with a reference tells of the fault in the environment, although that is none any more once
/// the variable's command has run.
#[test]
fn a_fault_before_a_matrix_with_a_reference() {
    let text = "version: '3'\nvars: {L: [x, y]}\ntasks:\n  default:\n    vars: {V: {sh: echo v}}\n    \
                env: {E: '{{.V | upper}}'}\n    cmds: [{for: {matrix: {I: {ref: .L}}}, cmd: echo}]\n";
    let words = "task: Failed to parse {{DIR}}/Taskfile.yml:\n\
                 template: :1:7: executing \"\" at <upper>: invalid value; expected string\n";
    Project::new().file("Taskfile.yml", text).run_as_task::<&str>([]).exit(109).stdout("").stderr(words);
}
