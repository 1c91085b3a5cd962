//! Listeners that show a run.

pub mod jsonl;
pub mod plain;
pub mod recap;
pub mod status_line;
pub mod trace;
