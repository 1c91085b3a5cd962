//! Small projects for tests, with files that cannot be read and files of the network among the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::{
    DirectoryEntry, FileSystem, MemoryFileSystem, PathKind, ReadError, RemoteError,
};
use ez_compiler::template::PureHost;
use ez_compiler::{Compilation, Dialect, Options, Purpose, compile};

/// Where the files of a project are.
pub const ROOT: &str = "/project";

/// The root Taskfile of every project.
pub const TASKFILE: &str = "Taskfile.yml";

/// Files of a project by path, the root Taskfile first.
///
/// A path may be an address. Behind a path may stand what is wrong with it: `!not-utf8 7` (the first bad byte),
/// `!unreadable permission denied`, `!absent`.
pub type ProjectFiles = Vec<(String, String)>;

#[derive(Default)]
struct TestFiles {
    memory: MemoryFileSystem,
    broken: BTreeMap<Utf8PathBuf, ReadError>,
    remote: BTreeMap<String, Arc<str>>,
}

impl TestFiles {
    fn new(files: &[(String, String)]) -> Self {
        let mut all = Self::default();
        for (path, text) in files {
            let (path, flaw) = path.split_once(" !").unwrap_or((path, ""));
            let (flaw, detail) = flaw.split_once(' ').unwrap_or((flaw, ""));
            let place = Utf8PathBuf::from(format!("{ROOT}/{path}"));
            let error = match flaw {
                "" if path.contains("://") => {
                    all.remote.insert(path.to_owned(), text.as_str().into());
                    continue;
                }
                "" => {
                    all.memory = all.memory.with(place, text.as_str());
                    continue;
                }
                "absent" => continue,
                "not-utf8" => ReadError::NotUtf8 { offset: detail.parse().expect("an offset") },
                "unreadable" => ReadError::Other(detail.to_owned()),
                other => panic!("no flaw is called {other}"),
            };
            all.broken.insert(place, error);
        }
        all
    }
}

impl FileSystem for TestFiles {
    fn read(&self, path: &Utf8Path) -> Result<Arc<str>, ReadError> {
        self.broken.get(path).map_or_else(|| self.memory.read(path), |error| Err(error.clone()))
    }

    fn kind(&self, path: &Utf8Path) -> Option<PathKind> {
        if self.broken.contains_key(path) { Some(PathKind::File) } else { self.memory.kind(path) }
    }

    fn list(&self, directory: &Utf8Path) -> Option<Vec<DirectoryEntry>> {
        self.memory.list(directory)
    }

    fn read_remote(&self, url: &str, checksum: Option<&str>) -> Result<Arc<str>, RemoteError> {
        match self.remote.get(url) {
            Some(text) => Ok(Arc::clone(text)),
            None => self.memory.read_remote(url, checksum),
        }
    }
}

/// Compiles a project with all rules.
pub fn compile_files(files: &[(String, String)], previous: Option<&Compilation>) -> Compilation {
    let options = Options {
        root_dir: Utf8PathBuf::from(ROOT),
        host: &PureHost,
        purpose: Purpose::Check,
        dialect: Dialect::Ez,
        folder: None,
    };
    compile(&TestFiles::new(files), &Utf8PathBuf::from(format!("{ROOT}/{TASKFILE}")), &options, previous)
}

/// Splits a text into files: `marker` and a path begin another one.
pub fn split(text: &str, marker: &str) -> ProjectFiles {
    let mut files = vec![(TASKFILE.to_owned(), String::new())];
    for line in text.lines() {
        if let Some(path) = line.strip_prefix(marker) {
            let is_first = files.len() == 1 && files[0].1.is_empty();
            if is_first && path.starts_with(TASKFILE) {
                files.clear();
            }
            files.push((path.to_owned(), String::new()));
        } else if let Some((_, text)) = files.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    files
}
