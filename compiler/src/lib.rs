//! EZ's compiler: text in, a typed program and diagnostics out.
//!
//! Pure by contract: no threads, no processes, no network, no printing; files come through [`file_system::FileSystem`].
//! The stages import only earlier ones, in the order in which they are declared here.

pub mod ast;
pub mod check;
pub mod decode;
pub mod diagnostic;
pub mod dotenv;
pub mod emit;
pub mod file_system;
pub mod ir;
pub mod plugin;
pub mod project;
pub mod rule;
pub mod shell;
pub mod source;
pub mod suggest;
pub mod superset;
pub mod template;
pub mod yaml;

mod compilation;
#[cfg(test)]
mod generated_input;
mod parallel;

pub use compilation::{Compilation, Dialect, Options, compile};
