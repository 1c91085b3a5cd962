//! The program in other forms.

pub mod graph;
pub mod taskfile;
