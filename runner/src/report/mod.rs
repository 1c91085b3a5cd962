//! Listeners that show a run.

pub mod plain;
