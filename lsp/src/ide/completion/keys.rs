//! Keys of mappings.

use ez_compiler::schema::{Field, KeyMeaning, Object, Scalar, Shape, map_keys_at, objects_at};

use super::documentation::Subject;
use super::rank::Candidates;
use super::request::Request;
use super::{Item, Kind, calls, insertion, steps};
use crate::ide::cursor::{Cursor, Part, Step};

/// Keys that are rarely written come after those that mean something beside the others.
const IDLE: u16 = 500;
/// Where a name alone is what is written most, keys come behind the names.
const BEHIND_NAMES: u16 = 100;
/// Last of all.
const DEPRECATED: u16 = 900;

/// The keys of the mapping that the cursor is in, without those that it has already.
pub fn add(request: &Request<'_>, found: &mut Candidates) {
    let cursor = &request.cursor;
    let present = present(request, cursor);
    let place = Place { behind_names: takes_names(&request.shapes()), ..Place::of(cursor) };
    for object in objects_at(request.format, &cursor.items()) {
        add_fields(request, object, &present, &place, found);
    }
    match map_keys_at(request.format, &cursor.items()) {
        Some(KeyMeaning::VariableName | KeyMeaning::ParamOrVariable) => {
            calls::add_keys(request, &present, found);
        }
        Some(KeyMeaning::MatrixKey) => steps::add_matrix_keys(request, &present, found),
        _ => {}
    }
}

/// The keys beside the one that is being written.
fn present(request: &Request<'_>, cursor: &Cursor) -> Vec<smol_str::SmolStr> {
    let entries = cursor.entries(request.source, cursor.path.len());
    let others = entries
        .into_iter()
        .filter(|entry| !(entry.key.start <= cursor.offset && cursor.offset <= entry.key.end));
    others.map(|entry| entry.name).collect()
}

/// Whether the mapping that the cursor is in has a key already.
pub fn are_beside(request: &Request<'_>) -> bool {
    !present(request, &request.cursor).is_empty()
}

/// Where a key goes.
struct Place {
    /// What stands before it: the dash of an item.
    lead: &'static str,
    /// How much deeper than its line the key begins.
    depth: usize,
    is_flow: bool,
    has_colon: bool,
    /// Whether names of tasks stand here, too.
    behind_names: bool,
}

/// Whether a value may be the name of a task.
fn takes_names(shapes: &[Shape]) -> bool {
    let is_name =
        |shape: &Shape| matches!(shape, Shape::Scalar(Scalar::TaskName) | Shape::Template(Scalar::TaskName));
    shapes.iter().any(is_name)
}

impl Place {
    fn of(cursor: &Cursor) -> Self {
        Self {
            lead: "",
            depth: cursor.column.saturating_sub(cursor.indentation),
            is_flow: cursor.flow.is_some(),
            has_colon: cursor.part == Part::KeyWithColon,
            behind_names: false,
        }
    }
}

fn add_fields(
    request: &Request<'_>,
    object: &'static Object,
    present: &[smol_str::SmolStr],
    place: &Place,
    found: &mut Candidates,
) {
    let has = |key: &str| present.iter().any(|known| known == key);
    let is_excluded = |field: &Field| {
        object.at_most_one_of.contains(&field.key) && object.at_most_one_of.iter().any(|other| has(other))
    };
    for (order, field) in
        object.fields.iter().enumerate().filter(|(_, field)| !has(field.key) && !is_excluded(field))
    {
        let group = match field {
            field if field.deprecated.is_some() => DEPRECATED,
            field if field.idle_beside.iter().any(|other| has(other)) => IDLE + order as u16,
            field if field.required => 0,
            _ => 1 + order as u16,
        };
        let group = if place.behind_names { group + BEHIND_NAMES } else { group };
        found.add(group, field.key, || item(request, field, place));
    }
}

fn item(request: &Request<'_>, field: &'static Field, place: &Place) -> Item {
    let mut item = Item::new(field.key, Kind::Key, key_range(request));
    item.is_deprecated = field.deprecated.is_some();
    let (text, is_snippet) = text(request, field, place);
    item.insert = format!("{}{text}", place.lead);
    item.is_snippet = is_snippet;
    let path = request.cursor.path.iter().map(|step| step.key().map(str::to_owned));
    let dash = (!place.lead.is_empty()).then_some(None);
    item.detail(Some(takes(field))).subject(Subject::Field {
        format: request.format,
        path: path.chain(dash).chain([Some(field.key.to_owned())]).collect(),
    })
}

