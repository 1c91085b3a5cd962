/** The commands of the extension. */

import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { type PlanEntry, readPlan, readTask, type TaskEntry } from "./answers";
import { type Invocation, typedArguments } from "./invocation";
import { askForProgram, type LanguageServer, openSettings, showHowToInstall } from "./language-server";
import { planQuestions, type Question, taskQuestions, wildcards, withoutWildcards } from "./param-form";
import { askAll } from "./param-input";
import type { PlanPanel } from "./plan-panel";
import type { Program } from "./program";
import { findProjects, isPlan, type Project, projectOf } from "./projects";
import { UnclosedQuote } from "./shell-words";
import { describe } from "./status";
import { TASK_TYPE, type TaskMaker } from "./task-provider";
import type { Line } from "./tree-views";
import type { WorkspaceModel } from "./workspace-model";

/** What a code lens of the server says. */
export interface LensTarget {
  /** The task, by its full name. */
  readonly task?: string;
  /** The plan, by its name. */
  readonly plan?: string;
  /** The directory of the project; absolute. */
  readonly dir?: string;
  readonly args?: readonly string[];
}

/** A task or plan, and where. */
interface Target {
  readonly directory: string;
  readonly task?: string;
  readonly plan?: string;
}

/** What the commands work with. */
export interface Parts {
  readonly program: Program;
  readonly model: WorkspaceModel;
  readonly server: LanguageServer;
  readonly maker: TaskMaker;
  readonly panel: PlanPanel;
  readonly log: vscode.LogOutputChannel;
}

const DRY_RUN = "--dry-run";
const RESUME = "--resume";

/** The commands, by their names. */
export class Commands {
  private last: { readonly invocation: Invocation; readonly directory: string } | undefined;

  constructor(private readonly parts: Parts) {}

