//! The language server announces what it can, and nothing else: for everything that it announces a question stands here that
//! gets an answer with something in it, and the page for people has a row.

use std::collections::BTreeSet;

use ez_tests::editor::{Beginning, Editor, usual_capabilities};
use ez_tests::{Project, program};
use serde_json::{Value, json};

const TASKFILE: &str = "\
version: '3'
includes: {docs: docs}
vars: {NAME: site}
tasks:
  build:
    desc: Builds the site
    deps: [test, 'docs:pages']
    cmds:
      - echo {{.NAME | upper}}
      - echo {{index .LIST 0}}
  test:
    cmds: [go test ./...]
  other:  
    cmds:
      -   task: test
      - echo   two
";

const INCLUDED: &str = "version: '3'\ntasks:\n  pages: {desc: Writes the pages, cmds: [echo pages]}\n";

const PLAN: &str = "\
steps:
  - name: first
    task: test
  - name: second
    task: build
    needs: [first]
    matrix: {os: [linux, windows]}
    vars: {OS: '{{.os}}'}
";

/// A file with a mistake that can be mended.
const WRONG: &str = "version: '3'\ntasks:\n  build:\n    deps: [tset]\n  test: echo\n";

/// An editor that can everything.
fn capabilities() -> Value {
    let mut capabilities = usual_capabilities();
    let document = &mut capabilities["textDocument"];
    document["diagnostic"] = json!({"relatedDocumentSupport": true});
    document["codeAction"]["resolveSupport"] = json!({"properties": ["edit"]});
    document["codeAction"]["dataSupport"] = json!(true);
    document["semanticTokens"] = json!({
        "requests": {"full": {"delta": true}, "range": true},
        "formats": ["relative"],
        "tokenTypes": ["variable", "function", "keyword", "string", "operator", "parameter", "property"],
        "tokenModifiers": ["declaration", "defaultLibrary"],
    });
    document["inlayHint"] = json!({"resolveSupport": {"properties": ["tooltip"]}});
    document["onTypeFormatting"] = json!({"dynamicRegistration": false});
    capabilities["workspace"]["fileOperations"] = json!({"willRename": true, "didRename": true});
    capabilities["workspace"]["diagnostics"] = json!({"refreshSupport": true});
    capabilities
}

/// Everything that is announced: `hoverProvider`, `completionProvider.resolveProvider`, `workspace.workspaceFolders`,
/// `codeActionProvider.quickfix`, and so on.
fn announced(capabilities: &Value) -> BTreeSet<String> {
    let mut features = BTreeSet::new();
    for (name, value) in capabilities.as_object().expect("capabilities") {
        match name.as_str() {
            "workspace" | "textDocumentSync" => {}
            _ if value == &json!(false) || value.is_null() => continue,
            _ => {
                features.insert(name.clone());
            }
        }
        for (part, value) in value.as_object().into_iter().flatten() {
            features.extend(parts(part, value).into_iter().map(|part| format!("{name}.{part}")));
        }
    }
    features
}

/// What a part of a capability announces; what it is only an option of, as letters that trigger something, is nothing.
fn parts(name: &str, value: &Value) -> Vec<String> {
    match (name, value) {
        (_, Value::Bool(false) | Value::Null) | ("interFileDependencies", _) => Vec::new(),
        ("codeActionKinds" | "commands", Value::Array(kinds)) => {
            kinds.iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect()
        }
        ("fileOperations", Value::Object(operations)) => {
            operations.keys().map(|operation| format!("fileOperations.{operation}")).collect()
        }
        ("full", Value::Object(_)) => vec!["full".into(), "full.delta".into()],
        (_, Value::Bool(true) | Value::Object(_)) if name != "legend" => vec![name.to_owned()],
        ("change", _) => vec![name.to_owned()],
        _ => Vec::new(),
    }
}

/// An editor with files open, that asks.
struct Asker<'p> {
    project: &'p Project,
    editor: Editor<'p>,
}

