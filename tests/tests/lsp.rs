//! `ez lsp` as an editor sees it: what is open, in which order it changes, and what is told of it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use ez_tests::editor::{Beginning, Editor, shown, usual_capabilities};
use ez_tests::{Project, Server, program};
use serde_json::{Value, json};

const SOUND: &str = "version: '3'\ntasks:\n  build:\n    deps: [test]\n  test:\n    cmds: [echo test]\n";
const UNKNOWN: &str = "4 EZ203 no task is named `tset`";

fn sound() -> Project {
    Project::new().file("Taskfile.yml", SOUND)
}

/// A project that includes another file, and calls its task.
fn with_docs() -> Project {
    Project::new()
        .file(
            "Taskfile.yml",
            "version: '3'\nincludes: {docs: docs}\ntasks:\n  all:\n    deps: ['docs:build']\n",
        )
        .file("docs/Taskfile.yml", "version: '3'\ntasks:\n  build: echo\n")
}

#[test]
fn findings_follow_the_text() {
    let project = sound();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    assert_eq!(editor.findings("Taskfile.yml"), Vec::<String>::new());
    editor.edit("Taskfile.yml", (3, 11), (3, 15), "tset");
    assert_eq!(editor.findings("Taskfile.yml"), [UNKNOWN]);
    editor.edit("Taskfile.yml", (3, 11), (3, 15), "test");
    assert_eq!(editor.findings("Taskfile.yml"), Vec::<String>::new());
    editor.end();
}

#[test]
fn warnings_of_a_rule_that_nobody_could_read_are_counted() {
    let mut taskfile = String::from("version: '3'\ntasks: {all: echo}\nvars:\n");
    for number in 0..53 {
        let _ = writeln!(taskfile, "  V{number}: a");
    }
    let project = Project::new().file("Taskfile.yml", taskfile);
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let findings = editor.findings("Taskfile.yml");
    assert_eq!(findings.len(), 51);
    assert_eq!(findings[49], "53 EZ402 nothing in this project reads the variable `V49`");
    assert_eq!(findings[50], "54 EZ402 3 further warnings of this rule in this file are not shown");
    let document = json!({"textDocument": {"uri": editor.uri("Taskfile.yml")}});
    let pulled = editor.ask("textDocument/diagnostic", document);
    assert_eq!(pulled["items"], json!(editor.last_told("Taskfile.yml")));
    assert_eq!(pulled["items"][50]["severity"], 3);
    editor.end();
}

#[test]
fn findings_say_what_check_says() {
    let project = Project::new().file("Taskfile.yml", SOUND.replace("[test]", "[tset]"));
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let uri = editor.uri("Taskfile.yml");
    editor.findings("Taskfile.yml");
    let told = editor.last_told("Taskfile.yml");
    assert_eq!(
        told[0],
        json!({
            "range": {"start": {"line": 3, "character": 11}, "end": {"line": 3, "character": 15}},
            "severity": 1,
            "code": "EZ203",
            "codeDescription": {"href": "https://github.com/ez-build/ez/blob/main/docs/rules/EZ203.md"},
            "source": "ez",
            "message": "no task is named `tset`\ndid you mean `test`?",
        }),
        "{uri}"
    );
    editor.end();
}

