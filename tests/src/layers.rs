//! Who may know whom: a scanner of Rust sources that finds imports against the direction in which the parts are built.
//!
//! It reads tokens, not syntax trees: it sees paths in `use` groups and in expressions, leaves comments, strings and
//! `#[cfg(test)]` items out, and knows nothing of macros' expansions.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::tree;

/// For each crate of the project, the crates of the project that it may depend on.
pub const CRATES: &[(&str, &[&str])] = &[
    ("ez-compiler", &[]),
    ("ez-runner", &["ez-compiler"]),
    ("ez-lsp", &["ez-compiler"]),
    ("ez-server", &["ez-compiler", "ez-runner"]),
    ("ez", &["ez-compiler", "ez-runner", "ez-lsp", "ez-server"]),
];

/// The compiler's stages, each of which imports only itself and those above it. A part of a module can be a stage of
/// its own: YAML scalars become template values, and templates read YAML.
pub const STAGES: &[&str] = &[
    "parallel",
    "source",
    "file_system",
    "diagnostic",
    "fix",
    "rule",
    "suggest",
    "template::value",
    "yaml",
    "yaml_file",
    "shell",
    "template",
    "dotenv",
    "ast",
    "decode",
    "schema",
    "ir",
    "project",
    "plugin",
    "folder",
    "workspace",
    "superset",
    "check",
    "template_file",
    "plan",
    "symbols",
    "emit",
    "compilation",
];

/// A path that only some files may name.
#[derive(Debug)]
pub struct Ban {
    /// The path's first parts: `["std", "fs"]`; a macro stands with its `!`.
    pub path: &'static [&'static str],
    /// Directories whose files may not name it.
    pub within: &'static [&'static str],
    /// Files and directories that may nevertheless.
    pub except: &'static [&'static str],
    /// Why.
    pub because: &'static str,
}

const COMPILER: &[&str] = &["compiler/src"];
const EVERYWHERE: &[&str] = &["compiler/src", "runner/src", "lsp/src", "server/src", "cli/src"];
const PURE: &str = "the compiler is pure: files come through its trait, and it never prints";

const fn impure(path: &'static [&'static str]) -> Ban {
    Ban { path, within: COMPILER, except: &[], because: PURE }
}

/// What may be named only in some places.
pub const BANS: &[Ban] = &[
    impure(&["tokio"]),
    impure(&["std", "process"]),
    impure(&["std", "net"]),
    impure(&["std", "fs"]),
    Ban {
        path: &["std", "thread"],
        within: COMPILER,
        except: &["compiler/src/parallel.rs"],
        because: "one module shares work among threads",
    },
    impure(&["print!"]),
    impure(&["println!"]),
    impure(&["eprint!"]),
    impure(&["eprintln!"]),
    Ban {
        path: &["clap"],
        within: EVERYWHERE,
        except: &["cli/src"],
        because: "the argument grammar belongs to the command line alone",
    },
    Ban {
        path: &["miette"],
        within: EVERYWHERE,
        except: &["cli/src"],
        because: "diagnostics are plain data; the terminal's rendering is the command line's",
    },
    Ban {
        path: &["crossterm"],
        within: EVERYWHERE,
        except: &["cli/src/browse"],
        because: "one module draws on the whole terminal",
    },
    Ban {
        path: &["ratatui"],
        within: EVERYWHERE,
        except: &["cli/src/browse"],
        because: "one module draws on the whole terminal",
    },
    Ban {
        path: &["unsafe"],
        within: EVERYWHERE,
        except: &["runner/src/process/vfork.rs"],
        because: "one module makes children that share our memory, and nothing else needs it",
    },
    Ban {
        path: &["libc"],
        within: EVERYWHERE,
        except: &["runner/src/process/vfork.rs"],
        because: "`rustix` has the same calls without `unsafe`",
    },
    Ban {
        path: &["tower_lsp"],
        within: EVERYWHERE,
        except: &["lsp/src/protocol"],
        because: "one module knows the protocol",
    },
];

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    /// The file, relative to the repository.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// All violations in a repository.
pub fn check_repository(root: &Path) -> Vec<Violation> {
    let mut violations = Vec::new();
    for directory in ["compiler", "runner", "lsp", "server", "cli"] {
        if let Ok(manifest) = fs::read_to_string(root.join(directory).join("Cargo.toml")) {
            violations.extend(check_manifest(&format!("{directory}/Cargo.toml"), &manifest));
        }
        tree::walk(&root.join(directory).join("src"), &mut |path| {
            let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap_or_default();
                violations.extend(check_source(&relative, &text));
            }
        });
    }
    violations
}

