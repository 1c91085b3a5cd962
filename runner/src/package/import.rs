//! Taking a package: unpacked aside, checked, and put in place by one rename.
//!
//! ```text
//! .ez/import/lock           held by the process that imports
//! .ez/import/new-<random>/  what it unpacks; after an exchange, the folder that was replaced
//! .ez/import/old-<task>/    a folder that is being replaced, where a disk cannot exchange two names
//! ```
//!
//! Killed at any moment, an import leaves the old folder or the new one. What else it leaves is taken away by the next.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};

use super::bounded::{Bounded, TooMuch};
use super::export::{Hashing, hexadecimal};
use super::manifest::{File, Link, Manifest, Mode};
use super::{Fault, Limits, MANIFEST, PackageError, TASKS, disk, path};
use crate::runtime_data;

/// What names of half-made folders begin with.
const NEW: &str = "new-";
/// What names of folders on their way out begin with.
const OLD: &str = "old-";
/// Bytes of headers and padding that come with an entry of an archive, at most.
const ENTRY_OVERHEAD: u64 = 1024;
/// Bytes after the last entry: archives are padded to blocks of this size.
const PADDING: u64 = 10 << 10;

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What a killed import left is gone.
    Recovered,
    /// One more file or link is unpacked.
    Unpacked,
    /// All of them are on the disk.
    Complete,
    /// The folder that is being replaced has lost its name.
    MovedAside,
    /// The new folder has its place.
    Placed,
    /// The replaced folder is gone.
    Removed,
}

/// Hears how far an import has come.
pub type Listener<'a> = &'a dyn Fn(Moment);

/// The place where packages are unpacked, ours alone while this lives.
pub struct Import<'a> {
    root: PathBuf,
    directory: PathBuf,
    _lock: fs::File,
    listener: Listener<'a>,
    can_exchange: bool,
}

/// A folder in the making, which has no place yet; without one it is removed.
#[derive(Debug)]
pub struct Staged(tempfile::TempDir);

impl Staged {
    /// Where its files are.
    pub fn folder(&self) -> PathBuf {
        self.0.path().join("folder")
    }

    /// Adds a file, with the directories that it needs, by its path in the folder.
    ///
    /// # Errors
    /// The disk says no, or there is one already.
    pub fn add(&self, path: &str, mode: Mode, content: &[u8]) -> Result<(), PackageError> {
        let place = self.folder().join(path);
        make_parent(&place)?;
        let mut file = create(&place, mode).map_err(disk(&place))?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(disk(&place))
    }
}

/// A package that is unpacked.
#[derive(Debug)]
pub struct Unpacked {
    /// Its files.
    pub staged: Staged,
    /// What is in it.
    pub manifest: Manifest,
}

impl<'a> Import<'a> {
    /// Waits until nobody else imports into a project, and takes away what killed imports left.
    ///
    /// # Errors
    /// `.ez/import` cannot be made or tidied.
    pub fn begin(root: &Path, listener: Listener<'a>) -> Result<Self, PackageError> {
        let directory = runtime_data::directory(root).join("import");
        runtime_data::make_directory(root, &directory).map_err(disk(&directory))?;
        let path = directory.join("lock");
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(disk(&path))?;
        loop {
            match flock(&lock, FlockOperation::LockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(disk(&path)(error.into())),
            }
        }
        let import = Self { root: root.to_owned(), directory, _lock: lock, listener, can_exchange: true };
        import.recover()?;
        listener(Moment::Recovered);
        Ok(import)
    }

    /// As on a disk that cannot exchange two names.
    #[cfg(test)]
    pub(super) fn without_exchange(mut self) -> Self {
        self.can_exchange = false;
        self
    }