/// Lines, codes and messages of all that `ez check` says of a file.
fn checked(project: &Project, path: &str) -> Vec<String> {
    let run = project.run(["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let findings = report["diagnostics"].as_array().expect("findings");
    let of_file =
        findings.iter().filter(|finding| finding["file"].as_str().is_some_and(|file| file.ends_with(path)));
    of_file
        .map(|finding| {
            let line = finding["range"]["start"]["line"].as_u64().expect("a line");
            let text = |key: &str| finding[key].as_str().expect("a text").to_owned();
            format!("{line} {} {}", text("code"), text("message"))
        })
        .collect()
}

#[test]
fn plugins_and_templates_that_nobody_uses_have_the_findings_of_check() {
    let project = sound()
        .file("plugins/report.yml", "type: hook\ntrigger: on_eror\nscript: echo\n")
        .file("plugins/other.yml", "apiVersion: v1\nkind: Plugin\nscript: 1\n")
        .file("templates/service.yml", "version: '1'\nparams: [port]\ntask: |\n  desc: <% .prt %>\n")
        .file("templates/chart.yml", "apiVersion: v1\nmetadata: {name: {{ .Values.name }}}\n");
    let mut editor = Editor::start(&project);
    for (path, count) in [
        ("plugins/report.yml", 1),
        ("plugins/other.yml", 0),
        ("templates/service.yml", 2),
        ("templates/chart.yml", 0),
    ] {
        let expected = checked(&project, path);
        assert_eq!(expected.len(), count, "{path}: {expected:?}");
        editor.open(path);
        let document = json!({"textDocument": {"uri": editor.uri(path)}});
        let told = shown(&editor.ask("textDocument/diagnostic", document)["items"]);
        assert_eq!(told, expected, "{path}");
    }
    editor.end();
}

#[test]
fn files_that_are_just_begun_are_known() {
    let project = sound();
    let mut editor = Editor::start(&project);
    for (path, key, text, finding) in [
        ("plugins/new.yml", "trigger", "type: hook\n", "1 EZ707 a hook plugin needs a `trigger`"),
        ("templates/new.yml", "version", "task: x\n", "1 EZ730 a template needs a `version`"),
    ] {
        editor.open_as(path, "");
        let place = editor.place(path, 0, 0);
        let answer = editor.ask("textDocument/completion", place);
        assert!(answer.to_string().contains(&format!("\"label\":\"{key}\"")), "{path}: {answer}");
        assert_eq!(editor.findings(path), Vec::<String>::new());
        editor.replace(path, text);
        assert_eq!(editor.findings(path), [finding]);
        editor.replace(path, "");
        assert_eq!(editor.findings(path), Vec::<String>::new());
    }
    editor.end();
}

#[test]
fn changes_are_applied_in_the_order_in_which_they_arrive() {
    let project = sound();
    let mut editor = Editor::start(&project);
    editor.open_as("Taskfile.yml", "");
    // Each key is a message of its own; nobody waits for anything.
    for (at, c) in SOUND.replace("[test]", "[tset]").chars().enumerate() {
        let before: String = SOUND.replace("[test]", "[tset]").chars().take(at).collect();
        let line = before.matches('\n').count() as u32;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32;
        editor.edit("Taskfile.yml", (line, column), (line, column), &c.to_string());
    }
    assert_eq!(editor.findings("Taskfile.yml"), [UNKNOWN]);
    editor.end();
}

#[test]
fn several_changes_of_one_message_build_on_each_other() {
    let project = sound();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let range = |from: (u32, u32), to: (u32, u32)| json!({"start": {"line": from.0, "character": from.1}, "end": {"line": to.0, "character": to.1}});
    editor.change(
        "Taskfile.yml",
        json!([
            {"range": range((3, 11), (3, 15)), "text": "x"},
            {"range": range((3, 11), (3, 12)), "text": "ts"},
            {"range": range((3, 13), (3, 13)), "text": "et"},
        ]),
    );
    assert_eq!(editor.findings("Taskfile.yml"), [UNKNOWN]);
    editor.end();
}

#[test]
fn columns_are_counted_as_was_agreed() {
    let text = "version: '3'\ntasks:\n  a:\n    desc: '😀ü'\n    deps: [b]\n  b: echo\n";
    for (encodings, name, end) in [
        (json!(["utf-8", "utf-16"]), "utf-8", 17),
        (json!(["utf-16"]), "utf-16", 14),
        (Value::Null, "utf-16", 14),
    ] {
        let project = Project::new().file("Taskfile.yml", text);
        let mut capabilities = usual_capabilities();
        capabilities["general"]["positionEncodings"] = encodings;
        let mut editor = Editor::start_with(&project, Beginning { capabilities, ..Beginning::default() });
        assert_eq!(editor.capabilities["positionEncoding"], name);
        editor.open("Taskfile.yml");
        // What follows the two characters is replaced: a closing quote and a key that nobody knows.
        editor.edit("Taskfile.yml", (3, end), (3, end + 1), "'\n    dpes: []");
        assert_eq!(editor.findings("Taskfile.yml"), ["5 EZ107 a task has no key `dpes`"], "{name}");
        editor.end();
    }
}

#[test]
fn unsaved_text_lies_over_the_whole_project() {
    let project = with_docs();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    editor.open("docs/Taskfile.yml");
    assert_eq!(editor.findings("Taskfile.yml"), Vec::<String>::new());
    editor.edit("docs/Taskfile.yml", (2, 2), (2, 7), "make");
    editor.wait_for_findings("Taskfile.yml", &["5 EZ203 no task is named `docs:build`"]);
    // What was not saved is gone with the editor's text.
    editor.close("docs/Taskfile.yml");
    editor.wait_for_findings("Taskfile.yml", &[]);
    editor.end();
}

#[test]
fn files_that_are_not_open_are_told_of_too() {
    let project = Project::new()
        .file("Taskfile.yml", "version: '3'\nincludes: {docs: docs}\ntasks:\n  all: echo\n")
        .file("docs/Taskfile.yml", "version: '3'\ntasks:\n  build:\n    deps: [nothing]\n")
        .file("other/Taskfile.yml", "version: '3'\ntasks:\n  a: {cmd: 'echo {{.X'}\n");
    let mut editor = Editor::start(&project);
    assert_eq!(editor.findings_at("docs/Taskfile.yml", None), ["4 EZ203 no task is named `docs:nothing`"]);
    assert_eq!(editor.findings_at("other/Taskfile.yml", None), ["3 EZ501 this `{{` is not closed"]);
    editor.end();
}

#[test]
fn a_file_outside_of_what_is_open_has_findings() {
    let project = Project::new()
        .file("a/Taskfile.yml", SOUND)
        .file("b/Taskfile.yml", SOUND.replace("[test]", "[tset]"));
    let mut editor = Editor::start_with(&project, Beginning { folders: vec!["a"], ..Beginning::default() });
    editor.open("b/Taskfile.yml");
    assert_eq!(editor.findings("b/Taskfile.yml"), [UNKNOWN]);
    editor.end();
}

/// A project that includes a file beside it, which has two mistakes, and calls back.
fn with_shared(name: &str) -> Project {
    let shared =
        "version: '3'\ntasks:\n  a:\n    deps: [nope, ':build']\n    cmdz: [echo]\n    cmds: [echo]\n";
    let entry = format!("version: '3'\nincludes: {{s: ../shared/{name}}}\ntasks:\n  build: echo\n");
    Project::new().file("z/Taskfile.yml", entry).file(&format!("shared/{name}"), shared)
}

#[test]
fn a_file_of_a_project_beside_it_is_known() {
    let expected = ["4 EZ203 no task is named `s:nope`", "5 EZ107 a task has no key `cmdz`"];
    for (name, folder) in
        [("s.yml", ""), ("s.yml", "z"), ("Taskfile.yml", ""), ("Taskfile.yml", "z"), ("Taskfile.s.yml", "")]
    {
        let project = with_shared(name);
        let path = format!("shared/{name}");
        let mut capabilities = usual_capabilities();
        capabilities["textDocument"]["diagnostic"] = json!({});
        let beginning = Beginning { capabilities, folders: vec![folder], ..Beginning::default() };
        let mut editor = Editor::start_with(&project, beginning);
        editor.open(&path);
        let document = json!({"textDocument": {"uri": editor.uri(&path)}});
        let pulled = editor.ask("textDocument/diagnostic", document.clone());
        assert_eq!(shown(&pulled["items"]), expected, "{path} in {folder:?}");
        let all = editor.ask("workspace/diagnostic", json!({"previousResultIds": []}));
        let all = all["items"].as_array().into_iter().flatten();
        let told: Vec<String> = all.flat_map(|file| shown(&file["items"])).collect();
        assert_eq!(told, expected, "{path} in {folder:?}");
        let place = editor.place(&path, 3, 19);
        assert_eq!(editor.ask("textDocument/definition", place)[0]["uri"], editor.uri("z/Taskfile.yml"));
        let place = editor.place(&path, 2, 3);
        assert!(editor.ask("textDocument/hover", place).to_string().contains("s:a"));
        assert!(editor.ask("textDocument/documentSymbol", document)[0].is_object());
        editor.end();

        let beginning = Beginning { folders: vec![folder], ..Beginning::default() };
        let mut editor = Editor::start_with(&project, beginning);
        editor.wait_for_findings(&path, &expected);
        editor.open(&path);
        assert_eq!(editor.findings(&path), expected);
        editor.end();
    }
}

#[test]
fn a_plan_beside_a_taskfile_of_another_project_is_known() {
    let project = Project::new()
        .file("z/Taskfile.yml", "version: '3'\nincludes: {lib: ../lib}\ntasks:\n  build: echo\n")
        .file("lib/Taskfile.yml", "version: '3'\ntasks:\n  a:\n    deps: [':build']\n")
        .file("lib/plans/p.yml", "steps:\n  - task: biuld\n  - task: a\n");
    let mut editor = asking(&project);
    for is_open in [false, true] {
        if is_open {
            editor.open("lib/plans/p.yml");
        }
        let all = editor.ask("workspace/diagnostic", json!({"previousResultIds": []}));
        let all = all["items"].as_array().into_iter().flatten();
        let told: Vec<String> = all.flat_map(|file| shown(&file["items"])).collect();
        assert_eq!(told, ["2 EZ203 no task is named `biuld`"], "{is_open}");
        let mut params = editor.place("lib/Taskfile.yml", 2, 2);
        params["newName"] = json!("b");
        let renamed = editor.ask("textDocument/rename", params);
        let changes = renamed["documentChanges"].as_array().into_iter().flatten();
        let files: Vec<&str> = changes.filter_map(|change| change["textDocument"]["uri"].as_str()).collect();
        assert!(files.contains(&&*editor.uri("lib/plans/p.yml")), "{is_open}: {renamed}");
    }
    editor.end();
}

#[test]
fn directories_come_and_go() {
    let project = Project::new()
        .file("a/Taskfile.yml", SOUND)
        .file("b/Taskfile.yml", SOUND.replace("[test]", "[tset]"));
    let mut editor = Editor::start_with(&project, Beginning { folders: vec!["a"], ..Beginning::default() });
    let folder = json!({"uri": editor.uri("b"), "name": "b"});
    let event = |added: Value, removed: Value| json!({"event": {"added": added, "removed": removed}});
    editor.tell("workspace/didChangeWorkspaceFolders", event(json!([folder]), json!([])));
    editor.wait_for_findings("b/Taskfile.yml", &[UNKNOWN]);
    editor.tell("workspace/didChangeWorkspaceFolders", event(json!([]), json!([folder])));
    editor.wait_for_findings("b/Taskfile.yml", &[]);
    editor.end();
}

#[test]
fn changes_on_disk_are_noticed() {
    let project = with_docs();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    assert_eq!(editor.findings("Taskfile.yml"), Vec::<String>::new());
    editor.wait_for_registration("workspace/didChangeWatchedFiles");
    // An included file may have any name.
    assert!(editor.watched.iter().any(|glob| glob == "**/*.{yml,yaml}"), "{:?}", editor.watched);
    project.write("docs/Taskfile.yml", "version: '3'\ntasks:\n  make: echo\n");
    let change = json!({"uri": editor.uri("docs/Taskfile.yml"), "type": 2});
    editor.tell("workspace/didChangeWatchedFiles", json!({"changes": [change]}));
    editor.wait_for_findings("Taskfile.yml", &["5 EZ203 no task is named `docs:build`"]);
    editor.end();
}

#[test]
fn files_of_other_names_are_watched_when_they_are_named() {
    let project = Project::new()
        .file(
            "Taskfile.yml",
            "version: '3'\ndotenv: [config/base.properties, .env, 'x{{.Y}}']\ntasks: {a: echo}\n",
        )
        .file("config/base.properties", "A=1\n");
    let mut editor = Editor::start(&project);
    editor.wait_for_watched("**/base.properties");
    editor.open("Taskfile.yml");
    project.write("Taskfile.yml", "version: '3'\ntasks: {a: {cmds: [echo], dotenv: [more.txt]}}\n");
    editor.close("Taskfile.yml");
    let change = json!({"uri": editor.uri("Taskfile.yml"), "type": 2});
    editor.tell("workspace/didChangeWatchedFiles", json!({"changes": [change]}));
    editor.wait_for_watched("**/more.txt");
    let is_usual = |glob: &&String| glob.contains(['{']) || glob.contains("env") || glob.contains("taskrc");
    let others: Vec<&String> = editor.watched.iter().filter(|glob| !is_usual(glob)).collect();
    assert_eq!(others, ["**/base.properties", "**/more.txt"]);
    editor.end();
}

#[test]
fn findings_are_given_to_an_editor_that_asks() {
    let project = Project::new()
        .file("Taskfile.yml", SOUND.replace("[test]", "[tset]"))
        .file("plans/release.yml", "steps:\n  - task: biuld\n");
    let mut editor = asking(&project);
    editor.open("Taskfile.yml");
    let ask = |id: Option<&str>, editor: &mut Editor<'_>| {
        let document = json!({"uri": editor.uri("Taskfile.yml")});
        editor.ask("textDocument/diagnostic", json!({"textDocument": document, "previousResultId": id}))
    };
    let report = ask(None, &mut editor);
    assert_eq!((report["kind"].as_str(), shown(&report["items"])), (Some("full"), vec![UNKNOWN.to_owned()]));
    let id = report["resultId"].as_str().unwrap().to_owned();
    assert_eq!(ask(Some(&id), &mut editor)["kind"], "unchanged");
    let report = editor.ask(
        "workspace/diagnostic",
        json!({"previousResultIds": [{"uri": editor.uri("Taskfile.yml"), "value": id}]}),
    );
    let kinds: Vec<(String, String, Vec<String>)> = report["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let file = item["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (file, item["kind"].as_str().unwrap().to_owned(), shown(&item["items"]))
        })
        .collect();
    let expected = [
        ("Taskfile.yml", "unchanged", vec![]),
        ("release.yml", "full", vec!["2 EZ203 no task is named `biuld`".to_owned()]),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(file, kind, found)| (file.to_owned(), kind.to_owned(), found)).collect();
    assert_eq!(kinds, expected);
    editor.end();
}

