import assert from "node:assert/strict";
import { test } from "node:test";
import { objection, planQuestions, taskQuestions, wildcards, withoutWildcards } from "../../src/param-form";
import { param, task } from "./samples";

test("params and required variables become questions", () => {
  const entry = task("t", {
    params: [
      param("name", "input", { required: true, pattern: "[a-z]+" }),
      param("size", "select", { options: ["s", "l"], default: "s" }),
      param("tls", "bool", { default: "true" }),
      param("features", "multi", { options: ["a", "b"] }),
      param("token", "secret"),
      param("late", "select", { query: { command: "ls" } }),
    ],
    requires: ["STAGE", "EZ_NAME"],
  });
  const questions = taskQuestions(entry).map(({ variable, kind }) => `${variable} ${kind}`);
  assert.deepEqual(questions, [
    "EZ_NAME text",
    "EZ_SIZE choice",
    "EZ_TLS choice",
    "EZ_FEATURES choices",
    "EZ_TOKEN secret",
    "STAGE text",
  ]);
  assert.deepEqual(taskQuestions(entry)[2]?.options, ["true", "false"]);
});

test("the params of a plan are asked for by their names", () => {
  const [stage] = planQuestions([{ name: "stage", type: "select", required: true, default: null }]);
  assert.equal(stage?.variable, "stage");
  assert.equal(stage?.default, undefined);
});

test("answers are objected to as ez objects to them", () => {
  const ask = (type: string, changes: object, answer: string) => {
    const [question] = taskQuestions(task("t", { params: [param("p", type, changes)] }));
    assert.ok(question);
    return objection(question, answer)?.kind;
  };
  assert.equal(ask("input", { required: true }, ""), "missing");
  assert.equal(ask("input", { required: true, default: "x" }, ""), undefined);
  assert.equal(ask("input", { pattern: "a+" }, "aab"), "pattern");
  assert.equal(ask("input", { pattern: "a|b" }, "b"), undefined);
  assert.equal(ask("input", { pattern: "(?P<x>a)" }, "z"), undefined, "left to ez");
  assert.equal(ask("number", { min: 1, max: 3 }, "x"), "notANumber");
  assert.equal(ask("number", { min: 1, max: 3 }, " "), "notANumber");
  assert.equal(ask("number", { min: 1, max: 3 }, "0"), "tooSmall");
  assert.equal(ask("number", { min: 1, max: 3 }, "3.5"), "tooLarge");
  assert.equal(ask("number", { min: 1, max: 3 }, "3"), undefined);
  assert.equal(ask("secret", { min: 8 }, "short"), "tooShort");
  assert.equal(ask("input", { max: 2 }, "äöü"), "tooLong");
  assert.equal(ask("input", { max: 3 }, "äöü"), undefined);
});

test("wildcards are replaced in order", () => {
  assert.equal(wildcards("deploy:*:to:*"), 2);
  assert.equal(withoutWildcards("deploy:*:to:*", ["api", "$&"]), "deploy:api:to:$&");
});
