//! Files that are each read for themselves: plans, metadata of folder tasks, plugins, templates. What an unchanged text
//! gave is taken from an earlier compilation.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;

use crate::file_system::{FileSystem, ReadError};
use crate::source::{FileId, SourceMap, Span};
use crate::yaml::{self, Document};

/// A file as text and as YAML.
#[derive(Clone, Debug)]
pub struct YamlFile {
    /// The path.
    pub path: Utf8PathBuf,
    /// The text; that of a file that cannot be read is empty.
    pub file: FileId,
    text: Arc<str>,
    /// Why it cannot be read.
    pub error: Option<ReadError>,
    /// The text as YAML.
    pub document: Document,
}

impl YamlFile {
    /// The beginning of the file.
    pub fn start(&self) -> Span {
        Span::new(self.document.source, 0, 0)
    }
}

/// Files of one kind, and what was made of each.
#[derive(Clone, Debug)]
pub struct YamlFiles<T> {
    read: FxHashMap<Utf8PathBuf, Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    file: Arc<YamlFile>,
    made: Arc<T>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { file: Arc::clone(&self.file), made: Arc::clone(&self.made) }
    }
}

impl<T> Default for YamlFiles<T> {
    fn default() -> Self {
        Self { read: FxHashMap::default() }
    }
}

/// Whose a file is in a directory in which other programs may have theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// One of ours.
    Ours,
    /// Nothing yet: it may become one of ours while it is written.
    Open,
    /// Another program's.
    Foreign,
}

impl Claim {
    /// Of a file that is not ours yet, by the keys of ours: it is open while every line at the margin is one of these keys, or
    /// begins as one does.
    pub fn of_unfinished(text: &str, keys: &[&str]) -> Self {
        let may_be_key = |line: &str| match line.split_once(':') {
            Some((key, _)) => key == "$schema" || keys.contains(&key.trim_end()),
            None => keys.iter().any(|key| key.starts_with(line.trim_end())),
        };
        let at_margin = text.lines().filter(|line| !line.is_empty() && !line.starts_with([' ', '\t', '#']));
        let mut lines = at_margin.filter(|line| !line.starts_with("---"));
        if lines.all(may_be_key) { Self::Open } else { Self::Foreign }
    }
}

impl<T> YamlFiles<T> {
    /// What `make` makes of the file at a path, also where it cannot be read. It must look at nothing but the file, and is
    /// given what it made of an earlier text of the file. A text that did not change since `previous` is not looked at again.
    pub fn read(
        &mut self,
        path: &Utf8Path,
        files: &dyn FileSystem,
        sources: &mut SourceMap,
        previous: Option<&Self>,
        make: impl FnOnce(&YamlFile, &SourceMap, Option<&T>) -> T,
    ) -> Arc<T> {
        let (text, error) = match files.read(path) {
            Ok(text) => (text, None),
            Err(error) => (Arc::from(""), Some(error)),
        };
        let known = previous.and_then(|previous| previous.read.get(path));
        let is_unchanged = |known: &&Entry<T>| known.file.error == error && known.file.text == text;
        if let Some(entry) = known.filter(is_unchanged) {
            sources.keep(entry.file.file);
            self.read.insert(path.to_owned(), entry.clone());
            return Arc::clone(&entry.made);
        }
        let file = sources.set_text(path, &text);
        let document = yaml::parse(&text, file, sources, known.map(|known| &known.file.document));
        let file = YamlFile { path: path.to_owned(), file, text, error, document };
        let made = Arc::new(make(&file, sources, known.map(|known| &*known.made)));
        self.read.insert(path.to_owned(), Entry { file: Arc::new(file), made: Arc::clone(&made) });
        made
    }

    /// How many fragments the files' trees are in.
    pub fn fragment_count(&self) -> usize {
        self.read.values().map(|entry| entry.file.document.fragment_count()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_system::MemoryFileSystem;

    #[test]
    fn what_another_program_wrote_is_told_from_what_is_being_written() {
        let keys = ["version", "desc", "files"];
        for text in ["", "\n# why\n", "ver", "version: 1\nde", "---\nfiles:\n  a: b\n", "$schema: x\n"] {
            assert_eq!(Claim::of_unfinished(text, &keys), Claim::Open, "{text}");
        }
        for text in ["apiVersion: v1\n", "- a\n", "{{- if .X }}\n", "desc: x\nkind: y\n", "{}"] {
            assert_eq!(Claim::of_unfinished(text, &keys), Claim::Foreign, "{text}");
        }
    }

    #[test]
    fn a_file_is_made_something_of_once_a_text() {
        let mut sources = SourceMap::default();
        let mut known: Option<YamlFiles<usize>> = None;
        let mut read = |text: &str| {
            let files = MemoryFileSystem::new().with("/a", text);
            sources = sources.next();
            let mut read = YamlFiles::default();
            let made = read.read("/a".into(), &files, &mut sources, known.as_ref(), |_, _, before| {
                before.map_or(1, |before| before + 1)
            });
            let fragments = (read.fragment_count(), sources.fragment_count());
            known = Some(read);
            (*made, fragments)
        };
        assert_eq!(read("a: 1\nb: 2\n"), (1, (3, 3)));
        assert_eq!(read("a: 1\nb: 2\n"), (1, (3, 3)));
        assert_eq!(read("\na: 1\nb: 3\n"), (2, (3, 4)));
    }
}
