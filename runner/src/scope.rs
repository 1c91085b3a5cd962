//! Variables with their values, in layers: what many tasks share is stored once.

use std::collections::BTreeMap;
use std::rc::Rc;

use ez_compiler::template::Value;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use smol_str::SmolStr;

/// What is shown in place of a secret.
pub const MASK: &str = "*****";

/// A variable with its value.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// The value.
    pub value: Value,
    /// The command whose output the value will be; only where commands are not run.
    pub command: Option<SmolStr>,
    /// A value for templates alone: loops and checks do not see it (`CHECKSUM`, `TIMESTAMP`).
    pub live: Option<Value>,
    /// Whether it is masked where commands are shown.
    pub secret: bool,
}

impl Slot {
    /// A plain value.
    pub fn value(value: impl Into<Value>) -> Self {
        Self { value: value.into(), ..Self::default() }
    }

    /// What templates and the environment of commands see; nothing of a command that was not run.
    pub fn visible(&self) -> Option<&Value> {
        match &self.command {
            Some(command) if !command.is_empty() => None,
            _ => Some(self.live.as_ref().unwrap_or(&self.value)),
        }
    }
}

/// Variables over others.
#[derive(Debug, Default)]
pub struct Layer {
    below: Option<Rc<Layer>>,
    own: IndexMap<SmolStr, Slot, FxBuildHasher>,
    has_secrets: bool,
}

impl Layer {
    /// An empty layer over another.
    pub fn over(below: &Rc<Layer>) -> Self {
        Self { has_secrets: below.has_secrets, below: Some(Rc::clone(below)), own: IndexMap::default() }
    }

    /// Sets a variable of this layer.
    pub fn set(&mut self, name: impl Into<SmolStr>, slot: Slot) {
        self.has_secrets |= slot.secret;
        self.own.insert(name.into(), slot);
    }

    /// Sets a variable of this layer to a plain value.
    pub fn set_value(&mut self, name: impl Into<SmolStr>, value: impl Into<Value>) {
        self.set(name, Slot::value(value));
    }

    /// The variable of this name.
    pub fn get(&self, name: &str) -> Option<&Slot> {
        let mut layer = self;
        loop {
            if let Some(slot) = layer.own.get(name) {
                return Some(slot);
            }
            layer = layer.below.as_deref()?;
        }
    }

    /// Whether there is such a variable.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a variable may be secret.
    pub fn has_secrets(&self) -> bool {
        self.has_secrets
    }

    /// All variables: a name stands where it was set first, with the value that was set last.
    pub fn entries(&self) -> IndexMap<&SmolStr, &Slot, FxBuildHasher> {
        let mut entries = self.below.as_ref().map(|below| below.entries()).unwrap_or_default();
        entries.extend(self.own.iter());
        entries
    }

    /// What templates see, as one map.
    pub fn to_map(&self, masked: bool) -> BTreeMap<SmolStr, Value> {
        self.entries()
            .into_iter()
            .filter_map(|(name, slot)| {
                let value = if masked && slot.secret { Value::from(MASK) } else { slot.visible()?.clone() };
                Some((name.clone(), value))
            })
            .collect()
    }
}

/// A layer as a template sees it, with names of a loop or of a deferred command on top.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The variables.
    pub layer: &'a Layer,
    /// What hides them.
    pub extra: &'a [(SmolStr, Value)],
    /// Whether secrets are masked.
    pub masked: bool,
}

impl View<'_> {
    /// The value of a name.
    pub fn lookup(&self, name: &str) -> Option<Value> {
        if let Some((_, value)) = self.extra.iter().find(|(key, _)| key == name) {
            return Some(value.clone());
        }
        let slot = self.layer.get(name)?;
        if self.masked && slot.secret {
            return Some(Value::from(MASK));
        }
        slot.visible().cloned()
    }

    /// All names and values that templates see.
    pub fn entries(&self) -> BTreeMap<SmolStr, Value> {
        let mut map = self.layer.to_map(self.masked);
        map.extend(self.extra.iter().cloned());
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_hides_what_is_below() {
        let mut below = Layer::default();
        below.set_value("A", "1");
        below.set("S", Slot { value: "x".into(), secret: true, ..Slot::default() });
        let mut layer = Layer::over(&Rc::new(below));
        layer.set_value("B", "2");
        layer.set_value("A", "3");
        layer.set("C", Slot { command: Some("date".into()), ..Slot::default() });
        let extra = [("ITEM".into(), Value::from("i"))];
        let view = View { layer: &layer, extra: &extra, masked: true };
        let shown: Vec<String> =
            view.entries().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown.join(" "), "A=3 B=2 ITEM=i S=*****");
        assert!(layer.contains("C") && view.lookup("C").is_none() && layer.has_secrets());
        let order: Vec<&str> = layer.entries().into_keys().map(SmolStr::as_str).collect();
        assert_eq!(order, ["A", "S", "B", "C"]);
    }
}