/// The bytes of the word of a key: up to the next character that no key has.
fn key_range(request: &Request<'_>) -> std::ops::Range<usize> {
    let cursor = &request.cursor;
    let behind = request.source.text.get(cursor.offset..cursor.word.end).unwrap_or("");
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '$');
    let length = match cursor.part {
        Part::KeyWithColon => behind.len(),
        _ => behind.find(|c| !is_part(c)).unwrap_or(behind.len()),
    };
    cursor.word.start..cursor.offset + length
}

/// The key with its colon and, where nothing follows on the line, a beginning of its value.
fn text(request: &Request<'_>, field: &Field, place: &Place) -> (String, bool) {
    if place.has_colon {
        return (field.key.to_owned(), false);
    }
    let end = key_range(request).end;
    let rest = request.source.text.get(end..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let behind = rest.trim_start();
    let is_comment = behind.starts_with('#');
    let ends_here = behind.is_empty() || is_comment || (place.is_flow && behind.starts_with(['}', ',']));
    let key = insertion::key(field.key, place.is_flow);
    if !ends_here {
        let blank = if rest.starts_with([' ', '\t']) { "" } else { " " };
        return (format!("{key}:{blank}"), false);
    }
    let snippet = field.snippet();
    let has_lines = snippet.contains('\n');
    if !request.options.has_snippets || (has_lines && is_comment) {
        return (if has_lines { format!("{key}:") } else { format!("{key}: ") }, false);
    }
    if place.is_flow {
        let (open, close) = match usual_brackets(field.shape) {
            Some(brackets) => brackets,
            None if has_lines => ("", ""),
            None => return (snippet, true),
        };
        return (format!("{key}: {open}$1{close}"), true);
    }
    let indentation = format!("\n{}", " ".repeat(place.depth + place.lead.len()));
    (snippet.replace('\n', &indentation), true)
}

/// The brackets of what a value usually is, on one line.
fn usual_brackets(shape: Shape) -> Option<(&'static str, &'static str)> {
    match shape {
        Shape::List(_) => Some(("[", "]")),
        Shape::Map(_) | Shape::Object(_) => Some(("{", "}")),
        Shape::OneOf(shapes) => {
            let is_scalar = |shape: &Shape| matches!(shape, Shape::Scalar(_) | Shape::Template(_));
            let first = shapes.first().filter(|_| !shapes.iter().any(is_scalar))?;
            usual_brackets(*first)
        }
        _ => None,
    }
}

/// What a key takes, in a few words.
fn takes(field: &Field) -> String {
    let kind = |shape: &Shape| match shape {
        Shape::Object(_) | Shape::Map(_) => "mapping",
        Shape::List(_) => "list",
        Shape::Scalar(Scalar::Bool) | Shape::Template(Scalar::Bool) => "true or false",
        Shape::Scalar(Scalar::Duration) | Shape::Template(Scalar::Duration) => "duration",
        Shape::Scalar(Scalar::Integer { .. } | Scalar::Number) => "number",
        Shape::Scalar(Scalar::Script) | Shape::Template(Scalar::Script) => "script",
        Shape::Scalar(Scalar::TaskName) | Shape::Template(Scalar::TaskName) => "task",
        Shape::Scalar(Scalar::Path(_)) | Shape::Template(Scalar::Path(_)) => "path",
        Shape::Scalar(Scalar::Enum(_)) | Shape::Template(Scalar::Enum(_)) => "word",
        Shape::Scalar(_) | Shape::Template(_) => "text",
        Shape::OneOf(_) | Shape::Any => "value",
    };
    let kinds = match &field.shape {
        Shape::OneOf(shapes) => shapes.iter().map(kind).collect::<Vec<_>>().join(" or "),
        shape => kind(shape).to_owned(),
    };
    if field.required { format!("{kinds}, required") } else { kinds }
}

/// Items of a list on a line of their own, with their dash.
pub fn add_items(request: &Request<'_>, items: Shape, found: &mut Candidates) {
    if !request.typed().is_empty()
        || request.cursor.path.last().is_none_or(|step| matches!(step, Step::Index { .. }))
    {
        return;
    }
    let shapes = match items {
        Shape::OneOf(shapes) => shapes.to_vec(),
        shape => vec![shape],
    };
    // Where a mapping may stand as well its keys come first: a task is written as a list of commands less often.
    let place = Place { lead: "- ", depth: 0, is_flow: false, has_colon: false, behind_names: true };
    for shape in shapes {
        match shape {
            Shape::Object(object) => add_fields(request, object, &[], &place, found),
            Shape::Scalar(scalar) | Shape::Template(scalar) => {
                let mut inner = Candidates::new(request.typed());
                super::add_scalars(request, scalar, &mut inner);
                let (items, _) = inner.finish();
                for mut item in items {
                    item.insert = format!("- {}", item.insert);
                    let name = item.label.clone();
                    found.add(1, &name, || item);
                }
            }
            _ => {}
        }
    }
}
