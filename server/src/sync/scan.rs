//! Looks at a tree: what is there, with its digests.
//!
//! The walk asks the system once for each file; only files that are new or changed are read, on all cores. What cannot be sent to another machine is refused by its
//! path: links that lead out, devices, sockets, pipes, names that are not UTF-8.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::OFlags;

use super::digest::Digest;
use super::hash_cache::{HashCache, Stamp, now_ns};
use super::manifest::{Entry, FileEntry, MAX_ENTRIES, Manifest, ManifestError};
use super::patterns::Patterns;
use super::tree_path::{BadPath, TreePath};

/// How often a file is read again that changes while it is read.
const READS: usize = 3;

/// How many threads hash at most.
const MAX_THREADS: usize = 8;

/// How many links one after the other are followed to a name that was asked for.
const MAX_LINKS: usize = 40;

/// Directories that are left out of directories that are sent as a whole: what git and EZ keep for themselves.
pub const LEFT_OUT: [&str; 5] = [".git", ".ez", ".ez-server", ".ez-client", ".task"];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// The tree.
    pub manifest: Manifest,
    /// How many files were read, because they were not known yet.
    pub hashed: usize,
}

/// Why a tree cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The system refuses.
    #[error("{} cannot be read: {error}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A name is not UTF-8.
    #[error("the name {0:?} is not UTF-8: rename it, or leave it out")]
    NotUtf8(PathBuf),
    /// It is neither file, nor directory, nor link.
    #[error("{} is {what}, which cannot be sent to another machine", path.display())]
    Special {
        /// What.
        path: PathBuf,
        /// Of which kind.
        what: &'static str,
    },
    /// A path leads out of the tree.
    #[error("{path} is not below {}: only what is in the project is sent", root.display())]
    Outside {
        /// Which.
        path: String,
        /// The tree.
        root: PathBuf,
    },
    /// A file does not come to rest.
    #[error("{} changes while it is read", .0.display())]
    Changing(PathBuf),
    /// There is too much.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A path cannot be.
    #[error(transparent)]
    Path(#[from] BadPath),
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ScanError {
    let path = path.to_owned();
    move |error| ScanError::Io { path, error }
}

enum Found {
    Directory,
    Link(String),
    File { is_executable: bool, stamp: Stamp },
}

struct Walk<'a> {
    root: &'a Path,
    found: BTreeMap<String, Found>,
    /// Directories of which it is known that no link leads to them.
    directories: HashSet<String>,
    /// What is taken; everything without it.
    patterns: Option<&'a Patterns>,
}

/// Looks at what is at paths of a tree: files, links, and directories with all that is in them. `.` is the whole tree.
///
/// # Errors
/// Something cannot be read or sent.
pub fn scan(root: &Path, paths: &[String], cache: &mut HashCache) -> Result<Scanned, ScanError> {
    let mut walk = Walk::new(root, None);
    for path in paths {
        walk.take(path, MAX_LINKS)?;
    }
    hash(root, walk.found, cache)
}

