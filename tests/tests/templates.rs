//! `ez template`: tasks made of templates, whole or not at all, and the same everywhere.

use ez_tests::process::Exit;
use ez_tests::{Project, program, tree};

const DOWN: &str = "\u{1b}[B";
const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";

fn example() -> Project {
    Project::copy_of("examples/templates")
}

#[test]
fn a_task_is_made_and_runs() {
    let project = example();
    project
        .run(["template", "use", "check", "scripts", "--language=shell", "--max-files=5"])
        .success()
        .stdout("")
        .stderr("ez: made `scripts` from the template `check`:\n  tasks/scripts/Taskfile.yml\n")
        .file_is(
            "tasks/scripts/Taskfile.yml",
            "# Made by ez from the template check, version 1.0, with the params\n\
             # {\"language\":\"shell\",\"max-files\":\"5\"}\n\
             version: '3'\n\ntasks:\n  default:\n    desc: Check the syntax of shell files\n    silent: true\n    vars:\n      FILES:\n        \
             sh: find {{.USER_WORKING_DIR}}/src -name '*.sh' | sort | head -n 5\n    cmds:\n      - for: {var: FILES, split: \"\\n\"}\n        \
             cmd: sh -n {{.ITEM}} && echo \"{{base .ITEM}} is fine\"\n",
        );
    project.run(["run", "scripts"]).success().stdout("hello.sh is fine\n");
    project.run_oracle(["-d", "tasks/scripts"]).success().stdout("hello.sh is fine\n");
}

#[test]
fn a_folder_is_made_and_runs() {
    let project = example();
    let args = [
        "template",
        "use",
        "report",
        "weekly",
        "--title=This week",
        "--sections=files,dates",
        "--numbered=true",
    ];
    project.run(args).success().stderr(
        "ez: made `weekly` from the template `report`:\n  tasks/weekly/Taskfile.yml\n  tasks/weekly/task.yml\n  tasks/weekly/report.sh\n",
    );
    let expected = "THIS WEEK\n1. files\n2. dates\n";
    project.run(["run", "weekly"]).success().stdout(expected);
    project.run_oracle(["-d", "tasks/weekly"]).success().stdout(expected);
    project.run(["list"]).success().stdout_has("Write the report weekly");
    assert_eq!(tree::files(&project.path(".ez/import")), ["lock"]);
}

#[test]
fn the_same_params_make_the_same_bytes() {
    let make = |order: [&str; 2]| {
        let project = example();
        project.run(["template", "use", "report", "r"].iter().chain(&order)).success();
        let files = ["Taskfile.yml", "task.yml", "report.sh"];
        files.map(|file| project.read(&format!("tasks/r/{file}")).expect("a file"))
    };
    let first = make(["--title=A", "--numbered=true"]);
    assert_eq!(first, make(["--numbered=true", "--title=A"]));
    assert_ne!(first, make(["--numbered=true", "--title=B"]));
}

#[test]
fn nothing_is_overwritten() {
    let project = example().file("tasks/here/notes.txt", "mine").file("part.yml", "mine");
    let shell = "--language=shell";
    let exists = |path: &str| format!("ez: `{path}` exists, and is not overwritten\n");
    project
        .run(["template", "use", "check", "here", shell])
        .exit(1)
        .stderr(&exists("tasks/here"))
        .no_file("tasks/here/Taskfile.yml");
    project
        .run(["template", "use", "check", "here", shell, "-o", "part.yml"])
        .exit(1)
        .stderr(&exists("part.yml"))
        .file_is("part.yml", "mine");
    project
        .run(["template", "use", "report", "--output=tasks/here"])
        .success()
        .file_is("tasks/here/notes.txt", "mine");
    project
        .run(["template", "use", "report", "--output=tasks/here"])
        .exit(1)
        .stderr(&exists("tasks/here/Taskfile.yml"));
    project.run(["template", "use", "check", "default", shell]).exit(1).stderr_has("has a task `default`");
    for name in ["../up", "a b", "a:b"] {
        project
            .run(["template", "use", "check", name, shell])
            .exit(2)
            .stderr_has("is no name of a folder task");
    }
}

#[test]
fn a_part_of_a_taskfile_goes_to_a_file_or_is_printed() {
    let project = example();
    let use_check = ["template", "use", "check", "json", "--language=json"];
    project.run(use_check.iter().chain(&["-o", "more/check.yml"])).success();
    let printed = project.run(use_check.iter().chain(&["-o", "-"]));
    printed.success().stderr("").file_is("more/check.yml", &printed.stdout).no_file("tasks");
    project.write("Taskfile.yml", "version: '3'\nincludes: {check: {taskfile: more/check.yml, dir: .}}\n");
    project.run(["run", "check:json"]).success().stdout("plants.json is fine\n");
}

