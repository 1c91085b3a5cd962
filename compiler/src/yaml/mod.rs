//! YAML as go-yaml reads it, with spans, recovery and reuse.

mod compose;
pub mod emit;
pub mod error;
pub mod merge;
pub mod node;
#[cfg(test)]
mod oracle;
mod parse;
pub mod scalar;
mod scan;
pub mod value;

pub use compose::MAX_NESTING;
pub use error::{DecodeError, YamlError};
pub use parse::{Document, MAX_FILE_SIZE, parse};
