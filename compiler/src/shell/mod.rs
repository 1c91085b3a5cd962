//! The shell language, as far as EZ must know it: a parser that accepts what go-task's shell accepts, with its messages.

mod arithmetic;
pub mod ast;
mod error;
mod lex;
mod parse;
mod quote;
mod simple;
mod token;
mod word;

pub use arithmetic::MAX_OPERATORS;
pub use ast::Script;
pub use error::SyntaxError;
pub use lex::is_name;
pub use parse::{MAX_NESTING, parse};
pub use quote::{QuoteError, is_keyword, quote};
pub use simple::{
    Connector, NATIVE_BUILTINS, Piece, Resolved, SimpleCommand, SimpleRedirect, SimpleRedirectKind,
    SimpleWord, is_builtin, is_shell_variable, simple_command, simple_list,
};
pub use word::{parse_document, parse_words};

#[cfg(test)]
mod tests;
