//! What editors ask: functions from a [`crate::analysis::Snapshot`] and a place to plain data, in byte ranges.

pub mod cursor;
pub mod diagnostics;
#[cfg(test)]
mod fixture;