impl Asker<'_> {
    /// Asks about a place, which `|` marks in a piece of the file's text.
    fn ask_at(&mut self, method: &str, path: &str, piece: &str, more: &Value) -> Value {
        let (line, character) = self.find(path, piece);
        let mut params = self.editor.place(path, line, character);
        for (key, value) in more.as_object().into_iter().flatten() {
            params[key] = value.clone();
        }
        self.editor.ask(method, params)
    }

    fn find(&self, path: &str, piece: &str) -> (u32, u32) {
        let text = self.project.read(path).expect("a file");
        let before = piece.find('|').expect("a mark");
        let at =
            text.find(&piece.replace('|', "")).unwrap_or_else(|| panic!("{path} lacks {piece}")) + before;
        let line = text[..at].matches('\n').count();
        (line as u32, text[..at].rsplit('\n').next().unwrap_or_default().len() as u32)
    }

    fn document(&self, path: &str) -> Value {
        json!({"uri": self.editor.uri(path)})
    }

    /// Asks about a whole file.
    fn ask_of(&mut self, method: &str, path: &str, more: &Value) -> Value {
        let mut params = json!({"textDocument": self.document(path)});
        for (key, value) in more.as_object().into_iter().flatten() {
            params[key] = value.clone();
        }
        self.editor.ask(method, params)
    }

    /// Asks about the first of what another question gave.
    fn ask_about_first(&mut self, method: &str, list: &Value) -> Value {
        let items = if list["items"].is_array() { &list["items"] } else { list };
        self.editor.ask(method, items[0].clone())
    }

    fn completion(&mut self) -> Value {
        self.ask_at("textDocument/completion", "Taskfile.yml", "deps: [|test", &json!({}))
    }

    fn call_item(&mut self) -> Value {
        let items =
            self.ask_at("textDocument/prepareCallHierarchy", "Taskfile.yml", "  te|st:\n", &json!({}));
        json!({"item": items[0]})
    }

    /// The actions of a kind between two places.
    fn actions(&mut self, kind: &str, path: &str, from: &str, to: &str) -> Value {
        let place = |(line, character)| json!({"line": line, "character": character});
        let range = json!({"start": place(self.find(path, from)), "end": place(self.find(path, to))});
        let more = json!({"range": range, "context": {"diagnostics": [], "only": [kind]}});
        self.ask_of("textDocument/codeAction", path, &more)
    }

    /// An answer that shows that a feature is there; `None` for one that nobody here knows.
    fn ask(&mut self, feature: &str) -> Option<Value> {
        let all =
            json!({"range": {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}});
        let formatting = json!({"options": {"tabSize": 2, "insertSpaces": true}});
        let (root, plan) = ("Taskfile.yml", "plans/release.yml");
        let call = "deps: [te|st";
        Some(match feature {
            "positionEncoding" => self.editor.capabilities["positionEncoding"].clone(),
            "textDocumentSync.openClose" | "textDocumentSync.change" | "diagnosticProvider" => {
                self.editor.open_as("wrong/Taskfile.yml", "version: '3'\n");
                self.editor.replace("wrong/Taskfile.yml", WRONG);
                self.ask_of("textDocument/diagnostic", "wrong/Taskfile.yml", &json!({}))["items"].clone()
            }
            "textDocumentSync.save" => {
                self.project.write("late/Taskfile.yml", WRONG);
                let document = self.document("late/Taskfile.yml");
                self.editor.tell("textDocument/didSave", json!({"textDocument": document}));
                self.ask_of("textDocument/diagnostic", "late/Taskfile.yml", &json!({}))["items"].clone()
            }
            "diagnosticProvider.workspaceDiagnostics" => {
                self.editor.ask("workspace/diagnostic", json!({"previousResultIds": []}))["items"].clone()
            }
            "workspace.workspaceFolders" => {
                let folder = json!({"uri": self.editor.uri("../outside"), "name": "outside"});
                self.project.write("../outside/Taskfile.yml", WRONG);
                let event = json!({"event": {"added": [folder], "removed": []}});
                self.editor.tell("workspace/didChangeWorkspaceFolders", event);
                let report = self.editor.ask("workspace/diagnostic", json!({"previousResultIds": []}));
                let items = report["items"].as_array().into_iter().flatten();
                items.filter(|item| item["uri"].to_string().contains("outside")).cloned().collect()
            }
            "completionProvider" => self.completion(),
            "completionProvider.resolveProvider" => {
                let offered = self.completion();
                self.ask_about_first("completionItem/resolve", &offered)["documentation"].clone()
            }
            "hoverProvider" => self.ask_at("textDocument/hover", root, call, &json!({}))["contents"].clone(),
            "signatureHelpProvider" => {
                let help = self.ask_at("textDocument/signatureHelp", root, "{{index .LIST |0}}", &json!({}));
                help["signatures"].clone()
            }
            "definitionProvider" => self.ask_at("textDocument/definition", root, call, &json!({})),
            "declarationProvider" => self.ask_at("textDocument/declaration", root, call, &json!({})),
            "referencesProvider" => {
                let context = json!({"context": {"includeDeclaration": true}});
                self.ask_at("textDocument/references", root, call, &context)
            }
            "documentHighlightProvider" => {
                self.ask_at("textDocument/documentHighlight", root, call, &json!({}))
            }
            "renameProvider" => self.ask_at("textDocument/rename", root, call, &json!({"newName": "verify"}))
                ["documentChanges"]
                .clone(),
            "renameProvider.prepareProvider" => {
                self.ask_at("textDocument/prepareRename", root, call, &json!({}))
            }
            "documentSymbolProvider" => self.ask_of("textDocument/documentSymbol", root, &json!({})),
            "workspaceSymbolProvider" => self.editor.ask("workspace/symbol", json!({"query": "pages"})),
            "callHierarchyProvider" => {
                let item = self.call_item();
                let incoming = self.editor.ask("callHierarchy/incomingCalls", item);
                let caller = json!({"item": incoming[0]["from"]});
                self.editor.ask("callHierarchy/outgoingCalls", caller)
            }
            "documentLinkProvider" => self.ask_of("textDocument/documentLink", root, &json!({})),
            "foldingRangeProvider" => self.ask_of("textDocument/foldingRange", root, &json!({})),
            "selectionRangeProvider" => {
                let (line, character) = self.find(root, call);
                let positions = json!({"positions": [{"line": line, "character": character}]});
                self.ask_of("textDocument/selectionRange", root, &positions)[0]["parent"].clone()
            }
            "inlayHintProvider" => self.ask_of("textDocument/inlayHint", plan, &all),
            "semanticTokensProvider" | "semanticTokensProvider.full" => {
                self.ask_of("textDocument/semanticTokens/full", root, &json!({}))["data"].clone()
            }
            "semanticTokensProvider.full.delta" => {
                let told = self.ask_of("textDocument/semanticTokens/full", root, &json!({}));
                let (line, character) = self.find(root, "echo |{{.NAME");
                self.editor.edit(root, (line, character), (line, character), "$HOME {{.X}} ");
                let before = json!({"previousResultId": told["resultId"]});
                let delta = self.ask_of("textDocument/semanticTokens/full/delta", root, &before);
                self.editor.replace(root, TASKFILE);
                delta["edits"].clone()
            }
            "semanticTokensProvider.range" => {
                self.ask_of("textDocument/semanticTokens/range", root, &all)["data"].clone()
            }
            "codeLensProvider" => self.ask_of("textDocument/codeLens", root, &json!({})),
            "codeLensProvider.resolveProvider" => {
                let lenses = self.ask_of("textDocument/codeLens", root, &json!({}));
                let unresolved =
                    lenses.as_array().into_iter().flatten().find(|lens| lens["command"].is_null());
                let unresolved = unresolved.expect("a lens without its command").clone();
                self.editor.ask("codeLens/resolve", unresolved)["command"].clone()
            }
            "documentFormattingProvider" => self.ask_of("textDocument/formatting", root, &formatting),
            "documentRangeFormattingProvider" => {
                let mut more = all.clone();
                more["options"] = formatting["options"].clone();
                self.ask_of("textDocument/rangeFormatting", root, &more)
            }
            "documentOnTypeFormattingProvider" => {
                self.editor.open_as("typing/Taskfile.yml", "version: '3'\ntasks:\n\n");
                let typed = json!({"ch": "\n", "position": {"line": 2, "character": 0}, "options": formatting["options"]});
                self.ask_of("textDocument/onTypeFormatting", "typing/Taskfile.yml", &typed)
            }
            "codeActionProvider" | "codeActionProvider.quickfix" | "codeActionProvider.source.fixAll.ez" => {
                let kind = feature.strip_prefix("codeActionProvider.").unwrap_or("quickfix");
                self.editor.open_as("wrong/Taskfile.yml", WRONG);
                self.actions(kind, "wrong/Taskfile.yml", "deps: [t|set", "deps: [ts|et")
            }
            "codeActionProvider.resolveProvider" => {
                self.editor.open_as("wrong/Taskfile.yml", WRONG);
                let actions = self.actions("quickfix", "wrong/Taskfile.yml", "deps: [t|set", "deps: [ts|et");
                self.ask_about_first("codeAction/resolve", &actions)["edit"].clone()
            }
            "codeActionProvider.refactor.extract" => {
                self.actions("refactor.extract", root, "- |echo {{.NAME", "index .LIST 0}}|")
            }
            "codeActionProvider.refactor.inline" => {
                self.actions("refactor.inline", root, "task: te|st", "task: te|st")
            }
            "codeActionProvider.refactor.rewrite" => {
                self.actions("refactor.rewrite", root, "c|mds: [go", "c|mds: [go")
            }
            _ => return None,
        })
    }
}

