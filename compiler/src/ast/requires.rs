//! `requires`.

use smol_str::SmolStr;

use crate::ast::Text;
use crate::source::{Span, Spanned};

/// A variable that a task needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredVariable {
    /// Its name.
    pub name: Spanned<SmolStr>,
    /// The values that it may have.
    pub allowed: Option<Enum>,
}

/// `enum`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enum {
    /// The values.
    pub values: EnumValues,
    /// The whole field.
    pub span: Span,
}

/// The values of an `enum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnumValues {
    /// Written out.
    List(Vec<SmolStr>),
    /// `ref:`, a template expression.
    Reference(Text),
}
