//! Which outputs of steps a template names, and names with hyphens that it cannot.

use std::collections::BTreeMap;
use std::ops::Range;

use smol_str::SmolStr;

use crate::template::ast::{Branch, BranchKind, Command, Expression, List, Name, Node, Pipe};
use crate::template::{PureHost, Template, Value, render};

/// The variable in which templates find the outputs of steps.
pub const STEPS: &str = "steps";

/// What stands between a step and its output: `.steps.build.outputs.version`.
pub const OUTPUTS: &str = "outputs";

/// A name and its bytes in the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name, quotes left out.
    pub name: SmolStr,
    /// Its bytes, quotes included.
    pub range: Range<usize>,
}

/// `.steps` and what follows it, as far as it is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRead {
    /// `.steps`
    pub range: Range<usize>,
    /// The step, `outputs`, the output.
    pub path: Vec<Named>,
    /// Whether the path goes on with something that is not known before it runs.
    pub is_open: bool,
}

/// All reads of outputs, in the order of the text.
pub fn reads(template: &Template) -> Vec<OutputRead> {
    let mut visitor = Visitor { reads: Vec::new() };
    visitor.list(template.root(), true);
    visitor.reads.sort_by_key(|read| read.range.start);
    visitor.reads
}

struct Visitor {
    reads: Vec<OutputRead>,
}

impl Visitor {
    fn list(&mut self, list: &List, dot: bool) {
        for node in &list.nodes {
            match node {
                Node::Action(action) => self.pipe(&action.pipe, dot),
                Node::Branch(branch) => self.branch(branch, dot),
                Node::Template(call) => call.pipe.iter().for_each(|pipe| self.pipe(pipe, dot)),
                Node::Text { .. } | Node::Break { .. } | Node::Continue { .. } => {}
            }
        }
    }

    fn branch(&mut self, branch: &Branch, dot: bool) {
        self.pipe(&branch.pipe, dot);
        self.list(&branch.list, dot && branch.kind == BranchKind::If);
        if let Some(otherwise) = &branch.otherwise {
            self.list(otherwise, dot);
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: bool) {
        for command in &pipe.commands {
            if let Some(read) = indexed(command, dot) {
                self.reads.push(read);
            } else {
                command.arguments.iter().for_each(|argument| self.expression(argument, dot));
            }
        }
    }

    fn expression(&mut self, expression: &Expression, dot: bool) {
        if let Some(read) = read_of(expression, dot) {
            self.reads.push(read);
            return;
        }
        match expression {
            Expression::Chain(chain) => match (&chain.base, whole_command(&chain.base)) {
                (_, Some(command)) if indexed(command, dot).is_some() => {
                    if let Some(mut read) = indexed(command, dot) {
                        extend(&mut read, &chain.names);
                        self.reads.push(read);
                    }
                }
                (base, _) => self.expression(base, dot),
            },
            Expression::Pipe(pipe) => self.pipe(pipe, dot),
            _ => {}
        }
    }
}

/// The one command of an expression in parentheses.
fn whole_command(expression: &Expression) -> Option<&Command> {
    let Expression::Pipe(pipe) = expression else { return None };
    match pipe.commands.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// `.steps.a.b`, or `$.steps.a.b`.
fn read_of(expression: &Expression, dot: bool) -> Option<OutputRead> {
    let names = match expression {
        Expression::Field(field) if dot => field.names.as_slice(),
        Expression::Variable(variable) if variable.names.first()?.text == "$" => variable.names.get(1..)?,
        _ => return None,
    };
    let (first, path) = names.split_first().filter(|(first, _)| first.text == STEPS)?;
    let mut read = OutputRead { range: first.range.clone(), path: Vec::new(), is_open: false };
    extend(&mut read, path);
    Some(read)
}

/// `index .steps "a" "b"`
fn indexed(command: &Command, dot: bool) -> Option<OutputRead> {
    let [Expression::Function(function), base, keys @ ..] = command.arguments.as_slice() else { return None };
    if function.name != "index" {
        return None;
    }
    let mut read = read_of(base, dot)?;
    for key in keys {
        match key {
            Expression::Text(text) if !read.is_open => {
                read.path.push(Named { name: text.text.clone(), range: text.range.clone() });
            }
            _ => read.is_open = true,
        }
    }
    Some(read)
}

fn extend(read: &mut OutputRead, names: &[Name]) {
    if !read.is_open {
        let named = |name: &Name| Named { name: name.text.clone(), range: name.range.clone() };
        read.path.extend(names.iter().map(named));
    }
}

/// A chain of names with a hyphen in it, which Go reads as something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HyphenName {
    /// The chain, from its first dot.
    pub range: Range<usize>,
    /// The name with the hyphen.
    pub name: String,
    /// What says the same to Go.
    pub replacement: String,
}

/// The chain of names around a byte at which the parser met a hyphen.
pub fn hyphen_name(text: &str, at: usize) -> Option<HyphenName> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let before = text.get(..at)?;
    let start = before.char_indices().rev().take_while(|(_, c)| is_part(*c)).last().map_or(at, |(i, _)| i);
    let length: usize = text.get(at..)?.chars().take_while(|c| is_part(*c)).map(char::len_utf8).sum();
    let chain = text.get(start..at + length)?.trim_end_matches(['-', '.']);
    let chain = chain.get(chain.find('.')?..)?;
    let start = start + text.get(start..)?.find('.')?;
    let names: Vec<&str> = chain.split('.').skip(1).collect();
    let last = names.iter().rposition(|name| name.contains('-'))?;
    let first = names.iter().position(|name| name.contains('-'))?;
    if names.iter().any(|name| name.is_empty()) {
        return None;
    }
    let dotted = |names: &[&str]| names.iter().fold(String::new(), |all, name| all + "." + name);
    let quoted = |names: &[&str]| names.iter().fold(String::new(), |all, name| all + " \"" + name + "\"");
    let base = dotted(names.get(..first)?);
    let base = if base.is_empty() { "." } else { &base };
    let keys = quoted(names.get(first..=last)?);
    let rest = dotted(names.get(last + 1..)?);
    Some(HyphenName {
        range: start..start + chain.len(),
        name: (*names.get(first)?).to_owned(),
        replacement: format!("(index {base}{keys}){rest}"),
    })
}

