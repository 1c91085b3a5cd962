/** Tasks of VS Code: what `ez` can run, for "Run Task" and `tasks.json`. */

import { isAbsolute, join } from "node:path";
import * as vscode from "vscode";
import { commandLine, type Invocation, UnclearInvocation } from "./invocation";
import type { ServerState } from "./language-server";
import type { Program } from "./program";
import type { WorkspaceModel } from "./workspace-model";

/** The type in `tasks.json`. */
export const TASK_TYPE = "ez";

/** A task of `tasks.json`. */
export interface TaskDefinition extends vscode.TaskDefinition, Invocation {
  /** Where it runs, relative to the folder of the workspace. */
  readonly dir?: string;
}

/** Makes tasks of VS Code. */
export class TaskMaker {
  constructor(
    private readonly program: Program,
    private readonly serverState: () => ServerState,
  ) {}

  /**
   * A task that runs an invocation.
   *
   * @param secrets Variables that no command line shows; the process gets them in its environment.
   * @throws {UnclearInvocation} It says nothing, or too much.
   */
  make(
    definition: TaskDefinition,
    scope: vscode.WorkspaceFolder | vscode.TaskScope.Workspace,
    secrets: Readonly<Record<string, string>> = {},
  ): vscode.Task {
    const found = this.program.find();
    const path = found.kind === "found" ? found.path : "ez";
    const root = typeof scope === "object" ? scope.uri.fsPath : undefined;
    const environment = { ...this.program.environment(), ...secrets };
    const options: vscode.ProcessExecutionOptions = {
      env: environment,
      ...directory(root, definition.dir),
    };
    const args = commandLine(definition);
    const name = args.filter(arg => arg !== "--format" && arg !== "github").join(" ");
    // The server tells the same findings as a check, for all files and as they are typed.
    const matchers = definition.check === true && this.serverState() !== "running" ? ["$ez-check"] : [];
    const execution = new vscode.ProcessExecution(path, args, options);
    const task = new vscode.Task(definition, scope, name, TASK_TYPE, execution, matchers);
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: false, focus: false };
    if (/(^|:)(build|compile)$/.test(definition.task ?? "")) task.group = vscode.TaskGroup.Build;
    if (/(^|:)(test|check)$/.test(definition.task ?? "")) task.group = vscode.TaskGroup.Test;
    return task;
  }
}

function directory(root: string | undefined, dir: string | undefined): { cwd?: string } {
  if (dir !== undefined && dir !== "") return { cwd: isAbsolute(dir) || root === undefined ? dir : join(root, dir) };
  return root === undefined ? {} : { cwd: root };
}

/** Offers every task and every plan of the projects. */
export class TaskProvider implements vscode.TaskProvider {
  constructor(
    private readonly model: WorkspaceModel,
    private readonly maker: TaskMaker,
  ) {}

  async provideTasks(): Promise<vscode.Task[]> {
    const tasks: vscode.Task[] = [];
    for (const { project, tasks: entries, plans } of await this.model.projects()) {
      const place = project.directory === project.folder.uri.fsPath ? {} : { dir: project.directory };
      const make = (invocation: Invocation) =>
        tasks.push(this.maker.make({ type: TASK_TYPE, ...invocation, ...place }, project.folder));
      if ("value" in entries) {
        for (const entry of entries.value) if (!entry.task.includes("*")) make({ task: entry.task });
      }
      if ("value" in plans) for (const plan of plans.value) make({ plan: plan.name });
      make({ check: true });
    }
    return tasks;
  }

  resolveTask(task: vscode.Task): vscode.Task | undefined {
    const definition = task.definition as TaskDefinition;
    const scope = task.scope;
    if (scope === undefined || scope === vscode.TaskScope.Global) return undefined;
    try {
      // VS Code takes the answer only if its definition is the very same object.
      return this.maker.make(definition, scope);
    } catch (error) {
      if (error instanceof UnclearInvocation) return undefined;
      throw error;
    }
  }
}
