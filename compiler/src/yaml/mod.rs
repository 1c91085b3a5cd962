//! YAML as go-yaml reads it, with spans, recovery and reuse.

pub mod node;
