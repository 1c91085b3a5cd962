import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_CRASHES, RestartLimit, WINDOW } from "../../src/restart-limit";

test("a few crashes are answered by a new start, one more is not", () => {
  const limit = new RestartLimit();
  for (let crash = 0; crash < MAX_CRASHES; crash += 1) assert.equal(limit.allows(crash), true);
  assert.equal(limit.allows(MAX_CRASHES), false);
});

test("crashes are forgotten with time, and when somebody asks for a start", () => {
  const limit = new RestartLimit();
  for (let crash = 0; crash <= MAX_CRASHES; crash += 1) limit.allows(crash);
  assert.equal(limit.allows(WINDOW - 1), false);
  assert.equal(limit.allows(3 * WINDOW), true);
  for (let crash = 0; crash <= MAX_CRASHES; crash += 1) limit.allows(3 * WINDOW);
  limit.forget();
  assert.equal(limit.allows(3 * WINDOW), true);
});
