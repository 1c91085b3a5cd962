/** The panel with the graph of a plan: it follows the cursor and the runs of the plan. */

import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import * as vscode from "vscode";
import { type PlanGraph, readRun, readRuns } from "./answers";
import type { FromPage, ToPage, Words } from "./page/messages";
import { pageHtml } from "./page-html";
import { type Layout, layoutPlan, MAX_BOXES } from "./plan-layout";
import type { Program } from "./program";
import { isPlan, projectOf } from "./projects";
import { runView } from "./run-view";
import { StepLines } from "./step-lines";
import type { WorkspaceModel } from "./workspace-model";

/** How often a run that goes on is looked at, in milliseconds; its journal is watched besides. */
const RUN_INTERVAL = 700;
/** How soon after a change of a journal its run is looked at, in milliseconds. */
const JOURNAL_QUIET = 80;

/** What the panel lets others do. */
export interface PanelActions {
  runPlan(directory: string, plan: string, flags: readonly string[]): Promise<void>;
}

/** One panel, which shows the plan that was looked at last. */
export class PlanPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private file: vscode.Uri | undefined;
  private directory: string | undefined;
  private graph: PlanGraph | undefined;
  private layout: Layout | undefined;
  private lines: StepLines | undefined;
  private watcher: vscode.Disposable | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastRun: string | undefined;
  private readonly listeners: vscode.Disposable[];
  actions: PanelActions | undefined;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly program: Program,
    private readonly model: WorkspaceModel,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.listeners = [
      model.onDidChange(() => void this.load()),
      vscode.window.onDidChangeTextEditorSelection(event => this.follow(event.textEditor)),
      vscode.window.onDidChangeActiveTextEditor(editor => void this.turnTo(editor)),
      vscode.workspace.onDidChangeTextDocument(change => this.edited(change)),
    ];
  }

  dispose(): void {
    this.panel?.dispose();
    this.stopWatching();
    for (const listener of this.listeners) listener.dispose();
  }

  /** What the panel shows now, for tests. */
  get shown(): { plan: string | undefined; boxes: number; step: string | undefined; run: string | undefined } {
    return {
      plan: this.graph?.name,
      boxes: this.layout?.boxes.length ?? 0,
      step: this.currentStep,
      run: this.lastRun,
    };
  }

  private currentStep: string | undefined;

  /** Shows a plan beside the editor. */
  async show(file: vscode.Uri): Promise<void> {
    if (this.panel === undefined) this.open();
    else this.panel.reveal(undefined, true);
    await this.turn(file);
  }

  private open(): void {
    const out = vscode.Uri.joinPath(this.extension, "out");
    const panel = vscode.window.createWebviewPanel(
      "ez.plan",
      vscode.l10n.t("Plan"),
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: true, localResourceRoots: [out], retainContextWhenHidden: true },
    );
    panel.iconPath = vscode.Uri.joinPath(this.extension, "images", "taskfile.svg");
    panel.webview.onDidReceiveMessage((message: FromPage) => void this.receive(message));
    panel.onDidDispose(() => {
      this.panel = undefined;
      this.stopWatching();
    });
    panel.webview.html = pageHtml({
      script: panel.webview.asWebviewUri(vscode.Uri.joinPath(out, "plan.js")).toString(),
      style: panel.webview.asWebviewUri(vscode.Uri.joinPath(out, "plan.css")).toString(),
      source: panel.webview.cspSource,
      nonce: randomBytes(16).toString("hex"),
      words: pageWords(),
      language: vscode.env.language,
    });
    this.panel = panel;
  }

  private async turn(file: vscode.Uri): Promise<void> {
    const isOther = this.file?.toString() !== file.toString();
    this.file = file;
    if (isOther) {
      this.lastRun = undefined;
      this.directory = await projectOf(file.fsPath);
      this.watch();
    }
    await this.load();
  }

  private async turnTo(editor: vscode.TextEditor | undefined): Promise<void> {
    const file = editor?.document.uri;
    if (this.panel === undefined || editor === undefined || file?.scheme !== "file" || !isPlan(file.fsPath)) return;
    if (file.toString() !== this.file?.toString() && (await projectOf(file.fsPath)) !== undefined)
      await this.turn(file);
    this.follow(editor);
  }

  private async load(): Promise<void> {
    const { file, directory } = this;
    if (this.panel === undefined || file === undefined) return;
    const name = basename(file.fsPath).replace(/\.ya?ml$/, "");
    this.panel.title = vscode.l10n.t("Plan {0}", name);
    try {
      if (directory === undefined) throw new Error(vscode.l10n.t("There is no Taskfile beside plans/."));
      const graph = await this.model.plan(directory, file.fsPath);
      if (this.file?.toString() !== file.toString()) return;
      this.graph = graph;
      this.lines = new StepLines(graph.steps);
      this.layout = layoutPlan(graph);
      if (this.layout === undefined) {
        throw new Error(vscode.l10n.t("The plan has more than {0} steps, too many to be drawn.", MAX_BOXES));
      }
      this.post({ kind: "plan", name, desc: graph.desc ?? "", layout: this.layout });
    } catch (error) {
      this.graph = undefined;
      this.layout = undefined;
      this.post({ kind: "problem", name, text: error instanceof Error ? error.message : String(error) });
    }
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === file.toString());
    if (editor !== undefined) this.follow(editor);
    await this.lookAtRun();
  }

  private follow(editor: vscode.TextEditor): void {
    if (editor.document.uri.toString() !== this.file?.toString()) return;
    if (!vscode.workspace.getConfiguration("ez").get("graph.followCursor", true)) return;
    this.currentStep = this.lines?.stepAt(editor.selection.active.line);
    this.post({ kind: "cursor", step: this.currentStep });
  }

  private edited(change: vscode.TextDocumentChangeEvent): void {
    if (change.document.uri.toString() !== this.file?.toString()) return;
    for (const { range, text } of change.contentChanges) {
      const added = text.split("\n").length - 1;
      this.lines?.apply({ start: range.start.line, end: range.end.line, added });
    }
  }

  private watch(): void {
    this.stopWatching();
    const { directory, file } = this;
    if (directory === undefined || file === undefined) return;
    const name = basename(file.fsPath).replace(/\.ya?ml$/, "");
    const root = vscode.Uri.file(directory);
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(root, `.ez/plans/${name}/state/*/journal`),
    );
    const soon = () => this.lookSoon(JOURNAL_QUIET);
    this.watcher = vscode.Disposable.from(
      watcher,
      watcher.onDidCreate(soon),
      watcher.onDidChange(soon),
      vscode.tasks.onDidStartTaskProcess(event => {
        if (event.execution.task.definition.plan === name) this.lookSoon(RUN_INTERVAL);
      }),
      vscode.tasks.onDidEndTaskProcess(event => {
        if (event.execution.task.definition.plan === name) soon();
      }),
    );
  }

  private stopWatching(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.watcher?.dispose();
    this.watcher = undefined;
  }

  private lookSoon(delay: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.lookAtRun(), delay);
  }

  /** Shows the newest run, and looks again as long as it goes on. */
  private async lookAtRun(): Promise<void> {
    const { directory, graph, layout } = this;
    if (this.panel === undefined || directory === undefined || graph === undefined || layout === undefined) return;
    try {
      const runs = readRuns(await this.program.ask(directory, ["plan", "runs", graph.name, "--json"]));
      const [newest] = runs;
      if (newest === undefined) {
        this.post({ kind: "run", run: undefined });
        return;
      }
      const args = ["plan", "runs", graph.name, "--run", newest.run, "--json"];
      const run = readRun(await this.program.ask(directory, args));
      if (this.graph !== graph) return;
      this.lastRun = `${run.run} ${run.state}`;
      this.post({ kind: "run", run: runView(run, layout.boxes) });
      if (run.state === "running") this.lookSoon(RUN_INTERVAL);
    } catch (error) {
      this.log.warn(`the runs of ${graph.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private post(message: ToPage): void {
    void this.panel?.webview.postMessage(message);
  }

  private async receive(message: FromPage): Promise<void> {
    const { directory, graph } = this;
    switch (message.kind) {
      case "ready":
        return this.load();
      case "goTo":
        return this.goTo(message.step);
      case "showLog":
        return this.showLog(message.node);
      case "run":
      case "dryRun":
      case "resume": {
        if (directory === undefined || graph === undefined) return;
        const flags = { run: [], dryRun: ["--dry-run"], resume: ["--resume"] };
        return this.actions?.runPlan(directory, graph.name, flags[message.kind]);
      }
    }
  }

  private async goTo(step: string): Promise<void> {
    const line = this.lines?.lineOf(step);
    if (line === undefined || this.file === undefined) return;
    const file = this.file.toString();
    const known = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === file);
    const position = new vscode.Position(line, 0);
    await vscode.window.showTextDocument(this.file, {
      viewColumn: known?.viewColumn ?? vscode.ViewColumn.One,
      selection: new vscode.Range(position, position),
    });
  }

  private async showLog(node: string): Promise<void> {
    const { directory, graph } = this;
    if (directory === undefined || graph === undefined) return;
    try {
      const content = await this.program.ask(directory, ["plan", "logs", graph.name, node]);
      const document = await vscode.workspace.openTextDocument({ content, language: "log" });
      await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.One, preview: true });
    } catch (error) {
      void vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error));
    }
  }
}

function pageWords(): Words {
  return {
    run: vscode.l10n.t("Run"),
    dryRun: vscode.l10n.t("Dry Run"),
    resume: vscode.l10n.t("Resume"),
    fit: vscode.l10n.t("Fit"),
    goTo: vscode.l10n.t("Go to Step"),
    log: vscode.l10n.t("Show Log"),
    noRun: vscode.l10n.t("This plan has not run yet."),
    checkpoint: vscode.l10n.t("waits for a yes"),
    states: {
      running: vscode.l10n.t("running"),
      succeeded: vscode.l10n.t("succeeded"),
      failed: vscode.l10n.t("failed"),
      "failed, tolerated": vscode.l10n.t("failed, tolerated"),
      interrupted: vscode.l10n.t("interrupted"),
      stopped: vscode.l10n.t("stopped"),
      cancelled: vscode.l10n.t("cancelled"),
      blocked: vscode.l10n.t("blocked"),
      skipped: vscode.l10n.t("skipped"),
      "not selected": vscode.l10n.t("not selected"),
      "not run": vscode.l10n.t("not run"),
      waiting: vscode.l10n.t("waiting"),
    },
  };
}
