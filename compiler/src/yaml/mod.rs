//! YAML as go-yaml reads it, with spans, recovery and reuse.

mod blocks;
mod compose;
pub mod emit;
pub mod error;
pub mod expanded;
mod explain;
pub mod format;
mod lines;
pub mod merge;
pub mod node;
#[cfg(test)]
mod oracle;
mod parse;
pub mod position;
mod recover;
pub mod scalar;
mod scan;
#[cfg(test)]
mod tests;
pub mod value;

pub use compose::MAX_NESTING;
pub use error::{DecodeError, YamlError};
pub use parse::{Document, MAX_FILE_SIZE, parse, parse_tasks_apart};
