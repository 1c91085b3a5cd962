//! File formats as JSON Schemas, for editors that know nothing of EZ.
//!
//! Draft 7, which all of them read. Where a value may be of several kinds, the schema asks by `if` which kind stands there: with
//! `anyOf` an editor that finds a mistake in a mapping says that a text was expected. What go-task takes for nothing, a key
//! without a value, is allowed everywhere.

use serde_json::{Map as JsonMap, Value, json};

use crate::ast::platform::{KNOWN_ARCH, KNOWN_OS};
use crate::schema::{EnumValue, Field, Format, Map, Object, Scalar, Shape};

/// Where the schemas of the newest version are.
const HOME: &str = "https://raw.githubusercontent.com/ez-build/ez/main/schemas";
/// Systems and architectures that an editor proposes; it takes all that go-task knows.
const USUAL_PLATFORMS: [&str; 6] = ["linux", "darwin", "windows", "amd64", "arm64", "linux/amd64"];
/// A length of time as Go writes it.
const DURATION: &str = r"^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$";
/// A version of up to three numbers.
const SEMVER: &str = r"^v?[0-9]+(\.[0-9]+){0,2}([-+].*)?$";
/// What go-yaml reads as `true` or `false` and newer readers of YAML do not.
const OLD_BOOL: &str = "^(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$";
/// The beginning of a template.
const TEMPLATE: &str = r"\{\{";

/// A schema that is published.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name: `ez schema <name>`, `schemas/<name>.json`.
    pub name: &'static str,
    /// What it describes.
    pub format: Format,
    /// Which files are meant.
    pub files: &'static str,
}

/// All schemas, in the order of the documentation.
pub const KINDS: &[Kind] = &[
    Kind { name: "taskfile", format: Format::Taskfile, files: "Taskfile.yml" },
    Kind { name: "task", format: Format::Metadata, files: "tasks/<name>/task.yml" },
    Kind { name: "plan", format: Format::Plan, files: "plans/<name>.yml" },
    Kind { name: "plugin", format: Format::Plugin, files: "plugins/<name>.yml" },
    Kind { name: "template", format: Format::Template, files: "templates/<name>.yml" },
];

impl Kind {
    /// The kind of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Where its newest version is.
    pub fn url(&self) -> String {
        format!("{HOME}/{}.json", self.name)
    }

    /// The schema, as text that ends with a line break.
    pub fn json_schema(&self) -> String {
        let root = self.format.root();
        let mut schema = JsonMap::new();
        schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        schema.insert("$id".to_owned(), json!(self.url()));
        schema.insert("$comment".to_owned(), json!("Made by `ez schema`; do not edit."));
        schema.extend(object(root));
        let mut inner = Vec::new();
        inner_objects(root, &mut inner);
        let definitions: JsonMap<String, Value> =
            inner.into_iter().map(|inner| (name(inner), Value::Object(object(inner)))).collect();
        schema.insert("definitions".to_owned(), Value::Object(definitions));
        format!("{:#}\n", Value::Object(schema))
    }
}

/// The mappings with known keys below another one, each once, in the order in which they are met.
fn inner_objects(root: &'static Object, found: &mut Vec<&'static Object>) {
    let values = root.fields.iter().map(|field| field.shape);
    for shape in values.chain(root.other_keys.map(|map| map.values)) {
        objects_in(shape, found);
    }
}

fn objects_in(shape: Shape, found: &mut Vec<&'static Object>) {
    match shape {
        Shape::Object(object) => {
            if !found.iter().any(|known| std::ptr::eq(*known, object)) {
                found.push(object);
                inner_objects(object, found);
            }
        }
        Shape::Map(map) => objects_in(map.values, found),
        Shape::List(items) => objects_in(*items, found),
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| objects_in(*shape, found)),
        Shape::Scalar(_) | Shape::Template(_) | Shape::Any => {}
    }
}

/// The name of an object's definition: `step-of-ez-compose` for "a step of `ez-compose`".
fn name(object: &Object) -> String {
    let title = title(object).replace('`', "");
    title.trim_start_matches('.').replace(' ', "-").to_lowercase()
}

/// What an object is called, without an article.
fn title(object: &Object) -> &'static str {
    let title = object.title;
    title.strip_prefix("a ").or(title.strip_prefix("an ")).unwrap_or(title)
}

