//! EZ's compiler: text in, a typed program and diagnostics out.
//!
//! Pure by contract: no threads, no processes, no network, no printing; files come through [`file_system::FileSystem`].
//! The stages import only earlier ones, in the order in which they are declared here.

pub mod source;
pub mod file_system;
pub mod diagnostic;
pub mod rule;
pub mod suggest;
pub mod yaml;
pub mod template;
pub mod shell;
pub mod dotenv;
pub mod ast;
pub mod decode;
pub mod ir;
pub mod project;
pub mod check;
pub mod emit;

mod compilation;

pub use compilation::{Compilation, Options, compile};
