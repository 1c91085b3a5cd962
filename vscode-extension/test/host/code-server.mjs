// VS Code as code-server with a browser without a screen: started for one workspace, and ended with it.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of the extension. */
export const EXTENSION = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const INSTALLED = resolve(process.env.EZ_CODE_SERVER ?? join(EXTENSION, "../dep/code-server"));
const PROGRAM = resolve(process.env.EZ_PROGRAM ?? join(EXTENSION, "../target/debug/ez"));
/** Longest time until the server or the window is there, in milliseconds. */
const PATIENCE = 120_000;

async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/**
 * Starts an editor over a copy of a workspace, with an extension from a file, if there is one. `close` ends it and removes
 * everything.
 */
export async function startEditor({ workspace, vsix, settings = {}, environment = {}, viewport }) {
  const root = await mkdtemp(join(tmpdir(), "ez-vscode-"));
  const folder = join(root, "garden");
  const data = join(root, "data");
  await cp(workspace, folder, { recursive: true });
  for (const part of ["User", "Machine"]) await mkdir(join(data, part), { recursive: true });
  const quiet = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": false,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "extensions.ignoreRecommendations": true,
    "telemetry.telemetryLevel": "off",
    "chat.commandCenter.enabled": false,
    "git.enabled": false,
  };
  // The browser is one machine, the server another: what names a program is a setting of the latter.
  await writeFile(join(data, "Machine/settings.json"), JSON.stringify({ "ez.path": PROGRAM }));
  await writeFile(join(data, "User/settings.json"), JSON.stringify({ ...quiet, ...settings }));
  const port = await freePort();
  const entry = join(INSTALLED, "node_modules/code-server/out/node/entry.js");
  const extensions = join(root, "extensions");
  const common = ["--user-data-dir", data, "--extensions-dir", extensions, "--config", join(root, "config.yaml")];
  if (vsix !== undefined) {
    execFileSync(process.execPath, [entry, ...common, "--install-extension", vsix], { stdio: "ignore" });
  }
  const args = [
    ...[entry, "--bind-addr", `127.0.0.1:${port}`, "--auth", "none"],
    ...["--disable-workspace-trust", "--disable-telemetry", "--disable-update-check", ...common],
  ];
  const server = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const log = [];
  server.stdout.on("data", text => log.push(String(text)));
  server.stderr.on("data", text => log.push(String(text)));
  let browser;
  const close = async () => {
    await browser?.close();
    if (server.exitCode === null) {
      process.kill(-server.pid, "SIGTERM");
      await once(server, "exit");
    }
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await answered(`http://127.0.0.1:${port}/healthz`, server, log);
    const { chromium } = createRequire(join(INSTALLED, "package.json"))("playwright-core");
    browser = await chromium.launch({
      executablePath: process.env.EZ_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    });
    const openPage = () => browser.newPage({ viewport });
    const address = `http://127.0.0.1:${port}/`;
    return { openPage, address, folder, close, log };
  } catch (error) {
    await close();
    throw error;
  }
}

async function answered(address, server, log) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`code-server ended:\n${log.join("")}`);
    if (Date.now() > end) throw new Error(`code-server does not answer:\n${log.join("")}`);
    const isThere = await fetch(address).then(
      answer => answer.ok,
      () => false,
    );
    if (isThere) return;
    await new Promise(done => setTimeout(done, 50));
  }
}
