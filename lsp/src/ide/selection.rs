//! What is selected when a selection grows: a word, what it is a part of, and so on up to the document.

use std::ops::Range;

use ez_compiler::schema::Format;
use ez_compiler::source::{SourceFile, SourceMap};
use ez_compiler::yaml;
use ez_compiler::yaml::node::{CollectionStyle, Node, NodeKind, Scalar, ScalarStyle};

use super::cursor::template::Braces;
use super::cursor::{self, template};

/// A file as it is selected in.
pub struct Selector<'t> {
    text: &'t str,
    source: &'t SourceFile,
    sources: SourceMap,
    document: yaml::Document,
}

impl<'t> Selector<'t> {
    /// Of a file.
    pub fn new(source: &'t SourceFile) -> Self {
        let mut sources = SourceMap::default();
        let file = sources.add_file(&source.path, source.text.clone());
        let document = yaml::parse(&source.text, file, &mut sources, None);
        Self { text: &source.text, source, sources, document }
    }

    /// What holds a byte, from the smallest to the whole document, each larger than the one before.
    pub fn at(&self, offset: usize) -> Vec<Range<usize>> {
        let document = 0..self.text.len();
        let mut found = Vec::from([document]);
        if let Some(root) = &self.document.root {
            self.node(root, offset, &mut found);
        }
        found.push(self.line(offset));
        found.extend(self.action(offset, template::BRACES));
        if cursor::format_of(&self.source.path) == Format::Template {
            found.extend(self.action(offset, template::ANGLES));
        }
        found.extend(word(self.text, offset, is_part_of_path));
        found.extend(word(self.text, offset, |c| c.is_alphanumeric() || c == '_'));
        found.retain(|range| range.start <= offset && offset <= range.end && !range.is_empty());
        found.sort_by_key(Range::len);
        let mut chain: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            let holds = |last: &Range<usize>| {
                range.start <= last.start && last.end <= range.end && range.len() > last.len()
            };
            if chain.last().is_none_or(holds) {
                chain.push(range);
            }
        }
        chain
    }

    fn place(&self, node: &Node) -> Range<usize> {
        self.sources.locate(node.span).range
    }

    fn node(&self, node: &Node, offset: usize, found: &mut Vec<Range<usize>>) {
        let place = self.place(node);
        let is_list = matches!(&node.kind, NodeKind::Sequence(list) if list.style == CollectionStyle::Block);
        let start = if is_list { self.dash_before(place.start) } else { place.start };
        let place = start..place.end;
        if !(place.start <= offset && offset <= place.end) {
            return;
        }
        found.push(place.clone());
        match &node.kind {
            NodeKind::Scalar(scalar) => found.extend(inside_quotes(scalar, &place)),
            NodeKind::Sequence(list) => {
                for item in &list.items {
                    let place = self.place(item);
                    let dash = self.dash_before(place.start);
                    if dash <= offset && offset <= place.end {
                        found.push(dash..place.end);
                        self.node(item, offset, found);
                    }
                }
            }
            NodeKind::Mapping(mapping) => {
                for entry in &mapping.entries {
                    let (key, value) = (self.place(&entry.key), self.place(&entry.value));
                    let whole = key.start..value.end.max(key.end);
                    if whole.start <= offset && offset <= whole.end {
                        found.push(whole);
                        self.node(&entry.key, offset, found);
                        self.node(&entry.value, offset, found);
                    }
                }
            }
            NodeKind::Alias { .. } => {}
        }
    }

    /// The dash of an item, or the item's own beginning.
    fn dash_before(&self, start: usize) -> usize {
        let before = self.text.get(..start).unwrap_or("").trim_end_matches([' ', '\t']);
        if before.ends_with('-') { before.len() - 1 } else { start }
    }

    fn line(&self, offset: usize) -> Range<usize> {
        let range = self.source.lines.line_range(self.text, self.source.lines.line_of(offset));
        let written = self.text.get(range.clone()).unwrap_or("");
        range.start + (written.len() - written.trim_start().len())..range.start + written.trim_end().len()
    }

    /// The template's action around a byte, what stands between its braces, and the part of its pipeline.
    fn action(&self, offset: usize, braces: Braces) -> Vec<Range<usize>> {
        let before = self.text.get(..offset).unwrap_or("");
        let in_mark = || before.ends_with(braces.open.get(..1).unwrap_or("")).then(|| offset - 1);
        let Some(open) = before.rfind(braces.open).or_else(in_mark) else {
            return Vec::new();
        };
        let length = self.text.get(open..).and_then(|rest| rest.find(braces.close));
        let Some(length) = length else { return Vec::new() };
        let close = open + length;
        if close + 2 < offset {
            return Vec::new();
        }
        let trim = |range: Range<usize>, extra: &[char]| {
            let is_outside = |c: char| c.is_whitespace() || extra.contains(&c);
            let text = self.text.get(range.clone()).unwrap_or("");
            let start = range.start + (text.len() - text.trim_start_matches(is_outside).len());
            start..(range.start + text.trim_end_matches(is_outside).len()).max(start)
        };
        let inner = open + 2..close.max(open + 2);
        let mut found = vec![open..close + 2, trim(inner.clone(), &['-'])];
        let mut start = inner.start;
        for part in self.text.get(inner).unwrap_or("").split('|') {
            let range = trim(start..start + part.len(), &['-', ' ']);
            if range.start <= offset && offset <= range.end {
                found.push(range);
            }
            start += part.len() + 1;
        }
        found
    }
}

