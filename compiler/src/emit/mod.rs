//! The program in other forms.

pub mod graph;
mod inherited;
pub mod json_schema;
mod placed;
pub mod plan;
pub mod plan_graph;
mod policies;
mod step_scripts;
mod step_values;
pub mod taskfile;
