//! `vars` and `env`.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::Decoder;
use super::reader::{entries, is_null, is_text, resolve, scalar_text};
use crate::ast::{Text, Variable, VariableValue};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::Spanned;
use crate::suggest::nearest;
use crate::template::value::Value;
use crate::yaml::node::{Node, NodeKind};
use crate::yaml::scalar;

const VARIABLE_KEYS: &[&str] = &["sh", "ref", "map", "value", "secret"];

impl Decoder<'_> {
    /// A mapping of names to variables. Of a repeated name the last wins, at the place of the first.
    pub(super) fn variables(&mut self, node: &Node) -> Vec<Variable> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => return Vec::new(),
            NodeKind::Mapping(_) => {}
            _ => {
                self.shape_error(resolved, "vars", "a mapping of names to values");
                return Vec::new();
            }
        }
        let fields = self.named_entries(resolved);
        let mut variables: Vec<Variable> = Vec::with_capacity(fields.len());
        let mut places: FxHashMap<&str, usize> = FxHashMap::default();
        for field in fields {
            let name = Spanned::new(SmolStr::new(field.name), field.key.span);
            let Some(variable) = self.variable(name, field.value) else { continue };
            let Some(first) = places.get(field.name).and_then(|&place| variables.get_mut(place)) else {
                places.insert(field.name, variables.len());
                variables.push(variable);
                continue;
            };
            let message = format!("the variable `{}` is defined twice", field.name);
            self.report(
                Diagnostic::warning(rule::DUPLICATE_KEY, message, field.key.span)
                    .with_label("this one wins")
                    .and_at(first.name.span, "never used")
                    .with_help("keep one of the two"),
            );
            *first = variable;
        }
        variables
    }

    fn variable(&mut self, name: Spanned<SmolStr>, node: &Node) -> Option<Variable> {
        let resolved = resolve(node);
        let span = resolved.span;
        match &resolved.kind {
            NodeKind::Mapping(_) => self.frame(resolved, |this| this.variable_mapping(name, resolved)),
            NodeKind::Scalar(s) if is_text(resolved) => {
                let text = Text { value: s.text.clone(), span, style: s.style };
                Some(Variable { name, value: VariableValue::Text(text), span, secret: false })
            }
            _ => {
                self.report_trap(resolved);
                let value = VariableValue::Literal(self.value(resolved));
                Some(Variable { name, value, span, secret: false })
            }
        }
    }

    /// Values that YAML reads as something else than what stands there.
    fn report_trap(&mut self, node: &Node) {
        let (Some(message), Some(text)) = (scalar::trap(node), scalar_text(node)) else { return };
        let quoted = format!("'{text}'");
        self.report(
            Diagnostic::warning(rule::YAML_TRAP, message, node.span)
                .with_label("not the text that stands here")
                .with_help(format!("quote it: {quoted}"))
                .with_fix("quote it", node.span, quoted),
        );
    }

    fn variable_mapping(&mut self, name: Spanned<SmolStr>, node: &Node) -> Option<Variable> {
        let (mut shell, mut reference, mut map, mut literal, mut secret) = (None, None, None, None, false);
        for field in self.fields(node) {
            match field.name {
                "sh" => shell = self.text(field.value),
                "ref" => reference = self.filled_text(field.value),
                "map" => map = Some(field.value),
                "value" => literal = Some(field.value),
                "secret" => secret = self.boolean(field.value).unwrap_or(false),
                _ => {}
            }
        }
        // go-task looks at the keys only after the types were right.
        if self.has_type_errors() {
            return None;
        }
        if !self.check_variable_keys(&name, node) {
            return None;
        }
        let literal = map.filter(|n| !is_null(n)).or(literal);
        let value = match (reference, shell, literal) {
            (Some(text), _, _) => VariableValue::Reference(text),
            (None, shell, Some(node)) if !is_null(node) || shell.is_none() => self.literal(node),
            (None, Some(text), _) => VariableValue::Shell(text),
            (None, None, _) => VariableValue::Literal(Value::Null),
        };
        Some(Variable { name, value, span: node.span, secret })
    }

    fn literal(&mut self, node: &Node) -> VariableValue {
        let resolved = resolve(node);
        match &resolved.kind {
            NodeKind::Scalar(s) if is_text(resolved) => {
                VariableValue::Text(Text { value: s.text.clone(), span: resolved.span, style: s.style })
            }
            _ => VariableValue::Literal(self.value(resolved)),
        }
    }

    fn check_variable_keys(&mut self, name: &Spanned<SmolStr>, node: &Node) -> bool {
        let mut has_type = false;
        for field in entries(node) {
            match field.name {
                "sh" | "ref" | "map" | "value" => has_type = true,
                "secret" => {}
                unknown => {
                    let mut diagnostic = Self::error(
                        rule::INVALID_VARIABLE,
                        format!("`{unknown}` is no kind of variable"),
                        field.key.span,
                    )
                    .with_label("unknown kind");
                    diagnostic = match nearest(unknown, VARIABLE_KEYS.iter().copied()) {
                        Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                            format!("rename to `{near}`"),
                            field.key.span,
                            near,
                        ),
                        None => diagnostic.with_help(format!(
                            "a map is written under `map:`, as in `{}: {{map: {{{unknown}: …}}}}`",
                            name.value
                        )),
                    };
                    let go = format!(
                        "{unknown:?} is not a valid variable type. Try \"sh\", \"ref\", \"map\", \"value\" or using a scalar value"
                    );
                    self.fail_with(node, go, diagnostic);
                    return false;
                }
            }
        }
        if !has_type {
            let diagnostic = Self::error(
                rule::INVALID_VARIABLE,
                format!("the variable `{}` has no value", name.value),
                node.span,
            )
            .with_help("write a value, or one of `sh:`, `ref:`, `map:`, `value:`");
            let go = "a variable must define one of \"sh\", \"ref\", \"map\", \"value\" or be a scalar value";
            self.fail_with(node, go, diagnostic);
        }
        has_type
    }
}
