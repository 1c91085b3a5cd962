//! The project's tasks inside of a compiled plan: a file that lies elsewhere, with other tasks beside them.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::taskfile;
use crate::ir::{Program, TaskId};
use crate::project::Loaded;
use crate::project::paths::is_absolute;
use crate::yaml::emit::Tree;

/// The project's root directory, as a variable of all tasks.
pub const ROOT: &str = "{{.ROOT_DIR}}";
/// The variable with what is done in the shell before each command of a step: its environment.
pub const PRELUDE: &str = "EZ_STEP_SHELL";
/// The variable with the directory of a step that does not run in the task's own.
pub const STEP_DIR: &str = "EZ_STEP_DIR";
/// Begins the names of the project's tasks that the plan's own tasks would hide.
const RENAMED: &str = "project:";
/// The name of a plan's task that runs everything.
pub const DEFAULT: &str = "default";
/// Begins the names of the plan's own tasks.
pub const OWN_PREFIXES: [&str; 4] = ["step-", "run-", "call-", "ez:"];

/// What of a project a plan needs.
pub struct Placed {
    /// The keys of the file before its tasks.
    pub head: Vec<(String, Tree)>,
    /// The tasks.
    pub tasks: Vec<(String, Tree)>,
    /// What behaves differently than under `ez`.
    pub notes: Vec<String>,
    renamed: FxHashMap<SmolStr, String>,
}

/// How the steps call tasks.
#[derive(Default)]
pub struct Calls {
    /// The tasks that steps call by name.
    pub roots: Vec<TaskId>,
    /// Those of them that get [`PRELUDE`].
    pub with_prelude: Vec<TaskId>,
    /// Those of them that get [`STEP_DIR`].
    pub with_dir: FxHashSet<TaskId>,
}

impl Placed {
    /// Takes the tasks that steps call, and what these call. `way` leads from the file to the project's root directory.
    pub fn new(program: &Program, loaded: &Loaded, calls: &Calls, way: &str) -> Self {
        let wanted = reachable(program, &calls.roots);
        let with_prelude = reachable(program, &calls.with_prelude);
        let renamed: FxHashMap<SmolStr, String> = wanted
            .iter()
            .map(|id| &program.task(*id).name)
            .filter(|name| is_taken(name))
            .map(|name| (name.clone(), format!("{RENAMED}{name}")))
            .collect();
        let (tree, notes) = taskfile::tree(program, loaded);
        let mut placed = Self { head: Vec::new(), tasks: Vec::new(), notes, renamed };
        let Tree::Map(entries) = tree else { return placed };
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("tasks", Tree::Map(tasks)) => {
                    for (id, (name, task)) in program.ids().zip(tasks) {
                        if wanted.contains(&id) {
                            let task =
                                placed.task(task, with_prelude.contains(&id), calls.with_dir.contains(&id));
                            placed.tasks.push((placed.name(&name), task));
                        }
                    }
                }
                ("vars", vars) => placed.head.push((key, with_root(vars, way))),
                ("env", env) => placed.head.push((key, in_root(env))),
                ("dotenv", Tree::List(files)) => {
                    let moved = files.into_iter().map(|file| match file {
                        Tree::Text(path) if !is_absolute(&path) && !path.starts_with("{{") => {
                            Tree::Text(format!("{way}/{path}"))
                        }
                        other => other,
                    });
                    placed.head.push((key, Tree::List(moved.collect())));
                }
                (_, value) => placed.head.push((key, value)),
            }
        }
        if placed.head.iter().all(|(key, _)| key != "vars") {
            placed.head.push(("vars".to_owned(), with_root(Tree::Map(Vec::new()), way)));
        }
        placed
    }

    /// What a task of the project is called in this file.
    pub fn name(&self, name: &str) -> String {
        self.renamed.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn task(&self, tree: Tree, has_prelude: bool, has_dir: bool) -> Tree {
        let Tree::Map(entries) = tree else { return tree };
        let mut out = Vec::with_capacity(entries.len() + 1);
        let mut dir = ".".to_owned();
        for (key, value) in entries {
            let value = match (key.as_str(), value) {
                ("dir", Tree::Text(text)) => {
                    dir = text;
                    continue;
                }
                ("aliases", Tree::List(names)) => Tree::List(
                    names
                        .into_iter()
                        .filter(|name| !matches!(name, Tree::Text(name) if is_taken(name)))
                        .collect(),
                ),
                ("deps" | "cmds", Tree::List(items)) => {
                    Tree::List(items.into_iter().map(|item| self.item(item, &key, has_prelude)).collect())
                }
                ("status", Tree::List(items)) if has_prelude => {
                    Tree::List(items.into_iter().map(|item| map_text(item, prelude)).collect())
                }
                ("if", value) if has_prelude => map_text(value, prelude),
                ("preconditions", Tree::List(items)) if has_prelude => {
                    Tree::List(items.into_iter().map(|item| map_key(item, "sh", prelude)).collect())
                }
                ("vars" | "env", Tree::Map(variables)) if has_prelude => Tree::Map(
                    variables
                        .into_iter()
                        .map(|(name, value)| (name, map_key(value, "sh", prelude)))
                        .collect(),
                ),
                (_, value) => value,
            };
            out.push((key, value));
        }
        let dir = rooted(&dir);
        let dir = if has_dir {
            format!("{{{{if .{STEP_DIR}}}}}{{{{.{STEP_DIR}}}}}{{{{else}}}}{dir}{{{{end}}}}")
        } else {
            dir
        };
        let place = out.iter().position(|(key, _)| key == "cmds" || key == "deps").unwrap_or(out.len());
        out.insert(place, ("dir".to_owned(), Tree::Text(dir)));
        Tree::Map(out)
    }

    /// A command or a dependency.
    fn item(&self, item: Tree, key: &str, has_prelude: bool) -> Tree {
        match item {
            Tree::Text(name) if key == "deps" => {
                if has_prelude {
                    self.call(vec![("task".to_owned(), Tree::Text(name))], true)
                } else {
                    Tree::Text(self.name(&name))
                }
            }
            Tree::Text(script) if has_prelude => Tree::Text(prelude(&script)),
            Tree::Map(entries) if entries.iter().any(|(key, _)| key == "task") => {
                self.call(entries, has_prelude)
            }
            Tree::Map(entries) => Tree::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| match (key.as_str(), value) {
                        ("cmd" | "if", Tree::Text(script)) if has_prelude => {
                            (key, Tree::Text(prelude(&script)))
                        }
                        ("defer", value) => {
                            let value = self.item(value, "cmds", has_prelude);
                            (key, value)
                        }
                        (_, value) => (key, value),
                    })
                    .collect(),
            ),
            other => other,
        }
    }

    fn call(&self, entries: Vec<(String, Tree)>, has_prelude: bool) -> Tree {
        let mut entries: Vec<(String, Tree)> = entries
            .into_iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("task", Tree::Text(name)) => (key, Tree::Text(self.name(&name))),
                (_, value) => (key, value),
            })
            .collect();
        if has_prelude {
            let passed = (PRELUDE.to_owned(), Tree::Text(format!("{{{{.{PRELUDE}}}}}")));
            if let Some((_, Tree::Map(vars))) = entries.iter_mut().find(|(key, _)| key == "vars") {
                vars.push(passed);
            } else {
                let place = entries.iter().position(|(key, _)| key == "task").map_or(0, |at| at + 1);
                entries.insert(place, ("vars".to_owned(), Tree::Map(vec![passed])));
            }
        }
        Tree::Map(entries)
    }
}

