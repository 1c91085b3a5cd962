//! Text and places in it.
//!
//! A [`Span`] does not point into a file but into a *fragment* of one (a task's block, or a whole file). A fragment
//! knows where in its file it starts, so that an edit above a task moves one number and leaves every span, syntax
//! tree and cached diagnostic of that task valid.

use std::ops::Range;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// A fragment of a file in a [`SourceMap`]: what spans are relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// A byte range in a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The fragment.
    pub source: SourceId,
    /// First byte, relative to the fragment's start.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from two byte offsets of a fragment.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        Self { source, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; `self` where the two are of different fragments.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.source == other.source {
            Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
        } else {
            self
        }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// The same place where fragments have ids that are higher by so much.
    #[must_use]
    pub fn moved_up(self, fragments: u32) -> Self {
        Self { source: SourceId(self.source.0 + fragments), ..self }
    }

    /// Whether the span covers no byte.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value to its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A file's text with its line index.
#[derive(Debug)]
pub struct SourceFile {
    /// The path by which the file was read.
    pub path: Utf8PathBuf,
    /// The text.
    pub text: Arc<str>,
    /// Where the lines begin.
    pub lines: LineIndex,
}

/// A place in a file: the file and an absolute byte range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// Byte range from the start of the file.
    pub range: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Fragment {
    file: FileId,
    base: u32,
}

/// All texts of one compilation.
///
/// A compilation that starts from a previous one starts from its map, by [`Self::next`]: files and fragments keep their ids
/// there, and those that are new get new ones.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<Arc<SourceFile>>,
    fragments: Vec<Fragment>,
    /// The newest file of each path.
    by_path: FxHashMap<Utf8PathBuf, FileId>,
    /// The files that are a part of this compilation, in the order in which it read them.
    order: Vec<FileId>,
    /// For each file its place in `order`.
    ranks: Vec<Option<u32>>,
}

impl SourceMap {
    /// Adds a file, also where there is one of that path.
    pub fn add_file(&mut self, path: impl Into<Utf8PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        let text = text.into();
        let lines = LineIndex::new(&text);
        let path = path.into();
        let file = FileId(self.files.len() as u32);
        self.by_path.insert(path.clone(), file);
        self.files.push(Arc::new(SourceFile { path, text, lines }));
        self.ranks.push(None);
        self.keep(file);
        file
    }

    /// The file of a path, with this text. One that is known gets the text and keeps its id; where the text is another one,
    /// its fragments must then be moved or made anew.
    pub fn set_text(&mut self, path: &Utf8Path, text: &Arc<str>) -> FileId {
        let Some(file) = self.by_path.get(path).copied() else {
            return self.add_file(path, Arc::clone(text));
        };
        if self.file(file).text != *text {
            self.replace_text(file, Arc::clone(text));
        }
        self.keep(file);
        file
    }

    /// Gives a known file a new text; its fragments must then be moved or made anew.
    pub fn replace_text(&mut self, file: FileId, text: impl Into<Arc<str>>) {
        let text = text.into();
        let lines = LineIndex::new(&text);
        let path = self.files[file.0 as usize].path.clone();
        self.files[file.0 as usize] = Arc::new(SourceFile { path, text, lines });
    }

    /// The map with which the next compilation starts: it knows everything that is here, and no file is a part of it.
    #[must_use]
    pub fn next(&self) -> Self {
        let ranks = vec![None; self.files.len()];
        Self { order: Vec::new(), ranks, ..self.clone() }
    }

    /// Makes a known file a part of the compilation.
    pub fn keep(&mut self, file: FileId) {
        let rank = self.order.len() as u32;
        if let Some(place) = self.ranks.get_mut(file.0 as usize)
            && place.is_none()
        {
            *place = Some(rank);
            self.order.push(file);
        }
    }

    /// Lets go of the texts of files that are no part of the compilation.
    pub fn release_others(&mut self) {
        let others = self.files.iter_mut().zip(&self.ranks).filter(|(_, rank)| rank.is_none());
        for (file, _) in others.filter(|(file, _)| !file.text.is_empty()) {
            let path = file.path.clone();
            *file = Arc::new(SourceFile { path, text: Arc::from(""), lines: LineIndex::new("") });
        }
    }

    /// The place of a file among those of the compilation, in the order in which they were read.
    pub fn rank(&self, file: FileId) -> usize {
        let rank = self.ranks.get(file.0 as usize).copied().flatten();
        rank.map_or(usize::MAX, |rank| rank as usize)
    }

