//! What the end-to-end tests share: where the programs are, how one is run, and a builder of small projects.

#![forbid(unsafe_code)]
// A check that does not hold is a panic: that is how a test fails.
#![allow(clippy::missing_panics_doc)]

pub mod chance;
pub mod conformance;
#[cfg(unix)]
pub mod cutting_proxy;
pub mod editor;
pub mod event_client;
pub mod generator;
#[cfg(unix)]
pub mod history;
pub mod job_server;
pub mod layers;
pub mod process;
pub mod program;
pub mod project;
#[cfg(unix)]
pub mod raw_http;
pub mod server;
#[cfg(unix)]
pub mod session;
pub mod tree;

pub use editor::Editor;
pub use project::{Outcome, Project};
pub use server::Server;
#[cfg(unix)]
pub use session::Session;
