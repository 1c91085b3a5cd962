/** Where the program `ez` is: named by the setting, bundled with the extension, or on `PATH`. */

import { posix, win32 } from "node:path";

/** What the search may look at. */
export interface Surroundings {
  /** The setting `ez.path`; empty where it is not set. */
  readonly setting: string;
  /** Where the extension is installed. */
  readonly extension: string;
  /** The first folder of the workspace, against which a relative setting is read. */
  readonly workspace: string | undefined;
  /** The home directory, for `~/`. */
  readonly home: string;
  /** The variable `PATH`. */
  readonly searchPath: string;
  readonly platform: NodeJS.Platform;
  /** Whether there is a file that can be executed. */
  isProgram(path: string): boolean;
}

/** Which rule found it. */
export type Origin = "setting" | "bundled" | "path";

/** What the search came to. */
export type Found =
  | { readonly kind: "found"; readonly path: string; readonly origin: Origin }
  /** The setting names something that is no program; nothing else is tried, since it would not be what was asked for. */
  | { readonly kind: "wrongSetting"; readonly path: string }
  | { readonly kind: "missing" };

/** The bundled program, in the directory of the extension. */
const BUNDLED = ["server", "ez"];

/** In the setting, the first folder of the workspace. */
const WORKSPACE_VARIABLE = `\${workspaceFolder}`;

/** Finds `ez`. */
export function findProgram(around: Surroundings): Found {
  const path = around.platform === "win32" ? win32 : posix;
  const suffix = around.platform === "win32" ? ".exe" : "";
  const setting = around.setting.trim();
  if (setting !== "") {
    const named = settingPath(setting, around);
    const tried = [named, `${named}${suffix}`];
    const program = tried.find(candidate => around.isProgram(candidate));
    return program === undefined
      ? { kind: "wrongSetting", path: named }
      : { kind: "found", path: program, origin: "setting" };
  }
  const bundled = path.join(around.extension, ...BUNDLED) + suffix;
  if (around.isProgram(bundled)) return { kind: "found", path: bundled, origin: "bundled" };
  for (const directory of around.searchPath.split(path.delimiter)) {
    // An empty or relative entry would be a program of whatever directory is open.
    if (!path.isAbsolute(directory)) continue;
    const candidate = path.join(directory, `ez${suffix}`);
    if (around.isProgram(candidate)) return { kind: "found", path: candidate, origin: "path" };
  }
  return { kind: "missing" };
}

function settingPath(setting: string, around: Surroundings): string {
  const path = around.platform === "win32" ? win32 : posix;
  if (setting === "~" || setting.startsWith("~/")) return path.join(around.home, setting.slice(1));
  const workspace = around.workspace ?? around.home;
  const named = setting.replaceAll(WORKSPACE_VARIABLE, workspace);
  return path.isAbsolute(named) ? named : path.join(workspace, named);
}
