//! White space of a text as it should be.

use std::ops::Range;

use ez_compiler::source::SourceFile;
use ez_compiler::yaml::format::{self, DEFAULT_INDENT, INDENTS, Respacing, Wish};

use super::cursor::line::{Element, Line};
use super::cursor::{Cursor, Style};

/// How far behind a dash its item begins.
const AFTER_DASH: usize = 2;

/// How deep blocks are indented in an editor whose tabs are so wide. A width that is not usual for YAML is that of other
/// languages: editors give 8 for files that they know nothing of.
pub fn indent_of(tab_size: u32) -> usize {
    let size = tab_size as usize;
    if INDENTS.contains(&size) { size } else { DEFAULT_INDENT }
}

/// What is to be replaced in some lines, from 0.
pub fn lines(text: &str, indent: usize, lines: Range<usize>) -> Vec<Respacing> {
    format::format(text, &Wish { indent, lines })
}

/// The indentation of a line that was just begun, by the line above it. `None` where it is right already, and where nobody
/// can know.
pub fn new_line(source: &SourceFile, line: usize, indent: usize) -> Option<Respacing> {
    let text = &*source.text;
    let above = source.lines.line_range(text, line.checked_sub(1)?);
    let here = source.lines.line_range(text, line);
    let column = column_below(source, &above, indent)?;
    let rest = text.get(here.clone())?.trim_start();
    let begins_entry =
        rest.is_empty() || rest.starts_with('#') || !Line::parse(text, &here).elements.is_empty();
    let blanks = here.len() - rest.len();
    let is_right = text.get(here.start..here.start + blanks)? == " ".repeat(column);
    (begins_entry && !is_right)
        .then(|| Respacing { range: here.start..here.start + blanks, new_text: " ".repeat(column) })
}

fn column_below(source: &SourceFile, above: &Range<usize>, indent: usize) -> Option<usize> {
    let text = &*source.text;
    let written = text.get(above.clone())?.trim_start();
    let own = above.len() - written.len();
    if written.is_empty() || written.starts_with('#') {
        return None;
    }
    let end = above.start + text.get(above.clone())?.trim_end().len();
    let line = Line::parse(text, above);
    let value = text.get(line.value..end).unwrap_or("");
    if let Some(cursor) = Cursor::at(source, end) {
        let began_above = cursor.scalar <= above.start;
        match cursor.style {
            Style::Literal | Style::Folded if began_above => return Some(own),
            Style::SingleQuoted | Style::DoubleQuoted => return None,
            _ => {}
        }
        if let Some(open) = cursor.flow.filter(|open| *open < end) {
            return Some(if open >= above.start { own + indent } else { own });
        }
    }
    let is_open = opens_block(value);
    match line.elements.last() {
        Some(Element::Key { range, .. }) if is_open => Some(range.start - above.start + indent),
        Some(Element::Dash { at }) if is_open => Some(at - above.start + AFTER_DASH),
        Some(element) => Some(element.start() - above.start),
        // A text that goes on.
        None => None,
    }
}

/// Whether what stands behind a colon or a dash leaves the value to the next lines.
fn opens_block(value: &str) -> bool {
    value.split_ascii_whitespace().take_while(|word| !word.starts_with('#')).all(|word| {
        let is_mark = word.starts_with('&') || word.starts_with('!');
        let mut header = word.strip_prefix(['|', '>']).into_iter().flat_map(str::chars);
        is_mark || (word.starts_with(['|', '>']) && header.all(|c| matches!(c, '+' | '-' | '1'..='9')))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ez_compiler::source::LineIndex;

    use super::*;

    /// The line of the `$0` after Enter was pressed there.
    fn check(before: &str, expected: &str) {
        let at = before.find("$0").unwrap();
        let text = before.replacen("$0", "", 1);
        let source = SourceFile {
            path: "/p/Taskfile.yml".into(),
            lines: LineIndex::new(&text),
            text: Arc::from(text.as_str()),
        };
        let line = source.lines.line_of(at);
        let edits: Vec<Respacing> = new_line(&source, line, 2).into_iter().collect();
        let after = format::apply(&text, &edits);
        let range = LineIndex::new(&after).line_range(&after, line);
        assert_eq!(&after[range], expected, "{before}");
    }

    #[test]
    fn a_new_line_is_as_deep_as_what_it_continues() {
        check("tasks:\n$0", "  ");
        check("tasks:\n  a:\n$0", "    ");
        check("tasks:\n  a:\n    cmds:\n$0", "      ");
        check("    cmds:\n      - task: b\n$0", "        ");
        check("    cmds:\n      - task: b\n        vars:\n$0", "          ");
        check("    cmds:\n      - for:\n$0", "          ");
        check("    cmds:\n      - echo\n$0", "      ");
        check("    cmds:\n      -\n$0", "        ");
        check("    cmds:\n      - - x\n$0", "        ");
        check("a: 1\n  $0", "");
        check("a: # c\n$0", "  ");
        check("a: &x\n$0", "  ");
        check("a: !!map # c\n$0", "  ");
    }

    #[test]
    fn lines_of_block_scalars_stay_below_each_other() {
        check("a: |\n$0", "  ");
        check("- b: >-\n$0", "    ");
        check("- |2\n$0", "  ");
        check("a: |\n  if x:\n$0", "  ");
        check("a: |\n  b:\n    c\n$0", "    ");
    }

    #[test]
    fn brackets_go_deeper() {
        check("a: [\n$0", "  ");
        check("a: [\n  x,\n$0", "  ");
        check("a: [x]\n    $0", "");
    }

    #[test]
    fn where_nobody_can_know_nothing_changes() {
        check("a: 'x\n   $0", "   ");
        check("a: x\n  y\n $0", " ");
        check("# c\n   $0", "   ");
        check("a:\n\n $0", " ");
        check("a: x\n  $0y z", "  y z");
        check("a: x\n  $0b: 1", "b: 1");
        check("  $0", "  ");
    }

    #[test]
    fn usual_widths_are_kept() {
        let widths: Vec<usize> = [0, 1, 2, 3, 4, 5, 8].map(indent_of).to_vec();
        assert_eq!(widths, [2, 2, 2, 3, 4, 2, 2]);
    }
}
