//! Go's `text/template` with the functions of go-task.
//!
//! [`Template`] is parsed once and evaluated often; [`TemplateText`], [`render`], [`render_value`] and [`Reference`] are
//! what go-task makes of it. Evaluation learns of the world only through [`Host`] and of variables through [`Scope`].

pub mod ast;
pub mod error;
mod eval;
mod format;
pub mod functions;
pub mod host;
mod lex;
mod number;
mod parse;
mod quote;
pub mod render;
pub mod scope;
pub mod time;
pub mod tokens;
pub mod value;
pub mod visit;

pub use error::{ErrorKind, TemplateError};
pub use eval::{MAX_EVALUATION_DEPTH, MAX_ITERATIONS, MAX_OUTPUT, MAX_STEPS};
pub use functions::Function;
pub use host::{Host, PureHost};
pub use lex::Delimiters;
pub use parse::{MAX_ERRORS, MAX_NESTING, Template};
pub use render::{
    Reference, TemplateText, has_template, render, render_template, render_value, resolve_reference,
};
pub use scope::{Layered, Scope};
pub use time::{Time, TimeZone};
pub use value::{ListType, NamedInteger, Value};
pub use visit::{FieldReference, FunctionCall};

#[cfg(test)]
mod tests;