/// Looks at what patterns mean in a tree. No link is followed.
///
/// # Errors
/// Something cannot be read or sent.
pub fn scan_matching(root: &Path, patterns: &Patterns, cache: &mut HashCache) -> Result<Scanned, ScanError> {
    let mut walk = Walk::new(root, Some(patterns));
    for base in patterns.bases() {
        walk.take_base(base)?;
    }
    hash(root, walk.found, cache)
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path, patterns: Option<&'a Patterns>) -> Self {
        Self { root, found: BTreeMap::new(), directories: HashSet::new(), patterns }
    }

    fn is_wanted(&self, path: &str) -> bool {
        self.patterns.is_none_or(|patterns| patterns.is_match(path))
    }

    /// Takes what is wanted at a path and below it. What is not there is nothing, and so is what a link leads to.
    fn take_base(&mut self, path: &str) -> Result<(), ScanError> {
        let mut place = self.root.to_owned();
        let mut metadata = fs::symlink_metadata(&place).map_err(failed(&place))?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if !metadata.is_dir() {
                return Ok(());
            }
            place.push(name);
            metadata = match fs::symlink_metadata(&place) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(failed(&place)(error)),
            };
        }
        self.add(path.to_owned(), &place, &metadata)
    }

    /// Takes what a path names, and each link on the way to it.
    fn take(&mut self, path: &str, links: usize) -> Result<(), ScanError> {
        let names = self.names(path)?;
        let mut at = String::new();
        for (index, name) in names.iter().enumerate() {
            if !at.is_empty() {
                at.push('/');
            }
            at.push_str(name);
            let is_last = index + 1 == names.len();
            if !is_last && self.directories.contains(&at) {
                continue;
            }
            let place = self.root.join(&at);
            let metadata = fs::symlink_metadata(&place).map_err(failed(&place))?;
            if metadata.is_symlink() {
                let target = self.link(&at, &place)?;
                let outer = at.rsplit_once('/').map_or("", |(outer, _)| outer);
                let rest = names.get(index + 1..).unwrap_or_default().join("/");
                let rest = if rest.is_empty() { rest } else { format!("/{rest}") };
                let next = format!("{outer}/{target}{rest}");
                if links == 0 || target.starts_with('/') {
                    return Err(self.outside(&at));
                }
                // A link that leads to nothing is sent as it is.
                let is_there = fs::symlink_metadata(self.root.join(next.trim_start_matches('/'))).is_ok();
                return if is_there { self.take(next.trim_start_matches('/'), links - 1) } else { Ok(()) };
            }
            if is_last {
                return self.add(at, &place, &metadata);
            }
            self.directories.insert(at.clone());
        }
        // The root itself.
        self.directory("", self.root)
    }

    /// The names of a path, without `.` and `..`.
    fn names<'p>(&self, path: &'p str) -> Result<Vec<&'p str>, ScanError> {
        let mut names = Vec::new();
        if path.starts_with('/') {
            return Err(self.outside(path));
        }
        for name in path.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    names.pop().ok_or_else(|| self.outside(path))?;
                }
                name => names.push(name),
            }
        }
        Ok(names)
    }

    fn outside(&self, path: &str) -> ScanError {
        ScanError::Outside { path: path.to_owned(), root: self.root.to_owned() }
    }

    fn link(&mut self, at: &str, place: &Path) -> Result<String, ScanError> {
        let target = fs::read_link(place).map_err(failed(place))?;
        let target = target.into_os_string().into_string();
        let target = target.map_err(|target| ScanError::NotUtf8(PathBuf::from(target)))?;
        self.found.insert(at.to_owned(), Found::Link(target.clone()));
        Ok(target)
    }

    fn add(&mut self, at: String, place: &Path, metadata: &Metadata) -> Result<(), ScanError> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            return self.directory(&at, place);
        }
        if !self.is_wanted(&at) {
            return Ok(());
        }
        if kind.is_file() {
            let is_executable = metadata.mode() & 0o111 != 0;
            self.found.insert(at, Found::File { is_executable, stamp: Stamp::of(metadata) });
            if self.found.len() > MAX_ENTRIES {
                return Err(ManifestError::TooLarge.into());
            }
        } else if kind.is_symlink() {
            self.link(&at, place)?;
        } else {
            return Err(ScanError::Special { path: place.to_owned(), what: what_is(kind) });
        }
        Ok(())
    }

    fn directory(&mut self, at: &str, place: &Path) -> Result<(), ScanError> {
        if !at.is_empty() && self.is_wanted(at) {
            self.found.insert(at.to_owned(), Found::Directory);
        }
        for entry in fs::read_dir(place).map_err(failed(place))? {
            let entry = entry.map_err(failed(place))?;
            let name = entry.file_name();
            if LEFT_OUT.iter().any(|left_out| name == OsStr::new(left_out)) {
                continue;
            }
            let path = place.join(&name);
            let Some(name) = name.to_str() else { return Err(ScanError::NotUtf8(path)) };
            let inner = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
            let metadata = entry.metadata().map_err(failed(&path))?;
            self.add(inner, &path, &metadata)?;
        }
        Ok(())
    }
}

