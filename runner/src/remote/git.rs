//! Taskfiles in git repositories: `https://host/repository.git//path/to/Taskfile.yml?ref=main`, fetched with the
//! machine's own `git` (go-task, `taskfile/node_git.go`).

use std::process::{Command, Stdio};
use std::sync::mpsc;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::project::paths::{TASKFILE_NAMES, clean};
use ez_compiler::project::remote::sha256;

use super::{FetchError, MAX_REMOTE_SIZE, RemoteSettings, host};

/// A URL taken apart.
struct Address {
    repository: String,
    path: String,
    reference: Option<String>,
}

fn parse(url: &str) -> Address {
    let (front, query) = url.split_once('?').unwrap_or((url, ""));
    let scheme_end = front.find("://").map_or(0, |at| at + 3);
    let (repository, path) = match front[scheme_end..].find("//") {
        Some(at) => (&front[..scheme_end + at], &front[scheme_end + at + 2..]),
        None => (front, ""),
    };
    let reference = query.split('&').find_map(|pair| pair.strip_prefix("ref="));
    Address {
        repository: repository.to_owned(),
        path: path.to_owned(),
        reference: reference.filter(|r| !r.is_empty()).map(str::to_owned),
    }
}

/// Name of a Taskfile in the cache.
pub(super) fn cache_key(url: &str, shown: &str) -> String {
    let address = parse(url);
    let path = Utf8Path::new(&address.path);
    let name = path.file_name().unwrap_or(".");
    let last = path.parent().and_then(Utf8Path::file_name).unwrap_or("");
    let prefix = if last.len() > 1 { format!("{last}.{name}") } else { name.to_owned() };
    format!("git.{}.{prefix}.{}", host(url), sha256(shown.as_bytes()))
}

/// Clones the repository, without its history, and reads the Taskfile.
pub(super) fn fetch(url: &str, settings: &RemoteSettings) -> Result<String, FetchError> {
    let address = parse(url);
    let words = |text: String| FetchError::Failed(Some(text));
    // A name that begins with a dash would be an option of git.
    if address.repository.starts_with('-') || address.reference.as_ref().is_some_and(|r| r.starts_with('-')) {
        return Err(words("task: a repository or reference cannot begin with a dash".to_owned()));
    }
    let dir = std::env::temp_dir().join(format!("ez-git-{}-{}", std::process::id(), sha256(url.as_bytes())));
    let dir = Utf8PathBuf::from_path_buf(dir)
        .map_err(|_| words("task: the temporary directory is not UTF-8".to_owned()))?;
    let result = clone(&address, &dir, settings).and_then(|()| read(&address, &dir));
    // What is left behind does no harm, and an error here would hide the result.
    let _ = std::fs::remove_dir_all(&dir);
    result
}

fn clone(address: &Address, dir: &Utf8Path, settings: &RemoteSettings) -> Result<(), FetchError> {
    let failed = |why: String| FetchError::Failed(Some(format!("failed to clone repository: {why}")));
    let mut command = Command::new("git");
    command.args(["-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--depth=1"]);
    if let Some(reference) = &address.reference {
        command.args(["--branch", reference]);
    }
    command.args(["--", &address.repository, dir.as_str()]);
    command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| failed(format!("git cannot be run: {error}")))?;
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = receiver.recv_timeout(settings.timeout).map_err(|_| {
        if let Some(process) = rustix::process::Pid::from_raw(id as i32) {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
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
fn read(address: &Address, dir: &Utf8Path) -> Result<String, FetchError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_three_parts() {
        let address = parse("https://example.com/a/b.git//dir/Taskfile.yml?ref=main");
        assert_eq!(address.repository, "https://example.com/a/b.git");
        assert_eq!(address.path, "dir/Taskfile.yml");
        assert_eq!(address.reference.as_deref(), Some("main"));
        let address = parse("git@example.com:a/b.git//Taskfile.yml");
        assert_eq!(
            (address.repository.as_str(), address.path.as_str()),
            ("git@example.com:a/b.git", "Taskfile.yml")
        );
    }
}
