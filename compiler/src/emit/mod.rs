//! The program in other forms.

pub mod graph;
mod inherited;
mod policies;
pub mod taskfile;
