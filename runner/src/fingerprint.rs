//! Whether the sources of a task are as they were when it last ran: go-task's state files, byte for byte, and, for
//! EZ alone, a memory beside them that makes the check fast and explains its result.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::hash;
use crate::process::system_message;

/// Version of the format of the memory; another one is not read.
const MEMORY_VERSION: u32 = 1;

/// State of a task could not be kept. The text is go-task's.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {}", path.display(), system_message(source))]
pub struct FingerprintError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Where the fingerprints of a project are kept.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
    dry: bool,
    memory: Option<PathBuf>,
}

impl Store {
    /// Under go-task's directory for them (`.task`, [`state_directory`]). A dry store changes nothing.
    pub fn new(directory: impl Into<PathBuf>, dry: bool) -> Self {
        Self { directory: directory.into(), dry, memory: None }
    }

    /// Remembers more in a directory of EZ's own: so that files that were not touched are not read
    /// again, and [`Store::changes`] can tell which one was.
    #[must_use]
    pub fn with_memory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.memory = Some(directory.into());
        self
    }

    /// The file with the checksum of a task, by its label or full name.
    pub fn checksum_file(&self, name: &str) -> PathBuf {
        self.directory.join("checksum").join(file_name(name))
    }

    /// The file whose time is that of the last check of a task, by its full name.
    pub fn timestamp_file(&self, task: &str) -> PathBuf {
        self.directory.join("timestamp").join(file_name(task))
    }

    /// Whether the sources, given sorted, have the checksum that was recorded under a name, and everything that the
    /// task generates is there. Records the new one, whatever comes after.
    ///
    /// `is_complete` is asked last: whether each glob of `generates` matches something.
    ///
    /// # Errors
    /// The checksum cannot be recorded. Sources that cannot be read are no error: the task is to run.
    pub fn is_unchanged_by_checksum(
        &self,
        name: &str,
        sources: &[String],
        is_complete: impl FnOnce() -> bool,
    ) -> Result<bool, FingerprintError> {
        let file = self.checksum_file(name);
        let old = fs::read_to_string(&file).unwrap_or_default();
        let old = old.trim();
        let Ok(new) = self.checksum(name, sources) else { return Ok(false) };
        if !self.dry && old != new {
            self.record_checksum(&file, &new)?;
        }
        Ok(is_complete() && old == new)
    }

    fn record_checksum(&self, file: &Path, checksum: &str) -> Result<(), FingerprintError> {
        // Whether it failed shows when the file is written.
        fs::create_dir_all(self.directory.join("checksum")).ok();
        fs::write(file, format!("{checksum}\n")).map_err(|source| failed("open", file, source))
    }

    /// The checksum of sources, given sorted: the value of `CHECKSUM`.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn checksum(&self, name: &str, sources: &[String]) -> io::Result<String> {
        let Some(memory) = self.memory.as_ref().map(|directory| Memory::new(directory, name)) else {
            return hash::contents(sources, false).map(|contents| contents.checksum);
        };
        // Before the files are read: a change in between must show.
        let stamp = hash::stamp(sources, SystemTime::now()).map(|stamp| format!("{stamp:032x}"));
        let known = memory.summary();
        if let (Some(stamp), Some(known)) = (&stamp, &known)
            && *stamp == known.stamp
        {
            return Ok(known.checksum.clone());
        }
        let contents = hash::contents(sources, true)?;
        if !self.dry {
            memory.remember(known, stamp.unwrap_or_default(), sources, &contents);
        }
        Ok(contents.checksum)
    }

    /// Forgets the checksum of a task that failed.
    ///
    /// # Errors
    /// There is none, or it cannot be removed.
    pub fn forget(&self, name: &str) -> Result<(), FingerprintError> {
        let file = self.checksum_file(name);
        fs::remove_file(&file).map_err(|source| failed("remove", &file, source))
    }

    /// Whether no source is newer than what the task generates and than its last check. Records this check.
    ///
    /// `is_complete`: whether each glob of `generates` matches something; `generates`: all files they match.
    ///
    /// # Errors
    /// The time of the check cannot be recorded.
    pub fn is_unchanged_by_time(
        &self,
        task: &str,
        sources: &[String],
        generates: &[String],
        is_complete: bool,
    ) -> Result<bool, FingerprintError> {
        if !is_complete {
            return Ok(false);
        }
        let file = self.timestamp_file(task);
        let checked = fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
        if checked.is_none() && !self.dry {
            create(&file)?;
        }
        let now = SystemTime::now();
        let Ok(generated) = newest(generates) else { return Ok(false) };
        let Some(limit) = generated.max(checked) else { return Ok(false) };
        let Ok(changed) = any_newer(sources, limit) else { return Ok(false) };
        if !self.dry {
            set_time(&file, now)?;
        }
        Ok(!changed)
    }

    /// Which sources differ from those of the run whose checksum is recorded; `None` where that is not known.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn changes(&self, name: &str, sources: &[String]) -> io::Result<Option<Changes>> {
        let Some(directory) = &self.memory else { return Ok(None) };
        let recorded = fs::read_to_string(self.checksum_file(name)).unwrap_or_default();
        let Some(files) = Memory::new(directory, name).files_of(recorded.trim()) else { return Ok(None) };
        let now = hash::contents(sources, true)?;
        let mut before: FxHashMap<&str, u64> =
            files.iter().map(|(path, hash)| (path.as_str(), *hash)).collect();
        let mut changes = Changes::default();
        for (path, hash) in sources.iter().zip(now.each) {
            match before.remove(path.as_str()) {
                None => changes.added.push(path.clone()),
                Some(old) if old != hash => changes.changed.push(path.clone()),
                Some(_) => {}
            }
        }
        changes.removed = before.into_keys().map(str::to_owned).collect();
        changes.removed.sort_unstable();
        Ok(Some(changes))
    }
}

