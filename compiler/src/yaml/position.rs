//! Where a part of a scalar's value stands in the text.

use std::ops::Range;

use super::node::{Scalar, ScalarStyle};
use super::scan::escaped;

/// Where the bytes of a scalar's value stand in a text, so that a word of a template can be pointed at through quotes,
/// escapes, folds and indentation.
#[derive(Clone, Debug)]
pub struct Places {
    scalar: Scalar,
    /// Where the value stands, if it stands there byte by byte.
    as_it_is: Option<usize>,
    segments: Vec<Segment>,
    /// The scalar's end.
    end: usize,
}

impl Places {
    /// Of a scalar that stands at `span` of the `text`, quotes included.
    pub fn new(scalar: Scalar, text: &str, span: &Range<usize>) -> Self {
        let end = span.end.min(text.len());
        let start = span.start.min(end);
        let quote =
            usize::from(matches!(scalar.style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let content = start + quote;
        let stands_there = text.get(content..content + scalar.text.len()) == Some(scalar.text.as_str());
        let segments = match text.get(..end) {
            Some(text) if !stands_there => Tracer::new(&scalar, text, start).segments,
            _ => Vec::new(),
        };
        Self { scalar, as_it_is: stands_there.then_some(content), segments, end }
    }

    /// The bytes of the same `text` at which some bytes of the value stand.
    ///
    /// What has no text of its own, like the space that a line break became, is placed at what it comes from; the end is
    /// that of the range's last character, because what follows it may stand on another line. `None` where the text does
    /// not hold this value.
    pub fn range(&self, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
        if let Some(content) = self.as_it_is {
            return Some(content + range.start..content + range.end.max(range.start));
        }
        let style = self.scalar.style;
        let from = self.place(range.start);
        let inside = self.scalar.text.get(range.clone())?;
        let (Some(first), Some(last)) = (inside.chars().next(), inside.chars().next_back()) else {
            return Some(from..from);
        };
        let last_at = self.place(range.end - last.len_utf8());
        let is_written = unit_length(text.get(from..)?, first, style).is_some();
        let length = unit_length(text.get(last_at..)?, last, style)?;
        is_written.then(|| from..(last_at + length).min(self.end).max(from))
    }

    /// Where a byte of the value stands; past the value's end that is the end of the scalar.
    fn place(&self, offset: usize) -> usize {
        let offset = offset.min(self.scalar.text.len());
        let next = self.segments.partition_point(|segment| segment.value <= offset);
        let Some(segment) = next.checked_sub(1).and_then(|index| self.segments.get(index)) else {
            return self.end;
        };
        let distance = if segment.is_text { offset - segment.value } else { 0 };
        let limit = self.end.max(segment.source);
        (segment.source + distance).min(limit)
    }
}

/// How many bytes stand for one character of a value; `None` where something else stands there.
fn unit_length(written: &str, wanted: char, style: ScalarStyle) -> Option<usize> {
    let c = written.chars().next()?;
    match style {
        ScalarStyle::DoubleQuoted if c == '\\' => {
            let after = written.get(1..)?;
            Some(match (break_length(after), after.chars().next()?) {
                (Some(length), _) => 1 + length,
                (None, 'x') => 4,
                (None, 'u') => 6,
                (None, 'U') => 10,
                (None, escape) => 1 + escape.len_utf8(),
            })
        }
        ScalarStyle::SingleQuoted if written.starts_with("''") && wanted == '\'' => Some(2),
        _ if is_blank_or_break(wanted) && is_blank_or_break(c) => {
            Some(break_length(written).unwrap_or(c.len_utf8()))
        }
        _ => (c == wanted).then(|| c.len_utf8()),
    }
}

/// From `value` on, value and source agree byte by byte, until the next segment.
#[derive(Clone, Copy, Debug)]
struct Segment {
    value: usize,
    source: usize,
    /// Whether the bytes after the first are in the source as well.
    is_text: bool,
}

struct Tracer<'t> {
    /// The text, up to the scalar's end.
    text: &'t str,
    position: usize,
    end: usize,
    segments: Vec<Segment>,
}

impl<'t> Tracer<'t> {
    fn new(scalar: &Scalar, text: &'t str, start: usize) -> Self {
        let mut tracer = Self { text, position: start, end: text.len(), segments: Vec::new() };
        match scalar.style {
            ScalarStyle::Plain => tracer.flow(scalar, None),
            ScalarStyle::SingleQuoted => tracer.flow(scalar, Some('\'')),
            ScalarStyle::DoubleQuoted => tracer.flow(scalar, Some('"')),
            ScalarStyle::Literal => tracer.literal(scalar),
            ScalarStyle::Folded => tracer.folded(scalar),
        }
        tracer
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..self.end).unwrap_or("")
    }

