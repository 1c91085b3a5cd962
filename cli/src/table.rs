//! Columns of text, aligned as Go's `text/tabwriter` does (in the variant that go-task uses, which knows colour codes).
//!
//! A cell ends with a tab. A column is a run of neighbouring lines that have a cell there; text behind the last tab
//! belongs to no column.

/// Text of a line and the width that shows.
struct Cell {
    text: String,
    width: usize,
}

/// Aligns lines; columns are `padding` spaces apart.
pub fn align(text: &str, padding: usize) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    // A form feed ends a line and all columns.
    for (at, section) in text.split('\u{c}').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let lines: Vec<Vec<Cell>> = section.split('\n').map(cells).collect();
        let mut widths = vec![Vec::new(); lines.len()];
        measure(&lines, &mut widths, padding);
        for (at, (cells, widths)) in lines.iter().zip(&widths).enumerate() {
            if at > 0 {
                out.push('\n');
            }
            for (at, cell) in cells.iter().enumerate() {
                out.push_str(&cell.text);
                let width = widths.get(at).copied().unwrap_or(0);
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width)));
            }
        }
    }
    out
}

fn cells(line: &str) -> Vec<Cell> {
    line.split(['\t', '\u{b}'])
        .map(|text| Cell { text: text.to_owned(), width: visible_width(text) })
        .collect()
}

/// Characters without colour codes, which reach from the escape character to an `m`.
fn visible_width(text: &str) -> usize {
    let mut width = 0;
    let mut is_hidden = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => is_hidden = true,
            'm' if is_hidden => is_hidden = false,
            _ => width += usize::from(!is_hidden),
        }
    }
    width
}

/// Finds the widths of every line's columns: of neighbouring lines that have a column, the widest cell decides.
fn measure(lines: &[Vec<Cell>], widths: &mut [Vec<usize>], padding: usize) {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut start = 0;
        while start < lines.len() {
            let has_column = |line: &Vec<Cell>| line.len() > column + 1;
            if !has_column(&lines[start]) {
                start += 1;
                continue;
            }
            let length = lines[start..].iter().take_while(|line| has_column(line)).count();
            let run = start..start + length;
            let widest = lines[run.clone()].iter().map(|line| line[column].width).max().unwrap_or(0);
            for widths in &mut widths[run] {
                widths.push(widest + padding);
            }
            start += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::align;

    #[test]
    fn columns_are_runs_of_lines() {
        for (text, expected) in [
            ("a\tb\nccc\td\n", "a    b\nccc  d\n"),
            ("a\tb\tc\nx\tlonger\n", "a  b  c\nx  longer\n"),
            ("a\t\nb\tc", "a  \nb  c"),
            ("\u{1b}[32ma\u{1b}[0m\tb\nccc\td", "\u{1b}[32ma\u{1b}[0m    b\nccc  d"),
            ("日本\tb\nccc\td", "日本   b\nccc  d"),
            ("a\tb\u{c}ccc\td", "a  b\nccc  d"),
            ("no cells\n", "no cells\n"),
        ] {
            assert_eq!(align(text, 2), expected, "{text:?}");
        }
    }
}