    /// Gives a file that was read by one path another, by which it is shown.
    pub fn rename(&mut self, path: &Utf8Path, shown: &Utf8Path) {
        for file in self.files.iter_mut().filter(|file| file.path == path) {
            let SourceFile { text, lines, .. } = &**file;
            *file = Arc::new(SourceFile { path: shown.to_owned(), text: text.clone(), lines: lines.clone() });
        }
        if let Some(file) = self.by_path.remove(path) {
            self.by_path.insert(shown.to_owned(), file);
        }
    }

    /// Adds a fragment that begins at byte `base` of `file`.
    pub fn add_fragment(&mut self, file: FileId, base: usize) -> SourceId {
        self.fragments.push(Fragment { file, base: base as u32 });
        SourceId((self.fragments.len() - 1) as u32)
    }

    /// Moves a fragment, after an edit above it.
    pub fn move_fragment(&mut self, source: SourceId, base: usize) {
        self.fragments[source.0 as usize].base = base as u32;
    }

    /// Where a fragment begins in its file.
    pub fn base(&self, source: SourceId) -> usize {
        self.fragments[source.0 as usize].base as usize
    }

    /// The file of a fragment.
    pub fn file_of(&self, source: SourceId) -> FileId {
        self.fragments[source.0 as usize].file
    }

    /// Takes in the texts of another compilation. Gives the number by which its fragments are further up here; see
    /// [`Span::moved_up`].
    pub fn absorb(&mut self, other: &Self) -> u32 {
        let (files, fragments) = (self.files.len() as u32, self.fragments.len() as u32);
        self.files.extend(other.files.iter().cloned());
        self.ranks.resize(self.files.len(), None);
        let moved = |file: FileId| FileId(file.0 + files);
        let of_fragment = |fragment: &Fragment| Fragment { file: moved(fragment.file), ..*fragment };
        self.fragments.extend(other.fragments.iter().map(of_fragment));
        self.by_path.extend(other.by_path.iter().map(|(path, file)| (path.clone(), moved(*file))));
        for file in &other.order {
            self.keep(moved(*file));
        }
        fragments
    }

    /// A file by id.
    pub fn file(&self, file: FileId) -> &Arc<SourceFile> {
        &self.files[file.0 as usize]
    }

    /// The files of the compilation, in the order in which it read them.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &Arc<SourceFile>)> {
        self.order.iter().map(|&id| (id, self.file(id)))
    }

    /// How many fragments there are, those of texts that are gone among them.
    pub fn fragment_count(&self) -> usize {
        self.fragments.len()
    }

    /// Takes back the fragments that were added last, down to so many. No span may point into one of them.
    pub fn take_back_fragments(&mut self, count: usize) {
        self.fragments.truncate(count);
    }

    /// The file of the compilation that was read by this path, the newest if there are several.
    pub fn find(&self, path: &Utf8Path) -> Option<FileId> {
        let file = self.by_path.get(path).copied()?;
        self.ranks.get(file.0 as usize).copied().flatten().map(|_| file)
    }

    /// Where a span is in its file. Ends past the end of the text are cut.
    pub fn locate(&self, span: Span) -> Location {
        let fragment = self.fragments[span.source.0 as usize];
        let length = self.file(fragment.file).text.len();
        let start = (fragment.base as usize + span.start as usize).min(length);
        let end = (fragment.base as usize + span.end as usize).clamp(start, length);
        Location { file: fragment.file, range: start..end }
    }

    /// The text that a span covers.
    pub fn text(&self, span: Span) -> &str {
        let location = self.locate(span);
        self.file(location.file).text.get(location.range).unwrap_or("")
    }

    /// Line and column of a span's first byte.
    pub fn position(&self, span: Span) -> Position {
        let location = self.locate(span);
        let file = self.file(location.file);
        file.lines.position(&file.text, location.range.start)
    }
}

/// A line and a column, both from 1, the column in code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in code points, from 1.
    pub column: u32,
}