    fn text_at(&mut self, value: usize, source: usize) {
        self.segments.push(Segment { value, source, is_text: true });
    }

    fn point_at(&mut self, value: usize, source: usize) {
        self.segments.push(Segment { value, source, is_text: false });
    }

    /// Plain and quoted scalars: character by character, with line folds and escapes.
    fn flow(&mut self, scalar: &Scalar, quote: Option<char>) {
        let mut value = 0;
        if quote.is_some() {
            self.position += 1;
            self.end = self.end.saturating_sub(1).max(self.position);
        }
        self.text_at(0, self.position);
        while let Some(c) = self.rest().chars().next() {
            if value >= scalar.text.len() {
                break;
            }
            let blanks = blanks(self.rest());
            if has_break(blanks) {
                value += self.fold(value, blanks.len());
                continue;
            }
            if !blanks.is_empty() {
                self.position += blanks.len();
                value += blanks.len();
                continue;
            }
            match (c, quote) {
                ('\'', Some('\'')) => {
                    self.position += 2;
                    value += 1;
                    self.text_at(value, self.position);
                }
                ('\\', Some('"')) => value += self.escape(value),
                _ => {
                    self.position += c.len_utf8();
                    value += c.len_utf8();
                }
            }
        }
        self.text_at(value, self.position);
    }

    /// Passes blanks and line breaks that fold; says how many bytes of the value they are.
    fn fold(&mut self, value: usize, length: usize) -> usize {
        let run = self.rest().get(..length).unwrap_or("");
        let breaks: Vec<(usize, &str)> = line_breaks(run);
        let mut produced = 0;
        let meanings: Vec<(usize, usize)> = match breaks.as_slice() {
            [] => Vec::new(),
            [(at, only)] => vec![(*at, if is_kept(only) { only.len() } else { 1 })],
            [(at, first), others @ ..] => {
                let kept = is_kept(first).then_some((*at, first.len()));
                let others =
                    others.iter().map(|(at, text)| (*at, if is_kept(text) { text.len() } else { 1 }));
                kept.into_iter().chain(others).collect()
            }
        };
        for (at, bytes) in meanings {
            self.point_at(value + produced, self.position + at);
            produced += bytes;
        }
        self.position += length;
        self.text_at(value + produced, self.position);
        produced
    }

    fn escape(&mut self, value: usize) -> usize {
        let start = self.position;
        let after = self.rest().get(1..).unwrap_or("");
        if let Some(length) = break_length(after) {
            return self.escaped_break(value, 1 + length);
        }
        let digits = match after.chars().next() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let c = if digits > 0 {
            let code = after.get(1..=digits).and_then(|code| u32::from_str_radix(code, 16).ok());
            code.and_then(char::from_u32)
        } else {
            after.bytes().next().and_then(escaped)
        };
        let produced = c.map_or(1, char::len_utf8);
        self.point_at(value, start);
        self.position = (start + 2 + digits).min(self.end);
        self.text_at(value + produced, self.position);
        produced
    }

    /// A backslash at a line's end: the break is nothing, and further ones are themselves.
    fn escaped_break(&mut self, value: usize, length: usize) -> usize {
        self.position += length;
        let rest = self.rest();
        let run = blanks(rest);
        let mut produced = 0;
        for (at, text) in line_breaks(run) {
            self.point_at(value + produced, self.position + at);
            produced += if is_kept(text) { text.len() } else { 1 };
        }
        self.position += run.len();
        self.text_at(value + produced, self.position);
        produced
    }

    /// The lines of a block scalar: where each begins and ends without its break. The first begins where the line does.
    fn lines(&self) -> Vec<(usize, usize)> {
        let before = self.text.get(..self.position).unwrap_or("");
        let mut start = before
            .rfind(LINE_BREAKS)
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let mut lines = Vec::new();
        while start <= self.text.len() {
            let rest = &self.text[start..];
            let Some(length) = rest.find(LINE_BREAKS) else {
                lines.push((start, self.text.len()));
                break;
            };
            lines.push((start, start + length));
            start += length + break_length(&rest[length..]).unwrap_or(1);
        }
        lines
    }

    /// Every line of the value is the end of a line of the source.
    fn literal(&mut self, scalar: &Scalar) {
        let mut value = 0;
        let lines = self.lines();
        for (text, &(start, end)) in split_lines(&scalar.text).zip(&lines) {
            let source = end.saturating_sub(text.len()).max(start);
            self.text_at(value, source);
            self.point_at(value + text.len(), end);
            value += text.len() + break_length(&scalar.text[value + text.len()..]).unwrap_or(0);
        }
        self.end = self.end.max(self.segments.last().map_or(0, |segment| segment.source));
    }

