//! The environment of a command: all of it, nothing is inherited.

use std::ffi::{OsStr, OsString};

/// Names and values, in the order in which they were set; a name stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    values: indexmap::IndexMap<OsString, OsString, rustc_hash::FxBuildHasher>,
}

impl Environment {
    /// The calling environment.
    pub fn of_this_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.values.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// Sets a name; the last value wins.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.values.insert(name.into(), value.into());
    }

    /// Removes a name and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<OsString> {
        self.values.shift_remove(OsStr::new(name))
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.values.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut environment = Self::default();
        for (name, value) in pairs {
            environment.set(name, value);
        }
        environment
    }
}