/// An editor that asks for findings.
fn asking(project: &Project) -> Editor<'_> {
    let mut capabilities = usual_capabilities();
    capabilities["textDocument"]["diagnostic"] = json!({});
    Editor::start_with(project, Beginning { capabilities, ..Beginning::default() })
}

/// `ContentModified` of the protocol.
const STALE: i64 = -32801;
/// `RequestCancelled` of the protocol.
const CANCELLED: i64 = -32800;

#[test]
fn an_answer_is_about_the_text_for_which_it_was_asked() {
    let project = sound();
    let mut editor = asking(&project);
    editor.open("Taskfile.yml");
    let document = json!({"textDocument": {"uri": editor.uri("Taskfile.yml")}});
    let mut asked = Vec::new();
    for round in 0..40 {
        let (word, expected) = if round % 2 == 0 { ("tset", vec![UNKNOWN]) } else { ("test", vec![]) };
        editor.edit("Taskfile.yml", (3, 11), (3, 15), word);
        asked.push((editor.start_ask("textDocument/diagnostic", document.clone()), expected));
    }
    let last = asked.len() - 1;
    for (index, (id, expected)) in asked.into_iter().enumerate() {
        match editor.answer(id) {
            Ok(report) => assert_eq!(shown(&report["items"]), expected, "question {index}"),
            Err(error) => assert!(index < last && error["code"] == STALE, "question {index}: {error}"),
        }
    }
    editor.end();
}

