import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(__dirname, "../../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const json = (path: string) => JSON.parse(read(path));
const manifest = json("package.json");
const english: Record<string, string> = json("package.nls.json");
const sources = readdirSync(join(root, "src"))
  .filter(name => name.endsWith(".ts"))
  .map(name => read(`src/${name}`))
  .join("\n");

interface Setting {
  type: string;
  default: unknown;
  enum?: string[];
  markdownDescription: string;
}

/** The table of settings, as the README has it. */
function settingsTable(): string {
  const rows = Object.entries<Setting>(manifest.contributes.configuration.properties).map(([name, setting]) => {
    const key = setting.markdownDescription.slice(1, -1);
    const values = setting.enum === undefined ? "" : ` ${setting.enum.map(value => `\`${value}\``).join(", ")}.`;
    return `| \`${name}\` | \`${JSON.stringify(setting.default)}\` | ${english[key]}${values} |`;
  });
  return ["| setting | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The table of commands, as the README has it. */
function commandTable(): string {
  const rows = manifest.contributes.commands.map(
    ({ command, title }: { command: string; title: string }) =>
      `| EZ: ${english[title.slice(1, -1)]} | \`${command}\` |`,
  );
  return ["| command | name |", "| --- | --- |", ...rows].join("\n");
}

test("the README has every setting and every command as the manifest says them", () => {
  const readme = read("README.md");
  for (const table of [settingsTable(), commandTable()]) {
    assert.ok(readme.includes(table), `README.md should have this table:\n\n${table}\n`);
  }
});

test("every text of the manifest is there in all languages, and none is left over", () => {
  const used = new Set([...read("package.json").matchAll(/"%([\w.]+)%"/g)].map(match => match[1]));
  assert.deepEqual(Object.keys(english).sort(), [...used].sort());
  assert.deepEqual(Object.keys(json("package.nls.zh-cn.json")), Object.keys(english));
});

test("every text of the code is there in all languages, and none is left over", () => {
  const used = new Set(
    [...sources.matchAll(/l10n\.t\(\s*("(?:[^"\\]|\\.)*")/g)].map(match => JSON.parse(match[1] ?? '""')),
  );
  assert.deepEqual(Object.keys(json("l10n/bundle.l10n.zh-cn.json")).sort(), [...used].sort());
});

test("translations have the places of the original", () => {
  const places = (text: string) => (text.match(/\{\d\}|command:[\w.]+/g) ?? []).sort().join();
  const pairs = [
    ...Object.entries<string>(json("l10n/bundle.l10n.zh-cn.json")),
    ...Object.entries<string>(json("package.nls.zh-cn.json")).map(([key, text]) => [english[key] ?? "", text] as const),
  ];
  for (const [text, translated] of pairs) assert.equal(places(translated), places(text), text);
});

test("every command of the manifest is registered", () => {
  for (const { command } of manifest.contributes.commands) assert.ok(sources.includes(`"${command}":`), command);
});

test("the problem matchers read what ez prints", () => {
  const annotation = new RegExp(manifest.contributes.problemPatterns[0].regexp);
  const line =
    "::error file=Taskfile.yml,line=4,endLine=4,col=12,endColumn=16,title=EZ203 unknown-task::no task is named `tset`%0Adid you mean `test`?";
  assert.deepEqual(annotation.exec(line)?.slice(1), [
    ...["error", "Taskfile.yml", "4", "4", "12", "16", "EZ203", "no task is named `tset`"],
  ]);
  assert.equal(
    annotation.exec("::warning file=a b.yml,line=1,endLine=1,col=1,endColumn=1,title=EZ107 x::m")?.[1],
    "warning",
  );
  const text = [
    "EZ203 unknown-task (https://example.org/EZ203.md)",
    "",
    "  × no task is named `tset`",
    "   ╭─[Taskfile.yml:4:12]",
  ];
  const patterns: { regexp: string }[] = manifest.contributes.problemMatchers[1].pattern;
  text.forEach((line, index) => {
    assert.match(line, new RegExp(patterns[index]?.regexp ?? "^$"));
  });
});
