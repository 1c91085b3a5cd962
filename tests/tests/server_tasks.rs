//! Tasks over the API of a server: read, edited, made and removed, with the whole project compiled before anything is saved.

#![cfg(target_os = "linux")]

use std::os::unix::fs::{PermissionsExt, symlink};

use ez_tests::Project;
use ez_tests::job_server::JobServer;
use serde_json::{Value, json};

const TASKFILE: &str = "version: '3'
includes:
  docs: docs
tasks:
  hello:
    desc: greets
    ez-params:
      - {name: who, type: select, options: [you, me], default: you}
    cmds:
      - echo {{.EZ_WHO}}
  # all of it
  all:
    deps: [hello]
  tree: echo tree
  größe/ü: echo big
";

fn read(project: &Project, path: &str) -> String {
    project.read(path).expect("a file")
}

fn project() -> Project {
    Project::new()
        .file("Taskfile.yml", TASKFILE)
        .file("docs/Taskfile.yml", "version: '3'\ntasks: {build: echo docs}\n")
        .file("tasks/fw/Taskfile.yml", "version: '3'\ntasks:\n  default: echo fw\n  sub: echo sub\n")
        .file("tasks/fw/scripts/a.sh", "echo a\n")
}

/// The definition of a task, and the tag that stands for it.
fn definition(server: &JobServer<'_>, path: &str) -> (String, String) {
    let answer = server.ask("GET", path, None);
    assert_eq!(answer.status, 200, "{answer:?}");
    let tag = answer.header("etag").expect("a tag").to_owned();
    (answer.body, tag)
}

fn put(server: &JobServer<'_>, path: &str, text: &str, tag: Option<&str>) -> (u16, Value) {
    let mut headers = vec![("Content-Type", "application/yaml")];
    headers.extend(tag.map(|tag| ("If-Match", tag)));
    let answer = server.send("PUT", path, text.as_bytes(), &headers);
    let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status, body)
}

#[test]
fn tasks_are_a_tree_with_params() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let tree = server.ask("GET", "/tasks/tree", None).json();
    let names: Vec<&str> =
        tree["tasks"].as_array().expect("a list").iter().filter_map(|task| task["name"].as_str()).collect();
    assert_eq!(names, ["all", "docs", "fw", "größe/ü", "hello", "tree"]);
    assert_eq!((&tree["tasks"][1]["kind"], &tree["tasks"][1]["task"]), (&json!("namespace"), &Value::Null));
    assert_eq!(tree["tasks"][1]["children"][0]["task"], "docs:build");
    assert_eq!(
        (&tree["tasks"][2]["kind"], &tree["tasks"][2]["children"][0]["task"]),
        (&json!("folder"), &json!("fw:sub"))
    );
    let params = server.ask("GET", "/tasks/hello/params", None).json();
    let param = &params["params"][0];
    assert_eq!(
        (&param["name"], &param["variable"], &param["type"], &param["options"], &param["default"]),
        (&json!("who"), &json!("EZ_WHO"), &json!("select"), &json!(["you", "me"]), &json!("you"))
    );
    assert_eq!(server.ask("GET", "/tasks/none/params", None).status, 404);
}

#[test]
fn names_are_decoded() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    for (path, name) in [
        ("gr%C3%B6%C3%9Fe%2F%C3%BC", "größe/ü"),
        ("docs%3Abuild", "docs:build"),
        ("docs:build", "docs:build"),
        ("%74ree", "tree"),
    ] {
        assert_eq!(server.ask("GET", &format!("/tasks/{path}"), None).json()["task"], name);
    }
    assert_eq!(server.ask("GET", "/tasks/%ff", None).status, 400);
    assert_eq!(server.ask("GET", "/tasks/a%00b", None).status, 404);
}

