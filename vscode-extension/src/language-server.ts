/** The server `ez lsp`: started, watched, started again, and its state shown. */

import * as vscode from "vscode";
import {
  CloseAction,
  type CloseHandlerResult,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  State,
} from "vscode-languageclient/node";
import { LANGUAGE } from "./document-language";
import type { Program } from "./program";
import { RestartLimit } from "./restart-limit";

/** Where it is told how `ez` is installed. */
const INSTALL_PAGE = "https://github.com/ez-build/ez/blob/main/docs/vscode.md#the-program-ez";

/** How the server is. */
export type ServerState = "stopped" | "noProgram" | "starting" | "running" | "crashed";

/** One server for the whole workspace. */
export class LanguageServer implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private readonly limit = new RestartLimit();
  private readonly changed = new vscode.EventEmitter<ServerState>();
  private current: ServerState = "stopped";
  /** How often a server began to start. */
  starts = 0;
  /** Told when the state changes. */
  readonly onDidChangeState = this.changed.event;

  constructor(
    private readonly program: Program,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** How the server is. */
  get state(): ServerState {
    return this.current;
  }

  /** The program that runs as the server. */
  get version(): string | undefined {
    return this.client?.initializeResult?.serverInfo?.version;
  }

  /** Starts the server if it does not run. A program that cannot be found is told once, with what to do. */
  async start(): Promise<void> {
    if (this.current === "starting" || this.current === "running") return;
    const found = this.program.find();
    if (found.kind !== "found") {
      this.enter("noProgram");
      this.log.error(found.kind === "missing" ? "ez was not found" : `ez.path: ${found.path} is no program`);
      void askForProgram(found.kind === "wrongSetting" ? found.path : undefined);
      return;
    }
    this.log.info(`starting ${found.path} lsp (${found.origin})`);
    this.enter("starting");
    const command = {
      command: found.path,
      args: ["lsp"],
      options: { env: { ...process.env, ...this.program.environment() } },
    };
    const client = new LanguageClient("ez", "EZ", { run: command, debug: command }, this.options());
    client.onDidChangeState(({ newState }) => {
      if (this.client !== client) return;
      if (newState === State.Running) this.enter("running");
      if (newState === State.Starting) this.enter("starting");
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.log.error(`ez lsp: ${error instanceof Error ? error.message : String(error)}`);
      if (this.client === client) this.enter("crashed");
      void this.tellOfCrash(vscode.l10n.t("The language server of EZ did not start."));
    }
  }

  /** Stops the server and starts it anew. */
  async restart(): Promise<void> {
    this.limit.forget();
    await this.stop();
    await this.start();
  }

  /** Stops the server. */
  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.enter("stopped");
    if (client === undefined) return;
    try {
      await client.dispose();
    } catch (error) {
      this.log.warn(`ez lsp did not stop: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  dispose(): void {
    void this.stop();
    this.changed.dispose();
  }

  private enter(state: ServerState): void {
    if (state === "starting" && this.current !== "starting") this.starts += 1;
    this.current = state;
    void vscode.commands.executeCommand("setContext", "ez.state", state);
    this.changed.fire(state);
  }

  private options(): LanguageClientOptions {
    const scheme = "file";
    return {
      documentSelector: [
        { scheme, language: LANGUAGE },
        // Somebody may prefer these to stay YAML.
        { scheme, language: "yaml", pattern: "**/{Taskfile,taskfile}{,.dist}.{yml,yaml}" },
        { scheme, language: "yaml", pattern: "**/tasks/*/task.{yml,yaml}" },
      ],
      diagnosticCollectionName: "ez",
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      progressOnInitialization: false,
      synchronize: { configurationSection: "ez" },
      // The server shows lenses only for commands that the editor has.
      initializationOptions: { commands: ["ez.run", "ez.dryRun", "ez.showReferences"], wildcards: true },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => this.closed(),
      },
    };
  }

  private closed(): CloseHandlerResult {
    if (this.limit.allows(Date.now())) {
      this.log.warn("ez lsp ended; it is started again");
      this.enter("starting");
      return { action: CloseAction.Restart, handled: true };
    }
    this.enter("crashed");
    void this.tellOfCrash(vscode.l10n.t("The language server of EZ ended several times and is not started again."));
    return { action: CloseAction.DoNotRestart, handled: true };
  }

  private async tellOfCrash(message: string): Promise<void> {
    const logs = vscode.l10n.t("Show Logs");
    const restart = vscode.l10n.t("Restart");
    const chosen = await vscode.window.showErrorMessage(message, restart, logs);
    if (chosen === restart) await this.restart();
    if (chosen === logs) this.log.show();
  }
}

/** Says that there is no program, with what can be done about it. */
export async function askForProgram(wrong: string | undefined): Promise<void> {
  const message =
    wrong === undefined
      ? vscode.l10n.t(
          "The program ez was not found: it is not on PATH, and this build of the extension has none. Install it, or name it in the setting ez.path.",
        )
      : vscode.l10n.t("The setting ez.path names {0}, which is no program that can be executed.", wrong);
  const settings = vscode.l10n.t("Open Settings");
  const install = vscode.l10n.t("How to Install");
  const chosen = await vscode.window.showErrorMessage(message, settings, install);
  if (chosen === settings) await openSettings("ez.path");
  if (chosen === install) await showHowToInstall();
}

/** Opens the page about installing. */
export async function showHowToInstall(): Promise<void> {
  await vscode.env.openExternal(vscode.Uri.parse(INSTALL_PAGE));
}

/** Opens the settings of the extension, or one of them. */
export async function openSettings(filter: string): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettings", filter);
}
