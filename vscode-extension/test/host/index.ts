/** Tests inside the extension host: VS Code calls `run`, and what came of each test goes to a file that the driver reads. */

import * as vscode from "vscode";
import { tests } from "./cases";
import { chineseTests } from "./chinese-cases";
import { commandTests } from "./command-cases";
import { languageTests } from "./language-cases";
import { say } from "./window";

/** Called by VS Code. */
export async function run(): Promise<void> {
  let failed = 0;
  const isChinese = vscode.env.language === "zh-cn";
  for (const [name, work] of isChinese ? chineseTests : [...tests, ...commandTests, ...languageTests]) {
    const began = performance.now();
    try {
      const note = await work();
      say({
        name,
        passed: true,
        milliseconds: Math.round(performance.now() - began),
        note: typeof note === "string" ? note : "",
      });
    } catch (error) {
      failed += 1;
      say({ name, passed: false, why: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
  say({ done: true, failed });
  if (failed > 0) throw new Error(`${failed} tests failed`);
}