#[test]
fn names_may_be_words_of_the_api() {
    let taskfile = format!("{TASKFILE}  run: echo run\n");
    let plan = "steps: [{task: hello}]\n";
    let project = project().file("Taskfile.yml", &taskfile).file("plans/runs.yml", plan);
    let server = JobServer::start(&project, &["--slots", "0"]);
    assert_eq!(server.ask("GET", "/tasks/run", None).json()["task"], "run");
    assert_eq!(server.ask("GET", "/plans/runs", None).json(), json!({"runs": []}));
    assert_eq!(server.ask("GET", "/plans/%72uns", None).json()["name"], "runs");
    assert_eq!(definition(&server, "/plans/runs/yaml").0, plan);
    assert_eq!(server.ask("POST", "/plans/runs/run", Some(&json!({}))).status, 202);
    for path in ["/tasks/run", "/tasks/tree", "/plans/runs"] {
        assert_eq!(server.ask("DELETE", path, None).status, 204, "{path}");
    }
    assert_eq!(server.ask("GET", "/tasks/run", None).status, 404);
    assert_eq!(read(&project, "Taskfile.yml"), TASKFILE.replace("  tree: echo tree\n", ""));
    assert_eq!(project.read("plans/runs.yml"), None);
    // What is no method of either is told.
    assert_eq!(server.ask("PATCH", "/tasks/run", None).status, 405);
}

#[test]
fn definitions_are_edited_where_they_stand() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let (text, tag) = definition(&server, "/tasks/all/yaml");
    assert_eq!(text, "# all of it\nall:\n  deps: [hello]\n");
    let changed = "# all of it\nall:\n  deps: [hello, tree]\n";
    assert_eq!(put(&server, "/tasks/all/yaml", changed, Some(&tag)).0, 204);
    let file = read(&project, "Taskfile.yml");
    assert_eq!(file, TASKFILE.replace("deps: [hello]", "deps: [hello, tree]"));
    // What was read is old now.
    let (status, body) = put(&server, "/tasks/all/yaml", "all: echo\n", Some(&tag));
    assert_eq!(
        (status, &body["error"]),
        (412, &json!("the definition is another one than If-Match says: read it again"))
    );
    assert_eq!(put(&server, "/tasks/all/yaml", "all: echo\n", None).0, 428);
    assert_eq!(read(&project, "Taskfile.yml"), file);
    let (_, tag) = definition(&server, "/tasks/gr%C3%B6%C3%9Fe%2F%C3%BC/yaml");
    assert_eq!(put(&server, "/tasks/gr%C3%B6%C3%9Fe%2F%C3%BC/yaml", "größe/ü: echo more", Some(&tag)).0, 204);
    assert!(read(&project, "Taskfile.yml").ends_with("  größe/ü: echo more\n"));
}

#[test]
fn what_was_read_is_put_back_without_a_trace() {
    let taskfile = format!(
        "{TASKFILE}  # two lines\n  # about it\n  last:\n    cmds:\n \n      - echo a # b\n\n    # c"
    );
    let project =
        project().file("Taskfile.yml", &taskfile).file("plans/p.yml", "# p\n\nsteps: [{task: tree}] # x");
    let server = JobServer::start(&project, &[]);
    for path in ["hello", "all", "tree", "gr%C3%B6%C3%9Fe%2F%C3%BC", "last", "fw", "fw:sub"] {
        let path = format!("/tasks/{path}/yaml");
        let (text, tag) = definition(&server, &path);
        for _ in 0..2 {
            assert_eq!(put(&server, &path, &text, Some(&tag)), (204, Value::Null), "{text}");
        }
        assert_eq!(
            (read(&project, "Taskfile.yml"), definition(&server, &path)),
            (taskfile.clone(), (text, tag))
        );
    }
    let (text, tag) = definition(&server, "/plans/p/yaml");
    assert_eq!(put(&server, "/plans/p/yaml", &text, Some(&tag)).0, 200);
    assert_eq!(read(&project, "plans/p.yml"), text);
    // What is sent twice stands there once.
    for text in ["# says hi\nhello: echo hi\n", "\n\n  \n# says hi\nhello: echo hi\n\n \n"] {
        for _ in 0..2 {
            assert_eq!(put(&server, "/tasks/hello/yaml", text, Some("*")).0, 204);
        }
        let file = read(&project, "Taskfile.yml");
        assert!(file.contains("tasks:\n  # says hi\n  hello: echo hi\n  # all of it\n  all:"), "{file}");
    }
    for text in ["# far away\n\nhello: echo hi\n", "hello: echo hi\n# and more\n"] {
        let (status, body) = put(&server, "/tasks/hello/yaml", text, Some("*"));
        assert_eq!(status, 422, "{body}");
        assert!(
            body["error"].as_str().expect("a text").contains("its comments stand right above its name"),
            "{body}"
        );
    }
}