/// A template that takes one output from what a step wrote, which is in the variable `raw`: lines `name=value`, of which the
/// last one counts, or a JSON object, whose texts are taken as they are and everything else as JSON. Without it, nothing.
pub fn output_template(raw: &str, name: &str) -> String {
    format!(
        "{{{{$v := \"\"}}}}{{{{$j := fromJson .{raw}}}}}{{{{if kindIs \"map\" $j}}}}{{{{$x := index $j {name:?}}}}}\
         {{{{if kindIs \"string\" $x}}}}{{{{$v = $x}}}}{{{{else if not (kindIs \"invalid\" $x)}}}}{{{{$v = toJson $x}}}}{{{{end}}}}\
         {{{{else}}}}{{{{range $l := splitList \"\\n\" .{raw}}}}}{{{{if hasPrefix \"{name}=\" $l}}}}\
         {{{{$v = trimPrefix \"{name}=\" $l}}}}{{{{end}}}}{{{{end}}}}{{{{end}}}}{{{{$v}}}}"
    )
}

/// What a step wrote to its file of outputs, by the names that it declares; those that are not there are empty.
pub fn parse_outputs(text: &str, names: &[SmolStr]) -> BTreeMap<SmolStr, SmolStr> {
    const RAW: &str = "RAW";
    // Go-task leaves out the last line end of what a command prints.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let scope = BTreeMap::from([(SmolStr::new_static(RAW), Value::string(text))]);
    let value = |name: &SmolStr| render(&output_template(RAW, name), &scope, &PureHost).unwrap_or_default();
    names.iter().map(|name| (name.clone(), value(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = reads(&Template::parse(text))
            .iter()
            .map(|read| {
                let path: Vec<&str> = read.path.iter().map(|named| named.name.as_str()).collect();
                format!("{}{}", path.join("/"), if read.is_open { "/?" } else { "" })
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn reads_of_outputs_are_found() {
        check("{{.steps.build.outputs.version}}", &["build/outputs/version"]);
        check(
            "{{if eq .steps.a.outputs.x \"1\"}}{{$.steps.b.outputs.y}}{{end}}",
            &["a/outputs/x", "b/outputs/y"],
        );
        check("{{index .steps \"a-b\" \"outputs\" \"x\"}}", &["a-b/outputs/x"]);
        check("{{(index .steps \"a-b\").outputs.x | upper}}", &["a-b/outputs/x"]);
        check("{{(index .steps.a.outputs .key)}}", &["a/outputs/?"]);
        check("{{range .steps.a.outputs}}{{.steps.b}}{{end}}", &["a/outputs"]);
        check("{{.other.steps}} {{.x}}", &[]);
        check("{{.steps}}", &[""]);
    }

    #[test]
    fn names_with_hyphens_are_written_with_index() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let at = text.find('-').unwrap();
            let found = hyphen_name(text, at);
            let found = found.as_ref().map(|found| (&text[found.range.clone()], found.replacement.as_str()));
            assert_eq!(found, expected, "{text}");
        };
        check("{{.steps.a-b.outputs.x}}", Some((".steps.a-b.outputs.x", "(index .steps \"a-b\").outputs.x")));
        check(
            "{{upper .steps.a-b.outputs.my-x}}",
            Some((".steps.a-b.outputs.my-x", "(index .steps \"a-b\" \"outputs\" \"my-x\")")),
        );
        check("{{.build-type}}", Some((".build-type", "(index . \"build-type\")")));
        check("{{a-b}}", None);
        check("{{..a-}}", None);
    }

    #[test]
    fn outputs_are_lines_or_an_object() {
        let names = ["a".into(), "b-c".into()];
        let check = |text: &str, a: &str, b: &str| {
            let outputs = parse_outputs(text, &names);
            let found: Vec<&str> = outputs.values().map(SmolStr::as_str).collect();
            assert_eq!(found, [a, b], "{text}");
        };
        check("", "", "");
        check("a=1\nb-c=x=y\n", "1", "x=y");
        check("a=1\nA=3\na=2", "2", "");
        check("{\"a\": \"x\", \"b-c\": [1, 1000000, true]}\n", "x", "[1,1000000,true]");
        check("{\"a\": 1.5, \"b-c\": null}", "1.5", "");
        check("{\"a\": 1", "", "");
        check("[1]\na=2", "2", "");
    }
}
