/** What the language server answers, as VS Code gets it through the extension. */

import assert from "node:assert/strict";
import * as vscode from "vscode";
import { type Case, codes, file, folder, open, placeIn, replaceAll, until, withText } from "./window";

const TASKFILE = `version: '3'
vars: {NAME: garden}
tasks:
  build:
    desc: Build the site
    deps: [words]
    cmds:
      - echo {{.NAME | upper}}
  words: echo words
`;

/** Calls one of the editor's own commands, which ask the extensions. */
async function ask<Answer>(command: string, ...args: unknown[]): Promise<Answer> {
  const answer = await vscode.commands.executeCommand<Answer | undefined>(command, ...args);
  assert.ok(answer, command);
  return answer;
}

/** The lines of a hover. */
function hoverText(hovers: readonly vscode.Hover[]): string {
  const contents = hovers.flatMap(({ contents }) => contents);
  return contents.map(content => (typeof content === "string" ? content : content.value)).join("\n");
}

/** The words that semantic tokens colour, with their kinds. */
function coloured(document: vscode.TextDocument, legend: vscode.SemanticTokensLegend, data: Uint32Array): string[] {
  const words: string[] = [];
  let place = new vscode.Position(0, 0);
  for (let at = 0; at + 4 < data.length; at += 5) {
    const [line = 0, column = 0, length = 0, kind = 0] = data.subarray(at, at + 4);
    place = line === 0 ? place.translate(0, column) : new vscode.Position(place.line + line, column);
    const word = document.getText(new vscode.Range(place, place.translate(0, length)));
    words.push(`${legend.tokenTypes[kind]} ${word}`);
  }
  return words;
}

