/** The window in which the tests run: its workspace, its editors, and waiting for what comes with events. */

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../../src/extension";

/** Longest time that anything may take, in milliseconds. */
const PATIENCE = 60_000;

/** A test; a text that it gives is shown beside its name. */
export type Case = readonly [name: string, work: () => Promise<unknown>];

/** Tells the driver something, in a line of its own. */
export function say(line: object): void {
  const report = process.env.EZ_TEST_REPORT;
  if (report === undefined) throw new Error("EZ_TEST_REPORT is not set");
  appendFileSync(report, `${JSON.stringify(line)}\n`);
}

/** Has the driver type an answer to a question, and then press keys, as soon as the question is asked. Texts go on from here. */
export function answer(question: string, text: string, ...keys: string[]): void {
  say({ question, text, keys: [...keys, "Enter"] });
}

/** Has the driver click on something in a page of the extension, as soon as it is there. */
export function click(selector: string): void {
  say({ click: selector });
}

/** The directory that is open. */
export const folder = () => vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";

/** A file of the workspace. */
export const file = (path: string) => vscode.Uri.file(join(folder(), path));

/** What the extension lets tests see. */
export async function api(): Promise<Api> {
  const extension = vscode.extensions.getExtension<Api>("ez-build.ez");
  assert.ok(extension, "the extension is there");
  return extension.activate();
}

/** Waits until something holds; what is waited for comes with events or with the next look. */
export async function until<Value>(what: string, look: () => Value | PromiseLike<Value>): Promise<NonNullable<Value>> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}

/** Opens a file of the workspace to stay. */
export async function open(path: string): Promise<vscode.TextEditor> {
  return vscode.window.showTextDocument(file(path), { preview: false });
}

/** Replaces the text of an editor. */
export async function replaceAll(editor: vscode.TextEditor, text: string): Promise<void> {
  const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
  assert.ok(await editor.edit(edit => edit.replace(new vscode.Range(new vscode.Position(0, 0), end), text)));
}

/** Shows another text in an editor as long as something is done with it. The place of `¦`, which the text does not keep, is handed on. */
export async function withText<Value>(
  path: string,
  marked: string,
  work: (document: vscode.TextDocument, place: vscode.Position) => Promise<Value>,
): Promise<Value> {
  const editor = await open(path);
  const { document } = editor;
  const before = document.getText();
  await replaceAll(editor, marked.replace("¦", ""));
  try {
    return await work(document, document.positionAt(Math.max(0, marked.indexOf("¦"))));
  } finally {
    await replaceAll(await open(path), before);
    await document.save();
  }
}

/** The place of `¦` in a piece of a document's text. */
export function placeIn(document: vscode.TextDocument, piece: string): vscode.Position {
  const at = document.getText().indexOf(piece.replace("¦", ""));
  assert.notEqual(at, -1, piece);
  return document.positionAt(at + piece.indexOf("¦"));
}

/** The codes of the findings of a file. */
export const codes = (path: string) =>
  vscode.languages.getDiagnostics(file(path)).map(({ code }) => (typeof code === "object" ? code.value : code));
