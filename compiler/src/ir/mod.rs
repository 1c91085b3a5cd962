//! What runs: the linked project as plain data, without a trace of how its files were laid out.

pub mod program;
pub mod task;

pub use program::{GlobalVariable, GlobalVariables, Program, Resolution};
pub use task::{Task, TaskId};
