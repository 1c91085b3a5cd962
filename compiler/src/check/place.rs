//! From a place in a scalar's text to the place in the file.

use std::ops::Range;

use crate::ast::Text;
use crate::source::{FileId, SourceMap, Span};
use crate::yaml::node::Scalar;
use crate::yaml::position::Places;

/// Where the bytes of a scalar's text stand, for one that is asked for many of them.
#[derive(Clone, Debug)]
pub struct TextPlaces {
    places: Places,
    file: FileId,
    span: Span,
}

impl TextPlaces {
    /// Of a text that stands in `sources`.
    pub fn new(text: &Text, sources: &SourceMap) -> Self {
        let whole = sources.locate(text.span);
        let scalar = Scalar { text: text.value.clone(), style: text.style };
        let places = Places::new(scalar, &sources.file(whole.file).text, &whole.range);
        Self { places, file: whole.file, span: text.span }
    }

    /// The span of some bytes of the text.
    ///
    /// Folding, indentation and escapes are undone. Where that is not possible the whole scalar stands for the place.
    pub fn span(&self, range: &Range<usize>, sources: &SourceMap) -> Span {
        let Some(found) = self.places.range(&sources.file(self.file).text, range) else { return self.span };
        let base = sources.base(self.span.source);
        let relative = |at: usize| at.saturating_sub(base) as u32;
        Span { source: self.span.source, start: relative(found.start), end: relative(found.end) }
    }
}

/// The span of some bytes of a scalar's text, as [`TextPlaces::span`] gives it.
pub fn span_in(text: &Text, range: &Range<usize>, sources: &SourceMap) -> Span {
    TextPlaces::new(text, sources).span(range, sources)
}

/// The span of a text inside a larger value, of which only the whole is known: where it stands there as it is.
pub fn span_of_piece(piece: &str, whole: Span, sources: &SourceMap) -> Option<Span> {
    let written = sources.text(whole);
    let at = written.find(piece)?;
    let start = whole.start + at as u32;
    Some(Span { source: whole.source, start, end: start + piece.len() as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::node::ScalarStyle;

    /// The bytes of `value` named `wanted` must be found at the same word in `written`, which follows `header`.
    fn check(header: &str, written: &str, value: &str, style: ScalarStyle, wanted: &str, expected: &str) {
        let mut sources = SourceMap::default();
        let before = "tasks:\n  a:\n";
        let text = format!("{before}{header}{written}");
        let file = sources.add_file("Taskfile.yml", text.as_str());
        let source = sources.add_fragment(file, before.len());
        let span = Span::new(source, header.len(), header.len() + written.len());
        let text = Text { value: value.into(), span, style };
        let at = value.find(wanted).unwrap();
        let span = span_in(&text, &(at..at + wanted.len()), &sources);
        assert_eq!(sources.text(span), expected, "{written:?}");
        assert_eq!(span.start as usize, header.len() + written.rfind(expected).unwrap(), "{written:?}");
    }

    #[test]
    fn places_survive_every_style() {
        use ScalarStyle as S;
        let flow = |written, value, style, wanted, expected| {
            check("    desc: ", written, value, style, wanted, expected);
        };
        flow("echo {{.X}}", "echo {{.X}}", S::Plain, ".X", ".X");
        flow("echo\n      {{.X}} b", "echo {{.X}} b", S::Plain, ".X", ".X");
        flow("echo\n      {{.X}} b", "echo {{.X}} b", S::Plain, "echo {{", "echo\n      {{");
        flow("'it''s {{.X}}'", "it's {{.X}}", S::SingleQuoted, "X", "X");
        flow("'it''s'", "it's", S::SingleQuoted, "'", "''");
        flow("\"a\\n\\\"{{.X}}\\\"\"", "a\n\"{{.X}}\"", S::DoubleQuoted, ".X", ".X");
        flow("\"a \\\n   {{.X}}\"", "a {{.X}}", S::DoubleQuoted, ".X", ".X");
        flow("\"\\x41\\u00e4 {{.X}}\"", "Aä {{.X}}", S::DoubleQuoted, "X", "X");
        flow("\"\\x41\\u00e4 {{.X}}\"", "Aä {{.X}}", S::DoubleQuoted, "ä", "\\u00e4");
        // What does not stand there is the whole scalar.
        flow("\"a\\nb\"", "other text", S::DoubleQuoted, "text", "\"a\\nb\"");
        let block = |written, value, style, wanted, expected| {
            check("    desc: >\n      ", written, value, style, wanted, expected);
        };
        block("one\n      two {{.X}}\n", "one\ntwo {{.X}}\n", S::Literal, ".X", ".X");
        block("one\n      two {{.X}}\n", "one\ntwo {{.X}}\n", S::Literal, "two {{.X}}", "two {{.X}}");
        let folded = "one\n      two\n\n      three {{.X}}\n";
        block(folded, "one two\nthree {{.X}}\n", S::Folded, "three {{.X", "three {{.X");
        block("a  b {{.X}}\n", "a  b {{.X}}\n", S::Literal, "b {{.X}}", "b {{.X}}");
    }
}
