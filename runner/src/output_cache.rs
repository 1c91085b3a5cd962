//! `ez-cache`: what tasks made, kept by content, so that the same work is not done twice.
//!
//! ```text
//! .ez/cache/entries/<key>.json   which files a task made from what the key stands for
//! .ez/cache/blobs/<aa>/<sha256>  their contents
//! .ez/cache/tmp/                 what is being written
//! ```
//!
//! A file gets its name here by a rename, after all of it was written, so a killed process leaves nothing but a temporary
//! file. What is read is checked against its hash before anything of the project is touched: a wrong or missing blob takes
//! its entry with it, and the task runs. Several processes may do all of this at once.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

/// The version of an entry's format.
const VERSION: u32 = 1;
/// How much is copied at a time, bytes.
const BUFFER_BYTES: usize = 64 << 10;
/// The largest entry that is read, bytes.
const MAX_ENTRY_BYTES: u64 = 64 << 20;
/// A temporary file of this age belongs to no living process.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);
/// Bits of a mode that are kept.
const MODE_MASK: u32 = 0o777;

/// What a task's work depends on, as one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

/// Makes a [`Key`] of parts whose borders count.
#[derive(Clone, Default)]
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Adds a part under a name.
    pub fn part(&mut self, name: &str, value: &[u8]) {
        for bytes in [name.as_bytes(), value] {
            self.0.update((bytes.len() as u64).to_le_bytes());
            self.0.update(bytes);
        }
    }

    /// Adds the content of a file, under its name.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn file(&mut self, name: &str, path: &Path) -> io::Result<()> {
        let (hash, _) = copy_hashed(&mut File::open(path)?, &mut io::sink())?;
        self.part(name, hash.as_bytes());
        Ok(())
    }

    /// The key.
    pub fn finish(self) -> Key {
        Key(hexadecimal(&self.0.finalize()))
    }
}

/// A file that a task made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
    /// Below the root directory.
    path: PathBuf,
    sha256: String,
    bytes: u64,
    mode: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    version: u32,
    task: SmolStr,
    outputs: Vec<Output>,
}

/// Why outputs are not kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// An output is not below the root directory.
    #[error("{} is outside of the project", .0.display())]
    Outside(PathBuf),
    /// An output is a directory, a link or something stranger.
    #[error("{} is no regular file", .0.display())]
    NoFile(PathBuf),
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// What is in a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Results of tasks.
    pub entries: usize,
    /// Files, each content counted once.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

/// What a collection keeps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Results that were not used for longer go.
    pub max_age: Option<Duration>,
    /// The results that were not used for longest go until the rest is no larger, in bytes.
    pub max_bytes: Option<u64>,
}

/// A store of outputs.
#[derive(Clone, Debug)]
pub struct OutputCache {
    directory: PathBuf,
    root: PathBuf,
}

impl OutputCache {
    /// The cache of a root directory.
    pub fn new(root: &Path) -> Self {
        Self { directory: crate::runtime_data::directory(root).join("cache"), root: root.to_owned() }
    }