  /** Registers all of them. What fails is told in one place. */
  register(): vscode.Disposable[] {
    const { model, server, log } = this.parts;
    const all: Record<string, (...args: never[]) => unknown> = {
      "ez.run": (target: LensTarget) => this.fromLens(target, []),
      "ez.dryRun": (target: LensTarget) => this.fromLens(target, [DRY_RUN]),
      "ez.showReferences": showReferences,
      "ez.runTask": (line?: Line) => this.runTask(line, []),
      "ez.dryRunTask": (line?: Line) => this.runTask(line, [DRY_RUN]),
      "ez.runWithParams": (line?: Line) => this.runWithParams(line),
      "ez.runAgain": () => this.runAgain(),
      "ez.goToDefinition": goToDefinition,
      "ez.newTask": () => this.newTask(),
      "ez.newTaskfile": () => this.newTaskfile(),
      "ez.newPlan": () => this.newPlan(),
      "ez.runPlan": (line?: Line) => this.runPlan(line, []),
      "ez.dryRunPlan": (line?: Line) => this.runPlan(line, [DRY_RUN]),
      "ez.resumePlan": (line?: Line) => this.runPlan(line, [RESUME]),
      "ez.showPlanGraph": (line?: Line | vscode.Uri) => this.showGraph(line),
      "ez.check": () => this.check(),
      "ez.refresh": () => model.refresh(),
      "ez.restartServer": () => server.restart(),
      "ez.showLogs": () => log.show(),
      "ez.showStatus": () => this.showStatus(),
      "ez.openSettings": () => openSettings("@ext:ez-build.ez"),
      "ez.howToInstall": showHowToInstall,
    };
    return Object.entries(all).map(([name, work]) =>
      vscode.commands.registerCommand(name, async (...args: never[]) => {
        try {
          return await work(...args);
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error);
          log.error(`${name}: ${text}`);
          void vscode.window.showErrorMessage(firstLine(text));
          return undefined;
        }
      }),
    );
  }

  /** Runs something in a terminal of VS Code. */
  async run(invocation: Invocation, directory: string, secrets: Record<string, string> = {}): Promise<void> {
    const found = this.parts.program.find();
    if (found.kind !== "found") return askForProgram(found.kind === "wrongSetting" ? found.path : undefined);
    if (vscode.workspace.getConfiguration("ez").get("run.saveFirst", true)) await vscode.workspace.saveAll(false);
    this.last = { invocation, directory };
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(directory));
    const definition = { type: TASK_TYPE, ...invocation, dir: directory };
    await vscode.tasks.executeTask(this.parts.maker.make(definition, folder ?? vscode.TaskScope.Workspace, secrets));
  }

  private async fromLens(target: LensTarget, flags: readonly string[]): Promise<void> {
    const directory = target.dir ?? (await this.activeDirectory());
    if (directory === undefined) return;
    if (target.plan !== undefined) return this.run({ plan: target.plan, flags }, directory);
    if (target.task === undefined) return;
    const task = await filledName(target.task);
    if (task !== undefined) await this.run({ task, flags, args: target.args ?? [] }, directory);
  }

  private async runTask(line: Line | undefined, flags: readonly string[]): Promise<void> {
    const target = await this.taskTarget(line);
    const task = target?.task === undefined ? undefined : await filledName(target.task);
    if (target === undefined || task === undefined) return;
    await this.run({ task, flags }, target.directory);
  }

  private async runWithParams(line: Line | undefined): Promise<void> {
    const target = await this.taskTarget(line);
    const task = target?.task === undefined ? undefined : await filledName(target.task);
    if (target === undefined || task === undefined) return;
    const { program } = this.parts;
    const entry = readTask(await program.ask(target.directory, ["show", task, "--json"]));
    const answers = await askAll(task, taskQuestions(entry));
    if (answers === undefined) return;
    const typed = await vscode.window.showInputBox({
      title: task,
      prompt: vscode.l10n.t("Further variables, flags, and arguments after --"),
      placeHolder: "NAME=value --force -- arguments",
      validateInput: whyUnsplittable,
    });
    if (typed === undefined) return;
    const more = typedArguments(typed);
    await this.run({ task, ...more, vars: { ...answers.vars, ...more.vars } }, target.directory, answers.secrets);
  }

  private async runAgain(): Promise<void> {
    if (this.last === undefined) return this.runTask(undefined, []);
    await this.run(this.last.invocation, this.last.directory);
  }

  private async runPlan(line: Line | undefined, flags: readonly string[]): Promise<void> {
    const target = await this.planTarget(line);
    if (target?.plan !== undefined) await this.runPlanOf(target.directory, target.plan, flags);
  }

  /** Runs a plan, and asks for what it needs. */
  async runPlanOf(directory: string, plan: string, flags: readonly string[]): Promise<void> {
    const questions = flags.includes(RESUME) ? [] : await this.planQuestions(directory, plan);
    const missing = questions.some(question => question.required && question.default === undefined);
    const answers = missing ? await askAll(plan, questions) : { vars: {}, secrets: {} };
    if (answers === undefined) return;
    await this.run({ plan, flags, vars: answers.vars }, directory, answers.secrets);
  }

  private async planQuestions(directory: string, plan: string): Promise<Question[]> {
    const shown = readPlan(await this.parts.program.ask(directory, ["plan", "show", plan, "--json"]));
    return planQuestions(shown.params);
  }

  private async showGraph(line: Line | vscode.Uri | undefined): Promise<void> {
    const active = vscode.window.activeTextEditor?.document.uri;
    const file = line instanceof vscode.Uri ? line : line?.kind === "plan" ? vscode.Uri.file(line.plan.file) : active;
    if (file !== undefined && isPlan(file.fsPath)) return this.parts.panel.show(file);
    const chosen = await this.pickPlan();
    if (chosen !== undefined) await this.parts.panel.show(vscode.Uri.file(chosen.plan.file));
  }

  private async check(): Promise<void> {
    const project = await this.pickProject();
    if (project !== undefined) await this.run({ check: true }, project);
  }

  private async newTaskfile(): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    if (folder === undefined) return;
    await this.parts.program.ask(folder.uri.fsPath, ["run", "--init"]);
    await openFile(join(folder.uri.fsPath, "Taskfile.yml"));
    this.parts.model.refresh();
  }

  private async newTask(): Promise<void> {
    const directory = await this.pickProject();
    if (directory === undefined) return;
    const name = await askForName(vscode.l10n.t("Name of the new folder task"));
    if (name === undefined) return;
    const desc = await vscode.window.showInputBox({ prompt: vscode.l10n.t("What it does") });
    if (desc === undefined) return;
    await this.parts.program.ask(directory, ["new", name, ...(desc === "" ? [] : ["--desc", desc])]);
    this.parts.model.refresh();
    await openFile(join(directory, "tasks", name, "Taskfile.yml"));
  }

  private async newPlan(): Promise<void> {
    const directory = await this.pickProject();
    if (directory === undefined) return;
    const name = await askForName(vscode.l10n.t("Name of the new plan"));
    if (name === undefined) return;
    const tasks = await vscode.window.showQuickPick(
      (await this.tasksOf(directory)).map(entry => ({ label: entry.task, description: entry.desc })),
      { canPickMany: true, placeHolder: vscode.l10n.t("Tasks that are its first steps, one after the other") },
    );
    if (tasks === undefined) return;
    await this.parts.program.ask(directory, ["plan", "new", name, ...tasks.map(task => task.label)]);
    this.parts.model.refresh();
    await openFile(join(directory, "plans", `${name}.yml`));
  }

  private async showStatus(): Promise<void> {
    const { server } = this.parts;
    const choices = [
      { label: `$(debug-restart) ${vscode.l10n.t("Restart the Server")}`, command: "ez.restartServer" },
      { label: `$(output) ${vscode.l10n.t("Show Logs")}`, command: "ez.showLogs" },
      { label: `$(checklist) ${vscode.l10n.t("Check the Project")}`, command: "ez.check" },
      { label: `$(gear) ${vscode.l10n.t("Open Settings")}`, command: "ez.openSettings" },
      { label: `$(cloud-download) ${vscode.l10n.t("How to Install")}`, command: "ez.howToInstall" },
    ];
    const chosen = await vscode.window.showQuickPick(choices, { placeHolder: describe(server) });
    if (chosen !== undefined) await vscode.commands.executeCommand(chosen.command);
  }

  private async tasksOf(directory: string): Promise<readonly TaskEntry[]> {
    const models = await this.parts.model.projects();
    const tasks = models.find(({ project }) => project.directory === directory)?.tasks;
    return tasks !== undefined && "value" in tasks ? tasks.value : [];
  }

  private async taskTarget(line: Line | undefined): Promise<Target | undefined> {
    if (line?.kind === "branch") {
      const task = line.branch.entry?.task;
      return task === undefined ? undefined : { directory: line.project.directory, task };
    }
    const choices: (vscode.QuickPickItem & Target)[] = [];
    const models = await this.parts.model.projects();
    for (const { project, tasks } of models) {
      if ("error" in tasks) throw new Error(tasks.error);
      for (const entry of tasks.value) {
        const detail = models.length > 1 ? { detail: project.label } : {};
        choices.push({
          label: entry.task,
          description: entry.desc,
          ...detail,
          directory: project.directory,
          task: entry.task,
        });
      }
    }
    return vscode.window.showQuickPick(choices, {
      placeHolder: vscode.l10n.t("Which task?"),
      matchOnDescription: true,
    });
  }

  private async planTarget(line: Line | undefined): Promise<Target | undefined> {
    if (line?.kind === "plan") return { directory: line.project.directory, plan: line.plan.name };
    const active = vscode.window.activeTextEditor?.document.uri.fsPath;
    const directory = active !== undefined && isPlan(active) ? await projectOf(active) : undefined;
    if (active !== undefined && directory !== undefined) {
      return { directory, plan: basename(active).replace(/\.ya?ml$/, "") };
    }
    const chosen = await this.pickPlan();
    return chosen === undefined ? undefined : { directory: chosen.project.directory, plan: chosen.plan.name };
  }

  private async pickPlan(): Promise<{ readonly project: Project; readonly plan: PlanEntry } | undefined> {
    const choices = (await this.parts.model.projects()).flatMap(({ project, plans }) =>
      "error" in plans ? [] : plans.value.map(plan => ({ label: plan.name, description: plan.desc, project, plan })),
    );
    if (choices.length === 0) throw new Error(vscode.l10n.t("There are no plans in this workspace."));
    return vscode.window.showQuickPick(choices, { placeHolder: vscode.l10n.t("Which plan?") });
  }

  /** The directory of a project: that of the active file, the only one, or the one that is chosen. */
  private async pickProject(): Promise<string | undefined> {
    const active = await this.activeDirectory();
    const projects = await findProjects();
    const [first] = projects;
    if (projects.length === 0) throw new Error(vscode.l10n.t("There is no Taskfile in this workspace."));
    if (projects.length === 1) return first?.directory;
    const known = projects.find(({ directory }) => directory === active);
    if (known !== undefined) return known.directory;
    const choices = projects.map(project => ({ label: project.label, directory: project.directory }));
    const chosen = await vscode.window.showQuickPick(choices, { placeHolder: vscode.l10n.t("Which project?") });
    return chosen?.directory;
  }

  private async activeDirectory(): Promise<string | undefined> {
    const active = vscode.window.activeTextEditor?.document.uri;
    if (active === undefined || active.scheme !== "file") return undefined;
    return (await projectOf(active.fsPath)) ?? dirname(active.fsPath);
  }
}

