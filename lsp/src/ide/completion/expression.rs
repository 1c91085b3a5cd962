//! What can be written between braces.

use ez_compiler::schema::Format;
use ez_compiler::template::Value;
use smol_str::SmolStr;

use super::rank::Candidates;
use super::request::Request;
use super::variables::{self, Known};
use super::{Item, Kind, functions, steps};
use crate::ide::cursor::Style;
use crate::ide::cursor::template::{Base, Subject, TemplateCursor};

/// Variables with their dot come after names that begin as is typed.
const DOTTED: u16 = 0;

/// The outputs of steps in templates of plans.
const STEPS: &str = "steps";
/// What stands between a step and its outputs.
const OUTPUTS: &str = "outputs";

/// The candidates for an expression.
pub fn candidates(request: &Request<'_>, cursor: &TemplateCursor) -> Candidates {
    let mut found = Candidates::new(cursor.typed.clone());
    match &cursor.subject {
        Subject::Operand => operands(request, cursor, &mut found),
        Subject::Variable => template_variables(cursor, &mut found),
        Subject::Field { base, path } => fields(request, cursor, base, path, &mut found),
        Subject::Text => texts(request, cursor, &mut found),
    }
    found
}

fn operands(request: &Request<'_>, cursor: &TemplateCursor, found: &mut Candidates) {
    let known = variables::of_template(request);
    let piped = cursor.piped.as_ref().and_then(|written| static_value(&known, written));
    if cursor.piped.is_none() {
        functions::add_keywords(cursor, found);
        template_variables(cursor, found);
        let sign = if cursor.dot_is_data { "." } else { "$." };
        for variable in &known {
            found.add(DOTTED + variable.group(), &variable.name, || {
                let label = format!("{sign}{}", variable.name);
                let mut item = variable.item(label, cursor.word.clone());
                // What is typed has no dot.
                item.filter = Some(if cursor.typed.is_empty() {
                    item.label.clone()
                } else {
                    variable.name.to_string()
                });
                item
            });
        }
    }
    let is_made = request.format == Format::Template;
    functions::add(cursor, piped.as_ref(), is_made, found);
}

/// `$x`, and `$` for the data.
fn template_variables(cursor: &TemplateCursor, found: &mut Candidates) {
    for name in cursor.variables.iter().rev() {
        found.add(0, name, || {
            Item::new(name.as_str(), Kind::Variable, cursor.word.clone()).origin("template")
        });
    }
    if !cursor.dot_is_data || cursor.typed.starts_with('$') {
        found.add(1, "$", || {
            Item::new("$", Kind::Variable, cursor.word.clone()).about("All variables, whatever `.` is here.")
        });
    }
}

fn fields(
    request: &Request<'_>,
    cursor: &TemplateCursor,
    base: &Base,
    path: &[SmolStr],
    found: &mut Candidates,
) {
    let is_data = match base {
        Base::Dot => cursor.dot_is_data,
        Base::Variable(name) => name == "$",
        Base::Expression(written) => {
            if let Some(step) =
                written.strip_prefix("(index .steps \"").and_then(|rest| rest.strip_suffix("\")"))
            {
                outputs(request, cursor, step, path, found);
            }
            false
        }
    };
    if !is_data {
        return;
    }
    let Some((first, rest)) = path.split_first() else {
        for known in variables::of_template(request) {
            found.add(known.group(), &known.name, || known.item(known.name.to_string(), cursor.word.clone()));
        }
        return;
    };
    if request.format == Format::Plan && first == STEPS {
        match rest {
            [] => step_names(request, cursor, base, found),
            [step, rest @ ..] => outputs(request, cursor, step, rest, found),
        }
        return;
    }
    let known = variables::of_template(request);
    let value = known.iter().find(|known| known.name == *first).and_then(|known| known.value.as_ref());
    let inner = rest.iter().try_fold(value, |value, name| Some(value?.as_map()?.get(name)));
    entries(cursor, inner.flatten(), found);
}

/// The keys of a map that is written out.
fn entries(cursor: &TemplateCursor, value: Option<&Value>, found: &mut Candidates) {
    for (name, value) in value.and_then(Value::as_map).into_iter().flatten() {
        found.add(0, name, || {
            Item::new(name.as_str(), Kind::Field, cursor.word.clone())
                .detail(Some(super::tasks::first_line(&value.to_text())))
        });
    }
}

/// The value that an operand has by what is written alone.
fn static_value(known: &[Known], written: &str) -> Option<Value> {
    if written.starts_with(['"', '`']) {
        return Some(Value::string(written));
    }
    let mut path = written.strip_prefix('.')?.split('.');
    let first = path.next()?;
    let value = known.iter().find(|known| known.name == first)?.value.clone()?;
    path.try_fold(value, |value, name| value.as_map()?.get(name).cloned())
}

fn step_names(request: &Request<'_>, cursor: &TemplateCursor, base: &Base, found: &mut Candidates) {
    for (name, is_combination) in steps::with_outputs(request) {
        let is_field = name.chars().all(|c| c == '_' || c.is_alphanumeric());
        if is_field && !is_combination {
            found.add(0, &name, || Item::new(name.as_str(), Kind::Step, cursor.word.clone()));
            continue;
        }
        // Go's templates read such a name only by `index`, which stands before it.
        let sign = if matches!(base, Base::Variable(_)) { "$." } else { "." };
        let lead = format!("{sign}{STEPS}.");
        let start = cursor.word.start.checked_sub(lead.len());
        let Some(start) =
            start.filter(|start| request.source.text.get(*start..cursor.word.start) == Some(lead.as_str()))
        else {
            continue;
        };
        found.add(1, &name, || {
            let quote = if request.cursor.style == Style::DoubleQuoted { "\\\"" } else { "\"" };
            let mut item = Item::new(name.as_str(), Kind::Step, start..cursor.word.end)
                .inserting(format!("(index {sign}{STEPS} {quote}{name}{quote})"));
            item.filter = Some(format!("{lead}{name}"));
            item
        });
    }
}

fn outputs(
    request: &Request<'_>,
    cursor: &TemplateCursor,
    step: &str,
    path: &[SmolStr],
    found: &mut Candidates,
) {
    match path {
        [] => found.add(0, OUTPUTS, || Item::new(OUTPUTS, Kind::Field, cursor.word.clone())),
        [outputs] if outputs == OUTPUTS => {
            for output in steps::outputs_of(request, step) {
                found.add(0, &output, || {
                    Item::new(output.as_str(), Kind::Product, cursor.word.clone()).origin(step)
                });
            }
        }
        _ => {}
    }
}

/// Names in literal texts, for `index`.
fn texts(request: &Request<'_>, cursor: &TemplateCursor, found: &mut Candidates) {
    let Some(call) = cursor.call.as_ref().filter(|call| call.function == "index" && call.argument == 1)
    else {
        return;
    };
    let Some(of) = call.before.first().map(|of| of.trim_start_matches('$')) else { return };
    if of == ".steps" {
        for (name, _) in steps::with_outputs(request) {
            found.add(0, &name, || Item::new(name.as_str(), Kind::Step, cursor.word.clone()));
        }
        return;
    }
    let known = variables::of_template(request);
    entries(cursor, static_value(&known, of).as_ref(), found);
}