    /// Puts the outputs of an earlier run back. The number of files; `None` where there is no such run, or what it left
    /// is damaged, which is then forgotten.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn restore(&self, key: &Key) -> io::Result<Option<usize>> {
        let path = self.entry_path(key);
        let Some(entry) = read_entry(&path) else { return Ok(None) };
        let mut staged = Vec::with_capacity(entry.outputs.len());
        for output in &entry.outputs {
            let Some(file) = self.stage(output)? else {
                self.forget(&path, output);
                return Ok(None);
            };
            staged.push(file);
        }
        for (output, file) in entry.outputs.iter().zip(staged) {
            place(file, &self.root.join(&output.path))?;
        }
        // Its time is that of its last use.
        let used =
            File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        // Where that fails it is collected sooner, no more.
        drop(used);
        Ok(Some(entry.outputs.len()))
    }

    /// A copy of a blob; `None` where the blob is missing or is not what it should be.
    fn stage(&self, output: &Output) -> io::Result<Option<tempfile::NamedTempFile>> {
        let Ok(mut blob) = File::open(self.blob_path(&output.sha256)) else { return Ok(None) };
        fs::create_dir_all(self.directory.join("tmp"))?;
        let mut file = self.temporary()?;
        let (hash, bytes) = copy_hashed(&mut blob, file.as_file_mut())?;
        if hash != output.sha256 || bytes != output.bytes {
            return Ok(None);
        }
        file.as_file().set_permissions(fs::Permissions::from_mode(output.mode & MODE_MASK))?;
        Ok(Some(file))
    }

    /// Trouble is passed over: what is damaged is found again.
    fn forget(&self, entry: &Path, output: &Output) {
        drop(fs::remove_file(entry));
        drop(fs::remove_file(self.blob_path(&output.sha256)));
    }

    /// Keeps the outputs of a run: regular files below the root directory, by their absolute paths.
    ///
    /// # Errors
    /// One of them is something else, or cannot be copied; nothing is kept then.
    pub fn save(&self, key: &Key, task: &str, files: &[String]) -> Result<(), SaveError> {
        crate::runtime_data::make_directory(&self.root, &self.directory.join("tmp"))?;
        let outputs: Result<Vec<Output>, SaveError> =
            files.iter().map(|file| self.keep(Path::new(file))).collect();
        let entry = Entry { version: VERSION, task: task.into(), outputs: outputs? };
        let mut file = self.temporary()?;
        file.write_all(&serde_json::to_vec(&entry).map_err(io::Error::from)?)?;
        place(file, &self.entry_path(key))?;
        Ok(())
    }

    fn keep(&self, file: &Path) -> Result<Output, SaveError> {
        let path = file.strip_prefix(&self.root).map_err(|_| SaveError::Outside(file.to_owned()))?;
        if !is_below(path) {
            return Err(SaveError::Outside(file.to_owned()));
        }
        let metadata = fs::symlink_metadata(file)?;
        if !metadata.is_file() {
            return Err(SaveError::NoFile(path.to_owned()));
        }
        let mut temporary = self.temporary()?;
        let (sha256, bytes) = copy_hashed(&mut File::open(file)?, temporary.as_file_mut())?;
        let blob = self.blob_path(&sha256);
        let is_kept = fs::metadata(&blob).is_ok_and(|metadata| metadata.len() == bytes);
        if !is_kept {
            place(temporary, &blob)?;
        }
        Ok(Output { path: path.to_owned(), sha256, bytes, mode: metadata.permissions().mode() & MODE_MASK })
    }

    fn temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new().prefix("new-").tempfile_in(self.directory.join("tmp"))
    }

    /// What is in it.
    pub fn stats(&self) -> Stats {
        let blobs = self.blobs();
        Stats {
            entries: self.entries().len(),
            files: blobs.len(),
            bytes: blobs.iter().map(|(_, metadata)| metadata.len()).sum(),
        }
    }

    /// Removes what the limits do not keep, contents that no result names, and what killed processes left. What was
    /// removed.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub fn collect(&self, limits: Limits, now: SystemTime) -> io::Result<Stats> {
        let before = self.stats();
        let mut entries: Vec<(SystemTime, PathBuf, Entry)> = Vec::new();
        for (path, metadata) in self.entries() {
            let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let age = now.duration_since(used).unwrap_or_default();
            match read_entry(&path) {
                Some(entry) if limits.max_age.is_none_or(|max_age| age <= max_age) => {
                    entries.push((used, path, entry));
                }
                _ => remove(&path)?,
            }
        }
        entries.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let mut named: HashSet<String> = HashSet::new();
        let mut bytes = 0;
        for (_, path, entry) in entries {
            let mut new: Vec<&Output> = Vec::new();
            for output in &entry.outputs {
                let is_known =
                    named.contains(&output.sha256) || new.iter().any(|one| one.sha256 == output.sha256);
                if !is_known {
                    new.push(output);
                }
            }
            let size: u64 = new.iter().map(|output| output.bytes).sum();
            if limits.max_bytes.is_some_and(|max_bytes| bytes + size > max_bytes) {
                remove(&path)?;
                continue;
            }
            bytes += size;
            named.extend(new.into_iter().map(|output| output.sha256.clone()));
        }
        for (path, _) in self.blobs() {
            let is_named =
                path.file_name().and_then(|name| name.to_str()).is_some_and(|name| named.contains(name));
            if !is_named {
                remove(&path)?;
            }
        }
        for (path, metadata) in files_in(&self.directory.join("tmp")) {
            let age = metadata.modified().ok().and_then(|time| now.duration_since(time).ok());
            if age.is_some_and(|age| age > ABANDONED_AFTER) {
                remove(&path)?;
            }
        }
        let after = self.stats();
        Ok(Stats {
            entries: before.entries.saturating_sub(after.entries),
            files: before.files.saturating_sub(after.files),
            bytes: before.bytes.saturating_sub(after.bytes),
        })
    }

    fn entries(&self) -> Vec<(PathBuf, fs::Metadata)> {
        files_in(&self.directory.join("entries"))
    }

    fn blobs(&self) -> Vec<(PathBuf, fs::Metadata)> {
        let Ok(directories) = fs::read_dir(self.directory.join("blobs")) else { return Vec::new() };
        directories.flatten().flat_map(|directory| files_in(&directory.path())).collect()
    }

    fn entry_path(&self, key: &Key) -> PathBuf {
        self.directory.join("entries").join(format!("{}.json", key.0))
    }

    fn blob_path(&self, sha256: &str) -> PathBuf {
        self.directory.join("blobs").join(sha256.get(..2).unwrap_or("00")).join(sha256)
    }
}

