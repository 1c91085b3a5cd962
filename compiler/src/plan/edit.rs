//! Writing steps into a plan's file, whose comments and order stay.

use std::ops::Range;

use crate::ast::Plan;
use crate::decode::decode_plan;
use crate::source::SourceMap;
use crate::template::value::Value;
use crate::yaml;
use crate::yaml::emit::{Tree, write};
use crate::yaml::value::to_value;

/// The key of a plan's steps.
const STEPS: &str = "steps";

/// A step that is to be written. Empty parts are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewStep {
    /// `name`, where it is not the task's.
    pub name: Option<String>,
    /// `task`
    pub task: String,
    /// `vars`
    pub vars: Vec<(String, String)>,
    /// `needs`
    pub needs: Vec<String>,
    /// `matrix`: keys with their values.
    pub matrix: Vec<(String, Vec<String>)>,
    /// `artifacts`: names and paths.
    pub artifacts: Vec<(String, String)>,
    /// `inputs`: the step, the artifact, and where it goes.
    pub inputs: Vec<(String, String, String)>,
    /// `when`
    pub when: Option<String>,
}

/// The text of a new plan.
pub fn new_plan(desc: Option<&str>, steps: &[NewStep]) -> String {
    let mut entries = Vec::new();
    if let Some(desc) = desc {
        entries.push(("desc".to_owned(), Tree::Text(desc.to_owned())));
    }
    entries.push(("steps".to_owned(), Tree::List(steps.iter().map(NewStep::tree).collect())));
    write(&Tree::Map(entries))
}

/// A plan's text with a step more, as the last one. `None` where the text is written in a way that leaves no sure place for it.
pub fn with_step(text: &str, step: &NewStep) -> Option<String> {
    let (plan, sources) = parse(text)?;
    let (range, inserted) = insertion(text, &plan, &sources, step)?;
    let mut changed = text.to_owned();
    changed.replace_range(range, &inserted);
    is_as_meant(text, &changed, &step.tree()).then_some(changed)
}

/// Whether a text says what another one says, with one more step at the end.
fn is_as_meant(before: &str, after: &str, step: &Tree) -> bool {
    let (Some(before), Some(after)) = (value_of(before), value_of(after)) else { return false };
    let (Some(mut before), Some(step)) = (before.as_map().cloned(), value_of(&write(step))) else {
        return false;
    };
    let mut steps = before.get(STEPS).and_then(Value::as_list).unwrap_or_default().to_vec();
    steps.push(step);
    before.insert(STEPS.into(), Value::list(steps));
    Value::map(before) == after
}

fn value_of(text: &str) -> Option<Value> {
    let mut sources = SourceMap::default();
    let file = sources.add_file("plan.yml", text);
    let document = yaml::parse(text, file, &mut sources, None);
    if !document.errors.is_empty() {
        return None;
    }
    to_value(document.root.as_ref()?).ok()
}

fn parse(text: &str) -> Option<(Plan, SourceMap)> {
    let mut sources = SourceMap::default();
    let file = sources.add_file("plan.yml", text);
    let document = yaml::parse(text, file, &mut sources, None);
    if !document.errors.is_empty() {
        return None;
    }
    let plan = decode_plan(document.root.as_ref()?, &sources, None).plan?;
    Some((plan, sources))
}

/// What is replaced, and by what.
fn insertion(text: &str, plan: &Plan, sources: &SourceMap, step: &NewStep) -> Option<(Range<usize>, String)> {
    let key = sources.locate(plan.steps_span).range;
    let after_key = text.get(key.end..)?;
    let value = after_key.strip_prefix(':')?;
    let inline = value.lines().next().unwrap_or_default();
    let inline = inline.split(" #").next().unwrap_or_default().trim();
    let Some(last) = plan.steps.last() else {
        let start = key.end + 1;
        let end = if inline.is_empty() { start } else { start + value.find(inline)? + inline.len() };
        let is_empty = matches!(inline, "" | "[]" | "null" | "~");
        return is_empty.then(|| (start..end, format!("\n{}", block(step, 2).trim_end())));
    };
    let end = sources.locate(last.span).range.end;
    if inline.starts_with('[') || value.trim_start().starts_with('[') {
        return Some((end..end, format!(", {}", flow(&step.tree()))));
    }
    let start = sources.locate(last.span).range.start;
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let dash = text.get(line_start..start)?;
    let indent =
        dash.find('-').filter(|at| dash.get(..*at).is_some_and(|before| before.trim().is_empty()))?;
    let mut at = end_of_line(text, end.saturating_sub(usize::from(text.get(..end)?.ends_with('\n'))));
    // Comments that stand deeper belong to the step above them.
    while let Some(line) = text.get(at..).and_then(|rest| rest.lines().next()) {
        let blanks = line.len() - line.trim_start().len();
        if !line.trim_start().starts_with('#') || blanks <= indent {
            break;
        }
        at = end_of_line(text, at);
    }
    let newline = if text.get(..at)?.ends_with('\n') { "" } else { "\n" };
    Some((at..at, format!("{newline}{}", block(step, indent))))
}

