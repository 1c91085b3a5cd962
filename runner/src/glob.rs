//! Which files `sources` and `generates` name, as go-task finds them.
//!
//! go-task has two ways. A plain `dir/**/name` is walked: hidden files and directories count, symbolic links to
//! directories are not followed. Everything else goes through its shell's expansion: braces, quotes and variables count,
//! `*` and `**` leave out hidden names, `**` follows links.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use ez_compiler::shell::{Environment, Field, Pattern, PatternRules, expand_fields, has_glob};
use rustc_hash::FxHashMap;

use crate::gitignore;
use crate::path::{clean, smart_join};

/// Characters that go-task takes the shell's meaning away from before it expands a glob.
const ESCAPED: [char; 4] = [' ', '&', '(', ')'];

/// One entry of `sources` or `generates`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glob<'a> {
    /// The rendered pattern.
    pub pattern: &'a str,
    /// Whether it takes files away (`exclude`).
    pub negate: bool,
}

/// The files that the globs name, sorted: each glob adds its files or takes them away, in order. Directories are left out.
///
/// A glob that fails adds nothing, as in go-task: one that is no shell text, or that names a file which is not there.
/// `use_gitignore` leaves out what git ignores, within a repository.
pub fn expand_globs(
    directory: &str,
    globs: &[Glob<'_>],
    environment: Environment<'_>,
    use_gitignore: bool,
) -> Vec<String> {
    let disk = Disk::default();
    // The common case, one glob, needs no map.
    let mut files = if let [Glob { pattern, negate: false }] = globs {
        let mut files = disk.glob(directory, pattern, environment).unwrap_or_default();
        files.sort_unstable();
        files.dedup();
        files
    } else {
        disk.merged(directory, globs, environment)
    };
    if use_gitignore {
        gitignore::remove_ignored(&mut files, directory);
    }
    files
}

/// Why a glob adds nothing.
#[derive(Debug)]
enum GlobError {
    Disk,
    Text,
}

impl From<io::Error> for GlobError {
    fn from(_: io::Error) -> Self {
        Self::Disk
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    Link,
    File,
    /// Not looked at yet.
    Unknown,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    kind: Kind,
}

#[derive(Debug)]
struct Match {
    path: String,
    kind: Kind,
}

/// The disk, with each directory read once.
#[derive(Default)]
struct Disk {
    directories: RefCell<FxHashMap<String, Rc<[Entry]>>>,
}

impl Disk {
    fn merged(&self, directory: &str, globs: &[Glob<'_>], environment: Environment<'_>) -> Vec<String> {
        let mut included: FxHashMap<String, bool> = FxHashMap::default();
        for glob in globs {
            for file in self.glob(directory, glob.pattern, environment).unwrap_or_default() {
                included.insert(file, !glob.negate);
            }
        }
        let mut files: Vec<String> =
            included.into_iter().filter_map(|(file, included)| included.then_some(file)).collect();
        files.sort_unstable();
        files
    }

    fn glob(
        &self,
        directory: &str,
        glob: &str,
        environment: Environment<'_>,
    ) -> Result<Vec<String>, GlobError> {
        let glob = smart_join(directory, glob);
        if let Some(files) = self.walked(&glob) {
            return files;
        }
        let escaped = escape(&glob);
        let fields = expand_fields(&escaped, environment).map_err(|_| GlobError::Text)?;
        let mut files = Vec::new();
        for field in fields {
            match field {
                Field::Text(path) => files.push(Match { path, kind: Kind::Unknown }),
                Field::Glob { pattern, text } => match self.matches(&pattern)? {
                    Some(matches) => files.extend(matches),
                    None => files.push(Match { path: text, kind: Kind::Unknown }),
                },
            }
        }
        files_only(files)
    }

    fn read(&self, directory: &str) -> io::Result<Rc<[Entry]>> {
        if let Some(entries) = self.directories.borrow().get(directory) {
            return Ok(Rc::clone(entries));
        }
        let entries: Rc<[Entry]> = read_directory(directory)?.into();
        self.directories.borrow_mut().insert(directory.to_owned(), Rc::clone(&entries));
        Ok(entries)
    }

    /// The files of `root/**/name`; `None` where the pattern has another form, or a link makes the walk unfit.
    fn walked(&self, pattern: &str) -> Option<Result<Vec<String>, GlobError>> {
        let pattern = clean(pattern);
        let (root, name) = pattern.split_once("/**/")?;
        let plain = !root.is_empty()
            && !name.is_empty()
            && !name.contains(['/', '{', '}'])
            && !root.contains(['*', '?', '[', ']', '{', '}']);
        if !plain {
            return None;
        }
        let name = Pattern::compile(name, PatternRules::Go);
        match std::fs::symlink_metadata(root) {
            Err(error) => return Some(Err(error.into())),
            Ok(metadata) if !metadata.is_dir() => return None,
            Ok(_) => {}
        }
        let mut files = Vec::new();
        let mut directories = vec![root.to_owned()];
        while let Some(directory) = directories.pop() {
            let entries = match self.read(&directory) {
                Ok(entries) => entries,
                Err(error) => return Some(Err(error.into())),
            };
            for entry in entries.iter() {
                match entry.kind {
                    Kind::Directory => {
                        directories.push(join(&directory, &entry.name));
                        continue;
                    }
                    Kind::Link => match std::fs::metadata(join(&directory, &entry.name)) {
                        Err(error) => return Some(Err(error.into())),
                        Ok(metadata) if metadata.is_dir() => return None,
                        Ok(_) => {}
                    },
                    Kind::File | Kind::Unknown => {}
                }
                match &name {
                    Ok(name) if name.matches(&entry.name) => files.push(join(&directory, &entry.name)),
                    Ok(_) => {}
                    Err(_) => return Some(Err(GlobError::Text)),
                }
            }
        }
        Some(Ok(files))
    }

    /// What a shell pattern matches; `None` where the pattern is wrong and stands for itself.
    fn matches(&self, pattern: &str) -> Result<Option<Vec<Match>>, GlobError> {
        let (start, rest) = match pattern.strip_prefix('/') {
            Some(rest) => ("/", rest),
            None => ("", pattern),
        };
        let mut matches = vec![Match { path: start.to_owned(), kind: Kind::Unknown }];
        let mut parts = rest.split('/').peekable();
        while let Some(part) = parts.next() {
            let wants_directory = parts.peek().is_some();
            if matches!(part, "" | "." | "..") {
                for found in &mut matches {
                    *found = Match { path: join(&found.path, part), kind: Kind::Unknown };
                }
            } else if !has_glob(part) {
                matches.retain_mut(|found| {
                    let path = join(&found.path, part);
                    let stays = may_stay(&path, wants_directory);
                    *found = Match { path, kind: Kind::Unknown };
                    stays
                });
            } else if part == "**" {
                matches = self.below(&matches, wants_directory);
            } else {
                let Ok(name) = Pattern::compile(part, PatternRules::ShellName) else { return Ok(None) };
                let mut found = Vec::new();
                for directory in &matches {
                    self.children(&directory.path, wants_directory, &mut found, |child| name.matches(child))?;
                }
                matches = found;
            }
        }
        matches.retain(|found| !found.path.is_empty());
        Ok(Some(matches))
    }

    /// `**`: the directories themselves and what is below them, links followed, hidden names left out.
    fn below(&self, directories: &[Match], wants_directory: bool) -> Vec<Match> {
        let mut found = Vec::new();
        let mut open: Vec<Match> = directories
            .iter()
            .map(|directory| Match { path: join(&directory.path, ""), kind: Kind::Directory })
            .collect();
        while let Some(directory) = open.pop() {
            if directory.kind != Kind::File {
                // What is no directory, or cannot be read, has nothing below it.
                let _ =
                    self.children(&directory.path, wants_directory, &mut open, |name| !name.starts_with('.'));
            }
            found.push(directory);
        }
        found
    }

    fn children(
        &self,
        directory: &str,
        wants_directory: bool,
        found: &mut Vec<Match>,
        matches: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        let entries = self.read(if directory.is_empty() { "." } else { directory })?;
        for entry in entries.iter().filter(|entry| matches(&entry.name)) {
            let path = join(directory, &entry.name);
            let fits = !wants_directory
                || match entry.kind {
                    Kind::Directory => true,
                    Kind::Link => std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir()),
                    Kind::File | Kind::Unknown => false,
                };
            if fits {
                found.push(Match { path, kind: entry.kind });
            }
        }
        Ok(())
    }
}

/// Whether a part without patterns leaves a path that can go on (or, at the end, that is not known to be missing).
fn may_stay(path: &str, wants_directory: bool) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_dir() || !wants_directory,
        Err(error) => error.kind() != io::ErrorKind::NotFound && !wants_directory,
    }
}