/// Gives a temporary file its name. Where that lies on another file system, the file is first copied there.
fn place(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)?;
    let Err(failed) = file.persist(path) else { return Ok(()) };
    if failed.error.kind() != io::ErrorKind::CrossesDevices {
        return Err(failed.error);
    }
    let mut beside = tempfile::Builder::new().prefix(".ez-").tempfile_in(directory)?;
    copy_hashed(&mut failed.file.reopen()?, beside.as_file_mut())?;
    beside.as_file().set_permissions(failed.file.as_file().metadata()?.permissions())?;
    beside.persist(path).map(drop).map_err(|error| error.error)
}

/// Regular files directly in a directory; links are not followed.
fn files_in(directory: &Path) -> Vec<(PathBuf, fs::Metadata)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let file =
        |entry: fs::DirEntry| Some((entry.path(), entry.metadata().ok().filter(fs::Metadata::is_file)?));
    entries.flatten().filter_map(file).collect()
}

/// An entry that can be used; whatever else is there is as good as nothing.
fn read_entry(path: &Path) -> Option<Entry> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(MAX_ENTRY_BYTES).read_to_end(&mut text).ok()?;
    let entry: Entry = serde_json::from_slice(&text).ok()?;
    let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_good = entry.version == VERSION
        && entry.outputs.iter().all(|output| is_below(&output.path) && is_hash(&output.sha256));
    is_good.then_some(entry)
}

