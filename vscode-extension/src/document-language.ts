/** Gives plans, plugins and templates of a project the language of Taskfiles; elsewhere such files are plain YAML. */

import * as vscode from "vscode";
import { isPart, projectOf } from "./projects";

/** The language of everything that `ez` reads. */
export const LANGUAGE = "taskfile";

/** Sets the language of documents when they are opened, once: whoever changes it back keeps what they chose. */
export function adoptDocuments(): vscode.Disposable {
  const adopted = new Set<string>();
  const adopt = async (document: vscode.TextDocument) => {
    const key = document.uri.toString();
    if (document.languageId !== "yaml" || document.uri.scheme !== "file" || adopted.has(key)) return;
    if (!isPart(document.uri.fsPath) || (await projectOf(document.uri.fsPath)) === undefined) return;
    adopted.add(key);
    await vscode.languages.setTextDocumentLanguage(document, LANGUAGE);
  };
  for (const document of vscode.workspace.textDocuments) void adopt(document);
  return vscode.workspace.onDidOpenTextDocument(document => void adopt(document));
}
