/** The item in the status bar that shows how the server is. */

import * as vscode from "vscode";
import { LANGUAGE } from "./document-language";
import type { LanguageServer } from "./language-server";

/** Shows the state of the server while a file of a project is open, and always when something is wrong. */
export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("ez.status", vscode.StatusBarAlignment.Right, 90);
  private readonly listeners: vscode.Disposable[];

  constructor(private readonly server: LanguageServer) {
    this.item.name = "EZ";
    this.item.command = "ez.showStatus";
    this.listeners = [
      server.onDidChangeState(() => this.update()),
      vscode.window.onDidChangeActiveTextEditor(() => this.update()),
    ];
    this.update();
  }

  dispose(): void {
    this.item.dispose();
    for (const listener of this.listeners) listener.dispose();
  }

  private update(): void {
    const { state } = this.server;
    const isWrong = state === "noProgram" || state === "crashed";
    const icon = {
      stopped: "circle-slash",
      noProgram: "error",
      starting: "loading~spin",
      running: "check",
      crashed: "error",
    };
    this.item.text = `$(${icon[state]}) EZ`;
    this.item.tooltip = describe(this.server);
    this.item.backgroundColor = isWrong ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    const isOurs = vscode.window.activeTextEditor?.document.languageId === LANGUAGE;
    if (isWrong || (isOurs && state !== "stopped")) this.item.show();
    else this.item.hide();
  }
}

/** The state of the server in a sentence. */
export function describe(server: LanguageServer): string {
  switch (server.state) {
    case "running":
      return vscode.l10n.t("EZ {0}: the language server runs", server.version ?? "");
    case "starting":
      return vscode.l10n.t("EZ: the language server starts");
    case "noProgram":
      return vscode.l10n.t("EZ: the program ez was not found");
    case "crashed":
      return vscode.l10n.t("EZ: the language server ended and is not started again");
    case "stopped":
      return vscode.l10n.t("EZ: the language server does not run");
  }
}
