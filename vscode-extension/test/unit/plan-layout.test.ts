import assert from "node:assert/strict";
import { test } from "node:test";
import { BOX_HEIGHT, type Layout, layoutPlan, MARGIN, MAX_BOXES, MAX_LETTERS } from "../../src/plan-layout";
import { plan } from "./samples";

function laidOut(steps: Record<string, string[]>): Layout {
  const layout = layoutPlan(plan(steps));
  assert.ok(layout);
  return layout;
}

/** No two boxes overlap, all are inside, and every line goes to the right. */
function sound(layout: Layout): void {
  for (const box of layout.boxes) {
    assert.ok(box.x >= MARGIN - 1 && box.y >= MARGIN - 1, box.name);
    assert.ok(box.x + box.width <= layout.width && box.y + BOX_HEIGHT <= layout.height, box.name);
    for (const other of layout.boxes) {
      const apart =
        box === other ||
        box.x + box.width <= other.x ||
        other.x + other.width <= box.x ||
        box.y + BOX_HEIGHT <= other.y ||
        other.y + BOX_HEIGHT <= box.y;
      assert.ok(apart, `${box.name} and ${other.name}`);
    }
  }
  const places = new Map(layout.boxes.map(box => [box.name, box]));
  for (const { from, to, path } of layout.lines) {
    assert.match(path, /^M[\d.]+ [\d.-]+(?: [CH][\d. -]+)+$/);
    const [left, right] = [places.get(from), places.get(to)];
    assert.ok(left !== undefined && right !== undefined && left.x + left.width < right.x);
  }
}

test("levels are columns", () => {
  const layout = laidOut({ lint: [], "build×2": [], test: ["build"], publish: ["lint", "test"] });
  sound(layout);
  const column = (name: string) => layout.boxes.find(box => box.name === name)?.x;
  assert.equal(column("lint"), column("build[0]"));
  assert.equal(column("build[0]"), column("build[1]"));
  assert.ok((column("test") ?? 0) < (column("publish") ?? 0));
  assert.equal(layout.lines.length, 4);
});

test("a chain is straight", () => {
  const layout = laidOut({ a: [], b: ["a"], c: ["b"] });
  sound(layout);
  assert.equal(new Set(layout.boxes.map(box => box.y)).size, 1);
});

test("steps that cross as written do not cross as drawn", () => {
  const layout = laidOut({ a: [], b: [], x: ["b"], y: ["a"] });
  const y = (name: string) => layout.boxes.find(box => box.name === name)?.y ?? 0;
  assert.equal(y("a") < y("b"), y("y") < y("x"));
});

test("a line around other columns does not pass behind their boxes", () => {
  const layout = laidOut({ a: [], b: ["a"], c: ["b"], d: ["a", "c"] });
  sound(layout);
  const line = layout.lines.find(({ from, to }) => from === "a" && to === "d");
  const heights = [...(line?.path ?? "").matchAll(/ ([\d.]+) [\d.]+ ([\d.]+) H/g)].map(match => Number(match[2]));
  assert.equal(heights.length, 2);
  const middles = layout.boxes.filter(box => ["b", "c"].includes(box.name));
  for (const [index, box] of middles.entries()) {
    const y = heights[index] ?? 0;
    assert.ok(y < box.y || y > box.y + BOX_HEIGHT, `${y} ${box.y}`);
  }
});

test("random plans are laid out soundly", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  for (let round = 0; round < 40; round += 1) {
    const steps: Record<string, string[]> = {};
    const names: string[] = [];
    for (let step = 0; step < 25; step += 1) {
      const needs = names.filter(() => random(names.length) < 2);
      steps[random(6) === 0 ? `s${step}×3` : `s${step}`] = needs;
      names.push(`s${step}`);
    }
    sound(laidOut(steps));
  }
});

test("many combinations are one box, too many steps none", () => {
  const layout = laidOut({ [`wide×${MAX_BOXES + 1}`]: [], end: ["wide"] });
  sound(layout);
  assert.equal(layout.isCollapsed, true);
  assert.equal(layout.boxes[0]?.slugs.length, MAX_BOXES + 1);
  assert.match(layout.boxes[0]?.label ?? "", / ×401$/);
  const many = Object.fromEntries(Array.from({ length: MAX_BOXES + 1 }, (_, index) => [`s${index}`, []]));
  assert.equal(layoutPlan(plan(many)), undefined);
});

test("the largest plan that is drawn is laid out soundly", () => {
  const steps: Record<string, string[]> = {};
  for (let step = 0; step < MAX_BOXES; step += 1) {
    steps[`s${step}`] = step < 20 ? [] : [`s${step - 20}`, `s${(step * 7) % (step - 10)}`];
  }
  sound(laidOut(steps));
});

test("long names are shortened, and an empty plan is drawn", () => {
  const name = "n".repeat(200);
  const [box] = laidOut({ [name]: [] }).boxes;
  assert.equal([...(box?.label ?? "")].length, MAX_LETTERS);
  assert.deepEqual(laidOut({}).boxes, []);
});