    /// Nobody else is here, so whatever is belongs to the dead.
    fn recover(&self) -> Result<(), PackageError> {
        for entry in fs::read_dir(&self.directory).map_err(disk(&self.directory))? {
            let entry = entry.map_err(disk(&self.directory))?;
            let (name, path) = (entry.file_name(), entry.path());
            let Some(name) = name.to_str() else { continue };
            if let Some(task) = name.strip_prefix(OLD) {
                let place = self.place(task);
                if exists(&place) {
                    remove(&path)?;
                } else {
                    make_parent(&place)?;
                    fs::rename(&path, &place).map_err(disk(&place))?;
                }
            } else if name.starts_with(NEW) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Where the folder of a task is.
    pub fn place(&self, task: &str) -> PathBuf {
        self.root.join(TASKS).join(task)
    }

    /// An empty folder aside.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn stage(&self) -> Result<Staged, PackageError> {
        let staging = tempfile::Builder::new()
            .prefix(NEW)
            .tempdir_in(&self.directory)
            .map_err(disk(&self.directory))?;
        let staged = Staged(staging);
        let folder = staged.folder();
        fs::create_dir(&folder).map_err(disk(&folder))?;
        Ok(staged)
    }

    /// Unpacks a package aside.
    ///
    /// # Errors
    /// There is anything in it that no package may hold, or the disk says no. Nothing is left of it then.
    pub fn unpack(&self, package: impl Read, limits: &Limits) -> Result<Unpacked, PackageError> {
        let staged = self.stage()?;
        let folder = staged.folder();
        let overhead = (limits.entries as u64 + 1).saturating_mul(ENTRY_OVERHEAD).saturating_add(PADDING);
        let most = limits.total_bytes.saturating_add(limits.manifest_bytes).saturating_add(overhead);
        // Compressed it is hardly ever larger.
        let compressed = BufReader::new(Bounded::new(package, most));
        let mut archive = Archive::new(Bounded::new(GzDecoder::new(compressed), most));
        let manifest = self.unpack_archive(&mut archive, &folder, limits)?;
        finish(archive)?;
        sync_directories(&folder, &manifest)?;
        (self.listener)(Moment::Complete);
        Ok(Unpacked { staged, manifest })
    }

    fn unpack_archive<R: Read>(
        &self,
        archive: &mut Archive<R>,
        folder: &Path,
        limits: &Limits,
    ) -> Result<Manifest, PackageError> {
        // Raw: no extension of a header is followed, so that none can say other than the header itself.
        let mut entries = archive.entries().map_err(damaged)?.raw(true);
        let first = entries.next().ok_or_else(|| PackageError::NoPackage("it is empty".to_owned()))?;
        let first = first.map_err(|error| PackageError::NoPackage(error.to_string()))?;
        if &*first.path_bytes() != MANIFEST.as_bytes() || first.header().entry_type() != EntryType::Regular {
            let message = format!("its first entry is not `{MANIFEST}`");
            return Err(PackageError::NoPackage(message));
        }
        let mut text = Vec::new();
        Bounded::new(first, limits.manifest_bytes).read_to_end(&mut text).map_err(damaged)?;
        let manifest = Manifest::read(&text, limits)?;
        let mut expected = Expected::new(&manifest);
        for entry in entries {
            let mut entry = entry.map_err(damaged)?;
            let inside = entry_path(&entry, &manifest.name)?;
            match expected.take(&inside, &entry)? {
                Content::File(file) => {
                    write_file(&mut entry, folder, file)?;
                    (self.listener)(Moment::Unpacked);
                }
                Content::Link(link) => expected.links.push(link),
            }
        }
        expected.finish()?;
        // Links come last, so that nothing is ever written through one.
        for link in &expected.links {
            let path = folder.join(&link.path);
            make_parent(&path)?;
            symlink(&link.target, &path).map_err(disk(&path))?;
            (self.listener)(Moment::Unpacked);
        }
        Ok(manifest)
    }

    /// Gives a folder its place. With `replace`, a folder that is there goes.
    ///
    /// # Errors
    /// The name cannot be one, there is a folder of that name and it may not go, or the disk says no.
    pub fn install(&self, staged: Staged, task: &str, replace: bool) -> Result<PathBuf, PackageError> {
        if !path::is_task_name(task) {
            return Err(PackageError::IllegalName(task.to_owned()));
        }
        let place = self.place(task);
        let parent = self.root.join(TASKS);
        fs::create_dir_all(&parent).map_err(disk(&parent))?;
        let folder = staged.folder();
        if exists(&place) {
            if !replace {
                return Err(PackageError::Taken(place));
            }
            self.replace(&folder, &place, task)?;
        } else {
            rename_new(&folder, &place)?;
        }
        sync(&parent)?;
        (self.listener)(Moment::Placed);
        let staging = staged.0.keep();
        remove(&staging)?;
        remove(&self.aside(task))?;
        (self.listener)(Moment::Removed);
        Ok(place)
    }

    fn aside(&self, task: &str) -> PathBuf {
        self.directory.join(format!("{OLD}{task}"))
    }

    fn replace(&self, folder: &Path, place: &Path, task: &str) -> Result<(), PackageError> {
        if self.can_exchange {
            match renameat_with(CWD, folder, CWD, place, RenameFlags::EXCHANGE) {
                Ok(()) => return Ok(()),
                Err(error) if is_unsupported(error) => {}
                Err(error) => return Err(disk(place)(error.into())),
            }
        }
        let aside = self.aside(task);
        fs::rename(place, &aside).map_err(disk(place))?;
        sync(&self.directory)?;
        (self.listener)(Moment::MovedAside);
        if let Err(error) = fs::rename(folder, place) {
            // Where this fails too, the next import does it.
            let _ = fs::rename(&aside, place);
            return Err(disk(place)(error));
        }
        Ok(())
    }
}

/// What a manifest names, as far as it has not come yet.
struct Expected<'m> {
    manifest: &'m Manifest,
    seen: HashSet<&'m str>,
    links: Vec<&'m Link>,
}

