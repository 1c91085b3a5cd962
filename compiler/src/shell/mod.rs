//! The shell language, as far as EZ must know it: a parser that accepts what go-task's shell accepts, with its messages.

mod arithmetic;
mod arithmetic_value;
pub mod ast;
mod braces;
mod error;
mod expand;
mod inspect;
mod lex;
mod masked;
mod parse;
mod pattern;
mod quote;
mod simple;
mod token;
mod word;

pub use arithmetic::MAX_OPERATORS;
pub use ast::Script;
pub use braces::{MAX_BRACE_NESTING, MAX_BRACE_PIECES, MAX_BRACE_WORDS};
pub use error::SyntaxError;
pub use expand::{Environment, ExpandError, Field, MAX_EXPANDED, expand_fields, expand_literal, split_words};
pub use inspect::{BashFeature, BashUse, DangerousRemoval, Inspection, NameUse, inspect};
pub use lex::is_name;
pub use masked::{Mask, Masked, mask_templates, parse_masked, syntax_error};
pub use parse::{MAX_NESTING, parse};
pub use pattern::{
    BadPattern, Extent, Finder, MAX_MATCH_STEPS, MAX_UNCLOSED, Pattern, PatternRules, TooManySteps,
    escape_glob, has_glob,
};
pub use quote::{QuoteError, is_keyword, quote};
pub use simple::{
    Connector, NATIVE_BUILTINS, Piece, Resolved, SimpleCommand, SimpleRedirect, SimpleRedirectKind,
    SimpleWord, is_builtin, is_shell_variable, simple_command, simple_list,
};
pub use word::{parse_document, parse_words};

#[cfg(test)]
mod tests;
