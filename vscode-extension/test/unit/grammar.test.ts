import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { createOnigScanner, createOnigString, loadWASM } from "vscode-oniguruma";
import { type IGrammar, INITIAL, parseRawGrammar, Registry } from "vscode-textmate";

const root = join(__dirname, "../../..");
const find = createRequire(__filename).resolve;
const older = join(root, "node_modules/tm-grammars/grammars");
/** The grammars of YAML: the one that editors had for long, and, where VS Code is installed for its tests, the one that it has now. */
const installed = process.env.EZ_CODE_SERVER;
const newer = join(installed ?? "", "node_modules/code-server/lib/vscode/extensions/yaml/syntaxes");
const versions = ["1.0", "1.1", "1.2", "1.3", "embedded"];
const yaml: Record<string, string>[] = [{ "source.yaml": join(older, "yaml.json") }];
if (installed !== undefined) {
  const parts = versions.map(name => [`source.yaml.${name}`, join(newer, `yaml-${name}.tmLanguage.json`)]);
  yaml.push({ "source.yaml": join(newer, "yaml.tmLanguage.json"), ...Object.fromEntries(parts) });
}
const grammars: IGrammar[] = [];

before(async () => {
  await loadWASM(readFileSync(join(find("vscode-oniguruma"), "../onig.wasm")).buffer);
  for (const files of yaml) {
    const all: Record<string, string> = {
      ...files,
      "source.taskfile": join(root, "syntaxes/taskfile.tmLanguage.json"),
      "source.shell": join(older, "shellscript.json"),
    };
    const registry = new Registry({
      onigLib: Promise.resolve({ createOnigScanner, createOnigString }),
      loadGrammar: async scope => {
        const path = all[scope];
        return path === undefined ? null : parseRawGrammar(readFileSync(path, "utf8"), path);
      },
    });
    const loaded = await registry.loadGrammar("source.taskfile");
    assert.ok(loaded);
    grammars.push(loaded);
  }
});

/** The scopes of the place that `‹›` marks, in each grammar of YAML a line. */
function scopes(marked: string): string {
  return grammars.map(grammar => scopesIn(grammar, marked)).join("\n");
}

/** Asserts that a place has a scope, or has not, whatever grammar of YAML there is. */
function has(marked: string, scope: RegExp, expected = true): void {
  for (const line of scopes(marked).split("\n")) assert.equal(scope.test(line), expected, `${marked}\n${line}`);
}

function scopesIn(grammar: IGrammar, marked: string): string {
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
  for (const place of places) has(inTask(place), /meta\.template\.expression/);
  has(inTask('      - echo {{.X | ‹default› "a"}}'), /support\.function\.template/);
  has(inTask("      - '{{‹if› .X}}y{{end}}'"), /keyword\.control\.template/);
  has(inTask("      - echo {{.X}} ‹after›"), /meta\.template/, false);
});

test("commands are coloured as shell", () => {
  const places = [
    "      - ‹echo› one",
    "      - task: x\n      - ‹echo› one",
    "      - echo one\n      - ‹echo› two",
    "      - cmd: ‹echo› one",
    "      - cmd: ‹echo› one\n        silent: true",
    "      - defer: ‹rm› -rf x",
    "      - |\n        if true; then\n          ‹echo› one\n        fi",
    "      - |\n        echo one\n\n        ‹echo› two",
    "      - cmd: |\n          ‹echo› one",
    "      - silent: true\n        cmd: |\n          ‹echo› one",
    "    vars:\n      A:\n        sh: ‹git› rev-parse HEAD",
    "    vars:\n      A: {sh: ‹git› rev-parse HEAD}",
    "    vars:\n      A:\n        sh: |\n          ‹git› rev-parse HEAD",
    "    preconditions:\n      - sh: ‹test› -f x\n        msg: no",
  ];
  for (const place of places) has(inTask(place), /meta\.embedded\.(line|block)\.shell/);
});

test("what is no command is not", () => {
  const places = [
    "      - ‹task›: build",
    "      - cmd: |\n          echo one\n        ‹silent›: true",
    "      - cmd: echo one\n        ‹silent›: true",
    "      - |\n        echo one\n    ‹dir›: x",
    "      - sh: |\n          echo one\n        ‹msg›: no",
    "    vars:\n      A:\n        sh: |\n          echo one\n      ‹B›: x",
    "    vars:\n      A: {sh: echo one}\n      ‹B›: x",
    "    vars:\n      A: {sh: echo one‹}›",
    "    vars:\n      A: {sh: echo, ‹x›: y}",
    "    deps:\n      - ‹build›",
    "    deps:\n      - ‹docs›:build",
    "    sources:\n      - ‹src›/*.go",
    "    ‹dir›: x",
    "    silent: ‹true›",
    "      # - ‹echo› one",
    "    requires:\n      vars:\n        - ‹NAME›",
  ];
  for (const place of places) has(inTask(place), /meta\.embedded/, false);
});

test("shell ends with its line or block, whatever is open in it", () => {
  const opened = ["      - echo 'open", "      - cmd: cat <<EOF", '      - |\n        echo "open\n        cat <<EOF'];
  for (const line of opened) {
    const next = inTask(line, "  ‹next›:\n    cmds: []");
    has(next, /entity\.name\.tag\.yaml/);
    has(next, /meta\.embedded/, false);
  }
});
