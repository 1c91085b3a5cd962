//! Finding the root Taskfile, by go-task's rules.

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::project::paths::TASKFILE_NAMES;

use crate::environment::Environment;
use crate::paths;

/// How go-task calls the text that came from standard input.
pub const STDIN_NAME: &str = "__stdin__";

/// The word for `--taskfile` that means standard input.
const STDIN_WORD: &str = "-";

/// Where the root Taskfile is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A file on the disk.
    File {
        /// Its path, absolute.
        path: Utf8PathBuf,
        /// The directory that tasks run in, absolute.
        directory: Utf8PathBuf,
    },
    /// Standard input, known as [`STDIN_NAME`].
    Stdin {
        /// The directory that tasks run in, absolute; `None` without `--dir`: tasks run where the program was started,
        /// and `ROOT_DIR` is empty.
        directory: Option<Utf8PathBuf>,
    },
    /// A file on the network.
    Remote {
        /// Its address.
        address: String,
        /// The directory that tasks run in, absolute; `None` without `--dir`.
        directory: Option<Utf8PathBuf>,
    },
}

/// Why there is no root Taskfile. The words are go-task's.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Nothing was found.
    #[error("task: No Taskfile found at \"{place}\"{} Run `task --init` to create a new Taskfile.", walked.words())]
    NotFound {
        /// `--taskfile` as typed; empty where parents were searched.
        place: String,
        /// How far was searched.
        walked: Walked,
    },
    /// The disk said something else.
    #[error("stat {path}: {what}")]
    Disk {
        /// The path in question.
        path: Utf8PathBuf,
        /// The operating system's words.
        what: String,
    },
}

/// How far a search went before it gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walked {
    /// Only the named place.
    Nowhere,
    /// All parents.
    ToTheRoot,
    /// Parents up to one that belongs to somebody else.
    ToForeignDirectory,
}

impl Walked {
    fn words(self) -> &'static str {
        match self {
            Self::Nowhere => "",
            Self::ToTheRoot => " (or any of the parent directories).",
            Self::ToForeignDirectory => " (or any of the parent directories until ownership changed).",
        }
    }
}

/// Finds the root Taskfile from the values of `--taskfile` and `--dir`, empty where not given.
///
/// # Errors
///
/// No Taskfile (exit 100), or a disk that does not answer (exit 1).
pub fn find_root(taskfile: &str, dir: &str, environment: &Environment) -> Result<Root, DiscoveryError> {
    let given_directory = (!dir.is_empty()).then(|| environment.absolute(dir));
    if taskfile == STDIN_WORD {
        return Ok(Root::Stdin { directory: given_directory });
    }
    if is_remote(taskfile) {
        return Ok(Root::Remote { address: taskfile.to_owned(), directory: given_directory });
    }
    if !taskfile.is_empty() {
        let path = find_at(Utf8Path::new(taskfile), TASKFILE_NAMES, environment)
            .map_err(|error| failed(taskfile, Walked::Nowhere, error))?;
        let directory = given_directory.unwrap_or_else(|| parent(&path));
        return Ok(Root::File { path, directory });
    }
    let start = given_directory.unwrap_or_else(|| environment.working_directory.clone());
    let (found, end) = find_upwards(&start, TASKFILE_NAMES, environment, 1)
        .map_err(|error| failed(taskfile, Walked::ToTheRoot, error))?;
    match found.into_iter().next() {
        Some(path) => Ok(Root::File { directory: parent(&path), path }),
        None => Err(DiscoveryError::NotFound { place: String::new(), walked: end }),
    }
}

fn parent(path: &Utf8Path) -> Utf8PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

/// Why a place holds no file.
#[derive(Debug)]
pub enum LookError {
    /// Nothing is there, or a directory without any of the names.
    Nothing,
    /// It may not be looked at.
    Forbidden,
    /// Anything else: the path and the operating system's words.
    Disk(Utf8PathBuf, String),
}

fn failed(place: &str, walked: Walked, error: LookError) -> DiscoveryError {
    match error {
        LookError::Nothing => DiscoveryError::NotFound { place: place.to_owned(), walked },
        LookError::Forbidden => {
            DiscoveryError::NotFound { place: place.to_owned(), walked: Walked::ToForeignDirectory }
        }
        LookError::Disk(path, what) => DiscoveryError::Disk { path, what },
    }
}

fn look_error(path: &Utf8Path, error: &std::io::Error) -> LookError {
    match error.kind() {
        std::io::ErrorKind::NotFound => LookError::Nothing,
        std::io::ErrorKind::PermissionDenied => LookError::Forbidden,
        _ => LookError::Disk(path.to_owned(), crate::disk::plain_message(error)),
    }
}

/// The file at a path, or the first of `names` in the directory there; absolute.
///
/// # Errors
///
/// There is none.
pub fn find_at(path: &Utf8Path, names: &[&str], environment: &Environment) -> Result<Utf8PathBuf, LookError> {
    let absolute = environment.absolute(path);
    let metadata = std::fs::metadata(&absolute).map_err(|error| look_error(path, &error))?;
    if !metadata.is_dir() {
        return Ok(absolute);
    }
    let candidates = names.iter().map(|name| absolute.join(name));
    candidates.into_iter().find(|candidate| candidate.exists()).ok_or(LookError::Nothing)
}