    /// As the scanner folds: lines that begin with text are joined, others keep their breaks.
    fn folded(&mut self, scalar: &Scalar) {
        let lines = self.lines();
        let source = self.text;
        let indentation = |text: &str| text.len() - text.trim_start_matches(' ').len();
        let Some(&(start, end)) =
            lines.iter().find(|(start, end)| !source[*start..*end].trim_matches(' ').is_empty())
        else {
            return;
        };
        let extra = indentation(scalar.text.trim_start_matches('\n'));
        let indent = indentation(&source[start..end]).saturating_sub(extra);
        let mut value = 0;
        let mut after_more_indented = true;
        let mut breaks: Vec<usize> = Vec::new();
        for (start, end) in lines {
            let line = source[start..end].get(indent..).unwrap_or("");
            if line.is_empty() {
                breaks.push(end);
                continue;
            }
            let more_indented = line.starts_with([' ', '\t']);
            // The break before a joined line is the space, or is dropped for the empty lines that follow it.
            let is_joined = value > 0 && !more_indented && !after_more_indented;
            if is_joined && breaks.len() > 1 {
                breaks.remove(0);
            }
            for at in breaks.drain(..) {
                self.point_at(value, at);
                value += 1;
            }
            if value >= scalar.text.len() {
                break;
            }
            self.text_at(value, start + indent);
            value += line.len();
            after_more_indented = more_indented;
            breaks.push(end);
        }
        for at in breaks {
            self.point_at(value, at);
            value += 1;
        }
        self.end = self.end.max(self.segments.last().map_or(0, |segment| segment.source));
    }
}

/// What ends a line for YAML.
const LINE_BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

fn is_blank_or_break(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Length of the line break that a text begins with.
fn break_length(text: &str) -> Option<usize> {
    match text.chars().next()? {
        '\r' if text[1..].starts_with('\n') => Some(2),
        c @ ('\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') => Some(c.len_utf8()),
        _ => None,
    }
}

/// Whether a break stays what it is, where others become `\n`.
fn is_kept(text: &str) -> bool {
    matches!(text, "\u{2028}" | "\u{2029}")
}

fn line_breaks(run: &str) -> Vec<(usize, &str)> {
    let mut breaks = Vec::new();
    let mut at = 0;
    while let Some(c) = run[at..].chars().next() {
        match break_length(&run[at..]) {
            Some(length) => {
                breaks.push((at, &run[at..at + length]));
                at += length;
            }
            None => at += c.len_utf8(),
        }
    }
    breaks
}

/// The blanks and line breaks that a text begins with.
fn blanks(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches(is_blank_or_break).len()]
}

fn has_break(text: &str) -> bool {
    text.contains(LINE_BREAKS)
}

