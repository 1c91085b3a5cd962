//! Which lines can be folded away. Read off the lines themselves, so that it works while a text is half typed.

use ez_compiler::source::SourceFile;

use super::cursor::line::{Element, Line};

/// Lines that can be folded into the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    /// The first line, from 0.
    pub first: usize,
    /// The last line.
    pub last: usize,
    /// What they are.
    pub kind: FoldKind,
}

/// What lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoldKind {
    /// An entry with what belongs to it.
    Block,
    /// Comments.
    Comment,
    /// The files that are included.
    Includes,
    /// What stands between `# region` and `# endregion`.
    Region,
}

/// The key of a Taskfile whose entries are files.
const INCLUDES: &str = "includes";

#[derive(Default)]
struct Folder {
    folds: Vec<Fold>,
    /// Lines that deeper ones may follow: number, column, and whether a list in the same column belongs to it.
    open: Vec<Open>,
    regions: Vec<usize>,
    /// The first line of the comments that stand above.
    comments: Option<usize>,
    /// The last line with content.
    last: usize,
    /// The column that lines of the block scalar above are deeper than.
    scalar: Option<usize>,
}

struct Open {
    line: usize,
    column: usize,
    takes_list: bool,
    kind: FoldKind,
}

/// What can be folded, in the text's order.
pub fn of_file(source: &SourceFile) -> Vec<Fold> {
    let mut folder = Folder::default();
    for number in 0..source.lines.len() {
        folder.line(source, number);
    }
    folder.close(0, false);
    folder.end_comments(source.lines.len());
    folder.folds.sort_unstable();
    folder.folds
}

impl Folder {
    fn line(&mut self, source: &SourceFile, number: usize) {
        let text = &*source.text;
        let range = source.lines.line_range(text, number);
        let written = text.get(range.clone()).unwrap_or("");
        let column = written.len() - written.trim_start().len();
        if written.trim().is_empty() {
            return self.end_comments(number);
        }
        if self.scalar.is_some_and(|outer| column > outer) {
            self.last = number;
            return;
        }
        self.scalar = None;
        if let Some(comment) = written.trim_start().strip_prefix('#') {
            return self.comment(number, column, comment);
        }
        self.end_comments(number);
        let line = Line::parse(text, &range);
        let is_item = matches!(line.elements.first(), Some(Element::Dash { .. }));
        // A bracket that closes belongs to the line that opened it.
        let closes = written.trim_start().starts_with([']', '}']);
        if closes {
            self.last = number;
        }
        self.close(column, is_item);
        self.last = number;
        let value = text.get(line.value..range.end).unwrap_or("");
        let is_key = matches!(line.elements.last(), Some(Element::Key { .. }));
        let is_includes = column == 0
            && matches!(line.elements.as_slice(), [Element::Key { name, .. }] if name == INCLUDES);
        if value.starts_with(['|', '>']) {
            self.scalar = line.elements.last().map(|element| element.start() - range.start);
        }
        self.open.push(Open {
            line: number,
            column,
            takes_list: is_key && !is_item,
            kind: if is_includes { FoldKind::Includes } else { FoldKind::Block },
        });
    }

    fn comment(&mut self, number: usize, column: usize, comment: &str) {
        let word = comment.trim_start();
        if word.starts_with("region") {
            self.regions.push(number);
            return self.end_comments(number);
        }
        if word.starts_with("endregion") {
            self.end_comments(number);
            if let Some(first) = self.regions.pop() {
                self.folds.push(Fold { first, last: number, kind: FoldKind::Region });
            }
            return;
        }
        self.comments.get_or_insert(number);
        // A comment says nothing of where a block ends, but one that is deeper belongs to it.
        if self.open.last().is_some_and(|open| column > open.column) {
            self.last = number;
        }
    }

    fn end_comments(&mut self, number: usize) {
        if let Some(first) = self.comments.take()
            && first + 1 < number
        {
            self.folds.push(Fold { first, last: number - 1, kind: FoldKind::Comment });
        }
    }

    /// Ends what a line in a column does not belong to.
    fn close(&mut self, column: usize, is_item: bool) {
        while let Some(open) = self.open.last() {
            let holds = open.column < column || (open.column == column && is_item && open.takes_list);
            if holds {
                return;
            }
            if open.line < self.last {
                self.folds.push(Fold { first: open.line, last: self.last, kind: open.kind });
            }
            self.open.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use ez_compiler::source::LineIndex;

    use super::super::fixture::assert_snapshot;
    use super::*;

    /// The text with numbered lines, and the folds beside the line that they begin with.
    fn folds(text: &str) -> String {
        let source =
            SourceFile { path: "/p/Taskfile.yml".into(), lines: LineIndex::new(text), text: Arc::from(text) };
        let found = of_file(&source);
        let mut shown = String::new();
        for (number, line) in text.lines().enumerate() {
            let _ = write!(shown, "{number:2} {line}");
            for fold in found.iter().filter(|fold| fold.first == number) {
                let _ = write!(shown, "   <{:?} to {}>", fold.kind, fold.last);
            }
            shown.push('\n');
        }
        shown
    }

    #[test]
    fn tasks_and_lists_fold() {
        assert_snapshot!(folds(
            "version: '3'\n\nincludes:\n  a: a\n  b: b\n\ntasks:\n  a:\n    cmds:\n      - echo\n      - task: b\n        vars: {X: 1}\n\n  b: echo\n"
        ));
    }

    #[test]
    fn lists_in_the_column_of_their_key_fold() {
        assert_snapshot!(folds(
            "tasks:\n  a:\n    cmds:\n    - echo\n    - task: b\n      vars:\n        X: 1\n    deps:\n    - c\n  b: x\n"
        ));
    }

    #[test]
    fn block_scalars_fold_as_a_whole() {
        assert_snapshot!(folds(
            "a:\n  b: |\n    if x\n      y\n    # no comment\n    # none either\n\n    z\n  c: 1\n- |\n x\n"
        ));
    }

    #[test]
    fn comments_and_regions_fold() {
        assert_snapshot!(folds(
            "# one\n# two\n\n# region build\na:\n  # alone\n  b: 1\n  # after\n  # b\n# endregion\nc: 1\n"
        ));
    }

    #[test]
    fn brackets_fold() {
        assert_snapshot!(folds("a: [\n  x,\n  y,\n]\nb: {\n  c: 1\n}\n"));
    }

    #[test]
    fn half_typed_texts_fold() {
        assert_snapshot!(folds("tasks:\n  a:\n    cmds:\n      - echo 'x\n      -\n    d\n  b:\n    - [\n"));
    }
}