enum Content<'m> {
    File(&'m File),
    Link(&'m Link),
}

impl<'m> Expected<'m> {
    fn new(manifest: &'m Manifest) -> Self {
        Self { manifest, seen: HashSet::new(), links: Vec::new() }
    }

    /// What the manifest says of an entry, where the entry agrees.
    fn take<R: Read>(&mut self, inside: &str, entry: &Entry<'_, R>) -> Result<Content<'m>, PackageError> {
        let fault = |fault| PackageError::entry(inside, fault);
        let header = entry.header();
        let is_link = header.entry_type() == EntryType::Symlink;
        let manifest = self.manifest;
        let file = find(&manifest.files, inside, |file| &file.path);
        let link = find(&manifest.links, inside, |link| &link.path);
        let (known, content) = match (file, link) {
            (Some(file), _) => (&file.path, Content::File(file)),
            (None, Some(link)) => (&link.path, Content::Link(link)),
            (None, None) => return Err(fault(Fault::NotInManifest)),
        };
        if !self.seen.insert(known) {
            return Err(fault(Fault::Duplicate));
        }
        let differs = |what| Err(fault(Fault::Differs(what)));
        match &content {
            Content::File(_) if is_link => return differs("kind"),
            Content::Link(_) if !is_link => return differs("kind"),
            Content::File(file) => {
                if entry.size() != file.size {
                    return differs("size");
                }
                if header.mode().map_err(damaged)? != file.mode.bits() {
                    return differs("mode");
                }
            }
            Content::Link(link) => {
                if header.link_name_bytes().as_deref() != Some(link.target.as_bytes()) {
                    return differs("target");
                }
                if entry.size() != 0 {
                    return differs("size");
                }
            }
        }
        Ok(content)
    }

    fn finish(&self) -> Result<(), PackageError> {
        let files = self.manifest.files.iter().map(|file| &file.path);
        let mut all = files.chain(self.manifest.links.iter().map(|link| &link.path));
        match all.find(|path| !self.seen.contains(path.as_str())) {
            Some(path) => Err(PackageError::entry(path, Fault::Missing)),
            None => Ok(()),
        }
    }
}

/// An entry of a list that is sorted by paths, else of any list.
fn find<'m, T>(list: &'m [T], inside: &str, path: impl Fn(&T) -> &String) -> Option<&'m T> {
    let sorted = list.binary_search_by(|one| path(one).as_str().cmp(inside)).ok();
    match sorted {
        Some(at) => list.get(at),
        None => list.iter().find(|one| path(one) == inside),
    }
}

