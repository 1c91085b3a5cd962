import assert from "node:assert/strict";
import { test } from "node:test";
import { planLevels, type TaskBranch, taskTree } from "../../src/task-tree";
import { plan, task } from "./samples";

/** A tree as text: `name!` is a task. */
function drawn(branches: readonly TaskBranch[]): string {
  return branches
    .map(({ label, entry, children }) => {
      const below = children.length === 0 ? "" : `(${drawn(children)})`;
      return `${label}${entry === undefined ? "" : "!"}${below}`;
    })
    .join(" ");
}

test("namespaces are branches, after the tasks beside them", () => {
  const names = ["docs:serve", "build", "docs", "a:b:c", "a:b:d", "a:x", "test"];
  assert.equal(drawn(taskTree(names.map(name => task(name)))), "build! test! docs!(serve!) a(x! b(c! d!))");
});

test("wildcards and odd separators stay whole", () => {
  const names = ["deploy:*", "*", "a::b", ":x", "y:"];
  assert.equal(drawn(taskTree(names.map(name => task(name)))), "*! a::b! :x! y:! deploy(*!)");
});

test("the tree holds the full name, not the label", () => {
  const [branch] = taskTree([task("svc:build", { name: "build svc" })]);
  assert.equal(branch?.children[0]?.entry?.task, "svc:build");
  assert.equal(branch?.children[0]?.name, "svc:build");
  assert.deepEqual(taskTree([]), []);
});

test("steps stand at their levels, with the steps that they wait for", () => {
  const levels = planLevels(plan({ lint: [], "build×3": [], test: ["build"], publish: ["lint", "test"] }));
  const shown = levels.map(({ number, steps }) => [number, ...steps.map(({ step, needs }) => `${step}<${needs}`)]);
  assert.deepEqual(shown, [
    [1, "lint<", "build<"],
    [2, "test<build"],
    [3, "publish<lint,test"],
  ]);
  assert.equal(levels[0]?.steps[1]?.combinations, 3);
  assert.equal(levels[0]?.steps[1]?.line, 5);
});