fn object(object: &'static Object) -> JsonMap<String, Value> {
    let properties: JsonMap<String, Value> =
        object.fields.iter().map(|field| (field.key.to_owned(), Value::Object(property(field)))).collect();
    let mut schema = JsonMap::new();
    schema.insert("title".to_owned(), json!(title(object)));
    schema.insert("description".to_owned(), json!(format!("{}\n{}", object.about, object.page.url())));
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if object.has_notes {
        let notes = json!({ "^x-": { "description": "Notes of your own; nothing reads them." } });
        schema.insert("patternProperties".to_owned(), notes);
    }
    let others = object.other_keys.map_or(Value::Bool(false), |map| value(map.values));
    schema.insert("additionalProperties".to_owned(), others);
    let required: Vec<&str> =
        object.fields.iter().filter(|field| field.required).map(|field| field.key).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if !object.at_least_one_of.is_empty() {
        let one: Vec<Value> = object.at_least_one_of.iter().map(|key| json!({ "required": [key] })).collect();
        schema.insert("anyOf".to_owned(), Value::Array(one));
    }
    if let [first, rest @ ..] = object.at_most_one_of {
        schema.insert("allOf".to_owned(), Value::Array(exclusions(first, rest)));
    }
    schema
}

/// Beside a key the keys after it are not allowed, in words that name the key which is too much.
fn exclusions(first: &str, rest: &[&str]) -> Vec<Value> {
    let Some((second, after)) = rest.split_first() else { return Vec::new() };
    let others: JsonMap<String, Value> = rest.iter().map(|key| ((*key).to_owned(), json!(false))).collect();
    let mut all = vec![json!({ "if": { "required": [first] }, "then": { "properties": others } })];
    all.extend(exclusions(second, after));
    all
}

fn property(field: &Field) -> JsonMap<String, Value> {
    let mut schema = JsonMap::new();
    let about = field.about();
    let url = field.page.url();
    let default = field.default.map(|default| format!(" Without it: `{default}`.")).unwrap_or_default();
    schema.insert("description".to_owned(), json!(format!("{}{default}\n{url}", plain(&about))));
    let example = format!("```yaml\n{}\n```", field.example);
    schema.insert(
        "markdownDescription".to_owned(),
        json!(format!("{about}{default}\n\n{example}\n\n[Documentation]({url})")),
    );
    if let Some(instead) = field.deprecated {
        schema.insert("deprecationMessage".to_owned(), json!(format!("Instead of this, {instead}.")));
    }
    let proposals = proposals(field.shape, field.default);
    let value = value(field.shape);
    if let Some(proposals) = proposals {
        schema.insert("defaultSnippets".to_owned(), proposals);
    } else if value.get("if").is_some() && value.get("items").is_none() {
        // yaml-language-server writes the colon after a key only where it sees a type, and knows none of an `if`.
        schema.insert("anyOf".to_owned(), json!([value]));
        return schema;
    }
    if let Value::Object(value) = value {
        schema.extend(value);
    }
    schema
}

/// A text without the signs of Markdown that plain text does not need.
fn plain(text: &str) -> String {
    text.replace('`', "'")
}

/// The schema of a value; a key without one is taken for a key that is not there.
fn value(shape: Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Scalar(meaning) => scalar(meaning, false),
        Shape::Template(meaning) => scalar(meaning, true),
        Shape::Object(_) | Shape::Map(_) => or_nothing(&collection(shape)),
        // With `items` outside of the `if`, yaml-language-server begins the list.
        Shape::List(items) => json!({
            "items": value(*items),
            "if": { "type": ["array", "null"] },
            "else": { "type": "array" },
        }),
        Shape::OneOf(shapes) => one_of(shapes),
    }
}

fn collection(shape: Shape) -> Value {
    match shape {
        Shape::Object(object) => json!({ "$ref": format!("#/definitions/{}", name(object)) }),
        Shape::Map(Map { values, .. }) => {
            json!({ "type": "object", "additionalProperties": value(*values) })
        }
        Shape::List(items) => json!({ "type": "array", "items": value(*items) }),
        other => value(other),
    }
}

/// What a value has to be that is one of several kinds: the kind that stands there says which.
fn one_of(shapes: &[Shape]) -> Value {
    let find = |wanted: fn(&Shape) -> bool| shapes.iter().copied().find(wanted);
    let mapping = find(|shape| matches!(shape, Shape::Object(_) | Shape::Map(_)));
    let list = find(|shape| matches!(shape, Shape::List(_)));
    let single = find(|shape| matches!(shape, Shape::Scalar(_) | Shape::Template(_)));
    let mut schema = match single {
        Some(shape) => value(shape),
        None => or_nothing(&json!({ "type": ["array", "object"] })),
    };
    for (kind, shape) in [("array", list), ("object", mapping)] {
        if let Some(shape) = shape {
            schema = json!({ "if": { "type": kind }, "then": collection(shape), "else": schema });
        }
    }
    schema
}

fn or_nothing(schema: &Value) -> Value {
    json!({ "if": { "type": "null" }, "else": schema })
}

