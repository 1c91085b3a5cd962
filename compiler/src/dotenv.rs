//! `.env` files by the rules of godotenv 1.5.1, which go-task uses, with spans.
//!
//! Not what a shell does with such a file, and not what other readers of it do: a line may use `:` for `=`, only
//! upper-case variables that stand further up in the same file are expanded, and only the last ` #` of an unquoted
//! line begins a comment.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::yaml::error::go_quoted;

/// The most bytes that all values of a file may have: a value may name others twice, and so on.
pub const MAX_VALUES: usize = 64 << 20;

/// A variable that a file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DotenvEntry {
    /// Its name.
    pub name: String,
    /// Its value, quotes, escapes and variables done.
    pub value: String,
    /// Bytes of the name.
    pub name_range: Range<usize>,
    /// Bytes of the value as written, quotes included.
    pub value_range: Range<usize>,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DotenvError {
    /// What is wrong, in one line.
    pub message: String,
    /// godotenv's message. `None` where it does not get to, or says nothing.
    pub go_message: Option<String>,
    /// Where.
    pub range: Range<usize>,
}

/// Reads a file. The entries are in written order; of equal names the last counts. With an error that has a
/// [`DotenvError::go_message`], go-task takes nothing from the file.
pub fn parse(text: &str) -> (Vec<DotenvEntry>, Vec<DotenvError>) {
    let mut parser = Parser {
        text: Unix::new(text),
        position: 0,
        known: FxHashMap::default(),
        value_bytes: 0,
        entries: Vec::new(),
        errors: Vec::new(),
    };
    while parser.skip_to_statement() {
        parser.statement();
    }
    (parser.entries, parser.errors)
}

/// The bytes of the names in a value that stand for variables further up in the file: `$NAME`, `${NAME}`, upper case only.
pub fn references(text: &str, entry: &DotenvEntry) -> Vec<Range<usize>> {
    let written = text.get(entry.value_range.clone()).unwrap_or_default();
    if written.starts_with('\'') {
        return Vec::new();
    }
    let is_kept = |dollar: usize| written.get(..dollar).is_some_and(|before| before.ends_with('\\'));
    let dollars = written.match_indices('$').map(|(at, _)| at).filter(|at| !is_kept(*at));
    let name_behind = |dollar: usize| {
        let after = written.get(dollar + 1..)?;
        let after = after.strip_prefix('(').unwrap_or(after);
        let after = after.strip_prefix('{').unwrap_or(after);
        let length = after.find(|c| !is_expanded(c)).unwrap_or(after.len());
        let start = entry.value_range.end - after.len();
        (length > 0).then(|| start..start + length)
    };
    dollars.filter_map(name_behind).collect()
}

/// Whether a character may stand in the name of a variable that a value is made of.
pub fn is_expanded(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

/// A text with `\n` for every `\r\n`, and the way back to its offsets.
struct Unix {
    text: String,
    /// Offsets in `text` of the line ends that were two bytes.
    shortened: Vec<usize>,
}

impl Unix {
    fn new(text: &str) -> Self {
        let mut unix = Self { text: String::with_capacity(text.len()), shortened: Vec::new() };
        let mut lines = text.split("\r\n").peekable();
        while let Some(line) = lines.next() {
            unix.text.push_str(line);
            if lines.peek().is_some() {
                unix.shortened.push(unix.text.len());
                unix.text.push('\n');
            }
        }
        unix
    }

    fn original(&self, range: Range<usize>) -> Range<usize> {
        let back = |offset| offset + self.shortened.partition_point(|&line_end| line_end < offset);
        back(range.start)..back(range.end)
    }
}

struct Parser {
    text: Unix,
    position: usize,
    known: FxHashMap<String, String>,
    value_bytes: usize,
    entries: Vec<DotenvEntry>,
    errors: Vec<DotenvError>,
}

/// Blanks that do not end a line.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\x0B' | '\x0C' | '\r' | ' ' | '\u{85}' | '\u{A0}')
}

/// Whether godotenv, which looks at bytes as if they were Latin-1, allows a byte in a name.
fn is_name_byte(byte: u8) -> bool {
    let c = char::from(byte);
    let is_superscript_or_fraction = matches!(byte, 0xB2 | 0xB3 | 0xB9 | 0xBC..=0xBE);
    c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '_' | '.') || is_superscript_or_fraction
}

impl Parser {
    fn rest(&self) -> &str {
        self.text.text.get(self.position..).unwrap_or("")
    }

