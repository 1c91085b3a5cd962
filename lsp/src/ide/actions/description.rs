//! Describing a task that has no `desc`.

use std::ops::Range;

use ez_compiler::yaml::emit::{Tree, write};

use super::written_task::WrittenTask;
use super::{Action, ActionKind};

/// Longest comment, in characters, that is taken for a description.
const MAX_COMMENT: usize = 80;

/// A `desc` for the task whose name some bytes touch: the comment above it, else its name in words.
pub fn at(task: &WrittenTask<'_>, range: &Range<usize>) -> Option<Action> {
    let key = task.key();
    let is_touched = key.start <= range.end && range.start <= key.end;
    let definition = task.definition;
    if !is_touched || definition.desc.is_some() || definition.internal || task.field("desc").is_some() {
        return None;
    }
    let text = comment(task).unwrap_or_else(|| in_words(task.name()));
    let plain = format!("desc: {}", write(&Tree::Text(text.clone())).trim_end());
    let quoted = format!("desc: '{}'", text.replace('\'', "''"));
    let edit = task.with_field(&[], &[plain], &quoted)?;
    Some(Action::new("add a description", ActionKind::Rewrite, vec![edit]))
}

/// What the only line of comment above says.
fn comment(task: &WrittenTask<'_>) -> Option<String> {
    let lines = task.lines;
    let line = lines.start(task.key().start);
    let first = lines.with_comments_above(line, task.column());
    if task.is_in_flow() || first == line || lines.next(first) != line {
        return None;
    }
    let text = lines.slice(first..lines.end(first)).trim_start().trim_start_matches('#').trim();
    let is_prose = text.starts_with(char::is_alphanumeric)
        && text.chars().count() <= MAX_COMMENT
        && !text.contains(|c: char| c.is_control() || "{}".contains(c));
    is_prose.then(|| text.to_owned())
}

/// `build-docs` as `Build docs`.
pub fn in_words(name: &str) -> String {
    let words: Vec<&str> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let words = words.join(" ");
    let mut chars = words.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    if first.is_empty() { name.to_owned() } else { first + chars.as_str() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn a_description_is_added() {
        check(
            "actions-description",
            "add a description",
            &[
                ("to fields", "version: '3'\ntasks:\n  build-$0docs:\n    cmds: [a]\n"),
                (
                    "from a comment",
                    "version: '3'\ntasks:\n  # Builds it: all\n  b$0uild:\n    # x\n    cmds: [a]\n",
                ),
                (
                    "not from several lines",
                    "version: '3'\ntasks:\n  # Builds\n  # it\n  b$0uild:\n    cmds: [a]\n",
                ),
                ("to a command", "version: '3'\ntasks:\n  b$0uild: echo a # why\n"),
                ("to a script", "version: '3'\ntasks:\n  b$0uild: |\n    echo a\n      echo b\n  c: d\n"),
                (
                    "to a list",
                    "version: '3'\ntasks:\n  b$0uild:\n    - echo a # why\n    # and\n    - task: c\n      vars: {A: b}\n",
                ),
                (
                    "to a list in the column of its key",
                    "version: '3'\ntasks:\n    b$0uild:\n    - echo a\n    - echo b\n",
                ),
                ("to a list in brackets", "version: '3'\ntasks:\n  b$0uild: [echo a, echo b]\n"),
                ("to fields in braces", "version: '3'\ntasks:\n  b$0uild: {cmds: [a]}\n"),
                ("to tasks in braces", "version: '3'\ntasks: {b$0uild: a, c: [d]}\n"),
                (
                    "with ends of lines as in Windows",
                    "version: '3'\r\ntasks:\r\n  b$0uild:\r\n    cmds: [a]\r\n",
                ),
                ("not where there is one", "version: '3'\ntasks:\n  b$0uild:\n    desc: x\n    cmds: [a]\n"),
                ("not to an internal task", "version: '3'\ntasks:\n  b$0uild: {internal: true, cmds: [a]}\n"),
                ("not away from the name", "version: '3'\ntasks:\n  build:\n    cm$0ds: [a]\n"),
                (
                    "not to a task behind an alias",
                    "version: '3'\ntasks:\n  a: &x {cmds: [a]}\n  b$0uild: *x\n",
                ),
                ("a name that is no word", "version: '3'\ntasks:\n  '$0*': echo a\n"),
            ],
        );
    }
}
