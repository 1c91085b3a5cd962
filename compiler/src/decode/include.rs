//! `includes`.

use smol_str::SmolStr;

use super::Decoder;
use super::reader::{is_null, resolve};
use crate::ast::Include;
use crate::rule;
use crate::source::Spanned;
use crate::yaml::node::{Node, NodeKind};

const INCLUDE_KEYS: &[&str] =
    &["taskfile", "dir", "optional", "internal", "flatten", "aliases", "excludes", "vars", "checksum"];

impl Decoder<'_> {
    pub(super) fn includes(&mut self, node: &Node) -> Vec<Include> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => return Vec::new(),
            NodeKind::Mapping(_) => {}
            _ => {
                self.shape_error(resolved, "includes", "a mapping of namespaces to Taskfiles");
                return Vec::new();
            }
        }
        let mut includes: Vec<Include> = Vec::new();
        for field in self.named_entries(resolved) {
            let namespace = Spanned::new(SmolStr::new(field.name), field.key.span);
            let Some(include) = self.include(namespace, field.value) else { continue };
            match includes.iter_mut().find(|i| i.namespace.value == include.namespace.value) {
                Some(first) => *first = include,
                None => includes.push(include),
            }
        }
        includes
    }

    fn include(&mut self, namespace: Spanned<SmolStr>, node: &Node) -> Option<Include> {
        let resolved = resolve(node);
        let mut include = Include {
            namespace,
            taskfile: None,
            dir: None,
            optional: false,
            internal: false,
            flatten: false,
            aliases: Vec::new(),
            excludes: Vec::new(),
            vars: Vec::new(),
            checksum: None,
            mapping: false,
            span: resolved.span,
        };
        match &resolved.kind {
            // Nothing written: go-task then includes the directory of this very file.
            _ if is_null(resolved) => Some(include),
            NodeKind::Scalar(_) => {
                include.taskfile = self.text(resolved);
                Some(include)
            }
            NodeKind::Mapping(_) => self.frame(resolved, |this| {
                include.mapping = true;
                this.include_fields(resolved, &mut include);
                let blank =
                    |text: &Option<crate::ast::Text>| text.as_ref().is_none_or(|t| t.value.trim().is_empty());
                let plain = this.type_errors.last().is_none_or(Vec::is_empty);
                if plain && blank(&include.taskfile) && blank(&include.dir) {
                    let message = format!("the include `{}` names no Taskfile", include.namespace.value);
                    let diagnostic = Self::error(rule::INVALID_INCLUDE, message, resolved.span)
                        .with_help("write `taskfile: PATH`");
                    this.fail_with(resolved, "include must specify taskfile or dir", diagnostic);
                    return None;
                }
                Some(include)
            }),
            _ => {
                self.shape_error(resolved, "include", "a path or a mapping");
                None
            }
        }
    }

    fn include_fields(&mut self, node: &Node, include: &mut Include) {
        for field in self.fields(node) {
            match field.name {
                "taskfile" => include.taskfile = self.filled_text(field.value),
                "dir" => include.dir = self.filled_text(field.value),
                "optional" => include.optional = self.boolean(field.value).unwrap_or(false),
                "internal" => include.internal = self.boolean(field.value).unwrap_or(false),
                "flatten" => include.flatten = self.boolean(field.value).unwrap_or(false),
                "aliases" => include.aliases = self.texts(field.value),
                "excludes" => include.excludes = self.texts(field.value),
                "vars" => include.vars = self.variables(field.value),
                "checksum" => include.checksum = self.filled_text(field.value),
                _ => self.unknown_key(&field, "an include", INCLUDE_KEYS),
            }
        }
    }
}
