import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunDetail } from "../../src/answers";
import { layoutPlan, MAX_BOXES } from "../../src/plan-layout";
import { runView, shownSeconds } from "../../src/run-view";
import { plan } from "./samples";

function run(nodes: [slug: string, state: string, duration?: number][]): RunDetail {
  return {
    run: "r",
    started: "",
    state: "running",
    exit: null,
    steps: nodes.length,
    succeeded: nodes.filter(([, state]) => state === "succeeded").length,
    failed: nodes.filter(([, state]) => state === "failed").length,
    duration: 0,
    nodes: nodes.map(([slug, state, duration]) => ({
      slug,
      state,
      attempts: 1,
      started: state === "running" ? "2026-01-02T03:04:05Z" : null,
      duration: duration ?? null,
      exit: null,
      cause: state === "failed" ? "exit code 1" : null,
    })),
  };
}

test("boxes show the states of their combinations", () => {
  const boxes = layoutPlan(plan({ a: [], "b×2": ["a"] }))?.boxes ?? [];
  const view = runView(
    run([
      ["a", "succeeded", 1.5],
      ["b-0-", "running"],
      ["gone", "failed"],
    ]),
    boxes,
  );
  assert.equal(view.boxes.a?.duration, 1.5);
  assert.equal(view.boxes["b[0]"]?.since, Date.UTC(2026, 0, 2, 3, 4, 5));
  assert.equal(view.boxes["b[1]"], undefined);
  assert.equal(view.summary, "1/3 ✔, 1 ✘");
});

test("a box of many combinations shows the most pressing state", () => {
  const boxes = layoutPlan(plan({ [`w×${MAX_BOXES + 1}`]: [] }))?.boxes ?? [];
  const state = (...nodes: [string, string, number?][]) => runView(run(nodes), boxes).boxes.w;
  assert.equal(state(["w-0-", "succeeded", 1], ["w-1-", "running"], ["w-2-", "failed", 1])?.state, "running");
  assert.equal(state(["w-0-", "succeeded", 1], ["w-2-", "failed", 1])?.cause, "exit code 1");
  assert.equal(state(["w-0-", "succeeded", 1], ["w-1-", "succeeded", 3])?.duration, 3);
  assert.equal(state(["w-0-", "something new", 1], ["w-1-", "succeeded", 3])?.state, "succeeded");
});

test("times are for people", () => {
  assert.deepEqual([0.04, 9.94, 12.4, 59.4, 65, 3600].map(shownSeconds), [
    ...["0.0s", "9.9s", "12s", "59s", "1m 05s", "60m 00s"],
  ]);
});
