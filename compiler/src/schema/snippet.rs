//! What an editor inserts for a key.

use super::{EnumValue, Field, Object, Scalar, Shape};

impl Field {
    /// The key with a beginning of its value, in the snippet syntax of editors: `$1` is where the cursor goes first,
    /// `${1|a,b|}` a choice. Further lines are indented from the key's column on.
    pub fn snippet(&self) -> String {
        let mut places = 0;
        format!("{}:{}", self.key, value(self.shape, self.default, "", &mut places))
    }
}

/// A value after its key's colon.
fn value(shape: Shape, default: Option<&str>, indent: &str, places: &mut usize) -> String {
    match shape.usual() {
        Shape::Scalar(scalar) | Shape::Template(scalar) => {
            format!(" {}", scalar_place(scalar, default, places))
        }
        Shape::List(items) => format!("\n{indent}  - {}", item(*items, &format!("{indent}    "), places)),
        Shape::Object(object) => {
            format!("\n{indent}  {}", entries(object, &format!("{indent}  "), places))
        }
        Shape::Map(map) => {
            let key = place(places);
            format!("\n{indent}  {key}:{}", value(map.values, None, &format!("{indent}  "), places))
        }
        Shape::OneOf(_) | Shape::Any => format!(" {}", place(places)),
    }
}

fn item(shape: Shape, indent: &str, places: &mut usize) -> String {
    match shape.usual() {
        Shape::Scalar(scalar) | Shape::Template(scalar) => scalar_place(scalar, None, places),
        Shape::Object(object) => entries(object, indent, places),
        _ => place(places),
    }
}

/// The fields that an object begins with, else a place for one.
fn entries(object: &Object, indent: &str, places: &mut usize) -> String {
    let line = |field: &Field| format!("{}:{}", field.key, value(field.shape, field.default, indent, places));
    let lines: Vec<String> = object.first_fields().map(line).collect();
    if !lines.is_empty() {
        return lines.join(&format!("\n{indent}"));
    }
    let key = place(places);
    object
        .other_keys
        .map_or_else(|| key.clone(), |map| format!("{key}:{}", value(map.values, None, indent, places)))
}

fn scalar_place(scalar: Scalar, default: Option<&str>, places: &mut usize) -> String {
    let words = match scalar {
        Scalar::Bool if default == Some("true") => vec!["false", "true"],
        Scalar::Bool => vec!["true", "false"],
        Scalar::Enum(values) => values.iter().map(|EnumValue { value, .. }| *value).collect(),
        _ => return place(places),
    };
    *places += 1;
    format!("${{{places}|{}|}}", words.join(","))
}

fn place(places: &mut usize) -> String {
    *places += 1;
    format!("${places}")
}