fn what_is(kind: FileType) -> &'static str {
    if kind.is_socket() {
        "a socket"
    } else if kind.is_fifo() {
        "a pipe"
    } else {
        "a device"
    }
}

/// Makes a manifest of what was found.
fn hash(root: &Path, found: BTreeMap<String, Found>, cache: &mut HashCache) -> Result<Scanned, ScanError> {
    let unknown: Vec<&str> = found
        .iter()
        .filter(|(_, found)| matches!(found, Found::File { stamp, .. } if cache.get(stamp).is_none()))
        .map(|(path, _)| path.as_str())
        .collect();
    let read = hash_all(root, &unknown)?;
    let hashed = read.len();
    let parents: HashSet<String> =
        found.keys().filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned())).collect();
    let mut entries = BTreeMap::new();
    let mut read = read.into_iter().peekable();
    for (path, found) in found {
        let entry = match found {
            Found::Directory if parents.contains(&path) => continue,
            Found::Directory => Entry::Directory {},
            Found::Link(target) => Entry::Link(target),
            Found::File { is_executable, stamp } => {
                let known = cache.get(&stamp).map(|digest| (stamp, digest));
                let now_read = read.next_if(|read| read.path == path);
                let (stamp, digest) = match now_read {
                    Some(read) => {
                        cache.insert(read.stamp, read.digest, read.began);
                        (read.stamp, read.digest)
                    }
                    None => known.ok_or_else(|| ScanError::Changing(root.join(&path)))?,
                };
                Entry::File(FileEntry { digest, size: stamp.size, is_executable })
            }
        };
        entries.insert(TreePath::new(path)?, entry);
    }
    Ok(Scanned { manifest: Manifest::new(entries)?, hashed })
}

/// A file that was read.
struct Hashed {
    path: String,
    stamp: Stamp,
    digest: Digest,
    began: i64,
}

/// Reads files, in their order.
fn hash_all(root: &Path, paths: &[&str]) -> Result<Vec<Hashed>, ScanError> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(hash_file(root, path)?);
        }
        Ok(done)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS).min(paths.len());
    if threads <= 1 {
        return work();
    }
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut done = Vec::with_capacity(paths.len());
        for worker in workers {
            match worker.join() {
                Ok(part) => done.extend(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<_, ScanError>(done)
    })?;
    done.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(done)
}

fn hash_file(root: &Path, path: &str) -> Result<Hashed, ScanError> {
    let place = root.join(path);
    for _ in 0..READS {
        let began = now_ns();
        // A link or a pipe that stands there by now is not followed and not waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut file =
            fs::OpenOptions::new().read(true).custom_flags(flags).open(&place).map_err(failed(&place))?;
        let before = stamp_of(&file).map_err(failed(&place))?;
        let (digest, length) = Digest::of_reader(&mut file).map_err(failed(&place))?;
        let after = stamp_of(&file).map_err(failed(&place))?;
        if before == after && length == after.size {
            return Ok(Hashed { path: path.to_owned(), stamp: after, digest, began });
        }
    }
    Err(ScanError::Changing(place))
}

