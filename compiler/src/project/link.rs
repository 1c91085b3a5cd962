//! From loaded files to one program: namespaces, aliases, directories and variables of includes
//! (go-task, `taskfile/ast/{taskfile,tasks}.go`).

use std::sync::Arc;

use camino::Utf8Path;
use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use semver::Version;
use smol_str::{SmolStr, format_smolstr};

use super::failure::Failure;
use super::load::{Edge, Loaded};
use super::paths::smart_join;
use crate::ast;
use crate::decode::parse_version;
use crate::diagnostic::Diagnostic;
use crate::ir::{GlobalVariable, GlobalVariables, Program, Task, qualify};
use crate::rule;

/// A file with everything that it includes.
#[derive(Clone, Default)]
struct Merged {
    version: Option<Version>,
    output: Option<ast::Output>,
    vars: GlobalVariables,
    env: GlobalVariables,
    tasks: IndexMap<SmolStr, Task, FxBuildHasher>,
}

/// Links a loaded project.
pub(super) struct Linker<'a> {
    loaded: &'a Loaded,
    merged: FxHashMap<usize, Arc<Merged>>,
    pub diagnostics: Vec<Diagnostic>,
    pub failure: Option<Failure>,
}

impl<'a> Linker<'a> {
    pub fn new(loaded: &'a Loaded) -> Self {
        Self { loaded, merged: FxHashMap::default(), diagnostics: Vec::new(), failure: None }
    }

    /// The program of the root file.
    pub fn link(&mut self) -> Program {
        let mut program = Program::default();
        let Some(root) = self.loaded.files.first() else { return program };
        let merged = self.merge_file(0);
        program.taskfile.clone_from(&root.path);
        program.dir.clone_from(&self.loaded.root_dir);
        program.output.clone_from(&merged.output);
        program.version.clone_from(&merged.version);
        program.vars.clone_from(&merged.vars);
        program.env.clone_from(&merged.env);
        if let Some(taskfile) = &root.taskfile {
            program.method.clone_from(&taskfile.method);
            program.run.clone_from(&taskfile.run);
            program.set.clone_from(&taskfile.set);
            program.shopt.clone_from(&taskfile.shopt);
            program.silent = taskfile.silent;
            program.dotenv.clone_from(&taskfile.dotenv);
            program.interval = taskfile.interval.as_ref().map(|i| i.value);
            program.use_gitignore = taskfile.use_gitignore;
        }
        let merged = Arc::try_unwrap(merged).unwrap_or_else(|shared| Merged::clone(&shared));
        program.set_tasks(merged.tasks.into_values().collect());
        program
    }

    /// Include cycles were cut while loading, so this ends.
    fn merge_file(&mut self, file: usize) -> Arc<Merged> {
        if let Some(merged) = self.merged.get(&file) {
            return Arc::clone(merged);
        }
        let mut merged = self.own(file);
        let edges: Vec<&Edge> = self.loaded.edges.iter().filter(|e| e.from == file).collect();
        for edge in edges {
            let child = self.merge_file(edge.to);
            self.merge_include(&mut merged, &child, edge);
        }
        let merged = Arc::new(merged);
        if file != 0 {
            self.merged.insert(file, Arc::clone(&merged));
        }
        merged
    }

    /// What a file itself says.
    fn own(&self, file: usize) -> Merged {
        let loaded = &self.loaded.files[file];
        let Some(taskfile) = &loaded.taskfile else { return Merged::default() };
        let globals = |variables: &[ast::Variable]| {
            variables
                .iter()
                .map(|v| (v.name.value.clone(), GlobalVariable { variable: v.clone(), dir: None }))
                .collect()
        };
        let path: Arc<Utf8Path> = loaded.path.as_path().into();
        let no_vars: Arc<[ast::Variable]> = Arc::from([]);
        let no_namespaces: Arc<[SmolStr]> = Arc::from([]);
        let tasks = taskfile.tasks.iter().map(|definition| {
            let task = Task {
                name: definition.name.value.clone(),
                namespace: SmolStr::default(),
                namespaces: Arc::clone(&no_namespaces),
                aliases: definition.aliases.iter().map(|a| a.value.clone()).collect(),
                definition: Arc::clone(definition),
                dir: definition.dir.as_ref().map_or_else(SmolStr::default, |d| d.value.clone()),
                internal: definition.internal,
                silent: definition.silent,
                use_gitignore: definition.use_gitignore,
                taskfile: Arc::clone(&path),
                include_vars: Arc::clone(&no_vars),
                superset: None,
                including_vars: None,
            };
            (task.name.clone(), task)
        });
        Merged {
            version: taskfile.version.as_ref().and_then(|v| parse_version(&v.value)),
            output: taskfile.output.clone(),
            vars: globals(&taskfile.vars),
            env: globals(&taskfile.env),
            tasks: tasks.collect(),
        }
    }

    fn fail(&mut self, failure: Failure, diagnostic: Diagnostic) {
        self.failure.get_or_insert(failure);
        self.diagnostics.push(diagnostic);
    }

