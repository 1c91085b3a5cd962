use super::*;

fn path<'a>(text: &'a str) -> Vec<PathItem<'a>> {
    let item = |part: &'a str| if part == "[]" { PathItem::Index } else { PathItem::Key(part) };
    text.split_whitespace().map(item).collect()
}

fn check_keys(format: Format, at: &str, some: &[&str]) {
    let keys: Vec<&str> = fields_at(format, &path(at)).iter().map(|field| field.key).collect();
    for key in some {
        assert!(keys.contains(key), "{at}: {keys:?} lack {key}");
    }
    assert_eq!(keys.is_empty(), some.is_empty(), "{at}: {keys:?}");
}

#[test]
fn keys_are_found_by_their_place() {
    use Format::{Metadata, Plan, Plugin, Taskfile, Taskrc, Template};
    check_keys(Taskfile, "", &["version", "tasks", "includes", "$schema"]);
    check_keys(Taskfile, "tasks", &[]);
    check_keys(Taskfile, "tasks build", &["cmds", "deps", "ez-params"]);
    check_keys(Taskfile, "tasks build cmds []", &["cmd", "task", "for", "defer"]);
    check_keys(Taskfile, "tasks build []", &["cmd", "task"]);
    check_keys(Taskfile, "tasks build cmds [] for", &["var", "matrix"]);
    check_keys(Taskfile, "tasks build cmds [] for matrix OS", &["ref"]);
    check_keys(Taskfile, "tasks build deps []", &["task", "vars"]);
    check_keys(Taskfile, "vars NAME", &["sh", "ref", "map"]);
    check_keys(Taskfile, "includes docs", &["taskfile", "flatten"]);
    check_keys(Taskfile, "output group", &["begin", "error_only"]);
    check_keys(Taskfile, "tasks build requires vars [] enum", &["ref"]);
    check_keys(Taskfile, "tasks build ez-params [] query", &["command", "url"]);
    check_keys(Taskfile, "tasks build ez-hooks always []", &["name", "script"]);
    check_keys(Taskfile, "tasks build ez-hooks always", &["name", "script"]);
    check_keys(Metadata, "artifacts []", &["name", "path"]);
    check_keys(Plan, "steps []", &["task", "needs", "inputs"]);
    check_keys(Plan, "steps [] matrix", &["include", "exclude"]);
    check_keys(Plugin, "", &["type", "trigger"]);
    check_keys(Template, "files run.sh", &["content", "executable"]);
    check_keys(Taskrc, "remote", &["offline"]);
    check_keys(Taskfile, "nothing at all", &[]);
}

#[test]
fn values_say_what_they_mean() {
    let scalars = |format, at: &str| {
        let scalar = |shape| match shape {
            Shape::Scalar(scalar) | Shape::Template(scalar) => Some(scalar),
            _ => None,
        };
        shapes_at(format, &path(at)).into_iter().find_map(scalar)
    };
    assert_eq!(scalars(Format::Taskfile, "tasks a deps []"), Some(Scalar::TaskName));
    assert_eq!(scalars(Format::Taskfile, "tasks a cmds [] task"), Some(Scalar::TaskName));
    assert_eq!(scalars(Format::Taskfile, "tasks a cmds []"), Some(Scalar::Script));
    assert_eq!(scalars(Format::Taskfile, "tasks a sources [] exclude"), Some(Scalar::Path(PathKind::Glob)));
    assert_eq!(scalars(Format::Plan, "steps [] needs"), Some(Scalar::StepReference));
    assert_eq!(scalars(Format::Plan, "steps [] needs []"), Some(Scalar::StepReference));
    assert_eq!(scalars(Format::Plan, "steps [] inputs [] artifact"), Some(Scalar::ArtifactReference));
    assert_eq!(map_keys_at(Format::Plan, &path("steps [] matrix")), Some(KeyMeaning::MatrixKey));
    assert_eq!(map_keys_at(Format::Taskfile, &path("tasks a env")), Some(KeyMeaning::EnvironmentName));
    let fields = fields_of(Format::Plan, &path("steps [] needs"));
    assert_eq!(fields.iter().map(|field| field.key).collect::<Vec<_>>(), ["needs"]);
    assert!(fields_of(Format::Plan, &path("steps []")).is_empty());
}

