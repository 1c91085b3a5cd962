//! `ez check` and `ez doctor` on the command line.

use ez_tests::Project;

const TASKFILE: &str = "version: '3'\ntasks:\n  default: {cmds: [echo], descr: x}\n";

/// What is said of an unknown key, with these levels.
fn check(levels: &str, exit: i32, said: &str) {
    let project = Project::new().file("Taskfile.yml", TASKFILE);
    let checked = project.run(["check"].into_iter().chain(levels.split_whitespace()));
    checked.exit(exit).stderr(said);
}

#[test]
fn of_several_levels_for_a_rule_the_last_one_holds() {
    let (warned, refused) = ("ez: 1 warning\n", "ez: 1 error\n");
    check("", 0, warned);
    check("-D EZ107", 1, refused);
    check("-A EZ107 -D EZ107", 1, refused);
    check("-D EZ107 -A EZ107", 0, "");
    check("-D EZ107 -A EZ107 -W EZ107", 0, warned);
    check("-W EZ107 --deny=unknown-key", 1, refused);
    check("-Dunknown-key -Wez107", 0, warned);
    check("-A EZ107 -D EZ106", 0, "");
    check("-D EZ107 -D EZ106 --allow unknown-key", 0, "");
    check("-D EZ999", 2, "ez: there is no rule \"EZ999\"\n");
}

/// The line of a program in what `ez doctor` says where `PATH` is one directory.
#[cfg(unix)]
fn doctor(project: &Project, exit: i32, line: &str) {
    let outcome = project.run(["doctor"]);
    outcome.exit(exit);
    assert!(outcome.stdout.lines().any(|said| said == line), "{line}\n{}", outcome.stdout);
}

#[cfg(unix)]
#[test]
fn a_shell_that_cannot_be_executed_is_no_shell() {
    let project = || {
        let project = Project::new().file("Taskfile.yml", "version: '3'\n").file("first/bash", "");
        let path = format!("{}:{}", project.path("first").display(), project.path("second").display());
        project.env("PATH", &path)
    };
    let alone = project();
    doctor(
        &alone,
        1,
        "!!  bash: {{DIR}}/first/bash is not executable (runs commands that are more than one simple command)",
    );
    doctor(&alone, 1, "!!  sh: not found (runs them where there is no bash)");
    let with_sh = project().executable("second/sh", "");
    doctor(&with_sh, 1, "ok  sh: {{DIR}}/second/sh");
    let with_another = project().executable("second/bash", "");
    doctor(&with_another, 0, "ok  bash: {{DIR}}/second/bash");
    let without = project();
    std::fs::remove_file(without.path("first/bash")).unwrap();
    doctor(&without, 1, "!!  bash: not found (runs commands that are more than one simple command)");
}
