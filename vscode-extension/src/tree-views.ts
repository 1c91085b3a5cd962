/** The views "Tasks" and "Plans". */

import * as vscode from "vscode";
import type { PlanEntry, TaskEntry } from "./answers";
import type { Project } from "./projects";
import { type PlanLevel, planLevels, type StepLine, type TaskBranch, taskTree } from "./task-tree";
import type { ProjectModel, WorkspaceModel } from "./workspace-model";

/** A line of a view; commands get it as their argument. */
export type Line =
  | { readonly kind: "project"; readonly model: ProjectModel }
  | { readonly kind: "branch"; readonly project: Project; readonly branch: TaskBranch }
  | { readonly kind: "plan"; readonly project: Project; readonly plan: PlanEntry }
  | { readonly kind: "level"; readonly project: Project; readonly plan: PlanEntry; readonly level: PlanLevel }
  | { readonly kind: "step"; readonly project: Project; readonly plan: PlanEntry; readonly step: StepLine }
  | { readonly kind: "problem"; readonly text: string };

/** Fills a view from the model. */
abstract class View implements vscode.TreeDataProvider<Line> {
  readonly onDidChangeTreeData: vscode.Event<void>;

  constructor(protected readonly model: WorkspaceModel) {
    this.onDidChangeTreeData = model.onDidChange;
  }

  /** What a project shows. */
  protected abstract ofProject(model: ProjectModel): Line[];

  async getChildren(line?: Line): Promise<Line[]> {
    if (line === undefined) {
      const models = await this.model.projects();
      const [first] = models;
      if (models.length === 1 && first !== undefined) return this.ofProject(first);
      return models.map(model => ({ kind: "project", model }));
    }
    return line.kind === "project" ? this.ofProject(line.model) : this.below(line);
  }

  protected async below(line: Line): Promise<Line[]> {
    switch (line.kind) {
      case "branch":
        return line.branch.children.map(branch => ({ kind: "branch", project: line.project, branch }));
      case "plan":
        return this.levels(line.project, line.plan);
      case "level":
        return line.level.steps.map(step => ({ kind: "step", project: line.project, plan: line.plan, step }));
      default:
        return [];
    }
  }

  getTreeItem(line: Line): vscode.TreeItem {
    switch (line.kind) {
      case "project": {
        const item = new vscode.TreeItem(line.model.project.label, vscode.TreeItemCollapsibleState.Expanded);
        item.iconPath = new vscode.ThemeIcon("root-folder");
        return item;
      }
      case "branch":
        return withGoTo(line, branchItem(line.branch));
      case "plan":
        return planItem(line.plan);
      case "level":
        return levelItem(line.level);
      case "step":
        return withGoTo(line, stepItem(line.step));
      case "problem":
        return problemItem(line.text);
    }
  }

  private async levels(project: Project, plan: PlanEntry): Promise<Line[]> {
    try {
      const levels = planLevels(await this.model.plan(project.directory, plan.file));
      return levels.map(level => ({ kind: "level", project, plan, level }));
    } catch (error) {
      return [{ kind: "problem", text: error instanceof Error ? error.message : String(error) }];
    }
  }
}

/** Tasks, with namespaces as branches. */
export class TaskView extends View {
  protected ofProject({ project, tasks }: ProjectModel): Line[] {
    if ("error" in tasks) return [{ kind: "problem", text: tasks.error }];
    return taskTree(tasks.value).map(branch => ({ kind: "branch", project, branch }));
  }
}

/** Plans, with their steps by level. */
export class PlanView extends View {
  protected ofProject({ project, plans }: ProjectModel): Line[] {
    if ("error" in plans) return [{ kind: "problem", text: plans.error }];
    return plans.value.map(plan => ({ kind: "plan", project, plan }));
  }
}

function branchItem(branch: TaskBranch): vscode.TreeItem {
  const { entry } = branch;
  const state =
    branch.children.length === 0 ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Collapsed;
  const item = new vscode.TreeItem(branch.label, state);
  if (entry === undefined) {
    item.iconPath = new vscode.ThemeIcon("symbol-namespace");
    return item;
  }
  item.iconPath = new vscode.ThemeIcon(entry.kind === "folder" ? "package" : "symbol-event");
  item.contextValue = "ez-task";
  item.description = entry.desc;
  item.tooltip = taskTooltip(entry);
  return item;
}

/** A click on a line without children goes to where it is defined. */
function withGoTo(line: Line, item: vscode.TreeItem): vscode.TreeItem {
  if (item.collapsibleState === vscode.TreeItemCollapsibleState.None) {
    item.command = { command: "ez.goToDefinition", title: vscode.l10n.t("Go to Definition"), arguments: [line] };
  }
  return item;
}

function taskTooltip(entry: TaskEntry): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.appendMarkdown("**").appendText(entry.task).appendMarkdown("**");
  if (entry.desc !== "") text.appendMarkdown("\n\n").appendText(entry.desc);
  if (entry.aliases.length > 0) {
    text.appendMarkdown("\n\n").appendText(vscode.l10n.t("also called {0}", entry.aliases.join(", ")));
  }
  for (const param of entry.params) {
    const values = param.options.length > 0 ? param.options.join(" | ") : param.type;
    text.appendMarkdown("\n- ").appendText(`${param.variable}: ${values}`);
    if (param.default !== undefined && param.type !== "secret") text.appendText(` = ${param.default}`);
  }
  if (entry.tags.length > 0) text.appendMarkdown("\n\n").appendText(entry.tags.map(tag => `#${tag}`).join(" "));
  return text;
}

function planItem(plan: PlanEntry): vscode.TreeItem {
  const item = new vscode.TreeItem(plan.name, vscode.TreeItemCollapsibleState.Collapsed);
  item.contextValue = "ez-plan";
  item.tooltip = plan.desc;
  item.description = plan.broken ? vscode.l10n.t("has errors") : plan.desc;
  item.iconPath = plan.broken
    ? new vscode.ThemeIcon("error", new vscode.ThemeColor("list.errorForeground"))
    : new vscode.ThemeIcon("type-hierarchy");
  return item;
}

function levelItem(level: PlanLevel): vscode.TreeItem {
  const label = vscode.l10n.t("Level {0}", level.number);
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
  item.iconPath = new vscode.ThemeIcon("layers");
  return item;
}

function stepItem(step: StepLine): vscode.TreeItem {
  const item = new vscode.TreeItem(step.step, vscode.TreeItemCollapsibleState.None);
  item.contextValue = "ez-step";
  const parts = [
    step.combinations > 1 ? `×${step.combinations}` : "",
    step.task === step.step ? "" : step.task,
    step.needs.length === 0 ? "" : `← ${step.needs.join(", ")}`,
  ];
  item.description = parts.filter(part => part !== "").join("  ");
  item.iconPath = new vscode.ThemeIcon("circle-outline");
  return item;
}

function problemItem(text: string): vscode.TreeItem {
  const item = new vscode.TreeItem(headline(text));
  item.iconPath = new vscode.ThemeIcon("error", new vscode.ThemeColor("list.errorForeground"));
  item.tooltip = new vscode.MarkdownString().appendCodeblock(text);
  item.command = { command: "ez.check", title: "" };
  return item;
}

/** The line of an error that says what is wrong. */
function headline(text: string): string {
  const lines = text.split("\n").map(line => line.trim());
  const finding = lines.find(line => /^[×⚠]/.test(line));
  return (finding ?? lines.find(line => line !== "") ?? text).replace(/^[×⚠]\s*|^ez: /, "");
}
