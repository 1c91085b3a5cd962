//! `requires`.

use smol_str::SmolStr;

use super::Decoder;
use super::reader::{is_null, resolve};
use crate::ast::{Enum, EnumValues, RequiredVariable};
use crate::source::Spanned;
use crate::yaml::node::{Node, NodeKind};

impl Decoder<'_> {
    pub(super) fn requires(&mut self, node: &Node) -> Vec<RequiredVariable> {
        let resolved = resolve(node);
        if is_null(resolved) {
            return Vec::new();
        }
        if !matches!(resolved.kind, NodeKind::Mapping(_)) {
            self.type_error(resolved, "ast.Requires", "a mapping with `vars`");
            return Vec::new();
        }
        let mut variables = Vec::new();
        for field in self.fields(resolved) {
            match field.name {
                "vars" => {
                    variables = self.list(
                        field.value,
                        "[]*ast.VarsWithValidation",
                        "a list of variables",
                        Self::required_variable,
                    );
                }
                _ => self.unknown_key(&field, "`requires`", &["vars"]),
            }
        }
        variables
    }

    fn required_variable(&mut self, node: &Node) -> Option<RequiredVariable> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => None,
            NodeKind::Scalar(_) => {
                let text = self.text(resolved)?;
                Some(RequiredVariable { name: Spanned::new(text.value, text.span), allowed: None })
            }
            NodeKind::Mapping(_) => self.frame(resolved, |this| {
                let mut variable =
                    RequiredVariable { name: Spanned::new(SmolStr::default(), resolved.span), allowed: None };
                for field in this.fields(resolved) {
                    match field.name {
                        "name" => {
                            if let Some(text) = this.text(field.value) {
                                variable.name = Spanned::new(text.value, text.span);
                            }
                        }
                        "enum" => variable.allowed = this.allowed_values(field.value),
                        _ => this.unknown_key(&field, "a required variable", &["name", "enum"]),
                    }
                }
                Some(variable)
            }),
            _ => {
                self.shape_error(resolved, "requires", "a variable's name");
                None
            }
        }
    }

    fn allowed_values(&mut self, node: &Node) -> Option<Enum> {
        let resolved = resolve(node);
        let span = resolved.span;
        match &resolved.kind {
            _ if is_null(resolved) => None,
            NodeKind::Sequence(_) => self.frame(resolved, |this| {
                let values = this.texts(resolved).into_iter().map(|text| text.value).collect();
                Some(Enum { values: EnumValues::List(values), span })
            }),
            NodeKind::Mapping(_) => self.frame(resolved, |this| {
                let reference = this.reference(resolved, "an `enum`");
                if reference.is_none() {
                    this.shape_error(resolved, "enum", "a list, or `{ref: .NAME}`");
                }
                reference.map(|text| Enum { values: EnumValues::Reference(text), span })
            }),
            _ => {
                self.shape_error(resolved, "enum", "a list of values");
                None
            }
        }
    }
}