/// Lines of a value, split at `\n`, LS and PS.
fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\u{2028}', '\u{2029}'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generated_input::generated;
    use crate::source::SourceId;
    use crate::yaml::compose::compose;
    use crate::yaml::node::{Node, NodeKind};

    fn scalar_of(node: &Node) -> (&Scalar, Range<usize>) {
        let NodeKind::Scalar(scalar) = &node.kind else { panic!("{node:?}") };
        (scalar, node.span.start as usize..node.span.end as usize)
    }

    /// The place of the character at a byte of the value, found by the slow way.
    fn traced(node: &Node, text: &str, offset: usize) -> usize {
        let (scalar, span) = scalar_of(node);
        let segments = Tracer::new(scalar, &text[..span.end], span.start).segments;
        Places { scalar: scalar.clone(), as_it_is: None, segments, end: span.end }.place(offset)
    }

    /// Every letter and digit of the value of `key` stands in the source as itself, each at a place of its own.
    fn check_letters(text: &str) -> Result<(), TestCaseError> {
        let composed = compose(text, SourceId(0));
        prop_assert!(composed.errors.is_empty(), "{:?} {text}", composed.errors);
        let NodeKind::Mapping(mapping) = &composed.root.as_ref().unwrap().kind else { panic!("{text}") };
        let node = &*mapping.entries[0].value;
        let (scalar, span) = scalar_of(node);
        let mut last = None;
        let places = Places::new(scalar.clone(), text, &span);
        for (offset, c) in scalar.text.char_indices() {
            let place = traced(node, text, offset);
            prop_assert!(text.is_char_boundary(place), "{text:?} {offset}");
            if c.is_alphanumeric() || c == '{' || c == '.' {
                let found = text[place..].chars().next();
                let is_escape = found == Some('\\');
                prop_assert!(found == Some(c) || is_escape, "{text:?}: {c} at {offset} -> {place} {found:?}");
                prop_assert!(last < Some(place), "{text:?} {offset}");
                let range = places.range(text, &(offset..offset + c.len_utf8()));
                prop_assert_eq!(
                    range.as_ref().map(|range| range.start),
                    Some(place),
                    "{:?} {}",
                    text,
                    offset
                );
                prop_assert!(range.is_some_and(|range| is_escape || text[range].starts_with(c)));
            }
            last = Some(place);
        }
        prop_assert!(traced(node, text, scalar.text.len()) <= text.len());
        Ok(())
    }

    #[test]
    fn words_are_found_in_every_style() {
        let check = |text: &str, word: &str| {
            let composed = compose(text, SourceId(0));
            let NodeKind::Mapping(mapping) = &composed.root.as_ref().unwrap().kind else { panic!() };
            let node = &*mapping.entries[0].value;
            let (scalar, span) = scalar_of(node);
            let offset = scalar.text.find(word).unwrap();
            let at = text.rfind(word).unwrap();
            assert_eq!(traced(node, text, offset), at, "{text}");
            let range = Places::new(scalar.clone(), text, &span).range(text, &(offset..offset + word.len()));
            assert_eq!(range, Some(at..at + word.len()), "{text}");
        };
        check("k: a {{.X}} b\n", "X");
        check("k: a\n  b\n\n  {{.X}}\n", "X");
        check("k: 'it''s {{.X}}'\n", "X");
        check("k: 'a\n\n  {{.X}}'\n", "X");
        check("k: \"\\u00e9\\n\\\"\\t\\x41 {{.X}}\"\n", "X");
        check("k: \"a \\\n   b\\\n\n  {{.X}}\"\n", "X");
        check("k: |\n  a\n    b\n\n  {{.X}}\n", "X");
        check("k: |2-\n    a\n  {{.X}}", "X");
        check("k: >\n  a\n  b\n\n    c\n  d {{.X}}\n", "X");
        check("k: >-\n\n\n  a\n   b\n  c\n\n\n  {{.X}}\n", "X");
        check("k: |\r\n  a\r\n  {{.X}}\r\n", "X");
        check("k: >\r\n  a\r\n  b\r\n\r\n  {{.X}}\r\n", "X");
        check("k: é\r\n  日\r\n\r\n  {{.X}}\n", "X");
    }

    fn words() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[a-z]{0,3}[é日]?( [a-z]{1,3})?", 1..6)
    }

    fn gaps() -> impl Strategy<Value = Vec<String>> {
        let gap = prop::sample::select(vec![
            "\n  ", " \n\n  ", "\r\n  ", "\n\n\n  ", "\n    ", "\n \n  ", "\n\t\n  ",
        ]);
        prop::collection::vec(gap.prop_map(str::to_owned), 6)
    }

    fn joined(words: &[String], gaps: &[String]) -> String {
        let pairs = words.iter().zip(gaps).enumerate();
        pairs
            .map(|(index, (word, gap))| if index == 0 { word.clone() } else { format!("{gap}{word}") })
            .collect()
    }

    #[test]
    fn large_texts_are_no_more_work_for_each_place() {
        let blanks = " ".repeat(200_000);
        for text in [format!("k: 'it''s{blanks}a'\n"), format!("k: |\n{}", "  {{.X}} b\n".repeat(20_000))] {
            let composed = compose(&text, SourceId(0));
            let NodeKind::Mapping(mapping) = &composed.root.as_ref().unwrap().kind else { panic!() };
            let (scalar, span) = scalar_of(&mapping.entries[0].value);
            let places = Places::new(scalar.clone(), &text, &span);
            for (offset, c) in scalar.text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
                let range = places.range(&text, &(offset..offset + 1)).unwrap();
                assert_eq!(text[range].chars().next(), Some(c));
            }
        }
    }

    proptest! {
        #![proptest_config(generated(256))]

        #[test]
        fn letters_of_flow_scalars_are_found(words in words(), gaps in gaps(), escape in prop::sample::select(vec!["", "\\n", "\\u00e9", "\\\n  ", "\\\n\n  "])) {
            let text = joined(&words, &gaps);
            check_letters(&format!("k: a{}\n", text.replace('\t', "")))?;
            check_letters(&format!("k: '{text}'''\nl: 1\n"))?;
            check_letters(&format!("k: \"{escape}{text}{escape}z\"\nl: 1\n"))?;
        }

        #[test]
        fn letters_of_block_scalars_are_found(words in words(), gaps in gaps(), header in prop::sample::select(vec!["|", "|-", "|+", ">", ">-", ">+"]), lead in prop::sample::select(vec!["", "\n", "\n\n"])) {
            let gaps: Vec<_> = gaps.iter().map(|gap| gap.replace('\t', "")).collect();
            let text = joined(&words, &gaps);
            check_letters(&format!("k: {header}\n{lead}  a{text}\nl: 1\n"))?;
            check_letters(&format!("k: {header}2 # c\n{lead}   a{text}\n"))?;
        }
    }
}
