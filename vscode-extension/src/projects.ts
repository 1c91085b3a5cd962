/** The projects of a workspace: directories with a Taskfile. */

import { stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import * as vscode from "vscode";

/** Names of Taskfiles, in the order in which `ez` looks for them. */
export const TASKFILE_NAMES = ["Taskfile", "taskfile"].flatMap(name =>
  ["", ".dist"].flatMap(part => [`${name}${part}.yml`, `${name}${part}.yaml`]),
);
const TASKFILES = "{Taskfile,taskfile}{,.dist}.{yml,yaml}";
/** Directories whose files belong to the project above them; beside them stands the Taskfile. */
const PARTS = ["plans", "plugins", "templates"];
/** Most projects that are looked for below a folder without a Taskfile. */
const MAX_PROJECTS = 50;

/** A directory with a Taskfile. */
export interface Project {
  /** Absolute. */
  readonly directory: string;
  /** How it is shown where there are several. */
  readonly label: string;
  readonly folder: vscode.WorkspaceFolder;
}

/** Whether a directory has a Taskfile. */
export async function hasTaskfile(directory: string): Promise<boolean> {
  for (const name of TASKFILE_NAMES) {
    if (await isFile(join(directory, name))) return true;
  }
  return false;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isFile(),
    () => false,
  );
}

/** The projects of all folders: those of the setting, else the folder itself, else the directories right below it. */
export async function findProjects(): Promise<Project[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const all = await Promise.all(folders.filter(folder => folder.uri.scheme === "file").map(projectsOf));
  return all.flat();
}

async function projectsOf(folder: vscode.WorkspaceFolder): Promise<Project[]> {
  const root = folder.uri.fsPath;
  const project = (directory: string): Project => ({
    directory,
    label: directory === root ? folder.name : join(folder.name, relative(root, directory)),
    folder,
  });
  const named = vscode.workspace.getConfiguration("ez", folder).get<string[]>("projects", []);
  if (named.length > 0) return named.map(path => project(isAbsolute(path) ? path : join(root, path)));
  if (await hasTaskfile(root)) return [project(root)];
  const pattern = new vscode.RelativePattern(folder, `*/${TASKFILES}`);
  const files = await vscode.workspace.findFiles(pattern, "**/node_modules/**", MAX_PROJECTS);
  const directories = new Set(files.map(file => dirname(file.fsPath)));
  return [...directories].sort().map(project);
}

/**
 * The directory of the project that a file belongs to: beside `plans/`, `plugins/`, `templates/`, else the directory of the
 * Taskfile itself; `undefined` for other files.
 */
export async function projectOf(path: string): Promise<string | undefined> {
  const parent = dirname(path);
  if (PARTS.includes(basename(parent)) && (await hasTaskfile(dirname(parent)))) return dirname(parent);
  if (/^task\.ya?ml$/.test(basename(path)) && basename(dirname(parent)) === "tasks") return dirname(dirname(parent));
  return TASKFILE_NAMES.includes(basename(path)) ? parent : undefined;
}

/** Whether a file is a plan of a project. */
export function isPlan(path: string): boolean {
  return basename(dirname(path)) === "plans" && /\.ya?ml$/.test(path);
}

/** Whether a file is one that only its place makes part of a project: `plans/x.yml` is, in other projects, something else. */
export function isPart(path: string): boolean {
  return PARTS.includes(basename(dirname(path))) && /\.ya?ml$/.test(path);
}
