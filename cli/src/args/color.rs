//! Whether output is coloured.

use super::flag::{Id, Values};
use crate::environment::Environment;

/// go-task's decision, strongest first: the flag, `TASK_COLOR`, `.taskrc.yml`, `NO_COLOR`, `FORCE_COLOR` or `CI`, the
/// terminal. EZ knows `CLICOLOR_FORCE` as well.
pub fn is_colored(values: &Values, is_configured: bool, environment: &Environment) -> bool {
    if values.is_typed(Id::Color) || environment.task("COLOR").is_some() || is_configured {
        return values.is_on(Id::Color);
    }
    automatic(environment)
}

/// The decision where nobody said anything on the command line or in a configuration file.
pub fn automatic(environment: &Environment) -> bool {
    if environment.get("NO_COLOR").is_some() {
        return false;
    }
    let is_forced = |name: &str| environment.get(name).is_some();
    if is_forced("FORCE_COLOR") || environment.is_true("CI") {
        return true;
    }
    if environment.get("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    environment.stdout_is_terminal && environment.get("TERM") != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::flag::{FlagSet, Value};

    /// The flag, the configured value, the environment, whether there is a terminal, and what is expected.
    type Row<'a> = (Option<bool>, Option<bool>, &'a [(&'a str, &'a str)], bool, bool);

    #[test]
    fn the_nearest_word_wins() {
        let rows: &[Row] = &[
            (None, None, &[], false, false),
            (None, None, &[], true, true),
            (None, None, &[("TERM", "dumb")], true, false),
            (None, None, &[("NO_COLOR", "1")], true, false),
            (None, None, &[("NO_COLOR", "")], true, true),
            (None, None, &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true, false),
            (None, None, &[("FORCE_COLOR", "1")], false, true),
            (None, None, &[("CI", "true")], false, true),
            (None, None, &[("CI", "yes")], false, false),
            (None, None, &[("CLICOLOR_FORCE", "1")], false, true),
            (None, None, &[("CLICOLOR_FORCE", "0")], false, false),
            (None, Some(true), &[("NO_COLOR", "1")], false, true),
            (None, Some(false), &[("FORCE_COLOR", "1")], true, false),
            (Some(true), Some(false), &[("NO_COLOR", "1")], false, true),
            (Some(false), None, &[("FORCE_COLOR", "1")], true, false),
        ];
        for (typed, configured, variables, terminal, expected) in rows {
            let mut environment = Environment::for_test("/", variables);
            environment.stdout_is_terminal = *terminal;
            let mut values = Values::defaults(&FlagSet::go_task(false));
            if let Some(on) = configured {
                values.set_default(Id::Color, Value::Bool(*on));
            }
            if let Some(on) = typed {
                values.set_typed(Id::Color, Value::Bool(*on));
            }
            let got = is_colored(&values, configured.is_some(), &environment);
            assert_eq!(got, *expected, "{typed:?} {configured:?} {variables:?} {terminal}");
        }
    }
}
