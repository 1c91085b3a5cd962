//! EZ504: a template that mixes types: literals of the wrong type, `eq` of text and number, `range` over text.

use super::facts::{Local, Parsed};
use super::reads::{CalledVariable, FunctionUse};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule;
use crate::template::ast::Expression;
use crate::template::functions::Parameter;

/// Looks at literals only; what variables hold is the business of [`super::variable_type`].
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    for (text, reads) in local.texts.iter().zip(local.reads) {
        for (range, conditional) in &reads.text_ranges {
            let span = text.template_span(range, local.sources);
            let diagnostic = Diagnostic::error(rule::TEMPLATE_TYPE, "`range` cannot repeat over text", span)
                .with_label("text")
                .with_help("split it first, as in `range splitList \" \" …`");
            found.push(softened(diagnostic, *conditional));
        }
        for called in &reads.called_variables {
            found.push(called_variable(local, text, called));
        }
        for call in &reads.calls {
            found.extend(comparison(local, text, call));
            arguments(local, text, call, found);
        }
    }
}

fn called_variable(local: &Local<'_>, text: &Parsed<'_>, called: &CalledVariable) -> Diagnostic {
    let whole = text.template.as_ref().map_or("", |template| template.text());
    let part = |range: &std::ops::Range<usize>| whole.get(range.clone()).unwrap_or("").to_owned();
    let (name, span) = (part(&called.variable), text.template_span(&called.variable, local.sources));
    let diagnostic = Diagnostic::error(
        rule::TEMPLATE_TYPE,
        format!("`{name}` is a variable and takes no arguments"),
        span,
    )
    .with_label("not a function");
    let diagnostic = match &called.infix {
        Some(infix) => {
            let after = part(&(infix.end..called.command.end));
            let mended = format!("{} {name}{after}", part(infix));
            diagnostic.with_help(format!("a function stands in front of its arguments: `{mended}`")).with_fix(
                format!("write `{mended}`"),
                text.template_span(&called.command, local.sources),
                mended,
            )
        }
        None => diagnostic.with_help("a function stands in front of its arguments"),
    };
    softened(diagnostic, called.conditional)
}

fn softened(mut diagnostic: Diagnostic, conditional: bool) -> Diagnostic {
    if conditional {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic
}

/// The basic kinds that Go's comparisons tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Truth,
}

impl Kind {
    fn of(expression: &Expression) -> Option<Self> {
        match expression {
            Expression::Text(_) => Some(Self::Text),
            Expression::Number(_) => Some(Self::Number),
            Expression::Bool(..) => Some(Self::Truth),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Truth => "a truth value",
        }
    }
}

fn comparison(local: &Local<'_>, text: &Parsed<'_>, call: &FunctionUse<'_>) -> Option<Diagnostic> {
    let name = call.identifier.name.as_str();
    if !matches!(name, "eq" | "ne" | "lt" | "le" | "gt" | "ge") || call.piped {
        return None;
    }
    let (first, rest) = call.arguments.split_first()?;
    let kind = Kind::of(first)?;
    let (other, other_kind) = rest.iter().find_map(|e| Kind::of(e).filter(|k| *k != kind).map(|k| (e, k)))?;
    let span = text.template_span(&other.range(), local.sources);
    let message = format!("`{name}` compares {} with {}", kind.name(), other_kind.name());
    let mut diagnostic = Diagnostic::error(rule::TEMPLATE_TYPE, message, span)
        .with_label(other_kind.name())
        .and_at(text.template_span(&first.range(), local.sources), kind.name())
        .with_help("write both the same way");
    if let (Kind::Text, Expression::Number(number)) = (kind, other) {
        let quoted = quoted_for(text, &number.text);
        diagnostic = diagnostic.with_fix(format!("write {quoted}"), span, quoted);
    }
    Some(softened(diagnostic, call.conditional))
}

/// A text literal that does not break the quotes of the YAML scalar around it.
pub fn quoted_for(text: &Parsed<'_>, content: &str) -> String {
    use crate::yaml::node::ScalarStyle;
    match text.text.style {
        ScalarStyle::DoubleQuoted => format!("\\\"{content}\\\""),
        _ => format!("\"{content}\""),
    }
}

fn arguments(local: &Local<'_>, text: &Parsed<'_>, call: &FunctionUse<'_>, found: &mut Vec<Diagnostic>) {
    let Some(function) = call.identifier.function else { return };
    for (i, argument) in call.arguments.iter().enumerate() {
        let Some(parameter) = function.parameters.get(i).copied().or(function.variadic) else { continue };
        let (Some(kind), Some(wanted)) = (Kind::of(argument), wanted_name(parameter)) else { continue };
        if fits(kind, parameter, argument) {
            continue;
        }
        let span = text.template_span(&argument.range(), local.sources);
        let message = format!("`{}` takes {wanted} here, not {}", function.name, kind.name());
        let mut diagnostic = Diagnostic::error(rule::TEMPLATE_TYPE, message, span)
            .with_label(kind.name())
            .with_help(format!("it is written `{}`", function.signature));
        if parameter == Parameter::String
            && let Expression::Number(number) = argument
        {
            let quoted = quoted_for(text, &number.text);
            diagnostic = diagnostic.with_fix(format!("write {quoted}"), span, quoted);
        }
        found.push(softened(diagnostic, call.conditional));
    }
}

fn wanted_name(parameter: Parameter) -> Option<&'static str> {
    match parameter {
        Parameter::String => Some("text"),
        Parameter::Int | Parameter::Duration => Some("a whole number"),
        Parameter::Float => Some("a number"),
        Parameter::Bool => Some("a truth value"),
        Parameter::Map => Some("a map"),
        Parameter::Any | Parameter::Reflect | Parameter::Time => None,
    }
}

fn fits(kind: Kind, parameter: Parameter, argument: &Expression) -> bool {
    match parameter {
        Parameter::String => kind == Kind::Text,
        Parameter::Int | Parameter::Duration => {
            matches!(argument, Expression::Number(number) if number.int.is_some())
        }
        Parameter::Float => kind == Kind::Number,
        Parameter::Bool => kind == Kind::Truth,
        Parameter::Map => false,
        Parameter::Any | Parameter::Reflect | Parameter::Time => true,
    }
}
