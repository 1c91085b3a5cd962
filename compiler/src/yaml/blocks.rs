//! Where a Taskfile's text falls apart into pieces that can be parsed on their own: its top-level keys, and under
//! `tasks:` its tasks.

use std::ops::Range;

/// The key whose entries are blocks of their own.
pub(super) const SPLIT_KEY: &str = "tasks";

/// What a block is of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// An entry of the root.
    Root,
    /// The line `tasks:` and what stands before the first task.
    Header,
    /// An entry under the header before it.
    Task,
}

/// A piece of a text, of whole lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// What it is.
    pub level: Level,
    /// Its bytes.
    pub range: Range<usize>,
}

/// A text as blocks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Blocks {
    /// What precedes the first block: comments, or nothing.
    pub preamble: Range<usize>,
    /// The blocks, without gaps.
    pub list: Vec<Block>,
    /// Whether every line is where blocks expect it, so that the blocks together say what the text says.
    pub clean: bool,
}

/// Splits a text. Where that is not clean, the blocks are still the best guess at its parts.
pub(super) fn split(text: &str) -> Blocks {
    let mut splitter =
        Splitter { text, blocks: Blocks { clean: true, ..Blocks::default() }, tasks: Tasks::Outside };
    let mut start = 0;
    for newline in memchr::memchr_iter(b'\n', text.as_bytes()) {
        splitter.line(start, newline + 1);
        start = newline + 1;
    }
    if start < text.len() {
        splitter.line(start, text.len());
    }
    splitter.finish();
    splitter.blocks.clean &= !has_other_breaks(text);
    splitter.blocks
}

/// Whether YAML sees lines in a text that end otherwise than the lines here.
fn has_other_breaks(text: &str) -> bool {
    let is_lone = |(offset, _): (usize, &str)| text.as_bytes().get(offset + 1) != Some(&b'\n');
    (memchr::memchr(b'\r', text.as_bytes()).is_some() && text.match_indices('\r').any(is_lone))
        || (!text.is_ascii() && text.contains(['\u{85}', '\u{2028}', '\u{2029}']))
}

/// Where in the `tasks` section a line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tasks {
    Outside,
    /// After the header; the first line tells the indentation.
    Before,
    /// Tasks begin at this column.
    At(usize),
}

struct Splitter<'t> {
    text: &'t str,
    blocks: Blocks,
    tasks: Tasks,
}

impl Splitter<'_> {
    fn line(&mut self, start: usize, end: usize) {
        let bytes = self.text.as_bytes();
        let column = bytes[start..end].iter().take_while(|&&byte| byte == b' ').count();
        let deepest_block = match self.tasks {
            Tasks::At(task_column) => task_column,
            Tasks::Before => usize::MAX,
            Tasks::Outside => 0,
        };
        // A tab indents nothing; what is wrong with it shows when its block is read.
        let is_deeper = column > deepest_block || bytes.get(start + column) == Some(&b'\t');
        if is_deeper && !self.blocks.list.is_empty() {
            return;
        }
        let line = self.text[start + column..end].trim_end_matches(['\n', '\r']);
        // A comment or an empty line goes with the block above it.
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        match self.tasks {
            _ if column == 0 => self.root_line(start, line),
            // Only before the first key: deeper lines belong to a block otherwise.
            Tasks::Outside => {
                self.blocks.clean = false;
                self.begin(Level::Root, start);
            }
            Tasks::Before if key_length(line).is_some() => {
                self.tasks = Tasks::At(column);
                self.begin(Level::Task, start);
            }
            // The header's value is a list, or text: no tasks to split.
            Tasks::Before => {
                self.close_header();
                self.tasks = Tasks::Outside;
            }
            Tasks::At(task_column) if column == task_column => {
                self.blocks.clean &= key_length(line).is_some();
                self.begin(Level::Task, start);
            }
            Tasks::At(_) => {
                self.blocks.clean = false;
                self.begin(Level::Task, start);
            }
        }
    }

    fn root_line(&mut self, start: usize, line: &str) {
        if self.tasks == Tasks::Before {
            self.close_header();
        }
        self.tasks = Tasks::Outside;
        let Some(length) = key_length(line) else {
            self.blocks.clean = false;
            return self.begin(Level::Root, start);
        };
        let value = line[length + 1..].trim_start();
        let opens_tasks = &line[..length] == SPLIT_KEY && (value.is_empty() || value.starts_with('#'));
        self.begin(if opens_tasks { Level::Header } else { Level::Root }, start);
        if opens_tasks {
            self.tasks = Tasks::Before;
        }
    }

    /// A header that no task follows is a block like any other.
    fn close_header(&mut self) {
        if let Some(block) = self.blocks.list.last_mut() {
            block.level = Level::Root;
        }
    }

    fn begin(&mut self, level: Level, start: usize) {
        self.end_last(start);
        self.blocks.list.push(Block { level, range: start..start });
    }

    fn end_last(&mut self, end: usize) {
        match self.blocks.list.last_mut() {
            Some(block) => block.range.end = end,
            None => self.blocks.preamble = 0..end,
        }
    }

    fn finish(&mut self) {
        if self.tasks == Tasks::Before {
            self.close_header();
        }
        self.end_last(self.text.len());
    }
}