fn stamp_of(file: &File) -> io::Result<Stamp> {
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok(Stamp::of(&metadata)) } else { Err(io::Error::other("it is no file")) }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    use super::{HashCache, Patterns, ScanError, Scanned, scan, scan_matching};
    use crate::sync::manifest::Entry;

    fn place() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        for directory in ["src/deep", "empty", ".git", ".ez"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for file in ["src/a", "src/deep/ö", "tool", ".git/x", ".ez/y", "-b"] {
            fs::write(root.join(file), file).unwrap();
        }
        fs::set_permissions(root.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("src/a", root.join("link")).unwrap();
        symlink("src", root.join("dir")).unwrap();
        place
    }

    fn scanned(root: &Path, paths: &[&str]) -> Result<Scanned, ScanError> {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        scan(root, &paths, &mut HashCache::default())
    }

    fn shown(root: &Path, paths: &[&str]) -> Vec<String> {
        let scanned = scanned(root, paths).unwrap();
        let shown = scanned.manifest.entries().iter().map(|(path, entry)| match entry {
            Entry::File(file) if file.is_executable => format!("{path}*"),
            Entry::File(_) => path.to_string(),
            Entry::Link(target) => format!("{path} -> {target}"),
            Entry::Directory {} => format!("{path}/"),
        });
        shown.collect()
    }

    #[test]
    fn a_whole_tree() {
        let place = place();
        let all = ["-b", "dir -> src", "empty/", "link -> src/a", "src/a", "src/deep/ö", "tool*"];
        assert_eq!(shown(place.path(), &["."]), all);
        assert_eq!(shown(place.path(), &["", "src/../src", "tool"]), all);
    }

    #[test]
    fn parts_of_a_tree_with_the_links_that_lead_to_them() {
        let place = place();
        assert_eq!(
            shown(place.path(), &["link", "dir/deep"]),
            ["dir -> src", "link -> src/a", "src/a", "src/deep/ö"]
        );
        assert_eq!(shown(place.path(), &["empty"]), ["empty/"]);
        assert_eq!(shown(place.path(), &[".git"]), [".git/x"]);
        assert_eq!(shown(place.path(), &[]), [""; 0]);
    }

    #[test]
    fn what_leads_out_is_refused() {
        let place = place();
        for path in ["/etc/passwd", "..", "src/../../x"] {
            assert!(matches!(scanned(place.path(), &[path]), Err(ScanError::Outside { .. })), "{path}");
        }
        for (name, target) in
            [("out", "../x"), ("abs", "/etc/passwd"), ("here", place.path().to_str().unwrap())]
        {
            symlink(target, place.path().join(name)).unwrap();
            assert!(scanned(place.path(), &[name]).is_err(), "{name}");
            let all = scanned(place.path(), &["."]).unwrap_err().to_string();
            assert!(all.contains(name), "{all}");
            fs::remove_file(place.path().join(name)).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let place = place();
        let _socket = UnixListener::bind(place.path().join("socket")).unwrap();
        let refused = scanned(place.path(), &["."]).unwrap_err().to_string();
        assert!(
            refused.ends_with("socket is a socket, which cannot be sent to another machine"),
            "{refused}"
        );
        fs::remove_file(place.path().join("socket")).unwrap();
        let status = std::process::Command::new("mkfifo").arg(place.path().join("pipe")).status().unwrap();
        assert!(status.success());
        assert!(matches!(scanned(place.path(), &["pipe"]), Err(ScanError::Special { what: "a pipe", .. })));
        fs::remove_file(place.path().join("pipe")).unwrap();
        assert!(matches!(
            scanned(Path::new("/dev"), &["null"]),
            Err(ScanError::Special { what: "a device", .. })
        ));
        fs::write(place.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        assert!(matches!(scanned(place.path(), &["."]), Err(ScanError::NotUtf8(_))));
    }

    #[test]
    fn what_patterns_mean() {
        let place = place();
        let matching = |texts: &[&str]| -> Vec<String> {
            let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
            let patterns = Patterns::new(&texts).unwrap();
            let scanned = scan_matching(place.path(), &patterns, &mut HashCache::default()).unwrap();
            scanned.manifest.entries().keys().map(ToString::to_string).collect()
        };
        assert_eq!(matching(&["src", "empty", "nothing"]), ["empty", "src/a", "src/deep/ö"]);
        assert_eq!(matching(&["**/ö", "li*"]), ["link", "src/deep/ö"]);
        assert_eq!(matching(&[".", "!src"]), ["-b", "dir", "empty", "link", "tool"]);
        // No link is followed, and nothing is in a file.
        assert_eq!(matching(&["dir/a", "dir/deep/*", "tool/x"]), [""; 0]);
    }

    #[test]
    fn only_what_changed_is_read() {
        let place = place();
        let root = place.path();
        let mut cache = HashCache::default();
        let mut hashed = || scan(root, &[".".to_owned()], &mut cache).unwrap().hashed;
        assert_eq!(hashed(), 4);
        // Files that are younger than the clock's tick are read again.
        while hashed() != 0 {}
        let path = root.join("src/a");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "other").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(hashed(), 1);
    }
}