/// How sources differ from those of the last run. All sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that were no sources.
    pub added: Vec<String>,
    /// Files that are no sources any more.
    pub removed: Vec<String>,
    /// Files with other contents.
    pub changed: Vec<String>,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// The directory of fingerprints: `setting` (flag, variable or file; `.task` where there is none) seen from the root
/// directory. One that is absolute or at home is shared by projects and gets a part for each, named after its root
/// directory; `home` stands for `~`.
pub fn state_directory(root: &str, setting: Option<&str>, home: &str) -> PathBuf {
    let setting = setting.filter(|setting| !setting.is_empty()).unwrap_or(".task");
    let expanded = match setting.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => setting.to_owned(),
    };
    if setting.starts_with('~') || setting.starts_with('/') {
        Path::new(&expanded).join(crate::path::base_name(root))
    } else {
        Path::new(root).join(expanded)
    }
}

/// A name as a file name: all but ASCII letters and digits become `-`.
pub fn file_name(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

/// The newest time of the files, the value of `TIMESTAMP`; `None` without files.
///
/// # Errors
/// One of them is not there.
pub fn newest(files: &[String]) -> io::Result<Option<SystemTime>> {
    files.iter().try_fold(None, |newest, file| Ok(newest.max(Some(fs::metadata(file)?.modified()?))))
}

fn any_newer(files: &[String], limit: SystemTime) -> io::Result<bool> {
    for file in files {
        if fs::metadata(file)?.modified()? > limit {
            return Ok(true);
        }
    }
    Ok(false)
}

fn create(file: &Path) -> Result<(), FingerprintError> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(|source| failed("mkdir", directory, source))?;
    }
    File::create(file).map(drop).map_err(|source| failed("open", file, source))
}