/** The tests, which run one after the other in one window. */
export const languageTests: readonly Case[] = [
  [
    "shows lenses that run a task and tell how often it is used",
    () =>
      withText("Taskfile.yml", TASKFILE, async document => {
        const lenses = await until("lenses", async () => {
          const found = await ask<vscode.CodeLens[]>("vscode.executeCodeLensProvider", document.uri, 100);
          return found.length > 0 ? found : undefined;
        });
        const shown = lenses.map(({ range, command }) => `${range.start.line} ${command?.command} ${command?.title}`);
        assert.equal(shown.length, 6, shown.join("\n"));
        const [run, dryRun, references] = lenses.filter(({ range }) => range.start.line === 8);
        assert.equal(run?.command?.command, "ez.run");
        assert.deepEqual(run?.command?.arguments, [{ task: "words", dir: folder(), args: [] }]);
        assert.equal(dryRun?.command?.command, "ez.dryRun");
        assert.equal(references?.command?.command, "ez.showReferences");
        assert.equal(references?.command?.arguments?.length, 3);
        const known = await vscode.commands.getCommands(true);
        for (const { command } of lenses) assert.ok(known.includes(command?.command ?? ""), command?.command);
        return lenses.map(({ command }) => command?.title).join(", ");
      }),
  ],
  [
    "shows the levels of a plan, and values where they are known",
    async () => {
      const hints = async (document: vscode.TextDocument) => {
        const whole = new vscode.Range(0, 0, document.lineCount, 0);
        const found = await ask<vscode.InlayHint[]>("vscode.executeInlayHintProvider", document.uri, whole);
        return found.map(({ label }) => (typeof label === "string" ? label : label.map(part => part.value).join("")));
      };
      const plan = await open("plans/release.yml");
      const levels = await until("levels", async () => {
        const found = await hints(plan.document);
        return found.length >= 5 ? found.join(", ") : undefined;
      });
      const values = await withText("Taskfile.yml", TASKFILE, document =>
        until("a value", async () => (await hints(document)).find(label => label.includes("GARDEN"))),
      );
      return `${levels}, ${values}`;
    },
  ],
  [
    "explains what is under the pointer",
    () =>
      withText("Taskfile.yml", TASKFILE.replace("deps", "de¦ps"), async (document, key) => {
        const hover = async (place: vscode.Position) =>
          hoverText(await ask<vscode.Hover[]>("vscode.executeHoverProvider", document.uri, place));
        await until("the key", async () => (await hover(key)).includes("deps"));
        assert.match(await hover(placeIn(document, "{{.NA¦ME")), /Value: `garden`/);
        assert.match(await hover(placeIn(document, "deps: [wo¦rds]")), /words/);
        assert.match(await hover(placeIn(document, "| up¦per")), /upper/);
      }),
  ],
  [
    "colours templates and shell",
    () =>
      withText("Taskfile.yml", TASKFILE, async document => {
        const legend = await until("a legend", () =>
          vscode.commands.executeCommand<vscode.SemanticTokensLegend>(
            "vscode.provideDocumentSemanticTokensLegend",
            document.uri,
          ),
        );
        const words = await until("colours", async () => {
          const tokens = await vscode.commands.executeCommand<vscode.SemanticTokens | undefined>(
            "vscode.provideDocumentSemanticTokens",
            document.uri,
          );
          return tokens && coloured(document, legend, tokens.data);
        });
        assert.ok(
          words.some(word => word.endsWith("NAME")),
          words.join(),
        );
        assert.ok(words.includes("function upper"), words.join());
      }),
  ],
  [
    "goes to definitions and finds references in other files",
    async () => {
      const plan = (await open("plans/release.yml")).document;
      const task = placeIn(plan, "task: re¦port");
      const [definition] = await until("a definition", async () => {
        const found = await ask<(vscode.Location | vscode.LocationLink)[]>(
          "vscode.executeDefinitionProvider",
          plan.uri,
          task,
        );
        return found.length > 0 ? found : undefined;
      });
      assert.ok(definition);
      const target = "targetUri" in definition ? definition.targetUri : definition.uri;
      assert.equal(target.fsPath, file("Taskfile.yml").fsPath);
      const places = await ask<vscode.Location[]>("vscode.executeReferenceProvider", plan.uri, task);
      const files = new Set(places.map(({ uri }) => uri.fsPath));
      assert.deepEqual([...files].sort(), [file("Taskfile.yml").fsPath, file("plans/release.yml").fsPath]);
      const symbols = await ask<vscode.SymbolInformation[]>("vscode.executeWorkspaceSymbolProvider", "sitebui");
      assert.ok(symbols.some(({ name }) => name === "site:build"));
    },
  ],
  [
    "renames a task in all files, after which nothing is wrong",
    async () => {
      const plan = (await open("plans/release.yml")).document;
      const taskfile = (await open("Taskfile.yml")).document;
      const before = [plan, taskfile].map(document => document.getText());
      const edit = await ask<vscode.WorkspaceEdit>(
        "vscode.executeDocumentRenameProvider",
        taskfile.uri,
        placeIn(taskfile, "re¦port:"),
        "summary",
      );
      assert.equal(edit.entries().length, 2);
      assert.ok(await vscode.workspace.applyEdit(edit));
      try {
        assert.match(taskfile.getText(), /^ {2}summary:$/m);
        assert.match(plan.getText(), /task: summary$/m);
        await until("no findings", () => [...codes("Taskfile.yml"), ...codes("plans/release.yml")].length === 0);
      } finally {
        await replaceAll(await open("plans/release.yml"), before[0] ?? "");
        await replaceAll(await open("Taskfile.yml"), before[1] ?? "");
        await vscode.workspace.saveAll();
      }
    },
  ],
  [
    "completes tasks, keys, variables and functions",
    async () => {
      const labels = (marked: string) =>
        withText("Taskfile.yml", marked, async (document, place) => {
          const list = await until("proposals", async () => {
            const found = await ask<vscode.CompletionList>(
              "vscode.executeCompletionItemProvider",
              document.uri,
              place,
              undefined,
              50,
            );
            return found.items.some(({ kind }) => kind !== vscode.CompletionItemKind.Text) ? found : undefined;
          });
          return list.items.map(({ label }) => (typeof label === "string" ? label : label.label));
        });
      assert.ok((await labels(TASKFILE.replace("[words]", "[¦]"))).includes("words"));
      assert.ok((await labels(TASKFILE.replace("    desc:", "    sou¦\n    desc:"))).includes("sources"));
      assert.ok((await labels(TASKFILE.replace("{{.NAME", "{{.¦"))).some(label => label.endsWith("NAME")));
      assert.ok((await labels(TASKFILE.replace("upper", "up¦"))).includes("upper"));
    },
  ],
  [
    "tells the arguments of a function",
    () =>
      withText("Taskfile.yml", TASKFILE.replace(".NAME | upper", "replace ¦"), async (document, place) => {
        const help = await until("a signature", async () => {
          const found = await vscode.commands.executeCommand<vscode.SignatureHelp | undefined>(
            "vscode.executeSignatureHelpProvider",
            document.uri,
            place,
          );
          return found?.signatures[0];
        });
        assert.match(help.label, /replace/);
        assert.equal(help.parameters.length, 3);
      }),
  ],
  [
    "mends a finding, and all of a file",
    () =>
      withText("Taskfile.yml", TASKFILE.replace("[words]", "[wrods]").replace("desc", "desk"), async document => {
        await until("two findings", () => codes("Taskfile.yml").length === 2);
        const actions = async (kind: string, range: vscode.Range) =>
          ask<vscode.CodeAction[]>("vscode.executeCodeActionProvider", document.uri, range, kind, 10);
        const place = placeIn(document, "wr¦ods");
        const fixes = await actions("quickfix", new vscode.Range(place, place));
        const [fix] = fixes;
        assert.ok(fix?.edit, JSON.stringify(fixes));
        assert.ok(fix.isPreferred);
        assert.ok(await vscode.workspace.applyEdit(fix.edit));
        assert.match(document.getText(), /deps: \[words\]/);
        await until("one finding", () => codes("Taskfile.yml").length === 1);
        const [all] = await actions("source.fixAll.ez", new vscode.Range(0, 0, document.lineCount, 0));
        assert.ok(all?.edit, "fix all");
        assert.ok(await vscode.workspace.applyEdit(all.edit));
        assert.equal(document.getText(), TASKFILE);
        await until("no findings", () => codes("Taskfile.yml").length === 0);
        return fix.title;
      }),
  ],
  [
    "extracts a command into a task, and inlines it again",
    () =>
      withText("Taskfile.yml", TASKFILE, async document => {
        const change = async (kind: string, piece: string) => {
          const place = placeIn(document, piece);
          const range = new vscode.Range(place, place);
          const [action] = await until(kind, async () => {
            const found = await ask<vscode.CodeAction[]>(
              "vscode.executeCodeActionProvider",
              document.uri,
              range,
              kind,
              9,
            );
            return found.length > 0 ? found : undefined;
          });
          assert.ok(action?.edit, JSON.stringify(action));
          assert.ok(await vscode.workspace.applyEdit(action.edit));
          return action.title;
        };
        const extracted = await change("refactor.extract", "ec¦ho {{.NAME");
        assert.match(document.getText(), /cmds:\n {6}- task: \S+\n/);
        const inlined = await change("refactor.inline", "- task: bui¦ld");
        assert.match(document.getText(), /cmds:\n {6}- echo \{\{\.NAME \| upper\}\}\n/);
        return `${extracted}, ${inlined}`;
      }),
  ],
  [
    "lays out a file by its white space, and folds it",
    () =>
      withText("Taskfile.yml", TASKFILE.replace("      - echo", "           -   echo"), async document => {
        const edits = await until("edits", async () => {
          const options: vscode.FormattingOptions = { tabSize: 2, insertSpaces: true };
          const found = await vscode.commands.executeCommand<vscode.TextEdit[] | undefined>(
            "vscode.executeFormatDocumentProvider",
            document.uri,
            options,
          );
          return found !== undefined && found.length > 0 ? found : undefined;
        });
        const edit = new vscode.WorkspaceEdit();
        edit.set(document.uri, edits);
        assert.ok(await vscode.workspace.applyEdit(edit));
        assert.equal(document.getText(), TASKFILE);
        const folds = await ask<vscode.FoldingRange[]>("vscode.executeFoldingRangeProvider", document.uri);
        assert.ok(
          folds.some(({ start, end }) => start === 3 && end === 7),
          JSON.stringify(folds),
        );
      }),
  ],
];
