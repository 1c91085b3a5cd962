//! The lines of one task among those of a Taskfile.

use std::ops::Range;

/// Where the lines of a task are, and how far they are indented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// From the beginning of the first line to the end of the last one.
    pub range: Range<usize>,
    /// The spaces before the name.
    pub column: usize,
}

impl Block {
    /// The block of an entry of which the key's first byte and the value's end are known. `None` where the task does not have its lines for itself, as in braces.
    pub fn of_entry(text: &str, key: usize, value_end: usize) -> Option<Self> {
        let start = text.get(..key)?.rfind('\n').map_or(0, |at| at + 1);
        let before = text.get(start..key)?;
        let column = before.len() - before.trim_start_matches(' ').len();
        let comments = comments_above(text.get(..start)?, column);
        let is_first = matches!(before.trim_start_matches(' '), "" | "\"" | "'");
        // An empty value may stand anywhere; it takes no lines.
        let value_end = text.get(..value_end.max(key))?.trim_end().len();
        let lines = text.get(start..)?.split_inclusive('\n');
        let (mut at, mut end) = (start, start);
        for (number, line) in lines.enumerate() {
            let indent = line.len() - line.trim_start_matches(' ').len();
            let is_blank = line.trim().is_empty();
            let is_inside = number == 0 || at < value_end || !is_blank && indent > column;
            if !is_inside && !is_blank {
                break;
            }
            at += line.len();
            if is_inside {
                end = at;
            }
        }
        let block = Self { range: comments..end, column };
        (is_first && block.lines(text)?.all(|line| line.trim().is_empty() || block.is_indented(line)))
            .then_some(block)
    }

    fn lines<'t>(&self, text: &'t str) -> Option<impl Iterator<Item = &'t str> + use<'t>> {
        Some(text.get(self.range.clone())?.split_inclusive('\n'))
    }

    fn is_indented(&self, line: &str) -> bool {
        line.len() - line.trim_start_matches(' ').len() >= self.column
    }

    /// Its text, without the spaces that all its lines have.
    pub fn text(&self, text: &str) -> String {
        let lines = self.lines(text).into_iter().flatten();
        lines
            .map(|line| match line.get(self.column..) {
                Some(rest) if self.is_indented(line) => rest,
                _ => line.trim_start_matches(' '),
            })
            .collect()
    }

    /// A file's text with another text in place of the block.
    pub fn replaced(&self, text: &str, with: &str) -> String {
        // What was read is put back byte by byte, also where a last line has no end, or an empty one has spaces.
        if with == self.text(text) {
            return text.to_owned();
        }
        let (before, after) = (text.get(..self.range.start), text.get(self.range.end..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        // The last line of a file need not end.
        let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        format!("{before}{end}{}{after}", indented(with, self.column))
    }
}

/// Where the comments begin that stand right above an entry, as deep as its name: they are about it.
fn comments_above(before: &str, column: usize) -> usize {
    let is_about_it = |line: &&str| {
        let comment = line.trim_start_matches(' ');
        comment.starts_with('#') && line.len() - comment.len() == column
    };
    let comments = before.split_inclusive('\n').rev().take_while(is_about_it);
    before.len() - comments.map(str::len).sum::<usize>()
}

/// Lines with more spaces before them, and a last one that ends.
pub fn indented(text: &str, column: usize) -> String {
    let mut lines = String::with_capacity(text.len() + column * 8);
    for line in text.split_inclusive('\n') {
        if !line.trim_end_matches(['\n', '\r']).is_empty() {
            lines.extend(std::iter::repeat_n(' ', column));
        }
        lines.push_str(line);
    }
    if !lines.is_empty() && !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Block, indented};

    /// The block of the task that begins with `name`, whose value ends with `last`.
    fn block(text: &str, name: &str, last: &str) -> Option<(String, usize)> {
        let key = text.find(name).unwrap();
        let end = text[key..].find(last).unwrap() + key + last.len();
        Block::of_entry(text, key, end).map(|block| (block.text(text), block.column))
    }

    #[test]
    fn a_block_has_its_lines_and_the_comments_that_stand_deeper() {
        let text = "tasks:\n  one:\n    cmds:\n      - a\n    # about a\n\n  # about two\n  two: b\n";
        assert_eq!(block(text, "one", "a"), Some(("one:\n  cmds:\n    - a\n  # about a\n".into(), 2)));
        assert_eq!(block(text, "two: ", "b"), Some(("# about two\ntwo: b\n".into(), 2)));
        let text = "tasks:\n  # a section\n\n # elsewhere\n  # of one\n  # too\n  one: a\n";
        assert_eq!(block(text, "one: ", "a"), Some(("# of one\n# too\none: a\n".into(), 2)));
    }

    #[test]
    fn lists_may_stand_as_deep_as_their_names() {
        let text = "tasks:\n  one:\n  - a\n  - b\n  two: b\n";
        assert_eq!(block(text, "one", "- b"), Some(("one:\n- a\n- b\n".into(), 2)));
    }

    #[test]
    fn empty_lines_of_scripts_stay() {
        let text = "tasks:\n    one: |\n        a\n\n        b\n    two: c";
        assert_eq!(block(text, "one", "b"), Some(("one: |\n    a\n\n    b\n".into(), 4)));
        assert_eq!(block(text, "two: c", "c"), Some(("two: c".into(), 4)));
    }

    #[test]
    fn tasks_in_braces_have_no_lines() {
        assert_eq!(block("tasks: {one: a, two: b}\n", "two", "b"), None);
        assert_eq!(block("tasks: {\n  one: a,\ntwo: b}\n", "one", "b}"), None);
    }

    #[test]
    fn what_is_taken_out_is_put_back() {
        let text = "a:\n  one: |\n    x\n\n      y\n  two: b\n";
        let block = Block::of_entry(text, 5, text.find("y\n").unwrap() + 1).unwrap();
        assert_eq!(block.replaced(text, &block.text(text)), text);
        assert_eq!(block.replaced(text, "one: z"), "a:\n  one: z\n  two: b\n");
        let last = Block { range: 13..13, column: 2 };
        assert_eq!(last.replaced("tasks:\n  a: b", "c: d"), "tasks:\n  a: b\n  c: d\n");
        for text in
            ["a:\n  two: b", "a:\n  two:\n \n    - b\n   \n    - c\n", "a:\r\n  two:\r\n\r\n    - c\r\n"]
        {
            let end = text.trim_end().len();
            let block = Block::of_entry(text, text.find("two").unwrap(), end).unwrap();
            assert_eq!(block.replaced(text, &block.text(text)), text);
        }
        assert_eq!(indented("", 2), "");
        assert_eq!(indented("a\r\n\r\nb", 1), " a\r\n\r\n b\n");
    }
}
