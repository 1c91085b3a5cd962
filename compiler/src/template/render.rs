//! What go-task does with templates: texts and values with templates in them, and references.

use std::sync::Arc;

use smol_str::SmolStr;

use super::error::TemplateError;
use super::host::Host;
use super::parse::Template;
use super::scope::Scope;
use super::value::Value;

/// Whether a text has a template in it. A text without is used as it is.
pub fn has_template(text: &str) -> bool {
    text.contains("{{")
}

/// A text that may hold a template, parsed once. Cloning is cheap.
#[derive(Clone, Debug)]
pub enum TemplateText {
    /// No template: used as it is.
    Plain(SmolStr),
    /// A template.
    Template(Template),
}

impl TemplateText {
    /// Parses a text, if there is a template in it.
    pub fn parse(text: &str) -> Self {
        if has_template(text) { Self::Template(Template::parse(text)) } else { Self::Plain(text.into()) }
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Template(template) => template.text(),
        }
    }

    /// The text with its templates evaluated; `<no value>` vanishes from it.
    pub fn render(&self, scope: &dyn Scope, host: &dyn Host) -> Result<SmolStr, TemplateError> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Template(template) => render_template(template, scope, host),
        }
    }
}

/// Evaluates a parsed template as go-task does: `<no value>` vanishes from what it prints.
pub fn render_template(
    template: &Template,
    scope: &dyn Scope,
    host: &dyn Host,
) -> Result<SmolStr, TemplateError> {
    let text = template.evaluate(scope, host)?;
    Ok(if text.contains("<no value>") { text.replace("<no value>", "").into() } else { text.into() })
}

/// Parses and evaluates a text.
pub fn render(text: &str, scope: &dyn Scope, host: &dyn Host) -> Result<SmolStr, TemplateError> {
    TemplateText::parse(text).render(scope, host)
}

/// Evaluates all texts in a value. `nil` entries of maps vanish, keys stay as they are.
pub fn render_value(value: &Value, scope: &dyn Scope, host: &dyn Host) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) if has_template(text) => Value::String(render(text, scope, host)?),
        Value::List(items) => Value::List(render_items(items, scope, host)?),
        Value::TypedList(kind, items) => Value::TypedList(*kind, render_items(items, scope, host)?),
        Value::Map(entries) => {
            let kept = entries.iter().filter(|(_, item)| !item.is_null());
            let rendered = kept.map(|(key, item)| Ok((key.clone(), render_value(item, scope, host)?)));
            Value::Map(Arc::new(rendered.collect::<Result<_, TemplateError>>()?))
        }
        Value::AnyMap(entries) => {
            let kept = entries.iter().filter(|(_, item)| !item.is_null());
            let rendered = kept.map(|(key, item)| Ok((key.clone(), render_value(item, scope, host)?)));
            Value::AnyMap(Arc::new(rendered.collect::<Result<_, TemplateError>>()?))
        }
        other => other.clone(),
    })
}

fn render_items(
    items: &[Value],
    scope: &dyn Scope,
    host: &dyn Host,
) -> Result<Arc<Vec<Value>>, TemplateError> {
    let rendered: Result<Vec<_>, _> = items.iter().map(|item| render_value(item, scope, host)).collect();
    rendered.map(Arc::new)
}

/// The name under which go-task parses references, which shows in messages.
const REFERENCE_NAME: &str = "resolver";

/// What `ref:` holds: an expression, parsed once. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Reference {
    expression: SmolStr,
    template: Template,
}

impl Reference {
    /// Parses an expression.
    pub fn parse(expression: &str) -> Self {
        let template = Template::parse_named(&format!("{{{{{expression}}}}}"), REFERENCE_NAME);
        Self { expression: expression.into(), template }
    }

    /// The expression as written.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The template that go-task makes of it: the expression in braces, so its ranges are two bytes further on.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// What is wrong with it, with ranges in the expression.
    pub fn errors(&self) -> impl Iterator<Item = TemplateError> {
        self.template.errors().iter().map(|error| self.in_expression(error.clone()))
    }

    /// Its value. `.` is the map of all variables.
    pub fn resolve(&self, scope: &dyn Scope, host: &dyn Host) -> Result<Value, TemplateError> {
        if self.expression == "." {
            return Ok(scope.all());
        }
        self.template.resolve(scope, host).map_err(|error| self.in_expression(error))
    }

    fn in_expression(&self, mut error: TemplateError) -> TemplateError {
        let shifted = |at: usize| at.saturating_sub("{{".len()).min(self.expression.len());
        error.range = shifted(error.range.start)..shifted(error.range.end);
        error
    }
}

/// Parses and evaluates the expression of a `ref:`.
pub fn resolve_reference(
    expression: &str,
    scope: &dyn Scope,
    host: &dyn Host,
) -> Result<Value, TemplateError> {
    Reference::parse(expression).resolve(scope, host)
}