/** A task's name with what a person wants in the place of its wildcards. */
async function filledName(task: string): Promise<string | undefined> {
  const words: string[] = [];
  for (let at = 0; at < wildcards(task); at += 1) {
    const word = await vscode.window.showInputBox({
      title: task,
      prompt: vscode.l10n.t("What stands in the place of *?"),
      validateInput: text => (text === "" ? vscode.l10n.t("a value is needed") : undefined),
    });
    if (word === undefined) return undefined;
    words.push(word);
  }
  return withoutWildcards(task, words);
}

async function askForName(prompt: string): Promise<string | undefined> {
  return vscode.window.showInputBox({
    prompt,
    validateInput: text =>
      /^[A-Za-z0-9][\w.-]*$/.test(text)
        ? undefined
        : vscode.l10n.t("a name has letters, digits, hyphens, dots and underscores, and begins with a letter or digit"),
  });
}

function whyUnsplittable(text: string): string | undefined {
  try {
    typedArguments(text);
    return undefined;
  } catch (error) {
    if (error instanceof UnclosedQuote) return error.message;
    throw error;
  }
}

async function goToDefinition(line: Line): Promise<void> {
  if (line.kind === "branch" && line.branch.entry !== undefined) {
    const { taskfile, line: number, column } = line.branch.entry.location;
    await openFile(taskfile, number, column);
  }
  if (line.kind === "plan") await openFile(line.plan.file);
  if (line.kind === "step") await openFile(line.plan.file, line.step.line, line.step.column);
}

