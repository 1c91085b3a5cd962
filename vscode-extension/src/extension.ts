/** Where the extension begins. */

import * as vscode from "vscode";
import { Commands } from "./commands";
import { adoptDocuments, LANGUAGE } from "./document-language";
import { LanguageServer } from "./language-server";
import { PlanPanel } from "./plan-panel";
import { Program } from "./program";
import { findProjects } from "./projects";
import { StatusItem } from "./status";
import { TASK_TYPE, TaskMaker, TaskProvider } from "./task-provider";
import { PlanView, TaskView } from "./tree-views";
import { WorkspaceModel } from "./workspace-model";

/** Settings that the server is started with. */
const START_SETTINGS = ["ez.path", "ez.env"];

/** What tests look at. */
export interface Api {
  readonly server: LanguageServer;
  readonly model: WorkspaceModel;
  readonly tasks: TaskView;
  readonly plans: PlanView;
  readonly panel: PlanPanel;
  /** How long the activation took, in milliseconds. */
  readonly activation: number;
}

/** Called by VS Code when something of EZ is there. */
export function activate(context: vscode.ExtensionContext): Api {
  const began = performance.now();
  const log = vscode.window.createOutputChannel("EZ", { log: true });
  const program = new Program(context.extensionUri, log);
  const server = new LanguageServer(program, log);
  const model = new WorkspaceModel(program);
  const maker = new TaskMaker(program, () => server.state);
  const panel = new PlanPanel(context.extensionUri, program, model, log);
  const tasks = new TaskView(model);
  const plans = new PlanView(model);
  const commands = new Commands({ program, model, server, maker, panel, log });
  panel.actions = { runPlan: (directory, plan, flags) => commands.runPlanOf(directory, plan, flags) };
  context.subscriptions.push(
    log,
    server,
    model,
    panel,
    new StatusItem(server),
    adoptDocuments(),
    vscode.window.createTreeView("ez.tasks", { treeDataProvider: tasks, showCollapseAll: true }),
    vscode.window.createTreeView("ez.plans", { treeDataProvider: plans, showCollapseAll: true }),
    vscode.tasks.registerTaskProvider(TASK_TYPE, new TaskProvider(model, maker)),
    vscode.workspace.onDidOpenTextDocument(document => {
      if (document.languageId === LANGUAGE) void server.start();
    }),
    vscode.workspace.onDidChangeConfiguration(change => {
      if (START_SETTINGS.some(name => change.affectsConfiguration(name))) void server.restart();
    }),
    ...commands.register(),
  );
  void startWhereNeeded(server);
  const activation = performance.now() - began;
  log.info(`activated in ${activation.toFixed(1)} ms`);
  return { server, model, tasks, plans, panel, activation };
}

/** The server starts where a file of EZ is open or a project is: other workspaces with YAML files need none. */
async function startWhereNeeded(server: LanguageServer): Promise<void> {
  const isOpen = vscode.workspace.textDocuments.some(document => document.languageId === LANGUAGE);
  if (isOpen || (await findProjects()).length > 0) await server.start();
}
