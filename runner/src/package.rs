//! Packages: a folder task as one `.tar.gz` file, for other projects to take over.
//!
//! ```text
//! ez-package.json     the manifest: what follows, with sizes, modes and SHA-256
//! <task>/<path>…      regular files, then links, each in the order of their paths
//! ```
//!
//! The same folder gives the same bytes: nothing of the machine, its users or its clock is in a package. Who imports one
//! trusts nothing in it: [`import`] unpacks aside and only what the manifest names, and gives the folder its place by a
//! single rename.

mod bounded;
pub mod export;
pub mod import;
pub mod links;
pub mod manifest;
pub mod path;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

/// What the names of packages end with.
pub const EXTENSION: &str = ".tar.gz";
pub use ez_compiler::folder::DIRECTORY as TASKS;
/// The first entry of a package.
pub const MANIFEST: &str = "ez-package.json";
/// Entries that stay with their machine, at any depth: what EZ and go-task wrote, and the history.
pub const LEFT_OUT: [&str; 3] = [".ez", ".task", ".git"];

/// Most bytes of all files of a package together.
pub const MAX_TOTAL_BYTES: u64 = 1 << 30;
/// Most bytes of one file.
pub const MAX_FILE_BYTES: u64 = 256 << 20;
/// Most files and links.
pub const MAX_ENTRIES: usize = 20_000;
/// Most bytes of a manifest.
pub const MAX_MANIFEST_BYTES: u64 = 8 << 20;

/// How large a package may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub total_bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Files and links.
    pub entries: usize,
    /// Bytes of the manifest.
    pub manifest_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total_bytes: MAX_TOTAL_BYTES,
            file_bytes: MAX_FILE_BYTES,
            entries: MAX_ENTRIES,
            manifest_bytes: MAX_MANIFEST_BYTES,
        }
    }
}

/// How much is in a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Regular files and links.
    pub entries: usize,
    /// Bytes of the files.
    pub bytes: u64,
}

/// Why a package cannot be made or taken.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// An entry is not what a package may hold.
    #[error("`{}` {fault}", entry.escape_debug())]
    Entry {
        /// Its path.
        entry: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Too many entries.
    #[error("it has more than {0} files")]
    TooMany(usize),
    /// Too many bytes.
    #[error("its files have more than {0} bytes together")]
    TooLarge(u64),
    /// It does not begin with a manifest.
    #[error("it is no package of EZ: {0}")]
    NoPackage(String),
    /// The manifest is of a later or an unknown format.
    #[error("its format is {0}, and this version of EZ knows format {known}", known = manifest::FORMAT)]
    UnknownFormat(u64),
    /// The name of the task cannot be one.
    #[error("`{}` is no name of a folder task: letters, digits, `_`, `-` and `.`, the first a letter, digit or `_`, at most {most} bytes", .0.escape_debug(), most = path::MAX_NAME_BYTES)]
    IllegalName(String),
    /// There is no Taskfile in it.
    #[error("there is no Taskfile in it")]
    NoTaskfile,
    /// The archive ends early, or more follows its end, or its checksums are wrong.
    #[error("the package is damaged: {0}")]
    Damaged(String),
    /// A folder of that name is there.
    #[error("`{}` exists", .0.display())]
    Taken(PathBuf),
    /// The disk said no.
    #[error("{}: {source}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl PackageError {
    fn entry(entry: impl Into<String>, fault: Fault) -> Self {
        Self::Entry { entry: entry.into(), fault }
    }
}

/// What is wrong with an entry; the words continue its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// `/etc/passwd`
    #[error("is an absolute path")]
    Absolute,
    /// `../x`, `a//b`, `./a`
    #[error("is no plain path: it has an empty part, `.` or `..`")]
    NotPlain,
    /// A line break in a name.
    #[error("has a control character in its name")]
    ControlCharacter,
    /// No UTF-8.
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    /// More than [`path::MAX_PATH_BYTES`], or a part that no header of an archive takes.
    #[error(
        "has too long a path: at most {} bytes, and {} in a name",
        path::MAX_PATH_BYTES,
        path::MAX_NAME_BYTES
    )]
    TooLong,
    /// More than [`path::MAX_DEPTH`].
    #[error("is more than {} directories deep", path::MAX_DEPTH)]
    TooDeep,
    /// One of [`LEFT_OUT`].
    #[error("is in `{0}`, which packages leave out")]
    LeftOut(&'static str),
    /// A link to a place outside of the folder, also by way of other links.
    #[error("links to `{0}`, which is outside of the folder")]
    LinkOut(String),
    /// Links that lead to each other.
    #[error("links to itself")]
    LinkLoop,
    /// A file below a link.
    #[error("is below the link `{0}`")]
    BelowLink(String),
    /// A file below a file.
    #[error("is below the file `{0}`")]
    BelowFile(String),
    /// A device, a pipe, a hard link …
    #[error("is {0}; packages hold files and symbolic links")]
    Kind(&'static str),
    /// Twice.
    #[error("is there twice")]
    Duplicate,
    /// Names that are one where letters' case does not count.
    #[error("and `{0}` differ in nothing but upper and lower case")]
    CaseCollision(String),
    /// Not announced.
    #[error("is not in the manifest")]
    NotInManifest,
    /// Announced, and not there.
    #[error("is in the manifest and not in the package")]
    Missing,
    /// Of another kind, mode, target or size than announced.
    #[error("is not what the manifest says: its {0} differs")]
    Differs(&'static str),
    /// More than [`MAX_FILE_BYTES`].
    #[error("has more than {0} bytes")]
    TooLarge(u64),
    /// It changed while it was read.
    #[error("changed while it was read")]
    Changed,
}

/// An error of the disk, with its place.
fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> PackageError {
    let path = path.into();
    move |source| PackageError::Disk { path, source }
}