#[test]
fn a_change_is_meant_for_a_version_of_a_task_as_of_a_plan() {
    let plan = "steps: [{task: tree}]\n";
    let project = project().file("plans/p.yml", plan);
    let server = JobServer::start(&project, &[]);
    for (path, text, done) in [("/tasks/all/yaml", "all: echo all\n", 204), ("/plans/p/yaml", plan, 200)] {
        assert_eq!(put(&server, path, text, Some("*")).0, done);
        let (_, tag) = definition(&server, path);
        let weak = format!("W/{tag}");
        let several = format!("\"0\", {tag}");
        for (said, status) in [
            (None, 428),
            (Some("*"), done),
            (Some(tag.as_str()), done),
            (Some(several.as_str()), done),
            (Some("\"0\""), 412),
            (Some(weak.as_str()), 412),
            (Some(tag.trim_matches('"')), 400),
            (Some("*, \"0\""), 400),
            (Some(""), 400),
        ] {
            let (found, body) = put(&server, path, text, said);
            assert_eq!(found, status, "{path} {said:?}: {body}");
            if status == 412 {
                assert_eq!(body["details"], json!(tag));
            }
        }
        let missing = path.replace("all", "none").replace("/p/", "/none/");
        assert_eq!(put(&server, &missing, text, Some("*")).0, 404);
        let headers =
            [("Content-Type", "application/yaml"), ("If-Match", "\"0\""), ("If-Match", tag.as_str())];
        let saved = server.send("PUT", path, text.as_bytes(), &headers);
        assert_eq!((saved.status, saved.header("etag")), (done, Some(tag.as_str())), "{saved:?}");
        let whole = path.trim_end_matches("/yaml");
        assert_eq!(server.ask_with("DELETE", whole, None, &[("If-Match", &weak)]).status, 412);
        assert_eq!(server.ask_with("DELETE", whole, None, &[("If-Match", "x")]).status, 400);
    }
    let made = server.ask("POST", "/tasks/hello/to-plan", Some(&json!({"plan_name": "q"})));
    assert_eq!(
        (made.status, made.header("etag")),
        (201, Some(definition(&server, "/plans/q/yaml").1.as_str()))
    );
    let made = server.ask("POST", "/tasks", Some(&json!({"name": "n", "yaml": "n: echo\n"})));
    assert_eq!(
        (made.status, made.header("etag")),
        (201, Some(definition(&server, "/tasks/n/yaml").1.as_str()))
    );
}

#[test]
fn what_would_be_broken_is_not_saved() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let (_, tag) = definition(&server, "/tasks/all/yaml");
    let (status, body) = put(&server, "/tasks/all/yaml", "all:\n  deps:\n    - helo\n", Some(&tag));
    assert_eq!((status, &body["error"]), (422, &json!("the project would be broken")));
    let finding = &body["details"][0];
    assert_eq!(
        (&finding["code"], &finding["file"], &finding["line"], &finding["column"], &finding["text_line"]),
        (&json!("EZ203"), &json!("Taskfile.yml"), &json!(13), &json!(9), &json!(3)),
        "{finding}"
    );
    for text in ["all: [", "other: echo\n", "", "all: echo\nmore: echo\n", "- a\n", "all: echo\n\u{0}"] {
        let (status, body) = put(&server, "/tasks/all/yaml", text, Some(&tag));
        assert_eq!(status, 422, "{text}: {body}");
    }
    let binary = server.send("PUT", "/tasks/all/yaml", b"\xff", &[("If-Match", &tag)]);
    assert_eq!(binary.status, 400);
    let json = server.ask_with("PUT", "/tasks/all/yaml", Some(&json!({})), &[("If-Match", &tag)]);
    assert_eq!(json.status, 415);
    let long = put(&server, "/tasks/all/yaml", &"#".repeat((1 << 20) + 1), Some(&tag));
    assert_eq!(long.0, 413);
    assert_eq!(read(&project, "Taskfile.yml"), TASKFILE);
    // A task in braces has no lines of its own.
    assert_eq!(server.ask("GET", "/tasks/docs:build/yaml", None).status, 422);
}

