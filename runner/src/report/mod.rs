//! Listeners that show a run.

pub mod jsonl;
pub mod plain;
