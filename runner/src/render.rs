//! Templates of one task, rendered one after the other.
//!
//! Once a template fails, what follows stays as it was written, and the first fault is kept (go-task, `Cache` in
//! `internal/templater`).

use ez_compiler::ast::{Glob, Text, Variable, VariableValue};
use ez_compiler::template::{self, TemplateError, Value};
use smol_str::SmolStr;

use crate::call::{CallValue, CallVariable};
use crate::error::TemplateFault;
use crate::scope::{Layer, View};
use crate::template_host::TemplateHost;

/// Names on top of the variables.
pub type Extra = [(SmolStr, Value)];

/// A glob with its pattern rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedGlob {
    /// The pattern.
    pub pattern: SmolStr,
    /// Whether it takes away what earlier ones matched.
    pub exclude: bool,
}

/// Renders templates and remembers the first fault.
pub struct Renderer<'h> {
    host: &'h TemplateHost,
    fault: Option<TemplateFault>,
}

impl<'h> Renderer<'h> {
    /// A renderer without a fault.
    pub fn new(host: &'h TemplateHost) -> Self {
        Self { host, fault: None }
    }

    /// The first fault.
    pub fn fault(&self) -> Option<&TemplateFault> {
        self.fault.as_ref()
    }

    /// The first fault as an error.
    pub fn check(self) -> Result<(), TemplateFault> {
        self.fault.map_or(Ok(()), Err)
    }

    /// A text of the file.
    pub fn text(&mut self, text: &Text, layer: &Layer, extra: &Extra) -> SmolStr {
        self.plain(&text.value, Some(text), layer, extra)
    }

    /// A text that may be missing.
    pub fn optional(&mut self, text: Option<&Text>, layer: &Layer) -> SmolStr {
        text.map(|text| self.text(text, layer, &[])).unwrap_or_default()
    }

    /// Texts of the file.
    pub fn texts(&mut self, texts: &[Text], layer: &Layer) -> Vec<SmolStr> {
        // A fault in one leaves all of them as they are.
        let rendered: Vec<SmolStr> = texts.iter().map(|text| self.text(text, layer, &[])).collect();
        if self.fault.is_some() { texts.iter().map(|text| text.value.clone()).collect() } else { rendered }
    }

    /// Any text; `origin` is the scalar that holds it.
    pub fn plain(&mut self, text: &SmolStr, origin: Option<&Text>, layer: &Layer, extra: &Extra) -> SmolStr {
        if self.fault.is_some() || !template::has_template(text) {
            return text.clone();
        }
        match self.host.text(text).render(&View { layer, extra, masked: false }, self.host) {
            Ok(rendered) => rendered,
            Err(error) => {
                self.fail(&error, origin);
                text.clone()
            }
        }
    }

    /// A text with secrets masked; as it was written where it cannot be rendered. Faults are not kept.
    pub fn masked(host: &TemplateHost, text: &SmolStr, layer: &Layer, extra: &Extra) -> SmolStr {
        if !template::has_template(text) {
            return text.clone();
        }
        let view = View { layer, extra, masked: true };
        host.text(text).render(&view, host).unwrap_or_else(|_| text.clone())
    }

    /// Any value: texts in it are templates, at any depth; nulls in maps vanish.
    pub fn value(&mut self, value: &Value, layer: &Layer, extra: &Extra) -> Value {
        if self.fault.is_some() {
            return value.clone();
        }
        match template::render_value(value, &View { layer, extra, masked: false }, self.host) {
            Ok(rendered) => rendered,
            Err(error) => {
                self.fail(&error, None);
                value.clone()
            }
        }
    }

    /// The value of a `ref:`; null after a fault.
    pub fn reference(&mut self, expression: &Text, layer: &Layer) -> Value {
        if self.fault.is_some() {
            return Value::Null;
        }
        let view = View { layer, extra: &[], masked: false };
        match self.host.reference(&expression.value).resolve(&view, self.host) {
            Ok(value) => value,
            Err(error) => {
                self.fail(&error, Some(expression));
                Value::Null
            }
        }
    }

    /// Globs; none after a fault.
    pub fn globs(&mut self, globs: &[Glob], layer: &Layer) -> Vec<RenderedGlob> {
        if self.fault.is_some() {
            return Vec::new();
        }
        let render = |glob: &Glob| RenderedGlob {
            pattern: self.text(&glob.pattern, layer, &[]),
            exclude: glob.exclude,
        };
        globs.iter().map(render).collect()
    }

    /// Variables of a call; none after a fault.
    pub fn variables(&mut self, variables: &[Variable], layer: &Layer, extra: &Extra) -> Vec<CallVariable> {
        if self.fault.is_some() {
            return Vec::new();
        }
        variables.iter().map(|variable| self.variable(variable, layer, extra)).collect()
    }

    /// A variable of a call. A `ref:` does not see the names of a loop, as in go-task.
    pub fn variable(&mut self, variable: &Variable, layer: &Layer, extra: &Extra) -> CallVariable {
        let value = match &variable.value {
            VariableValue::Text(text) => CallValue::Value(Value::String(self.text(text, layer, extra))),
            VariableValue::Literal(value) => CallValue::Value(self.value(value, layer, extra)),
            VariableValue::Shell(text) => CallValue::Shell(text.with_value(self.text(text, layer, extra))),
            VariableValue::Reference(text) if text.as_str().is_empty() => CallValue::Value(Value::Null),
            VariableValue::Reference(text) => CallValue::Value(self.reference(text, layer)),
        };
        CallVariable { name: variable.name.value.clone(), value, secret: variable.secret }
    }

    /// Keeps a fault, if it is the first.
    fn fail(&mut self, error: &TemplateError, origin: Option<&Text>) {
        let fault =
            TemplateFault { text: origin.cloned(), range: error.range.clone(), message: error.to_string() };
        self.fault.get_or_insert(fault);
    }
}
