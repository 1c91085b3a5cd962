import assert from "node:assert/strict";
import { test } from "node:test";
import { readPlan, readPlans, readRun, readRuns, readTask, readTasks, UnexpectedAnswer } from "../../src/answers";
import { plan, task } from "./samples";

test("answers are read, with fields that are not known yet", () => {
  const entry = { ...task("a"), new_field: 1 };
  assert.deepEqual(readTasks(JSON.stringify({ tasks: [entry], location: "/p" })), [entry]);
  assert.equal(readTask(JSON.stringify({ ...entry, requires: ["X"] })).requires?.[0], "X");
  assert.deepEqual(readPlans("[]"), []);
  assert.equal(readPlan(JSON.stringify(plan({ a: [], b: ["a"] }))).nodes.length, 2);
  assert.deepEqual(readRuns('{"runs": []}'), []);
});

test("what is no answer is an error with a message, never something half read", () => {
  const all = [readTasks, readTask, readPlans, readPlan, readRuns, readRun];
  for (const text of ["", "null", "1", '"x"', "{", "[1]", "[[]]", '{"tasks": [{}]}', '{"runs": 1}', '{"nodes": {}}']) {
    for (const read of all) assert.throws(() => read(text), UnexpectedAnswer, `${read.name} ${text}`);
  }
});
