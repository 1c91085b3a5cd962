//! The tables of keys are what the decoders know: every key of a table is taken, with its example, and of all words that
//! are keys anywhere no other one.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its cases should stop")]

#[allow(dead_code, reason = "other tests use the rest")]
mod projects;

use std::collections::BTreeSet;
use std::path::Path;

use ez_compiler::decode::{decode_metadata, decode_plan, decode_plugin};
use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::schema::{Field, Format, Object, PathItem, objects_at};
use ez_compiler::source::SourceMap;
use ez_compiler::template_file::{TemplateFiles, Templates};
use ez_compiler::yaml;
use projects::{TASKFILE, compile_files};

/// A mapping in a file: what it is called, its format, where it is, and a file in which `HERE` stands for its keys.
struct Place {
    format: Format,
    path: &'static str,
    file: &'static str,
    /// Keys that stand beside those that are looked at, if these are others.
    beside: &'static str,
}

const fn place(format: Format, path: &'static str, file: &'static str, beside: &'static str) -> Place {
    Place { format, path, file, beside }
}

/// All mappings with known keys. The `x` of a path is a name of the user.
const PLACES: &[Place] = &[
    place(Format::Taskfile, "", "HERE", "version: '3'"),
    place(Format::Taskfile, "output", "version: '3'\noutput:\n  HERE", "group: {begin: a}"),
    place(Format::Taskfile, "output group", "version: '3'\noutput:\n  group:\n    HERE", "begin: a"),
    place(Format::Taskfile, "includes x", "version: '3'\nincludes:\n  x:\n    HERE", "taskfile: ./x.yml"),
    place(Format::Taskfile, "vars x", "version: '3'\nvars:\n  x:\n    HERE", "value: 1"),
    place(Format::Taskfile, "tasks x", "version: '3'\ntasks:\n  x:\n    HERE", "desc: a"),
    place(Format::Taskfile, "tasks x cmds []", "version: '3'\ntasks:\n  x:\n    cmds:\n    - HERE", "cmd: a"),
    place(
        Format::Taskfile,
        "tasks x cmds [] defer",
        "version: '3'\ntasks:\n  x:\n    cmds:\n    - defer:\n        HERE",
        "task: a",
    ),
    place(
        Format::Taskfile,
        "tasks x cmds [] for",
        "version: '3'\ntasks:\n  x:\n    cmds:\n    - cmd: a\n      for:\n        HERE",
        "var: A",
    ),
    place(
        Format::Taskfile,
        "tasks x cmds [] for matrix x",
        "version: '3'\ntasks:\n  x:\n    cmds:\n    - cmd: a\n      for:\n        matrix:\n          A:\n            HERE",
        "ref: .A",
    ),
    place(
        Format::Taskfile,
        "tasks x deps []",
        "version: '3'\ntasks:\n  x:\n    deps:\n    - HERE",
        "task: a",
    ),
    place(
        Format::Taskfile,
        "tasks x sources []",
        "version: '3'\ntasks:\n  x:\n    sources:\n    - HERE",
        "exclude: a",
    ),
    place(
        Format::Taskfile,
        "tasks x preconditions []",
        "version: '3'\ntasks:\n  x:\n    preconditions:\n    - HERE",
        "sh: a",
    ),
    place(
        Format::Taskfile,
        "tasks x requires",
        "version: '3'\ntasks:\n  x:\n    requires:\n      HERE",
        "vars: [A]",
    ),
    place(
        Format::Taskfile,
        "tasks x requires vars []",
        "version: '3'\ntasks:\n  x:\n    requires:\n      vars:\n      - HERE",
        "name: A",
    ),
    place(
        Format::Taskfile,
        "tasks x requires vars [] enum",
        "version: '3'\ntasks:\n  x:\n    requires:\n      vars:\n      - name: A\n        enum:\n          HERE",
        "ref: .A",
    ),
    place(
        Format::Taskfile,
        "tasks x ez-params []",
        "version: '3'\ntasks:\n  x:\n    ez-params:\n    - HERE",
        "name: a",
    ),
    place(
        Format::Taskfile,
        "tasks x ez-params [] query",
        "version: '3'\ntasks:\n  x:\n    ez-params:\n    - name: a\n      query:\n        HERE",
        "command: a",
    ),
    place(Format::Taskfile, "tasks x ez-hooks", "version: '3'\ntasks:\n  x:\n    ez-hooks:\n      HERE", ""),
    place(
        Format::Taskfile,
        "tasks x ez-hooks always []",
        "version: '3'\ntasks:\n  x:\n    ez-hooks:\n      always:\n      - HERE",
        "script: a",
    ),
    place(
        Format::Taskfile,
        "tasks x ez-compose []",
        "version: '3'\ntasks:\n  x:\n    ez-compose:\n    - HERE",
        "task: a",
    ),
    place(
        Format::Taskfile,
        "tasks x ez-retry",
        "version: '3'\ntasks:\n  x:\n    ez-retry:\n      HERE",
        "count: 1",
    ),
    place(Format::Taskfile, "tasks x ez-lock", "version: '3'\ntasks:\n  x:\n    ez-lock:\n      HERE", ""),
    place(
        Format::Taskfile,
        "tasks x ez-remote",
        "version: '3'\ntasks:\n  x:\n    ez-remote:\n      HERE",
        "",
    ),
    place(Format::Taskfile, "tasks x ez-log", "version: '3'\ntasks:\n  x:\n    ez-log:\n      HERE", ""),
    place(Format::Metadata, "", "HERE", ""),
    place(Format::Metadata, "artifacts []", "artifacts:\n- HERE", "path: a"),
    place(Format::Plan, "", "HERE", "steps: [a]"),
    place(Format::Plan, "steps []", "steps:\n- HERE", "task: a"),
    place(Format::Plan, "steps [] inputs []", "steps:\n- task: a\n  inputs:\n  - HERE", ""),
    place(Format::Plan, "steps [] checkpoint", "steps:\n- task: a\n  checkpoint:\n    HERE", ""),
    place(Format::Plan, "steps [] retry", "steps:\n- task: a\n  retry:\n    HERE", "count: 1"),
    place(Format::Plugin, "", "HERE", "type: param\ncommand: a"),
    place(Format::Template, "", "HERE", "version: '1'\ntask: a"),
    place(Format::Template, "params []", "version: '1'\ntask: a\nparams:\n- HERE", "name: a"),
    place(Format::Template, "files x", "version: '1'\nfiles:\n  Taskfile.yml: a\n  x:\n    HERE", ""),
];

