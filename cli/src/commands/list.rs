//! Lists of tasks: `task --list`, `task --list-all`, `ez list`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ez_compiler::ir::{Program, TaskId};
use ez_compiler::source::SourceMap;
use ez_runner::engine::Engine;
use ez_runner::error::RunError;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use smol_str::SmolStr;

use super::params::ShownParam;
use crate::args::invocation::{ListRequest, Order};
use crate::logger::{Color, Logger};
use crate::table;

/// Spaces between the columns of a list.
const PADDING: usize = 6;

/// The separator of namespaces in names.
const NAMESPACE_SEPARATOR: char = ':';

/// A task of a list. The field order is that of the JSON form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The name that is shown: the label, else the full name.
    pub name: SmolStr,
    /// The full name.
    pub task: SmolStr,
    /// `desc`, rendered.
    pub desc: SmolStr,
    /// `summary`, rendered.
    pub summary: SmolStr,
    /// Further names.
    pub aliases: Vec<SmolStr>,
    /// Whether the sources are unchanged; not asked for where `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to_date: Option<bool>,
    /// Where the task is written.
    pub location: Place,
    /// What EZ adds; nothing under the name `task`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub additions: Option<Additions>,
}

/// What EZ says of a task beyond go-task.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Additions {
    /// `inline` for a task of a Taskfile.
    pub kind: &'static str,
    /// `ez-params`
    pub params: Vec<ShownParam>,
    /// `ez-tags`
    pub tags: Vec<SmolStr>,
    /// `ez-examples`
    pub examples: Vec<SmolStr>,
}

/// A place in a Taskfile, line and column from 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in code points.
    pub column: u32,
    /// The file.
    pub taskfile: String,
}

/// The JSON form of a list, or of one namespace in it.
#[derive(Debug, Default, Serialize)]
struct Namespace {
    /// `null` where a namespace only holds others, as go-task writes it.
    tasks: Option<Vec<Entry>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    namespaces: BTreeMap<String, Namespace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

/// The ids of tasks that may be listed, in order: never internal ones, and without `all` only those with a description.
pub fn listed(program: &Program, all: bool, order: Order) -> Vec<TaskId> {
    let has_description =
        |id: TaskId| program.task(id).definition.desc.as_ref().is_some_and(|d| !d.value.is_empty());
    let is_listed = |id: &TaskId| !program.task(*id).internal && (all || has_description(*id));
    let mut ids: Vec<TaskId> = program.ids().filter(is_listed).collect();
    let name = |id: &TaskId| program.task(*id).name.clone();
    match order {
        Order::Written => {}
        Order::Name => ids.sort_by_cached_key(name),
        Order::RootFirst => ids.sort_by_cached_key(|id| (name(id).contains(NAMESPACE_SEPARATOR), name(id))),
    }
    ids
}

/// What a list says of a task.
pub fn entry(engine: &Engine, sources: &SourceMap, id: TaskId, with_status: bool) -> Result<Entry, RunError> {
    let texts = engine.list_entry(id)?;
    let task = engine.program().task(id);
    let name = if texts.label.is_empty() { task.name.clone() } else { texts.label };
    let up_to_date = with_status.then(|| engine.is_unchanged(id, &name)).transpose()?;
    let position = sources.position(task.name_span());
    Ok(Entry {
        name,
        task: task.name.clone(),
        desc: texts.desc,
        summary: texts.summary,
        aliases: task.aliases.clone(),
        up_to_date,
        location: Place { line: position.line, column: position.column, taskfile: task.taskfile.to_string() },
        additions: None,
    })
}

/// Bare names and aliases, one a line.
pub fn names(program: &Program, ids: &[TaskId]) -> String {
    let tasks = ids.iter().map(|id| program.task(*id));
    let names = tasks.flat_map(|task| std::iter::once(&task.name).chain(&task.aliases));
    names.flat_map(|name| [name.trim_end_matches(NAMESPACE_SEPARATOR), "\n"]).collect()
}

/// What is said where nothing can be listed.
pub fn nothing(all: bool) -> &'static str {
    if all {
        "task: No tasks available\n"
    } else {
        "task: No tasks with description available. Try --list-all to list all tasks\n"
    }
}