/// Length of the key of a line that is a plain `key:`, with or without a value; quoted and unusual keys count as
/// unclean, except in quotes without escapes.
fn key_length(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let first = *bytes.first()?;
    let length = if matches!(first, b'"' | b'\'') {
        let inner = &line[1..];
        let close = inner.find(['"', '\'', '\\'])?;
        (inner.as_bytes()[close] == first).then_some(close + 2)?
    } else {
        if !(first.is_ascii_alphanumeric() || first == b'_') {
            return None;
        }
        line.match_indices(':')
            .map(|(at, _)| at)
            .find(|&at| bytes.get(at + 1).is_none_or(|byte| matches!(byte, b' ' | b'\t')))?
    };
    let is_key = bytes.get(length) == Some(&b':')
        && bytes.get(length + 1).is_none_or(|byte| matches!(byte, b' ' | b'\t'))
        && !line[..length].contains(" #");
    is_key.then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, clean: bool, expected: &[(Level, &str)]) {
        let blocks = split(text);
        let found: Vec<_> =
            blocks.list.iter().map(|block| (block.level, &text[block.range.clone()])).collect();
        assert_eq!(found, expected, "{text}");
        assert_eq!(blocks.clean, clean, "{text}");
    }

    #[test]
    fn texts_fall_apart_at_keys_and_tasks() {
        use Level::{Header, Root, Task};
        check("", true, &[]);
        check("# only\n", true, &[]);
        check(
            "# top\nversion: '3'\n\ntasks: # all\n\n  # one\n  a:b:\n    cmds:\n# here\n      - x\n  'q r': y\nvars:\n  x: 1\n",
            true,
            &[
                (Root, "version: '3'\n\n"),
                (Header, "tasks: # all\n\n  # one\n"),
                (Task, "  a:b:\n    cmds:\n# here\n      - x\n"),
                (Task, "  'q r': y\n"),
                (Root, "vars:\n  x: 1\n"),
            ],
        );
        check("tasks:\nvars: {}\n", true, &[(Root, "tasks:\n"), (Root, "vars: {}\n")]);
        check("tasks:\n  - a\n", true, &[(Root, "tasks:\n  - a\n")]);
        check("tasks: {}\n", true, &[(Root, "tasks: {}\n")]);
        check("  a: 1\nb: 2\n", false, &[(Root, "  a: 1\n"), (Root, "b: 2\n")]);
        check("- a\n", false, &[(Root, "- a\n")]);
        check(
            "tasks:\n    a:\n      x\n  b:\n",
            false,
            &[(Header, "tasks:\n"), (Task, "    a:\n      x\n"), (Task, "  b:\n")],
        );
        check("tasks:\r\n  a: x\r\n", true, &[(Header, "tasks:\r\n"), (Task, "  a: x\r\n")]);
        check("tasks:\n  a\rb: x\n", false, &[(Header, "tasks:\n"), (Task, "  a\rb: x\n")]);
        check("a: 1\nb: ü\u{2028}c\n", false, &[(Root, "a: 1\n"), (Root, "b: ü\u{2028}c\n")]);
        check("a: 1\nb c\nd: 2\n", false, &[(Root, "a: 1\n"), (Root, "b c\n"), (Root, "d: 2\n")]);
    }
}
