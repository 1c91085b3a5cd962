//! go-task's experiments: switches in the environment (`TASK_X_<NAME>`), in `.env`, or in `.taskrc.yml`.

use std::collections::BTreeMap;

use camino::Utf8Path;
use ez_compiler::dotenv;

use super::go_values;
use crate::environment::Environment;

/// Prefix of the variables that switch experiments.
pub const PREFIX: &str = "TASK_X_";

/// Experiments that can be switched on, and the value that does it.
const ACTIVE: &[(&str, i64)] = &[("GENTLE_FORCE", 1), ("ENV_PRECEDENCE", 1)];

/// Experiments that have become part of go-task.
const RELEASED: &[&str] = &["ANY_VARIABLES", "MAP_VARIABLES", "REMOTE_TASKFILES"];

/// Takes the experiments that the file `.env` of a directory switches into the environment, where they win.
pub fn read_dotenv(directory: &Utf8Path, environment: &mut Environment) {
    let path = environment.absolute(directory).join(".env");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let (entries, errors) = dotenv::parse(&text);
    if !errors.is_empty() {
        return;
    }
    for entry in entries.into_iter().filter(|entry| entry.name.starts_with(PREFIX)) {
        environment.set(entry.name.as_str(), entry.value.as_str());
    }
}

/// The settings of all experiments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Experiments {
    values: BTreeMap<&'static str, i64>,
}

impl Experiments {
    /// Reads the settings: the configuration files' first, then the environment's.
    pub fn read(environment: &Environment, configured: &BTreeMap<String, i64>) -> Self {
        let value_of = |name: &str| {
            let configured = configured.get(name).copied().filter(|value| *value != 0);
            let typed = || environment.get(&format!("{PREFIX}{name}")).and_then(go_values::parse_decimal);
            configured.or_else(typed).unwrap_or(0)
        };
        let names = ACTIVE.iter().map(|(name, _)| *name).chain(RELEASED.iter().copied());
        Self { values: names.map(|name| (name, value_of(name))).collect() }
    }

    fn value(&self, name: &str) -> i64 {
        self.values.get(name).copied().unwrap_or(0)
    }

    fn is_on(&self, name: &str) -> bool {
        ACTIVE.iter().any(|(active, on)| *active == name && self.value(name) == *on)
    }

    /// `--force` forces only the task that was called.
    pub fn gentle_force(&self) -> bool {
        self.is_on("GENTLE_FORCE")
    }

    /// `env` of a Taskfile wins over the caller's environment.
    pub fn env_precedence(&self) -> bool {
        self.is_on("ENV_PRECEDENCE")
    }

    /// The warning about the first setting that means nothing.
    pub fn warning(&self) -> Option<String> {
        for (name, on) in ACTIVE {
            let value = self.value(name);
            if value != 0 && value != *on {
                return Some(format!(
                    "task: Experiment \"{name}\" has an invalid value {value} (allowed values: {on})"
                ));
            }
        }
        let released = RELEASED.iter().find(|name| self.value(name) != 0)?;
        Some(format!("task: Experiment \"{released}\" is released and no longer needs to be enabled"))
    }

    /// Names and states of the experiments that can be switched.
    pub fn states(&self) -> impl Iterator<Item = (&'static str, String)> {
        ACTIVE.iter().map(|(name, _)| {
            let value = self.value(name);
            (*name, if self.is_on(name) { format!("on ({value})") } else { "off".to_owned() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], configured: &[(&str, i64)]) -> Experiments {
        let configured = configured.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Experiments::read(&Environment::for_test("/", variables), &configured)
    }

    #[test]
    fn configuration_wins_over_the_environment() {
        assert!(read(&[("TASK_X_GENTLE_FORCE", "2")], &[("GENTLE_FORCE", 1)]).gentle_force());
        assert!(read(&[("TASK_X_GENTLE_FORCE", "1")], &[("GENTLE_FORCE", 0)]).gentle_force());
        assert!(!read(&[("TASK_X_GENTLE_FORCE", "x")], &[]).gentle_force());
    }

    #[test]
    fn strange_settings_are_named() {
        for (variables, expected) in [
            (vec![("TASK_X_GENTLE_FORCE", "1")], None),
            (
                vec![("TASK_X_GENTLE_FORCE", "2")],
                Some("task: Experiment \"GENTLE_FORCE\" has an invalid value 2 (allowed values: 1)"),
            ),
            (
                vec![("TASK_X_ANY_VARIABLES", "1")],
                Some("task: Experiment \"ANY_VARIABLES\" is released and no longer needs to be enabled"),
            ),
        ] {
            assert_eq!(read(&variables, &[]).warning().as_deref(), expected);
        }
    }
}
