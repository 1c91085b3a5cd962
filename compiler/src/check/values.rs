//! EZ301, EZ302, EZ303, EZ137: words of which only some are allowed.

use super::facts::{Local, Owner};
use super::place;
use crate::ast::Text;
use crate::diagnostic::{Code, Diagnostic};
use crate::rule;
use crate::source::SourceMap;
use crate::suggest::nearest;
use crate::template::has_template;

/// How a task finds out whether it is up to date (go-task, `internal/fingerprint/sources.go`).
pub const METHODS: &[&str] = &["checksum", "timestamp", "none"];
/// How often a task runs (go-task, `hash.go`).
pub const RUN_MODES: &[&str] = &["always", "once", "when_changed"];
/// Output styles (go-task, `internal/output/output.go`).
pub const OUTPUT_STYLES: &[&str] = &["interleaved", "group", "prefixed"];
/// Options of `set` in the shell that go-task embeds.
pub const SET_OPTIONS: &[&str] = &[
    "allexport",
    "errexit",
    "noexec",
    "noglob",
    "nounset",
    "xtrace",
    "pipefail",
    "a",
    "e",
    "n",
    "f",
    "u",
    "x",
];
/// Options of `shopt` that it has; the rest of bash's options are refused when a command runs.
pub const SHOPT_OPTIONS: &[&str] =
    &["dotglob", "expand_aliases", "extglob", "globstar", "nocaseglob", "nullglob"];

/// EZ301.
pub fn method(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let method = match local.owner {
        Owner::Task(task) => &task.method,
        Owner::File(file) => &file.method,
        Owner::Plan => return,
    };
    let what = "a fingerprint method";
    found.extend(
        method.iter().filter_map(|text| word(local.sources, rule::INVALID_METHOD, text, METHODS, what)),
    );
}

/// EZ302.
pub fn run(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let run = match local.owner {
        Owner::Task(task) => &task.run,
        Owner::File(file) => &file.run,
        Owner::Plan => return,
    };
    let what = "a run mode";
    found.extend(run.iter().filter_map(|text| word(local.sources, rule::INVALID_RUN, text, RUN_MODES, what)));
}

/// EZ137, as far as it is not a matter of types.
pub fn output(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let Owner::File(file) = local.owner else { return };
    let style = file.output.iter().map(|output| &output.style);
    let what = "an output style";
    found.extend(
        style.filter_map(|text| word(local.sources, rule::INVALID_OUTPUT, text, OUTPUT_STYLES, what)),
    );
}

/// EZ303.
pub fn shell_options(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let (set, shopt): (Vec<&Text>, Vec<&Text>) = match local.owner {
        Owner::Task(task) => (
            task.set.iter().chain(task.cmds.iter().flat_map(|command| &command.set)).collect(),
            task.shopt.iter().chain(task.cmds.iter().flat_map(|command| &command.shopt)).collect(),
        ),
        Owner::File(file) => (file.set.iter().collect(), file.shopt.iter().collect()),
        Owner::Plan => return,
    };
    let code = rule::INVALID_SHELL_OPTION;
    let of_set =
        set.iter().filter_map(|text| word(local.sources, code, text, SET_OPTIONS, "an option of `set`"));
    found.extend(of_set);
    let what = "an option of `shopt`";
    found.extend(shopt.iter().filter_map(|text| word(local.sources, code, text, SHOPT_OPTIONS, what)));
}

fn word(sources: &SourceMap, code: Code, text: &Text, allowed: &[&str], what: &str) -> Option<Diagnostic> {
    let value = text.value.as_str();
    if value.is_empty() || allowed.contains(&value) || has_template(value) {
        return None;
    }
    let span = place::span_in(text, &(0..value.len()), sources);
    let diagnostic =
        Diagnostic::error(code, format!("`{value}` is not {what}"), span).with_label(format!("not {what}"));
    let list: Vec<String> =
        allowed.iter().filter(|word| word.len() > 1).map(|word| format!("`{word}`")).collect();
    let near =
        nearest(&value.to_lowercase().replace('-', "_"), allowed.iter().copied().filter(|w| w.len() > 1))
            .or_else(|| {
                allowed.iter().copied().find(|word| word.eq_ignore_ascii_case(&value.replace('-', "_")))
            });
    Some(match near {
        Some(near) => diagnostic
            .with_help(format!("did you mean `{near}`? There are {}", list.join(", ")))
            .with_fix(format!("change to `{near}`"), span, near),
        None => diagnostic.with_help(format!("write one of {}", list.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::ParamKind;
    use crate::schema::{Format, PathItem, Scalar, Shape, shapes_at};

    /// The words at a place in a Taskfile are those of a rule.
    fn check_words(path: &[PathItem<'_>], expected: &[&str]) {
        let words = shapes_at(Format::Taskfile, path).into_iter().find_map(|shape| match shape {
            Shape::Scalar(Scalar::Enum(words)) | Shape::Template(Scalar::Enum(words)) => Some(words),
            _ => None,
        });
        let mut words: Vec<&str> = words.unwrap_or_default().iter().map(|word| word.value).collect();
        let mut expected = expected.to_vec();
        words.sort_unstable();
        expected.sort_unstable();
        assert_eq!(words, expected, "{path:?}");
    }

    #[test]
    fn words_are_those_of_the_schema() {
        use PathItem::{Index, Key};
        let param = [Key("tasks"), Key(""), Key("ez-params"), Index, Key("type")];
        check_words(&[Key("method")], METHODS);
        check_words(&[Key("run")], RUN_MODES);
        check_words(&[Key("output")], OUTPUT_STYLES);
        check_words(&[Key("set"), Index], SET_OPTIONS);
        check_words(&[Key("shopt"), Index], SHOPT_OPTIONS);
        check_words(&param, &ParamKind::ALL.map(ParamKind::name));
    }
}
