import assert from "node:assert/strict";
import { test } from "node:test";
import { StepLines } from "../../src/step-lines";

const steps = () =>
  new StepLines([
    { name: "a", location: { line: 3 } },
    { name: "b", location: { line: 6 } },
    { name: "c", location: { line: 9 } },
  ]);

test("a line belongs to the step that began last", () => {
  const lines = steps();
  assert.deepEqual(
    [0, 1, 2, 4, 5, 8, 99].map(line => lines.stepAt(line)),
    [undefined, undefined, "a", "a", "b", "c", "c"],
  );
  assert.equal(lines.lineOf("b"), 5);
  assert.equal(lines.lineOf("x"), undefined);
});

test("steps move with edits above them", () => {
  const lines = steps();
  lines.apply({ start: 3, end: 3, added: 2 });
  assert.deepEqual(
    ["a", "b", "c"].map(step => lines.lineOf(step)),
    [2, 7, 10],
  );
  lines.apply({ start: 3, end: 5, added: 0 });
  assert.deepEqual(
    ["a", "b", "c"].map(step => lines.lineOf(step)),
    [2, 5, 8],
  );
  lines.apply({ start: 4, end: 7, added: 0 });
  assert.deepEqual(
    ["a", "b", "c"].map(step => lines.lineOf(step)),
    [2, 4, 5],
  );
});

test("typing within a line moves nothing", () => {
  const lines = steps();
  lines.apply({ start: 5, end: 5, added: 0 });
  assert.equal(lines.lineOf("b"), 5);
});
