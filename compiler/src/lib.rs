//! EZ's compiler: text in, a typed program and diagnostics out.
//!
//! Pure by contract: no processes, no network, no printing, and no threads but those that share one file's blocks; files
//! come through [`file_system::FileSystem`]. A stage imports only earlier ones: text, YAML, shell and templates, syntax trees,
//! the linked project, what EZ adds to it, checks, output. `ARCHITECTURE.md` has the list, and a test holds the code to it.

#![forbid(unsafe_code)]

pub mod ast;
pub mod check;
pub mod decode;
pub mod diagnostic;
pub mod dotenv;
pub mod emit;
pub mod file_system;
pub mod fix;
pub mod folder;
pub mod ir;
pub mod plan;
pub mod plugin;
pub mod project;
pub mod rule;
pub mod schema;
pub mod shell;
pub mod source;
pub mod suggest;
pub mod superset;
pub mod symbols;
pub mod template;
pub mod template_file;
pub mod workspace;
pub mod yaml;
pub mod yaml_file;

mod compilation;
#[cfg(test)]
mod generated_input;
pub mod parallel;

pub use compilation::{Compilation, Dialect, FolderProgram, Options, compile, compile_plans};
pub use project::Purpose;