#[test]
fn questions_that_are_taken_back_are_answered_once() {
    let project = sound();
    let mut editor = asking(&project);
    editor.open("Taskfile.yml");
    let document = json!({"textDocument": {"uri": editor.uri("Taskfile.yml")}});
    let asked: Vec<i64> = (0..40)
        .map(|round| {
            let id = editor.start_ask("textDocument/diagnostic", document.clone());
            if round % 2 == 0 {
                editor.cancel(id);
            }
            id
        })
        .collect();
    for (round, id) in asked.into_iter().enumerate() {
        match editor.answer(id) {
            Ok(report) => assert_eq!(report["kind"], "full"),
            Err(error) => assert!(round % 2 == 0 && error["code"] == CANCELLED, "question {round}: {error}"),
        }
    }
    editor.end();
}

#[test]
fn settings_that_cannot_be_read_end_nothing() {
    let project = sound();
    let settings = json!({"inlayHints": 7});
    let mut editor = Editor::start_with(&project, Beginning { settings, ..Beginning::default() });
    editor.tell("workspace/didChangeConfiguration", json!({"settings": {"ez": []}}));
    editor.open("Taskfile.yml");
    assert_eq!(editor.findings("Taskfile.yml"), Vec::<String>::new());
    editor.end();
}

#[test]
fn settings_that_come_meanwhile_refuse_no_question() {
    let project = sound();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    for shown in [true, false].repeat(10) {
        let place = editor.place("Taskfile.yml", 3, 12);
        let question = editor.start_ask("textDocument/definition", place);
        let settings = json!({"settings": {"ez": {"inlayHints": {"values": shown}}}});
        editor.tell("workspace/didChangeConfiguration", settings);
        assert!(editor.answer(question).unwrap().is_array());
    }
    editor.end();
}

