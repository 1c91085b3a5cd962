//! Taskfiles that are not files: which names mean a URL, and checksums (go-task, `taskfile/node.go`).

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether the name of a Taskfile means a URL or a git repository.
pub fn is_remote(name: &str) -> bool {
    scheme(name).is_some()
}

/// `git`, `http` or `https`; `None` for a path.
pub fn scheme(name: &str) -> Option<&'static str> {
    let (scheme, rest) = match name.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None if is_scp_like(name) => ("ssh", name),
        None => return None,
    };
    let repository = rest.split("//").next().unwrap_or(rest);
    let path = repository.split(['?', '#']).next().unwrap_or(repository);
    let is_git = path.strip_suffix(".git").is_some() || path.contains("/_git/");
    match scheme {
        "ssh" | "http" | "https" if is_git => Some("git"),
        "git" => Some("git"),
        "http" => Some("http"),
        "https" => Some("https"),
        _ => None,
    }
}

/// `git@host:path.git`
fn is_scp_like(name: &str) -> bool {
    let Some((host, path)) = name.split_once(':') else { return false };
    host.contains('@')
        && !host.contains('/')
        && path.split("//").next().is_some_and(|p| p.strip_suffix(".git").is_some())
}

/// A name relative to a remote Taskfile.
pub fn join(base: &str, name: &str) -> String {
    let (front, query) = base.split_once('?').map_or((base, None), |(front, query)| (front, Some(query)));
    let dir = front.rsplit_once('/').map_or(front, |(dir, _)| dir);
    let (root, path) = match dir.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('/') {
            Some((host, path)) => (format!("{scheme}://{host}"), path),
            None => (dir.to_owned(), ""),
        },
        None => (String::new(), dir),
    };
    let joined = super::paths::smart_join(&format!("/{path}"), name);
    match query {
        Some(query) => format!("{root}{joined}?{query}"),
        None => format!("{root}{joined}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        assert_eq!(scheme("https://example.com/Taskfile.yml"), Some("https"));
        assert_eq!(scheme("https://example.com/a/b.git//Taskfile.yml?ref=main"), Some("git"));
        assert_eq!(scheme("git@example.com:a/b.git//Taskfile.yml"), Some("git"));
        assert_eq!(scheme("./Taskfile.yml"), None);
        assert_eq!(scheme("C:/x"), None);
        assert_eq!(join("https://e.com/a/Taskfile.yml", "../b.yml"), "https://e.com/b.yml");
    }

    #[test]
    fn sha256_is_hexadecimal() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
