//! What can stand at a place in a file.

use super::{Field, Format, KeyMeaning, Object, Shape};

/// A part of the way from the root of a file to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathItem<'a> {
    /// The value of a key.
    Key(&'a str),
    /// An item of a list.
    Index,
}

/// What the value at that path can be: no `OneOf` is among them, and nothing where no value belongs.
pub fn shapes_at(format: Format, path: &[PathItem<'_>]) -> Vec<Shape> {
    let mut shapes = vec![Shape::Object(format.root())];
    for item in path {
        let mut next = Vec::new();
        for shape in shapes {
            if let Some(inner) = step(shape, *item) {
                flatten(inner, &mut next);
            }
        }
        shapes = next;
    }
    shapes
}

/// The mappings with known keys that the value at that path can be.
pub fn objects_at(format: Format, path: &[PathItem<'_>]) -> Vec<&'static Object> {
    let object = |shape| match shape {
        Shape::Object(object) => Some(object),
        _ => None,
    };
    shapes_at(format, path).into_iter().filter_map(object).collect()
}

/// The keys of the mapping at that path.
pub fn fields_at(format: Format, path: &[PathItem<'_>]) -> Vec<&'static Field> {
    objects_at(format, path).into_iter().flat_map(|object| object.fields).collect()
}

/// The field whose value stands at that path; none where the path ends in a list's item or a key of the user.
pub fn fields_of(format: Format, path: &[PathItem<'_>]) -> Vec<&'static Field> {
    let Some((PathItem::Key(key), holder)) = path.split_last() else { return Vec::new() };
    objects_at(format, holder).into_iter().filter_map(|object| object.field(key)).collect()
}

/// What the keys of the mapping at that path are, where the user chooses them.
pub fn map_keys_at(format: Format, path: &[PathItem<'_>]) -> Option<KeyMeaning> {
    shapes_at(format, path).into_iter().find_map(Shape::user_keys)
}

/// One item further.
fn step(shape: Shape, item: PathItem<'_>) -> Option<Shape> {
    match (shape, item) {
        (shape, PathItem::Key(key)) => shape.of_key(key),
        (Shape::List(items), PathItem::Index) => Some(*items),
        (Shape::Any, PathItem::Index) => Some(Shape::Any),
        _ => None,
    }
}

fn flatten(shape: Shape, found: &mut Vec<Shape>) {
    match shape {
        Shape::OneOf(shapes) => shapes.iter().for_each(|shape| flatten(*shape, found)),
        shape => found.push(shape),
    }
}
