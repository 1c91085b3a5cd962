//! The linked project.

use std::sync::OnceLock;

use camino::Utf8PathBuf;
use indexmap::IndexMap;
use regex::Regex;
use rustc_hash::FxHashMap;
use semver::Version;
use smol_str::SmolStr;

use crate::ast;
use crate::ir::{Task, TaskId};

/// A global variable and the directory in which its command runs.
#[derive(Clone, Debug, PartialEq)]
pub struct GlobalVariable {
    /// What was written.
    pub variable: ast::Variable,
    /// Directory of the include that it came with, for `sh:`; the root's without it.
    pub dir: Option<SmolStr>,
}

/// Global variables in the order in which they are rendered.
pub type GlobalVariables = IndexMap<SmolStr, GlobalVariable>;

/// What runs.
#[derive(Debug, Default)]
pub struct Program {
    /// The root Taskfile: an absolute path, a URL, or a name for standard input.
    pub taskfile: Utf8PathBuf,
    /// The root directory.
    pub dir: Utf8PathBuf,
    /// `version` of the root Taskfile.
    pub version: Option<Version>,
    /// `output`; one in an include wins.
    pub output: Option<ast::Output>,
    /// `method` of the root Taskfile.
    pub method: Option<ast::Text>,
    /// `run` of the root Taskfile.
    pub run: Option<ast::Text>,
    /// `set` of the root Taskfile.
    pub set: Vec<ast::Text>,
    /// `shopt` of the root Taskfile.
    pub shopt: Vec<ast::Text>,
    /// `silent` of the root Taskfile.
    pub silent: bool,
    /// `dotenv` of the root Taskfile.
    pub dotenv: Vec<ast::Text>,
    /// `interval` of the root Taskfile.
    pub interval: Option<std::time::Duration>,
    /// `use_gitignore` of the root Taskfile.
    pub use_gitignore: Option<bool>,
    /// Global variables of all files.
    pub vars: GlobalVariables,
    /// Global environment of all files.
    pub env: GlobalVariables,
    /// Tasks in declared order: the root's, then those of includes.
    pub tasks: Vec<Task>,
    index: FxHashMap<SmolStr, TaskId>,
    wildcards: OnceLock<Vec<Wildcard>>,
    aliases: OnceLock<FxHashMap<SmolStr, Vec<TaskId>>>,
}

#[derive(Debug)]
struct Wildcard {
    task: TaskId,
    stars: usize,
    /// What all names that it matches begin with.
    prefix: SmolStr,
    /// `None` where the name is no valid regular expression: such a task matches nothing (go-task crashes on it).
    pattern: Option<Regex>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// One task, and what its stars matched.
    Task(TaskId, Vec<SmolStr>),
    /// An alias of several tasks.
    Ambiguous(Vec<TaskId>),
    /// Nothing.
    Unknown,
}

impl Program {
    /// Sets the tasks.
    pub fn set_tasks(&mut self, tasks: Vec<Task>) {
        self.index = tasks.iter().enumerate().map(|(i, t)| (t.name.clone(), TaskId(i as u32))).collect();
        self.tasks = tasks;
        self.wildcards = OnceLock::new();
        self.aliases = OnceLock::new();
    }

    /// A task by its id.
    pub fn task(&self, id: TaskId) -> &Task {
        &self.tasks[id.0 as usize]
    }

    /// The task of exactly this name.
    pub fn find(&self, name: &str) -> Option<TaskId> {
        self.index.get(name).copied()
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = TaskId> + use<> {
        (0..self.tasks.len() as u32).map(TaskId)
    }

    /// What a called name stands for: a name, else an alias, else the first wildcard that matches
    /// (go-task, `FindMatchingTasks` in `task.go`).
    pub fn resolve(&self, name: &str) -> Resolution {
        if let Some(id) = self.find(name) {
            return Resolution::Task(id, Vec::new());
        }
        match self.aliases().get(name).map(Vec::as_slice) {
            Some([one]) => return Resolution::Task(*one, Vec::new()),
            Some(several) => return Resolution::Ambiguous(several.to_vec()),
            None => {}
        }
        self.match_wildcard(name).map_or(Resolution::Unknown, |(id, stars)| Resolution::Task(id, stars))
    }

    fn aliases(&self) -> &FxHashMap<SmolStr, Vec<TaskId>> {
        self.aliases.get_or_init(|| {
            let mut aliases: FxHashMap<SmolStr, Vec<TaskId>> = FxHashMap::default();
            for id in self.ids() {
                for alias in &self.task(id).aliases {
                    let tasks = aliases.entry(alias.clone()).or_default();
                    if tasks.last() != Some(&id) {
                        tasks.push(id);
                    }
                }
            }
            aliases
        })
    }

    fn match_wildcard(&self, name: &str) -> Option<(TaskId, Vec<SmolStr>)> {
        let may_match = |wildcard: &&Wildcard| name.starts_with(wildcard.prefix.as_str());
        self.wildcards().iter().filter(may_match).find_map(|wildcard| {
            let captures = wildcard.pattern.as_ref()?.captures(name)?;
            if captures.len() != wildcard.stars + 1 {
                return None;
            }
            let matched = captures.iter().skip(1).map(|m| m.map_or("", |m| m.as_str()).into()).collect();
            Some((wildcard.task, matched))
        })
    }

    /// Names with stars in file order. Without a star only a name that means more than itself as a regular
    /// expression could match, as in go-task, which escapes nothing.
    fn wildcards(&self) -> &[Wildcard] {
        self.wildcards.get_or_init(|| {
            let mut wildcards = Vec::new();
            for id in self.ids() {
                let task = self.task(id);
                for name in std::iter::once(&task.name).chain(&task.aliases) {
                    if name.contains(is_special) {
                        let pattern = Regex::new(&format!("^{}$", name.replace('*', "(.*)"))).ok();
                        let stars = name.matches('*').count();
                        wildcards.push(Wildcard { task: id, stars, prefix: plain_prefix(name), pattern });
                    }
                }
            }
            wildcards
        })
    }
}

/// Whether a character may mean more than itself in a regular expression.
fn is_special(c: char) -> bool {
    "*.+?()[]{}|^$\\".contains(c)
}

/// What every name begins with that a name with stars matches: of many such names few need a closer look.
fn plain_prefix(name: &str) -> SmolStr {
    let length = name.find(is_special).unwrap_or(name.len());
    let mut plain = name[..length].chars();
    // What may be repeated may be missing.
    if name[length..].starts_with(['?', '+', '{']) {
        plain.next_back();
    }
    if name.contains('|') { SmolStr::default() } else { plain.as_str().into() }
}

#[cfg(test)]
mod tests {
    use super::plain_prefix;

    #[test]
    fn what_a_name_with_stars_begins_with() {
        for (name, prefix) in [
            ("build-*", "build-"),
            ("*", ""),
            ("ab?c*", "a"),
            ("ab{0}*", "a"),
            ("ü+", ""),
            ("a*|b*", ""),
            ("a.b", "a"),
        ] {
            assert_eq!(plain_prefix(name), prefix, "{name}");
        }
    }
}
