//! The language server: what the compiler knows of a project, told to editors.
//!
//! Data flows one way: `protocol` turns messages into changes of the `session` and into questions; a question is asked of a
//! [`session::View`], which is the session at the moment when the question arrived; `ide` answers it from an [`analysis::Analysis`]
//! with plain data in byte ranges, which `protocol` turns into a message. Only `protocol` knows the protocol's types.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod document;
pub mod files;
pub mod ide;
pub mod projects;
mod protocol;
pub mod session;
pub mod settings;

pub use protocol::{ServeError, Transport, serve};
pub use session::World;
