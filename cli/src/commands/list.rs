//! Lists of tasks: `task --list`, `task --list-all`, `ez list`.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::ir::{Program, TaskId};
use ez_compiler::source::SourceMap;
use ez_runner::engine::Engine;
use ez_runner::error::RunError;
use serde::Serialize;
use serde_json::Value;
use smol_str::SmolStr;

use super::params::ShownParam;
use crate::args::invocation::Order;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::go_json::GoJson;
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
    /// `ez-lock`: it never runs twice at once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lock: bool,
}

/// A place in a Taskfile, line and column from 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in code points.
    pub column: u32,
    /// The file.
    pub taskfile: Arc<Utf8Path>,
}

/// A list as JSON, with go-task's layout and escapes. Entries are written as they come, unless they are nested.
pub struct JsonList {
    json: GoJson,
    location: String,
    namespaces: Option<Namespace>,
}

/// The tasks of one namespace.
#[derive(Debug, Default)]
struct Namespace {
    /// `None` where a namespace only holds others; go-task writes `null`.
    tasks: Option<Vec<Entry>>,
    namespaces: BTreeMap<String, Namespace>,
}

/// The ids of tasks that may be listed, in order: never internal ones, and without `all` only those with a description.
pub fn listed(program: &Program, all: bool, order: Order) -> Vec<TaskId> {
    let has_description =
        |id: TaskId| program.task(id).definition.desc.as_ref().is_some_and(|d| !d.value.is_empty());
    let is_listed = |id: &TaskId| !program.task(*id).internal && (all || has_description(*id));
    let ids = program.ids().filter(is_listed);
    if order == Order::Written {
        return ids.collect();
    }
    let root_first = order == Order::RootFirst;
    let key = |id: TaskId| {
        let name = program.task(id).name.as_str();
        (root_first && name.contains(NAMESPACE_SEPARATOR), name, id)
    };
    let mut keys: Vec<_> = ids.map(key).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, _, id)| id).collect()
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
        location: Place {
            line: position.line,
            column: position.column,
            taskfile: Arc::clone(&task.taskfile),
        },
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

/// The failure of a list that cannot be written as JSON.
pub fn not_json(error: &serde_json::Error) -> Failure {
    Failure::new(Code::OTHER, format!("ez: {error}"))
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

impl JsonList {
    /// A list of the tasks of the root Taskfile at `location`.
    pub fn new(location: &str, is_nested: bool) -> Self {
        let mut json = GoJson::default();
        let namespaces = is_nested.then(|| Namespace { tasks: Some(Vec::new()), ..Namespace::default() });
        if namespaces.is_none() {
            json.begin('{');
            json.plain_key("tasks");
            json.begin('[');
        }
        Self { json, location: location.to_owned(), namespaces }
    }

    /// Adds a task.
    pub fn push(&mut self, entry: Entry) -> Result<(), serde_json::Error> {
        if let Some(namespaces) = &mut self.namespaces {
            namespaces.add(entry);
            return Ok(());
        }
        self.json.item();
        entry.write(&mut self.json)
    }

    /// The whole list.
    pub fn finish(mut self) -> Result<String, serde_json::Error> {
        match self.namespaces.take() {
            Some(root) => {
                self.json.begin('{');
                root.write_members(&mut self.json)?;
            }
            None => self.json.end(']'),
        }
        self.json.plain_key("location");
        self.json.text(&self.location);
        self.json.end('}');
        Ok(self.json.finish())
    }
}

impl Entry {
    /// Writes what serialising gives. A list has many of these.
    fn write(&self, json: &mut GoJson) -> Result<(), serde_json::Error> {
        json.begin('{');
        let texts =
            [("name", &self.name), ("task", &self.task), ("desc", &self.desc), ("summary", &self.summary)];
        for (key, text) in texts {
            json.plain_key(key);
            json.text(text);
        }
        json.plain_key("aliases");
        json.texts(self.aliases.iter().map(SmolStr::as_str));
        if let Some(up_to_date) = self.up_to_date {
            json.plain_key("up_to_date");
            json.word(if up_to_date { "true" } else { "false" });
        }
        json.plain_key("location");
        json.begin('{');
        for (key, number) in [("line", self.location.line), ("column", self.location.column)] {
            json.plain_key(key);
            json.number(number);
        }
        json.plain_key("taskfile");
        json.text(self.location.taskfile.as_str());
        json.end('}');
        if let Some(additions) = &self.additions
            && let Value::Object(members) = serde_json::to_value(additions)?
        {
            for (key, value) in &members {
                json.key(key);
                json.value(value);
            }
        }
        json.end('}');
        Ok(())
    }
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

    fn write_members(&self, json: &mut GoJson) -> Result<(), serde_json::Error> {
        json.plain_key("tasks");
        match &self.tasks {
            None => json.word("null"),
            Some(tasks) => {
                json.begin('[');
                for task in tasks {
                    json.item();
                    task.write(json)?;
                }
                json.end(']');
            }
        }
        if self.namespaces.is_empty() {
            return Ok(());
        }
        json.plain_key("namespaces");
        json.begin('{');
        for (name, namespace) in &self.namespaces {
            json.key(name);
            json.begin('{');
            namespace.write_members(json)?;
            json.end('}');
        }
        json.end('}');
        Ok(())
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
            location: Place { line: 4, column: 3, taskfile: Utf8Path::new("/t").into() },
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
        let mut list = JsonList::new("/t", true);
        list.push(entry("a:b:c", "<&>", &[])).unwrap();
        let got = list.finish().unwrap();
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

    #[test]
    fn entries_are_written_as_they_serialise() {
        let plain = Entry { up_to_date: Some(true), ..entry("a", "", &["b"]) };
        let tags = Additions { kind: "inline", tags: vec!["t".into()], ..Additions::default() };
        for entry in [Entry { additions: Some(tags), ..plain.clone() }, plain] {
            let mut list = JsonList::new("/t", false);
            list.push(entry.clone()).unwrap();
            let whole = serde_json::json!({"tasks": [entry], "location": "/t"});
            assert_eq!(
                list.finish().unwrap(),
                format!("{}\n", serde_json::to_string_pretty(&whole).unwrap())
            );
        }
        assert_eq!(
            JsonList::new("/t", false).finish().unwrap(),
            "{\n  \"tasks\": [],\n  \"location\": \"/t\"\n}\n"
        );
    }
}
