//! The one error with which go-task would refuse to load a project.

use camino::Utf8PathBuf;
use semver::Version;

/// Why a project cannot be loaded, in go-task's terms (`errors/errors_taskfile.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A Taskfile that is not there.
    NotFound {
        /// The path that was looked for.
        path: Utf8PathBuf,
        /// Whether it is the root Taskfile.
        root: bool,
    },
    /// The file cannot be read.
    Unreadable {
        /// The operating system's words.
        message: String,
    },
    /// The text is not YAML.
    Invalid {
        /// The file.
        path: Utf8PathBuf,
        /// go-yaml's words.
        message: String,
    },
    /// The YAML is no Taskfile.
    Decode {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong, one or several.
        messages: Vec<String>,
        /// Line at which go-task points, from 1.
        line: u32,
        /// Column at which it points, from 1.
        column: u32,
        /// The text of the file, for the snippet.
        text: std::sync::Arc<str>,
    },
    /// No `version`.
    VersionMissing {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A `version` that is too old or too new.
    VersionUnsupported {
        /// The file.
        path: Utf8PathBuf,
        /// Its version.
        version: Version,
        /// The end of go-task's sentence.
        message: String,
    },
    /// An include with another version.
    VersionMismatch {
        /// Of the including file.
        first: String,
        /// Of the include.
        second: String,
    },
    /// An include that has `dotenv`.
    DotenvInInclude,
    /// Files that include each other.
    IncludeCycle {
        /// The including file.
        source: Utf8PathBuf,
        /// The included file.
        destination: Utf8PathBuf,
    },
    /// Two tasks of one name.
    NameConflict {
        /// The name.
        task: String,
        /// The namespace of the include that brought the second.
        include: String,
    },
    /// A pinned checksum that does not fit.
    ChecksumMismatch {
        /// The file.
        path: Utf8PathBuf,
        /// What was pinned.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// A template in the path of an include.
    Template {
        /// Go's words.
        message: String,
    },
    /// A remote Taskfile that cannot be had.
    Remote {
        /// go-task's words.
        message: String,
        /// Its exit code.
        exit: i32,
    },
}
