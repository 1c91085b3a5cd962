//! Go's `text/template` with the functions of go-task.

pub mod value;
