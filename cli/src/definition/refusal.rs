//! Why a definition is not read or changed.

use std::io;

use serde_json::Value;

use crate::failure::Failure;

/// A reason.
#[derive(Debug)]
pub enum Refusal {
    /// There is no such thing.
    Unknown(String),
    /// It is there already.
    Exists(String),
    /// It cannot be done as things stand.
    Refused(String),
    /// The project would have these errors.
    Broken(Vec<Value>),
    /// Somebody else changed the definition; its tag now.
    Changed(Option<String>),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Refused(format!("a file cannot be read or written: {error}"))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure.message)
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Refused(format!("the findings cannot be told: {error}"))
    }
}
