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

/// A name relative to a remote Taskfile: for git a path in its repository, else an address relative to its own.
pub fn join(base: &str, name: &str) -> String {
    if scheme(base) == Some("git") { join_in_repository(base, name) } else { resolve(base, name) }
}

/// An address without a scheme, relative to another one (RFC 3986, section 5.2).
pub fn resolve(base: &str, name: &str) -> String {
    let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
    let rest = rest.split('#').next().unwrap_or(rest);
    let (front, query) = rest.split_once('?').map_or((rest, None), |(front, query)| (front, Some(query)));
    let (host, path) = front.split_at(front.find('/').unwrap_or(front.len()));
    if let Some(elsewhere) = name.strip_prefix("//") {
        return format!("{scheme}://{elsewhere}");
    }
    if name.is_empty() {
        return format!(
            "{scheme}://{host}{path}{}",
            query.map(|query| format!("?{query}")).unwrap_or_default()
        );
    }
    let (name, tail) = name.split_at(name.find(['?', '#']).unwrap_or(name.len()));
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let joined = match name {
        "" => path.to_owned(),
        _ if name.starts_with('/') => without_dots(name),
        _ => without_dots(&format!("{directory}/{name}")),
    };
    format!("{scheme}://{host}{joined}{tail}")
}

/// A path without `.` and `..`; a slash at its end stays.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.split('/').skip(1);
    for segment in segments {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let is_directory = matches!(path.rsplit('/').next(), Some("." | ".."));
    format!("/{}{}", kept.join("/"), if is_directory && !kept.is_empty() { "/" } else { "" })
}

fn join_in_repository(base: &str, name: &str) -> String {
    let address = GitAddress::parse(base);
    let directory = address.path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let path = without_dots(&format!("/{directory}/{name}"));
    let path = path.trim_start_matches('/');
    let reference = address.reference.map(|reference| format!("?ref={reference}")).unwrap_or_default();
    format!("{}//{path}{reference}", address.repository)
}

/// The address of a Taskfile in a git repository, taken apart: `https://host/repository.git//path?ref=main`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GitAddress<'a> {
    /// What is cloned.
    pub repository: &'a str,
    /// The Taskfile or its directory; empty for the repository's own.
    pub path: &'a str,
    /// The branch or tag.
    pub reference: Option<&'a str>,
}

impl<'a> GitAddress<'a> {
    /// The parts of an address.
    pub fn parse(address: &'a str) -> Self {
        let (front, query) = address.split_once('?').unwrap_or((address, ""));
        let after_scheme = front.find("://").map_or(0, |at| at + 3);
        let (repository, path) = match front[after_scheme..].find("//") {
            Some(at) => (&front[..after_scheme + at], &front[after_scheme + at + 2..]),
            None => (front, ""),
        };
        let reference = query.split('&').find_map(|pair| pair.strip_prefix("ref="));
        Self { repository, path, reference: reference.filter(|reference| !reference.is_empty()) }
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
    }

    #[test]
    fn names_are_relative_to_addresses() {
        for (base, name, expected) in [
            ("https://e.com/a/Taskfile.yml", "../b.yml", "https://e.com/b.yml"),
            ("https://e.com/a/Taskfile.yml?token=1", "b.yml", "https://e.com/a/b.yml"),
            ("https://e.com/a/Taskfile.yml", "b.yml?token=2", "https://e.com/a/b.yml?token=2"),
            ("https://e.com/a/b/Taskfile.yml", "/c.yml", "https://e.com/c.yml"),
            ("https://e.com/a/b/Taskfile.yml", "..", "https://e.com/a/"),
            ("https://e.com/Taskfile.yml", "../../x", "https://e.com/x"),
            ("https://e.com", "x", "https://e.com/x"),
            ("https://e.com/a", "//f.com/x", "https://f.com/x"),
            ("https://e.com/a?q", "", "https://e.com/a?q"),
            ("https://e.com/r.git//sub/T.yml?ref=v1", "../x.yml", "https://e.com/r.git//x.yml?ref=v1"),
            ("https://e.com/r.git", "sub/x.yml", "https://e.com/r.git//sub/x.yml"),
            ("git@e.com:a/r.git//T.yml", "../../x.yml", "git@e.com:a/r.git//x.yml"),
        ] {
            assert_eq!(join(base, name), expected, "{base} {name}");
        }
    }

    #[test]
    fn an_address_has_three_parts() {
        let check = |address: &str, repository: &str, path: &str, reference: Option<&str>| {
            assert_eq!(GitAddress::parse(address), GitAddress { repository, path, reference });
        };
        check("https://e.com/a/b.git//d/T.yml?ref=main", "https://e.com/a/b.git", "d/T.yml", Some("main"));
        check("git@e.com:a/b.git//T.yml", "git@e.com:a/b.git", "T.yml", None);
        check("https://e.com/b.git?ref=", "https://e.com/b.git", "", None);
    }

    #[test]
    fn sha256_is_hexadecimal() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
