/** The script of the page with a plan's graph. It draws what it is told, and tells what is clicked. */

import { BOX_HEIGHT, type Box, type Layout } from "../plan-layout";
import { shownSeconds } from "../run-view";
import type { BoxState, FromPage, RunView, ToPage, Words } from "./messages";

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const SVG = "http://www.w3.org/2000/svg";
/** How often the time of running steps is drawn anew, in milliseconds. */
const TICK = 100;
const MIN_SCALE = 0.15;
const MAX_SCALE = 3;
/** Largest scale that "fit" chooses. */
const MAX_FIT = 1.25;

/** The sign and the style of each state. */
const SIGNS: Readonly<Record<string, readonly [sign: string, style: string]>> = {
  succeeded: ["✔", "good"],
  running: ["", "running"],
  failed: ["✘", "bad"],
  "failed, tolerated": ["!", "warned"],
  interrupted: ["✘", "bad"],
  blocked: ["⊘", "warned"],
  cancelled: ["⊘", "warned"],
  skipped: ["∘", "passed"],
  "not selected": ["∘", "passed"],
  waiting: ["", "waiting"],
  "not run": ["", "waiting"],
};

const editor = acquireVsCodeApi();
const words = JSON.parse(document.body.dataset.words ?? '{"states":{}}') as Words;

interface Drawn {
  readonly box: Box;
  readonly group: SVGGElement;
  readonly sign: SVGTextElement;
  readonly time: SVGTextElement;
}

let layout: Layout | undefined;
let run: RunView | undefined;
let cursor: string | undefined;
let selected: string | undefined;
let drawn: Drawn[] = [];
let lines: { readonly from: string; readonly to: string; readonly path: SVGPathElement }[] = [];
let view = { x: 0, y: 0, scale: 1 };
let scene: SVGGElement | undefined;

function element<Kind extends HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as Kind;
}

function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string | number>>,
  text?: string,
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw(plan: Layout): void {
  const picture = svg("svg", { width: "100%", height: "100%", role: "group" });
  const marker = svg("marker", {
    id: "arrow",
    viewBox: "0 0 8 8",
    refX: 7,
    refY: 4,
    markerWidth: 7,
    markerHeight: 7,
    orient: "auto",
  });
  marker.append(svg("path", { d: "M0 0.5 L8 4 L0 7.5 z", class: "head" }));
  const definitions = svg("defs", {});
  definitions.append(marker);
  scene = svg("g", {});
  lines = plan.lines.map(({ from, to, path }) => {
    const line = svg("path", { d: path, class: "line", "marker-end": "url(#arrow)" });
    scene?.append(line);
    return { from, to, path: line };
  });
  drawn = plan.boxes.map(drawBox);
  picture.append(definitions, scene);
  element("canvas").replaceChildren(picture);
}

function drawBox(box: Box): Drawn {
  const group = svg("g", {
    class: "box",
    transform: `translate(${box.x} ${box.y})`,
    tabindex: 0,
    role: "button",
    "data-name": box.name,
  });
  const frame = svg("rect", { width: box.width, height: BOX_HEIGHT, rx: 7, class: "frame" });
  if (box.when !== undefined) frame.classList.add("maybe");
  if (box.isFolder) frame.classList.add("folder");
  const spinner = svg("circle", { cx: 18, cy: BOX_HEIGHT / 2, r: 6, class: "spinner" });
  const dot = svg("circle", { cx: 18, cy: BOX_HEIGHT / 2, r: 4, class: "dot" });
  const sign = svg("text", { x: 18, y: BOX_HEIGHT / 2 + 5, class: "sign" });
  const time = svg("text", { x: box.width - 10, y: BOX_HEIGHT - 5, class: "time" });
  const label = svg("text", { x: 34, y: BOX_HEIGHT / 2 + 4, class: "label" }, box.label);
  group.append(svg("title", {}, titleOf(box)), frame, dot, spinner, sign, label, time);
  if (box.checkpoint) group.append(svg("path", { d: `M${box.width - 15} 6v7m4 -7v7`, class: "checkpoint" }));
  group.addEventListener("click", () => choose(box));
  group.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") choose(box);
  });
  scene?.append(group);
  return { box, group, sign, time };
}

function titleOf(box: Box): string {
  const parts = [box.name, box.task === box.name ? "" : box.task, box.when === undefined ? "" : `when ${box.when}`];
  if (box.checkpoint) parts.push(words.checkpoint);
  return parts.filter(part => part !== "").join("\n");
}

function choose(box: Box): void {
  selected = box.name;
  editor.postMessage({ kind: "goTo", step: box.step });
  mark();
}

/** Shows the states of the run, the cursor and what is selected. */
function mark(): void {
  for (const { box, group, sign, time } of drawn) {
    const state = run?.boxes[box.name];
    const [symbol, style] = SIGNS[state?.state ?? ""] ?? ["", "waiting"];
    group.setAttribute("class", `box ${run === undefined ? "unknown" : style}`);
    group.classList.toggle("current", box.step === cursor);
    group.classList.toggle("selected", box.name === selected);
    group.setAttribute("aria-label", `${titleOf(box)} ${stateName(state?.state)}`);
    sign.textContent = symbol;
    time.textContent = timeOf(state);
  }
  const names = new Set(
    drawn.filter(({ box }) => box.step === cursor || box.name === selected).map(({ box }) => box.name),
  );
  for (const line of lines) line.path.classList.toggle("near", names.has(line.from) || names.has(line.to));
  showDetail();
}

