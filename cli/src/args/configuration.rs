//! What configuration files say: defaults for flags, and experiments.

use std::collections::BTreeMap;

use super::flag::{Id, Value};

/// The merged configuration files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// Defaults of flags.
    pub defaults: BTreeMap<Id, Value>,
    /// Values of experiments by name.
    pub experiments: BTreeMap<String, i64>,
}

impl Configuration {
    /// Lays a nearer file over this one. Trusted hosts add up; `failfast` can only be switched on.
    pub fn merge(&mut self, nearer: Self) {
        self.experiments.extend(nearer.experiments);
        for (id, value) in nearer.defaults {
            match (id, value, self.defaults.get_mut(&id)) {
                (Id::TrustedHosts, Value::List(hosts), Some(Value::List(known))) => {
                    known.extend(hosts);
                    known.sort();
                    known.dedup();
                }
                (Id::Failfast, Value::Bool(false), Some(_)) => {}
                (id, value, _) => drop(self.defaults.insert(id, value)),
            }
        }
    }
}
