//! `deps`.

use smol_str::SmolStr;

use super::Decoder;
use super::reader::{is_null, resolve};
use crate::ast::{Dependency, Text};
use crate::yaml::node::{Node, NodeKind, ScalarStyle};

const DEPENDENCY_KEYS: &[&str] = &["task", "for", "vars", "silent", "timeout"];

impl Decoder<'_> {
    pub(super) fn dependencies(&mut self, node: &Node) -> Vec<Dependency> {
        self.list(node, "[]*ast.Dep", "a list of tasks", Self::dependency)
    }

    fn dependency(&mut self, node: &Node) -> Option<Dependency> {
        let resolved = resolve(node);
        let span = resolved.span;
        let nameless = Text { value: SmolStr::default(), span, style: ScalarStyle::Plain };
        let plain =
            |task| Dependency { task, repeat: None, vars: Vec::new(), silent: false, timeout: None, span };
        match &resolved.kind {
            _ if is_null(resolved) => None,
            NodeKind::Scalar(_) => self.text(resolved).map(plain),
            NodeKind::Mapping(_) => self.frame(resolved, |this| {
                let mut dependency = plain(nameless);
                for field in this.fields(resolved) {
                    match field.name {
                        "task" => {
                            if let Some(text) = this.text(field.value) {
                                dependency.task = text;
                            }
                        }
                        "for" => dependency.repeat = this.repeat(field.value).map(Box::new),
                        "vars" => dependency.vars = this.variables(field.value),
                        "silent" => dependency.silent = this.boolean(field.value).unwrap_or(false),
                        "timeout" => dependency.timeout = this.timeout(field.value, resolved),
                        _ => this.unknown_key(&field, "a dependency", DEPENDENCY_KEYS),
                    }
                }
                Some(dependency)
            }),
            _ => {
                self.shape_error(resolved, "dependency", "a task's name");
                None
            }
        }
    }
}