impl Place {
    fn object(&self) -> &'static Object {
        let item = |part: &'static str| if part == "[]" { PathItem::Index } else { PathItem::Key(part) };
        let path: Vec<PathItem<'_>> = self.path.split_whitespace().map(item).collect();
        let objects = objects_at(self.format, &path);
        assert_eq!(objects.len(), 1, "`{}` of {:?}", self.path, self.format);
        objects[0]
    }

    /// A file with these lines in the mapping, and those that stand beside them.
    fn with(&self, lines: &str) -> String {
        let written: Vec<&str> = lines.lines().filter_map(|line| line.split(':').next()).collect();
        let choice = self.object().at_most_one_of;
        let is_there = |key: &str| {
            written.contains(&key) || choice.contains(&key) && written.iter().any(|key| choice.contains(key))
        };
        let beside = self.beside.lines().filter(|line| !is_there(line.split(':').next().unwrap()));
        let column = self.file.lines().last().unwrap().find("HERE").unwrap();
        let all: Vec<&str> = beside.chain(lines.lines()).collect();
        self.file.replace("HERE", &all.join(&format!("\n{}", " ".repeat(column)))) + "\n"
    }

    fn findings(&self, text: &str) -> Vec<Diagnostic> {
        if self.format == Format::Taskfile {
            return compile_files(&[(TASKFILE.to_owned(), text.to_owned())], None).diagnostics;
        }
        let mut sources = SourceMap::default();
        if self.format == Format::Template {
            let files = MemoryFileSystem::new().with("/p/templates/file.yml", text);
            let read = &mut TemplateFiles::default();
            return Templates::of_project(&files, "/p".into(), &mut sources, read, None).diagnostics;
        }
        let file = sources.add_file("file.yml", text);
        let document = yaml::parse(text, file, &mut sources, None);
        assert!(document.errors.is_empty(), "{text}");
        let root = document.root.unwrap();
        match self.format {
            Format::Metadata => decode_metadata(&root, "firmware", &sources).diagnostics,
            Format::Plan => decode_plan(&root, &sources, None).diagnostics,
            _ => decode_plugin(&root, "file", &sources).diagnostics,
        }
    }

    /// Whether the decoder knows a key.
    fn takes(&self, key: &str) -> bool {
        let refused = [
            format!("has no key `{key}`"),
            format!("has no field `{key}`"),
            format!("`{key}` is no kind of variable"),
            format!("`{key}` stands next to"),
            format!("of a template cannot have a `{key}`"),
        ];
        let says_so = |found: &Diagnostic| refused.iter().any(|message| found.message.contains(message));
        // A key without a value is not always looked at, and one with a wrong value hides others.
        let values = ["", "1s"].map(|value| self.with(&format!("{key}: {value}")));
        !values.iter().any(|text| self.findings(text).iter().any(says_so))
    }
}