fn read_directory(directory: &str) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // A name that is no UTF-8 cannot be written in a Taskfile, nor printed by a template.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        let kind = if kind.is_dir() {
            Kind::Directory
        } else if kind.is_symlink() {
            Kind::Link
        } else {
            Kind::File
        };
        entries.push(Entry { name: name.into_boxed_str(), kind });
    }
    Ok(entries)
}

/// Drops directories; a file that is not there is an error.
fn files_only(matches: Vec<Match>) -> Result<Vec<String>, GlobError> {
    let mut files = Vec::with_capacity(matches.len());
    for found in matches {
        let is_directory = match found.kind {
            Kind::Directory => true,
            Kind::File => false,
            Kind::Link | Kind::Unknown => std::fs::metadata(&found.path)?.is_dir(),
        };
        if !is_directory {
            files.push(found.path);
        }
    }
    Ok(files)
}

fn escape(glob: &str) -> String {
    let mut escaped = String::with_capacity(glob.len());
    for c in glob.chars() {
        if ESCAPED.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Joins without cleaning; an empty name leaves a slash at the end.
fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        return name.to_owned();
    }
    let slash = usize::from(!directory.ends_with('/'));
    let mut path = String::with_capacity(directory.len() + slash + name.len());
    path.push_str(directory);
    if slash == 1 {
        path.push('/');
    }
    path.push_str(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree {
        root: tempfile::TempDir,
    }

    impl Tree {
        fn new(files: &[&str]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                let path = root.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, file).unwrap();
            }
            Self { root }
        }

        fn path(&self) -> &str {
            self.root.path().to_str().unwrap()
        }

        fn globs(&self, patterns: &[&str]) -> String {
            let globs: Vec<Glob<'_>> = patterns
                .iter()
                .map(|pattern| match pattern.strip_prefix('!') {
                    Some(pattern) => Glob { pattern, negate: true },
                    None => Glob { pattern, negate: false },
                })
                .collect();
            let environment = |name: &str| (name == "X").then(|| "b".to_owned());
            let files = expand_globs(self.path(), &globs, &environment, false);
            let below = format!("{}/", self.path());
            let shown: Vec<&str> =
                files.iter().map(|file| file.strip_prefix(&below).unwrap_or(file)).collect();
            shown.join(" ")
        }
    }

    #[test]
    fn globs_find_what_go_task_finds() {
        let tree = Tree::new(&[
            "a.txt",
            "b.txt",
            ".h.txt",
            "c d.txt",
            "x(1).txt",
            "x*y",
            "src/a.go",
            "src/.b.go",
            "src/sub/c.go",
            "src/.hid/d.go",
            "src/sub/deep/e.go",
            "src/sub/n.md",
        ]);
        for (patterns, expected) in [
            (&["*.txt"][..], "a.txt b.txt c d.txt x(1).txt"),
            (&[".*.txt"], ".h.txt"),
            (&["?h.txt"], ".h.txt"),
            (&["*.*"], ".h.txt a.txt b.txt c d.txt x(1).txt"),
            (&["{a,b}.txt"], "a.txt b.txt"),
            (&["{a,missing}.txt"], ""),
            (&["{a,missing}*.txt"], "a.txt"),
            (&["a.txt", "missing.txt"], "a.txt"),
            (&["c d.txt", "x(1).txt"], "c d.txt x(1).txt"),
            (&["$X.txt", "'a'.txt"], "a.txt b.txt"),
            (&["[ab].txt"], "a.txt b.txt"),
            (&["[!a].txt"], "b.txt"),
            (&["[z-a].txt"], ""),
            (&["x\\*y"], "x*y"),
            (&["\\*.txt"], ""),
            // A plain recursive glob takes hidden names, any other does not.
            (&["src/**/*.go"], "src/.b.go src/.hid/d.go src/a.go src/sub/c.go src/sub/deep/e.go"),
            (&["**/src/**/*.go"], "src/a.go src/sub/c.go src/sub/deep/e.go"),
            (&["src/**/{c,e}.go"], "src/sub/c.go src/sub/deep/e.go"),
            (&["src/**/{c,e}*.go"], "src/sub/c.go src/sub/deep/e.go"),
            (&["src/**"], "src/a.go src/sub/c.go src/sub/deep/e.go src/sub/n.md"),
            (&["src/*"], "src/a.go"),
            (&["src/*/*.go"], "src/sub/c.go"),
            (&["src"], ""),
            (&["src/**/*.go", "!src/sub/**/*.go"], "src/.b.go src/.hid/d.go src/a.go"),
            (&["src/*.go", "!src/a.go", "src/a.go"], "src/a.go"),
            (&["nowhere/**/*.go"], ""),
            (&["src/**/[a"], ""),
            (&["./a.txt"], "a.txt"),
            (&["src/../a.txt"], "a.txt"),
            (&["$(x).txt", "a;b", "'"], ""),
        ] {
            assert_eq!(tree.globs(patterns), expected, "{patterns:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_by_the_shell_alone() {
        let tree = Tree::new(&["real/a.go", "src/b.go"]);
        std::os::unix::fs::symlink("../real", format!("{}/src/link", tree.path())).unwrap();
        assert_eq!(tree.globs(&["src/**/*.go"]), "src/b.go src/link/a.go");
        assert_eq!(tree.globs(&["src/**"]), "src/b.go src/link/a.go");
        std::os::unix::fs::symlink("nowhere", format!("{}/real/broken", tree.path())).unwrap();
        assert_eq!(tree.globs(&["real/**/*.go"]), "");
        assert_eq!(tree.globs(&["real/*.go"]), "real/a.go");
        assert_eq!(tree.globs(&["real/*"]), "");
    }
}
