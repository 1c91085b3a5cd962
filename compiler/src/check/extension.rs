//! EZ701: an `ez-` field that nobody knows, or that stands where nobody reads it.

use super::facts::{Local, Owner};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::schema::{Format, Object, PathItem, objects_at};
use crate::suggest::nearest;

/// What the names of EZ's fields begin with.
const PREFIX: &str = "ez-";

/// Reports unknown fields with the nearest name.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let (extensions, path): (_, &[PathItem<'_>]) = match local.owner {
        Owner::Task(task) => (&task.extensions, &TASK),
        Owner::File(file) => (&file.extensions, &[]),
        Owner::Plan => return,
    };
    if !extensions.iter().any(|extension| extension.key.value.starts_with(PREFIX)) {
        return;
    }
    for object in objects_at(Format::Taskfile, path) {
        let unknown = extensions.iter().filter(|extension| {
            let name = extension.key.value.as_str();
            name.starts_with(PREFIX) && object.field(name).is_none()
        });
        found.extend(unknown.map(|extension| report(object, &extension.key.value, extension.key.span)));
    }
}

/// Where a task is.
const TASK: [PathItem<'static>; 2] = [PathItem::Key("tasks"), PathItem::Key("")];

fn report(object: &Object, name: &str, span: crate::source::Span) -> Diagnostic {
    let message = format!("{} has no field `{name}`", object.title);
    let diagnostic = Diagnostic::warning(rule::INVALID_EXTENSION, message, span).with_label("unknown field");
    if objects_at(Format::Taskfile, &TASK).iter().any(|task| task.field(name).is_some()) {
        return diagnostic.with_help("it is a field of tasks: write it in each task that needs it");
    }
    let known = object.fields.iter().map(|field| field.key).filter(|key| key.starts_with(PREFIX));
    match nearest(name, known.clone()) {
        Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
            format!("rename to `{near}`"),
            span,
            near,
        ),
        None => diagnostic.with_help(format!("the fields are {}", known.collect::<Vec<_>>().join(", "))),
    }
}
