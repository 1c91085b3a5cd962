// Runs the tests of `cases.ts` inside the extension host of a real editor.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXTENSION, startEditor } from "./code-server.mjs";

/** Longest time for all tests, in milliseconds. */
const PATIENCE = 300_000;

const reports = await mkdtemp(join(tmpdir(), "ez-report-"));
const report = join(reports, "report");
const began = Date.now();
const editor = await startEditor({
  workspace: join(EXTENSION, "test/host/workspace"),
  environment: { EZ_TEST_REPORT: report },
});
let failed = 1;
try {
  const { host } = new URL(editor.address);
  const remote = path => `vscode-remote://${host}${path}`;
  const payload = [
    ["extensionDevelopmentPath", remote(EXTENSION)],
    ["extensionTestsPath", remote(join(EXTENSION, "out/test/host/index.js"))],
  ];
  const query = new URLSearchParams({ folder: editor.folder, payload: JSON.stringify(payload) });
  editor.page.on("console", message => {
    if (process.env.EZ_VERBOSE) console.error(message.text());
  });
  await editor.page.goto(`${editor.address}?${query}`, { waitUntil: "domcontentloaded" });
  failed = await results();
} catch (error) {
  if (process.env.EZ_SCREENSHOT) await editor.page.screenshot({ path: process.env.EZ_SCREENSHOT });
  console.error(error.message);
} finally {
  await editor.close();
  await rm(reports, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);

/** Prints what comes in, and tells how many tests failed. */
async function results() {
  let shown = 0;
  while (Date.now() - began < PATIENCE) {
    const lines = (await readFile(report, "utf8").catch(() => "")).split("\n").slice(0, -1);
    for (; shown < lines.length; shown += 1) {
      const line = JSON.parse(lines[shown]);
      if (line.done) {
        const seconds = ((Date.now() - began) / 1000).toFixed(0);
        console.log(`${shown} tests in VS Code, ${line.failed} failed, ${seconds} s`);
        return line.failed;
      }
      console.log(
        line.passed
          ? `ok    ${line.name} (${line.milliseconds} ms) ${line.note}`
          : `FAIL  ${line.name}
${line.why}`,
      );
    }
    await new Promise(done => setTimeout(done, 100));
  }
  throw new Error(`the tests did not end in ${PATIENCE / 1000} s`);
}