/// Opening a file must not reach the network: what is not in the cache is a finding, and what is there is read.
#[test]
fn remote_taskfiles_are_taken_from_the_cache_alone() {
    let server = Server::new();
    server.taskfile("/lib.yml", "version: '3'\ntasks:\n  greet: echo hello\n");
    let url = server.url("/lib.yml");
    let taskfile =
        format!("version: '3'\nincludes: {{lib: '{url}'}}\ntasks:\n  all:\n    deps: ['lib:greet', tset]\n");
    let project = Project::new()
        .file("Taskfile.yml", taskfile)
        .file(".taskrc.yml", "experiments: {REMOTE_TASKFILES: 1}\nremote: {insecure: true}\n");
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let findings = editor.findings("Taskfile.yml");
    assert!(findings.iter().any(|one| one.starts_with("2 EZ")), "{findings:?}");
    assert_eq!(server.requests(), Vec::<String>::new());
    editor.end();

    project.run(["--list-all", "--yes"]).success();
    server.requests();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    assert_eq!(editor.findings("Taskfile.yml"), ["5 EZ203 no task is named `tset`"]);
    assert_eq!(server.requests(), Vec::<String>::new());
    editor.end();
}

#[test]
fn odd_messages_end_nothing() {
    let project = sound();
    let mut editor = Editor::start(&project);
    editor.tell(
        "textDocument/didChange",
        json!({"textDocument": {"uri": "untitled:x", "version": 2}, "contentChanges": [{"text": "a"}]}),
    );
    editor.tell("textDocument/didOpen", json!({"textDocument": 1}));
    editor.tell("textDocument/didClose", json!({"textDocument": {"uri": "file:///nowhere/Taskfile.yml"}}));
    editor.tell("$/nothing", json!({}));
    assert_eq!(editor.try_ask("ez/nothing", json!({})).unwrap_err()["code"], -32601);
    assert_eq!(editor.try_ask("$/nothing", json!({})).unwrap_err()["code"], -32601);
    for text in ["{bad", "[]", "5", "{}", ""] {
        editor.send_text(text);
    }
    editor.open("Taskfile.yml");
    let far = json!({"start": {"line": 900, "character": 900}, "end": {"line": 901, "character": 0}});
    editor.change("Taskfile.yml", json!([{"range": far, "text": "\n# end\n"}]));
    editor.edit("Taskfile.yml", (3, 11), (3, 15), "tset");
    assert_eq!(editor.findings("Taskfile.yml"), [UNKNOWN]);
    editor.end();
}

