// Takes the picture of the documentation: findings, views, completion and a plan that runs.
// usage: node test/host/screenshot.mjs VSIX PICTURE
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EXTENSION, startEditor } from "./code-server.mjs";

const [vsix, picture] = process.argv.slice(2);
const settings = {
  "workbench.colorTheme": "Default Dark Modern",
  "window.commandCenter": false,
  "workbench.layoutControl.enabled": false,
  "workbench.activityBar.location": "default",
  "editor.minimap.enabled": false,
  "editor.fontSize": 14,
  "editor.fontFamily": "'DejaVu Sans Mono'",
  "editor.lineHeight": 20,
  "editor.scrollBeyondLastLine": false,
  "breadcrumbs.enabled": false,
  "editor.stickyScroll.enabled": false,
  "problems.decorations.enabled": true,
  "task.saveBeforeRun": "never",
};
const viewport = { width: 1560, height: 940 };
const editor = await startEditor({
  workspace: join(EXTENSION, "test/host/garden"),
  vsix: resolve(vsix),
  settings,
  viewport,
});
const { folder } = editor;
const page = await editor.openPage();
const press = keys => page.keyboard.press(keys);
const seen = selector => page.waitForSelector(selector, { timeout: 30_000 });

/** Runs a command by its title. */
async function command(title) {
  await press("F1");
  await seen(".quick-input-widget:not([style*='display: none']) input");
  await page.keyboard.type(title);
  await page.click(`.quick-input-list .monaco-list-row[aria-label^="${title}"]`);
}

async function open(path) {
  await press("Control+p");
  await seen(".quick-input-widget input");
  await page.keyboard.type(path);
  await seen(`.quick-input-list .monaco-list-row.focused:has-text("${path.split("/").at(-1)}")`);
  await press("Enter");
  await seen(`.tab.active:has-text("${path.split("/").at(-1)}")`);
}

try {
  await page.goto(`${editor.address}?folder=${encodeURIComponent(folder)}`, { waitUntil: "domcontentloaded" });
  await seen(".explorer-folders-view .monaco-list-row");
  await open("plans/release.yml");
  await seen(".view-lines .view-line");
  await page.click(".activitybar .action-label[aria-label='EZ']");
  await seen(".pane-header:has-text('Plans')");
  await page.click(".pane-body .monaco-list-row:has-text('docs')");
  await page.click(".pane-body .monaco-list-row:has-text('release')");
  await page.click(".monaco-editor .view-lines");
  await command("EZ: Show Graph of Plan");
  await page.waitForFunction(() => document.querySelectorAll("iframe.webview").length > 0);
  await page.click(".monaco-editor .view-lines >> nth=0");
  await command("EZ: Run Plan");
  await seen(".terminal");
  await open("Taskfile.yml");
  const source = await readFile(join(folder, "Taskfile.yml"), "utf8");
  const line = source.split("\n").findIndex(text => text.includes("deps: [site]")) + 1;
  await seen(".squiggly-error");
  await command("Problems: Focus on Problems View");
  await page.click(".monaco-editor .view-lines >> nth=0");
  await press("Control+g");
  await page.keyboard.type(`${line}`);
  await press("Enter");
  await press("End");
  for (let back = 0; back < "site]".length; back += 1) await press("ArrowLeft");
  await press("Control+Space");
  await page
    .waitForSelector(".suggest-widget.visible .monaco-list-row:nth-child(3)", { timeout: 8000 })
    .catch(() => console.error("there is no completion"));
  await page.waitForTimeout(1500);
  await page.screenshot({ path: picture, animations: "disabled" });
  await writeFile(join(folder, "go"), "");
} catch (error) {
  await page.screenshot({ path: picture });
  throw error;
} finally {
  await editor.close();
}