/// The byte after a line's end.
fn end_of_line(text: &str, from: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| from + at + 1)
}

/// A step as an item of a list that is indented by so many blanks.
fn block(step: &NewStep, indent: usize) -> String {
    let blanks = " ".repeat(indent);
    write(&Tree::List(vec![step.tree()])).lines().fold(String::new(), |mut all, line| {
        if !line.is_empty() {
            all.push_str(&blanks);
            all.push_str(line);
        }
        all.push('\n');
        all
    })
}

/// In brackets and braces, everything quoted.
fn flow(tree: &Tree) -> String {
    match tree {
        Tree::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Tree::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Tree::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => write(other).trim_end().to_owned(),
    }
}

impl NewStep {
    fn tree(&self) -> Tree {
        let text = |text: &String| Tree::Text(text.clone());
        let texts = |texts: &[String]| Tree::List(texts.iter().map(text).collect());
        let map = |entries: &[(&str, &String)]| {
            Tree::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect())
        };
        let mut entries: Vec<(String, Tree)> = Vec::new();
        let mut put = |key: &str, value: Tree| entries.push((key.to_owned(), value));
        if let Some(name) = &self.name {
            put("name", text(name));
        }
        put("task", text(&self.task));
        if !self.needs.is_empty() {
            put("needs", texts(&self.needs));
        }
        if !self.matrix.is_empty() {
            let keys = self.matrix.iter().map(|(key, values)| (key.clone(), texts(values)));
            put("matrix", Tree::Map(keys.collect()));
        }
        if let Some(when) = &self.when {
            put("when", text(when));
        }
        if !self.vars.is_empty() {
            put("vars", Tree::Map(self.vars.iter().map(|(key, value)| (key.clone(), text(value))).collect()));
        }
        if !self.artifacts.is_empty() {
            let items = self.artifacts.iter().map(|(name, path)| map(&[("name", name), ("path", path)]));
            put("artifacts", Tree::List(items.collect()));
        }
        if !self.inputs.is_empty() {
            let items = self
                .inputs
                .iter()
                .map(|(from, artifact, to)| map(&[("from", from), ("artifact", artifact), ("to", to)]));
            put("inputs", Tree::List(items.collect()));
        }
        Tree::Map(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let step = NewStep { task: "pack".to_owned(), needs: vec!["build".to_owned()], ..NewStep::default() };
        assert_eq!(with_step(text, &step).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn a_step_is_added_and_everything_else_stays() {
        check(
            "steps:\n  - task: build\n",
            "steps:\n  - task: build\n  - task: pack\n    needs:\n      - build\n",
        );
        check(
            "# a\nsteps: # b\n- task: build # c\n  # d\n# e\n\nvars: {X: 1}",
            "# a\nsteps: # b\n- task: build # c\n  # d\n- task: pack\n  needs:\n    - build\n# e\n\nvars: {X: 1}",
        );
        check(
            "steps: [build, {task: test}] # x\nvars: {}\n",
            "steps: [build, {task: test}, {task: \"pack\", needs: [\"build\"]}] # x\nvars: {}\n",
        );
        check(
            "desc: x\nsteps: [] # none\n",
            "desc: x\nsteps:\n  - task: pack\n    needs:\n      - build # none\n",
        );
        check("steps:\n", "steps:\n  - task: pack\n    needs:\n      - build\n");
        check(
            "steps:\n  - task: build",
            "steps:\n  - task: build\n  - task: pack\n    needs:\n      - build\n",
        );
        check(
            "steps:\n  - task: build\n    when: |\n      yes\n\nparams: [a]\n",
            "steps:\n  - task: build\n    when: |\n      yes\n  - task: pack\n    needs:\n      - build\n\nparams: [a]\n",
        );
    }

    #[test]
    fn what_is_not_understood_is_not_changed() {
        let step = NewStep { task: "pack".to_owned(), ..NewStep::default() };
        for text in ["", "steps: 3\n", "steps:\n  - task: build\n - x: [\n", "steps: *a\n"] {
            assert_eq!(with_step(text, &step), None, "{text}");
        }
    }
}
