//! Functions of templates.

use std::ops::Range;

use ez_compiler::template::Value;
use ez_compiler::template::functions::{self, Function, Parameter};

use super::documentation::Subject;
use super::rank::Candidates;
use super::{Item, Kind};
use crate::ide::cursor::template::{Block, TemplateCursor};

/// Functions that are written most, which come first among those that fit as well, in this order.
const USUAL: &[&str] = &[
    "default",
    "quote",
    "shellQuote",
    "upper",
    "lower",
    "trim",
    "replace",
    "trimPrefix",
    "trimSuffix",
    "splitLines",
    "splitList",
    "join",
    "first",
    "last",
    "len",
    "toJson",
    "fromJson",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "empty",
    "coalesce",
    "ternary",
    "printf",
    "index",
    "eq",
    "ne",
    "and",
    "or",
    "not",
    "list",
    "dict",
    "OS",
    "ARCH",
    "exeExt",
    "joinPath",
    "base",
    "dir",
    "now",
    "date",
    "env",
    "indent",
    "cat",
];

const USUAL_GROUP: u16 = 20;
const RARE_GROUP: u16 = 100;
/// Functions that do not take what is piped to them.
const MISFIT: u16 = 100;
const KEYWORD_GROUP: u16 = 15;

/// A signature that is cut into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// How it is shown.
    pub label: String,
    /// The bytes of each parameter in the label.
    pub parameters: Vec<Range<usize>>,
    /// Whether the last parameter takes any number of arguments.
    pub is_variadic: bool,
}

/// The signature of a function, `trimPrefix prefix:string text:string → string`.
pub fn prototype(function: &Function) -> Prototype {
    let mut words = function.signature.split(' ').skip(1);
    let mut label = function.name.to_owned();
    let mut parameters = Vec::new();
    let mut is_variadic = false;
    let mut result = None;
    while let Some(name) = words.next() {
        let Some(kind) = words.next() else {
            result = Some(name);
            break;
        };
        label.push(' ');
        let start = label.len();
        label.push_str(name);
        label.push(':');
        label.push_str(kind);
        parameters.push(start..label.len());
        is_variadic = kind.ends_with('…');
    }
    if let Some(result) = result {
        label.push_str(" → ");
        label.push_str(result);
    }
    Prototype { label, parameters, is_variadic }
}

/// The functions that can stand at the cursor, in a task or a template; behind a pipe those first that take what is piped.
pub fn add(cursor: &TemplateCursor, piped: Option<&Value>, is_made: bool, found: &mut Candidates) {
    for function in functions::all() {
        let usual = USUAL.iter().position(|name| *name == function.name);
        let mut group = usual.map_or(RARE_GROUP, |order| USUAL_GROUP + order as u16);
        if cursor.piped.is_some() && !takes(function, piped) {
            group += MISFIT;
        }
        // An argument is a function only where that needs no arguments itself; others stand in parentheses.
        if cursor.is_argument && function.min_arguments() > 0 {
            continue;
        }
        found.add(group, function.name, || item(cursor, function, is_made));
    }
}

fn item(cursor: &TemplateCursor, function: &'static Function, is_made: bool) -> Item {
    let prototype = prototype(function);
    let detail = prototype.label.strip_prefix(function.name).unwrap_or("").trim().to_owned();
    Item::new(function.name, Kind::Function, cursor.word.clone())
        .detail(Some(detail))
        .origin(function.group)
        .subject(Subject::Function { name: function.name.to_owned(), is_made })
}

/// Whether the last parameter of a function takes a value; a text where it is not known.
fn takes(function: &Function, value: Option<&Value>) -> bool {
    let Some(parameter) = function.variadic.or(function.parameters.last().copied()) else { return false };
    match (parameter, value) {
        (Parameter::Any | Parameter::Reflect, _) => true,
        (Parameter::String, value) => value.is_none_or(|value| value.as_str().is_some()),
        (Parameter::Map, Some(value)) => value.as_map().is_some(),
        (Parameter::Int, Some(value)) => matches!(value, Value::Int(_)),
        (Parameter::Float, Some(value)) => matches!(value, Value::Float(_)),
        (Parameter::Bool, Some(value)) => matches!(value, Value::Bool(_)),
        _ => false,
    }
}

/// A word of templates.
struct Word {
    word: &'static str,
    about: &'static str,
}

const fn word(word: &'static str, about: &'static str) -> Word {
    Word { word, about }
}

const OPENING: &[Word] = &[
    word("if", "Only where the value is not empty: `{{if .X}}…{{end}}`."),
    word("range", "Once for each item, which is `.` inside: `{{range .LIST}}…{{end}}`."),
    word("with", "Only where the value is not empty, which is `.` inside: `{{with .X}}…{{end}}`."),
    word("define", "Names a piece: `{{define \"name\"}}…{{end}}`."),
    word("template", "Inserts a named piece: `{{template \"name\" .}}`."),
    word("block", "Names a piece and inserts it: `{{block \"name\" .}}…{{end}}`."),
];
const CLOSING: &[Word] = &[
    word("end", "Ends the innermost `if`, `range`, `with` or `define`."),
    word("else", "What holds otherwise."),
];
const IN_LOOPS: &[Word] =
    &[word("break", "Leaves the `range`."), word("continue", "Goes on with the next item.")];

/// The words that can begin an action.
pub fn add_keywords(cursor: &TemplateCursor, found: &mut Candidates) {
    if !cursor.is_first {
        return;
    }
    let mut add = |words: &[Word], group: u16| {
        for word in words {
            found.add(group, word.word, || {
                Item::new(word.word, Kind::Keyword, cursor.word.clone()).about(word.about)
            });
        }
    };
    if !cursor.blocks.is_empty() {
        add(CLOSING, 0);
    }
    add(OPENING, KEYWORD_GROUP);
    if cursor.blocks.contains(&Block::Range) {
        add(IN_LOOPS, KEYWORD_GROUP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_can_be_cut() {
        for function in functions::all() {
            let prototype = prototype(function);
            assert!(
                prototype.parameters.len() >= function.parameters.len(),
                "{}: {} has {} parameters",
                function.name,
                function.signature,
                prototype.parameters.len()
            );
            assert!(!prototype.is_variadic || function.variadic.is_some(), "{}", function.signature);
            assert!(prototype.label.contains('→'), "{}", function.signature);
        }
        let function = functions::find("trimPrefix").unwrap();
        assert_eq!(prototype(function).label, "trimPrefix prefix:string text:string → string");
    }

    #[test]
    fn the_usual_functions_are_functions() {
        for name in USUAL {
            assert!(functions::find(name).is_some(), "{name}");
        }
    }
}