    fn merge_include(&mut self, into: &mut Merged, child: &Merged, edge: &Edge) {
        let included = &self.loaded.files[edge.to];
        let Some(taskfile) = &included.taskfile else { return };
        let include = &edge.include;
        if let (Some(first), Some(second)) = (&into.version, &child.version)
            && first != second
        {
            let (first, second) = (first.to_string(), second.to_string());
            let message = format!("this Taskfile has version {first}, the included one {second}");
            let diagnostic = Diagnostic::error(rule::VERSION_MISMATCH, message, include.span)
                .with_help("give all Taskfiles of a project the same version");
            self.fail(Failure::VersionMismatch { first, second }, diagnostic);
        }
        if let Some(dotenv) = taskfile.dotenv.first() {
            let diagnostic = Diagnostic::error(
                rule::DOTENV_IN_INCLUDE,
                "an included Taskfile cannot have `dotenv`",
                dotenv.span,
            )
            .and_at(include.span, "included here")
            .with_help("move `dotenv` to the root Taskfile, or into the tasks that need it");
            self.fail(Failure::DotenvInInclude, diagnostic);
        }
        if child.output.is_some() {
            into.output.clone_from(&child.output);
        }
        let dir = include.mapping.then(|| SmolStr::new(&edge.dir));
        merge_globals(&mut into.vars, &child.vars, dir.as_ref());
        merge_globals(&mut into.env, &child.env, dir.as_ref());
        let including_vars = include.mapping.then(|| Arc::new(into.vars.clone()));
        for (name, task) in &child.tasks {
            if is_excluded(include, name) {
                continue;
            }
            let task = included_task(task, edge, taskfile, including_vars.as_ref());
            if let Some(existing) = into.tasks.get(&task.name) {
                let message =
                    format!("the include `{}` brings a second task `{}`", include.namespace.value, task.name);
                let diagnostic = Diagnostic::error(rule::FLATTEN_CONFLICT, message, include.span)
                    .and_at(existing.name_span(), "the first one")
                    .and_at(task.name_span(), "the second one")
                    .with_help(format!("add `excludes: [{name}]` to the include, or rename one of them"));
                let failure = Failure::NameConflict {
                    task: task.name.to_string(),
                    include: include.namespace.value.to_string(),
                };
                self.fail(failure, diagnostic);
                continue;
            }
            into.tasks.insert(task.name.clone(), task);
        }
        add_default_aliases(into, child, include);
    }
}

fn merge_globals(into: &mut GlobalVariables, from: &GlobalVariables, dir: Option<&SmolStr>) {
    for (name, global) in from {
        let mut global = global.clone();
        if let Some(dir) = dir {
            global.dir = Some(dir.clone());
        }
        into.insert(name.clone(), global);
    }
}

fn is_excluded(include: &ast::Include, name: &str) -> bool {
    include.excludes.iter().any(|exclude| match exclude.value.strip_suffix(":*") {
        Some("") => false,
        Some(namespace) => name.strip_prefix(namespace).is_some_and(|rest| rest.starts_with(':')),
        None => exclude.value == name,
    })
}

fn included_task(
    task: &Task,
    edge: &Edge,
    taskfile: &ast::Taskfile,
    including_vars: Option<&Arc<GlobalVariables>>,
) -> Task {
    let include = &edge.include;
    let mut task = task.clone();
    task.internal |= include.internal;
    if taskfile.silent && task.silent.is_none() {
        task.silent = Some(true);
    }
    task.use_gitignore = task.use_gitignore.or(taskfile.use_gitignore);
    if !include.flatten {
        put_under_namespace(&mut task, include);
    }
    if include.mapping {
        task.dir = SmolStr::new(smart_join(&edge.dir, &task.dir));
        task.include_vars = merge_variables(&task.include_vars, &include.vars);
        task.including_vars = including_vars.cloned();
    }
    task
}

fn put_under_namespace(task: &mut Task, include: &ast::Include) {
    let namespace = &include.namespace.value;
    let own_aliases = std::mem::take(&mut task.aliases);
    task.aliases = own_aliases.iter().map(|alias| qualify(alias, namespace)).collect();
    for alias in &include.aliases {
        task.aliases.push(qualify(&task.name, &alias.value));
        task.aliases.extend(own_aliases.iter().map(|own| qualify(own, &alias.value)));
    }
    task.name = qualify(&task.name, namespace);
    task.namespace = namespace.clone();
    task.namespaces = task.namespaces.iter().cloned().chain([namespace.clone()]).collect();
}

fn merge_variables(inner: &Arc<[ast::Variable]>, outer: &[ast::Variable]) -> Arc<[ast::Variable]> {
    if outer.is_empty() {
        return Arc::clone(inner);
    }
    let mut merged: Vec<ast::Variable> = inner.to_vec();
    for variable in outer {
        match merged.iter_mut().find(|v| v.name.value == variable.name.value) {
            Some(existing) => *existing = variable.clone(),
            None => merged.push(variable.clone()),
        }
    }
    merged.into()
}

/// The namespace itself calls the included `default`, unless a task has that name.
fn add_default_aliases(into: &mut Merged, child: &Merged, include: &ast::Include) {
    let namespace = &include.namespace.value;
    if include.flatten || !child.tasks.contains_key("default") || into.tasks.contains_key(namespace) {
        return;
    }
    if let Some(default) = into.tasks.get_mut(&format_smolstr!("{namespace}:default")) {
        default.aliases.push(namespace.clone());
        default.aliases.extend(include.aliases.iter().map(|a| a.value.clone()));
    }
}
