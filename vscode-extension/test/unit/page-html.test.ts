import assert from "node:assert/strict";
import { test } from "node:test";
import { pageHtml } from "../../src/page-html";

const words = {
  run: "Run <now>",
  dryRun: "d",
  resume: "r",
  fit: "f",
  goTo: "g",
  log: "l",
  noRun: '"none"',
  checkpoint: "c",
  states: {},
};

test("the page runs its own script only, and escapes its words", () => {
  const html = pageHtml({
    script: "s.js",
    style: "s.css",
    source: "vscode-x:",
    nonce: "abc",
    words,
    language: "zh-cn",
  });
  assert.match(html, /default-src 'none'; style-src vscode-x:; script-src 'nonce-abc'/);
  assert.doesNotMatch(html, /unsafe|onclick|style=|<now>/);
  assert.equal(html.match(/<script/g)?.length, 1);
  assert.match(html, /<html lang="zh-cn">/);
  assert.match(html, /Run &lt;now&gt;/);
});
