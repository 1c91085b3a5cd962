import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { createOnigScanner, createOnigString, loadWASM } from "vscode-oniguruma";
import { type IGrammar, INITIAL, parseRawGrammar, Registry } from "vscode-textmate";

const root = join(__dirname, "../../..");
const find = createRequire(__filename).resolve;
const grammars = join(root, "node_modules/tm-grammars/grammars");
const files: Record<string, string> = {
  "source.taskfile": join(root, "syntaxes/taskfile.tmLanguage.json"),
  "source.yaml": join(grammars, "yaml.json"),
  "source.shell": join(grammars, "shellscript.json"),
};
let grammar: IGrammar;

before(async () => {
  await loadWASM(readFileSync(join(find("vscode-oniguruma"), "../onig.wasm")).buffer);
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner, createOnigString }),
    loadGrammar: async scope => {
      const path = files[scope];
      return path === undefined ? null : parseRawGrammar(readFileSync(path, "utf8"), path);
    },
  });
  const loaded = await registry.loadGrammar("source.taskfile");
  assert.ok(loaded);
  grammar = loaded;
});

/** The scopes of the place that `‹›` marks. */
function scopes(marked: string): string {
  let stack = INITIAL;
  for (const line of marked.split("\n")) {
    const at = line.indexOf("‹");
    const { tokens, ruleStack } = grammar.tokenizeLine(line.replace(/[‹›]/g, ""), stack);
    stack = ruleStack;
    if (at !== -1) return tokens.find(token => token.startIndex <= at && at < token.endIndex)?.scopes.join(" ") ?? "";
  }
  throw new Error("nothing is marked");
}

const inTask = (line: string, after = "") =>
  `version: '3'\ntasks:\n  a:\n    desc: about\n    cmds:\n${line}\n${after}`;

test("templates are coloured in all kinds of texts", () => {
  const places = [
    "      - echo {{‹.›NAME}}",
    "      - 'echo {{‹.›NAME}}'",
    '      - "echo {{‹.›NAME}}"',
    "      - |\n        echo {{‹.›NAME}}",
    "      - task: '{{‹.›NAME}}'",
    "    vars: {A: '{{‹.›NAME}}'}",
    "    dir: x/{{‹.›NAME}}/y",
  ];
  for (const place of places) assert.match(scopes(inTask(place)), /meta\.template\.taskfile/, place);
  assert.match(scopes(inTask('      - echo {{.X | ‹default› "a"}}')), /support\.function\.template/);
  assert.match(scopes(inTask("      - '{{‹if› .X}}y{{end}}'")), /keyword\.control\.template/);
  assert.match(scopes(inTask("      - echo {{.X}} ‹after›")), /^(?!.*meta\.template)/);
});

test("commands are coloured as shell", () => {
  const places = [
    "      - ‹echo› one",
    "      - cmd: ‹echo› one",
    "      - defer: ‹rm› -rf x",
    "      - |\n        if true; then\n          ‹echo› one\n        fi",
    "      - cmd: |\n          ‹echo› one",
    "    vars:\n      A:\n        sh: ‹git› rev-parse HEAD",
    "    preconditions:\n      - sh: ‹test› -f x\n        msg: no",
  ];
  for (const place of places) assert.match(scopes(inTask(place)), /meta\.embedded\.(line|block)\.shell/, place);
});

test("what is no command is not", () => {
  const places = [
    "      - ‹task›: build",
    "    deps:\n      - ‹build›",
    "    deps:\n      - ‹docs›:build",
    "    sources:\n      - ‹src›/*.go",
    "    ‹dir›: x",
    "    silent: ‹true›",
    "      # - ‹echo› one",
    "    requires:\n      vars:\n        - ‹NAME›",
  ];
  for (const place of places) assert.doesNotMatch(scopes(inTask(place)), /meta\.embedded/, place);
});

test("shell ends with its line or block, whatever is open in it", () => {
  const opened = ["      - echo 'open", "      - cmd: cat <<EOF", '      - |\n        echo "open\n        cat <<EOF'];
  for (const line of opened) {
    const next = scopes(inTask(line, "  ‹next›:\n    cmds: []"));
    assert.match(next, /entity\.name\.tag\.yaml/, line);
    assert.doesNotMatch(next, /meta\.embedded/, line);
  }
});
