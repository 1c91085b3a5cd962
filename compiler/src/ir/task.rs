//! A task under its full name.

use std::sync::Arc;

use camino::Utf8Path;
use smol_str::SmolStr;

use crate::ast;
use crate::ir::GlobalVariables;
use crate::source::Span;

/// Index of a task in [`crate::ir::Program::tasks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u32);

/// A task of the linked project. What was written is shared with the syntax tree; what linking changes stands beside it.
#[derive(Clone, Debug)]
pub struct Task {
    /// The full name, `docs:build`; stars are kept.
    pub name: SmolStr,
    /// The outermost namespace, empty in the root Taskfile.
    pub namespace: SmolStr,
    /// Namespaces that calls inside the task are relative to, innermost first.
    pub namespaces: Arc<[SmolStr]>,
    /// All further names, with their namespaces.
    pub aliases: Vec<SmolStr>,
    /// What was written.
    pub definition: Arc<ast::Task>,
    /// Working directory before templates and shell expansion; empty for the root's.
    pub dir: SmolStr,
    /// Not callable from the command line.
    pub internal: bool,
    /// Whether commands are not echoed.
    pub silent: Option<bool>,
    /// Whether files that git ignores are left out of fingerprints.
    pub use_gitignore: Option<bool>,
    /// The Taskfile that declares it, an absolute path or a URL.
    pub taskfile: Arc<Utf8Path>,
    /// Variables that the includes on the way give it.
    pub include_vars: Arc<[ast::Variable]>,
    /// What EZ adds to it, inherited and with the defaults that hold. `None` where it has no `ez-*` field, and always
    /// where the program is go-task's.
    pub superset: Option<Arc<ast::Superset>>,
    /// Globals of the including file as they were when it was linked; only for includes in mapping form.
    pub including_vars: Option<Arc<GlobalVariables>>,
}

impl Task {
    /// The full name of a task that this one calls by `name` (before templates).
    ///
    /// A leading colon leaves one namespace (go-task, `taskNameWithNamespace` in `taskfile/ast/tasks.go`).
    pub fn callee(&self, name: &str) -> SmolStr {
        let mut name = SmolStr::new(name);
        for namespace in self.namespaces.iter() {
            name = qualify(&name, namespace);
        }
        name
    }

    /// Where its name is written.
    pub fn name_span(&self) -> Span {
        self.definition.name.span
    }

    /// Whether the name or an alias holds a star.
    pub fn is_wildcard(&self) -> bool {
        self.name.contains('*')
    }
}

/// `name` under `namespace`, or without its leading colon.
pub fn qualify(name: &str, namespace: &str) -> SmolStr {
    if let Some(above) = name.strip_prefix(':') {
        SmolStr::new(above)
    } else {
        smol_str::format_smolstr!("{namespace}:{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::qualify;

    #[test]
    fn a_leading_colon_leaves_the_namespace() {
        assert_eq!(qualify("build", "docs"), "docs:build");
        assert_eq!(qualify(":build", "docs"), "build");
    }
}
