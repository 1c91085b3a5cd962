/** Commands that ask for something: the driver types what a person would. */

import assert from "node:assert/strict";
import * as vscode from "vscode";
import type { Line } from "../../src/tree-views";
import { answer, api, type Case, file, until } from "./window";

async function text(path: string): Promise<string | undefined> {
  return vscode.workspace.fs.readFile(file(path)).then(
    bytes => Buffer.from(bytes).toString(),
    () => undefined,
  );
}

async function lineOf(task: string): Promise<Line> {
  const { tasks } = await api();
  const find = async () => {
    const lines = await tasks.getChildren();
    return lines.find(line => line.kind === "branch" && line.branch.name === task);
  };
  return until(task, find);
}

/** Where the cursor of the active editor is: file, line from 1. */
function cursor(): string {
  const editor = vscode.window.activeTextEditor;
  return `${editor?.document.uri.fsPath}:${(editor?.selection.active.line ?? -1) + 1}`;
}

/** The tests, which run one after the other in one window. */
export const commandTests: readonly Case[] = [
  [
    "goes from a line of the view to its definition",
    async () => {
      await vscode.commands.executeCommand("ez.goToDefinition", await lineOf("spell"));
      const document = vscode.window.activeTextEditor?.document;
      const line = document?.getText().split("\n").indexOf("  spell:") ?? -2;
      assert.equal(cursor(), `${file("Taskfile.yml").fsPath}:${line + 1}`);
    },
  ],
  [
    "asks for params with their options and defaults, and for what else there is",
    async () => {
      const running = vscode.commands.executeCommand("ez.runWithParams", await lineOf("greet"));
      answer("who", "wor");
      answer("how", "loudly");
      answer("Further variables", "MORE='and more' -- a");
      await running;
      await until("the greeting", async () => (await text("greeting.txt")) === "world loudly and more a\n");
    },
  ],
  [
    "makes a folder task and a plan by asking",
    async () => {
      const task = vscode.commands.executeCommand("ez.newTask");
      answer("Name of the new folder task", "pack");
      answer("What it does", "Pack the site");
      await task;
      assert.equal(cursor(), `${file("tasks/pack/Taskfile.yml").fsPath}:1`);
      assert.match((await text("tasks/pack/task.yml")) ?? "", /Pack the site/);
      await lineOf("pack");
      const plan = vscode.commands.executeCommand("ez.newPlan");
      answer("Name of the new plan", "nightly");
      answer("Tasks that are its first steps", "pack", "ArrowDown", "Space");
      await plan;
      assert.equal(cursor(), `${file("plans/nightly.yml").fsPath}:1`);
      assert.match((await text("plans/nightly.yml")) ?? "", /task: pack/);
      const { plans } = await api();
      await until("the plan in the view", async () => (await plans.getChildren()).length === 2);
      await vscode.workspace.fs.delete(file("plans/nightly.yml"));
      await vscode.workspace.fs.delete(file("tasks"), { recursive: true });
      await until("the view without it", async () => (await plans.getChildren()).length === 1);
    },
  ],
];
