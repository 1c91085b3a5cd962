//! Which files git ignores, as far as a rule must know: those may be missing.

use camino::{Utf8Path, Utf8PathBuf};

use crate::file_system::FileSystem;
use crate::shell::{Pattern, PatternRules};

/// How many directories upwards a `.gitignore` is looked for.
const MAX_LEVELS: usize = 8;

/// Whether a `.gitignore` of the directory or one above it ignores a path or a directory on the way to it. Negated
/// patterns are left out: what may be ignored may be missing.
pub fn is_ignored(path: &Utf8Path, files: &dyn FileSystem) -> bool {
    let mut directory = path.parent();
    for _ in 0..MAX_LEVELS {
        let Some(at) = directory else { return false };
        if let Ok(text) = files.read(&at.join(".gitignore"))
            && let Ok(inside) = path.strip_prefix(at)
            && text.lines().any(|line| matches(line, inside))
        {
            return true;
        }
        if files.kind(&at.join(".git")).is_some() {
            return false;
        }
        directory = at.parent();
    }
    false
}

fn matches(line: &str, path: &Utf8Path) -> bool {
    let pattern = line.trim();
    if pattern.is_empty() || pattern.starts_with(['#', '!']) {
        return false;
    }
    let pattern = pattern.trim_end_matches('/').trim_end_matches("/*").trim_end_matches("/**");
    let anchored = pattern.trim_start_matches("**/");
    if anchored.len() == pattern.len() && pattern.trim_start_matches('/').contains('/')
        || pattern.starts_with('/')
    {
        let pattern = pattern.trim_start_matches('/');
        let parts = pattern.split('/').count();
        let prefix: Utf8PathBuf = path.components().take(parts).collect();
        return Pattern::compile(pattern, PatternRules::ShellText).is_ok_and(|p| p.matches(prefix.as_str()));
    }
    let Ok(pattern) = Pattern::compile(anchored, PatternRules::ShellText) else { return false };
    path.components().any(|part| pattern.matches(part.as_str()))
}
