//! `for` of commands and dependencies.

use smol_str::SmolStr;

use crate::ast::Text;
use crate::source::{Span, Spanned};
use crate::template::value::Value;

/// What is repeated over.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// Where the items come from.
    pub source: LoopSource,
    /// `as`, the name of the item; `ITEM` without it.
    pub variable: Option<Text>,
    /// The whole field.
    pub span: Span,
}

/// Where the items of a loop come from.
#[derive(Clone, Debug, PartialEq)]
pub enum LoopSource {
    /// A literal list; its items are not templates.
    List(Vec<Value>),
    /// `sources`
    Sources,
    /// `generates`
    Generates,
    /// Some other word, over which go-task does not loop at all.
    UnknownWord(Text),
    /// `var`, with `split`.
    Variable {
        /// The variable's name.
        name: Text,
        /// The separator of a text.
        split: Option<Text>,
    },
    /// `matrix`
    Matrix(Vec<MatrixRow>),
}

/// A row of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixRow {
    /// The row's name, a key of the item.
    pub name: Spanned<SmolStr>,
    /// Its values.
    pub values: MatrixValues,
}

/// Values of a matrix row.
#[derive(Clone, Debug, PartialEq)]
pub enum MatrixValues {
    /// Written out.
    List(Vec<Value>),
    /// `ref:`, a template expression.
    Reference(Text),
}