/// Walks from a directory upwards and collects at most `limit` files, the nearest first.
///
/// The walk ends at the root of the disk or where a parent belongs to another user.
///
/// # Errors
///
/// A directory on the way cannot be looked at.
pub fn find_upwards(
    start: &Utf8Path,
    names: &[&str],
    environment: &Environment,
    limit: usize,
) -> Result<(Vec<Utf8PathBuf>, Walked), LookError> {
    let owner_of = |path: &Utf8Path| paths::owner(path).map_err(|error| look_error(path, &error));
    let mut found = Vec::new();
    let mut directory = start.to_owned();
    let mut owner = owner_of(&directory)?;
    while found.len() < limit {
        found.extend(find_at(&directory, names, environment).ok());
        let Some(parent) = directory.parent().map(Utf8Path::to_owned) else { break };
        let parent_owner = owner_of(&parent)?;
        if parent_owner != owner {
            return Ok((found, Walked::ToForeignDirectory));
        }
        owner = parent_owner;
        directory = parent;
    }
    Ok((found, Walked::ToTheRoot))
}

/// Whether a Taskfile's place is an address on the network.
pub fn is_remote(place: &str) -> bool {
    let scheme = place.split_once("://").map(|(scheme, _)| scheme);
    matches!(scheme, Some("http" | "https" | "git")) || is_git(place, scheme)
}

/// Addresses of git repositories: `ssh://…/x.git//path` and `git@host:x.git//path`.
fn is_git(place: &str, scheme: Option<&str>) -> bool {
    let (is_ssh, path) = match scheme {
        Some(scheme) => (scheme == "ssh", place.get(scheme.len() + "://".len()..).unwrap_or("")),
        None => (place.split_once(':').is_some_and(|(host, _)| host.contains('@')), place),
    };
    let repository = path.split("//").next().unwrap_or("");
    is_ssh
        && (repository.split('?').next().is_some_and(|path| path.strip_suffix(".git").is_some())
            || repository.contains("/_git/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a temporary tree, files by path, and returns its root.
    fn tree(files: &[&str]) -> (tempfile::TempDir, Utf8PathBuf) {
        let holder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(holder.path().canonicalize().unwrap()).unwrap();
        for file in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "version: '3'\n").unwrap();
        }
        (holder, root)
    }

    /// `place` of the result relative to the tree: "file in directory", or the error.
    fn check(files: &[&str], from: &str, taskfile: &str, dir: &str, expected: &str) {
        let (_holder, root) = tree(files);
        std::fs::create_dir_all(root.join(from)).unwrap();
        let environment = Environment::for_test(paths::clean(&root.join(from)), &[]);
        let got = match find_root(taskfile, dir, &environment) {
            Ok(Root::File { path, directory }) => {
                format!("{} in {}", paths::relative(&root, &path), paths::relative(&root, &directory))
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{files:?} {from} -t {taskfile:?} -d {dir:?}");
    }

    #[test]
    fn the_nearest_and_strongest_name_is_found() {
        check(&["Taskfile.yml"], "", "", "", "Taskfile.yml in .");
        check(&["Taskfile.yml"], "a/b", "", "", "Taskfile.yml in .");
        check(&["Taskfile.yml", "a/taskfile.dist.yaml"], "a/b", "", "", "a/taskfile.dist.yaml in a");
        check(&["Taskfile.yaml", "taskfile.yml"], "", "", "", "taskfile.yml in .");
        check(&["Taskfile.dist.yml", "taskfile.yaml"], "", "", "", "taskfile.yaml in .");
        check(&["Taskfile.yml", "b/Taskfile.yml"], "a", "", "../b", "b/Taskfile.yml in b");
    }

    #[test]
    fn a_named_file_decides_the_directory_unless_there_is_one() {
        check(&["x/tasks.txt"], "", "x/tasks.txt", "", "x/tasks.txt in x");
        check(&["x/tasks.txt"], "", "x/tasks.txt", "y", "x/tasks.txt in y");
        check(&["x/Taskfile.yml"], "", "x", "", "x/Taskfile.yml in x");
    }

    #[test]
    fn misses_say_where_was_searched() {
        let asks = "Run `task --init` to create a new Taskfile.";
        check(&[], "x", "nope", "", &format!("task: No Taskfile found at \"nope\" {asks}"));
        check(&["y/z"], "", "y", "", &format!("task: No Taskfile found at \"y\" {asks}"));
        check(&["y"], "", "y/z", "", "stat y/z: not a directory");
        let walked = format!("task: No Taskfile found at \"\" (or any of the parent directories). {asks}");
        check(&[], "", "", "nowhere", &walked);
    }

    #[test]
    fn other_places_are_recognised() {
        for (place, expected) in [
            ("Taskfile.yml", false),
            ("https://example.com/Taskfile.yml", true),
            ("http://localhost:1/x", true),
            ("git://host/x.git", true),
            ("ssh://git@host/x.git//Taskfile.yml?ref=main", true),
            ("git@host:x.git//Taskfile.yml", true),
            ("ssh://host/x", false),
            ("a:b.git", false),
            ("file:///x.git", false),
        ] {
            assert_eq!(is_remote(place), expected, "{place}");
        }
        let environment = Environment::for_test("/w", &[]);
        let stdin = find_root("-", "sub", &environment).unwrap();
        assert_eq!(stdin, Root::Stdin { directory: Some("/w/sub".into()) });
    }
}