/** Opens a file at a place; lines and columns count from 1. */
async function openFile(path: string, line = 1, column = 1): Promise<void> {
  const position = new vscode.Position(Math.max(0, line - 1), Math.max(0, column - 1));
  await vscode.window.showTextDocument(vscode.Uri.file(path), { selection: new vscode.Range(position, position) });
}

/** Shows places that the server found: its answer is in the terms of the protocol, the editor's command wants its own. */
async function showReferences(uri: string, position: ProtocolPosition, places: ProtocolLocation[]): Promise<void> {
  const point = ({ line, character }: ProtocolPosition) => new vscode.Position(line, character);
  const locations = places.map(
    ({ uri, range }) =>
      new vscode.Location(vscode.Uri.parse(uri), new vscode.Range(point(range.start), point(range.end))),
  );
  await vscode.commands.executeCommand(
    "editor.action.showReferences",
    vscode.Uri.parse(uri),
    point(position),
    locations,
  );
}

interface ProtocolPosition {
  readonly line: number;
  readonly character: number;
}

interface ProtocolLocation {
  readonly uri: string;
  readonly range: { readonly start: ProtocolPosition; readonly end: ProtocolPosition };
}

function firstLine(text: string): string {
  const lines = text.split("\n").map(line => line.trim());
  return (lines.find(line => /^[×⚠]/.test(line)) ?? lines.find(line => line !== "") ?? text).replace(/^[×⚠]\s*/, "");
}
