//! Where a file's text falls apart into pieces that can be parsed on their own: its top-level keys, under `tasks:` the
//! tasks of a Taskfile, and under `steps:` the steps of a plan.

use std::ops::Range;

/// The key whose entries are blocks of their own.
pub(super) const SPLIT_KEY: &str = "tasks";
/// The key whose items are blocks of their own.
pub(super) const SPLIT_LIST: &str = "steps";

/// What a block is of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// An entry of the root.
    Root,
    /// The line `tasks:` or `steps:` and what stands before the first task or step.
    Header,
    /// An entry under the header before it.
    Task,
    /// An item of the list under the header before it.
    Item,
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
        Splitter { text, blocks: Blocks { clean: true, ..Blocks::default() }, section: Section::Outside };
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

/// Where in a section that is split a line stands. With the level of the section's blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Outside,
    /// After the header; the first line tells the indentation.
    Before(Level),
    /// Blocks begin at this column.
    At(Level, usize),
}

struct Splitter<'t> {
    text: &'t str,
    blocks: Blocks,
    section: Section,
}

impl Splitter<'_> {
    fn line(&mut self, start: usize, end: usize) {
        let bytes = self.text.as_bytes();
        let column = bytes[start..end].iter().take_while(|&&byte| byte == b' ').count();
        let deepest_block = match self.section {
            Section::At(_, block_column) => block_column,
            Section::Before(_) => usize::MAX,
            Section::Outside => 0,
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
        match self.section {
            // The dashes of a list may stand below the first letter of its key.
            Section::Before(Level::Item) if is_dash(line) => {
                self.section = Section::At(Level::Item, column);
                self.begin(Level::Item, start);
            }
            Section::At(Level::Item, block_column) if column == block_column && is_dash(line) => {
                self.begin(Level::Item, start);
            }
            _ if column == 0 => self.root_line(start, line),
            // Only before the first key: deeper lines belong to a block otherwise.
            Section::Outside => {
                self.blocks.clean = false;
                self.begin(Level::Root, start);
            }
            Section::Before(Level::Task) if key_length(line).is_some() => {
                self.section = Section::At(Level::Task, column);
                self.begin(Level::Task, start);
            }
            // The header's value is something else: nothing to split.
            Section::Before(_) => {
                self.close_header();
                self.section = Section::Outside;
            }
            Section::At(level, block_column) => {
                self.blocks.clean &=
                    level == Level::Task && column == block_column && key_length(line).is_some();
                self.begin(level, start);
            }
        }
    }

    fn root_line(&mut self, start: usize, line: &str) {
        if matches!(self.section, Section::Before(_)) {
            self.close_header();
        }
        self.section = Section::Outside;
        let Some(length) = key_length(line) else {
            self.blocks.clean = false;
            return self.begin(Level::Root, start);
        };
        let value = line[length + 1..].trim_start();
        let is_open = value.is_empty() || value.starts_with('#');
        let opened = match &line[..length] {
            SPLIT_KEY if is_open => Section::Before(Level::Task),
            SPLIT_LIST if is_open => Section::Before(Level::Item),
            _ => Section::Outside,
        };
        self.begin(if opened == Section::Outside { Level::Root } else { Level::Header }, start);
        self.section = opened;
    }

    /// A header that no block follows is a block like any other.
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
        if matches!(self.section, Section::Before(_)) {
            self.close_header();
        }
        self.end_last(self.text.len());
    }
}

/// Whether a line begins an item of a list.
fn is_dash(line: &str) -> bool {
    line.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
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
    fn plans_fall_apart_at_their_steps() {
        use Level::{Header, Item, Root};
        check(
            "vars: {}\nsteps: # all\n  - a\n  # of a\n\n  -\n    task: b\nparams:\n  - p\n",
            true,
            &[
                (Root, "vars: {}\n"),
                (Header, "steps: # all\n"),
                (Item, "  - a\n  # of a\n\n"),
                (Item, "  -\n    task: b\n"),
                (Root, "params:\n  - p\n"),
            ],
        );
        check(
            "steps:\n- task: a\n  needs:\n  - b\n- b\nvars: {}\n",
            true,
            &[
                (Header, "steps:\n"),
                (Item, "- task: a\n  needs:\n  - b\n"),
                (Item, "- b\n"),
                (Root, "vars: {}\n"),
            ],
        );
        check("steps:\n  a: x\n", true, &[(Root, "steps:\n  a: x\n")]);
        check("steps: [a]\n", true, &[(Root, "steps: [a]\n")]);
        check(
            "steps:\n  - a\n  b: c\n",
            false,
            &[(Header, "steps:\n"), (Item, "  - a\n"), (Item, "  b: c\n")],
        );
        check(
            "steps:\n    - a\n  - b\n",
            false,
            &[(Header, "steps:\n"), (Item, "    - a\n"), (Item, "  - b\n")],
        );
        check("tasks:\n- a\n", false, &[(Root, "tasks:\n"), (Root, "- a\n")]);
        check("steps:\n  -a\n", true, &[(Root, "steps:\n  -a\n")]);
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