/// All words that are a key somewhere, by the tables and by the decoders' sources.
fn words() -> BTreeSet<String> {
    let keys =
        PLACES.iter().flat_map(|place| place.object().fields).map(|field: &Field| field.key.to_owned());
    let mut words: BTreeSet<String> = keys.chain(["made-up".to_owned(), "ez-made-up".to_owned()]).collect();
    let known = words.len();
    let decoders = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/decode");
    for entry in std::fs::read_dir(decoders).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines().filter_map(|line| line.trim().split_once(" =>")).map(|(pattern, _)| pattern)
        {
            words.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(words.len() > known, "the decoders' sources were not read");
    words.retain(|word| !word.is_empty() && !word.ends_with('-'));
    words.retain(|word| word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '$')));
    words
}

#[test]
fn decoders_take_the_keys_of_the_tables_and_no_others() {
    let words = words();
    let mut wrong = Vec::new();
    for place in PLACES {
        let object = place.object();
        let is_open = object.other_keys.is_some();
        for word in &words {
            let expected = is_open || object.field(word).is_some();
            if place.takes(word) != expected {
                wrong.push(format!(
                    "`{word}` in {} (`{}`): in the table: {expected}",
                    object.title, place.path
                ));
            }
        }
        if place.takes("x-note") != object.has_notes {
            wrong.push(format!("`x-note` in {} (`{}`)", object.title, place.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mapping_of_the_tables_is_looked_at() {
    use ez_compiler::schema::Shape;
    fn visit(shape: Shape, seen: &mut Vec<&'static Object>) {
        match shape {
            Shape::Object(object) if !seen.iter().any(|known| std::ptr::eq(*known, object)) => {
                seen.push(object);
                object.fields.iter().for_each(|field| visit(field.shape, seen));
            }
            Shape::List(items) => visit(*items, seen),
            Shape::Map(map) => visit(map.values, seen),
            Shape::OneOf(shapes) => shapes.iter().for_each(|shape| visit(*shape, seen)),
            _ => {}
        }
    }
    let mut objects = Vec::new();
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Taskrc) {
        visit(Shape::Object(format.root()), &mut objects);
    }
    let looked_at = |object: &&Object| PLACES.iter().any(|place| std::ptr::eq(place.object(), *object));
    // A matrix of a plan takes any key.
    let missing = objects.iter().copied().filter(|object| object.other_keys.is_none() && !looked_at(object));
    assert_eq!(missing.map(|object| object.title).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn examples_are_right() {
    // What an example takes for granted: other tasks, files, plugins.
    let elsewhere = ["EZ2", "EZ3", "EZ4", "EZ5", "EZ6", "EZ14", "EZ13", "EZ103", "EZ703", "EZ706"];
    let mut all = Vec::new();
    for place in PLACES {
        for field in place.object().fields {
            let text = place.with(field.example);
            let found = place.findings(&text);
            let wrong = found.iter().find(|found| {
                found.severity == Severity::Error
                    && !elsewhere.iter().any(|code| found.code.id.starts_with(code))
            });
            all.extend(
                wrong.map(|found| format!("the example of `{}`:\n{text}\n{}", field.key, found.message)),
            );
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