fn inside_quotes(scalar: &Scalar, place: &Range<usize>) -> Option<Range<usize>> {
    let is_quoted = matches!(scalar.style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
    (is_quoted && place.len() >= 2).then(|| place.start + 1..place.end - 1)
}

fn is_part_of_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | '/' | ':')
}

/// The characters of a kind around a byte.
fn word(text: &str, offset: usize, is_part: impl Fn(char) -> bool) -> Option<Range<usize>> {
    let before = text.get(..offset)?;
    let after = text.get(offset..)?;
    let start = before.trim_end_matches(&is_part).len();
    let end = text.len() - after.trim_start_matches(&is_part).len();
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ez_compiler::source::LineIndex;

    use super::super::fixture::assert_snapshot;
    use super::*;

    /// What is selected from `$0` outwards.
    fn selections(marked: &str) -> String {
        selections_in("/p/Taskfile.yml", marked)
    }

    fn selections_in(path: &str, marked: &str) -> String {
        let offset = marked.find("$0").unwrap();
        let text = marked.replacen("$0", "", 1);
        let source =
            SourceFile { path: path.into(), lines: LineIndex::new(&text), text: Arc::from(text.as_str()) };
        let chain = Selector::new(&source).at(offset);
        chain.iter().fold(String::new(), |seen, range| seen + &format!("{:?}\n", &text[range.clone()]))
    }

    const FILE: &str = "version: '3'\ntasks:\n  a:\n    desc: builds it\n    cmds:\n      - \"echo {{.DIR | default `x`}} all\"\n      - task: b\n";

    fn at(word: &str) -> String {
        selections(&FILE.replacen(word, &format!("$0{word}"), 1))
    }

    #[test]
    fn from_a_word_of_a_template_to_the_document() {
        assert_snapshot!(at("DIR"));
    }

    #[test]
    fn from_a_function_of_a_template() {
        assert_snapshot!(at("default"));
    }

    #[test]
    fn from_a_word_between_the_angles_of_a_template_file() {
        let text = "version: '1'\ntask: |\n  desc: {{.X}} <%- .po$0rt | add 1 %> on\n";
        assert_snapshot!(selections_in("/p/templates/a.yml", text));
    }

    #[test]
    fn from_a_key() {
        assert_snapshot!(at("desc"));
    }

    #[test]
    fn from_a_plain_value() {
        assert_snapshot!(at("it\n"));
    }

    #[test]
    fn from_a_value_in_a_list() {
        assert_snapshot!(at("b\n"));
    }

    #[test]
    fn from_a_line_of_a_script() {
        assert_snapshot!(selections("a: |\n  one two\n  th$0ree four\nb: 1\n"));
    }

    #[test]
    fn from_brackets() {
        assert_snapshot!(selections("a: {b: [x, y$0z], c: 1}\n"));
    }

    #[test]
    fn from_a_comment_and_a_broken_text() {
        assert_snapshot!(selections("a: 1 # no$0te here\nb: [\n"));
        assert_eq!(selections("$0"), "");
    }
}
