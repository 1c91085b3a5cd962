//! The program in other forms.

pub mod graph;
mod inherited;
pub mod taskfile;