/// Whether there is something in an answer.
fn tells(answer: &Value) -> bool {
    match answer {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn project() -> Project {
    Project::new()
        .file("Taskfile.yml", TASKFILE)
        .file("docs/Taskfile.yml", INCLUDED)
        .file("plans/release.yml", PLAN)
        .file("wrong/Taskfile.yml", WRONG)
}

fn start(project: &Project) -> Editor<'_> {
    let options = json!({"commands": ["ez.run", "ez.dryRun", "ez.showReferences"]});
    Editor::start_with(project, Beginning { capabilities: capabilities(), options, ..Beginning::default() })
}

#[test]
fn everything_that_is_announced_gives_an_answer() {
    let project = project();
    let mut editor = start(&project);
    let features = announced(&editor.capabilities);
    for path in ["Taskfile.yml", "docs/Taskfile.yml", "plans/release.yml"] {
        editor.open(path);
    }
    let mut asker = Asker { project: &project, editor };
    let mut silent = Vec::new();
    for feature in &features {
        match asker.ask(feature) {
            Some(answer) if tells(&answer) => {}
            Some(answer) => silent.push(format!("{feature} answers {answer}")),
            None => silent.push(format!("{feature} is announced, and no question is here; add one")),
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    asker.editor.end();
}

#[test]
fn the_page_has_a_row_for_everything_that_is_announced() {
    let project = project();
    let editor = start(&project);
    let names = announced(&editor.capabilities).into_iter().filter_map(|feature| {
        let mut parts = feature.split('.');
        match (parts.next()?, parts.next()) {
            ("positionEncoding" | "textDocumentSync", _) => None,
            ("workspace", Some(part)) => Some(format!("workspace.{part}")),
            (name, _) => Some(name.to_owned()),
        }
    });
    let names: BTreeSet<String> = names.collect();
    let page = std::fs::read_to_string(program::repository().join("docs/editors.md")).expect("the page");
    let table = page.split("## What it offers").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = table.expect("the table").lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.split('|').nth(2)?.trim().strip_prefix('`')?.strip_suffix('`'));
    let rows: BTreeSet<String> = cells.map(str::to_owned).collect();
    assert_eq!(rows, names);
    editor.end();
}
