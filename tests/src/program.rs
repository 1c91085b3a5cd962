//! Where the programs under test are.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names another `ez` to test than the one that Cargo built.
const EZ_VARIABLE: &str = "EZ_BIN";
/// Names the real go-task, for the program itself and for these tests.
const ORACLE_VARIABLE: &str = "EZ_TASK_BIN";

/// The root of the repository.
pub fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap_or(root)
}

/// The built `ez`: `EZ_BIN`, else the one beside the running test in Cargo's target directory.
///
/// # Panics
///
/// Where there is none, because then no end-to-end test means anything.
pub fn ez() -> PathBuf {
    let path = match env::var_os(EZ_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => profile_directory().join(format!("ez{}", env::consts::EXE_SUFFIX)),
    };
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build -p ez` before the tests, or name a program in {EZ_VARIABLE}",
        path.display()
    );
    path
}

/// `target/<profile>`: the test executable is in its `deps`.
fn profile_directory() -> PathBuf {
    let test = env::current_exe().unwrap_or_default();
    test.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}

/// The real go-task: `EZ_TASK_BIN`, else the first `task` on `PATH` that is one.
///
/// # Panics
///
/// Where there is none: a differential test that silently compares nothing is worse than none.
pub fn oracle() -> PathBuf {
    let named = env::var_os(ORACLE_VARIABLE).map(PathBuf::from);
    let found = named.or_else(|| on_path("task").find(|path| is_go_task(path)));
    found.unwrap_or_else(|| {
        panic!("no go-task: `pip install go-task-bin`, or name the program in {ORACLE_VARIABLE}")
    })
}

fn on_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let candidates: Vec<_> = env::split_paths(&path).map(|directory| directory.join(name)).collect();
    candidates.into_iter().filter(|candidate| candidate.is_file())
}

/// Taskwarrior is called `task` too.
fn is_go_task(path: &Path) -> bool {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"3."))
}

/// Makes `directory/name` lead to `program`, and gives that path: the name decides how `ez` behaves.
pub fn link(program: &Path, directory: &Path, name: &str) -> io::Result<PathBuf> {
    let link = directory.join(name);
    #[cfg(unix)]
    std::os::unix::fs::symlink(program, &link)?;
    #[cfg(not(unix))]
    fs::copy(program, &link).map(drop)?;
    fs::symlink_metadata(&link).map(|_| link)
}
