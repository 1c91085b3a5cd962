// Makes the VSIX: with the program for one platform (`--target linux-x64 --program PATH`), or, without these, the one for all.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { HEAD, targetsOf } from "./program-platform.mjs";

/** The packager; it is not among the dependencies, because nothing else needs its two hundred. */
const VSCE = "@vscode/vsce@3.9.2";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({ options: { target: { type: "string" }, program: { type: "string" } } });
if ((values.target === undefined) !== (values.program === undefined)) {
  throw new Error("--target and --program belong together");
}
const server = join(root, "server");
rmSync(server, { recursive: true, force: true });
if (values.program !== undefined) {
  const targets = targetsOf(readFileSync(values.program).subarray(0, HEAD));
  if (!targets.includes(values.target)) {
    const found = targets.length === 0 ? "no known platform" : targets.join(", ");
    throw new Error(`${values.program} is for ${found}, not for ${values.target}`);
  }
  const name = values.target.startsWith("win32") ? "ez.exe" : "ez";
  mkdirSync(server);
  copyFileSync(values.program, join(server, name));
  chmodSync(join(server, name), 0o755);
}
copyFileSync(join(root, "../LICENSE"), join(root, "LICENSE"));
const run = (program, ...args) => execFileSync(program, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
run(process.execPath, "scripts/build.mjs", "--release");
const vsix = values.target === undefined ? "ez.vsix" : `ez-${values.target}.vsix`;
const target = values.target === undefined ? [] : ["--target", values.target];
run("npx", "--yes", VSCE, "package", "--no-dependencies", "--out", vsix, ...target);
rmSync(server, { recursive: true, force: true });
console.log(`${vsix}  ${(statSync(join(root, vsix)).size / 1e6).toFixed(2)} MB`);