#[test]
fn half_a_character_is_a_character() {
    let project = sound();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    // As JavaScript writes it whose text was cut there.
    let uri = editor.uri("Taskfile.yml");
    let range = r#"{"start":{"line":3,"character":11},"end":{"line":3,"character":15}}"#;
    editor.send_text(&format!(
        r#"{{"jsonrpc":"2.0","method":"textDocument/didChange","params":{{"textDocument":{{"uri":"{uri}","version":2}},"contentChanges":[{{"range":{range},"text":"\ud83d"}}]}}}}"#
    ));
    let found = editor.findings_at("Taskfile.yml", Some(2));
    assert_eq!(found, ["4 EZ203 no task is named `\u{FFFD}`"]);
    editor.end();
}

#[test]
fn an_editor_that_leaves_without_a_word_is_told_of() {
    let exit = r#"{"jsonrpc":"2.0","method":"exit"}"#;
    let message = format!("Content-Length: {}\r\n\r\n{exit}", exit.len());
    let project = sound().stdin(message);
    project.run(["lsp"]).exit(1).stderr_has("the editor left with `exit`, and without `shutdown` before it");
}

#[test]
fn an_editor_asks_again_when_files_or_settings_change() {
    let project = with_docs();
    let mut capabilities = usual_capabilities();
    for kind in ["diagnostics", "inlayHint", "codeLens", "semanticTokens"] {
        capabilities["workspace"][kind] = json!({"refreshSupport": true});
    }
    capabilities["textDocument"]["diagnostic"] = json!({});
    let mut editor = Editor::start_with(&project, Beginning { capabilities, ..Beginning::default() });
    editor.open("Taskfile.yml");
    let changes = |path: &str| json!({"changes": [{"uri": path, "type": 2}]});
    // What is open counts as it is in the editor.
    editor.tell("workspace/didChangeWatchedFiles", changes(&editor.uri("Taskfile.yml")));
    editor.tell("workspace/didChangeWatchedFiles", changes(&editor.uri("docs/Taskfile.yml")));
    let questions = ["diagnostic", "inlayHint", "codeLens", "semanticTokens"];
    for kind in questions {
        editor.wait_for_question(&format!("workspace/{kind}/refresh"));
    }
    let hints = |values: bool| json!({"settings": {"ez": {"inlayHints": {"values": values}}}});
    editor.tell("workspace/didChangeConfiguration", hints(true));
    editor.tell("workspace/didChangeConfiguration", hints(false));
    let count = |editor: &Editor<'_>| editor.asked.iter().filter(|asked| asked.ends_with("/refresh")).count();
    while count(&editor) < 2 * questions.len() {
        editor.ask("workspace/symbol", json!({"query": ""}));
    }
    assert_eq!(count(&editor), 2 * questions.len());
    editor.end();
}

