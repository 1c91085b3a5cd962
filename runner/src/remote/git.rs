//! Taskfiles in git repositories: `https://host/repository.git//path/to/Taskfile.yml?ref=main`, fetched with the
//! machine's own `git` (go-task, `taskfile/node_git.go`).

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::project::paths::{TASKFILE_NAMES, clean};
use ez_compiler::project::remote::{GitAddress, sha256};
use rustix::process::{Pid, Signal, kill_process};

use super::{FetchError, MAX_REMOTE_SIZE, RemoteSettings, host};

/// How long git has to clean up when its time is over.
const GRACE: Duration = Duration::from_secs(1);

/// Name of a Taskfile in the cache.
pub(super) fn cache_key(shown: &str) -> String {
    let path = Utf8Path::new(GitAddress::parse(shown).path);
    let name = path.file_name().unwrap_or(".");
    let last = path.parent().and_then(Utf8Path::file_name).unwrap_or("");
    let prefix = if last.len() > 1 { format!("{last}.{name}") } else { name.to_owned() };
    format!("git.{}.{prefix}.{}", host(shown), sha256(shown.as_bytes()))
}

/// Clones the repository, without its history, and reads the Taskfile.
pub(super) fn fetch(url: &str, settings: &RemoteSettings) -> Result<String, FetchError> {
    let address = GitAddress::parse(url);
    let words = |text: String| FetchError::Failed(Some(text));
    // A name that begins with a dash would be an option of git.
    if address.repository.starts_with('-') || address.reference.is_some_and(|name| name.starts_with('-')) {
        return Err(words("task: a repository or reference cannot begin with a dash".to_owned()));
    }
    let holder = tempfile::Builder::new().prefix("ez-git-").tempdir();
    let holder = holder.map_err(|error| words(format!("task: {error}")))?;
    let dir = Utf8Path::from_path(holder.path())
        .ok_or_else(|| words("task: the temporary directory is not UTF-8".to_owned()))?
        .join("clone");
    clone(address, &dir, settings)?;
    read(address, &dir)
}

fn clone(address: GitAddress<'_>, dir: &Utf8Path, settings: &RemoteSettings) -> Result<(), FetchError> {
    let failed = |why: String| FetchError::Failed(Some(format!("failed to clone repository: {why}")));
    let mut command = Command::new("git");
    command.env_clear().envs(settings.environment.iter());
    command.args(["-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--depth=1"]);
    if let Some(reference) = address.reference {
        command.args(["--branch", reference]);
    }
    command.args(["--", address.repository, dir.as_str()]);
    command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| failed(format!("git cannot be run: {error}")))?;
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(settings.timeout).map_err(|_| {
        // Asked to end, git ends its own children too.
        for signal in [Signal::TERM, Signal::KILL] {
            let _ = process.map(|process| kill_process(process, signal));
            if receiver.recv_timeout(GRACE).is_ok() {
                break;
            }
        }
        FetchError::TimedOut
    })?;
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// The Taskfile in the clone; a path or a link that leaves it is refused.
fn read(address: GitAddress<'_>, dir: &Utf8Path) -> Result<String, FetchError> {
    let path = clean(&format!("/{}", address.path));
    let wanted = dir.join(path.as_str().trim_start_matches('/'));
    let candidates: Vec<Utf8PathBuf> = if wanted.is_dir() {
        TASKFILE_NAMES.iter().map(|name| wanted.join(name)).collect()
    } else {
        vec![wanted]
    };
    let found = candidates.into_iter().find(|candidate| candidate.is_file()).ok_or(FetchError::NotFound)?;
    let inside = match (found.canonicalize_utf8(), dir.canonicalize_utf8()) {
        (Ok(real), Ok(root)) => real.starts_with(root),
        _ => false,
    };
    let small = std::fs::metadata(&found).is_ok_and(|m| m.len() <= MAX_REMOTE_SIZE);
    if !inside || !small {
        return Err(FetchError::Failed(Some(
            "task: the Taskfile leaves its repository or is too large".to_owned(),
        )));
    }
    std::fs::read_to_string(&found).map_err(|error| FetchError::Failed(Some(error.to_string())))
}