    /// Moves to what is neither blank nor comment; false at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.position += rest.len() - trimmed.len();
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            let length = self.rest().find('\n').unwrap_or(self.rest().len());
            self.position += length;
        }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches(is_blank).len();
    }

    fn statement(&mut self) {
        self.skip_blanks();
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(is_blank)
        {
            self.position += "export".len();
            self.skip_blanks();
        }
        let start = self.position;
        let end = self.rest().bytes().position(|byte| !is_blank(char::from(byte)) && !is_name_byte(byte));
        let end = end.map(|length| start + length);
        match end.map(|end| (end, self.text.text.as_bytes()[end])) {
            Some((end, b'=' | b':')) => {
                let name = self.text.text.get(start..end).unwrap_or("").trim_end().to_owned();
                self.position = end + 1;
                self.skip_blanks();
                self.value(name, start);
            }
            Some((end, byte)) => self.wrong_name(start, end, byte),
            None if self.rest().is_empty() => {
                let message = "`export` names no variable".to_owned();
                self.fail(message, start..start, |_| "zero length string".to_owned());
            }
            None => self.no_assignment(start),
        }
    }

    fn wrong_name(&mut self, start: usize, end: usize, byte: u8) {
        let shown = char::from(byte).to_string();
        let end = (start..=end).rev().find(|&at| self.text.text.is_char_boundary(at)).unwrap_or(start);
        let line = self.rest().split('\n').next().unwrap_or("").trim_end();
        let message = if byte == b'\n' {
            format!("`{line}` sets nothing: it has no `=`")
        } else {
            let written = self.text.text.get(end..).and_then(|rest| rest.chars().next()).unwrap_or('?');
            format!("`{written}` cannot stand in the name of a variable")
        };
        let range = if byte == b'\n' { start..start + line.len() } else { self.character_at(end) };
        self.fail(message, range, |rest| {
            format!("unexpected character {} in variable name near {}", go_quoted(&shown), go_quoted(rest))
        });
    }

    fn character_at(&self, offset: usize) -> Range<usize> {
        let length =
            self.text.text.get(offset..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        offset..offset + length
    }

    /// A last line without `=`: godotenv gives its text to a variable without a name.
    fn no_assignment(&mut self, start: usize) {
        let end = self.text.text.trim_end().len().max(start);
        let line = self.text.text.get(start..end).unwrap_or("");
        self.errors.push(DotenvError {
            message: format!("`{line}` sets nothing: it has no `=`"),
            go_message: None,
            range: self.text.original(start..end),
        });
        self.position = self.text.text.len();
    }

    /// Notes an error and goes on with the next line; godotenv would not, so that only the first has its message,
    /// which may show the rest of the file.
    fn fail(&mut self, message: String, range: Range<usize>, go_message: impl FnOnce(&str) -> String) {
        let is_first = self.errors.iter().all(|error| error.go_message.is_none());
        let go_message = is_first.then(|| go_message(self.rest()));
        self.errors.push(DotenvError { message, go_message, range: self.text.original(range) });
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.position += length;
    }

    fn value(&mut self, name: String, name_start: usize) {
        let start = self.position;
        let name_range = name_start..name_start + name.len();
        if let Some(quote @ ('"' | '\'')) = self.rest().chars().next() {
            return self.quoted_value(quote, name, name_range);
        }
        let line_end = self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
        let line = without_comment(self.rest().get(..line_end).unwrap_or(""));
        let written = line.trim_matches(is_blank);
        let leading = line.len() - line.trim_start_matches(is_blank).len();
        let range = start + leading..start + leading + written.len();
        let value = self.expand(written);
        self.position += line_end;
        self.add(name, value, name_range, range);
    }

    fn quoted_value(&mut self, quote: char, name: String, name_range: Range<usize>) {
        let start = self.position;
        let Some(end) = self.closing_quote(quote) else { return self.unterminated(start, quote) };
        let inner = self.text.text.get(start..end).unwrap_or("");
        let inner = inner.trim_end_matches(quote).trim_start_matches(quote);
        let value = if quote == '"' { self.expand(&unescape(inner)) } else { Some(inner.to_owned()) };
        self.position = end + 1;
        self.add(name, value, name_range, start..end + 1);
    }

    fn add(
        &mut self,
        name: String,
        value: Option<String>,
        name_range: Range<usize>,
        value_range: Range<usize>,
    ) {
        let Some(value) = value else { return self.too_large(value_range) };
        self.value_bytes += value.len();
        self.known.insert(name.clone(), value.clone());
        self.entries.push(DotenvEntry {
            name,
            value,
            name_range: self.text.original(name_range),
            value_range: self.text.original(value_range),
        });
    }

    /// Nothing more is read: what follows may be larger still.
    fn too_large(&mut self, range: Range<usize>) {
        let message = format!("the values of this file have more than {MAX_VALUES} bytes");
        self.fail(message.clone(), range, |_| message);
        self.position = self.text.text.len();
    }

    /// The next quote that has no backslash before it.
    fn closing_quote(&self, quote: char) -> Option<usize> {
        let bytes = self.text.text.as_bytes();
        let mut quotes = self
            .text
            .text
            .get(self.position + 1..)?
            .match_indices(quote)
            .map(|(at, _)| self.position + 1 + at);
        quotes.find(|&at| bytes[at - 1] != b'\\')
    }

    fn unterminated(&mut self, start: usize, quote: char) {
        let line = self.rest().split('\n').next().unwrap_or("").to_owned();
        let message = format!("this {quote} is never closed");
        let range = start..start + line.len();
        self.fail(message, range, |_| format!("unterminated quoted value {line}"));
    }

    /// Puts in the variables that stand further up: `$NAME`, `${NAME}`, upper case only. A backslash before the `$`
    /// keeps it. `None` where that is more than [`MAX_VALUES`].
    fn expand(&self, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            let (before, from_dollar) = rest.split_at(dollar);
            let after = &from_dollar[1..];
            let after = after.strip_prefix('(').unwrap_or(after);
            let after = after.strip_prefix('{').unwrap_or(after);
            let name_length = after.find(|c| !is_expanded(c)).unwrap_or(after.len());
            let (name, after) = after.split_at(name_length);
            let after = after.strip_prefix('}').unwrap_or(after);
            let written = &from_dollar[..from_dollar.len() - after.len()];
            if let Some(before) = before.strip_suffix('\\') {
                out.push_str(before);
                out.push_str(written);
            } else {
                out.push_str(before);
                match self.known.get(name) {
                    _ if name.is_empty() => out.push_str(written),
                    Some(value) => out.push_str(value),
                    None => {}
                }
            }
            if self.value_bytes + out.len() > MAX_VALUES {
                return None;
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
}

/// Cuts the last comment, a `#` with a blank before it, off an unquoted line.
fn without_comment(line: &str) -> &str {
    let mut hashes = line.match_indices('#').rev().filter_map(|(at, _)| line.get(..at));
    hashes.find(|before| before.ends_with(is_blank)).unwrap_or(line)
}

/// `\n` and `\r` become what they say, any other backslash goes, except one before a `$`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some('n')) => {
                chars.next();
                out.push('\n');
            }
            ('\\', Some('r')) => {
                chars.next();
                out.push('\r');
            }
            ('\\', Some('$')) | (_, None) => out.push(c),
            ('\\', Some(next)) => {
                chars.next();
                out.push(next);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generated_input::generated;

    /// Checked against go-task 3.54.
    #[test]
    fn values_are_those_of_godotenv() {
        let table: [(&str, &[(&str, &str)]); 29] = [
            ("A=1", &[("A", "1")]),
            ("A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]),
            ("export A=1", &[("A", "1")]),
            ("exportA=1", &[("exportA", "1")]),
            ("A: value", &[("A", "value")]),
            ("A = un quoted ", &[("A", "un quoted")]),
            ("A=", &[("A", "")]),
            ("A=\nB=2", &[("A", ""), ("B", "2")]),
            ("# c\n\n  # d\nA=1", &[("A", "1")]),
            ("A=b#c", &[("A", "b#c")]),
            ("A=b # c", &[("A", "b")]),
            ("A=b # c # d", &[("A", "b # c")]),
            ("A=b#c #d # e", &[("A", "b#c #d")]),
            ("A=\"x y\" # c", &[("A", "x y")]),
            ("A=\"x\" B=2", &[("A", "x"), ("B", "2")]),
            (r"A='x $B \n'", &[("A", r"x $B \n")]),
            ("A=\"l1\nl2\"\nB=2", &[("A", "l1\nl2"), ("B", "2")]),
            (r#"A="a\nb\tc\"d""#, &[("A", "a\nbtc\"d")]),
            (r#"A="\$B""#, &[("A", "$B")]),
            (r#"A="a\\$B""#, &[("A", "a$B")]),
            ("A=1\nB=$A", &[("A", "1"), ("B", "1")]),
            ("A=1\nB=${A}x", &[("A", "1"), ("B", "1x")]),
            ("A=1\nB=$(A)", &[("A", "1"), ("B", "1)")]),
            ("B=${A:-d}", &[("B", ":-d}")]),
            ("B=$A.", &[("B", ".")]),
            ("a=1\nB=$a", &[("a", "1"), ("B", "$a")]),
            ("A=$$", &[("A", "$$")]),
            ("A.b_1=x", &[("A.b_1", "x")]),
            ("A=1\nA=2", &[("A", "1"), ("A", "2")]),
        ];
        for (text, expected) in table {
            let (entries, _) = parse(text);
            let found: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.value.as_str())).collect();
            assert_eq!(found, expected, "{text:?}");
            for entry in &entries {
                assert_eq!(&text[entry.name_range.clone()], entry.name, "{text:?}");
            }
        }
    }

    #[test]
    fn values_carry_their_place() {
        let text = "\r\nA=  x y # c\r\nB: \"q\" C='z'";
        let (entries, _) = parse(text);
        let places: Vec<_> = entries.iter().map(|entry| &text[entry.value_range.clone()]).collect();
        assert_eq!(places, ["x y", "\"q\"", "'z'"]);
    }

    #[test]
    fn values_name_variables_further_up() {
        let text = "A=1\r\nB=$A-${A}-$(A)\nC='$A'\nD=\"x ${B} \\$A $a $\" # $A\n";
        let (entries, _) = parse(text);
        let found = |entry| references(text, entry).into_iter().map(|range| &text[range]).collect::<Vec<_>>();
        let names: Vec<_> = entries.iter().map(found).collect();
        assert_eq!(names, [vec![], vec!["A"; 3], vec![], vec!["B"]]);
        assert_eq!(references(text, &entries[1]), [8..9, 12..13, 17..18]);
    }

    #[test]
    fn mistakes_are_reported_where_they_are() {
        let check = |text: &str, go_message: &str, place: &str| {
            let (_, errors) = parse(text);
            assert_eq!(errors[0].go_message.as_deref(), Some(go_message), "{text:?}");
            assert_eq!(&text[errors[0].range.clone()], place, "{text:?}");
        };
        check("A=1\r\n\r\nB-C=2", r#"unexpected character "-" in variable name near "B-C=2""#, "-");
        check("FOO\nA=1", r#"unexpected character "\n" in variable name near "FOO\nA=1""#, "FOO");
        check("A='x\nB=1", "unterminated quoted value 'x", "'x");
        check("export ", "zero length string", "");
        check("日=1", "unexpected character \"\\u0097\" in variable name near \"日=1\"", "日");
    }

    #[test]
    fn every_mistake_is_found_but_only_the_first_is_godotenvs() {
        let (entries, errors) = parse("A B\nC=1\nD!=1\nE='\n");
        assert_eq!(entries.len(), 1);
        assert_eq!(errors.len(), 3);
        assert_eq!(errors.iter().filter(|error| error.go_message.is_some()).count(), 1);
    }

    fn any_file() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[A-Z=:'\"#$\\\\{}() \r\né\u{a0}-]{0,40}"]
    }

    #[test]
    fn values_that_name_each_other_have_a_limit() {
        let twice: Vec<_> = (1..60).map(|n| format!("A{n}=$A{}$A{}\n", n - 1, n - 1)).collect();
        let (entries, errors) = parse(&format!("A0=0123456789\n{}B=1\n", twice.concat()));
        assert_eq!(entries.len(), 22);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].message, "the values of this file have more than 67108864 bytes");
        assert_eq!(errors[0].go_message.as_ref(), Some(&errors[0].message));
    }

    #[test]
    fn many_mistakes_are_no_more_work_than_few() {
        // Each of them would show all that follows it.
        let (entries, errors) = parse(&"'\n".repeat(100_000));
        assert_eq!((entries.len(), errors.len()), (0, 100_000));
        assert_eq!(errors.iter().filter(|error| error.go_message.is_some()).count(), 1);
    }

    proptest! {
        #![proptest_config(generated(256))]

        #[test]
        fn any_text_is_read_without_a_panic(text in any_file()) {
            let (entries, errors) = parse(&text);
            let in_entries = entries.iter().flat_map(|entry| [&entry.name_range, &entry.value_range]);
            for range in in_entries.chain(errors.iter().map(|error| &error.range)) {
                prop_assert!(text.get(range.clone()).is_some(), "{:?} {:?}", text, range);
            }
        }
    }
}
