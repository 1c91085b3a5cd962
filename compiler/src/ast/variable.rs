//! Variables of all kinds: `vars`, `env`, variables of calls and includes.

use serde::Serialize;
use smol_str::SmolStr;

use crate::ast::Text;
use crate::source::{Span, Spanned};
use crate::template::value::Value;

/// An entry of `vars` or `env`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variable {
    /// The name.
    pub name: Spanned<SmolStr>,
    /// How its value comes about.
    pub value: VariableValue,
    /// The place of the whole value.
    pub span: Span,
    /// Whether the value is masked where commands are shown.
    pub secret: bool,
}

/// How a variable's value comes about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum VariableValue {
    /// A text, rendered as a template.
    Text(Text),
    /// Any other literal, `map:` or `value:`; texts inside are templates.
    Literal(Value),
    /// `sh:`, the output of a command.
    Shell(Text),
    /// `ref:`, the value of a template expression.
    Reference(Text),
}
