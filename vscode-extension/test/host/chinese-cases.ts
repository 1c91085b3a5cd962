/** What the extension says in a window whose language is Chinese. */

import assert from "node:assert/strict";
import * as vscode from "vscode";
import { api, type Case, file, until } from "./window";

/** The tests, which run one after the other in one window. */
export const chineseTests: readonly Case[] = [
  [
    "says the texts of its manifest in Chinese",
    async () => {
      await api();
      const { packageJSON } = vscode.extensions.getExtension("ez-build.ez") ?? {};
      const commands: { command: string; title: string | { value: string } }[] = packageJSON.contributes.commands;
      const title = commands.find(({ command }) => command === "ez.runTask")?.title;
      assert.equal(typeof title === "object" ? title.value : title, "运行任务");
    },
  ],
  [
    "says the texts of its code in Chinese",
    async () => {
      const { plans } = await api();
      const [plan] = await until("a plan", async () => {
        const found = await plans.getChildren();
        return found.length > 0 ? found : undefined;
      });
      assert.ok(plan);
      const [level] = await plans.getChildren(plan);
      assert.ok(level);
      assert.equal(plans.getTreeItem(level).label, "第 1 层");
      await vscode.commands.executeCommand("ez.showPlanGraph", file("plans/release.yml"));
      const tabs = () => vscode.window.tabGroups.all.flatMap(group => group.tabs).map(tab => tab.label);
      await until("the title of the graph", () => tabs().includes("计划 release"));
    },
  ],
];