/// A server on a port, which ends with the test.
struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server on a free port, and gives the address that it names.
fn listen(project: &Project, flag: &str) -> (Listening, String) {
    let mut server = Command::new(program::ez())
        .args(["lsp", flag, "0"])
        .current_dir(project.root())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ez starts");
    let mut line = String::new();
    BufReader::new(server.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let address = line.trim().rsplit("://").next().unwrap_or_default().to_owned();
    (Listening(server), address)
}

#[test]
fn several_editors_share_a_port() {
    let project = sound();
    let (_server, address) = listen(&project, "--tcp");
    let mut first = Editor::connect(&project, TcpStream::connect(&address).unwrap());
    let mut second = Editor::connect(&project, TcpStream::connect(&address).unwrap());
    first.open("Taskfile.yml");
    second.open_as("Taskfile.yml", &SOUND.replace("[test]", "[tset]"));
    assert_eq!(first.findings("Taskfile.yml"), Vec::<String>::new());
    assert_eq!(second.findings("Taskfile.yml"), [UNKNOWN]);
}

#[test]
fn a_port_of_other_machines_is_refused() {
    let project = sound();
    project.run(["lsp", "--tcp", "0.0.0.0:0"]).exit(1).stderr(
        "ez: 0.0.0.0:0 can be reached from other machines; name a port of this one, as in 127.0.0.1:0\n",
    );
    project
        .run(["lsp", "--tcp", "many"])
        .exit(2)
        .stderr("ez: \"many\" is no port; write a number from 0 to 65535\n");
}

/// What a server says to somebody who wants to speak by WebSocket from a page.
fn handshake(address: &str, origin: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {origin}\r\n\r\n"
    )
    .expect("a server that listens");
    let mut status = String::new();
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    reader.read_line(&mut status).expect("an answer");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).expect("an answer") == 0 || line == "\r\n" {
            break;
        }
    }
    (stream, status.trim().to_owned())
}