#[test]
fn files_of_folder_tasks_are_edited_as_a_whole() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let (text, tag) = definition(&server, "/tasks/fw/yaml");
    assert_eq!(text, read(&project, "tasks/fw/Taskfile.yml"));
    let changed = text.replace("echo fw", "echo firmware");
    assert_eq!(put(&server, "/tasks/fw/yaml", &changed, Some(&tag)).0, 204);
    assert_eq!(read(&project, "tasks/fw/Taskfile.yml"), changed);
    assert_eq!(definition(&server, "/tasks/fw:sub/yaml").0, "sub: echo sub\n");
    assert_eq!(server.ask("GET", "/tasks/fw/yaml?part=metadata", None).status, 404);
    assert_eq!(put(&server, "/tasks/fw/yaml?part=metadata", "desc: flashes\n", Some("*")).0, 412);
    let (status, body) =
        put(&server, "/tasks/fw/yaml", "version: '3'\ntasks: {default: {cmds: [task: none]}}\n", Some("*"));
    assert_eq!((status, &body["details"][0]["file"]), (422, &json!("tasks/fw/Taskfile.yml")), "{body}");
    assert_eq!(server.ask("GET", "/tasks/hello/yaml?part=metadata", None).status, 404);
    assert_eq!(server.ask("GET", "/tasks/hello/yaml?part=other", None).status, 400);
}

