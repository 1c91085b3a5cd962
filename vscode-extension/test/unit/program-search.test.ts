import assert from "node:assert/strict";
import { test } from "node:test";
import { findProgram, type Surroundings } from "../../src/program-search";

function around(programs: string[], changes: Partial<Surroundings> = {}): Surroundings {
  return {
    setting: "",
    extension: "/ext",
    workspace: "/ws",
    home: "/home/me",
    searchPath: "/usr/bin:/opt/bin",
    platform: "linux",
    isProgram: path => programs.includes(path),
    ...changes,
  };
}

test("the setting wins over the bundled program, that over the search path", () => {
  const all = ["/mine/ez", "/ext/server/ez", "/opt/bin/ez"];
  const find = (programs: string[], setting = "") => findProgram(around(programs, { setting }));
  assert.deepEqual(find(all, "/mine/ez"), { kind: "found", path: "/mine/ez", origin: "setting" });
  assert.deepEqual(find(all), { kind: "found", path: "/ext/server/ez", origin: "bundled" });
  assert.deepEqual(find(["/opt/bin/ez"]), { kind: "found", path: "/opt/bin/ez", origin: "path" });
  assert.deepEqual(find([]), { kind: "missing" });
});

test("a wrong setting is told, and nothing else is taken", () => {
  const found = findProgram(around(["/opt/bin/ez"], { setting: "/no/ez" }));
  assert.deepEqual(found, { kind: "wrongSetting", path: "/no/ez" });
});

test("the setting knows the home directory, the workspace and relative paths", () => {
  const path = (setting: string, program: string) => {
    const found = findProgram(around([program], { setting }));
    assert.deepEqual(found, { kind: "found", path: program, origin: "setting" });
  };
  path("~/bin/ez", "/home/me/bin/ez");
  path(`\${workspaceFolder}/dep/ez`, "/ws/dep/ez");
  path("dep/ez", "/ws/dep/ez");
  path(" /a/ez ", "/a/ez");
});

test("relative entries of the search path are passed over", () => {
  assert.deepEqual(findProgram(around(["ez", "./ez", "bin/ez"], { searchPath: ":.:bin" })), { kind: "missing" });
});

test("on Windows the program has an extension", () => {
  const windows = { platform: "win32", searchPath: "C:\\bin;D:\\x", extension: "C:\\ext" } as const;
  const found = findProgram(around(["D:\\x\\ez.exe"], windows));
  assert.deepEqual(found, { kind: "found", path: "D:\\x\\ez.exe", origin: "path" });
  const named = findProgram(around(["C:\\my\\ez.exe"], { ...windows, setting: "C:\\my\\ez" }));
  assert.deepEqual(named, { kind: "found", path: "C:\\my\\ez.exe", origin: "setting" });
});
