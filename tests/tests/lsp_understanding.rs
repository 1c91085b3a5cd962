//! Hover, colours, hints and lenses, as an editor gets them.

use ez_tests::Project;
use ez_tests::editor::{Beginning, Editor};
use serde_json::{Value, json};

const TASKFILE: &str = "version: '3'\nvars: {NAME: 'ü'}\ntasks:\n  build:\n    deps: [test]\n    cmds:\n      - |\n        echo \"😀 {{.NAME}}\" # why\n  test: echo\n";

fn project() -> Project {
    Project::new().file("Taskfile.yml", TASKFILE).file("plans/p.yml", "steps: [{task: build}]\n")
}

fn with_commands(names: &[&str]) -> Beginning {
    Beginning { options: json!({"commands": names}), ..Beginning::default() }
}

fn whole() -> Value {
    json!({"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}})
}

#[test]
fn hover_tells_in_markdown_and_marks_the_word() {
    let project = project();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let place = editor.place("Taskfile.yml", 7, 21);
    let hover = editor.ask("textDocument/hover", place);
    assert_eq!(hover["contents"]["kind"], "markdown");
    let told = hover["contents"]["value"].as_str().unwrap_or_default();
    assert!(told.starts_with("**variable** `NAME`\n\nValue: `ü`"), "{told}");
    let range = json!({"start": {"line": 7, "character": 20}, "end": {"line": 7, "character": 24}});
    assert_eq!(hover["range"], range);
    let blank = editor.place("Taskfile.yml", 3, 0);
    assert_eq!(editor.ask("textDocument/hover", blank), Value::Null);
    editor.end();
}

/// The tokens of a file: line, column, length, and the name of their kind.
fn words(editor: &Editor<'_>, data: &Value) -> Vec<(u64, u64, u64, String)> {
    let numbers: Vec<u64> = data.as_array().expect("numbers").iter().filter_map(Value::as_u64).collect();
    let legend = &editor.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"];
    let (mut line, mut column) = (0, 0);
    let word = |token: &[u64]| {
        column = if token[0] == 0 { column + token[1] } else { token[1] };
        line += token[0];
        (line, column, token[2], legend[token[3] as usize].as_str().unwrap_or_default().to_owned())
    };
    numbers.chunks_exact(5).map(word).collect()
}

#[test]
fn tokens_count_as_the_editor_does() {
    let project = project();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let document = json!({"textDocument": {"uri": editor.uri("Taskfile.yml")}});
    let answer = editor.ask("textDocument/semanticTokens/full", document);
    let line: Vec<_> = words(&editor, &answer["data"]).into_iter().filter(|word| word.0 == 7).collect();
    let expected = [
        (7, 8, 4, "function"),
        (7, 13, 4, "string"),
        (7, 17, 2, "macro"),
        (7, 20, 4, "variable"),
        (7, 24, 2, "macro"),
        (7, 26, 1, "string"),
        (7, 28, 5, "comment"),
    ];
    assert_eq!(line, expected.map(|(line, column, length, kind)| (line, column, length, kind.to_owned())));
    editor.end();
}

#[test]
fn changed_tokens_are_told_alone() {
    let project = project();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let document = json!({"uri": editor.uri("Taskfile.yml")});
    let full = editor.ask("textDocument/semanticTokens/full", json!({"textDocument": document}));
    editor.edit("Taskfile.yml", (8, 12), (8, 12), " $HOME");
    let params = json!({"textDocument": document, "previousResultId": full["resultId"]});
    let delta = editor.ask("textDocument/semanticTokens/full/delta", params.clone());
    let mut data: Vec<Value> = full["data"].as_array().expect("numbers").clone();
    for edit in delta["edits"].as_array().expect("edits") {
        let start = edit["start"].as_u64().unwrap_or_default() as usize;
        let end = start + edit["deleteCount"].as_u64().unwrap_or_default() as usize;
        assert!(end - start < data.len() / 2, "most tokens are the same");
        data.splice(start..end, edit["data"].as_array().cloned().unwrap_or_default());
    }
    let again = editor.ask("textDocument/semanticTokens/full", json!({"textDocument": document}));
    assert_eq!(Value::Array(data), again["data"]);
    // The editor names an answer that is no longer the last.
    let whole = editor.ask("textDocument/semanticTokens/full/delta", params);
    assert_eq!(whole["data"], again["data"]);
    editor.end();
}

#[test]
fn hints_follow_the_settings() {
    for (settings, expected) in [(json!({}), 1), (json!({"inlayHints": {"values": false}}), 0)] {
        let project = project();
        let beginning = Beginning { options: settings.clone(), settings, ..Beginning::default() };
        let mut editor = Editor::start_with(&project, beginning);
        editor.open("Taskfile.yml");
        let params = json!({"textDocument": {"uri": editor.uri("Taskfile.yml")}, "range": whole()});
        let hints = editor.ask("textDocument/inlayHint", params);
        assert_eq!(hints.as_array().map(Vec::len), Some(expected), "{hints}");
        if expected > 0 {
            assert_eq!(hints[0]["label"], "= ü");
            assert_eq!(hints[0]["position"], json!({"line": 7, "character": 26}));
        }
        editor.end();
    }
}

#[test]
fn settings_hold_for_the_next_question() {
    let project = project();
    let mut editor = Editor::start(&project);
    editor.open("Taskfile.yml");
    let uri = editor.uri("Taskfile.yml");
    for values in [true, false].repeat(10) {
        let settings = json!({"settings": {"ez": {"inlayHints": {"values": values}}}});
        editor.tell("workspace/didChangeConfiguration", settings);
        let params = json!({"textDocument": {"uri": uri}, "range": whole()});
        let hints = editor.ask("textDocument/inlayHint", params);
        assert_eq!(hints.as_array().map(Vec::len), Some(usize::from(values)), "{hints}");
    }
    editor.end();
}

#[test]
fn lenses_name_commands_that_the_editor_has() {
    let project = project();
    let mut editor =
        Editor::start_with(&project, with_commands(&["ez.run", "ez.dryRun", "ez.showReferences"]));
    editor.open("Taskfile.yml");
    let uri = editor.uri("Taskfile.yml");
    let lenses = editor.ask("textDocument/codeLens", json!({"textDocument": {"uri": uri}}));
    let titles: Vec<_> =
        lenses.as_array().expect("lenses").iter().map(|lens| lens["command"]["title"].clone()).collect();
    assert_eq!(titles[..3], [json!("▶ run"), json!("dry-run"), Value::Null]);
    let dir = project.root().display().to_string();
    assert_eq!(lenses[0]["command"]["command"], "ez.run");
    assert_eq!(lenses[0]["command"]["arguments"], json!([{"task": "build", "dir": dir, "args": []}]));
    let of_test = editor.ask("codeLens/resolve", lenses[5].clone());
    assert_eq!(of_test["command"]["title"], "1 reference");
    assert_eq!(of_test["command"]["command"], "ez.showReferences");
    assert_eq!(of_test["command"]["arguments"][1], json!({"line": 8, "character": 2}));
    let range = json!({"start": {"line": 4, "character": 11}, "end": {"line": 4, "character": 15}});
    assert_eq!(of_test["command"]["arguments"][2], json!([{"uri": uri, "range": range}]));
    editor.open("plans/p.yml");
    let lenses =
        editor.ask("textDocument/codeLens", json!({"textDocument": {"uri": editor.uri("plans/p.yml")}}));
    assert_eq!(lenses[0]["command"]["arguments"], json!([{"plan": "p", "dir": dir, "args": []}]));
    editor.end();
}

#[test]
fn an_editor_without_commands_sees_no_lenses() {
    let project = project();
    let editor = Editor::start(&project);
    assert_eq!(editor.capabilities["codeLensProvider"], Value::Null);
    editor.end();
    let mut editor = Editor::start_with(&project, with_commands(&["ez.run", "other"]));
    editor.open("Taskfile.yml");
    let uri = editor.uri("Taskfile.yml");
    let lenses = editor.ask("textDocument/codeLens", json!({"textDocument": {"uri": uri}}));
    let commands: Vec<_> =
        lenses.as_array().expect("lenses").iter().map(|lens| &lens["command"]["command"]).collect();
    assert_eq!(commands, ["ez.run", "ez.run"]);
    editor.end();
}

#[test]
fn a_wildcard_is_run_where_the_editor_asks_for_its_words() {
    let text = "version: '3'\ntasks:\n  'start:*': echo\n  all: {deps: ['start:x']}\n";
    let project = Project::new().file("Taskfile.yml", text);
    let commands = json!(["ez.run", "ez.showReferences"]);
    for (options, expected) in [
        (json!({"commands": commands}), vec!["all"]),
        (json!({"commands": commands, "wildcards": true}), vec!["start:*", "all"]),
    ] {
        let mut editor = Editor::start_with(&project, Beginning { options, ..Beginning::default() });
        editor.open("Taskfile.yml");
        let uri = editor.uri("Taskfile.yml");
        let lenses = editor.ask("textDocument/codeLens", json!({"textDocument": {"uri": uri}}));
        let lenses = lenses.as_array().expect("lenses");
        let run = lenses.iter().filter_map(|lens| lens["command"]["arguments"][0]["task"].as_str());
        assert_eq!(run.collect::<Vec<_>>(), expected);
        assert_eq!(lenses.len(), expected.len() + 2);
        editor.end();
    }
}

/// A folder task with a param and an artifact, and a plan that uses all of it.
fn folder_project() -> Project {
    Project::new()
        .file("Taskfile.yml", "version: '3'\ntasks: {all: echo}\n")
        .file("plans/p.yml", "steps:\n  - {task: fw, vars: {EZ_BOARD: large}}\n  - {task: 'fw:sub', inputs: [{from: fw, artifact: image, to: in}], needs: [fw]}\n")
        .file("tasks/fw/Taskfile.yml", "version: '3'\ntasks:\n  default: {deps: [sub], cmds: ['echo $EZ_BOARD']}\n  sub: echo\n  more: echo\n")
        .file("tasks/fw/task.yml", "params: [{name: board, default: tiny}]\nartifacts: [{name: image, path: x}]\n")
}

#[test]
fn lenses_of_a_folder_task_run_it_from_its_project() {
    let project = folder_project();
    let mut editor = Editor::start_with(&project, with_commands(&["ez.run"]));
    editor.open("tasks/fw/Taskfile.yml");
    let uri = editor.uri("tasks/fw/Taskfile.yml");
    let lenses = editor.ask("textDocument/codeLens", json!({"textDocument": {"uri": uri}}));
    let dir = project.root().display().to_string();
    for (lens, task) in ["fw", "fw:sub", "fw:more"].iter().enumerate() {
        let expected = json!([{"task": task, "dir": dir, "args": []}]);
        assert_eq!(lenses[lens]["command"]["arguments"], expected);
    }
    editor.end();
}

#[test]
fn what_plans_use_of_a_folder_task_is_renamed_from_both_sides() {
    let project = folder_project();
    let mut editor = Editor::start(&project);
    editor.open("plans/p.yml");
    editor.open("tasks/fw/Taskfile.yml");
    editor.open("tasks/fw/task.yml");
    let places = [
        (editor.place("plans/p.yml", 2, 15), ("tasks/fw/Taskfile.yml", 3, 2), 3),
        (editor.place("plans/p.yml", 1, 22), ("tasks/fw/task.yml", 0, 16), 3),
        (editor.place("plans/p.yml", 2, 51), ("tasks/fw/task.yml", 1, 20), 2),
    ];
    for (in_plan, (file, line, column), expected) in places {
        let mut in_folder = editor.place(file, line, column);
        let mut in_plan = in_plan;
        let definition = editor.ask("textDocument/definition", in_plan.clone());
        assert!(definition.to_string().contains(file), "{definition}");
        in_plan["newName"] = json!("fresh");
        in_folder["newName"] = json!("fresh");
        let mut edits = [in_plan, in_folder].map(|place| {
            let renamed = editor.ask("textDocument/rename", place);
            let changes = renamed["documentChanges"].as_array().cloned().unwrap_or_default();
            let edits = changes.iter().flat_map(|change| {
                let uri = &change["textDocument"]["uri"];
                change["edits"].as_array().into_iter().flatten().map(move |edit| format!("{uri} {edit}"))
            });
            edits.collect::<Vec<_>>()
        });
        for edits in &mut edits {
            edits.sort();
        }
        assert_eq!(edits[0], edits[1]);
        assert_eq!(edits[0].len(), expected, "{edits:?}");
    }
    editor.end();
}

#[test]
fn a_name_that_a_folder_task_has_is_refused_from_a_plan() {
    let project = folder_project();
    let mut editor = Editor::start(&project);
    editor.open("plans/p.yml");
    let mut place = editor.place("plans/p.yml", 2, 15);
    place["newName"] = json!("more");
    let refusal = editor.try_ask("textDocument/rename", place).expect_err("the name is taken");
    assert!(refusal.to_string().contains("there is a task `more` already"), "{refusal}");
    editor.end();
}