fn set_time(file: &Path, time: SystemTime) -> Result<(), FingerprintError> {
    let times = FileTimes::new().set_accessed(time).set_modified(time);
    let set = File::options().write(true).open(file).and_then(|file| file.set_times(times));
    set.map_err(|source| failed("chtimes", file, source))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> FingerprintError {
    FingerprintError { action, path: path.to_owned(), source }
}

/// What EZ remembers of the sources of one task. All of it can be lost: then files are read again.
struct Memory {
    summary: PathBuf,
    files: PathBuf,
}

/// The part that every check reads.
#[derive(Debug, Serialize, Deserialize)]
struct Summary {
    version: u32,
    /// go-task's checksum.
    checksum: String,
    /// [`hash::stamp`] of the sources that have it; empty where they were too young.
    stamp: String,
}

/// The part that only an explanation reads.
#[derive(Debug, Serialize, Deserialize)]
struct Files {
    version: u32,
    checksum: String,
    /// Path and hash of the content.
    hashes: Vec<(String, u64)>,
}

impl Memory {
    fn new(directory: &Path, name: &str) -> Self {
        let name = file_name(name);
        Self {
            summary: directory.join(format!("{name}.json")),
            files: directory.join(format!("{name}.files.json")),
        }
    }

    fn summary(&self) -> Option<Summary> {
        let text = fs::read(&self.summary).ok()?;
        let summary: Summary = serde_json::from_slice(&text).ok()?;
        (summary.version == MEMORY_VERSION).then_some(summary)
    }

    fn files_of(&self, checksum: &str) -> Option<Vec<(String, u64)>> {
        let files: Files = serde_json::from_slice(&fs::read(&self.files).ok()?).ok()?;
        (files.version == MEMORY_VERSION && files.checksum == checksum).then_some(files.hashes)
    }

    /// Writes both parts; a failure only means that files are read again.
    fn remember(&self, known: Option<Summary>, stamp: String, sources: &[String], contents: &hash::Contents) {
        let checksum = contents.checksum.clone();
        if known.is_none_or(|known| known.checksum != checksum) {
            let hashes = sources.iter().cloned().zip(contents.each.iter().copied()).collect();
            write_json(&self.files, &Files { version: MEMORY_VERSION, checksum: checksum.clone(), hashes });
        }
        write_json(&self.summary, &Summary { version: MEMORY_VERSION, checksum, stamp });
    }
}

fn write_json(file: &Path, value: &impl Serialize) {
    let Ok(text) = serde_json::to_vec(value) else { return };
    let written = fs::write(file, &text);
    if written.is_err()
        && let Some(directory) = file.parent()
        && fs::create_dir_all(directory).is_ok()
    {
        fs::write(file, text).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Project {
        directory: tempfile::TempDir,
    }

    impl Project {
        fn new() -> Self {
            let project = Self { directory: tempfile::tempdir().unwrap() };
            project.write("a.txt", "one\n");
            project.write("b.txt", "two\n");
            project
        }

        fn path(&self, name: &str) -> String {
            self.directory.path().join(name).to_str().unwrap().to_owned()
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.directory.path().join(name), text).unwrap();
            // Old enough to be trusted.
            self.set_time(name, 1);
        }

        /// Sets the time of a file, in seconds since 1970.
        fn set_time(&self, name: &str, seconds: u64) {
            let file = File::options().append(true).open(self.path(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        }

        fn sources(&self) -> Vec<String> {
            let names = ["a.txt", "b.txt", "c.txt"].iter().map(|name| self.path(name));
            names.filter(|path| Path::new(path).exists()).collect()
        }

        fn store(&self, dry: bool) -> Store {
            Store::new(self.directory.path().join(".task"), dry)
        }

        fn remembering(&self) -> Store {
            self.store(false).with_memory(self.directory.path().join("memory"))
        }

        fn by_checksum(&self, store: &Store) -> bool {
            store.is_unchanged_by_checksum("ns:build", &self.sources(), || true).unwrap()
        }
    }

    #[test]
    fn checksums_are_those_of_go_task() {
        let project = Project::new();
        assert!(!project.by_checksum(&project.store(false)));
        let file = project.directory.path().join(".task/checksum/ns-build");
        // Written by go-task 3.54.0 for the same files.
        assert_eq!(fs::read_to_string(file).unwrap(), "5d3201b444315d6ad45b13db84b740fd\n");
        assert!(project.by_checksum(&project.store(false)));
    }

    #[test]
    fn a_change_shows_once() {
        for remembers in [false, true] {
            let project = Project::new();
            let store = if remembers { project.remembering() } else { project.store(false) };
            assert!(!project.by_checksum(&store));
            assert!(project.by_checksum(&store));
            project.write("a.txt", "ONE\n");
            assert!(!project.by_checksum(&store));
            assert!(project.by_checksum(&store));
            fs::rename(project.path("b.txt"), project.path("c.txt")).unwrap();
            assert!(!project.by_checksum(&store));
            store.forget("ns:build").unwrap();
            assert!(!project.by_checksum(&store));
            assert!(store.forget("other").is_err());
        }
    }

    #[test]
    fn a_dry_check_records_nothing() {
        let project = Project::new();
        assert!(!project.by_checksum(&project.store(true)));
        assert!(!project.directory.path().join(".task").exists());
        assert_eq!(
            project.store(true).is_unchanged_by_time("t", &project.sources(), &[], true).ok(),
            Some(false)
        );
        assert!(!project.directory.path().join(".task").exists());
    }

    #[test]
    fn what_is_generated_must_be_there() {
        let project = Project::new();
        let store = project.store(false);
        assert!(!store.is_unchanged_by_checksum("t", &project.sources(), || false).unwrap());
        assert!(!store.is_unchanged_by_checksum("t", &project.sources(), || false).unwrap());
        assert!(store.is_unchanged_by_checksum("t", &project.sources(), || true).unwrap());
    }

    #[test]
    fn unreadable_sources_are_changed_sources() {
        let project = Project::new();
        let sources = [project.path("absent")];
        assert!(!project.store(false).is_unchanged_by_checksum("t", &sources, || true).unwrap());
        assert!(!project.store(false).checksum_file("t").exists());
    }

    #[test]
    fn state_that_cannot_be_kept_is_an_error() {
        let project = Project::new();
        project.write("file", "");
        let store = Store::new(project.path("file"), false);
        let said = store.is_unchanged_by_checksum("t", &project.sources(), || true).unwrap_err().to_string();
        assert_eq!(said, format!("open {}/checksum/t: not a directory", project.path("file")));
        let said = store.is_unchanged_by_time("t", &project.sources(), &[], true).unwrap_err().to_string();
        assert_eq!(said, format!("mkdir {}/timestamp: not a directory", project.path("file")));
    }

    #[test]
    fn times_are_compared_with_outputs_and_the_last_check() {
        let project = Project::new();
        let store = project.store(false);
        project.write("out", "");
        let check = |generates: &[String], complete| {
            store.is_unchanged_by_time("t", &project.sources(), generates, complete).unwrap()
        };
        let out = [project.path("out")];
        assert!(!check(&out, false));
        assert!(!store.timestamp_file("t").exists());
        project.set_time("out", 5);
        assert!(check(&out, true), "the output is newer, though there was no check before");
        assert!(store.timestamp_file("t").exists());
        project.set_time("a.txt", 4_000_000_000);
        assert!(!check(&out, true));
        project.set_time("a.txt", 7);
        assert!(check(&out, true), "the last check is newer");
        fs::remove_file(store.timestamp_file("t")).unwrap();
        assert!(!check(&out, true));
        fs::remove_file(store.timestamp_file("t")).unwrap();
        assert!(!check(&[], true), "the first check without outputs");
        assert!(check(&[], true));
    }

    #[test]
    fn the_newest_time_is_found() {
        let project = Project::new();
        assert_eq!(newest(&[]).unwrap(), None);
        project.set_time("b.txt", 9);
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        assert_eq!(newest(&project.sources()).unwrap(), Some(expected));
        assert!(newest(&[project.path("absent")]).is_err());
    }

    #[test]
    fn changes_are_named() {
        let project = Project::new();
        let store = project.remembering();
        let changes = || store.changes("ns:build", &project.sources()).unwrap();
        assert_eq!(changes(), None);
        project.by_checksum(&store);
        assert!(changes().unwrap().is_empty());
        project.write("a.txt", "ONE\n");
        fs::remove_file(project.path("b.txt")).unwrap();
        project.write("c.txt", "new\n");
        let expected = Changes {
            added: vec![project.path("c.txt")],
            removed: vec![project.path("b.txt")],
            changed: vec![project.path("a.txt")],
        };
        assert_eq!(changes(), Some(expected));
        assert_eq!(project.store(false).changes("ns:build", &project.sources()).unwrap(), None);
    }

    #[test]
    fn a_broken_memory_is_no_memory() {
        let project = Project::new();
        let store = project.remembering();
        project.by_checksum(&store);
        for file in ["ns-build.json", "ns-build.files.json"] {
            fs::write(project.directory.path().join("memory").join(file), "{").unwrap();
        }
        assert!(project.by_checksum(&store));
        assert!(project.by_checksum(&project.store(false).with_memory("/dev/null/memory")));
    }

    #[test]
    fn directories_of_state() {
        let check = |setting, expected: &str| {
            assert_eq!(
                state_directory("/a/project", setting, "/home/me"),
                Path::new(expected),
                "{setting:?}"
            );
        };
        check(None, "/a/project/.task");
        check(Some(""), "/a/project/.task");
        check(Some("state"), "/a/project/state");
        check(Some("/tmp/state"), "/tmp/state/project");
        check(Some("~/state"), "/home/me/state/project");
        check(Some("~"), "/home/me/project");
    }

    #[test]
    fn names_become_file_names() {
        assert_eq!(file_name("a:b c/ü_1"), "a-b-c---1");
    }
}
