// Runs the tests of `cases.ts` inside the extension host of a real editor.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
  failed = await failuresIn();
  if (failed === 0) failed = await failuresIn("zh-cn");
} catch (error) {
  console.error(error.message);
} finally {
  await editor.close();
  await rm(reports, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);

/** Opens a window for the tests in a language, prints what comes in, and tells how many tests failed. */
async function failuresIn(language) {
  const page = await editor.openPage();
  const { host } = new URL(editor.address);
  const remote = path => `vscode-remote://${host}${path}`;
  const payload = [
    ["extensionDevelopmentPath", remote(EXTENSION)],
    ["extensionTestsPath", remote(join(EXTENSION, "out/test/host/index.js"))],
  ];
  const query = new URLSearchParams({ folder: editor.folder, payload: JSON.stringify(payload) });
  page.on("console", message => {
    if (process.env.EZ_VERBOSE) console.error(message.text());
  });
  if (language !== undefined) await page.addInitScript(`globalThis._VSCODE_NLS_LANGUAGE = "${language}"`);
  await writeFile(report, "");
  await page.goto(`${editor.address}?${query}`, { waitUntil: "domcontentloaded" });
  let read = 0;
  let count = 0;
  while (Date.now() - began < PATIENCE) {
    const lines = (await readFile(report, "utf8")).split("\n").slice(0, -1);
    for (; read < lines.length; read += 1) {
      const line = JSON.parse(lines[read]);
      if (line.question !== undefined) {
        await answer(page, line);
        continue;
      }
      if (line.click !== undefined) {
        await click(page, line.click);
        continue;
      }
      if (line.done) {
        await page.close();
        const seconds = ((Date.now() - began) / 1000).toFixed(0);
        console.log(`${count} tests in VS Code, ${line.failed} failed, after ${seconds} s`);
        return line.failed;
      }
      count += 1;
      const { name, why, milliseconds, note } = line;
      console.log(line.passed ? `ok    ${name} (${milliseconds} ms) ${note}` : `FAIL  ${name}\n${why}`);
    }
    await new Promise(done => setTimeout(done, 100));
  }
  if (process.env.EZ_SCREENSHOT) await page.screenshot({ path: process.env.EZ_SCREENSHOT });
  throw new Error(`the tests did not end in ${PATIENCE / 1000} s`);
}

/** Waits for a question of the editor, and answers it with a text and keys. */
async function answer(page, { question, text, keys }) {
  const isAsked = question => {
    const widget = [...document.querySelectorAll(".quick-input-widget")].find(found => found.offsetParent !== null);
    const placeholder = widget?.querySelector("input.input")?.placeholder ?? "";
    return `${widget?.textContent} ${placeholder}`.includes(question);
  };
  await page.waitForFunction(isAsked, question);
  await page.keyboard.type(text);
  for (const key of keys) await page.keyboard.press(key);
}

/** Clicks on something in a page of the extension, as soon as it is there. */
async function click(page, selector) {
  while (Date.now() - began < PATIENCE) {
    for (const frame of page.frames()) {
      const found = await frame.$(selector).catch(() => null);
      if (found !== null) return found.click();
    }
    await new Promise(done => setTimeout(done, 100));
  }
  throw new Error(`there is no ${selector}`);
}