/// Where the lines of a text begin.
#[derive(Clone, Debug, Default)]
pub struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    /// Indexes a text. Lines end with `\n`, `\r\n` or a `\r` alone, as in YAML (1.2, 5.4) and in the language server
    /// protocol (3.17, text documents).
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let is_end = |at: &usize| bytes.get(*at) == Some(&b'\n') || bytes.get(at + 1) != Some(&b'\n');
        let ends = memchr::memchr2_iter(b'\n', b'\r', bytes).filter(is_end);
        Self { starts: std::iter::once(0).chain(ends.map(|at| at as u32 + 1)).collect() }
    }

    /// Number of lines; a final newline begins one more, empty, line.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Never true: an empty text has one empty line.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The line (from 0) that holds a byte.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|&s| s as usize <= offset).saturating_sub(1)
    }

    /// First byte of a line (from 0); the last line's for lines past the end.
    pub fn line_start(&self, line: usize) -> usize {
        self.starts[line.min(self.starts.len() - 1)] as usize
    }

    /// Byte range of a line (from 0) without its line end.
    pub fn line_range(&self, text: &str, line: usize) -> Range<usize> {
        let start = self.line_start(line);
        let end = self.starts.get(line + 1).map_or(text.len(), |&next| next as usize);
        let line = text.get(start..end).unwrap_or("");
        let body = line.strip_suffix('\n').unwrap_or(line);
        start..start + body.strip_suffix('\r').unwrap_or(body).len()
    }

    /// Line and column (from 1, in code points) of a byte.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.line_of(offset);
        let start = self.line_start(line);
        let column = text.get(start..offset).map_or(0, |t| t.chars().count());
        Position { line: line as u32 + 1, column: column as u32 + 1 }
    }

    /// Line and column from 0 in UTF-16 code units, as the language server protocol counts.
    pub fn position_utf16(&self, text: &str, offset: usize) -> (u32, u32) {
        let line = self.line_of(offset);
        let start = self.line_start(line);
        let before = text.get(start..offset).unwrap_or_default();
        let column = if before.is_ascii() { before.len() } else { before.chars().map(char::len_utf16).sum() };
        (line as u32, column as u32)
    }

    /// The byte at a line and column from 0 in UTF-16 code units; cut to the line's end.
    pub fn offset_utf16(&self, text: &str, line: u32, column: u32) -> usize {
        let range = self.line_range(text, line as usize);
        let mut left = column as usize;
        let mut offset = range.start;
        for c in text.get(range).unwrap_or("").chars() {
            if left < c.len_utf16() {
                break;
            }
            left -= c.len_utf16();
            offset += c.len_utf8();
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_code_points_and_utf16_units() {
        let text = "a: ü\nb: 😀x\n";
        let lines = LineIndex::new(text);
        let x = text.find('x').unwrap();
        assert_eq!(lines.position(text, x), Position { line: 2, column: 5 });
        assert_eq!(lines.position_utf16(text, x), (1, 5));
        assert_eq!(lines.offset_utf16(text, 1, 5), x);
        assert_eq!(lines.offset_utf16(text, 1, 99), text.len() - 1);
    }

    #[test]
    fn lines_end_as_in_yaml() {
        let text = "a\rb\r\nc\n\r\r\nd\r";
        let lines = LineIndex::new(text);
        let all: Vec<&str> = (0..lines.len()).map(|line| &text[lines.line_range(text, line)]).collect();
        assert_eq!(all, ["a", "b", "c", "", "", "d", ""]);
        let columns = ["b", "c", "d"].map(|name| lines.position_utf16(text, text.find(name).unwrap()));
        assert_eq!(columns, [(1, 0), (2, 0), (5, 0)]);
        assert_eq!((lines.offset_utf16(text, 0, 9), lines.offset_utf16(text, 1, 9)), (1, 3));
    }

    #[test]
    fn a_moved_fragment_carries_its_spans() {
        let mut map = SourceMap::default();
        let file = map.add_file("Taskfile.yml", "one\ntwo\n");
        let fragment = map.add_fragment(file, 4);
        let span = Span::new(fragment, 0, 3);
        assert_eq!(map.text(span), "two");
        map.replace_text(file, "zero\none\ntwo\n");
        map.move_fragment(fragment, 9);
        assert_eq!(map.text(span), "two");
        assert_eq!(map.position(span), Position { line: 3, column: 1 });
    }

    fn paths(map: &SourceMap) -> Vec<&str> {
        map.files().map(|(_, file)| file.path.as_str()).collect()
    }

    #[test]
    fn a_next_map_has_the_files_that_are_read_again() {
        let mut map = SourceMap::default();
        let [a, b] = ["a", "b"].map(|path| map.set_text(path.into(), &Arc::from(path)));
        let mut next = map.next();
        assert!(paths(&next).is_empty() && next.find("a".into()).is_none());
        let c = next.set_text("c".into(), &Arc::from("c"));
        assert_eq!(next.set_text("a".into(), &Arc::from("new")), a);
        next.release_others();
        assert_eq!((paths(&next), next.rank(a), next.rank(c)), (vec!["c", "a"], 1, 0));
        assert_eq!((&*next.file(a).text, &*next.file(b).text), ("new", ""));
        assert_eq!(next.set_text("b".into(), &Arc::from("b")), b);
        assert_eq!(paths(&next), ["c", "a", "b"]);
        assert_eq!((paths(&map), &*map.file(a).text), (vec!["a", "b"], "a"));
    }
}