function stateName(state: string | undefined): string {
  return state === undefined ? "" : (words.states[state] ?? state);
}

function timeOf(state: BoxState | undefined): string {
  if (state === undefined) return "";
  if (state.since !== undefined) return shownSeconds(Math.max(0, (Date.now() - state.since) / 1000));
  return state.duration === undefined || state.state === "skipped" ? "" : shownSeconds(state.duration);
}

function showDetail(): void {
  const detail = element("detail");
  const box = drawn.find(candidate => candidate.box.name === selected)?.box;
  const state = box === undefined ? undefined : run?.boxes[box.name];
  detail.hidden = box === undefined;
  if (box === undefined) return;
  const text = document.createElement("span");
  text.textContent = [box.name, stateName(state?.state), timeOf(state)].filter(part => part !== "").join(" · ");
  const children: Node[] = [text];
  if (state?.cause !== undefined) {
    const cause = document.createElement("span");
    cause.className = "cause";
    cause.textContent = state.cause;
    children.push(cause);
  }
  children.push(button(words.goTo, () => editor.postMessage({ kind: "goTo", step: box.step })));
  if (state !== undefined)
    children.push(button(words.log, () => editor.postMessage({ kind: "showLog", node: box.name })));
  detail.replaceChildren(...children);
}

function button(text: string, work: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", work);
  return made;
}

function showRun(): void {
  const state = element("state");
  state.className = run?.state ?? "";
  state.textContent = run === undefined ? words.noRun : `${run.run} · ${stateName(run.state)} · ${run.summary}`;
}

function move(): void {
  scene?.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
}

function fit(): void {
  if (layout === undefined) return;
  const { clientWidth, clientHeight } = element("canvas");
  const scale = Math.min(clientWidth / layout.width, clientHeight / layout.height, MAX_FIT);
  view = {
    scale: Math.max(MIN_SCALE, scale),
    x: Math.max(0, (clientWidth - layout.width * scale) / 2),
    y: Math.max(0, (clientHeight - layout.height * scale) / 2),
  };
  move();
}

/** Brings the boxes of a step into sight, if none of them is. */
function reveal(step: string): void {
  const { clientWidth, clientHeight } = element("canvas");
  const boxes = drawn.filter(({ box }) => box.step === step).map(({ box }) => box);
  const isSeen = (box: Box) => {
    const x = view.x + box.x * view.scale;
    const y = view.y + box.y * view.scale;
    return x >= 0 && y >= 0 && x + box.width * view.scale <= clientWidth && y + BOX_HEIGHT * view.scale <= clientHeight;
  };
  const [first] = boxes;
  if (first === undefined || boxes.some(isSeen)) return;
  view.x = clientWidth / 2 - (first.x + first.width / 2) * view.scale;
  view.y = clientHeight / 2 - (first.y + BOX_HEIGHT / 2) * view.scale;
  move();
}

function zoom(event: WheelEvent): void {
  event.preventDefault();
  if (!event.ctrlKey && !event.metaKey) {
    view.x -= event.deltaX;
    view.y -= event.deltaY;
  } else {
    const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, view.scale * Math.exp(-event.deltaY / 300)));
    const place = element("canvas").getBoundingClientRect();
    const [x, y] = [event.clientX - place.left, event.clientY - place.top];
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
  }
  move();
}

function drag(start: PointerEvent): void {
  if ((start.target as Element).closest(".box") !== null) return;
  const canvas = element("canvas");
  const [x, y] = [view.x - start.clientX, view.y - start.clientY];
  canvas.setPointerCapture(start.pointerId);
  const follow = (event: PointerEvent) => {
    view.x = x + event.clientX;
    view.y = y + event.clientY;
    move();
  };
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerup", () => canvas.removeEventListener("pointermove", follow), { once: true });
}

function receive(message: ToPage): void {
  switch (message.kind) {
    case "plan": {
      const isOther = element("name").textContent !== message.name || layout === undefined;
      layout = message.layout;
      element("name").textContent = message.name;
      element("desc").textContent = message.desc;
      draw(message.layout);
      if (isOther) fit();
      else move();
      mark();
      break;
    }
    case "problem": {
      layout = undefined;
      drawn = [];
      element("name").textContent = message.name;
      const text = document.createElement("pre");
      text.textContent = message.text;
      element("canvas").replaceChildren(text);
      break;
    }
    case "run":
      run = message.run;
      showRun();
      mark();
      break;
    case "cursor":
      cursor = message.step;
      mark();
      if (message.step !== undefined) reveal(message.step);
      break;
  }
}

window.addEventListener("message", event => receive(event.data as ToPage));
window.addEventListener("resize", fit);
element("canvas").addEventListener("wheel", zoom, { passive: false });
element("canvas").addEventListener("pointerdown", drag);
element("fit").addEventListener("click", fit);
for (const kind of ["run", "dryRun", "resume"] as const) {
  element(kind).addEventListener("click", () => editor.postMessage({ kind }));
}
setInterval(() => {
  for (const { box, time } of drawn) {
    const state = run?.boxes[box.name];
    if (state?.since !== undefined) time.textContent = timeOf(state);
  }
}, TICK);
showRun();
editor.postMessage({ kind: "ready" });
