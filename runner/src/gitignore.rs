//! Which files git ignores, as go-task decides it for `use_gitignore`.
//!
//! go-task reads the `.gitignore` files of the repository alone (no global ones), and follows go-git's rules, which
//! differ from git's in corners: `**` only works as a whole part, and a pattern with a bad bracket matches nothing.

use std::path::Path;

use ez_compiler::shell::{Pattern, PatternRules};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::path::{clean, parent, smart_join};

/// Lines longer than this end the reading of a `.gitignore`, as in go-task.
const MAX_LINE: usize = 64 * 1024;

/// Takes out of `files` what the repository around `directory` ignores. Without a repository nothing is ignored.
pub fn remove_ignored(files: &mut Vec<String>, directory: &str) {
    let directory = absolute(directory);
    let Some(root) = repository_root(&directory) else { return };
    let rules = Rules::read(&root, files);
    if rules.rules.is_empty() {
        return;
    }
    let mut verdicts = FxHashMap::default();
    files.retain(|file| {
        let file = absolute(file);
        inside(&root, &file).is_none_or(|path| !rules.ignores(path, &mut verdicts))
    });
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        return clean(path);
    }
    let current = std::env::current_dir().ok().and_then(|current| current.to_str().map(str::to_owned));
    smart_join(current.as_deref().unwrap_or("/"), path).to_string()
}

fn repository_root(directory: &str) -> Option<String> {
    Path::new(directory)
        .ancestors()
        .find(|ancestor| ancestor.join(".git").metadata().is_ok())
        .and_then(Path::to_str)
        .map(str::to_owned)
}

/// The path below the root, if it is there.
fn inside<'p>(root: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(root)?;
    if root == "/" {
        return Some(rest);
    }
    rest.strip_prefix('/').or(rest.is_empty().then_some(""))
}

#[derive(Debug)]
enum Part {
    /// Between two slashes, or before the first.
    Empty,
    /// `**`
    AnyDepth,
    /// `**` beside other text, which matches nothing.
    Never,
    Name(Option<Pattern>),
}

impl Part {
    fn new(text: &str) -> Self {
        match text {
            "" => Self::Empty,
            "**" => Self::AnyDepth,
            text if text.contains("**") => Self::Never,
            text => Self::Name(Pattern::compile(text, PatternRules::Go).ok()),
        }
    }
}

/// One line of a `.gitignore`.
#[derive(Debug)]
struct Rule {
    /// The directory of the file, below the root, in parts.
    domain: Vec<String>,
    parts: Vec<Part>,
    includes: bool,
    directories_only: bool,
    has_slash: bool,
}

impl Rule {
    fn new(line: &str, domain: &[String]) -> Self {
        let (includes, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let line = if line.ends_with("\\ ") { line } else { line.trim_end_matches(' ') };
        let (directories_only, line) = match line.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let has_slash = line.contains('/');
        let parts = if has_slash {
            line.split('/').map(Part::new).collect()
        } else {
            vec![Part::Name(Pattern::compile(line, PatternRules::Go).ok())]
        };
        Self { domain: domain.to_vec(), parts, includes, directories_only, has_slash }
    }

    /// Whether the rule speaks about this path.
    fn matches(&self, path: &[&str], is_directory: bool) -> bool {
        let below = path.len() > self.domain.len()
            && self.domain.iter().zip(path).all(|(wanted, part)| wanted == part);
        let Some(path) = path.get(self.domain.len()..).filter(|_| below) else { return false };
        if self.has_slash {
            self.matches_path(path, is_directory)
        } else {
            self.matches_name(path, is_directory)
        }
    }

    fn matches_name(&self, path: &[&str], is_directory: bool) -> bool {
        let Some(Part::Name(Some(pattern))) = self.parts.first() else { return false };
        match path.iter().position(|name| pattern.matches(name)) {
            Some(at) => !self.directories_only || is_directory || at + 1 < path.len(),
            None => false,
        }
    }

    fn matches_path(&self, mut path: &[&str], is_directory: bool) -> bool {
        let mut matched = false;
        let mut at_any_depth = false;
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Empty => at_any_depth = false,
                Part::AnyDepth if index + 1 == self.parts.len() => break,
                Part::AnyDepth => at_any_depth = true,
                Part::Never | Part::Name(None) => return false,
                Part::Name(Some(pattern)) => {
                    if path.is_empty() {
                        return false;
                    }
                    let most = if at_any_depth { path.len() } else { 1 };
                    let found = path.iter().take(most).position(|name| pattern.matches(name));
                    matched = found.is_some();
                    if !matched && !at_any_depth {
                        return false;
                    }
                    path = path.get(found.map_or(path.len(), |at| at + 1)..).unwrap_or_default();
                    at_any_depth = false;
                }
            }
        }
        matched && !(self.directories_only && !is_directory && path.is_empty())
    }
}

