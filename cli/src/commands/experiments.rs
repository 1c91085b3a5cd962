//! `task --experiments`: which experiments there are, and whether they are on.

use crate::args::experiments::Experiments;
use crate::logger::{Color, Logger};
use crate::table;

/// One line an experiment.
pub fn text(logger: &Logger, experiments: &Experiments) -> String {
    let mut rows = String::new();
    for (name, state) in experiments.states() {
        rows.push_str(&logger.paint(Color::Yellow, "* "));
        rows.push_str(&logger.paint(Color::Green, name));
        rows.push_str(&logger.paint(Color::Default, &format!(": \t{state}\n")));
    }
    table::align(&rows, 0)
}
