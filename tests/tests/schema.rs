//! `ez schema`, and the key by which files name their schema.

use ez_tests::{Project, program};

const TASKFILE: &str = "$schema: https://example.com/taskfile.json\nversion: '3'\ntasks:\n  hello: {desc: Greet, cmds: [echo hello]}\n";

const KINDS: [&str; 5] = ["taskfile", "task", "plan", "plugin", "template"];

#[test]
fn a_schema_is_that_of_the_repository() {
    for kind in KINDS {
        let path = program::repository().join("schemas").join(format!("{kind}.json"));
        let expected = std::fs::read_to_string(path).unwrap();
        Project::new().run(["schema", kind]).success().stdout(&expected).stderr("");
    }
}

#[test]
fn schemas_are_listed() {
    let project = Project::new();
    let listed = project.run(["schema"]);
    listed.success().stdout_has("plan      plans/<name>.yml       https://");
    let names: Vec<&str> = listed.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, KINDS);
    let listed = project.run(["schema", "--json"]);
    listed.success();
    let rows: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(rows[0]["name"], "taskfile");
    assert!(rows[0]["url"].as_str().is_some_and(|url| url.ends_with("/schemas/taskfile.json")));
}

#[test]
fn an_unknown_kind_is_told_which_there_are() {
    Project::new()
        .run(["schema", "plans"])
        .exit(2)
        .stdout("")
        .stderr("ez: there is no schema `plans`; the schemas are taskfile, task, plan, plugin, template\n");
}

#[test]
fn kinds_are_completed() {
    let project = Project::new();
    project
        .run(["__complete", "ez", "schema", "pl"])
        .stdout("plan\tplans/<name>.yml\nplugin\tplugins/<name>.yml\n");
}

/// Every kind of file may name its schema; go-task ignores the key.
#[test]
fn files_may_name_their_schema() {
    let name = |kind: &str, text: &str| format!("$schema: https://example.com/{kind}.json\n{text}");
    let project = Project::new()
        .file("Taskfile.yml", TASKFILE)
        .file("tasks/build/Taskfile.yml", "version: '3'\ntasks: {default: {cmds: [echo built]}}\n")
        .file("tasks/build/task.yml", name("task", "desc: Build it\n"))
        .file("plans/all.yml", name("plan", "steps: [hello]\n"))
        .file("plugins/report.yml", name("plugin", "type: hook\ntrigger: always\nscript: 'true'\n"))
        .file("templates/one.yml", name("template", "version: '1'\ntask: 'cmds: [echo one]'\n"));
    project.run(["check"]).success().stdout("").stderr("");
    project.run(["hello"]).success().stdout("hello\n");
    project.run(["plugin", "list"]).success().stdout_has("report");
    project.run(["template", "list"]).success().stdout_has("one");
}

#[test]
fn task_ignores_the_key_as_go_task_does() {
    let project = Project::new().file("Taskfile.yml", TASKFILE);
    let ours = project.run_as_task(["hello"]);
    ours.success();
    let theirs = project.run_oracle(["hello"]);
    assert_eq!((&ours.stdout, &ours.stderr), (&theirs.stdout, &theirs.stderr));
}