/// The path of an entry in the task's folder.
fn entry_path<R: Read>(entry: &Entry<'_, R>, name: &str) -> Result<String, PackageError> {
    let bytes = entry.path_bytes();
    let Ok(whole) = std::str::from_utf8(&bytes) else {
        return Err(PackageError::entry(String::from_utf8_lossy(&bytes), Fault::NotUtf8));
    };
    if let Some(fault) = special_kind(entry) {
        return Err(PackageError::entry(whole, fault));
    }
    let inside = whole.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
    path::check(inside.unwrap_or(whole)).map_err(|fault| PackageError::entry(whole, fault))?;
    inside.map(str::to_owned).ok_or_else(|| PackageError::entry(whole, Fault::NotInManifest))
}

/// What is neither a file nor a symbolic link is told before its path is looked at.
fn special_kind<R: Read>(entry: &Entry<'_, R>) -> Option<Fault> {
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Symlink => None,
        other => Some(Fault::Kind(kind_word(other))),
    }
}

fn kind_word(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a named pipe",
        EntryType::Directory => "a directory of its own",
        _ => "an extension of the archive format",
    }
}

fn write_file<R: Read>(entry: &mut Entry<'_, R>, folder: &Path, file: &File) -> Result<(), PackageError> {
    let path = folder.join(&file.path);
    make_parent(&path)?;
    let mut output = create(&path, file.mode).map_err(disk(&path))?;
    let mut reader = Hashing { inner: entry, hash: Sha256::new(), length: 0 };
    io::copy(&mut reader, &mut output).map_err(damaged)?;
    if reader.length != file.size {
        return Err(PackageError::entry(&file.path, Fault::Differs("size")));
    }
    if hexadecimal(&reader.hash.finalize()) != file.sha256 {
        return Err(PackageError::entry(&file.path, Fault::Differs("SHA-256")));
    }
    output.sync_all().map_err(disk(&path))
}

fn create(path: &Path, mode: Mode) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(mode.bits()).open(path)
}

fn make_parent(path: &Path) -> Result<(), PackageError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(disk(parent)),
        None => Ok(()),
    }
}

/// Reads to the very end, where the compressed file has its checksum and nothing else may follow.
fn finish<B: BufRead>(archive: Archive<Bounded<GzDecoder<B>>>) -> Result<(), PackageError> {
    let mut rest = archive.into_inner();
    let mut padding = Vec::new();
    rest.by_ref().take(PADDING + 1).read_to_end(&mut padding).map_err(damaged)?;
    if padding.len() as u64 > PADDING || padding.iter().any(|byte| *byte != 0) {
        return Err(PackageError::Damaged("something follows the end of the archive".to_owned()));
    }
    let mut compressed = rest.into_inner().into_inner();
    if compressed.fill_buf().map_err(damaged)?.is_empty() {
        Ok(())
    } else {
        Err(PackageError::Damaged("something follows the end of the compressed file".to_owned()))
    }
}

fn damaged(error: io::Error) -> PackageError {
    let text = error.to_string();
    let is_too_much = error.into_inner().is_some_and(|inner| inner.is::<TooMuch>());
    if is_too_much { PackageError::NoPackage(text) } else { PackageError::Damaged(text) }
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Removes a folder or a link, if it is there; links are not followed.
fn remove(path: &Path) -> Result<(), PackageError> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
    removed.map_err(disk(path))
}

/// Renames to a name that nobody has.
fn rename_new(from: &Path, to: &Path) -> Result<(), PackageError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => Err(PackageError::Taken(to.to_owned())),
        Err(error) if is_unsupported(error) => fs::rename(from, to).map_err(disk(to)),
        Err(error) => Err(disk(to)(error.into())),
    }
}

fn is_unsupported(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP].contains(&error)
}

fn sync(directory: &Path) -> Result<(), PackageError> {
    fs::File::open(directory).and_then(|file| file.sync_all()).map_err(disk(directory))
}

/// Brings the names of all files to the disk.
fn sync_directories(folder: &Path, manifest: &Manifest) -> Result<(), PackageError> {
    let files = manifest.files.iter().map(|file| file.path.as_str());
    let paths = files.chain(manifest.links.iter().map(|link| link.path.as_str()));
    let directories: HashSet<&str> = paths.flat_map(path::parents).chain([""]).collect();
    directories.into_iter().try_for_each(|directory| sync(&folder.join(directory)))
}
