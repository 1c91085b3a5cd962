// Bundles the extension, the script of its page and, with --tests, the tests.
import { cp, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const isWatching = process.argv.includes("--watch");
const isRelease = process.argv.includes("--release");

const shared = {
  bundle: true,
  minify: isRelease,
  sourcemap: isRelease ? false : "linked",
  absWorkingDir: root,
  logLevel: "warning",
};
const node = { ...shared, platform: "node", format: "cjs", target: "node20", external: ["vscode"] };
const bundles = [
  // `module` first: the CommonJS builds of some dependencies load their parts in ways that no bundler follows.
  { ...node, entryPoints: ["src/extension.ts"], outfile: "out/extension.js", mainFields: ["module", "main"] },
  {
    ...shared,
    platform: "browser",
    format: "iife",
    target: "es2022",
    entryPoints: ["src/page/plan.ts"],
    outfile: "out/plan.js",
  },
];
if (process.argv.includes("--tests")) {
  const tests = (await readdir(join(root, "test/unit"))).filter(name => name.endsWith(".test.ts"));
  const external = [...node.external, "vscode-textmate", "vscode-oniguruma", "tm-grammars"];
  bundles.push(
    { ...node, external, entryPoints: tests.map(name => `test/unit/${name}`), outdir: "out/test/unit" },
    { ...node, entryPoints: ["test/host/index.ts"], outfile: "out/test/host/index.js" },
  );
}

await mkdir(join(root, "out"), { recursive: true });
await cp(join(root, "src/page/plan.css"), join(root, "out/plan.css"));
if (isWatching) {
  for (const options of bundles) await (await context(options)).watch();
} else {
  await Promise.all(bundles.map(options => build(options)));
}