#[test]
fn pages_of_this_machine_speak_by_websocket() {
    let project = sound();
    let (_server, address) = listen(&project, "--websocket");
    let (mut stream, status) = handshake(&address, "http://localhost:3000");
    assert_eq!(status, "HTTP/1.1 101 Switching Protocols");
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})
        .to_string();
    // A text frame of a client is masked; here with zeros.
    let mut frame = vec![0x81, 0x80 | 0x7e];
    frame.extend_from_slice(&(body.len() as u16).to_be_bytes());
    if body.len() < 126 {
        frame.truncate(1);
        frame.push(0x80 | body.len() as u8);
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(body.as_bytes());
    stream.write_all(&frame).unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let length = match head[1] {
        126 => {
            let mut long = [0; 2];
            stream.read_exact(&mut long).unwrap();
            usize::from(u16::from_be_bytes(long))
        }
        short => usize::from(short),
    };
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((head[0], &answer["result"]["serverInfo"]["name"]), (0x81, &json!("ez")));
}

#[test]
fn actions_make_files_only_where_the_editor_can() {
    let project = Project::new().file("Taskfile.yml", "version: '3'\ntasks:\n  build: echo\n  test: echo\n");
    for operations in [json!(["create"]), json!([])] {
        let mut capabilities = usual_capabilities();
        capabilities["workspace"]["workspaceEdit"]["resourceOperations"] = operations.clone();
        let mut editor = Editor::start_with(&project, Beginning { capabilities, ..Beginning::default() });
        editor.open("Taskfile.yml");
        let key = json!({"line": 2, "character": 3});
        let document = json!({"uri": editor.uri("Taskfile.yml")});
        let context = json!({"diagnostics": [], "only": ["refactor.extract"]});
        let params =
            json!({"textDocument": document, "range": {"start": key, "end": key}, "context": context});
        let actions = editor.ask("textDocument/codeAction", params);
        let changes = &actions[0]["edit"]["documentChanges"];
        let created = changes.as_array().into_iter().flatten().filter(|change| change["kind"] == "create");
        let created: Vec<&str> = created.filter_map(|change| change["uri"].as_str()).collect();
        let names = ["tasks/build/Taskfile.yml", "tasks/build/task.yml"].map(|name| editor.uri(name));
        let expected = if operations == json!([]) { &[] } else { &names[..] };
        assert_eq!(created, expected, "{actions}");
        editor.end();
    }
}

#[test]
fn pages_of_other_machines_are_refused() {
    let project = sound();
    let (_server, address) = listen(&project, "--websocket");
    let (_, status) = handshake(&address, "https://example.org");
    assert_eq!(status, "HTTP/1.1 403 Forbidden");
}
