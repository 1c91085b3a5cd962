//! The function whose arguments are being written in a template.

use std::ops::Range;

use ez_compiler::schema::{Format, shapes_at};
use ez_compiler::template::functions;
use ez_compiler::template_file::without_machine;

use crate::analysis::{FilePosition, Snapshot};
use crate::ide::completion::{Prototype, prototype};
use crate::ide::cursor::template::{Braces, TemplateCursor};
use crate::ide::cursor::{self, Cursor, Part, template};

/// A function and the parameter that the cursor is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The function's signature.
    pub label: String,
    /// What it does, in Markdown.
    pub documentation: String,
    /// The bytes of each parameter in the label.
    pub parameters: Vec<Range<usize>>,
    /// The parameter that the argument at the cursor is for; none where there are too many arguments.
    pub active: Option<usize>,
}

/// The function whose arguments the cursor is among.
pub fn at(snapshot: &Snapshot, position: FilePosition) -> Option<Signature> {
    let source = snapshot.analysis.file(position.file);
    let cursor = Cursor::at(source, position.offset)?;
    if matches!(cursor.part, Part::Key | Part::KeyWithColon) {
        return None;
    }
    let format = cursor::format_in(&snapshot.analysis, position.file);
    let braces = Braces::of(format, &shapes_at(format, &cursor.items()))?;
    let shown = |offset: usize| {
        let found = template::at(&source.text, cursor.scalar, offset, cursor.style, braces)?;
        signature(&found, format == Format::Template)
    };
    // Behind a literal nothing can be written on, but its argument is still the one at the cursor.
    let before = source.text.get(..cursor.offset).unwrap_or_default();
    let in_literal = match before.trim_end_matches(|c: char| c.is_ascii_digit()).len() {
        number if number < before.len() => Some(number),
        _ if before.ends_with(['"', '`']) => Some(before.len() - 1),
        _ => None,
    };
    shown(cursor.offset).or_else(|| shown(in_literal?))
}

fn signature(cursor: &TemplateCursor, is_made: bool) -> Option<Signature> {
    let call = cursor.call.as_ref()?;
    let function = functions::find(&call.function)?;
    let Prototype { label, parameters, is_variadic } = prototype(function);
    let last = parameters.len().checked_sub(1);
    let active = match last {
        Some(last) if call.argument > last => is_variadic.then_some(last),
        Some(_) => Some(call.argument),
        None => None,
    };
    let piped = last.filter(|_| call.is_piped && !is_variadic);
    let name =
        piped.and_then(|last| label.get(parameters.get(last)?.clone())).and_then(|one| one.split(':').next());
    let remark = name.map_or(String::new(), |name| format!("\n\n`{name}` comes through the pipe."));
    let given = without_machine(function.name).filter(|_| is_made);
    let given = given.map_or(String::new(), |given| format!("\n\nIn a template: {given}."));
    Some(Signature {
        documentation: format!("{}{given}{remark}", function.documentation),
        label,
        parameters,
        active,
    })
}

#[cfg(test)]
mod tests {
    use super::at;
    use crate::ide::fixture::Fixture;

    fn shown(cmd: &str) -> String {
        let fixture = Fixture::new(&format!("version: '3'\ntasks:\n  a:\n    cmds:\n      - {cmd}\n"));
        let place = fixture.place();
        let Some(found) = at(&place.snapshot, place.position) else { return "nothing".to_owned() };
        let active = found.active.and_then(|active| found.parameters.get(active)).cloned();
        let active = active.and_then(|range| found.label.get(range)).unwrap_or("none");
        format!("{} [{active}] {}", found.label, found.documentation.replace('\n', "/"))
    }

    #[test]
    fn the_parameter_at_the_cursor_is_active() {
        let check = |cmd: &str, expected: &str| assert_eq!(shown(cmd), expected, "{cmd}");
        let prefix = "trimPrefix prefix:string text:string → string";
        check("'{{trimPrefix $0}}'", &format!("{prefix} [prefix:string] Removes a prefix."));
        check("'{{trimPrefix \"a\" .$0}}'", &format!("{prefix} [text:string] Removes a prefix."));
        check("'{{trimPrefix \"a\"$0}}'", &format!("{prefix} [prefix:string] Removes a prefix."));
        check("'{{trimPrefix \"a\" 12$0}}'", &format!("{prefix} [text:string] Removes a prefix."));
        check("\"{{trimPrefix \\\"a\\\"$0}}\"", &format!("{prefix} [prefix:string] Removes a prefix."));
        check("'{{trimPrefix \"a\" .X $0}}'", &format!("{prefix} [none] Removes a prefix."));
        check("'{{trimPrefix \"a$0\"}}'", &format!("{prefix} [prefix:string] Removes a prefix."));
        check(
            "'{{.X | trimPrefix $0}}'",
            &format!("{prefix} [prefix:string] Removes a prefix.//`text` comes through the pipe."),
        );
        check(
            "\"{{printf \\\"%s\\\" .A .B$0}}\"",
            "printf format:string values:any… → string [values:any…] Formats values, as Go's Sprintf.",
        );
        check(
            "'{{eq (len $0) 1}}'",
            "len value:any → int [value:any] The number of items, entries or bytes.",
        );
        check("'{{now $0}}'", "now → time.Time [none] The moment of evaluation.");
        for nothing in
            ["'{{.X $0}}'", "'{{nope $0}}'", "'a $0 {{upper .X}}'", "'{{upper .X}}$0'", "echo # {{upper $0"]
        {
            check(nothing, "nothing");
        }
    }

    #[test]
    fn functions_of_template_files_stand_between_angles() {
        let shown = |text: &str| {
            let fixture = Fixture::new(&format!("version: '3'\n#- templates/a.yml\nversion: '1'\n{text}"));
            let place = fixture.place();
            at(&place.snapshot, place.position).map(|found| found.label)
        };
        let told = |text: &str| {
            let fixture = Fixture::new(&format!("version: '3'\n#- templates/a.yml\nversion: '1'\n{text}"));
            let place = fixture.place();
            at(&place.snapshot, place.position).map(|found| found.documentation)
        };
        let random = "A random integer from 0 up to but not the limit.\n\nIn a template: always 0.";
        assert_eq!(told("task: |\n  desc: <% randIntN $0 %>\n").as_deref(), Some(random));
        let expected = Some("upper text:string → string".to_owned());
        assert_eq!(shown("task: |\n  desc: <% upper $0 %>\n"), expected);
        assert_eq!(shown("files: {Taskfile.yml: {content: '<% upper $0 %>'}}\n"), expected);
        assert_eq!(shown("task: |\n  desc: '{{upper $0}}'\n"), None);
        assert_eq!(shown("desc: <% upper $0 %>\n"), None);
    }

    #[test]
    fn expressions_without_braces_have_functions_too() {
        let fixture = Fixture::new("version: '3'\nvars:\n  A:\n    ref: splitList \",\" $0\n");
        let place = fixture.place();
        let found = at(&place.snapshot, place.position).unwrap();
        assert_eq!(found.label.get(found.parameters[found.active.unwrap()].clone()), Some("text:string"));
    }
}