#[test]
fn values_are_checked_before_anything_is_made() {
    let project = example();
    let check = |args: &[&str], exit: i32, words: &str| {
        project
            .run(["template", "use"].iter().chain(args))
            .exit(exit)
            .stdout("")
            .stderr_has(words)
            .no_file("tasks");
    };
    check(
        &["check"],
        206,
        "needs a value:\n  language (what the files are written in): write --language=shell, one of shell, json",
    );
    check(&["check", "--language=ruby"], 207, "`ruby` is no option of `language`; it takes shell, json");
    check(&["check", "--language=shell", "--max-files=0"], 207, "too small for `max-files`");
    check(&["report", "--title=9"], 207, "does not match the pattern");
    check(&["check", "--langauge=shell"], 2, "has no param `langauge`. Did you mean `--language`?");
    check(&["chekc"], 1, "there is no template \"chekc\". Did you mean \"check\"?");
    check(&[], 2, "name a template");
}

#[test]
fn what_does_not_compile_is_not_made() {
    let project = Project::new()
        .file("Taskfile.yml", "version: '3'\ntasks: {a: echo}\n")
        .file(
            "templates/bad.yml",
            "version: '1'\nparams: [deps]\ntask: |\n  deps: <% .deps %>\n  cmds: [echo]\n",
        )
        .file("templates/broken.yml", "version: '1'\ntask: |\n  desc: <% .nobody %>\n")
        .file("templates/fails.yml", "version: '1'\nparams: [a]\ntask: |\n  desc: <% fail .a %>\n");
    project
        .run(["template", "use", "bad", "--deps={x: 1}"])
        .exit(1)
        .stderr_has("tasks/bad/Taskfile.yml:7")
        .no_file("tasks");
    project.run(["template", "use", "bad", "--deps=[nothing]"]).exit(1).stderr_has("EZ203").no_file("tasks");
    project.run(["template", "use", "bad", "--deps=[]"]).success();
    project
        .run(["template", "use", "broken"])
        .exit(1)
        .stderr_has("EZ731")
        .stderr_has("templates/broken.yml:3");
    project
        .run(["template", "use", "fails", "--a=no way"])
        .exit(1)
        .stderr_has("no way")
        .stderr_has("templates/fails.yml:4");
    project.run(["check"]).exit(1).stdout_has("EZ731").lacks("templates/bad.yml");
}

#[test]
fn secrets_are_not_told() {
    let template = "version: '1'\nparams: [{name: token, type: secret}]\ntask: |\n  cmds: ['echo <% sha256sum .token | trunc 4 %>']\n";
    let project = Project::new().file("Taskfile.yml", "version: '3'\n").file("templates/t.yml", template);
    project.run(["template", "use", "t", "--token=hunter2"]).success();
    let made = project.read("tasks/t/Taskfile.yml").expect("a Taskfile");
    assert!(made.contains("# {}\n") && !made.contains("hunter2") && made.contains("echo f52f"), "{made}");
}

#[test]
fn templates_are_listed_and_shown() {
    let project = example();
    project.write("templates/helm.yml", "metadata: {name: {{ .Values.name }}}\n");
    project.run(["template"]).success().stdout(
        "check   1.0  A task that checks the syntax of files\nreport  2.1  A task with a script that writes a report\n",
    );
    project.run(["template", "show", "check"]).success().stdout(
        "check 1.0\nA task that checks the syntax of files\n\nfile: {{DIR}}/templates/check.yml\n\nparams:\n  \
         name       variable    type    options      default  required  help\n  \
         language   .language   select  shell, json  -        yes       what the files are written in\n  \
         max-files  .max_files  number  at least 1   100      no        -\n",
    );
    project.run(["template", "show", "report", "--json"]).success().stdout_has("\"makes\": \"files\"");
    project.run(["template", "list", "--json"]).success().stdout_has("\"version\": \"2.1\"");
    project.run(["check"]).success();
    Project::new()
        .file("Taskfile.yml", "version: '3'\n")
        .run(["template", "list"])
        .success()
        .stdout("")
        .stderr_has("no templates");
}

#[test]
fn on_a_terminal_what_is_missing_is_asked_for() {
    let project = example();
    let mut session = project.start_on_terminal(&program::ez(), ["template", "use", "check", "asked"]);
    session.wait_for("language").wait_for("json").type_keys(DOWN).type_keys(ENTER).wait_for("made `asked`");
    assert_eq!(session.exit(), Exit::Code(0));
    assert!(project.read("tasks/asked/Taskfile.yml").is_some_and(|text| text.contains("*.json")));
    let mut session = project.start_on_terminal(&program::ez(), ["template", "use", "check", "again"]);
    session.wait_for("language").type_keys(ESCAPE);
    assert_eq!(session.exit(), Exit::Code(130));
    assert!(!project.path("tasks/again").exists());
}