/// The rules of all files, weakest first.
#[derive(Debug)]
struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads the `.gitignore` of each directory from the root down to the files.
    fn read(root: &str, files: &[String]) -> Self {
        let mut directories: FxHashSet<String> = FxHashSet::default();
        for file in files {
            let mut directory = parent(&absolute(file)).to_string();
            while inside(root, &directory).is_some() && !directories.contains(&directory) {
                let above = parent(&directory).to_string();
                let at_root = directory == root;
                directories.insert(directory);
                if at_root {
                    break;
                }
                directory = above;
            }
        }
        let mut directories: Vec<String> = directories.into_iter().collect();
        directories
            .sort_by(|a, b| a.matches('/').count().cmp(&b.matches('/').count()).then_with(|| a.cmp(b)));
        let mut rules = Vec::new();
        for directory in &directories {
            let Ok(text) = std::fs::read(format!("{directory}/.gitignore")) else { continue };
            let domain: Vec<String> = inside(root, directory)
                .unwrap_or_default()
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
            let text = String::from_utf8_lossy(&text);
            let lines = text.split('\n').take_while(|line| line.len() < MAX_LINE);
            let lines = lines.map(|line| line.trim_end_matches('\r'));
            rules.extend(
                lines
                    .filter(|line| !line.is_empty() && !line.starts_with('#'))
                    .map(|line| Rule::new(line, &domain)),
            );
        }
        Self { rules }
    }

    /// Whether a file is ignored: a file in an ignored directory always is.
    fn ignores(&self, path: &str, verdicts: &mut FxHashMap<String, bool>) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        for (at, _) in path.match_indices('/') {
            let directory = path.get(..at).unwrap_or_default();
            let ignored = if let Some(&ignored) = verdicts.get(directory) {
                ignored
            } else {
                let depth = directory.matches('/').count() + 1;
                let ignored = self.last_word(parts.get(..depth).unwrap_or_default(), true);
                verdicts.insert(directory.to_owned(), ignored);
                ignored
            };
            if ignored {
                return true;
            }
        }
        self.last_word(&parts, false)
    }

    fn last_word(&self, path: &[&str], is_directory: bool) -> bool {
        self.rules
            .iter()
            .rev()
            .find(|rule| rule.matches(path, is_directory))
            .is_some_and(|rule| !rule.includes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_follow_go_git() {
        for (rule, path, is_directory, expected) in [
            ("*.log", "a.log", false, true),
            ("*.log", "x/y/a.log", false, true),
            ("/a.log", "a.log", false, true),
            ("/a.log", "x/a.log", false, false),
            ("build/", "build", true, true),
            ("build/", "build", false, false),
            ("build/", "x/build/y", false, true),
            ("a/b", "a/b", false, true),
            ("a/b", "x/a/b", false, false),
            ("a/b", "a/b/c", false, true),
            ("**/b", "a/x/b", false, true),
            ("a/**/b", "a/b", false, true),
            ("a/**/b", "a/x/y/b", false, true),
            ("a/**", "a/x", false, true),
            ("a**b/c", "aXb/c", false, false),
            ("[a", "[a", false, false),
            ("trailing  ", "trailing", false, true),
            (".*", ".hidden", false, true),
        ] {
            let parts: Vec<&str> = path.split('/').collect();
            assert_eq!(Rule::new(rule, &[]).matches(&parts, is_directory), expected, "{rule} {path}");
        }
    }

    #[test]
    fn deeper_files_win_but_not_over_an_ignored_directory() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let root = root.to_str().unwrap();
        for directory in [".git", "src/gen", "out"] {
            std::fs::create_dir_all(format!("{root}/{directory}")).unwrap();
        }
        for (name, text) in [
            (".gitignore", "*.log\nout/\n# *.txt\r\n"),
            ("src/.gitignore", "!keep.log\n/gen/*.go\n"),
            ("out/.gitignore", "!*\n"),
        ] {
            std::fs::write(format!("{root}/{name}"), text).unwrap();
        }
        let names = [
            "a.log",
            "a.txt",
            "src/a.log",
            "src/keep.log",
            "src/gen/x.go",
            "src/gen/x.txt",
            "out/a.txt",
            "src/x.go",
        ];
        let mut files: Vec<String> = names.iter().map(|name| format!("{root}/{name}")).collect();
        remove_ignored(&mut files, &format!("{root}/src"));
        let left: Vec<&str> = files.iter().filter_map(|file| inside(root, file)).collect();
        assert_eq!(left, ["a.txt", "src/keep.log", "src/gen/x.txt", "src/x.go"]);
    }
}