/// Every object of every format, once.
fn objects() -> Vec<&'static Object> {
    fn visit(shape: Shape, found: &mut Vec<&'static Object>) {
        match shape {
            Shape::Object(object) if !found.iter().any(|known| std::ptr::eq(*known, object)) => {
                found.push(object);
                object.fields.iter().for_each(|field| visit(field.shape, found));
                object.other_keys.into_iter().for_each(|map| visit(map.values, found));
            }
            Shape::List(items) => visit(*items, found),
            Shape::Map(map) => visit(map.values, found),
            Shape::OneOf(shapes) => shapes.iter().for_each(|shape| visit(*shape, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for format in Format::ALL {
        visit(Shape::Object(format.root()), &mut found);
    }
    found
}

#[test]
fn every_key_is_explained() {
    for object in objects() {
        for (index, field) in object.fields.iter().enumerate() {
            let name = format!("`{}` of {}", field.key, object.title);
            let about = field.about();
            assert!(about.len() > 8 && about.ends_with(['.', '?']), "{name}: {about}");
            assert!(field.example.contains(field.key), "{name} has no example of itself");
            assert!(object.fields[..index].iter().all(|other| other.key != field.key), "{name} stands twice");
            for other in field.idle_beside {
                assert!(object.field(other).is_some(), "{name} is idle beside {other}, which is no key");
            }
        }
        for key in object.at_least_one_of.iter().chain(object.at_most_one_of) {
            assert!(object.field(key).is_some(), "{} has no key {key}", object.title);
        }
    }
}

#[test]
fn what_is_written_says_which_shape_is_meant() {
    fn kind(shape: &Shape) -> &'static str {
        match shape {
            Shape::Object(_) | Shape::Map(_) => "mapping",
            Shape::List(_) => "list",
            Shape::Scalar(_) | Shape::Template(_) => "scalar",
            Shape::OneOf(_) | Shape::Any => "several",
        }
    }
    fn check(shape: Shape) {
        match shape {
            Shape::OneOf(shapes) => {
                let mut kinds: Vec<&str> = shapes.iter().map(kind).collect();
                kinds.sort_unstable();
                let count = kinds.len();
                kinds.dedup();
                assert!(kinds.len() == count && !kinds.contains(&"several"), "{shapes:?}");
            }
            Shape::List(items) => check(*items),
            Shape::Map(map) => check(map.values),
            _ => {}
        }
    }
    for object in objects() {
        object.fields.iter().for_each(|field| check(field.shape));
    }
}

#[test]
fn snippets_begin_a_value() {
    let snippet = |format, at: &str| fields_of(format, &path(at)).first().map(|field| field.snippet());
    let check = |format, at, expected: &str| assert_eq!(snippet(format, at).as_deref(), Some(expected));
    check(Format::Taskfile, "tasks a cmds", "cmds:\n  - $1");
    check(Format::Taskfile, "tasks a desc", "desc: $1");
    check(Format::Taskfile, "tasks a silent", "silent: ${1|true,false|}");
    check(Format::Taskfile, "tasks a vars", "vars:\n  $1: $2");
    check(Format::Taskfile, "tasks a method", "method: ${1|checksum,timestamp,none|}");
    check(Format::Taskfile, "tasks a requires", "requires:\n  $1");
    check(Format::Plan, "steps [] inputs", "inputs:\n  - from: $1\n    artifact: $2\n    to: $3");
    check(Format::Plan, "steps [] matrix", "matrix:\n  $1:\n    - $2");
    check(Format::Taskfile, "output", "output: ${1|interleaved,group,prefixed|}");
    check(Format::Taskrc, "color", "color: ${1|false,true|}");
}

#[test]
fn pages_have_addresses() {
    assert_eq!(Page::GoTask("schema#cmds").url(), "https://taskfile.dev/docs/reference/schema#cmds");
    assert_eq!(Page::Ez("params.md").url(), "https://github.com/ez-build/ez/blob/main/docs/params.md");
}