#[test]
fn links_and_modes_of_taskfiles_stay_and_links_out_are_refused() {
    let project = project();
    let elsewhere = Project::new().file("Taskfile.yml", "version: '3'\ntasks:\n  default: echo\n");
    let root = project.root();
    std::fs::rename(root.join("Taskfile.yml"), root.join("real.yml")).expect("it moves");
    std::fs::set_permissions(root.join("real.yml"), PermissionsExt::from_mode(0o640)).expect("it is ours");
    symlink("real.yml", root.join("Taskfile.yml")).expect("a link");
    std::fs::create_dir(root.join("tasks/out")).expect("a directory");
    symlink(elsewhere.root().join("Taskfile.yml"), root.join("tasks/out/Taskfile.yml")).expect("a link");
    let server = JobServer::start(&project, &[]);
    assert_eq!(put(&server, "/tasks/all/yaml", "all: echo all\n", Some("*")).0, 204);
    assert!(root.join("Taskfile.yml").is_symlink());
    assert!(read(&project, "real.yml").contains("all: echo all"));
    let mode = std::fs::metadata(root.join("real.yml")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(server.ask("GET", "/tasks/out/yaml", None).status, 422);
    assert_eq!(put(&server, "/tasks/out/yaml", "version: '3'\n", Some("*")).0, 422);
}

#[test]
fn tasks_are_made_and_removed() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let make = |body: &Value| server.ask("POST", "/tasks", Some(body));
    let made = make(&json!({"name": "new", "yaml": "new:\n  cmds: [echo new]\n"}));
    assert_eq!((made.status, made.json()), (201, json!({"name": "new", "file": "Taskfile.yml"})), "{made:?}");
    assert_eq!(server.run(&json!({"task": "new"})), 1);
    assert_eq!(make(&json!({"name": "new", "yaml": "new: echo\n"})).status, 409);
    assert_eq!(make(&json!({"name": "x", "yaml": "y: echo\n"})).status, 422);
    assert_eq!(make(&json!({"name": "x"})).status, 400);
    let folder =
        json!({"name": "kit", "kind": "folder", "yaml": "version: '3'\ntasks: {default: echo kit}\n"});
    assert_eq!(make(&folder).json()["file"], "tasks/kit/Taskfile.yml");
    assert_eq!(make(&folder).status, 409);
    for name in ["../out", "a/b", ".hidden"] {
        let body = json!({"name": name, "kind": "folder", "yaml": "version: '3'\ntasks: {default: echo}\n"});
        assert_eq!(make(&body).status, 422, "{name}");
    }
    // Another task needs it.
    let needed = server.ask("DELETE", "/tasks/hello", None);
    assert_eq!((needed.status, &needed.json()["details"][0]["code"]), (409, &json!("EZ203")), "{needed:?}");
    let old = server.ask_with("DELETE", "/tasks/new", None, &[("If-Match", "\"0123\"")]);
    assert_eq!(old.status, 412);
    assert_eq!(server.ask("DELETE", "/tasks/new", None).status, 204);
    assert_eq!(server.ask("DELETE", "/tasks/new", None).status, 404);
    assert_eq!(server.ask("DELETE", "/tasks/kit", None).status, 204);
    assert_eq!(server.ask("DELETE", "/tasks/fw:sub", None).status, 204);
    assert!(!project.root().join("tasks/kit").exists());
    assert_eq!(read(&project, "Taskfile.yml"), TASKFILE);
    let left: Vec<_> = std::fs::read_dir(project.root().join("tasks")).expect("a directory").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn tasks_are_made_of_templates() {
    let template = "name: svc\nversion: 1.0.0\nparams:\n  - {name: port, type: number, default: 80}\ntask: |\n  cmds: [echo <% .port %>]\n";
    let project = project().file("templates/svc.yml", template);
    let server = JobServer::start(&project, &[]);
    let listed = server.ask("GET", "/templates", None).json();
    let Some(found) =
        listed["templates"].as_array().and_then(|all| all.iter().find(|found| found["name"] == "svc"))
    else {
        panic!("{listed}")
    };
    assert_eq!(found["params"][0]["name"], "port");
    let body = json!({"name": "web", "template": "svc", "values": {"port": "8080"}});
    let made = server.ask("POST", "/tasks", Some(&body));
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(server.ask("GET", "/tasks/web", None).json()["kind"], "folder");
    assert_eq!(server.ask("POST", "/tasks", Some(&body)).status, 409);
    let unknown = json!({"name": "web2", "template": "none"});
    assert_eq!(server.ask("POST", "/tasks", Some(&unknown)).status, 422);
}

#[test]
fn files_of_a_folder_task_are_shown_and_no_others() {
    let project = project();
    let folder = project.root().join("tasks/fw");
    symlink("../../Taskfile.yml", folder.join("link")).expect("a link");
    symlink("../..", folder.join("up")).expect("a link");
    std::fs::write(folder.join("long"), "x".repeat((1 << 20) + 1)).expect("it is ours");
    std::fs::write(folder.join("binary"), b"\xff").expect("it is ours");
    let server = JobServer::start(&project, &[]);
    let listed = server.ask("GET", "/tasks/fw/files", None).json();
    let files: Vec<String> = listed["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| {
            format!(
                "{} {}",
                file["path"].as_str().unwrap_or_default(),
                file["kind"].as_str().unwrap_or_default()
            )
        })
        .collect();
    let expected = [
        "Taskfile.yml file",
        "binary file",
        "link link",
        "long file",
        "scripts directory",
        "scripts/a.sh file",
        "up link",
    ];
    assert_eq!(files, expected);
    let shown = server.ask("GET", "/tasks/fw/files/scripts/a.sh", None);
    assert_eq!((shown.status, shown.body.as_str()), (200, "echo a\n"));
    assert_eq!(server.ask("GET", "/tasks/fw/files/scripts%2Fa.sh", None).body, "echo a\n");
    for (path, status) in [
        ("../../Taskfile.yml", 400),
        ("%2e%2e/%2e%2e/Taskfile.yml", 400),
        ("..%2F..%2FTaskfile.yml", 400),
        ("%2Fetc%2Fpasswd", 400),
        ("/etc/passwd", 400),
        ("scripts//a.sh", 400),
        ("a%00b", 400),
        ("..%5C..%5CTaskfile.yml", 400),
        ("%ff", 400),
        ("link", 404),
        ("up/Taskfile.yml", 404),
        ("scripts", 404),
        ("none", 404),
        ("long", 413),
        ("binary", 422),
    ] {
        let answer = server.ask("GET", &format!("/tasks/fw/files/{path}"), None);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    assert_eq!(server.ask("GET", "/tasks/hello/files", None).status, 404);
}

#[test]
fn a_task_becomes_a_plan() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let make = |body: &Value| server.ask("POST", "/tasks/hello/to-plan", Some(body));
    let body = json!({"plan_name": "greet", "vars": {"EZ_WHO": "me"}});
    let made = make(&body);
    assert_eq!(
        (made.status, made.json()),
        (201, json!({"name": "greet", "file": "plans/greet.yml"})),
        "{made:?}"
    );
    assert_eq!(make(&body).status, 409);
    assert_eq!(make(&json!({"plan_name": "greet", "overwrite": true})).status, 201);
    assert_eq!(make(&json!({"plan_name": "../x"})).status, 400);
    assert_eq!(server.ask("POST", "/tasks/none/to-plan", Some(&body)).status, 404);
    project.run(["plan", "check", "greet"]).success();
    let job = server.ask("POST", "/plans/greet/run", Some(&json!({}))).json();
    assert_eq!(server.end_of(job["job"].as_i64().expect("a job")).state, "success");
}

