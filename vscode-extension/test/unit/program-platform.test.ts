import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const script = import("../../scripts/program-platform.mjs");

function head(...parts: [at: number, bytes: number[]][]): Buffer {
  const made = Buffer.alloc(256);
  for (const [at, bytes] of parts) made.set(bytes, at);
  return made;
}

test("programs are known by their first bytes", async () => {
  const { targetsOf } = await script;
  const elf = (machine: number) => head([0, [0x7f, 0x45, 0x4c, 0x46]], [18, [machine, 0]]);
  assert.deepEqual(targetsOf(elf(0x3e)), ["linux-x64", "alpine-x64"]);
  assert.deepEqual(targetsOf(elf(0xb7)), ["linux-arm64", "alpine-arm64"]);
  assert.deepEqual(targetsOf(elf(0xf3)), []);
  const machO = (machine: number) => head([0, [0xcf, 0xfa, 0xed, 0xfe, machine, 0, 0, 1]]);
  assert.deepEqual(targetsOf(machO(0x0c)), ["darwin-arm64"]);
  assert.deepEqual(targetsOf(machO(0x07)), ["darwin-x64"]);
  const windows = head([0, [0x4d, 0x5a]], [0x3c, [0x80]], [0x80, [0x50, 0x45, 0, 0, 0x64, 0x86]]);
  assert.deepEqual(targetsOf(windows), ["win32-x64"]);
  assert.deepEqual(targetsOf(head([0, [0x4d, 0x5a]], [0x3c, [0xff, 0xff]])), []);
  assert.deepEqual(targetsOf(Buffer.from("#!/bin/sh\n")), []);
  assert.deepEqual(targetsOf(Buffer.alloc(0)), []);
});

test("the program that runs this test is for this platform", async () => {
  const { HEAD, targetsOf } = await script;
  const node = readFileSync(process.execPath).subarray(0, HEAD);
  assert.ok(targetsOf(node).includes(`${process.platform}-${process.arch}`));
});
