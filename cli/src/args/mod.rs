//! The command line: what was typed ([`parse`]), what it means ([`invocation`]), and then the run.

pub mod color;
pub mod configuration;
pub mod experiments;
pub mod ez;
pub mod flag;
pub mod go_values;
pub mod invocation;
pub mod parse;
pub mod plan;
#[cfg(test)]
mod recorded;
pub mod server;
pub mod taskrc;
pub mod usage;
