/** Tasks and plans of the projects of a workspace, as `ez` lists them; read again when files change. */

import * as vscode from "vscode";
import { type PlanEntry, type PlanGraph, readPlan, readPlans, readTask, readTasks, type TaskEntry } from "./answers";
import type { Program } from "./program";
import { findProjects, type Project } from "./projects";

/** How long files have to be quiet before they are read again, in milliseconds. */
const QUIET = 200;

/** A value, or why there is none. */
export type Result<Value> = { readonly value: Value } | { readonly error: string };

/** A project with what is in it. */
export interface ProjectModel {
  readonly project: Project;
  readonly tasks: Result<readonly TaskEntry[]>;
  readonly plans: Result<readonly PlanEntry[]>;
}

/** What the views show. */
export class WorkspaceModel implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly disposables: vscode.Disposable[] = [this.changed];
  private loading: Promise<readonly ProjectModel[]> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Told when something may be different. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly program: Program) {
    const patterns = [
      "**/*{T,t}askfile*.{yml,yaml}",
      "**/tasks/*/task.{yml,yaml}",
      "**/{plans,plugins,templates}/*.{yml,yaml}",
    ];
    for (const pattern of patterns) {
      const watcher = vscode.workspace.createFileSystemWatcher(pattern);
      this.disposables.push(
        watcher,
        watcher.onDidChange(() => this.refreshSoon()),
        watcher.onDidCreate(() => this.refreshSoon()),
        watcher.onDidDelete(() => this.refreshSoon()),
      );
    }
    this.disposables.push(
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()),
      vscode.workspace.onDidChangeConfiguration(change => {
        if (change.affectsConfiguration("ez")) this.refresh();
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Forgets what was read. */
  refresh(): void {
    this.loading = undefined;
    this.changed.fire();
  }

  /** The projects; what they have is read once until something changes. */
  projects(): Promise<readonly ProjectModel[]> {
    this.loading ??= this.load();
    return this.loading;
  }

  /**
   * Everything about a task.
   *
   * @throws {Error} `ez` does not know it, or cannot be asked.
   */
  async task(directory: string, name: string): Promise<TaskEntry> {
    return readTask(await this.program.ask(directory, ["show", name, "--json"]));
  }

  /**
   * The graph of a plan, by its name or file.
   *
   * @throws {Error} The plan has errors, or `ez` cannot be asked.
   */
  async plan(directory: string, name: string): Promise<PlanGraph> {
    return readPlan(await this.program.ask(directory, ["plan", "show", name, "--json"]));
  }

  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), QUIET);
  }

  private async load(): Promise<readonly ProjectModel[]> {
    if (!vscode.workspace.isTrusted || this.program.find().kind !== "found") return [];
    const projects = await findProjects();
    const showsAll = vscode.workspace.getConfiguration("ez").get("tree.showAll", true);
    const all = showsAll ? ["--all"] : [];
    return Promise.all(
      projects.map(async project => ({
        project,
        tasks: await result(async () =>
          readTasks(await this.program.ask(project.directory, ["list", "--json", "--no-status", ...all])),
        ),
        plans: await result(async () =>
          readPlans(await this.program.ask(project.directory, ["plan", "list", "--json"])),
        ),
      })),
    );
  }
}

async function result<Value>(work: () => Promise<Value>): Promise<Result<Value>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
