//! A text looked at by its lines, so that what is written into it looks like what is there.

use std::ops::Range;

/// A text and how its lines end.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'t> {
    /// The text.
    pub text: &'t str,
    /// What ends a line.
    pub newline: &'static str,
}

impl<'t> Lines<'t> {
    /// Of a text; its first line tells how lines end.
    pub fn new(text: &'t str) -> Self {
        let is_windows =
            text.find('\n').and_then(|at| text.get(..at)).is_some_and(|line| line.ends_with('\r'));
        Self { text, newline: if is_windows { "\r\n" } else { "\n" } }
    }

    /// Some bytes of the text.
    pub fn slice(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    /// Where the line of a byte begins.
    pub fn start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |found| found + 1)
    }

    /// Where the line of a byte ends, before what ends it.
    pub fn end(&self, at: usize) -> usize {
        let rest = self.slice(at..self.text.len());
        let line = rest.split('\n').next().unwrap_or_default();
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// Where the line after that of a byte begins; the end of the text after its last line.
    pub fn next(&self, at: usize) -> usize {
        self.slice(at..self.text.len()).find('\n').map_or(self.text.len(), |found| at + found + 1)
    }

    /// Bytes of its line before a byte.
    pub fn column(&self, at: usize) -> usize {
        at - self.start(at)
    }

    /// Whether only blanks stand before a byte on its line.
    pub fn begins(&self, at: usize) -> bool {
        self.slice(self.start(at)..at).bytes().all(|byte| byte == b' ')
    }

    /// The line at a byte that begins it, if it is a comment: its column.
    pub fn comment_column(&self, at: usize) -> Option<usize> {
        let line = self.slice(at..self.end(at));
        let comment = line.trim_start();
        comment.starts_with('#').then(|| line.len() - comment.len())
    }

    /// Whether the line at a byte that begins it has nothing in it; not so behind the end of the text.
    pub fn is_blank(&self, at: usize) -> bool {
        at < self.text.len() && self.slice(at..self.end(at)).trim().is_empty()
    }

    /// Where the comments begin that stand directly above a line and in its column.
    pub fn with_comments_above(&self, start: usize, column: usize) -> usize {
        let mut first = start;
        while let Some(above) = first.checked_sub(1).map(|end| self.start(end)) {
            if self.comment_column(above) != Some(column) {
                break;
            }
            first = above;
        }
        first
    }
}

/// A text whose lines but the first are so many columns further right.
pub fn shifted(text: &str, by: isize) -> String {
    let mut lines = text.split_inclusive('\n');
    let mut moved = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let is_empty = line.trim_end_matches(['\r', '\n']).is_empty();
        let blanks = line.len() - line.trim_start_matches(' ').len();
        if is_empty {
            moved.push_str(line);
        } else if by < 0 {
            moved.push_str(line.get(blanks.min(by.unsigned_abs())..).unwrap_or_default());
        } else {
            moved.extend(std::iter::repeat_n(' ', by.unsigned_abs()));
            moved.push_str(line);
        }
    }
    moved
}

/// So many blanks.
pub fn blanks(count: usize) -> String {
    " ".repeat(count)
}

/// The difference of two columns.
pub fn distance(from: usize, to: usize) -> isize {
    to as isize - from as isize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_from_any_byte() {
        let lines = Lines::new("ab\r\n  c\r\n\r\nd");
        assert_eq!(lines.newline, "\r\n");
        assert_eq!((lines.start(6), lines.end(5), lines.next(5), lines.column(6)), (4, 7, 9, 2));
        assert_eq!((lines.end(11), lines.next(11)), (12, 12));
        assert!(lines.begins(6) && !lines.begins(1) && lines.is_blank(9) && !lines.is_blank(12));
    }

    #[test]
    fn comments_above_belong_to_a_line() {
        let lines = Lines::new("a:\n# x\n  # y\n  # z\n  b: 1\n");
        assert_eq!(lines.with_comments_above(19, 2), 7);
        assert_eq!(lines.with_comments_above(0, 0), 0);
    }

    #[test]
    fn lines_move_and_empty_ones_stay_empty() {
        assert_eq!(shifted("a\n  b\n\n   \nc", 2), "a\n    b\n\n     \n  c");
        assert_eq!(shifted("  a\n    b\r\n\r\n c", -2), "  a\n  b\r\n\r\nc");
    }
}