#[test]
fn a_plan_of_a_task_takes_the_place_of_the_one_that_is_meant() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    let make = |name: &str, overwrite: bool, tag: Option<&str>| {
        let body = json!({"plan_name": name, "overwrite": overwrite});
        let headers: Vec<(&str, &str)> = tag.map(|tag| ("If-Match", tag)).into_iter().collect();
        server.ask_with("POST", "/tasks/hello/to-plan", Some(&body), &headers)
    };
    let made = make("greet", false, None);
    let tag = made.header("etag").expect("a tag").to_owned();
    let late = make("greet", true, Some("\"5160f4\""));
    assert_eq!((late.status, late.json()["details"].as_str()), (412, Some(tag.as_str())), "{late:?}");
    assert_eq!(late.json()["error"], "the plan `greet` is another one than If-Match says: read it again");
    for (name, overwrite, tag, status) in [
        ("greet", true, Some(tag.as_str()), 201),
        ("greet", true, Some("*"), 201),
        ("greet", true, Some("5160f4"), 400),
        ("greet", false, Some("*"), 409),
        ("none", true, Some("*"), 412),
        ("none", false, Some(tag.as_str()), 412),
    ] {
        assert_eq!(make(name, overwrite, tag).status, status, "{name} {overwrite} {tag:?}");
    }
    assert!(!project.path("plans/none.yml").exists());
    let audit = server.ask("GET", "/audit", None).json();
    let told: Vec<String> = audit["audit"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            format!(
                "{} {}",
                entry["action"].as_str().expect("a text"),
                entry["object"].as_str().expect("a text")
            )
        })
        .collect();
    assert_eq!(told, ["edit plan greet", "edit plan greet", "create plan greet"]);
}

#[test]
fn a_plan_of_a_task_has_variables_that_a_run_may_have() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    for vars in [json!({"a b": "x"}), json!({"": "x"}), json!({"A": "x\u{0}"})] {
        let made = server.ask("POST", "/tasks/hello/to-plan", Some(&json!({"plan_name": "p", "vars": vars})));
        let run = server.ask("POST", "/tasks/run", Some(&json!({"task": "hello", "vars": vars})));
        assert_eq!((made.status, &made.json()["error"]), (400, &run.json()["error"]), "{made:?}");
    }
    assert!(!project.path("plans").exists());
}

#[test]
fn a_task_has_a_history() {
    let project = project();
    let server = JobServer::start(&project, &[]);
    for task in ["hello", "tree", "hello", "hello"] {
        let job = server.run(&json!({"task": task}));
        server.end_of(job);
    }
    let ids = |page: &Value| -> Vec<i64> {
        page["jobs"].as_array().expect("a list").iter().filter_map(|job| job["id"].as_i64()).collect()
    };
    let first = server.ask("GET", "/tasks/hello/history?limit=2", None).json();
    assert_eq!(ids(&first), [4, 3]);
    assert!(first["jobs"][0]["duration"].as_i64() >= Some(0), "{first}");
    let rest =
        server.ask("GET", &format!("/tasks/hello/history?limit=2&cursor={}", first["next"]), None).json();
    assert_eq!((ids(&rest), rest.get("next")), (vec![1], None));
    assert_eq!(server.ask("GET", "/tasks/hello/history?limit=0", None).status, 400);
}

#[test]
fn a_plan_of_a_task_has_no_secret_and_a_name_of_its_own() {
    let taskfile =
        "version: '3'\ntasks:\n  deploy:\n    ez-params: [{name: key, type: secret}]\n    cmds: [echo]\n";
    let project = Project::new().file("Taskfile.yml", taskfile);
    let server = JobServer::start(&project, &[]);
    let make = |body: &Value| server.ask("POST", "/tasks/deploy/to-plan", Some(body));
    let refused = make(&json!({"plan_name": "p", "vars": {"key": "hunter3"}}));
    assert_eq!((refused.status, refused.json()["error"].as_str().unwrap().contains("secret")), (400, true));
    for name in ["runs", "run-task", "", "a/b", &"x".repeat(201)] {
        assert_eq!(make(&json!({"plan_name": name})).status, 400, "{name}");
        assert_eq!(
            server.ask("POST", "/plans", Some(&json!({"name": name, "yaml": "steps: []"}))).status,
            400
        );
    }
    assert!(!project.path("plans").exists());
}