/// Whether a plan has a task of that name.
fn is_taken(name: &str) -> bool {
    name == DEFAULT || OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The tasks that some tasks call, with themselves; all tasks where a called name is known only at run time.
fn reachable(program: &Program, roots: &[TaskId]) -> FxHashSet<TaskId> {
    let mut seen: FxHashSet<TaskId> = FxHashSet::default();
    let mut left = roots.to_vec();
    while let Some(id) = left.pop() {
        if !seen.insert(id) {
            continue;
        }
        if program.task(id).calls().any(|call| !call.is_static()) {
            return program.ids().collect();
        }
        left.extend(program.callees(id).map(|(_, callee)| callee));
    }
    seen
}

fn prelude(script: &str) -> String {
    format!("{{{{.{PRELUDE}}}}}{script}")
}

fn map_text(tree: Tree, change: fn(&str) -> String) -> Tree {
    match tree {
        Tree::Text(text) => Tree::Text(change(&text)),
        other => other,
    }
}

/// A mapping with the text of one of its keys changed.
fn map_key(tree: Tree, wanted: &str, change: fn(&str) -> String) -> Tree {
    let Tree::Map(entries) = tree else { return tree };
    Tree::Map(
        entries
            .into_iter()
            .map(|(key, value)| {
                let value = if key == wanted { map_text(value, change) } else { value };
                (key, value)
            })
            .collect(),
    )
}

/// Global variables, whose commands run in the root directory, after the directory itself.
fn with_root(vars: Tree, way: &str) -> Tree {
    let root = format!("{{{{joinPath .TASKFILE_DIR {way:?}}}}}");
    let mut entries = vec![("ROOT_DIR".to_owned(), Tree::Text(root))];
    if let Tree::Map(vars) = in_root(vars) {
        entries.extend(vars);
    }
    Tree::Map(entries)
}

fn in_root(vars: Tree) -> Tree {
    let Tree::Map(vars) = vars else { return vars };
    let in_root = |script: &str| format!("cd {{{{.ROOT_DIR | shellQuote}}}}\n{script}");
    Tree::Map(vars.into_iter().map(|(name, value)| (name, map_key(value, "sh", in_root))).collect())
}

/// A directory of the project as seen from anywhere.
pub fn rooted(dir: &str) -> String {
    let is_rooted = ["{{.ROOT_DIR", "{{.TASKFILE_DIR", "{{.USER_WORKING_DIR", "{{.TASK_DIR"]
        .iter()
        .any(|root| dir.starts_with(root));
    match dir {
        "." | "" => ROOT.to_owned(),
        dir if is_absolute(dir) || is_rooted || dir.starts_with(['~', '$']) => dir.to_owned(),
        dir => format!("{ROOT}/{dir}"),
    }
}
