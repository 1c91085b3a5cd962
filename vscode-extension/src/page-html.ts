/** The page that shows a plan's graph. */

import type { Words } from "./page/messages";

/** What the page is made of. */
export interface PageParts {
  readonly script: string;
  readonly style: string;
  /** Where scripts and styles may come from. */
  readonly source: string;
  /** A word that only this page knows; the script that carries it may run. */
  readonly nonce: string;
  readonly words: Words;
  /** The language of the words, as `zh-cn`. */
  readonly language: string;
}

/** The page; everything that it shows comes later, in messages. */
export function pageHtml(parts: PageParts): string {
  const policy = [
    "default-src 'none'",
    `style-src ${parts.source}`,
    `script-src 'nonce-${parts.nonce}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const { words } = parts;
  const button = (id: string, sign: string, text: string) =>
    `<button id="${id}" type="button" title="${escaped(text)}"><span aria-hidden="true">${sign}</span> ${escaped(text)}</button>`;
  return `<!DOCTYPE html>
<html lang="${escaped(parts.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${escaped(parts.style)}">
</head>
<body data-words="${escaped(JSON.stringify(words))}">
<header>
<h1 id="name"></h1><span id="desc"></span>
<nav>${button("run", "▶", words.run)}${button("dryRun", "◇", words.dryRun)}${button("resume", "↻", words.resume)}${button("fit", "⤢", words.fit)}</nav>
</header>
<p id="state" role="status"></p>
<main id="canvas" tabindex="-1"></main>
<aside id="detail" hidden></aside>
<script nonce="${parts.nonce}" src="${escaped(parts.script)}"></script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
