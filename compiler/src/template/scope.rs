//! Where a template finds its variables.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::value::Value;

/// The data that `.` is at the start. A variable is asked for when it is named; all of them only where a template uses
/// `.` or `$` as a value.
pub trait Scope {
    /// The value of a variable.
    fn get(&self, name: &str) -> Option<Value>;

    /// All variables, as a map.
    fn all(&self) -> Value;
}

impl Scope for BTreeMap<SmolStr, Value> {
    fn get(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }

    fn all(&self) -> Value {
        Value::map(self.clone())
    }
}

impl<S: std::hash::BuildHasher> Scope for IndexMap<SmolStr, Value, S> {
    fn get(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }

    fn all(&self) -> Value {
        Value::map(self.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// Further variables over another scope, as `ITEM` and `KEY` of a loop.
pub struct Layered<'a> {
    /// What hides the names below.
    pub over: &'a [(SmolStr, Value)],
    /// Asked for everything else.
    pub below: &'a dyn Scope,
}

impl Scope for Layered<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        let found = self.over.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).or_else(|| self.below.get(name))
    }

    fn all(&self) -> Value {
        let below = self.below.all();
        let mut entries = below.as_map().cloned().unwrap_or_default();
        entries.extend(self.over.iter().cloned());
        Value::map(entries)
    }
}