/// Whether a relative path leads nowhere but down.
fn is_below(path: &Path) -> bool {
    path.components().next().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// What another process removed first is removed.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies to the end, and tells hash and length.
fn copy_hashed(from: &mut impl Read, to: &mut impl Write) -> io::Result<(String, u64)> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut hash, mut length) = (Sha256::new(), 0);
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        hash.update(bytes);
        to.write_all(bytes)?;
        length += count as u64;
    }
    to.flush()?;
    Ok((hexadecimal(&hash.finalize()), length))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // A `String` takes all that is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        root: tempfile::TempDir,
        cache: OutputCache,
    }

    impl Fixture {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let cache = OutputCache::new(root.path());
            Self { root, cache }
        }

        fn path(&self, name: &str) -> String {
            self.root.path().join(name).to_str().unwrap().to_owned()
        }

        fn write(&self, name: &str, content: &str) -> String {
            let path = self.path(name);
            fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path
        }

        fn read(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.path(name)).ok()
        }

        fn only_blob(&self) -> PathBuf {
            let blobs = self.cache.blobs();
            assert_eq!(blobs.len(), 1);
            blobs[0].0.clone()
        }
    }

    fn key(text: &str) -> Key {
        let mut builder = KeyBuilder::default();
        builder.part("test", text.as_bytes());
        builder.finish()
    }

    #[test]
    fn outputs_come_back_as_they_were() {
        let fixture = Fixture::new();
        let files = [fixture.write("out/a", "A"), fixture.write("out/b.sh", "B")];
        fs::set_permissions(&files[1], fs::Permissions::from_mode(0o750)).unwrap();
        fixture.cache.save(&key("k"), "t", &files).unwrap();
        fs::remove_dir_all(fixture.path("out")).unwrap();
        assert_eq!(fixture.cache.restore(&key("other")).unwrap(), None);
        assert_eq!(fixture.cache.restore(&key("k")).unwrap(), Some(2));
        assert_eq!(fixture.read("out/a").as_deref(), Some("A"));
        assert_eq!(fs::metadata(&files[1]).unwrap().permissions().mode() & 0o777, 0o750);
        assert_eq!(fixture.cache.stats(), Stats { entries: 1, files: 2, bytes: 2 });
    }

    #[test]
    fn what_is_damaged_is_forgotten_and_touches_nothing() {
        let damages: [fn(&Path); 3] = [
            |blob| fs::write(blob, "X").unwrap(),
            |blob| fs::write(blob, "").unwrap(),
            |blob| {
                fs::remove_file(blob).unwrap();
            },
        ];
        for damage in damages {
            let fixture = Fixture::new();
            let file = fixture.write("out", "A");
            fixture.cache.save(&key("k"), "t", std::slice::from_ref(&file)).unwrap();
            damage(&fixture.only_blob());
            fixture.write("out", "mine");
            assert_eq!(fixture.cache.restore(&key("k")).unwrap(), None);
            assert_eq!(fixture.read("out").as_deref(), Some("mine"));
            assert_eq!(fixture.cache.stats().entries, 0);
            // Made again, it is there again.
            fixture.write("out", "A");
            fixture.cache.save(&key("k"), "t", &[file]).unwrap();
            assert_eq!(fixture.cache.restore(&key("k")).unwrap(), Some(1));
        }
    }

    #[test]
    fn hostile_and_cut_off_entries_are_nothing() {
        let fixture = Fixture::new();
        let file = fixture.write("out", "A");
        fixture.cache.save(&key("k"), "t", &[file]).unwrap();
        let path = fixture.cache.entry_path(&key("k"));
        let good = fs::read_to_string(&path).unwrap();
        for bad in [
            good.replace("\"out\"", "\"../out\""),
            good.replace("\"out\"", "\"/etc/out\""),
            good.replace("\"version\":1", "\"version\":2"),
            good[..good.len() / 2].to_owned(),
            String::new(),
        ] {
            assert_ne!(bad, good);
            fs::write(&path, bad).unwrap();
            assert_eq!(fixture.cache.restore(&key("k")).unwrap(), None);
        }
    }

    #[test]
    fn only_files_of_the_project_are_kept() {
        let fixture = Fixture::new();
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        let outside = elsewhere.path().to_str().unwrap().to_owned();
        assert!(matches!(fixture.cache.save(&key("k"), "t", &[outside]), Err(SaveError::Outside(_))));
        let target = fixture.write("target", "A");
        std::os::unix::fs::symlink(&target, fixture.path("link")).unwrap();
        let link = [fixture.path("link")];
        assert!(matches!(fixture.cache.save(&key("k"), "t", &link), Err(SaveError::NoFile(_))));
        assert_eq!(fixture.cache.stats().entries, 0);
    }

    #[test]
    fn a_collection_keeps_what_was_used_last() {
        let fixture = Fixture::new();
        let start = SystemTime::now();
        for (index, content) in ["one", "two", "three"].iter().enumerate() {
            let file = fixture.write("out", content);
            fixture.cache.save(&key(content), "t", &[file]).unwrap();
            let entry = File::options().append(true).open(fixture.cache.entry_path(&key(content))).unwrap();
            entry.set_modified(start - Duration::from_mins(10 - index as u64)).unwrap();
        }
        fs::write(fixture.cache.directory.join("tmp/new-left"), "half").unwrap();
        let collect = |limits| fixture.cache.collect(limits, start).unwrap().entries;
        assert_eq!(collect(Limits::default()), 0);
        assert_eq!(collect(Limits { max_bytes: Some(8), max_age: None }), 1);
        assert_eq!(fixture.cache.restore(&key("one")).unwrap(), None);
        assert_eq!(collect(Limits { max_bytes: None, max_age: Some(Duration::from_secs(500)) }), 1);
        assert_eq!(fixture.cache.stats(), Stats { entries: 1, files: 1, bytes: 5 });
        let later = start + Duration::from_hours(48);
        fixture.cache.collect(Limits::default(), later).unwrap();
        assert!(files_in(&fixture.cache.directory.join("tmp")).is_empty());
    }

    #[test]
    fn many_at_once_do_not_disturb_each_other() {
        let fixture = Fixture::new();
        let files: Vec<String> = (0..20)
            .map(|index| fixture.write(&format!("out/{index}"), &format!("content {}", index % 5)))
            .collect();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (cache, files) = (&fixture.cache, &files);
                scope.spawn(move || {
                    for round in 0..10 {
                        let key = key(&format!("{}", (thread + round) % 3));
                        cache.save(&key, "t", files).unwrap();
                        // Another one may have it collected in between, but never half of it restored.
                        if let Some(count) = cache.restore(&key).unwrap() {
                            assert_eq!(count, files.len());
                        }
                        if thread == 0 {
                            cache.collect(Limits::default(), SystemTime::now()).unwrap();
                        }
                    }
                });
            }
        });
        for (index, file) in files.iter().enumerate() {
            assert_eq!(fs::read_to_string(file).unwrap(), format!("content {}", index % 5));
        }
    }
}
