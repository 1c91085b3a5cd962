//! What runs: the linked project as plain data, without a trace of how its files were laid out.

pub mod calls;
pub mod plan;
pub mod program;
pub mod task;

pub use calls::{Call, CallKind};
pub use plan::{NodeId, Plan, StepId};
pub use program::{GlobalVariable, GlobalVariables, Program, Resolution};
pub use task::{Task, TaskId, qualify};