/// A list for people.
pub fn text(logger: &Logger, entries: &[Entry]) -> String {
    let mut rows = String::new();
    for entry in entries {
        rows.push_str(&logger.paint(Color::Yellow, "* "));
        rows.push_str(&logger.paint(Color::Green, &entry.task));
        rows.push_str(&logger.paint(Color::Default, &format!(": \t{}", entry.desc.replace('\n', " "))));
        if !entry.aliases.is_empty() {
            let aliases = format!("\t(aliases: {})", entry.aliases.join(", "));
            rows.push_str(&logger.paint(Color::Cyan, &aliases));
        }
        rows.push('\n');
    }
    let title = logger.paint(Color::Default, "task: Available tasks for this project:\n");
    format!("{title}{}", table::align(&rows, PADDING))
}

/// A list as JSON, with go-task's layout and escapes.
pub fn json(entries: Vec<Entry>, location: &str, request: ListRequest) -> Result<String, serde_json::Error> {
    let mut root = Namespace { location: Some(location.to_owned()), ..Namespace::default() };
    if request.nested {
        root.tasks = Some(Vec::new());
        for entry in entries {
            root.add(entry);
        }
    } else {
        root.tasks = Some(entries);
    }
    let mut out = Vec::new();
    root.serialize(&mut serde_json::Serializer::with_formatter(&mut out, GoFormatter::default()))?;
    out.push(b'\n');
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

impl Namespace {
    /// Puts a task where its name says, below the namespaces in it.
    fn add(&mut self, entry: Entry) {
        let mut namespace = self;
        let path = entry.task.clone();
        let mut parts = path.split(NAMESPACE_SEPARATOR).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_some() {
                namespace = namespace.namespaces.entry(part.to_owned()).or_default();
            }
        }
        namespace.tasks.get_or_insert_default().push(entry);
    }
}

/// JSON as Go's `encoding/json` indents it, with characters escaped that mean something to HTML and JavaScript.
#[derive(Default)]
struct GoFormatter(PrettyFormatter<'static>);

impl Formatter for GoFormatter {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let special = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        // The two separators begin with the byte 0xE2.
        if !fragment.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xE2)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(special) {
            let (before, from) = rest.split_at(at);
            let Some(c) = from.chars().next() else { break };
            write!(writer, "{before}\\u{:04x}", u32::from(c))?;
            rest = &from[c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    fn entry(task: &str, desc: &str, aliases: &[&str]) -> Entry {
        Entry {
            name: task.into(),
            task: task.into(),
            desc: desc.into(),
            summary: SmolStr::default(),
            aliases: aliases.iter().map(SmolStr::new).collect(),
            up_to_date: None,
            location: Place { line: 4, column: 3, taskfile: "/t".to_owned() },
            additions: None,
        }
    }

    #[test]
    fn texts_line_up() {
        let logger = Logger::new(false, &Environment::for_test("/", &[]));
        let entries =
            [entry("build", "Build", &["b", "make"]), entry("lint", "a\nb", &[]), entry("t:x", "T", &["x"])];
        let expected = "task: Available tasks for this project:\n\
                        * build:       Build      (aliases: b, make)\n\
                        * lint:        a b\n\
                        * t:x:         T      (aliases: x)\n";
        assert_eq!(text(&logger, &entries), expected);
    }

    #[test]
    fn json_nests_by_namespace_and_escapes() {
        let request = ListRequest { nested: true, ..ListRequest::default() };
        let got = json(vec![entry("a:b:c", "<&>", &[])], "/t", request).unwrap();
        let expected = r#"{
  "tasks": [],
  "namespaces": {
    "a": {
      "tasks": null,
      "namespaces": {
        "b": {
          "tasks": [
            {
              "name": "a:b:c",
              "task": "a:b:c",
              "desc": "\u003c\u0026\u003e",
              "summary": "",
              "aliases": [],
              "location": {
                "line": 4,
                "column": 3,
                "taskfile": "/t"
              }
            }
          ]
        }
      }
    }
  },
  "location": "/t"
}
"#;
        assert_eq!(got, expected);
    }
}
