import assert from "node:assert/strict";
import { test } from "node:test";
import { commandLine, typedArguments, UnclearInvocation } from "../../src/invocation";

test("an invocation is a command line of ez", () => {
  assert.deepEqual(commandLine({ task: "a:b" }), ["run", "a:b"]);
  assert.deepEqual(commandLine({ task: "list", vars: { X: "a b" }, flags: ["--force"], args: ["-v", ""] }), [
    ...["run", "list", "X=a b", "--force", "--", "-v", ""],
  ]);
  assert.deepEqual(commandLine({ plan: "p", vars: { stage: "dev" }, flags: ["--resume"] }), [
    ...["plan", "run", "p", "stage=dev", "--resume"],
  ]);
  assert.deepEqual(commandLine({ check: true }), ["check", "--format", "github"]);
});

test("nothing, or several things, are no invocation", () => {
  for (const wrong of [{}, { task: "" }, { task: "a", plan: "b" }, { plan: "p", check: true }]) {
    assert.throws(() => commandLine(wrong), UnclearInvocation);
  }
});

test("what is typed is variables, flags and arguments", () => {
  assert.deepEqual(typedArguments("A=1 B='x y' --force -- --C=2 d"), {
    vars: { A: "1", B: "x y" },
    flags: ["--force"],
    args: ["--C=2", "d"],
  });
  assert.deepEqual(typedArguments("--x=1 a=b=c"), { vars: { a: "b=c" }, flags: ["--x=1"], args: [] });
  assert.deepEqual(typedArguments(""), { vars: {}, flags: [], args: [] });
});