/// Violations of [`CRATES`] in a `Cargo.toml`.
pub fn check_manifest(file: &str, text: &str) -> Vec<Violation> {
    let violation = |line: usize, message: String| Violation { file: file.into(), line: line + 1, message };
    let name =
        text.lines().find_map(|line| line.strip_prefix("name = ")).map_or("", |name| name.trim_matches('"'));
    let Some((_, allowed)) = CRATES.iter().find(|(known, _)| *known == name) else {
        return vec![violation(0, format!("the crate `{name}` has no place in the table of crates"))];
    };
    let mut in_dependencies = false;
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            in_dependencies = line.trim_end().ends_with("dependencies]");
        } else if in_dependencies {
            let dependency = line.split(['.', '=', ' ']).next().unwrap_or_default();
            let ours = CRATES.iter().any(|(known, _)| *known == dependency);
            if ours && !allowed.contains(&dependency) {
                violations.push(violation(number, format!("`{name}` may not depend on `{dependency}`")));
            }
        }
    }
    violations
}

/// Violations of [`STAGES`] and [`BANS`] in a source file, named by its path in the repository.
pub fn check_source(file: &str, text: &str) -> Vec<Violation> {
    if is_test_file(file) {
        return Vec::new();
    }
    let tokens = without_tests(&tokens(text));
    let mut violations = Vec::new();
    for path in paths(&tokens, module_depth(file)) {
        let mut report = |message| violations.push(Violation { file: file.into(), line: path.line, message });
        if let Some(message) = broken_ban(file, &path.parts) {
            report(message);
        }
        if let Some(message) = broken_stage(file, &path.parts) {
            report(message);
        }
    }
    violations
}

fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.ends_with("/oracle.rs") || file.contains("/tests/")
}

fn broken_ban(file: &str, path: &[String]) -> Option<String> {
    let inside = |places: &[&str]| {
        places.iter().any(|place| {
            file.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let named = |ban: &Ban| ban.path.len() <= path.len() && ban.path.iter().zip(path).all(|(a, b)| a == b);
    let ban = BANS.iter().find(|ban| named(ban) && inside(ban.within) && !inside(ban.except))?;
    Some(format!("names `{}`: {}", ban.path.join("::"), ban.because))
}

fn broken_stage(file: &str, path: &[String]) -> Option<String> {
    let own = modules_of(file)?;
    let ["crate", imported @ ..] = &*path.iter().map(String::as_str).collect::<Vec<_>>() else { return None };
    if imported.is_empty() || imported.first() == own.first() {
        return None;
    }
    let Some(own_place) = stage_of(&own) else {
        return Some(format!("the module `{}` has no place in the table of stages", own.join("::")));
    };
    match stage_of(imported) {
        Some(place) if place < own_place => None,
        Some(place) => {
            let (own, imported) = (STAGES[own_place], STAGES[place]);
            Some(format!("the stage `{own}` may not import the later stage `{imported}`"))
        }
        None => Some(format!("`crate::{}` is not of an earlier stage", imported[0])),
    }
}

/// The modules that lead to a file of the compiler; `lib.rs` belongs to no stage and may import all.
fn modules_of(file: &str) -> Option<Vec<&str>> {
    let inside = file.strip_prefix("compiler/src/")?.strip_suffix(".rs")?;
    (inside != "lib").then(|| inside.split('/').filter(|part| *part != "mod").collect())
}

/// The place in [`STAGES`] of a path of modules: that of its longest part which is a stage.
fn stage_of(modules: &[&str]) -> Option<usize> {
    let place = |length: usize| STAGES.iter().position(|stage| *stage == modules[..length].join("::"));
    (1..=modules.len().min(2)).rev().find_map(place)
}

/// How many modules a file is below its crate's root.
fn module_depth(file: &str) -> usize {
    let inside = file.split_once("/src/").map_or(file, |(_, inside)| inside);
    match inside {
        "lib.rs" | "main.rs" => 0,
        _ => inside.split('/').filter(|part| *part != "mod.rs").count(),
    }
}

/// A path that a file names.
#[derive(Debug, PartialEq, Eq)]
struct NamedPath {
    parts: Vec<String>,
    line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// All paths, `use` groups expanded; a chain of `super` that leads to the root reads as `crate`.
fn paths(tokens: &[Token], depth: usize) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let mut modules = InlineModules::new(depth);
    let mut index = 0;
    while index < tokens.len() {
        modules.see(tokens, index);
        if is_identifier(&tokens[index].text) {
            index = read_path(tokens, index, &[], modules.depth(), &mut found);
        } else {
            index += 1;
        }
    }
    found
}

/// Reads one path that begins at `index`, below `prefix`, and gives the index after it.
fn read_path(
    tokens: &[Token],
    start: usize,
    prefix: &[String],
    depth: usize,
    found: &mut Vec<NamedPath>,
) -> usize {
    let text = |index: usize| tokens.get(index).map_or("", |token: &Token| token.text.as_str());
    let mut parts = prefix.to_vec();
    let mut index = start;
    loop {
        if text(index) == "{" {
            return read_group(tokens, index + 1, &parts, depth, found);
        }
        parts.push(text(index).to_owned());
        index += 1;
        if text(index) == "::" && (is_identifier(text(index + 1)) || matches!(text(index + 1), "{" | "*")) {
            index += 1;
            continue;
        }
        if text(index) == "!"
            && text(index + 1) != "="
            && let Some(last) = parts.last_mut()
        {
            last.push('!');
        }
        let line = tokens.get(start).map_or(0, |token| token.line);
        found.push(NamedPath { parts: from_root(parts, depth), line });
        return index;
    }
}

/// Reads the members of `{a, b::c}`, of which the brace is already read.
fn read_group(
    tokens: &[Token],
    start: usize,
    prefix: &[String],
    depth: usize,
    found: &mut Vec<NamedPath>,
) -> usize {
    let mut index = start;
    while let Some(token) = tokens.get(index) {
        match token.text.as_str() {
            "}" => return index + 1,
            text if is_identifier(text) || matches!(text, "*" | "{") => {
                index = read_path(tokens, index, prefix, depth, found);
            }
            _ => index += 1,
        }
    }
    index
}

fn from_root(parts: Vec<String>, depth: usize) -> Vec<String> {
    let up = parts.iter().take_while(|part| *part == "super").count();
    if up == 0 || up < depth {
        return parts;
    }
    let rest = parts.into_iter().skip(up);
    std::iter::once("crate".to_owned()).chain(rest).collect()
}

/// How deep the inline modules around a token are, for the meaning of `super`.
struct InlineModules {
    file_depth: usize,
    braces: usize,
    opened_at: Vec<usize>,
}

impl InlineModules {
    fn new(file_depth: usize) -> Self {
        Self { file_depth, braces: 0, opened_at: Vec::new() }
    }

    fn see(&mut self, tokens: &[Token], index: usize) {
        match tokens[index].text.as_str() {
            "{" => {
                if index >= 2 && tokens[index - 2].text == "mod" {
                    self.opened_at.push(self.braces);
                }
                self.braces += 1;
            }
            "}" => {
                self.braces = self.braces.saturating_sub(1);
                if self.opened_at.last() == Some(&self.braces) {
                    self.opened_at.pop();
                }
            }
            _ => {}
        }
    }

    fn depth(&self) -> usize {
        self.file_depth + self.opened_at.len()
    }
}

/// Leaves every item that follows `#[cfg(test)]` out.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while index < tokens.len() {
        let here = tokens[index..].iter().map(|token| token.text.as_str());
        if here.take(CFG_TEST.len()).eq(CFG_TEST) {
            index = after_item(tokens, index + CFG_TEST.len());
        } else {
            kept.push(tokens[index].clone());
            index += 1;
        }
    }
    kept
}

/// The index after an item: after its `;`, or after the brace that closes its body.
fn after_item(tokens: &[Token], start: usize) -> usize {
    let mut braces = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" => braces += 1,
            "}" => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return index + 1;
                }
            }
            ";" if braces == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The tokens of a source that matter here: identifiers, `::` and single signs, no comments and no literals.
fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: text, line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = lexer.rest.chars().next() {
        let line = lexer.line;
        if let Some(length) = literal_or_comment(lexer.rest) {
            lexer.skip(length);
        } else if first.is_alphabetic() || first == '_' {
            let end = lexer.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(lexer.rest.len());
            tokens.push(Token { text: lexer.skip(end).to_owned(), line });
        } else if lexer.rest.starts_with("::") {
            tokens.push(Token { text: lexer.skip(2).to_owned(), line });
        } else {
            let sign = lexer.skip(first.len_utf8());
            if !first.is_whitespace() {
                tokens.push(Token { text: sign.to_owned(), line });
            }
        }
    }
    tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn skip(&mut self, length: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
        skipped
    }
}

/// The length of the comment, string, character or number that a text begins with.
fn literal_or_comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()));
    }
    raw_string(text).or_else(|| string(text)).or_else(|| character(text))
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut index = 0;
    while let Some(rest) = text.get(index..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            index += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            index += 2;
            if depth == 0 {
                return index;
            }
        } else {
            index += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let after = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let opened = text.len() - body.len();
    Some(body.find(&close).map_or(text.len(), |end| opened + end + close.len()))
}

fn string(text: &str) -> Option<usize> {
    let body = ["\"", "b\"", "c\""].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let mut escaped = false;
    for (index, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(text.len() - body.len() + index + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// A character, or the quote and name of a lifetime.
fn character(text: &str) -> Option<usize> {
    let body = ["'", "b'"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let opened = text.len() - body.len();
    if body.starts_with('\\') {
        let end = body.get(2..)?.find('\'')?;
        return Some(opened + 2 + end + 1);
    }
    let first = body.chars().next()?.len_utf8();
    if body[first..].starts_with('\'') {
        return Some(opened + first + 1);
    }
    Some(opened + body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len()))
}