/// A scalar; YAML's numbers and booleans are texts as well where a text is meant.
fn scalar(meaning: Scalar, has_templates: bool) -> Value {
    match meaning {
        Scalar::Bool => or_nothing(&json!({
            "type": ["boolean", "string"],
            "pattern": OLD_BOOL,
            "patternErrorMessage": "Write `true` or `false`.",
        })),
        Scalar::Enum(words) => or_nothing(&one_word(words, has_templates)),
        Scalar::Integer { min, max } => or_nothing(&json!({
            "type": ["integer", "string"],
            "minimum": min,
            "maximum": max,
            "pattern": "^[0-9]+$",
            "patternErrorMessage": "Write a whole number.",
        })),
        Scalar::Number => or_nothing(&json!({
            "type": ["number", "string"],
            "pattern": r"^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$",
            "patternErrorMessage": "Write a number.",
        })),
        Scalar::Duration => or_nothing(&json!({
            "type": "string",
            "pattern": DURATION,
            "patternErrorMessage": "Write a number with a unit, as in `90s`, `5m` or `1h30m`.",
        })),
        Scalar::Semver => or_nothing(&json!({
            "type": ["string", "number"],
            "pattern": SEMVER,
            "patternErrorMessage": "Write a version of up to three numbers, as in `'3'`.",
        })),
        Scalar::Platform => {
            let mut schema = or_nothing(&platform());
            schema["defaultSnippets"] = USUAL_PLATFORMS.iter().map(|name| proposal(name, "")).collect();
            schema
        }
        Scalar::Script | Scalar::ScriptOrPlugin => {
            let mut schema = text();
            schema["x-intellij-language-injection"] = json!("Shell Script");
            schema
        }
        _ => text(),
    }
}

fn text() -> Value {
    json!({ "if": { "type": ["object", "array"] }, "then": { "type": "string" } })
}

fn one_word(words: &[EnumValue], has_templates: bool) -> Value {
    let known = words.iter().map(|word| json!({ "const": word.value, "description": plain(word.about) }));
    let template = has_templates.then(|| json!({ "type": "string", "pattern": TEMPLATE }));
    json!({ "oneOf": known.chain(template).collect::<Vec<Value>>() })
}

fn platform() -> Value {
    let (systems, architectures) = (KNOWN_OS.join("|"), KNOWN_ARCH.join("|"));
    let known = format!("^(({systems})(/({architectures}))?|{architectures})$");
    // The architecture `386` is a number to YAML.
    json!({
        "if": { "const": 386 },
        "else": {
            "type": "string",
            "pattern": known,
            "patternErrorMessage": "Write a system or an architecture by Go's name, as in `linux` or `darwin/arm64`.",
        },
    })
}

fn proposal(word: &str, about: &str) -> Value {
    json!({ "label": word, "description": plain(about), "body": word })
}

/// What an editor proposes for a value: the words that it can be, or the beginning of a mapping.
fn proposals(shape: Shape, default: Option<&str>) -> Option<Value> {
    match shape.usual() {
        Shape::Scalar(Scalar::Bool) => {
            let words = if default == Some("true") { [false, true] } else { [true, false] };
            Some(words.iter().map(|word| json!({ "label": word.to_string(), "body": word })).collect())
        }
        Shape::Scalar(Scalar::Enum(words)) | Shape::Template(Scalar::Enum(words)) => {
            Some(words.iter().map(|word| proposal(word.value, word.about)).collect())
        }
        usual @ (Shape::Object(_) | Shape::Map(_)) => {
            let label = match usual {
                Shape::Object(object) => title(object).replace('`', ""),
                _ => "name: value".to_owned(),
            };
            Some(json!([{ "label": label, "body": beginning(usual, &mut 0) }]))
        }
        _ => None,
    }
}

/// The beginning of a value, `$1` where the cursor goes first.
fn beginning(shape: Shape, places: &mut usize) -> Value {
    match shape.usual() {
        Shape::List(items) => json!([beginning(*items, places)]),
        Shape::Map(map) => {
            let key = place(places);
            json!({ key: beginning(map.values, places) })
        }
        Shape::Object(object) => {
            let entry = |field: &Field| (field.key.to_owned(), beginning(field.shape, places));
            let entries: JsonMap<String, Value> = object.first_fields().map(entry).collect();
            if entries.is_empty() {
                let key = place(places);
                let other = object.other_keys.map_or(Shape::Any, |map| map.values);
                return json!({ key: beginning(other, places) });
            }
            Value::Object(entries)
        }
        Shape::Scalar(_) | Shape::Template(_) | Shape::OneOf(_) | Shape::Any => json!(place(places)),
    }
}

fn place(places: &mut usize) -> String {
    *places += 1;
    format!("${places}")
}
