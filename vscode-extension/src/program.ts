/** The program `ez`: found, and asked for JSON. */

import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import * as vscode from "vscode";
import { type Found, findProgram } from "./program-search";

/** Longest answer that is read, in bytes. */
const MAX_ANSWER = 64 * 1024 * 1024;
/** Longest time that an answer may take, in milliseconds. */
const MAX_TIME = 20_000;

/** The program answered with an error, or could not be started. */
export class ProgramFailure extends Error {
  constructor(
    message: string,
    /** Its exit code; none where it did not start or was ended. */
    readonly exit: number | undefined,
  ) {
    super(message);
  }
}

/** Finds `ez` anew each time that it is asked, since settings and files change. */
export class Program {
  constructor(
    private readonly extension: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Where the program is. */
  find(): Found {
    return findProgram({
      setting: vscode.workspace.getConfiguration("ez").get("path", ""),
      extension: this.extension.fsPath,
      workspace: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath,
      home: homedir(),
      searchPath: process.env.PATH ?? "",
      platform: process.platform,
      isProgram,
    });
  }

  /** The environment of everything that is started. */
  environment(): Record<string, string> {
    return vscode.workspace.getConfiguration("ez").get<Record<string, string>>("env", {});
  }

  /**
   * What a command prints.
   *
   * @throws {ProgramFailure} There is no program, it fails, or it takes too long.
   */
  async ask(directory: string, args: readonly string[]): Promise<string> {
    const found = this.find();
    if (found.kind !== "found") throw new ProgramFailure(vscode.l10n.t("the program ez was not found"), undefined);
    const started = Date.now();
    return new Promise((resolve, reject) => {
      const options = {
        cwd: directory,
        maxBuffer: MAX_ANSWER,
        timeout: MAX_TIME,
        env: { ...process.env, ...this.environment(), NO_COLOR: "1" },
      };
      execFile(found.path, [...args], options, (error, stdout, stderr) => {
        this.log.debug(`ez ${args.join(" ")} (${directory}): ${Date.now() - started} ms`);
        if (error === null) return resolve(stdout);
        const text = stderr.trim() === "" ? error.message : stderr.trim();
        this.log.warn(`ez ${args.join(" ")} (${directory}): ${text}`);
        reject(new ProgramFailure(text, typeof error.code === "number" ? error.code : undefined));
      });
    });
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
