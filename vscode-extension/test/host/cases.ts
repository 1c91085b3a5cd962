/** What the extension does in a real editor with the real program. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as vscode from "vscode";
import { MAX_CRASHES } from "../../src/restart-limit";
import { api, type Case, click, codes, file, folder, open, replaceAll, until } from "./window";

async function labels(children: Promise<unknown[]>): Promise<string[]> {
  return (await children).map(line => JSON.stringify(line));
}

/** Ends the server as a crash would: it is the child of this process that was started as `ez lsp`. */
function killServer(): void {
  for (const id of readdirSync("/proc").filter(name => /^\d+$/.test(name))) {
    try {
      const parent = /^\d+ \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${id}/stat`, "utf8"))?.[1];
      const isServer = readFileSync(`/proc/${id}/cmdline`, "utf8").endsWith("ez\0lsp\0");
      if (isServer && Number(parent) === process.pid) process.kill(Number(id), "SIGKILL");
    } catch {
      // It ended meanwhile.
    }
  }
}

/** The tests, which run one after the other in one window. */
export const tests: readonly Case[] = [
  [
    "activates and starts the server",
    async () => {
      const { server, activation } = await api();
      await until("the server runs", () => server.state === "running");
      assert.match(server.version ?? "", /^\d+\.\d+\.\d+/);
      return `activation ${activation.toFixed(1)} ms`;
    },
  ],
  [
    "gives files of a project the language, and others not",
    async () => {
      assert.equal((await open("Taskfile.yml")).document.languageId, "taskfile");
      const plan = await open("plans/release.yml");
      await until("the plan is a taskfile", () => plan.document.languageId === "taskfile");
      assert.equal((await open("other/plans/chart.yml")).document.languageId, "yaml");
    },
  ],
  [
    "shows findings of unsaved text once, and takes them away",
    async () => {
      const editor = await open("Taskfile.yml");
      const before = editor.document.getText();
      await replaceAll(editor, before.replace("  spell:", "  wrong:\n    deps: [spel]\n\n  spell:"));
      await until("EZ203", () => codes("Taskfile.yml").includes("EZ203"));
      const findings = vscode.languages.getDiagnostics(file("Taskfile.yml"));
      assert.equal(findings.length, 1, JSON.stringify(findings));
      assert.equal(findings[0]?.source, "ez");
      assert.equal(editor.document.getText(findings[0]?.range), "spel");
      await replaceAll(editor, before);
      await until("no findings", () => codes("Taskfile.yml").length === 0);
      await editor.document.save();
    },
  ],
  [
    "lists tasks by namespace and plans by level",
    async () => {
      const { tasks, plans } = await api();
      const lines = await until("tasks", async () => {
        const found = await tasks.getChildren();
        return found.length > 0 ? found : undefined;
      });
      const names = lines.map(line => tasks.getTreeItem(line).label);
      assert.deepEqual(names, ["announce", "greet", "report", "slow", "spell", "words", "site"]);
      const site = lines.at(-1);
      assert.equal((await tasks.getChildren(site)).length, 2);
      const [plan] = await plans.getChildren();
      assert.ok(plan);
      const levels = await plans.getChildren(plan);
      assert.equal(levels.length, 3);
      assert.equal(plans.getTreeItem(levels[0] ?? plan).label, "Level 1");
    },
  ],
  [
    "shows why there are no tasks, and recovers",
    async () => {
      const { tasks, model } = await api();
      const text = Buffer.from(await vscode.workspace.fs.readFile(file("Taskfile.yml")));
      await vscode.workspace.fs.writeFile(file("Taskfile.yml"), Buffer.from("version: '3'\ntasks: [\n"));
      model.refresh();
      const broken = await labels(tasks.getChildren());
      assert.equal(broken.length, 1);
      assert.match(broken[0] ?? "", /"kind":"problem".*EZ101/);
      await vscode.workspace.fs.writeFile(file("Taskfile.yml"), text);
      await until("the tasks are back", async () => (await tasks.getChildren()).length > 2);
    },
  ],
  [
    "reads the tasks again when a file is saved",
    async () => {
      const { tasks } = await api();
      const text = Buffer.from(await vscode.workspace.fs.readFile(file("Taskfile.yml")));
      const longer = Buffer.concat([text, Buffer.from("\n  added:\n    cmds: [echo added]\n")]);
      await vscode.workspace.fs.writeFile(file("Taskfile.yml"), longer);
      const has = async () => (await labels(tasks.getChildren())).some(line => line.includes('"added"'));
      await until("the new task", has);
      await vscode.workspace.fs.writeFile(file("Taskfile.yml"), text);
      await until("the new task is gone", async () => !(await has()));
    },
  ],
  [
    "provides tasks, and runs one",
    async () => {
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      const all = await vscode.tasks.fetchTasks({ type: "ez" });
      const names = all.map(task => task.name);
      for (const name of ["run spell", "run site:build", "plan run release", "check"])
        assert.ok(names.includes(name), name);
      const task = all.find(({ name }) => name === "run site:build");
      assert.ok(task);
      const ended = new Promise<number | undefined>(resolve => {
        const listener = vscode.tasks.onDidEndTaskProcess(event => {
          if (event.execution.task.name !== task.name) return;
          listener.dispose();
          resolve(event.exitCode);
        });
      });
      await vscode.tasks.executeTask(task);
      assert.equal(await ended, 0);
      const made = await vscode.workspace.fs.readFile(file("site.txt"));
      assert.equal(Buffer.from(made).toString(), "built\n");
    },
  ],
  [
    "runs what a code lens names, in its directory with its arguments",
    async () => {
      await vscode.commands.executeCommand("ez.run", { task: "site:args", dir: folder(), args: ["a b", "$x"] });
      const read = async () => Buffer.from(await vscode.workspace.fs.readFile(file("args.txt"))).toString();
      await until("args.txt", () =>
        read().then(
          text => text === "a b|$x|\n",
          () => false,
        ),
      );
    },
  ],
  [
    "draws a plan, follows the cursor and a run",
    async () => {
      const { panel } = await api();
      const editor = await open("plans/release.yml");
      await vscode.commands.executeCommand("ez.showPlanGraph", file("plans/release.yml"));
      await until("the graph", () => panel.shown.boxes === 6);
      assert.equal(panel.shown.plan, "release");
      const at = (text: string) => editor.document.positionAt(editor.document.getText().indexOf(text));
      editor.selection = new vscode.Selection(at("task: report"), at("task: report"));
      await until("report is marked", () => panel.shown.step === "report");
      editor.selection = new vscode.Selection(at("matrix:"), at("matrix:"));
      await until("words is marked", () => panel.shown.step === "words");
      await vscode.commands.executeCommand("ez.run", { plan: "release", dir: folder() });
      await until("the run is shown while it goes on", () => panel.shown.run?.endsWith(" running"));
      await vscode.workspace.fs.writeFile(file("go"), Buffer.from(""));
      await until("the run is over", () => panel.shown.run?.endsWith(" succeeded"));
      click(".box[data-name=announce]");
      const selected = () => vscode.window.activeTextEditor?.selection.active;
      await until("the cursor is where the box was clicked", () => selected()?.line === at("- task: announce").line);
      click("#detail button:last-child");
      await until("the log of the step", () =>
        vscode.window.activeTextEditor?.document.getText().includes("published"),
      );
    },
  ],
  [
    "restarts the server when it is asked to, and when it crashes",
    async () => {
      const { server } = await api();
      await vscode.commands.executeCommand("ez.restartServer");
      await until("it runs again", () => server.state === "running");
      const states: string[] = [];
      const listener = server.onDidChangeState(state => states.push(state));
      killServer();
      await until("it starts by itself", () => states.includes("starting") && server.state === "running");
      listener.dispose();
    },
  ],
  [
    "gives up a server that crashes again and again, until somebody asks for it",
    async () => {
      const { server } = await api();
      for (let crash = 0; crash < MAX_CRASHES && server.state !== "crashed"; crash += 1) {
        const before = server.starts;
        killServer();
        await until("it was noticed", () => server.state === "crashed" || server.starts > before);
        await until("it is settled", () => server.state === "crashed" || server.state === "running");
      }
      assert.equal(server.state, "crashed");
      await vscode.commands.executeCommand("ez.restartServer");
      await until("it runs again", () => server.state === "running");
    },
  ],
  [
    "tells of a wrong program, and starts when the setting is right again",
    async () => {
      const { server } = await api();
      const settings = vscode.workspace.getConfiguration("ez");
      await settings.update("path", "nowhere/ez", vscode.ConfigurationTarget.Workspace);
      await until("the program is missed", () => server.state === "noProgram");
      await settings.update("path", undefined, vscode.ConfigurationTarget.Workspace);
      await until("it runs again", () => server.state === "running");
    },
  ],
  [
    "shows what a check finds while there is no server",
    async () => {
      const { server } = await api();
      const text = Buffer.from(await vscode.workspace.fs.readFile(file("Taskfile.yml")));
      const broken = text.toString().replace("  spell:", "  wrong:\n    deps: [spel]\n\n  spell:");
      await server.stop();
      await vscode.workspace.fs.writeFile(file("Taskfile.yml"), Buffer.from(broken));
      await vscode.commands.executeCommand("ez.check");
      await until("EZ203", () => codes("Taskfile.yml").includes("EZ203"));
      const [finding] = vscode.languages.getDiagnostics(file("Taskfile.yml"));
      const line = broken.split("\n").findIndex(line => line.includes("spel]"));
      assert.deepEqual(finding?.range, new vscode.Range(line, 11, line, 15));
      await vscode.workspace.fs.writeFile(file("Taskfile.yml"), text);
      await vscode.commands.executeCommand("ez.check");
      await until("no findings", () => codes("Taskfile.yml").length === 0);
      await server.start();
      await until("it runs again", () => server.state === "running");
    },
  ],
  [
    "goes on checking after the restart",
    async () => {
      const editor = await open("Taskfile.yml");
      const before = editor.document.getText();
      await replaceAll(editor, before.replace("cmds:", "cmdz:"));
      await until("EZ107", () => codes("Taskfile.yml").includes("EZ107"));
      await replaceAll(editor, before);
      await until("no findings", () => codes("Taskfile.yml").length === 0);
      await editor.document.save();
    },
  ],
];
